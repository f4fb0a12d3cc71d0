"""Who reads a clock, or waits: the consumer, a tool, or code of the stdlib's."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Generator
from enum import Enum
from types import FrameType
from typing import Final

_TOOLS: Final = frozenset(
    {
        *("pytest", "_pytest", "pluggy", "xdist", "execnet", "coverage", "hypothesis"),
        *("debugpy", "pydevd", "_pydevd_bundle", "faulthandler", "time_machine"),
    }
)
# These wait for something real between their readings of the clock: they read the real one, but
# what they do is work of the consumer's.
_WORKERS: Final = frozenset(
    {"subprocess", "multiprocessing", "socketserver", "selectors", "importlib"}
)
# Pools of threads: what they do counts as done by the caller that gave them the work.
_THREAD_POOLS: Final = frozenset({"multiprocessing.pool", "multiprocessing.dummy"})
# Frames that pass a call on: ``mocker.spy(time, "sleep")``. Their caller is further up the stack.
_MOCKS: Final = "unittest.mock"
_PLUGIN_PREFIX: Final = "pytest_"
_PACKAGE: Final = __name__.partition(".")[0]
# What their idle workers wait for is no wait of the consumer's.
_IDLE_WORKERS: Final = frozenset({"trio._core._thread_cache"})
_TIMERS: Final = frozenset({"asyncio", "trio", "sched"})
_HELPERS: Final = frozenset({"threading", "queue", "concurrent"})


class CallerKind(Enum):
    """Who reads a clock, or waits."""

    CONSUMER = 1
    TIMER = 2
    """Code of the stdlib's that computes waits from what it reads."""
    WORK = 3
    """Code of the stdlib's that waits for something real on the consumer's behalf."""
    TOOL = 4
    PASSES_ON = 5
    """A mock, or a plugin that stands between the caller and the function."""

    def __init__(self, _number: int) -> None:
        self.is_real = self.name in {"WORK", "TOOL"}
        """Whether it reads the real clock."""


# Asked for each reading of a clock: to look at a member through its class takes longer.
_PASSES_ON: Final = CallerKind.PASSES_ON


def caller_of(frame: FrameType | None) -> CallerKind:
    """The kind of a caller, by its frame; a helper of the stdlib counts as whoever called it."""
    helper = False
    start = frame
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        kind = caller_named(module)
        if kind is None:
            helper = True
        elif kind is not _PASSES_ON:
            return CallerKind.TIMER if helper and kind is CallerKind.CONSUMER else kind
        frame = frame.f_back
    if start is None:
        return CallerKind.CONSUMER  # a thread whose first call is the clock function itself
    thread = threading._active.get(threading.get_ident())  # type: ignore[attr-defined]
    called_later = getattr(thread, "function", None)  # the function of a `threading.Timer`
    target = called_later or getattr(thread, "_target", None)
    module = getattr(target, "__module__", None) or ""
    if module.startswith(_PLUGIN_PREFIX):
        return CallerKind.TOOL
    kind = caller_named(module)
    if kind is CallerKind.WORK and called_later is None:
        return kind
    return kind if kind is CallerKind.TOOL else CallerKind.TIMER


def is_tool(frame: FrameType | None) -> bool:
    """Whether a thread runs for a tool alone, by its innermost frame."""
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if module.startswith(_PLUGIN_PREFIX) or caller_named(module) is CallerKind.TOOL:
            return True
        frame = frame.f_back
    return False


def calling_frame() -> FrameType | None:
    """The frame that called the caller of this; None where C called it with no frame above."""
    try:
        asking = ask_for_frame()
    except NOT_ASKED:
        asking = sys._getframe(1)
    return None if asking is None else asking.f_back


def _asked_for_frames() -> Generator[FrameType | None, None, None]:
    this = sys._getframe()
    while True:
        yield this.f_back.f_back  # type: ignore[union-attr]  # it runs: somebody has called it


ask_for_frame: Final[Callable[[], FrameType | None]] = _asked_for_frames().__next__
"""The frame that called the function that asks.

``sys._getframe`` raises an audit event, which costs more than all else that a wait needs. This one
raises `NOT_ASKED` where another thread asks just now, or where a signal's handler raised in it.
"""
NOT_ASKED: Final = (ValueError, StopIteration)


@functools.lru_cache(maxsize=1024)
def caller_named(module: str) -> CallerKind | None:
    """The kind of caller that a module is; None for a helper, which counts as whoever called it."""
    root = module.partition(".")[0]
    if module == _MOCKS or (root.startswith(_PLUGIN_PREFIX) and root != _PACKAGE):
        return CallerKind.PASSES_ON
    if module in _IDLE_WORKERS:
        return CallerKind.TOOL
    if root in _HELPERS or module in _THREAD_POOLS:
        return None
    if root in _TOOLS or root == _PACKAGE:
        return CallerKind.TOOL
    if root in _WORKERS:
        return CallerKind.WORK
    return CallerKind.TIMER if root in _TIMERS else CallerKind.CONSUMER
