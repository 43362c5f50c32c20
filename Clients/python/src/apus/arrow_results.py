"""Columns of a reply as Arrow arrays over the same bytes. Imported only where somebody asks for Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .reply import Values
from .types import (
    BOOL,
    BYTES,
    FLOAT32,
    FLOAT64,
    INT32,
    INT64,
    LIST,
    STRING,
    TIMESTAMP,
    VECTOR,
    WIDTHS,
    FeatureType,
)

_ELEMENTS = {
    BOOL: pa.bool_(), INT32: pa.int32(), INT64: pa.int64(), FLOAT32: pa.float32(), FLOAT64: pa.float64(), STRING: pa.string(),
    BYTES: pa.binary(), TIMESTAMP: pa.timestamp("ns", tz="UTC"),
}  # fmt: skip


def arrow_type(kind: FeatureType) -> Any:
    element = _ELEMENTS[kind.element]
    if kind.shape == LIST:
        return pa.list_(element)
    return pa.list_(element, kind.length) if kind.shape == VECTOR else element


def table(keys: dict[str, list[Any]], columns: Sequence[tuple[str, Values, Any]], rows: int) -> Any:
    names = list(keys) + [name for name, _, _ in columns]
    arrays = [pa.array(values) for values in keys.values()]
    return pa.Table.from_arrays(arrays + [array(values, good, rows) for _, values, good in columns], names=names)


def array(values: Values, good: npt.NDArray[Any] | None, rows: int) -> Any:
    kind = values.type
    validity = None
    if good is not None and not bool(good.all()):
        validity = pa.py_buffer(np.packbits(good, bitorder="little").tobytes())
    if kind.shape == LIST:
        child = (
            _flat(values.second, kind.element) if kind.element in WIDTHS
            else _texts(kind.element, values.second, values.third, len(values.second) - 1, None)  # type: ignore[arg-type]
        )  # fmt: skip
        return pa.Array.from_buffers(arrow_type(kind), rows, [validity, _buffer(values.first)], children=[child])
    if kind.shape == VECTOR:
        child = _flat(np.ascontiguousarray(values.first).reshape(-1), kind.element)
        return pa.Array.from_buffers(arrow_type(kind), rows, [validity], children=[child])
    if kind.is_variable:
        return _texts(kind.element, values.first, values.second, rows, validity)
    if kind.element == BOOL:
        bits = pa.py_buffer(np.packbits(values.first, bitorder="little").tobytes())
        return pa.Array.from_buffers(pa.bool_(), rows, [validity, bits])
    return pa.Array.from_buffers(arrow_type(kind), rows, [validity, _buffer(values.first)])


def _buffer(values: Any) -> Any:
    return pa.py_buffer(np.ascontiguousarray(values).view(np.uint8))


def _flat(values: Any, element: int) -> Any:
    return array(Values(FeatureType(element), values), None, len(values))


def _texts(element: int, ends: Any, data: Any, count: int, validity: Any) -> Any:
    out = pa.Array.from_buffers(_ELEMENTS[element], count, [validity, _buffer(ends), _buffer(data)])
    if element == STRING:
        # A server's text is checked before anybody reads it as one.
        out.validate(full=True)
    return out
