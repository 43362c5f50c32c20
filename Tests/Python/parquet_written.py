"""Files of our Parquet writer, as pyarrow, Polars and DuckDB see them."""

import json
import os
import subprocess
import sys

import polars
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

ARROW = {
    "null": pa.null(), "bool": pa.bool_(), "int8": pa.int8(), "int16": pa.int16(), "int32": pa.int32(),
    "int64": pa.int64(), "uint8": pa.uint8(), "uint16": pa.uint16(), "uint32": pa.uint32(), "uint64": pa.uint64(),
    "float32": pa.float32(), "float64": pa.float64(), "string": pa.string(), "bytes": pa.binary(), "date": pa.date32(),
    # Parquet has no seconds.
    "timestamp[s, UTC]": pa.timestamp("ms", "UTC"), "timestamp[ms]": pa.timestamp("ms"),
    "timestamp[us, UTC]": pa.timestamp("us", "UTC"), "timestamp[ns, UTC]": pa.timestamp("ns", "UTC"),
    "timestamp[ns]": pa.timestamp("ns"),
}


def raw(path):
    """The columns' buffers as the test wrote them: name, type, shape, nullable, and where each buffer lies."""
    with open(path + ".json") as file:
        said = json.load(file)
    with open(path + ".raw", "rb") as file:
        data = file.read()

    empty = pa.py_buffer(bytes(8))

    def column(field):
        kind = ARROW[field["element"]]
        seconds = field["element"].startswith("timestamp[s")
        validity, lists, offsets, values = (
            pa.py_buffer(data[start:end]) if end > start else None for start, end in field["buffers"])
        rows, elements, nulls = field["rows"], field["elements"], field["nulls"]
        store = pa.int64() if seconds else kind
        scalar = field["shape"] == "scalar"
        outer = validity if scalar else None
        if field["element"] == "null":
            inner = pa.nulls(elements)
        elif pa.types.is_string(kind) or pa.types.is_binary(kind):
            inner = pa.Array.from_buffers(kind, elements, [outer, offsets or pa.py_buffer(bytes(4)), values or empty])
        else:
            inner = pa.Array.from_buffers(store, elements, [outer, values or empty])
        if seconds:
            inner = pa.compute.multiply(inner, 1000).cast(kind)
        if scalar:
            return inner
        child = pa.field("element", kind, nullable=field["element"] == "null")
        if field["shape"] == "list":
            return pa.Array.from_buffers(pa.list_(child), rows, [validity, lists or empty], children=[inner], null_count=nulls)
        # A vector comes back as a list; a null one is an empty slot in both.
        size = int(field["shape"])
        array = pa.Array.from_buffers(pa.list_(child, size), rows, [validity], children=[inner], null_count=nulls)
        return array.cast(pa.list_(child))

    fields = said["fields"]
    return pa.table(
        [column(f) for f in fields],
        schema=pa.schema([
            pa.field(f["name"],
                     ARROW[f["element"]] if f["shape"] == "scalar"
                     else pa.list_(pa.field("element", ARROW[f["element"]], nullable=f["element"] == "null")),
                     nullable=f["nullable"] or f["element"] == "null" and f["shape"] == "scalar") for f in fields]))


def same(found, expected, name):
    """Bit for bit, NaN and -0.0 included: as Arrow's own bytes, which need both without offsets and padding."""
    if found.type != expected.type:
        raise AssertionError(f"{name}: {found.type}, not {expected.type}")
    if len(found) != len(expected) or found.null_count != expected.null_count:
        raise AssertionError(f"{name}: {len(found)} rows, {found.null_count} null, not {len(expected)}, {expected.null_count}")

    def bits(array):
        kind = array.type
        if pa.types.is_list(kind):
            return pa.ListArray.from_arrays(rebased(array), bits(array.flatten()))
        if pa.types.is_float32(kind):
            return array.view(pa.int32())
        if pa.types.is_float64(kind):
            return array.view(pa.int64())
        return array

    def rebased(array):
        lengths = pa.compute.fill_null(pa.compute.list_value_length(array), 0)
        ends = pa.compute.cumulative_sum(lengths).cast(pa.int32())
        return pa.concat_arrays([pa.array([0], pa.int32()), ends])

    def whole(column):
        return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

    a, b = whole(found), whole(expected)
    if isinstance(a, pa.ChunkedArray):
        a = pa.concat_arrays(a.chunks) if a.num_chunks else pa.array([], expected.type)
    if isinstance(b, pa.ChunkedArray):
        b = pa.concat_arrays(b.chunks) if b.num_chunks else pa.array([], expected.type)
    if not a.is_valid().equals(b.is_valid()):
        raise AssertionError(f"{name}: other rows are null")
    if not bits(a).equals(bits(b)):
        for row, (x, y) in enumerate(zip(a, b)):
            if x != y:
                raise AssertionError(f"{name}: row {row} is {x}, not {y}")
        raise AssertionError(f"{name}: other bits")


def with_pyarrow(path):
    expected = raw(path)
    file = pq.ParquetFile(path, page_checksum_verification=True)
    # Field by field, as pyarrow's own names say: metadata aside.
    table = file.read()
    table.validate(full=True)
    for name in expected.schema.names:
        same(table.column(name), expected.column(name), name)
    if table.schema.remove_metadata() != expected.schema:
        raise AssertionError(f"{table.schema} is not {expected.schema}")
    check_statistics(file, expected)
    return f"{table.num_rows} {file.num_row_groups}"


def check_statistics(file, expected):
    """Every chunk's bounds hold every value, are exact where they say so, and the counts of nulls are right."""
    start = 0
    for group in range(file.num_row_groups):
        meta = file.metadata.row_group(group)
        rows = expected.slice(start, meta.num_rows)
        start += meta.num_rows
        for index in range(meta.num_columns):
            chunk = meta.column(index)
            column = rows.column(index).combine_chunks()
            if isinstance(column, pa.ChunkedArray):
                column = pa.concat_arrays(column.chunks)
            if not chunk.has_offset_index:
                raise AssertionError("a chunk without an offset index")
            kind = column.type
            if pa.types.is_list(kind):
                lengths = pa.compute.list_value_length(column)
                empty = column.null_count + (pa.compute.sum(pa.compute.equal(lengths, 0)).as_py() or 0)
                values = column.flatten()
            else:
                empty, values = column.null_count, column.drop_null()
            said = chunk.statistics
            if not said.has_null_count or said.null_count != empty:
                raise AssertionError(f"{chunk.path_in_schema}: {said.null_count} null, not {empty}")
            if len(values) == 0 or pa.types.is_null(values.type):
                if said.has_min_max:
                    raise AssertionError(f"{chunk.path_in_schema}: bounds of nothing")
                continue
            if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
                values = values.view(pa.int64() if pa.types.is_timestamp(values.type) else pa.int32())
                least, greatest = said.min_raw, said.max_raw
            else:
                least, greatest = said.min, said.max
            if not chunk.has_column_index:
                raise AssertionError(f"{chunk.path_in_schema}: no column index")
            if pa.types.is_binary(values.type) or pa.types.is_string(values.type):
                true = sorted(v.as_py() if isinstance(v.as_py(), bytes) else v.as_py().encode() for v in values)
                true = (true[0], true[-1])
                least, greatest = (b if isinstance(b, bytes) else b.encode() for b in (least, greatest))
            elif pa.types.is_boolean(values.type):
                true = (min(values.to_pylist()), max(values.to_pylist()))
            else:
                found = pa.compute.min_max(values).as_py()
                true = (found["min"], found["max"])
            if (least, greatest) != true:
                raise AssertionError(f"{chunk.path_in_schema}: {(least, greatest)} are not the bounds {true}")


def with_polars(path):
    expected = raw(path)
    frame = polars.read_parquet(path)
    check_other(frame.to_arrow(), expected)
    return str(frame.height)


def with_duckdb(path):
    """DuckDB's program reads the file and writes it again as Parquet, which pyarrow reads."""
    expected = raw(path)
    again = path + ".duckdb"
    program = os.path.join(os.path.dirname(sys.executable), "duckdb")
    done = subprocess.run(
        [program, "-c", f"SET TimeZone='UTC'; COPY (FROM '{path}') TO '{again}' (FORMAT parquet)"],
        capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stderr)
    table = pq.read_table(again)
    check_other(table, expected, microseconds=True)
    return str(table.num_rows)


def check_other(table, expected, microseconds=False):
    """Readers with types of their own: what they have is cast to what was meant, and must be the same. With `microseconds`
    UTC nanoseconds are compared as those: DuckDB has no finer moments."""
    for name in expected.schema.names:
        want = expected.column(name)
        have = table.column(name)
        if pa.types.is_null(want.type) or (pa.types.is_list(want.type) and pa.types.is_null(want.type.value_type)):
            if have.null_count != want.null_count:
                raise AssertionError(f"{name}: other rows are null")
            continue
        if microseconds and element(want.type) == pa.timestamp("ns", "UTC"):
            if pa.types.is_list(want.type):
                have, want = (pa.compute.list_flatten(c) for c in (have, want))
            # Both toward zero, as that program does.
            want = pa.compute.divide(want.cast(pa.int64()), 1000)
            have = have.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        same(have.cast(want.type), want, name)


def element(kind):
    return kind.value_type if pa.types.is_list(kind) else kind


def pruned(path, column, value):
    """How many row groups and rows pyarrow's and Polars's filters find: a bound that lies would lose rows."""
    kind = pq.read_schema(path).field(column).type
    literal = pa.scalar(int(value), kind)
    found = pq.read_table(path, filters=[(column, "==", literal.as_py())]).num_rows
    other = polars.scan_parquet(path).filter(polars.col(column) == int(value)).collect().height
    return f"{found} {other}"


def with_spark(path):
    """Compares what Spark wrote of what it had read."""
    expected = raw(path)
    table = pq.read_table(path + ".spark")
    missing = [n for n in expected.schema.names if n not in table.schema.names]
    for name in missing:
        if element(expected.schema.field(name).type) != pa.null():
            raise AssertionError(f"{name} is missing")
    check_other(table, expected.select([n for n in expected.schema.names if n not in missing]))
    return f"{table.num_rows} {table.num_columns}"
