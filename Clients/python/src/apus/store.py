"""The store as a program sees it: one object, safe for threads, which keeps connections, prepares vectors and repeats what failed.

A call ends in an answer or an `ApusError` at its timeout at the latest. What reads is repeated when that may help, and so is a push,
whose requests are numbered: whatever breaks on the way, its rows are there once.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from types import TracebackType
from typing import Any, Callable, TypeVar

from . import core, wire
from .address import address_of, token_of
from .commands import Definitions, files_of, outcome
from .connection import Connection, Greeting, Pool
from .core import RetryPolicy, Session, Steps, ask_of, doubtful, once
from .errors import ApusError, BadReply, CallTimeout, ConnectionLost, InputError
from .export_wire import Progress
from .exporting import Checks, export_of
from .past import Explanation, History
from .past_calls import explaining, history_of
from .pusher import Plan, Pusher, applying, describing, erasing, rows_of
from .pushing import EventTime, NanIs, PushOptions, ViewSchema
from .reply import scan_reply
from .results import Erasure, OnlineFeatures, PushResult, Receipt, Row
from .training import TrainingSet

T = TypeVar("T")
#: Seconds, for what takes as long as it takes.
_NO_TIMEOUT = 1e8


def connect(
    url: str | None = None,
    token: str | None = None,
    token_file: str | None = None,
    *,
    timeout: float = 5.0,
    connect_timeout: float = 5.0,
    pool_size: int = 8,
    retries: int = 8,
    project: str = "",
    producer: str | None = None,
    compress_from: int = 0,
    name: str = "",
) -> Store:
    """Opens a store: the server at `url`, else at `$APUS_URL`, else on this machine.

    `token`: what `apus token create` printed; else the file `token_file`, else that of `$APUS_TOKEN_FILE`.
    `timeout`: seconds that a call takes at most, its retries included; a push that names no other has it for each of its requests.
    `pool_size`: connections, and so calls of threads at a time.
    `project`: may be left out where there is only one.
    `producer`: the name under which pushes are numbered; whoever takes it later fences this client. Without it, a name of this machine.
    `compress_from`: bytes from which on bodies go compressed; 0: none does. Needs pyarrow.
    `name`: of this program, in the server's list of connections.

    >>> with apus.connect() as store:
    ...     store.ping().visible > 0
    True
    """
    settings = settings_of(
        url,
        token,
        token_file,
        timeout,
        connect_timeout,
        pool_size,
        retries,
        project,
        producer,
        compress_from,
        name,
    )
    return Store(*settings)


def settings_of(
    url: str | None, token: str | None, token_file: str | None, timeout: float, connect_timeout: float,
    pool_size: int, retries: int, project: str, producer: str | None, compress_from: int, name: str,
) -> tuple[Greeting, float, float, int, RetryPolicy, str, str | None]:  # fmt: skip
    """What both kinds of stores are opened with, looked through."""
    for what, seconds in (("timeout", timeout), ("connect_timeout", connect_timeout)):
        seconds_of(seconds, what)
    for what, number, least in (
        ("pool_size", pool_size, 1),
        ("retries", retries, 0),
        ("compress_from", compress_from, 0),
    ):
        if not isinstance(number, int) or isinstance(number, bool) or number < least:
            raise InputError(f"{what} is {number!r}", next=f"give a whole number, at least {least}")
    if compress_from:
        from .compression import codec

        codec()
    if producer is not None and (not isinstance(producer, str) or not 0 < len(producer.encode()) <= 256):
        raise InputError(f"producer is {producer!r}", next="give a name of 1 to 256 bytes, or leave it out")
    greeting = Greeting(address_of(url), token_of(token, token_file), name, compress_from)
    return greeting, timeout, connect_timeout, pool_size, RetryPolicy(retries), project, producer


def seconds_of(value: Any, what: str = "timeout") -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
        raise InputError(f"{what} is {value!r}", next="give seconds, more than 0")
    return float(value)


class Store:
    """A feature store; `connect` makes one. Any number of threads may use it, and a forked child, too."""

    def __init__(
        self, greeting: Greeting, timeout: float, connect_timeout: float, pool_size: int, retry: RetryPolicy, project: str,
        producer: str | None,
    ) -> None:  # fmt: skip
        self._pool = Pool(greeting, pool_size, connect_timeout)
        self._timeout = timeout
        self._retry = retry
        self._project = project
        self._pusher = Pusher(producer)
        self._named = threading.Lock()
        # Whoever cannot come in should hear it now, and not from the first call.
        self._pool.give(self._pool.take(time.monotonic() + connect_timeout))

    def __repr__(self) -> str:
        return f"<apus.Store at {self._pool.greeting.address}>"

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections. Calls under way end in errors."""
        self._pool.close()
        self._pusher.jobs.close()

    def __del__(self) -> None:
        # One that nobody closed; or one that never came to be.
        with contextlib.suppress(Exception):
            self.close()

    @property
    def address(self) -> str:
        """Where the server is."""
        return str(self._pool.greeting.address)

    # How a call is made

    def _deadline(self, timeout: float | None) -> float:
        return time.monotonic() + (self._timeout if timeout is None else seconds_of(timeout))

    def _drive(self, connection: Connection, steps: Steps[T], deadline: float) -> T:
        try:
            kind, body = next(steps)
            while True:
                try:
                    reply = connection.call(kind, body, deadline)
                except ApusError as error:
                    if not connection.is_good:
                        raise
                    kind, body = steps.throw(error)
                else:
                    kind, body = steps.send(reply)
        except StopIteration as done:
            out: T = done.value
            return out
        except BadReply:
            connection.is_good = False
            raise

    def _run(
        self,
        make: Callable[[Session], Steps[T]],
        deadline: float,
        is_repeatable: bool = True,
        is_write: bool = False,
    ) -> T:
        return self._attempts(
            lambda connection: self._drive(connection, make(connection.session), deadline), deadline, is_repeatable, is_write
        )

    def _attempts(
        self,
        act: Callable[[Connection], T],
        deadline: float,
        is_repeatable: bool,
        is_write: bool,
        policy: RetryPolicy | None = None,
    ) -> T:
        retry = policy or self._retry
        attempts = 0
        while True:
            attempts += 1
            connection: Connection | None = None
            try:
                connection = self._pool.take(deadline)
                out = act(connection)
                self._pool.give(connection)
                return out
            except ApusError as error:
                if connection is not None:
                    self._pool.give(connection)
                if isinstance(error, ConnectionLost):
                    self._pool.drop_idle()
                left = deadline - time.monotonic()
                wait = retry.wait(error, attempts, is_repeatable, left)
                if wait is None:
                    if is_write:
                        doubtful(error, connection is not None, is_repeatable)
                    raise
                time.sleep(wait)
            except BaseException:
                # Half a call may lie in the socket.
                if connection is not None:
                    connection.close()
                    self._pool.give(connection)
                raise

    # Reading

    def get_online_features(
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
        """The newest features of entities: a service (`"fraud@1"`), or a list of `"view:feature"`.

        `entities`: dicts, a frame, a dict of columns or an Arrow table; one row each comes back, in their order.
        `event_times`, `lsns`: give those of the winners, too. `stale`: give values that are out of age, too.
        `dense`: `"float32"` or `"float64"`: one matrix of numbers, which `to_numpy()` lends without a copy.
        `min_lsn`: wait until this LSN can be read: a push's `result.lsn`. `at`: a receipt, whose answer is given again.

        >>> x = store.get_online_features("fraud@1", [{"card_id": "c42", "payer_id": 7, "payee_id": 9}], event_times=True)
        >>> x.statuses["avg_amount_30d"], x.reasons["payer__opened_at"]
        (array([1], dtype=uint8), ['never seen'])
        """
        deadline = self._deadline(timeout)
        ask = ask_of(
            features,
            entities,
            event_times,
            lsns,
            stale,
            dense,
            min_lsn,
            at,
            self._project if project is None else project,
        )
        return self._run(lambda session: core.get(session, ask), deadline)

    def ping(self, timeout: float | None = None) -> wire.Pong:
        """Whether the server is there, its clock and what can be read."""
        return self._run(once(wire.PING, b"", wire.ping_reply), self._deadline(timeout))

    def wait(self, lsn: int, durable: bool = False, timeout: float | None = None) -> wire.WaitReply:
        """Waits until an LSN can be read, or is on disk."""
        what = wire.DURABLE if durable else wire.VISIBLE
        return self._run(once(wire.WAIT, wire.wait(lsn, what), wire.wait_reply), self._deadline(timeout))

    def status(self, timeout: float | None = None) -> dict[str, dict[str, wire.Figure]]:
        """The server's figures: `server`, `store` and `connections`."""
        deadline = self._deadline(timeout)
        return {
            name: self._run(once(wire.STATS, bytes((kind,)), wire.stats_reply), deadline)
            for kind, name in ((1, "server"), (2, "store"), (3, "connections"))
        }

    def describe(self, name: str = "", *, project: str | None = None, timeout: float | None = None) -> dict[str, Any]:
        """What is known of a view or a service; without a name, of everything.

        >>> [one["name"] for one in store.describe("card_activity")["view"]["feature_list"]]
        ['txn_count_24h', 'avg_amount_30d', 'last_action', 'embedding']
        """
        project = self._project if project is None else project
        words = self._play(describing(name, project), self._deadline(timeout))
        out: dict[str, Any] = json.loads(words)
        return out

    def scan(self, view: str, *, page: int = 1000, project: str | None = None, timeout: float | None = None) -> Iterator[Row]:
        """Every row of a view, in the order of keys; pages are asked for as they are needed, each within `timeout`.

        >>> next(store.scan("card_activity")).key
        {'card_id': 'c42'}
        """
        if not isinstance(page, int) or not 0 < page < 1 << 32:
            raise InputError(f"page is {page!r}", next="give how many rows to ask for at once, at least 1")
        project = self._project if project is None else project
        schema = self._play(self._pusher.schema(view, project), self._deadline(timeout))
        return self._pages(view, schema, page, project, timeout)

    def _pages(self, view: str, schema: ViewSchema, page: int, project: str, timeout: float | None) -> Iterator[Row]:
        start = b""
        while True:
            body = wire.scan(view, page, start, project)
            said = self._run(once(wire.SCAN, body, scan_reply), self._deadline(timeout))
            yield from rows_of(said, schema)
            start = said.next
            if not start:
                return

    # Looking back

    def history(
        self, key: Any, view: str, *, at: Any = None, at_lsn: int | None = None, time: Any = None, start: Any = None, end: Any = None,
        newest_first: bool = False, refused: bool = False, limit: int | None = None, project: str | None = None,
        timeout: float | None = None,
    ) -> History:  # fmt: skip
        """Every event of an entity in a view, in the order in which they were written, with what became of each.

        `at`: what was known at this moment, or as it was at a receipt; `at_lsn`: as it was at this LSN, ages judged at `time`.
        `start`, `end`: only what became true from then on, up to then. `refused`: events that wait as dead letters, too.
        `limit`: so many at most. They come in pages; each has `timeout` of the store, unless the call says its own for all.

        >>> [event.features for event in store.history({"card_id": "c42"}, "card_activity")]
        [{'txn_count_24h': 3, 'avg_amount_30d': 12.5}]
        """
        plan = history_of(
            self._pusher, key, view, at, at_lsn, time, start, end, newest_first, refused, limit,
            self._project if project is None else project,
        )  # fmt: skip
        return self._play(plan, None if timeout is None else self._deadline(timeout))

    def explain(
        self, of: Any, keys: Any = None, *, features: str | Sequence[str] | None = None, view: str | None = None, at: Any = None,
        at_lsn: int | None = None, time: Any = None, project: str | None = None, timeout: float | None = None,
    ) -> Explanation:  # fmt: skip
        """Why cells are what they are, or were: the event that won, and of the others the one that came nearest.

        `explain(receipt, keys)`: what an answer was, and why, by its receipt (or its text) and the keys it was asked for. A receipt of a
        list of features needs `features`. `explain(keys, view=…)`, or `features=`, a service or a list of features: now; `at`: what was
        known at this moment, or a receipt's; `at_lsn`: as it was at this LSN, ages judged at `time`.

        >>> x = store.get_online_features("fraud@1", [{"card_id": "c42", "payer_id": 7, "payee_id": 9}])
        >>> why = store.explain(x.receipt, {"card_id": "c42", "payer_id": 7, "payee_id": 9})
        >>> why["txn_count_24h"].winner.value, why["payer__opened_at"].reason
        (3, 'never seen')
        """
        deadline = self._deadline(timeout)
        plan = explaining(of, keys, features, view, at, at_lsn, time, self._project if project is None else project)
        return self._play(plan, deadline)

    # Training sets

    def get_historical_features(
        self, spine: Any = None, features: str | Sequence[str] | None = None, *, time: str | None = None, view: str | None = None,
        time_unit: str | None = None, timezone: str | None = None, keys: Mapping[str, str] | None = None, lsn: str | None = None,
        start: Any = None, end: Any = None, at: Any = None, at_lsn: int | None = None, pin: str | None = None,
        ignore_known_at: bool = False, strict_before: bool = False, delay: str | None = None, beyond_history: str = "error",
        stale: bool = False, columns: Sequence[str] = (), prefix: str = "", split: str | None = None, checks: Checks = None,
        progress: Callable[[Progress], None] | None = None, project: str | None = None, timeout: float | None = None,
    ) -> TrainingSet:  # fmt: skip
        """A training set: for each label the features as they could be known at its moment. Needs pyarrow.

        `spine`: labels with keys and times, as dicts, a dict of columns, a pandas, polars or Arrow table, or the path of a Parquet, Arrow or
        CSV file; every column of it is in the set. `features`: a service, or a list of `"view:feature"`; `view`: all of a view.
        Without a spine, `view` alone: the moments of its own events, from `start` up to `end`.
        `time`: the column of the labels' times; if not said, `event_timestamp`, else the only one of timestamps. `keys`: what the spine
        calls a key that a request calls otherwise. `lsn`: a column of LSNs that are to be repeated.
        `at`, `at_lsn`, `pin`: from what was written by then. `ignore_known_at`: by event time alone, which leaks.
        `columns`: also `statuses`, `reasons`, `event_times`, `lsns` of every feature. `checks`: thresholds, as a dict or a file.
        `timeout`: None, it takes as long as it takes, and waits its turn where the server makes others' sets; Ctrl-C ends it here and there.

        >>> t = store.get_historical_features({"card_id": ["c42"], "label_time": ["2100-01-01T00:00:00Z"]},
        ...     "card_activity:txn_count_24h", time="label_time", stale=True)
        >>> t.to_arrow().to_pydict()["txn_count_24h"]
        [3]
        """
        export = export_of(
            spine, features, view=view, time=time, time_unit=time_unit, timezone=timezone, keys=keys, lsn=lsn, start=start, end=end,
            at=at, at_lsn=at_lsn, pin=pin, ignore_known_at=ignore_known_at, strict_before=strict_before, delay=delay,
            beyond_history=beyond_history, stale=stale, columns=columns, prefix=prefix, split=split, checks=checks, progress=progress,
            project=self._project if project is None else project,
        )  # fmt: skip
        until = None if timeout is None else self._deadline(timeout)
        # A reader that can be gone through but once has given its rows away by the second attempt.
        is_repeatable = export.spine is None or not export.spine.is_once
        return self._attempts(
            lambda connection: export.over(connection, until), monotonic() + _NO_TIMEOUT if until is None else until,
            is_repeatable, False, self._retry._replace(queues=True),
        )  # fmt: skip

    # Writing

    def push(
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
        """Writes rows: dicts, a pandas frame, an Arrow table or batch, or a dict of columns.

        `event_time`: the column that says when a row became true; a datetime for all; `apus.NOW`; else `event_timestamp`, if there is
        one, else now. `known_at`: `"live"`, `"now"`, `"event-time"`, `"event-time+15m"`, `"column:NAME"`; if not said, dicts are live, and
        a table is known at its event times where the view never held an event, else now. `created_at`: the column of the producer's
        own revision time. `mode`: `"delete"` ends the rows of these keys. `nan_is="null"`: NaN in columns of floats is a blank.
        `on_refused`: `"return"` gives the result where rows break rules, instead of raising `RowsRefused`.

        Pushed again after an error that is `retryable`, the same rows go on where they were, and nothing is there twice.

        >>> store.push("card_activity", {"card_id": "c42", "txn_count_24h": 4}).accepted
        1
        """
        deadline = self._deadline(timeout)
        options = PushOptions(
            event_time, known_at, created_at, time_unit, timezone, mode, nan_is, ignore_unknown, all_or_nothing, on_refused,
            self._project if project is None else project,
        )  # fmt: skip
        if self._pusher.jobs.producer is None:
            return self._play(self._pusher.push(view, data, options), None if timeout is None else deadline)
        if not self._named.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise CallTimeout(
                f"the producer {self._pusher.jobs.producer} was busy with other pushes",
                next="give a longer timeout",
            )
        try:
            return self._play(self._pusher.push(view, data, options), None if timeout is None else deadline)
        finally:
            self._named.release()

    def delete(
        self, view: str, entities: Any, *, event_time: EventTime = None, project: str | None = None,
        timeout: float | None = None, timezone: str | None = None, time_unit: str | None = None,
    ) -> PushResult:  # fmt: skip
        """Ends the rows of these keys in a view; a later event begins a new one.

        >>> store.delete("card_activity", [{"card_id": "c7"}]).accepted
        1
        """
        return self.push(
            view, entities, event_time=event_time, mode="delete", project=project, timeout=timeout, timezone=timezone,
            time_unit=time_unit,
        )  # fmt: skip

    def erase(
        self,
        keys: Mapping[str, Any],
        *,
        dry_run: bool = False,
        project: str | None = None,
        timeout: float | None = None,
    ) -> Erasure:
        """Forgets everything whose key holds one of these values, in all views, for good. It is not repeated by itself.

        >>> store.erase({"card_id": "c7"}, dry_run=True).lsn is None
        True
        """
        deadline = self._deadline(timeout)
        plan = erasing(keys, self._project if project is None else project, dry_run)
        return self._play(plan, deadline, is_repeatable=dry_run, is_write=not dry_run)

    # Definitions

    def plan(self, definitions: Definitions, *, timeout: float | None = None) -> dict[str, Any]:
        """What applying definitions would change, and for whom: the keys of `apus plan --json`.

        >>> store.plan("Config/examples/fraud")["empty"]
        True
        """
        paths, files = files_of(definitions)
        return self._command(["plan", *paths, "--json"], files, True, timeout)

    def apply(
        self,
        definitions: Definitions,
        *,
        accept: Sequence[str] = (),
        expect: str | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Applies definitions: a file, a folder, or a dict. `accept`: who accepts the change, `"readers"`, `"producers"`, or both;
        `expect`: the fingerprint that the project must have.
        """
        paths, files = files_of(definitions)
        words = applying(paths, accept, expect)
        out = self._command(words, files, False, timeout)
        self._pusher.schemas.clear()
        return out

    def _command(
        self, words: Sequence[str], files: Mapping[str, str], is_repeatable: bool, timeout: float | None
    ) -> dict[str, Any]:
        make = once(wire.CONSOLE, wire.console(words, files), wire.console_reply)
        return outcome(self._run(make, self._deadline(timeout), is_repeatable, not is_repeatable))

    def _play(self, plan: Plan[T], deadline: float | None, is_repeatable: bool = True, is_write: bool = False) -> T:
        """Without a deadline each call has the store's time for itself."""
        try:
            make = next(plan)
            while True:
                try:
                    until = self._deadline(None) if deadline is None else deadline
                    out = self._run(make, until, is_repeatable, is_write)
                except ApusError as error:
                    make = plan.throw(error)
                else:
                    make = plan.send(out)
        except StopIteration as done:
            result: T = done.value
            return result
