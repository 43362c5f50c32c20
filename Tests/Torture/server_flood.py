#!/usr/bin/env python3
"""Floods: more requests than may be in flight, more replies than are read, more rows than the disk takes, more bytes than
are ever completed; from many connections at once.

The server's memory stays within what it was given, what it refuses it refuses by name, a caller beside the flood goes on,
and afterwards everything that was acknowledged is there. SEEDS chooses stories, COUNT how many connections, QUICK=1 few.
"""

import random
import threading
import time

import server as attacked
import torture
import wire

SELF = "Tests/Torture/server_flood.py"
MEMORY, OVERLAY, OUTPUT, FRAME, WAITING = 64 << 20, 64 << 20, 4 << 20, 1 << 20, 16 << 20
# Code, stacks, the pages of the index and of the log that are mapped, what admission holds for a turn.
MEMORY_BESIDE = 192 << 20
IN_FLIGHT = 32
BLOB = 100_000
SECONDS = 3 if torture.QUICK else 20


class Flood:
    """Threads that send until time is over, and do not care."""

    def __init__(self, server, seed, number, findings):
        self.server, self.findings = server, findings
        self.dice = random.Random(f"{seed} {number}")
        self.number = number
        self.ended = threading.Event()
        self.fault = None
        self.counts = {}

    def count(self, name, more=1):
        self.counts[name] = self.counts.get(name, 0) + more

    def __call__(self):
        ways = (self.unread, self.unread, self.pushes, self.half_frames, self.pipeline)
        way = ways[self.number % len(ways)]
        while not self.ended.is_set():
            try:
                way()
            except (wire.Gone, OSError):
                self.count("cut off")
            except wire.Refusal as refusal:
                if refusal.name not in ("OVERLOADED", "SHUTTING_DOWN", "TOO_SLOW", "DISK_FULL"):
                    self.fault = f"{way.__name__}: {refusal}"
                    return
                self.count(refusal.name)
            except Exception as error:
                self.fault = f"{way.__name__}: {type(error).__name__}: {error}"
                return

    def unread(self):
        """Asks for large replies and reads none."""
        with self.server.connect(seconds=2) as connection:
            vector = connection.prepare("wide:blob", kind=2)
            while not self.ended.is_set():
                connection.ask(vector, [attacked.account(1)] * 5)
                connection.waiting.clear()
                self.count("replies unread")

    def pushes(self):
        """Large rows, never an answer read."""
        with self.server.connect(seconds=2) as connection:
            column = [("blob", wire.Type(wire.BYTES), [self.dice.randbytes(BLOB)] * 8)]
            body = wire.push("wide", [attacked.account(10 + self.dice.randrange(50)) for _ in range(8)], column)
            while not self.ended.is_set():
                connection.send(wire.PUSH, body)
                connection.waiting.clear()
                self.count("pushes unread")

    def half_frames(self):
        """Claims the longest frame, and sends nearly all of it, on many connections."""
        peers = []
        try:
            for _ in range(20):
                peers.append(self.server.connect(seconds=2))
                body = bytes(FRAME - 1000)
                peers[-1].raw(wire.HEADER.pack(FRAME, wire.PUSH, 0, 0, 1) + body)
                self.count("frames begun")
            self.ended.wait(0.5)
        finally:
            for peer in peers:
                peer.close()

    def pipeline(self):
        """Ten times what may be in flight, all answers read and right."""
        with self.server.connect(seconds=60) as connection:
            vector = connection.prepare("counts:number", kind=2)
            name = attacked.card(f"flood {self.number}")
            body = wire.push("counts", [name], attacked.columns_of([attacked.row_of(5)]))
            while not self.ended.is_set():
                ids = []
                for _ in range(10 * IN_FLIGHT):
                    ids.append(connection.send(wire.PUSH, body) if self.dice.random() < 0.2 else connection.send(wire.PING, b"x"))
                for request in ids:
                    try:
                        connection.reply(request)
                        self.count("answered")
                    except wire.Refusal as refusal:
                        if refusal.name != "OVERLOADED":
                            raise
                        self.count("OVERLOADED")
                connection.get(vector, [name])


def budget():
    return MEMORY + OVERLAY + WAITING + MEMORY_BESIDE


def attack(findings, parent, seed, how):
    server = attacked.Server(
        parent, f"seed-{seed}", loops=2, max_memory=f"{MEMORY >> 20}MiB", overlay_memory=f"{OVERLAY >> 20}MiB",
        max_output=f"{OUTPUT >> 20}MiB", max_frame=f"{FRAME >> 20}MiB", max_in_flight=IN_FLIGHT, generation_size="8MiB",
        max_waiting_bytes=f"{WAITING >> 20}MiB", slow_reader_timeout="5s", slow_sender_timeout="5s", durability="buffered",
        segment_size="16MiB")
    with server:
        with server.connect() as connection:
            connection.push("wide", [attacked.account(1)], [("blob", wire.Type(wire.BYTES), [bytes(BLOB)])])
        floods = [Flood(server, seed, number, findings) for number in range(torture.count(40, 10))]
        with attacked.WellBehaved(server, writes=False) as reading:
            threads = [threading.Thread(target=flood, daemon=True) for flood in floods]
            for thread in threads:
                thread.start()
            until = time.monotonic() + SECONDS
            most = 0
            while time.monotonic() < until and server.alive():
                torture.watch()
                most = max(most, server.own())
                time.sleep(0.05)
            for flood in floods:
                flood.ended.set()
            for thread in threads:
                torture.watch()
                thread.join(70)
        if not attacked.alive(findings, server, how):
            return
        reading.report(findings, how)
        for flood in floods:
            findings.counts.update(flood.counts)
            if flood.fault:
                findings.fault(f"seed {seed}: {flood.fault}", how)
        findings.counts["peak memory (MiB)"] = max(findings.counts["peak memory (MiB)"], server.peak() >> 20)
        findings.counts["its own (MiB)"] = max(findings.counts["its own (MiB)"], most >> 20)
        findings.counts["budget (MiB)"] = budget() >> 20
        if server.peak() > budget():
            findings.fault(f"seed {seed}: {server.peak() >> 20} MiB at its peak, {budget() >> 20} were given", how)
        # Everybody has gone: everything works again.
        with attacked.WellBehaved(server, "afterwards") as afterwards:
            attacked.eventually(lambda: afterwards.rounds > 20 or afterwards.faults, 60)
        afterwards.report(findings, how)
        with server.connect() as connection:
            figures = connection.stats(3)
        if figures.get("buffer_bytes", 0) > MEMORY:
            findings.fault(f"seed {seed}: buffers hold {figures['buffer_bytes']} bytes after the flood", how)
        if server.stop():
            findings.fault(f"seed {seed}: it did not stop in good order: {server.words()}", how)
        checked = torture.run([attacked.APUS, "check", "--data", server.data])
        if checked.returncode:
            findings.fault(f"seed {seed}: apus check: {checked.stdout}{checked.stderr}", how)


def main():
    attacked.need_server()
    findings = torture.Findings("server, floods")
    with torture.folder(in_memory=True) as parent:
        for seed in torture.seeds([1]):
            attack(findings, parent, seed, f"SEEDS={seed} {SELF}")
    findings.conclude()


if __name__ == "__main__":
    main()
