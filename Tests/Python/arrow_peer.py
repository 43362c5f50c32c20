"""What pyarrow, Polars and pandas make of our Arrow streams, and streams of theirs for us."""

import gzip
import json
import struct

import numpy
import pandas
import polars
import pyarrow
import pyarrow.compute
import pyarrow.ipc


def read(path):
    with pyarrow.OSFile(path) as source:
        reader = pyarrow.ipc.open_stream(source)
        batches = list(reader)
    for batch in batches:
        batch.validate(full=True)
    return reader.schema, batches


def describe(path):
    """Each field as pyarrow names it, then the metadata and the batches' numbers of rows."""
    schema, batches = read(path)
    fields = [f"{field.type}{'' if field.nullable else ' not null'}" for field in schema]
    metadata = [[key.decode(), value.decode()] for key, value in (schema.metadata or {}).items()]
    return json.dumps([fields, metadata, [batch.num_rows for batch in batches]])


def values(path):
    """All rows of a small stream, column by column, as Python prints them."""
    schema, batches = read(path)
    return json.dumps([repr(column.to_pylist()) for column in pyarrow.Table.from_batches(batches, schema).columns])


def layouts(field, way):
    """The type that a way of writing has for a field."""
    kind = field.type
    other = {
        "large": {"string": pyarrow.large_string(), "binary": pyarrow.large_binary()},
        "view": {"string": pyarrow.string_view(), "binary": pyarrow.binary_view()},
    }.get(way, {})
    if pyarrow.types.is_list(kind):
        item = other.get(str(kind.value_type), kind.value_type)
        # pyarrow casts no lists to lists of views.
        if way == "view":
            return kind
        return pyarrow.large_list(item) if way == "large" else kind
    return other.get(str(kind), kind)


def flip(path, target, way):
    """Writes the rows of a stream from the last to the first: pyarrow has to know what each row is."""
    schema, batches = read(path)
    table = pyarrow.Table.from_batches(batches, schema)
    table = table.take(pyarrow.array(range(table.num_rows - 1, -1, -1), pyarrow.int64())).combine_chunks()
    options = pyarrow.ipc.IpcWriteOptions(compression="zstd" if way == "zstd" else None)
    if way in ("large", "view"):
        table = table.cast(pyarrow.schema([field.with_type(layouts(field, way)) for field in table.schema]))
    if way == "dictionary":
        columns = []
        for column in table.columns:
            encodes = pyarrow.types.is_string(column.type) or pyarrow.types.is_integer(column.type)
            columns.append(column.dictionary_encode() if encodes else column)
        table = pyarrow.table(columns, names=table.schema.names).unify_dictionaries()
    # Slices begin in the middle of buffers, and of bytes of bitmaps.
    rows = 7 if way == "slices" else 100_000
    with pyarrow.OSFile(target, "wb") as sink, pyarrow.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows)


def flip_with_polars(path, target):
    frame = polars.read_ipc_stream(path)
    # There is no `reverse` for arrays of bools, but any rows can be gathered.
    frame[list(range(frame.height - 1, -1, -1))].write_ipc_stream(target)
    return json.dumps([str(kind) for kind in frame.dtypes])


def zero_copy(path):
    """Whether every column's values are the mapped file's own bytes, at a multiple of 64 from its beginning."""
    with pyarrow.memory_map(path) as source:
        whole = source.read_buffer()
        table = pyarrow.ipc.open_stream(whole).read_all()
        for field, column in zip(table.schema, table.columns):
            for chunk in column.chunks:
                for buffer in chunk.buffers():
                    if buffer is None or buffer.size == 0:
                        continue
                    offset = buffer.address - whole.address
                    assert 0 <= offset < whole.size and offset % 64 == 0, (field, offset)
                if pyarrow.types.is_integer(field.type) or pyarrow.types.is_floating(field.type):
                    array = chunk.to_numpy(zero_copy_only=True)
                    address = array.__array_interface__["data"][0]
                    assert len(array) == 0 or whole.address <= address < whole.address + whole.size, field
    return str(table.num_columns)


def write(target, table, **options):
    with pyarrow.OSFile(target, "wb") as sink:
        with pyarrow.ipc.new_stream(sink, table.schema, options=pyarrow.ipc.IpcWriteOptions(**options)) as writer:
            writer.write_table(table)


def from_pandas(target):
    """What pandas says by default."""
    frame = pandas.DataFrame({
        "text": ["a", None, "é"],
        "none": [None, None, None],
        "empty": [[], [], []],
        "category": pandas.Categorical(["u", "v", "u"]),
        "moment": pandas.to_datetime(["2020-01-01", None, "2020-01-02"]),
        "zone": pandas.to_datetime(["2020-01-01", None, "2020-01-02"]).tz_localize("Europe/Berlin"),
        "whole": pandas.array([1, None, 3], dtype="Int64"),
        "real": [1.5, float("nan"), 2.5],
    })
    write(target, pyarrow.Table.from_pandas(frame))


def from_polars(target):
    frame = polars.DataFrame({
        "text": ["a", None, "longer than twelve bytes", "é" * 20],
        "bytes": [b"", b"x" * 13, None, b"y" * 12],
        "list": [[1, 2], None, [], [3]],
        "texts": [["a", "another that is no short one"], [], None, [""]],
        "category": polars.Series(["u", "v", None, "u"], dtype=polars.Categorical),
        "none": [None, None, None, None],
        "vector": polars.Series([[1, 2], [3, 4], None, [5, 6]], dtype=polars.Array(polars.Float32, 2)),
    })
    frame.write_ipc_stream(target)


def oddities(target):
    """Layouts that we do not write and yet read."""
    table = pyarrow.table({
        "half": pyarrow.array(numpy.array([1.5, -2, 65504], dtype=numpy.float16)),
        "date64": pyarrow.array([0, None, -86400000], pyarrow.date64()),
        "fixed": pyarrow.array([b"abc", None, b"xyz"], pyarrow.binary(3)),
        "null vector": pyarrow.array([[1, 2], None, [3, 4]], pyarrow.list_(pyarrow.int8(), 2)),
        "categories": pyarrow.array([["u", "v"], None, ["u"]], pyarrow.list_(pyarrow.string())),
    })
    values = pyarrow.array(["u", "v"])
    encoded = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0, 1, 0], pyarrow.int8()), values)
    lists = pyarrow.ListArray.from_arrays(pyarrow.array([0, None, 2, 3], pyarrow.int32()), encoded)
    write(target, table.set_column(4, "categories", lists))


def deltas(target):
    """A dictionary that grows, and one that is replaced, from batch to batch."""
    kind = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    schema = pyarrow.schema([("grows", kind), ("changes", kind)])
    options = pyarrow.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with pyarrow.OSFile(target, "wb") as sink, pyarrow.ipc.new_stream(sink, schema, options=options) as writer:
        for grown, other in ((["a"], ["x"]), (["a", "b"], ["y", "z"]), (["a", "b", "c"], ["w", "x"])):
            writer.write_batch(pyarrow.record_batch([
                pyarrow.DictionaryArray.from_arrays(
                    pyarrow.array([len(values) - 1, 0, None], pyarrow.int32()), pyarrow.array(values))
                for values in (grown, other)
            ], schema=schema))


def refused(folder):
    """A stream for each type that we do not read, with a column that we do beside it; returns the names."""
    sparse = pyarrow.UnionArray.from_sparse(
        pyarrow.array([0, 1, 0], pyarrow.int8()), [pyarrow.array([1, 2, 3]), pyarrow.array(["a", "b", "c"])])
    dense = pyarrow.UnionArray.from_dense(
        pyarrow.array([0, 1, 0], pyarrow.int8()), pyarrow.array([0, 0, 1], pyarrow.int32()),
        [pyarrow.array([1, 3]), pyarrow.array(["b"])])
    columns = {
        "struct": pyarrow.array([{"a": 1, "b": ["x"]}, None, {"a": 2, "b": []}]),
        "map": pyarrow.array([[("a", 1)], None, []], pyarrow.map_(pyarrow.string(), pyarrow.int32())),
        "decimal": pyarrow.array([1, None, 2], pyarrow.decimal128(10, 2)),
        "time32": pyarrow.array([1, None, 2], pyarrow.time32("s")),
        "time64": pyarrow.array([1, None, 2], pyarrow.time64("ns")),
        "duration": pyarrow.array([1, None, 2], pyarrow.duration("us")),
        "interval": pyarrow.array([(1, 2, 3), None, (4, 5, 6)], pyarrow.month_day_nano_interval()),
        "nested": pyarrow.array([[[1], [2, 3]], None, []]),
        "list view": pyarrow.array([[1], None, [2, 3]], pyarrow.list_view(pyarrow.int64())),
        "run ends": pyarrow.RunEndEncodedArray.from_arrays([2, 3], pyarrow.array(["a", "b"])),
        "sparse union": sparse,
        "dense union": dense,
        "null element": pyarrow.array([[1, None], [2], []]),
        "list of structs": pyarrow.array([[{"a": 1}], None, []]),
    }
    for name, column in columns.items():
        write(f"{folder}/{name}", pyarrow.table({"before": ["a", None, "b"], name: column, "after": [1, 2, 3]}))
    write(f"{folder}/lz4", pyarrow.table({"before": ["a", "b"], "lz4": [1, 2]}), compression="lz4")
    return json.dumps(list(columns) + ["lz4"])


def gold(path):
    """The values of a conformance stream, out of the JSON beside it and without any reader of Arrow: name, and rows as texts."""
    with gzip.open(path.removesuffix(".stream") + ".json.gz") as source:
        told = json.load(source)
    dictionaries = {one["id"]: one["data"]["columns"][0] for one in told.get("dictionaries", [])}
    columns = []
    for index, field in enumerate(told["schema"]["fields"]):
        rows = []
        for batch in told["batches"]:
            rows += gold_rows(field, batch["columns"][index], dictionaries)
        columns.append([field["name"], rows])
    return json.dumps(columns)


def gold_rows(field, column, dictionaries):
    count, kind = column["count"], field["type"]
    valid = column.get("VALIDITY", [1] * count)
    if "dictionary" in field:
        values = dictionaries[field["dictionary"]["id"]]
        plain = {key: value for key, value in field.items() if key != "dictionary"}
        entries = gold_rows(plain, values, dictionaries)
        return [entries[int(place)] if ok else None for ok, place in zip(valid, column["DATA"])]
    if kind["name"] == "null":
        return [None] * count
    if kind["name"] in ("list", "fixedsizelist"):
        items = gold_rows(field["children"][0], column["children"][0], dictionaries)
        if kind["name"] == "list":
            places = [int(place) for place in column["OFFSET"]]
        else:
            places = [row * kind["listSize"] for row in range(count + 1)]
        return [items[places[row]:places[row + 1]] if valid[row] else None for row in range(count)]
    if "DATA" not in column:
        return ["something else"] * count
    return [gold_text(kind, value) if ok else None for ok, value in zip(valid, column["DATA"])]


def gold_text(kind, value):
    name = kind["name"]
    if name == "floatingpoint":
        single = kind["precision"] == "SINGLE"
        return struct.pack(">f" if single else ">d", value).hex()
    if name == "bool":
        return str(bool(value)).lower()
    if name == "utf8":
        return value.encode().hex()
    if name in ("binary", "fixedsizebinary"):
        return value.lower()
    return str(int(value))


def vectors(folder):
    """Streams of others that Tests/Vectors/arrow-1 keeps: made again only on purpose."""
    from_polars(f"{folder}/polars.arrows")
    oddities(f"{folder}/oddities.arrows")
    deltas(f"{folder}/deltas.arrows")
    table = pyarrow.table({
        "text": pyarrow.array(["a", None, "é"], pyarrow.large_string()),
        "lists": pyarrow.array([[b"a", b"bc"], None, []], pyarrow.large_list(pyarrow.large_binary())),
    })
    write(f"{folder}/large.arrows", table)
    write(f"{folder}/zstd.arrows", pyarrow.table({"n": list(range(100)), "text": ["same"] * 100}), compression="zstd")
