"""The code of a page for people, run as it stands there. In FOLDER lie `history/card@2-*.parquet`, `events.json` (what went into them: per event
id, event_time, created_at, known_at, lsn, deleted, and of each feature ["absent"], ["null"] or ["value", v]) and `labels.json`, rows of
[label, id, time]. What comes out must be what `brute_force` says, which reads no run and knows no tool."""

import json
import os
import re
import subprocess
import sys

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

TTL = 10_000_000_000
FEATURES = ["amount", "city"]


def load(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return json.load(file)


def blocks(page, language):
    with open(page, encoding="utf-8") as file:
        found = re.findall(r"^```" + language + r"\n(.*?)^```$", file.read(), re.DOTALL | re.MULTILINE)
    if not found:
        raise AssertionError(f"the page has no {language}")
    return found


def brute_force(events, label, feature, seen_by):
    """Value and status of one cell."""
    _, id, moment = label
    best = None
    for event in events:
        if event["id"] != id or event[seen_by] > moment:
            continue
        if not event["deleted"] and event[feature][0] == "absent":
            continue
        stamp = (event["event_time"], event["created_at"], event["lsn"])
        if best is None or stamp > best[0]:
            best = (stamp, event)
    if best is None or best[1]["deleted"]:
        return None, "NOT_FOUND"
    if best[0][0] < moment - TTL:
        return None, "OUTSIDE_MAX_AGE"
    said = best[1][feature]
    return (None, "NULL_VALUE") if said[0] == "null" else (said[1], "PRESENT")


def compare(folder, what, rows, features, seen_by, tally):
    events, labels = load(folder, "events.json"), load(folder, "labels.json")
    if [row["label"] for row in rows] != [label[0] for label in labels]:
        raise AssertionError(f"{what}: other labels, or not each once")
    for row, label in zip(rows, labels):
        for feature in features:
            want = brute_force(events, label, feature, seen_by)
            have = (row[feature], row[feature + "_status"])
            if have != want:
                raise AssertionError(f"{what}: {feature} of label {label} is {have}, and should be {want}")
            tally[want[1]] = tally.get(want[1], 0) + 1


def write_labels(folder, unit):
    labels = load(folder, "labels.json")
    by = {"us": 1000, "ns": 1}[unit]
    table = pa.table({
        "label": pa.array([one[0] for one in labels], pa.int64()),
        "id": pa.array([one[1] for one in labels], pa.int64()),
        "label_time": pa.array([one[2] // by for one in labels], pa.timestamp(unit, "UTC")),
    })
    pq.write_table(table, os.path.join(folder, "labels.parquet"))


def with_duckdb(page, folder):
    """How often each status came, as JSON."""
    write_labels(folder, "us")
    known, happened = {}, {}
    program = os.path.join(os.path.dirname(sys.executable), "duckdb")
    create, as_known, macro, as_happened = blocks(page, "sql")
    # "The same with one word changed", says the page.
    changed = as_known.replace("e._known_at <= l.label_time", "e._event_time <= l.label_time")
    if changed == as_known:
        raise AssertionError("the page's query does not say which events a label may see")
    words = ("SET TimeZone='UTC';\nCREATE TABLE labels AS FROM 'labels.parquet';\n.mode json\n"
             + create + as_known + changed + macro + as_happened)
    done = subprocess.run([program, "-batch"], input=words, capture_output=True, text=True, cwd=folder)
    if done.returncode or done.stderr.strip():
        raise AssertionError(done.stderr)
    answers, rest, decoder = [], done.stdout.strip(), json.JSONDecoder()
    while rest:
        answer, end = decoder.raw_decode(rest)
        answers.append(answer)
        rest = rest[end:].strip()
    if len(answers) != 3:
        raise AssertionError(f"{len(answers)} answers")
    compare(folder, "as known", answers[0], FEATURES, "known_at", known)
    compare(folder, "as happened, changed", answers[1], FEATURES, "event_time", happened)
    compare(folder, "as happened", answers[2], ["amount"], "event_time", happened)
    return json.dumps([known, happened], sort_keys=True)


def with_polars(page, folder):
    write_labels(folder, "ns")
    definition, use = blocks(page, "python")
    names = {}
    exec(definition, names)
    names["labels"] = pl.read_parquet(os.path.join(folder, "labels.parquet"))
    before = os.getcwd()
    tallies = []
    try:
        os.chdir(folder)
        for seen_by in ["known_at", "event_time"]:
            exec(use.replace("_known_at", "_" + seen_by), names)
            tally = {}
            compare(folder, f"Polars by {seen_by}", names["answer"].to_dicts(), FEATURES, seen_by, tally)
            tallies.append(tally)
    finally:
        os.chdir(before)
    return json.dumps(tallies, sort_keys=True)
