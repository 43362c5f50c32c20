"""The asyncio twin of the online calls: same codec, same errors, same promises.

    async with await apus.aio.connect() as store:
        x = await store.get_online_features("fraud@1", [{"card_id": "c42", "payer_id": 7, "payee_id": 9}])

Any number of tasks share one connection: requests go out at once, and replies find their tasks by number. A store belongs to the
event loop that opened it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Callable, TypeVar

from . import core, wire
from .connection import Greeting, raised, read_body
from .core import RetryPolicy, Session, Steps, ask_of, doubtful, milliseconds, no_server, once
from .errors import (
    ApusError,
    BadReply,
    CallTimeout,
    ClosedError,
    ConnectionLost,
    InputError,
    SessionError,
    ShuttingDown,
)
from .past import Explanation, History
from .past_calls import explaining, history_of
from .pusher import Plan, Pusher, describing
from .pushing import EventTime, NanIs, PushOptions
from .results import OnlineFeatures, PushResult, Receipt
from .store import seconds_of, settings_of
from .wire import HEADER, Buffer, Hello

T = TypeVar("T")


async def connect(
    url: str | None = None,
    token: str | None = None,
    token_file: str | None = None,
    *,
    timeout: float = 5.0,
    connect_timeout: float = 5.0,
    retries: int = 8,
    project: str = "",
    producer: str | None = None,
    compress_from: int = 0,
    name: str = "",
) -> Store:
    """Opens a store, as `apus.connect` does."""
    greeting, timeout, connect_timeout, _, retry, project, producer = settings_of(
        url, token, token_file, timeout, connect_timeout, 1, retries, project, producer, compress_from, name
    )
    store = Store(greeting, timeout, connect_timeout, retry, project, producer)
    # Whoever cannot come in should hear it now, and not from the first call.
    await store._connected(time.monotonic() + connect_timeout)
    return store


class _Call:
    """A request under way."""

    __slots__ = ("future", "kind")

    def __init__(self, kind: int, future: asyncio.Future[Buffer]) -> None:
        self.kind, self.future = kind, future


class Connection:
    """One stream, read by a task of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._calls: dict[int, _Call] = {}
        self._last = 0
        self._error: ApusError | None = None
        self.session: Any = None
        self._compression = 0
        self._frame_max = 1 << 16
        self._room = asyncio.Semaphore(1)
        self._task = asyncio.ensure_future(self._read())

    @classmethod
    async def open(cls, greeting: Greeting, timeout: float) -> Connection:
        address = greeting.address
        deadline = time.monotonic() + timeout
        try:
            if address.is_unix:
                opening: Any = asyncio.open_unix_connection(address.host)
            else:
                opening = asyncio.open_connection(address.host, address.port)
            reader, writer = await asyncio.wait_for(opening, timeout)
        except asyncio.TimeoutError:
            raise no_server(address, f"nobody took the connection within {timeout:.3g} s") from None
        except OSError as error:
            raise no_server(address, error.strerror or error) from None
        connection = cls(reader, writer)
        try:
            hello: Hello = wire.hello_reply(await connection.call(wire.HELLO, greeting.body, deadline))
        except ConnectionLost as error:
            connection.close()
            raise no_server(address, error.what) from None
        except BaseException:
            connection.close()
            raise
        connection.session = Session(hello)
        connection._frame_max, connection._compression = hello.frame_max, hello.compression
        connection._room = asyncio.Semaphore(hello.in_flight_max)
        return connection

    @property
    def is_good(self) -> bool:
        return self._error is None

    def close(self, error: ApusError | None = None) -> None:
        """Ends it; calls under way end in `error`."""
        if self._error is None:
            self._error = error or ClosedError("the store was closed", next="apus.aio.connect() opens another")
            self._task.cancel()
            # The loop may be closed already, when the last reference goes at its end.
            with contextlib.suppress(RuntimeError):
                self._writer.close()
        calls, self._calls = self._calls, {}
        for call in calls.values():
            if not call.future.done():
                call.future.set_exception(_like(self._error))

    async def call(self, kind: int, body: bytes, deadline: float) -> Buffer:
        """The body of the reply; its error is raised."""
        loop = asyncio.get_running_loop()
        left = deadline - time.monotonic()
        if left <= 0:
            raise CallTimeout("there was no time left to ask", next="give a longer timeout")
        flags = 0
        if self._compression and len(body) >= self._compression:
            from .compression import compress

            body, flags = compress(body)
        if len(body) > self._frame_max:
            raise InputError(
                f"a request of {len(body)} bytes, where at most {self._frame_max} are taken", next="send less at once"
            )
        if self._room.locked():
            try:
                await asyncio.wait_for(self._room.acquire(), left)
            except asyncio.TimeoutError:
                raise CallTimeout("too many calls were under way", next="ask less at a time, or for longer") from None
        else:
            await self._room.acquire()
        request = 0
        try:
            if self._error is not None:
                raise _like(self._error)
            future: asyncio.Future[Buffer] = loop.create_future()
            if kind != wire.HELLO:
                request = self._last = self._last + 1
            self._calls[request] = _Call(kind, future)
            late = loop.call_later(left, _expire, future, left)
            try:
                self._writer.write(wire.frame(kind, request, body, milliseconds(left) if request else 0, flags))
                return await future
            finally:
                late.cancel()
        finally:
            self._room.release()

    async def _read(self) -> None:
        reader = self._reader
        try:
            while True:
                length, kind, flags, deadline, request = HEADER.unpack(await reader.readexactly(16))
                if length > self._frame_max or flags > wire.COMPRESSED or deadline:
                    raise wire.malformed(f"a header says length {length}, flags {flags}, deadline {deadline}", 0)
                whole = await reader.readexactly(length + (-length & 7))
                if any(whole[length:]):
                    raise wire.malformed("no zeroes follow a body", 16 + length)
                body = read_body(flags, whole[:length] if len(whole) != length else whole, self.session)
                self._answer(kind, request, body)
        except asyncio.CancelledError:
            raise
        except (asyncio.IncompleteReadError, OSError) as error:
            self.close(ConnectionLost(f"the connection ended: {getattr(error, 'strerror', None) or 'the server closed it'}"))
        except ApusError as error:
            self.close(error)

    def _answer(self, kind: int, request: int, body: Buffer) -> None:
        call = self._calls.get(request)
        if kind == wire.ERROR:
            error = raised(body, call is not None)
            if call is None or isinstance(error, SessionError):
                return self.close(error)
            del self._calls[request]
            if not call.future.done():
                call.future.set_exception(error)
            if isinstance(error, ShuttingDown):
                self.close(ConnectionLost("the server is shutting down", wait=error.wait))
            return None
        if call is None or kind != call.kind | wire.REPLY:
            raise wire.malformed(f"a reply of type {kind} to request {request} answers nothing", 4)
        del self._calls[request]
        # Who waited too long has gone, and this comes late.
        if not call.future.done():
            call.future.set_result(body)
        return None


def _like(error: ApusError) -> ApusError:
    """A copy: each task raises its own, with its own traceback."""
    out = type(error)(error.what, error.where, error.next, wait=error.wait, details=error.details)
    out.number, out.retryable = error.number, error.retryable
    return out


def _expire(future: asyncio.Future[Buffer], seconds: float) -> None:
    if not future.done():
        future.set_exception(
            CallTimeout(
                f"no answer came within {seconds:.3g} s",
                next="give a longer timeout, or look what the server does: `apus status`",
            )
        )


class Store:
    """A feature store, for the tasks of one event loop; `connect` makes one."""

    def __init__(
        self,
        greeting: Greeting,
        timeout: float,
        connect_timeout: float,
        retry: RetryPolicy,
        project: str,
        producer: str | None,
    ) -> None:
        self._greeting = greeting
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._retry = retry
        self._project = project
        self._pusher = Pusher(producer)
        self._connection: Connection | None = None
        self._is_closed = False
        self._connecting = asyncio.Lock()
        self._named = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<apus.aio.Store at {self._greeting.address}>"

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connection. Calls under way end in errors."""
        self._is_closed = True
        if self._connection is not None:
            self._connection.close()
        self._pusher.jobs.close()

    async def _connected(self, deadline: float) -> Connection:
        connection = self._connection
        if connection is not None and connection.is_good:
            return connection
        async with self._connecting:
            if self._is_closed:
                raise ClosedError("the store was closed", next="apus.aio.connect() opens another")
            connection = self._connection
            if connection is None or not connection.is_good:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise CallTimeout("there was no time left to connect", next="give a longer timeout")
                connection = self._connection = await Connection.open(self._greeting, min(self._connect_timeout, left))
            return connection

    def _deadline(self, timeout: float | None) -> float:
        return time.monotonic() + (self._timeout if timeout is None else seconds_of(timeout))

    async def _drive(self, connection: Connection, steps: Steps[T], deadline: float) -> T:
        try:
            kind, body = next(steps)
            while True:
                try:
                    reply = await connection.call(kind, body, deadline)
                except ApusError as error:
                    if not connection.is_good:
                        raise
                    kind, body = steps.throw(error)
                else:
                    kind, body = steps.send(reply)
        except StopIteration as done:
            out: T = done.value
            return out
        except BadReply as error:
            connection.close(error)
            raise

    async def _run(
        self, make: Callable[[Session], Steps[T]], deadline: float, is_repeatable: bool = True, is_write: bool = False
    ) -> T:
        attempts = 0
        while True:
            attempts += 1
            was_sent = False
            try:
                connection = await self._connected(deadline)
                was_sent = True
                return await self._drive(connection, make(connection.session), deadline)
            except ApusError as error:
                wait = self._retry.wait(error, attempts, is_repeatable, deadline - time.monotonic())
                if wait is None:
                    if is_write:
                        doubtful(error, was_sent, is_repeatable)
                    raise
                await asyncio.sleep(wait)

    async def _play(self, plan: Plan[T], deadline: float | None) -> T:
        try:
            make = next(plan)
            while True:
                try:
                    until = self._deadline(None) if deadline is None else deadline
                    out = await self._run(make, until)
                except ApusError as error:
                    make = plan.throw(error)
                except BaseException as error:
                    # A cancelled task lets its lane go.
                    plan.throw(error)
                    raise
                else:
                    make = plan.send(out)
        except StopIteration as done:
            result: T = done.value
            return result

    async def get_online_features(
        self,
        features: str | Sequence[str],
        entities: Any,
        *,
        event_times: bool = False,
        lsns: bool = False,
        stale: bool = False,
        dense: str | None = None,
        min_lsn: int | None = None,
        at: Receipt | None = None,
        timeout: float | None = None,
        project: str | None = None,
    ) -> OnlineFeatures:
        """As `apus.Store.get_online_features`."""
        deadline = self._deadline(timeout)
        project = self._project if project is None else project
        ask = ask_of(features, entities, event_times, lsns, stale, dense, min_lsn, at, project)
        return await self._run(lambda session: core.get(session, ask), deadline)

    async def history(
        self, key: Any, view: str, *, at: Any = None, at_lsn: int | None = None, time: Any = None, start: Any = None, end: Any = None,
        newest_first: bool = False, refused: bool = False, limit: int | None = None, project: str | None = None,
        timeout: float | None = None,
    ) -> History:  # fmt: skip
        """As `apus.Store.history`."""
        plan = history_of(
            self._pusher, key, view, at, at_lsn, time, start, end, newest_first, refused, limit,
            self._project if project is None else project,
        )  # fmt: skip
        return await self._play(plan, None if timeout is None else self._deadline(timeout))

    async def explain(
        self, of: Any, keys: Any = None, *, features: str | Sequence[str] | None = None, view: str | None = None, at: Any = None,
        at_lsn: int | None = None, time: Any = None, project: str | None = None, timeout: float | None = None,
    ) -> Explanation:  # fmt: skip
        """As `apus.Store.explain`."""
        plan = explaining(of, keys, features, view, at, at_lsn, time, self._project if project is None else project)
        return await self._play(plan, self._deadline(timeout))

    async def push(
        self,
        view: str,
        data: Any,
        *,
        event_time: EventTime = None,
        known_at: str | None = None,
        created_at: str | None = None,
        time_unit: str | None = None,
        timezone: str | None = None,
        mode: str = "upsert",
        nan_is: NanIs = None,
        ignore_unknown: bool = False,
        all_or_nothing: bool = False,
        on_refused: str = "raise",
        project: str | None = None,
        timeout: float | None = None,
    ) -> PushResult:
        """As `apus.Store.push`. A long frame is converted on the event loop: push it from a thread, with `apus.connect`."""
        deadline = self._deadline(timeout)
        options = PushOptions(
            event_time,
            known_at,
            created_at,
            time_unit,
            timezone,
            mode,
            nan_is,
            ignore_unknown,
            all_or_nothing,
            on_refused,
            self._project if project is None else project,
        )
        if self._pusher.jobs.producer is None:
            return await self._play(self._pusher.push(view, data, options), None if timeout is None else deadline)
        try:
            await asyncio.wait_for(self._named.acquire(), max(0.0, deadline - time.monotonic()))
        except asyncio.TimeoutError:
            raise CallTimeout(
                f"the producer {self._pusher.jobs.producer} was busy with other pushes", next="give a longer timeout"
            ) from None
        try:
            return await self._play(self._pusher.push(view, data, options), None if timeout is None else deadline)
        finally:
            self._named.release()

    async def delete(
        self,
        view: str,
        entities: Any,
        *,
        event_time: EventTime = None,
        project: str | None = None,
        timeout: float | None = None,
        timezone: str | None = None,
        time_unit: str | None = None,
    ) -> PushResult:
        """As `apus.Store.delete`."""
        return await self.push(
            view,
            entities,
            event_time=event_time,
            mode="delete",
            project=project,
            timeout=timeout,
            timezone=timezone,
            time_unit=time_unit,
        )

    async def ping(self, timeout: float | None = None) -> wire.Pong:
        """As `apus.Store.ping`."""
        return await self._run(once(wire.PING, b"", wire.ping_reply), self._deadline(timeout))

    async def wait(self, lsn: int, durable: bool = False, timeout: float | None = None) -> wire.WaitReply:
        """As `apus.Store.wait`."""
        what = wire.DURABLE if durable else wire.VISIBLE
        return await self._run(once(wire.WAIT, wire.wait(lsn, what), wire.wait_reply), self._deadline(timeout))

    async def describe(self, name: str = "", *, project: str | None = None, timeout: float | None = None) -> dict[str, Any]:
        """As `apus.Store.describe`."""
        project = self._project if project is None else project
        out: dict[str, Any] = json.loads(await self._play(describing(name, project), self._deadline(timeout)))
        return out
