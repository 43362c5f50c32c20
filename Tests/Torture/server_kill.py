#!/usr/bin/env python3
"""Kills a server under load, starts it again, and lets its producers go on where they were; the producers' own journal is
the oracle.

Four producers push batches of rows, up to five under way each, and note every answer. After every death each asks for its
last sequence, which must not be before what was acknowledged nor behind what was sent, and repeats what it had no answer
for, and the last answers that it had: those must be the same again. One death in four is a SIGTERM: then what is written
is what was answered, to the last row. One life in four stands still for a second before. At the end every value, read by
key and by scan, is the journal's; the store has as many events as rows were acknowledged, so none is doubled; and no two
answers share an LSN. SEEDS chooses stories, COUNT how many deaths, QUICK=1 few.
"""

import collections
import contextlib
import json
import random
import signal
import sys
import threading
import time

import server as attacked
import torture
import wire

SELF = "Tests/Torture/server_kill.py"
PRODUCERS, KEYS, WINDOW = 4, 40, 5
DEATHS_OF_A_STORY = 10


class Broken(Exception):
    """A promise."""


class Producer:
    """Its journal outlives the servers. Only the thread of a life touches it while that goes on."""

    def __init__(self, seed, number):
        self.seed, self.number = seed, number
        self.name = f"producer {number}"
        self.acked = {}  # sequence: (first LSN, last LSN)
        self.sent = 0
        self.refused = None  # the first new sequence that a server that shuts down refused
        self.known = 0  # what the store knew when the last life of ours began
        self.has_begun = False  # in the server's present life
        self.is_whole = False  # that one ended in good order: nothing is written that was not answered
        self.repeated = 0
        self.told = 0

    def batch(self, sequence):
        dice = random.Random(f"{self.seed} {self.number} {sequence}")
        count = dice.choice((1, 1, 3, 20))
        keys = [f"{self.number} {dice.randrange(KEYS)}" for _ in range(count)]
        return [(name, sequence * 100 + at) for at, name in enumerate(keys)]

    def send(self, connection, me, sequence):
        batch = self.batch(sequence)
        self.sent = max(self.sent, sequence)
        return attacked.push_numbers(
            connection, [attacked.card(name) for name, _ in batch], [number for _, number in batch],
            producer=(me["id"], me["epoch"], sequence), policy=2)

    @property
    def last(self):
        return max(self.acked, default=0)

    def expected(self):
        values = {}
        for sequence in sorted(self.acked):
            values.update(self.batch(sequence))
        return values

    def begin(self, connection):
        """What the store knows of it must be between what was acknowledged and what was sent."""
        me = connection.producer(self.name)
        known, sequence, refused, is_whole = me["sequence"], max(self.last, self.known), self.refused, self.is_whole
        self.refused, self.is_whole, self.known, self.has_begun = None, False, known, True
        if known < self.last:
            raise Broken(f"{self.name}: {self.last} was acknowledged, and the store knows {known}: LOST")
        if known > self.sent:
            raise Broken(f"{self.name}: {self.sent} was sent, and the store knows {known}")
        if is_whole and known != sequence:
            raise Broken(f"{self.name}: the server stopped in good order, {known} is written, {self.last} was answered")
        if refused is not None and known >= refused:
            raise Broken(f"{self.name}: {refused} was refused by a server that stopped, and {known} is written")
        return me

    def live(self, server, ended, until=None):
        """Until the server is gone, or `until` sequences are acknowledged."""
        with server.connect(seconds=60) as connection:
            me = self.begin(connection)
            vector = connection.prepare("counts:number", kind=2)
            known = me["sequence"]
            under_way = collections.deque()
            is_open = True
            sequence = max(1, known - WINDOW + 1)
            while not ended.is_set():
                while is_open and len(under_way) < WINDOW and not (until and sequence > until):
                    try:
                        under_way.append((self.send(connection, me, sequence), sequence))
                    except wire.Gone:
                        # Nothing can be sent any more; what was answered before may still be read.
                        is_open = False
                    sequence += 1
                if not under_way:
                    return
                request, oldest = under_way.popleft()
                answer = connection.come.pop(request, None)
                if answer is None:
                    came, answer = connection.next()
                    if came != request:
                        raise Broken(f"{self.name}: request {came} was answered before {request}")
                if isinstance(answer, wire.Refusal):
                    if answer.name != "SHUTTING_DOWN":
                        raise answer
                    # What was written by the life before is, whatever this one refuses to say again.
                    if self.refused is None and oldest > known:
                        self.refused = oldest
                    continue
                if self.refused is not None:
                    raise Broken(f"{self.name}: {oldest} was written, and {self.refused} before it refused")
                self.note(oldest, answer, known)
                if self.told % 16 == 0:
                    try:
                        self.read(connection, vector, oldest)
                    except wire.Gone:
                        # Answers to writes that came meanwhile are in `come`.
                        is_open = False
                    come = list(connection.come)
                    if come != [request for request, _ in under_way][:len(come)]:
                        raise Broken(f"{self.name}: answers came out of order: {come}, {under_way}")

    def note(self, sequence, answer, known):
        lsns = answer["first"], answer["last"]
        if answer["again"] != (sequence <= known):
            raise Broken(f"{self.name}: {sequence} answered {answer}, and the store knew {known}")
        if self.acked.setdefault(sequence, lsns) != lsns:
            raise Broken(f"{self.name}: {sequence} answered {self.acked[sequence]} and then {lsns}")
        if answer["accepted"] != len(self.batch(sequence)) or answer["set_aside"] or answer["erased"]:
            raise Broken(f"{self.name}: {sequence} answered {answer} for {len(self.batch(sequence))} rows")
        self.repeated += answer["again"]
        self.told += 1

    def read(self, connection, vector, sequence):
        """Its own writes, at once; later ones of its own may be there already."""
        name, number = self.batch(sequence)[-1]
        try:
            answer = connection.reply(connection.ask(vector, [attacked.card(name)]))
        except wire.Refusal as refusal:
            if refusal.name != "SHUTTING_DOWN":
                raise
            return
        cell = answer["rows"][0][0]
        if cell.code != wire.PRESENT or cell.value < number:
            raise Broken(f"{self.name}: read {cell} after {number} was acknowledged")


class Story:
    def __init__(self, findings, parent, seed):
        self.findings, self.seed = findings, seed
        self.dice = random.Random(seed)
        self.server = attacked.Server(
            parent, f"story-{seed}", unix=self.dice.random() < 0.3, loops=self.dice.choice((1, 2, 3)),
            durability=self.dice.choice(("durable", "buffered")), generation_size="64KiB",
            generation_age=self.dice.choice(("1s", "5s")), segment_size="8MiB")
        self.producers = [Producer(seed, number) for number in range(PRODUCERS)]
        self.deaths = 0

    def fault(self, words):
        self.findings.fault(
            f"seed {self.seed}, life {self.deaths + 1}: {words}", f"SEEDS={self.seed} COUNT={self.deaths + 1} {SELF}")

    def threads(self, ended, until=None):
        """Every producer on a thread of its own, and what became of it."""
        ends = {}

        def run(producer):
            try:
                producer.live(self.server, ended, until and until[producer.number])
            except (wire.Gone, OSError) as error:
                ends[producer.number] = error
            except wire.Refusal as error:
                ends[producer.number] = error
                # It came too late to begin.
                if error.name != "SHUTTING_DOWN":
                    self.fault(str(error))
            except Exception as error:  # a broken promise, or bytes that are none of the protocol's
                self.fault(f"{type(error).__name__}: {error}")

        threads = [threading.Thread(target=run, args=(producer,), daemon=True) for producer in self.producers]
        for thread in threads:
            thread.start()
        return threads, ends

    def join(self, threads):
        for thread in threads:
            thread.join(90)
            if thread.is_alive():
                self.fault("a producer hangs")

    def die(self):
        ended = threading.Event()
        self.server.start()
        for producer in self.producers:
            producer.has_begun = False
        began = sum(producer.told for producer in self.producers)
        threads, _ = self.threads(ended)
        wanted = began + self.dice.choice((0, 1, 20, 200, 1000))
        attacked.eventually(
            lambda: sum(producer.told for producer in self.producers) >= wanted
            or not any(thread.is_alive() for thread in threads), 60)
        if not self.server.alive():
            self.fault(f"the server ended by itself with {self.server.process.returncode}: {self.server.words()}")
        if self.dice.random() < 0.25:
            self.stand_still()
        if self.dice.random() < 0.25:
            self.findings.counts["SIGTERM"] += 1
            code = self.server.stop()
            self.join(threads)
            if code:
                self.fault(f"SIGTERM ended it with {code}: {self.server.words()}")
            for producer in self.producers:
                producer.is_whole = producer.has_begun
        else:
            self.findings.counts["kills"] += 1
            self.server.kill()
            self.join(threads)
        self.deaths += 1

    def stand_still(self):
        """A second in which the server does nothing: who set a time gives up after it, and nothing is lost."""
        try:
            with self.server.connect(seconds=30) as probe:
                self.server.process.send_signal(signal.SIGSTOP)
                if not attacked.eventually(self.server.stands_still, 20):
                    return
                began = time.monotonic()
                request = probe.send(wire.PING, b"still", deadline=100)
                probe.socket.settimeout(0.3)
                try:
                    probe.reply(request)
                    self.fault("a server that stands still answered")
                except TimeoutError:
                    pass
                torture.watch()
                time.sleep(max(0.0, 1 - (time.monotonic() - began)))
                self.server.process.send_signal(signal.SIGCONT)
                probe.socket.settimeout(30)
                try:
                    probe.reply(request)
                except wire.Refusal as refusal:
                    if refusal.name != "DEADLINE":
                        raise
                probe.ping(b"on")
                self.findings.counts["stood still"] += 1
        except (wire.Gone, wire.Malformed, wire.Refusal, OSError) as error:
            self.fault(f"around SIGSTOP: {type(error).__name__}: {error}")
        finally:
            self.server.process.send_signal(signal.SIGCONT)

    def verify(self):
        """Everything that was sent is acknowledged in one more life; then the store is the journal."""
        self.server.start()
        threads, ends = self.threads(threading.Event(), [producer.sent for producer in self.producers])
        self.join(threads)
        for number, error in ends.items():
            self.fault(f"producer {number} could not end: {error}")
        expected = {}
        for producer in self.producers:
            if producer.last != producer.sent:
                self.fault(f"{producer.name}: sent {producer.sent}, acknowledged {producer.last}")
            expected.update(producer.expected())
        with self.server.connect(seconds=60) as connection:
            vector = connection.prepare(*attacked.NAMES, kind=2)
            names = sorted(expected)
            wrong = [name for name, row in zip(
                names, connection.get(vector, [attacked.card(name) for name in names])["rows"] if names else [])
                if [cell.value for cell in row] != attacked.row_of(expected[name])]
            scanned = {name: cells["number"] for name, _, cells in connection.scan("counts", page=7)}
        wanted = {attacked.card(name): number for name, number in expected.items()}
        if wrong:
            self.fault(f"{len(wrong)} of {len(names)} keys are not what the journal says: {wrong[:5]}")
        if scanned != wanted:
            self.fault(f"a scan gives {len(scanned)} rows for {len(wanted)}, or other values")
        if self.server.stop():
            self.fault(f"the last stop: {self.server.words()}")
        self.count_events()
        self.findings.counts["values read"] += len(names)

    def count_events(self):
        rows = sum(len(producer.batch(sequence)) for producer in self.producers for sequence in producer.acked)
        view = json.loads(self.server.apus("describe", "counts", "--json"))["view"]
        self.findings.counts["rows acknowledged"] += rows
        self.findings.counts["rows lost"] += max(0, rows - view["events"])
        self.findings.counts["rows doubled"] += max(0, view["events"] - rows)
        if view["events"] != rows:
            self.fault(f"{rows} rows were acknowledged, and the store has {view['events']} events")
        ranges = sorted(lsns for producer in self.producers for lsns in producer.acked.values())
        for (_, last), (first, _) in zip(ranges, ranges[1:]):
            if first <= last:
                self.fault(f"two answers share LSNs: to {last}, from {first}")
                break
        checked = torture.run([attacked.APUS, "check", "--data", self.server.data])
        if checked.returncode:
            self.fault(f"apus check: {checked.stdout}{checked.stderr}")
        self.findings.counts["answers repeated"] += sum(producer.repeated for producer in self.producers)


def main():
    attacked.need_server()
    findings = torture.Findings("server, kill under load")
    findings.counts.update({
        name: 0 for name in ("kills", "SIGTERM", "stood still", "rows acknowledged", "rows lost", "rows doubled")})
    with torture.folder(in_memory=True) as parent:
        seeds = torture.seeds(range(1, 100_000))
        left = torture.count(200, 8)
        for seed in seeds:
            story = Story(findings, parent, seed)
            with contextlib.closing(story.server):
                most = left if len(seeds) == 1 else min(left, DEATHS_OF_A_STORY)
                while story.deaths < most and not findings.enough():
                    story.die()
                story.verify()
            left -= most
            if left <= 0 or findings.enough():
                break
    findings.conclude()


if __name__ == "__main__":
    sys.setswitchinterval(0.001)
    main()
