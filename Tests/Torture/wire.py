"""The protocol of Sources/ApusWire/Protocol.md, written from that page alone: the bytes of every message.

Nothing here was taken from the server's own code, so that the two check each other. What a peer sends is read strictly: a
zero that is none, a section that is too short or too long, a validity bit that contradicts its code is `Malformed`.
"""

import collections
import hashlib
import math
import struct

HEADER = struct.Struct("<IBBHQ")
MAGIC = b"APUSWIRE"
NONE = (1 << 63) - 1

(HELLO, PREPARE, GET, PUSH, DELETE, ERASE, PRODUCER, WAIT, SCAN, DESCRIBE, STATS, PING, RELEASE, CONSOLE) = range(1, 15)
HISTORY, EXPLAIN = 16, 17
REPLY, ERROR = 128, 255
COMPRESSED = 1
COLUMNS, ONE_ROW, DENSE32, DENSE64 = 1, 2, 3, 4
MINIMUM, EXACT, STALE, TIMES, LSNS = 1, 2, 4, 8, 16

BOOL, INT32, INT64, FLOAT32, FLOAT64, STRING, BYTES, TIMESTAMP = range(1, 9)
SCALAR, LIST, VECTOR = 0, 1, 2
WIDTHS = {BOOL: 1, INT32: 4, INT64: 8, FLOAT32: 4, FLOAT64: 8, TIMESTAMP: 8}
LETTERS = {BOOL: "?", INT32: "i", INT64: "q", FLOAT32: "f", FLOAT64: "d", TIMESTAMP: "q"}

PRESENT, NULL, OUT_OF_AGE = 1, 2, 4
REASONS = {
    0: "invalid", 1: "present", 2: "null", 3: "never seen", 4: "out of age", 5: "not yet known", 6: "deleted", 7: "erased",
    8: "beyond history", 9: "null out of age"}
SESSION_CODES = {1, 2, 3, 4, 5, 6}
CODES = {
    1: "MALFORMED", 2: "TOO_LONG", 3: "VERSION", 4: "FEATURE", 5: "UNAUTHENTICATED", 6: "TOO_SLOW", 7: "SHUTTING_DOWN",
    16: "FORBIDDEN", 17: "UNKNOWN_NAME", 18: "UNKNOWN_HANDLE", 19: "DEFINITION_CHANGED", 20: "BAD_KEY", 21: "BAD_REQUEST",
    22: "RETIRED", 23: "ROWS_REFUSED", 24: "UNSUPPORTED", 32: "OVERLOADED", 33: "DEADLINE", 34: "NOT_YET", 35: "REBUILDING",
    36: "READ_ONLY", 37: "DISK_FULL", 38: "CLOCK_JUMP", 39: "STOPPED", 40: "DEAD_LETTERS_FULL", 48: "FENCED",
    49: "SEQUENCE_GAP", 50: "SEQUENCE_REUSED", 51: "SEQUENCE_TOO_OLD", 52: "PRODUCER_EXPIRED", 53: "UNKNOWN_PRODUCER",
    64: "LSN_LOST", 65: "HISTORY_GONE", 66: "BEYOND_HISTORY", 67: "BAD_RECEIPT", 68: "BAD_SPINE", 127: "INTERNAL"}
REQUEST_CLASS, RETRY_CLASS, SESSION_CLASS = 1, 2, 3
CLASSES = {code: RETRY_CLASS for code in (7, 19, 32, 33, 34, 35, 37, 38, 39, 40, 127)}

Type = collections.namedtuple("Type", "element shape count", defaults=(SCALAR, 0))
Column = collections.namedtuple("Column", "name type source defaulted ttl")
Role = collections.namedtuple("Role", "entity name parts")
Frame = collections.namedtuple("Frame", "type flags deadline id body")
# `value` is None where there is none; `time` and `lsn` are those of the winner, where they were asked for.
Cell = collections.namedtuple("Cell", "code value time lsn", defaults=(None, None))


class Absent:
    def __repr__(self):
        return "ABSENT"


ABSENT = Absent()


class Malformed(Exception):
    """What came is not what the page says."""


class Gone(Exception):
    """The peer has ended the connection."""


class Refusal(Exception):
    """An error frame."""

    def __init__(self, error):
        self.__dict__.update(error)
        self.name = CODES.get(self.code, str(self.code))
        super().__init__(f"{self.name}: {self.what}; {self.where}; {self.next}")


def check(condition, words):
    if not condition:
        raise Malformed(words)


# Bytes


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count < 0 or self.at + count > len(self.data):
            raise Malformed(f"cut at {len(self.data)}: {count} bytes were to follow at {self.at}")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, letter):
        return struct.unpack("<" + letter, self.take(struct.calcsize("<" + letter)))[0]

    u8 = lambda self: self.number("B")
    u16 = lambda self: self.number("H")
    u32 = lambda self: self.number("I")
    u64 = lambda self: self.number("Q")
    i64 = lambda self: self.number("q")

    def zero(self, count):
        if any(self.take(count)):
            raise Malformed(f"not zero before {self.at}")

    def align(self):
        self.zero(-self.at % 8)

    def bool(self):
        value = self.u8()
        check(value < 2, f"{value} is no bool")
        return value == 1

    def flags(self, count, size="I"):
        """Bits from the lowest on; the others are zero."""
        value = self.number(size)
        check(value < 1 << count, f"flags {value}")
        return [bool(value >> bit & 1) for bit in range(count)]

    def utf8(self, count):
        try:
            return bytes(self.take(count)).decode()
        except UnicodeDecodeError as error:
            raise Malformed(f"no UTF-8 before {self.at}") from error

    def short(self):
        return self.utf8(self.u16())

    def short_bytes(self):
        return bytes(self.take(self.u16()))

    def text(self):
        return self.utf8(self.u32())

    def bytes(self):
        return bytes(self.take(self.u32()))

    def type(self):
        kind = Type(self.u8(), self.u8(), self.u16())
        if not 1 <= kind.element <= 8 or kind.shape > 2 or (kind.shape == VECTOR) != (kind.count > 0):
            raise Malformed(f"no such type: {kind}")
        return kind

    def end(self):
        if self.at != len(self.data):
            raise Malformed(f"{len(self.data) - self.at} bytes too many")


def u8(n): return struct.pack("<B", n)
def u16(n): return struct.pack("<H", n)
def u32(n): return struct.pack("<I", n)
def u64(n): return struct.pack("<Q", n)
def i64(n): return struct.pack("<q", n)


def short(words):
    data = words.encode() if isinstance(words, str) else words
    return u16(len(data)) + data


def text(words):
    data = words.encode() if isinstance(words, str) else words
    return u32(len(data)) + data


def padded(data):
    return data + bytes(-len(data) % 8)


def type_bytes(kind):
    return struct.pack("<BBH", *kind)


def frame(kind, request, body=b"", deadline=0, flags=0):
    return HEADER.pack(len(body), kind, flags, deadline, request) + padded(body)


# Keys (KeyEncoding.md)


def key_part(element, value):
    if element == BOOL:
        return u8(value)
    if element in (INT32, INT64, TIMESTAMP):
        bits = 31 if element == INT32 else 63
        return (value + (1 << bits)).to_bytes((bits + 1) // 8, "big")
    data = value.encode() if isinstance(value, str) else value
    return data.replace(b"\1", b"\1\2").replace(b"\0", b"\1\1") + b"\0"


def key(*parts):
    """Each part is (element, value)."""
    return b"".join(key_part(element, value) for element, value in parts)


# Values


def is_variable(kind):
    return kind.shape == LIST or kind.shape == SCALAR and kind.element in (STRING, BYTES)


def width(kind):
    return WIDTHS[kind.element] * (kind.count if kind.shape == VECTOR else 1)


def element_bytes(element, value):
    if element in LETTERS:
        return struct.pack("<" + LETTERS[element], value)
    return value.encode() if element == STRING else bytes(value)


def element_value(element, data):
    if element == BOOL and data not in (b"\0", b"\1"):
        raise Malformed("a bool that is neither 0 nor 1")
    if element in LETTERS:
        return struct.unpack("<" + LETTERS[element], data)[0]
    return Reader(data).utf8(len(data)) if element == STRING else bytes(data)


def value_bytes(kind, value):
    """As under *Values*: how a value stands in a reply of one row, or in ERASE."""
    if kind.shape == SCALAR:
        return element_bytes(kind.element, value)
    parts = [element_bytes(kind.element, one) for one in value]
    if kind.element in WIDTHS:
        return b"".join(parts)
    ends, at = b"", 0
    for part in parts:
        at += len(part)
        ends += u32(at)
    return u32(len(parts)) + ends + b"".join(parts)


def value_of(kind, data):
    if kind.shape == SCALAR:
        check(len(data) == WIDTHS.get(kind.element, len(data)), f"{len(data)} bytes are no {kind}")
        return element_value(kind.element, data)
    if kind.element in WIDTHS:
        step = WIDTHS[kind.element]
        if len(data) % step or kind.shape == VECTOR and len(data) != width(kind):
            raise Malformed(f"{len(data)} bytes are no {kind}")
        return [element_value(kind.element, data[at:at + step]) for at in range(0, len(data), step)]
    reader = Reader(data)
    count = reader.u32()
    ends = [0] + [reader.u32() for _ in range(count)]
    parts = [reader.take(b - a) for a, b in zip(ends, ends[1:])]
    reader.end()
    return [element_value(kind.element, part) for part in parts]


def first_section(kind, values):
    """None stands for no value."""
    if not is_variable(kind):
        empty = bytes(width(kind))
        return padded(b"".join(empty if value is None else value_bytes(kind, value) for value in values))
    at, ends = 0, u32(0)
    for value in values:
        if value is not None:
            at += len(value) if kind.shape == LIST else len(element_bytes(kind.element, value))
        ends += u32(at)
    return padded(ends)


def second_section(kind, values):
    if not is_variable(kind):
        return b""
    if kind.shape == SCALAR:
        return padded(b"".join(element_bytes(kind.element, value) for value in values if value is not None))
    parts = [element_bytes(kind.element, one) for value in values if value is not None for one in value]
    if kind.element in WIDTHS:
        return padded(b"".join(parts))
    at, ends = 0, u32(0)
    for part in parts:
        at += len(part)
        ends += u32(at)
    return padded(ends) + padded(b"".join(parts))


def ends_of(reader, count):
    """`count` + 1 of them, the first 0, none less than the one before."""
    ends = list(struct.unpack(f"<{count + 1}I", reader.take(4 * (count + 1))))
    if ends[0] or any(a > b for a, b in zip(ends, ends[1:])):
        raise Malformed("ends that do not ascend from 0")
    reader.align()
    return ends


def read_first(reader, kind, rows):
    if is_variable(kind):
        return ends_of(reader, rows)
    step = width(kind)
    data = reader.take(rows * step)
    reader.align()
    return [data[row * step:(row + 1) * step] for row in range(rows)]


def read_second(reader, kind, first):
    """The bytes, or elements, of each row."""
    if not is_variable(kind):
        return [value_of(kind, data) for data in first]
    if kind.shape == LIST and kind.element not in WIDTHS:
        ends = ends_of(reader, first[-1])
        data = reader.take(ends[-1])
        elements = [element_value(kind.element, data[a:b]) for a, b in zip(ends, ends[1:])]
    elif kind.shape == LIST:
        step = WIDTHS[kind.element]
        data = reader.take(first[-1] * step)
        elements = [element_value(kind.element, data[at:at + step]) for at in range(0, len(data), step)]
    else:
        data = reader.take(first[-1])
        reader.align()
        return [element_value(kind.element, data[a:b]) for a, b in zip(first, first[1:])]
    reader.align()
    return [elements[a:b] for a, b in zip(first, first[1:])]


# HELLO, PREPARE


def hello(token=None, compression=0, lowest=1, highest=1, required=0, optional=0, client="stranger 1"):
    """A token is (id, secret), both bytes."""
    identity, secret = token or (b"", b"")
    return (
        MAGIC + u16(lowest) + u16(highest) + u32(compression) + u64(required) + u64(optional)
        + short(client) + short(identity) + short(secret))


def token_of(words):
    """What `apus token create` printed."""
    _, identity, secret = words.strip().split("_")
    return identity.encode(), bytes.fromhex(secret)


def hello_reply(body):
    r = Reader(body)
    out = {"version": r.u16()}
    r.zero(2)
    out.update(compression=r.u32(), features=r.u64(), store=bytes(r.take(16)), timeline=bytes(r.take(16)))
    out.update(visible=r.u64(), clock=r.i64(), frame_max=r.u32(), in_flight_max=r.u32(), rows_max=r.u32())
    out.update(durability=r.u8(), scopes=r.u8())
    r.zero(2)
    out["server"] = r.short()
    r.end()
    return out


def prepare(names, kind=1, project=""):
    return u8(kind) + bytes(3) + short(project) + u16(len(names)) + b"".join(map(short, names))


def prepare_reply(body):
    r = Reader(body)
    out = {"handle": r.u32(), "dense": r.flags(1)[0], "fingerprint": bytes(r.take(32))}
    out["roles"] = [
        Role(r.short(), r.short(), [(r.short(), r.u8()) for _ in range(r.u16())]) for _ in range(r.u16())]
    out["columns"] = [Column(r.short(), r.type(), r.short(), r.bool(), r.i64()) for _ in range(r.u16())]
    r.end()
    return out


# GET


def get(handle, keys, rows=None, layout=COLUMNS, options=0, minimum=0, exact=(0, 0)):
    """Keys in the order of rows, and of roles within each."""
    return (
        u32(handle) + u16(len(keys) if rows is None else rows) + u8(layout) + u8(options)
        + (u64(minimum) if options & MINIMUM else b"") + (u64(exact[0]) + i64(exact[1]) if options & EXACT else b"")
        + b"".join(map(short, keys)))


def has_value(code, column, options):
    return code == PRESENT or code == OUT_OF_AGE and bool(options & STALE) or 3 <= code <= 8 and column.defaulted


def get_reply(body, columns, options=0):
    """Rows of cells, and what was said of all of them."""
    r = Reader(body)
    out = {"lsn": r.u64(), "time": r.i64()}
    flags, layout, rows, count = r.u8(), r.u8(), r.u16(), r.u16()
    r.zero(2)
    check(flags < 4 and count == len(columns), f"flags {flags}, {count} columns instead of {len(columns)}")
    present = bool(flags & 1)
    out.update(all_present=present, may_lack=bool(flags & 2), layout=layout)
    if layout == COLUMNS:
        read = read_columns
    else:
        check(layout in (ONE_ROW, DENSE32, DENSE64), f"no layout {layout}")
        read = read_one_row if layout == ONE_ROW else read_dense
    codes, values = read(r, columns, rows, present, options, layout)
    times = stamps(r, "q", columns, rows, layout) if options & TIMES else None
    lsns = stamps(r, "Q", columns, rows, layout) if options & LSNS else None
    r.end()
    for line in codes:
        for code, column in zip(line, columns):
            check(code in REASONS and (code != 9 or options & STALE), f"code {code}")
    out["rows"] = [
        [
            Cell(
                codes[row][at], values[row][at] if has_value(codes[row][at], column, options) else None,
                times and times[row][at], lsns and lsns[row][at])
            for at, column in enumerate(columns)]
        for row in range(rows)]
    return out


def stamps(r, letter, columns, rows, layout):
    count = len(columns)
    all_of_them = struct.unpack(f"<{rows * count}{letter}", r.take(8 * rows * count))
    if layout == COLUMNS:
        return [[all_of_them[at * rows + row] for at in range(count)] for row in range(rows)]
    return [all_of_them[row * count:(row + 1) * count] for row in range(rows)]


def read_columns(r, columns, rows, present, options, _):
    firsts = [read_first(r, column.type, rows) for column in columns]
    values = [read_second(r, column.type, first) for column, first in zip(columns, firsts)]
    codes = [[PRESENT] * rows for _ in columns]
    if not present:
        for at in range(len(columns)):
            codes[at] = list(r.take(rows))
            r.align()
        for at, column in enumerate(columns):
            bits = int.from_bytes(r.take((rows + 7) // 8), "little")
            r.align()
            expected = sum(has_value(codes[at][row], column, options) << row for row in range(rows))
            check(bits == expected, f"validity of {column.name}: {bits:b} instead of {expected:b} for codes {codes[at]}")
        check(any(code != PRESENT for line in codes for code in line), "codes, and every cell is present")
        for at, column in enumerate(columns):
            for row in range(rows):
                empty = has_value(codes[at][row], column, options) or not has_content(values[at][row])
                check(empty, f"{column.name} of row {row} has no value, and its bytes are not zero")
    turn = lambda table: [[line[row] for line in table] for row in range(rows)]
    return turn(codes), turn(values)


def has_content(value):
    return any(value) if isinstance(value, list) else bool(value)


def read_one_row(r, columns, rows, present, options, _):
    check(rows == 1, f"{rows} rows as one")
    values = [None] * len(columns)
    for step in (8, 4, 1):
        for at, column in enumerate(columns):
            if column.type.shape == SCALAR and WIDTHS.get(column.type.element) == step:
                values[at] = r.take(step)
    others = [at for at, column in enumerate(columns) if column.type.shape != SCALAR or is_variable(column.type)]
    ends = [0] + [r.u32() for _ in others]
    for at, a, b in zip(others, ends, ends[1:]):
        values[at] = r.take(b - a)
    codes = [PRESENT] * len(columns)
    if not present:
        halves = [half for byte in r.take((len(columns) + 1) // 2) for half in (byte & 15, byte >> 4)]
        codes = halves[:len(columns)]
        check(not any(halves[len(columns):]), "half a byte of codes is not zero")
    for at, (code, column) in enumerate(zip(codes, columns)):
        if has_value(code, column, options):
            values[at] = value_of(column.type, values[at])
        else:
            check(not (values[at] if at in others else any(values[at])), f"{column.name} has no value, and it has bytes")
            values[at] = None
    return [codes], [values]


def read_dense(r, columns, rows, present, options, layout):
    count, letter = len(columns), "f" if layout == DENSE32 else "d"
    block = struct.unpack(f"<{rows * count}{letter}", r.take(rows * count * struct.calcsize(letter)))
    codes = [PRESENT] * (rows * count) if present else list(r.take(rows * count))
    if options & (TIMES | LSNS):
        r.align()
    for at, (code, value) in enumerate(zip(codes, block)):
        check(has_value(code, columns[at % count], options) or math.isnan(value), "a value where there is none")
    cut = lambda cells: [list(cells[row * count:(row + 1) * count]) for row in range(rows)]
    return cut(codes), cut(block)


# PUSH, DELETE, SCAN


def cells_bytes(kind, cells):
    states = bytes(0 if cell is ABSENT else 1 if cell is None else 2 for cell in cells)
    values = [None if cell is ABSENT else cell for cell in cells]
    return type_bytes(kind) + bytes(4) + padded(states) + first_section(kind, values) + second_section(kind, values)


def push(
        view, keys, columns=(), project="", policy=1, known_at=1, delay=0, producer=None, offset=None,
        event_times=None, created_at=None, known=None):
    """Columns are (name, type, cells); a DELETE has none. A producer is (id, epoch, sequence)."""
    options = (producer is not None) | (offset is not None) << 1 | (created_at is not None) << 2 | (known is not None) << 3
    head = struct.pack("<BBBBIQ", policy, known_at, options, 0, len(keys), delay)
    if producer is not None:
        head += struct.pack("<IIQ", *producer)
    if offset is not None:
        head += text(offset)
    head += short(project) + short(view) + u16(len(columns)) + b"".join(short(name) for name, _, _ in columns)
    body = padded(head)
    for moments in ([NONE] * len(keys) if event_times is None else event_times, created_at, known):
        body += b"".join(map(i64, moments or ()))
    body = padded(body + b"".join(map(short, keys)))
    return body + b"".join(cells_bytes(kind, cells) for _, kind, cells in columns)


def push_reply(body):
    r = Reader(body)
    out = {"first": r.u64(), "last": r.u64(), "durable": r.u64(), "time": r.i64()}
    out.update(accepted=r.u32(), set_aside=r.u32(), erased=r.u32(), set_back=r.u32(), again=r.flags(1, "B")[0])
    r.zero(3)
    names = ("view", "rule", "count", "row", "words")
    out["tallies"] = [dict(zip(names, (r.short(), r.short(), r.u32(), r.u32(), r.text()))) for _ in range(r.u32())]
    r.end()
    return out


def scan(view, rows, token=b"", project=""):
    return short(project) + short(view) + u32(rows) + text(token)


def scan_reply(body):
    r = Reader(body)
    out = {"lsn": r.u64()}
    rows = r.u32()
    out["next"] = r.bytes()
    names = [r.short() for _ in range(r.u16())]
    r.align()
    out["event_times"] = [r.i64() for _ in range(rows)]
    out["keys"] = [r.short_bytes() for _ in range(rows)]
    r.align()
    out["columns"] = {}
    for name in names:
        kind = r.type()
        r.zero(4)
        states = r.take(rows)
        r.align()
        values = read_second(r, kind, read_first(r, kind, rows))
        check(all(state < 3 for state in states), "a state above 2")
        cells = [(ABSENT, None, value)[state] for state, value in zip(states, values)]
        out["columns"][name] = (kind, cells)
    r.end()
    return out


# The small ones


def producer(name):
    return short(name)


def producer_reply(body):
    r = Reader(body)
    out = {"id": r.u32(), "epoch": r.u32(), "sequence": r.u64()}
    has_offset = r.bool()
    r.zero(7)
    out["offset"] = r.bytes() if has_offset else None
    r.end()
    return out


def erase(keys, project="", dry_run=False):
    """Keys are (name, type, value)."""
    parts = (short(name) + type_bytes(kind) + text(value_bytes(kind, value)) for name, kind, value in keys)
    return short(project) + u16(len(keys)) + b"".join(parts) + u8(dry_run)


def erase_reply(body):
    r = Reader(body)
    out = {"lsn": r.u64(), "time": r.i64()}
    out["rows"] = {r.short(): r.u64() for _ in range(r.u32())}
    r.end()
    return out


def wait(lsn, durable=False):
    return u64(lsn) + u8(2 if durable else 1) + bytes(7)


def wait_reply(body):
    r = Reader(body)
    out = {"visible": r.u64(), "durable": r.u64()}
    r.end()
    return out


def ping_reply(body):
    r = Reader(body)
    return {"clock": r.i64(), "visible": r.u64(), "echo": bytes(r.take(len(body) - 16))}


def stats_reply(body):
    r = Reader(body)
    out = {}
    for _ in range(r.u32()):
        name, kind = r.short(), r.u8()
        check(kind in (INT64, FLOAT64, STRING), f"a figure of type {kind}")
        out[name] = r.text() if kind == STRING else r.number(LETTERS[kind])
    r.end()
    return out


def describe_reply(body):
    r = Reader(body)
    words = r.text()
    r.end()
    return words


def console(words, files=()):
    parts = (short(path) + text(content) for path, content in files)
    return u16(len(words)) + b"".join(map(text, words)) + u16(len(files)) + b"".join(parts)


def console_reply(body):
    r = Reader(body)
    code = r.u8()
    r.zero(7)
    out = {"exit": code, "out": r.text(), "error": r.text()}
    r.end()
    return out


# The past


Receipt = collections.namedtuple("Receipt", "timeline fingerprint lsn time keys")


def receipt_of(timeline, fingerprint, lsn, at, keys):
    """Of whole digests, and of the keys of a request."""
    return Receipt(
        timeline[:8], fingerprint[:8], lsn, at, hashlib.sha256(b"".join(short(key) for key in keys)).digest()[:8])


def receipt_bytes(receipt):
    return receipt.timeline + receipt.fingerprint + u64(receipt.lsn) + i64(receipt.time) + receipt.keys


def receipt_text(receipt):
    return "r1_" + receipt_bytes(receipt).hex()


def moment_bytes(kind, lsn=0, at=0):
    return u64(lsn if kind == 2 else 0) + i64(at if kind in (2, 3) else 0)


def history(view, key, events, moment=(1,), options=0, since=-1 << 63, until=(1 << 63) - 1, place=b"", project=""):
    return (
        u8(moment[0]) + u8(options) + bytes(2) + u32(events) + moment_bytes(*moment) + i64(since) + i64(until) + short(project)
        + short(view) + short(key) + text(place))


def stamps_of(r):
    return {"lsn": r.u64(), "event_time": r.i64(), "created_at": r.i64(), "known_at": r.i64()}


def history_reply(body):
    r = Reader(body)
    out = {"lsn": r.u64(), "time": r.i64(), "may_lack": r.flags(1, "B")[0]}
    r.zero(3)
    count = r.u32()
    out["horizon"] = (r.u64(), r.i64())
    check(out["horizon"][0] or not out["horizon"][1], "a horizon with a time and no LSN")
    out["view"], out["place"] = r.short(), r.bytes()
    out["events"] = []
    for _ in range(count):
        event = {"operation": r.u8(), "fate": r.u8(), "assumed": r.flags(1, "B")[0]}
        check(event["operation"] in (1, 2) and event["fate"] in (1, 2, 3), f"an event {event}")
        r.zero(1)
        event.update(stamps_of(r), producer=r.short(), rule=r.short())
        check(event["fate"] == 3 or not event["rule"], "a rule of what was not refused")
        event["cells"] = []
        for _ in range(r.u16()):
            feature, kind, state, value = r.short(), r.type(), r.u8(), r.bytes()
            check(state == 2 or state == 1 and not value, f"a cell of state {state}")
            event["cells"].append((feature, kind, value_of(kind, value) if state == 2 else None))
        out["events"].append(event)
    r.end()
    return out


def explain(handle, keys, rows=None, moment=(1,), receipt=None):
    """Keys in the order of rows, and of roles within each. A receipt stands for the moment."""
    kind = 4 if receipt else moment[0]
    return (
        u32(handle) + u16(len(keys) if rows is None else rows) + u8(kind) + u8(0) + (bytes(16) if receipt else moment_bytes(*moment))
        + (receipt_bytes(receipt) if receipt else b"") + b"".join(map(short, keys)))


def explain_reply(body):
    r = Reader(body)
    out = {"lsn": r.u64(), "time": r.i64(), "may_lack": r.flags(1, "B")[0]}
    r.zero(1)
    out["rows"], count = r.u16(), r.u16()
    r.zero(2)
    out["service"] = r.short()
    out["columns"] = [(r.short(), r.type(), r.short()) for _ in range(count)]
    out["cells"] = [explained(r, kind) for _ in range(out["rows"] if count else 0) for _, kind, _ in out["columns"]]
    r.end()
    return out


def explained(r, kind):
    code, count = r.u8(), r.u8()
    check(1 <= code <= 8 and count <= 2, f"a cell of code {code} with {count} candidates")
    candidates = []
    for place in range(count):
        reason, state = r.u8(), r.u8()
        # Of two the first has won, and the other has not.
        check(reason in ((0, 1, 2, 4) if count == 1 else (0,) if place == 0 else (1, 2, 4)), f"candidate {place} has reason {reason}")
        candidate = {"reason": reason, "assumed": r.flags(1, "B")[0]}
        r.zero(1)
        candidate.update(stamps_of(r), producer=r.short())
        value = r.bytes()
        check(state == 2 or state in (1, 3) and not value, f"a candidate of state {state}")
        candidate["said"] = value_of(kind, value) if state == 2 else (None, "deleted")[state == 3]
        candidates.append(candidate)
    return {"code": code, "candidates": candidates}


def error_of(body):
    r = Reader(body)
    out = {"code": r.u16(), "class": r.u8()}
    r.zero(1)
    out.update(wait=r.u32(), what=r.text(), where=r.text(), next=r.text())
    out["details"] = [(r.short(), r.text()) for _ in range(r.u16())]
    r.end()
    check(out["code"] in CODES, f"no error has the code {out['code']}")
    expected = SESSION_CLASS if out["code"] in SESSION_CODES else CLASSES.get(out["code"], REQUEST_CLASS)
    check(out["class"] == expected, f"{CODES[out['code']]} is of class {expected}, not {out['class']}")
    return out


REPLIES = {
    HELLO: hello_reply, PREPARE: prepare_reply, PUSH: push_reply, DELETE: push_reply, ERASE: erase_reply,
    PRODUCER: producer_reply, WAIT: wait_reply, SCAN: scan_reply, DESCRIBE: describe_reply, STATS: stats_reply,
    PING: ping_reply, RELEASE: lambda body: Reader(body).end(), CONSOLE: console_reply,
    HISTORY: history_reply, EXPLAIN: explain_reply}
