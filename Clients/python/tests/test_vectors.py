"""The golden vectors that Swift and Python share: each request is written from its words and must be its bytes, each reply is read from
its bytes and must be its words. No reply can be read that is cut anywhere, or has a byte too many.
"""

from __future__ import annotations

import contextlib
import math
import struct
from typing import Any, Callable

import numpy as np
import pytest
import vectors

from apus import export_wire, past_wire, streams, wire
from apus.batch import Rows
from apus.cells import from_objects
from apus.compression import decompress
from apus.errors import ApusError, BadReply
from apus.reply import Reply, Shape, scan_reply
from apus.results import Receipt, digest_of_keys
from apus.times import Clock
from apus.types import FeatureType
from apus.wire import NO_MOMENT, ProducerStamp, Token

#: What only a server says of a stream.
TOLD = {streams.PROGRESS}
REQUESTS = [one for one in vectors.ALL if one.kind < 128 and one.kind not in TOLD]
REPLIES = [one for one in vectors.ALL if one.kind >= 128 or one.kind in TOLD]


def _moments(values: list[Any]) -> Any:
    return np.array([NO_MOMENT if value is None else value for value in values], np.int64)


def _given(values: list[Any]) -> Any:
    return _moments(values) if any(value is not None for value in values) else None


def _push(says: dict[str, Any]) -> bytes:
    given = says["rows"]
    clock = Clock(unit="ns")
    columns = []
    for one in given["columns"]:
        kind = FeatureType(*one["type"])
        cells = [bool(value) if kind.element == 1 and value in (0, 1) else value for value in one["cells"]]
        columns.append(from_objects(one["name"], kind, cells, clock))
    rows = Rows(
        [wire.short(key) for key in given["keys"]],
        columns,
        _moments(given["event times"]),
        _given(given["created at"]),
        _given(given["known at"]),
    )
    head = wire.push_head(
        says["view"],
        [column.name for column in columns],
        len(rows),
        says["project"],
        says["policy"],
        says["known at"],
        says["delay"],
        ProducerStamp(*says["producer"]) if says["producer"] else None,
        says["offset"],
        rows.created_at is not None,
        rows.known_at is not None,
    )
    whole = head + rows.encode(0, len(rows))
    # Cut at any row and put together again, the rows say the same.
    parts = [rows.encode(at, at + 1) for at in range(len(rows))]
    assert all(parts)
    return whole


def _get(says: dict[str, Any]) -> bytes:
    keys = b"".join(map(wire.short, says["keys"]))
    options = says["options"] & ~(wire.MINIMUM | wire.EXACT)
    exact = tuple(says["exact"]) if says["exact"] else None
    return wire.get(says["handle"], says["rows"], keys, says["layout"], options, says["minimum"], exact)


def _erase(says: dict[str, Any]) -> bytes:
    keys = []
    for key in says["keys"]:
        kind = FeatureType(*key["type"])
        cells = from_objects(key["name"], kind, [key["value"]], Clock())
        keys.append((key["name"], kind, bytes(cells.first if cells.second is None else cells.second)))
    return wire.erase(keys, says["project"], bool(says["dry run"]))


def _hello(says: dict[str, Any]) -> bytes:
    token = Token(says["token"], says["secret"]) if says["token"] else None
    return wire.hello(
        says["client"], token, says["compression"], says["lowest"], says["highest"], says["required"], says["optional"]
    )


def _moment(words: Any) -> past_wire.Moment:
    kind, lsn, time = words if len(words) == 3 else (words[0], None, None)
    if kind == past_wire.BY_RECEIPT:
        receipt = words[1]
        said = Receipt(*(receipt[name] for name in ("timeline", "fingerprint", "lsn", "time", "keys")))
        return past_wire.Moment(kind, receipt=bytes(said))
    return past_wire.Moment(kind, lsn or 0, time or 0)


def _history(says: dict[str, Any]) -> bytes:
    moment, place = _moment(says["moment"]), says["place"]
    return past_wire.history(
        says["view"],
        says["key"],
        says["events max"],
        moment,
        says["options"],
        says["from"],
        says["until"],
        place,
        says["project"],
    )


def _explain(says: dict[str, Any]) -> bytes:
    keys = b"".join(map(wire.short, says["keys"]))
    return past_wire.explain(says["handle"], says["rows"], keys, _moment(says["moment"]))


def _export(says: dict[str, Any]) -> bytes:
    labels, snapshot = says["labels"], says["snapshot"]
    at = snapshot[1] if len(snapshot) > 1 else None
    start, end = labels[1:] if len(labels) > 1 else (0, 0)
    asked = export_wire.Asked(
        says["kind"], tuple(says["names"]), labels[0], says["mode"], snapshot[0], says["options"], says["columns"], says["delay"],
        at if snapshot[0] == export_wire.AT_LSN else 0, at if snapshot[0] == export_wire.AT_TIME else 0, start, end, says["unit"],
        says["project"], says["moments"], says["lsns"], dict(says["keys"]), says["time zone"], says["prefix"], says["split"],
        at if snapshot[0] == export_wire.AT_PIN else "", says["checks"], says["told"],
    )  # fmt: skip
    return export_wire.export(asked)


WRITERS: dict[int, Callable[[dict[str, Any]], bytes]] = {
    wire.HELLO: _hello,
    wire.PREPARE: lambda f: wire.prepare(f["names"], f["kind"], f["project"]),
    wire.GET: _get,
    wire.PUSH: _push,
    wire.DELETE: _push,
    wire.ERASE: _erase,
    wire.PRODUCER: lambda f: wire.short(f["name"]),
    wire.WAIT: lambda f: wire.wait(f["lsn"], f["for"]),
    wire.SCAN: lambda f: wire.scan(f["view"], f["rows max"], f["from"], f["project"]),
    wire.DESCRIBE: lambda f: wire.describe(f["name"], f["project"]),
    wire.STATS: lambda f: bytes((f["kind"],)),
    wire.PING: lambda f: bytes(f["bytes"]),
    wire.RELEASE: lambda f: wire.release(f["handle"]),
    wire.HISTORY: _history,
    wire.EXPLAIN: _explain,
    wire.EXPORT: _export,
    streams.DATA: lambda f: export_wire.data(f["sequence"], f["bytes"]),
    streams.CREDIT: lambda f: export_wire.credit(f["bytes"]),
    streams.END: lambda f: b"",
    wire.CONSOLE: lambda f: wire.console(f["words"], {one["path"]: one["content"] for one in f["files"]}),
}


@pytest.mark.parametrize("vector", REQUESTS, ids=lambda one: one.name)
def test_a_request_is_written_as_its_vector(vector: vectors.Vector) -> None:
    body = WRITERS[vector.kind](vector.says)
    assert body == vector.body
    assert wire.frame(vector.kind, vector.request, body, vector.frame[6] | vector.frame[7] << 8) == vector.frame


def _named(items: Any, *names: str) -> list[dict[str, Any]]:
    return [dict(zip(names, item)) for item in items]


def _said_of_prepare(body: bytes) -> dict[str, Any]:
    reply = wire.prepare_reply(body)
    roles = [{"entity": one.entity, "role": one.name, "parts": _named(one.parts, "name", "type")} for one in reply.roles]
    columns = [
        {"name": one.name, "type": list(one.type), "feature": one.feature, "default": int(one.has_default), "ttl": one.ttl}
        for one in reply.columns
    ]
    return {
        "handle": reply.handle,
        "flags": int(reply.can_be_dense),
        "fingerprint": reply.fingerprint,
        "roles": roles,
        "columns": columns,
    }


def _said_of_push(body: bytes) -> dict[str, Any]:
    reply = wire.push_reply(body)
    return {
        "first, last, durable": [reply.first, reply.last, reply.durable],
        "time": reply.time,
        "accepted, set aside, erased, set back": [reply.accepted, reply.set_aside, reply.erased, reply.set_back],
        "again": int(reply.again),
        "tallies": _named(reply.tallies, "view", "rule", "count", "first row", "words"),
    }


def _said_of_scan(body: bytes) -> dict[str, Any]:
    page = scan_reply(body)
    none = [None] * len(page.keys)
    columns = []
    for name, states, values in page.columns:
        cells = [(vectors.ABSENT, None, _plain(value))[state] for state, value in zip(states.tolist(), values.to_list())]
        columns.append({"name": name, "type": list(values.type), "cells": cells})
    rows = {
        "keys": page.keys,
        "event times": page.event_times.tolist(),
        "created at": none,
        "known at": none,
        "columns": columns,
    }
    return {"lsn": page.lsn, "next": page.next, "rows": rows}


def _plain(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        return int(value.astype(np.int64))
    if isinstance(value, (np.ndarray, list)):
        return [_plain(one) for one in (value.tolist() if isinstance(value, np.ndarray) else value)]
    return int(value) if isinstance(value, (bool, np.bool_)) else value


def _said_of_hello(body: bytes) -> dict[str, Any]:
    return {name.replace("_", " "): value for name, value in wire.hello_reply(body)._asdict().items()}


def _said_of_producer(body: bytes) -> dict[str, Any]:
    reply = wire.producer_reply(body)
    return {"id": reply.id, "epoch": reply.epoch, "last sequence": reply.sequence, "offset": reply.offset}


def _said_of_erase(body: bytes) -> dict[str, Any]:
    reply = wire.erase_reply(body)
    return {"lsn": reply.lsn, "time": reply.time, "views": _named(reply.views.items(), "name", "count")}


def _said_of_pong(body: bytes) -> dict[str, Any]:
    reply = wire.ping_reply(body)
    return {"clock": reply.clock, "visible": reply.visible, "bytes": reply.echo}


def _said_of_console(body: bytes) -> dict[str, Any]:
    reply = wire.console_reply(body)
    return {"exit": reply.exit, "output": reply.output, "errors": reply.errors}


_STAMP = "lsn, event time, created at, known at"


def _said_of_history(body: bytes) -> dict[str, Any]:
    page = past_wire.history_reply(body)
    events = [
        {
            "operation": one.operation, "fate": one.fate, "assumed": int(one.is_assumed), _STAMP: list(one.stamp),
            "producer": one.producer, "rule": one.rule,
            "cells": [{"feature": cell.feature, "type": list(cell.type), "value": _plain(cell.value)} for cell in one.cells],
        }
        for one in page.events
    ]  # fmt: skip
    return {
        "lsn": page.lsn, "time": page.time, "may lack": int(page.may_lack), "horizon": list(page.horizon), "view": page.view,
        "next": page.next, "events": events,
    }  # fmt: skip


def _said_of_explain(body: bytes) -> dict[str, Any]:
    reply = past_wire.explain_reply(body, int.from_bytes(body[18:20], "little"))
    cells = [
        {
            "code": code,
            "candidates": [
                {
                    "reason": one.reason, "assumed": int(one.is_assumed), _STAMP: list(one.stamp), "producer": one.producer,
                    "said": "deleted" if one.state == past_wire.DELETED else _plain(one.value),
                }
                for one in candidates
            ],
        }
        for code, candidates in reply.cells
    ]  # fmt: skip
    return {
        "lsn": reply.lsn, "time": reply.time, "may lack": int(reply.may_lack), "rows": len(cells) // len(reply.columns),
        "service": reply.service, "columns": [{**one._asdict(), "type": list(one.type)} for one in reply.columns], "cells": cells,
    }  # fmt: skip


def _said_of_export(body: bytes) -> dict[str, Any]:
    reply = export_wire.export_reply(body)
    return {
        "lsn": reply.lsn, "rows": reply.rows, "identity": reply.identity, "content digest": reply.content, "manifest": reply.manifest,
    }  # fmt: skip


def _said_of_progress(body: bytes) -> dict[str, Any]:
    said = export_wire.progress(body)
    return {"phase": 1 + ("read", "joined", "written").index(said.phase), "done": said.done, "total": said.total}


def _said_of_error(body: bytes) -> dict[str, Any]:
    reply = wire.refusal(body)
    return {
        "code": reply.code,
        "class": reply.kind,
        "wait": reply.wait,
        "what": reply.what,
        "where": reply.where,
        "next": reply.next,
        "details": _named(reply.details, "name", "value"),
    }


def _said_of_nothing(body: bytes) -> dict[str, Any]:
    wire.empty_reply(body)
    return {}


def _said_of_wait(body: bytes) -> dict[str, Any]:
    return wire.wait_reply(body)._asdict()


TELLERS: dict[int, Callable[[bytes], dict[str, Any]]] = {
    wire.HELLO + 128: _said_of_hello,
    wire.PREPARE + 128: _said_of_prepare,
    wire.PUSH + 128: _said_of_push,
    wire.SCAN + 128: _said_of_scan,
    wire.ERASE + 128: _said_of_erase,
    wire.PRODUCER + 128: _said_of_producer,
    wire.WAIT + 128: _said_of_wait,
    wire.PING + 128: _said_of_pong,
    wire.STATS + 128: lambda body: {"entries": _named(wire.stats_reply(body).items(), "name", "value")},
    wire.DESCRIBE + 128: lambda body: {"json": wire.describe_reply(body)},
    wire.RELEASE + 128: _said_of_nothing,
    wire.CONSOLE + 128: _said_of_console,
    wire.HISTORY + 128: _said_of_history,
    wire.EXPLAIN + 128: _said_of_explain,
    wire.EXPORT + 128: _said_of_export,
    streams.PROGRESS: _said_of_progress,
    wire.ERROR: _said_of_error,
}


def _said_of_get(vector: vectors.Vector, body: bytes) -> dict[str, Any]:
    columns, rows, layout, options = vectors.asked(vector.says["to"])
    reply = Reply(body, Shape(columns), rows, layout, options)
    codes = reply.codes if reply.codes is not None else np.ones((rows, len(columns)), np.uint8)
    lists = []
    for number in range(len(columns)):
        good = None if reply.has_value is None else reply.has_value[:, number]
        lists.append(reply.column(number).to_list(good))
    if layout == wire.ONE_ROW:
        assert [_plain(value) for value in reply.row_values()] == [_plain(one[0]) for one in lists]
    stamp = lambda block, row, at: None if block is None else int(block[row, at]) or None  # noqa: E731
    cells = [
        [
            {
                "code": int(codes[row, at]),
                "value": _plain(lists[at][row]),
                "time": stamp(reply.times, row, at),
                "lsn": stamp(reply.lsns, row, at),
            }
            for at in range(len(columns))
        ]
        for row in range(rows)
    ]
    return {
        "lsn": reply.lsn,
        "time": reply.read_time,
        "may lack": int(reply.may_lack),
        "all present": int(reply.codes is None),
        "rows": cells,
    }


def _told(vector: vectors.Vector, body: bytes) -> dict[str, Any]:
    if vector.flags & wire.COMPRESSED:
        body = decompress(body, 64, 1 << 24)
    return _said_of_get(vector, body) if vector.kind == wire.GET + 128 else TELLERS[vector.kind](body)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return all(_same(value, b.get(name)) for name, value in a.items()) and set(a) <= set(b)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, float) or isinstance(b, float):
        if a is None or b is None:
            return False
        return struct.pack("<d", a) == struct.pack("<d", b) or (math.isnan(a) and math.isnan(b))
    return bool(a == b)


@pytest.mark.parametrize("vector", REPLIES, ids=lambda one: one.name)
def test_a_reply_says_what_its_vector_says(vector: vectors.Vector) -> None:
    told = _told(vector, vector.body)
    says = {name: value for name, value in vector.says.items() if name != "to"}
    assert _same(says, told), (says, told)


@pytest.mark.parametrize("vector", REPLIES, ids=lambda one: one.name)
def test_no_reply_is_read_that_is_cut_or_longer(vector: vectors.Vector) -> None:
    body = vector.body
    ends = [*range(len(body)), len(body) + 1]
    for end in ends:
        changed = body[:end] if end < len(body) else body + b"\0"
        if vector.kind == wire.PING + 128 and end >= 16:
            # Whatever follows is what was sent.
            continue
        with pytest.raises(BadReply):
            _told(vector, changed)


@pytest.mark.parametrize("vector", REPLIES, ids=lambda one: one.name)
def test_a_reply_with_a_flipped_bit_is_refused_by_name_or_read(vector: vectors.Vector) -> None:
    for at in range(len(vector.body)):
        for bit in (0, 3, 7):
            changed = bytearray(vector.body)
            changed[at] ^= 1 << bit
            with contextlib.suppress(ApusError):
                _told(vector, bytes(changed))


def test_every_message_of_the_page_has_a_vector() -> None:
    kinds = {one.kind for one in vectors.ALL}
    assert kinds >= set(WRITERS) and kinds >= set(TELLERS) - {wire.DELETE + 128}


def test_a_receipt_is_made_as_the_page_says() -> None:
    """The vector of EXPLAIN by a receipt, which is for these keys."""
    (vector,) = (one for one in vectors.ALL if one.name == "explain-receipt")
    assert vector.says["keys"] == [b"c42\0"]
    receipt = Receipt(*vector.says["moment"][1].values())
    assert receipt.keys == digest_of_keys(wire.short(b"c42\0")) and bytes(receipt) in vector.body
    assert Receipt.parse(str(receipt)) == receipt


def test_frames_of_a_stream_are_read_as_they_are_written() -> None:
    (data,) = (one for one in vectors.ALL if one.name == "data")
    (credit,) = (one for one in vectors.ALL if one.name == "credit")
    assert bytes(export_wire.data_piece(data.body, 0)) == data.says["bytes"]
    assert export_wire.credit_given(credit.body) == credit.says["bytes"]
    for wrong in (lambda: export_wire.data_piece(data.body, 1), lambda: export_wire.data_piece(data.body[:7], 0),
                  lambda: export_wire.credit_given(bytes(8)), lambda: export_wire.credit_given(bytes(9))):  # fmt: skip
        with pytest.raises(BadReply):
            wrong()
