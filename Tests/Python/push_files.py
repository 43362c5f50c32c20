"""The same few rows as each program writes them, for `apus push` to read."""

import datetime
import os
import subprocess
import sys

import pandas
import polars
import pyarrow
import pyarrow.ipc
import pyarrow.parquet

UTC = datetime.timezone.utc


def table():
    """None is a null; the integers have nulls, which pandas alone would turn into floats."""
    start = datetime.datetime(2026, 11, 19, 14, 3, 22, 123456, tzinfo=UTC)
    return pyarrow.table({
        "card": pyarrow.array(["a", "", "grün", None]),
        "event_timestamp": pyarrow.array([start] * 4, pyarrow.timestamp("us", "UTC")),
        "count": pyarrow.array([1, None, 2**63 - 1, -(2**63)], pyarrow.int64()),
        "mean": pyarrow.array([0.5, float("inf"), None, -0.0], pyarrow.float64()),
        "flag": pyarrow.array([True, False, None, True]),
        "word": pyarrow.array(["x", "", None, "x"]),
        "opened": pyarrow.array([start.date(), None, start.date(), start.date()], pyarrow.date32()),
        "words": pyarrow.array([["a", ""], [], None, ["b"]], pyarrow.list_(pyarrow.string())),
    })


def stream(rows, path):
    with pyarrow.OSFile(path, "wb") as sink, pyarrow.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)


def write(path, way):
    rows = table()
    if way == "pyarrow":
        pyarrow.parquet.write_table(rows, path)
    elif way == "pyarrow v2":
        pyarrow.parquet.write_table(
            rows, path, data_page_version="2.0", compression="zstd", write_page_index=True, row_group_size=3)
    elif way == "pandas":
        rows.to_pandas(types_mapper=pandas.ArrowDtype).to_parquet(path, index=False)
    elif way == "polars":
        polars.from_arrow(rows).write_parquet(path)
    elif way == "duckdb":
        pyarrow.parquet.write_table(rows, path + ".source")
        duckdb = os.path.join(os.path.dirname(sys.executable), "duckdb")
        copy = f"COPY (SELECT * FROM read_parquet('{path}.source')) TO '{path}' (FORMAT parquet)"
        subprocess.run([duckdb, "-c", copy], check=True, stdout=subprocess.DEVNULL)
    elif way == "stream":
        stream(rows, path)
    elif way == "stream, dictionaries":
        word = rows.column_names.index("word")
        stream(rows.set_column(word, "word", rows["word"].dictionary_encode()), path)
    elif way == "stream, polars":
        polars.from_arrow(rows).write_ipc_stream(path)
    return ""


def refused(path, way):
    """A column that is read nowhere, and one that is read where it has no null element, beside others."""
    rows = table().append_column("odd", pyarrow.array([{"a": 1}] * 4)).append_column(
        "holes", pyarrow.array([[1, None]] * 4))
    if way == "stream":
        stream(rows, path)
    else:
        pyarrow.parquet.write_table(rows, path)
    return ""
