"""Who reads a clock, or waits: the consumer, a tool, or a timer of the stdlib's."""

from __future__ import annotations

import functools
import sys
import threading
from enum import Enum
from types import FrameType
from typing import Final

__all__ = ["Reader", "caller", "is_tool", "reader_of"]

_TOOLS: Final = frozenset(
    {
        *("pytest", "_pytest", "pluggy", "xdist", "execnet", "coverage", "hypothesis"),
        *("debugpy", "pydevd", "_pydevd_bundle", "faulthandler", "time_machine"),
    }
)
# These poll something real between their readings of the clock: they read the real one, but what
# they do is work of the consumer's.
_POLLERS: Final = frozenset(
    {"subprocess", "multiprocessing", "socketserver", "selectors", "importlib"}
)
# Pools of threads: they stand for whoever gave them the work.
_THREAD_POOLS: Final = frozenset({"multiprocessing.pool", "multiprocessing.dummy"})
# Frames that pass a call on: ``mocker.spy(time, "sleep")``. Who made it stands above them.
_MOCKS: Final = "unittest.mock"
_PLUGIN: Final = "pytest_"
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
    if frame is None:
        return Reader.CONSUMER  # a thread whose first call is the clock function itself
    helper = False
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if module == _MOCKS or (module.startswith(_PLUGIN) and not _is_own(module)):
            frame = frame.f_back
            continue
        reader = _reader_named(module)
        if reader is not None:
            return Reader.TIMER if helper and reader is Reader.CONSUMER else reader
        helper = True
        frame = frame.f_back
    thread = threading._active.get(threading.get_ident())  # type: ignore[attr-defined]
    target = getattr(thread, "function", None) or getattr(thread, "_target", None)
    module = getattr(target, "__module__", None) or ""
    if module.startswith(_PLUGIN):
        return Reader.TOOL
    reader = _reader_named(module)
    return Reader.TOOL if reader is Reader.TOOL else Reader.TIMER


def is_tool(frame: FrameType | None) -> bool:
    """Whether a thread runs for a tool alone, by its innermost frame."""
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if module.partition(".")[0] not in _POLLERS and _reader_named(module) is Reader.TOOL:
            return True
        frame = frame.f_back
    return False


def caller() -> FrameType | None:
    """The frame that called the caller of this; None where C called it with no frame above."""
    try:
        return sys._getframe(2)
    except ValueError:
        return None


def _is_own(module: str) -> bool:
    return module.partition(".")[0] == __name__.partition(".")[0]


@functools.lru_cache(maxsize=1024)
def _reader_named(module: str) -> Reader | None:
    root = module.partition(".")[0]
    if module in _IDLERS:
        return Reader.TOOL
    if root in _SHARED or module in _THREAD_POOLS:
        return None
    if root in _TOOLS or root in _POLLERS or root.startswith("pytest_"):
        return Reader.TOOL
    return Reader.TIMER if root in _TIMERS else Reader.CONSUMER
