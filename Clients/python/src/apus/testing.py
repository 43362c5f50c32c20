"""A server of one's own, for tests: the real program, on a free port, with a store in a temporary folder.

>>> from apus.testing import Server
>>> with Server("Config/examples/fraud") as server:
...     store = server.connect()
...     store.push("card_activity", {"card_id": "c42", "txn_count_24h": 3}).accepted
1

The program is `$APUS_BINARY`, else `apus` in `$PATH`, else `.build/release/apus` of the repository that this file or the current folder is in.
With pytest, the fixture `apus_server` is such a server.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from .commands import Definitions
from .errors import ApusError, InputError
from .store import Store, connect

_START_SECONDS = 60.0


def find_binary() -> str:
    """The program `apus`."""
    given = os.environ.get("APUS_BINARY")
    if given:
        if not os.access(given, os.X_OK):
            raise InputError(f"$APUS_BINARY is {given}, which is no program")
        return os.path.abspath(given)
    found = shutil.which("apus")
    if found:
        return found
    for start in (os.getcwd(), os.path.dirname(os.path.abspath(__file__))):
        folder = start
        while folder != os.path.dirname(folder):
            candidate = os.path.join(folder, ".build", "release", "apus")
            if os.access(candidate, os.X_OK):
                return candidate
            folder = os.path.dirname(folder)
    raise InputError(
        "the program apus is not found",
        "$APUS_BINARY, $PATH, and .build/release of the folders above",
        "build it (`make build`), or set APUS_BINARY",
    )


class StartError(ApusError):
    """The program ended, or said nothing, instead of listening."""

    code = "DID_NOT_START"


def _reap(process: subprocess.Popen[bytes], scratch: str) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
    shutil.rmtree(scratch, ignore_errors=True)


class Server:
    """Starts `apus serve`; a `with` block ends it and removes its folder.

    `definitions`: applied when it has started. `folder`: the store's, which then stays; else a temporary one.
    `options`: more words for `apus serve`, such as `["--tokens", "on"]`.
    """

    def __init__(
        self,
        definitions: Definitions | None = None,
        *,
        folder: str | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self._definitions = definitions
        self._scratch: str | None = None
        self._given = folder
        self._options = list(options)
        self._process: subprocess.Popen[bytes] | None = None
        self._stores: list[Store] = []
        self._port = 0
        self.folder = folder or ""

    def __enter__(self) -> Server:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """For `apus.connect(url)`, and `$APUS_URL`."""
        if self._port == 0:
            raise InputError("the server was never started", next="with Server() as server: …")
        return f"tcp://127.0.0.1:{self._port}"

    @property
    def log(self) -> str:
        """What the server said."""
        with contextlib.suppress(OSError), open(self._log_path, encoding="utf-8", errors="replace") as file:
            return file.read()
        return ""

    @property
    def _log_path(self) -> str:
        return os.path.join(self._scratch or "", "log.txt")

    @property
    def is_running(self) -> bool:
        """Whether the program runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Server:
        """Starts it, on the port that it had before."""
        if self.is_running:
            return self
        binary = find_binary()
        if self._scratch is None:
            self._scratch = tempfile.mkdtemp(prefix="apus-testing-")
            self.folder = self._given or os.path.join(self._scratch, "store")
        is_first = self._port == 0
        command = [binary, "serve", "--data", self.folder, "--listen", f"127.0.0.1:{self._port}"]
        # The defaults reserve disk for a server that runs for years.
        command += ["--segment-size", "8MiB", "--disk-reserve", "0B", *self._options]
        begin = os.path.getsize(self._log_path) if os.path.exists(self._log_path) else 0
        # A user's settings are not a test's.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("APUS_")}
        with open(self._log_path, "ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=clean)
        # A test that ends without a word leaves no server behind.
        self._reaper = weakref.finalize(self, _reap, self._process, self._scratch)
        self._port = self._listening(begin)
        if is_first and self._definitions is not None:
            with connect(self.url, timeout=30) as store:
                store.apply(self._definitions)
        return self

    def _listening(self, begin: int) -> int:
        assert self._process is not None
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            found = re.search(r"listening.*address=127\.0\.0\.1:(\d+)", self.log[begin:])
            if found:
                return int(found[1])
            if self._process.poll() is not None:
                break
            time.sleep(0.01)
        self.kill()
        raise StartError(f"the server did not start: {self.log[begin:].strip() or 'it said nothing'}")

    def stop(self) -> None:
        """SIGTERM: it answers what is under way, and ends."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: it ends now, whatever it was doing."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._reaper.detach()

    def restart(self) -> Server:
        """Stops it, and starts it on the same port and folder."""
        self.stop()
        return self.start()

    def connect(self, **options: Any) -> Store:
        """A store of this server, closed with it."""
        store = connect(self.url, **options)
        self._stores.append(store)
        return store

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of `apus` about this server, or, while it does not run, about its folder."""
        where = ["--server", self.url] if self.is_running else ["--data", self.folder]
        if words[0] == "token":
            where = ["--data", self.folder]
        return subprocess.run([find_binary(), *words, *where], capture_output=True, text=True, check=False)

    def close(self) -> None:
        """Ends it and removes what it left."""
        for store in self._stores:
            store.close()
        self._stores.clear()
        self.kill()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None
