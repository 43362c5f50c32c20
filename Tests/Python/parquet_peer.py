"""Parquet files that other programs write, and what pyarrow finds in files, as text that a test can compare."""

import os
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def tokens(array, kind):
    """One word for each row: integers in decimal, floats as their bits, texts and bytes in hexadecimal, - for null."""
    if pa.types.is_dictionary(kind):
        return tokens(array.cast(kind.value_type), kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        words = []
        for row in array:
            if not row.is_valid:
                words.append("-")
            else:
                words.append("[" + " ".join(tokens(row.values, kind.value_type)) + "]")
        return words
    if pa.types.is_timestamp(kind):
        array = array.cast(pa.int64())
    elif pa.types.is_date32(kind):
        array = array.cast(pa.int32())
    elif pa.types.is_decimal(kind):
        array = array.cast(pa.int64())
    values = array.to_pylist()
    if pa.types.is_float32(kind):
        return ["-" if v is None else struct.pack(">f", v).hex() for v in values]
    if pa.types.is_float64(kind):
        return ["-" if v is None else struct.pack(">d", v).hex() for v in values]
    if pa.types.is_boolean(kind):
        return ["-" if v is None else "01"[v] for v in values]
    if pa.types.is_integer(kind) or pa.types.is_timestamp(kind) or pa.types.is_date32(kind) or pa.types.is_decimal(kind):
        return ["-" if v is None else str(v) for v in values]
    if pa.types.is_null(kind):
        return ["-"] * len(values)
    return ["-" if v is None else "x" + (v.encode() if isinstance(v, str) else v).hex() for v in values]


def dump(path, out):
    """Writes the file's columns to `out`: a line `# name`, then a line for each row. Columns that have no such words are left out."""
    table = pq.ParquetFile(path).read()
    with open(out, "w") as file:
        for name, column in zip(table.column_names, table.columns):
            column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
            if isinstance(column, pa.ChunkedArray):
                column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
            try:
                words = tokens(column, column.type)
            except Exception:
                continue
            file.write(f"# {name}\n")
            file.writelines(word + "\n" for word in words)
    return table.num_rows


def dump_folder(folder, out):
    """Dumps every Parquet file of a folder; returns what pyarrow refuses."""
    refused = {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".parquet"):
            continue
        try:
            dump(os.path.join(folder, name), os.path.join(out, name + ".txt"))
        except Exception as error:
            refused[name] = str(error).split("\n")[0]
    return "\n".join(f"{name}\t{why}" for name, why in refused.items())


def table(rows, nulls, seed, lists=True):
    """All types that we take; of the rows, none, some or all are null."""
    random = np.random.default_rng(seed)
    share = {"none": 0.0, "some": 0.3, "all": 1.0}[nulls]

    def masked(values, kind):
        mask = random.random(rows) < share
        return pa.array([None if m else v for v, m in zip(values, mask)], kind)

    def integers(kind, low, high):
        return masked([int(v) for v in random.integers(low, high, rows, endpoint=True)], kind)

    words = ["", "a", "zebra", "München", "x" * 70, "日本語"]
    columns = {
        "flag": masked([bool(v) for v in random.integers(0, 2, rows)], pa.bool_()),
        "i8": integers(pa.int8(), -128, 127),
        "i16": integers(pa.int16(), -(2**15), 2**15 - 1),
        "i32": integers(pa.int32(), -(2**31), 2**31 - 1),
        "i64": integers(pa.int64(), -(2**63), 2**63 - 1),
        "u8": integers(pa.uint8(), 0, 255),
        "u16": integers(pa.uint16(), 0, 2**16 - 1),
        "u32": integers(pa.uint32(), 0, 2**32 - 1),
        "u64": masked([int(v) for v in random.integers(0, 2**64 - 1, rows, dtype=np.uint64)], pa.uint64()),
        "f32": masked([float(np.float32(v)) for v in random.normal(size=rows)], pa.float32()),
        "f64": masked([float(v) for v in random.normal(size=rows)], pa.float64()),
        "word": masked([words[i] for i in random.integers(0, len(words), rows)], pa.string()),
        "text": masked([f"entity-{i}-{'é' * (i % 9)}" for i in random.integers(0, 10**9, rows)], pa.string()),
        "raw": masked([bytes(random.integers(0, 256, i % 20, dtype=np.uint8)) for i in range(rows)], pa.binary()),
        "ms": integers(pa.timestamp("ms"), 0, 2**41),
        "us": integers(pa.timestamp("us", "UTC"), -(2**50), 2**50),
        "ns": integers(pa.timestamp("ns", "UTC"), -(2**60), 2**60),
        "day": integers(pa.date32(), -10000, 30000),
        "sorted": masked(list(range(1000, 1000 + rows)), pa.int64()),
        "few": masked([v // 100 for v in range(rows)], pa.int32()),
    }
    if lists:
        lengths = random.integers(0, 5, rows)
        columns["floats"] = masked([[float(v) for v in range(n)] for n in lengths], pa.list_(pa.float32()))
        columns["words"] = masked([[words[v] for v in range(n)] for n in lengths], pa.list_(pa.string()))
        columns["flags"] = masked([[v % 2 == 0 for v in range(n)] for n in lengths], pa.list_(pa.bool_()))
        columns["vector"] = masked([[float(v)] * 3 for v in range(rows)], pa.list_(pa.float64(), 3))
    return pa.table(columns)


deltas = {
    name: "DELTA_BINARY_PACKED"
    for name in ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "ms", "us", "ns", "day", "sorted", "few"]
}
splits = {name: "BYTE_STREAM_SPLIT" for name in ["i32", "i64", "f32", "f64", "sorted", "ns"]}


def generate(folder, seed):
    """Writes files by every writer at hand, each with its dump beside it; returns their names."""
    import pandas as pd
    import polars as pl
    import subprocess
    import sys

    seed = int(seed)
    names = []

    def keep(name, write, same_as=None):
        path = os.path.join(folder, name + ".parquet")
        write(path)
        # DuckDB's delta pages may end where pyarrow wants a block's header: what they hold is known from a file like it.
        dump(os.path.join(folder, same_as + ".parquet") if same_as else path, path + ".txt")
        names.append(name)

    for rows in (0, 1, 7, 8, 9, 1000):
        for nulls in ("none", "some", "all"):
            t = table(rows, nulls, seed + rows)
            keep(f"pyarrow-{rows}-{nulls}", lambda p: pq.write_table(t, p, write_page_index=True))
    t = table(3000, "some", seed + 1)
    plain = table(3000, "none", seed + 2)
    for codec in ("none", "snappy", "gzip", "zstd"):
        for version in ("1.0", "2.0"):
            for dictionary in (True, False):
                keep(
                    f"pyarrow-{codec}-v{version[0]}-{'dictionary' if dictionary else 'plain'}",
                    lambda p: pq.write_table(
                        t, p, compression=codec, data_page_version=version, use_dictionary=dictionary,
                        data_page_size=2048, write_page_index=version == "1.0", row_group_size=1300,
                        write_page_checksum=True,
                    ),
                )
    for label, source in (("nulls", t), ("full", plain)):
        for version in ("1.0", "2.0"):
            keep(
                f"pyarrow-delta-{label}-v{version[0]}",
                lambda p: pq.write_table(
                    source, p, use_dictionary=False, data_page_version=version, data_page_size=3000,
                    column_encoding=deltas | {"word": "DELTA_BYTE_ARRAY", "text": "DELTA_BYTE_ARRAY", "raw": "DELTA_LENGTH_BYTE_ARRAY", "flag": "RLE"},
                    write_page_index=True,
                ),
            )
            keep(
                f"pyarrow-split-{label}-v{version[0]}",
                lambda p: pq.write_table(
                    source, p, use_dictionary=False, data_page_version=version,
                    column_encoding=splits | {"word": "DELTA_LENGTH_BYTE_ARRAY"},
                ),
            )
    keep("pyarrow-int96", lambda p: pq.write_table(t.select(["ns"]), p, use_deprecated_int96_timestamps=True))
    keep("pyarrow-fixed", lambda p: pq.write_table(pa.table({"id": pa.array([b"0123456789abcdef", None, b"\0" * 16], pa.binary(16))}), p))
    keep("pyarrow-null", lambda p: pq.write_table(pa.table({"nothing": pa.nulls(5), "n": pa.array(range(5))}), p))
    keep("pyarrow-categories", lambda p: pq.write_table(pa.table({"c": pa.array(["a", "b", None, "a"]).dictionary_encode()}), p))
    frame = t.drop(["vector"]).to_pandas()
    keep("pandas", lambda p: frame.to_parquet(p))
    keep("pandas-gzip", lambda p: frame.to_parquet(p, compression="gzip", index=False))
    polars = pl.from_arrow(t)
    for codec in ("zstd", "snappy", "gzip", "uncompressed"):
        keep(f"polars-{codec}", lambda p: polars.write_parquet(p, compression=codec, row_group_size=1000))
    keep("polars-0", lambda p: polars.head(0).write_parquet(p))
    source = os.path.join(folder, "pyarrow-zstd-v1-plain.parquet")
    duckdb = os.path.join(os.path.dirname(sys.executable), "duckdb")
    for codec in ("zstd", "snappy", "gzip", "uncompressed"):
        for version in ("V1", "V2"):
            keep(
                f"duckdb-{codec}-{version}",
                lambda p: subprocess.run(
                    [duckdb, "-c", f"COPY (SELECT * FROM read_parquet('{source}')) TO '{p}' "
                     f"(FORMAT parquet, COMPRESSION {codec}, PARQUET_VERSION {version}, ROW_GROUP_SIZE 2048)"],
                    check=True, capture_output=True),
                same_as=f"duckdb-{codec}-V1",
            )
    return "\n".join(names)
