"""Compressed bodies. Off unless `compress_from` is given, and only then is something needed that knows zstd: pyarrow does."""

from __future__ import annotations

import struct
from typing import Any

from . import wire
from .errors import BadReply, InputError
from .wire import Buffer

_HEAD = struct.Struct("<II")


def codec() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise InputError("compress_from needs pyarrow, which is not installed", next="pip install pyarrow") from None
    return pyarrow


def compress(body: bytes) -> tuple[bytes, int]:
    """A body and its flags; as it was where compressing does not make it shorter."""
    out = _HEAD.pack(len(body), 0) + codec().compress(body, codec="zstd", asbytes=True)
    return (out, wire.COMPRESSED) if len(out) < len(body) else (body, 0)


def decompress(body: Buffer, shortest: int, frame_max: int) -> bytes:
    if len(body) < _HEAD.size:
        raise wire.malformed("a compressed body is cut", len(body))
    raw, zero = _HEAD.unpack_from(body)
    if zero or not shortest <= raw <= frame_max:
        raise wire.malformed(f"a compressed body of {raw} bytes is not what was agreed", 0)
    try:
        out: bytes = codec().decompress(bytes(body[_HEAD.size :]), decompressed_size=raw, codec="zstd", asbytes=True)
    except (OSError, ValueError) as error:
        raise BadReply(f"a compressed body cannot be read: {error}") from error
    if len(out) != raw:
        raise wire.malformed(f"a compressed body has {len(out)} bytes, and says {raw}", 0)
    return out
