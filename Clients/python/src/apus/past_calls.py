"""The calls that look back, `history` and `explain`: what a user said, looked through, and the requests that answer it. Blocking and
asyncio stores share them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import wire
from .core import PreparedVector, Session, Steps, Vector, as_of, keys_of, once, with_vector
from .errors import BadReceipt, InputError, UnknownName
from .keys import RowKeys
from .past import BLANK, Explanation, History
from .past_wire import (
    AT_LSN,
    BY_RECEIPT,
    KNOWN_BY,
    NEWEST_FIRST,
    REFUSED,
    Explained,
    HistoryPage,
    Moment,
    explain,
    explain_reply,
    history,
    history_reply,
)  # fmt: skip
from .pushing import ViewSchema, entity_rows
from .results import Receipt
from .times import Clock, hint, moment_of, spell_type
from .wire import Role

if TYPE_CHECKING:
    from .pusher import Plan, Pusher

_LEAST, _GREATEST = -(1 << 63), (1 << 63) - 1
#: As many as a server gives at a time.
_PAGE = 10_000
_AT = 'at is a moment, "2026-11-19T14:03:22Z" or an aware datetime, or a receipt'


def _time(what: str, value: Any) -> int:
    # As this package tells moments, `x.read_time` and others: in UTC, though it cannot say so.
    clock = Clock("UTC") if isinstance(value, np.datetime64) else None
    try:
        return moment_of(value, clock)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: {error}", next=_AT if what == "at" else hint(error)) from None


def _receipt(value: Any) -> Receipt | None:
    if isinstance(value, str) and value.strip().startswith("r1_"):
        return Receipt.parse(value)
    return value if isinstance(value, Receipt) else None


def _lsn(value: Any) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or not 0 <= value < 1 << 64:
        raise InputError(f"at_lsn is {value!r}", next="give an LSN, such as x.lsn")
    return int(value)


def _moment(at: Any, at_lsn: Any, time: Any) -> Moment | None:
    """None: at this LSN, and at a time that the server must be asked for."""
    if at is not None and at_lsn is not None:
        raise InputError("at and at_lsn are both given", next="give one of them")
    if time is not None and at_lsn is None:
        raise InputError("time is given without at_lsn", next="time says when ages are judged at an LSN: at=… needs none")
    if at_lsn is not None:
        lsn = _lsn(at_lsn)
        return None if time is None else Moment(AT_LSN, lsn, _time("time", time))
    if at is None:
        return Moment()
    receipt = _receipt(at)
    if receipt is not None:
        return Moment(BY_RECEIPT, receipt=bytes(receipt))
    return Moment(KNOWN_BY, time=_time("at", at))


def moment_given(at: Any, at_lsn: Any, time: Any, what: str = "at") -> Moment:
    """A moment that needs nothing of a server."""
    if what != "at":
        return Moment(KNOWN_BY, time=_time(what, at))
    moment = _moment(at, at_lsn, time)
    assert moment is not None
    return moment


def _moment_now(at: Any, at_lsn: Any, time: Any) -> Plan[Moment]:
    moment = _moment(at, at_lsn, time)
    if moment is not None:
        return moment
    # By the server's clock, and not by this machine's.
    pong: wire.Pong = yield once(wire.PING, b"", wire.ping_reply)
    return Moment(AT_LSN, _lsn(at_lsn), pong.clock)


def history_of(
    pusher: Pusher, key: Any, view: str, at: Any, at_lsn: Any, time: Any, start: Any, end: Any, newest_first: bool, refused: bool,
    limit: int | None, project: str,
) -> Plan[History]:  # fmt: skip
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise InputError(f"limit is {limit!r}", next="give how many events there may be, at least 1, or leave it out for all")
    moment = yield from _moment_now(at, at_lsn, time)
    receipt = _receipt(at)
    if receipt is not None:
        moment = Moment(AT_LSN, receipt.lsn, receipt.read_time)
    first = _LEAST if start is None else _time("start", start)
    last = _GREATEST if end is None else _time("end", end)
    schema: ViewSchema = yield from pusher.schema(view, project)
    row, short_key = _one_key(key, schema)
    options = (NEWEST_FIRST if newest_first else 0) | (REFUSED if refused else 0)
    pages: list[HistoryPage] = []
    count, place = 0, b""
    while True:
        wanted = _PAGE if limit is None else min(_PAGE, limit - count)
        # The version that the first page told: another one may become current meanwhile.
        name = pages[0].view if pages else view
        body = history(name, short_key[2:], wanted, moment, options, first, last, place, project)
        page: HistoryPage = yield once(wire.HISTORY, body, history_reply)
        pages.append(page)
        count, place = count + len(page.events), page.next
        if not place or (limit is not None and count >= limit):
            return History(pages, row, bool(place))


def _one_key(key: Any, schema: ViewSchema) -> tuple[dict[str, Any], bytes]:
    names = [part.name for part in schema.keys]
    rows = entity_rows(key, names)
    if len(rows) != 1:
        raise InputError(f"{len(rows)} entities are given", next=f"history is of one: {{{', '.join(map(repr, names))}: …}}")
    short_key = RowKeys((Role(schema.entity, "", schema.keys),)).rows(rows)
    return {name: rows[0][name] for name in names}, short_key


def explaining(
    of: Any, keys: Any, features: str | Sequence[str] | None, view: str | None, at: Any, at_lsn: Any, time: Any, project: str
) -> Plan[Explanation]:
    receipt = _receipt(of)
    if receipt is not None:
        if keys is None:
            raise InputError("the receipt's keys are not given", next="explain(receipt, keys): a receipt holds no key")
        if at is not None or at_lsn is not None:
            raise InputError("a receipt and another moment are both given", next="a receipt says its own moment")
        at, entities = receipt, keys
    else:
        if keys is not None:
            raise InputError(
                f"{spell_type(of)} is no receipt", next="explain(receipt, keys), or explain(keys, view=…) without one"
            )
        entities = of
        receipt = _receipt(at)
    vector = _vector(receipt, features, view, project)
    moment = yield from _moment_now(at, at_lsn, time)

    def steps(session: Session) -> Steps[_Told]:
        then = vector
        if receipt is not None:
            then = as_of(session, vector, receipt)
        elif at_lsn is not None and moment.lsn > 0:
            then = vector.as_of(moment.lsn)
        return with_vector(session, then, lambda prepared: _explain(session, prepared, entities, moment))

    try:
        said, rows, filled = yield steps
    except UnknownName as error:
        if receipt is None or features is not None or view is not None:
            raise
        raise UnknownName(
            "the receipt is of no version of a service that there is", error.where,
            'where the answer was of a list of features, name it again: explain(receipt, keys, features=["view:feature", …])',
            details=error.details,
        ) from None  # fmt: skip
    except BadReceipt as error:
        if error.details.get("part") == "keys":
            error.next += "; x.receipts has one for each row, x.receipt is of all"
        raise
    defaults = (yield from _defaults(said, project)) if _has_blanks(said, filled) else {}
    return Explanation(said, _title(said, view), rows, {name: value for name, value in defaults.items() if name in filled})


#: What EXPLAIN answered, the entities, and the columns that have a default.
_Told = tuple[Explained, list[dict[str, Any]], frozenset[str]]


def _has_blanks(said: Explained, filled: frozenset[str]) -> bool:
    names = [column.name for column in said.columns] * (len(said.cells) // max(1, len(said.columns)))
    return bool(said.service) and any(name in filled and code in BLANK for name, (code, _) in zip(names, said.cells))


def _defaults(said: Explained, project: str) -> Plan[dict[str, Any]]:
    words = yield once(wire.DESCRIBE, wire.describe(said.service, project), wire.describe_reply)
    columns = (json.loads(words).get("service") or {}).get("columns") or ()
    return {one["name"]: one["default"] for one in columns if one.get("default") is not None}


def _explain(session: Session, prepared: PreparedVector, entities: Any, moment: Moment) -> Steps[_Told]:
    rows, keys = keys_of(session, prepared, entities)
    body = yield wire.EXPLAIN, explain(prepared.handle, len(rows), keys, moment)
    names = prepared.keys.names
    filled = frozenset(column.name for column in prepared.shape.columns if column.has_default)
    return explain_reply(body, len(rows)), [{name: row[name] for name in names} for row in rows], filled


def _vector(receipt: Receipt | None, features: str | Sequence[str] | None, view: str | None, project: str) -> Vector:
    if features is not None and view is not None:
        raise InputError("features and view are both given", next="give one of them")
    if view is not None:
        if not isinstance(view, str) or not view or ":" in view:
            raise InputError(f"{view!r} names no view", next='name one: view="card_activity", or "card_activity@2"')
        return Vector(wire.FEATURES, (f"{view}:*",), project)
    if features is not None:
        return Vector.of(features, project)
    if receipt is None:
        raise InputError(
            "nobody said what is to be explained",
            next='view="card_activity", or features="fraud@1", or features=["view:feature", …]',
        )
    return Vector(wire.SERVICE, (f"fingerprint:{receipt.fingerprint.hex()}",), project)


def _title(said: Explained, view: str | None) -> str:
    if said.service:
        return said.service
    if view is not None and said.columns:
        return said.columns[0].feature.partition(":")[0]
    count = len(said.columns)
    return f"{count} feature{'' if count == 1 else 's'}"
