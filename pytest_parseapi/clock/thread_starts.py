"""Threads that are begun below ``threading``: from their start to their end they are known.

Between the call that starts a thread and its first step, nothing in the interpreter shows it. One
whose function is written in C shows in no frame either.
"""

from __future__ import annotations

import functools
import itertools
import weakref
from _thread import get_ident
from collections.abc import Callable, Mapping
from operator import call
from typing import Any


class Starts:
    """The threads that were begun below ``threading`` in simulated tests.

    Args:
        began: called in such a thread, with its identity, before its function.
        ended: called in such a thread after its function.
    """

    def __init__(self, began: Callable[[int], object], ended: Callable[[], object]) -> None:
        self.pending: set[int] = set()
        """By number, those that have not begun."""
        self.running: dict[int, int] = {}
        """By number, the identity of those that have."""
        self._references: dict[int, weakref.ref[Any]] = {}
        self._began = began
        self._ended = ended
        self._numbers = itertools.count()

    def forget(self) -> None:
        """A test begins: what runs already is older. What has not begun is of this test."""
        self.running.clear()

    def forked(self) -> None:
        """This is the child of a fork: the threads are the parent's."""
        self.pending.clear()
        self.running.clear()
        self._references.clear()

    def are_at_work(self, waits: Mapping[int, object], me: int) -> bool:
        """Whether one is about to begin, or goes on and does not wait.

        Args:
            waits: the threads at rest, by their identity.
            me: the calling one, which is not asked for.
        """
        return bool(self.pending) or any(
            ident != me and ident not in waits for ident in list(self.running.values())
        )

    def noted(
        self, function: Callable[..., Any], arguments: Any, named: dict[str, Any]
    ) -> Callable[[], Any]:
        """What a thread is to call, so that its start and its end are known."""
        number = next(self._numbers)
        work = functools.partial(function, *arguments, **named)
        # One after the other in C: with no frame of ours above, the function's frame is the first.
        steps = map(call, (functools.partial(self._begins, number), work))
        start = _Start(list, steps)
        start.function = function
        self.pending.add(number)
        # The interpreter lets go of it when the thread ends, or could not be started.
        self._references[number] = weakref.ref(start, functools.partial(self._ends, number))
        return start

    def _begins(self, number: int) -> None:
        ident = get_ident()
        self._began(ident)
        self.running[number] = ident
        self.pending.discard(number)

    def _ends(self, number: int, _reference: object) -> None:
        self._references.pop(number, None)
        self.pending.discard(number)
        if self.running.pop(number, None) is not None:
            self._ended()


class _Start(functools.partial[Any]):
    """It shows as the function that the thread was to call."""

    function: Callable[..., Any]

    @property
    def func(self) -> Callable[..., Any]:
        """The function."""
        return self.function

    def __repr__(self) -> str:
        return repr(self.function)
