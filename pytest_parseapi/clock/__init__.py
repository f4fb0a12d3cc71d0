"""Virtual time. Private.

Here are the clock functions, and ``datetime``, as the interpreter made them.

Kept when pytest starts, before a fixture can put others in their place: a test may freeze time and
be simulated, too.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, MappingProxyType
from typing import Any, Final

__all__ = ["DATETIME", "FUNCTIONS"]

DATETIME: Final = datetime.datetime
"""The class itself: a test that freezes time has another one in its place."""
FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {name: item for name, item in vars(time).items() if isinstance(item, BuiltinFunctionType)}
)
"""The built-in functions of ``time``, by name."""
