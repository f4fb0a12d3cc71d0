"""Removes the plugin's own lines from tracebacks of failures."""

from __future__ import annotations

from types import TracebackType
from typing import Final

import pytest

_PACKAGE: Final = __name__.partition(".")[0]


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Show a failure from the line of the test, and not from within the plugin."""
    if call.excinfo is not None and not item.config.getoption("fulltrace", default=False):
        _trim(call.excinfo)


def _trim(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """Take the plugin's own lines out of the traceback of a failure, and of its causes.

    What pytest prints, in any style, then ends at the line of the test or of the consumer. An error
    of the plugin itself keeps its lines, because they are what a bug report needs.

    Args:
        excinfo: the failure, which is changed in place.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [excinfo.value]
    while waiting:
        error = waiting.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        waiting += [error.__cause__, error.__context__, *getattr(error, "exceptions", ())]
        if not _is_bug(error):
            error.__traceback__ = _without_plugin_frames(error.__traceback__)
            if error is excinfo.value:
                _without_plugin_frames(excinfo.tb)
                excinfo.traceback = excinfo.traceback.filter(
                    lambda entry: not _is_plugin_module(entry.frame.f_globals)
                )


def _without_plugin_frames(head: TracebackType | None) -> TracebackType | None:
    """The rest of a traceback; the links between its entries are changed."""
    while head is not None and _is_plugin_frame(head) and head.tb_next is not None:
        head = head.tb_next
    entry = head
    while entry is not None:
        following = entry.tb_next
        while following is not None and _is_plugin_frame(following):
            following = following.tb_next
        entry.tb_next = following
        entry = following
    return head


def _is_bug(error: BaseException) -> bool:
    """Whether the plugin itself is at fault: a built-in error that it never raises on purpose."""
    entry = error.__traceback__
    while entry is not None and entry.tb_next is not None:
        entry = entry.tb_next
    return (
        entry is not None
        and _is_plugin_frame(entry)
        and type(error).__module__ == "builtins"
        and not isinstance(error, AssertionError | OSError | BaseExceptionGroup)
    )


def _is_plugin_frame(entry: TracebackType) -> bool:
    return _is_plugin_module(entry.tb_frame.f_globals)


def _is_plugin_module(names: dict[str, object]) -> bool:
    return str(names.get("__name__")).partition(".")[0] == _PACKAGE
