"""EXPORT and the frames of streams as bytes, and nothing else. `wire` has the other messages."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from .wire import Buffer, Reader, malformed, short, text

SERVICE, FEATURES, VIEW = 1, 2, 3
#: What labels are: a spine, a spine of texts, or the view's own events.
SPINE, TEXTS, EVENTS = 1, 2, 3
KNOWN, HAPPENED = 1, 2
NEWEST, AT_LSN, AT_TIME, AT_PIN = 1, 2, 3, 4
STRICT, BEYOND_IS_NULL, STALE, WITHOUT_ROWS = 1, 2, 4, 8
STATUSES, REASONS, EVENT_TIMES, LSNS = 1, 2, 4, 8

_HEAD: Final = struct.Struct("<BBBBBBHqQqqqq")
_PROGRESS: Final = struct.Struct("<B7sQQ")
_U16, _U64 = struct.Struct("<H"), struct.Struct("<Q")
_UNKNOWN: Final = (1 << 64) - 1


class Asked(NamedTuple):
    """What an export may be asked; `Export.md` of the server says what each word means."""

    kind: int
    names: tuple[str, ...]
    labels: int = SPINE
    mode: int = KNOWN
    snapshot: int = NEWEST
    options: int = 0
    columns: int = 0
    delay: int = 0
    lsn: int = 0
    time: int = 0
    start: int = 0
    end: int = 0
    #: Nanoseconds that a whole number in the column of moments counts; 0: such a column is refused.
    unit: int = 0
    project: str = ""
    moments: str = ""
    lsns: str = ""
    keys: Mapping[str, str] = {}
    zone: str = ""
    prefix: str = ""
    split: str = ""
    pin: str = ""
    checks: str = ""
    #: What the manifest says of files: set, format, spine, its format.
    told: Sequence[str] = ("", "", "", "")


def export(asked: Asked) -> bytes:
    head = _HEAD.pack(
        asked.kind, asked.labels, asked.mode, asked.snapshot, asked.options, asked.columns, 0, asked.delay, asked.lsn, asked.time,
        asked.start, asked.end, asked.unit,
    )  # fmt: skip
    parts = [head, short(asked.project), _U16.pack(len(asked.names)), *map(short, asked.names), short(asked.moments)]
    parts += [short(asked.lsns), _U16.pack(len(asked.keys))]
    parts += [short(name) + short(column) for name, column in asked.keys.items()]
    parts += [*map(short, (asked.zone, asked.prefix, asked.split, asked.pin)), text(asked.checks), *map(short, asked.told)]
    return b"".join(parts)


class ExportReply(NamedTuple):
    lsn: int
    rows: int
    identity: bytes
    content: bytes
    manifest: str


def export_reply(body: Buffer) -> ExportReply:
    r = Reader(body)
    out = ExportReply(r.u64(), r.u64(), bytes(r.take(32)), bytes(r.take(32)), r.text())
    r.end()
    return out


# The frames of a stream


def data(sequence: int, piece: Buffer) -> bytes:
    return b"".join((_U64.pack(sequence), piece))


def data_piece(body: Buffer, sequence: int) -> memoryview:
    """The bytes of a DATA frame, which must be the next one."""
    r = Reader(body)
    came = r.u64()
    if came != sequence:
        raise malformed(f"piece {came} of a stream came, and {sequence} is the next", 0)
    return r.data[8:]


def credit(count: int) -> bytes:
    return _U64.pack(count)


def credit_given(body: Buffer) -> int:
    r = Reader(body)
    out = r.u64()
    r.end()
    if not out:
        raise malformed("a credit of nothing", 0)
    return out


class Progress(NamedTuple):
    """How far a server is: printed, `joined 50,000 of 100,000 rows`."""

    #: ``read`` (the spine), ``joined`` or ``written``.
    phase: str
    #: Rows.
    done: int
    #: None: not known yet.
    total: int | None

    def __str__(self) -> str:
        of = "" if self.total is None else f" of {self.total:,}"
        return f"{self.phase} {self.done:,}{of} rows"


_PHASES: Final = ("read", "joined", "written")


def progress(body: Buffer) -> Progress:
    r = Reader(body)
    phase, zero, done, total = r.unpack(_PROGRESS)
    r.end()
    if not 1 <= phase <= len(_PHASES) or any(zero):
        raise malformed(f"there is no phase {phase}", 0)
    return Progress(_PHASES[phase - 1], done, None if total == _UNKNOWN else total)
