#!/usr/bin/env python3
"""Fills a small disk up under a life, frees a little, three times: the same process must go on each time, and what it
acknowledged must be there. At last the disk stays full, and the process must end with a typed error.

SEEDS chooses lives, COUNT how many, QUICK=1 few. With the word `store` it is the life of a whole store.
"""

import os
import subprocess
import sys

import disks
import torture

IS_STORE = "store" in sys.argv[1:]
SELF = "Tests/Torture/disk_full.py" + (" store" if IS_STORE else "")
MEGABYTES = 16
BALLAST_BYTES = 600 << 10
BALLASTS = 3
# Enough to fill several segments: what goes on has made new ones.
ACKED_AFTERWARDS = 40


def fill(path, byte_count):
    with open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, byte_count)


def leave_free(disk, byte_count):
    state = os.statvfs(disk.path)
    fill(os.path.join(disk.path, "filler"), state.f_bavail * state.f_bsize - byte_count)


class Life:
    """A life that asks before each sync and whenever the disk is full."""

    def __init__(self, store, seed, options):
        self.process = subprocess.Popen(
            store.live(seed, *options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def until(self, word, times=1):
        """Lets it live until it has said the word so many times, unanswered at the last; False when it ended before, or
        the disk was full before."""
        while True:
            line = self.process.stdout.readline().decode()
            if not line:
                return False
            times -= line.startswith(word)
            if times == 0:
                return True
            if line.startswith("full?"):
                return False
            if line.startswith("sync?"):
                self.answer()

    def answer(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        self.process.stdout.read()
        words = self.process.stderr.read().decode()
        return self.process.wait(timeout=torture.LIFE_SECONDS_MAX), words


def attack(findings, parent, seed):
    options = [
        "--ask", "--tell", "--frames", "1000000", "--rounds", "1", "--segment", "65536", "--group", "20",
        "--durability", ["durable", "buffered"][seed % 2], "--via", ["writer", "appender"][seed // 2 % 2]]
    how = f"SEEDS={seed} {SELF}"
    with disks.disk(parent, MEGABYTES) as disk:
        for number in range(BALLASTS + 1):
            fill(os.path.join(disk.path, f"ballast-{number}"), BALLAST_BYTES)
        leave_free(disk, 3 << 20)
        journal = os.path.join(parent, f"journal-{seed}")
        store = torture.Store(os.path.join(disk.path, "store"), journal, *([torture.WHOLE] if IS_STORE else []))
        life = Life(store, seed, options)
        try:
            for number in range(BALLASTS):
                if not life.until("full?"):
                    code, words = life.end()
                    findings.fault(f"seed {seed}: it ended with {code} before the disk was full: {words}", how)
                    return
                findings.counts["full"] += 1
                os.unlink(os.path.join(disk.path, f"ballast-{number}"))
                life.answer()
                if life.until("ack", ACKED_AFTERWARDS):
                    findings.counts["went on"] += 1
                else:
                    findings.fault(f"seed {seed}: after space was freed it did not go on", how)
                    return
            if not life.until("full?"):
                findings.fault(f"seed {seed}: it was not full for the last time", how)
            code, words = life.end()
            if code != torture.REFUSED or "disk is full" not in words:
                findings.fault(f"seed {seed}: on a full disk it ended with {code}: {words.strip()}", how)
        finally:
            if life.process.poll() is None:
                life.process.kill()
                life.process.wait()
        # The opening needs no more space than there is.
        good, words = store.verify("--after", "kill")
        findings.counts["opened on a full disk"] += good
        if not good:
            findings.fault(f"seed {seed}, verified on a full disk: {words}", how)
        os.unlink(os.path.join(disk.path, f"ballast-{BALLASTS}"))
        disk.unmount()
        disk.mount()
        good, words = store.verify("--after", "kill")
        findings.counts["acked"] += store.acked()
        findings.counts["acked lost"] += words.count("LOST")
        if not good:
            findings.fault(f"seed {seed}, verified: {words}", how)


def main():
    torture.need()
    findings = torture.Findings("store, disk full" if IS_STORE else "disk full")
    findings.counts.update({"full": 0, "went on": 0, "acked": 0, "acked lost": 0})
    with torture.folder() as parent:
        disks.need_disks(parent)
        for seed in torture.seeds(range(1, 1 + torture.count(20, 4))):
            attack(findings, parent, seed)
            if findings.enough():
                break
    findings.conclude()


main()
