"""Training sets from a server that does what a test says: credit, refusals in the middle, ends at the wrong moment, nonsense."""

from __future__ import annotations

import json
import os
import signal
import struct
import threading
import time
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from peer import Frames, Peer, refusal, usual

import apus
from apus import streams, wire

MANIFEST: dict[str, Any] = {
    "features": [
        {
            "name": "f", "view": "v@1", "statuses": {"present": 1, "null_value": 0, "not_found": 1, "outside_max_age": 0},
            "reasons": {"never_seen": 0, "not_yet_known": 1}, "defaults": 0, "leak_delta": 1, "assumed_known_at": 0,
        }
    ],
    "fields": [{"name": "k", "type": "string"}, {"name": "f", "type": "int64"}], "times_taken_for_utc": 0, "set": "", "format": "",
}  # fmt: skip
SPINE = {"k": ["a", "b"], "event_timestamp": ["2026-03-01T00:00:00Z"] * 2}
SET = pa.table({"k": ["a", "b"], "f": pa.array([1, None], pa.int64())})


def rows(table: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def reply(count: int = 2, manifest: dict[str, Any] = MANIFEST) -> bytes:
    return struct.pack("<QQ", 9, count) + bytes(range(32)) + bytes(range(32, 64)) + wire.text(json.dumps(manifest) + "\n")


def taken(frames: Frames, credit: int = 1 << 20, step: int = 0) -> bytes | None:
    """The whole spine, under a credit that comes in steps; None: the client has gone."""
    step = step or credit
    allowed, out, number = step, b"", 0
    frames.send(streams.CREDIT, struct.pack("<Q", step))
    while (frame := frames.read()) is not None:
        kind, body = frame
        if kind == streams.END:
            return out
        assert kind == streams.DATA and struct.unpack_from("<Q", body)[0] == number
        number += 1
        allowed -= len(body) - 8
        assert allowed >= 0
        out += body[8:]
        if not allowed:
            frames.send(streams.CREDIT, struct.pack("<Q", step))
            allowed = step
    return None


def given(frames: Frames, data: bytes, step: int = 1 << 20) -> bool:
    """All of it, under the client's credit."""
    credit, at, number = 0, 0, 0
    while at < len(data):
        while credit <= 0:
            frame = frames.read()
            if frame is None:
                return False
            assert frame[0] == streams.CREDIT
            credit += struct.unpack("<Q", frame[1])[0]
        piece = data[at : at + min(step, credit)]
        frames.send(streams.DATA, struct.pack("<Q", number) + piece)
        number, at, credit = number + 1, at + len(piece), credit - len(piece)
    return True


def serving(act: Any) -> Any:
    return lambda peer, kind, body: act if kind == wire.EXPORT else usual(peer, kind, body)


def whole(frames: Frames) -> None:
    if taken(frames) is not None and given(frames, rows(SET)):
        frames.send(wire.EXPORT | 128, reply())


def test_a_set_goes_up_and_down_in_pieces_of_any_size() -> None:
    spines: list[bytes] = []

    def narrow(frames: Frames) -> None:
        spines.append(taken(frames, step=7) or b"")
        assert given(frames, rows(SET), step=3)
        frames.send(wire.EXPORT | 128, reply())

    for act in (whole, narrow):
        with Peer(serving(act)) as peer, apus.connect(peer.url) as store:
            t = store.get_historical_features(SPINE, ["v:f"])
            assert t.to_arrow() == SET and len(t) == 2 and t.lsn == 9
            assert t.id == bytes(range(32)).hex() and t.content_digest == bytes(range(32, 64)).hex()
            # The connection is as good as before, and is used again.
            assert store.ping().visible == 9 and peer.connections == 1
    sent = pa.ipc.open_stream(spines[0]).read_all()
    assert sent.column_names == ["k", "event_timestamp"] and sent.schema.field(1).type == pa.timestamp("ns", tz="UTC")


def test_a_long_set_is_asked_for_as_it_is_taken() -> None:
    long = pa.table({"k": ["a" * 100] * 400_000, "f": pa.array(range(400_000), pa.int64())})

    def act(frames: Frames) -> None:
        assert taken(frames) is not None and given(frames, rows(long))
        frames.send(wire.EXPORT | 128, reply(400_000))

    with Peer(serving(act)) as peer, apus.connect(peer.url) as store:
        assert store.get_historical_features(SPINE, ["v:f"]).to_arrow() == long
        assert len(rows(long)) > 4 * streams.WINDOW


def test_progress_is_told() -> None:
    def telling(frames: Frames) -> None:
        assert taken(frames) is not None
        for phase, done, total in ((1, 2, (1 << 64) - 1), (2, 50_000, 100_000)):
            frames.send(streams.PROGRESS, struct.pack("<B7xQQ", phase, done, total))
        assert given(frames, rows(SET))
        frames.send(wire.EXPORT | 128, reply())

    with Peer(serving(telling)) as peer, apus.connect(peer.url) as store:
        said: list[apus.Progress] = []
        store.get_historical_features(SPINE, ["v:f"], progress=said.append)
        assert [str(one) for one in said] == ["read 2 rows", "joined 50,000 of 100,000 rows"]


def test_a_refusal_in_the_middle_ends_the_sending_and_leaves_the_connection() -> None:
    long = {"k": [str(number) for number in range(200_000)], "event_timestamp": ["2026-03-01T00:00:00Z"] * 200_000}

    def refusing(frames: Frames) -> None:
        frames.send(streams.CREDIT, struct.pack("<Q", 1 << 30))
        frames.read()
        words = [wire.text(one) for one in ("row 407 of the spine, column k: null is no string", "", "mend the spine")]
        details = struct.pack("<H", 2) + wire.short("row") + wire.text("407") + wire.short("column") + wire.text("k")
        frames.send(wire.ERROR, struct.pack("<HBBI", 68, 1, 0, 0) + b"".join(words) + details)
        # What was sent before its end was known.
        while (frame := frames.read()) is not None and frame[0] == streams.DATA:
            pass
        if frame is not None:
            assert frame[0] == wire.PING
            frames.send(wire.PING | 128, struct.pack("<qQ", 1, 9), request=frames.request + 1)

    with Peer(serving(refusing)) as peer, apus.connect(peer.url) as store:
        with pytest.raises(apus.BadSpine, match="row 407") as wrong:
            store.get_historical_features(long, ["v:f"])
        assert (wrong.value.row, wrong.value.column, wrong.value.where) == (407, "k", "the spine") and not wrong.value.retryable
        assert store.ping().visible == 9 and peer.connections == 1


def test_what_to_do_is_said_in_python() -> None:
    said = {
        "say which one is the label's time: --time COLUMN": 'time="…"',
        "if it is called otherwise there: --key card_id=COLUMN": 'keys={"card_id": "COLUMN"}',
        "--time-unit s|ms|us|ns says what they count": 'time_unit="s", "ms", "us" or "ns" says',
        "--beyond-history null leaves them blank": 'beyond_history="null" leaves',
        "--prefix TEXT stands before the features' names": 'prefix="…" stands',
        "rename it, or --lsn names another column": "lsn= names another column",
    }
    for given_words, wanted in said.items():
        words = wire.text("x") + wire.text("") + wire.text(given_words) + struct.pack("<H", 0)
        body = struct.pack("<HBBI", 68, 1, 0, 0) + words
        with Peer(serving(lambda frames, body=body: frames.send(wire.ERROR, body))) as peer, apus.connect(peer.url) as store:
            with pytest.raises(apus.BadSpine) as wrong:
                store.get_historical_features(None, view="v")
            assert wanted in wrong.value.next and "--" not in wrong.value.next


def test_a_busy_server_is_waited_for_until_it_is_too_late() -> None:
    asked: list[int] = []
    busy_for = 3

    def busy(frames: Frames) -> None:
        asked.append(1)
        if len(asked) <= busy_for:
            frames.send(*refusal(32, 2))
            return
        whole(frames)

    with Peer(serving(busy)) as peer, apus.connect(peer.url, retries=1) as store:
        # A reader has given nothing away yet.
        assert len(store.get_historical_features(pa.table(SPINE).to_reader(), ["v:f"])) == 2 and len(asked) == 4
        busy_for = 1 << 30
        with pytest.raises((apus.Overloaded, apus.CallTimeout)) as late:
            store.get_historical_features(SPINE, ["v:f"], timeout=0.2)
        assert late.value.retryable


def test_a_connection_that_ends_in_the_middle_is_tried_again_or_told() -> None:
    for where in ("before the credit", "in the spine", "in the rows", "before the reply"):
        asked: list[int] = []

        def ending(frames: Frames, where: str = where, asked: list[int] = asked) -> Any:
            asked.append(1)
            if len(asked) == 2:
                return whole(frames)
            if where == "in the spine":
                frames.send(streams.CREDIT, struct.pack("<Q", 10))
                frames.read()
            elif where != "before the credit":
                assert taken(frames) is not None and given(frames, rows(SET)[: 40 if where == "in the rows" else None])
            return False

        with Peer(serving(ending)) as peer:
            with apus.connect(peer.url) as store:
                assert len(store.get_historical_features(SPINE, ["v:f"])) == 2 and len(asked) == 2
            asked.clear()
            with apus.connect(peer.url, retries=0) as store, pytest.raises(apus.ConnectionLost) as lost:
                store.get_historical_features(SPINE, ["v:f"])
            assert lost.value.retryable and not lost.value.may_be_done
            # What can be read but once is not read twice.
            asked.clear()
            once = pa.table(SPINE).to_reader()
            with apus.connect(peer.url) as store, pytest.raises(apus.ConnectionLost):
                store.get_historical_features(once, ["v:f"])
            assert len(asked) == 1


NONSENSE: dict[str, Any] = {
    "a piece out of order": lambda f: f.send(streams.DATA, struct.pack("<Q", 1) + b"x"),
    "more than was asked for": lambda f: f.send(streams.DATA, struct.pack("<Q", 0) + bytes(streams.WINDOW + 1)),
    "another request's": lambda f: f.send(streams.CREDIT, struct.pack("<Q", 1), request=99),
    "another type": lambda f: f.send(wire.GET | 128, b""),
    "a phase that there is not": lambda f: f.send(streams.PROGRESS, struct.pack("<B7xQQ", 9, 0, 0)),
    "no Arrow": lambda f: [f.read(), f.send(streams.DATA, struct.pack("<Q", 0) + b"rows"), f.send(wire.EXPORT | 128, reply())],
    "half of the rows": lambda f: [given(f, rows(SET)[:200]), f.send(wire.EXPORT | 128, reply())],
    "fewer rows than said": lambda f: [given(f, rows(SET)), f.send(wire.EXPORT | 128, reply(3))],
    "no manifest": lambda f: [given(f, rows(SET)), f.send(wire.EXPORT | 128, reply(2, {}))],
    "a reply that is cut": lambda f: f.send(wire.EXPORT | 128, reply()[:50]),
}  # fmt: skip


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_told_as_such(name: str) -> None:
    def act(frames: Frames) -> bool:
        if taken(frames) is not None:
            try:
                NONSENSE[name](frames)
                frames.read()
            except OSError:
                pass
        return False

    with Peer(serving(act)) as peer, apus.connect(peer.url, retries=0) as store, pytest.raises(apus.BadReply):
        store.get_historical_features(SPINE, ["v:f"])


def test_a_timeout_ends_it_here_and_there() -> None:
    gone = threading.Event()

    def silent(frames: Frames) -> bool:
        taken(frames)
        while frames.read() is not None:
            pass
        gone.set()
        return False

    with Peer(serving(silent)) as peer, apus.connect(peer.url) as store:
        began = time.monotonic()
        with pytest.raises(apus.CallTimeout, match="not whole in time"):
            store.get_historical_features(SPINE, ["v:f"], timeout=0.3)
        assert time.monotonic() - began < 5 and gone.wait(5)
        assert store.ping().visible == 9


def test_an_interrupt_ends_it_here_and_there() -> None:
    gone = threading.Event()

    def silent(frames: Frames) -> bool:
        taken(frames)
        os.kill(os.getpid(), signal.SIGINT)
        while frames.read() is not None:
            pass
        gone.set()
        return False

    with Peer(serving(silent)) as peer, apus.connect(peer.url) as store:
        with pytest.raises(KeyboardInterrupt):
            store.get_historical_features(SPINE, ["v:f"])
        assert gone.wait(5)
        assert store.ping().visible == 9


# What a report says


def quality(verdict: str) -> dict[str, Any]:
    checks = [
        {"check": "duplicates", "of": "", "verdict": "passed", "figure": 0.0, "threshold": 0.02, "words": ""},
        {
            "check": "coverage",
            "of": "spenders",
            "verdict": verdict,
            "figure": 0.4,
            "threshold": 0.85,
            "words": "0.4 is below 0.85",
        },
    ]
    return {**MANIFEST, "quality": {"verdict": verdict, "reference": None, "checks": checks, "profiles": [{"name": "f"}]}}


def made(manifest: dict[str, Any], **more: Any) -> apus.TrainingSet:
    asked: list[bytes] = []

    def act(peer: Peer, kind: int, body: bytes) -> Any:
        if kind != wire.EXPORT:
            return usual(peer, kind, body)
        asked.append(body)
        return lambda f: taken(f) is not None and given(f, rows(SET)) and f.send(wire.EXPORT | 128, reply(2, manifest))

    with Peer(act) as peer, apus.connect(peer.url) as store:
        out = store.get_historical_features(SPINE, ["v:f"], **more)
        out.__dict__["asked"] = asked[0]
        return out


def test_failed_checks_are_raised_with_what_failed() -> None:
    good = made(quality("passed"))
    good.report.raise_for_failures()
    assert [one.of for one in good.report.checks] == ["the set", "spenders"]
    assert good.report.verdict == "passed" and "checks: 0 failed, 2 passed" in str(good.report)
    bad = made(quality("failed"))
    with pytest.raises(apus.TrainingDataQualityError, match="1 check failed") as failed:
        bad.report.raise_for_failures()
    assert [(one.check, one.of, one.figure, one.threshold) for one in failed.value.failures] == [
        ("coverage", "spenders", 0.4, 0.85)
    ]
    assert "spenders: 0.4 is below" in str(failed.value) and "FAILED coverage" in str(bad.report)
    assert len(bad) == 2


def test_a_set_that_nobody_judged_does_not_pass_in_silence() -> None:
    with pytest.raises(apus.Unsupported, match="no quality checks"):
        made(MANIFEST).report.raise_for_failures()
    made({**MANIFEST, "quality": None}).report.raise_for_failures()
    assert made(MANIFEST).report.verdict == "not_judged"


def test_a_report_tells_how_cells_came_out() -> None:
    report = made(MANIFEST).report
    (one,) = report.features
    assert (one.present, one.blank, one.coverage, one.leak_delta) == (1, {"not_yet_known": 1}, 0.5, 1)
    assert str(report).split("\n")[1] == "f              1     0      1  not yet known 1           1"


def test_checks_go_up_as_json(tmp_path: Any) -> None:
    earlier = made(quality("passed"))
    path = tmp_path / "checks.json"
    path.write_text('{"coverage": 0.9, "against": "online"}')
    for checks, wanted in (
        (None, ""),
        ({"coverage": 0.9}, '{"coverage": 0.9}'),
        (path, '{"coverage": 0.9, "against": "online"}'),
        ({"against": earlier}, '{"reference": {"name": "an earlier set", "profiles": [{"name": "f"}]}}'),
    ):
        assert wire.text(wanted) in made(MANIFEST, checks=checks).__dict__["asked"]


def test_a_set_is_saved_with_its_manifest(tmp_path: Any) -> None:
    t = made(MANIFEST)
    path = tmp_path / "train.parquet"
    beside = t.save(path)
    assert beside == str(tmp_path / "train.manifest.json")
    assert pd.read_parquet(path)["k"].tolist() == ["a", "b"]
    said = json.loads((tmp_path / "train.manifest.json").read_text())
    assert said["set"] == "train.parquet" and said["format"] == "parquet" and {**said, "set": "", "format": ""} == MANIFEST
    t.save(str(path))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["train.manifest.json", "train.parquet"]
    with pytest.raises(apus.InputError, match=r"does not end in \.parquet"):
        t.save(tmp_path / "train.csv")
