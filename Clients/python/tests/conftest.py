"""One server for all tests that leave others alone: each has entities of its own. Tests that kill have a server of their own."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import apus
from apus.testing import Server

ROOT = Path(__file__).resolve().parents[3]
FRAUD = str(ROOT / "Config/examples/fraud")

EVERY = {
    "project": "tests",
    "entities": {
        "card": {"keys": {"card_id": "string"}},
        "account": {"keys": {"account_id": "int64"}},
        "pair": {"keys": {"left": "int32", "right": "string"}},
        "odd": {"keys": {"flag": "bool", "raw": "bytes", "since": "timestamp"}},
    },
    "views": {
        "every": {
            "entity": "card",
            "ttl": "none",
            "features": {
                "flag": {"type": "bool"},
                "small": {"type": "int32"},
                "whole": {"type": "int64"},
                "half": {"type": "float32"},
                "real": {"type": "float64"},
                "loose": {"type": "float64", "finite": "false"},
                "word": {"type": "string"},
                "raw": {"type": "bytes"},
                "moment": {"type": "timestamp"},
                "wholes": {"type": "list<int64>"},
                "words": {"type": "list<string>"},
                "moments": {"type": "list<timestamp>"},
                "flags": {"type": "list<bool>"},
                "vector": {"type": "float32[3]"},
                "counts": {"type": "int64[2]"},
            },
        },
        "numbers": {
            "entity": "account",
            "ttl": "1h",
            "features": {f"n{number}": {"type": "float64" if number % 2 else "int64"} for number in range(10)},
        },
        "strict": {
            "entity": "card",
            "ttl": "none",
            "features": {
                "number": {"type": "int64", "min": 0, "nullable": "false"},
                "word": {"type": "string", "one_of": ["buy"]},
            },
        },
        "pairs": {"entity": "pair", "ttl": "none", "features": {"value": {"type": "int64"}}},
        "odds": {"entity": "odd", "ttl": "none", "features": {"value": {"type": "int64"}}},
    },
    "services": {
        "both": {
            "features": [{"view": "strict", "take": ["number"]}, {"view": "numbers", "take": ["n1", "n2"]}],
            "defaults": {"number": 7},
        }
    },
}
for view in EVERY["views"].values():  # type: ignore[attr-defined]
    for feature in view["features"].values():
        for rule in ("finite", "nullable"):
            if rule in feature:
                feature[rule] = False


def pytest_configure(config: Any) -> None:
    for name in ("APUS_URL", "APUS_TOKEN_FILE"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server(EVERY) as server:
        yield server


@pytest.fixture(scope="session")
def store(server: Server) -> Iterator[apus.Store]:
    with apus.connect(server.url, timeout=30) as store:
        yield store


class Twin:
    """The asyncio store as a blocking one, so that one test asks both."""

    def __init__(self, url: str, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._store = self._wait(apus.aio.connect(url, **options))

    def _wait(self, coroutine: Any) -> Any:
        return self._loop.run_until_complete(coroutine)

    def __getattr__(self, name: str) -> Any:
        return lambda *words, **options: self._wait(getattr(self._store, name)(*words, **options))

    def close(self) -> None:
        self._wait(self._store.close())
        self._wait(asyncio.sleep(0))
        self._loop.close()


OPEN = {"blocking": apus.connect, "asyncio": Twin}


@pytest.fixture(params=list(OPEN))
def both(request: Any, server: Server) -> Iterator[Any]:
    """A store of either kind, for the calls that both have."""
    store: Any = OPEN[request.param](server.url, timeout=30)
    yield store
    store.close()


_numbers = itertools.count(1)


@pytest.fixture
def card() -> str:
    """A card that no other test knows."""
    return f"card-{next(_numbers)}"


@pytest.fixture
def account() -> int:
    return next(_numbers)
