"""The demo is told as it stands: its script, and its notebook, which is the same. Skipped where its environment could not be made."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

DEMO = ROOT / "Clients/python/demo"
PLACE = ROOT / ".build/demo"
needs = pytest.mark.skipif(
    not (PLACE / "python/requirements.txt").exists(),
    reason="the demo's environment .build/demo/python is not there: Clients/python/demo/run.sh setup makes it, with a download",
)


def _story() -> Any:
    spec = importlib.util.spec_from_file_location("story", DEMO / "story.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run(pictures: Path, *words: str) -> str:
    env = {**os.environ, "APUS_DEMO_PICTURES": str(pictures)}
    ran = subprocess.run([str(DEMO / "run.sh"), *words], env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-4000:]
    assert "Warning" not in ran.stderr, ran.stderr
    return ran.stdout


def test_the_notebook_is_the_script() -> None:
    story = _story()
    script = (DEMO / "fraud.py").read_text()
    assert (DEMO / "fraud.ipynb").read_text() == story.notebook(script), "run `story.py write fraud.py`"
    told = story.cells(script)
    assert sum(cell.is_code for cell in told) >= 10 and not told[0].is_code
    lines = script.split("\n")
    assert all(lines[cell.line - 1] == cell.text.split("\n")[0] for cell in told if cell.is_code)


@needs
def test_the_script_tells_its_story(tmp_path: Path) -> None:
    said = _run(tmp_path)
    for words in (
        "## The all-blank mistake", "1 × txn_count_24h min", "card_activity@1  txn_count_24h.min        1", "OldRowsWarning",
        "readers: NEW VALUE (read by stolen@1)", "NOT_ACCEPTED", "as happened  promises", "features and model", "(not yet known)",
        "the same receipt gives the same features",
    ):  # fmt: skip
        assert words in said, (words, said)
    for name in ("leakage", "latency", "freshness"):
        picture = (tmp_path / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG") and len(picture) < 100_000


@needs
def test_the_notebook_runs_and_keeps_its_pictures(tmp_path: Path) -> None:
    _run(tmp_path, "notebook")
    book = json.loads((PLACE / "fraud.ipynb").read_text())
    outputs = [out for cell in book["cells"] if cell["cell_type"] == "code" for out in cell["outputs"]]
    assert not [out for out in outputs if out["output_type"] == "error"]
    assert sum("image/png" in out.get("data", {}) for out in outputs) == 3
