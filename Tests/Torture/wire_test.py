#!/usr/bin/env python3
"""Compares what was written from the protocol's page alone with the vectors: each request is written from its words and must
be its bytes, each reply is read from its bytes and must be its words. Then no reply may be read that was cut at any byte,
or has one byte more; and a reply with a flipped bit is refused by name or read, and nothing else.
"""

import glob
import json
import math
import os
import re
import struct

import torture
import wire

VECTORS = os.path.join(torture.ROOT, "Tests", "Vectors", "wire-1")
SELF = "Tests/Torture/wire_test.py"
ELEMENTS = {name: at + 1 for at, name in enumerate("bool int32 int64 float32 float64 string bytes timestamp".split())}


# The words of a vector


class Words:
    """A value as a vector's comments spell it."""

    TOKEN = re.compile(
        r'\s*(f32:[0-9a-f]+|f64:[0-9a-f]+|0x[0-9a-f]*|-?\d+|-|null|absent|deleted|"(?:[^"\\]|\\.)*"|[\[\]{},:]|[a-z][a-z, ]*(?=:))')

    def __init__(self, text):
        self.text, self.at = text, 0

    def peek(self):
        return self.TOKEN.match(self.text, self.at)

    def token(self):
        found = self.peek()
        if not found:
            raise ValueError(f"no word at {self.text[self.at:self.at + 40]!r}")
        self.at = found.end()
        return found[1]

    def value(self):
        token = self.token()
        if token == "[":
            return self.several("]", self.value)
        if token == "{":
            return dict(self.several("}", lambda: (self.token(), self.token(), self.value())[::2]))
        if token[0] == '"':
            return json.loads(token)
        if token.startswith("0x"):
            return bytes.fromhex(token[2:])
        if token.startswith("f"):
            size = int(token[1:3]) // 8
            return struct.unpack("fd"[size // 8], int(token[4:], 16).to_bytes(size, "little"))[0]
        return {"-": None, "null": None, "absent": wire.ABSENT, "deleted": "deleted"}[token] if not token.lstrip("-").isdigit() else int(token)

    def several(self, end, item):
        out = []
        while self.peek()[1] != end:
            out.append(item())
            if self.peek()[1] == ",":
                self.token()
        self.token()
        return out


def fields(lines):
    """`name: value`, or a name and an item a line."""
    out = {}
    for line in lines:
        name, _, words = line.partition(":")
        if line.startswith("  "):
            # Columns of a GET stand in words of their own.
            out[last].append(line.strip() if last == "to" else Words(line).value())
        elif words.strip() and name != "to":
            out[name] = Words(words).value()
        else:
            out[name], last = [words.strip()] if name == "to" else [], name
    return out


def vector(path):
    """Its words, and its frame."""
    words, data = [], bytearray()
    with open(path) as file:
        for line in file:
            digits, _, comment = line.partition("#")
            if digits.strip():
                data += bytes.fromhex(digits.strip())
            elif comment:
                words.append(comment[1:].rstrip("\n"))
    length, kind, flags, deadline, request = wire.HEADER.unpack_from(data)
    body = bytes(data[16:16 + length])
    assert wire.frame(kind, request, body, deadline, flags) == bytes(data), "the frame's header, or the zeroes behind it"
    return fields(words[1:]), wire.Frame(kind, flags, deadline, request, body)


# Requests, written from the words


def moments(values):
    return [wire.NONE if value is None else value for value in values]


def pushed(f):
    rows = f["rows"]
    columns = [(column["name"], wire.Type(*column["type"]), column["cells"]) for column in rows["columns"]]
    given = lambda name: moments(rows[name]) if any(value is not None for value in rows[name]) else None
    return wire.push(
        f["view"], rows["keys"], columns, f["project"], f["policy"], f["known at"], f["delay"],
        tuple(f["producer"]) if f["producer"] else None, f["offset"], moments(rows["event times"]), given("created at"),
        given("known at"))


def got(f):
    return wire.get(
        f["handle"], f["keys"], f["rows"], f["layout"], f["options"], f["minimum"] or 0, f["exact"] or (0, 0))


def moment_of(words):
    """`[2, 500, 1763560902000000000]`; what a kind does not have is 0. Of a receipt there are its parts in the place of both."""
    return (words[0], 0, 0) if words[0] == 4 else (words[0], words[1] or 0, words[2] or 0)


WRITERS = {
    wire.HELLO: lambda f: wire.hello(
        (f["token"].encode(), f["secret"]), f["compression"], f["lowest"], f["highest"], f["required"], f["optional"],
        f["client"]),
    wire.PREPARE: lambda f: wire.prepare(f["names"], f["kind"], f["project"]),
    wire.GET: got, wire.PUSH: pushed, wire.DELETE: pushed,
    wire.ERASE: lambda f: wire.erase(
        [(key["name"], wire.Type(*key["type"]), key["value"]) for key in f["keys"]], f["project"], bool(f["dry run"])),
    wire.PRODUCER: lambda f: wire.producer(f["name"]),
    wire.WAIT: lambda f: wire.wait(f["lsn"], f["for"] == 2),
    wire.SCAN: lambda f: wire.scan(f["view"], f["rows max"], f["from"], f["project"]),
    wire.DESCRIBE: lambda f: wire.short(f["project"]) + wire.short(f["name"]),
    wire.STATS: lambda f: wire.u8(f["kind"]),
    wire.PING: lambda f: f["bytes"],
    wire.RELEASE: lambda f: wire.u32(f["handle"]),
    wire.CONSOLE: lambda f: wire.console(f["words"], [(file["path"], file["content"]) for file in f["files"]]),
    wire.HISTORY: lambda f: wire.history(
        f["view"], f["key"], f["events max"], moment_of(f["moment"]), f["options"], f["from"], f["until"], f["place"], f["project"]),
    wire.EXPLAIN: lambda f: wire.explain(
        f["handle"], f["keys"], f["rows"], moment_of(f["moment"]), wire.Receipt(*f["moment"][1].values()) if f["moment"][0] == 4 else None)}


# Replies, read and put into the words


def asked(words):
    """Columns and options of `to: rows 3, layout 1, options 24; columns:` and the lines behind."""
    columns = []
    for line in words[1:]:
        name, kind, default = re.fullmatch(r"(\w+) ([\w<>\[\]]+)(, with a default)?", line).groups()
        element = ELEMENTS[re.sub(r"list<(\w+)>|\[\d+\]", r"\1", kind)]
        count = re.search(r"\[(\d+)\]", kind)
        shape = wire.LIST if "<" in kind else wire.VECTOR if count else wire.SCALAR
        columns.append(wire.Column(name, wire.Type(element, shape, int(count[1]) if count else 0), "", bool(default), 0))
    return columns, int(re.search(r"options (\d+)", words[0])[1])


def said_of_get(reply, options):
    stamp = lambda value: value or None
    rows = [
        [{"code": cell.code, "value": cell.value, "time": stamp(cell.time), "lsn": stamp(cell.lsn)} for cell in row]
        for row in reply["rows"]]
    return {
        "lsn": reply["lsn"], "time": reply["time"], "may lack": int(reply["may_lack"]),
        "all present": int(reply["all_present"]), "rows": rows}


def named(items, *names):
    return [dict(zip(names, item)) for item in items]


def said_of_scan(reply):
    none = [None] * len(reply["keys"])
    columns = [{"name": name, "type": list(kind), "cells": cells} for name, (kind, cells) in reply["columns"].items()]
    rows = {"keys": reply["keys"], "event times": reply["event_times"], "created at": none, "known at": none, "columns": columns}
    return {"lsn": reply["lsn"], "next": reply["next"], "rows": rows}


def said_of_prepare(reply):
    roles = [{"entity": role.entity, "role": role.name, "parts": named(role.parts, "name", "type")} for role in reply["roles"]]
    columns = [
        {"name": column.name, "type": list(column.type), "feature": column.source, "default": int(column.defaulted), "ttl": column.ttl}
        for column in reply["columns"]]
    return {
        "handle": reply["handle"], "flags": int(reply["dense"]), "fingerprint": reply["fingerprint"], "roles": roles,
        "columns": columns}


def renamed(**names):
    """The words' names for those of the reader."""
    return lambda reply: {names.get(name, name.replace("_", " ")): int(value) if value is True or value is False else value
                          for name, value in reply.items()}


def said_of_push(reply):
    return {
        "first, last, durable": [reply["first"], reply["last"], reply["durable"]], "time": reply["time"],
        "accepted, set aside, erased, set back": [reply[name] for name in ("accepted", "set_aside", "erased", "set_back")],
        "again": int(reply["again"]),
        "tallies": [{{"row": "first row"}.get(name, name): value for name, value in one.items()} for one in reply["tallies"]]}


STAMPS = "lsn, event time, created at, known at"


def stamps(one):
    return [one[name] for name in ("lsn", "event_time", "created_at", "known_at")]


def said_of_history(reply):
    events = [
        {"operation": one["operation"], "fate": one["fate"], "assumed": int(one["assumed"]), STAMPS: stamps(one),
         "producer": one["producer"], "rule": one["rule"],
         "cells": [{"feature": name, "type": list(kind), "value": value} for name, kind, value in one["cells"]]}
        for one in reply["events"]]
    return {
        "lsn": reply["lsn"], "time": reply["time"], "may lack": int(reply["may_lack"]), "horizon": list(reply["horizon"]),
        "view": reply["view"], "next": reply["place"], "events": events}


def said_of_explain(reply):
    cells = [
        {"code": cell["code"], "candidates": [
            {"reason": one["reason"], "assumed": int(one["assumed"]), STAMPS: stamps(one), "producer": one["producer"],
             "said": one["said"]} for one in cell["candidates"]]} for cell in reply["cells"]]
    return {
        "lsn": reply["lsn"], "time": reply["time"], "may lack": int(reply["may_lack"]), "rows": reply["rows"],
        "service": reply["service"], "columns": [dict(name=name, type=list(kind), feature=of) for name, kind, of in reply["columns"]],
        "cells": cells}


TELLERS = {
    wire.HISTORY: said_of_history, wire.EXPLAIN: said_of_explain,
    wire.HELLO: renamed(), wire.PREPARE: said_of_prepare, wire.PUSH: said_of_push, wire.SCAN: said_of_scan,
    wire.ERASE: lambda reply: {**reply, "rows": None, "views": named(reply["rows"].items(), "name", "count")},
    wire.PRODUCER: renamed(sequence="last sequence"), wire.WAIT: renamed(), wire.PING: renamed(echo="bytes"),
    wire.STATS: lambda reply: {"entries": named(reply.items(), "name", "value")},
    wire.DESCRIBE: lambda reply: {"json": reply}, wire.RELEASE: lambda reply: {},
    wire.CONSOLE: renamed(out="output", error="errors"),
    wire.ERROR: lambda reply: {**reply, "details": named(reply["details"], "name", "value")}}


def same(a, b):
    if isinstance(a, dict) and isinstance(b, dict):
        return all(same(a.get(name), b.get(name)) for name in {*a, *b})
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, (float, int)):
        return struct.pack("<d", a) == struct.pack("<d", b) or math.isnan(a) and math.isnan(b)
    return a == b or a is b


def reader_of(frame, words):
    if frame.type == wire.ERROR:
        return wire.error_of, TELLERS[wire.ERROR]
    kind = frame.type - wire.REPLY
    if kind == wire.GET:
        columns, options = asked(words.pop("to"))
        return lambda body: wire.get_reply(body, columns, options), lambda reply: said_of_get(reply, options)
    return wire.REPLIES[kind], TELLERS[kind]


def compare(path, findings, how):
    name = os.path.basename(path)[:-4]
    words, frame = vector(path)
    if frame.type < wire.REPLY:
        written = WRITERS[frame.type](words)
        if written != frame.body:
            at = next((at for at, (a, b) in enumerate(zip(written, frame.body)) if a != b), min(len(written), len(frame.body)))
            findings.fault(f"{name}: written from the page it differs at {at}: {written[at:at + 16].hex()}", how)
        findings.counts["requests"] += 1
        return
    read, tell = reader_of(frame, words)
    said = tell(read(frame.body))
    if not same(said, words):
        wrong = {key: (said.get(key), words.get(key)) for key in {*said, *words} if not same(said.get(key), words.get(key))}
        findings.fault(f"{name}: read from the page it says otherwise: {wrong}", how)
    findings.counts["replies"] += 1
    for cut in range(len(frame.body)):
        expect_refusal(read, frame.body[:cut], f"{name}, cut at {cut}", findings, how)
    # PING's echo is as long as it likes.
    if frame.type != wire.PING + wire.REPLY:
        expect_refusal(read, frame.body + b"\0", f"{name}, one byte longer", findings, how)
    for bit in range(8 * len(frame.body)):
        broken = bytearray(frame.body)
        broken[bit // 8] ^= 1 << bit % 8
        findings.counts["bits flipped"] += 1
        try:
            read(bytes(broken))
        except wire.Malformed:
            findings.counts["of them refused"] += 1


def expect_refusal(read, body, what, findings, how):
    findings.counts["cut or grown"] += 1
    if read == wire.REPLIES[wire.PING] and len(body) >= 16:
        return
    try:
        read(body)
    except wire.Malformed:
        return
    findings.fault(f"{what}: it was read", how)


def compare_receipt(findings, how):
    """The one of the vectors, made again from what the page says it is made of."""
    words, _ = vector(os.path.join(VECTORS, "explain-receipt.hex"))
    sent = wire.Receipt(*words["moment"][1].values())
    made = wire.receipt_of(bytes(range(17, 33)), bytes(range(32)), sent.lsn, sent.time, words["keys"])
    if made != sent or not re.fullmatch("r1_[0-9a-f]{80}", wire.receipt_text(made)):
        findings.fault(f"a receipt made from the page is {made}, and not {sent}", how)
    findings.counts["receipts"] += 1


def main():
    findings = torture.Findings("independent client")
    paths = sorted(glob.glob(os.path.join(VECTORS, "*.hex")))
    if not paths:
        findings.fault(f"there are no vectors in {VECTORS}", SELF)
    for path in paths:
        try:
            compare(path, findings, SELF)
        except (wire.Malformed, ValueError, KeyError, AssertionError, struct.error) as error:
            findings.fault(f"{os.path.basename(path)}: {type(error).__name__}: {error}", SELF)
    compare_receipt(findings, SELF)
    findings.conclude()


main()
