"""Keeps track of threads that are started by ``_thread``, without ``threading``.

Between the call that starts such a thread and its first instruction, nothing in the interpreter
shows it. A thread whose function is written in C has no frame either.
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
    """The threads that were started by ``_thread`` in simulated tests, until they end.

    Args:
        began: called in such a thread, with its identity, before its function.
        ended: called in such a thread after its function.
    """

    def __init__(self, began: Callable[[int], object], ended: Callable[[], object]) -> None:
        self.pending: set[int] = set()
        """The numbers of the threads that have not begun to run."""
        self.running: dict[int, int] = {}
        """By number, the identity of the threads that run."""
        self._references: dict[int, weakref.ref[Any]] = {}
        self._began = began
        self._ended = ended
        self._numbers = itertools.count()

    def forget(self) -> None:
        """Forget the running threads. Called when a test begins; pending ones belong to it."""
        self.running.clear()

    def forked(self) -> None:
        """Forget all threads. Called in the child of a fork: they are the parent's."""
        self.pending.clear()
        self.running.clear()
        self._references.clear()

    def are_at_work(self, waits: Mapping[int, object], me: int) -> bool:
        """Whether any of the threads is about to begin, or runs and does not wait.

        Args:
            waits: the threads at rest, by their identity.
            me: the calling thread, which does not count.
        """
        return bool(self.pending) or any(
            ident != me and ident not in waits for ident in list(self.running.values())
        )

    def noted(
        self, function: Callable[..., Any], arguments: Any, named: dict[str, Any]
    ) -> Callable[[], Any]:
        """Return what a thread has to call, so that its start and its end are noted."""
        number = next(self._numbers)
        work = functools.partial(function, *arguments, **named)
        # One after the other in C: with no frame of ours above, the function's frame is the first.
        steps = map(call, (functools.partial(self._begins, number), work))
        start = _Start(list, steps)
        start.function = function
        self.pending.add(number)
        # The interpreter drops it when the thread ends, or could not be started.
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
    """What a thread calls. Its ``repr`` and ``func`` are those of the given function."""

    function: Callable[..., Any]

    @property
    def func(self) -> Callable[..., Any]:
        """The function that the thread was given."""
        return self.function

    def __repr__(self) -> str:
        return repr(self.function)
