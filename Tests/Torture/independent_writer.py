#!/usr/bin/env python3
"""Makes a small store as Sources/ApusLog/Format.md describes it, and as nothing else does.

    independent_writer.py DIR [SEED]

The seed decides how many segments, frames and gaps, how they are filled and what lies behind the last frame.
What was written is printed as JSON: `[[first LSN, last LSN, append time, CRC-32C of the payload], ...]`.
"""

import json
import os
import random
import struct
import sys

from independent_reader import (
    CLOCK, CLOCK_STEP, EDIT, FRAME_MAGIC, HEADER, KIND_SEGMENT, MANIFEST_MAGIC, MARK, RECORDS, SEAL, SEGMENT_MAGIC,
    SNAPSHOT, crc, padded)

MANIFEST_BYTES = 262_144


def file_header(magic, store, id, created, first, epoch, previous):
    rest = struct.pack("<QQ16sQqQIIQ", 0, 0, store, id, created, first, epoch, 0, previous).ljust(HEADER - 16, b"\0")
    head = magic + struct.pack("<I", 1)
    return head + struct.pack("<I", crc(head, rest)) + rest


def fields(tag, *values, tail=b""):
    body = struct.pack(f"<{len(values)}Q", *values) + tail
    return struct.pack("<HHI", tag, 0, len(body)) + body.ljust(padded(len(body)), b"\0")


class FrameFile:
    """A file that grows by frames."""

    def __init__(self, magic, store, id, time, first, epoch, previous=0):
        self.store, self.id, self.first, self.epoch = store, id, first, epoch
        self.data = bytearray(file_header(magic, store, id, time, first, epoch, previous))
        self.crc = self.chain = struct.unpack_from("<I", self.data, 12)[0]
        self.next, self.durable, self.time, self.headers, self.held = first, first - 1, time, [], []

    def append(self, type, count=0, payload=b"", time=None, step=False):
        self.time = self.time if time is None else time
        seed = self.store + struct.pack("<QQ", self.id, len(self.data))
        body = payload.ljust(padded(len(payload)), b"\0")
        rest = struct.pack(
            "<BBHIQIIQqII", type, CLOCK_STEP if step else 0, 0, len(payload), self.next, count, self.epoch,
            self.durable, self.time, crc(seed, body), self.chain)
        self.chain = crc(seed, rest)
        header = FRAME_MAGIC + struct.pack("<I", self.chain) + rest
        if count:
            self.held.append([self.next, self.next + count - 1, self.time, crc(payload)])
        self.headers.append(header)
        self.data += header + body
        self.next += count

    def sync(self):
        self.durable = self.next - 1

    def seal(self, too_many=0):
        self.sync()
        times = (self.held[0][2], self.held[-1][2]) if self.held else (0, 0)
        self.digest = self.chain | crc(*self.headers) << 32
        self.size = len(self.data) + 56 + 64
        frames, records = len(self.held), sum(last - first + 1 for first, last, _, _ in self.held) + too_many
        self.append(SEAL, payload=struct.pack(
            "<QQQQqqQQ", frames, records, self.first, self.next - 1, *times, self.digest, self.size))
        return fields(6, self.id, self.size, self.next - 1, self.digest, *times, frames)


class Manifest(FrameFile):
    def edit(self, *changes):
        self.append(SNAPSHOT if self.next == 1 else EDIT, 1, b"".join(changes))
        self.sync()
        self.append(MARK)

    def listing(self, segment):
        name = segment.name.encode()
        return fields(
            5, KIND_SEGMENT, segment.id, segment.first, segment.epoch, segment.crc, len(name), 0, tail=name)


def put(folder, name, data):
    descriptor = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)


def make(folder, seed, seals_last=False, too_many=0):
    """Writes the store, and says which frames with records it has.

    The last segment may end in a seal that the manifest does not list, and that may count too many records."""
    dice = random.Random(seed)
    store = dice.randbytes(16)
    time = 1_700_000_000_000_000_000 + dice.randrange(10**15)
    os.mkdir(folder, 0o700)
    os.mkdir(os.path.join(folder, "log"), 0o700)
    manifest = Manifest(MANIFEST_MAGIC, store, 1, time, 1, 0)
    manifest.edit(fields(2, 1), fields(3, 1), fields(4, 1))
    written, next, digest, segments = [], 1, 0, dice.randrange(1, 6)
    for id in range(1, segments + 1):
        segment = FrameFile(SEGMENT_MAGIC, store, id, time, next, id, digest)
        segment.name = f"log/{next:020d}-{id:08x}.log"
        # Every segment is an opening of its own here; each after the first may leave a gap behind it.
        ceiling = next + 1000
        manifest.edit(fields(1, id))
        manifest.edit(manifest.listing(segment), fields(2, ceiling))
        for _ in range(dice.randrange(1 if id < segments else 0, 12)):
            time += dice.randrange(0, 10**6)
            kind = dice.randrange(10)
            if kind == 0:
                segment.append(CLOCK, 1, struct.pack("<qq", segment.time, time - 10**9), time - 10**9, step=True)
                time -= 10**9
            else:
                segment.append(RECORDS, dice.randrange(1, 9), dice.randbytes(dice.randrange(0, 400)), time)
            if kind in (1, 2, 3):
                segment.sync()
            if kind == 3:
                segment.append(MARK)
        next = segment.next
        if id < segments:
            changes = [segment.seal()]
            if dice.random() < 0.5:
                changes.append(fields(9, next, ceiling - 1))
                next = ceiling
            manifest.edit(*changes, fields(2, next))
            digest = segment.digest
        else:
            segment.sync()
            segment.append(MARK)
            if seals_last:
                segment.seal(too_many)
            segment.data += bytes(dice.choice([0, 8, 4096]))
        put(folder, segment.name, segment.data)
        written += segment.held
    put(folder, "manifest-0000000001", manifest.data.ljust(MANIFEST_BYTES, b"\0"))
    line = f"apus-current 1 {store.hex()} manifest-0000000001 ".encode()
    put(folder, "CURRENT", line + b"%08x\n" % crc(line))
    return written


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    print(json.dumps(make(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 1)))


if __name__ == "__main__":
    main()
