"""Attempts that are retries of each other, and who makes them."""

from __future__ import annotations

import sys
import threading
import weakref
from _thread import get_ident
from collections.abc import Iterator
from typing import Any, Final

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.payload import Payload

__all__ = ["Caller", "Group", "Operation", "continues", "current_caller"]


class Caller:
    """The thread or task that makes an attempt. Two callers are equal if they are the same one."""

    __slots__ = ("_ident", "_key", "_task")

    def __init__(self, ident: int, task: Any) -> None:
        self._ident = ident
        self._key = (ident, id(task))
        self._task = None if task is None else weakref.ref(task)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Caller) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def is_task(self) -> bool:
        """Whether it is a task; a new one may equal one that is gone, and a thread may not."""
        return self._task is not None

    def finished(self) -> bool:
        """Whether it can make no further attempt of its own: ended, or a pool's idle worker."""
        if self._task is not None:
            task = self._task()
            if task is None:
                return True
            done = getattr(task, "done", None)
            # A trio task has no such method; its coroutine has no frame once it has ended.
            return bool(done() if done else task.coro.cr_frame is None)
        frame = sys._current_frames().get(self._ident)
        thread = threading._active.get(self._ident)  # type: ignore[attr-defined]
        if frame is None or thread is None:
            return True
        if frame.f_globals.get("__name__") == "pytest_parseapi.clock.natives":
            frame = frame.f_back or frame
        return frame.f_code.co_name == "_worker" and frame.f_globals.get("__name__") == (
            "concurrent.futures.thread"
        )


def current_caller() -> Caller:
    """The caller of this function."""
    ident = get_ident()
    task: Any = None
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        task = asyncio.current_task()
    elif "trio" in sys.modules:
        trio = sys.modules["trio"]
        if trio.lowlevel.in_trio_task():
            task = trio.lowlevel.current_task()
    return Caller(ident, task)


# How many unfinished operations on one document are looked through for the one that a new task
# goes on with.
_LOOK_BACK: Final = 64


class Operation:
    """One document parsed through one endpoint by one caller: attempts and their retries."""

    __slots__ = ("attempts", "caller", "endpoint", "failures", "idle", "polls", "under_way")

    def __init__(self, endpoint: Endpoint, caller: Caller) -> None:
        self.endpoint = endpoint
        self.caller = caller
        self.attempts: list[Attempt] = []
        self.failures = 0
        """How many attempts in a row failed at the end."""
        self.idle = 0
        """How many successes since the last one that led somewhere led nowhere."""
        self.polls = 0
        """How many polls found the run in progress."""
        self.under_way = False

    def goes_on_with(self, caller: Caller) -> bool:
        """Whether this caller's next attempt belongs here; then the operation is its own."""
        if self.under_way or not (self.caller == caller or self.caller.finished()):
            return False
        self.caller = caller
        return True

    @property
    def name(self) -> str:
        """Endpoint and document, for messages."""
        first = self.attempts[0]
        return f"{self.endpoint}" + (f"  {first.document}" if first.document else "")

    @property
    def failed(self) -> bool:
        """Whether any attempt failed."""
        return any(attempt.failed for attempt in self.attempts)

    def pairs(self) -> Iterator[tuple[Attempt, Attempt]]:
        """Each failed attempt with the retry that followed it."""
        for before, after in zip(self.attempts, self.attempts[1:], strict=False):
            if before.failed:
                yield before, after


class Group:
    """The operations on one document through one endpoint, where it has more than one."""

    __slots__ = ("by_caller", "operations")

    def __init__(self, first: Operation) -> None:
        self.operations = [first]
        self.by_caller = {first.caller: first}

    def of(self, caller: Caller) -> Operation | None:
        """The operation that this caller's next attempt belongs to."""
        operation = self.by_caller.get(caller)
        if operation is not None:
            return None if operation.under_way else operation
        # A retry may run in a task or thread of its own, after the one before it has ended.
        for operation in self.operations[-_LOOK_BACK:]:
            before = operation.caller
            if operation.goes_on_with(caller):
                self.by_caller.pop(before, None)
                self.by_caller[caller] = operation
                return operation
        return None

    def start(self, endpoint: Endpoint, caller: Caller) -> Operation:
        """A new operation of this caller."""
        operation = Operation(endpoint, caller)
        self.operations.append(operation)
        self.by_caller[caller] = operation
        return operation


def continues(before: Attempt, names: tuple[str, ...], payload: Payload) -> bool:
    """Whether a request is a retry that lost its document, or only its document's name."""
    if payload.content is not None:
        return payload.content == before.payload.content
    return not names and payload.digest != before.payload_digest
