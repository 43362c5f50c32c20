"""Times as people write them, and as the store keeps them: nanoseconds since 1970, UTC.

A time without an offset is UTC, which is warned of once, unless a time zone was named. A whole number is no time unless its
unit was named. Nothing is rounded.
"""

from __future__ import annotations

import datetime
import re
import sys
import warnings
from typing import Any, Final

import numpy as np

from .errors import InputError

_UNITS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_EPOCH: Final = datetime.datetime(1970, 1, 1)
_UTC: Final = datetime.timezone.utc
_I64: Final = 1 << 63
_TEXT: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|z|[+-]\d\d:\d\d)?)?")
_OFFSET: Final = re.compile(r"([+-])(\d\d):(\d\d)")


class NaiveTimeWarning(UserWarning):
    """A time without an offset was taken for UTC."""


class OldRowsWarning(UserWarning):
    """Rows are older than an hour and known only from now on: labels before now do not see them."""


class _Now:
    """The moment when the server takes the row."""

    def __repr__(self) -> str:
        return "apus.NOW"


NOW: Final = _Now()


def spell_type(value: Any) -> str:
    kind = type(value)
    name = kind.__name__
    return name if kind.__module__ in ("builtins", "numpy") else f"{kind.__module__.split('.')[0]}.{name}"


def zone_of(name: str) -> datetime.tzinfo:
    """`UTC`, `+02:00`, or a name of the system's zones."""
    if not isinstance(name, str):
        raise InputError(f"timezone is {spell_type(name)}, not a text", next='write "UTC", "+02:00" or "Europe/Berlin"')
    if name.upper() in ("UTC", "Z"):
        return _UTC
    found = _OFFSET.fullmatch(name)
    if found:
        delta = datetime.timedelta(hours=int(found[2]), minutes=int(found[3]))
        if delta < datetime.timedelta(hours=24) and int(found[3]) < 60:
            return datetime.timezone(delta if found[1] == "+" else -delta)
    else:
        import zoneinfo

        try:
            return zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise InputError(f"{name!r} is no time zone", next='write "UTC", "+02:00" or "Europe/Berlin"')


def duration_of(words: str) -> int:
    """`15m` and its kin, in nanoseconds."""
    found = re.fullmatch(r"(\d+)(ns|us|ms|s|m|h|d|w)", words)
    if not found:
        raise InputError(f"{words!r} is no time span", next="write a whole number and ns, us, ms, s, m, h, d or w")
    units = {**_UNITS, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9, "w": 7 * 86400 * 10**9}
    return _fitting(int(found[1]) * units[found[2]], words)


def _fitting(nanoseconds: int, given: Any) -> int:
    # The greatest number is not a moment: it means "now".
    if not -_I64 <= nanoseconds < _I64 - 1:
        raise ValueError(f"{given} is before 1677-09-21 or after 2262-04-11")
    return nanoseconds


def _since_epoch(moment: datetime.datetime) -> int:
    delta = moment.replace(tzinfo=None) - _EPOCH
    return (delta.days * 86400 + delta.seconds) * 10**9 + delta.microseconds * 1000


class Clock:
    """How the times of one call are read. `zone`: of times without an offset; None: UTC, with a warning."""

    def __init__(self, zone: str | None = None, unit: str | None = None) -> None:
        self.zone: datetime.tzinfo = _UTC if zone is None else zone_of(zone)
        self._is_zone_named = zone is not None
        if unit is not None and unit not in _UNITS:
            raise InputError(f"{unit!r} is no unit of time", next='time_unit is "s", "ms", "us" or "ns"')
        self.unit = unit
        #: Whether a naive time was met, and nobody had named a zone.
        self.met_naive = False

    def nanoseconds(self, value: Any) -> int:
        """Raises TypeError or ValueError with the reason."""
        if isinstance(value, datetime.datetime):
            extra = getattr(value, "nanosecond", 0)
            if value.tzinfo is not None:
                offset = value.utcoffset() or datetime.timedelta()
                shift = (offset.days * 86400 + offset.seconds) * 10**9 + offset.microseconds * 1000
                return _fitting(_since_epoch(value) + extra - shift, value)
            return _fitting(self._naive(_plain(value)) + extra, value)
        if isinstance(value, datetime.date):
            return _fitting(self._naive(datetime.datetime(value.year, value.month, value.day)), value)
        if isinstance(value, np.datetime64):
            return int(self.array(np.array([value]))[0])
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_)):
            if self.unit is None:
                raise TypeError(f"{value} is a whole number, and nobody said what it counts")
            return _fitting(int(value) * _UNITS[self.unit], value)
        raise TypeError(f"{value!r} is {spell_type(value)}, not a time")

    def _text(self, value: str) -> int:
        found = _TEXT.fullmatch(value.strip())
        if not found:
            raise ValueError(f"{value!r} is no time such as 2026-11-19T14:03:22Z")
        try:
            moment = datetime.datetime.strptime(found[1], "%Y-%m-%d")
            if found[2]:
                moment = moment.replace(hour=int(found[2]), minute=int(found[3]), second=int(found[4]))
        except ValueError:
            raise ValueError(f"{value!r} is no time there is") from None
        extra = int((found[5] or "").ljust(9, "0"))
        offset = found[6]
        if offset is None:
            return _fitting(self._naive(moment) + extra, value)
        if offset not in "Zz":
            sign = -1 if offset[0] == "-" else 1
            extra -= sign * (int(offset[1:3]) * 3600 + int(offset[4:6]) * 60) * 10**9
        return _fitting(_since_epoch(moment) + extra, value)

    def _naive(self, moment: datetime.datetime) -> int:
        if not self._is_zone_named:
            self.met_naive = True
        if self.zone is _UTC:
            return _since_epoch(moment)
        # A clock that is set back shows an hour twice, and one that is set forward never shows one.
        first = moment.replace(tzinfo=self.zone, fold=0).utcoffset()
        second = moment.replace(tzinfo=self.zone, fold=1).utcoffset()
        if first is None or second is None or first != second:
            how = "never" if first is not None and second is not None and first < second else "twice"
            raise ValueError(f"the clock of {self.zone} showed {moment} {how}")
        return _since_epoch(moment) - round(first.total_seconds()) * 10**9

    def array(self, moments: np.ndarray[Any, Any], is_utc: bool = False) -> np.ndarray[Any, np.dtype[np.int64]]:
        """`datetime64` of any unit, none of them NaT."""
        fine = moments.astype("M8[ns]")
        wrong = fine.astype(moments.dtype) != moments
        if moments.dtype != fine.dtype and wrong.any():
            raise ValueError(f"{moments[wrong][0]} is finer than a nanosecond, or before 1677-09-21 or after 2262-04-11")
        out = fine.view(np.int64)
        if is_utc or not len(out):
            return out
        if not self._is_zone_named:
            self.met_naive = True
        if self.zone is _UTC:
            return out
        seconds, where = np.unique(out // 10**9, return_inverse=True)
        shifted = [self._naive(_EPOCH + datetime.timedelta(seconds=int(one))) for one in seconds.tolist()]
        utc: np.ndarray[Any, np.dtype[np.int64]] = np.array(shifted, np.int64)[where.reshape(-1)] + out % 10**9
        return utc

    def integers(self, numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.int64]]:
        if self.unit is None:
            raise TypeError("these are whole numbers, and nobody said what they count")
        factor = _UNITS[self.unit]
        if len(numbers):
            for edge in (int(numbers.min()), int(numbers.max())):
                _fitting(edge * factor, edge)
        out: np.ndarray[Any, np.dtype[np.int64]] = numbers.astype(np.int64) * factor
        return out


def _plain(value: datetime.datetime) -> datetime.datetime:
    """Without what pandas adds to a datetime."""
    return datetime.datetime(
        value.year,
        value.month,
        value.day,
        value.hour,
        value.minute,
        value.second,
        value.microsecond,
        fold=value.fold,
    )


_UNIT_HINT: Final = 'time_unit="s", "ms", "us" or "ns" says what whole numbers count'


def hint(error: Exception) -> str:
    return _UNIT_HINT if "whole number" in str(error) else "write aware datetimes, or text such as 2026-11-19T14:03:22Z"


def moment_of(value: Any, clock: Clock | None = None) -> int:
    """A single moment, in nanoseconds; naive ones are UTC, and warned of."""
    own = clock or Clock()
    out = own.nanoseconds(value)
    if clock is None and own.met_naive:
        warn_naive()
    return out


def warn(words: str, category: type[Warning]) -> None:
    """Warns of the line that called this package."""
    level, at = 1, sys._getframe(0)
    package = __name__.rpartition(".")[0]
    while at is not None and str(at.f_globals.get("__name__", "")).partition(".")[0] == package:
        level, at = level + 1, at.f_back  # type: ignore[assignment]
    warnings.warn(words, category, stacklevel=level)


def warn_naive() -> None:
    warn(
        'times without an offset are taken for UTC; timezone="Europe/Berlin" names their zone, "UTC" says that it is right',
        NaiveTimeWarning,
    )
