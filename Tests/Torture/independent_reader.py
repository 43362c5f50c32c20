#!/usr/bin/env python3
"""Reads a store's log as Sources/ApusLog/Format.md describes it, and as nothing else does.

    independent_reader.py DIR [--json]

Written from that page alone, and meant to stay so: where this and Apus disagree, the page, Apus or this is wrong. It
changes nothing and takes no lock. Exit code: 0 sound or a torn tail, 1 damaged, 2 refused.
"""

import json
import os
import re
import struct
import sys

HEADER, FRAME_HEADER, ALIGNMENT = 4096, 56, 8
SEGMENT_MAGIC, MANIFEST_MAGIC, FRAME_MAGIC = b"APUSSEGM", b"APUSMANI", b"APFR"
PAYLOAD_MAX, LSN_MAX = 16_777_216, 1 << 62
RECORDS, MARK, SEAL, CLOCK, SNAPSHOT, EDIT = 1, 2, 3, 4, 5, 6
EVERY_TYPE, WITH_RECORDS = range(1, 7), (RECORDS, CLOCK, SNAPSHOT, EDIT)
TYPES = {SEGMENT_MAGIC: (RECORDS, MARK, SEAL, CLOCK), MANIFEST_MAGIC: (MARK, SNAPSHOT, EDIT)}
CLOCK_STEP = 1
KIND_SEGMENT = 1
KIND_RUN = 2
KIND_LEDGER = 3


class Refused(Exception):
    """The page says "refused": a newer program's file, or a store that no rule can put right."""


# Checksums: CRC-32C, reflected 0x82F63B78, sixteen bits a step.


def _table():
    table = []
    for value in range(65536):
        for _ in range(16):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def crc(*parts):
    """The checksum of the parts, one after another."""
    data = b"".join(parts)
    value, table = 0xFFFFFFFF, _TABLE
    for (pair,) in struct.iter_unpack("<H", memoryview(data)[: len(data) & ~1]):
        value = table[(value ^ pair) & 0xFFFF] ^ value >> 16
    if len(data) & 1:
        low = (value ^ data[-1]) & 0xFF
        for _ in range(8):
            low = low >> 1 ^ (0x82F63B78 if low & 1 else 0)
        value = low ^ value >> 8
    return value ^ 0xFFFFFFFF


def padded(count):
    return -(-count // ALIGNMENT) * ALIGNMENT


# Structures


class FileHeader:
    @classmethod
    def listed(cls, file, store):
        header = cls.__new__(cls)
        header.magic, header.store = SEGMENT_MAGIC, store
        header.id, header.first, header.epoch, header.crc = (file[name] for name in ("id", "first", "epoch", "crc"))
        return header

    def __init__(self, data, magic):
        if len(data) < HEADER:
            raise ValueError("the file is shorter than its header")
        head = data[:HEADER]
        (self.magic, self.version, self.crc, required, _, self.store, self.id, self.created, self.first, self.epoch,
         zero, self.previous) = struct.unpack_from("<8sIIQQ16sQqQIIQ", head)
        if self.magic != magic:
            raise ValueError("the magic of the header is wrong")
        if self.crc != crc(head[:12], head[16:]):
            raise ValueError("the checksum of the header is wrong")
        if self.version != 1 or required or zero or any(head[88:]):
            raise Refused("the header was written by a newer program")


class Frame:
    """A header whose checksum matched."""

    def __init__(self, data, offset):
        self.offset = offset
        (_, self.crc, self.type, self.flags, self.zero, self.length, self.base, self.count, self.epoch, self.durable,
         self.time, self.payload_crc, self.chain) = struct.unpack_from("<4sIBBHIQIIQqII", data, offset)
        self.header = data[offset : offset + FRAME_HEADER]
        self.payload = data[offset + FRAME_HEADER : offset + FRAME_HEADER + self.length]
        self.end = offset + FRAME_HEADER + padded(self.length)

    @property
    def after(self):
        return self.base + self.count


class FrameFile:
    """The frames of one file."""

    def __init__(self, data, header):
        self.data, self.header = data, header
        self.types = TYPES[header.magic]
        self.seeds = header.store + struct.pack("<Q", header.id)

    def whole(self, offset, is_due=True):
        """The frame that begins there if it is whole. A newer program's is refused where a frame is due."""
        data = self.data
        if offset + FRAME_HEADER > len(data) or data[offset : offset + 4] != FRAME_MAGIC:
            return None
        seed = self.seeds + struct.pack("<Q", offset)
        if struct.unpack_from("<I", data, offset + 4)[0] != crc(seed, data[offset + 8 : offset + FRAME_HEADER]):
            return None
        frame = Frame(data, offset)
        if frame.length > PAYLOAD_MAX or frame.type not in EVERY_TYPE or frame.flags & ~CLOCK_STEP or frame.zero:
            if is_due:
                raise Refused(f"the frame at {offset} was written by a newer program")
            return None
        if (frame.count > 0) != (frame.type in WITH_RECORDS) or not frame.durable < frame.base < LSN_MAX:
            return None
        if frame.end > len(data) or frame.payload_crc != crc(seed, data[offset + FRAME_HEADER : frame.end]):
            return None
        if is_due and frame.type not in self.types:
            raise Refused(f"the frame at {offset} belongs in no such file")
        return frame

    def behind(self, offset):
        """Whole frames of this epoch at every multiple of 8 from an offset on."""
        at = offset - 1
        while (at := self.data.find(FRAME_MAGIC, at + 1)) >= 0:
            if at % ALIGNMENT == 0 and (frame := self.whole(at, False)) and frame.epoch == self.header.epoch:
                yield frame
                at = frame.end - 1


class Walk:
    """What the rules find in a file: frames, damages, and how it ends."""

    def __init__(self, data, header, durable=0, size=0):
        """`durable` is what is known from outside; a finished file has the size that is listed."""
        self.file = FrameFile(data, header)
        self.frames, self.damages, self.seal = [], [], None
        self.tail, self.cut = "clean", None
        self.next, self.durable, self.end = header.first, durable, HEADER
        chain, time, last_durable, resumed = header.crc, None, 0, False
        while True:
            frame = self.file.whole(self.end)
            # Of the frame at which the walk goes on behind damage, nothing before it is known.
            if frame and (resumed or (
                    frame.epoch == header.epoch and frame.chain == chain and frame.base == self.next
                    and last_durable <= frame.durable
                    and (time is None or frame.time >= time or frame.flags & CLOCK_STEP))):
                self.frames.append(frame)
                chain, self.next, last_durable, time = frame.crc, frame.after, frame.durable, frame.time
                self.durable, resumed, self.end = max(self.durable, frame.durable), False, frame.end
                if frame.type == SEAL and frame.length == 64:
                    self.seal, self.tail = frame, "sealed"
                    return
                continue
            found = list(self.file.behind(self.end))
            highest = max([self.durable] + [each.durable for each in found])
            content = max(self.end, len(data.rstrip(b"\0")))
            if highest < self.next:
                if content > self.end or size:
                    self.tail, self.cut = "torn", self.end
                return
            following = next((each for each in found if each.base >= self.next and each.type in self.file.types), None)
            if following is None:
                self.damages.append((self.end, max(size, padded(content)), self.next, highest))
                self.next = highest + 1
                return
            self.damages.append((self.end, following.offset, self.next, following.base - 1))
            self.next, resumed, self.end = following.base, True, following.offset


# Manifest


class State:
    """What the edits say."""

    def __init__(self):
        self.epoch, self.ceiling, self.floor, self.next_file = 0, 1, 1, 1
        self.time = None
        self.files, self.removed, self.gaps, self.damages = {}, {}, [], []
        self.accepted, self.forks, self.held, self.given_up = [], [], [], []
        self.reserved = set()

    def apply(self, payload):
        at = 0
        while at < len(payload):
            if at + 8 > len(payload):
                raise Refused("a change ends outside of its edit")
            tag, zero, length = struct.unpack_from("<HHI", payload, at)
            fields, at = payload[at + 8 : at + 8 + length], at + 8 + padded(length)
            if zero or len(fields) != length or at > len(payload) or any(payload[at - padded(length) + length : at]):
                raise Refused("a change of the manifest is malformed")
            try:
                self.change(tag, fields)
            except (struct.error, KeyError, UnicodeDecodeError) as error:
                raise Refused(f"a change of the manifest does not fit: tag {tag}, {error!r}") from error

    def change(self, tag, fields):
        if tag == 1:
            before, (self.epoch,) = self.epoch, struct.unpack("<Q", fields)
            if not before < self.epoch < 1 << 32:
                raise Refused(f"epoch {self.epoch} does not follow {before}")
            self.reserved = set()
        elif tag == 2:
            (self.ceiling,) = struct.unpack("<Q", fields)
        elif tag == 3:
            before, (self.floor,) = self.floor, struct.unpack("<Q", fields)
            if self.floor < before:
                raise Refused(f"the floor goes down from {before} to {self.floor}")
            self.gaps = [gap for gap in self.gaps if gap[1] >= self.floor]
            self.damages = [damage for damage in self.damages if damage[0] != 0 or damage[4] >= self.floor]
        elif tag == 4:
            before, (self.next_file,) = self.next_file, struct.unpack("<Q", fields)
            if self.next_file < before:
                raise Refused(f"file ids go down from {before} to {self.next_file}")
        elif tag == 5:
            kind, id, first, epoch, checksum, name, attributes = struct.unpack_from("<7Q", fields)
            path = fields[56 : 56 + name]
            if len(fields) != 56 + name + attributes or max(epoch, checksum) >= 1 << 32:
                raise KeyError(id)
            if id < self.next_file and id not in self.reserved:
                raise Refused(f"file id {id} is used twice")
            self.reserved.discard(id)
            if path.decode() in [file["name"] for file in (*self.files.values(), *self.removed.values())]:
                raise Refused(f"two files are called {path.decode()}")
            if not path or b"\0" in path or path.startswith(b"/") or b".." in path.split(b"/"):
                raise Refused(f"file {id} has a name that is no path in the store")
            self.files[id] = {
                "kind": kind, "id": id, "first": first, "epoch": epoch, "crc": checksum,
                "name": path.decode(), "attributes": fields[56 + name :], "seal": None}
            self.next_file = max(self.next_file, id + 1)
        elif tag == 6:
            id, *seal = struct.unpack("<QQQQqqQ", fields)
            self.files[id]["seal"] = dict(zip(("size", "last", "digest", "first_time", "last_time", "frames"), seal))
        elif tag == 7:
            (id,) = struct.unpack("<Q", fields)
            self.removed[id] = self.files.pop(id)
            self.damages = [damage for damage in self.damages if damage[0] != id]
        elif tag == 8:
            (id,) = struct.unpack("<Q", fields)
            self.removed.pop(id, None)
        elif tag == 9:
            first, last = struct.unpack("<QQ", fields)
            if self.gaps and self.gaps[-1][1] + 1 == first:
                first = self.gaps.pop()[0]
            self.gaps.append((first, last))
        elif tag == 10:
            self.damages.append(struct.unpack("<5Q", fields))
        elif tag == 11:
            (self.time,) = struct.unpack("<q", fields)
        elif tag == 12:
            first, last, time = struct.unpack("<QQq", fields)
            if not 0 < first <= last < self.ceiling:
                raise Refused(f"the loss of LSNs {first} to {last} was accepted, which were never given out")
            self.accepted.append((first, last))
        elif tag == 13:
            timeline, parent, shared = struct.unpack("<16s16sQ", fields)
            if self.forks and self.forks[-1][0] != parent or timeline in [parent] + [fork[1] for fork in self.forks]:
                raise Refused(f"timeline {timeline.hex()} does not follow the one before it")
            self.forks.append((timeline, parent, shared))
        elif tag == 14:
            first, end = struct.unpack("<QQ", fields)
            if not self.next_file <= first < end or end - first + len(self.reserved) > 65536:
                raise Refused(f"file ids {first} to {end} cannot be reserved")
            self.reserved.update(range(first, end))
            self.next_file = end
        elif tag == 15:
            first, last = struct.unpack("<QQ", fields)
            if first > last or not self.is_accepted((0, 0, 0, first, last)):
                raise Refused(f"LSNs {first} to {last} are held, and nobody accepted their loss")
            self.held.append((first, last))
        elif tag == 16:
            file, kind, view, first, last, lost, time, newest, held, least, greatest = struct.unpack_from("<6Qqq3Q", fields)
            if len(fields) != 88 + least + greatest or held > 1 or not 0 < first <= last < self.ceiling:
                raise Refused(f"what is given up of file {file} is malformed")
            self.given_up.append((file, kind, view, first, last, lost, bool(held)))
        else:
            raise Refused(f"the manifest holds a change with the unknown tag {tag}")

    def is_accepted(self, damage):
        """Whether a person accepted the loss of all records of a damage, which took some."""
        at, last = damage[3:]
        if at > last:
            return False
        for first, end in sorted(self.accepted):
            if first <= at <= end:
                at = end + 1
        return at > last

    @property
    def segments(self):
        found = [file for file in self.files.values() if file["kind"] == KIND_SEGMENT]
        return sorted(found, key=lambda file: (file["first"], file["id"]))

    def history_holds_together(self):
        """Ledgers follow one another up to the floor, and no LSN is in two runs of one view version."""
        ledgers, runs = [], {}
        for file in self.files.values():
            if file["kind"] not in (KIND_RUN, KIND_LEDGER):
                continue
            if len(file["attributes"]) < 16:
                raise Refused(f"{file['name']} speaks for no LSNs")
            _, view, last = struct.unpack_from("<IIQ", file["attributes"])
            if not 0 < file["first"] <= last < 1 << 62:
                raise Refused(f"{file['name']} speaks for no LSNs")
            (ledgers if file["kind"] == KIND_LEDGER else runs.setdefault(view, [])).append((file["first"], last))
        if not ledgers and not runs:
            return
        ledgers.sort()
        if not ledgers or ledgers[-1][1] + 1 != self.floor:
            raise Refused(f"the ledgers do not reach up to the floor {self.floor}")
        for one, other in zip(ledgers, ledgers[1:]):
            if one[1] + 1 != other[0]:
                raise Refused(f"a ledger of {one} is followed by one of {other}")
        for view, ranges in runs.items():
            ranges.sort()
            if any(one[1] >= other[0] for one, other in zip(ranges, ranges[1:])):
                raise Refused(f"two runs of view version {view} overlap")
            if ranges[0][0] < ledgers[0][0] or ranges[-1][1] > ledgers[-1][1]:
                raise Refused(f"a run of view version {view} lies outside of the ledgers")

    def hold_together(self):
        """[floor, end of the log] exactly once, one segment open at most, and that the last."""
        self.history_holds_together()
        segments = self.segments
        for file in segments[:-1]:
            if not file["seal"]:
                raise Refused(f"{file['name']} is not sealed and not the last")
        for id in (*self.files, *self.removed):
            if id >= self.next_file:
                raise Refused(f"file {id} is not below the next file {self.next_file}")
        spans = list(self.gaps)
        for file in segments:
            last = file["seal"]["last"] if file["seal"] else None
            if last is None or last >= file["first"]:
                spans.append((file["first"], last))
        numbers = [self.ceiling, self.floor, *(each for gap in self.gaps for each in gap)]
        numbers += [file["first"] for file in segments] + [file["seal"]["last"] for file in segments if file["seal"]]
        if max(numbers) > LSN_MAX:
            raise Refused("an LSN of the manifest is beyond every log")
        expected = self.floor
        for first, last in sorted(spans, key=lambda span: span[0]):
            if expected is None or first != expected:
                raise Refused(f"the manifest does not cover {expected} once: something begins at {first}")
            expected = None if last is None else last + 1
        end = segments[-1]["first"] if expected is None else expected
        if end > self.ceiling:
            raise Refused(f"the log ends at {end}, above the ceiling {self.ceiling}")


# Store


def read(folder, name):
    try:
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()
    except OSError as error:
        raise Refused(f"{name}: {error.strerror}") from error


def read_current(folder):
    line = read(folder, "CURRENT")
    words = line.split(b" ")
    before = line[: line.rfind(b" ") + 1]
    if len(words) != 5 or words[:2] != [b"apus-current", b"1"] or words[4] != b"%08x\n" % crc(before):
        raise Refused("CURRENT is damaged")
    return bytes.fromhex(words[2].decode()), words[3].decode()


def read_manifest(folder, name, store):
    data = read(folder, name)
    try:
        header = FileHeader(data, MANIFEST_MAGIC)
    except ValueError as error:
        raise Refused(f"{name}: {error}") from error
    if header.store != store or name != f"manifest-{header.id:010d}" or header.previous:
        raise Refused(f"{name} is not this store's")
    walk = Walk(data, header)
    if walk.damages:
        raise Refused(f"{name} is damaged: {walk.damages}")
    edits = [frame for frame in walk.frames if frame.type != MARK]
    if not edits or edits[0].type != SNAPSHOT or any(frame.type == SNAPSHOT for frame in edits[1:]):
        raise Refused(f"{name} does not begin with one snapshot")
    state = State()
    for frame in edits:
        if frame.count != 1:
            raise Refused(f"{name} holds an edit of {frame.count}")
        state.apply(frame.payload)
        state.hold_together()
    return header, walk, state


def check_seal(file, walk, problems):
    """The seal's frame, the manifest's words about it, and the frames before it, which must agree."""
    name, frame, listed = file["name"], walk.seal, file["seal"]
    before = walk.frames[:-1]
    held = [each for each in before if each.count]
    frames, records, first, last, first_time, last_time, digest, size = struct.unpack("<QQQQqqQQ", frame.payload)
    if (first, size, last) != (walk.file.header.first, frame.end, frame.base - 1) or frame.count:
        problems.append(f"{name}: the seal says {first} to {last}, {size} bytes")
    if listed and listed != {
            "size": size, "last": last, "digest": digest, "first_time": first_time, "last_time": last_time,
            "frames": frames}:
        problems.append(f"{name}: the seal and the manifest disagree")
    if walk.damages or file["damages"]:
        return
    expected = (before[-1].crc if before else walk.file.header.crc) | crc(*(each.header for each in before)) << 32
    if digest != expected:
        problems.append(f"{name}: the digest is {digest:016x}, and the frames' {expected:016x}")
    times = (held[0].time, held[-1].time) if held else (0, 0)
    if (frames, records, first_time, last_time) != (len(held), sum(each.count for each in held), *times):
        problems.append(f"{name}: the seal's sums are not those of the frames")


def read_segment(folder, file, store, durable, problems):
    """The walk of one listed segment."""
    name, sealed = file["name"], file["seal"]
    data = read(folder, name)
    if sealed and len(data) != sealed["size"]:
        problems.append(f"{name}: {len(data)} bytes, listed with {sealed['size']}")
    try:
        header = FileHeader(data, SEGMENT_MAGIC)
        is_lost = header.crc != file["crc"]
    except ValueError:
        is_lost = True
    # What the frames need of the header stands in the manifest, too.
    if sealed:
        walk = Walk(data, FileHeader.listed(file, store), sealed["last"], sealed["size"])
    else:
        walk = Walk(data, FileHeader.listed(file, store), durable)
    if sealed and walk.tail == "torn":
        # No crash takes a seal.
        walk.damages.append((walk.cut, max(walk.cut, sealed["size"]), walk.next, walk.next - 1))
        walk.tail, walk.cut = "damaged", None
    if is_lost:
        walk.damages.insert(0, (0, HEADER, file["first"], file["first"] - 1))
    if walk.seal:
        check_seal(file, walk, problems)
        if sealed and walk.end != len(data):
            problems.append(f"{name}: {len(data) - walk.end} bytes behind the seal")
    return walk


def check_strays(folder, state, store, problems):
    """A segment that is not listed, has an id never used and holds a whole frame: the manifest lost an edit."""
    listed = {file["name"] for file in (*state.files.values(), *state.removed.values())}
    for name in sorted(os.listdir(os.path.join(folder, "log"))):
        match = re.fullmatch(r"[0-9]{20}-([0-9a-f]{8,16})\.log", name)
        if not match or f"log/{name}" in listed or (id := int(match[1], 16)) < state.next_file:
            continue
        data = read(folder, f"log/{name}")
        header = FileHeader.listed({"id": id, "first": 0, "epoch": 0, "crc": 0}, store)
        file = FrameFile(data, header)
        if any(file.whole(at, False) for at in range(HEADER, len(data), ALIGNMENT)):
            problems.append(f"log/{name} is not listed and holds frames: the manifest lost an edit")


def read_store(folder):
    """Everything that the page lets one know about a store."""
    answer = {"verdict": "sound", "segments": [], "damages": [], "problems": []}
    problems = answer["problems"]
    try:
        store, name = read_current(folder)
        header, manifest, state = read_manifest(folder, name, store)
        answer.update({
            "store_id": store.hex(), "epoch": state.epoch, "floor": state.floor, "ceiling": state.ceiling,
            "next_file": state.next_file, "gaps": [list(gap) for gap in state.gaps],
            "manifest": {"name": name, "edits": sum(frame.count for frame in manifest.frames), "tail": manifest.tail,
                         "cut": manifest.cut, "end": manifest.end}})
        for file in state.files.values():
            if not os.path.exists(os.path.join(folder, file["name"])):
                problems.append(f"{file['name']} is missing")
        durable, damages = 0, list(state.damages)
        for file in state.segments:
            file["damages"] = [damage for damage in state.damages if damage[0] == file["id"]]
            sealed = file["seal"]
            walk = None
            if os.path.exists(os.path.join(folder, file["name"])):
                walk = read_segment(folder, file, store, durable, problems)
            if walk is None:
                durable = max(durable, sealed["last"] if sealed else 0)
                continue
            if walk.next > state.ceiling:
                problems.append(f"{file['name']}: LSN {walk.next - 1} is not below the ceiling {state.ceiling}")
            found = [(file["id"], *damage) for damage in walk.damages]
            damages += [damage for damage in found if damage not in damages]
            if sealed:
                durable = max(durable, sealed["last"])
            answer["segments"].append({
                "name": file["name"], "id": file["id"], "finished": bool(sealed), "first": file["first"],
                "last": walk.next - 1, "tail": walk.tail, "cut": walk.cut, "end": walk.end,
                "frames": [
                    {"offset": each.offset, "end": each.end, "type": each.type, "first": each.base,
                     "last": each.after - 1, "time": each.time, "durable": each.durable, "bytes": each.length,
                     "crc": crc(each.payload), "payload_crc": each.payload_crc, "header_crc": each.crc}
                    for each in walk.frames]})
        check_strays(folder, state, store, problems)
        for id, start, end, first, last in damages:
            is_lost = first <= last
            answer["damages"].append({
                "file": state.files[id]["name"] if id else None, "first_byte": start, "end_byte": end,
                "first_lsn": first if is_lost else None, "last_lsn": last if is_lost else None})
        if problems or not all(state.is_accepted(damage) for damage in damages):
            answer["verdict"] = "damaged"
        elif "torn" in [manifest.tail] + [each["tail"] for each in answer["segments"]]:
            answer["verdict"] = "torn tail"
    except Refused as error:
        answer["verdict"] = "refused"
        problems.append(str(error))
    return answer


def main():
    arguments = [word for word in sys.argv[1:] if word != "--json"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    answer = read_store(arguments[0])
    if "--json" in sys.argv:
        print(json.dumps(answer))
    else:
        for segment in answer["segments"]:
            print(f"{segment['name']}: LSNs {segment['first']} to {segment['last']}, ends {segment['tail']}")
            for frame in segment["frames"]:
                if frame["type"] not in (RECORDS, CLOCK):
                    continue
                print("  {offset:>10}  {first}..{last}  {time}  {crc:08x}".format(**frame))
            if segment["cut"] is not None:
                print(f"  torn: cut at {segment['cut']}")
        for damage in answer["damages"]:
            print("damaged: {file}, bytes {first_byte}..<{end_byte}, LSNs {first_lsn}..{last_lsn}".format(**damage))
        for problem in answer["problems"]:
            print(f"problem: {problem}")
        print(answer["verdict"])
    sys.exit({"sound": 0, "torn tail": 0, "damaged": 1, "refused": 2}[answer["verdict"]])


if __name__ == "__main__":
    main()
