"""Training sets of a real server: INTERFACE's table of blanks and times for spines, each row a test; every way to hold labels; every option; and
the same set that the terminal makes from the folder.
"""

from __future__ import annotations

import datetime
import decimal
import json
import warnings
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import EVERY, ROOT

import apus
from apus.testing import Server

UTC = datetime.timezone.utc
DAY = datetime.datetime(2026, 3, 1, tzinfo=UTC)
WHOLE = ["every:whole"]


def at(hours: float) -> datetime.datetime:
    return DAY + datetime.timedelta(hours=hours)


@pytest.fixture
def past(store: apus.Store, card: str) -> str:
    """A card of which 10 was true at 1 o'clock and 30 at 3, each known an hour later."""
    for hours, number in ((1, 10), (3, 30)):
        row = {"card_id": card, "whole": number, "word": f"w{number}"}
        store.push("every", row, event_time=at(hours), known_at="event-time+1h")
    return card


def spine(card: str, *hours: float) -> dict[str, Any]:
    return {"card_id": [card] * len(hours), "label_time": [at(one) for one in hours], "label": list(range(len(hours)))}


def values(t: apus.TrainingSet, name: str = "whole") -> list[Any]:
    out: list[Any] = t.to_arrow()[name].to_pylist()
    return out


# What a row gets


def test_a_row_has_what_was_known_at_its_moment(store: apus.Store, past: str) -> None:
    t = store.get_historical_features(spine(past, 1.5, 2, 3.5, 4, 0), WHOLE, time="label_time")
    assert values(t) == [None, 10, 10, 30, None] and values(t, "label") == [0, 1, 2, 3, 4]
    (one,) = t.report.features
    assert (one.rows, one.present, one.blank, one.view) == (5, 3, {"not_yet_known": 2}, "every@1")
    assert one.leak_delta == 2 and one.assumed_known_at == 3 and one.coverage == 0.6
    assert t.lsn > 0 and len(t.id) == 64 and len(t) == 5
    assert t.to_arrow().column_names == ["card_id", "label_time", "label", "whole"]


def test_by_event_time_alone_it_leaks(store: apus.Store, past: str) -> None:
    t = store.get_historical_features(spine(past, 1.5, 2, 3.5), WHOLE, time="label_time", ignore_known_at=True)
    assert values(t) == [10, 10, 30]


def test_equal_rows_are_as_many_rows(store: apus.Store, past: str) -> None:
    t = store.get_historical_features(spine(past, 4, 4, 2, 4), WHOLE, time="label_time")
    assert values(t) == [30, 30, 10, 30]


def test_edges_and_delays(store: apus.Store, past: str) -> None:
    def ask(**more: Any) -> list[Any]:
        return values(store.get_historical_features(spine(past, 2, 4), WHOLE, time="label_time", **more))

    assert ask() == [10, 30]
    assert ask(strict_before=True) == [None, 10]
    assert ask(delay="2h") == [None, 10]


def test_columns_beside_the_values(store: apus.Store, past: str) -> None:
    t = store.get_historical_features(
        spine(past, 0, 2), WHOLE, time="label_time", columns=["statuses", "reasons", "event_times", "lsns"], prefix="f_"
    )
    row = t.to_arrow().to_pylist()[1]
    assert row["f_whole"] == 10 and row["f_whole__status"] == apus.Status.PRESENT and row["f_whole__lsn"] > 0
    assert row["f_whole__event_time"] == at(1)
    assert values(t, "f_whole__reason") == ["not_yet_known", None]


def test_snapshots(store: apus.Store, past: str, server: Server) -> None:
    lsn = store.ping().visible
    assert server.run("pin", past).returncode == 0
    store.push("every", {"card_id": past, "whole": 20}, event_time=at(2), known_at="event-time")

    def ask(**more: Any) -> list[Any]:
        return values(store.get_historical_features(spine(past, 2), WHOLE, time="label_time", **more))

    assert ask() == [20] and ask(at_lsn=lsn) == [10] and ask(pin=past) == [10]
    assert ask(at=datetime.datetime.now(UTC)) == [20]


def test_a_spine_with_lsns_repeats_what_was_served(store: apus.Store, card: str) -> None:
    served = []
    for number in range(3):
        store.push("every", {"card_id": card, "whole": number})
        x = store.get_online_features(WHOLE, [{"card_id": card}])
        served.append({"card_id": card, "at": pd.Timestamp(x.read_time, tz="UTC"), "lsn": x.lsn})
    assert values(store.get_historical_features(pd.DataFrame(served), WHOLE, time="at")) == [0, 1, 2]
    renamed = pd.DataFrame(served).rename(columns={"lsn": "served_at"})
    assert values(store.get_historical_features(renamed, WHOLE, time="at", lsn="served_at")) == [0, 1, 2]


def test_without_a_spine_it_is_the_view_s_own_moments(store: apus.Store, past: str) -> None:
    t = store.get_historical_features(view="every", start=at(2), end=at(4))
    mine = [row for row in t.to_arrow().to_pylist() if row["card_id"] == past]
    assert [row["whole"] for row in mine] == [10, 30]


def test_a_service_with_roles_and_keys_that_are_called_otherwise(store: apus.Store, card: str, account: int) -> None:
    store.push("strict", {"card_id": card, "number": 4}, event_time=at(1), known_at="event-time")
    store.push("numbers", {"account_id": account, "n1": 1.5}, event_time=at(1), known_at="event-time")
    labels = {"card": [card, "nobody"], "account_id": [account, account], "event_timestamp": [at(1.5)] * 2}
    t = store.get_historical_features(labels, "both@1", keys={"card_id": "card"}, split="time=2026-03-01T00:00:00Z")
    assert t.to_arrow().to_pylist()[0] == {
        "card": card, "account_id": account, "event_timestamp": at(1.5), "split": "test", "number": 4, "n1": 1.5, "n2": None,
    }  # fmt: skip
    # The default stands in a blank cell.
    assert values(t, "number") == [4, 7] and t.report.features[0].defaults == 1


def test_progress_ends_with_all_rows(store: apus.Store, past: str) -> None:
    said: list[apus.Progress] = []
    labels = spine(past, *[2] * 200_000)
    assert len(store.get_historical_features(labels, WHOLE, time="label_time", progress=said.append)) == 200_000
    assert all(one.done <= 200_000 and one.phase in ("read", "joined", "written") for one in said)


# How labels are held


def _holders(folder: Path) -> dict[str, Callable[[dict[str, Any]], Any]]:
    def written(name: str, write: Callable[[Any, str], Any]) -> Callable[[dict[str, Any]], Any]:
        def hold(labels: dict[str, Any]) -> Any:
            path = folder / name
            write(pa.table(labels), str(path))
            return path

        return hold

    def arrow_stream(table: Any, path: str) -> None:
        with pa.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table)

    def arrow_file(table: Any, path: str) -> None:
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)

    return {
        "dicts": lambda labels: pa.table(labels).to_pylist(),
        "columns": lambda labels: labels,
        "pandas": lambda labels: pd.DataFrame(labels),
        "objects": lambda labels: pd.DataFrame(labels).astype(object),
        "arrow-backed": lambda labels: pa.table(labels).to_pandas(types_mapper=pd.ArrowDtype),
        "pyarrow": lambda labels: pa.table(labels),
        "batch": lambda labels: pa.table(labels).to_batches()[0],
        "reader": lambda labels: pa.table(labels).to_reader(),
        "parquet": written("labels.parquet", pq.write_table),
        "arrow stream": written("labels.arrows", arrow_stream),
        "arrow file": written("labels.arrow", arrow_file),
        "csv": written("labels.csv", lambda table, path: table.to_pandas().to_csv(path, index=False)),
        "tsv": written("labels.tsv", lambda table, path: table.to_pandas().to_csv(path, index=False, sep="\t")),
    }


@pytest.mark.parametrize("name", list(_holders(Path())))
def test_labels_may_be_held_in_any_way(store: apus.Store, past: str, tmp_path: Path, name: str) -> None:
    labels = {"card_id": [past, past], "label_time": pd.Series([at(2), at(4)]).dt.as_unit("ns"), "label": [1.5, 2.5]}
    t = store.get_historical_features(_holders(tmp_path)[name](labels), WHOLE, time="label_time")
    assert values(t) == [10, 30]
    assert t.to_df()["whole"].tolist() == [10, 30] and t.to_df()["card_id"].tolist() == [past] * 2


def test_polars_frames_are_labels(store: apus.Store, past: str) -> None:
    t = store.get_historical_features(polars.DataFrame(spine(past, 2, 4)), WHOLE, time="label_time")
    assert values(t) == [10, 30]


# The table of blanks and times


def test_a_naive_time_is_utc_and_warned_of(store: apus.Store, past: str) -> None:
    labels = pd.DataFrame({"card_id": [past], "label_time": [at(2).replace(tzinfo=None)]})
    with pytest.warns(apus.NaiveTimeWarning, match="UTC") as warned:
        assert values(store.get_historical_features(labels, WHOLE, time="label_time")) == [10]
    assert len(warned) == 1 and warned[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        aware = labels.assign(label_time=labels["label_time"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"))
        assert values(store.get_historical_features(aware, WHOLE, time="label_time")) == [10]


def test_a_zone_may_be_named_and_nothing_is_warned_of(store: apus.Store, past: str) -> None:
    labels = pd.DataFrame({"card_id": [past], "label_time": [at(2).replace(tzinfo=None)]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert values(store.get_historical_features(labels, WHOLE, time="label_time", timezone="UTC")) == [10]
        # An hour earlier in UTC, when nothing was known.
        assert values(store.get_historical_features(labels, WHOLE, time="label_time", timezone="Europe/Berlin")) == [None]
        aware = labels.assign(label_time=labels["label_time"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"))
        assert values(store.get_historical_features(aware, WHOLE, time="label_time")) == [10]


def test_a_time_as_text_is_a_time(store: apus.Store, past: str) -> None:
    labels = {"card_id": [past, past], "label_time": ["2026-03-01T02:00:00Z", "2026-03-01T05:00:00+01:00"]}
    t = store.get_historical_features(labels, WHOLE, time="label_time")
    assert values(t) == [10, 30] and t.to_arrow().schema.field("label_time").type == pa.timestamp("ns", tz="UTC")
    with pytest.raises(apus.InputError, match="an offset in row 0, and none in row 1"):
        store.get_historical_features(
            {**labels, "label_time": ["2026-03-01T02:00:00Z", "2026-03-01T02:00:00"]}, WHOLE, time="label_time"
        )
    with pytest.raises(apus.InputError, match="label_time of row 1: 'soon'"):
        store.get_historical_features({**labels, "label_time": ["2026-03-01T02:00:00Z", "soon"]}, WHOLE, time="label_time")


def test_a_whole_number_is_no_time_without_its_unit(store: apus.Store, past: str) -> None:
    labels = {"card_id": [past], "label_time": [int(at(2).timestamp() * 1000)]}
    with pytest.raises(apus.BadSpine, match="whole numbers") as wrong:
        store.get_historical_features(labels, WHOLE, time="label_time")
    assert 'time_unit="s", "ms", "us" or "ns"' in wrong.value.next
    assert values(store.get_historical_features(labels, WHOLE, time="label_time", time_unit="ms")) == [10]


def test_the_time_of_a_spine_is_found_or_its_candidates_are_named(store: apus.Store, past: str) -> None:
    assert values(store.get_historical_features({"card_id": [past], "event_timestamp": ["2026-03-01T02:00:00Z"]}, WHOLE)) == [10]
    assert values(store.get_historical_features(spine(past, 2), WHOLE)) == [10]
    with pytest.raises(apus.BadSpine) as several:
        store.get_historical_features({**spine(past, 2), "other": [at(3)]}, WHOLE)
    assert "label_time" in str(several.value) and "other" in str(several.value) and "time=" in several.value.next
    with pytest.raises(apus.BadSpine, match="no column of timestamps"):
        store.get_historical_features({"card_id": [past]}, WHOLE)
    with pytest.raises(apus.BadSpine, match="lable_time"):
        store.get_historical_features(spine(past, 2), WHOLE, time="lable_time")


def test_a_column_called_like_a_feature_is_refused_unless_there_is_a_prefix(store: apus.Store, past: str) -> None:
    labels = {**spine(past, 2), "whole": [7]}
    with pytest.raises(apus.ApusError, match="whole") as wrong:
        store.get_historical_features(labels, WHOLE, time="label_time")
    assert "prefix=" in wrong.value.next and not wrong.value.retryable
    t = store.get_historical_features(labels, WHOLE, time="label_time", prefix="f_")
    assert values(t) == [7] and values(t, "f_whole") == [10]


def test_a_missing_key_column_is_named(store: apus.Store, past: str) -> None:
    with pytest.raises(apus.BadSpine, match="card_id") as wrong:
        store.get_historical_features({"card": [past], "label_time": [at(2)]}, WHOLE)
    assert 'keys={"card_id": "COLUMN"}' in wrong.value.next
    with pytest.raises(apus.BadSpine, match="card_id"):
        store.get_historical_features(pd.DataFrame(spine(past, 2)).set_index("card_id"), WHOLE)


def test_a_key_of_another_type_is_refused(store: apus.Store, past: str, account: int) -> None:
    with pytest.raises(apus.BadSpine, match="card_id"):
        store.get_historical_features({"card_id": [5], "label_time": [at(2)]}, WHOLE)
    # A blank makes floats of pandas' ints; as Int64 they stay what they are.
    floats = pd.DataFrame({"account_id": [account, None], "label_time": [at(2)] * 2})
    with pytest.raises(apus.BadSpine, match="account_id"):
        store.get_historical_features(floats, ["numbers:n0"])
    t = store.get_historical_features(floats.astype({"account_id": "Int64"}), ["numbers:n0"])
    assert values(t, "account_id") == [account, None] and t.manifest["rows_without_key"] == 1


def test_a_key_that_is_too_long_is_told_with_its_row(store: apus.Store, past: str) -> None:
    labels = {"card_id": [past, "x" * 500], "label_time": [at(2)] * 2}
    with pytest.raises(apus.BadSpine) as wrong:
        store.get_historical_features(labels, WHOLE)
    assert (wrong.value.row, wrong.value.column) == (1, "card_id")


def test_no_labels_are_no_set(store: apus.Store) -> None:
    for empty in (
        [],
        pd.DataFrame({"card_id": [], "label_time": []}),
        pa.table({"card_id": pa.array([], pa.string())}),
        {"card_id": []},
    ):
        with pytest.raises(apus.InputError, match="there are no labels"):
            store.get_historical_features(empty, WHOLE)


def test_two_columns_of_one_name_are_refused(store: apus.Store, past: str) -> None:
    frame = pd.DataFrame([[past, at(2), 1]], columns=["card_id", "label_time", "card_id"])
    with pytest.raises(apus.InputError, match="two columns called card_id"):
        store.get_historical_features(frame, WHOLE)
    table = pa.Table.from_arrays([pa.array([past])] * 2, names=["card_id", "card_id"])
    with pytest.raises(apus.InputError, match="two columns called card_id"):
        store.get_historical_features(table, WHOLE)


# dtypes


def test_columns_of_a_frame_come_back_as_they_went(store: apus.Store, past: str) -> None:
    nothing = pd.NaT
    frame = pd.DataFrame(
        {
            "card_id": pd.Series([past, past, None], dtype="category"),
            "label_time": pd.to_datetime(["2026-03-01T02:00Z", "2026-03-01T04:00Z", nothing], utc=True).tz_convert("Asia/Tokyo"),
            "plain": np.array([1, 2, 3], np.int16),
            "nullable": pd.array([1, None, 3], dtype="Int32"),
            "flags": pd.array([True, None, False], dtype="boolean"),
            "float": [0.5, float("nan"), float("inf")],
            "float32": np.array([0.5, 1.5, 2.5], np.float32),
            "objects": pd.Series(["a", None, float("nan")], dtype=object),
            "naive": pd.to_datetime(["2026-03-01", None, "2026-03-02"]),
            "strings": pd.array(["a", "", None], dtype="string"),
            "kinds": pd.Categorical(["low", "high", None], categories=["low", "mid", "high"], ordered=True),
            "arrow": pd.array([1, None, 3], dtype=pd.ArrowDtype(pa.int64())),
            "lists": pd.Series([[1, 2], [], None], dtype=object),
            "raw": pd.Series([b"\0", b"", None], dtype=object),
        }
    )
    frame.index = pd.Index([7, 3, 5])
    out = store.get_historical_features(frame, WHOLE, time="label_time").to_df()
    assert (
        out.index.tolist() == [7, 3, 5] and out["whole"].dtype == "Int64" and out["whole"].isna().tolist() == [False, False, True]
    )
    for name in frame.columns:
        assert out[name].dtype == frame[name].dtype, name
        pd.testing.assert_series_equal(
            out[name].astype(object).where(out[name].notna(), None), frame[name].astype(object).where(frame[name].notna(), None)
        )
    assert np.isinf(out["float"].iloc[2])


@pytest.mark.parametrize(
    "column",
    [
        [decimal.Decimal("1.5")], pd.Series([pd.Timedelta("1h")]), pd.Series([pd.Period("2026-01")]), np.array([1j]),
        pa.array([{"a": 1}]), pd.Series([pd.Interval(0, 1)]), [datetime.time(1)],
    ],
    ids=["decimal", "timedelta", "period", "complex", "struct", "interval", "time"],
)  # fmt: skip
def test_columns_that_no_set_can_have_are_refused_by_name(store: apus.Store, past: str, column: Any) -> None:
    labels = {**spine(past, 2), "extra": column}
    with pytest.raises(apus.InputError, match="column extra") as wrong:
        store.get_historical_features(labels, WHOLE, time="label_time")
    assert "drop it" in wrong.value.next


def test_objects_of_several_types_are_refused(store: apus.Store, past: str) -> None:
    labels = pd.DataFrame({**spine(past, 2, 4), "mixed": pd.Series([1, "a"], dtype=object)})
    with pytest.raises(apus.InputError, match="the column mixed: it has int and str"):
        store.get_historical_features(labels, WHOLE, time="label_time")


def test_nanoseconds_are_kept(store: apus.Store, card: str) -> None:
    moment = np.datetime64("2026-03-01T01:00:00.000000001", "ns")
    store.push("every", {"card_id": card, "whole": 1}, event_time=moment, timezone="UTC", known_at="event-time")
    labels = pd.DataFrame(
        {"card_id": [card] * 2, "t": pd.to_datetime([moment, moment - np.timedelta64(1, "ns")]).tz_localize("UTC")}
    )
    assert values(store.get_historical_features(labels, WHOLE, time="t")) == [1, None]
    as_objects = labels.assign(t=labels["t"].astype(object))
    assert values(store.get_historical_features(as_objects, WHOLE, time="t")) == [1, None]


# What is wrong


WRONG: dict[str, tuple[Callable[[apus.Store, dict[str, Any]], Any], str, str]] = {
    "nothing asked for": (lambda s, x: s.get_historical_features(x), "nothing is asked for", "fraud@1"),
    "two things asked for": (lambda s, x: s.get_historical_features(x, "both", view="every"), "both given", "view="),
    "an unknown service": (lambda s, x: s.get_historical_features(x, "booth@1"), "booth", ""),
    "an unknown feature": (lambda s, x: s.get_historical_features(x, ["every:whol"]), "whol", ""),
    "a feature as a view": (lambda s, x: s.get_historical_features(x, view="every:whole"), "names no view", "card_activity"),
    "no labels and a service": (lambda s, x: s.get_historical_features(None, "both"), "no labels", "view="),
    "a range with a spine": (lambda s, x: s.get_historical_features(x, WHOLE, start=DAY), "view's own events", "leave them out"),
    "a time without a spine": (lambda s, x: s.get_historical_features(view="every", time="t"), "there is none", "leave them out"),
    "a range that ends before it begins": (
        lambda s, x: s.get_historical_features(view="every", start=at(2), end=at(1)), "end is before start", "start <= end"),
    "a column that there is not": (lambda s, x: s.get_historical_features(x, WHOLE, columns=["status"]), "'status'", "statuses"),
    "a unit that there is not": (lambda s, x: s.get_historical_features(x, WHOLE, time_unit="m"), "no unit of time", "ms"),
    "a zone that there is not": (lambda s, x: s.get_historical_features(x, WHOLE, timezone="Berlin"), "no time zone", "Europe/Berlin"),
    "another answer to horizons": (
        lambda s, x: s.get_historical_features(x, WHOLE, beyond_history="skip"), "beyond_history cannot be", '"null"'),
    "a delay that is none": (lambda s, x: s.get_historical_features(x, WHOLE, delay="soon"), "no time span", ""),
    "a delay that is a number": (lambda s, x: s.get_historical_features(x, WHOLE, delay=90), "delay is int", "90s"),
    "two snapshots": (lambda s, x: s.get_historical_features(x, WHOLE, at=DAY, at_lsn=4), "at and at_lsn", "one of them"),
    "an unknown pin": (lambda s, x: s.get_historical_features(x, WHOLE, pin="nope"), "nope", ""),
    "an LSN that is none": (lambda s, x: s.get_historical_features(x, WHOLE, at_lsn=-4), "at_lsn is -4", "LSN"),
    "a split that is none": (lambda s, x: s.get_historical_features(x, WHOLE, split="half"), "half", ""),
    "keys as a list": (lambda s, x: s.get_historical_features(x, WHOLE, keys=["card"]), "keys is", "card_id"),
    "a path that is not there": (lambda s, x: s.get_historical_features("nowhere.parquet", WHOLE), "cannot be read", "check the path"),
    "a file of another kind": (lambda s, x: s.get_historical_features("labels.xlsx", WHOLE), "does not say what it is", ".parquet"),
    "a number as labels": (lambda s, x: s.get_historical_features(5, WHOLE), "holds no rows", "the path of a file"),
    "checks that are none": (lambda s, x: s.get_historical_features(x, WHOLE, checks=5), "checks is int", "coverage"),
    "checks against nothing": (lambda s, x: s.get_historical_features(x, WHOLE, checks={"against": {}}), "no profiles", "online"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_says_what_to_do(store: apus.Store, name: str) -> None:
    call, what, next = WRONG[name]
    with pytest.raises(apus.ApusError) as wrong:
        call(store, spine("a", 2))
    error = wrong.value
    assert what in str(error) and next in error.next and "--" not in error.next, str(error)
    assert not error.retryable
    # And the store goes on.
    assert store.ping().visible > 0


def test_a_file_that_is_cut_is_told(store: apus.Store, past: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.parquet"
    pq.write_table(pa.table(spine(past, 2)), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(apus.InputError, match="cannot be read") as wrong:
        store.get_historical_features(path, WHOLE)
    assert "is it whole" in wrong.value.next


def test_the_scope_read_is_enough_and_needed(tmp_path: Path) -> None:
    with Server(EVERY, folder=str(tmp_path / "store")) as plain:
        plain.stop()
        tokens = {scope: plain.run("token", "create", scope, "--scope", scope).stdout.strip() for scope in ("read", "ingest")}
    with Server(folder=str(tmp_path / "store"), options=["--tokens", "on"]) as server:
        assert len(server.connect(token=tokens["read"]).get_historical_features(spine("a", 2), WHOLE)) == 1
        with pytest.raises(apus.Forbidden):
            server.connect(token=tokens["ingest"]).get_historical_features(spine("a", 2), WHOLE)


# Quality checks


def test_a_set_is_checked_and_what_failed_is_raised(store: apus.Store, past: str) -> None:
    good = store.get_historical_features(spine(past, 2, 4), WHOLE, time="label_time")
    good.report.raise_for_failures()
    assert good.report.verdict == "passed" and {one.check for one in good.report.checks} >= {"temporal_order", "duplicates"}
    twice = store.get_historical_features(spine(past, 2, 2, 4), WHOLE, time="label_time")
    with pytest.raises(apus.TrainingDataQualityError, match="duplicates") as failed:
        twice.report.raise_for_failures()
    (one,) = failed.value.failures
    assert (one.check, one.of, one.verdict, one.threshold) == ("duplicates", "the set", "failed", 0.02)
    assert one.figure == pytest.approx(1 / 3, abs=1e-6) and len(twice) == 3 and "FAILED duplicates" in str(twice.report)
    assert twice.id != good.id


def test_thresholds_are_a_dict_or_a_file_of_either_kind(store: apus.Store, past: str, tmp_path: Path) -> None:
    thresholds = {"duplicates": 0.5, "segments": {"everyone": "all"}, "coverage": 0.9}
    as_json, as_yaml = tmp_path / "checks.json", tmp_path / "checks.yaml"
    as_json.write_text(json.dumps(thresholds))
    as_yaml.write_text("duplicates: 0.5\nsegments:\n  everyone: all\ncoverage: 0.9  # of each\n")
    for checks in (thresholds, as_json, str(as_yaml)):
        t = store.get_historical_features(spine(past, 0, 2, 2, 4), WHOLE, time="label_time", checks=checks)
        assert [(one.check, one.of, one.figure) for one in t.report.failures] == [("coverage", "everyone", 0.75)]
    none = store.get_historical_features(spine(past, 2, 2), WHOLE, time="label_time", checks="none")
    none.report.raise_for_failures()
    assert none.report.verdict == "not_judged" and not none.report.checks


def test_a_set_is_compared_with_an_earlier_one_or_with_what_is_served(store: apus.Store, card: str, tmp_path: Path) -> None:
    for hour in range(40):
        row = {"card_id": card, "whole": hour if hour < 20 else 1000}
        store.push("every", row, event_time=at(hour), known_at="event-time")
    earlier = store.get_historical_features(spine(card, *range(20)), WHOLE, time="label_time")
    earlier.save(tmp_path / "earlier.parquet")
    later = spine(card, *range(20, 40))
    for against in (earlier, str(tmp_path / "earlier.manifest.json"), earlier.manifest):
        t = store.get_historical_features(later, WHOLE, time="label_time", checks={"against": against})
        assert "psi" in {one.check for one in t.report.failures} and t.report.reference
    same = store.get_historical_features(spine(card, *range(20)), WHOLE, time="label_time", checks={"against": earlier})
    assert "psi" not in {one.check for one in same.report.failures}
    online = store.get_historical_features(later, WHOLE, time="label_time", checks={"against": "online"})
    assert "psi" in {one.check for one in online.report.checks}


def test_checks_that_are_wrong_refuse_the_set(store: apus.Store, past: str) -> None:
    with pytest.raises(apus.BadRequest, match="coverag"):
        store.get_historical_features(spine(past, 2), WHOLE, time="label_time", checks={"coverag": 0.9})
    with pytest.raises(apus.ApusError, match="nothing_such"):
        segments = {"some": {"column": "nothing_such", "min": 1}}
        store.get_historical_features(spine(past, 2), WHOLE, time="label_time", checks={"segments": segments})


# What breaks in the middle


def _interrupted(card: str, act: Callable[[], Any]) -> Any:
    """Labels that come batch by batch; `act` is called between two of them."""
    table = pa.table({"card_id": [card] * 50_000, "event_timestamp": pa.array([at(2)] * 50_000, pa.timestamp("ns", tz="UTC"))})

    def batches() -> Any:
        for number in range(8):
            if number == 4:
                act()
            yield from table.to_batches()

    return pa.RecordBatchReader.from_batches(table.schema, batches())


def test_a_server_that_is_killed_in_the_middle_is_a_typed_error_and_no_set() -> None:
    with Server(EVERY) as mortal:
        store = mortal.connect()
        with pytest.raises((apus.ConnectionLost, apus.ConnectError)) as lost:
            store.get_historical_features(_interrupted("a", mortal.kill), WHOLE)
        assert lost.value.retryable and not lost.value.may_be_done
        mortal.start()
        assert len(store.get_historical_features(_interrupted("a", lambda: None), WHOLE)) == 400_000


def test_one_that_is_shut_down_in_the_middle_ends_soon() -> None:
    with Server(EVERY) as mortal:
        store = mortal.connect()
        with pytest.raises((apus.ShuttingDown, apus.ConnectionLost, apus.ConnectError)) as lost:
            store.get_historical_features(_interrupted("a", mortal.stop), WHOLE)
        assert lost.value.retryable


def test_who_stops_in_the_middle_leaves_the_server_free(store: apus.Store) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            store.get_historical_features(_interrupted("a", stop), WHOLE)
        assert len(store.get_historical_features(spine("a", 2), WHOLE, time="label_time", timeout=20)) == 1


# The same set as the terminal's


def test_a_set_is_that_of_the_folder_and_is_made_again_from_its_manifest(tmp_path: Path) -> None:
    labels = tmp_path / "labels.parquet"
    rows = {"card_id": ["a", "b", None, "a"], "label_time": [at(2), at(2), at(2), at(9)], "amount": [1.5, None, 3.0, 4.0]}
    pq.write_table(pa.table(rows), labels)
    with Server(EVERY) as server:
        store = server.connect()
        for hours in range(1, 8):
            row = {"card_id": "a", "whole": hours, "words": ["x"] * hours, "vector": [hours, 0, 1]}
            store.push("every", row, event_time=at(hours), known_at="event-time+1h")
        t = store.get_historical_features(labels, view="every", time="label_time", columns=["reasons"])
        beside = t.save(tmp_path / "ours.parquet")
        in_memory = store.get_historical_features(pq.read_table(labels), view="every", time="label_time", columns=["reasons"])
        assert (in_memory.id, in_memory.content_digest) == (t.id, t.content_digest)
        words = ["export", "--spine", str(labels), "--view", "every", "--time", "label_time", "--columns", "reasons", "--out"]
        for place in ("server", "folder"):
            if place == "folder":
                server.stop()
            out = str(tmp_path / f"{place}.parquet")
            said = server.run(*words, out)
            assert said.returncode == 0, said.stderr
            theirs = json.loads((tmp_path / f"{place}.manifest.json").read_text())
            assert (theirs["identity"], theirs["content_digest"]) == (t.id, t.content_digest)
            names = [name for name in theirs if name not in ("set", "asked")]
            assert {name: t.manifest[name] for name in names} == {name: theirs[name] for name in names} | {
                "format": t.manifest["format"]
            }
            assert pq.read_table(out).to_pylist() == t.to_arrow().to_pylist()
        again = server.run("export", "verify", beside, "--spine", str(labels))
        assert again.returncode == 0, again.stdout + again.stderr


def test_the_story_of_the_interface_page(server: Server) -> None:
    """INTERFACE's lines, with the example's definitions."""
    with Server(str(ROOT / "Config/examples/fraud")) as fraud:
        store = fraud.connect()
        store.push("card_activity", {"card_id": "c42", "txn_count_24h": 3}, event_time=at(1), known_at="event-time")
        labels = pd.DataFrame({"card_id": ["c42"], "payer_id": [7], "payee_id": [9], "label_time": [at(2)]})
        t = store.get_historical_features(labels, "fraud@1", time="label_time")
        assert t.to_df()["txn_count_24h"].tolist() == [3] and t.id


def test_what_is_masked_in_a_spine_is_blank(store: apus.Store) -> None:
    """A masked key finds nothing, and a masked time is none."""
    from apus.spine import _column

    whole = _column("n", np.ma.masked_array([1, 2, 3], [0, 1, 0]), None)
    assert whole.to_pylist() == [1, None, 3]
    words = _column("w", np.ma.masked_array(["a", "b"], [1, 0]), None)
    assert words.to_pylist() == [None, "b"]
    times = _column("t", np.ma.masked_array(np.array(["2026-01-01", "2026-01-02"], "M8[ns]"), [0, 1]), "t")
    assert [one is None for one in times.to_pylist()] == [False, True]
    with pytest.raises(apus.InputError, match="big"):
        _column("big", [2**70], None)
