"""Finds the line of the consumer that sends a request or waits, also in coroutines."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any, Final

from pytest_parseapi.model.library_code import is_library
from pytest_parseapi.model.other_threads import frames_of_others

_FRAMES: Final = ("cr_frame", "gi_frame", "ag_frame")
_AWAITED: Final = ("cr_await", "gi_yieldfrom", "ag_await")


def call_site() -> str:
    """Where the consumer asks: its innermost line that is of no library, or an empty text."""
    return _innermost(sys._getframe(1))


def lines_of_threads(idents: Iterable[int]) -> list[str]:
    """The innermost line of no library in each of these threads that has one.

    Args:
        idents: their identities; the calling one is not among them.
    """
    frames = frames_of_others()
    lines = (_innermost(frames.get(ident)) for ident in idents)
    return sorted(filter(None, lines))


def _innermost(frame: FrameType | None) -> str:
    while frame is not None:
        if _is_the_consumers(frame):
            return _shown(frame)
        frame = frame.f_back
    return ""


def waiting_sites() -> list[str]:
    """Where the tasks of this thread's event loop wait, while none of them runs.

    Returns:
        The innermost line of each task that is of no library, such as ``client.py:22 in parse``,
        each once. Nothing where no loop waits.
    """
    found = set()
    for coroutine in _waiting():
        lines = [_shown(frame) for frame in _frames(coroutine) if _is_the_consumers(frame)]
        found.update(lines[-1:])
    return sorted(found)


def _waiting() -> Iterator[Any]:
    """The coroutines of all tasks."""
    asyncio = sys.modules.get("asyncio")
    loop = None if asyncio is None else asyncio._get_running_loop()
    if asyncio is not None and loop is not None:
        if asyncio.current_task(loop) is None:
            for task in asyncio.all_tasks(loop):
                yield task.get_coro()
        return
    trio = sys.modules.get("trio")
    if trio is None or not trio.lowlevel.in_trio_run() or trio.lowlevel.in_trio_task():
        return
    tasks = [trio.lowlevel.current_root_task()]
    while tasks:
        task = tasks.pop()
        yield task.coro
        for nursery in task.child_nurseries:
            tasks += nursery.child_tasks


def _frames(coroutine: Any) -> Iterator[FrameType]:
    """From the outermost on."""
    while coroutine is not None:
        yield from _first(coroutine, _FRAMES)
        coroutine = next(_first(coroutine, _AWAITED), None)


def _first(coroutine: Any, names: tuple[str, ...]) -> Iterator[Any]:
    found = (getattr(coroutine, name, None) for name in names)
    yield from [item for item in found if item is not None][:1]


def _is_the_consumers(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return not (name.startswith("<") or is_library(name))


def _shown(frame: FrameType) -> str:
    name = frame.f_code.co_filename
    shown = os.path.relpath(name)
    shown = name if shown.startswith("..") else shown
    return f"{shown}:{frame.f_lineno} in {frame.f_code.co_name}"
