"""What calls do, without a socket: each is a generator that yields requests (a type and a body) and is sent the replies, or thrown the
errors. `Store` and `apus.aio` drive the same generators, one with blocking sockets and one with asyncio, so that both keep the
same promises.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence
from typing import Any, Callable, NamedTuple, TypeVar

from . import wire
from .errors import (
    ApusError,
    BadReceipt,
    BadReply,
    CallTimeout,
    ConnectError,
    DeadlineExceeded,
    DefinitionChanged,
    Fenced,
    InputError,
    Overloaded,
    ProducerExpired,
    SequenceGap,
    UnknownHandle,
    UnknownProducer,
    proves_nothing_written,
)  # fmt: skip
from .keys import RowKeys
from .pushing import entity_rows
from .reply import Reply, Shape
from .results import OnlineFeatures, Receipt, digest_of_keys
from .wire import Buffer, Hello

T = TypeVar("T")
Request = tuple[int, bytes]
#: A call: yields requests, is sent replies.
Steps = Generator[Request, Buffer, T]

RENEWALS_MAX = 3
HANDLES_MAX = 1024


class Session:
    """What is known of a connection: its server's HELLO, and the vectors that were prepared on it."""

    __slots__ = ("handles", "hello")

    def __init__(self, hello: Hello) -> None:
        self.hello = hello
        self.handles: dict[Vector, PreparedVector] = {}


class Vector(NamedTuple):
    """What is asked for: a service, or features."""

    kind: int
    names: tuple[str, ...]
    project: str

    @classmethod
    def of(cls, asked: str | Sequence[str], project: str) -> Vector:
        if isinstance(asked, str):
            # `view:feature` can only be a feature.
            return cls(wire.FEATURES if ":" in asked else wire.SERVICE, (asked,), project)
        names = tuple(asked)
        if not names or not all(isinstance(name, str) for name in names):
            raise InputError(
                f"{asked!r} names no features",
                next='name a service, "fraud@1", or features, ["view:feature", …]',
            )
        return cls(wire.FEATURES, names, project)

    def as_of(self, lsn: int) -> Vector:
        """A list as its names were meant at an LSN: some of them may be gone since. A service version stays what it is."""
        return self._replace(names=(*self.names, f"lsn:{lsn}")) if self.kind == wire.FEATURES else self


class PreparedVector:
    __slots__ = ("can_be_dense", "fingerprint", "handle", "keys", "shape")

    def __init__(self, reply: wire.PrepareReply) -> None:
        self.handle = reply.handle
        self.fingerprint = reply.fingerprint
        self.can_be_dense = reply.can_be_dense
        self.keys = RowKeys(reply.roles)
        self.shape = Shape(reply.columns)
        if len(self.shape.numbers) != len(reply.columns):
            raise BadReply("two columns of the vector have one name")


class Ask(NamedTuple):
    """A GET, as a user said it."""

    vector: Vector
    entities: Any
    options: int = 0
    min_lsn: int | None = None
    at: Receipt | None = None
    dense: int | None = None


def ask_of(
    features: str | Sequence[str],
    entities: Any,
    event_times: bool,
    lsns: bool,
    stale: bool,
    dense: str | None,
    min_lsn: int | None,
    at: Receipt | None,
    project: str,
) -> Ask:
    """Looks through what a user asks."""
    options = (wire.TIMES if event_times else 0) | (wire.LSNS if lsns else 0) | (wire.STALE if stale else 0)
    layout = None
    if dense is not None:
        layout = {"float32": wire.DENSE32, "float64": wire.DENSE64}.get(dense)
        if layout is None:
            raise InputError(f"dense cannot be {dense!r}", next='dense is "float32" or "float64"')
    if min_lsn is not None and (isinstance(min_lsn, bool) or not isinstance(min_lsn, int) or not 0 <= min_lsn < 1 << 64):
        raise InputError(f"min_lsn is {min_lsn!r}", next="give an LSN, such as push(…).lsn")
    if at is not None and not isinstance(at, Receipt):
        raise InputError(f"at is {at!r}", next="give a receipt: Receipt.parse reads its text")
    if at is not None and min_lsn is not None:
        raise InputError("min_lsn and at are both given", next="give one of them")
    return Ask(Vector.of(features, project), entities, options, min_lsn, at, layout)


def get(session: Session, ask: Ask) -> Steps[OnlineFeatures]:
    vector = ask.vector
    if ask.at is not None:
        vector = as_of(session, vector, ask.at)
    return with_vector(session, vector, lambda prepared: _get(session, prepared, ask))


def as_of(session: Session, vector: Vector, receipt: Receipt) -> Vector:
    """The names of a receipt's list mean what they meant at its LSN; one of another timeline is refused by its part."""
    is_ours = session.hello.timeline[: len(receipt.timeline)] == receipt.timeline
    return vector.as_of(receipt.lsn) if is_ours and receipt.lsn > 0 else vector


def with_vector(session: Session, vector: Vector, act: Callable[[PreparedVector], Steps[T]]) -> Steps[T]:
    """Does what needs a vector's handle, and prepares it anew where its meaning changed."""
    for renewal in range(RENEWALS_MAX + 1):
        prepared = session.handles.get(vector)
        if prepared is None:
            prepared = yield from _prepare(session, vector)
        try:
            return (yield from act(prepared))
        except (DefinitionChanged, UnknownHandle) as error:
            if session.handles.get(vector) is prepared:
                del session.handles[vector]
            if isinstance(error, DefinitionChanged):
                wire.empty_reply((yield wire.RELEASE, wire.release(prepared.handle)))
            if renewal == RENEWALS_MAX:
                raise
    raise AssertionError("a loop that returns or raises")


def _prepare(session: Session, vector: Vector) -> Steps[PreparedVector]:
    if len(session.handles) >= HANDLES_MAX:
        oldest = next(iter(session.handles))
        gone = session.handles.pop(oldest)
        wire.empty_reply((yield wire.RELEASE, wire.release(gone.handle)))
    body = yield wire.PREPARE, wire.prepare(vector.names, vector.kind, vector.project)
    prepared = PreparedVector(wire.prepare_reply(body))
    first = session.handles.setdefault(vector, prepared)
    if first is not prepared:
        # Another task prepared the same meanwhile: all use one handle.
        wire.empty_reply((yield wire.RELEASE, wire.release(prepared.handle)))
    return first


def keys_of(session: Session, prepared: PreparedVector, entities: Any) -> tuple[Sequence[Any], bytes]:
    """The entities as rows, and their keys as a request has them."""
    rows = entities if type(entities) is list else entity_rows(entities, prepared.keys.names)
    count = len(rows)
    rows_max = min(session.hello.rows_max, 65535)
    if not 0 < count <= rows_max:
        if count == 0:
            raise InputError("no entities are given", next="give at least one; `if len(df):` skips what is empty")
        raise InputError(f"{count} entities, where 1 to {rows_max} may be asked for at once", next="ask in parts")
    return rows, prepared.keys.rows(rows)


def _get(session: Session, prepared: PreparedVector, ask: Ask) -> Steps[OnlineFeatures]:
    rows, keys = keys_of(session, prepared, ask.entities)
    count = len(rows)
    exact = None
    if ask.at is not None:
        exact = (ask.at.lsn, ask.at.read_time)
        if digest_of_keys(keys) != ask.at.keys:
            raise BadReceipt(
                "the receipt is of other entities, or of another order of them",
                str(ask.at),
                "give the entities, and the features, that the receipt was given for",
                details={"part": "keys"},
            )
        if session.hello.timeline[: len(ask.at.timeline)] != ask.at.timeline:
            raise BadReceipt(
                "the receipt is of another store, or of another of its timelines",
                str(ask.at),
                "ask the store that gave the answer",
                details={"part": "timeline"},
            )
    if ask.dense is not None:
        if not prepared.can_be_dense:
            others = [column.name for column in prepared.shape.columns if not column.type.is_number]
            raise InputError(
                f"{', '.join(others)} cannot stand in a matrix of numbers",
                next="ask for the other columns as a list of features, or without dense=",
            )
        layout = ask.dense
    else:
        layout = wire.ONE_ROW if count == 1 else wire.COLUMNS
    body = yield wire.GET, wire.get(prepared.handle, count, keys, layout, ask.options, ask.min_lsn, exact)
    reply = Reply(body, prepared.shape, count, layout, ask.options)
    return OnlineFeatures(
        reply,
        prepared.fingerprint,
        keys,
        rows,
        prepared.keys.names,
        len(prepared.keys.roles),
        session.hello.timeline,
    )


def once(kind: int, body: bytes, read: Callable[[Buffer], T]) -> Callable[[Session], Steps[T]]:
    """A call of one request."""

    def steps(session: Session) -> Steps[T]:
        return read((yield kind, body))

    return steps


class Lane:
    """A producer of this client: its requests are numbered, so that one that is sent again is done once.

    One request at a time. `in_doubt`: the request with the next number was sent, and nobody knows what came of it; until that is
    known the number belongs to it.
    """

    def __init__(self, name: str, is_named: bool) -> None:
        self.name = name
        #: Whether a user gave the name, and so must hear when somebody else took it.
        self.is_named = is_named
        self.timeline: bytes | None = None
        self.id = 0
        self.epoch = 0
        self.next = 1
        self.offset: bytes | None = None
        self.in_doubt = False


def take(session: Session, lane: Lane) -> Steps[None]:
    """Takes the lane's name. Whoever had it before can write no more, and what it sent is done or never will be."""
    reply = wire.producer_reply((yield wire.PRODUCER, wire.short(lane.name)))
    if not lane.in_doubt:
        lane.next = reply.sequence + 1
    elif lane.timeline != session.hello.timeline or not lane.next - 1 <= reply.sequence <= lane.next:
        raise Fenced(
            f"nobody knows what came of request {lane.next} of {lane.name}",
            f"the server has taken {reply.sequence} requests of that producer",
            "look whether the rows are there before they are pushed again",
            may_be_done=True,
        )
    lane.timeline, lane.id, lane.epoch, lane.offset = (
        session.hello.timeline,
        reply.id,
        reply.epoch,
        reply.offset,
    )


def push(
    session: Session, lane: Lane, kind: int, head: Callable[[wire.ProducerStamp], bytes], rows: bytes
) -> Steps[wire.PushReply]:
    """A PUSH or DELETE under the lane's next number. May be driven again, on any connection, until an answer comes."""
    for attempt in range(3):
        if lane.id == 0 or lane.timeline != session.hello.timeline:
            yield from take(session, lane)
        was_in_doubt = lane.in_doubt
        stamp = wire.ProducerStamp(lane.id, lane.epoch, lane.next)
        lane.in_doubt = True
        try:
            body = yield kind, head(stamp) + rows
        except (Fenced, ProducerExpired, UnknownProducer, SequenceGap) as error:
            # This request wrote nothing; one under the same number that was sent before may have.
            lane.in_doubt = was_in_doubt
            lane.id = 0
            if attempt == 2 or (lane.is_named and isinstance(error, Fenced)):
                raise
            continue
        except ApusError as error:
            if proves_nothing_written(error):
                # A refusal for what the request says proves that it was not done before, either.
                lane.in_doubt = was_in_doubt and error.retryable
            raise
        reply = wire.push_reply(body)
        lane.in_doubt = False
        if reply.first <= reply.last:
            lane.next += 1
        return reply
    raise AssertionError("a loop that returns or raises")


class RetryPolicy(NamedTuple):
    """How often a call is made again, and how long is waited before: each wait twice the one before, or what the server asks."""

    retries: int = 8
    first_wait: float = 0.01
    wait_max: float = 1.0
    #: Whether a busy server is waited for, however often it says so.
    queues: bool = False

    def wait(self, error: ApusError, attempts: int, is_repeatable: bool, left: float) -> float | None:
        """Seconds until the next attempt; None: there is none."""
        is_counted = attempts > self.retries and not (self.queues and isinstance(error, Overloaded))
        if is_counted or not error.retryable or isinstance(error, (CallTimeout, DeadlineExceeded)):
            return None
        if not is_repeatable and not proves_nothing_written(error):
            return None
        backoff = min(self.first_wait * 2 ** min(attempts - 1, 30), self.wait_max)
        # Half of it for certain, the other half by the dice, so that many clients do not come back in step.
        wait = max(backoff * (0.5 + random.random() / 2), error.wait)
        return wait if wait < left else None


def doubtful(error: ApusError, was_sent: bool, is_repeatable: bool) -> None:
    """Marks the error of a write that may have been done."""
    if was_sent and not is_repeatable and not proves_nothing_written(error):
        error.may_be_done = True


def milliseconds(left: float) -> int:
    """A deadline as a frame carries it."""
    return min(65535, max(1, int(left * 1000)))


def no_server(address: object, reason: object) -> ConnectError:
    return ConnectError(
        f"no server answers: {reason}",
        str(address),
        "is `apus serve` running there? $APUS_URL and connect(url) name another",
    )
