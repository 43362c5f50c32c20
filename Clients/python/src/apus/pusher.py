"""Calls of several steps: a push above all. Each is a generator that yields calls (functions of a session) and is sent their results, so
that blocking and asyncio stores share it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Callable, TypeVar

import numpy as np

from . import core, wire
from .cells import from_objects
from .core import Lane, Session, Steps, once
from .errors import ApusError, InputError, RowsRefused, UnknownName
from .keys import decode_key
from .lanes import Job, Jobs
from .pushing import KnownAt, Prepared, PushOptions, ViewSchema, digest, nearest, prepare
from .reply import Scanned
from .results import Erasure, PushResult, Row
from .times import Clock, spell_type
from .types import NUMBERS, FeatureType
from .wire import Hello

T = TypeVar("T")
Call = Callable[[Session], Steps[Any]]
#: Several calls, one after another.
Plan = Generator[Call, Any, T]

#: Definitions do not change from one push to the next; what a push does not know is asked for again at once.
SCHEMA_SECONDS = 10.0
_UNSAID = KnownAt(0)


def _hello(session: Session) -> Steps[Hello]:
    return session.hello
    yield


class Pusher:
    """What a store keeps between pushes: schemas of views, lanes, and what was warned of."""

    def __init__(self, producer: str | None) -> None:
        self.jobs = Jobs(producer)
        self.schemas: dict[tuple[str, str], ViewSchema] = {}
        self._warned: set[str] = set()

    def schema(self, view: str, project: str, is_fresh: bool = False) -> Plan[ViewSchema]:
        if not isinstance(view, str) or not view:
            raise InputError(f"{view!r} names no view", next='name one: "card_activity", or "card_activity@2"')
        known = self.schemas.get((project, view))
        if known is None or is_fresh or time.monotonic() - known.read_at > SCHEMA_SECONDS:
            words = yield from describing(view, project, "view")
            known = self.schemas[project, view] = ViewSchema.parse(view, words)
        return known

    def push(self, view: str, data: Any, options: PushOptions) -> Plan[PushResult]:
        schema = yield from self.schema(view, options.project)
        try:
            prepared = prepare(view, data, schema, options, self._warned)
        except InputError:
            # The view may be another one by now: somebody added a feature, or promoted a version.
            fresh = yield from self.schema(view, options.project, is_fresh=True)
            if (fresh.name, fresh.keys, fresh.features) == (schema.name, schema.keys, schema.features):
                raise
            prepared = prepare(view, data, fresh, options, self._warned)
        try:
            result = yield from self._push(prepared)
        except UnknownName:
            self.schemas.pop((options.project, view), None)
            raise
        if any(one.rule.endswith(".type") for one in result.refusals):
            self.schemas.pop((options.project, view), None)
        return _judged(result, view, options)

    def _push(self, prepared: Prepared) -> Plan[PushResult]:
        hello: Hello = yield _hello
        work = _Work(self, prepared)
        try:
            for start, stop, body in prepared.chunks(hello.rows_max, hello.frame_max):
                yield from work.request(start, stop, body)
        except ApusError as error:
            work.failed(error)
            raise
        except BaseException:
            work.abandon()
            raise
        work.done()
        assert work.result is not None
        return work.result


class _Work:
    """A push under way."""

    def __init__(self, pusher: Pusher, prepared: Prepared) -> None:
        self._pusher, self._prepared = pusher, prepared
        self._job: Job | None = None
        self._first = b""
        self._mark = b""
        self._lane: Lane | None = None
        self._number = 0
        self.result: PushResult | None = None

    def request(self, start: int, stop: int, body: bytes) -> Plan[None]:
        prepared = self._prepared
        rows = stop - start
        plain = prepared.head(rows, prepared.known_at or _UNSAID, None, None)
        self._mark = mark = digest(prepared.kind, plain, body)
        if self._job is None:
            self._first = mark
            self._job = self._pusher.jobs.find(mark) or Job(None, prepared.rows.event_times is not None)
            self._lane, self._job.lane = self._job.lane, None
        job = self._job
        if job.choice is None:
            job.choice = yield from self._choose()
        choice = job.choice
        if self._number < len(job.done) and job.done[self._number][0] == mark:
            came = job.done[self._number][1]
        else:
            # From here on it is another push than the one that is remembered.
            del job.done[self._number :]
            lane = self._lane
            if lane is None:
                lane = self._lane = self._pusher.jobs.take()
            elif lane.in_doubt and job.doubtful != mark:
                _settle(lane)

            def steps(session: Session) -> Steps[wire.PushReply]:
                def head(stamp: wire.ProducerStamp) -> bytes:
                    return prepared.head(rows, choice, stamp, None)

                return core.push(session, lane, prepared.kind, head, body)

            reply: wire.PushReply = yield steps
            came = PushResult.of(reply, start, choice.words)
            job.done.append((mark, came))
        self.result = came if self.result is None else self.result.plus(came)
        self._number += 1

    def _choose(self) -> Plan[KnownAt]:
        prepared, options = self._prepared, self._prepared.options
        events = 0
        if prepared.known_at is None and prepared.is_load and prepared.oldest is not None:
            schema = yield from self._pusher.schema(prepared.view, options.project, is_fresh=True)
            events = schema.events
        choice = prepared.choose(events)
        prepared.warn(choice)
        return choice

    def failed(self, error: ApusError) -> None:
        """Keeps what is needed to go on, where that may help."""
        job, lane = self._job, self._lane
        if job is None:
            return None
        in_doubt = lane is not None and lane.in_doubt
        if not in_doubt and not error.retryable:
            return self.done()
        if in_doubt:
            error.may_be_done = True
            error._doubt = "push the same rows again: what was done is not done twice"
            job.lane, job.doubtful, self._lane = lane, self._mark, None
        if job.done:
            error.details["accepted"] = str(sum(result.accepted for _, result in job.done))
        self._pusher.jobs.remember(self._first, job)
        return self.done()

    def abandon(self) -> None:
        """A break from outside: nobody is told of a doubt, so the lane asks the server for its next number."""
        if self._lane is not None and self._lane.in_doubt:
            _settle(self._lane)
        self.done()

    def done(self) -> None:
        if self._lane is not None:
            self._pusher.jobs.give(self._lane)
            self._lane = None


def _settle(lane: Lane) -> None:
    lane.in_doubt = False
    lane.id = 0


def _judged(result: PushResult, view: str, options: PushOptions) -> PushResult:
    """A result without refused rows, or what a user wants of one with some."""
    bad = result.set_aside + result.erased
    if bad == 0 or options.on_refused == "return":
        return result
    lines = []
    for one in result.refusals:
        # The server's words begin with the rule.
        words = one.words[len(one.rule) + 2 :] if one.words.startswith(f"{one.rule}: ") else one.words
        lines.append(f"{one.rows} × {one.rule.replace('.', ' ', 1)}   e.g. row {one.first_row}: {words}")
    if result.erased:
        lines.append(f"{result.erased} × erased: their keys were erased later than these rows became true; kept nowhere")
    rule = result.refusals[0].rule if result.refusals else ""
    raise RowsRefused(
        f"{result.accepted} accepted, {bad} refused" + "".join("\n        " + line for line in lines),
        f"view {view}",
        f"apus dead-letters show --rule {rule}" if result.set_aside and rule else "leave them out",
        result=result,
    )


def describing(name: str, project: str, what: str = "view or service") -> Plan[str]:
    """The JSON of `apus describe`. A name that is not known is told with those that come near."""
    if not isinstance(name, str):
        raise InputError(f"{name!r} is {spell_type(name)}, not a name", next='name a view, "card_activity", or nothing')
    try:
        words: str = yield once(wire.DESCRIBE, wire.describe(name, project), wire.describe_reply)
    except UnknownName as error:
        if not name:
            raise
        every = yield once(wire.DESCRIBE, wire.describe("", project), wire.describe_reply)
        names = [
            one["name"].partition("@")[0]
            for found in json.loads(every).get("projects", ())
            for kind in ("views", "services")[: 1 if what == "view" else 2]
            for one in found[kind]
        ]
        raise UnknownName(f"there is no {what} called {name}", error.where, f"there is {nearest(name, names)}") from None
    return words


def erasing(keys: Mapping[str, Any], project: str, dry_run: bool) -> Plan[Erasure]:
    if not isinstance(keys, Mapping) or not keys:
        raise InputError(f"{keys!r} names no keys", next='name them: {"card_id": "c42"}')
    words = yield from describing("", project)
    types = _key_types(words, project)
    given = []
    for name, value in keys.items():
        element = types.get(name)
        if element is None:
            raise InputError(f"no entity has a key called {name}", next=f"there is {', '.join(types)}")
        kind = FeatureType(element)
        cells = from_objects(name, kind, [value], Clock())
        if cells.states != b"\2":
            raise InputError(f"{name} is nothing", next="give the value of the key that is to be forgotten")
        data = cells.first if cells.second is None else cells.second
        given.append((name, kind, bytes(data)))
    body = wire.erase(given, project, dry_run)
    reply: wire.EraseReply = yield once(wire.ERASE, body, wire.erase_reply)
    return Erasure(reply.lsn or None, np.datetime64(reply.time, "ns"), reply.views)


def _key_types(words: str, project: str) -> dict[str, int]:
    out: dict[str, int] = {}
    for one in json.loads(words).get("projects", ()):
        if project in ("", one["name"]):
            for entity in one["entities"]:
                out.update((key["name"], NUMBERS[key["type"]]) for key in entity["keys"])
    return out


def applying(paths: Sequence[str], accept: Sequence[str], expect: str | None) -> list[str]:
    """The words of `apus apply`."""
    accepted = [accept] if isinstance(accept, str) else list(accept)
    wrong = [who for who in accepted if who not in ("readers", "producers")]
    if wrong:
        raise InputError(f"accept cannot be {wrong[0]!r}", next='accept=["readers"], ["producers"], or both')
    words = ["apply", *paths, "--json"]
    if accepted:
        words += ["--accept", ",".join(accepted)]
    if expect is not None:
        if not isinstance(expect, str):
            raise InputError(f"expect is {spell_type(expect)}, not a text", next='give plan(…)["fingerprint"]')
        words += ["--expect", expect]
    return words


def rows_of(page: Scanned, schema: ViewSchema) -> Iterator[Row]:
    """A page of a scan, row by row; what was never said of a row is left out of it."""
    columns = [(name, states.tolist(), values.to_list()) for name, states, values in page.columns]
    names = [part.name for part in schema.keys]
    times = page.event_times.view("M8[ns]")
    for at, key in enumerate(page.keys):
        features = {name: values[at] if states[at] == 2 else None for name, states, values in columns if states[at]}
        yield Row(dict(zip(names, decode_key(schema.keys, key))), times[at], features)
