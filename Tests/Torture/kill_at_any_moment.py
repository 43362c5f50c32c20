#!/usr/bin/env python3
"""Kills a life that runs freely, after it has acknowledged so many frames, and verifies; ten times on one store.

Buffered lives for the most part: they promise to survive a killed process without a sync. SEEDS chooses stories, COUNT how
many kills, QUICK=1 few. With the word `store` it is the life of a whole store.
"""

import random
import subprocess
import sys

import torture

IS_STORE = "store" in sys.argv[1:]
SELF = "Tests/Torture/kill_at_any_moment.py" + (" store" if IS_STORE else "")


def kill(findings, store, seed, dice, at):
    options = [
        "--frames", dice.choice(["30", "100000"]), "--rounds", "100000", "--tell",
        "--segment", dice.choice(["8192", "65536"]), "--group", dice.choice(["1", "4", "30"]),
        "--durability", dice.choice(["buffered", "buffered", "durable"]), "--via", dice.choice(["writer", "appender"])]
    options += ["--stutter"] if dice.random() < 0.5 else []
    options += ["--compact"] if IS_STORE and dice.random() < 0.6 else []
    options += ["--retire"] if dice.random() < 0.5 else []
    how = f"SEEDS={seed} COUNT={at} {SELF}  # life: {' '.join(options)}"
    life = subprocess.Popen(
        store.live(seed, *options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(dice.randrange(0, 200)):
        if not life.stdout.readline():
            break
    life.kill()
    _, words = life.communicate()
    findings.counts["kills"] += 1
    if life.returncode != -9:
        findings.fault(f"seed {seed}, kill {at}: it ended before, with {life.returncode}: {words.decode().strip()}", how)
    good, words = store.verify("--after", "kill", *(["--leave", "open"] if dice.random() < 0.5 else []))
    findings.counts["torn tails"] += "tail torn" in words
    findings.counts["acked lost"] += words.count("LOST")
    if IS_STORE:
        findings.counts["index rebuilt"] += "index rebuilt" in words
    if not good:
        findings.fault(f"seed {seed}, kill {at}: {words}", how)


def main():
    torture.need()
    findings = torture.Findings("store, kill at any moment" if IS_STORE else "kill at any moment")
    findings.counts.update({"kills": 0, "acked": 0, "acked lost": 0})
    with torture.folder(in_memory=True) as parent:
        seeds = torture.seeds(range(1, 100_000))
        left = torture.count(500, 40)
        for seed in seeds:
            dice = random.Random(seed)
            store = torture.Store.fresh(parent, whole=IS_STORE)
            most = left if len(seeds) == 1 else min(left, 10)
            for at in range(most):
                kill(findings, store, seed, dice, at + 1)
                if findings.enough():
                    break
            findings.counts["acked"] += store.acked()
            left -= most
            if left <= 0 or findings.enough():
                break
    findings.conclude()


main()
