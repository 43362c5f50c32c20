"""A server that does what a test says: it answers frame by frame, or ends the connection."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Any, Callable

from apus import wire

#: Of a request, what is sent back: a type and a body, b"" to end the connection, None to say nothing, or what speaks a stream.
Answer = Callable[["Peer", int, bytes], Any]

HELLO = (
    struct.pack("<HHIQ", 1, 0, 0, 0) + bytes(range(16)) + bytes(16) + struct.pack("<QqIIIBBH", 9, 0, 1 << 24, 256, 10_000, 1, 7, 0)
    + wire.short("peer 1")
)  # fmt: skip


def refusal(code: int, kind: int, what: str = "as the test said", wait: int = 0) -> tuple[int, bytes]:
    body = struct.pack("<HBBI", code, kind, 0, wait) + wire.text(what) + wire.text("") + wire.text("") + struct.pack("<H", 0)
    return wire.ERROR, body


def pushed(first: int, last: int) -> tuple[int, bytes]:
    rows = last - first + 1
    return wire.PUSH | 128, struct.pack("<QQQqIIIIB3sI", first, last, last, 0, rows, 0, 0, 0, 0, b"\0\0\0", 0)


DESCRIBED = (
    '{"project":"p","view":{"name":"v@1","events":1,"entity":{"name":"e","keys":[{"name":"k","type":"string"}]},'
    '"feature_list":[{"name":"f","type":"int64"}]}}'
)


def usual(peer: Peer, kind: int, body: bytes) -> Any:
    """What a well-behaved server says."""
    if kind == wire.DESCRIBE:
        return kind | 128, wire.text(DESCRIBED)
    if kind == wire.PRODUCER:
        peer.epochs += 1
        return kind | 128, struct.pack("<IIQ", 1, peer.epochs, peer.sequence) + bytes(8)
    if kind == wire.PUSH:
        peer.sequence = max(peer.sequence, struct.unpack_from("<Q", body, 24)[0])
        return pushed(9 + peer.sequence, 9 + peer.sequence)
    if kind == wire.PING:
        return kind | 128, struct.pack("<qQ", 1, 9) + body
    if kind == wire.PREPARE:
        role = wire.short("e") + wire.short("") + struct.pack("<H", 1) + wire.short("k") + b"\6"
        column = wire.short("f") + b"\3\0\0\0" + wire.short("v@1:f") + b"\0" + bytes(8)
        peer.handles += 1
        head = struct.pack("<II", peer.handles, 1) + bytes([peer.handles]) * 32
        return kind | 128, head + b"\1\0" + role + b"\1\0" + column
    if kind == wire.GET:
        return kind | 128, struct.pack("<QqBBHHHq", 9, 7, 1, body[6], 1, 1, 0, 42)
    return kind | 128, b""


#: DATA, CREDIT and END.
STREAMED = (20, 21, 22)


class Frames:
    """One stream, as a test's server sees it."""

    def __init__(self, connection: socket.socket, stream: Any, request: int) -> None:
        self._connection, self._stream, self.request = connection, stream, request

    def send(self, kind: int, body: bytes = b"", request: int | None = None) -> None:
        self._connection.sendall(wire.frame(kind, self.request if request is None else request, body))

    def read(self) -> tuple[int, bytes] | None:
        """The next frame; None: the client has gone."""
        try:
            head = self._stream.read(16)
            if len(head) < 16:
                return None
            length, kind, _, _, _ = wire.HEADER.unpack(head)
            return kind, self._stream.read(length + (-length & 7))[:length]
        except OSError:
            return None


class Peer:
    """Listens on a port of its own; `requests` has what came."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer = answer or usual
        self.requests: list[tuple[int, bytes]] = []
        self.epochs = self.sequence = self.handles = self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone does not wake the thread that accepts.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def kinds(self) -> list[int]:
        return [kind for kind, _ in self.requests]

    def bodies(self, wanted: int) -> list[bytes]:
        return [body for kind, body in self.requests if kind == wanted]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        with connection, stream, contextlib.suppress(ConnectionResetError):
            while len(head := stream.read(16)) == 16:
                length, kind, _, _, request = wire.HEADER.unpack(head)
                body = stream.read(length + (-length & 7))[:length]
                if kind in STREAMED:
                    # Of a stream whose end its sender did not know yet.
                    continue
                if kind == wire.HELLO:
                    said: Any = (kind | 128, HELLO)
                else:
                    self.requests.append((kind, body))
                    said = self.answer(self, kind, body)
                if said == b"":
                    return
                if callable(said):
                    # A stream: the test has the connection until it returns; False ends it.
                    if said(Frames(connection, stream, request)) is False:
                        return
                elif isinstance(said, bytes):
                    connection.sendall(said)
                elif said is not None:
                    connection.sendall(wire.frame(said[0], request, said[1]))
