"""Real servers, really killed: a call under way ends in a typed error that may be retried, and a producer that pushes again what was not
answered loses nothing and doubles nothing. The model is a list of what was answered.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import EVERY, OPEN

import apus
from apus.testing import Server

KILLS = 6


@pytest.fixture
def mortal() -> Iterator[Server]:
    with Server(EVERY, options=["--loops", "2"]) as server:
        yield server


@pytest.mark.parametrize("opened", OPEN.values(), ids=OPEN)
def test_a_call_that_is_killed_ends_in_a_typed_error_and_the_store_heals(mortal: Server, opened: Any) -> None:
    store = opened(mortal.url, retries=0, timeout=20)
    head = store.ping().visible
    killer = threading.Timer(0.2, mortal.kill)
    killer.start()
    with pytest.raises((apus.ConnectionLost, apus.ConnectError)) as lost:
        store.wait(head + 1_000_000)
    killer.join()
    assert lost.value.retryable and not lost.value.may_be_done
    with pytest.raises(apus.ConnectError) as away:
        store.push("every", {"card_id": "a", "whole": 1})
    assert away.value.retryable and not away.value.may_be_done
    mortal.start()
    assert store.push("every", {"card_id": "a", "whole": 2}).accepted == 1
    assert store.get_online_features(["every:whole"], [{"card_id": "a"}]).to_dict() == {"whole": [2]}
    store.close()


def test_a_read_goes_on_across_a_restart(mortal: Server) -> None:
    store = mortal.connect(timeout=60, retries=100)
    lsn = store.push("every", {"card_id": "a", "whole": 1}).lsn
    x = store.get_online_features(["every:whole"], [{"card_id": "a"}])
    mortal.kill()
    threading.Timer(0.2, mortal.start).start()
    again = store.get_online_features(["every:whole"], [{"card_id": "a"}], min_lsn=lsn)
    assert again.to_dict() == {"whole": [1]} and again.fingerprint == x.fingerprint
    same = store.get_online_features(["every:whole"], [{"card_id": "a"}], at=x.receipt)
    assert same.receipt == x.receipt and same.to_dict() == x.to_dict()


class Producer(threading.Thread):
    """Pushes batches until it is told to end, and each again until it is answered. Its model: what was answered."""

    def __init__(self, number: int, opened: Any, url: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.number, self.random = number, random.Random(seed)
        self._opened, self._url = opened, url
        self.ending = threading.Event()
        self.rows = 0
        self.newest: dict[str, int] = {}
        self.errors: list[apus.ApusError] = []
        self.doubts = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._run()
        except BaseException as failure:  # noqa: BLE001
            self.failure = failure

    def _run(self) -> None:
        store = self._opened(self._url, timeout=0.5, retries=self.random.choice([0, 3]))
        value = 0
        while not self.ending.is_set():
            count = self.random.choice([1, 1, 3, 200])
            cards = [f"p{self.number}-{self.random.randrange(20)}" for _ in range(count)]
            rows = [{"card_id": card, "whole": value + at} for at, card in enumerate(cards)]
            value += count
            until = time.monotonic() + 60
            while True:
                try:
                    result = store.push("every", rows)
                    break
                except apus.ApusError as error:
                    assert error.retryable, error
                    assert time.monotonic() < until, "it never came back"
                    self.errors.append(error)
                    self.doubts += error.may_be_done
                    self.ending.wait(0.02)
            assert result.accepted == count
            self.rows += count
            self.newest.update((row["card_id"], row["whole"]) for row in rows)
        store.close()


def test_a_push_loop_across_kills_loses_nothing_and_doubles_nothing(mortal: Server) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    dice = random.Random(seed)
    producers = [
        Producer(number, opened, mortal.url, dice.randrange(1 << 32))
        for number, opened in enumerate([OPEN["blocking"], OPEN["blocking"], OPEN["asyncio"]])
    ]
    for one in producers:
        one.start()
    for _ in range(KILLS):
        # A little while under load, at another moment of a push each time.
        time.sleep(0.1 + dice.random() * 0.2)
        mortal.kill()
        time.sleep(dice.random() * 0.1)
        mortal.start()
    for one in producers:
        one.ending.set()
    for one in producers:
        one.join(90)
        assert one.failure is None and not one.is_alive(), one.failure
    with mortal.connect(timeout=30) as store:
        rows = sum(one.rows for one in producers)
        assert store.describe("every")["view"]["events"] == rows
        for one in producers:
            cards = list(one.newest)
            x = store.get_online_features(["every:whole"], [{"card_id": card} for card in cards])
            assert dict(zip(cards, x.to_dict()["whole"])) == one.newest
    assert rows > 0 and any(one.errors for one in producers)
    assert all(isinstance(error, (apus.ServerError, ConnectionError, TimeoutError)) for one in producers for error in one.errors)
    print(rows, "rows", [len(one.errors) for one in producers], "errors", sum(one.doubts for one in producers), "in doubt")
