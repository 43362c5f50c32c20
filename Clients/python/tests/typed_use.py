"""What a user's type checker sees; `mypy --strict` reads this, and nothing runs it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import apus
from apus.testing import Server


def blocking() -> npt.NDArray[np.float64]:
    store: apus.Store = apus.connect(timeout=1)
    try:
        accepted: int = store.push("view", {"key": 1}, event_time=apus.NOW).accepted
    except apus.RowsRefused as refused:
        rules: dict[str, int] = refused.rules
        print(rules)
    except apus.Overloaded as error:
        wait: float = error.wait
        print(wait)
    else:
        print(accepted)
    x: apus.OnlineFeatures = store.get_online_features(["view:feature"], [{"key": 1}], dense="float64")
    receipt: apus.Receipt = x.receipt
    why: apus.Explanation = store.explain(receipt, {"key": 1})
    winner: apus.Candidate | None = why["feature"].winner
    rules_broken: list[str | None] = [event.rule for event in store.history({"key": 1}, "view", refused=True)]
    print(winner, rules_broken)
    t: apus.TrainingSet = store.get_historical_features({"key": [1]}, "service@1", progress=print)
    try:
        t.report.raise_for_failures()
    except apus.TrainingDataQualityError as error:
        failed: list[str] = [check.of for check in error.failures]
        print(failed)
    except apus.BadSpine as error:
        row: int | None = error.row
        print(row)
    lsn: int = store.wait(receipt.lsn).visible
    print(lsn, {name: values.dtype for name, values in x.statuses.items()}, apus.ABSENT)
    return x.to_numpy()


async def online() -> apus.PushResult:
    async with await apus.aio.connect() as store:
        features: apus.OnlineFeatures = await store.get_online_features("service@1", [{"key": 1}])
        print(features.to_dict())
        return await store.push("view", {"key": 1})


def served() -> bool:
    with Server({"project": "p"}) as server:
        return server.is_running
