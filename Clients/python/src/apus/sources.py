"""What users hold their rows in: dicts, dicts of columns, pandas frames, Arrow tables and batches. Each is a table of named columns
here; neither pandas nor pyarrow is imported before a user does.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .batch import Cells
from .cells import ABSENT, from_numbers, from_objects, is_blank, is_nan, refuse
from .errors import InputError
from .times import Clock, spell_type
from .types import FeatureType

Array = npt.NDArray[Any]


class Numbers(NamedTuple):
    """A column of numbers, bools or times. `is_utc`: its times are moments, and not naive."""

    values: Array
    blank: Array | None = None
    is_utc: bool = False


class Refused(NamedTuple):
    """A column that no feature can be made of: a reason, and what to do. Only wanted columns are refused."""

    why: str
    next: str


#: Objects, numbers, an Arrow array, or none of these.
Column = Any


class Table:
    """Named columns of equal length."""

    def __init__(self, names: Sequence[str], rows: int, is_frame: bool) -> None:
        self.names = list(names)
        self.rows = rows
        #: Whether it may have columns that mean nothing to a request for features.
        self.is_frame = is_frame

    def column(self, name: str) -> Column:
        raise NotImplementedError

    def hint(self) -> str:
        """What may help when a column is missing."""
        return ""


class _Rows(Table):
    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        names: dict[str, None] = {}
        for number, row in enumerate(rows):
            if not isinstance(row, Mapping):
                raise InputError(
                    f"row {number} is {spell_type(row)}, not a dict",
                    next="give dicts, a frame, or a dict of columns",
                )
            names.update(dict.fromkeys(row))
        super().__init__(_checked(names), len(rows), is_frame=False)
        self._data = rows

    def column(self, name: str) -> Column:
        return [row.get(name, ABSENT) for row in self._data]


class _Columns(Table):
    def __init__(self, data: Mapping[str, Any]) -> None:
        lengths = {}
        for name, values in data.items():
            if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
                raise InputError(
                    f"the column {name} is {spell_type(values)}, where other columns are lists or arrays",
                    next=f"give a list or an array for {name}, too",
                )
            lengths[name] = len(values)
        if len(set(lengths.values())) > 1:
            raise InputError("columns differ in length: " + ", ".join(f"{name} has {count}" for name, count in lengths.items()))
        super().__init__(_checked(data), next(iter(lengths.values()), 0), is_frame=True)
        self._data = data

    def column(self, name: str) -> Column:
        return column_of(self._data[name])


class _Frame(Table):
    def __init__(self, frame: Any) -> None:
        names = list(frame.columns)
        if len(set(names)) != len(names):
            twice = sorted({str(name) for name in names if names.count(name) > 1})
            raise InputError(f"the frame has two columns called {', '.join(twice)}", next="rename one of them, or drop it")
        super().__init__(_checked(names), len(frame), is_frame=True)
        self._frame = frame

    def column(self, name: str) -> Column:
        return _series(self._frame[name])

    def hint(self) -> str:
        named = [name for name in self._frame.index.names if name is not None]
        return f"the index has {', '.join(map(str, named))}: df.reset_index() makes columns of it" if named else ""


class _Arrow(Table):
    def __init__(self, table: Any) -> None:
        names = list(table.schema.names)
        if len(set(names)) != len(names):
            raise InputError("the table has two columns of one name", next="rename one of them")
        super().__init__(_checked(names), table.num_rows, is_frame=True)
        self._table = table

    def column(self, name: str) -> Column:
        return _arrow(self._table.column(self.names.index(name)))


def _checked(names: Any) -> list[str]:
    out = list(names)
    for name in out:
        if not isinstance(name, str):
            raise InputError(
                f"a column is called {name!r}, which is {spell_type(name)}",
                next="columns have texts as names",
            )
    return out


def table_of(data: Any) -> Table:
    """Reads whatever holds rows."""
    pandas, arrow = sys.modules.get("pandas"), sys.modules.get("pyarrow")
    if isinstance(data, Mapping):
        if any(_is_column(values) for values in data.values()) and not any(_is_plain(values) for values in data.values()):
            return _Columns(data)
        return _Rows([data])
    if pandas is not None and isinstance(data, pandas.DataFrame):
        return _Frame(data)
    if arrow is not None and isinstance(data, (arrow.Table, arrow.RecordBatch)):
        return _Arrow(data)
    if isinstance(data, (str, bytes)):
        raise InputError(
            f"{data!r} is {spell_type(data)}, which holds no rows",
            next="a file is loaded by `apus push VIEW FILE`, or read with pandas or pyarrow first",
        )
    if isinstance(data, Sequence):
        return _Rows(data)
    if pandas is not None and isinstance(data, pandas.Series):
        raise InputError("a Series is one column, or one row", next="df.loc[[label]] is a frame of one row")
    if hasattr(data, "__arrow_c_stream__"):
        return _Arrow(_pyarrow("this table").table(data))
    raise InputError(
        f"{spell_type(data)} holds no rows that this client knows",
        next="give a dict, dicts, a dict of columns, a pandas frame, or an Arrow table",
    )


def _is_column(values: Any) -> bool:
    return isinstance(values, (list, tuple)) or (hasattr(values, "__array__") and getattr(values, "ndim", 1) > 0)


def _is_plain(value: Any) -> bool:
    return not _is_column(value)


def _pyarrow(what: str) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise InputError(f"{what} needs pyarrow, which is not installed", next="pip install pyarrow") from None
    return pyarrow


def column_of(values: Any) -> Column:
    """A column of a dict of columns."""
    pandas, arrow = sys.modules.get("pandas"), sys.modules.get("pyarrow")
    if pandas is not None and isinstance(values, pandas.Series):
        return _series(values)
    if pandas is not None and isinstance(values, (pandas.Index, pandas.api.extensions.ExtensionArray)):
        return _series(pandas.Series(values))
    if arrow is not None and isinstance(values, (arrow.Array, arrow.ChunkedArray)):
        return _arrow(values)
    if isinstance(values, np.ndarray):
        return _array(values)
    return list(values)


def _array(values: Array) -> Column:
    if values.dtype.kind in "biufM" and values.ndim <= 2:
        mask = getattr(values, "mask", None)
        if mask is not None:
            return Numbers(np.asarray(values.filled(0)), np.broadcast_to(np.asarray(mask), values.shape).copy())  # type: ignore[attr-defined]
        return Numbers(values)
    if values.dtype.kind in "OUST" and values.ndim == 1:
        return values.tolist()
    if values.dtype.kind == "O":
        return list(values)
    return Refused(f"a numpy array of {values.dtype} with {values.ndim} dimensions is no column", "use another dtype")


def _series(series: Any) -> Column:
    import pandas

    kind = series.dtype
    if isinstance(kind, np.dtype):
        return _array(series.to_numpy())
    if isinstance(kind, pandas.DatetimeTZDtype):
        return Numbers(series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(), None, is_utc=True)
    if isinstance(kind, pandas.CategoricalDtype):
        words = kind.categories.tolist()
        return [words[code] if code >= 0 else None for code in series.cat.codes.tolist()]
    arrow_kind = getattr(pandas, "ArrowDtype", None)
    if arrow_kind is not None and isinstance(kind, arrow_kind):
        return _arrow(_pyarrow("an Arrow-backed column").array(series.array))
    if isinstance(kind, pandas.StringDtype):
        return series.astype(object).where(series.notna(), None).tolist()
    numpy_kind = getattr(kind, "numpy_dtype", None)
    if numpy_kind is not None and numpy_kind.kind in "biuf":
        blank = series.isna().to_numpy()
        return Numbers(series.to_numpy(dtype=numpy_kind, na_value=numpy_kind.type(0)), blank)
    if isinstance(kind, pandas.SparseDtype):
        return _array(series.sparse.to_dense().to_numpy())
    return Refused(f"a pandas column of {kind} is no feature", "use .astype(…) to make numbers, texts or times of it")


def _arrow(array: Any) -> Column:
    from . import arrow_columns

    return arrow_columns.column(array)


def cells(name: str, kind: FeatureType, column: Column, clock: Clock, nan_is_null: bool, is_frame: bool) -> Cells:
    """A column as a feature's cells."""
    if isinstance(column, Refused):
        raise refuse(name, kind, column.why, column.next)
    if isinstance(column, Numbers):
        return from_numbers(name, kind, column.values, column.blank, clock, nan_is_null, column.is_utc)
    if isinstance(column, list):
        if is_frame or nan_is_null:
            # Among objects of a frame NaN is how pandas spells a blank.
            column = [None if is_nan(value) else value for value in column]
        return from_objects(name, kind, column, clock)
    from . import arrow_columns

    return arrow_columns.cells(name, kind, column, clock)


def objects(column: Column) -> list[Any]:
    """As Python objects, for keys; a blank is None."""
    if isinstance(column, Refused):
        raise InputError(column.why, next=column.next)
    if isinstance(column, Numbers):
        out: list[Any] = list(column.values) if column.values.dtype.kind == "M" else column.values.tolist()
        if column.is_utc:
            out = [_moment(value) for value in out]
        if column.blank is not None:
            out = [None if bad else value for value, bad in zip(out, column.blank.tolist())]
        return [None if is_blank(value) else value for value in out] if column.values.dtype.kind == "M" else out
    if isinstance(column, list):
        return [None if is_blank(value) or is_nan(value) else value for value in column]
    from . import arrow_columns

    return arrow_columns.objects(column)


def _moment(value: Any) -> Any:
    """A moment that is known to be UTC, which `numpy.datetime64` cannot say."""
    import datetime

    if is_blank(value):
        return None
    nanoseconds = int(value.astype("M8[ns]").astype(np.int64))
    if nanoseconds % 1000:
        import pandas

        return pandas.Timestamp(nanoseconds, tz="UTC")
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return epoch + datetime.timedelta(microseconds=nanoseconds // 1000)
