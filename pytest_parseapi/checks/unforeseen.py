"""Exceptions that code raises on its way to an error that it did not foresee."""

from __future__ import annotations

import json
import re
from typing import Final

__all__ = ["is_unforeseen"]

_UNRELATED: Final = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NameError,
    RecursionError,
    TypeError,
    UnboundLocalError,
    UnicodeDecodeError,
)
# A ValueError may be the consumer's own, but not with what Python says in one.
_UNFORESEEN: Final = re.compile(
    r".* is not a valid [\w.]+|invalid literal for int\(\) .*|could not convert string to float: .*"
    r"|(not enough|too many) values to unpack .*|time data .* does not match format .*"
    r"|unconverted data remains: .*|Invalid isoformat string: .*",
    re.DOTALL,
)


def is_unforeseen(error: BaseException) -> bool:
    """Whether an exception is about the code, and not about what failed."""
    kind = type(error)
    return (
        isinstance(error, json.JSONDecodeError)
        or kind in _UNRELATED
        or (kind is ValueError and _UNFORESEEN.fullmatch(str(error)) is not None)
        or (kind.__name__ == "ValidationError" and kind.__module__.startswith("pydantic"))
    )
