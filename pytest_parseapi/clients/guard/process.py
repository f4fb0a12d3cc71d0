"""What the guards of one process share: the audit hook, and the threads that tests left."""

from __future__ import annotations

import _socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Protocol

from pytest_parseapi.clients.guard.checked_functions import HostCheck
from pytest_parseapi.clients.guard.first_bytes import host_in_first_bytes
from pytest_parseapi.clients.guard.leftover_threads import LeftoverThreads
from pytest_parseapi.clients.guard.replaced_functions import ReplacedFunctions
from pytest_parseapi.patching.process import process


class Fork(Protocol):
    """The methods that are called around ``os.fork()``."""

    def forking(self) -> None:
        """This process is about to fork."""

    def forked(self) -> None:
        """This is the child of a fork now."""


class ProcessGuards:
    """The active guards, the latest last, and the threads that their tests left behind."""

    def __init__(self) -> None:
        self._checks: list[HostCheck] = []
        self._functions: ReplacedFunctions | None = None
        self.patch_c_types = False
        """Whether a guard was on that may change types in memory."""
        self.forks: list[Fork] = []
        """What is called around ``os.fork()``."""
        self.leftover = LeftoverThreads()
        """Who is stopped although its test is over."""

    def add(self, check: HostCheck) -> None:
        """Let a guard check every host from now on."""
        self._checks.append(check)

    def remove(self, check: HostCheck) -> None:
        """Stop using a guard."""
        self._checks.remove(check)

    def settle(self) -> None:
        """Replace functions without an audit event as long as threads that a test left behind live.

        A guard that is on does so for every thread.
        """
        if self._checks:
            return
        if self.leftover.is_any_alive():
            if self._functions is None:
                self._functions = ReplacedFunctions(
                    self.check_host, patch_c_types=self.patch_c_types
                )
                self._functions.start()
        elif self._functions is not None:
            self._functions.stop()
            self._functions = None

    def release(self) -> None:
        """Note that a session is over."""
        self.leftover.release()
        self.settle()

    def check_host(self, host: object, by: str) -> None:
        """Let every guard check a host."""
        self.leftover.check_host(host, by)
        for check in reversed(self._checks):
            check(host, by)

    def forking(self) -> None:
        """This process is about to fork."""
        for fork in self.forks:
            fork.forking()

    def forked(self) -> None:
        """This is the child of a fork now."""
        for fork in self.forks:
            fork.forked()


def process_guards() -> ProcessGuards:
    """The one object of this process, even if this module is imported twice."""
    return process().part("guards", _made)


def _made() -> ProcessGuards:
    guards = ProcessGuards()
    for event, hosts in _HOSTS_BY_EVENT.items():
        process().audits.setdefault(event, []).append(_audit_of(guards, hosts))
    for event in _THREAD_EVENTS:
        process().audits.setdefault(event, []).append(
            lambda _event, args: guards.leftover.begins(args[0])
        )
    process().forking.append(guards.forking)
    process().forked.append(guards.forked)
    return guards


def _audit_of(
    guards: ProcessGuards, hosts: Callable[[tuple[Any, ...]], Iterable[object]]
) -> Callable[[str, tuple[Any, ...]], None]:
    def audit(event: str, args: tuple[Any, ...]) -> None:
        guards.leftover.check_call_stacks()
        for host in hosts(args):
            guards.check_host(host, event.rpartition(".")[0])

    return audit


def _first(args: tuple[Any, ...]) -> Iterable[object]:
    return args[:1]


def _second(args: tuple[Any, ...]) -> Iterable[object]:
    return args[1:2]


def _connection(args: tuple[Any, ...]) -> Iterator[object]:
    connection, host, _ = args
    yield host
    yield getattr(connection, "_tunnel_host", None)


def _sent(args: tuple[Any, ...]) -> Iterator[object]:
    """The hosts in sent bytes: an open connection may lead to a proxy, which gets a host."""
    connection, data = args
    yield host_in_first_bytes(data)
    # Without a real socket, it is a mock's connection. ``socket.socket`` may be a mock, too.
    if isinstance(getattr(connection, "sock", None), _socket.socket):
        yield from _connection((connection, connection.host, None))


_HOSTS_BY_EVENT: Final[dict[str, Callable[[tuple[Any, ...]], Iterable[object]]]] = {
    "socket.getaddrinfo": _first,
    "socket.gethostbyname": _first,
    "socket.gethostbyaddr": _first,
    # Made for TLS, too.
    "socket.__new__": lambda _args: (),
    "socket.connect": _second,
    "socket.sendto": _second,
    "socket.sendmsg": _second,
    "http.client.connect": _connection,
    "http.client.send": _sent,
}
"""By audit event, which of its arguments name the hosts that are reached."""
_THREAD_EVENTS: Final = ("_thread.start_new_thread", "_thread.start_joinable_thread")
