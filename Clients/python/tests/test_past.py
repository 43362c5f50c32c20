"""Looking back: what was said of an entity and why a cell is what it is, asked of a real server by either store."""

from __future__ import annotations

import asyncio
import datetime
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import EVERY, FRAUD
from peer import Peer, usual

import apus
from apus import wire
from apus.testing import Server

UTC = datetime.timezone.utc
DAY = datetime.datetime(2026, 3, 1, tzinfo=UTC)


def _at(hours: float) -> datetime.datetime:
    return DAY + datetime.timedelta(hours=hours)


def _past(store: Any, card: str) -> list[int]:
    """Three events: the last to become true is the second to be written; then one that is late, and one that ends nothing."""
    lsns = []
    for hours, number in ((1, 10), (5, 50), (3, 30)):
        row = {"card_id": card, "whole": number, "word": f"w{number}"}
        lsns.append(store.push("every", row, event_time=_at(hours), known_at="event-time").lsn)
    return lsns


def test_every_event_is_told_in_the_order_it_was_written(both: Any, card: str) -> None:
    lsns = _past(both, card)
    both.push("every", {"card_id": card, "half": None}, event_time=_at(2), known_at="event-time+30m")
    history = both.history({"card_id": card}, "every")
    assert history.view == "every@1" and history.key == {"card_id": card} and not history.has_more and history.horizon is None
    assert [event.lsn for event in history][:3] == lsns and history.lsn >= lsns[-1] and not history.may_lack
    assert [event.features for event in history] == [
        {"whole": 10, "word": "w10"}, {"whole": 50, "word": "w50"}, {"whole": 30, "word": "w30"}, {"half": None},
    ]  # fmt: skip
    assert [event.wins for event in history] == [False, True, False, True]
    assert [event.event_time for event in history] == [
        np.datetime64(_at(hours).replace(tzinfo=None), "ns") for hours in (1, 5, 3, 2)
    ]
    assert history[3].known_at - history[3].event_time == np.timedelta64(30, "m")
    assert [event.known_at_assumed for event in history] == [True] * 4
    assert history[0].producer and history[0].operation == "upsert" and history[0].rule is None
    back = both.history({"card_id": card}, "every@1", newest_first=True, limit=3)
    assert [event.lsn for event in back] == [event.lsn for event in history][:0:-1] and back.has_more
    some = both.history({"card_id": card}, "every", start=_at(2), end=_at(3))
    assert [event.event_time for event in some] == [history[2].event_time, history[3].event_time]


def test_moments_say_what_was_known_and_what_won_then(both: Any, card: str) -> None:
    first, second, _ = _past(both, card)
    known = both.history({"card_id": card}, "every", at=_at(4))
    assert [(event.features["whole"], event.wins) for event in known] == [(10, False), (30, True)]
    then = both.history({"card_id": card}, "every", at_lsn=first)
    assert [(event.features["whole"], event.wins) for event in then] == [(10, True)]
    assert then.lsn == first
    judged = both.history({"card_id": card}, "every", at_lsn=second, time=_at(6))
    assert judged.read_time == np.datetime64("2026-03-01T06:00", "ns")
    x = both.get_online_features(["every:whole"], [{"card_id": card}])
    both.push("every", {"card_id": card, "whole": 99})
    assert [event.wins for event in both.history({"card_id": card}, "every", at=x.receipt)] == [False, True, False]


def test_a_moment_to_come_is_refused_as_one(both: Any, card: str) -> None:
    for ask in (
        lambda **more: both.history({"card_id": card}, "every", **more),
        lambda **more: both.explain({"card_id": card}, view="every", **more),
    ):
        with pytest.raises(apus.NotYet):
            ask(at_lsn=1 << 40, timeout=0.2)


def test_deletes_and_refused_events_have_their_places(both: Any, card: str) -> None:
    both.push("strict", {"card_id": card, "number": 1, "word": "buy"})
    both.push("strict", {"card_id": card, "number": -1, "word": "sell"}, on_refused="return")
    both.delete("strict", [{"card_id": card}])
    assert [event.operation for event in both.history({"card_id": card}, "strict")] == ["upsert", "delete"]
    told = both.history({"card_id": card}, "strict", refused=True)
    assert [event.fate for event in told] == ["wins nothing", "refused", "wins"]
    assert told[1].rule in ("number.min", "word.one_of") and told[1].features == {"number": -1, "word": "sell"}
    assert told[1].producer is None and told[2].features == {}
    assert " never " in str(told) and "refused: " in str(told[1]) and "deleted" in str(told[2])


def test_pages_are_one_history(monkeypatch: pytest.MonkeyPatch, both: Any, card: str) -> None:
    monkeypatch.setattr("apus.past_calls._PAGE", 3)
    for number in range(8):
        both.push("every", {"card_id": card, "whole": number})
    assert [event.features["whole"] for event in both.history({"card_id": card}, "every")] == list(range(8))
    cut = both.history({"card_id": card}, "every", limit=7)
    assert len(cut) == 7 and cut.has_more
    assert not both.history({"card_id": card}, "every", limit=8).has_more


def test_an_explanation_names_the_winner_and_who_came_nearest(both: Any, card: str) -> None:
    _, second, third = _past(both, card)
    now = both.explain({"card_id": card}, view="every")
    assert now.of == "every@1" and now["whole"].status == apus.Status.PRESENT
    assert (now["whole"].winner.value, now["whole"].winner.lsn, now["whole"].winner.why) == (50, second, None)
    assert (now["whole"].not_chosen.value, now["whole"].not_chosen.lsn, now["whole"].not_chosen.why) == (30, third, "older")
    assert now["flag"].winner is None and now["flag"].reason == "never seen" and str(now["flag"]) == "flag: never seen"
    then = both.explain({"card_id": card}, features=["every:whole"], at=_at(4))
    assert (then["whole"].winner.value, then["whole"].not_chosen.value) == (30, 50)
    assert then["whole"].not_chosen.why == "not yet known" and then.of == "1 feature"
    early = both.explain({"card_id": card}, features="every:whole", at="2026-03-01T00:30:00Z")
    assert early["whole"].reason == "not yet known" and early["whole"].winner is None
    assert both.explain({"card_id": card}, view="every@1", at_lsn=third - 1)["word"].winner.value == "w50"
    both.delete("every", [{"card_id": card}])
    gone = both.explain({"card_id": card}, features=["every:word"])["word"]
    assert gone.reason == "deleted" and gone.winner.said == "delete" and gone.not_chosen.why == "deleted"


def test_a_receipt_tells_the_answer_again(both: Any, card: str, account: int) -> None:
    both.push("strict", {"card_id": card, "number": 1})
    keys = [{"card_id": card, "account_id": account}, {"card_id": "nobody", "account_id": account}]
    x = both.get_online_features("both@1", keys, lsns=True)
    both.push("strict", {"card_id": card, "number": 2})
    for receipt in (x.receipt, str(x.receipt)):
        why = both.explain(receipt, keys)
        assert why.of == "both@1" and why.lsn == x.lsn and why.read_time == x.read_time and len(why) == 2
        assert why.rows[0]["number"].winner.value == 1 and why.rows[0]["number"].winner.lsn == x.lsns["number"][0]
        # A default is no winner.
        assert why.rows[1]["number"].winner is None and why.rows[1]["number"].reason == "never seen"
        assert why.rows[1]["number"].default == 7 and why.rows[0]["number"].default is None
        assert why.keys == keys
    one = both.explain(x.receipts[0], keys[0])
    assert one["number"].winner.value == 1
    frame = pd.DataFrame(keys)
    assert str(both.explain(x.receipt, frame)) == str(both.explain(x.receipt, keys))
    lists = both.get_online_features(["strict:number"], [{"card_id": card}])
    assert both.explain(lists.receipt, {"card_id": card}, features=["strict:number"])["number"].winner.value == 2
    assert both.explain({"card_id": card}, features=["strict:number"], at=lists.receipt).lsn == lists.lsn


def test_a_receipt_that_does_not_fit_is_refused_by_its_part(both: Any, card: str, account: int) -> None:
    keys = [{"card_id": card, "account_id": account}, {"card_id": "nobody", "account_id": account}]
    receipt = both.get_online_features("both@1", keys).receipt
    with pytest.raises(apus.BadReceipt, match="other keys") as wrong:
        both.explain(receipt, keys[0])
    assert wrong.value.details["part"] == "keys" and "x.receipts" in wrong.value.next
    with pytest.raises(apus.BadReceipt) as wrong:
        both.explain(receipt, {"card_id": card}, view="strict")
    assert wrong.value.details["part"] in ("fingerprint", "keys")
    with pytest.raises(apus.BadReceipt) as wrong:
        both.explain(receipt._replace(timeline=bytes(8)), keys)
    assert wrong.value.details["part"] == "timeline"
    lists = both.get_online_features(["strict:number"], [{"card_id": card}]).receipt
    with pytest.raises(apus.UnknownName, match="no version of a service") as unknown:
        both.explain(lists, {"card_id": card})
    assert "features=" in unknown.value.next


def test_what_was_removed_since_is_explained_as_it_was() -> None:
    view: dict[str, Any] = {"entity": "card", "ttl": "none", "features": {"count": {"type": "int64"}, "level": {"type": "int64"}}}
    shop = {"project": "shop", "entities": {"card": {"keys": {"card_id": "string"}}}, "views": {"activity": view}}
    both_features = ["activity:count", "activity:level"]
    with Server(shop) as server:
        store = server.connect()
        store.push("activity", {"card_id": "a", "count": 3, "level": 5})
        x = store.get_online_features(both_features, [{"card_id": "a"}])
        store.apply(
            {**shop, "views": {"activity": {**view, "features": {"count": {"type": "int64"}}}}}, accept=["producers", "readers"]
        )
        with pytest.raises(apus.UnknownName):
            store.explain({"card_id": "a"}, features=both_features)
        for why in (
            store.explain(x.receipt, {"card_id": "a"}, features=both_features),
            store.explain({"card_id": "a"}, features=both_features, at_lsn=x.lsn),
            store.explain({"card_id": "a"}, view="activity", at=x.receipt),
        ):
            assert (why["count"].winner.value, why["level"].winner.value) == (3, 5)


def test_every_type_is_told_as_it_was_pushed(both: Any, card: str) -> None:
    row = {
        "flag": True, "small": -3, "whole": 1 << 60, "half": 0.5, "real": 1.1, "loose": float("inf"), "word": "é", "raw": b"\0\1",
        "moment": np.datetime64("2026-03-01T01:02:03.000000004", "ns"), "wholes": [1, 2], "words": ["a", ""], "moments": [],
        "flags": [True, False], "vector": [1.0, 2.0, 3.0], "counts": [4, 5],
    }  # fmt: skip
    both.push("every", {"card_id": card, **row}, timezone="UTC")
    told = both.explain({"card_id": card}, view="every")
    said = both.history({"card_id": card}, "every")[0].features
    for name, value in row.items():
        for found in (told[name].winner.value, said[name]):
            assert np.array_equal(found, value) if name in ("vector", "counts") else found == value, name
    frame = both.history({"card_id": card}, "every").to_df()
    assert frame["whole"].dtype == "Int64" and frame["flag"].dtype == "boolean" and frame["real"].dtype == "float64"
    assert str(frame["moment"].dtype) == "datetime64[ns, UTC]" and frame["wholes"][0] == [1, 2]


def test_frames_of_what_was_told(both: Any, card: str) -> None:
    first, *_ = _past(both, card)
    both.push("every", {"card_id": card, "half": 1.5})
    frame = both.history({"card_id": card}, "every").to_df()
    assert frame["lsn"][0] == first and frame["fate"].tolist() == ["wins nothing", "wins", "wins nothing", "wins"]
    assert frame["whole"].tolist()[:3] == [10, 50, 30] and frame["whole"].isna().tolist() == [False] * 3 + [True]
    assert str(frame["event_time"].dtype) == "datetime64[ns, UTC]"
    why = both.explain({"card_id": card}, features=["every:whole", "every:flag"]).to_df()
    assert why["card_id"].tolist() == [card] * 2 and why["status"].tolist() == ["PRESENT", "NOT_FOUND"]
    assert (
        why["value"].tolist()[0] == 50
        and why["not_chosen_value"].tolist()[0] == 30
        and why["lsn"].isna().tolist() == [False, True]
    )
    assert both.history({"card_id": "nobody"}, "every").to_df().empty


@pytest.fixture(scope="module")
def fraud() -> Any:
    with Server(FRAUD) as server:
        yield server


def test_what_is_printed_is_what_the_terminal_prints(fraud: Server) -> None:
    store = fraud.connect()
    for hours, number in ((1, 3), (2, 9)):
        store.push(
            "card_activity", {"card_id": "c42", "txn_count_24h": number, "avg_amount_30d": number + 0.5, "last_action": "buy"},
            event_time=datetime.datetime.now(UTC) - datetime.timedelta(hours=hours), known_at="live",
        )  # fmt: skip
    store.push("card_activity", {"card_id": "c42", "txn_count_24h": -1}, on_refused="return")
    keys = {"card_id": "c42", "payer_id": 7, "payee_id": 9}
    x = store.get_online_features("fraud@1", [keys])

    def terminal(*words: str) -> str:
        ran = fraud.run(*words)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.rstrip("\n")

    spelled = [f"{name}={value}" for name, value in keys.items()]
    assert str(store.explain(x.receipt, keys)) == terminal("explain", *spelled, "--receipt", str(x.receipt))
    other = {**keys, "card_id": "c9"}
    told = str(store.explain(other, features="fraud@1", at_lsn=x.lsn, time=x.read_time))
    assert "txn_count_24h: never seen\n  served: 0, the service's default" in told
    assert told == terminal(
        "explain", "card_id=c9", *spelled[1:], "--service", "fraud@1", "--at-lsn", str(x.lsn), "--time", f"{x.read_time}Z"
    )
    with warnings.catch_warnings():
        # A moment that this package told is UTC.
        warnings.simplefilter("error")
        told = str(store.explain({"card_id": "c42"}, view="card_activity", at=x.read_time))
    assert told == terminal("explain", "card_id=c42", "--view", "card_activity", "--at", f"{x.read_time}Z")
    assert "txn_count_24h = 3 " in told and "  not chosen: 9 " in told
    assert str(store.history({"card_id": "c42"}, "card_activity", refused=True)) == terminal(
        "history", "card_id=c42", "--view", "card_activity", "--refused"
    )
    assert str(store.history({"card_id": "c42"}, "card_activity", limit=1)).split("\n")[:3] == terminal(
        "history", "card_id=c42", "--view", "card_activity", "--limit", "1"
    ).split("\n")[:3]  # fmt: skip
    assert str(store.history({"card_id": "c9"}, "card_activity")).endswith("there is no event")


def test_what_is_erased_is_told_no_more(both: Any, server: Server, card: str) -> None:
    both.push("pairs", {"left": 1, "right": card, "value": 1})
    assert len(both.history({"left": 1, "right": card}, "pairs")) == 1
    with apus.connect(server.url) as store:
        store.erase({"right": card})
    assert len(both.history({"left": 1, "right": card}, "pairs")) == 0
    assert both.explain({"left": 1, "right": card}, view="pairs")["value"].reason == "erased"


def test_an_answer_to_another_question_is_no_answer() -> None:
    def wrong(peer: Peer, kind: int, body: bytes) -> Any:
        if kind == wire.EXPLAIN:
            return kind | 128, bytes(16) + bytes((0, 0, 2, 0, 1, 0, 0, 0)) + wire.short("") + bytes(9)
        return usual(peer, kind, body)

    with Peer(wrong) as peer, apus.connect(peer.url, retries=0) as store, pytest.raises(apus.BadReply, match="what was asked"):
        store.explain({"k": "a"}, features=["v:f"])


def test_later_pages_are_of_the_version_that_the_first_told() -> None:
    page = bytes(16) + bytes(4) + bytes(4) + bytes(16) + wire.short("v@1")

    def paged(peer: Peer, kind: int, body: bytes) -> Any:
        if kind == wire.HISTORY:
            peer.handles += 1
            return kind | 128, page + wire.text(b"on" if peer.handles < 4 else b"")
        return usual(peer, kind, body)

    with Peer(paged) as peer, apus.connect(peer.url, retries=0) as store:
        assert len(store.history({"k": "a"}, "v")) == 0
        bodies = peer.bodies(wire.HISTORY)
        # The first asks for the view as it was said, the others for the version that the first page told.
        assert [wire.short("v@1") in body for body in bodies] == [False, True, True, True]
        assert [body.endswith(wire.text(b"on")) for body in bodies] == [False, True, True, True]


def test_a_server_that_is_killed_ends_a_look_back_in_a_typed_error() -> None:
    async def twin(url: str) -> None:
        async with await apus.aio.connect(url, retries=0) as store:
            server.kill()
            with pytest.raises((apus.ConnectionLost, apus.ConnectError)):
                await store.history({"card_id": "a"}, "every")

    with Server(EVERY) as server:
        store = server.connect(retries=0)
        store.explain({"card_id": "a"}, view="every")
        asyncio.run(twin(server.url))
        with pytest.raises((apus.ConnectionLost, apus.ConnectError)) as lost:
            store.explain({"card_id": "a"}, view="every")
        assert lost.value.retryable
        server.start()
        assert store.explain({"card_id": "a"}, view="every")["word"].reason == "never seen"
