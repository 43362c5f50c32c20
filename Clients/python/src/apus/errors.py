"""Why a call did not give what was asked.

Each code of the protocol is a class of its own, named as the protocol names it: ``OVERLOADED`` is :class:`Overloaded`. What a
program may do follows from the class, from ``retryable`` and from ``may_be_done`` alone; the texts are for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from .results import PushResult
    from .training import Check

REQUEST_CLASS, RETRY_CLASS, SESSION_CLASS = 1, 2, 3


class ApusError(Exception):
    """The family of all errors of this package.

    ``what``, ``where`` and ``next`` say what happened, where, and what to do. ``may_be_done`` is true of a write of which
    nobody knows whether it was done.
    """

    #: As the protocol spells it; the client's own errors have names of their own.
    code: ClassVar[str] = "UNKNOWN"
    number: int = 0
    #: The same may work later.
    retryable: bool = False

    def __init__(
        self,
        what: str,
        where: str = "",
        next: str = "",
        *,
        wait: float = 0.0,
        details: Mapping[str, str] | None = None,
        may_be_done: bool = False,
    ) -> None:
        self.what, self.where, self.next = what, where, next
        #: Seconds before which the same should not be tried again.
        self.wait = wait
        self.details = dict(details or {})
        self.may_be_done = may_be_done
        super().__init__(what)

    def __str__(self) -> str:
        lines = [f"{self.code}: {self.what}"]
        if self.where:
            lines.append(f"  at:   {self.where}")
        if self.next:
            lines.append(f"  next: {self.next}")
        if self.may_be_done:
            lines.append("  nobody knows whether it was done; " + (self._doubt or "look before you say it again"))
        return "\n".join(lines)

    #: What helps when a write may have been done.
    _doubt: str = ""


class ServerError(ApusError):
    """What a server answered."""


class RetryableError(ApusError):
    """The same call may work later; :attr:`ApusError.wait` says when at the earliest."""

    retryable = True


class SessionError(ServerError):
    """The server ended the connection."""


class InputError(ApusError, ValueError):
    """What was given cannot be sent: nothing was."""

    code = "BAD_INPUT"


class AddressError(InputError):
    """A text that is no address, or no token."""

    code = "BAD_ADDRESS"


class ConnectError(RetryableError, ConnectionError):
    """There is no way to the server."""

    code = "CANNOT_CONNECT"


class ConnectionLost(RetryableError, ConnectionError):
    """The connection ended before the answer came."""

    code = "CONNECTION_LOST"


class CallTimeout(RetryableError, TimeoutError):
    """The answer did not come in time."""

    code = "DEADLINE_PASSED"


class BadReply(ApusError):
    """The server's bytes are not what the protocol says."""

    code = "BAD_REPLY"


class ClosedError(ApusError):
    """The store was closed by this program."""

    code = "CLOSED"


class CommandFailed(ApusError):
    """A command that runs at the server (``plan``, ``apply``) ended with an exit code other than 0.

    ``details`` holds what the command said as JSON.
    """

    code = "COMMAND_FAILED"


class NotAccepted(CommandFailed):
    """A change needs somebody's word: ``store.apply(..., accept=("readers",))``."""

    code = "NOT_ACCEPTED"


class TrainingDataQualityError(ApusError, ValueError):
    """Checks of a training set failed; the set is there. `failures` has them."""

    code = "QUALITY"
    #: The checks that failed.
    failures: Sequence[Check] = ()


class RowsRefused(ApusError, ValueError):
    """Rows broke rules. What was good stays, and what was refused is kept as dead letters, unless all or nothing was asked for.

    >>> try:
    ...     store.push("card_activity", [{"card_id": "c1", "txn_count_24h": 3}, {"card_id": "c2", "txn_count_24h": -1}])
    ... except RowsRefused as refused:
    ...     print(refused.result.accepted, refused.rules, refused.first_rows)
    1 {'txn_count_24h.min': 1} {'txn_count_24h.min': 1}
    """

    code = "ROWS_REFUSED"
    number = 23

    def __init__(
        self,
        what: str,
        where: str = "",
        next: str = "",
        *,
        wait: float = 0.0,
        details: Mapping[str, str] | None = None,
        may_be_done: bool = False,
        result: PushResult | None = None,
    ) -> None:
        super().__init__(what, where, next, wait=wait, details=details, may_be_done=may_be_done)
        self._result = result

    @property
    def result(self) -> PushResult:
        """What became of all rows."""
        if self._result is None:
            raise AttributeError("nothing was written: all or nothing was asked for")
        return self._result

    @property
    def rules(self) -> dict[str, int]:
        """How many rows broke each rule."""
        out: dict[str, int] = {}
        for tally in self._result.refusals if self._result else ():
            out[tally.rule] = out.get(tally.rule, 0) + tally.rows
        return out

    @property
    def first_rows(self) -> dict[str, int]:
        """The first row that broke each rule, from 0."""
        out: dict[str, int] = {}
        for tally in self._result.refusals if self._result else ():
            out.setdefault(tally.rule, tally.first_row)
        if self._result is None and self.details.get("row", "").isdecimal():
            # Of all or nothing the server tells the first.
            out[self.details.get("rule", "")] = int(self.details["row"])
        return out


class _Retryable(ServerError, RetryableError):
    pass


class Malformed(SessionError):
    """The server could not read what this client sent: a bug, here or there."""

    code, number = "MALFORMED", 1


class TooLong(SessionError):
    code, number = "TOO_LONG", 2


class VersionMismatch(SessionError):
    code, number = "VERSION", 3


class FeatureMismatch(SessionError):
    code, number = "FEATURE", 4


class Unauthenticated(SessionError):
    """No token, a wrong one, or one that was revoked."""

    code, number = "UNAUTHENTICATED", 5


class TooSlow(SessionError):
    code, number = "TOO_SLOW", 6


class ShuttingDown(_Retryable):
    code, number = "SHUTTING_DOWN", 7


class Forbidden(ServerError, PermissionError):
    """The token has not the scope for this."""

    code, number = "FORBIDDEN", 16


class UnknownName(ServerError, LookupError):
    """There is no such view, service, feature or project; ``next`` has those that come near."""

    code, number = "UNKNOWN_NAME", 17


class UnknownHandle(ServerError):
    code, number = "UNKNOWN_HANDLE", 18


class DefinitionChanged(_Retryable):
    code, number = "DEFINITION_CHANGED", 19


class BadKey(ServerError, ValueError):
    code, number = "BAD_KEY", 20


class BadRequest(ServerError, ValueError):
    code, number = "BAD_REQUEST", 21


class Retired(ServerError):
    code, number = "RETIRED", 22


class Unsupported(ServerError):
    code, number = "UNSUPPORTED", 24


class Overloaded(_Retryable):
    code, number = "OVERLOADED", 32


class DeadlineExceeded(_Retryable):
    """The request's time was over before the server began with it."""

    code, number = "DEADLINE", 33


class NotYet(_Retryable):
    """An LSN that was asked for is not visible yet."""

    code, number = "NOT_YET", 34


class Rebuilding(_Retryable):
    code, number = "REBUILDING", 35


class ReadOnly(ServerError):
    code, number = "READ_ONLY", 36


class DiskFull(_Retryable):
    code, number = "DISK_FULL", 37


class ClockJump(_Retryable):
    code, number = "CLOCK_JUMP", 38


class Stopped(_Retryable):
    code, number = "STOPPED", 39


class DeadLettersFull(_Retryable):
    code, number = "DEAD_LETTERS_FULL", 40


class Fenced(ServerError):
    """Another program took the producer's name."""

    code, number = "FENCED", 48


class SequenceGap(ServerError):
    code, number = "SEQUENCE_GAP", 49


class SequenceReused(ServerError):
    code, number = "SEQUENCE_REUSED", 50


class SequenceTooOld(ServerError):
    code, number = "SEQUENCE_TOO_OLD", 51


class ProducerExpired(ServerError):
    code, number = "PRODUCER_EXPIRED", 52


class UnknownProducer(ServerError):
    code, number = "UNKNOWN_PRODUCER", 53


class LSNLost(ServerError, LookupError):
    code, number = "LSN_LOST", 64


class HistoryGone(ServerError, LookupError):
    code, number = "HISTORY_GONE", 65


class BeyondHistory(ServerError, LookupError):
    code, number = "BEYOND_HISTORY", 66


class BadReceipt(ServerError, ValueError):
    """A receipt does not fit; the detail `part` says what does not: `timeline`, `keys` or `fingerprint`."""

    code, number = "BAD_RECEIPT", 67


class BadSpine(ServerError, ValueError):
    """A spine cannot be read, or its columns are not what is asked for."""

    code, number = "BAD_SPINE", 68

    @property
    def row(self) -> int | None:
        """The row, from 0, if it is of one."""
        words = self.details.get("row", "")
        return int(words) if words.isdecimal() else None

    @property
    def column(self) -> str | None:
        """The column, if it is of one."""
        return self.details.get("column")


class InternalError(_Retryable):
    """A bug of the server, which it has logged."""

    code, number = "INTERNAL", 127


def _all_of(family: type[ApusError]) -> Sequence[type[ApusError]]:
    return [family, *(one for child in family.__subclasses__() for one in _all_of(child))]


#: The closed list of the protocol, by number.
BY_NUMBER: dict[int, type[ApusError]] = {one.number: one for one in _all_of(ApusError) if one.number}
#: By the word that the commands' JSON has for it.
BY_WORD: dict[str, type[ApusError]] = {one.code.lower(): one for one in BY_NUMBER.values()}

# An error that says so was given before anything was written.
_PROVES_NOTHING_WRITTEN = (
    Overloaded, ShuttingDown, Rebuilding, DeadLettersFull, ClockJump, DiskFull, DeadlineExceeded, ConnectError,
)  # fmt: skip


def proves_nothing_written(error: ApusError) -> bool:
    """Whether a write that met this error certainly came to nothing."""
    return isinstance(error, _PROVES_NOTHING_WRITTEN) or not (error.retryable or isinstance(error, (BadReply, SessionError)))


def from_server(number: int, kind: int, wait: int, what: str, where: str, next: str, details: Mapping[str, str]) -> ApusError:
    """The error of a code; one that this client does not know goes by its class."""
    family = BY_NUMBER.get(number)
    if family is None:
        family = {RETRY_CLASS: _Retryable, SESSION_CLASS: SessionError}.get(kind, ServerError)
    error = family(what, where, next, wait=wait / 1000, details=details)
    error.number = number
    # The frame knows best: a later server may have moved a code's class.
    error.retryable = kind == RETRY_CLASS
    return error
