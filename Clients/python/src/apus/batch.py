"""Rows on their way to a server, as columns, and cut into requests that it takes.

A column here has exactly the type that its feature has. Where a row has no value, its place holds zeroes, or no bytes between
its ends: equal rows are equal bytes, by which a push that is repeated is known again.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .types import FeatureType
from .wire import NO_MOMENT, Buffer, padded, type_bytes

Array = npt.NDArray[Any]
ABSENT_STATE, NULL_STATE, VALUE_STATE = 0, 1, 2
_U32 = struct.Struct("<I")
_I64 = struct.Struct("<q")


class Cells(NamedTuple):
    """A column of cells. `first`: the bytes of fixed size, or the ends; then as in a reply."""

    name: str
    type: FeatureType
    states: bytes
    first: Buffer
    second: Buffer | None = None
    third: Buffer | None = None

    def encode(self, start: int, stop: int) -> bytes:
        """The rows from `start` up to `stop`, as the protocol has them."""
        kind, rows = self.type, len(self.states)
        parts = [type_bytes(kind) + bytes(4), padded(bytes(self.states[start:stop]))]
        if not kind.is_variable:
            first = self.first if (start, stop) == (0, rows) else self.first[start * kind.width : stop * kind.width]
            parts.append(padded(bytes(first)))
            return b"".join(parts)
        assert self.second is not None
        ends, bounds = _cut(self.first, start, stop)
        parts.append(ends)
        if self.third is not None:
            ends, bounds = _cut(self.second, *bounds)
            parts.append(ends)
            parts.append(padded(bytes(self.third[bounds[0] : bounds[1]])))
        else:
            width = 1 if kind.shape == 0 else FeatureType(kind.element).width
            parts.append(padded(bytes(self.second[bounds[0] * width : bounds[1] * width])))
        return b"".join(parts)

    def byte_counts(self) -> Array | None:
        """How many bytes of variable size each row has here; None where there are none."""
        if self.second is None:
            return None
        ends = np.frombuffer(self.first, "<u4").astype(np.int64)
        if self.third is not None:
            inner = np.frombuffer(self.second, "<u4").astype(np.int64)
            texts: Array = inner[ends[1:]] - inner[ends[:-1]] + 4 * np.diff(ends)
            return texts
        return np.diff(ends) * (1 if self.type.shape == 0 else FeatureType(self.type.element).width)


def _cut(ends: Buffer, start: int, stop: int) -> tuple[bytes, tuple[int, int]]:
    """Ends of some rows, beginning with 0 again, and what they were."""
    some = np.frombuffer(ends, "<u4")[start : stop + 1]
    low, high = int(some[0]), int(some[-1])
    return padded((some - some[0] if low else some).tobytes()), (low, high)


class Rows(NamedTuple):
    """All rows of a push. Times are nanoseconds; `NO_MOMENT` as an event time is "now", elsewhere none."""

    keys: list[bytes]
    columns: list[Cells]
    event_times: Array | None
    created_at: Array | None
    known_at: Array | None

    def __len__(self) -> int:
        return len(self.keys)

    def encode(self, start: int, stop: int) -> bytes:
        """What follows a PUSH's head."""
        count = stop - start
        if self.event_times is None:
            times = _I64.pack(NO_MOMENT) * count
        else:
            times = self.event_times[start:stop].tobytes()
        for moments in (self.created_at, self.known_at):
            if moments is not None:
                times += moments[start:stop].tobytes()
        body = padded(times + b"".join(self.keys[start:stop]))
        return body + b"".join(column.encode(start, stop) for column in self.columns)

    def too_long(self, limit: int) -> int | None:
        """A row that has more bytes than a request may have, if there is one."""
        fixed = 64 + sum(0 if column.type.is_variable else column.type.width for column in self.columns) + 40 * len(self.columns)
        counts = [one for one in (column.byte_counts() for column in self.columns) if one is not None]
        if not counts and fixed < limit // 2:
            return None
        sizes = sum(counts, np.full(len(self), fixed + 400, np.int64))
        for row in np.flatnonzero(sizes > limit // 2).tolist():
            if len(self.encode(row, row + 1)) > limit:
                return int(row)
        return None


#: A request's rows and bytes, unless the server allows less. Small enough that none is late because of another.
CHUNK_ROWS = 16_384
CHUNK_BYTES = 2 << 20


def fixed(name: str, kind: FeatureType, states: bytes, values: Array) -> Cells:
    return Cells(name, kind, states, np.ascontiguousarray(values).tobytes())


def texts(name: str, kind: FeatureType, states: bytes, parts: list[bytes]) -> Cells:
    """`parts`: one for every row, empty where there is no value."""
    return Cells(name, kind, states, ends_of([len(part) for part in parts]), b"".join(parts))


def ends_of(lengths: Any) -> bytes:
    ends = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(np.asarray(lengths, np.int64), out=ends[1:])
    if int(ends[-1]) >= 1 << 32:
        raise ValueError("a column has more than 4 GiB; push it in parts")
    return ends.astype("<u4").tobytes()
