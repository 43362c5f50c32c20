"""Columns of Arrow as cells of features. Imported only where a user has pyarrow, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .batch import Cells, ends_of
from .cells import exact, from_objects, nulls, refuse
from .sources import Column, Numbers, Refused
from .times import Clock
from .types import BYTES, LIST, SCALAR, STRING, TIMESTAMP, VECTOR, FeatureType


def column(array: Any) -> Column:
    """An array of one chunk without dictionaries, numbers, or a refusal."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    kind = array.type
    if pa.types.is_dictionary(kind):
        return column(array.dictionary_decode())
    if getattr(pa.types, "is_run_end_encoded", lambda _: False)(kind):
        return column(pc.run_end_decode(array))
    if pa.types.is_decimal(kind):
        return Refused(
            f"{kind} is a decimal, which no feature holds",
            "round it by your own rule: pc.cast(…, pa.float64())",
        )
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        blank = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
        if blank is not None:
            array = pc.fill_null(array, pa.scalar(0, pa.int64()).cast(kind) if not pa.types.is_boolean(kind) else False)
        return Numbers(array.to_numpy(zero_copy_only=False), blank)
    if pa.types.is_timestamp(kind):
        return _times(array, kind.unit, kind.tz is not None)
    if pa.types.is_date(kind):
        return _times(array.cast(pa.timestamp("ms")), "ms", False)
    if getattr(pa.types, "is_string_view", lambda _: False)(kind):
        return array.cast(pa.string())
    if getattr(pa.types, "is_binary_view", lambda _: False)(kind):
        return array.cast(pa.binary())
    readable = (
        pa.types.is_null(kind) or _is_text(kind) or _is_binary(kind)
        or pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )  # fmt: skip
    if not readable:
        return Refused(f"an Arrow column of {kind} is no feature", "cast it to numbers, texts, times or lists of them")
    return array


def _times(array: Any, unit: str, is_utc: bool) -> Numbers:
    blank = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    numbers = array.cast(pa.int64())
    if blank is not None:
        numbers = pc.fill_null(numbers, 0)
    return Numbers(numbers.to_numpy(zero_copy_only=False).view(f"M8[{unit}]"), blank, is_utc)


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_binary(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def objects(array: Any) -> list[Any]:
    out: list[Any] = array.to_pylist()
    return out


def cells(name: str, kind: FeatureType, array: Any, clock: Clock) -> Cells:
    """What `column` gave, other than numbers."""
    given, rows = array.type, len(array)
    if pa.types.is_null(given) or (rows and array.null_count == rows):
        return nulls(name, kind, rows)
    if kind.shape == SCALAR and ((kind.element == STRING and _is_text(given)) or (kind.element == BYTES and _is_binary(given))):
        states, ends, data = _texts(array)
        return Cells(name, kind, states, ends, data)
    if kind.shape == SCALAR and _is_text(given) and kind.element == TIMESTAMP:
        return from_objects(name, kind, array.to_pylist(), clock)
    if kind.shape != SCALAR and not (_is_text(given) or _is_binary(given)):
        return _lists(name, kind, array, clock)
    raise refuse(name, kind, f"an Arrow column of {given} is not {kind}")


def _states(array: Any) -> bytes:
    if not array.null_count:
        return b"\2" * len(array)
    return np.where(array.is_null().to_numpy(zero_copy_only=False), 1, 2).astype(np.uint8).tobytes()


def _texts(array: Any) -> tuple[bytes, bytes, bytes]:
    """States, ends, and bytes, without any of a null."""
    states = _states(array)
    large = array.cast(pa.large_binary())
    if large.null_count:
        large = pc.fill_null(large, b"")
    ends = np.frombuffer(large.buffers()[1], "<i8")[large.offset : large.offset + len(large) + 1]
    data = large.buffers()[2]
    view = memoryview(data)[int(ends[0]) : int(ends[-1])] if data is not None and len(ends) else b""
    return states, ends_of(np.diff(ends)), bytes(view)


def _lists(name: str, kind: FeatureType, array: Any, clock: Clock) -> Cells:
    states = _states(array)
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    if array.null_count:
        good = array.drop_null()
    else:
        good = array
    if kind.shape == VECTOR:
        wrong = np.flatnonzero((lengths != kind.length) & (np.frombuffer(states, np.uint8) == 2))
        if len(wrong):
            row = int(wrong[0])
            raise refuse(name, kind, f"it has {lengths[row]} elements, and {kind.length} are needed", row=row)
    flat = column(good.flatten())
    element = FeatureType(kind.element)
    if isinstance(flat, Refused):
        raise refuse(name, kind, flat.why, flat.next)
    if isinstance(flat, Numbers):
        if flat.blank is not None:
            raise refuse(name, kind, "an element is null, and elements are never null")
        if element.is_variable:
            raise refuse(name, kind, f"an Arrow column of {array.type} is not {kind}")
        try:
            if kind.element == TIMESTAMP and flat.values.dtype.kind == "M":
                data = clock.array(flat.values, flat.is_utc).tobytes()
            else:
                data = exact(flat.values, element, clock).tobytes()
        except (TypeError, ValueError) as error:
            raise refuse(name, kind, str(error)) from None
        if kind.shape == LIST:
            return Cells(name, kind, states, ends_of(lengths), data)
        if not array.null_count:
            return Cells(name, kind, states, data)
        full = np.zeros((len(array), kind.width), np.uint8)
        full[np.frombuffer(states, np.uint8) == 2] = np.frombuffer(data, np.uint8).reshape(-1, kind.width)
        return Cells(name, kind, states, full.tobytes())
    matches = (kind.element == STRING and _is_text(flat.type)) or (kind.element == BYTES and _is_binary(flat.type))
    if not len(flat):
        return from_objects(name, kind, array.to_pylist(), clock)
    if not matches:
        raise refuse(name, kind, f"an Arrow column of {array.type} is not {kind}")
    if flat.null_count:
        raise refuse(name, kind, "an element is null, and elements are never null")
    _, ends, data = _texts(flat)
    return Cells(name, kind, states, ends_of(lengths), ends, data)
