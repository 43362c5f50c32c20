"""Random rows of every type, with blanks of both kinds, against a model that is a dict; what is served is compared in every layout."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

import apus
from apus.types import FeatureType

KINDS = {
    "flag": "bool", "small": "int32", "whole": "int64", "half": "float32", "loose": "float64", "word": "string", "raw": "bytes",
    "moment": "timestamp", "wholes": "list<int64>", "words": "list<string>", "moments": "list<timestamp>", "flags": "list<bool>",
    "vector": "float32[3]", "counts": "int64[2]",
}  # fmt: skip


def scalar(dice: random.Random, element: str, finite: bool) -> Any:
    if element == "bool":
        return dice.random() < 0.5
    if element in ("int32", "int64"):
        bits = int(element[3:])
        edges = [0, -1, (1 << bits - 1) - 1, -(1 << bits - 1)]
        return dice.choice([*edges, dice.randrange(-(1 << bits - 1), 1 << bits - 1)])
    if element in ("float32", "float64"):
        odd = [0.0, -0.0, 1.5, *([] if finite else [math.inf, -math.inf, math.nan])]
        value = dice.choice([*odd, dice.gauss(0, 1e9)])
        return float(np.float32(value)) if element == "float32" else value
    if element == "string":
        return "".join(dice.choices("aé\0\u20ac\U0001f600", k=dice.randrange(6)))
    if element == "bytes":
        return dice.randbytes(dice.randrange(6))
    return np.datetime64(dice.randrange(-(10**18), 10**18), "ns")


def value(dice: random.Random, spelled: str, finite: bool = True) -> Any:
    if spelled.startswith("list<"):
        return [scalar(dice, spelled[5:-1], True) for _ in range(dice.randrange(4))]
    if spelled.endswith("]"):
        element, _, count = spelled[:-1].partition("[")
        return [scalar(dice, element, True) for _ in range(int(count))]
    return scalar(dice, spelled, finite)


def spell(cell: Any) -> str:
    """Of equal cells, equal texts, bit for bit."""
    if isinstance(cell, (list, np.ndarray)):
        return "[" + ", ".join(map(spell, cell)) + "]"
    if isinstance(cell, (float, np.floating)):
        return float(cell).hex()
    if isinstance(cell, (bool, np.bool_)):
        return str(bool(cell))
    if isinstance(cell, np.datetime64):
        return str(int(cell.astype("M8[ns]").astype(np.int64)))
    return str(int(cell)) if isinstance(cell, (int, np.integer)) else repr(cell)


@pytest.mark.parametrize("round", range(6))
def test_what_is_served_is_what_a_dict_would_hold(store: apus.Store, card: str, round: int) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    dice = random.Random(seed)
    names = dice.sample(list(KINDS), dice.randrange(1, len(KINDS) + 1))
    cards = [f"{card}-{number}" for number in range(dice.choice([1, 2, 7, 8, 9, 30]))]
    model: dict[str, dict[str, Any]] = {one: {} for one in cards}
    for _ in range(dice.randrange(1, 5)):
        rows = []
        for one in dice.sample(cards, dice.randrange(1, len(cards) + 1)):
            row: dict[str, Any] = {"card_id": one}
            for name in names:
                chance = dice.random()
                if chance < 0.2:
                    row[name] = None
                elif chance < 0.6:
                    row[name] = value(dice, KINDS[name], finite=name != "loose")
                elif chance < 0.7:
                    row[name] = apus.ABSENT
            if len(row) == 1:
                row[names[0]] = None
            rows.append(row)
            model[one].update((name, cell) for name, cell in row.items() if name != "card_id" and cell is not apus.ABSENT)
        assert store.push("every", rows, timezone="UTC").accepted == len(rows)
    features = [f"every:{name}" for name in names]
    whole = store.get_online_features(features, [{"card_id": one} for one in cards], event_times=True, lsns=True)
    table, frame, cells = whole.to_arrow(), whole.to_df(), whole.to_dict()
    assert table.validate(full=True) is None
    for at, one in enumerate(cards):
        single = store.get_online_features(features, [{"card_id": one}], event_times=True)
        for name in names:
            said = name in model[one]
            wanted = model[one].get(name)
            assert spell(cells[name][at]) == spell(wanted) == spell(single.to_dict()[name][0]), (seed, one, name)
            status = apus.Status.NOT_FOUND if not said else apus.Status.NULL_VALUE if wanted is None else apus.Status.PRESENT
            assert whole.statuses[name][at] == single.statuses[name][0] == status, (seed, one, name)
            assert np.isnat(whole.event_times[name][at]) == (not said) == (whole.lsns[name][at] == 0)
            assert whole.event_times[name].view(np.int64)[at] == single.event_times[name].view(np.int64)[0]
            assert table[name][at].is_valid == (wanted is not None) == bool(whole.valid(name)[at])
            if wanted is not None and FeatureType.parse(KINDS[name]).is_number and name != "moment":
                assert spell(table[name][at].as_py()) == spell(wanted) == spell(frame[name].iloc[at])
    scanned = {row.key["card_id"]: row.features for row in store.scan("every", page=50)}
    for one in cards:
        if model[one]:
            assert {name: spell(cell) for name, cell in scanned[one].items()} == {
                name: spell(cell) for name, cell in model[one].items()
            }, (seed, one)
