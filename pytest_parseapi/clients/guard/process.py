"""What the guards of one process share: what they ask of the process's one audit hook."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from pytest_parseapi.clients.guard.entrances import Entrances
from pytest_parseapi.clients.guard.left_threads import LeftThreads
from pytest_parseapi.clients.guard.openings import host_of_opening
from pytest_parseapi.patching.process import process

__all__ = ["Fork", "Judge", "ProcessGuards", "process_guards"]


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
        self._entrances: Entrances | None = None
        self.in_place = False
        """Whether a guard was on that may change types in memory."""
        self.forks: list[Fork] = []
        """Who is told of forks."""
        self.left = LeftThreads()
        """Who is stopped although its test is over."""

    def add(self, judge: Judge) -> None:
        """Ask a guard from now on."""
        self._judges.append(judge)

    def remove(self, judge: Judge) -> None:
        """Ask a guard no more."""
        self._judges.remove(judge)

    def settle(self) -> None:
        """Replace what no audit event tells for threads that a test left behind, while they live.

        A guard that is on does so for every thread.
        """
        if self._judges:
            return
        if self.left.is_any_alive():
            if self._entrances is None:
                self._entrances = Entrances(self.judge, in_place=self.in_place)
                self._entrances.start()
        elif self._entrances is not None:
            self._entrances.stop()
            self._entrances = None

    def release(self) -> None:
        """A session is over."""
        self.left.release()
        self.settle()

    def judge(self, host: object, by: str) -> None:
        """Let every guard judge a host."""
        self.left.judge(host, by)
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
    for event in _BEGINS:
        process().audits.setdefault(event, []).append(
            lambda _event, args: guards.left.begins(args[0])
        )
    process().forking.append(guards.forking)
    process().forked.append(guards.forked)
    return guards


def _audit_of(
    guards: ProcessGuards, hosts: Callable[[tuple[Any, ...]], Iterator[object]]
) -> Callable[[str, tuple[Any, ...]], None]:
    def audit(event: str, args: tuple[Any, ...]) -> None:
        guards.left.judge_call_stacks()
        for host in hosts(args):
            guards.judge(host, event.rpartition(".")[0])

    return audit


def _none(_args: tuple[Any, ...]) -> Iterator[object]:
    yield from ()


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
    yield host_of_opening(data)
    # One without a socket of its own leads nowhere: a mock's.
    if isinstance(getattr(connection, "sock", None), socket.socket):
        yield from _connection((connection, connection.host, None))


_NAMED: Final[dict[str, Callable[[tuple[Any, ...]], Iterator[object]]]] = {
    "socket.getaddrinfo": _first,
    "socket.gethostbyname": _first,
    "socket.gethostbyaddr": _first,
    # Made for TLS, too.
    "socket.__new__": _none,
    "socket.connect": _second,
    "socket.sendto": _second,
    "socket.sendmsg": _second,
    "http.client.connect": _connection,
    "http.client.send": _sent,
}
"""By audit event, which of its arguments name the hosts that are reached."""
_BEGINS: Final = ("_thread.start_new_thread", "_thread.start_joinable_thread")
