#!/usr/bin/env python3
"""Flips bits of a store's index and cuts its end off, half of the time while the store is open: what is answered is right or
nothing, what is damaged is found, and the store heals itself. SEEDS, COUNT (attacks of each seed) and QUICK as ever.
"""

import os

import torture


def attack(findings, parent, seed, most):
    store = torture.Store.fresh(parent, f"seed-{seed}")
    following = 0
    while following < most:
        done = torture.run([
            torture.LIFE, "damage", "--data", store.data, "--journal", store.journal, "--seed", str(seed), "--from",
            str(following), "--to", str(min(most, following + 500))])
        judged = len(store.lines())
        died = torture.died(done.returncode)
        how = f"SEEDS={seed} COUNT={judged + 1} Tests/Torture/damage.py"
        if died:
            findings.counts[died] += 1
            # The next process judges the attack by what it left; LMDB may crash or give up, our own code may not trap.
            if died in ("SIGILL", "SIGTRAP") or judged == following and os.path.exists(f"{store.data}/twice-{judged}"):
                findings.fault(f"seed {seed}, attack {judged}: {died}: {done.stderr.strip()}", how)
                return
            os.makedirs(store.data, exist_ok=True)
            open(f"{store.data}/twice-{judged}", "w").close()
        elif done.returncode != 0:
            findings.fault(f"seed {seed}, attack {judged}: ended with {done.returncode}: {done.stderr.strip()}", how)
            return
        following = judged
    for words in store.lines():
        findings.counts["attacks"] += 1
        findings.counts[words[1].split("(")[0]] += 1
        if "(" in words[1]:
            findings.fault(" ".join(words), f"SEEDS={seed} COUNT={int(words[0]) + 1} Tests/Torture/damage.py")


def main():
    torture.need()
    findings = torture.Findings("store, damage")
    findings.counts.update({"attacks": 0, "WRONG": 0, "MISSED": 0, "BROKEN": 0})
    with torture.folder(in_memory=True) as parent:
        for seed in torture.seeds([1] if torture.QUICK else range(1, 11)):
            attack(findings, parent, seed, torture.count(1_000, 500))
            if findings.enough():
                break
    findings.conclude()


main()
