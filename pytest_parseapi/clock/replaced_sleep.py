"""Whether a test has replaced the functions that wait."""

from __future__ import annotations

import sys
from types import FunctionType
from typing import Any, Final

from pytest_parseapi.clock import FUNCTIONS
from pytest_parseapi.patching.doubles import find_test_double

__all__ = ["replaced_sleep_function", "replaced_sleep_reference"]

_PACKAGE: Final = "pytest_parseapi."
# How modules name what they wait by.
_NAMES: Final = ("sleep", "time", "asyncio")


def replaced_sleep_function() -> str:
    """The function that waits and that somebody else has replaced; empty if there is none.

    Example:
        >>> replaced_sleep_function()
        ''
    """
    found: Any = sys.modules["time"].__dict__.get("sleep")
    # Where nothing is taken over in place, ours stands there, and says that it is of ``time``.
    if found is not FUNCTIONS["sleep"] and getattr(found, "__module__", "") != "time":
        return "time.sleep"
    asyncio = sys.modules.get("asyncio")
    found = None if asyncio is None else asyncio.__dict__.get("sleep")
    if found is None or (isinstance(found, FunctionType) and found.__module__ == "asyncio.tasks"):
        return ""
    return "" if str(getattr(found, "__module__", "")).startswith(_PACKAGE) else "asyncio.sleep"


def replaced_sleep_reference() -> str:
    """The name of it in a module where the test has put a double; empty if there is none.

    It looks at every module, and is for messages.
    """
    return find_test_double(_NAMES)
