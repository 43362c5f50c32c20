"""The world of the demo: cards, accounts, payments, some of them stolen. One seed is one story, counted from a midnight.

A payment changes two features of its card, how many there were in 24 hours and the average amount of 30 days. A pipeline works them out and
tells the store, some minutes later; one afternoon it stood still. So each row has two times: `event_timestamp`, when it became
true, and `told_at`, since when a model could have known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

DAYS = 45
CARDS = 260
ACCOUNTS = 900
_MINUTE = 60.0
_DAY = 86400.0


class World(NamedTuple):
    #: Accounts and since when they are open.
    accounts: pd.DataFrame
    #: What a model is asked about: who pays whom, how much, when, and whether it was fraud, as weeks later somebody knows.
    payments: pd.DataFrame
    #: What the pipeline said, a row for each payment.
    activity: pd.DataFrame


def make(seed: int, midnight: pd.Timestamp) -> World:
    """`DAYS` days that end at `midnight`."""
    dice = np.random.default_rng(seed)
    opened = _opened(dice)
    payments = _payments(dice, opened)
    told = payments["at"] + _delays(dice, payments["at"].to_numpy())
    count, average = _features(payments)
    begin = midnight - pd.Timedelta(days=DAYS)

    def times(seconds: object) -> pd.Series:
        whole = np.round(np.asarray(seconds, float) * 1e6).astype(np.int64) * 1000
        return pd.Series(begin + pd.to_timedelta(whole, unit="ns"))

    accounts = pd.DataFrame({"account_id": np.arange(1, ACCOUNTS + 1), "opened_at": times(opened)})
    spine = pd.DataFrame(
        {
            "card_id": payments["card"], "payer_id": payments["payer"], "payee_id": payments["payee"],
            "paid_at": times(payments["at"]), "amount": payments["amount"], "is_fraud": payments["fraud"],
        }
    )  # fmt: skip
    activity = pd.DataFrame(
        {
            "card_id": payments["card"], "event_timestamp": times(payments["at"]), "told_at": times(told),
            "txn_count_24h": count, "avg_amount_30d": average,
            "last_action": np.where(payments["refund"], "refund", "buy"),
        }
    )  # fmt: skip
    return World(accounts, spine, activity)


def _opened(dice: np.random.Generator) -> np.ndarray:
    """Seconds before or after the beginning; a tenth of the accounts are opened while the story goes."""
    opened = -dice.gamma(1.2, 500 * _DAY, ACCOUNTS)
    young = dice.random(ACCOUNTS) < 0.12
    opened[young] = dice.uniform(-30 * _DAY, (DAYS - 5) * _DAY, int(young.sum()))
    return opened


def _payments(dice: np.random.Generator, opened: np.ndarray) -> pd.DataFrame:
    parts = []
    for card in range(CARDS):
        usual = float(np.exp(dice.normal(3.4, 0.6)))
        payer = int(dice.integers(1, ACCOUNTS + 1))
        at = np.cumsum(dice.exponential(_DAY / dice.uniform(0.8, 2.4), int(DAYS * 2.6)))
        sprees = [
            start + np.cumsum(dice.exponential(25 * _MINUTE, dice.integers(3, 7))) for start in at[dice.random(len(at)) < 0.02]
        ]
        at = np.concatenate([at, *sprees])
        parts.append(_some(dice, card, payer, at, usual, fraud=False, opened=opened))
        if dice.random() < 0.55:
            start = dice.uniform(3 * _DAY, (DAYS - 1) * _DAY)
            burst = start + np.cumsum(dice.exponential(4 * _MINUTE, dice.integers(5, 13)))
            parts.append(_some(dice, card, payer, burst, usual * 2.0, fraud=True, opened=opened))
    out = pd.concat(parts)
    out = out[(out["at"] > 0) & (out["at"] < DAYS * _DAY)]
    return out.sort_values("at", kind="stable", ignore_index=True)


def _some(
    dice: np.random.Generator, card: int, payer: int, at: np.ndarray, usual: float, fraud: bool, opened: np.ndarray
) -> pd.DataFrame:
    count = len(at)
    payee = dice.integers(1, ACCOUNTS + 1, count)
    if fraud:
        # Thieves like accounts that are new, and do not always have one.
        young = np.flatnonzero(opened > np.quantile(opened, 0.85)) + 1
        payee = np.where(dice.random(count) < 0.35, dice.choice(young, count), payee)
    # Nobody pays an account that is not open yet.
    payee = np.where(opened[payee - 1] < at, payee, 1 + int(np.argmin(opened)))
    return pd.DataFrame(
        {
            "card": f"c{card:03d}", "payer": payer, "payee": payee, "at": at, "fraud": fraud,
            "amount": np.round(np.exp(dice.normal(np.log(usual), 0.7, count)), 2), "refund": dice.random(count) < 0.04,
        }
    )  # fmt: skip


def _delays(dice: np.random.Generator, at: np.ndarray) -> np.ndarray:
    """Seconds from a payment until the pipeline told of it."""
    delay = dice.gamma(4.0, 3 * _MINUTE, len(at))
    # On the 30th day it stood still from noon to six.
    down, up = (30 + 12 / 24) * _DAY, (30 + 18 / 24) * _DAY
    stuck = (at + delay > down) & (at + delay < up)
    return np.where(stuck, up - at + dice.uniform(0, 20 * _MINUTE, len(at)), delay)


def _features(payments: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """For each payment, it included: the card's count of 24 hours, and average of 30 days."""
    count = np.zeros(len(payments), np.int64)
    average = np.zeros(len(payments))
    for rows in payments.groupby("card").indices.values():
        at, amount = payments["at"].to_numpy()[rows], payments["amount"].to_numpy()[rows]
        here = np.arange(1, len(rows) + 1)
        count[rows] = here - np.searchsorted(at, at - _DAY, side="right")
        sums = np.concatenate(([0.0], np.cumsum(amount)))
        first = np.searchsorted(at, at - 30 * _DAY, side="right")
        average[rows] = np.round((sums[here] - sums[first]) / (here - first), 4)
    return count, average
