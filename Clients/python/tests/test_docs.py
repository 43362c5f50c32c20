"""The examples of the documentation are run as they stand there: README.md's blocks one after another, each docstring by itself."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import FRAUD, ROOT

import apus
from apus.testing import Server

README = Path(__file__).resolve().parents[1] / "README.md"


@pytest.fixture
def fraud(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server with the example, which `apus.connect()` finds; paths are those of the repository."""
    with Server(FRAUD) as server, server.connect() as store:
        monkeypatch.chdir(ROOT)
        monkeypatch.setenv("APUS_URL", server.url)
        yield store


def test_the_blocks_of_the_readme_run(fraud: Any) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 6
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(README), "exec"), names)
    names["store"].close()


def test_the_ten_lines_of_the_project_s_readme_run(fraud: Any) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), names)
    names["store"].close()


def _examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = [apus] + [
        importlib.import_module(f"apus.{one.name}") for one in pkgutil.iter_modules(apus.__path__) if one.name != "pytest_plugin"
    ]
    found = [one for module in modules for one in finder.find(module, module.__name__) if one.examples]
    return list({one.name: one for one in found}.values())


@pytest.mark.parametrize("example", _examples(), ids=lambda one: one.name)
def test_an_example_says_what_it_prints(fraud: Any, example: doctest.DocTest) -> None:
    if example.name != "apus":
        fraud.push("card_activity", {"card_id": "c42", "txn_count_24h": 3, "avg_amount_30d": 12.5})
    example.globs.update(apus=apus, store=fraud, RowsRefused=apus.RowsRefused, np=np)
    said: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=said.append)
    assert result.failed == 0, "".join(said)


def test_every_call_of_a_store_has_words() -> None:
    for kind in (apus.Store, apus.aio.Store, apus.OnlineFeatures, Server):
        for name, member in vars(kind).items():
            if not name.startswith("_") and (callable(member) or isinstance(member, property)):
                assert member.__doc__, f"{kind.__name__}.{name} has no words"


def test_the_version_is_that_of_the_distribution() -> None:
    words = (README.parent / "pyproject.toml").read_text()
    assert f'version = "{apus.__version__}"' in words


def test_every_row_about_blanks_and_times_names_tests_that_there_are() -> None:
    page = (ROOT / "Sources/ApusIngest/BlanksAndTimes.md").read_text()
    here = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    there = "".join(
        path.read_text()
        for folder in ("ApusIngestTests", "ApusExportTests")
        for path in (ROOT / "Tests" / folder).glob("*.swift")
    )
    rows = [line for line in page.split("\n") if line.startswith("| ") and not line.startswith("| given")]
    assert len(rows) >= 20
    for row in rows:
        named = re.findall(r"`([^`]+)`", row.split(" | ")[2])
        assert named, row
        for name in named:
            assert f"def {name}(" in here or f'@Test("{name}' in there or f'"{name}' in there, (row, name)
