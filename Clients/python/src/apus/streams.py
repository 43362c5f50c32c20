"""A stream over a blocking connection: a request, pieces in both directions under credit, and the reply that ends it.

Whoever stops in the middle closes the connection, and the server stops, too. An error that the server says leaves the connection good.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterable
from typing import Callable, Final

from . import export_wire, wire
from .connection import Connection, raised
from .errors import BadReply, CallTimeout, ConnectionLost, SessionError
from .export_wire import Progress
from .wire import HEADER, PADDING, Buffer

DATA, CREDIT, END, CANCEL, PROGRESS = 20, 21, 22, 23, 24
#: Bytes that a server may have under way to this client; a piece of ours is never longer than the other.
WINDOW: Final = 8 << 20
PIECE: Final = 256 << 10


class Stream:
    """One stream under way. `deadline`: None, it may take as long as it takes."""

    def __init__(self, connection: Connection, kind: int, body: bytes, deadline: float | None) -> None:
        self._connection, self._kind, self._deadline = connection, kind, deadline
        self._request = connection.next_request()
        self._sent = self._came = 0
        self._credit = self._window = 0
        self.reply: Buffer | None = None
        self.progress: Callable[[Progress], None] | None = None
        with contextlib.suppress(OSError):
            # A machine that went away without a word is noticed.
            connection.raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._send(kind, body)

    def upload(self, pieces: Iterable[Buffer]) -> None:
        """Sends all of them, as the server takes them, and the end."""
        for whole in pieces:
            view = memoryview(whole).cast("B")
            at = 0
            while at < len(view):
                while not self._credit:
                    self._one()
                count = min(len(view) - at, self._credit, PIECE)
                self._send(DATA, export_wire.data(self._sent, view[at : at + count]))
                self._sent += 1
                self._credit -= count
                at += count
                # A refusal comes while there is more to send.
                while self._connection.has_input():
                    self._one()
        self._send(END, b"")

    def download(self, take: Callable[[memoryview], None]) -> Buffer:
        """Hands on every piece; the reply, when it comes."""
        while self.reply is None:
            if self._window < WINDOW // 2:
                self._send(CREDIT, export_wire.credit(WINDOW - self._window))
                self._window = WINDOW
            piece = self._one()
            if piece is not None:
                take(piece)
        return self.reply

    def _send(self, kind: int, body: bytes) -> None:
        connection = self._connection
        self._keep_time()
        try:
            connection.raw.sendall(wire.frame(kind, self._request, body))
        except BlockingIOError:
            raise self._late() from None
        except OSError as error:
            raise self._lost(error) from None

    def _keep_time(self) -> None:
        left = None if self._deadline is None else self._deadline - time.monotonic()
        if left is not None and left <= 0:
            raise self._late()
        self._connection.keep_time(left)

    def _late(self) -> CallTimeout:
        self._connection.close()
        return CallTimeout(
            "the set was not whole in time", next="give a longer timeout, or none: a set takes as long as it takes"
        )

    def _lost(self, error: OSError) -> ConnectionLost:
        self._connection.close()
        return ConnectionLost(f"the connection ended: {error.strerror or error}")

    def _exactly(self, into: memoryview) -> None:
        have = 0
        while have < len(into):
            self._keep_time()
            try:
                count = self._connection.raw.recv_into(into[have:])
            except BlockingIOError:
                raise self._late() from None
            except OSError as error:
                raise self._lost(error) from None
            if not count:
                raise self._lost(ConnectionResetError(None, "the server closed it"))
            have += count

    def _one(self) -> memoryview | None:
        """Reads one frame and does what it says; a piece of data is handed out."""
        connection = self._connection
        head = bytearray(HEADER.size)
        self._exactly(memoryview(head))
        length, kind, flags, deadline, request = HEADER.unpack(head)
        if length > connection.frame_max or flags or deadline:
            raise self._bad(wire.malformed(f"a header says length {length}, flags {flags}, deadline {deadline}", 0))
        whole = bytearray(length + (-length & 7))
        self._exactly(memoryview(whole))
        body = memoryview(whole)[:length].toreadonly()
        if whole[length:] != PADDING[len(whole) - length]:
            raise self._bad(wire.malformed("no zeroes follow a body", 16 + length))
        try:
            return self._judge(kind, request, body)
        except BadReply as error:
            raise self._bad(error) from None

    def _bad(self, error: BadReply) -> BadReply:
        self._connection.close()
        return error

    def _judge(self, kind: int, request: int, body: memoryview) -> memoryview | None:
        if kind == wire.ERROR and request in (self._request, 0):
            error = raised(body, request == self._request)
            if request == 0 or isinstance(error, (SessionError, ConnectionLost)):
                self._connection.close()
            raise error
        if request != self._request:
            raise wire.malformed(f"a frame of type {kind} for request {request} answers nothing", 8)
        if kind == DATA:
            piece = export_wire.data_piece(body, self._came)
            self._came += 1
            self._window -= len(piece)
            if self._window < 0:
                raise wire.malformed("a stream has more than was asked for", 0)
            return piece
        if kind == CREDIT:
            self._credit += export_wire.credit_given(body)
        elif kind == PROGRESS:
            said = export_wire.progress(body)
            if self.progress is not None:
                self.progress(said)
        elif kind == self._kind | wire.REPLY:
            self.reply = body
        else:
            raise wire.malformed(f"a frame of type {kind} has no place in a stream", 4)
        return None
