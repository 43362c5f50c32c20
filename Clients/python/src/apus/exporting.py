"""`get_historical_features`: what a user said, looked through; a spine up, a set down."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Final, NamedTuple

from . import export_wire as e
from . import wire
from .connection import Connection
from .errors import ApusError, BadReply, BadSpine, InputError
from .export_wire import Asked, Progress
from .past_calls import moment_given
from .times import duration_of, spell_type, warn_naive, zone_of
from .training import TrainingSet

_UNITS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_COLUMNS: Final = {"statuses": e.STATUSES, "reasons": e.REASONS, "event_times": e.EVENT_TIMES, "lsns": e.LSNS}
_LEAST, _GREATEST = -(1 << 63), (1 << 63) - 1

#: A dict, the JSON of one, or the path of a file.
Checks = Any


class Export(NamedTuple):
    """A training set to be: what is asked, and the labels."""

    asked: Asked
    #: A `spine.Spine`; None: the view's own events.
    spine: Any
    progress: Callable[[Progress], None] | None
    is_zone_named: bool

    def over(self, connection: Connection, deadline: float | None) -> TrainingSet:
        """Makes it, over a connection that does nothing else meanwhile."""
        import pyarrow as pa

        from .streams import Stream

        stream = Stream(connection, wire.EXPORT, e.export(self.asked), deadline)
        stream.progress = self.progress
        rows = pa.BufferOutputStream()
        try:
            if self.spine is not None:
                stream.upload(self.spine.pieces())
            reply = e.export_reply(stream.download(rows.write))
            table = _table(pa, rows.getvalue())
        except ApusError as error:
            raise _said_here(error) from None
        if table.num_rows != reply.rows:
            raise BadReply(f"the set has {table.num_rows} rows, and {reply.rows} were said")
        given = self.spine
        try:
            out = TrainingSet(table, reply, given.dtypes if given else {}, given.index if given else None)
        except (KeyError, TypeError, ValueError) as error:
            raise BadReply(f"the manifest of a set cannot be read: {error!r}") from error
        if not self.is_zone_named and out.manifest.get("times_taken_for_utc"):
            warn_naive()
        return out


def _table(pa: Any, data: Any) -> Any:
    try:
        with pa.ipc.open_stream(data) as reader:
            table = reader.read_all()
        # A server's text is checked before anybody reads it as one.
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise BadReply(f"the rows of a set are no Arrow stream: {error}") from error
    return table


_WORDS: Final = (
    (re.compile(r"--key (\S+)=COLUMN"), r'keys={"\1": "COLUMN"}'),
    (re.compile(r"--beyond-history null"), 'beyond_history="null"'),
    (re.compile(r"--time-unit s\|ms\|us\|ns"), 'time_unit="s", "ms", "us" or "ns"'),
    (re.compile(r"--(time|prefix|lsn) (?:COLUMN|TEXT)"), r'\1="…"'),
    (re.compile(r"--([a-z]+(?:-[a-z]+)*)"), lambda found: found[1].replace("-", "_") + "="),
)


def _said_here(error: ApusError) -> ApusError:
    """What to do next, as it is said in Python."""
    for form, words in _WORDS:
        error.next = form.sub(words, error.next)
        error.what = form.sub(words, error.what)
    if isinstance(error, BadSpine) and not error.where:
        error.where = "the spine"
    return error


def export_of(
    spine: Any, features: str | Sequence[str] | None, *, view: str | None, time: str | None, time_unit: str | None,
    timezone: str | None, keys: Mapping[str, str] | None, lsn: str | None, start: Any, end: Any, at: Any, at_lsn: int | None,
    pin: str | None, ignore_known_at: bool, strict_before: bool, delay: str | None, beyond_history: str, stale: bool,
    columns: Sequence[str], prefix: str, split: str | None, checks: Checks, progress: Callable[[Progress], None] | None, project: str,
) -> Export:  # fmt: skip
    """Looks through what a user asks."""
    kind, names = _wanted(features, view)
    for what, words in (("time", time), ("lsn", lsn), ("pin", pin), ("split", split)):
        if words is not None and (not isinstance(words, str) or not words):
            raise InputError(f"{what} is {words!r}", next=_TEXTS[what])
    if not isinstance(prefix, str):
        raise InputError(f"prefix is {prefix!r}", next=_TEXTS["prefix"])
    if time_unit is not None and time_unit not in _UNITS:
        raise InputError(f"{time_unit!r} is no unit of time", next='time_unit is "s", "ms", "us" or "ns"')
    if beyond_history not in ("error", "null"):
        raise InputError(f"beyond_history cannot be {beyond_history!r}", next='beyond_history is "error" or "null"')
    if timezone is not None:
        zone_of(timezone)
    asked = Asked(
        kind, names, mode=e.HAPPENED if ignore_known_at else e.KNOWN, columns=_columns(columns), delay=_delay(delay),
        options=(e.STRICT if strict_before else 0) | (e.BEYOND_IS_NULL if beyond_history == "null" else 0) | (e.STALE if stale else 0),
        unit=_UNITS[time_unit] if time_unit else 0, project=project, moments=time or "", lsns=lsn or "", zone=timezone or "",
        prefix=prefix, split=split or "", checks=_checks(checks),
    )  # fmt: skip
    asked = _snapshot(asked, at, at_lsn, pin)
    if spine is None:
        return Export(_events(asked, start, end, keys), None, progress, True)
    if start is not None or end is not None:
        raise InputError("start and end are of a view's own events", next="the spine says which labels: leave them out")
    try:
        from . import spine as spines
    except ImportError:
        raise InputError("training sets need pyarrow, which is not installed", next="pip install pyarrow") from None
    given = spines.spine_of(spine, time)
    asked = asked._replace(
        labels=e.TEXTS if given.is_text else e.SPINE, keys=spines.keys_of(keys), told=("", "", given.name, given.format)
    )
    return Export(asked, given, progress, timezone is not None)


_TEXTS: Final = {
    "time": 'time="label_time" names a column',
    "lsn": 'lsn="served_lsn" names a column',
    "pin": 'pin="q3" names a pin',
    "split": 'split="time=2026-11-19T00:00:00Z" or "hash=0.8"',
    "prefix": 'prefix="f_" stands before the names of features',
}


def _wanted(features: str | Sequence[str] | None, view: str | None) -> tuple[int, tuple[str, ...]]:
    if (features is None) == (view is None):
        what = "nothing is asked for" if features is None else "features and view are both given"
        raise InputError(what, next='name a service, "fraud@1", or features, ["view:feature", …], or view="card_activity"')
    if view is not None:
        if not isinstance(view, str) or not view or ":" in view:
            raise InputError(f"{view!r} names no view", next='name one: view="card_activity", or "card_activity@2"')
        return e.VIEW, (view,)
    from .core import Vector

    assert features is not None
    vector = Vector.of(features, "")
    return (e.SERVICE if vector.kind == wire.SERVICE else e.FEATURES), vector.names


def _columns(columns: Sequence[str]) -> int:
    out = 0
    for name in (columns,) if isinstance(columns, str) else columns:
        bit = _COLUMNS.get(name.replace("-", "_")) if isinstance(name, str) else None
        if bit is None:
            raise InputError(f"columns knows nothing of {name!r}", next=f"some of {', '.join(_COLUMNS)}")
        out |= bit
    return out


def _delay(delay: str | None) -> int:
    if delay is None:
        return 0
    if not isinstance(delay, str):
        raise InputError(f"delay is {spell_type(delay)}, not a text", next='write "90s" or "2h"')
    try:
        return duration_of(delay)
    except ValueError as error:
        raise InputError(f"delay: {error}", next='write "90s" or "2h"') from None


def _snapshot(asked: Asked, at: Any, at_lsn: Any, pin: str | None) -> Asked:
    given = [name for name, value in (("at", at), ("at_lsn", at_lsn), ("pin", pin)) if value is not None]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} are given", next="give one of them")
    if pin is not None:
        return asked._replace(snapshot=e.AT_PIN, pin=pin)
    if at_lsn is not None:
        return asked._replace(snapshot=e.AT_LSN, lsn=moment_given(None, at_lsn, "1970-01-01T00:00:00Z").lsn)
    if at is not None:
        moment = moment_given(at, None, None)
        if moment.receipt:
            raise InputError("at is a receipt", next="a set is made as of an LSN: at_lsn=receipt.lsn")
        return asked._replace(snapshot=e.AT_TIME, time=moment.time)
    return asked


def _events(asked: Asked, start: Any, end: Any, keys: Any) -> Asked:
    if asked.kind != e.VIEW:
        raise InputError("there are no labels", next="give a spine, or view=… alone for the moments of its own events")
    said = [
        name for name, value in (("time", asked.moments), ("time_unit", asked.unit), ("lsn", asked.lsns), ("keys", keys)) if value
    ]
    if asked.zone:
        said.append("timezone")
    if said:
        raise InputError(
            f"{' and '.join(said)} say something of a spine, and there is none", next="leave them out, or give a spine"
        )
    first = _LEAST if start is None else moment_given(start, None, None, "start").time
    last = _GREATEST if end is None else moment_given(end, None, None, "end").time
    if first > last:
        raise InputError("end is before start", next="start <= end")
    return asked._replace(labels=e.EVENTS, start=first, end=last)


def _checks(checks: Checks) -> str:
    if checks is None:
        return ""
    if checks == "none":
        return "none"
    if isinstance(checks, Mapping):
        said = dict(checks)
    elif isinstance(checks, (str, os.PathLike)):
        text = _text(os.fspath(checks), "the checks")
        try:
            said = json.loads(text)
        except ValueError:
            # YAML: the server reads it.
            return text
        if not isinstance(said, dict):
            return text
    else:
        raise InputError(f"checks is {spell_type(checks)}", next='give a dict, {"coverage": 0.9}, the path of a file, or "none"')
    against = said.pop("against", None)
    if against is not None:
        if against == "online":
            said["against"] = "online"
        else:
            said["reference"] = _reference(against)
    try:
        return json.dumps(said, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"the checks are no JSON: {error}", next="write dicts, lists, texts and numbers") from None


def _text(path: str, what: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read: {why}", what, "check the path") from None


def _manifest(path: str) -> Any:
    try:
        return json.loads(_text(path, "what checks are against"))
    except ValueError as error:
        raise InputError(f"{path} is no manifest: {error}", "what checks are against", "name a .manifest.json") from None


def _reference(against: Any) -> dict[str, Any]:
    """An earlier set: the set itself, its manifest, or the manifest's path."""
    name = "an earlier set"
    if isinstance(against, TrainingSet):
        manifest: Any = against.manifest
    elif isinstance(against, (str, os.PathLike)):
        name, manifest = os.fspath(against), _manifest(os.fspath(against))
    else:
        manifest = against
    quality = manifest.get("quality") if isinstance(manifest, Mapping) else None
    if not isinstance(quality, Mapping) or "profiles" not in quality:
        raise InputError(
            f"{name} has no profiles to compare with",
            "checks: against",
            'name the manifest of a set that was checked, or "online"',
        )
    return {"name": name, "profiles": quality["profiles"]}
