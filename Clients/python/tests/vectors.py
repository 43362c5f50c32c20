"""Reads `Tests/Vectors/wire-1`: the words of a frame, and its bytes."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any, NamedTuple

from apus.cells import ABSENT
from apus.types import FeatureType
from apus.wire import HEADER, ColumnInfo

FOLDER = Path(__file__).resolve().parents[3] / "Tests/Vectors/wire-1"
_TOKEN = re.compile(
    r'\s*(f32:[0-9a-f]+|f64:[0-9a-f]+|0x[0-9a-f]*|-?\d+|-|null|absent|deleted|"(?:[^"\\]|\\.)*"|[\[\]{},:]|[a-z][a-z ,]*(?=:))'
)


class Vector(NamedTuple):
    name: str
    says: dict[str, Any]
    kind: int
    flags: int
    request: int
    body: bytes
    frame: bytes


class _Words:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def token(self, peek: bool = False) -> str:
        found = _TOKEN.match(self.text, self.at)
        assert found, self.text[self.at : self.at + 40]
        if not peek:
            self.at = found.end()
        return found[1]

    def several(self, end: str) -> list[str]:
        out = []
        while self.token(peek=True) != end:
            out.append(self.item(end))
            if self.token(peek=True) == ",":
                self.token()
        self.token()
        return out

    def item(self, end: str) -> Any:
        if end == "]":
            return self.value()
        name = self.token()
        assert self.token() == ":"
        return name, self.value()

    def value(self) -> Any:
        token = self.token()
        if token == "[":
            return self.several("]")
        if token == "{":
            return dict(self.several("}"))
        if token[0] == '"':
            return json.loads(token)
        if token.startswith("0x"):
            return bytes.fromhex(token[2:])
        if token.startswith(("f32:", "f64:")):
            size = int(token[1:3]) // 8
            return struct.unpack("<f" if size == 4 else "<d", int(token[4:], 16).to_bytes(size, "little"))[0]
        if token == "absent":
            return ABSENT
        if token == "deleted":
            return token
        return None if token in ("-", "null") else int(token)


def _fields(lines: list[str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    last = ""
    for line in lines:
        name, _, words = line.partition(":")
        if line.startswith("  "):
            out[last].append(line.strip() if last == "to" else _Words(line).value())
        elif name == "to":
            out[name], last = [words.strip()], name
        elif words.strip().startswith("a text of"):
            # A body worth compressing, in words.
            found = re.fullmatch(r" a text of \d+ bytes, the letter (.) (\d+) times between quotation marks", words)
            assert found, words
            out[name] = '"' + found[1] * int(found[2]) + '"'
        elif words.strip():
            out[name] = _Words(words).value()
        else:
            out[name], last = [], name
    return out


def read(path: Path) -> Vector:
    words, data = [], bytearray()
    for line in path.read_text().splitlines():
        digits, _, comment = line.partition("#")
        if digits.strip():
            data += bytes.fromhex(digits.strip())
        elif comment:
            words.append(comment[1:])
    length, kind, flags, _, request = HEADER.unpack_from(data)
    return Vector(path.stem, _fields(words[1:]), kind, flags, request, bytes(data[16 : 16 + length]), bytes(data))


def asked(words: list[str]) -> tuple[list[ColumnInfo], int, int, int]:
    """Of a reply to GET: columns, rows, layout, options."""
    numbers = re.search(r"rows (\d+), layout (\d+), options (\d+)", words[0])
    assert numbers
    columns = []
    for line in words[1:]:
        found = re.fullmatch(r"(\w+) ([\w<>\[\]]+)(, with a default)?", line)
        assert found, line
        columns.append(ColumnInfo(found[1], FeatureType.parse(found[2]), "", bool(found[3]), 0))
    rows, layout, options = map(int, numbers.groups())
    return columns, rows, layout, options


#: A client does not say it: it closes the connection.
NEVER_SENT = {23}


def _kind(path: Path) -> int:
    """The type of a frame, by its header."""
    line = next(line for line in path.read_text().splitlines() if line.partition("#")[0].strip())
    kind = bytes.fromhex(line.partition("#")[0].strip())[4]
    return kind if kind == 255 else kind & 127


ALL = [read(path) for path in sorted(FOLDER.rglob("*.hex")) if _kind(path) not in NEVER_SENT]
