"""Finds out whether a test has replaced a function that waits, such as ``time.sleep``."""

from __future__ import annotations

import sys
from types import FrameType, FunctionType
from typing import Any, Final

from pytest_parseapi.clock import FUNCTIONS
from pytest_parseapi.patching.doubles import find_test_double, is_test_double

_PACKAGE: Final = "pytest_parseapi."
_RETRY_LIBRARIES: Final = frozenset({"tenacity", "urllib3.util.retry", "stamina"})
# How modules name what they wait by.
_REFERENCES: Final = ("sleep", "time", "asyncio")


class SleepFunctions:
    """Tells whether somebody has replaced a function that waits; cheap enough for each exchange."""

    __slots__ = ("_of_asyncio", "_of_time")

    def __init__(self) -> None:
        # The last ones that were found to be no test doubles; at first there are none.
        self._of_time: object = self
        self._of_asyncio: object = self

    def replaced(self) -> str:
        """The name of a waiting function that somebody else has replaced; empty if there is none.

        Example:
            >>> SleepFunctions().replaced()
            ''
        """
        loaded = sys.modules
        of_time: Any = getattr(loaded["time"], "sleep", None)
        of_asyncio: Any = getattr(loaded.get("asyncio"), "sleep", None)
        if of_time is not self._of_time or of_asyncio is not self._of_asyncio:
            # Where functions are replaced by name, this is ours, whose module is ``time``, too.
            if of_time is not FUNCTIONS["sleep"] and getattr(of_time, "__module__", "") != "time":
                return "time.sleep"
            if not _is_usual(of_asyncio):
                return "asyncio.sleep"
            self._of_time, self._of_asyncio = of_time, of_asyncio
        return "" if loaded.keys().isdisjoint(_RETRY_LIBRARIES) else _replaced_in_retry_library()


def _is_usual(of_asyncio: Any) -> bool:
    """Whether ``asyncio.sleep`` is asyncio's own, or ours; or asyncio is not loaded."""
    if of_asyncio is None:
        return True
    module = str(getattr(of_asyncio, "__module__", ""))
    if isinstance(of_asyncio, FunctionType) and module == "asyncio.tasks":
        return True
    return module.startswith(_PACKAGE)


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
