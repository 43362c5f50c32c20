"""Values and tables for people, as `apus` spells them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .types import BOOL, FLOAT32, INT32, INTEGERS, TIMESTAMP, FeatureType


def moment_words(moment: np.datetime64) -> str:
    """To the second, `2026-11-19T14:03:22Z`."""
    return f"{np.datetime_as_string(moment.astype('M8[s]'))}Z"


def _exact(moment: np.datetime64) -> str:
    whole, _, fraction = str(np.datetime_as_string(moment.astype("M8[ns]"))).partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


def value_words(value: Any) -> str:
    """A value by itself: a text as it is, bytes in hexadecimal."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        real = float(value)
        return str(int(real)) if real.is_integer() and abs(real) < 1 << 53 and str(real) != "-0.0" else repr(real)
    if isinstance(value, np.datetime64):
        return _exact(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, np.ndarray):
        value = list(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(value_words, value)) + "]"
    return str(value)


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]], right: set[int]) -> list[str]:
    """Columns that line up, two blanks between them, without blanks at the end of a line."""
    every = [head, *rows]
    widths = [max(len(row[at]) for row in every) for at in range(len(head))]
    out = []
    for row in every:
        cells = [cell.rjust(width) if at in right else cell.ljust(width) for at, (cell, width) in enumerate(zip(row, widths))]
        out.append("  ".join(cells).rstrip(" "))
    return out


def series(pandas: Any, kind: FeatureType | None, values: Sequence[Any]) -> Any:
    """A column of a frame, where whole numbers stay whole; None is blank."""
    if kind is None or not kind.is_number:
        return pandas.Series(list(values), dtype=object)
    if kind.element in INTEGERS:
        return pandas.Series(list(values), dtype="Int32" if kind.element == INT32 else "Int64")
    if kind.element == BOOL:
        return pandas.Series(list(values), dtype="boolean")
    if kind.element == TIMESTAMP:
        nothing = np.datetime64("NaT", "ns")
        moments = np.array([nothing if value is None else value for value in values], "M8[ns]")
        return pandas.Series(moments).dt.tz_localize("UTC")
    dtype = np.float32 if kind.element == FLOAT32 else np.float64
    return pandas.Series(np.array([np.nan if value is None else value for value in values], dtype))
