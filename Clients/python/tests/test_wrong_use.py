"""Wrong use of every call gives an error that says what to do, before anything is sent."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path
from typing import Any, Callable

import pandas as pd
import pyarrow as pa
import pytest

import apus
from apus.testing import Server

Call = Callable[[Any], Any]
GET = ["every:whole"]

#: The call, a part of what is wrong, a part of what to do.
BOTH: dict[str, tuple[Call, str, str]] = {
    "no rows": (lambda s: s.push("every", []), "there are no rows", "at least one"),
    "an empty frame": (lambda s: s.push("every", pd.DataFrame({"card_id": [], "whole": []})), "there are no rows", "len(df)"),
    "an empty table": (lambda s: s.push("every", pa.table({"card_id": pa.array([], pa.string())})), "there are no rows", ""),
    "a column named like nothing": (
        lambda s: s.push("every", {"card_id": "a", "whol": 1}), "has no feature called whol", "there is whole"),
    "a column of a frame named like nothing": (
        lambda s: s.push("every", pd.DataFrame({"card_id": ["a"], "wrd": ["x"]})), "called wrd", "word"),
    "a missing key column": (lambda s: s.push("every", {"card": "a", "whole": 1}), "no column card_id", "there is card"),
    "a key in the index": (
        lambda s: s.push("every", pd.DataFrame({"whole": [1]}, index=pd.Index(["a"], name="card_id"))), "no column card_id",
        "reset_index"),
    "nothing as a key": (lambda s: s.push("every", {"card_id": None, "whole": 1}), "card_id of row 0: nothing", "a key has a value"),
    "a number as a text key": (lambda s: s.push("every", {"card_id": 7, "whole": 1}), "7 is int, not a string", "exactly its type"),
    "a float as an int key": (lambda s: s.push("numbers", {"account_id": 7.0, "n0": 1}), "7.0 is float, not an int64", ""),
    "a key too long": (lambda s: s.push("every", {"card_id": "x" * 400, "whole": 1}), "401 bytes, where at most 400", "hash"),
    "no feature": (lambda s: s.push("every", {"card_id": "a"}), "no column is a feature", "there is flag"),
    "no such view": (lambda s: s.push("evry", {"card_id": "a", "whole": 1}), "no view called evry", "every"),
    "a service as a view": (lambda s: s.push("both", {"card_id": "a"}), "is a service", "views"),
    "no name": (lambda s: s.push("", {"card_id": "a"}), "names no view", "card_activity"),
    "a path": (lambda s: s.push("every", "rows.csv"), "holds no rows", "apus push VIEW FILE"),
    "a number": (lambda s: s.push("every", 5), "holds no rows", "a dict"),
    "a series": (lambda s: s.push("every", pd.Series([1])), "a Series is", "frame"),
    "rows that are no dicts": (lambda s: s.push("every", [("a", 1)]), "row 0 is tuple", "dicts"),
    "columns of different lengths": (lambda s: s.push("every", {"card_id": ["a"], "whole": [1, 2]}), "differ in length", ""),
    "a column that is none": (lambda s: s.push("every", {"card_id": ["a"], "whole": 1}), "card_id of row 0", ""),
    "two columns of one name": (
        lambda s: s.push("every", pd.DataFrame([["a", 1, 2]], columns=["card_id", "whole", "whole"])), "two columns called whole", "rename"),
    "a column without a text as name": (lambda s: s.push("every", pd.DataFrame({"card_id": ["a"], 0: [1]})), "called 0", "texts"),
    "an unknown event time": (lambda s: s.push("every", {"card_id": "a", "whole": 1}, event_time="ts"), "no column ts", "there is"),
    "a number as event time": (
        lambda s: s.push("every", {"card_id": "a", "whole": 1}, event_time=5), "nobody said", "name a column"),
    "a known at that there is not": (
        lambda s: s.push("every", {"card_id": "a", "whole": 1}, known_at="later"), "known_at cannot be 'later'", "event-time+15m"),
    "a delay that is none": (
        lambda s: s.push("every", {"card_id": "a", "whole": 1}, known_at="event-time+soon"), "no time span", "whole number"),
    "a mode that there is not": (lambda s: s.push("every", {"card_id": "a"}, mode="replace"), "mode cannot be", "upsert"),
    "an answer to refusals that there is not": (
        lambda s: s.push("every", {"card_id": "a", "whole": 1}, on_refused="ignore"), "on_refused cannot be", "raise"),
    "a unit that there is not": (
        lambda s: s.push("every", {"card_id": "a", "whole": 1}, time_unit="min"), "no unit of time", "ms"),
    "no time at all": (lambda s: s.push("every", {"card_id": "a", "whole": 1}, timeout=0), "timeout is 0", "more than 0"),
    "true as a timeout": (lambda s: s.ping(timeout=True), "timeout is True", "seconds"),
    "no entities": (lambda s: s.get_online_features(GET, []), "no entities", "at least one"),
    "entities without a key": (lambda s: s.get_online_features(GET, [{"card": "a"}]), "row 0 has no card_id", "every row names"),
    "entities with too much": (
        lambda s: s.get_online_features(GET, [{"card_id": "a", "label": 1}]), "has label, which no key has", "nothing else"),
    "one dict of no key": (lambda s: s.get_online_features(GET, {"card": "a"}), "no card_id", "card_id"),
    "a text as entities": (lambda s: s.get_online_features(GET, "a"), "holds no rows", ""),
    "an entity of another type": (lambda s: s.get_online_features(GET, [{"card_id": 5}]), "not a string", ""),
    "no such service": (lambda s: s.get_online_features("booth", [{"card_id": "a"}]), "booth", "both"),
    "no such feature": (lambda s: s.get_online_features(["every:whol"], [{"card_id": "a"}]), "whol", "whole"),
    "no features": (lambda s: s.get_online_features([], [{"card_id": "a"}]), "names no features", "view:feature"),
    "numbers as features": (lambda s: s.get_online_features([1], [{"card_id": "a"}]), "names no features", "view:feature"),
    "a matrix of texts": (lambda s: s.get_online_features(["every:word"], [{"card_id": "a"}], dense="float32"), "word", "without dense"),
    "a matrix that there is not": (lambda s: s.get_online_features(GET, [{"card_id": "a"}], dense="int8"), "dense cannot", "float32"),
    "a minimum that is none": (lambda s: s.get_online_features(GET, [{"card_id": "a"}], min_lsn=-1), "min_lsn is -1", "LSN"),
    "a receipt that is none": (lambda s: s.get_online_features(GET, [{"card_id": "a"}], at="r1_"), "at is", "Receipt.parse"),
    "a history of no view": (lambda s: s.history({"card_id": "a"}, "evry"), "no view called evry", "every"),
    "a history of a service": (lambda s: s.history({"card_id": "a"}, "both"), "is a service", "views"),
    "a history of two": (lambda s: s.history([{"card_id": "a"}, {"card_id": "b"}], "every"), "2 entities", "of one"),
    "a history without a key": (lambda s: s.history({"card": "a"}, "every"), "no card_id", "card_id"),
    "a history of no events": (lambda s: s.history({"card_id": "a"}, "every", limit=0), "limit is 0", "at least 1"),
    "a moment that is none": (lambda s: s.history({"card_id": "a"}, "every", at="soon"), "'soon' is no time", "receipt"),
    "a number as a moment": (lambda s: s.explain({"card_id": "a"}, view="every", at=5), "nobody said", "at is a moment"),
    "two moments": (lambda s: s.history({"card_id": "a"}, "every", at="2026-03-01", at_lsn=3), "both given", "one of them"),
    "a time of no LSN": (lambda s: s.history({"card_id": "a"}, "every", time="2026-03-01"), "without at_lsn", "at=…"),
    "an LSN that is none": (lambda s: s.explain({"card_id": "a"}, view="every", at_lsn=-1), "at_lsn is -1", "x.lsn"),
    "nothing to explain": (lambda s: s.explain({"card_id": "a"}), "nobody said what", "view="),
    "two things to explain": (
        lambda s: s.explain({"card_id": "a"}, view="every", features=GET), "features and view", "one of them"),
    "a feature as a view": (lambda s: s.explain({"card_id": "a"}, view="every:whole"), "names no view", "card_activity"),
    "keys without a receipt": (lambda s: s.explain({"card_id": "a"}, {"card_id": "a"}), "dict is no receipt", "explain(keys, view=…)"),
    "a receipt without keys": (lambda s: s.explain("r1_" + "0" * 80), "keys are not given", "holds no key"),
    "a receipt cut short": (lambda s: s.explain("r1_00", {"card_id": "a"}), "is no receipt", "80 hexadecimal"),
    "a receipt and a moment": (
        lambda s: s.explain("r1_" + "0" * 80, {"card_id": "a"}, at="2026-03-01"), "another moment", "its own"),
    "nobody to explain": (lambda s: s.explain([], view="every"), "no entities", "at least one"),
    "nothing to delete": (lambda s: s.delete("every", []), "there are no rows", ""),
    "a deletion without keys": (lambda s: s.delete("every", [{"whole": 1}]), "no column card_id", ""),
}  # fmt: skip

BLOCKING: dict[str, tuple[Call, str, str]] = {
    "nothing to erase": (lambda s: s.erase({}), "names no keys", "card_id"),
    "a list to erase": (lambda s: s.erase(["a"]), "names no keys", "card_id"),
    "an unknown key to erase": (lambda s: s.erase({"card": "a"}), "no entity has a key called card", "card_id"),
    "nothing as what to erase": (lambda s: s.erase({"card_id": None}), "card_id is nothing", "value"),
    "another type to erase": (lambda s: s.erase({"card_id": 5}), "5 is int, not string", ""),
    "a scan of no view": (lambda s: list(s.scan("nothing")), "no view called nothing", ""),
    "a scan of no rows": (lambda s: list(s.scan("every", page=0)), "page is 0", "at least 1"),
    "no definitions": (lambda s: s.plan([]), "no definitions", "file or a folder"),
    "definitions of no file": (lambda s: s.plan("/nowhere/at.yaml"), "cannot be read", "file or a folder"),
    "definitions of a folder without any": (lambda s: s.apply(str(Path(__file__).parent)), "has no definitions", ".yaml"),
    "definitions that are no path": (lambda s: s.apply([5]), "not a path", ""),
    "definitions that are no JSON": (lambda s: s.apply({"project": object()}), "no JSON", ""),
    "an acceptance of nobody": (lambda s: s.apply({"project": "tests"}, accept=["everybody"]), "accept cannot be", "readers"),
    "a description of a number": (lambda s: s.describe(5), "not a name", ""),
    "an unknown description": (lambda s: s.describe("strct"), "no view or service called strct", "strict"),
    "a column that was not asked for": (
        lambda s: s.get_online_features(GET, [{"card_id": "a"}]).column("half"), "no column 'half'", "whole"),
    "a text as an array": (
        lambda s: s.get_online_features(["every:word"], [{"card_id": "a"}]).column("word"), "no array", "to_dict"),
    "texts in a matrix": (
        lambda s: s.get_online_features(["every:word"], [{"card_id": "a"}]).to_numpy(), "word cannot stand", "columns="),
    "event times that were not asked for": (
        lambda s: s.get_online_features(GET, [{"card_id": "a"}]).event_times, "not asked for", "event_times=True"),
    "ages that were not asked for": (lambda s: s.get_online_features(GET, [{"card_id": "a"}]).ages, "not asked for", "event_times"),
    "LSNs that were not asked for": (lambda s: s.get_online_features(GET, [{"card_id": "a"}]).lsns, "not asked for", "lsns=True"),
}  # fmt: skip


def check(store: Any, call: Call, what: str, next: str) -> None:
    with pytest.raises(apus.ApusError) as wrong:
        call(store)
    error = wrong.value
    assert what in error.what and next in error.next, str(error)
    assert not error.retryable and not error.may_be_done


@pytest.mark.parametrize("name", BOTH)
def test_wrong_use_says_what_to_do(both: Any, name: str) -> None:
    check(both, *BOTH[name])


@pytest.mark.parametrize("name", BLOCKING)
def test_wrong_use_of_the_blocking_store_says_what_to_do(store: Any, name: str) -> None:
    check(store, *BLOCKING[name])


CONNECT: dict[str, tuple[dict[str, Any], str]] = {
    "no port": ({"url": "localhost"}, "a port follows the host"),
    "another scheme": ({"url": "http://localhost:7399"}, "there are two kinds"),
    "a relative socket": ({"url": "unix:apus.sock"}, "a path begins with /"),
    "IPv6 without brackets": ({"url": "tcp://::1:7399"}, "in brackets"),
    "a port out of range": ({"url": "tcp://localhost:70000"}, "a port follows"),
    "a path behind": ({"url": "tcp://local/host:1"}, "no host"),
    "no text": ({"url": 5}, "no address"),
    "a token that is none": ({"token": "secret-words"}, "this is no token"),
    "half a token": ({"token": "apus_1_00ff"}, "this is no token"),
    "two tokens": ({"token": "a", "token_file": "b"}, "both given"),
    "a token file that is none": ({"token_file": "/nowhere"}, "cannot be read"),
    "no time": ({"timeout": -1}, "timeout is -1"),
    "no retries": ({"retries": -1}, "retries is -1"),
    "a producer without a name": ({"producer": ""}, "producer is"),
}


@pytest.mark.parametrize("name", CONNECT)
def test_wrong_words_for_connect_say_what_to_do(name: str) -> None:
    options, what = CONNECT[name]
    with pytest.raises(apus.InputError) as wrong:
        apus.connect(**options)
    assert what in wrong.value.what and wrong.value.next
    assert "secret" not in str(wrong.value)


def test_the_environment_says_where_the_server_is(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APUS_URL", server.url[len("tcp://") :])
    with apus.connect() as store:
        assert store.address == server.url and server.url in repr(store)
    monkeypatch.setenv("APUS_TOKEN_FILE", "/nowhere")
    with pytest.raises(apus.InputError, match="cannot be read"):
        apus.connect()


def test_a_closed_store_says_so(server: Server) -> None:
    store = apus.connect(server.url)
    store.close()
    with pytest.raises(apus.ClosedError, match="closed"):
        store.ping()

    async def twin() -> None:
        other = await apus.aio.connect(server.url)
        await other.close()
        with pytest.raises(apus.ClosedError, match="closed"):
            await other.ping()

    asyncio.run(twin())


def test_a_key_of_the_index_and_other_frames_are_read(store: apus.Store, card: str) -> None:
    frame = pd.DataFrame({"whole": [1]}, index=pd.Index([card], name="card_id")).reset_index()
    assert store.push("every", frame).accepted == 1
    assert store.push("every", frame.assign(note="x"), ignore_unknown=True).accepted == 1
    assert store.push("every", frame.assign(when=datetime.datetime.now(datetime.timezone.utc)), event_time="when").accepted == 1
    assert store.push("every", frame.rename_axis("whatever").convert_dtypes()).accepted == 1
    assert store.get_online_features(GET, frame).to_dict() == {"whole": [1]}
