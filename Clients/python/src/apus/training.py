"""A training set: its rows, what they were made of, and what its checks said."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, NamedTuple

from .errors import InputError, TrainingDataQualityError, Unsupported
from .export_wire import ExportReply
from .spelling import table_lines


class FeatureReport(NamedTuple):
    """How the cells of a feature came out."""

    name: str
    #: ``card_activity@1``
    view: str
    rows: int
    present: int
    null: int
    #: Blank cells by why: ``never_seen``, ``not_yet_known``, ``deleted``, ``erased``, ``beyond_history``, ``outside_max_age``.
    blank: dict[str, int]
    #: Blank cells that a service's default fills.
    defaults: int
    #: Cells that a join by event time alone would have filled otherwise; None in a set that is one.
    leak_delta: int | None
    #: Filled cells of which it is assumed since when they were known.
    assumed_known_at: int

    @property
    def coverage(self) -> float:
        """The share of rows with a value."""
        return self.present / self.rows if self.rows else 0.0

    @classmethod
    def of(cls, said: dict[str, Any]) -> FeatureReport:
        statuses, reasons = said["statuses"], said["reasons"]
        blank = {name: count for name, count in reasons.items() if count}
        if statuses.get("outside_max_age"):
            blank["outside_max_age"] = statuses["outside_max_age"]
        leak = said.get("leak_delta")
        return cls(
            said["name"], said["view"], sum(statuses.values()), statuses["present"], statuses["null_value"], blank, said["defaults"],
            leak, said["assumed_known_at"],
        )  # fmt: skip


class Check(NamedTuple):
    """A quality check, and what came of it."""

    check: str
    #: A feature, a segment, a view, or the set.
    of: str
    #: ``failed``, ``passed``, ``told`` or ``not_judged``.
    verdict: str
    figure: float | None
    threshold: float | None
    words: str

    def __str__(self) -> str:
        return f"{self.check} of {self.of}: {self.words or self.figure}"


class Report:
    """What is to be known of a set before a model is trained on it; printed, a table of its features and the checks that failed."""

    def __init__(self, manifest: dict[str, Any]) -> None:
        self.features = [FeatureReport.of(one) for one in manifest["features"]]
        quality = manifest.get("quality")
        self._is_judged = quality is not None
        self._was_asked_for_none = "quality" in manifest
        self.checks = [
            Check(
                one["check"],
                one["of"] or "the set",
                one["verdict"],
                one.get("figure"),
                one.get("threshold"),
                one.get("words") or "",
            )
            for one in (quality or {}).get("checks", ())
        ]
        #: What drift was judged against.
        self.reference: str | None = (quality or {}).get("reference")
        self._verdict: str | None = (quality or {}).get("verdict")

    @property
    def failures(self) -> list[Check]:
        """The checks that failed."""
        return [one for one in self.checks if one.verdict == "failed"]

    @property
    def verdict(self) -> str:
        """``passed``, ``failed``, or ``not_judged``: nothing was checked."""
        return self._verdict or "not_judged"

    def raise_for_failures(self) -> None:
        """Raises `TrainingDataQualityError` where a check failed."""
        if not self._is_judged and not self._was_asked_for_none:
            raise Unsupported("the server makes no quality checks", next="look at report.features, or use a newer server")
        failures = self.failures
        if failures or self._verdict == "failed":
            lines = "".join(f"\n        {one}" for one in failures)
            count = f"{len(failures)} check{'' if len(failures) == 1 else 's'} failed"
            error = TrainingDataQualityError(count + lines, next="look at the rows that it is about; checks= sets thresholds")
            error.failures = failures
            raise error

    def __str__(self) -> str:
        head = ["feature", "present", "null", "blank", "because", "leak delta"]
        rows = []
        for one in self.features:
            because = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in one.blank.items())
            leak = "" if one.leak_delta is None else f"{one.leak_delta:,}"
            blank = sum(one.blank.values())
            rows.append([one.name, f"{one.present:,}", f"{one.null:,}", f"{blank:,}", because, leak])
        lines = table_lines(head, rows, right={1, 2, 3, 5})
        counts = {verdict: sum(one.verdict == verdict for one in self.checks) for verdict in ("failed", "passed", "told")}
        if self._is_judged:
            lines.append(
                "checks: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count or verdict == "failed")
            )
            lines += [f"  FAILED {one}" for one in self.failures]
        return "\n".join(lines)


class TrainingSet:
    """Features as they could be known at the moments of labels, one row for each, in their order."""

    def __init__(self, table: Any, reply: ExportReply, dtypes: dict[str, Any], index: Any) -> None:
        self._table, self._dtypes, self._index = table, dtypes, index
        #: SHA-256 of all that the set depends on: equal for equal sets, and only for these.
        self.id = reply.identity.hex()
        #: SHA-256 of its rows, the same on any machine and in any format.
        self.content_digest = reply.content.hex()
        #: What was said up to here is in it.
        self.lsn = reply.lsn
        #: What the set is, and from what it is made again: the keys of `apus export --json`.
        self.manifest: dict[str, Any] = json.loads(reply.manifest)
        self.report = Report(self.manifest)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __repr__(self) -> str:
        return f"<TrainingSet {self.id[:16]}: {len(self)} rows, {', '.join(self._table.column_names)}, at LSN {self.lsn}>"

    def to_arrow(self) -> Any:
        """A `pyarrow.Table` over the server's bytes."""
        return self._table

    def to_df(self) -> Any:
        """A pandas frame: the labels' columns with their index and dtypes, if a frame was given, and the features; whole numbers stay whole."""
        try:
            import pandas
        except ImportError:
            raise InputError(
                "to_df() needs pandas, which is not installed", next="pip install pandas, or take to_arrow()"
            ) from None
        from .training_frames import series

        features = {field["name"] for field in self.manifest["fields"]} - set(self._dtypes)
        data = {
            name: series(pandas, self._table.column(name), self._dtypes.get(name), is_feature=name in features)
            for name in self._table.column_names
        }
        frame = pandas.DataFrame(data, index=pandas.RangeIndex(len(self)))
        if self._index is not None:
            frame.index = self._index
        return frame

    def save(self, path: str | os.PathLike[str]) -> str:
        """Writes a Parquet file and, beside it, the manifest, by which `apus export verify` makes the set again; its path is given back."""
        import pyarrow.parquet

        path = os.fspath(path)
        if not path.endswith(".parquet"):
            raise InputError(f"{path} does not end in .parquet", next='save("train.parquet"); to_arrow() goes into anything else')
        said = {**self.manifest, "set": os.path.basename(path), "format": "parquet"}
        beside = path[: -len(".parquet")] + ".manifest.json"
        folder = os.path.dirname(os.path.abspath(path))
        # The set has its name only when it is whole, and never beside another one's manifest.
        with tempfile.TemporaryDirectory(prefix=".apus-", dir=folder) as drafts:
            rows, words = os.path.join(drafts, "set"), os.path.join(drafts, "manifest")
            pyarrow.parquet.write_table(self._table, rows, compression="zstd")
            with open(words, "w", encoding="utf-8") as file:
                json.dump(said, file, ensure_ascii=False, separators=(",", ":"))
                file.write("\n")
            for one in (rows, words):
                with open(one, "rb") as file_of_one:
                    os.fsync(file_of_one.fileno())
            if os.path.exists(beside):
                os.unlink(beside)
            os.replace(rows, path)
            os.replace(words, beside)
        return beside
