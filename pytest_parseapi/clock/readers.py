"""Who reads a clock, or waits: the consumer, a tool, or a timer of the stdlib's."""

from __future__ import annotations

import functools
import threading
from enum import Enum
from types import FrameType
from typing import Final

__all__ = ["Reader", "is_tool", "reader_of"]

_TOOLS: Final = frozenset(
    {
        *("pytest", "_pytest", "pluggy", "xdist", "execnet", "coverage", "hypothesis"),
        *("debugpy", "pydevd", "_pydevd_bundle", "faulthandler", "importlib", "time_machine"),
        # These poll something real between their readings of the clock.
        *("subprocess", "multiprocessing", "socketserver", "selectors"),
    }
)
# What their idle workers wait for is no wait of the consumer's.
_IDLERS: Final = frozenset({"trio._core._thread_cache"})
_TIMERS: Final = frozenset({"asyncio", "trio", "sched"})
_SHARED: Final = frozenset({"threading", "queue", "concurrent"})


class Reader(Enum):
    """Who reads a clock."""

    CONSUMER = 1
    TOOL = 2
    TIMER = 3


def reader_of(frame: FrameType | None) -> Reader:
    """Who reads, by the calling frame; helpers of the stdlib stand for whoever calls them."""
    helper = False
    while frame is not None:
        reader = _reader_named(frame.f_globals.get("__name__") or "")
        if reader is not None:
            return Reader.TIMER if helper and reader is Reader.CONSUMER else reader
        helper = True
        frame = frame.f_back
    thread = threading._active.get(threading.get_ident())  # type: ignore[attr-defined]
    target = getattr(thread, "function", None) or getattr(thread, "_target", None)
    reader = _reader_named(getattr(target, "__module__", None) or "")
    return Reader.TOOL if reader is Reader.TOOL else Reader.TIMER


def is_tool(frame: FrameType | None) -> bool:
    """Whether a thread runs for a tool alone, by its innermost frame."""
    while frame is not None:
        reader = _reader_named(frame.f_globals.get("__name__") or "")
        if reader is Reader.TOOL:
            return True
        frame = frame.f_back
    return False


@functools.lru_cache(maxsize=1024)
def _reader_named(module: str) -> Reader | None:
    root = module.partition(".")[0]
    if module in _IDLERS:
        return Reader.TOOL
    if root in _SHARED:
        return None
    if root in _TOOLS or root.startswith("pytest_"):
        return Reader.TOOL
    return Reader.TIMER if root in _TIMERS else Reader.CONSUMER
