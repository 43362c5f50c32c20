"""Runs of history as others read them. Beside RUN lies RUN.json: a line of columns, [name, kind, is a list] each, then a line of
values for each row, written by the test from the events themselves: numbers and moments in decimal, floats by their bits, text and bytes in
hexadecimal, null for null."""

import json
import math
import os
import struct
import subprocess
import sys

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

NOT_A_NUMBER = "nan"


def expected(path):
    with open(path + ".json", encoding="ascii") as file:
        columns, *rows = [json.loads(line) for line in file]
    for row in rows:
        for place, (_, kind, is_list) in enumerate(columns):
            if kind.startswith("float"):
                row[place] = each(row[place], is_list, lambda bits, k=kind: canonical_float(bits, k))
    return columns, rows


def each(value, is_list, change):
    if value is None:
        return None
    return [change(one) for one in value] if is_list else change(value)


def canonical_float(bits, kind):
    value = struct.unpack(">f" if kind == "float32" else ">d", bytes.fromhex(bits))[0]
    return float_text(value)


def float_text(value):
    return NOT_A_NUMBER if math.isnan(value) else struct.pack(">d", value).hex()


def canonical(value, kind):
    if kind == "bool":
        return value
    if kind.startswith("float"):
        return float_text(value)
    if kind == "string":
        return value.encode().hex()
    if kind == "bytes":
        return bytes(value).hex()
    return str(value)


def compare(path, names, column, cut=1):
    """`column(name)` gives a column's values as Python's. With `cut` moments are compared in so many nanoseconds, towards zero."""
    columns, rows = expected(path)
    if names != [name for name, _, _ in columns]:
        raise AssertionError(f"columns {names}")
    for place, (name, kind, is_list) in enumerate(columns):
        have = [each(value, is_list, lambda one, k=kind: canonical(one, k)) for value in column(name)]
        want = [row[place] for row in rows]
        if kind == "timestamp" and cut > 1:
            want = [each(value, is_list, lambda one: shortened(int(one), cut)) for value in want]
        if have != want:
            row = next((i for i, (a, b) in enumerate(zip(have, want)) if a != b), min(len(have), len(want)))
            raise AssertionError(f"{name}, row {row}: {have[row:row + 1]} where {want[row:row + 1]} was written")
    return str(len(rows))


def shortened(number, cut):
    if number == 2**63 - 1:
        return str(number)  # what DuckDB calls infinity
    whole = abs(number) // cut
    return str(-whole if number < 0 else whole)


def plain(column):
    """Moments as numbers: Python's own have no nanoseconds."""
    kind = column.type
    if pa.types.is_list(kind) and pa.types.is_timestamp(kind.value_type):
        return column.cast(pa.list_(pa.int64())).to_pylist()
    if pa.types.is_timestamp(kind):
        return column.cast(pa.int64()).to_pylist()
    return column.to_pylist()


def with_pyarrow(path):
    table = pq.read_table(path, page_checksum_verification=True)
    for name, kind, is_list in expected(path)[0]:
        field = table.schema.field(name).type
        if kind == "timestamp" and (field.value_type if is_list else field) != pa.timestamp("ns", "UTC"):
            raise AssertionError(f"{name} is {field}")
    sorting = pq.ParquetFile(path).metadata
    for group in range(sorting.num_row_groups):
        by = [sorting.row_group(group).column(one.column_index).path_in_schema
              for one in sorting.row_group(group).sorting_columns]
        if by != ["_key", "_event_time", "_created_at", "_lsn"]:
            raise AssertionError(f"sorted by {by}")
    return compare(path, table.schema.names, lambda name: plain(table.column(name)))


def with_polars(path):
    frame = pl.read_parquet(path)

    def column(name):
        values = frame.get_column(name)
        if values.dtype.is_temporal():
            values = values.to_physical()
        elif isinstance(values.dtype, pl.List) and values.dtype.inner.is_temporal():
            values = values.cast(pl.List(pl.Int64))
        return values.to_list()

    return compare(path, frame.columns, column)


def with_duckdb(path):
    """Through DuckDB's program, which writes it again for pyarrow. It has no moments finer than microseconds in UTC."""
    again = path + ".duckdb"
    program = os.path.join(os.path.dirname(sys.executable), "duckdb")
    done = subprocess.run(
        [program, "-c", f"SET TimeZone='UTC'; COPY (FROM '{path}') TO '{again}' (FORMAT parquet)"],
        capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stderr)
    table = pq.read_table(again)
    return compare(path, table.schema.names, lambda name: plain(table.column(name)), cut=1000)


def metadata(path, key):
    return pq.read_metadata(path).metadata[key.encode()].decode()
