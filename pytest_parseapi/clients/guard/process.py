"""What the guards of one process share: what they ask of the process's one audit hook."""

from __future__ import annotations

import concurrent.futures.thread
import socket
import threading
import weakref
from collections.abc import Callable, Collection, Iterator
from types import FrameType
from typing import Any, Final, Protocol

from pytest_parseapi.clients.guard.named import host_of_line
from pytest_parseapi.model.other_threads import frames_of_others
from pytest_parseapi.patching.process import process

__all__ = ["Fork", "Judge", "ProcessGuards", "process_guards"]

_POOL_WORKER: Final = concurrent.futures.thread._worker.__code__
_POOL_WORK: Final = concurrent.futures.thread._WorkItem.run.__code__


class Judge(Protocol):
    """Judges the hosts that this process is about to reach."""

    def judge(self, host: object, by: str) -> None:
        """Raise where a host is out of reach.

        Args:
            host: what the caller gave for one.
            by: the module of Python's that was called.
        """


class Fork(Protocol):
    """Is told of forks."""

    def forking(self) -> None:
        """This process is about to fork."""

    def forked(self) -> None:
        """This is the child of a fork now."""


class ProcessGuards:
    """The guards that are on, the latest last, and the threads that their tests left behind."""

    def __init__(self) -> None:
        self._judges: list[Judge] = []
        self.forks: list[Fork] = []
        """Who is told of forks."""
        # Whoever is in here is stopped although its test is over.
        self._left: weakref.WeakKeyDictionary[threading.Thread, Callable[[object, str], None]]
        self._left = weakref.WeakKeyDictionary()

    def add(self, judge: Judge) -> None:
        """Ask a guard from now on."""
        self._judges.append(judge)

    def remove(self, judge: Judge) -> None:
        """Ask a guard no more."""
        self._judges.remove(judge)

    def leave_behind(
        self, threads: Collection[threading.Thread], block: Callable[[object, str], None]
    ) -> None:
        """Judge threads of a test that is over.

        Args:
            threads: those that it began, and that still live.
            block: judges a host as `Judge.judge` does.
        """
        frames = frames_of_others()
        for thread in threads:
            if not _is_idle_worker(frames.get(thread.ident or 0)):
                self._left[thread] = block

    def judge(self, host: object, by: str) -> None:
        """Let every guard judge a host."""
        if self._left:
            # As threading.current_thread(), which would make an object for a foreign thread.
            thread = threading._active.get(threading.get_ident())  # type: ignore[attr-defined]
            block = None if thread is None else self._left.get(thread)
            if block is not None:
                block(host, by)
        for judge in reversed(self._judges):
            judge.judge(host, by)

    def forking(self) -> None:
        """This process is about to fork."""
        for fork in self.forks:
            fork.forking()

    def forked(self) -> None:
        """This is the child of a fork now."""
        for fork in self.forks:
            fork.forked()


def process_guards() -> ProcessGuards:
    """Those of this process, also where this module was imported a second time."""
    return process().part("guards", _made)


def _made() -> ProcessGuards:
    guards = ProcessGuards()
    for event, hosts in _NAMED.items():
        process().audits.setdefault(event, []).append(_audit_of(guards, hosts))
    process().forking.append(guards.forking)
    process().forked.append(guards.forked)
    return guards


def _audit_of(
    guards: ProcessGuards, hosts: Callable[[tuple[Any, ...]], Iterator[object]]
) -> Callable[[str, tuple[Any, ...]], None]:
    def audit(event: str, args: tuple[Any, ...]) -> None:
        for host in hosts(args):
            guards.judge(host, event.rpartition(".")[0])

    return audit


def _first(args: tuple[Any, ...]) -> Iterator[object]:
    yield args[0]


def _second(args: tuple[Any, ...]) -> Iterator[object]:
    yield args[1]


def _connection(args: tuple[Any, ...]) -> Iterator[object]:
    connection, host, _ = args
    yield host
    yield getattr(connection, "_tunnel_host", None)


def _sent(args: tuple[Any, ...]) -> Iterator[object]:
    """A proxy is asked for a host by the first line; a connection that is open may be to one."""
    connection, data = args
    yield host_of_line(data)
    # One without a socket of its own leads nowhere: a mock's.
    if isinstance(getattr(connection, "sock", None), socket.socket):
        yield from _connection((connection, connection.host, None))


_NAMED: Final[dict[str, Callable[[tuple[Any, ...]], Iterator[object]]]] = {
    "socket.getaddrinfo": _first,
    "socket.gethostbyname": _first,
    "socket.gethostbyaddr": _first,
    "socket.connect": _second,
    "socket.sendto": _second,
    "socket.sendmsg": _second,
    "http.client.connect": _connection,
    "http.client.send": _sent,
}
"""By audit event, which of its arguments name the hosts that are reached."""


def _is_idle_worker(frame: FrameType | None) -> bool:
    """Whether a thread of a pool waits for work: what it does next is somebody else's."""
    while frame is not None:
        if frame.f_code is _POOL_WORK:
            return False
        if frame.f_code is _POOL_WORKER:
            return True
        frame = frame.f_back
    return False
