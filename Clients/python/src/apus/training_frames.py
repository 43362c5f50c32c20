"""Columns of a training set as pandas series. Imported only where somebody asks for a frame."""

from __future__ import annotations

import contextlib
from typing import Any

import pyarrow as pa


def series(pandas: Any, column: Any, dtype: Any, is_feature: bool) -> Any:
    """`dtype`: that of the labels' column, which it gets again where that can be."""
    kind = column.type
    if (pa.types.is_integer(kind) and (is_feature or column.null_count)) or (
        pa.types.is_boolean(kind) and (is_feature or column.null_count)
    ):
        out = pandas.Series(column.to_pandas(types_mapper=_nullable(pandas).get))
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_nested(kind) or pa.types.is_binary(kind):
        out = pandas.Series(column.to_pylist(), dtype=object)
    else:
        out = column.to_pandas()
    if dtype is not None and out.dtype != dtype:
        with contextlib.suppress(TypeError, ValueError):
            return out.astype(dtype)
    return out


def _nullable(pandas: Any) -> dict[Any, Any]:
    return {
        pa.bool_(): pandas.BooleanDtype(), pa.int8(): pandas.Int8Dtype(), pa.int16(): pandas.Int16Dtype(),
        pa.int32(): pandas.Int32Dtype(), pa.int64(): pandas.Int64Dtype(), pa.uint8(): pandas.UInt8Dtype(),
        pa.uint16(): pandas.UInt16Dtype(), pa.uint32(): pandas.UInt32Dtype(), pa.uint64(): pandas.UInt64Dtype(),
    }  # fmt: skip
