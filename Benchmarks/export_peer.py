"""What the export benchmark needs besides Apus: events and labels, other tools that join them, and a comparison cell by cell. A line asks, a line
answers.

  make DIR EVENTS LABELS VIEWS     events0.parquet … and labels.parquet; answers 0
  time COMMAND...                  runs a program to its end: seconds of the clock, of processors, peak bytes
  duckdb MODE DIR VIEWS OUT        the same for DuckDB's join, MODE is happened or known
  polars happened DIR VIEWS OUT    and for Polars'
  differ DIR VIEWS A B             rows, and cells of features in which two sets differ
"""

import os
import subprocess
import sys
import time

# A child's peak begins with that of its parent, so whoever starts the tools stays small: libraries are imported by children only.
DUCKDB = os.path.join(os.path.dirname(sys.executable), "duckdb")
FEATURES = 3
BASE = 1_700_000_000_000_000_000
SPAN = 30 * 86400 * 10**9


def make(folder, events, labels, views):
    import numpy as np
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    MOMENT = pa.timestamp("ns", "UTC")
    events, labels, views = int(events), int(labels), int(views)
    random = np.random.default_rng(7)
    entities = max(1, events // 100)
    each = events // views
    for view in range(views):
        # Whole microseconds, since DuckDB knows no finer ones.
        times = BASE + np.sort(random.integers(0, SPAN // 1000, each)) * 1000
        known = times + random.integers(0, 3_600_000_000, each) * 1000
        columns = {
            "card_id": random.integers(0, entities, each),
            "ts": pa.array(times, MOMENT),
            "known": pa.array(known, MOMENT),
            f"v{view}f0": random.integers(0, 1000, each),
        }
        for feature in range(1, FEATURES):
            columns[f"v{view}f{feature}"] = random.normal(size=each)
        table = pa.table(columns)
        # One event of an entity at a moment: ties are not the same in all tools.
        frame = pl.from_arrow(table).unique(["card_id", "ts"], keep="first", maintain_order=True)
        pq.write_table(frame.to_arrow().cast(table.schema), f"{folder}/events{view}.parquet")
    when = BASE + random.integers(0, SPAN // 1000, labels) * 1000
    pq.write_table(
        pa.table({
            "card_id": random.integers(0, entities, labels),
            "label_time": pa.array(when, MOMENT),
            "label": random.integers(0, 2, labels),
        }),
        f"{folder}/labels.parquet",
    )
    return [0]


def measured(words):
    start = time.monotonic()
    child = os.posix_spawn(
        words[0], words, os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(child, 0)
    taken = time.monotonic() - start
    if status != 0:
        raise RuntimeError(f"{words[:2]} ended with {status}")
    return [taken, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024]


def names(view):
    return [f"v{view}f{feature}" for feature in range(FEATURES)]


def duckdb(mode, folder, views, out):
    views = int(views)
    source = f"(SELECT *, row_number() OVER () AS rn FROM '{folder}/labels.parquet')"
    if mode == "happened":
        joins = " ".join(
            f"ASOF LEFT JOIN '{folder}/events{v}.parquet' e{v} ON l.card_id = e{v}.card_id AND l.label_time >= e{v}.ts"
            for v in range(views)
        )
        wanted = ", ".join(f"e{v}.{n}" for v in range(views) for n in names(v))
        query = f"SELECT l.card_id, l.label_time, l.label, {wanted} FROM {source} l {joins} ORDER BY rn"
    else:
        parts = []
        for v in range(views):
            struct = ", ".join(f"{n}: e.{n}" for n in names(v))
            parts.append(
                f"w{v} AS (SELECT l.rn, arg_max({{{struct}}}, e.ts) AS w FROM l LEFT JOIN '{folder}/events{v}.parquet' e "
                f"ON l.card_id = e.card_id AND l.label_time >= e.ts AND l.label_time >= e.known GROUP BY l.rn)"
            )
        wanted = ", ".join(f"w{v}.w.{n} AS {n}" for v in range(views) for n in names(v))
        joins = " ".join(f"JOIN w{v} USING (rn)" for v in range(views))
        query = (
            f"WITH l AS MATERIALIZED {source}, {', '.join(parts)} "
            f"SELECT l.card_id, l.label_time, l.label, {wanted} FROM l {joins} ORDER BY rn"
        )
    return measured([DUCKDB, "-c", f"COPY ({query}) TO '{out}' (COMPRESSION zstd)"])


def polars(mode, folder, views, out):
    script = f"""
import warnings
warnings.simplefilter("ignore")
import polars as pl
answer = pl.read_parquet("{folder}/labels.parquet").with_row_index("rn").sort("label_time")
for view in range({views}):
    names = [f"v{{view}}f{{feature}}" for feature in range({FEATURES})]
    events = pl.read_parquet(f"{folder}/events{{view}}.parquet", columns=["card_id", "ts"] + names).sort("ts")
    answer = answer.join_asof(events, left_on="label_time", right_on="ts", by="card_id").drop("ts")
answer.sort("rn").drop("rn").write_parquet("{out}", compression="zstd")
"""
    return measured([sys.executable, "-c", script])


def differ(folder, views, first, second):
    import polars as pl

    a, b = pl.read_parquet(first), pl.read_parquet(second)
    if a.height != b.height or a.get_column("label").to_list() != b.get_column("label").to_list():
        return [a.height, a.height * FEATURES]
    count = 0
    for view in range(int(views)):
        for name in names(view):
            count += int(a.get_column(name).ne_missing(b.get_column(name)).sum())
    return [a.height, count]


if len(sys.argv) > 1:
    print(*globals()[sys.argv[1]](*sys.argv[2:]))
    sys.exit()
for line in sys.stdin:
    words = line.split()
    if words[0] == "time":
        print(*measured(words[1:]), flush=True)
    elif words[0] in ("make", "differ"):
        print(subprocess.check_output([sys.executable, __file__, *words], text=True).strip(), flush=True)
    else:
        print(*globals()[words[0]](*words[1:]), flush=True)
