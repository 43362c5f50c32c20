#!/usr/bin/env python3
"""Cuts the power of the file system that a life writes to, mounts it again, and verifies.

Half of the cuts fall between a write and its sync, where the life waits to be told to go on, after a few random pages of
its files were written back; the others fall while it runs freely. The journal lies on another file system. SEEDS
chooses stories, COUNT how many cuts in all, QUICK=1 few. With the word `store` it is the life of a whole store, index and
all.
"""

import os
import random
import subprocess
import sys

import disks
import torture

IS_STORE = "store" in sys.argv[1:]
SELF = "Tests/Torture/power_cut.py" + (" store" if IS_STORE else "")
MEGABYTES = 64


class Story:
    """Cuts on one store, one after another, until its disk is thrown away."""

    def __init__(self, findings, parent, disk, seed):
        self.findings = findings
        self.disk = disk
        self.seed = seed
        self.dice = random.Random(seed)
        self.parent = parent
        os.makedirs(os.path.join(parent, f"seed-{seed}"), exist_ok=True)
        self.store = torture.Store(
            os.path.join(disk.path, f"store-{seed}"), os.path.join(parent, f"seed-{seed}", "journal"),
            *([torture.WHOLE] if IS_STORE else []))
        self.cuts = 0

    def cut(self):
        """One life, one cut, one verification."""
        asks = self.dice.random() < 0.5
        options = [
            "--frames", "100000", "--rounds", "1000", "--durability", self.dice.choice(["durable", "durable", "buffered"]),
            "--segment", self.dice.choice(["8192", "16384", "65536"]), "--tell"]
        if IS_STORE:
            options += ["--after", "power", "--group", self.dice.choice(["1", "5"])] + (["--ask"] if asks else [])
            options += ["--compact"] if self.dice.random() < 0.6 else []
        elif asks:
            # Groups of several pages, so that some of them can reach the disk without the others.
            options += ["--ask", "--via", "writer", "--group", self.dice.choice(["4", "40", "100"])]
        else:
            options += ["--via", self.dice.choice(["writer", "appender"])]
        if self.dice.random() < 0.5 and not IS_STORE:
            options.append("--retire")
        if self.dice.random() < 0.3:
            options.append("--stutter")
        # Some cuts come early, in the opening itself or its first segments.
        wanted = self.dice.choice([0, 1, 2, self.dice.randrange(3, 20), self.dice.randrange(20, 120)])
        if self.dice.random() < 0.5:
            options[1] = str(self.dice.randrange(5, 40))

        life = subprocess.Popen(
            self.store.live(self.seed, *options), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        try:
            self.let_live(life, "sync?" if asks else "ack", wanted)
            if asks:
                self.write_back_some()
            # What is acknowledged behind this line comes too late to be heard: without power there is no process. It
            # must only not be a sync that began after the cut.
            self.store.say("cut")
            self.disk.cut_power()
            self.store.say("gone")
            # It goes on without being asked, and must find out by itself.
            life.stdin.close()
            drained = life.stdout.read()
            words = life.stderr.read().decode()
            code = life.wait(timeout=torture.LIFE_SECONDS_MAX)
        finally:
            if life.poll() is None:
                life.kill()
                life.wait()
        del drained
        self.judge(code, words, asks, options)

    def let_live(self, life, word, wanted):
        """Lets the life go on until it has said the word so many times."""
        said = 0
        while said < wanted:
            line = life.stdout.readline().decode()
            if not line:
                return
            said += line.startswith(word)
            if line.startswith("sync?") and said < wanted:
                life.stdin.write(b"\n")
                life.stdin.flush()

    def write_back_some(self):
        names = []
        log = os.path.join(self.store.data, "log")
        if os.path.isdir(log):
            names = [os.path.join(log, name) for name in sorted(os.listdir(log))[-2:]]
        manifests = [name for name in os.listdir(self.store.data)] if os.path.isdir(self.store.data) else []
        names += [os.path.join(self.store.data, name) for name in sorted(manifests) if name.startswith("manifest-")]
        index = os.path.join(self.store.data, "index")
        for parent, _, files in os.walk(index) if os.path.isdir(index) else []:
            names += [os.path.join(parent, name) for name in files if name == "data.mdb"]
        for name in names:
            pages = max(1, os.path.getsize(name) // 4096)
            for _ in range(self.dice.randrange(0, 1 + min(pages, 16) // 2)):
                disks.write_back(name, 4096 * self.dice.randrange(0, min(pages, 16)), 4096)
        if self.dice.random() < 0.7:
            # Another file's sync takes along what the file system knows of ours: these pages are on the disk now.
            other = os.open(os.path.join(self.disk.path, "other"), os.O_RDWR | os.O_CREAT, 0o600)
            os.write(other, b"other")
            os.fsync(other)
            os.close(other)

    def judge(self, code, words, asks, options):
        findings = self.findings
        self.cuts += 1
        findings.counts["cuts"] += 1
        how = f"SEEDS={self.seed} COUNT={self.cuts} {SELF}  # life: {' '.join(options)}"
        when = f"seed {self.seed}, cut {self.cuts}"
        # A disk without power gives no pages back to whoever has mapped them.
        died_reading = IS_STORE and torture.died(code) == "SIGBUS"
        findings.counts["died of a page"] += died_reading
        if code != torture.REFUSED and not died_reading:
            findings.fault(f"{when}: the life without power ended with {code}: {words.strip()}", how)
        under_way, after = self.acked_after_the_cut("durable" in options)
        findings.counts["acked by a call under way"] += under_way
        findings.counts["acked after a cut"] += after
        if after:
            findings.fault(f"{when}: {after} acknowledged that were synced after the cut", how)
        self.disk.unmount()
        self.disk.mount()
        good, words = self.store.verify("--after", "power", *(["--leave", "open"] if self.dice.random() < 0.5 else []))
        findings.counts["lost"] += words.count("LOST")
        findings.counts["torn tails"] += "tail torn" in words
        if IS_STORE:
            findings.counts["index rebuilt"] += "index rebuilt" in words
        if asks:
            findings.counts["cuts between write and sync"] += 1
        if not good:
            findings.fault(f"{when}: {words}", how)

    def acked_after_the_cut(self, is_durable):
        """What this life acknowledged after the cut: by a sync that was under way, and by one that began after it."""
        under_way = after = 0
        is_cut = is_gone = sync_began = False
        intended = set()
        for words in self.store.lines():
            match words[0]:
                case "life":
                    # A store's requests keep their numbers when they are sent again.
                    intended = set()
                    under_way = after = 0
                    is_cut = is_gone = sync_began = False
                case "cut":
                    is_cut = True
                case "gone":
                    is_gone = True
                case "sync":
                    sync_began = is_gone
                case "intent" if is_gone:
                    intended.add(words[1])
                case "durable" if sync_began:
                    after += 1
                case "ack" if is_durable and (sync_began or words[1] in intended):
                    after += 1
                case "ack" if is_cut:
                    under_way += 1
        return under_way, after


def main():
    torture.need()
    findings = torture.Findings("store, power cut" if IS_STORE else "power cut")
    findings.counts.update({"cuts": 0, "acked": 0, "lost": 0, "acked after a cut": 0})
    with torture.folder() as parent:
        disks.need_disks(parent)
        seeds = torture.seeds(range(1, 1_000_000))
        left = torture.count(300, 25)
        for seed in seeds:
            # A few cuts on one store, so that each finds what the one before has left; then a new disk.
            most = left if len(seeds) == 1 else min(left, 10)
            with disks.disk(parent, MEGABYTES) as disk:
                story = Story(findings, parent, disk, seed)
                for _ in range(most):
                    story.cut()
                    if findings.enough():
                        break
                findings.counts["acked"] += story.store.acked()
            left -= most
            if left <= 0 or findings.enough():
                break
    findings.conclude()


main()
