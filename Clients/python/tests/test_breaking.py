"""What breaks: connections, servers, patience. Errors are typed, reads heal, and a push is done once.

The peers here are played; `test_kill.py` kills real ones.
"""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import OPEN, ROOT
from peer import Peer, pushed, refusal, usual

import apus
from apus import wire
from apus.connection import Connection
from apus.errors import BY_NUMBER, from_server, proves_nothing_written

ROW = {"k": "a", "f": 1}


@pytest.fixture(params=list(OPEN))
def opened(request: Any) -> Any:
    return OPEN[request.param]


def test_every_code_of_the_page_is_a_class_of_its_class() -> None:
    page = (ROOT / "Sources/ApusWire/Protocol.md").read_text()
    table = re.findall(r"^\| (\d+) \| ([A-Z_]+) \| (session|retry|request) \|$", page, re.MULTILINE)
    assert len(table) > 30
    assert {int(number) for number, _, _ in table} == set(BY_NUMBER)
    for number, name, kind in table:
        error = from_server(int(number), {"request": 1, "retry": 2, "session": 3}[kind], 250, "w", "at", "n", {"a": "b"})
        assert error.code == name and isinstance(error, BY_NUMBER[int(number)])
        assert BY_NUMBER[int(number)].retryable is (kind == "retry") is error.retryable
        assert isinstance(error, apus.SessionError) is (kind == "session")
        assert (error.wait, error.details) == (0.25, {"a": "b"})
        assert issubclass(type(error), apus.ApusError) and getattr(apus, type(error).__name__) is type(error)
    assert from_server(999, 2, 0, "new", "", "", {}).retryable
    assert isinstance(from_server(999, 3, 0, "new", "", "", {}), apus.SessionError)
    doubtful = {one.code for one in BY_NUMBER.values() if not proves_nothing_written(one("x"))}
    assert doubtful >= {"STOPPED", "INTERNAL"} and not doubtful & {"OVERLOADED", "SHUTTING_DOWN", "BAD_REQUEST"}


def test_an_error_says_what_where_and_what_next() -> None:
    error = apus.Overloaded("no room", "view v", "later")
    assert str(error) == "OVERLOADED: no room\n  at:   view v\n  next: later"
    assert "nobody knows" in str(apus.ConnectionLost("gone", may_be_done=True))


def failing(times: int, answer: Any, at: int) -> Any:
    """Answers so many requests of a type wrongly, then as usual."""
    left = [times]

    def said(peer: Peer, kind: int, body: bytes) -> Any:
        if kind == at and left[0] > 0:
            left[0] -= 1
            return answer
        return usual(peer, kind, body)

    return said


@pytest.mark.parametrize("answer", [b"", refusal(32, 2), refusal(7, 2), refusal(127, 2)], ids=["end", "32", "7", "127"])
def test_a_read_is_repeated_until_it_is_answered(opened: Any, answer: Any) -> None:
    with Peer(failing(3, answer, wire.GET)) as peer:
        store = opened(peer.url)
        assert store.get_online_features(["v:f"], [{"k": "a"}]).to_dict() == {"f": [42]}
        assert peer.kinds().count(wire.GET) == 4
        store.close()


def test_a_refusal_is_not_repeated_and_the_connection_goes_on(opened: Any) -> None:
    with Peer(failing(1, refusal(21, 1), wire.GET)) as peer:
        store = opened(peer.url)
        with pytest.raises(apus.BadRequest):
            store.get_online_features(["v:f"], [{"k": "a"}])
        store.get_online_features(["v:f"], [{"k": "a"}])
        assert peer.kinds() == [wire.PREPARE, wire.GET, wire.GET] and peer.connections == 1
        store.close()


@pytest.mark.parametrize(("code", "kind"), [(19, 2), (18, 1)])
def test_a_handle_that_changed_is_prepared_again(opened: Any, code: int, kind: int) -> None:
    with Peer(failing(1, refusal(code, kind), wire.GET)) as peer:
        store = opened(peer.url)
        x = store.get_online_features(["v:f"], [{"k": "a"}])
        assert x.to_dict() == {"f": [42]} and x.fingerprint == b"\2" * 32
        release = [wire.RELEASE] if code == 19 else []
        assert peer.kinds() == [wire.PREPARE, wire.GET, *release, wire.PREPARE, wire.GET]
        store.close()


def test_a_definition_that_never_holds_still_ends_in_its_error(opened: Any) -> None:
    with Peer(failing(99, refusal(19, 2), wire.GET)) as peer:
        store = opened(peer.url, retries=0)
        with pytest.raises(apus.DefinitionChanged):
            store.get_online_features(["v:f"], [{"k": "a"}])
        assert peer.kinds().count(wire.GET) == 4
        store.close()


@pytest.mark.parametrize("kind", [wire.GET, wire.PUSH, wire.PING])
def test_a_silent_server_is_waited_for_until_the_timeout_and_no_longer(opened: Any, kind: int) -> None:
    with Peer() as peer:
        store = opened(peer.url)
        # What comes before the silent request has come already: it takes none of the time.
        store.push("v", ROW)
        peer.answer = failing(1, None, kind)
        began = time.monotonic()
        with pytest.raises(apus.CallTimeout) as late:
            if kind == wire.GET:
                store.get_online_features(["v:f"], [{"k": "a"}], timeout=0.4)
            elif kind == wire.PUSH:
                store.push("v", ROW, timeout=0.4)
            else:
                store.ping(timeout=0.4)
        assert time.monotonic() - began >= 0.39
        assert late.value.retryable and late.value.may_be_done is (kind == wire.PUSH)
        # What comes next is not mistaken for what came late.
        assert store.get_online_features(["v:f"], [{"k": "a"}]).to_dict() == {"f": [42]}
        store.close()


@pytest.mark.parametrize("answer", [b"", refusal(127, 2), refusal(39, 2), refusal(32, 2)], ids=["end", "127", "39", "32"])
def test_a_push_is_repeated_with_its_number_and_its_bytes(opened: Any, answer: Any) -> None:
    with Peer(failing(3, answer, wire.PUSH)) as peer:
        store = opened(peer.url)
        assert store.push("v", ROW).accepted == 1
        first, *others = peer.bodies(wire.PUSH)
        assert len(others) == 3 and all(one == first for one in others)
        store.push("v", ROW)
        assert peer.bodies(wire.PUSH)[-1][24:32] == b"\2" + bytes(7)
        store.close()


def test_a_push_in_doubt_goes_on_under_its_number_when_it_is_repeated(opened: Any) -> None:
    with Peer(failing(1, b"", wire.PUSH)) as peer:
        store = opened(peer.url, retries=0)
        with pytest.raises(apus.ConnectionLost) as late:
            store.push("v", ROW)
        assert late.value.may_be_done and "push the same rows again" in str(late.value)
        store.push("v", {"k": "other", "f": 2})
        store.push("v", ROW)
        bodies = peer.bodies(wire.PUSH)
        assert bodies[0] == bodies[2] and len(bodies) == 3 and bodies[1][16:32] != bodies[0][16:32]
        store.close()


def test_a_long_push_goes_on_where_it_broke(opened: Any) -> None:
    rows = {"k": [f"k{number}" for number in range(25_000)], "f": list(range(25_000))}
    left = [2]

    def said(peer: Peer, kind: int, body: bytes) -> Any:
        if kind == wire.PUSH:
            left[0] -= 1
            if left[0] == 0:
                return b""
        return usual(peer, kind, body)

    with Peer(said) as peer:
        store = opened(peer.url, retries=0, timeout=60)
        with pytest.raises(apus.ConnectionLost) as late:
            store.push("v", rows)
        assert late.value.details["accepted"] == "1" and late.value.may_be_done
        assert store.push("v", rows).lsn == 12
        sequences = [body[24] for body in peer.bodies(wire.PUSH)]
        assert sequences == [1, 2, 2, 3]
        store.close()


def test_a_number_that_an_earlier_program_used_is_taken_up(opened: Any) -> None:
    with Peer() as peer:
        peer.sequence = 7
        store = opened(peer.url)
        store.push("v", ROW)
        assert peer.bodies(wire.PUSH)[0][24:32] == b"\x08" + bytes(7)
        store.close()


@pytest.mark.parametrize("code", [48, 52, 53])
def test_a_lane_that_was_taken_or_forgotten_is_taken_again(opened: Any, code: int) -> None:
    with Peer(failing(1, refusal(code, 1), wire.PUSH)) as peer:
        store = opened(peer.url)
        assert store.push("v", ROW).accepted == 1
        assert peer.kinds() == [wire.DESCRIBE, wire.PRODUCER, wire.PUSH, wire.PRODUCER, wire.PUSH]
        store.close()


def test_who_named_a_producer_is_told_that_somebody_took_it(opened: Any) -> None:
    with Peer(failing(1, refusal(48, 1), wire.PUSH)) as peer:
        store = opened(peer.url, producer="payments")
        with pytest.raises(apus.Fenced):
            store.push("v", ROW)
        assert peer.bodies(wire.PRODUCER) == [wire.short("payments")]
        store.close()


def test_a_request_whose_number_somebody_else_used_is_not_guessed_at(opened: Any) -> None:
    def said(peer: Peer, kind: int, body: bytes) -> Any:
        if kind == wire.PUSH:
            peer.sequence = 5
            return b"" if len(peer.bodies(wire.PUSH)) == 1 else refusal(48, 1)
        return usual(peer, kind, body)

    with Peer(said) as peer:
        store = opened(peer.url)
        with pytest.raises(apus.Fenced) as doubt:
            store.push("v", ROW)
        assert doubt.value.may_be_done and not doubt.value.retryable
        store.close()


def test_an_erasure_is_not_repeated_when_nobody_knows() -> None:
    described = '{"projects":[{"name":"p","views":[],"entities":[{"keys":[{"name":"k","type":"string"}]}]}]}'

    def said(peer: Peer, kind: int, body: bytes) -> Any:
        if kind == wire.ERASE:
            return b""
        return (kind | 128, wire.text(described)) if kind == wire.DESCRIBE else usual(peer, kind, body)

    with Peer(said) as peer, apus.connect(peer.url) as store:
        with pytest.raises(apus.ConnectionLost) as doubt:
            store.erase({"k": "a"})
        assert doubt.value.may_be_done and peer.kinds().count(wire.ERASE) == 1
        with pytest.raises(apus.ApusError):
            store.erase({"k": "a"}, dry_run=True, timeout=0.3)
        assert peer.kinds().count(wire.ERASE) > 2


MALFORMED = [
    ("another's id", lambda: wire.frame(wire.PING | 128, 999, bytes(16))),
    ("another type", lambda: wire.frame(wire.GET | 128, 1, bytes(24))),
    ("a length above the limit", lambda: wire.HEADER.pack(1 << 30, wire.PING | 128, 0, 0, 1)),
    ("an unknown flag", lambda: wire.frame(wire.PING | 128, 1, bytes(16), flags=2)),
    ("compressed and not agreed", lambda: wire.frame(wire.PING | 128, 1, bytes(16), flags=1)),
    ("a deadline", lambda: wire.frame(wire.PING | 128, 1, bytes(16), deadline=1)),
    ("no zeroes behind", lambda: wire.frame(wire.PING | 128, 1, bytes(17))[:-1] + b"\1"),
    ("a short body", lambda: wire.frame(wire.PING | 128, 1, bytes(8))),
]


@pytest.mark.parametrize("make", [one[1] for one in MALFORMED], ids=[one[0] for one in MALFORMED])
def test_a_malformed_reply_ends_the_connection_and_not_the_store(opened: Any, make: Any) -> None:
    with Peer(failing(1, make(), wire.PING)) as peer:
        store = opened(peer.url)
        with pytest.raises(apus.BadReply):
            store.ping()
        assert store.ping().visible == 9 and peer.connections == 2
        store.close()


def test_the_words_of_a_server_that_ends_a_connection_are_heard(opened: Any) -> None:
    farewell = wire.frame(wire.ERROR, 0, refusal(5, 3, "the token was revoked")[1])
    with Peer(failing(99, farewell, wire.PING)) as peer:
        store = opened(peer.url)
        with pytest.raises(apus.Unauthenticated, match="revoked"):
            store.ping()
        store.close()


def test_a_long_reply_is_read_whole() -> None:
    count = 20_000

    def said(peer: Peer, kind: int, body: bytes) -> Any:
        if kind == wire.DESCRIBE:
            return kind | 128, wire.text('{"a":"' + "x" * count * 10 + '"}')
        return usual(peer, kind, body)

    with Peer(said) as peer, apus.connect(peer.url) as store:
        assert len(store.describe()["a"]) == count * 10


def test_a_connection_that_died_while_it_lay_idle_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apus.connection._IDLE_SECONDS", 0.0)
    with Peer() as peer, apus.connect(peer.url, retries=0) as store:
        store.ping()
        idle: Connection = store._pool._idle[0]
        idle._socket.shutdown(2)
        store.ping()
        assert peer.connections == 2


def test_threads_share_a_store_and_wait_for_their_turn() -> None:
    gate = threading.Event()

    def said(peer: Peer, kind: int, body: bytes) -> Any:
        if kind == wire.PING:
            gate.wait(10)
        return usual(peer, kind, body)

    with Peer(said) as peer, apus.connect(peer.url, pool_size=2) as store:
        done: list[int] = []
        threads = [threading.Thread(target=lambda: done.append(store.ping().visible)) for _ in range(6)]
        for one in threads:
            one.start()
        while len(peer.requests) < 2:
            pass
        with pytest.raises(apus.CallTimeout, match="all 2 connections were busy"):
            store.ping(timeout=0.05)
        gate.set()
        for one in threads:
            one.join()
        assert done == [9] * 6 and peer.connections == 2


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_makes_connections_and_names_of_its_own() -> None:
    with Peer() as peer, apus.connect(peer.url) as store:
        store.push("v", ROW)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                store.push("v", ROW)
                os.write(writer, b"done")
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0 and os.read(reader, 10) == b"done"
        os.close(reader)
        os.close(writer)
        store.push("v", ROW)
        assert peer.connections == 2
        names = peer.bodies(wire.PRODUCER)
        assert len(names) == 2 and names[0] != names[1]


def test_two_programs_of_a_machine_have_names_of_their_own_and_leave_them_to_the_next(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Peer() as peer:
        with apus.connect(peer.url) as one, apus.connect(peer.url) as other:
            one.push("v", ROW)
            other.push("v", ROW)
        with apus.connect(peer.url) as third:
            third.push("v", ROW)
        names = peer.bodies(wire.PRODUCER)
        assert names[0] != names[1] and names[2] == names[0]
        assert names[0].endswith(b"-0")


def test_what_nobody_answers_at_connect_says_where(opened: Any) -> None:
    with Peer() as peer:
        url = peer.url
    for address in (url, "unix:/nowhere/apus.sock"):
        with pytest.raises(apus.ConnectError) as refused:
            opened(address)
        assert refused.value.where == address and refused.value.retryable and "apus serve" in refused.value.next


def test_refused_rows_are_the_answer_of_all_requests_together(opened: Any) -> None:
    def said(peer: Peer, kind: int, body: bytes) -> Any:
        if kind != wire.PUSH:
            return usual(peer, kind, body)
        answer = bytearray(pushed(1, 2)[1])
        answer[36:40] = b"\1\0\0\0"
        answer[52:56] = b"\1\0\0\0"
        tally = wire.short("v@1") + wire.short("f.min") + b"\1\0\0\0\5\0\0\0" + wire.text("f.min: -1 is too low")
        return wire.PUSH | 128, bytes(answer) + tally

    with Peer(said) as peer:
        store = opened(peer.url)
        rows = {"k": [f"k{number}" for number in range(15_000)], "f": [1] * 15_000}
        with pytest.raises(apus.RowsRefused) as refused:
            store.push("v", rows)
        assert refused.value.rules == {"f.min": 2} and refused.value.first_rows == {"f.min": 5}
        assert "e.g. row 5: -1 is too low" in str(refused.value)
        assert "apus dead-letters show --rule f.min" in str(refused.value)
        assert store.push("v", rows, on_refused="return").set_aside == 2
        store.close()
