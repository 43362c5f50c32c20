"""What the attacks on `apus serve` share: a server of their own, its memory and processor time, and a well-behaved caller
that goes on beside every attack and says when it was disturbed."""

import contextlib
import os
import re
import resource
import subprocess
import threading
import time

import torture
import wire
from wire import INT64, FLOAT32, STRING, BYTES, LIST, SCALAR, VECTOR, Type, key
from wire_client import Connection

APUS = os.environ.get("APUS") or os.path.join(torture.ROOT, ".build", "release", "apus")
# Under load and beside other work: what takes longer hangs.
START_SECONDS = 60
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")

DEFINITIONS = """
project: attack
entities:
  card:    {keys: {card_id: string}}
  account: {keys: {account_id: int64}}
views:
  counts:
    entity: card
    ttl: none
    features:
      number: {type: int64}
      twin:   {type: int64}
      words:  {type: string}
      vector: {type: "float32[4]"}
      list:   {type: "list<string>"}
  wide:
    entity: account
    ttl: none
    features:
      blob:   {type: bytes}
      amount: {type: float64}
services:
  both:
    features:
      - {view: counts, take: [number, twin]}
      - {view: wide, take: [amount]}
    defaults: {amount: 0}
"""
COUNTS = [
    ("number", Type(INT64)), ("twin", Type(INT64)), ("words", Type(STRING)), ("vector", Type(FLOAT32, VECTOR, 4)),
    ("list", Type(STRING, LIST))]
NAMES = ["counts:" + name for name, _ in COUNTS]
BLOB = [("blob", Type(BYTES, SCALAR))]


def card(name):
    return key((STRING, name))


def account(number):
    return key((INT64, number))


def row_of(number):
    """A row of `counts` that tells its number in every column."""
    return [number, -number, f"number {number}", [float(number % 1000)] * 4, [f"{number}", "", f"{number}é"]]


def columns_of(rows):
    return [(name, kind, list(cells)) for (name, kind), cells in zip(COUNTS, zip(*rows))]


def push_numbers(connection, keys, numbers, **more):
    """Sends, and does not wait: the request's id."""
    body = wire.push("counts", keys, columns_of([row_of(number) for number in numbers]), **more)
    return connection.send(wire.PUSH, body)


def need_server():
    torture.need()
    if not os.access(APUS, os.X_OK):
        raise SystemExit(f"{APUS} is not built: swift build -c release --product apus")


def raise_descriptors(wanted):
    """How many this process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for ceiling in (max(wanted, hard), hard):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(wanted, ceiling)), ceiling))
            break
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Server:
    """`apus serve` on a folder. Settings are flags without their dashes: listen="127.0.0.1:0"."""

    def __init__(self, parent, name="server", descriptors=None, unix=False, **settings):
        self.home = os.path.join(parent, name)
        os.makedirs(self.home, exist_ok=True)
        self.data = os.path.join(self.home, "data")
        self.log = os.path.join(self.home, "log")
        self.descriptors = descriptors
        self.path = os.path.join(self.home, "socket") if unix else None
        self.settings = {"listen": "127.0.0.1:0", "segment_size": "8MiB", **settings}
        if unix:
            self.settings.update(listen="none", unix_socket=self.path)
        self.process = None
        self.limit = None
        definitions = os.path.join(self.home, "attack.yaml")
        with open(definitions, "w") as file:
            file.write(DEFINITIONS)
        self.apus("apply", definitions)

    def apus(self, *words, good=(0,)):
        """A verb on the folder."""
        done = torture.run([APUS, *words, "--data", self.data])
        if done.returncode not in good:
            raise RuntimeError(f"apus {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.alive():
            self.process.kill()
            self.process.wait()

    def start(self):
        torture.watch()
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in self.settings.items()]
        command = [APUS, "serve", "--data", self.data, *flags]
        if self.descriptors:
            command = ["prlimit", f"--nofile={self.descriptors}:{self.descriptors}", *command]
        with open(self.log, "ab") as log:
            at = log.tell()
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.alive():
            with open(self.log, "rb") as log:
                log.seek(at)
                found = re.search(rb"listening.* address=(\S+)\n", log.read())
            if found:
                host, _, port = found[1].decode().rpartition(":")
                self.address = self.path or (host, int(port))
                return self
            time.sleep(0.01)
        raise RuntimeError(f"the server did not start ({self.process.poll()}): {self.words()}")

    def words(self, last=4000):
        with open(self.log, "rb") as log:
            return log.read()[-last:].decode(errors="replace")

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        self.process.kill()
        return self.process.wait()

    def stop(self, number=15, seconds=START_SECONDS):
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def connect(self, **more):
        return Connection(self.address, **more)

    # What it takes

    def status(self, name):
        with open(f"/proc/{self.process.pid}/status") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) * 1024
        raise KeyError(name)

    def peak(self):
        """The most memory that it ever had, pages of its files included."""
        return self.status("VmHWM")

    def forget_peak(self):
        """Peaks count from now on, where the kernel allows it."""
        with contextlib.suppress(OSError), open(f"/proc/{self.process.pid}/clear_refs", "w") as file:
            file.write("5")

    def own(self):
        """Its memory now, without pages of files."""
        return self.status("RssAnon")

    def processor(self):
        """Seconds of processor time so far."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stands_still(self):
        """Whether every thread of it has been stopped by SIGSTOP."""
        tasks = f"/proc/{self.process.pid}/task"
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/stat") as file:
                if file.read().rsplit(")", 1)[1].split()[0] != "T":
                    return False
        return True

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class WellBehaved:
    """One caller, on its own thread and connection: pushes a number, reads it back, in every layout by turns."""

    def __init__(self, server, name="steady", token=None, seconds=60, writes=True):
        self.server, self.name, self.token, self.writes = server, name, token, writes
        self.seconds = seconds
        self.rounds, self.faults, self.slowest = 0, [], 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.guarded, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(2 * self.seconds)
        if self.thread.is_alive():
            self.faults.append("the well-behaved caller hangs")

    def guarded(self):
        try:
            self.run()
        except Exception as error:  # whatever it is, it was disturbed
            self.faults.append(f"after {self.rounds} rounds: {type(error).__name__}: {error}")

    def run(self):
        with self.server.connect(token=self.token, seconds=self.seconds) as connection:
            vector = connection.prepare(*NAMES, kind=2)
            numbers = connection.prepare("counts:number", "counts:twin", kind=2)
            name = card(f"well-behaved caller {self.name}")
            me = connection.producer(f"well-behaved {self.name}") if self.writes else None
            number = me["sequence"] if me else 0
            while not self.ended.is_set():
                began = time.monotonic()
                if me:
                    number += 1
                    answer = connection.reply(push_numbers(
                        connection, [name], [number], producer=(me["id"], me["epoch"], number)))
                    self.check(answer["accepted"] == 1 and not answer["again"], f"push {number}: {answer}")
                layout = (wire.COLUMNS, wire.ONE_ROW, wire.DENSE64)[self.rounds % 3]
                asked = numbers if layout == wire.DENSE64 else vector
                row = connection.get(asked, [name], layout=layout)["rows"][0]
                if me:
                    expected = row_of(number)[:len(row)]
                    self.check([cell.value for cell in row] == expected, f"{row} instead of {expected}")
                self.check(connection.ping(b"well")["echo"] == b"well", "another echo")
                self.rounds += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
                # It is one caller among others, and leaves them the processor.
                self.ended.wait(0.002)

    def check(self, good, words):
        if not good:
            raise RuntimeError(words)

    def report(self, findings, how):
        findings.counts["undisturbed rounds beside"] += self.rounds
        findings.counts["slowest of them (ms)"] = max(
            findings.counts["slowest of them (ms)"], int(1000 * self.slowest))
        for words in self.faults:
            findings.fault(f"the well-behaved caller was disturbed: {words}", how)
        if not self.rounds and not self.faults:
            findings.fault("the well-behaved caller never came to an end of a round", how)


def eventually(condition, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        torture.watch()
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def alive(findings, server, how):
    """A server that an attack has ended is the worst that can be found."""
    if server.alive():
        return True
    findings.fault(f"the server ended with {server.process.returncode}: {server.words()}", how)
    return False
