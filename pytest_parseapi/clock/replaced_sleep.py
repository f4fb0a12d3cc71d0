"""Finds out whether a test has replaced a function that waits, such as ``time.sleep``."""

from __future__ import annotations

import sys
from types import FrameType, FunctionType
from typing import Any, Final

from pytest_parseapi.clock import FUNCTIONS
from pytest_parseapi.patching.doubles import find_test_double, is_test_double

_PACKAGE: Final = "pytest_parseapi."
_SLEEP: Final = FUNCTIONS["sleep"]
_RETRY_LIBRARIES: Final = frozenset({"tenacity", "urllib3.util.retry", "stamina"})
# How modules name what they wait by.
_REFERENCES: Final = ("sleep", "time", "asyncio")


def replaced_sleep_function() -> str:
    """The name of a waiting function that somebody else has replaced; empty if there is none.

    Example:
        >>> replaced_sleep_function()
        ''
    """
    loaded = sys.modules
    found: Any = vars(loaded["time"]).get("sleep")
    # Where functions are replaced by name, this is ours, whose module is ``time``, too.
    if found is not _SLEEP and getattr(found, "__module__", "") != "time":
        return "time.sleep"
    asyncio = loaded.get("asyncio")
    found = None if asyncio is None else vars(asyncio).get("sleep")
    if not (isinstance(found, FunctionType) and found.__module__ == "asyncio.tasks"):
        ours = found is None or str(getattr(found, "__module__", "")).startswith(_PACKAGE)
        if not ours:
            return "asyncio.sleep"
    return "" if loaded.keys().isdisjoint(_RETRY_LIBRARIES) else _replaced_in_retry_library()


def _replaced_in_retry_library() -> str:
    """The name of a replaced waiting function of a retry library; empty if there is none."""
    urllib3: Any = sys.modules.get("urllib3.util.retry")
    if urllib3 is not None and is_test_double(vars(urllib3.Retry).get("sleep")):
        return "urllib3.util.Retry.sleep"
    stamina: Any = sys.modules.get("stamina")
    if stamina is not None and getattr(stamina, "is_testing", bool)():
        return "stamina's waits (stamina.set_testing)"
    frame: FrameType | None = sys._getframe() if "tenacity" in sys.modules else None
    while frame is not None:
        # tenacity's own frames show its Retrying: ``function.retry.sleep = Mock()``.
        if frame.f_globals.get("__name__", "").partition(".")[0] == "tenacity" and is_test_double(
            getattr(frame.f_locals.get("self"), "sleep", None)
        ):
            return "the sleep of tenacity's Retrying"
        frame = frame.f_back
    return ""


def replaced_sleep_reference() -> str:
    """The name of a test double of a waiting function in any module, such as ``app.sleep``.

    Empty if there is none. It looks at every module, so it is for messages only.
    """
    return find_test_double(_REFERENCES)
