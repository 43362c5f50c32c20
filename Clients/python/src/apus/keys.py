"""Keys of entities as bytes: `Sources/ApusBytes/KeyEncoding.md` of the server is the law.

A part has exactly the type of its definition. A number is never text, a float never a whole number, and true is not 1.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Final

import numpy as np

from .errors import BadReply, InputError
from .times import Clock, moment_of, spell_type
from .types import BOOL, BYTES, INT32, INT64, NAMES, STRING, TIMESTAMP
from .wire import KeyPart, Role

KEY_MAX: Final = 400
_U16: Final = struct.Struct("<H")
_I32_BE, _I64_BE = struct.Struct(">I"), struct.Struct(">Q")


def _text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is {spell_type(value)}, not a string")
    return _escaped(value.encode())


def _bytes(value: Any) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"{value!r} is {spell_type(value)}, not bytes")
    return _escaped(bytes(value))


def _escaped(data: bytes) -> bytes:
    if b"\0" in data or b"\1" in data:
        data = data.replace(b"\1", b"\1\2").replace(b"\0", b"\1\1")
    return data + b"\0"


def _whole(value: Any, bits: int) -> int:
    if type(value) is not int:
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
            hint = "; whole numbers only" if isinstance(value, (float, np.floating)) else ""
            raise TypeError(f"{value!r} is {spell_type(value)}, not an int{bits}{hint}")
        value = operator.index(value)
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise ValueError(f"{value} does not fit into an int{bits}")
    return int(value)


def _int32(value: Any) -> bytes:
    return _I32_BE.pack(_whole(value, 32) + (1 << 31))


def _int64(value: Any) -> bytes:
    return _I64_BE.pack(_whole(value, 64) + (1 << 63))


def _timestamp(value: Any) -> bytes:
    return _I64_BE.pack(moment_of(value) + (1 << 63))


def _bool(value: Any) -> bytes:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{value!r} is {spell_type(value)}, not a bool")
    return b"\1" if value else b"\0"


_ENCODERS: Final[dict[int, Callable[[Any], bytes]]] = {
    BOOL: _bool, INT32: _int32, INT64: _int64, STRING: _text, BYTES: _bytes, TIMESTAMP: _timestamp,
}  # fmt: skip


def encode_part(element: int, value: Any, clock: Clock | None = None) -> bytes:
    """One part of a key. `clock`: how a time is read; without it, a naive one is UTC, and warned of."""
    if clock is not None and element == TIMESTAMP:
        return _I64_BE.pack(clock.nanoseconds(value) + (1 << 63))
    try:
        return _ENCODERS[element](value)
    except KeyError:
        raise BadReply(f"a key cannot have the type {NAMES.get(element, element)}") from None


_PREFIXES: Final = tuple(_U16.pack(count + 1) for count in range(KEY_MAX))


def _text_keys(name: str, rows: Sequence[Mapping[str, Any]]) -> bytes | None:
    """Rows of a key that is one text without control characters; None when they are anything else."""
    out: list[bytes] = []
    try:
        for row in rows:
            if len(row) != 1:
                return None
            data = row[name].encode()
            if type(data) is not bytes:
                return None
            out += (_PREFIXES[len(data)], data, b"\0")
        whole = b"".join(out)
    except (KeyError, AttributeError, IndexError, TypeError, ValueError):
        return None
    # Each key ends in one zero, and the prefixes of short keys have another byte that is zero or one.
    text = b"".join(out[1::3])
    return None if b"\0" in text or b"\1" in text else whole


class RowKeys:
    """Encodes rows of a request as they are sent: each role's key as a short."""

    def __init__(self, roles: Sequence[Role]) -> None:
        self.roles = roles
        self.names = tuple(dict.fromkeys(part.name for role in roles for part in role.parts))
        for role in roles:
            for part in role.parts:
                if part.element not in _ENCODERS:
                    raise BadReply(f"the key {part.name} cannot have type {part.element}")
        # Most vectors ask for keys of one part each; those are the fast ones.
        self._single = (
            tuple((role.parts[0].name, _ENCODERS[role.parts[0].element]) for role in roles)
            if all(len(role.parts) == 1 for role in roles)
            else None
        )

        only = self._single[0] if self._single is not None and len(self._single) == 1 else None
        self._text_name = only[0] if only is not None and only[1] is _text else None

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        """Each row names every part, and nothing else."""
        out = []
        pack, count = _U16.pack, len(self.names)
        if self._text_name is not None:
            fast = _text_keys(self._text_name, rows)
            if fast is not None:
                return fast
        if self._single is not None:
            single = self._single
            try:
                for row in rows:
                    if len(row) != count:
                        raise KeyError
                    for name, encode in single:
                        key = encode(row[name])
                        if len(key) > KEY_MAX:
                            raise ValueError
                        out.append(pack(len(key)))
                        out.append(key)
                return b"".join(out)
            except (KeyError, TypeError, ValueError, AttributeError):
                # Said properly below.
                out.clear()
        for number, row in enumerate(rows):
            out.append(self._row(number, row))
        return b"".join(out)

    def _row(self, number: int, row: Mapping[str, Any]) -> bytes:
        if not isinstance(row, Mapping):
            raise InputError(
                f"row {number} is {spell_type(row)}, not a dict",
                next=f'write [{{"{self.names[0]}": …}}], a frame, or a dict of columns',
            )
        out = []
        for role in self.roles:
            key = b""
            for part in role.parts:
                if part.name not in row:
                    raise InputError(
                        f"row {number} has no {part.name}", f"the key of {role.name or role.entity}",
                        f"every row names {', '.join(self.names)}",
                    )  # fmt: skip
                key += part_of_row(part, row[part.name], number)
            out.append(key_as_short(key, role.entity, number))
        unknown = [str(name) for name in row if name not in self.names]
        if unknown:
            raise InputError(
                f"row {number} has {', '.join(sorted(unknown))}, which no key has",
                next=f"every row names {', '.join(self.names)} and nothing else",
            )
        return b"".join(out)


def part_of_row(part: KeyPart, value: Any, number: int, clock: Clock | None = None) -> bytes:
    try:
        return encode_part(part.element, value, clock)
    except (TypeError, ValueError) as error:
        what = "nothing" if value is None else str(error)
        raise InputError(
            f"{part.name} of row {number}: {what}",
            f"{part.name} is {NAMES[part.element]}",
            "a key has a value, of exactly its type, in every row",
        ) from None


def key_as_short(key: bytes, entity: str, number: int) -> bytes:
    if len(key) > KEY_MAX:
        raise InputError(
            f"the key of row {number} has {len(key)} bytes, where at most {KEY_MAX} are allowed",
            f"entity {entity}", "hash long keys before they are used",
        )  # fmt: skip
    return _U16.pack(len(key)) + key


def decode_key(parts: Sequence[KeyPart], data: bytes) -> tuple[Any, ...]:
    """The parts of a key that a server sent; a timestamp is a `numpy.datetime64`."""
    out: list[Any] = []
    at = 0
    for part in parts:
        size = {BOOL: 1, INT32: 4, INT64: 8, TIMESTAMP: 8}.get(part.element, 0)
        if at + size > len(data) or (part.element == BOOL and data[at] > 1):
            raise BadReply("a key is cut, or has a bool that there is not")
        if part.element == BOOL:
            out.append(data[at] == 1)
            at += 1
        elif size:
            value = int.from_bytes(data[at : at + size], "big") - (1 << 8 * size - 1)
            out.append(np.datetime64(value, "ns") if part.element == TIMESTAMP else value)
            at += size
        else:
            end = data.find(b"\0", at)
            if end < 0:
                raise BadReply("a key is cut")
            content = data[at:end]
            if b"\1" in content:
                content = _unescaped(content)
            try:
                out.append(content.decode() if part.element == STRING else content)
            except UnicodeDecodeError as error:
                raise BadReply("a key is no UTF-8") from error
            at = end + 1
    if at != len(data):
        raise BadReply(f"a key has {len(data) - at} bytes too many")
    return tuple(out)


def _unescaped(data: bytes) -> bytes:
    out = bytearray()
    at = 0
    while at < len(data):
        if data[at] == 1:
            if at + 1 == len(data) or data[at + 1] not in (1, 2):
                raise BadReply("a key has an escape that there is not")
            out.append(data[at + 1] - 1)
            at += 2
        else:
            out.append(data[at])
            at += 1
    return bytes(out)
