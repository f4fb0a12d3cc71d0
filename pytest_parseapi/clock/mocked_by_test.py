"""Whether a test has put something of its own in place of the functions that wait."""

from __future__ import annotations

import sys
from types import FunctionType
from typing import Any, Final

from pytest_parseapi.clock import FUNCTIONS
from pytest_parseapi.patching.stand_ins import stand_in

__all__ = ["mocked_sleep", "replaced_sleep"]

_OWN: Final = "pytest_parseapi."
# What a module that waits calls what it waits by.
_NAMES: Final = ("sleep", "time", "asyncio")


def replaced_sleep() -> str:
    """The function that waits and was replaced by somebody else, or an empty text.

    Example:
        >>> replaced_sleep()
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
    return "" if str(getattr(found, "__module__", "")).startswith(_OWN) else "asyncio.sleep"


def mocked_sleep() -> str:
    """What a module waits by and the test has put a mock in place of, or an empty text.

    It costs a look at every module, and is for messages.
    """
    return stand_in(_NAMES)
