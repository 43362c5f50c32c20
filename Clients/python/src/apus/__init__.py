"""The Python client of Apus, a feature store: `connect`, push, ask.

>>> store = apus.connect()
>>> store.push("card_activity", [{"card_id": "c42", "txn_count_24h": 3, "avg_amount_30d": 12.5}]).accepted
1
>>> x = store.get_online_features("fraud@1", [{"card_id": "c42", "payer_id": 7, "payee_id": 9}])
>>> x.to_dict()["txn_count_24h"]
[3]
"""

from __future__ import annotations

from . import aio
from .cells import ABSENT
from .errors import *  # noqa: F403
from .errors import __all__ as _errors
from .results import Erasure, OnlineFeatures, PushResult, Receipt, Row, Status
from .store import Store, connect
from .times import NOW, NaiveTimeWarning, OldRowsWarning
from .version import VERSION as __version__

__all__ = [
    "ABSENT", "NOW", "Erasure", "NaiveTimeWarning", "OldRowsWarning", "OnlineFeatures", "PushResult", "Receipt", "Row", "Status",
    "Store", "__version__", "aio", "connect", *_errors,
]  # fmt: skip
