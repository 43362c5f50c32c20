"""What only the asyncio twin can do wrong; `test_server.py` and `test_breaking.py` ask it whatever they ask the blocking store."""

from __future__ import annotations

import asyncio

import pytest
from conftest import EVERY
from peer import Peer, usual

import apus
from apus import aio, wire
from apus.testing import Server


def test_many_tasks_share_a_connection(server: Server, account: int) -> None:
    async def work() -> None:
        async with await aio.connect(server.url, timeout=30) as store:
            rows = [{"left": 7000 + at, "right": str(account), "value": at} for at in range(40)]
            results = await asyncio.gather(*[store.push("pairs", row) for row in rows])
            assert [one.accepted for one in results] == [1] * len(rows)
            lsn = max(one.lsn or 0 for one in results)
            asks = [{"left": row["left"], "right": row["right"]} for row in rows] * 10
            found = await asyncio.gather(*[store.get_online_features(["pairs:value"], [ask], min_lsn=lsn) for ask in asks])
            assert [x.to_dict()["value"][0] for x in found] == [row["value"] for row in rows] * 10
            assert len(store._connection.session.handles) == 1 if store._connection else False

    asyncio.run(work())


def test_a_cancelled_call_disturbs_nobody(server: Server, account: int) -> None:
    async def work() -> None:
        async with await aio.connect(server.url, timeout=30) as store:
            waiting = asyncio.ensure_future(store.wait(1 << 60))
            pushing = asyncio.ensure_future(store.push("pairs", {"left": 1, "right": str(account), "value": 1}))
            await asyncio.sleep(0)
            waiting.cancel()
            pushing.cancel()
            for one in (waiting, pushing):
                with pytest.raises(asyncio.CancelledError):
                    await one
            first = store._connection
            assert (await store.push("pairs", {"left": 1, "right": str(account), "value": 2})).accepted == 1
            x = await store.get_online_features(["pairs:value"], [{"left": 1, "right": str(account)}])
            assert x.to_dict() == {"value": [2]} and store._connection is first

    asyncio.run(work())


def test_a_push_that_was_cancelled_under_way_leaves_its_number_to_the_server() -> None:
    def said(peer: Peer, kind: int, body: bytes) -> object:
        if kind == wire.PUSH and len(peer.bodies(wire.PUSH)) == 1:
            # Done, and never answered.
            peer.sequence += 1
            return None
        return usual(peer, kind, body)

    async def work() -> None:
        with Peer(said) as peer:
            async with await aio.connect(peer.url) as store:
                pushing = asyncio.ensure_future(store.push("v", {"k": "a", "f": 1}))
                while wire.PUSH not in peer.kinds():
                    await asyncio.sleep(0.005)
                pushing.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await pushing
                await store.push("v", {"k": "b", "f": 2})
            assert [body[24] for body in peer.bodies(wire.PUSH)] == [1, 2]
            assert peer.kinds().count(wire.PRODUCER) == 2

    asyncio.run(work())


def test_calls_under_way_when_a_server_is_killed_all_end_in_typed_errors() -> None:
    async def work(server: Server) -> None:
        async with await aio.connect(server.url, retries=0) as store:
            waits = [asyncio.ensure_future(store.wait(1 << 60)) for _ in range(20)]
            await store.ping()
            server.kill()
            ended = await asyncio.gather(*waits, return_exceptions=True)
            assert all(isinstance(one, apus.ConnectionLost) and one.retryable for one in ended)
            assert len({id(one) for one in ended}) == len(ended)
            with pytest.raises(apus.ConnectError):
                await store.ping()
            server.start()
            assert (await store.ping()).visible > 0

    with Server(EVERY) as server:
        asyncio.run(work(server))
