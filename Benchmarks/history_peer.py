"""Answers the history benchmark: what others take for the same run. A line asks, a line answers: seconds of processor time (of DuckDB, whose
program is asked from outside, of the clock), the number of events, and the sum of their LSNs.

  read PATH             all of a run, by pyarrow on one thread
  write PATH AGAIN      the same table written, by pyarrow
  pyarrow PATH KEY...   one key's events after another, KEY in hexadecimal; likewise polars and duckdb
"""

import os
import re
import subprocess
import sys
import time

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

tables = {}


def read(path):
    start = time.process_time()
    table = pq.read_table(path, use_threads=False)
    taken = time.process_time() - start
    return taken, table.num_rows, sum(table.column("_lsn").to_pylist())


def write(path, again):
    if path not in tables:
        tables[path] = pq.read_table(path)
    table = tables[path]
    start = time.process_time()
    pq.write_table(table, again, compression="zstd", row_group_size=131072, write_page_index=True)
    return time.process_time() - start, table.num_rows, sum(table.column("_lsn").to_pylist())


def pyarrow(path, *keys):
    pa.set_cpu_count(1)
    events, lsns = 0, 0
    start = time.process_time()
    for key in keys:
        found = pq.read_table(path, filters=[("_key", "=", bytes.fromhex(key))], use_threads=False)
        events += found.num_rows
        lsns += sum(found.column("_lsn").to_pylist())
    return time.process_time() - start, events, lsns


def polars(path, *keys):
    events, lsns = 0, 0
    start = time.process_time()
    for key in keys:
        found = pl.scan_parquet(path).filter(pl.col("_key") == pl.lit(bytes.fromhex(key))).collect()
        events += found.height
        lsns += found.get_column("_lsn").sum()
    return time.process_time() - start, events, lsns


def duckdb(path, *keys):
    """The best case for its program: one process, one thread, all questions; what its own clock says of each."""
    program = os.path.join(os.path.dirname(sys.executable), "duckdb")
    asked = "".join(
        f"CREATE OR REPLACE TABLE found AS FROM read_parquet('{path}') WHERE _key = unhex('{key}');\n" for key in keys)
    words = (f"SET threads=1;\n.timer on\n{asked}.timer off\n"
             "CREATE TABLE sums (n BIGINT, l BIGINT);\n" + "".join(
                 f"INSERT INTO sums SELECT count(*), sum(_lsn) FROM read_parquet('{path}') WHERE _key = unhex('{key}');\n"
                 for key in keys)
             + ".mode csv\n.headers off\nSELECT sum(n), sum(l) FROM sums;\n")
    done = subprocess.run([program, "-batch"], input=words, capture_output=True, text=True, check=True)
    taken = sum(float(one) for one in re.findall(r"real ([0-9.]+)", done.stdout))
    events, lsns = done.stdout.strip().splitlines()[-1].split(",")
    return taken, int(events), int(lsns)


for line in sys.stdin:
    name, *arguments = line.split()
    seconds, events, lsns = globals()[name](*arguments)
    print(seconds, events, lsns, flush=True)
