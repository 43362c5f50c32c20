"""The fixture `apus_server`: a server of the test's own.

A test says what it wants with a mark: `@pytest.mark.apus("definitions", options=["--tokens", "on"])`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


def pytest_configure(config: Any) -> None:
    config.addinivalue_line("markers", "apus(definitions, options=()): what the fixture apus_server serves")


@pytest.fixture
def apus_server(request: Any) -> Iterator[Any]:
    from .testing import Server

    mark = request.node.get_closest_marker("apus")
    with Server(*(mark.args if mark else ()), **(mark.kwargs if mark else {})) as server:
        yield server
