"""A column of a user's data as cells of a feature's type. Nothing is lost on the way: what the type cannot hold exactly is refused
by the column's name, with the row and the reason, before anything is sent.

The table of blanks: a value that is not there at all is absent; None, NA and NaT are null, and so is NaN where the feature is no
float, or where it stands among Python objects; NaN in a column of floats is a value, which the feature's rule *finite* judges.
"""

from __future__ import annotations

import decimal
import math
import struct
import sys
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .batch import Cells, ends_of, fixed, texts
from .errors import InputError
from .times import Clock, hint, spell_type
from .types import (
    BOOL,
    BYTES,
    DTYPES,
    FLOAT32,
    FLOATS,
    INT32,
    INTEGERS,
    LETTERS,
    LIST,
    NAMES,
    SCALAR,
    STRING,
    TIMESTAMP,
    VECTOR,
    FeatureType,
)  # fmt: skip

Array = npt.NDArray[Any]


class _Absent:
    """Stands for a cell that says nothing: the feature stays as it was."""

    _only: _Absent | None = None

    def __new__(cls) -> _Absent:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "apus.ABSENT"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Absent, ())


ABSENT: Final = _Absent()


def is_blank(value: Any) -> bool:
    """None, NA and NaT; not NaN, which depends on where it stands."""
    if value is None:
        return True
    pandas = sys.modules.get("pandas")
    if pandas is not None and (value is pandas.NA or value is pandas.NaT):
        return True
    return isinstance(value, (np.datetime64, np.timedelta64)) and bool(np.isnat(value))


def is_nan(value: Any) -> bool:
    return isinstance(value, (float, np.floating)) and math.isnan(value)


def refuse(name: str, kind: FeatureType, what: str, next: str = "", row: int | None = None) -> InputError:
    place = f"{name} of row {row}" if row is not None else f"the column {name}"
    return InputError(f"{place}: {what}", f"{name} is {kind}", next or f"give values that are {kind}")


def _bool(value: Any, clock: Clock) -> Any:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise TypeError


def _int(bits: int) -> Any:
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1

    def convert(value: Any, clock: Clock) -> Any:
        if type(value) is not int:
            if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
                raise TypeError
            value = int(value)
        if not low <= value <= high:
            raise ValueError(f"{value} does not fit into an int{bits}")
        return value

    return convert


def _float(value: Any, clock: Clock) -> Any:
    if type(value) is float:
        return value
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (float, int, np.floating, np.integer)):
        raise TypeError
    out = float(value)
    if isinstance(value, (int, np.integer)) and int(out) != int(value):
        raise ValueError(f"{value} is no float64: it would be rounded")
    return out


def _float32(value: Any, clock: Clock) -> Any:
    out = _float(value, clock)
    if not math.isinf(out) and abs(out) > 3.4028235677973366e38:
        raise ValueError(f"{value!r} does not fit into a float32")
    if isinstance(value, (int, np.integer)) and int(np.float32(out)) != int(value):
        raise ValueError(f"{value} is no float32: it would be rounded")
    return out


def _string(value: Any, clock: Clock) -> Any:
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{value!r} has half a surrogate pair, which is no text") from None
    raise TypeError


def _bytes(value: Any, clock: Clock) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise TypeError


def _moment(value: Any, clock: Clock) -> Any:
    return clock.nanoseconds(value)


_CONVERT: Final[dict[int, Any]] = {
    BOOL: _bool, INT32: _int(32), 3: _int(64), FLOAT32: _float32, 5: _float, STRING: _string, BYTES: _bytes,
    TIMESTAMP: _moment,
}  # fmt: skip


def _reason(error: Exception, value: Any, kind: FeatureType) -> tuple[str, str]:
    """What is wrong with a value, and what to do."""
    if isinstance(value, decimal.Decimal):
        return (
            f"{value!r} is a Decimal, which no feature holds",
            "round it by your own rule: float(x), or int(x * 100)",
        )
    if kind.element == TIMESTAMP:
        return str(error), hint(error)
    if isinstance(error, ValueError) and str(error):
        return str(error), ""
    words = repr(value)
    short = words if len(words) < 80 else words[:77] + "…"
    element = NAMES[kind.element] if kind.shape != SCALAR else str(kind)
    return f"{short} is {spell_type(value)}, not {element}", ""


def from_objects(name: str, kind: FeatureType, values: Sequence[Any], clock: Clock, first_row: int = 0) -> Cells:
    """Python objects, each by itself."""
    if kind.shape != SCALAR:
        return _collections(name, kind, values, clock, first_row)
    convert, is_float = _CONVERT[kind.element], kind.element in FLOATS
    empty: Any = b"" if kind.is_variable else 0
    states = bytearray(len(values))
    out: list[Any] = [empty] * len(values)
    for row, value in enumerate(values):
        if value is ABSENT:
            continue
        if is_blank(value) or (not is_float and is_nan(value)):
            states[row] = 1
            continue
        try:
            out[row] = convert(value, clock)
        except (TypeError, ValueError, OverflowError) as error:
            raise refuse(name, kind, *_reason(error, value, kind), row + first_row) from None
        states[row] = 2
    if kind.is_variable:
        return texts(name, kind, bytes(states), out)
    return Cells(name, kind, bytes(states), struct.pack(f"<{len(out)}{LETTERS[kind.element]}", *out))


def _collections(name: str, kind: FeatureType, values: Sequence[Any], clock: Clock, first_row: int) -> Cells:
    element = FeatureType(kind.element)
    states = bytearray(len(values))
    parts: list[Any] = []
    lengths = [0] * len(values)
    for row, value in enumerate(values):
        if value is ABSENT:
            continue
        if value is None or (not isinstance(value, (list, tuple, np.ndarray)) and (is_blank(value) or is_nan(value))):
            states[row] = 1
            continue
        if hasattr(value, "as_py"):
            value = value.as_py()
        if not isinstance(value, (list, tuple, np.ndarray)):
            raise refuse(
                name, kind, *_reason(TypeError(), value, kind._replace(shape=SCALAR)) if isinstance(value, decimal.Decimal)
                else (f"{spell_type(value)} is no list", "give a list, a tuple or a numpy array in each row"),
                row + first_row,
            )  # fmt: skip
        if isinstance(value, np.ndarray) and value.ndim != 1:
            raise refuse(name, kind, f"an array of {value.ndim} dimensions is no list", row=row + first_row)
        if kind.shape == VECTOR and len(value) != kind.length:
            raise refuse(name, kind, f"it has {len(value)} elements, and {kind.length} are needed", row=row + first_row)
        states[row], lengths[row] = 2, len(value)
        parts.append(_elements(name, kind, element, value, clock, row + first_row))
    if kind.element in (STRING, BYTES):
        flat = [one for part in parts for one in part]
        return Cells(name, kind, bytes(states), ends_of(lengths), ends_of([len(one) for one in flat]), b"".join(flat))
    data = b"".join(parts)
    if kind.shape == LIST:
        return Cells(name, kind, bytes(states), ends_of(lengths), data)
    if all(state == 2 for state in states):
        return Cells(name, kind, bytes(states), data)
    blank, every = bytes(kind.width), iter(parts)
    return Cells(name, kind, bytes(states), b"".join(next(every) if state == 2 else blank for state in states))


def _elements(name: str, kind: FeatureType, element: FeatureType, value: Any, clock: Clock, row: int) -> Any:
    """A list's: bytes of numbers, or a list of texts."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufM":
        try:
            return exact(value, element, clock).tobytes()
        except (TypeError, ValueError) as error:
            raise refuse(name, kind, str(error), hint(error) if kind.element == TIMESTAMP else "", row) from None
    convert, is_float = _CONVERT[kind.element], kind.element in FLOATS
    out = []
    for one in value:
        if is_blank(one) or one is ABSENT or (not is_float and is_nan(one)):
            raise refuse(name, kind, f"{one!r} is an element, and elements are never null", row=row)
        try:
            out.append(convert(one, clock))
        except (TypeError, ValueError, OverflowError) as error:
            raise refuse(name, kind, *_reason(error, one, kind), row) from None
    if kind.element in (STRING, BYTES):
        return out
    return struct.pack(f"<{len(out)}{LETTERS[kind.element]}", *out)


def exact(values: Array, kind: FeatureType, clock: Clock) -> Array:
    """Numbers as the type of a feature, without any loss; raises TypeError or ValueError with the reason."""
    source = values.dtype
    if kind.element in (STRING, BYTES):
        raise TypeError(f"{source} is not {kind}")
    target = DTYPES[kind.element]
    if kind.element == TIMESTAMP:
        if source.kind == "M":
            return clock.array(values)
        if source.kind in "iu":
            return clock.integers(values)
        raise TypeError(f"{source} is no time")
    if source.kind == "M" or (source.kind == "b") != (kind.element == BOOL):
        raise TypeError(f"{source} is not {kind}")
    if kind.element in INTEGERS:
        if source.kind == "f":
            raise TypeError(f"{source} is not {kind}: floats are never whole numbers")
        limits = np.iinfo(target)
        if values.size and (int(values.max()) > limits.max or int(values.min()) < limits.min):
            wrong = values[(values > limits.max) | (values < limits.min)]
            raise ValueError(f"{wrong.ravel()[0]} does not fit into an {kind}")
        return values.astype(target, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        out = values.astype(target, copy=False)
        if source != target and source.itemsize >= target.itemsize:
            lost = (out.astype(source) != values) & (values == values)
            if source.kind in "iu":
                # 2⁶⁴ and its kin come back wrapped, or not at all.
                lost |= np.abs(out) >= 2.0**63
            if lost.any():
                raise ValueError(f"{values[lost].ravel()[0]} is no {kind}: it would be rounded")
    return out


def from_numbers(
    name: str,
    kind: FeatureType,
    values: Array,
    blank: Array | None,
    clock: Clock,
    nan_is_null: bool = False,
    is_utc: bool = False,
) -> Cells:
    """A column of numbers, bools or times; `blank`: where there is none; `is_utc`: times that are not naive."""
    if values.dtype.kind == "M":
        nat = np.isnat(values)
        blank = nat if blank is None else blank | nat
    elif values.dtype.kind == "f" and (nan_is_null or (kind.element not in FLOATS and bool(np.isnan(values).all()))):
        # A column of nothing but NaN holds no floats: it is what pandas makes of nothing.
        nan: Array = np.asarray(np.isnan(values))
        if nan.ndim == 2:
            nan = np.asarray(nan.any(axis=1))
        blank = nan if blank is None else blank | nan
    if (values.ndim == 2 and kind.shape == VECTOR and values.shape[1] == kind.length) or (
        values.ndim == 2 and kind.shape == LIST
    ):
        pass
    elif values.ndim != 1 or kind.shape != SCALAR:
        if blank is not None and bool(blank.all()):
            return nulls(name, kind, len(values))
        what = f"{values.shape[1]} numbers a row" if values.ndim == 2 else f"a column of {values.dtype}"
        raise refuse(name, kind, f"{what} is not {kind}")
    if blank is not None and not bool(blank.any()):
        blank = None
    if blank is not None and bool(blank.all()):
        return nulls(name, kind, len(values))
    good = values if blank is None else values[~blank]
    try:
        if kind.element == TIMESTAMP and good.dtype.kind == "M":
            converted: Array = clock.array(good, is_utc)
        else:
            converted = exact(good, FeatureType(kind.element), clock)
    except (TypeError, ValueError) as error:
        raise refuse(name, kind, str(error), _advice(error, kind, values)) from None
    states = b"\2" * len(values) if blank is None else np.where(blank, 1, 2).astype(np.uint8).tobytes()
    if kind.shape == LIST:
        lengths = np.full(len(values), values.shape[1])
        if blank is not None:
            lengths[blank] = 0
        return Cells(name, kind, states, ends_of(lengths), np.ascontiguousarray(converted).tobytes())
    if blank is not None:
        full = np.zeros(values.shape, converted.dtype)
        full[~blank] = converted
        converted = full
    return fixed(name, kind, states, converted)


def _advice(error: Exception, kind: FeatureType, values: Array) -> str:
    if kind.element == TIMESTAMP:
        return hint(error)
    if kind.element in INTEGERS and values.dtype.kind == "f":
        return f'.astype("{"Int64" if kind.element == 3 else "Int32"}") keeps whole numbers whole beside blanks'
    if kind.element in FLOATS and values.dtype.kind in "fiu":
        return f'.astype("{kind}") rounds where you want it'
    return f'.astype("{kind}") if that is what you mean' if kind.is_number else ""


def nulls(name: str, kind: FeatureType, rows: int) -> Cells:
    states = b"\1" * rows
    if not kind.is_variable:
        return Cells(name, kind, states, bytes(kind.width * rows))
    if kind.shape == LIST and kind.element in (STRING, BYTES):
        return Cells(name, kind, states, bytes(4 * (rows + 1)), bytes(4), b"")
    return Cells(name, kind, states, bytes(4 * (rows + 1)), b"")
