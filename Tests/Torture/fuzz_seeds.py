#!/usr/bin/env python3
"""First inputs for Tests/Torture/fuzz.sh: the golden vectors, each for the decoder that it belongs to."""

import pathlib
import sys

root = pathlib.Path(__file__).resolve().parents[2]
corpus = pathlib.Path(sys.argv[1])

REQUESTS = {1: "hello", 2: "prepare", 3: "get", 4: "push", 5: "delete", 6: "erase", 7: "producer", 8: "wait",
            9: "scan", 10: "describe", 11: "stats", 12: "ping", 13: "release", 14: "console", 16: "history",
            17: "explain", 18: "export", 20: "data", 21: "credit", 24: "progress"}
# Replies and frames that are empty have nothing to read.
EMPTY = {13 + 128, 22, 23}
LAYOUTS = {1: "columns", 2: "row", 3: "float32", 4: "float64"}


def put(target, name, data):
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def hexed(path):
    lines = (line.split("#")[0] for line in path.read_text().splitlines())
    return bytes.fromhex("".join(lines))


def target_of(kind):
    if kind == 255:
        return "error"
    if kind > 128:
        name = REQUESTS[kind - 128]
        return "push-reply" if name == "delete" else name + "-reply"
    return REQUESTS[kind]


messages = 0
for path in sorted((root / "Tests/Vectors/wire-1").rglob("*.hex")):
    frame = hexed(path)
    length, kind, flags = int.from_bytes(frame[:4], "little"), frame[4], frame[5]
    body = frame[16:16 + length]
    put("header", path.stem, frame)
    messages += 1
    if flags & 1:
        put("compressed", path.stem, body)
        continue
    if kind in EMPTY:
        continue
    target = target_of(kind)
    if target == "get-reply":
        # The first byte says what was asked: layout, options, rows.
        layout, rows = body[17], int.from_bytes(body[18:20], "little")
        for options in range(8):
            put(target, f"{path.stem}-{options}", bytes([layout & 3 | options << 2 | (rows - 1 & 3) << 5]) + body)
        continue
    put(target, path.stem, body)
if messages < 30:
    sys.exit(f"only {messages} golden messages are there")

for path in sorted((root / "Tests/Vectors/contracts-1").glob("*.hex")):
    put("records" if path.stem == "events" else "row", path.stem, hexed(path))
for path in sorted((root / "Tests/Vectors/store-1").glob("*.hex")):
    data = hexed(path)
    for target in ("records", "note", "dead-letter", "registry"):
        put(target, path.stem, data)
        put(target, path.stem + "-body", data[8:])

put("receipt", "text", b"r1_" + b"0123456789abcdef" * 5)
put("receipt", "name", b"fingerprint:0123456789abcdef")

# Keys: the first byte says of which parts.
put("key", "string", b"\x04c42\x00\x00")
put("key", "int64", b"\x02\x80\x00\x00\x00\x00\x00\x00\x2a")
for path in (root / "Config").rglob("*.yaml"):
    put("definitions", path.stem, path.read_bytes()[:4096])
