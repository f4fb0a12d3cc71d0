"""The failure that came before some work, so that a retry is known whoever is to make it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from pytest_parseapi.patching.thread_starts import context_of_start

__all__ = ["failure_before", "new_failure"]

_LAST: Final[ContextVar[object]] = ContextVar("the last failure", default=None)


def new_failure() -> object:
    """An attempt of the calling thread or task has failed: what its failure is known by."""
    failure = object()
    _LAST.set(failure)
    return failure


def failure_before() -> object:
    """The last failure of the calling thread or task, or the one after which it was started."""
    failure = _LAST.get()
    if failure is None:
        context = context_of_start()
        failure = None if context is None else context.get(_LAST)
    return failure
