"""The version of this client, as pyproject.toml has it."""

from __future__ import annotations

VERSION = "0.1.0.dev0"
CLIENT = f"apus-python {VERSION}"
