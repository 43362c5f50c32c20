#!/usr/bin/env python3
"""Kills a life at every system call it makes on its store, and verifies; lets it go on, and verifies again.

SEEDS=1,2 chooses lives, COUNT=n the most calls of a name that are tried in each, QUICK=1 a few. With the word `store`
it is the life of a whole store, index and all.
"""

import sys

import torture

LIVES = [
    ("durable, by the writer", ["--durability", "durable", "--via", "writer", "--stutter", "--retire"]),
    ("buffered, by the appender", ["--durability", "buffered", "--via", "appender", "--stutter", "--retire"]),
]
STORE_LIVES = [
    ("durable, one by one", ["--durability", "durable", "--group", "1"]),
    ("buffered, five at a time, short writes", ["--durability", "buffered", "--group", "5", "--stutter"]),
    ("durable, becoming history", ["--durability", "durable", "--group", "1", "--compact"]),
]
SHAPE = ["--frames", "16", "--rounds", "3"]
IS_STORE = "store" in sys.argv[1:]
SELF = "Tests/Torture/kill_at_every_call.py" + (" store" if IS_STORE else "")


def attack(findings, parent, seed, name, options, most):
    log = parent + "/strace"
    store = torture.Store.fresh(parent, whole=IS_STORE)
    names = torture.INDEX_CALLS if IS_STORE else torture.CALLS
    anatomy = torture.Anatomy(store.live(seed, *SHAPE, *options), store, log, names)
    for call in anatomy.by_name(most):
        store = torture.Store.fresh(parent, whole=IS_STORE)
        command = store.live(seed, *SHAPE, *options)
        killing = anatomy.injected(call, "signal=SIGKILL", command)
        how = f"SEEDS={seed} {SELF}  # {call.name} {call.number} of the life {name}"
        code = torture.run(killing).returncode
        findings.counts["kills" if torture.died(code) else "not reached"] += 1
        if code not in (0, -9, 137):
            findings.fault(f"{name}: {call.name} {call.number}: the killed life ended with {code}", how)
        # As a server would: a second life goes on at once, half of the time without a look at the first.
        if (seed + call.number) % 2 == 0:
            check(findings, store, f"{name}, seed {seed}, killed at {call.name} {call.number}", how)
        again = torture.run(command)
        if again.returncode != 0:
            findings.fault(f"{name}: after {call.name} {call.number} the next life ended with {again.returncode}: "
                           f"{again.stderr.strip()}", how)
        check(findings, store, f"{name}, seed {seed}, gone on after {call.name} {call.number}", how)
        findings.counts["acked"] += store.acked()
        if findings.enough():
            return


def check(findings, store, when, how):
    good, words = store.verify("--after", "kill")
    findings.counts["verifications"] += 1
    findings.counts["torn tails"] += "tail torn" in words
    findings.counts["acked lost"] += words.count("LOST")
    if IS_STORE:
        findings.counts["index rebuilt"] += "index rebuilt" in words
    if not good:
        findings.fault(f"{when}: {words}", how)


def main():
    torture.need("strace")
    findings = torture.Findings("store, kill at every call" if IS_STORE else "kill at every call")
    findings.counts.update({"kills": 0, "acked": 0, "acked lost": 0})
    with torture.folder(in_memory=True) as parent:
        for seed in torture.seeds([1] if torture.QUICK else [1, 2, 3]):
            for name, options in STORE_LIVES if IS_STORE else LIVES:
                attack(findings, parent, seed, name, options, torture.count(10_000, 6))
    findings.conclude()


main()
