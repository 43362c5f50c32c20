"""What the attacks share: a folder of their own that goes away with them, lives, verdicts, system calls by number.

Every attack is a function of its seeds. What fails says how to do it again.
"""

import collections
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIFE = os.environ.get("APUS_LIFE") or os.path.join(ROOT, ".build", "release", "ApusLife")
QUICK = bool(os.environ.get("QUICK"))
# No life takes longer than this, strace and a busy machine included.
LIFE_SECONDS_MAX = 60

PROMISE_BROKEN, USAGE, REFUSED = 1, 2, 3
# The verbs of a life of a whole store.
WHOLE = ("store", "verify-store")
# A process that dies is what is wanted here; nobody reads what Swift has to say about it.
os.environ["SWIFT_BACKTRACE"] = "enable=no"


def seeds(default):
    """SEEDS=1,2 or the default ones."""
    given = os.environ.get("SEEDS", "").replace(",", " ").split()
    return [int(seed) for seed in given] or list(default)


def count(default, quick):
    return int(os.environ.get("COUNT") or (quick if QUICK else default))


def skip(why):
    print(f"skipped: {why}")
    sys.exit(0)


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            skip(f"{tool} is not installed; `make setup` brings it")
    if not os.access(LIFE, os.X_OK):
        sys.exit(f"{LIFE} is not built: swift build -c release --product ApusLife")


@contextlib.contextmanager
def folder(in_memory=False):
    """A temporary folder; in memory where the attack is on a process and the disk does not matter."""
    memory = "/dev/shm"
    parent = memory if in_memory and os.access(memory, os.W_OK) else None
    path = tempfile.mkdtemp(prefix="apus-torture-", dir=parent)

    def end(*_):
        sys.exit(130)

    def hang(*_):
        raise TimeoutError(f"nothing happened for {2 * LIFE_SECONDS_MAX} s: a life hangs")

    signal.signal(signal.SIGALRM, hang)
    watch()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    try:
        yield path
    finally:
        signal.alarm(0)
        shutil.rmtree(path, ignore_errors=True)


def watch():
    """To be called at every step: an attack that takes none for long ends with an error, and cleans up."""
    signal.alarm(2 * LIFE_SECONDS_MAX)


class Findings:
    """What went wrong, and how to do it again; the attack ends with `conclude`."""

    def __init__(self, attack):
        self.attack = attack
        self.faults = []
        self.counts = collections.Counter()
        self.began = time.monotonic()

    def fault(self, what, how):
        self.faults.append((what, how))
        print(f"FAILED: {what}\n  again: {how}", flush=True)

    def enough(self):
        return len(self.faults) >= 10

    def conclude(self):
        words = ", ".join(f"{name}: {number}" for name, number in self.counts.items())
        print(f"{self.attack}: {words}; faults: {len(self.faults)}; {time.monotonic() - self.began:.1f} s")
        sys.exit(1 if self.faults else 0)


class Store:
    """A store's folder, and its journal beside it or elsewhere. What lives in it is a log alone, or a whole store."""

    def __init__(self, data, journal, verbs=("live", "verify")):
        self.data = data
        self.journal = journal
        self.verbs = verbs

    @classmethod
    def fresh(cls, parent, name="life", whole=False):
        path = os.path.join(parent, name)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return cls(os.path.join(path, "store"), os.path.join(path, "journal"), WHOLE if whole else ("live", "verify"))

    def live(self, seed, *options):
        return [LIFE, self.verbs[0], "--data", self.data, "--journal", self.journal, "--seed", str(seed), *options]

    def lines(self):
        if not os.path.exists(self.journal):
            return []
        with open(self.journal) as file:
            return [line.split() for line in file if line.rstrip().endswith(" .")]

    def say(self, words):
        """A line of the harness's own; the first ends what a life left half written."""
        with open(self.journal, "ab", buffering=0) as file:
            file.write(f"\n{words} .\n".encode())

    def acked(self):
        return sum(1 for words in self.lines() if words[0] == "ack")

    def verify(self, *options):
        """The verdict, and its words."""
        command = [LIFE, self.verbs[1], "--data", self.data, "--journal", self.journal, *options]
        done = run(command)
        return done.returncode == 0, (done.stdout + done.stderr).strip()


def run(command, **more):
    watch()
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        timeout=LIFE_SECONDS_MAX, **more)


def died(code):
    """The signal that ended a process, by the code that Python, strace or a shell made of it."""
    if code < 0:
        return signal.Signals(-code).name
    if code > 128:
        return f"signal {code - 128}"
    return None


# System calls, by name and number

# What the log asks of the kernel, by its names for it.
CALLS = (
    "openat pwrite64 pread64 fdatasync fsync rename unlink mkdir ftruncate fallocate flock fadvise64 close "
    "newfstatat fstat getdents64").split()

# What the index asks for besides: LMDB maps its file, and writes it page by page or with a seek and a vector.
INDEX_CALLS = CALLS + "writev pwritev mmap munmap msync lseek rmdir statfs fstatfs".split()

CALL_LINE = re.compile(r"^(?:(\d+) +)?(\w+)\((.*)$")


class Call(collections.namedtuple("Call", "name number text")):
    """The number counts the calls of that name on the store's paths in one thread, as strace does with -P."""


class Anatomy:
    """The calls of an undisturbed life on its store, and the paths that they name."""

    def __init__(self, command, store, log, names=CALLS):
        done = run(["strace", "-qq", "-f", "-y", "-s", "0", "-o", log, "-e", "trace=" + ",".join(names), *command])
        if done.returncode != 0:
            raise RuntimeError(f"an undisturbed life ended with {done.returncode}: {done.stderr}")
        parent = os.path.dirname(store.data)
        path = re.compile(re.escape(parent) + r"[^\s\">,)]*")
        self.journal = store.journal
        self.paths = {parent}
        counters = collections.Counter()
        found = {}
        with open(log) as file:
            for line in file:
                match = CALL_LINE.match(line)
                # The journal is ours: only the store is attacked.
                if not match or parent not in line or store.journal in line:
                    continue
                thread, name, rest = match.groups()
                counters[thread, name] += 1
                self.paths.update(path.findall(rest))
                found.setdefault((name, counters[thread, name]), rest.strip())
        self.calls = [Call(name, number, rest) for (name, number), rest in sorted(found.items())]

    def by_name(self, most):
        """At most so many calls of each name, evenly spread."""
        groups = {}
        for call in self.calls:
            groups.setdefault(call.name, []).append(call)
        return [call for group in groups.values() for call in spread(group, most)]

    def injected(self, call, what, command, log="/dev/null"):
        """The command under strace, with something done to it at one call.

        For syncs the log shows the journal's writes as well: a journal is never synced, so the numbers stay."""
        syncs = call.name in ("fdatasync", "fsync")
        paths = self.paths | {self.journal} if syncs else self.paths
        return [
            "strace", "-qq", "-f", "-y", "-s", "40", "-o", log, *(word for path in sorted(paths) for word in ("-P", path)),
            "-e", f"trace={call.name}" + (",write" if syncs else ""),
            "-e", f"inject={call.name}:{what}:when={call.number}", *command]


def spread(items, most):
    """At most so many of them, evenly, the last among them."""
    if len(items) <= most:
        return items
    return [items[(at + 1) * len(items) // most - 1] for at in range(most)]
