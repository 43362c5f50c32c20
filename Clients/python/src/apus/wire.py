"""The protocol's messages as bytes, and nothing else: `Sources/ApusWire/Protocol.md` of the server is the law.

What a server sends is read strictly. A cut body, bytes too many, a zero that is none: `BadReply`, after which the connection
is closed, because nothing behind it can be trusted. Feature values of a reply to GET are read in `reply`, rows of a PUSH are
made in `batch`; everything else is here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Union

from .errors import ApusError, BadReply, from_server
from .types import FLOAT64, INT64, STRING, VECTOR, FeatureType

VERSION: Final = 1
MAGIC: Final = b"APUSWIRE"
(HELLO, PREPARE, GET, PUSH, DELETE, ERASE, PRODUCER, WAIT, SCAN, DESCRIBE, STATS, PING, RELEASE, CONSOLE) = range(1, 15)
HISTORY, EXPLAIN, EXPORT = 16, 17, 18
REPLY: Final = 128
ERROR: Final = 255
COMPRESSED: Final = 1
#: The layouts of a reply to GET.
COLUMNS, ONE_ROW, DENSE32, DENSE64 = 1, 2, 3, 4
#: The options of a GET.
MINIMUM, EXACT, STALE, TIMES, LSNS = 1, 2, 4, 8, 16
#: The moment that means "now" as an event time, and "none" elsewhere.
NO_MOMENT: Final = (1 << 63) - 1
BODY_MAX: Final = 16 << 20

HEADER: Final = struct.Struct("<IBBHQ")
PADDING: Final = tuple(bytes(count) for count in range(8))
_U16, _U32, _U64, _I64 = (struct.Struct("<" + letter) for letter in "HIQq")
_GET: Final = struct.Struct("<IHBB")
_PUSH: Final = struct.Struct("<BBBBIQ")
_PRODUCER: Final = struct.Struct("<IIQ")

Buffer = Union[bytes, bytearray, memoryview]


def padded(data: bytes) -> bytes:
    """With zeroes up to the next multiple of 8."""
    return data + PADDING[-len(data) & 7]


def frame(kind: int, request: int, body: bytes = b"", deadline: int = 0, flags: int = 0) -> bytes:
    """A message as it goes through the socket. `deadline`: in milliseconds, 0 for none."""
    return HEADER.pack(len(body), kind, flags, deadline, request) + body + PADDING[-len(body) & 7]


def short(words: str | bytes) -> bytes:
    data = words.encode() if isinstance(words, str) else words
    return _U16.pack(len(data)) + data


def text(words: str | bytes) -> bytes:
    data = words.encode() if isinstance(words, str) else words
    return _U32.pack(len(data)) + data


def malformed(what: str, at: int) -> BadReply:
    return BadReply(what, f"byte {at} of a reply", "is there an Apus server of this version at the address?")


class Reader:
    """Reads fields one after another, and refuses a body that is cut."""

    __slots__ = ("at", "data")

    def __init__(self, data: Buffer, at: int = 0) -> None:
        self.data = memoryview(data)
        self.at = at

    def take(self, count: int) -> memoryview:
        end = self.at + count
        if end > len(self.data):
            raise malformed(f"it is cut: {count} bytes should follow", self.at)
        out = self.data[self.at : end]
        self.at = end
        return out

    def unpack(self, form: struct.Struct) -> tuple[Any, ...]:
        return form.unpack(self.take(form.size))

    def u8(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return int(_U16.unpack(self.take(2))[0])

    def u32(self) -> int:
        return int(_U32.unpack(self.take(4))[0])

    def u64(self) -> int:
        return int(_U64.unpack(self.take(8))[0])

    def i64(self) -> int:
        return int(_I64.unpack(self.take(8))[0])

    def zero(self, count: int) -> None:
        if any(self.take(count)):
            raise malformed("there is something where zeroes belong", self.at - count)

    def align(self) -> None:
        self.zero(-self.at & 7)

    def bool(self) -> bool:
        value = self.u8()
        if value > 1:
            raise malformed(f"{value} is no bool", self.at - 1)
        return value == 1

    def utf8(self, count: int) -> str:
        try:
            return str(self.take(count), "utf-8")
        except UnicodeDecodeError as error:
            raise malformed("a text is no UTF-8", self.at - count) from error

    def short(self) -> str:
        return self.utf8(self.u16())

    def short_bytes(self) -> bytes:
        return bytes(self.take(self.u16()))

    def text(self) -> str:
        return self.utf8(self.u32())

    def bytes(self) -> bytes:
        return bytes(self.take(self.u32()))

    def type(self) -> FeatureType:
        kind = FeatureType(self.u8(), self.u8(), self.u16())
        is_vector = kind.shape == VECTOR
        if not 1 <= kind.element <= 8 or kind.shape > VECTOR or is_vector != (kind.length > 0):
            raise malformed(f"there is no type {tuple(kind)}", self.at - 4)
        if is_vector and kind.element not in (2, 3, 4, 5):
            raise malformed(f"there is no vector of element {kind.element}", self.at - 4)
        return kind

    def end(self) -> None:
        if self.at != len(self.data):
            raise malformed(f"{len(self.data) - self.at} bytes too many follow", self.at)


def type_bytes(kind: FeatureType) -> bytes:
    return struct.pack("<BBH", *kind)


# HELLO


class Token(NamedTuple):
    """What `apus token create` printed: the id, and 32 secret bytes."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Token(id={self.id!r}, secret=…)"


class Hello(NamedTuple):
    """What a server says of itself."""

    version: int
    compression: int
    features: int
    store: bytes
    timeline: bytes
    visible: int
    clock: int
    frame_max: int
    in_flight_max: int
    rows_max: int
    durability: int
    scopes: int
    server: str


def hello(
    client: str,
    token: Token | None = None,
    compression: int = 0,
    lowest: int = VERSION,
    highest: int = VERSION,
    required: int = 0,
    optional: int = 0,
) -> bytes:
    return (
        MAGIC
        + struct.pack("<HHIQQ", lowest, highest, compression, required, optional)
        + short(client)
        + short(token.id if token else b"")
        + short(token.secret if token else b"")
    )


def hello_reply(body: Buffer) -> Hello:
    r = Reader(body)
    version = r.u16()
    r.zero(2)
    compression, features = r.u32(), r.u64()
    store, timeline = bytes(r.take(16)), bytes(r.take(16))
    numbers = (r.u64(), r.i64(), r.u32(), r.u32(), r.u32(), r.u8(), r.u8())
    r.zero(2)
    out = Hello(version, compression, features, store, timeline, *numbers, r.short())
    r.end()
    if out.version != VERSION:
        raise malformed(f"the server wants to speak version {out.version}", 0)
    if out.frame_max > BODY_MAX:
        raise malformed(f"a body may not have {out.frame_max} bytes", 64)
    return out


# PREPARE


class KeyPart(NamedTuple):
    """How a request calls a part of a key, and its element."""

    name: str
    element: int


class Role(NamedTuple):
    """Whose features these are: an entity, perhaps one of several in a request."""

    entity: str
    name: str
    parts: tuple[KeyPart, ...]


class ColumnInfo(NamedTuple):
    """A column of a vector of features."""

    name: str
    type: FeatureType
    #: ``view@1:feature``
    feature: str
    has_default: bool
    #: In nanoseconds; 0: values of any age are given.
    ttl: int


class PrepareReply(NamedTuple):
    handle: int
    can_be_dense: bool
    fingerprint: bytes
    roles: tuple[Role, ...]
    columns: tuple[ColumnInfo, ...]


SERVICE, FEATURES = 1, 2


def prepare(names: Sequence[str], kind: int = SERVICE, project: str = "") -> bytes:
    parts = b"".join(map(short, names))
    return bytes((kind, 0, 0, 0)) + short(project) + _U16.pack(len(names)) + parts


def prepare_reply(body: Buffer) -> PrepareReply:
    r = Reader(body)
    handle, flags = r.u32(), r.u32()
    if handle == 0 or flags > 1:
        raise malformed(f"handle {handle} and flags {flags} cannot be", 0)
    fingerprint = bytes(r.take(32))
    roles = []
    for _ in range(r.u16()):
        entity, name = r.short(), r.short()
        roles.append(Role(entity, name, tuple(KeyPart(r.short(), r.u8()) for _ in range(r.u16()))))
    columns = [ColumnInfo(r.short(), r.type(), r.short(), r.bool(), r.i64()) for _ in range(r.u16())]
    r.end()
    return PrepareReply(handle, flags == 1, fingerprint, tuple(roles), tuple(columns))


def release(handle: int) -> bytes:
    return _U32.pack(handle)


def empty_reply(body: Buffer) -> None:
    Reader(body).end()


# GET: the reply is read in `reply`


def get(
    handle: int,
    rows: int,
    keys: bytes,
    layout: int = COLUMNS,
    options: int = 0,
    minimum: int | None = None,
    exact: tuple[int, int] | None = None,
) -> bytes:
    """`keys`: a short each, in the order of rows, and of roles in each; `exact`: an LSN and a time."""
    if exact is not None:
        return _GET.pack(handle, rows, layout, options | EXACT) + struct.pack("<Qq", *exact) + keys
    if minimum is not None:
        return _GET.pack(handle, rows, layout, options | MINIMUM) + _U64.pack(minimum) + keys
    return _GET.pack(handle, rows, layout, options) + keys


# PUSH and DELETE: the columns are made in `batch`

SET_ASIDE, ALL_OR_NOTHING = 1, 2
LIVE, NOW, EVENT_TIME, EVENT_TIME_PLUS, COLUMN = 1, 2, 3, 4, 5


class ProducerStamp(NamedTuple):
    id: int
    epoch: int
    sequence: int


def push_head(
    view: str,
    columns: Sequence[str],
    rows: int,
    project: str = "",
    policy: int = SET_ASIDE,
    known_at: int = LIVE,
    delay: int = 0,
    producer: ProducerStamp | None = None,
    offset: bytes | None = None,
    has_created_at: bool = False,
    has_known_at: bool = False,
) -> bytes:
    """The body of a PUSH up to the event times, aligned."""
    options = (producer is not None) | (offset is not None) << 1 | has_created_at << 2 | has_known_at << 3
    head = _PUSH.pack(policy, known_at, options, 0, rows, delay)
    if producer is not None:
        head += _PRODUCER.pack(*producer)
    if offset is not None:
        head += text(offset)
    return padded(head + short(project) + short(view) + _U16.pack(len(columns)) + b"".join(map(short, columns)))


class Tally(NamedTuple):
    """Rows that one rule refused."""

    view: str
    rule: str
    rows: int
    #: The first of them, from 0.
    first_row: int
    words: str


class PushReply(NamedTuple):
    first: int
    last: int
    durable: int
    time: int
    accepted: int
    set_aside: int
    erased: int
    set_back: int
    again: bool
    tallies: tuple[Tally, ...]


_PUSH_REPLY: Final = struct.Struct("<QQQqIIIIB3s")


def push_reply(body: Buffer) -> PushReply:
    r = Reader(body)
    first, last, durable, time, accepted, aside, erased, back, flags, zero = r.unpack(_PUSH_REPLY)
    if flags > 1 or any(zero):
        raise malformed("the answer to a push has flags that there are not", 48)
    tallies = tuple(Tally(r.short(), r.short(), r.u32(), r.u32(), r.text()) for _ in range(r.u32()))
    r.end()
    return PushReply(first, last, durable, time, accepted, aside, erased, back, flags == 1, tallies)


class ProducerReply(NamedTuple):
    id: int
    epoch: int
    sequence: int
    offset: bytes | None


def producer_reply(body: Buffer) -> ProducerReply:
    r = Reader(body)
    numbers = r.unpack(_PRODUCER)
    has_offset = r.bool()
    r.zero(7)
    out = ProducerReply(numbers[0], numbers[1], numbers[2], r.bytes() if has_offset else None)
    r.end()
    return out


# The small ones


def erase(keys: Iterable[tuple[str, FeatureType, bytes]], project: str = "", dry_run: bool = False) -> bytes:
    """`keys`: a name, its type, and the value's bytes."""
    parts = [short(name) + type_bytes(kind) + text(value) for name, kind, value in keys]
    return short(project) + _U16.pack(len(parts)) + b"".join(parts) + bytes((dry_run,))


class EraseReply(NamedTuple):
    lsn: int
    time: int
    views: dict[str, int]


def erase_reply(body: Buffer) -> EraseReply:
    r = Reader(body)
    lsn, time = r.u64(), r.i64()
    views = {}
    for _ in range(r.u32()):
        name = r.short()
        views[name] = r.u64()
    r.end()
    return EraseReply(lsn, time, views)


VISIBLE, DURABLE = 1, 2


def wait(lsn: int, what: int = VISIBLE) -> bytes:
    return _U64.pack(lsn) + bytes((what, 0, 0, 0, 0, 0, 0, 0))


class WaitReply(NamedTuple):
    visible: int
    durable: int


def wait_reply(body: Buffer) -> WaitReply:
    r = Reader(body)
    out = WaitReply(r.u64(), r.u64())
    r.end()
    return out


class Pong(NamedTuple):
    """The answer to a ping: the server's clock, in nanoseconds since 1970, and what can be read there."""

    clock: int
    visible: int
    echo: bytes


def ping_reply(body: Buffer) -> Pong:
    r = Reader(body)
    clock, visible = r.i64(), r.u64()
    return Pong(clock, visible, bytes(r.take(len(r.data) - 16)))


Figure = Union[int, float, str]


def stats_reply(body: Buffer) -> dict[str, Figure]:
    r = Reader(body)
    out: dict[str, Figure] = {}
    for _ in range(r.u32()):
        name, kind = r.short(), r.u8()
        if kind == STRING:
            out[name] = r.text()
        elif kind == INT64:
            out[name] = r.i64()
        elif kind == FLOAT64:
            out[name] = struct.unpack("<d", r.take(8))[0]
        else:
            raise malformed(f"there is no figure of type {kind}", r.at - 1)
    r.end()
    return out


def describe(name: str = "", project: str = "") -> bytes:
    return short(project) + short(name)


def describe_reply(body: Buffer) -> str:
    r = Reader(body)
    out = r.text()
    r.end()
    return out


def scan(view: str, rows_max: int, start: bytes = b"", project: str = "") -> bytes:
    return short(project) + short(view) + _U32.pack(rows_max) + text(start)


def console(words: Sequence[str], files: Mapping[str, str]) -> bytes:
    named = b"".join(short(path) + text(content) for path, content in files.items())
    return _U16.pack(len(words)) + b"".join(map(text, words)) + _U16.pack(len(files)) + named


class ConsoleReply(NamedTuple):
    exit: int
    output: str
    errors: str


def console_reply(body: Buffer) -> ConsoleReply:
    r = Reader(body)
    code = r.u8()
    r.zero(7)
    out = ConsoleReply(code, r.text(), r.text())
    r.end()
    return out


# Errors


class Refusal(NamedTuple):
    """An error as it came."""

    code: int
    kind: int
    wait: int
    what: str
    where: str
    next: str
    details: tuple[tuple[str, str], ...]

    def error(self) -> ApusError:
        return from_server(self.code, self.kind, self.wait, self.what, self.where, self.next, dict(self.details))


def refusal(body: Buffer) -> Refusal:
    r = Reader(body)
    code, kind = r.u16(), r.u8()
    if not 1 <= kind <= 3:
        raise malformed(f"there is no class {kind} of errors", 2)
    r.zero(1)
    words = (r.u32(), r.text(), r.text(), r.text())
    details = tuple((r.short(), r.text()) for _ in range(r.u16()))
    r.end()
    return Refusal(code, kind, *words, details)
