"""The values of a reply to GET, and of a page of SCAN, as views over the server's bytes: nothing is copied until somebody asks.

The whole reply is checked when it comes: sections have the length that they must have, ends ascend, codes exist and validity
says the same as the codes. A view over it can therefore be handed out without another look.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from .types import BOOL, BYTES, DTYPES, LETTERS, LIST, SCALAR, VECTOR, WIDTHS, FeatureType
from .wire import (
    COLUMNS,
    DENSE32,
    DENSE64,
    LSNS,
    ONE_ROW,
    STALE,
    TIMES,
    Buffer,
    ColumnInfo,
    Reader,
    malformed,
)

Array = npt.NDArray[Any]
_HEAD: Final = struct.Struct("<QqBBHHH")
CODES: Final = 10
PRESENT_CODE: Final = 1
#: Feast's number for each code.
STATUS_OF_CODE: Final = np.array([0, 1, 2, 3, 4, 3, 3, 3, 3, 4], np.uint8)
REASONS: Final = (
    None,
    None,
    None,
    "never seen",
    None,
    "not yet known",
    "deleted",
    "erased",
    "beyond history",
    None,
)


def _value_table(stale: bool) -> Array:
    """Whether a cell has a value: by whether its column has a default, and by its code."""
    own = [code == PRESENT_CODE or (stale and code == 4) for code in range(CODES)]
    default = [own[code] or 3 <= code <= 8 for code in range(CODES)]
    return np.array([own, default])


_HAS_VALUE: Final = (_value_table(False), _value_table(True))


class Values(NamedTuple):
    """The values of a column. What has a fixed size is in `first`; else `first` has the ends, and `second` what they count.

    Lists of strings or bytes have ends of their elements in `second`, which count bytes of `third`.
    """

    type: FeatureType
    first: Array
    second: Array | None = None
    third: Array | None = None

    def to_list(self, has_value: Array | None = None) -> list[Any]:
        """As Python values; None where there is none. Timestamps are `numpy.datetime64`."""
        kind = self.type
        if not kind.is_variable:
            out: list[Any] = self.first.tolist()
            if kind.element == 8 or kind.shape == VECTOR:
                out = list(self.first)
        else:
            ends = self.first.tolist()
            if self.third is not None and self.second is not None:
                parts = _texts(kind.element, self.second.tolist(), self.third)
                out = [parts[a:b] for a, b in zip(ends, ends[1:])]
            elif self.second is not None and kind.shape == LIST:
                every = list(self.second) if kind.element == 8 else self.second.tolist()
                out = [every[a:b] for a, b in zip(ends, ends[1:])]
            else:
                assert self.second is not None
                out = _texts(kind.element, ends, self.second)
        if has_value is not None:
            out = [value if good else None for value, good in zip(out, has_value.tolist())]
        return out


def _texts(element: int, ends: list[int], data: Array) -> list[Any]:
    raw = data.tobytes()
    if element == BYTES:
        return [raw[a:b] for a, b in zip(ends, ends[1:])]
    try:
        return [raw[a:b].decode() for a, b in zip(ends, ends[1:])]
    except UnicodeDecodeError as error:
        raise malformed("a text is no UTF-8", 0) from error


def _ends(r: Reader, count: int) -> Array:
    out = np.frombuffer(r.take(4 * (count + 1)), "<u4")
    if out[0] or (count and bool((out[1:] < out[:-1]).any())):
        raise malformed("ends do not ascend from 0", r.at)
    r.align()
    return out


def read_first(r: Reader, kind: FeatureType, rows: int) -> Array:
    if kind.is_variable:
        return _ends(r, rows)
    out = np.frombuffer(r.take(rows * kind.width), DTYPES[kind.element])
    r.align()
    _check_bools(kind, out, r.at)
    return out.reshape(rows, kind.length) if kind.shape == VECTOR else out


def _check_bools(kind: FeatureType, values: Array, at: int) -> None:
    if kind.element == BOOL and values.size and int(values.view(np.uint8).max()) > 1:
        raise malformed("a bool is neither 0 nor 1", at)


def read_second(r: Reader, kind: FeatureType, first: Array) -> Values:
    if not kind.is_variable:
        return Values(kind, first)
    count = int(first[-1])
    if kind.shape == SCALAR:
        data = np.frombuffer(r.take(count), np.uint8)
        r.align()
        return Values(kind, first, data)
    if kind.element in WIDTHS:
        elements = np.frombuffer(r.take(count * WIDTHS[kind.element]), DTYPES[kind.element])
        r.align()
        _check_bools(kind, elements, r.at)
        return Values(kind, first, elements)
    ends = _ends(r, count)
    data = np.frombuffer(r.take(int(ends[-1])), np.uint8)
    r.align()
    return Values(kind, first, ends, data)


def empty_values(kind: FeatureType) -> Values:
    """Of one row without a value."""
    if not kind.is_variable:
        count = max(kind.length, 1)
        first = np.zeros(count, DTYPES[kind.element])
        return Values(kind, first.reshape(1, -1) if kind.shape == VECTOR else first)
    ends, nothing = np.zeros(2, np.uint32), np.zeros(0, np.uint8)
    if kind.shape == LIST and kind.element not in WIDTHS:
        return Values(kind, ends, np.zeros(1, np.uint32), nothing)
    return Values(kind, ends, nothing if kind.shape == SCALAR else np.zeros(0, DTYPES[kind.element]))


def one_value(kind: FeatureType, data: memoryview, at: int) -> Values:
    """The value that these bytes are, as a column of one row. `at`: where they stand, for who reads the error."""
    count = len(data)
    if not kind.is_variable:
        if count != kind.width:
            raise malformed(f"{count} bytes are no {kind}", at)
        values = np.frombuffer(data, DTYPES[kind.element])
        _check_bools(kind, values, at)
        return Values(kind, values.reshape(1, kind.length) if kind.shape == VECTOR else values)
    if kind.shape == SCALAR:
        return Values(kind, np.array([0, count], np.uint32), np.frombuffer(data, np.uint8))
    if kind.element in WIDTHS:
        if count % WIDTHS[kind.element]:
            raise malformed(f"{count} bytes are no {kind}", at)
        elements = np.frombuffer(data, DTYPES[kind.element])
        _check_bools(kind, elements, at)
        return Values(kind, np.array([0, len(elements)], np.uint32), elements)
    if not count:
        return empty_values(kind)
    r = Reader(data)
    count = r.u32()
    ends = np.concatenate((np.zeros(1, np.uint32), np.frombuffer(r.take(4 * count), "<u4")))
    if bool((ends[1:] < ends[:-1]).any()):
        raise malformed("ends do not ascend from 0", at)
    bytes_ = np.frombuffer(r.take(int(ends[-1])), np.uint8)
    r.end()
    return Values(kind, np.array([0, count], np.uint32), ends, bytes_)


class Shape:
    """What follows from the columns of a vector, worked out once when it is prepared."""

    def __init__(self, columns: Sequence[ColumnInfo]) -> None:
        self.columns = tuple(columns)
        self.names = tuple(column.name for column in columns)
        self.numbers = {name: number for number, name in enumerate(self.names)}
        self.defaults = np.array([column.has_default for column in columns], np.intp).reshape(1, -1)
        # One row: scalars of 8 bytes, of 4, of 1, then ends of all others.
        letters, self.order, self.offsets = "<", [], {}
        at = _HEAD.size
        for width in (8, 4, 1):
            for number, column in enumerate(columns):
                kind = column.type
                if kind.shape == SCALAR and WIDTHS.get(kind.element) == width:
                    letters += "B" if kind.element == BOOL else LETTERS[kind.element]
                    self.order.append(number)
                    self.offsets[number] = at
                    at += width
        self.others = [number for number in range(len(columns)) if number not in self.offsets]
        self.row = struct.Struct(letters + "I" * len(self.others))
        self.bools = [place for place, number in enumerate(self.order) if columns[number].type.element == BOOL]
        # Columns of fixed sizes are found without a look at them.
        is_fixed = not any(column.type.is_variable for column in columns)
        self.widths = tuple(column.type.width for column in columns) if is_fixed else None
        self.fixed_bools = [number for number, column in enumerate(columns) if column.type.element == BOOL] if is_fixed else []
        kinds = {column.type for column in columns}
        only = next(iter(kinds)) if len(kinds) == 1 else None
        self.uniform = DTYPES[only.element] if only is not None and only.is_number and only.element not in (BOOL, 8) else None
        self.in_order = self.order == list(range(len(columns)))


class Reply:
    """A reply, checked. `codes` is None where every cell is present; rows by columns else."""

    __slots__ = (
        "_row",
        "body",
        "codes",
        "has_value",
        "layout",
        "lsn",
        "lsns",
        "matrix",
        "may_lack",
        "places",
        "read_time",
        "rows",
        "shape",
        "times",
        "values",
    )  # fmt: skip

    def __init__(self, body: Buffer, shape: Shape, rows: int, layout: int, options: int) -> None:
        if len(body) < _HEAD.size:
            raise malformed("it is cut", len(body))
        self.body, self.shape, self.rows, self.layout = body, shape, rows, layout
        self.lsn, self.read_time, flags, said, count, columns, zero = _HEAD.unpack_from(body)
        if flags > 3 or zero or said != layout or count != rows or columns != len(shape.columns):
            raise malformed("its head does not answer what was asked", 16)
        self.may_lack = flags > 1
        self.codes: Array | None = None
        self.has_value: Array | None = None
        self.matrix: Array | None = None
        self.values: list[Values] | None = None
        self.places: list[int] | None = None
        self.times: Array | None = None
        self.lsns: Array | None = None
        self._row: tuple[Any, ...] | None = None
        present = bool(flags & 1)
        if layout == ONE_ROW:
            at = self._read_row(present, options)
        elif layout == COLUMNS:
            at = self._read_columns(present, options)
        elif layout in (DENSE32, DENSE64):
            at = self._read_dense(present, options)
        else:
            raise malformed(f"there is no layout {layout}", 17)
        if at != len(body):
            raise malformed(f"{len(body) - at} bytes too many follow", at)

    def _judge(self, codes: Array, options: int) -> None:
        """`codes`: rows by columns."""
        stale = bool(options & STALE)
        if codes.size and (int(codes.max()) >= CODES or (not stale and bool((codes == 9).any()))):
            raise malformed("a cell has a code that there is not", 0)
        if not codes.size or bool((codes == PRESENT_CODE).all()):
            raise malformed("there are codes, and every cell is present", 16)
        self.codes = codes
        self.has_value = _HAS_VALUE[stale][self.shape.defaults, codes]

    # One row

    def _read_row(self, present: bool, options: int) -> int:
        shape, body = self.shape, self.body
        at = _HEAD.size + shape.row.size
        if len(body) < at or self.rows != 1:
            raise malformed("it is cut", len(body))
        self._row = row = shape.row.unpack_from(body, _HEAD.size)
        for place in shape.bools:
            if row[place] > 1:
                raise malformed("a bool is neither 0 nor 1", at)
        scalars, count = len(shape.order), len(shape.columns)
        end = 0
        for value in row[scalars:]:
            if value < end:
                raise malformed("ends do not ascend from 0", at)
            end = value
        at += end
        if len(body) < at:
            raise malformed("it is cut", len(body))
        if not present:
            halves = np.frombuffer(body, np.uint8, (count + 1) // 2, at) if len(body) >= at + (count + 1) // 2 else None
            if halves is None:
                raise malformed("it is cut", len(body))
            codes = np.empty(len(halves) * 2, np.uint8)
            codes[0::2], codes[1::2] = halves & 15, halves >> 4
            if count % 2 and codes[-1]:
                raise malformed("half a byte of codes is not zero", at)
            self._judge(codes[:count].reshape(1, -1), options)
            at += len(halves)
        return self._read_stamps(at, options, by_row=True)

    def row_values(self) -> list[Any]:
        """Of a reply of one row, as Python values."""
        shape, row = self.shape, self._row
        assert row is not None
        if (
            shape.in_order
            and not shape.bools
            and self.codes is None
            and not any(shape.columns[number].type.element == 8 for number in shape.order)
        ):
            return list(row)
        out: list[Any] = [None] * len(shape.columns)
        good = None if self.has_value is None else self.has_value[0].tolist()
        for number, value in zip(shape.order, row):
            if good is None or good[number]:
                element = shape.columns[number].type.element
                out[number] = value == 1 if element == BOOL else np.datetime64(value, "ns") if element == 8 else value
        for number in shape.others:
            if good is None or good[number]:
                out[number] = self.column(number).to_list()[0]
        return out

    def _row_column(self, number: int) -> Values:
        shape, kind = self.shape, self.shape.columns[number].type
        if number in shape.offsets:
            return Values(kind, np.frombuffer(self.body, DTYPES[kind.element], 1, shape.offsets[number]))
        assert self._row is not None
        place = shape.others.index(number) + len(shape.order)
        start = _HEAD.size + shape.row.size
        a = start + (self._row[place - 1] if place > len(shape.order) else 0)
        b = start + self._row[place]
        data = memoryview(self.body)[a:b]
        if b == a and self.has_value is not None and not self.has_value[0, number]:
            return empty_values(kind)
        return one_value(kind, data, a)

    # Columns

    def _read_columns(self, present: bool, options: int) -> int:
        rows, columns, shape = self.rows, self.shape.columns, self.shape
        if shape.widths is not None:
            r = Reader(self.body, self._place_fixed(shape.widths))
        else:
            r = Reader(self.body, _HEAD.size)
            firsts = [read_first(r, column.type, rows) for column in columns]
            self.values = [read_second(r, column.type, first) for column, first in zip(columns, firsts)]
        if not present:
            padded = (rows + 7) & ~7
            codes = np.frombuffer(r.take(padded * len(columns)), np.uint8).reshape(-1, padded)
            if padded != rows and bool(codes[:, rows:].any()):
                raise malformed("there is something where zeroes belong", r.at)
            self._judge(codes[:, :rows].T, options)
            assert self.has_value is not None
            width = (rows + 7) // 8
            aligned = (width + 7) & ~7
            bits = np.frombuffer(r.take(aligned * len(columns)), np.uint8).reshape(-1, aligned)
            wanted = np.zeros_like(bits)
            wanted[:, :width] = np.packbits(self.has_value, axis=0, bitorder="little").T
            if not np.array_equal(bits, wanted):
                raise malformed("validity contradicts the codes", r.at)
        return self._read_stamps(r.at, options, by_row=False)

    def _place_fixed(self, widths: tuple[int, ...]) -> int:
        """Where columns of fixed sizes begin; arrays are made of them when somebody looks."""
        rows, body, at = self.rows, self.body, _HEAD.size
        places = []
        for width in widths:
            places.append(at)
            end = at + rows * width
            at = (end + 7) & ~7
            if end != at and any(body[end:at]):
                raise malformed("there is something where zeroes belong", end)
        if len(body) < at:
            raise malformed("it is cut", len(body))
        self.places = places
        for number in self.shape.fixed_bools:
            _check_bools(self.shape.columns[number].type, self.column(number).first, places[number])
        return at

    def block(self) -> Array | None:
        """All columns as one matrix, a view of rows by columns, where they are numbers of one type; else None."""
        dtype = self.shape.uniform
        if self.places is None or dtype is None:
            return None
        stride = (self.rows * dtype.itemsize + 7) // 8 * 8 // dtype.itemsize
        count = len(self.shape.columns)
        return np.frombuffer(self.body, dtype, stride * count, _HEAD.size).reshape(count, stride)[:, : self.rows].T

    # Dense

    def _read_dense(self, present: bool, options: int) -> int:
        columns = len(self.shape.columns)
        width = 4 if self.layout == DENSE32 else 8
        cells = self.rows * columns
        at = _HEAD.size + cells * width
        if len(self.body) < at:
            raise malformed("it is cut", len(self.body))
        dtype = "<f4" if width == 4 else "<f8"
        self.matrix = np.frombuffer(self.body, dtype, cells, _HEAD.size).reshape(self.rows, columns)
        if not present:
            if len(self.body) < at + cells:
                raise malformed("it is cut", len(self.body))
            self._judge(np.frombuffer(self.body, np.uint8, cells, at).reshape(self.rows, columns), options)
            if not bool(np.isnan(self.matrix[~self.has_value]).all()):  # type: ignore[operator]
                raise malformed("there is a value where there is none", at)
            at += cells
        if options & (TIMES | LSNS):
            r = Reader(self.body, at)
            r.align()
            at = r.at
        return self._read_stamps(at, options, by_row=True)

    def _read_stamps(self, at: int, options: int, by_row: bool) -> int:
        if not options & (TIMES | LSNS):
            return at
        rows, columns = self.rows, len(self.shape.columns)
        r = Reader(self.body, at)
        shape = (rows, columns) if by_row else (columns, rows)
        for bit, dtype in ((TIMES, "<i8"), (LSNS, "<u8")):
            if options & bit:
                block = np.frombuffer(r.take(8 * rows * columns), dtype).reshape(shape)
                block = block if by_row else block.T
                if bit == TIMES:
                    self.times = block
                else:
                    self.lsns = block
        return r.at

    def column(self, number: int) -> Values:
        """The values of a column; of a dense reply, floats."""
        if self.values is not None:
            return self.values[number]
        if self.places is not None:
            kind = self.shape.columns[number].type
            count = self.rows * max(kind.length, 1)
            first: Array = np.frombuffer(self.body, DTYPES[kind.element], count, self.places[number])
            return Values(kind, first.reshape(self.rows, kind.length) if kind.shape == VECTOR else first)
        if self.matrix is not None:
            element = 4 if self.layout == DENSE32 else 5
            return Values(FeatureType(element), self.matrix[:, number])
        return self._row_column(number)


class Scanned(NamedTuple):
    """A page of SCAN. `columns`: name, states (0 absent, 1 null, 2 value), values."""

    lsn: int
    next: bytes
    event_times: Array
    keys: list[bytes]
    columns: list[tuple[str, Array, Values]]


def scan_reply(body: Buffer) -> Scanned:
    r = Reader(body)
    lsn, rows, following = r.u64(), r.u32(), r.bytes()
    names = [r.short() for _ in range(r.u16())]
    r.align()
    times = np.frombuffer(r.take(8 * rows), "<i8")
    keys = [r.short_bytes() for _ in range(rows)]
    r.align()
    columns = []
    for name in names:
        kind = r.type()
        r.zero(4)
        states = np.frombuffer(r.take(rows), np.uint8)
        r.align()
        if states.size and int(states.max()) > 2:
            raise malformed("a state is above 2", r.at)
        columns.append((name, states, read_second(r, kind, read_first(r, kind, rows))))
    r.end()
    return Scanned(lsn, following, times, keys, columns)
