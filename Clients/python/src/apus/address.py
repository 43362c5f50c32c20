"""Where a server is, and who asks: addresses and tokens, as a person writes them."""

from __future__ import annotations

import os
from typing import NamedTuple

from .errors import AddressError, InputError
from .wire import Token

DEFAULT_PORT = 7399
_NEXT = "write tcp://host:port or unix:/path"


class Address(NamedTuple):
    """Of TCP, or of a Unix socket, which has no port."""

    host: str
    port: int

    @property
    def is_unix(self) -> bool:
        return self.port == 0

    def __str__(self) -> str:
        if self.is_unix:
            return f"unix:{self.host}"
        return f"tcp://[{self.host}]:{self.port}" if ":" in self.host else f"tcp://{self.host}:{self.port}"

    @classmethod
    def parse(cls, words: str) -> Address:
        if not isinstance(words, str):
            raise AddressError(f"{words!r} is no address", next=_NEXT)
        if words.startswith("unix:"):
            path = words[len("unix:") :]
            if not path.startswith("/") or len(path.encode()) > 107 or "\0" in path:
                raise AddressError(f"{words!r} is no address: a path begins with / and is short", next=_NEXT)
            return cls(path, 0)
        rest = words[len("tcp://") :] if words.startswith("tcp://") else words
        if "://" in rest:
            raise AddressError(f"{words!r} is no address: there are two kinds", next=_NEXT)
        host, colon, port = rest.rpartition(":")
        if not colon or not port.isdecimal() or not 0 < int(port) < 65536:
            raise AddressError(f"{words!r} is no address: a port follows the host", next=_NEXT)
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            raise AddressError(f"{words!r} is no address: an IPv6 address stands in brackets", next=_NEXT)
        if not host or any(letter in "/@" or letter.isspace() for letter in host):
            raise AddressError(f"{words!r} is no address: this is no host", next=_NEXT)
        return cls(host, int(port))


def address_of(url: str | None) -> Address:
    """What was given, else `$APUS_URL`, else this machine."""
    return Address.parse(url or os.environ.get("APUS_URL") or f"tcp://127.0.0.1:{DEFAULT_PORT}")


def token_of(token: str | None, token_file: str | None) -> Token | None:
    """What was given, else what is in the file of `$APUS_TOKEN_FILE`."""
    if token is not None and token_file is not None:
        raise InputError("token and token_file are both given", next="give one of them")
    if token is None:
        path = token_file or os.environ.get("APUS_TOKEN_FILE")
        if not path:
            return None
        try:
            with open(path, encoding="ascii") as file:
                token = file.read()
        except (OSError, ValueError) as error:
            raise InputError(
                f"the token cannot be read: {error}",
                str(path),
                "name the file with what `apus token create` printed",
            ) from None
    parts = token.strip().split("_")
    try:
        secret = bytes.fromhex(parts[2]) if len(parts) == 3 and parts[0] == "apus" else b""
    except ValueError:
        secret = b""
    if len(secret) != 32 or not parts[1]:
        # What it is stays unsaid: it may be most of a secret.
        raise InputError("this is no token", next="give what `apus token create` printed: apus_ID_SECRET")
    return Token(parts[1], secret)
