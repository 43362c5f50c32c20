"""A push from what a user gave to what a server takes: which column is a key, a time or a feature, since when the rows are known, and
what is refused before anything is sent."""

from __future__ import annotations

import difflib
import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Union

import numpy as np
import numpy.typing as npt

from . import sources, wire
from .batch import CHUNK_BYTES, CHUNK_ROWS, Rows
from .cells import ABSENT
from .errors import BadReply, InputError, UnknownName
from .keys import key_as_short, part_of_row
from .times import NOW, Clock, OldRowsWarning, duration_of, hint, spell_type, warn, warn_naive
from .types import NUMBERS, FeatureType
from .wire import KeyPart

_HOUR = 3600 * 10**9


class ViewSchema(NamedTuple):
    """What DESCRIBE says of a view, as far as a push needs it."""

    #: ``card_activity@1``
    name: str
    entity: str
    keys: tuple[KeyPart, ...]
    features: dict[str, FeatureType]
    events: int
    read_at: float

    @classmethod
    def parse(cls, asked: str, words: str) -> ViewSchema:
        try:
            view = json.loads(words).get("view")
            if view is None:
                raise UnknownName(f"{asked} is a service, not a view", next="name one of the views that it reads")
            keys = tuple(KeyPart(one["name"], NUMBERS[one["type"]]) for one in view["entity"]["keys"])
            features = {one["name"]: FeatureType.parse(one["type"]) for one in view["feature_list"]}
            return cls(view["name"], view["entity"]["name"], keys, features, view["events"], time.monotonic())
        except (KeyError, TypeError, ValueError) as error:
            raise BadReply(f"the description of {asked} cannot be read: {error!r}") from error


class KnownAt(NamedTuple):
    """Since when rows are known: how the protocol numbers it, a delay, or a column."""

    rule: int
    delay: int = 0
    column: str | None = None

    @property
    def words(self) -> str:
        return {
            1: "live",
            2: "now",
            3: "event-time",
            4: f"event-time+{self.delay}ns",
            5: f"column:{self.column}",
        }[self.rule]

    @classmethod
    def parse(cls, given: str | None) -> KnownAt | None:
        if given is None:
            return None
        if not isinstance(given, str):
            raise InputError(f"known_at is {spell_type(given)}, not a text", next=_KNOWN_AT)
        spelled = given.replace("_", "-") if given.startswith("event") else given
        simple = {"live": wire.LIVE, "now": wire.NOW, "event-time": wire.EVENT_TIME}
        if spelled in simple:
            return cls(simple[spelled])
        if spelled.startswith("event-time+"):
            return cls(wire.EVENT_TIME_PLUS, duration_of(spelled[len("event-time+") :]))
        if spelled.startswith("column:") and len(spelled) > len("column:"):
            return cls(wire.COLUMN, column=spelled[len("column:") :])
        raise InputError(f"known_at cannot be {given!r}", next=_KNOWN_AT)


_KNOWN_AT = 'write "live", "now", "event-time", "event-time+15m" or "column:NAME"'

#: `"null"` for all columns of floats, or by their names.
NanIs = Union[str, Mapping[str, str], None]
#: The name of a column, one moment for all rows, `apus.NOW`, or nothing: the column `event_timestamp`, if there is one.
EventTime = Any


class PushOptions(NamedTuple):
    event_time: EventTime = None
    known_at: str | None = None
    created_at: str | None = None
    time_unit: str | None = None
    timezone: str | None = None
    mode: str = "upsert"
    nan_is: NanIs = None
    ignore_unknown: bool = False
    all_or_nothing: bool = False
    on_refused: str = "raise"
    project: str = ""


class Prepared(NamedTuple):
    """A push that is ready to be cut into requests."""

    view: str
    rows: Rows
    known_at: KnownAt | None
    #: Whether the rows came as a table, whose rows are a load and not live.
    is_load: bool
    #: The oldest event time, in nanoseconds; None: all become true now.
    oldest: int | None
    options: PushOptions

    @property
    def kind(self) -> int:
        return wire.DELETE if self.options.mode == "delete" else wire.PUSH

    def choose(self, events: int) -> KnownAt:
        """Since when the rows are known, where nobody said it: chosen once, before the first request."""
        if self.known_at is not None:
            return self.known_at
        if not self.is_load or self.oldest is None:
            return KnownAt(wire.LIVE)
        return KnownAt(wire.EVENT_TIME if events == 0 else wire.NOW)

    def warn(self, choice: KnownAt) -> None:
        old = self.oldest is not None and self.oldest < time.time_ns() - _HOUR
        if self.known_at is None and old and choice.rule in (wire.LIVE, wire.NOW):
            moment = np.datetime64(self.oldest, "ns")
            warn(
                f"{self.view}: rows are as old as {moment}Z and known only from now on: labels before now do not see "
                'them; known_at="event-time" says otherwise',
                OldRowsWarning,
            )

    def head(self, rows: int, choice: KnownAt, producer: wire.ProducerStamp | None, offset: bytes | None) -> bytes:
        options = self.options
        return wire.push_head(
            self.view,
            [column.name for column in self.rows.columns],
            rows,
            options.project,
            wire.ALL_OR_NOTHING if options.all_or_nothing else wire.SET_ASIDE,
            choice.rule,
            choice.delay,
            producer,
            offset,
            self.rows.created_at is not None,
            self.rows.known_at is not None,
        )

    def chunks(self, rows_max: int, frame_max: int) -> Iterable[tuple[int, int, bytes]]:
        """Requests: the first row, the row behind the last, and what follows the head."""
        total = len(self.rows)
        head = len(self.head(0, KnownAt(wire.LIVE), wire.ProducerStamp(0, 0, 0), b"")) + 64
        # Before the first one goes out: what cannot be sent is told while nothing was.
        row = self.rows.too_long(frame_max - head)
        if row is not None:
            size = len(self.rows.encode(row, row + 1))
            raise InputError(f"row {row} has {size} bytes, where a request has at most {frame_max}", next="make it shorter")
        step = max(1, min(rows_max, CHUNK_ROWS))
        limit = max(1, min(CHUNK_BYTES, frame_max - head))
        at = 0
        while at < total:
            stop = min(total, at + step)
            body = self.rows.encode(at, stop)
            if self.options.all_or_nothing:
                if stop < total or len(body) > frame_max - head:
                    raise InputError(
                        f"{total} rows do not fit into one request, and all or nothing needs one",
                        f"a request has at most {rows_max} rows and {frame_max} bytes",
                        "push in parts, or without all_or_nothing",
                    )
            elif len(body) > limit and stop - at > 1:
                step = max(1, (stop - at) * limit // len(body) * 9 // 10)
                continue
            yield at, stop, body
            at = stop


def digest(kind: int, head: bytes, body: bytes) -> bytes:
    """By which a request that is said again is known. The head is one without a producer."""
    return hashlib.blake2b(bytes((kind,)) + head + body, digest_size=16).digest()


def nearest(name: str, names: Iterable[str]) -> str:
    """Candidates for what was meant."""
    every = sorted(names)
    near = difflib.get_close_matches(name, every, 3, 0.5)
    return ", ".join(near or every[:12])


def prepare(view: str, data: Any, schema: ViewSchema, options: PushOptions, warned: set[str]) -> Prepared:
    """Reads the rows. `warned`: what was warned of already."""
    if options.mode not in ("upsert", "delete"):
        raise InputError(f"mode cannot be {options.mode!r}", next='mode is "upsert" or "delete"')
    if options.on_refused not in ("raise", "return"):
        raise InputError(f"on_refused cannot be {options.on_refused!r}", next='on_refused is "raise" or "return"')
    known_at = KnownAt.parse(options.known_at)
    clock = Clock(options.timezone, options.time_unit)
    table = sources.table_of(data)
    if table.rows == 0:
        raise InputError("there are no rows", f"view {view}", "give at least one row; `if len(df):` skips what is empty")
    keys = _keys(view, table, schema, clock)
    times = _event_times(view, table, options, clock)
    created = _moments(table, options.created_at, "created_at", clock, False) if options.created_at else None
    known = _moments(table, known_at.column, "known_at", clock, True) if known_at and known_at.column else None
    named = (
        {"event_timestamp"}
        if options.event_time is None
        else {options.event_time}
        if isinstance(options.event_time, str)
        else set()
    )
    named |= {name for name in (options.created_at, known_at and known_at.column) if name}
    key_names = {part.name for part in schema.keys}
    columns = []
    for name in table.names:
        if name in key_names:
            continue
        kind = schema.features.get(name)
        if kind is None:
            if name in named or options.ignore_unknown or options.mode == "delete":
                continue
            raise InputError(
                f"{schema.name} has no feature called {name}",
                f"the column {name}",
                f"there is {nearest(name, schema.features)}; drop the column, rename it, or say ignore_unknown=True",
            )
        if options.mode == "upsert":
            column = table.column(name)
            null = _nan_is_null(options.nan_is, name)
            columns.append(sources.cells(name, kind, column, clock, null, table.is_frame))
    if options.mode == "upsert" and not columns:
        raise InputError("no column is a feature", f"view {view}", f"there is {', '.join(list(schema.features)[:12])}")
    if clock.met_naive and "naive" not in warned:
        warned.add("naive")
        warn_naive()
    rows = Rows(keys, columns, times, created, known)
    given = None if times is None else times[times != wire.NO_MOMENT]
    oldest = None if given is None or not len(given) else int(given.min())
    return Prepared(view, rows, known_at, table.is_frame, oldest, options)


def _nan_is_null(nan_is: NanIs, name: str) -> bool:
    said = nan_is.get(name) if isinstance(nan_is, Mapping) else nan_is
    if said not in (None, "null", "nan"):
        raise InputError(f"nan_is cannot be {said!r}", next='write nan_is="null", or {"column": "null"}')
    return said == "null"


def _keys(view: str, table: sources.Table, schema: ViewSchema, clock: Clock) -> list[bytes]:
    parts = []
    for part in schema.keys:
        if part.name not in table.names:
            raise InputError(
                f"there is no column {part.name}, the key of {schema.entity}",
                f"view {view}",
                table.hint() or f"there is {nearest(part.name, table.names) or 'no column at all'}; rename what is meant",
            )
        try:
            values = sources.objects(table.column(part.name))
        except InputError as error:
            raise InputError(f"the column {part.name}: {error.what}", f"a key of {view}", error.next) from None
        parts.append([part_of_row(part, None if one is ABSENT else one, row, clock) for row, one in enumerate(values)])
    if len(parts) == 1:
        return [key_as_short(key, schema.entity, row) for row, key in enumerate(parts[0])]
    return [key_as_short(b"".join(key), schema.entity, row) for row, key in enumerate(zip(*parts))]


def _event_times(view: str, table: sources.Table, options: PushOptions, clock: Clock) -> npt.NDArray[np.int64] | None:
    given = options.event_time
    if given is NOW:
        return None
    if given is None:
        if "event_timestamp" not in table.names:
            return None
        given = "event_timestamp"
    if isinstance(given, str):
        return _moments(table, given, "event_time", clock, True)
    try:
        return np.full(table.rows, clock.nanoseconds(given), np.int64)
    except (TypeError, ValueError) as error:
        raise InputError(f"event_time: {error}", f"view {view}", "name a column, or give a datetime, or apus.NOW") from None


def _moments(table: sources.Table, name: str, what: str, clock: Clock, is_needed: bool) -> npt.NDArray[np.int64]:
    if not isinstance(name, str):
        raise InputError(f"{what} is {spell_type(name)}, not the name of a column")
    if name not in table.names:
        raise InputError(f"there is no column {name}", what, f"there is {nearest(name, table.names)}")
    column = table.column(name)
    if isinstance(column, sources.Numbers) and column.values.dtype.kind in "iuM" and column.values.ndim == 1:
        values, blank = column.values, column.blank
        if values.dtype.kind == "M":
            blank = np.isnat(values) if blank is None else blank | np.isnat(values)
        if blank is not None and blank.any():
            if is_needed:
                raise _no_time(name, what, int(np.flatnonzero(blank)[0]))
        else:
            blank = None
        good = values if blank is None else values[~blank]
        try:
            read = clock.array(good, column.is_utc) if values.dtype.kind == "M" else clock.integers(good)
        except (TypeError, ValueError) as error:
            raise InputError(f"the column {name}: {error}", what, hint(error)) from None
        if blank is None:
            return np.ascontiguousarray(read)
        out = np.full(len(values), wire.NO_MOMENT, np.int64)
        out[~blank] = read
        return out
    out = np.full(table.rows, wire.NO_MOMENT, np.int64)
    for row, value in enumerate(sources.objects(column)):
        if value is None or value is ABSENT:
            if is_needed:
                raise _no_time(name, what, row)
            continue
        try:
            out[row] = clock.nanoseconds(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"{name} of row {row}: {error}", what, hint(error)) from None
    return out


def _no_time(name: str, what: str, row: int) -> InputError:
    return InputError(f"{name} of row {row} is nothing", what, "give every row its time, or leave the column out")


def entity_rows(entities: Any, names: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """Entities as dicts, whatever holds them; of a frame only the columns that are keys."""
    if isinstance(entities, (list, tuple)):
        return entities
    table = sources.table_of(entities)
    if not table.is_frame:
        return [entities] if isinstance(entities, Mapping) else list(entities)
    missing = [name for name in names if name not in table.names]
    if missing:
        raise InputError(
            f"there is no column {', '.join(missing)}",
            "the entities that features are asked for",
            table.hint() or f"there is {nearest(missing[0], table.names) or 'no column at all'}; rename what is meant",
        )
    columns = [sources.objects(table.column(name)) for name in names]
    return [dict(zip(names, row)) for row in zip(*columns)]
