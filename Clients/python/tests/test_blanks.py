"""The table of blanks and times (INTERFACE): each row of it, with dicts, pandas, pyarrow and numpy."""

from __future__ import annotations

import datetime
import itertools
import warnings
from typing import Any, Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import apus

NAN = float("nan")
UTC = datetime.timezone.utc
_serial = itertools.count()

#: How the same cells are held: a row, a frame of objects, a table.
HOLDERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "dict": lambda row: [row],
    "pandas": lambda row: pd.DataFrame({name: pd.Series([value], dtype=object) for name, value in row.items()}),
    "pyarrow": lambda row: pa.table({name: pa.array([value], from_pandas=False) for name, value in row.items()}),
    "columns": lambda row: {name: [value] for name, value in row.items()},
}


def served(store: Any, card: str, *features: str) -> dict[str, Any]:
    x = store.get_online_features([f"every:{name}" for name in features], [{"card_id": card}])
    return {name: values[0] for name, values in x.to_dict().items()}


def status(store: Any, card: str, feature: str) -> int:
    return int(store.get_online_features([f"every:{feature}"], [{"card_id": card}]).statuses[feature][0])


@pytest.fixture(autouse=True)
def _no_warnings() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error", apus.NaiveTimeWarning)
        yield


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_a_missing_column_leaves_a_feature_as_it_was(both: Any, card: str, hold: Any) -> None:
    both.push("every", hold({"card_id": card, "whole": 1, "word": "a"}))
    both.push("every", hold({"card_id": card, "word": "b"}))
    assert served(both, card, "whole", "word") == {"whole": 1, "word": "b"}


def test_absent_leaves_a_feature_as_it_was_and_differs_from_null(store: Any, card: str) -> None:
    rows = [{"card_id": card, "whole": 1, "word": "a"}, {"card_id": card, "whole": apus.ABSENT, "word": None}]
    for row in rows:
        store.push("every", row)
    assert served(store, card, "whole", "word") == {"whole": 1, "word": None}
    assert status(store, card, "word") == apus.Status.NULL_VALUE
    store.push("every", pd.DataFrame({"card_id": [card], "whole": [apus.ABSENT], "half": [1.5]}))
    assert served(store, card, "whole", "half") == {"whole": 1, "half": 1.5}


@pytest.mark.parametrize("blank", [None, pd.NA, pd.NaT, NAN, np.nan], ids=["None", "NA", "NaT", "nan", "np.nan"])
@pytest.mark.parametrize("feature", ["whole", "word", "flag", "moment", "words", "vector"])
def test_none_na_nat_and_nan_among_objects_are_null(store: Any, card: str, blank: Any, feature: str) -> None:
    store.push("every", pd.DataFrame({"card_id": [card], feature: pd.Series([blank], dtype=object)}))
    assert status(store, card, feature) == apus.Status.NULL_VALUE
    store.push("every", {"card_id": card + "-dict", feature: blank})
    assert status(store, card + "-dict", feature) == apus.Status.NULL_VALUE


def test_nan_among_objects_of_a_frame_is_null_for_a_float_too(store: Any, card: str) -> None:
    store.push("every", pd.DataFrame({"card_id": [card], "real": pd.Series([NAN], dtype=object)}))
    assert status(store, card, "real") == apus.Status.NULL_VALUE


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, None], dtype="Int64"),
        pd.Series([1, None], dtype="int64[pyarrow]"),
        pa.array([1, None], pa.int64()),
        pa.chunked_array([[1], [None]], pa.int64()),
        pa.array([1, None]).dictionary_encode(),
        np.ma.masked_array([1, 2], [False, True]),
        [1, None],
    ],
    ids=["Int64", "arrow-backed", "arrow", "chunks", "dictionary", "masked", "list"],
)
def test_nulls_of_nullable_integers_are_null_and_the_others_stay_whole(store: Any, card: str, column: Any) -> None:
    store.push("every", {"card_id": [card, card + "-2"], "whole": column})
    x = store.get_online_features(["every:whole"], [{"card_id": card}, {"card_id": card + "-2"}])
    assert x.to_dict()["whole"] == [1, None]
    assert x.statuses["whole"].tolist() == [1, 2]
    assert str(x.to_df()["whole"].dtype) == "Int64" and x.to_arrow()["whole"].type == pa.int64()


def test_the_empty_text_is_a_text(both: Any, card: str) -> None:
    both.push("every", {"card_id": card, "word": "", "raw": b""})
    assert served(both, card, "word", "raw") == {"word": "", "raw": b""}


@pytest.mark.parametrize("value", [NAN, float("inf"), -float("inf")])
@pytest.mark.parametrize(
    "hold",
    [
        lambda row: [row],
        lambda row: pd.DataFrame({name: [value] for name, value in row.items()}),
        lambda row: pa.table({name: [value] for name, value in row.items()}),
        lambda row: {name: np.array([value]) for name, value in row.items()},
    ],
    ids=["dict", "pandas", "pyarrow", "numpy"],
)
def test_nan_and_infinity_in_a_column_of_floats_are_refused_unless_the_feature_allows_them(
    store: Any, card: str, hold: Any, value: float
) -> None:
    with pytest.raises(apus.RowsRefused) as refused:
        store.push("every", hold({"card_id": card, "real": value}))
    assert refused.value.rules == {"real.finite": 1}
    store.push("every", hold({"card_id": card, "loose": value}))
    x = store.get_online_features(["every:loose"], [{"card_id": card}])
    assert x.statuses["loose"].tolist() == [apus.Status.PRESENT]
    assert np.array_equal(x.column("loose"), np.array([value]), equal_nan=True)


def test_nan_and_infinity_in_a_vector_are_refused(store: Any, card: str) -> None:
    with pytest.raises(apus.RowsRefused) as refused:
        store.push("every", {"card_id": card, "vector": [1.0, NAN, 2.0]})
    assert refused.value.rules == {"vector.finite": 1}


def test_a_float_column_may_say_that_nan_is_null(store: Any, card: str) -> None:
    frame = pd.DataFrame({"card_id": [card, card + "2"], "real": [NAN, 1.0], "half": np.array([NAN, 2], np.float32)})
    store.push("every", frame, nan_is="null")
    assert served(store, card, "real", "half") == {"real": None, "half": None}
    with pytest.raises(apus.RowsRefused):
        store.push("every", frame, nan_is={"half": "null"})
    with pytest.raises(apus.InputError, match="nan_is cannot be"):
        store.push("every", frame, nan_is="zero")


# Times

NINE = np.datetime64("2026-11-20T09:00:00.123456789", "ns")
AWARE = [
    ("datetime", datetime.datetime(2026, 11, 20, 11, 0, 0, 123456, datetime.timezone(datetime.timedelta(hours=2)))),
    ("Timestamp", pd.Timestamp("2026-11-20T09:00:00.123456789Z")),
    ("text", "2026-11-20T11:00:00.123456789+02:00"),
    ("Z", "2026-11-20T09:00:00.123456789Z"),
]
NAIVE = [
    ("datetime", datetime.datetime(2026, 11, 20, 9, 0, 0, 123456)),
    ("Timestamp", pd.Timestamp("2026-11-20T09:00:00.123456789")),
    ("datetime64", NINE),
    ("text", "2026-11-20T09:00:00.123456789"),
]
COLUMNS = {
    "pandas-aware": (pd.Series(pd.to_datetime(["2026-11-20T11:00:00.123456789+02:00"])), True),
    "pandas-naive": (pd.Series(pd.to_datetime(["2026-11-20T09:00:00.123456789"])), False),
    "pandas-arrow": (pd.Series([pd.Timestamp(NINE, tz="UTC")], dtype=pd.ArrowDtype(pa.timestamp("ns", "Europe/Berlin"))), True),
    "arrow-aware": (pa.array([1795165200123456789], pa.timestamp("ns", "UTC")), True),
    "arrow-naive": (pa.array([1795165200123456789], pa.timestamp("ns")), False),
    "numpy": (np.array([NINE]), False),
}


def near(found: Any) -> bool:
    return bool(abs(np.datetime64(found, "ns") - NINE) < np.timedelta64(1, "us"))


@pytest.mark.parametrize("given", [one for _, one in AWARE], ids=[name for name, _ in AWARE])
def test_a_time_with_an_offset_is_that_moment(both: Any, card: str, given: Any) -> None:
    both.push("every", {"card_id": card, "moment": given, "when": given}, event_time="when", known_at="now")
    x = both.get_online_features(["every:moment"], [{"card_id": card}], event_times=True)
    assert near(x.column("moment")[0]) and near(x.event_times["moment"][0])
    assert x.ages["moment"][0] == x.read_time - x.event_times["moment"][0]


@pytest.mark.parametrize("given", [one for _, one in NAIVE], ids=[name for name, _ in NAIVE])
def test_a_naive_time_is_utc_and_warned_of_once(server: Any, card: str, given: Any) -> None:
    with apus.connect(server.url) as store:
        with pytest.warns(apus.NaiveTimeWarning, match="taken for UTC") as said:
            store.push("every", {"card_id": card, "moment": given})
        assert said[0].filename == __file__
        # Warned of once: a second time would be an error here.
        store.push("every", {"card_id": card, "moment": given})
        assert near(served(store, card, "moment")["moment"])
        store.push("every", {"card_id": card, "moment": given}, timezone="UTC")


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_times_are_read_to_the_nanosecond(server: Any, card: str, name: str) -> None:
    column, is_aware = COLUMNS[name]
    with apus.connect(server.url) as store, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        store.push("every", {"card_id": [card], "moment": column, "when": column}, event_time="when", known_at="now")
        x = store.get_online_features(["every:moment"], [{"card_id": card}], event_times=True)
        assert x.column("moment")[0] == NINE and x.event_times["moment"][0] == NINE
    assert any(issubclass(one.category, apus.NaiveTimeWarning) for one in said) is not is_aware


def test_another_zone_can_be_named_and_its_clock_is_believed_only_where_it_is_clear(store: Any, card: str) -> None:
    naive = pd.to_datetime(["2026-07-01T12:00:00"])
    store.push("every", {"card_id": [card], "moment": naive}, timezone="Europe/Berlin")
    assert served(store, card, "moment")["moment"] == np.datetime64("2026-07-01T10:00:00", "ns")
    store.push("every", {"card_id": card, "moment": "2026-07-01T12:00:00"}, timezone="+03:30")
    assert served(store, card, "moment")["moment"] == np.datetime64("2026-07-01T08:30:00", "ns")
    for wall, how in (("2026-03-29T02:30:00", "never"), ("2026-10-25T02:30:00", "twice")):
        for given in ([wall], np.array([wall], "M8[s]")):
            with pytest.raises(apus.InputError, match=how):
                store.push("every", {"card_id": [card], "moment": given}, timezone="Europe/Berlin")
    with pytest.raises(apus.InputError, match="no time zone"):
        store.push("every", {"card_id": card, "moment": wall}, timezone="Mars/Olympus")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_whole_number_is_no_time_without_its_unit(store: Any, card: str, unit: str) -> None:
    number = 1795165200 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    holders: list[Any] = [
        {"card_id": card, "moment": number},
        pd.DataFrame({"card_id": [card], "moment": [number]}),
        pa.table({"card_id": [card], "moment": [number]}),
    ]
    for data in holders:
        with pytest.raises(apus.InputError, match="nobody said what") as refused:
            store.push("every", data)
        assert "time_unit" in refused.value.next
        with pytest.raises(apus.InputError, match="nobody said what"):
            store.push("every", {"card_id": card, "whole": 1, "at": number}, event_time="at")
        store.push("every", data, time_unit=unit)
        assert served(store, card, "moment")["moment"] == np.datetime64("2026-11-20T09:00:00", "ns")


def test_a_day_is_its_midnight_and_times_beyond_the_range_are_refused(store: Any, card: str) -> None:
    store.push("every", {"card_id": card, "moment": datetime.date(2026, 11, 20)}, timezone="UTC")
    assert served(store, card, "moment")["moment"] == np.datetime64("2026-11-20", "ns")
    store.push("every", pa.table({"card_id": [card], "moment": pa.array([20412], pa.date32())}), timezone="UTC")
    assert served(store, card, "moment")["moment"] == np.datetime64("2025-11-20", "ns")
    for given in (datetime.date(1500, 1, 1), "2500-01-01T00:00:00Z", np.datetime64("2500-01-01", "s")):
        with pytest.raises(apus.InputError, match="1677"):
            store.push("every", {"card_id": card, "moment": given}, timezone="UTC")
    with pytest.raises(apus.InputError, match="1677"):
        store.push("every", {"card_id": [card], "moment": np.array(["2500-01-01"], "M8[s]")}, timezone="UTC")
    for words in ("yesterday", "2026-13-01", "2026-11-20T25:00:00Z"):
        with pytest.raises(apus.InputError, match="no time"):
            store.push("every", {"card_id": card, "moment": words}, timezone="UTC")


def test_event_timestamp_is_the_event_time_if_nobody_says_another(store: Any, card: str) -> None:
    then = datetime.datetime(2026, 11, 1, tzinfo=UTC)
    with pytest.warns(apus.OldRowsWarning, match="known only from now on"):
        store.push("every", {"card_id": card, "whole": 1, "event_timestamp": then})
    x = store.get_online_features(["every:whole"], [{"card_id": card}], event_times=True)
    assert x.event_times["whole"][0] == np.datetime64("2026-11-01", "ns")
    store.push("every", {"card_id": card, "whole": 2}, event_time=then + datetime.timedelta(days=1), known_at="now")
    store.push("every", {"card_id": card, "whole": 3}, event_time=apus.NOW)
    x = store.get_online_features(["every:whole"], [{"card_id": card}], event_times=True)
    assert x.to_dict()["whole"] == [3] and x.ages["whole"][0] < np.timedelta64(1, "h")
    with pytest.raises(apus.InputError, match="is nothing"):
        store.push("every", {"card_id": card, "whole": 1, "event_timestamp": None})


def test_nullable_integers_to_numpy_are_an_error_unless_missing_is_given(store: Any, card: str) -> None:
    store.push("every", [{"card_id": card, "whole": 5}, {"card_id": card + "2", "whole": None}])
    x = store.get_online_features(["every:whole"], [{"card_id": card}, {"card_id": card + "2"}, {"card_id": card + "3"}])
    with pytest.raises(apus.InputError, match="whole is blank") as refused:
        x.to_numpy()
    assert "missing=" in refused.value.next
    assert x.to_numpy(missing=-1).tolist() == [[5], [-1], [-1]] and x.to_numpy(missing=-1).dtype == np.int64
    assert np.array_equal(x.to_numpy(missing=NAN), np.array([[5.0], [NAN], [NAN]]), equal_nan=True)
    assert x.to_df()["whole"].tolist() == [5, pd.NA, pd.NA]
