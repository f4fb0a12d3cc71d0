"""The replacements of the methods of locks and queues that are written in C.

A thread that waits for a lock or an item registers that, and waits at a gate of its own. The
thread that releases the lock, or puts the item, wakes it.
"""

from __future__ import annotations

import functools
import queue
import threading
from _queue import SimpleQueue
from _thread import LockType
from collections.abc import Callable
from typing import Any, Final

from pytest_parseapi.clock.blocking import Taking
from pytest_parseapi.clock.callers import CallerKind, caller_of, calling_frame
from pytest_parseapi.clock.clock_state import ClockState
from pytest_parseapi.clock.older_waits import is_unlocked
from pytest_parseapi.clock.real_waits import wait_in_real_time
from pytest_parseapi.clock.stdlib_deadlines import timeout_after_test

LOCK: Final[type] = LockType
RLOCK: Final[type] = type(threading.RLock())
_CONDITION_WAIT: Final = threading.Condition.wait.__code__
# Where Python waits for the lock that a thread's end releases in C. `Thread.join` is replaced.
_END_OF_THREAD: Final = getattr(
    getattr(threading.Thread, "_wait_for_tstate_lock", None), "__code__", None
)


def lock_methods(state: ClockState, kind: type) -> dict[str, Callable[..., Any]]:
    """The replacements of the methods of a type of locks.

    Args:
        state: what the clock functions of the process share.
        kind: the type.
    """
    real = {name: method for name, method in vars(kind).items() if callable(method)}
    found = _acquiring(state, real) | _restoring(state, real) | _releasing(state, real)
    return _named_like(real, found)


def _acquiring(state: ClockState, real: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    really_acquire = real["acquire"]
    wait = functools.partial(_wait_for_lock, state, really_acquire)
    block_older = state.threads.older.block

    def acquire(lock: Any, blocking: Any = True, timeout: Any = -1) -> bool:  # noqa: FBT002 - a lock's own signature
        if not blocking or not (timeout == -1 or _is_duration(timeout)):
            return really_acquire(lock, blocking, timeout)  # type: ignore[no-any-return]
        if really_acquire(lock, False):  # noqa: FBT003
            return True
        if state.clock is None:
            if timeout != -1:
                timeout = timeout_after_test(timeout, calling_frame())
            return block_older(lock, lambda: really_acquire(lock, blocking, timeout))  # type: ignore[no-any-return]
        return wait(lock, None if timeout == -1 else timeout, calling_frame())

    def enter(lock: Any) -> bool:
        if really_acquire(lock, False):  # noqa: FBT003
            return True
        if state.clock is None:
            return block_older(lock, lambda: really_acquire(lock))  # type: ignore[no-any-return]
        return wait(lock, None, calling_frame())

    return {
        "acquire": acquire,
        "acquire_lock": acquire,
        "__enter__": enter,
    }


def _restoring(state: ClockState, real: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    really_acquire = real["acquire"]

    def acquire_restore(lock: Any, saved: Any) -> None:
        if state.clock is None:
            real["_acquire_restore"](lock, saved)
            return
        lock.__enter__()
        for _ in range(saved[0] - 1):
            really_acquire(lock)

    return {"_acquire_restore": acquire_restore}


def _releasing(state: ClockState, real: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    really_release = real["release"]
    waiters, notify = state.threads.waiters, state.threads.notify

    def release(lock: Any) -> None:
        really_release(lock)
        if waiters:
            notify(id(lock))

    def leave(lock: Any, *_exception: Any) -> None:
        really_release(lock)
        if waiters:
            notify(id(lock))

    def release_save(lock: Any) -> Any:
        saved = real["_release_save"](lock)
        if waiters:
            notify(id(lock))
        return saved

    return {
        "release": release,
        "release_lock": release,
        "__exit__": leave,
        "_release_save": release_save,
    }


def queue_methods(state: ClockState) -> dict[str, Callable[..., Any]]:
    """The replacements of the methods of ``SimpleQueue``.

    Args:
        state: what the clock functions of the process share.
    """
    real = {name: method for name, method in vars(SimpleQueue).items() if callable(method)}
    really_get, really_put = real["get"], real["put"]
    block_older = state.threads.older.block
    waiters, notify = state.threads.waiters, state.threads.notify

    def get(box: Any, block: Any = True, timeout: Any = None) -> Any:  # noqa: FBT002 - a queue's own signature
        if not block or not (timeout is None or _is_duration(timeout)):
            return really_get(box, block, timeout)
        taking = _Items(box, really_get)
        if taking.try_take():
            return taking.items[0]
        if state.clock is None:
            return block_older(box, lambda: really_get(box, block, timeout))
        if _wait_for_item(state, taking, box, timeout, calling_frame()):
            return taking.items[0]
        raise queue.Empty

    def put(box: Any, item: Any, block: Any = True, timeout: Any = None) -> None:  # noqa: FBT002 - a queue's own signature
        really_put(box, item, block, timeout)
        if waiters:
            notify(id(box))

    def put_nowait(box: Any, item: Any) -> None:
        really_put(box, item)
        if waiters:
            notify(id(box))

    return _named_like(real, {"get": get, "put": put, "put_nowait": put_nowait})


class _Items(Taking):
    """A wait for an item of a queue."""

    __slots__ = ("_get", "items")

    def __init__(self, box: Any, get: Callable[..., Any]) -> None:
        super().__init__(self._at_once, self._within, box)
        self._get = get
        self.items: list[Any] = []

    def _at_once(self) -> bool:
        return self._got(False, None)  # noqa: FBT003 - a queue's own order

    def _within(self, seconds: float | None) -> bool:
        return self._got(True, seconds)  # noqa: FBT003 - a queue's own order

    def _got(self, block: bool, seconds: float | None) -> bool:  # noqa: FBT001
        try:
            self.items.append(self._get(self.waited, block, seconds))
        except queue.Empty:
            return False
        return True


def _wait_for_item(
    state: ClockState, taking: _Items, box: object, timeout: float | None, frame: Any
) -> bool:
    clock = state.clock
    caller = None if timeout is None else caller_of(frame)
    if clock is None or caller is CallerKind.WORK:
        return taking.block_in_real_time(timeout)
    if caller is CallerKind.TOOL:
        return wait_in_real_time(state.threads, taking, timeout, id(box))
    return clock.wait(taking, timeout, key=id(box))


def _wait_for_lock(
    state: ClockState, acquire: Callable[..., bool], lock: Any, timeout: float | None, frame: Any
) -> bool:
    clock = state.clock
    really = functools.partial(acquire, lock, True)  # noqa: FBT003 - the method's own order
    code = None if frame is None else frame.f_code
    if clock is None or (code is not None and code is _END_OF_THREAD):
        return really(-1 if timeout is None else timeout)
    caller = None if timeout is None else caller_of(frame)
    if caller is CallerKind.WORK:
        return really(timeout)
    wait = _TakingLock(
        functools.partial(acquire, lock, False),  # noqa: FBT003
        lambda seconds: really(-1 if seconds is None else seconds),
        lock,
    )
    if caller is CallerKind.TOOL:
        return wait_in_real_time(state.threads, wait, timeout, id(lock))
    return clock.wait(wait, timeout, key=id(lock), polled=code is not _CONDITION_WAIT)


class _TakingLock(Taking):
    """A wait for a lock that may be released by a reference to the real method."""

    __slots__ = ()

    def is_ready(self) -> bool:
        """Whether the lock is free."""
        return is_unlocked(self.waited)


def _is_duration(timeout: object) -> bool:
    """Whether the real method accepts the time-out. It raises for others itself."""
    return isinstance(timeout, (int, float)) and 0 < timeout <= threading.TIMEOUT_MAX


def _named_like(
    real: dict[str, Any], found: dict[str, Callable[..., Any]]
) -> dict[str, Callable[..., Any]]:
    for name in [name for name in found if name not in real]:
        del found[name]
    for name, method in reversed(found.items()):
        method.__name__ = name
        method.__qualname__ = real[name].__qualname__
        # Its module shows who waits in a thread that runs it.
        module: Any = getattr(real[name], "__module__", None)
        method.__module__ = module
        method.__doc__ = real[name].__doc__
    return found
