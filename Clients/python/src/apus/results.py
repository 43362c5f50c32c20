"""What calls answer with."""

from __future__ import annotations

import enum
import hashlib
import re
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .reply import REASONS, STATUS_OF_CODE, Reply, Values
from .types import BOOL, INTEGERS, TIMESTAMP, FeatureType
from .wire import ColumnInfo, PushReply, Tally

Array = npt.NDArray[Any]


class Status(enum.IntEnum):
    """What a cell is; the numbers are Feast's."""

    INVALID = 0
    PRESENT = 1
    NULL_VALUE = 2
    NOT_FOUND = 3
    OUTSIDE_MAX_AGE = 4


_PREFIX = 8
_RECEIPT = struct.Struct("<8s8sQq8s")


class Receipt(NamedTuple):
    """What an answer is known by again, in 40 bytes: keep it with a decision that was made from features.

    Its text is short enough for a log line, and `Receipt.parse` and `apus explain --receipt` read it. It holds no key.

    >>> x = store.get_online_features("fraud@1", [{"card_id": "c42", "payer_id": 7, "payee_id": 9}])
    >>> len(str(x.receipt)), apus.Receipt.parse(str(x.receipt)) == x.receipt
    (83, True)
    """

    #: The first 8 bytes of the store's timeline.
    timeline: bytes
    #: The first 8 bytes of the fingerprint of the service's version, or of the list of features.
    fingerprint: bytes
    lsn: int
    #: That ages were judged at, in nanoseconds since 1970.
    read_time: int
    #: The first 8 bytes of SHA-256 of the keys as they were sent.
    keys: bytes

    def __bytes__(self) -> bytes:
        return _RECEIPT.pack(*self)

    def __repr__(self) -> str:
        return f"Receipt.parse({str(self)!r})"

    def __str__(self) -> str:
        return f"r1_{bytes(self).hex()}"

    @classmethod
    def parse(cls, words: str) -> Receipt:
        """Reads the text of a receipt."""
        found = re.fullmatch("r1_([0-9a-f]{80})", words.strip()) if isinstance(words, str) else None
        if found is None:
            raise InputError(f"{words!r} is no receipt", next="a receipt is r1_ and 80 hexadecimal digits")
        return cls(*_RECEIPT.unpack(bytes.fromhex(found[1])))


def digest_of_keys(keys: bytes) -> bytes:
    """What a receipt has of a request's keys."""
    return hashlib.sha256(keys).digest()[:_PREFIX]


class OnlineFeatures:
    """The features of entities, one row each, all read at one LSN.

    Values stay in the server's bytes; `column` and `to_numpy` of a dense reply lend them without a copy.
    """

    def __init__(
        self,
        reply: Reply,
        fingerprint: bytes,
        keys: bytes,
        entities: Sequence[Any],
        key_names: tuple[str, ...],
        roles: int,
        timeline: bytes,
    ) -> None:
        self._reply = reply
        self._keys = keys
        self._entities = entities
        self._key_names = key_names
        self._roles = roles
        self._timeline = timeline
        #: Of the service's version, or of the list of features.
        self.fingerprint = fingerprint

    def __len__(self) -> int:
        return self._reply.rows

    def __repr__(self) -> str:
        return f"<OnlineFeatures: {len(self)} rows of {', '.join(self.names)} at LSN {self.lsn}>"

    @property
    def lsn(self) -> int:
        """The LSN that all of it was read at."""
        return int(self._reply.lsn)

    @property
    def read_time(self) -> np.datetime64:
        """The moment that ages were judged at, by the server's clock."""
        return np.datetime64(self._reply.read_time, "ns")

    @property
    def may_lack(self) -> bool:
        """Whether the store lost something once, and may lack it here; `describe` says what."""
        return bool(self._reply.may_lack)

    @property
    def columns(self) -> tuple[ColumnInfo, ...]:
        """Name, type and source of each column."""
        return self._reply.shape.columns

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in the order of the vector."""
        return self._reply.shape.names

    @property
    def receipt(self) -> Receipt:
        """What to keep with a decision. Hashes the keys anew each time."""
        return self._receipt(self._keys)

    @property
    def receipts(self) -> list[Receipt]:
        """One for each row, as if it had been asked for alone."""
        out, at, roles = [], 0, self._roles
        for _ in range(len(self)):
            start = at
            for _ in range(roles):
                at += 2 + int.from_bytes(self._keys[at : at + 2], "little")
            out.append(self._receipt(self._keys[start:at]))
        return out

    def _receipt(self, keys: bytes) -> Receipt:
        digest = digest_of_keys(keys)
        return Receipt(self._timeline[:_PREFIX], self.fingerprint[:_PREFIX], self.lsn, self._reply.read_time, digest)

    # What cells are

    @property
    def codes(self) -> Array:
        """The protocol's code of each cell, rows by columns."""
        if self._reply.codes is None:
            return np.ones((len(self), len(self.names)), np.uint8)
        return self._reply.codes

    @property
    def statuses(self) -> dict[str, Array]:
        """By column, the `Status` of each row, as numbers."""
        return self._by_name(STATUS_OF_CODE[self.codes])

    @property
    def reasons(self) -> dict[str, list[str | None]]:
        """By column, why each row was not found; None where it was."""
        return {name: [REASONS[code] for code in self.codes[:, at].tolist()] for at, name in enumerate(self.names)}

    @property
    def all_present(self) -> bool:
        """Whether every cell is present."""
        return self._reply.codes is None

    @property
    def event_times(self) -> dict[str, Array]:
        """By column, when each row's winner became true; NaT where there is none."""
        return self._by_name(self._event_times())

    @property
    def ages(self) -> dict[str, Array]:
        """By column, how old each row's winner was when it was read; NaT where there is none."""
        return self._by_name(np.maximum(self.read_time - self._event_times(), np.timedelta64(0, "ns")))

    @property
    def lsns(self) -> dict[str, Array]:
        """By column, at which LSN each row's winner was written; 0 where there is none."""
        if self._reply.lsns is None:
            raise InputError("LSNs were not asked for", next="get_online_features(…, lsns=True)")
        return self._by_name(self._reply.lsns)

    def _event_times(self) -> Array:
        if self._reply.times is None:
            raise InputError("event times were not asked for", next="get_online_features(…, event_times=True)")
        times = self._reply.times
        # A winner has one of these codes; all others' times are zero, which is a moment, too.
        codes = self.codes
        won = (codes == 1) | (codes == 2) | (codes == 4) | (codes == 9) | ((codes == 6) & (times != 0))
        return np.where(won, times.view("M8[ns]"), np.datetime64("NaT", "ns"))

    def _by_name(self, matrix: Array) -> dict[str, Array]:
        return {name: matrix[:, at] for at, name in enumerate(self.names)}

    # Values

    def _number(self, name: str) -> int:
        number = self._reply.shape.numbers.get(name)
        if number is None:
            raise InputError(f"there is no column {name!r}", next=f"there is {', '.join(self.names)}")
        return number

    def _good(self, number: int) -> Array | None:
        return None if self._reply.has_value is None else self._reply.has_value[:, number]

    def column(self, name: str) -> Array:
        """The values of a column of numbers, bools, times or vectors, over the server's bytes, without a copy.

        Zero where there is no value (in a dense reply NaN): look at `statuses`, or `valid`.
        """
        values = self._reply.column(self._number(name))
        if values.type.is_variable:
            raise InputError(f"{name} is {values.type}, which is no array", next="to_dict() and to_arrow() have it")
        return values.first

    def valid(self, name: str) -> Array:
        """Where a column has a value, its own or a default."""
        good = self._good(self._number(name))
        return np.ones(len(self), np.bool_) if good is None else good

    def to_dict(self, keys: bool = False) -> dict[str, list[Any]]:
        """Lists by column, None where there is no value; with `keys`, the entities' in front.

        >>> store.get_online_features("fraud@1", [{"card_id": "c42", "payer_id": 7, "payee_id": 9}]).to_dict()
        {'txn_count_24h': [3], 'avg_amount_30d': [12.5], 'payer__opened_at': [None], 'payee__opened_at': [None]}
        """
        reply = self._reply
        out: dict[str, list[Any]] = self._key_columns() if keys else {}
        if reply._row is not None:
            out.update((name, [value]) for name, value in zip(self.names, reply.row_values()))
            return out
        for number, name in enumerate(self.names):
            out[name] = reply.column(number).to_list(self._good(number))
        return out

    def _key_columns(self) -> dict[str, list[Any]]:
        clash = [name for name in self._key_names if name in self._reply.shape.numbers]
        if clash:
            raise InputError(f"{clash[0]} is the name of a key and of a feature", next="take the features without keys")
        return {name: [row[name] for row in self._entities] for name in self._key_names}

    def to_numpy(
        self,
        missing: float | int | None = None,
        columns: Sequence[str] | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> Array:
        """A matrix, rows by columns, of columns that are all numbers, bools or timestamps.

        Columns of one type keep it; different ones become float64, in which a timestamp is its nanoseconds. `missing` stands
        where there is no value; without it floats are NaN there, and anything else is an error, because no integer means nothing.

        >>> x = store.get_online_features(["card_activity:txn_count_24h", "card_activity:avg_amount_30d"], [{"card_id": "c42"}])
        >>> x.to_numpy()
        array([[ 3. , 12.5]])
        """
        reply = self._reply
        if reply.matrix is not None and columns is None:
            return self._dense(missing, dtype)
        if columns is None and dtype is None and missing is None and reply.codes is None:
            block = reply.block()
            if block is not None:
                # Rows in a row, as who computes with them expects.
                return np.ascontiguousarray(block)
        numbers = [self._number(name) for name in columns] if columns is not None else list(range(len(self.names)))
        kinds = [reply.shape.columns[number].type for number in numbers]
        self._check_numbers(numbers, kinds)
        elements = {kind.element for kind in kinds}
        if dtype is not None:
            target = np.dtype(dtype)
        elif reply.matrix is not None:
            target = reply.matrix.dtype
        elif len(elements) == 1 and elements != {TIMESTAMP}:
            target = reply.column(numbers[0]).first.dtype
        elif elements == {TIMESTAMP}:
            target = np.dtype("M8[ns]")
        else:
            target = np.dtype(np.float64)
        if missing is not None and target.kind in "iub" and (target.kind == "b" or not float(missing).is_integer()):
            target = np.dtype(np.float64)
        out = np.empty((len(self), len(numbers)), target)
        for at, number in enumerate(numbers):
            out[:, at] = self._floats(reply.column(number), target)
        has_value = reply.has_value
        if has_value is not None:
            good = has_value if columns is None else has_value[:, numbers]
            if not bool(good.all()):
                self._fill(out, ~good, missing, numbers)
        return out

    def _floats(self, values: Values, target: np.dtype[Any]) -> Array:
        # A moment in a matrix of floats is its nanoseconds.
        return values.first.view(np.int64) if values.type.element == TIMESTAMP and target.kind != "M" else values.first

    def _dense(self, missing: float | int | None, dtype: npt.DTypeLike | None) -> Array:
        out = self._reply.matrix
        assert out is not None
        if dtype is not None and np.dtype(dtype) != out.dtype:
            out = out.astype(dtype)
        if missing is not None and missing == missing and self._reply.has_value is not None:
            out = np.where(self._reply.has_value, out, np.asarray(missing, out.dtype))
        return out

    def _fill(self, out: Array, bad: Array, missing: Any, numbers: list[int]) -> None:
        if missing is None:
            if out.dtype.kind == "f":
                whole = [
                    number for at, number in enumerate(numbers)
                    if bool(bad[:, at].any()) and self._reply.shape.columns[number].type.element in (*INTEGERS, BOOL)
                ]  # fmt: skip
                if not whole or self._reply.matrix is not None:
                    out[bad] = np.nan
                    return
                name = self.names[whole[0]]
            elif out.dtype.kind == "M":
                out[bad] = np.datetime64("NaT")
                return
            else:
                name = self.names[numbers[int(np.flatnonzero(bad.any(axis=0))[0])]]
            kind = self._reply.shape.columns[self._number(name)].type
            raise InputError(
                f"{name} is blank in some rows, and no {kind} means nothing",
                next="to_numpy(missing=float('nan')) says what stands there; to_df() keeps whole numbers whole",
            )
        out[bad] = np.datetime64(missing, "ns") if out.dtype.kind == "M" else missing

    def _check_numbers(self, numbers: list[int], kinds: list[FeatureType]) -> None:
        others = [self.names[number] for number, kind in zip(numbers, kinds) if not kind.is_number]
        if others or not numbers:
            raise InputError(
                f"{', '.join(others) or 'nothing'} cannot stand in a matrix of numbers",
                next="name those that can: to_numpy(columns=[…]); column(name) has vectors, to_df() everything",
            )

    def to_arrow(self, keys: bool = False) -> Any:
        """A `pyarrow.Table` over the server's bytes, nulls where there is no value. Needs pyarrow."""
        try:
            from .arrow_results import table
        except ImportError:
            raise InputError("to_arrow() needs pyarrow, which is not installed", next="pip install pyarrow") from None
        key_columns = self._key_columns() if keys else {}
        reply = self._reply
        return table(
            key_columns,
            [(name, reply.column(at), self._good(at)) for at, name in enumerate(self.names)],
            len(self),
        )

    def to_df(self, keys: bool = False) -> Any:
        """A pandas frame. Whole numbers with blanks stay whole (Int64), bools stay bools; needs pandas.

        >>> store.get_online_features("fraud@1", [{"card_id": "c9", "payer_id": 7, "payee_id": 9}]).to_df().dtypes.astype(str).tolist()
        ['Int64', 'float64', 'datetime64[ns, UTC]', 'datetime64[ns, UTC]']
        """
        try:
            import pandas
        except ImportError:
            raise InputError(
                "to_df() needs pandas, which is not installed", next="pip install pandas, or take to_dict()"
            ) from None
        data: dict[str, Any] = self._key_columns() if keys else {}
        for number, name in enumerate(self.names):
            data[name] = _series(pandas, self._reply.column(number), self._good(number))
        return pandas.DataFrame(data, index=pandas.RangeIndex(len(self)))


def _series(pandas: Any, values: Values, good: Array | None) -> Any:
    kind = values.type
    if not kind.is_number:
        return pandas.Series(values.to_list(good), dtype=object)
    data = values.first
    bad = np.zeros(len(data), np.bool_) if good is None else ~good
    if kind.element in INTEGERS:
        return pandas.Series(pandas.arrays.IntegerArray(np.array(data), bad))
    if kind.element == BOOL:
        return pandas.Series(pandas.arrays.BooleanArray(np.array(data), bad))
    if kind.element == TIMESTAMP:
        moments = np.where(bad, np.datetime64("NaT", "ns"), data)
        return pandas.Series(moments).dt.tz_localize("UTC")
    return pandas.Series(np.where(bad, data.dtype.type("nan"), data))


class PushResult(NamedTuple):
    """What became of the rows of a push."""

    accepted: int
    #: These became dead letters.
    set_aside: int
    #: Their keys were erased, and they are older than that.
    erased: int
    #: Accepted, with an event time that was ahead of the server's clock and is now the clock's.
    set_back: int
    #: The last LSN that was written; None: nothing was. With it, `get_online_features(…, min_lsn=…)` sees these rows.
    lsn: int | None
    first_lsn: int | None
    #: Everything up to here is on disk.
    durable_lsn: int
    #: Why rows were refused.
    refusals: tuple[Tally, ...]
    #: Since when the rows are known: `live`, `now`, `event-time`, …
    known_at: str
    #: Requests that the server had already, and was sent again.
    repeated: int

    @classmethod
    def of(cls, reply: PushReply, first_row: int, known_at: str) -> PushResult:
        wrote = reply.first <= reply.last
        return cls(
            reply.accepted, reply.set_aside, reply.erased, reply.set_back,
            reply.last if wrote else None, reply.first if wrote else None, reply.durable,
            tuple(one._replace(first_row=one.first_row + first_row) for one in reply.tallies),
            known_at, int(reply.again),
        )  # fmt: skip

    def plus(self, other: PushResult) -> PushResult:
        merged: dict[tuple[str, str], Tally] = {}
        for one in (*self.refusals, *other.refusals):
            known = merged.get((one.view, one.rule))
            merged[one.view, one.rule] = known._replace(rows=known.rows + one.rows) if known else one
        return PushResult(
            self.accepted + other.accepted, self.set_aside + other.set_aside, self.erased + other.erased,
            self.set_back + other.set_back, other.lsn if other.lsn is not None else self.lsn,
            self.first_lsn if self.first_lsn is not None else other.first_lsn, max(self.durable_lsn, other.durable_lsn),
            tuple(merged.values()), other.known_at, self.repeated + other.repeated,
        )  # fmt: skip


class Erasure(NamedTuple):
    """What an erasure reached."""

    #: None for a dry run.
    lsn: int | None
    time: np.datetime64
    #: By view, rows that are found now.
    views: dict[str, int]


class Row(NamedTuple):
    """A row of a scan: the key's parts, the newest event time among its features, and the features that were ever said."""

    key: dict[str, Any]
    event_time: np.datetime64
    features: dict[str, Any]
