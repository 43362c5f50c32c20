"""Labels on their way to a server: whatever holds them becomes batches of Arrow columns, as they are. Nothing is converted but what the server
could not read otherwise: objects become columns of their values, and texts or datetimes among objects become moments.

Imported only where somebody asks for a training set, which needs pyarrow.
"""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable, Final

import numpy as np
import pyarrow as pa

from . import sources
from .cells import ABSENT, is_blank, is_nan
from .errors import InputError
from .times import Clock, spell_type

_ROWS: Final = 65_536
_END_OF_STREAM: Final = b"\xff\xff\xff\xff\0\0\0\0"
_DEFAULT_TIME: Final = "event_timestamp"
_FILES: Final = {".parquet": "parquet", ".arrow": "arrow", ".arrows": "arrow", ".csv": "csv", ".tsv": "csv"}
_GIVE: Final = "give a pandas, polars or Arrow table, dicts, a dict of columns, or the path of a file"


class Spine:
    """Batches of labels, which may be gone through more than once, and what is to be known of where they came from."""

    def __init__(
        self, schema: Any, batches: Callable[[], Iterator[Any]], *, is_text: bool = False, name: str = "", format: str = "",
        is_once: bool = False,
    ) -> None:  # fmt: skip
        for field in schema:
            why = _unreadable(field.type)
            if why:
                raise InputError(f"the column {field.name} is {field.type}: {why}", "the spine", "drop it, or cast it")
        twice = sorted({one for one in schema.names if schema.names.count(one) > 1})
        if twice:
            raise InputError(f"the spine has two columns called {', '.join(twice)}", next="rename one of them")
        self.schema = pa.schema([pa.field(field.name, _plain_type(field.type)) for field in schema])
        self._batches = batches
        self.is_text = is_text
        #: As the manifest calls them.
        self.name, self.format = name, format
        #: Whether the batches can be had but once.
        self.is_once = is_once
        #: Of a pandas frame: so that the set's frame has the same.
        self.dtypes: dict[str, Any] = {}
        self.index: Any = None

    def pieces(self) -> Iterator[Any]:
        """An Arrow stream, message by message."""
        yield self.schema.serialize()
        for batch in self._batches():
            columns = [_plain(column, field.type) for column, field in zip(batch.columns, self.schema)]
            plain = pa.RecordBatch.from_arrays(columns, schema=self.schema)
            for start in range(0, plain.num_rows, _ROWS):
                yield plain.slice(start, _ROWS).serialize()
        yield _END_OF_STREAM


def _unreadable(kind: Any) -> str:
    types = pa.types
    if types.is_dictionary(kind) or types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _unreadable(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return _unreadable(kind.storage_type)
    if (
        types.is_decimal(kind)
        or types.is_time(kind)
        or types.is_duration(kind)
        or types.is_nested(kind)
        or types.is_interval(kind)
    ):
        return "no column of a set can be that"
    return ""


def _plain_type(kind: Any) -> Any:
    if isinstance(kind, pa.BaseExtensionType):
        return _plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if getattr(pa.types, "is_run_end_encoded", lambda _: False)(kind):
        return _plain_type(kind.value_type)
    return kind


def _plain(column: Any, kind: Any) -> Any:
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column if column.type == kind else column.cast(kind)


def spine_of(data: Any, time: str | None) -> Spine:
    """`time`: the column of moments, if it was named."""
    if isinstance(data, (str, os.PathLike)):
        return _file(os.fspath(data))
    if isinstance(data, pa.RecordBatchReader):
        return Spine(data.schema, lambda: iter(data), is_once=True)
    if isinstance(data, (pa.Table, pa.RecordBatch)):
        return _table(pa.Table.from_batches([data]) if isinstance(data, pa.RecordBatch) else data)
    if hasattr(data, "collect") and hasattr(data, "lazy"):
        raise InputError(f"{spell_type(data)} is not worked out yet", next="give labels.collect()")
    table = _named(data)
    if isinstance(table, sources._Frame):
        return _frame(data, table, time)
    if isinstance(table, sources._Arrow):
        return _table(table._table)
    columns = {}
    for name in table.names:
        if isinstance(table, sources._Columns):
            columns[name] = _column(name, table._data[name], time)
        else:
            values = [None if value is ABSENT else value for value in table.column(name)]
            columns[name] = _objects(name, values, time)
    return _table(pa.table(columns))


def _named(data: Any) -> sources.Table:
    try:
        table = sources.table_of(data)
    except InputError as error:
        if "holds no rows" in error.what:
            raise InputError(error.what, next=_GIVE) from None
        raise
    if not table.rows:
        raise InputError("there are no labels", next="give at least one; `if len(df):` skips what is empty")
    return table


def _table(table: Any) -> Spine:
    if not table.num_rows:
        raise InputError("there are no labels", next="give at least one; `if len(df):` skips what is empty")
    return Spine(table.schema, lambda: iter(table.to_batches(max_chunksize=_ROWS)))


def _frame(frame: Any, table: sources.Table, time: str | None) -> Spine:
    out = _table(pa.table({name: _column(name, frame[name], time) for name in table.names}))
    out.dtypes = {name: frame[name].dtype for name in table.names}
    out.index = frame.index
    return out


def _column(name: str, values: Any, time: str | None) -> Any:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    kind = getattr(values, "dtype", None)
    if isinstance(values, np.ma.MaskedArray):
        # What is masked is blank.
        shown = values.data.tolist() if values.dtype.kind not in "mM" else list(values.data)
        hidden = np.ma.getmaskarray(values)
        if values.dtype.kind in "biuf":
            return pa.array(values.data, mask=hidden, from_pandas=False)
        return _objects(name, [None if none else one for one, none in zip(shown, hidden, strict=True)], time)
    if isinstance(values, (list, tuple)) or getattr(kind, "kind", "") == "O":
        # Among objects of a frame NaN is how pandas spells a blank.
        return _objects(name, [None if is_blank(one) or is_nan(one) else one for one in values], time)
    if isinstance(kind, np.dtype) and kind.kind not in "biufMUS":
        raise InputError(f"the column {name} is {kind}: no column of a set can be that", "the spine", "drop it, or cast it")
    if isinstance(kind, np.dtype) and kind.kind in "US":
        return _objects(name, np.asarray(values).tolist(), time)
    try:
        # A float that is NaN stays one.
        out = pa.array(np.asarray(values), from_pandas=False) if isinstance(kind, np.dtype) else pa.array(values)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InputError(f"the column {name} is {kind}: {error}", "the spine", "drop it, or cast it") from None
    if _is_words(out.type) and _is_of_times(name, time):
        return _objects(name, out.to_pylist(), time)
    return out


def _is_words(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_of_times(name: str, time: str | None) -> bool:
    return name == (time or _DEFAULT_TIME)


def _objects(name: str, values: Sequence[Any], time: str | None) -> Any:
    """A column of Python's own values."""
    given = [(row, one) for row, one in enumerate(values) if one is not None]
    if given and all(isinstance(one, (datetime.datetime, np.datetime64)) for _, one in given):
        return _moments(name, given, len(values))
    if given and _is_of_times(name, time) and all(isinstance(one, (str, datetime.datetime, np.datetime64)) for _, one in given):
        return _moments(name, given, len(values))
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        kinds = sorted({spell_type(one) for _, one in given})
        what = f"it has {' and '.join(kinds)}" if len(kinds) > 1 else str(error)
        raise InputError(f"the column {name}: {what}", "the spine", "give it one type, or drop it") from None


def _moments(name: str, given: Sequence[tuple[int, Any]], rows: int) -> Any:
    """Moments to the nanosecond; with an offset each, or without one each, so that the server knows which."""
    out = np.full(rows, np.datetime64("NaT", "ns"))
    naive: dict[bool, int] = {}
    for row, value in given:
        clock = Clock()
        try:
            out[row] = np.datetime64(clock.nanoseconds(value), "ns")
        except (TypeError, ValueError) as error:
            raise InputError(f"{name} of row {row}: {error}", "the spine", "write moments such as 2026-11-19T14:03:22Z") from None
        naive.setdefault(clock.met_naive, row)
    if len(naive) > 1:
        raise InputError(
            f"{name} has an offset in row {naive[False]}, and none in row {naive[True]}",
            "the spine",
            "give all of them one, or none",
        )
    return pa.array(out, pa.timestamp("ns", tz=None if True in naive else "UTC"))


# Files


def _file(path: str) -> Spine:
    ending = os.path.splitext(path)[1].lower()
    format = _FILES.get(ending)
    if format is None:
        raise InputError(f"{path} does not say what it is", "the spine", f"it ends in {', '.join(_FILES)}")
    name = os.path.basename(path)
    try:
        if format == "parquet":
            return _parquet(path, name)
        if format == "arrow":
            return _arrow(path, name)
        return _csv(path, name, "\t" if ending == ".tsv" else ",")
    except OSError as error:
        if isinstance(error, pa.ArrowException) or not error.strerror:
            raise InputError(f"{path} cannot be read: {error}", "the spine", "is it whole?") from None
        raise InputError(f"{path} cannot be read: {error.strerror}", "the spine", "check the path") from None
    except pa.ArrowException as error:
        raise InputError(f"{path} cannot be read: {error}", "the spine", "is it whole?") from None


def _parquet(path: str, name: str) -> Spine:
    import pyarrow.parquet

    with pa.OSFile(path) as file:
        schema = pyarrow.parquet.ParquetFile(file).schema_arrow

    def batches() -> Iterator[Any]:
        with pa.OSFile(path) as again:
            yield from pyarrow.parquet.ParquetFile(again).iter_batches(batch_size=_ROWS)

    return Spine(schema, batches, name=name, format="parquet")


def _arrow(path: str, name: str) -> Spine:
    @contextlib.contextmanager
    def opened() -> Iterator[Any]:
        with open(path, "rb") as look:
            is_file = look.read(6) == b"ARROW1"
        with pa.memory_map(path) as file:
            yield pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file)

    with opened() as reader:
        schema = reader.schema

    def batches() -> Iterator[Any]:
        with opened() as reader:
            if hasattr(reader, "num_record_batches"):
                yield from (reader.get_batch(at) for at in range(reader.num_record_batches))
            else:
                yield from reader

    return Spine(schema, batches, name=name, format="arrow")


def _csv(path: str, name: str, delimiter: str) -> Spine:
    import pyarrow.csv as csv

    def opened(names: Sequence[str] | None) -> Any:
        convert = csv.ConvertOptions(
            column_types={one: pa.string() for one in names or ()}, null_values=[""], strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )  # fmt: skip
        parse = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
        return csv.open_csv(path, parse_options=parse, convert_options=convert)

    with opened(None) as reader:
        names = reader.schema.names
    schema = pa.schema([(one, pa.string()) for one in names])

    def batches() -> Iterator[Any]:
        with opened(names) as reader:
            yield from reader

    return Spine(schema, batches, is_text=True, name=name, format="csv")


def keys_of(keys: Mapping[str, str] | None) -> dict[str, str]:
    if keys is None:
        return {}
    if not isinstance(keys, Mapping) or not all(isinstance(one, str) and one for pair in keys.items() for one in pair):
        raise InputError(f"keys is {keys!r}", next='keys={"card_id": "card"}: a key, and what the spine calls it')
    return dict(keys)
