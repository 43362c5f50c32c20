"""What was said of an entity, and why a cell is what it is. Printed, both read as `apus history` and `apus explain` do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import past_wire
from .errors import InputError
from .reply import REASONS, STATUS_OF_CODE
from .results import Status
from .spelling import moment_words, series, table_lines, value_words
from .types import FeatureType

_LOST = "; records were lost once, and something may be missing"
_WHY = {past_wire.OLDER: "older", past_wire.NOT_YET_KNOWN: "not yet known", past_wire.ENDED: "deleted"}
_FATES = {past_wire.WINS: "wins", past_wire.WINS_NOTHING: "wins nothing", past_wire.WAS_REFUSED: "refused"}
#: The codes of cells in whose place a default stands.
BLANK = frozenset(range(3, 9))
_BLANK_WORDS = {Status.NULL_VALUE: "null", Status.NOT_FOUND: "not found", Status.OUTSIDE_MAX_AGE: "out of age"}


def _moment(nanoseconds: int) -> np.datetime64:
    return np.datetime64(nanoseconds, "ns")


def _pandas(call: str) -> Any:
    try:
        import pandas
    except ImportError:
        raise InputError(f"{call} needs pandas, which is not installed", next="pip install pandas") from None
    return pandas


class Horizon(NamedTuple):
    """Of the events up to this LSN, those that won nothing at this time may be gone."""

    lsn: int
    time: np.datetime64


class Event(NamedTuple):
    """An event of an entity."""

    lsn: int
    #: When it became true.
    event_time: np.datetime64
    created_at: np.datetime64
    #: Since when a reader could have seen it. Of a refused one: when it arrived, if that was not given.
    known_at: np.datetime64
    known_at_assumed: bool
    #: None: nobody in particular.
    producer: str | None
    #: ``upsert``, or ``delete``, which ended the row.
    operation: str
    #: ``wins`` some feature at the moment, ``wins nothing``, or was ``refused`` and waits as a dead letter.
    fate: str
    #: By which it was refused.
    rule: str | None
    #: What it says; None is null. What it left as it was is not here.
    features: dict[str, Any]

    @property
    def wins(self) -> bool:
        """Whether some feature has its value from here, at the moment."""
        return self.fate == "wins"

    def __str__(self) -> str:
        return "  ".join(part for part in self._words() if part)

    def _words(self) -> list[str]:
        is_refused = self.fate == "refused"
        known = moment_words(self.known_at) + (" (assumed)" if self.known_at_assumed else "")
        fate = {"wins": "wins", "wins nothing": ""}.get(self.fate, f"refused: {self.rule}")
        said = " ".join(f"{name}={value_words(value)}" for name, value in self.features.items())
        return [
            str(self.lsn), moment_words(self.event_time), "never" if is_refused else known, self.producer or "", fate,
            "deleted" if self.operation == "delete" else said,
        ]  # fmt: skip

    @classmethod
    def of(cls, said: past_wire.SaidEvent) -> Event:
        stamp = said.stamp
        return cls(
            stamp.lsn, _moment(stamp.event_time), _moment(stamp.created_at), _moment(stamp.known_at), said.is_assumed,
            said.producer or None, "delete" if said.operation == past_wire.DELETE else "upsert", _FATES[said.fate],
            said.rule or None, {cell.feature: cell.value for cell in said.cells},
        )  # fmt: skip


class History(Sequence[Event]):
    """The events of an entity in a view, in the order in which they were written.

    >>> print(store.history({"card_id": "c9"}, "card_activity"))  # doctest: +ELLIPSIS
    card_activity@1 of card_id=c9 at LSN ...
    there is no event
    """

    def __init__(self, pages: Sequence[past_wire.HistoryPage], key: dict[str, Any], has_more: bool) -> None:
        first = pages[0]
        self._events = [Event.of(event) for page in pages for event in page.events]
        self._types: dict[str, FeatureType | None] = {}
        for page in pages:
            for event in page.events:
                for cell in event.cells:
                    known = self._types.setdefault(cell.feature, cell.type)
                    # A refused event may say anything.
                    self._types[cell.feature] = known if known == cell.type else None
        #: ``card_activity@1``
        self.view = first.view
        self.key = key
        #: That it was read at.
        self.lsn = first.lsn
        self.read_time = _moment(first.time)
        #: Whether the store lost something once, and may lack it here.
        self.may_lack = first.may_lack
        #: Whether there are more than `limit` allowed.
        self.has_more = has_more
        #: What the view has let go of; None: nothing.
        self.horizon = Horizon(first.horizon[0], _moment(first.horizon[1])) if first.horizon != (0, 0) else None

    def __len__(self) -> int:
        return len(self._events)

    def __getitem__(self, at: Any) -> Any:
        return self._events[at]

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __repr__(self) -> str:
        return f"<History: {len(self)} events of {self.view}, {_keys(self.key)}, at LSN {self.lsn}>"

    def __str__(self) -> str:
        lines = [f"{self.view} of {_keys(self.key)} at LSN {self.lsn}{_LOST if self.may_lack else ''}"]
        if self._events:
            head = ["lsn", "event time", "known", "producer", "", "said"]
            lines += table_lines(head, [event._words() for event in self._events], right={0})
        else:
            lines.append("there is no event")
        if self.has_more:
            lines += ["", "there are more: say a larger limit, or start"]
        if self.horizon is not None:
            time = moment_words(self.horizon.time)
            lines += [
                "",
                f"of the events up to LSN {self.horizon.lsn} those that won nothing at {time} may be gone: "
                "it is the view's horizon",
            ]
        return "\n".join(lines)

    def to_df(self) -> Any:
        """A pandas frame, a row for each event; a feature that an event says nothing of is blank there, as null is."""
        pandas = _pandas("to_df()")

        def times(name: str) -> Any:
            return np.array([getattr(event, name) for event in self._events], "M8[ns]")

        data: dict[str, Any] = {"lsn": np.array([event.lsn for event in self._events], np.uint64)}
        for name in ("event_time", "created_at", "known_at"):
            data[name] = pandas.Series(times(name)).dt.tz_localize("UTC")
        data["known_at_assumed"] = np.array([event.known_at_assumed for event in self._events], np.bool_)
        for name in ("producer", "operation", "fate", "rule"):
            data[name] = pandas.Series([getattr(event, name) for event in self._events], dtype=object)
        frame = pandas.DataFrame(data, index=pandas.RangeIndex(len(self)))
        for name, kind in self._types.items():
            values = [event.features.get(name) for event in self._events]
            frame[name if name not in data else f"feature_{name}"] = series(pandas, kind, values)
        return frame


class Candidate(NamedTuple):
    """An event that a cell could have its value from."""

    #: None: it said null, or is a delete.
    value: Any
    #: ``value``, ``null`` or ``delete``.
    said: str
    event_time: np.datetime64
    created_at: np.datetime64
    known_at: np.datetime64
    known_at_assumed: bool
    producer: str | None
    lsn: int
    #: Why it did not win: ``older``, ``not yet known``, or ``deleted``: the winner is a delete. None: it won.
    why: str | None

    def _words(self, version: str) -> str:
        value = "deleted" if self.said == "delete" else value_words(self.value)
        by = f"   producer {self.producer}" if self.producer else ""
        times = f"event {moment_words(self.event_time)}   known {moment_words(self.known_at)}"
        return f"{value}   {times}{by}   {version}   lsn {self.lsn}"

    @classmethod
    def of(cls, said: past_wire.SaidCandidate) -> Candidate:
        stamp = said.stamp
        return cls(
            said.value, {past_wire.NULL: "null", past_wire.VALUE: "value"}.get(said.state, "delete"),
            _moment(stamp.event_time), _moment(stamp.created_at), _moment(stamp.known_at), said.is_assumed,
            said.producer or None, stamp.lsn, _WHY.get(said.reason),
        )  # fmt: skip


class Explained(NamedTuple):
    """Why a cell is what it is."""

    #: The column's name.
    name: str
    #: ``card_activity@1``
    view: str
    feature: str
    type: str
    status: Status
    #: Why nothing was found; None where something was.
    reason: str | None
    #: None: no event speaks of the feature, or none was seen. One that is out of age won, too.
    winner: Candidate | None
    #: Of the others that with the greatest stamp.
    not_chosen: Candidate | None
    #: What the service gives in place of the blank, as its definition spells it; None: the cell is no blank, or has none.
    default: Any = None

    def __str__(self) -> str:
        version = self.view[self.view.find("@") :] if "@" in self.view else self.view
        if self.winner is not None:
            age = "   (out of age)" if self.status == Status.OUTSIDE_MAX_AGE else ""
            lines = [f"{self.name} = {self.winner._words(version)}{age}"]
        else:
            lines = [f"{self.name}: {self.reason or _BLANK_WORDS.get(self.status, 'present')}"]
        if self.default is not None:
            words = self.default if isinstance(self.default, str) else json.dumps(self.default, ensure_ascii=False)
            lines.append(f"  served: {words}, the service's default")
        if self.not_chosen is not None:
            lines.append(f"  not chosen: {self.not_chosen._words(version)}   ({self.not_chosen.why})")
        return "\n".join(lines)


class Explanation:
    """Why the cells of entities are what they are, or were; printed, it reads as `apus explain`.

    >>> print(store.explain({"card_id": "c42"}, view="card_activity")["txn_count_24h"])  # doctest: +ELLIPSIS
    txn_count_24h = 3   event ...Z   known ...Z   producer python-...   @1   lsn ...
    """

    def __init__(self, said: past_wire.Explained, of: str, keys: list[dict[str, Any]], defaults: dict[str, Any]) -> None:
        #: What was asked for: ``fraud@1``, ``card_activity@1``, or how many features.
        self.of = of
        self.keys = keys
        #: That it was read at.
        self.lsn = said.lsn
        #: The moment that ages were judged at.
        self.read_time = _moment(said.time)
        #: Whether the store lost something once, and may lack it here.
        self.may_lack = said.may_lack
        count = len(said.columns)
        told = [_told(column, *cell, defaults) for column, cell in zip(list(said.columns) * len(keys), said.cells)]
        #: One dict for each entity, by the columns' names.
        self.rows: list[dict[str, Explained]] = [
            {cell.name: cell for cell in told[at * count : (at + 1) * count]} for at in range(len(keys))
        ]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Explained]]:
        return iter(self.rows)

    def __getitem__(self, name: str) -> Explained:
        """The cell of a feature, where one entity was asked for."""
        if len(self.rows) != 1:
            raise InputError(f"{len(self.rows)} entities were asked for", next="rows has a dict for each of them")
        found = self.rows[0].get(name)
        if found is None:
            raise InputError(f"there is no column {name!r}", next=f"there is {', '.join(self.rows[0])}")
        return found

    def __repr__(self) -> str:
        return f"<Explanation of {self.of}, {len(self)} rows, at LSN {self.lsn}>"

    def __str__(self) -> str:
        lines = [f"{self.of} at LSN {self.lsn}, {moment_words(self.read_time)}{_LOST if self.may_lack else ''}"]
        for keys, row in zip(self.keys, self.rows):
            if len(self.rows) > 1:
                lines += ["", _keys(keys)]
            lines += [str(cell) for cell in row.values()]
        return "\n".join(lines)

    def to_df(self) -> Any:
        """A pandas frame, a row for each cell: what it is, the event that won, and the one that nearly did."""
        pandas = _pandas("to_df()")
        out = []
        for keys, row in zip(self.keys, self.rows):
            for cell in row.values():
                line: dict[str, Any] = dict(keys)
                line.update(column=cell.name, view=cell.view, status=cell.status.name, reason=cell.reason)
                for head, one in (("", cell.winner), ("not_chosen_", cell.not_chosen)):
                    line[f"{head}value"] = one.value if one else None
                    for time in ("event_time", "known_at"):
                        line[head + time] = pandas.Timestamp(getattr(one, time), tz="UTC") if one else pandas.NaT
                    line[f"{head}producer"] = one.producer if one else None
                    line[f"{head}lsn"] = one.lsn if one else None
                line["why_not"] = cell.not_chosen.why if cell.not_chosen else None
                out.append(line)
        frame = pandas.DataFrame(out)
        for name in ("lsn", "not_chosen_lsn"):
            frame[name] = frame[name].astype("UInt64")
        return frame


def _told(
    column: past_wire.SaidColumn, code: int, candidates: tuple[past_wire.SaidCandidate, ...], defaults: dict[str, Any]
) -> Explained:
    winner = loser = None
    for one in candidates:
        if one.reason == past_wire.WON:
            winner = Candidate.of(one)
        else:
            loser = Candidate.of(one)
    view, _, feature = column.feature.partition(":")
    status = Status(int(STATUS_OF_CODE[code]))
    default = defaults.get(column.name) if code in BLANK else None
    return Explained(column.name, view, feature, str(column.type), status, REASONS[code], winner, loser, default)


def _keys(key: dict[str, Any]) -> str:
    return ",".join(f"{name}={value_words(value)}" for name, value in key.items())
