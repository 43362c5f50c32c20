"""Every dtype that people have goes in and comes back, or is refused by its column and the reason."""

from __future__ import annotations

import decimal
import json
import random
import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import ROOT

import apus
from apus.keys import RowKeys, decode_key, encode_part
from apus.times import Clock
from apus.types import NUMBERS
from apus.wire import KeyPart, Role, short

VALUES: dict[str, Any] = {
    "flag": True, "small": -5, "whole": 2**62 + 1, "half": 0.1, "real": 0.1, "word": "käse\0\n", "raw": b"\0\1\xff",
    "moment": np.datetime64("2026-11-20T09:00:00.000000001", "ns"), "wholes": [1, -2], "words": ["", "é", "x"],
    "moments": [np.datetime64("1969-12-31T23:59:59.999999999", "ns")], "flags": [True, False], "vector": [1.5, 0.25, -0.0],
    "counts": [1, 2**40],
}  # fmt: skip


def back(store: Any, card: str, *names: str, rows: int = 1) -> dict[str, Any]:
    """What is served; asked for one row and for two, which are different layouts."""
    features = [f"every:{name}" for name in names]
    one = store.get_online_features(features, [{"card_id": card}])
    two = store.get_online_features(features, [{"card_id": card}, {"card_id": card + "-nobody"}])
    first, second = one.to_dict(), two.to_dict()
    for name in names:
        assert str(first[name][0]) == str(second[name][0]) and second[name][1] is None
    assert two.to_arrow().slice(0, 1).to_pylist() == one.to_arrow().to_pylist()
    assert str(two.to_df().iloc[0].tolist()) == str(one.to_df().iloc[0].tolist())
    return {name: values[0] for name, values in first.items()}


def same(found: Any, given: Any) -> bool:
    if isinstance(given, (list, np.ndarray)):
        return len(found) == len(given) and all(map(same, found, given))
    if isinstance(given, float):
        return bool(np.float32(found) == np.float32(given))
    return bool(found == given)


def test_every_type_goes_in_and_comes_back(both: Any, card: str) -> None:
    both.push("every", {"card_id": card, **VALUES}, timezone="UTC")
    found = back(both, card, *VALUES)
    for name, value in VALUES.items():
        assert same(found[name], value), name
    assert found["half"] == float(np.float32(0.1)) and found["real"] == 0.1


def test_a_table_of_every_type_is_the_same_whoever_holds_it(store: Any, card: str) -> None:
    rows = [{"card_id": f"{card}-{number}", **VALUES} for number in range(3)]
    for name in list(VALUES)[::2]:
        rows[1][name] = None
    arrow = {
        "small": pa.int32(), "half": pa.float32(), "vector": pa.list_(pa.float32(), 3), "counts": pa.list_(pa.int64(), 2),
        "moment": pa.timestamp("ns"), "moments": pa.large_list(pa.timestamp("ns")), "word": pa.large_string(),
        "raw": pa.large_binary(), "words": pa.list_(pa.large_string()), "wholes": pa.list_(pa.int32()),
    }  # fmt: skip
    table = pa.table({name: pa.array([row[name] for row in rows], arrow.get(name)) for name in rows[0]})
    frame = pd.DataFrame(rows, dtype=object).astype({"whole": "Int64", "half": "float32"})
    answers = []
    for data in (rows, table, table.to_batches()[0], table.slice(1), frame, {name: list(frame[name]) for name in frame}):
        store.push("every", data, timezone="UTC")
        x = store.get_online_features([f"every:{name}" for name in VALUES], [{"card_id": row["card_id"]} for row in rows])
        answers.append(str(x.to_arrow().to_pylist()))
        store.delete("every", [{"card_id": rows[1]["card_id"]}])
        store.delete("every", [{"card_id": rows[2]["card_id"]}])
    assert len(set(answers)) == 1
    assert "None" in answers[0]


GOOD: list[tuple[str, str, Any, Any]] = [
    ("int8", "whole", pd.Series([5], dtype="int8"), 5),
    ("uint64", "whole", pd.Series([5], dtype="uint64"), 5),
    ("Int32", "small", pd.Series([5], dtype="Int32"), 5),
    ("int to int32", "small", pd.Series([5]), 5),
    ("int to float", "real", pd.Series([5]), 5.0),
    ("bool", "flag", pd.Series([True]), True),
    ("boolean", "flag", pd.Series([True], dtype="boolean"), True),
    ("Float64", "real", pd.Series([0.1], dtype="Float64"), 0.1),
    ("float32 to float64", "real", pd.Series([0.1], dtype="float32"), float(np.float32(0.1))),
    ("exact float64 to float32", "half", pd.Series([0.5]), 0.5),
    ("float16", "half", np.array([0.5], np.float16), 0.5),
    ("category of texts", "word", pd.Series(["a"], dtype="category"), "a"),
    ("category of ints", "whole", pd.Series([3], dtype="category"), 3),
    ("string", "word", pd.Series(["a"], dtype="string"), "a"),
    ("python texts", "word", pd.Series(["a"], dtype=object), "a"),
    ("arrow string", "word", pd.Series(["a"], dtype="string[pyarrow]"), "a"),
    ("arrow dictionary", "word", pa.array(["a"]).dictionary_encode(), "a"),
    ("numpy texts", "word", np.array(["a"]), "a"),
    ("arrow null", "word", pa.nulls(1), None),
    ("nothing but NaN", "whole", pd.Series([np.nan]), None),
    ("nothing but NaT", "moment", pd.Series([pd.NaT]), None),
    ("seconds", "moment", np.array(["2026-11-20T09:00:00"], "M8[s]"), np.datetime64("2026-11-20T09:00:00", "ns")),
    ("2-d array", "vector", np.ones((1, 3), np.float32), [1, 1, 1]),
    ("2-d array to list", "wholes", np.ones((1, 4), np.int64), [1, 1, 1, 1]),
    ("numpy vectors", "vector", pd.Series([np.ones(3, np.float32)]), [1, 1, 1]),
    ("exact float64 vectors", "vector", pd.Series([np.ones(3)]), [1, 1, 1]),
    ("tuples", "words", pd.Series([("a", "b")]), ["a", "b"]),
    ("empty list", "words", [[]], []),
    ("arrow-backed lists", "wholes", pd.Series([[1, 2]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))), [1, 2]),
    ("sparse", "whole", pd.Series(pd.arrays.SparseArray([0, 3])).iloc[1:], 3),
    ("numpy scalars", "whole", [np.int16(5)], 5),
    ("bytearray", "raw", [bytearray(b"x")], b"x"),
]  # fmt: skip


@pytest.mark.parametrize(("feature", "column", "value"), [one[1:] for one in GOOD], ids=[one[0] for one in GOOD])
def test_a_dtype_goes_in(store: Any, card: str, feature: str, column: Any, value: Any) -> None:
    store.push("every", {"card_id": [card], feature: column}, timezone="UTC")
    found = back(store, card, feature)[feature]
    assert found is None if value is None else same(found, value)


BAD: list[tuple[str, str, Any, str]] = [
    ("Decimal", "real", [decimal.Decimal("1.5")], "is a Decimal"),
    ("arrow decimal", "real", pa.array([decimal.Decimal("1.5")]), "decimal"),
    ("Decimal in a list", "vector", [[1, 2, decimal.Decimal(3)]], "is a Decimal"),
    ("float for int", "whole", pd.Series([1.0]), "never whole numbers"),
    ("ints that became floats", "whole", pd.Series([1, np.nan]), "never whole numbers"),
    ("text for int", "whole", ["1"], "is str, not int64"),
    ("bool for int", "whole", [True], "is bool, not int64"),
    ("bools for ints", "whole", pd.Series([True]), "bool is not int64"),
    ("int for bool", "flag", pd.Series([1]), "int64 is not bool"),
    ("too large", "small", pd.Series([2**31]), "does not fit into an int32"),
    ("too large uint64", "whole", np.array([2**63], np.uint64), "does not fit into an int64"),
    ("too large int", "whole", [2**63], "does not fit into an int64"),
    ("rounded", "half", pd.Series([0.1]), "would be rounded"),
    ("rounded int", "real", pd.Series([2**53 + 1]), "would be rounded"),
    ("rounded uint64", "real", np.array([2**64 - 1], np.uint64), "would be rounded"),
    ("rounded python int", "real", [2**53 + 1], "would be rounded"),
    ("beyond float32", "half", [1e39], "does not fit into a float32"),
    ("complex", "real", np.array([1j]), "complex"),
    ("timedelta", "real", pd.Series([pd.Timedelta(1, "s")]), "timedelta64"),
    ("period", "moment", pd.Series([pd.Period("2026-11")]), "period"),
    ("interval", "real", pd.Series(pd.IntervalIndex.from_breaks([0, 1])), "interval"),
    ("struct", "word", pa.array([{"a": 1}]), "struct"),
    ("dict", "word", [{"a": 1}], "is dict, not string"),
    ("bytes for text", "word", [b"x"], "is bytes, not string"),
    ("text for bytes", "raw", ["x"], "is str, not bytes"),
    ("number for text", "word", pd.Series([1]), "is not string"),
    ("half a surrogate", "word", ["\ud800"], "surrogate"),
    ("arrow text for int", "whole", pa.array(["1"]), "is not int64"),
    ("short vector", "vector", [[1.0, 2.0]], "has 2 elements, and 3 are needed"),
    ("short arrow vector", "vector", pa.array([[1.0, 2.0]]), "has 2 elements, and 3 are needed"),
    ("2-d of another width", "vector", np.ones((1, 4)), "4 numbers a row"),
    ("number for vector", "vector", pd.Series([1.0]), "is not float32[3]"),
    ("scalar in a vector's place", "vector", [1.0], "is no list"),
    ("null element", "wholes", [[1, None]], "never null"),
    ("null arrow element", "wholes", pa.array([[1, None]]), "never null"),
    ("rounded vector", "vector", pd.Series([np.array([0.1, 0, 0])]), "would be rounded"),
    ("2-d in a row", "vector", [np.ones((1, 3))], "2 dimensions"),
]  # fmt: skip


@pytest.mark.parametrize(("feature", "column", "words"), [one[1:] for one in BAD], ids=[one[0] for one in BAD])
def test_a_dtype_is_refused_by_its_column_and_the_reason(store: Any, card: str, feature: str, column: Any, words: str) -> None:
    with pytest.raises(apus.InputError) as refused:
        store.push("every", {"card_id": [card] * len(column), feature: column})
    assert words in refused.value.what and feature in refused.value.what, refused.value.what
    assert refused.value.next
    # Nothing was sent.
    x = store.get_online_features([f"every:{feature}"], [{"card_id": card}])
    assert x.reasons[feature] == ["never seen"]


def test_keys_of_every_type_come_back(store: Any, account: int) -> None:
    since = np.datetime64("2026-11-20T09:00:00.000000001", "ns")
    key = {"flag": True, "raw": b"\0\1\2" + bytes([account % 256]), "since": since}
    store.push("odds", {**key, "value": 1}, timezone="UTC")
    store.push("pairs", {"left": -account, "right": "a\0b\1", "value": 2})
    with pytest.warns(apus.NaiveTimeWarning):
        assert store.get_online_features(["odds:value"], [key]).to_dict() == {"value": [1]}
    assert store.get_online_features(["pairs:value"], [{"left": -account, "right": "a\0b\1"}]).to_dict() == {"value": [2]}
    assert key in [row.key for row in store.scan("odds")]
    assert {"left": -account, "right": "a\0b\1"} in [row.key for row in store.scan("pairs")]


def test_entities_of_a_frame_a_table_and_columns_are_the_same(store: Any, account: int) -> None:
    store.push("pairs", [{"left": number, "right": f"r{account}", "value": number} for number in range(3)])
    rows = [{"left": number, "right": f"r{account}"} for number in range(3)]
    frame = pd.DataFrame(rows)
    frame["label"] = 1.0
    for entities in (
        rows,
        tuple(rows),
        frame,
        frame.convert_dtypes(),
        pa.Table.from_pandas(frame),
        {"left": [0, 1, 2], "right": [f"r{account}"] * 3},
    ):
        assert store.get_online_features(["pairs:value"], entities).to_dict() == {"value": [0, 1, 2]}
    twice = store.get_online_features(["pairs:value"], [rows[2], rows[0], rows[2]])
    assert twice.to_dict(keys=True) == {"left": [2, 0, 2], "right": [f"r{account}"] * 3, "value": [2, 0, 2]}
    with pytest.raises(apus.InputError, match="left of row 1: nothing"):
        store.get_online_features(["pairs:value"], pd.DataFrame({"left": pd.array([1, None], "Int64"), "right": ["a", "b"]}))
    with pytest.raises(apus.InputError, match="no column right"):
        store.get_online_features(["pairs:value"], pd.DataFrame({"left": [1]}))


def test_keys_are_written_as_their_page_says() -> None:
    """The examples of KeyEncoding.md, and what its encoder refuses."""
    words = (ROOT / "Sources/ApusBytes/KeyEncoding.md").read_text().partition("## Examples")[2]
    lines = re.findall(r"^\((.*)\) {2,}([0-9a-f ]+)$", words, re.MULTILINE)
    assert len(lines) >= 12
    for given, spelled in lines:
        parts, values = [], []
        for part in given.split(", "):
            name, _, value = part.partition(" ")
            if part in ("true", "false"):
                name, value = "bool", part
            parts.append(KeyPart(f"k{len(parts)}", NUMBERS[name]))
            values.append(
                {"true": True, "false": False}.get(value)
                if name == "bool"
                else json.loads(value)
                if name == "string"
                else bytes.fromhex(value)
                if name == "bytes"
                else np.datetime64(int(value), "ns")
                if name == "timestamp"
                else int(value)
            )
        key = b"".join(encode_part(part.element, value, Clock("UTC")) for part, value in zip(parts, values))
        assert key == bytes.fromhex(spelled), given
        assert decode_key(parts, key) == tuple(values)
        for end in range(len(key)):
            with pytest.raises(apus.BadReply):
                decode_key(parts, key[:end])


@pytest.mark.parametrize("seed", range(20))
def test_rows_of_keys_are_the_same_on_every_path(seed: int) -> None:
    dice = random.Random(seed)
    role = Role("e", "", (KeyPart("k", NUMBERS["string"]),))
    keys = RowKeys([role])
    rows = [{"k": "".join(dice.choices("aé\0\1\2ß", k=dice.randrange(5)))} for _ in range(dice.randrange(1, 6))]
    if dice.random() < 0.5:
        rows = [{"k": row["k"].replace("\0", "x").replace("\1", "y")} for row in rows]
    wanted = b"".join(short(encode_part(NUMBERS["string"], row["k"])) for row in rows)
    assert keys.rows(rows) == wanted
    assert [decode_key(role.parts, encode_part(6, row["k"])) for row in rows] == [(row["k"],) for row in rows]
    for wrong in ({"k": 1}, {"k": b"x"}, {"q": "x"}, {"k": "x", "q": 1}, {"k": None}, {"k": "x" * 400}, "k"):
        with pytest.raises(apus.InputError, match=f"row {len(rows)}"):
            keys.rows([*rows, wrong])
    assert len(keys.rows([{"k": "x" * 399}])) == 402
