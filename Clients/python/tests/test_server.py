"""The other calls against the real server: receipts, layouts, definitions, tokens, erasure."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import EVERY, FRAUD

import apus
from apus.testing import Server

NAN = float("nan")


@pytest.fixture(scope="module")
def filled(store: apus.Store) -> list[dict[str, Any]]:
    rows = [{"account_id": 10_000 + row, **{f"n{at}": row * 10 + at for at in range(10)}} for row in range(100)]
    store.push("numbers", rows)
    return rows


SERVED = [f"numbers:n{at}" for at in range(10)]
KEYS = [{"account_id": 10_000 + row} for row in range(100)]


def test_a_matrix_is_the_same_in_every_layout(both: Any, filled: list[dict[str, Any]]) -> None:
    wanted = np.array([[row[f"n{at}"] for at in range(10)] for row in filled], float)
    plain = both.get_online_features(SERVED, KEYS)
    assert plain.all_present and np.array_equal(plain.to_numpy(), wanted)
    assert plain.to_numpy(columns=["n2", "n0"]).dtype == np.int64
    for kind, step in (("float32", 2), ("float64", 1)):
        # A whole number of 8 bytes does not fit into a float32, and the server says so.
        features, part = SERVED[step - 1 :: step], wanted[:, step - 1 :: step]
        dense = both.get_online_features(features, KEYS, dense=kind)
        assert dense.to_numpy().dtype == np.dtype(kind) and np.array_equal(dense.to_numpy(), part)
        one = both.get_online_features(features, KEYS[:1], dense=kind)
        assert np.array_equal(one.to_numpy(), part[:1])
    with pytest.raises(apus.BadRequest, match="does not fit"):
        both.get_online_features(SERVED, KEYS, dense="float32")
    single = both.get_online_features(SERVED, KEYS[3:4])
    assert np.array_equal(single.to_numpy(), wanted[3:4])
    assert single.to_numpy(dtype=np.float32).dtype == np.float32


def test_values_are_views_over_the_reply(store: apus.Store, filled: Any) -> None:
    x = store.get_online_features(SERVED, KEYS)
    body = np.frombuffer(x._reply.body, np.uint8)
    assert np.shares_memory(x.column("n1"), body) and not x.column("n1").flags.writeable
    assert x.column("n1").ctypes.data % 8 == 0
    dense = store.get_online_features(SERVED, KEYS, dense="float64")
    assert np.shares_memory(dense.to_numpy(), np.frombuffer(dense._reply.body, np.uint8))
    buffer = x.to_arrow()["n1"].chunk(0).buffers()[1]
    assert body.ctypes.data <= buffer.address < body.ctypes.data + len(body)


def test_blanks_have_statuses_reasons_and_defaults(both: Any, card: str, account: int) -> None:
    both.push("numbers", {"account_id": account, "n1": 1.5})
    keys = [{"card_id": card, "account_id": account}, {"card_id": card, "account_id": -account}]
    x = both.get_online_features("both@1", keys, event_times=True, lsns=True)
    assert x.to_dict() == {"number": [7, 7], "n1": [1.5, None], "n2": [None, None]}
    assert x.statuses["number"].tolist() == [apus.Status.NOT_FOUND] * 2 and x.statuses["n1"].tolist() == [1, 3]
    assert x.reasons["n1"] == [None, "never seen"] and x.valid("n1").tolist() == [True, False]
    assert np.isnat(x.event_times["n1"]).tolist() == [False, True] and np.isnat(x.ages["number"]).all()
    assert x.lsns["n1"].tolist() == [x.lsn, 0]
    dense = both.get_online_features("both@1", keys, dense="float64", event_times=True)
    assert np.array_equal(dense.to_numpy(), np.array([[7, 1.5, NAN], [7, NAN, NAN]]), equal_nan=True)
    assert dense.to_numpy(missing=-1).tolist() == [[7, 1.5, -1], [7, -1, -1]]
    assert np.isnat(dense.event_times["n1"]).tolist() == [False, True]
    assert x.to_arrow().to_pylist() == [{"number": 7, "n1": 1.5, "n2": None}, {"number": 7, "n1": None, "n2": None}]
    assert x.to_df()["n2"].isna().all() and str(x.to_df()["n2"].dtype) == "Int64"
    both.delete("numbers", [{"account_id": account}])
    assert both.get_online_features("both", keys).reasons["n1"] == ["deleted", "never seen"]


def test_out_of_age_is_blank_unless_stale_values_are_asked_for(store: apus.Store, account: int) -> None:
    store.push(
        "numbers",
        {"account_id": account, "n1": 1.5, "n2": None},
        event_time=np.datetime64("2026-01-01", "ns"),
        known_at="now",
        timezone="UTC",
    )
    x = store.get_online_features(["numbers:n1", "numbers:n2"], [{"account_id": account}])
    assert x.statuses["n1"].tolist() == [apus.Status.OUTSIDE_MAX_AGE] and x.to_dict()["n1"] == [None]
    for keys in ([{"account_id": account}], [{"account_id": account}] * 2):
        stale = store.get_online_features(["numbers:n1", "numbers:n2"], keys, stale=True, event_times=True)
        assert stale.to_dict()["n1"] == [1.5] * len(keys) and stale.statuses["n2"].tolist() == [4] * len(keys)
        assert stale.ages["n2"][0] > np.timedelta64(300, "D")


def test_a_receipt_gives_the_same_answer_again(both: Any, account: int) -> None:
    result = both.push("numbers", {"account_id": account, "n0": 1})
    x = both.get_online_features(SERVED, [{"account_id": account}], min_lsn=result.lsn)
    words = str(x.receipt)
    assert repr(x.receipt) == f"Receipt.parse({words!r})" and len(words) == 83 and len(bytes(x.receipt)) == 40
    both.push("numbers", {"account_id": account, "n0": 2})
    again = both.get_online_features(SERVED, [{"account_id": account}], at=apus.Receipt.parse(words))
    assert again.to_dict()["n0"] == [1] and again.receipt == x.receipt and str(again.receipt) == words
    assert both.get_online_features(SERVED, [{"account_id": account}]).receipt != x.receipt
    with pytest.raises(apus.BadReceipt, match="of other entities"):
        both.get_online_features(SERVED, [{"account_id": -account}], at=x.receipt)
    with pytest.raises(apus.BadReceipt, match="of another store"):
        both.get_online_features(SERVED, [{"account_id": account}], at=x.receipt._replace(timeline=bytes(8)))
    two = both.get_online_features(SERVED, [{"account_id": account}, {"account_id": -account}])
    assert two.receipts[0] != two.receipt and len(two.receipts) == 2
    alone = both.get_online_features(SERVED, [{"account_id": account}], at=two.receipts[0])
    assert alone.receipt == two.receipts[0] and alone.to_dict()["n0"] == [2]
    with pytest.raises(apus.InputError, match="no receipt"):
        apus.Receipt.parse(words[:-3])


def test_an_lsn_that_is_not_there_yet_is_not_yet(both: Any, account: int) -> None:
    with pytest.raises((apus.NotYet, apus.CallTimeout)) as early:
        both.get_online_features(SERVED, [{"account_id": account}], min_lsn=1 << 60, timeout=0.2)
    assert early.value.retryable
    lsn = both.push("numbers", {"account_id": account, "n0": 1}).lsn
    assert both.wait(lsn, durable=True).durable >= lsn


def test_a_thousand_rows_of_texts_come_back(store: apus.Store, card: str) -> None:
    rows = [{"card_id": f"{card}-{at}", "word": "é" * (at % 50), "words": ["x"] * (at % 3)} for at in range(1000)]
    store.push("every", rows)
    x = store.get_online_features(["every:word", "every:words"], [{"card_id": row["card_id"]} for row in rows])
    assert x.to_dict() == {name: [row[name] for row in rows] for name in ("word", "words")}
    assert x.to_arrow().to_pydict() == x.to_dict()
    assert x.to_df()["word"].tolist() == x.to_dict()["word"]


def test_a_frame_of_fifty_thousand_rows_goes_in_by_requests(store: apus.Store) -> None:
    frame = pd.DataFrame({"account_id": np.arange(50_000) + 10**6, "n0": np.arange(50_000), "n1": np.arange(50_000) / 2})
    result = store.push("numbers", frame, timeout=60)
    assert result.accepted == 50_000 and result.lsn - result.first_lsn >= 50_000 - 1
    sample = frame.sample(500, random_state=1)
    x = store.get_online_features(["numbers:n0", "numbers:n1"], sample)
    assert x.to_numpy(columns=["n0"])[:, 0].tolist() == sample["n0"].tolist()
    with pytest.raises(apus.InputError, match="1 to 10000 may be asked"):
        store.get_online_features(SERVED, frame)


def test_a_scan_gives_every_row(store: apus.Store, account: int) -> None:
    store.push("pairs", [{"left": 1000, "right": f"{account}-{at:03}", "value": at if at % 2 else None} for at in range(25)])
    rows = [row for row in store.scan("pairs", page=7) if row.key["left"] == 1000 and row.key["right"].startswith(f"{account}-")]
    assert [row.features["value"] for row in rows] == [at if at % 2 else None for at in range(25)]
    assert [row.key["right"] for row in rows] == sorted(row.key["right"] for row in rows)
    assert next(store.scan("every")).event_time > np.datetime64("2026-01-01")


def test_duplicate_rows_stay_and_change_nothing(store: apus.Store, card: str) -> None:
    rows = pd.DataFrame({"card_id": [card] * 3, "whole": [1, 1, 1], "event_timestamp": pd.to_datetime(["2026-11-20T00:00Z"] * 3)})
    assert store.push("every", rows, known_at="event-time").accepted == 3
    assert store.get_online_features(["every:whole"], [{"card_id": card}] * 2).to_dict() == {"whole": [1, 1]}


def test_a_history_that_is_loaded_first_is_known_at_its_event_times() -> None:
    frame = pd.DataFrame({"card_id": ["a"], "whole": [1], "event_timestamp": pd.to_datetime(["2026-11-01T00:00Z"])})
    with Server(EVERY) as server:
        store = server.connect()
        assert store.push("every", frame).known_at == "event-time"
        with pytest.warns(apus.OldRowsWarning) as said:
            assert store.push("every", frame).known_at == "now"
        assert said[0].filename == __file__
        assert store.push("every", frame, known_at="event-time+15m").known_at == "event-time+900000000000ns"
        frame["known"] = pd.to_datetime(["2026-11-02T00:00Z"])
        assert store.push("every", frame, known_at="column:known", created_at="known").accepted == 1
        assert store.push("every", {"card_id": "a", "whole": 2}).known_at == "live"


def test_rules_are_told_by_name_and_good_rows_stay(both: Any, card: str) -> None:
    rows = [{"card_id": card, "number": 1}, {"card_id": card + "2", "number": -1}, {"card_id": card + "3", "word": "sell"}]
    with pytest.raises(apus.RowsRefused) as refused:
        both.push("strict", rows)
    error = refused.value
    assert error.result.accepted == 1 and error.rules == {"number.min": 1, "word.one_of": 1}
    assert error.first_rows == {"number.min": 1, "word.one_of": 2}
    assert "apus dead-letters show --rule number.min" in error.next and not error.retryable
    assert both.get_online_features(["strict:number"], [{"card_id": card}]).to_dict() == {"number": [1]}
    result = both.push("strict", rows, on_refused="return")
    assert (result.accepted, result.set_aside) == (1, 2)


def test_all_or_nothing_leaves_no_trace(store: apus.Store, card: str) -> None:
    with pytest.raises(apus.RowsRefused) as refused:
        store.push("strict", [{"card_id": card, "number": 1}, {"card_id": card, "number": -1}], all_or_nothing=True)
    assert "number.min" in str(refused.value) and refused.value.first_rows == {"number.min": 1}
    with pytest.raises(AttributeError, match="nothing was written"):
        _ = refused.value.result
    # The number that it had is the next one's.
    assert store.push("strict", {"card_id": card + "2", "number": 1}).accepted == 1
    assert store.get_online_features(["strict:number"], [{"card_id": card}]).reasons["number"] == ["never seen"]


def test_erased_is_gone_and_older_rows_are_refused(store: apus.Store, card: str) -> None:
    store.push("strict", {"card_id": card, "number": 1})
    dry = store.erase({"card_id": card}, dry_run=True)
    assert dry.lsn is None and dry.views["strict@1"] == 1
    done = store.erase({"card_id": card})
    assert done.lsn is not None
    assert store.get_online_features(["strict:number"], [{"card_id": card}]).reasons["number"] == ["erased"]
    with pytest.raises(apus.RowsRefused, match="erased") as refused:
        store.push(
            "strict",
            {"card_id": card, "number": 1},
            event_time=np.datetime64("2026-11-20T00:00", "ns"),
            known_at="now",
            timezone="UTC",
        )
    assert refused.value.result.erased == 1


def test_plan_and_apply_speak_of_readers_and_producers(tmp_path: Path) -> None:
    with Server(FRAUD) as server:
        store = server.connect()
        assert store.plan(FRAUD)["empty"]
        folder = tmp_path / "definitions"
        folder.mkdir()
        for one in Path(FRAUD).glob("*.yaml"):
            words = (
                one.read_text().replace("txn_count_24h: 0", "txn_count_24h: 1")
                if one.name == "services.yaml"
                else one.read_text()
            )
            (folder / one.name).write_text(
                words.replace("avg_amount_30d: {type: float64, min: 0}", "avg_amount_30d: {type: float64, min: -1}")
            )
        plan = store.plan(folder)
        assert not plan["empty"] and "readers" in plan["needs"]
        with pytest.raises(apus.NotAccepted) as refused:
            store.apply(folder)
        assert 'accept=["readers"]' in refused.value.next
        with pytest.raises(apus.ApusError):
            store.apply(folder, accept=["readers"], expect="00" * 32)
        assert store.apply([folder], accept=["readers"], expect=plan["fingerprint"])["applied"]
        with pytest.raises(apus.CommandFailed) as wrong:
            store.apply(
                {"project": "fraud", "views": {"x": {"entity": "nobody", "ttl": "1d", "features": {"a": {"type": "int64"}}}}}
            )
        assert "definitions.json:1" in str(wrong.value) and "nobody" in str(wrong.value)


def test_a_feature_that_was_added_meanwhile_is_known_at_once() -> None:
    def definitions(**features: Any) -> dict[str, Any]:
        view = {"entity": "e", "ttl": "none", "features": {"a": {"type": "int64"}, **features}}
        return {"project": "p", "entities": {"e": {"keys": {"k": "string"}}}, "views": {"v": view}}

    with Server(definitions()) as server:
        store, other = server.connect(), server.connect()
        store.push("v", {"k": "x", "a": 1})
        before = store.get_online_features(["v:a"], [{"k": "x"}])
        other.apply(definitions(b={"type": "string"}))
        store.push("v", {"k": "x", "b": "new"})
        assert store.get_online_features(["v:a", "v:b"], [{"k": "x"}]).to_dict() == {"a": [1], "b": ["new"]}
        assert store.get_online_features(["v:a"], [{"k": "x"}]).to_dict() == before.to_dict()


def test_a_promoted_version_is_met_at_once(tmp_path: Path) -> None:
    def definitions(kind: str) -> dict[str, Any]:
        view = {"entity": "e", "ttl": "none", "features": {"a": {"type": kind}}}
        return {"project": "p", "entities": {"e": {"keys": {"k": "string"}}}, "views": {"v": view}}

    with Server(definitions("int64")) as server:
        store = server.connect()
        store.push("v", {"k": "x", "a": 1})
        store.apply(definitions("string"), accept=["readers", "producers"])
        store.push("v@2", {"k": "x", "a": "new"})
        store.push("v", {"k": "x", "a": 2})
        assert store.get_online_features(["v:a"], [{"k": "x"}]).to_dict() == {"a": [2]}
        done = server.run("promote", "v@2")
        assert done.returncode == 0, done.stderr
        store.push("v", {"k": "y", "a": "text"})
        keys = [{"k": "x"}, {"k": "y"}]
        assert store.get_online_features(["v:a"], keys).to_dict() == {"a": ["new", "text"]}
        assert store.get_online_features(["v@1:a"], keys).to_dict() == {"a": [2, None]}


def test_rows_are_cut_by_bytes_and_one_that_is_too_long_is_named(store: apus.Store, card: str) -> None:
    frame = store._pool._idle[0].session.hello.frame_max
    rows = [{"card_id": f"{card}-{at}", "raw": b"x" * (300_000 if at % 7 == 0 else 10)} for at in range(60)]
    assert store.push("every", rows).accepted == 60
    found = store.get_online_features(["every:raw"], [{"card_id": row["card_id"]} for row in rows[:8]])
    assert found.to_dict()["raw"] == [row["raw"] for row in rows[:8]]
    with pytest.raises(apus.InputError, match="row 60 has"):
        store.push(
            "every", [*({**row, "card_id": "new-" + row["card_id"]} for row in rows), {"card_id": card, "raw": b"x" * frame}]
        )
    # Nothing of it was sent.
    assert store.get_online_features(["every:raw"], [{"card_id": f"new-{card}-0"}]).reasons["raw"] == ["never seen"]
    long = {"card_id": card, "words": ["y" * 1000] * 900, "raw": b"z"}
    assert store.push("every", [*rows, long]).accepted == 61
    with pytest.raises(apus.InputError, match="do not fit into one request"):
        store.push("every", rows * 60, all_or_nothing=True)


def test_tokens_and_scopes(tmp_path: Path) -> None:
    with Server(EVERY) as server:
        server.stop()
        made = server.run("token", "create", "reader", "--scope", "read")
        assert made.returncode == 0, made.stderr
        path = tmp_path / "token"
        path.write_text(made.stdout)
        server._options += ["--tokens", "on"]
        server.start()
        with apus.connect(server.url, token_file=str(path)) as store:
            assert store.get_online_features(SERVED, [{"account_id": 1}]).reasons["n0"] == ["never seen"]
            with pytest.raises(apus.Forbidden) as refused:
                store.push("numbers", {"account_id": 1, "n0": 1})
            assert not refused.value.retryable and not refused.value.may_be_done and isinstance(refused.value, PermissionError)
            with pytest.raises(apus.ApusError) as refused_too:
                store.apply(EVERY)
            assert isinstance(refused_too.value, apus.Forbidden)
        with apus.connect(server.url, token=made.stdout) as store:
            store.ping()
        for token in (None, made.stdout[:-3] + "00\n"):
            with pytest.raises(apus.Unauthenticated) as stranger:
                apus.connect(server.url, token=token)
            assert made.stdout.strip()[-60:-3] not in repr(stranger.value)


def test_a_connection_that_the_server_ended_for_idleness_is_made_anew() -> None:
    with Server(EVERY, options=["--idle-timeout", "1s"]) as server:
        store = server.connect(retries=0)
        idle = store._pool._idle[0]
        until = time.monotonic() + 30
        while idle.is_idle_and_open() and time.monotonic() < until:
            time.sleep(0.05)
        assert store.ping().visible > 0 and store._pool._idle[0] is not idle

        async def twin() -> None:
            other = await apus.aio.connect(server.url, retries=0)
            first = other._connection
            while first is not None and first.is_good:
                await asyncio.sleep(0.05)
            assert (await other.ping()).visible > 0
            await other.close()

        asyncio.run(twin())


def test_two_programs_under_one_name_fence_each_other(server: Server, account: int) -> None:
    with apus.connect(server.url, producer="shared") as one, apus.connect(server.url, producer="shared") as other:
        one.push("numbers", {"account_id": account, "n0": 1})
        other.push("numbers", {"account_id": account, "n0": 2})
        with pytest.raises(apus.Fenced):
            one.push("numbers", {"account_id": account, "n0": 3})
        x = other.get_online_features(["numbers:n0"], [{"account_id": account}])
        assert x.to_dict() == {"n0": [2]}


def test_many_threads_push_and_read_at_once(store: apus.Store, account: int) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for at in range(20):
                result = store.push("pairs", {"left": 5000 + number, "right": str(account), "value": at})
                x = store.get_online_features(
                    ["pairs:value"], [{"left": 5000 + number, "right": str(account)}], min_lsn=result.lsn
                )
                assert x.to_dict() == {"value": [at]}
        except BaseException as failure:  # noqa: BLE001
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not failures


def test_threads_of_a_named_producer_take_turns(server: Server, account: int) -> None:
    with apus.connect(server.url, producer=f"turns-{account}", timeout=30) as store:
        rows = [{"left": 6000 + at, "right": str(account), "value": at} for at in range(24)]
        with concurrent.futures.ThreadPoolExecutor(6) as threads:
            results = list(threads.map(lambda row: store.push("pairs", row).accepted, rows))
        assert results == [1] * len(rows)
        producers = {one["name"]: one for one in store.describe()["producers"]}
        assert producers[f"turns-{account}"]["last_sequence"] == len(rows) and producers[f"turns-{account}"]["epoch"] == 1


def test_numpy_is_all_that_is_needed(server: Server, account: int) -> None:
    """In a process of its own, where neither pandas nor pyarrow can be imported."""
    program = f"""
import sys
sys.modules["pandas"] = sys.modules["pyarrow"] = None
import apus, numpy as np
with apus.connect({server.url!r}) as store:
    rows = dict(account_id=np.array([{account}]), n0=np.array([1]), n1=[2.5], event_timestamp=np.array(["2026-11-20"], "M8[s]"))
    assert store.push("numbers", rows, known_at="now", timezone="UTC").accepted == 1
    assert store.push("numbers", dict(account_id={account}, n0=3)).accepted == 1
    x = store.get_online_features(["numbers:n0", "numbers:n1"], [dict(account_id={account})])
    assert x.to_dict()["n0"] == [3] and x.column("n0").tolist() == [3]
    for call in (x.to_df, x.to_arrow):
        try:
            call()
        except apus.InputError as error:
            assert "pip install" in error.next
        else:
            raise AssertionError
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_compression_changes_nothing(server: Server, filled: list[dict[str, Any]]) -> None:
    with apus.connect(server.url, compress_from=100) as store:
        assert store._pool._idle[0].session.hello.compression >= 100
        x = store.get_online_features(SERVED, KEYS)
        assert x.to_dict()["n3"] == [row["n3"] for row in filled]
        rows = [{"account_id": 20_000 + at, "n0": 1} for at in range(1000)]
        assert store.push("numbers", rows).accepted == 1000


def test_a_unix_socket_is_as_good(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with Server(EVERY, options=["--unix-socket", str(path)]), apus.connect(f"unix:{path}") as store:
        store.push("numbers", {"account_id": 1, "n0": 1})
        assert store.get_online_features(["numbers:n0"], [{"account_id": 1}]).to_dict() == {"n0": [1]}


def test_status_describe_and_ping_answer(store: apus.Store) -> None:
    figures = store.status()
    assert set(figures) == {"server", "store", "connections"} and figures["store"]["views"] == len(EVERY["views"])
    assert {one["name"] for one in store.describe()["projects"][0]["views"]} >= {"every@1", "numbers@1"}
    assert store.describe("both")["service"]["name"] == "both@1" and store.ping().visible > 0


@pytest.mark.apus(FRAUD)
def test_the_fixture_serves_what_its_mark_says(apus_server: Server) -> None:
    with apus_server.connect() as store:
        assert store.describe("fraud")["service"]["name"] == "fraud@1"
    assert apus_server.restart().is_running and "listening" in apus_server.log


def test_to_arrow_and_to_df_say_what_they_need(store: apus.Store, monkeypatch: pytest.MonkeyPatch, account: int) -> None:
    x = store.get_online_features(["numbers:n0"], [{"account_id": account}])
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(apus.InputError, match="needs pandas"):
        x.to_df()
    monkeypatch.delitem(__import__("sys").modules, "apus.arrow_results", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(apus.InputError, match="needs pyarrow"):
        x.to_arrow()
    assert isinstance(pa.table({}), pa.Table)


def test_the_command_line_explains_by_a_receipt() -> None:
    with Server(FRAUD) as server, server.connect() as store:
        store.push("card_activity", {"card_id": "c42", "txn_count_24h": 3})
        x = store.get_online_features("fraud@1", [{"card_id": "c42", "payer_id": 7, "payee_id": 9}] * 2)
        store.push("card_activity", {"card_id": "c42", "txn_count_24h": 4})
        keys = ["card_id=c42", "payer_id=7", "payee_id=9"]
        done = server.run("explain", *keys, "--receipt", str(x.receipts[0]))
        assert done.returncode == 0 and "txn_count_24h = 3" in done.stdout, done.stdout + done.stderr
        assert server.run("explain", "card_id=c1", *keys[1:], "--receipt", str(x.receipts[0])).returncode == 1


def test_a_receipt_of_what_is_retired_or_removed_is_answered_again(tmp_path: Path) -> None:
    view = {"entity": "card", "ttl": "none", "features": {"count": {"type": "int64"}, "level": {"type": "int64"}}}
    served = {"score": {"features": [{"view": "activity", "take": ["count"]}]}}
    shop: dict[str, Any] = {"project": "shop", "entities": {"card": {"keys": {"card_id": "string"}}}, "views": {"activity": view}}
    card = [{"card_id": "a"}]
    with Server({**shop, "services": served}) as server, server.connect() as store:
        store.push("activity", {"card_id": "a", "count": 3, "level": 5})
        one = store.get_online_features("score@1", card)
        two = store.get_online_features(["activity:count", "activity:level"], card)
        assert server.run("retire", "--service", "score@1").returncode == 0
        view["features"] = {"count": {"type": "int64"}}
        (tmp_path / "shop.yaml").write_text(json.dumps(shop))
        done = server.run("apply", str(tmp_path / "shop.yaml"), "--accept", "producers,readers")
        assert done.returncode == 0, done.stderr
        with pytest.raises(apus.Retired, match="moment of the past"):
            store.get_online_features("score@1", card)
        assert store.get_online_features("score@1", card, at=one.receipt).to_dict() == one.to_dict()
        again = store.get_online_features(["activity:count", "activity:level"], card, at=two.receipt)
        assert again.to_dict() == two.to_dict() and again.receipt == two.receipt
        with pytest.raises(apus.UnknownName):
            store.get_online_features(["activity:count", "activity:level"], card)


def test_a_testing_server_that_cannot_start_says_why_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(apus.ApusError, match=r"(?s)did not start.*max-frame"), Server(EVERY, options=["--max-frame", "1B"]):
        raise AssertionError
    with pytest.raises(apus.CommandFailed, match="mistake"), Server({"project": "p", "views": {"v": {"entity": "e"}}}):
        raise AssertionError
    monkeypatch.setenv("APUS_BINARY", str(tmp_path / "none"))
    with pytest.raises(apus.InputError, match="which is no program"), Server():
        raise AssertionError
    assert [one for one in tmp_path.iterdir() if one.name.startswith("apus-testing")] == []
    with pytest.raises(apus.InputError, match="never started"):
        _ = Server().url
