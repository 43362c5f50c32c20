"""Blocking connections, and the pool of them. A connection has one request under way at a time; whoever waits longer than its time
gives the connection up, because its reply may still come.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
import time
from typing import Any, Final, NamedTuple

from . import wire
from .address import Address
from .core import Session, milliseconds, no_server
from .errors import (
    ApusError,
    BadReply,
    CallTimeout,
    ClosedError,
    ConnectionLost,
    InputError,
    ShuttingDown,
    TooSlow,
)  # fmt: skip
from .version import CLIENT
from .wire import HEADER, Buffer, Token

_BUFFER: Final = 64 << 10
_TIME: Final = struct.Struct("ll")
#: A connection that lay idle for so long is looked at before it is used.
_IDLE_SECONDS: Final = 1.0
_FOREVER: Final = -1.0


class Greeting(NamedTuple):
    """What every connection of a client begins with."""

    address: Address
    token: Token | None
    name: str
    compress_from: int

    @property
    def body(self) -> bytes:
        client = f"{CLIENT} {self.name}" if self.name else CLIENT
        return wire.hello(client, self.token, self.compress_from)


def read_reply_head(kind: int, request: int, head: tuple[int, int, int, int, int], frame_max: int) -> int:
    """Checks a frame's header against what was asked; the length of what follows, its zeroes included."""
    length, came, flags, deadline, number = head
    if length > frame_max or flags > wire.COMPRESSED or deadline:
        raise wire.malformed(f"a header says length {length}, flags {flags}, deadline {deadline}", 0)
    if came != wire.ERROR and (came != kind | wire.REPLY or number != request):
        raise wire.malformed(f"a reply of type {came} to request {number} answers {kind}, request {request}", 4)
    if came == wire.ERROR and number not in (request, 0):
        raise wire.malformed(f"an error for request {number} answers request {request}", 8)
    return length + (-length & 7)


def read_body(flags: int, body: Buffer, session: Session | None) -> Buffer:
    """As it was before it was compressed."""
    if not flags & wire.COMPRESSED:
        return body
    from .compression import decompress

    if session is None or session.hello.compression == 0:
        raise wire.malformed("a body is compressed, and nobody agreed to that", 5)
    return decompress(body, session.hello.compression, session.hello.frame_max)


def raised(body: Buffer, is_answer: bool) -> ApusError:
    """The error that a frame says. One that answers no request and is not about who asks is a connection's end."""
    error = wire.refusal(body).error()
    if not is_answer and isinstance(error, TooSlow):
        return ConnectionLost(error.what, error.where, error.next)
    return error


class Connection:
    """One socket and its HELLO."""

    def __init__(self, greeting: Greeting, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        address = greeting.address
        try:
            if address.is_unix:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._socket.settimeout(timeout)
                self._socket.connect(address.host)
            else:
                self._socket = socket.create_connection((address.host, address.port), timeout)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            with contextlib.suppress(AttributeError):
                self._socket.close()
            raise no_server(address, error.strerror or error) from None
        self.is_good = True
        self.last_used = time.monotonic()
        self.session: Any = None
        self._request = 0
        self._timeout = 0.0
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._frame_max = 1 << 16
        self._compression = 0
        # Blocking, and the kernel keeps the time: a poll before every read would cost as much as the read.
        self._socket.settimeout(None)
        try:
            hello = wire.hello_reply(self.call(wire.HELLO, greeting.body, deadline))
        except ConnectionLost as error:
            self.close()
            raise no_server(address, error.what) from None
        except BaseException:
            self.close()
            raise
        self.session = Session(hello)
        self._frame_max = hello.frame_max
        self._compression = hello.compression

    def close(self) -> None:
        self.is_good = False
        self._socket.close()

    def is_idle_and_open(self) -> bool:
        """Whether nothing came that nobody asked for, an end of the stream above all."""
        try:
            # Not `select`, which knows no descriptor above 1023.
            look = select.poll()
            look.register(self._socket, select.POLLIN | select.POLLHUP | select.POLLERR)
            return not look.poll(0)
        except (OSError, ValueError):
            return False

    def has_input(self) -> bool:
        """Whether something came."""
        return not self.is_idle_and_open()

    @property
    def raw(self) -> socket.socket:
        """For streams, which read and write frames of their own."""
        return self._socket

    @property
    def frame_max(self) -> int:
        return self._frame_max

    def next_request(self) -> int:
        self._request += 1
        return self._request

    def keep_time(self, left: float | None) -> None:
        """From here on a read or write ends after so many seconds; None: never."""
        if left is not None:
            return self._set_timeout(left)
        if self._timeout != _FOREVER:
            for which in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                self._socket.setsockopt(socket.SOL_SOCKET, which, _TIME.pack(0, 0))
            self._timeout = _FOREVER
        return None

    def _set_timeout(self, left: float) -> None:
        # Within a twentieth it stays as it was: most calls have the same time.
        if not self._timeout * 0.95 <= left <= self._timeout:
            value = _TIME.pack(int(left), int(left % 1 * 1e6) or 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)
            self._timeout = left

    def call(self, kind: int, body: bytes, deadline: float) -> Buffer:
        """The body of the reply; its error is raised."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise CallTimeout("there was no time left to ask", next="give a longer timeout")
        flags = 0
        if self._compression and len(body) >= self._compression and kind != wire.HELLO:
            body, flags = _compressed(body)
        if len(body) > self._frame_max:
            raise InputError(
                f"a request of {len(body)} bytes, where at most {self._frame_max} are taken",
                next="send less at once",
            )
        if kind == wire.HELLO:
            request, frame = 0, wire.frame(kind, 0, body)
        else:
            request = self._request = self._request + 1
            frame = wire.frame(kind, request, body, milliseconds(left), flags)
        try:
            self._set_timeout(left)
            self._socket.sendall(frame)
            return self._reply(kind, request, deadline)
        except BadReply:
            self.close()
            raise
        except ApusError:
            # Some of these are errors of the system, too, as `Forbidden` is a `PermissionError`.
            raise
        except BlockingIOError:
            self.close()
            raise CallTimeout(
                f"no answer came within {max(left, 0):.3g} s",
                next="give a longer timeout, or look what the server does: `apus status`",
            ) from None
        except OSError as error:
            self.close()
            raise ConnectionLost(f"the connection ended: {error.strerror or error}") from None

    def _reply(self, kind: int, request: int, deadline: float) -> Buffer:
        view = self._view
        have = 0
        while have < 16:
            have += self._receive(view[have:], deadline if have else None)
        head = HEADER.unpack_from(self._buffer)
        length = head[0]
        total = 16 + read_reply_head(kind, request, head, self._frame_max)
        body: Buffer
        if total <= _BUFFER:
            while have < total:
                have += self._receive(view[have:], deadline)
            body = bytes(view[16 : 16 + length])
            zeroes: Any = view[16 + length : total]
        else:
            whole = bytearray(total - 16)
            target = memoryview(whole)
            target[: have - 16] = view[16:have]
            while have < total:
                have += self._receive(target[have - 16 :], deadline)
            body, zeroes = target[:length].toreadonly(), target[length:]
        if zeroes and any(zeroes):
            raise wire.malformed("no zeroes follow a body", 16 + length)
        if have > total:
            # Words of the server that answer nothing: this reply is whole, and the connection ends.
            self.is_good = False
        if head[1] == wire.ERROR:
            error = raised(read_body(head[2], body, self.session), head[4] == request)
            if head[4] == 0 or not (error.retryable or _keeps_connection(error)):
                self.close()
            if isinstance(error, ShuttingDown):
                self.is_good = False
            raise error
        return read_body(head[2], body, self.session) if head[2] else body

    def _receive(self, into: memoryview, deadline: float | None) -> int:
        if deadline is not None and time.monotonic() > deadline:
            raise BlockingIOError
        count = self._socket.recv_into(into)
        if count == 0:
            raise ConnectionResetError(None, "the server closed it")
        return count


def _keeps_connection(error: ApusError) -> bool:
    from .errors import SessionError

    return not isinstance(error, SessionError)


def _compressed(body: bytes) -> tuple[bytes, int]:
    from .compression import compress

    return compress(body)


class Pool:
    """Connections that threads share: each call has one for itself."""

    def __init__(self, greeting: Greeting, size: int, connect_timeout: float) -> None:
        self.greeting = greeting
        self._size = size
        self._connect_timeout = connect_timeout
        self._reset()

    def _reset(self) -> None:
        # After a fork the child makes its own: two processes in one stream would read each other's answers.
        self._changed = threading.Condition()
        self._idle: list[Connection] = []
        self._count = 0
        self._closed = False
        self._pid = os.getpid()

    def take(self, deadline: float) -> Connection:
        if self._pid != os.getpid():
            self._reset()
        with self._changed:
            while True:
                if self._closed:
                    raise ClosedError("the store was closed", next="apus.connect() opens another")
                while self._idle:
                    connection = self._idle.pop()
                    if time.monotonic() - connection.last_used < _IDLE_SECONDS or connection.is_idle_and_open():
                        return connection
                    connection.close()
                    self._count -= 1
                if self._count < self._size:
                    self._count += 1
                    break
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise CallTimeout(
                        f"all {self._size} connections were busy",
                        next="connect(pool_size=…) allows more, timeout= waits longer",
                    )
        try:
            left = deadline - time.monotonic()
            if left <= 0:
                raise CallTimeout("there was no time left to connect", next="give a longer timeout")
            return Connection(self.greeting, min(self._connect_timeout, left))
        except BaseException:
            self._forget()
            raise

    def give(self, connection: Connection) -> None:
        """Back, for the next call; one that ended is forgotten."""
        if not connection.is_good:
            connection.close()
            return self._forget()
        connection.last_used = time.monotonic()
        with self._changed:
            if self._closed:
                connection.close()
                self._count -= 1
            else:
                self._idle.append(connection)
            self._changed.notify()
        return None

    def _forget(self) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify()

    def drop_idle(self) -> None:
        """Where one connection broke, the others that lie idle are looked at by nobody: they go."""
        with self._changed:
            idle, self._idle = self._idle, []
            self._count -= len(idle)
            self._changed.notify_all()
        for connection in idle:
            connection.close()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.drop_idle()
