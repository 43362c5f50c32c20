"""The types of features and keys, as definitions spell them and as the protocol numbers them."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import numpy as np

from .errors import BadReply

(BOOL, INT32, INT64, FLOAT32, FLOAT64, STRING, BYTES, TIMESTAMP) = range(1, 9)
SCALAR, LIST, VECTOR = 0, 1, 2

NAMES: Final = {
    BOOL: "bool", INT32: "int32", INT64: "int64", FLOAT32: "float32", FLOAT64: "float64", STRING: "string", BYTES: "bytes",
    TIMESTAMP: "timestamp",
}  # fmt: skip
NUMBERS: Final = {name: number for number, name in NAMES.items()}
WIDTHS: Final = {BOOL: 1, INT32: 4, INT64: 8, FLOAT32: 4, FLOAT64: 8, TIMESTAMP: 8}
LETTERS: Final = {BOOL: "?", INT32: "i", INT64: "q", FLOAT32: "f", FLOAT64: "d", TIMESTAMP: "q"}
#: How numpy calls what stands in a reply. A timestamp is nanoseconds since 1970, UTC.
DTYPES: Final[dict[int, np.dtype[Any]]] = {
    BOOL: np.dtype(np.bool_), INT32: np.dtype("<i4"), INT64: np.dtype("<i8"), FLOAT32: np.dtype("<f4"),
    FLOAT64: np.dtype("<f8"), TIMESTAMP: np.dtype("<M8[ns]"),
}  # fmt: skip
FLOATS: Final = (FLOAT32, FLOAT64)
INTEGERS: Final = (INT32, INT64)


class FeatureType(NamedTuple):
    """A type of a feature: ``str(type)`` spells it as definitions do.

    >>> from apus.types import FeatureType
    >>> FeatureType.parse("float32[64]")
    FeatureType(element=4, shape=2, length=64)
    >>> str(FeatureType.parse("list<string>"))
    'list<string>'
    """

    element: int
    shape: int = SCALAR
    length: int = 0

    @property
    def is_variable(self) -> bool:
        """Whether values differ in size."""
        return self.shape == LIST or (self.shape == SCALAR and self.element in (STRING, BYTES))

    @property
    def width(self) -> int:
        """Bytes of a value of fixed size."""
        return WIDTHS[self.element] * (self.length if self.shape == VECTOR else 1)

    @property
    def is_number(self) -> bool:
        """Whether a cell can stand in a matrix of floats."""
        return self.shape == SCALAR and self.element not in (STRING, BYTES)

    def __str__(self) -> str:
        name = NAMES[self.element]
        return f"list<{name}>" if self.shape == LIST else f"{name}[{self.length}]" if self.shape == VECTOR else name

    @classmethod
    def parse(cls, spelling: str) -> FeatureType:
        found = re.fullmatch(r"(list<)?([a-z0-9]+?)(>)?(?:\[(\d+)\])?", spelling)
        if not found or found[2] not in NUMBERS or bool(found[1]) != bool(found[3]):
            raise BadReply(f"{spelling!r} is no type of a feature", next="is the server newer than this client?")
        element = NUMBERS[found[2]]
        if found[1]:
            return cls(element, LIST)
        return cls(element, VECTOR, int(found[4])) if found[4] else cls(element)
