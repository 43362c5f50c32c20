"""The producers of a client, and the pushes that did not come to their end.

A push is cut into requests; each goes out under a number of a producer, by which the server knows it when it is sent again. Several
threads push at once, each with a producer of its own: a *lane*. A server keeps a producer's name for good, so lanes are called by
the machine and a small number, which a lock on a file keeps from two processes; a program of a hundred runs leaves one name.

Who repeats a push that ended in an error that may help, with the same rows, goes on where it was: what was done stays done once. That
is what `Jobs` remembers, for a minute where the rows say no time of their own (the same row may then be meant anew).
"""

from __future__ import annotations

import os
import re
import socket
import tempfile
import threading
import time
import uuid
from collections import OrderedDict
from typing import Any, Final

from .core import Lane
from .pushing import KnownAt
from .results import PushResult

try:
    import fcntl
except ImportError:  # pragma: no cover - other systems than Unix
    fcntl = None  # type: ignore[assignment]

_LANES_PER_USER: Final = 256
_JOBS_MAX: Final = 64
_PARKED_MAX: Final = 8
_UNTIMED_SECONDS: Final = 60.0


class LockedName:
    """A name that no other process of this machine has while this one lives."""

    def __init__(self) -> None:
        self._file: Any = None
        self.name = self._lock() or f"python-{uuid.uuid4().hex[:12]}"

    def _lock(self) -> str | None:
        if fcntl is None:
            return None
        user = os.getuid()
        folder = os.path.join(tempfile.gettempdir(), f"apus-python-{user}")
        try:
            os.makedirs(folder, 0o700, exist_ok=True)
            if os.stat(folder).st_uid != user:
                return None
            for number in range(_LANES_PER_USER):
                # Left open for as long as the lock is held; the next who takes it is another name's owner.
                file = open(os.path.join(folder, str(number)), "ab")  # noqa: SIM115
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    file.close()
                    continue
                self._file = file
                host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:120]
                return f"python-{host}-{user}-{number}"
        except OSError:
            return None
        return None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class Job:
    """A push that goes on: what came of its requests, by their digests."""

    def __init__(self, choice: KnownAt | None, is_timed: bool) -> None:
        self.choice = choice
        self.is_timed = is_timed
        self.done: list[tuple[bytes, PushResult]] = []
        #: The lane that has a request of this push in doubt, and which.
        self.lane: Lane | None = None
        self.doubtful = b""
        self.until = 0.0

    def is_live(self) -> bool:
        return self.is_timed or time.monotonic() < self.until


class Jobs:
    """Lanes that wait for the next push, and pushes that wait to be repeated. Shared by threads."""

    def __init__(self, producer: str | None) -> None:
        self.producer = producer
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Lane] = []
        self._names: list[LockedName] = []
        self._unfinished: OrderedDict[bytes, Job] = OrderedDict()
        self._pid = os.getpid()

    def _check_pid(self) -> None:
        # A forked child holds its parent's locks, too: its lanes must have other names.
        if self._pid != os.getpid():
            self._reset()

    def find(self, first: bytes) -> Job | None:
        """The unfinished push that begins with this request, if there is one; it is no longer remembered."""
        self._check_pid()
        with self._lock:
            job = self._unfinished.pop(first, None)
            if job is not None and not job.is_live():
                self._drop(job)
                return None
            return job

    def remember(self, first: bytes, job: Job) -> None:
        with self._lock:
            job.until = time.monotonic() + _UNTIMED_SECONDS
            self._unfinished[first] = job
            parked = [key for key, one in self._unfinished.items() if one.lane is not None]
            for key in parked[: max(0, len(parked) - _PARKED_MAX)]:
                self._drop(self._unfinished.pop(key))
            while len(self._unfinished) > _JOBS_MAX:
                self._drop(self._unfinished.popitem(last=False)[1])

    def _drop(self, job: Job) -> None:
        """Forgets a push: the lane learns from the server what its next number is."""
        if job.lane is not None:
            job.lane.in_doubt = False
            job.lane.id = 0
            self._idle.append(job.lane)
            job.lane = None

    def take(self) -> Lane:
        """A lane for a push. Of a named producer there is one, and whoever takes it keeps others from doing so."""
        self._check_pid()
        with self._lock:
            if self.producer is not None:
                for key in [key for key, one in self._unfinished.items() if one.lane is not None]:
                    # A push in doubt that nobody repeats must not keep the name for good.
                    self._drop(self._unfinished.pop(key))
            if self._idle:
                return self._idle.pop()
            if self.producer is not None:
                return Lane(self.producer, is_named=True)
            name = LockedName()
            self._names.append(name)
            return Lane(name.name, is_named=False)

    def give(self, lane: Lane) -> None:
        with self._lock:
            self._idle.append(lane)

    def close(self) -> None:
        with self._lock:
            for name in self._names:
                name.close()
            self._names.clear()
            self._idle.clear()
            self._unfinished.clear()
