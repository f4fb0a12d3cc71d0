"""Marks the failure that came before some work, so that a retry by any caller is recognized."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from pytest_parseapi.patching.start_contexts import context_of_start


class RetryMark:
    """The mark of an attempt in the context of its thread or task, and of those started there.

    It is set when the attempt begins, since some clients end it in another context.
    """

    __slots__ = ("_before", "_failed")

    def __init__(self, before: RetryMark | None = None) -> None:
        self._before = before
        self._failed = False

    @classmethod
    def begin(cls) -> RetryMark:
        """Set a new mark: the calling thread or task begins an attempt.

        The failure before it is the last one of its thread or task, or of what started that.
        """
        last = _LAST.get()
        if last is None:
            context = context_of_start()
            last = None if context is None else context.get(_LAST)
        mark = cls(last if last is None or last._failed else last._before)
        _LAST.set(mark)
        return mark

    @property
    def failure_before(self) -> RetryMark | None:
        """The last failure before an attempt that has not failed."""
        return self._before

    def fail(self) -> None:
        """Note that the attempt has failed."""
        self._failed = True
        self._before = None


_LAST: Final[ContextVar[RetryMark | None]] = ContextVar("the last attempt", default=None)
