"""A story in cells, as editors know them: `# %%` begins code, `# %% [markdown]` prose in comments. The notebook is made from the script, and
a test compares them.

    story.py tell fraud.py              the prose, and what the code prints
    story.py write fraud.py             writes fraud.ipynb anew
    story.py run fraud.ipynb OUT.ipynb  executes it, and keeps what came out
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple


class Cell(NamedTuple):
    is_code: bool
    text: str
    #: Of its first line in the script.
    line: int


def cells(script: str) -> list[Cell]:
    """Everything between two lines that begin with `# %%`."""
    out: list[Cell] = []
    lines: list[str] = []
    is_code, first = True, 1

    def end() -> None:
        text = "\n".join(lines).strip("\n")
        if not is_code:
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.split("\n"))
        if text:
            out.append(Cell(is_code, text, first))
        lines.clear()

    for number, line in enumerate(script.split("\n"), 1):
        if line.startswith("# %%"):
            end()
            is_code, first = "[markdown]" not in line, number + 1
        else:
            lines.append(line)
    end()
    return out


def notebook(script: str) -> str:
    """The notebook of a script, without anything that came out."""

    def one(number: int, cell: Cell) -> dict[str, Any]:
        source = cell.text.splitlines(keepends=True)
        if cell.is_code:
            return {
                "cell_type": "code", "execution_count": None, "id": f"cell-{number}", "metadata": {}, "outputs": [], "source": source,
            }  # fmt: skip
        return {"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": source}

    whole = {
        "cells": [one(number, cell) for number, cell in enumerate(cells(script))],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def tell(path: Path) -> None:
    """Says the prose before the code that it is about."""
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(path)}
    for cell in cells(path.read_text()):
        if cell.is_code:
            # Empty lines in front, so that an error names the line of the script.
            exec(compile("\n" * (cell.line - 1) + cell.text, str(path), "exec"), names)
        else:
            print(f"\n{cell.text}\n")


def run(path: Path, out: Path) -> None:
    """Executes a notebook in its own folder; an error in a cell is raised."""
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.read(path, as_version=4)
    NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}).execute()
    nbformat.write(book, out)
    print(f"notebook: {out}")


def main(words: list[str]) -> None:
    if len(words) == 2 and words[0] == "tell":
        sys.path.insert(0, str(Path(words[1]).resolve().parent))
        tell(Path(words[1]).resolve())
    elif len(words) == 2 and words[0] == "write":
        path = Path(words[1])
        path.with_suffix(".ipynb").write_text(notebook(path.read_text()))
    elif len(words) == 3 and words[0] == "run":
        run(Path(words[1]).resolve(), Path(words[2]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
