#!/usr/bin/env python3
"""Sends sessions that were valid before they were mutated: bits and bytes changed, lengths set to their edges, frames cut,
dropped, repeated, exchanged, filled with noise, in HELLO or behind it.

The server answers or closes; whatever it sends is well-formed, and it ends what it must end. A well-behaved caller beside
it goes on undisturbed, and memory stays bounded. SEEDS chooses stories of sessions, COUNT how many frames in all, QUICK=1 few.
"""

import random
import socket
import struct
import sys
import time

import server as attacked
import torture
import wire

SELF = "Tests/Torture/server_mutations.py"
SESSIONS_OF_A_SEED = 50
EDGES = [0, 1, 7, 8, 255, 256, 4_000, 4_001, 65_535, 65_536, 1 << 20, (1 << 24) - 1, 1 << 24, (1 << 24) + 1,
         (1 << 31) - 1, 1 << 31, (1 << 31) + 1, (1 << 32) - 1]
LONG_EDGES = EDGES + [(1 << 63) - 1, 1 << 63, (1 << 63) + 1, (1 << 64) - 1]
# What the server may hold beside its budgets: code, stacks, the index's cache.
MEMORY_BESIDE = 192 << 20
MEMORY, OVERLAY, FRAME = 64 << 20, 64 << 20, 4 << 20


def raw_zstd(data):
    """One zstd frame of stored blocks: needs no library (RFC 8878)."""
    blocks = [data[at:at + 65_536] for at in range(0, len(data), 65_536)] or [b""]
    head = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(data))
    return head + b"".join(
        ((len(block) << 3) | (at == len(blocks) - 1)).to_bytes(3, "little") + block for at, block in enumerate(blocks))


def bomb(size):
    """One that says the same byte again and again: few bytes here, `size` there."""
    blocks, left = b"", size
    while left:
        part = min(left, 131_072)
        left -= part
        blocks += ((part << 3) | 2 | (left == 0)).to_bytes(3, "little") + b"\0"
    return b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", size & 0xFFFFFFFF) + blocks


def compressed(body, claimed=None, packed=None):
    size = len(body) if claimed is None else claimed
    return struct.pack("<II", size & 0xFFFFFFFF, 0) + (raw_zstd(body) if packed is None else packed)


class Author:
    """Writes valid sessions, as frames: HELLO, a vector or two, and requests of every kind."""

    def __init__(self, dice, compression):
        self.dice, self.compression = dice, compression
        self.request = 0

    def frame(self, kind, body, deadline=None):
        self.request += 1
        deadline = self.dice.choice((0, 0, 0, 1, 1000)) if deadline is None else deadline
        if self.compression and len(body) >= self.compression and self.dice.random() < 0.5:
            return wire.frame(kind, self.request, compressed(body), deadline, wire.COMPRESSED)
        return wire.frame(kind, self.request, body, deadline)

    def session(self, frames):
        dice = self.dice
        yield wire.frame(wire.HELLO, 0, wire.hello(compression=self.compression))
        yield self.frame(wire.PREPARE, wire.prepare(attacked.NAMES, 2))
        yield self.frame(wire.PREPARE, wire.prepare(["both@1"]))
        yield self.frame(wire.PRODUCER, wire.producer(f"mutant {dice.randrange(5)}"))
        for _ in range(frames):
            yield self.any()

    def keys(self, count):
        return [attacked.card(f"mutant {self.dice.randrange(50)}") for _ in range(count)]

    def any(self):
        dice = self.dice
        # A WAIT without a deadline would wait for what need not come.
        kind = dice.choice(
            [wire.GET] * 8 + [wire.PUSH] * 6 + [wire.HISTORY, wire.EXPLAIN] * 2 + [wire.DELETE, wire.ERASE, wire.PRODUCER, wire.WAIT, wire.SCAN, wire.DESCRIBE,
                                                wire.STATS, wire.PING, wire.RELEASE, wire.CONSOLE, wire.PREPARE])
        return self.frame(kind, getattr(self, f"body_{kind}")(), dice.choice((1, 200)) if kind == wire.WAIT else None)

    def body_2(self):
        names = self.dice.choices(attacked.NAMES + ["wide:blob", "wide:amount", "counts@1:twin"], k=self.dice.randrange(1, 9))
        return wire.prepare(sorted(set(names)), 2)

    def body_3(self):
        dice = self.dice
        rows = dice.choice((1, 1, 2, 9, 100))
        options = dice.choice((0, 0, 1, 4, 8, 16, 28, 2))
        if dice.random() < 0.3:
            keys = [key for key in self.keys(rows) for key in (key, attacked.account(dice.randrange(9)))]
            return wire.get(2, keys, rows, dice.choice((1, 2, 3, 4) if rows == 1 else (1, 3, 4)), options)
        return wire.get(1, self.keys(rows), rows, dice.choice((1, 2) if rows == 1 else (1,)), options, minimum=dice.randrange(3))

    def body_4(self):
        dice = self.dice
        rows = dice.choice((1, 1, 2, 9, 60))
        table = [attacked.row_of(dice.randrange(1000)) for _ in range(rows)]
        for row in table:
            if dice.random() < 0.3:
                row[dice.randrange(len(row))] = dice.choice((None, wire.ABSENT))
        now = time.time_ns()
        times = dice.choice((None, [now - dice.randrange(1 << 40) for _ in range(rows)]))
        known_at = dice.choice((1, 1, 2, 3, 4, 5))
        producer = dice.choice((None, (dice.randrange(4), dice.randrange(9), dice.randrange(99))))
        return wire.push(
            "counts", self.keys(rows), attacked.columns_of(table), policy=dice.choice((1, 2)), known_at=known_at,
            delay=dice.randrange(1 << 30) if known_at == 4 else 0, event_times=times, producer=producer,
            offset=dice.choice((None, b"offset")) if producer else None, known=[now] * rows if known_at == 5 else None)

    def body_5(self):
        return wire.push("counts", self.keys(2))

    def body_6(self):
        # By the mutants' own names only; one flipped byte makes no other's name of these.
        return wire.erase([("card_id", wire.Type(wire.STRING), f"mutant {self.dice.randrange(50)}")], dry_run=self.dice.random() < 0.9)

    def body_7(self):
        return wire.producer(f"mutant {self.dice.randrange(5)}")

    def body_8(self):
        return wire.wait(self.dice.randrange(100), self.dice.random() < 0.5)

    def body_9(self):
        return wire.scan("counts", self.dice.choice((1, 5, 100)), self.dice.choice((b"", b"\0", self.keys(1)[0])))

    def body_10(self):
        return wire.short("") + wire.short(self.dice.choice(("", "counts", "both")))

    def body_11(self):
        return wire.u8(self.dice.randrange(1, 4))

    def body_12(self):
        return bytes(self.dice.randrange(65))

    def body_13(self):
        return wire.u32(self.dice.randrange(5))

    def body_14(self):
        return wire.console(self.dice.choice((["describe"], ["status"], ["dead-letters"], ["describe", "counts", "--json"])))

    def moment(self):
        now = time.time_ns()
        return self.dice.choice(((1,), (2, self.dice.randrange(9), now), (3, 0, now - self.dice.randrange(1 << 40))))

    def body_16(self):
        dice = self.dice
        place = dice.choice((b"", b"", bytes(16), wire.u64(dice.randrange(99)) + wire.u64(dice.randrange(999)), b"place"))
        return wire.history(
            dice.choice(("counts", "counts@1", "wide")), self.keys(1)[0], dice.choice((1, 3, 1000)), self.moment(), dice.randrange(4),
            place=place)

    def body_17(self):
        dice = self.dice
        rows = dice.choice((1, 1, 2, 9))
        keys = self.keys(rows)
        if dice.random() < 0.3:
            keys = [key for key in keys for key in (key, attacked.account(dice.randrange(9)))]
            return wire.explain(2, keys, rows, self.moment())
        receipt = wire.receipt_of(bytes(16), bytes(32), dice.randrange(99), 0, keys) if dice.random() < 0.2 else None
        return wire.explain(1, keys, rows, self.moment(), receipt)


class Mutator:
    """Breaks whole frames, as bytes, one to three of a session."""

    def __init__(self, dice):
        self.dice = dice
        self.ways = [
            self.bit, self.byte, self.length, self.field, self.cut, self.drop, self.repeat, self.exchange, self.noise,
            self.grow, self.header, self.squeezed, self.number]

    def session(self, frames):
        frames = [bytearray(one) for one in frames]
        for _ in range(self.dice.choice((1, 1, 1, 2, 3))):
            # Mostly behind the beginning, which otherwise few would get past.
            at = self.dice.randrange(4, len(frames)) if len(frames) > 4 and self.dice.random() < 0.9 else self.dice.randrange(len(frames))
            self.dice.choice(self.ways)(frames, at)
            if not frames:
                break
        return frames

    def somewhere(self, data, size=1):
        """Mostly in the body."""
        low = 16 if len(data) > 16 + size and self.dice.random() < 0.8 else 0
        return self.dice.randrange(low, max(low + 1, len(data) - size + 1))

    def bit(self, frames, at):
        if frames[at]:
            frames[at][self.somewhere(frames[at])] ^= 1 << self.dice.randrange(8)

    def byte(self, frames, at):
        for _ in range(self.dice.choice((1, 2, 8))):
            if frames[at]:
                frames[at][self.somewhere(frames[at])] = self.dice.choice((0, 1, 127, 128, 255, self.dice.randrange(256)))

    def length(self, frames, at):
        if len(frames[at]) >= 4:
            frames[at][:4] = struct.pack("<I", self.dice.choice(EDGES))

    def field(self, frames, at):
        """An edge somewhere in the body, as 2, 4 or 8 bytes."""
        size = self.dice.choice((2, 4, 8))
        if len(frames[at]) >= 16 + size:
            where = self.somewhere(frames[at], size)
            near = len(frames[at]) - where
            value = self.dice.choice(LONG_EDGES + [near, near - 1, near + 1])
            frames[at][where:where + size] = (value % (1 << 8 * size)).to_bytes(size, "little")

    def number(self, frames, at):
        """A count or length that is there, a little off."""
        size = self.dice.choice((1, 2, 4))
        if len(frames[at]) >= 16 + size:
            where = self.somewhere(frames[at], size)
            value = int.from_bytes(frames[at][where:where + size], "little") + self.dice.choice((-1, 1, -8, 8, 1 << 7))
            frames[at][where:where + size] = (value % (1 << 8 * size)).to_bytes(size, "little")

    def cut(self, frames, at):
        if frames[at]:
            del frames[at][self.dice.randrange(len(frames[at])):]

    def drop(self, frames, at):
        del frames[at]

    def repeat(self, frames, at):
        frames.insert(self.dice.randrange(len(frames) + 1), bytearray(frames[at]))

    def exchange(self, frames, at):
        other = self.dice.randrange(len(frames))
        frames[at], frames[other] = frames[other], frames[at]

    def noise(self, frames, at):
        """A whole frame with a body of chance."""
        body = self.dice.randbytes(self.dice.choice((0, 1, 8, 40, 300)))
        kind = self.dice.choice((self.dice.randrange(256), self.dice.randrange(1, 25)))
        frames[at] = bytearray(wire.frame(kind, 10_000 + at, body))

    def grow(self, frames, at):
        """More bytes in the body than it means, and the length says so."""
        more = self.dice.randbytes(self.dice.choice((1, 8, 64))) if self.dice.random() < 0.5 else bytes(8)
        if len(frames[at]) >= 16:
            length = struct.unpack_from("<I", frames[at])[0]
            body = bytes(frames[at][16:16 + length]) + more
            frames[at] = bytearray(struct.pack("<I", len(body)) + bytes(frames[at][4:16]) + wire.padded(body))

    def header(self, frames, at):
        """Type, flags, deadline or request id."""
        if len(frames[at]) >= 16:
            where = self.dice.choice((4, 4, 5, 6, 7, 8, 15))
            frames[at][where] = self.dice.randrange(256)

    def squeezed(self, frames, at):
        """A compressed body that lies of its length, is cut, is a bomb, or is none."""
        body = bytes(frames[at][16:])
        lie = self.dice.choice((
            lambda: compressed(body, self.dice.choice(LONG_EDGES)), lambda: compressed(body, packed=body),
            lambda: compressed(body)[:-self.dice.randrange(1, 9)], lambda: compressed(body) + b"\0",
            lambda: compressed(b"", FRAME, bomb(FRAME)), lambda: compressed(b"", 1 << 30, bomb(64 << 20)),
            lambda: compressed(b"", 1000, bomb(1 << 20)), lambda: compressed(body, len(body), compressed(compressed(body)))))
        kind = frames[at][4] if len(frames[at]) >= 16 else wire.PUSH
        frames[at] = bytearray(wire.frame(kind, 20_000 + at, lie(), 0, wire.COMPRESSED))


def replies(data):
    """Frames of what a server sent; the last may be cut when it closed at once."""
    at = 0
    while at + 16 <= len(data):
        length, kind, flags, deadline, request = wire.HEADER.unpack_from(data, at)
        wire.check(kind == wire.ERROR or 128 < kind < 160, f"a server sent type {kind}")
        wire.check(flags in (0, wire.COMPRESSED) and deadline == 0, f"flags {flags}, deadline {deadline}")
        end = at + 16 + length + -length % 8
        if end > len(data):
            break
        wire.check(not any(data[at + 16 + length:end]), "no zeroes behind a body")
        yield kind, flags, request, data[at + 16:at + 16 + length]
        at = end
    wire.check(at == len(data), f"{len(data) - at} bytes of no whole frame")


def judge(data, findings, frames, is_whole):
    """Whatever came is well-formed; of a session that was left as it was, every frame has its one answer."""
    answered = []
    for kind, flags, request, body in replies(data):
        answered.append(request)
        findings.counts["replies"] += 1
        if flags & wire.COMPRESSED:
            continue
        if kind == wire.ERROR:
            error = wire.error_of(body)
            findings.counts["errors"] += 1
            if error["code"] == 127:
                raise wire.Malformed(f"an internal error: {error}")
            if is_whole and error["class"] == wire.SESSION_CLASS:
                raise wire.Malformed(f"a valid session was ended: {error}")
        elif kind - 128 in wire.REPLIES:
            wire.REPLIES[kind - 128](body)
    if is_whole and sorted(answered) != list(range(len(frames))):
        raise wire.Malformed(f"{len(frames)} requests, and answers to {len(answered)}, the last to {answered[-1:]}")


def talk(address, data, dice, stays=False):
    """Sends all of it, says so, and reads to the end. Whether the server ended it in time, and what it said."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    came = bytearray()
    with socket.socket(family, socket.SOCK_STREAM) as peer:
        peer.settimeout(30)
        peer.connect(address)
        try:
            if dice.random() < 0.2:
                cut = dice.randrange(len(data) + 1)
                peer.sendall(data[:cut])
                peer.sendall(data[cut:])
            else:
                peer.sendall(data)
            if not stays and dice.random() < 0.02:
                return came, False  # gone without a word
            peer.shutdown(socket.SHUT_WR)
            while part := peer.recv(1 << 16):
                came += part
        except (BrokenPipeError, ConnectionResetError):
            return came, False
    return came, True


def main():
    attacked.need_server()
    findings = torture.Findings("server, mutated sessions")
    findings.counts.update({name: 0 for name in ("frames", "sessions", "replies", "errors")})
    with torture.folder(in_memory=True) as parent:
        server = attacked.Server(
            parent, loops=2, durability="buffered", max_memory=f"{MEMORY >> 20}MiB", overlay_memory=f"{OVERLAY >> 20}MiB",
            max_frame=f"{FRAME >> 20}MiB", max_output="16MiB", generation_size="4MiB")
        with server, attacked.WellBehaved(server) as beside:
            wanted = torture.count(1_000_000, 6_000)
            for seed in torture.seeds(range(1, 10_000_000)):
                how = f"SEEDS={seed} {SELF}"
                story(findings, server, seed, how)
                if not attacked.alive(findings, server, how) or findings.enough() or beside.faults:
                    break
                if findings.counts["frames"] >= wanted:
                    break
            if server.alive():
                findings.counts["peak memory (MiB)"] = server.peak() >> 20
                if server.peak() > MEMORY + OVERLAY + MEMORY_BESIDE:
                    findings.fault(f"{server.peak() >> 20} MiB at its peak", how)
        beside.report(findings, how)
        if server.alive() and server.stop():
            findings.fault(f"it did not stop in good order: {server.words()}", how)
    findings.conclude()


def story(findings, server, seed, how):
    dice = random.Random(seed)
    for at in range(SESSIONS_OF_A_SEED):
        torture.watch()
        author = Author(dice, dice.choice((0, 0, 512)))
        frames = list(author.session(dice.choice((1, 10, 60))))
        is_whole = at % 10 == 9 and not author.compression
        if is_whole:
            findings.counts["sessions left as they were"] += 1
        else:
            frames = Mutator(dice).session(frames)
        findings.counts["frames"] += len(frames)
        findings.counts["sessions"] += 1
        try:
            came, ended = talk(server.address, b"".join(frames), dice, is_whole)
            if ended:
                judge(bytes(came), findings, frames, is_whole)
        except TimeoutError:
            findings.fault(f"seed {seed}, session {at + 1}: neither answered nor closed for 30 s", how)
        except (wire.Malformed, OSError) as error:
            findings.fault(f"seed {seed}, session {at + 1}: {type(error).__name__}: {error}", how)
        if findings.enough() or not server.alive():
            return


if __name__ == "__main__":
    sys.setswitchinterval(0.001)
    main()
