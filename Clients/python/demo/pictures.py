"""The demo's pictures. What they show is said in `fraud.py`; here is only how."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "savefig.dpi": 110})
_PLAIN, _STRONG, _PALE = "#4c6a92", "#c0504d", "#b8c4d6"


def _save(figure: plt.Figure, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    figure.savefig(path, bbox_inches="tight")
    plt.close(figure)
    print(f"picture: {path}")
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        ipython.display.display(ipython.display.Image(str(path)))


def leakage(promised: Mapping[str, float], kept: Mapping[str, float], folder: Path) -> None:
    figure, axes = plt.subplots(figsize=(5.2, 2.6))
    at = np.arange(len(promised))
    said = ((-0.19, promised, _PALE, "what the training set promises"), (0.19, kept, _PLAIN, "what production keeps"))
    for offset, values, colour, words in said:
        bars = axes.bar(at + offset, list(values.values()), 0.36, color=colour, label=words)
        axes.bar_label(bars, fmt="%.2f", padding=2)
    axes.set_xticks(at, [{"as happened": "joined by event time alone"}.get(name, "joined as it was known") for name in promised])
    axes.set_ylabel("average precision")
    axes.set_ylim(0, max(promised.values()) * 1.35)
    axes.legend(frameon=False, loc="upper right")
    axes.set_title("The same labels, the same model, two joins", loc="left")
    _save(figure, folder, "leakage")


def latency(times: Mapping[str, Sequence[float]], folder: Path) -> None:
    figure, axes = plt.subplots(figsize=(5.2, 2.6))
    for (name, seconds), colour in zip(times.items(), (_PLAIN, _STRONG)):
        micros = np.sort(np.asarray(seconds)) * 1e6
        axes.plot(micros, np.arange(1, len(micros) + 1) / len(micros), color=colour, label=name)
    axes.set_xscale("log")
    axes.set_xlabel("µs, as the caller waits")
    axes.set_ylabel("share of calls")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    axes.set_title("One payment at a time", loc="left")
    _save(figure, folder, "latency")


def freshness(days: Sequence[float], minutes: Sequence[float], objective: float, folder: Path) -> None:
    figure, axes = plt.subplots(figsize=(5.2, 2.6))
    axes.scatter(days, minutes, s=2, color=_PLAIN, linewidths=0)
    axes.axhline(objective, color=_STRONG, linewidth=1)
    axes.text(max(days) + 1, objective, "freshness: 15m", color=_STRONG, va="center")
    axes.set_yscale("log")
    axes.set_yticks([1, 10, 100], ["1", "10", "100"])
    axes.set_xlabel("day on which it became true")
    axes.set_ylabel("minutes until it was known")
    axes.set_title("How late the pipeline was", loc="left")
    _save(figure, folder, "freshness")
