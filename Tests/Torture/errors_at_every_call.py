#!/usr/bin/env python3
"""Lets every system call of a life on its store fail, with each errno, and verifies what is left.

Allowed: to go on, or to end with a typed error. Not allowed: to die, to acknowledge what is not there, to acknowledge
anything after a failed sync, to call damaged what is not. SEEDS, COUNT (most calls of a name) and QUICK as ever. With the
word `store` it is the life of a whole store, index and all.
"""

import sys

import torture

ERRORS = {
    "pwrite64": ["error=EIO", "error=ENOSPC", "retval=0"],
    "pread64": ["error=EIO"],
    "fdatasync": ["error=EIO", "error=ENOSPC"],
    "fsync": ["error=EIO", "error=ENOSPC"],
    "openat": ["error=EIO", "error=ENOSPC", "error=EMFILE"],
    "rename": ["error=EIO", "error=ENOSPC"],
    "unlink": ["error=EIO", "error=ENOSPC"],
    "mkdir": ["error=EIO", "error=ENOSPC"],
    "ftruncate": ["error=EIO", "error=ENOSPC"],
    "fallocate": ["error=EIO", "error=ENOSPC", "error=EOPNOTSUPP"],
    "flock": ["error=EIO", "error=ENOLCK"],
    "fadvise64": ["error=EIO"],
    "close": ["error=EIO", "error=ENOSPC"],
    "newfstatat": ["error=EIO"],
    "fstat": ["error=EIO"],
    "getdents64": ["error=EIO"],
}
# Of LMDB alone.
ERRORS |= {
    "writev": ["error=EIO", "error=ENOSPC"],
    "pwritev": ["error=EIO", "error=ENOSPC"],
    "mmap": ["error=ENOMEM"],
    "lseek": ["error=EIO"],
    "rmdir": ["error=EIO"],
    "statfs": ["error=EIO"],
    "fstatfs": ["error=EIO"],
}
IS_STORE = "store" in sys.argv[1:]
SELF = "Tests/Torture/errors_at_every_call.py" + (" store" if IS_STORE else "")
SHAPE = ["--frames", "16", "--rounds", "3"] + ([] if IS_STORE else ["--retire"])
LIVES = [("by the writer", ["--via", "writer"]), ("by the appender", ["--via", "appender", "--group", "20", "--frames", "40"])]

STORE_LIVES = [("one by one", ["--group", "1"]), ("five at a time", ["--group", "5", "--frames", "24"]),
               ("becoming history", ["--group", "2", "--compact"])]


def is_sync_of_bytes(call, what):
    """A failed sync that must end the process: of a file's bytes, not of a folder's names. A file that is only being
    made may meet a full disk there, and is given up; so may an index, which the log makes again, and a file of history, whose
    events are in the log until it is there."""
    if "/index" in call.text or "/history" in call.text:
        return False
    if call.name == "fdatasync":
        return True
    return call.name == "fsync" and what == "error=EIO" and (".log" in call.text or "manifest-" in call.text)


def acked_after(log):
    """How many acknowledgements were journaled after the call that was made to fail."""
    with open(log) as file:
        lines = file.readlines()
    at = next((at for at, line in enumerate(lines) if "INJECTED" in line), None)
    if at is None:
        return None
    return sum(1 for line in lines[at + 1:] if "write(" in line and '"ack ' in line)


def failed(log, call):
    """The call that was made to fail."""
    with open(log) as file:
        line = next(line for line in file if "INJECTED" in line)
    return call._replace(text=line)


def attack(findings, parent, seed, name, options, most):
    log = parent + "/strace"
    store = torture.Store.fresh(parent, whole=IS_STORE)
    names = torture.INDEX_CALLS if IS_STORE else torture.CALLS
    anatomy = torture.Anatomy(store.live(seed, *SHAPE, *options), store, log, names)
    for call in anatomy.by_name(most):
        for what in ERRORS.get(call.name, []):
            one(findings, parent, seed, name, options, anatomy, call, what)
            if findings.enough():
                return


def one(findings, parent, seed, name, options, anatomy, call, what):
    log = parent + "/strace"
    store = torture.Store.fresh(parent, whole=IS_STORE)
    command = store.live(seed, *SHAPE, *options)
    failing = anatomy.injected(call, what, command, log)
    how = f"SEEDS={seed} {SELF}  # {call.name} {call.number} {what} {name}"
    when = f"seed {seed}, {name}, {call.name} {call.number} {what} ({call.text})"
    done = torture.run(failing)
    after = acked_after(log)
    if after is None:
        findings.counts["not reached"] += 1
    findings.counts["errors"] += 1
    findings.counts["refused" if done.returncode == torture.REFUSED else "went on"] += 1
    if torture.died(done.returncode):
        findings.fault(f"{when}: died of {torture.died(done.returncode)}: {done.stderr.strip()}", how)
    elif done.returncode not in (0, torture.REFUSED):
        findings.fault(f"{when}: ended with {done.returncode}: {done.stderr.strip()}", how)
    # Threads of a store take turns: what failed is what the trace says, not what it was in the life before.
    if after is not None and is_sync_of_bytes(failed(log, call), what):
        findings.counts["failed syncs"] += 1
        findings.counts["acked after a failed sync"] += after
        if after or done.returncode == 0:
            findings.fault(f"{when}: {after} acknowledged after it, exit {done.returncode}", how)
    good, words = store.verify("--after", "kill")
    findings.counts["acked lost"] += words.count("LOST")
    if not good:
        findings.fault(f"{when}: {words}", how)
    again = torture.run(command)
    if again.returncode != 0:
        findings.fault(f"{when}: the next life ended with {again.returncode}: {again.stderr.strip()}", how)
    good, words = store.verify("--after", "kill")
    if not good:
        findings.fault(f"{when}: after another life: {words}", how)


def main():
    torture.need("strace")
    findings = torture.Findings("store, errors at every call" if IS_STORE else "errors at every call")
    findings.counts.update({"errors": 0, "acked lost": 0, "acked after a failed sync": 0})
    with torture.folder(in_memory=True) as parent:
        for seed in torture.seeds([4] if torture.QUICK else [4, 5]):
            for name, options in STORE_LIVES if IS_STORE else LIVES:
                attack(findings, parent, seed, name, options, torture.count(10_000, 3))
    findings.conclude()


main()
