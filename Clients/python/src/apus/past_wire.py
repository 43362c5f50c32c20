"""HISTORY and EXPLAIN as bytes, and nothing else: what was said of an entity, and why a cell is what it is. `wire` has the other messages."""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

from .reply import CODES, one_value
from .types import FeatureType
from .wire import Buffer, Reader, malformed, short, text

#: The kinds of moments.
NEWEST, AT_LSN, KNOWN_BY, BY_RECEIPT = 1, 2, 3, 4
#: The options of HISTORY.
NEWEST_FIRST, REFUSED = 1, 2
UPSERT, DELETE = 1, 2
WINS, WINS_NOTHING, WAS_REFUSED = 1, 2, 3
#: Why a candidate did not win; the first of two did.
WON, OLDER, NOT_YET_KNOWN, ENDED = 0, 1, 2, 4
NULL, VALUE, DELETED = 1, 2, 3

_HISTORY: Final = struct.Struct("<BBHIQqqq")
_EXPLAIN: Final = struct.Struct("<IHBBQq")
_STAMP: Final = struct.Struct("<Qqqq")


class Moment(NamedTuple):
    """As of when something is looked at; what its kind does not need is zero."""

    kind: int = NEWEST
    lsn: int = 0
    time: int = 0
    receipt: bytes = b""


class Stamp(NamedTuple):
    """An event's place in the log and its times, in nanoseconds."""

    lsn: int
    event_time: int
    created_at: int
    known_at: int


def _stamp(r: Reader) -> Stamp:
    return Stamp(*r.unpack(_STAMP))


def _flag(r: Reader) -> bool:
    value = r.u8()
    if value > 1:
        raise malformed(f"there are no flags {value}", r.at - 1)
    return value == 1


def _one_of(r: Reader, what: str, *allowed: int) -> int:
    value = r.u8()
    if value not in allowed:
        raise malformed(f"there is no {what} {value}", r.at - 1)
    return value


def _value(r: Reader, kind: FeatureType, is_given: bool) -> Any:
    count = r.u32()
    at = r.at
    data = r.take(count)
    if not is_given:
        if count:
            raise malformed("there is a value where there is none", at)
        return None
    return one_value(kind, data, at).to_list()[0]


# HISTORY


def history(
    view: str,
    key: bytes,
    events_max: int,
    moment: Moment = Moment(),  # noqa: B008 - it cannot be changed
    options: int = 0,
    start: int = -(1 << 63),
    end: int = (1 << 63) - 1,
    place: bytes = b"",
    project: str = "",
) -> bytes:
    """`start`, `end`: event times, both included; `place`: where to go on, as a page said."""
    head = _HISTORY.pack(moment.kind, options, 0, events_max, moment.lsn, moment.time, start, end)
    return head + short(project) + short(view) + short(key) + text(place)


class SaidCell(NamedTuple):
    """What an event says of a feature; nothing stands where it says null."""

    feature: str
    type: FeatureType
    value: Any


class SaidEvent(NamedTuple):
    operation: int
    fate: int
    is_assumed: bool
    stamp: Stamp
    producer: str
    rule: str
    cells: tuple[SaidCell, ...]


class HistoryPage(NamedTuple):
    lsn: int
    time: int
    may_lack: bool
    horizon: tuple[int, int]
    view: str
    next: bytes
    events: tuple[SaidEvent, ...]


def history_reply(body: Buffer) -> HistoryPage:
    r = Reader(body)
    lsn, time, may_lack = r.u64(), r.i64(), _flag(r)
    r.zero(3)
    count = r.u32()
    horizon = (r.u64(), r.i64())
    view, following = r.short(), r.bytes()
    events = tuple(_event(r) for _ in range(count))
    r.end()
    return HistoryPage(lsn, time, may_lack, horizon, view, following, events)


def _event(r: Reader) -> SaidEvent:
    operation = _one_of(r, "operation", UPSERT, DELETE)
    fate = _one_of(r, "fate", WINS, WINS_NOTHING, WAS_REFUSED)
    is_assumed = _flag(r)
    r.zero(1)
    stamp, producer, rule = _stamp(r), r.short(), r.short()
    return SaidEvent(operation, fate, is_assumed, stamp, producer, rule, tuple(_cell(r) for _ in range(r.u16())))


def _cell(r: Reader) -> SaidCell:
    feature, kind = r.short(), r.type()
    return SaidCell(feature, kind, _value(r, kind, _one_of(r, "state of a cell", NULL, VALUE) == VALUE))


# EXPLAIN


def explain(handle: int, rows: int, keys: bytes, moment: Moment = Moment()) -> bytes:  # noqa: B008 - it cannot be changed
    """`keys`: as GET has them."""
    return _EXPLAIN.pack(handle, rows, moment.kind, 0, moment.lsn, moment.time) + moment.receipt + keys


class SaidColumn(NamedTuple):
    name: str
    type: FeatureType
    #: ``card_activity@1:last_action``
    feature: str


class SaidCandidate(NamedTuple):
    reason: int
    state: int
    is_assumed: bool
    stamp: Stamp
    producer: str
    value: Any


class Explained(NamedTuple):
    lsn: int
    time: int
    may_lack: bool
    service: str
    columns: tuple[SaidColumn, ...]
    #: Row after row, and in a row column after column: a code and the candidates.
    cells: tuple[tuple[int, tuple[SaidCandidate, ...]], ...]


def explain_reply(body: Buffer, rows_asked: int) -> Explained:
    r = Reader(body)
    lsn, time, may_lack = r.u64(), r.i64(), _flag(r)
    r.zero(1)
    rows, count = r.u16(), r.u16()
    r.zero(2)
    if rows != rows_asked:
        raise malformed("its head does not answer what was asked", 18)
    service = r.short()
    columns = tuple(SaidColumn(r.short(), r.type(), r.short()) for _ in range(count))
    cells = tuple(_explained(r, column.type) for _ in range(rows) for column in columns)
    r.end()
    return Explained(lsn, time, may_lack, service, columns, cells)


def _explained(r: Reader, kind: FeatureType) -> tuple[int, tuple[SaidCandidate, ...]]:
    code = r.u8()
    if not 1 <= code < CODES - 1:
        raise malformed(f"there is no code {code}", r.at - 1)
    candidates = tuple(_candidate(r, kind) for _ in range(_one_of(r, "number of candidates", 0, 1, 2)))
    if len(candidates) == 2 and [one.reason == WON for one in candidates] != [True, False]:
        raise malformed("of two candidates the first wins, and it alone", r.at)
    return code, candidates


def _candidate(r: Reader, kind: FeatureType) -> SaidCandidate:
    reason = _one_of(r, "reason", WON, OLDER, NOT_YET_KNOWN, ENDED)
    state = _one_of(r, "state of a candidate", NULL, VALUE, DELETED)
    is_assumed = _flag(r)
    r.zero(1)
    stamp, producer = _stamp(r), r.short()
    return SaidCandidate(reason, state, is_assumed, stamp, producer, _value(r, kind, state == VALUE))
