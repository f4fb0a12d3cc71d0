"""The guard: blocks documented hosts before anything is sent to them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection
from typing import Any, Final

from pytest_parseapi.clients.guard.entrances import Entrances
from pytest_parseapi.clients.guard.left_threads import Running
from pytest_parseapi.clients.guard.messages import blocked_after_test, calling_library
from pytest_parseapi.clients.guard.named import host_in
from pytest_parseapi.clients.guard.process import process_guards
from pytest_parseapi.clients.hosts import plain_host
from pytest_parseapi.model.mistakes import SimulationStopped

__all__ = ["Guard"]

_PATIENCE: Final = 1.0
"""Seconds for what was cancelled to end."""


class Guard:
    """Blocks documented hosts for whatever is not intercepted.

    Interceptors begin after it, and end before: what they answer never comes here.

    Args:
        hosts: the documented hosts, as `plain_host` gives them.
        block: stops the test; called with a host, and the client library that asks for it.
        in_place: whether types in C may be changed in memory, for objects that exist already.
    """

    def __init__(
        self,
        hosts: Callable[[], Collection[str]],
        block: Callable[[str, str], Any],
        *,
        in_place: bool = False,
    ) -> None:
        self._hosts = hosts
        self._block = block
        self._process = process_guards()
        self._entrances = Entrances(self._process.judge, in_place=in_place)
        self._process.in_place |= in_place
        self._before: Running | None = None

    def start(self) -> None:
        """Block from now on."""
        self._before = Running()
        self._process.settle()
        self._process.add(self)
        self._entrances.start()

    def stop(self) -> None:
        """Block no more, but for the threads that have begun meanwhile and still live."""
        self._entrances.stop()
        self._process.remove(self)
        hosts = frozenset(self._hosts())

        def block(given: object, by: str) -> None:
            host = _documented(given, hosts)
            if host:
                raise SimulationStopped(blocked_after_test(host, calling_library(by)))

        if self._before is not None:
            self._process.left.add(self._before, block)
            self._before = None
        self._process.settle()

    def judge(self, given: object, by: str) -> None:
        """Stop the test where a host is a documented one.

        Args:
            given: the host, or what holds it.
            by: what was called.
        """
        host = _documented(given, self._hosts())
        if host:
            try:
                self._block(host, calling_library(by))
            finally:
                _end_waits()


def _documented(given: object, hosts: Collection[str]) -> str:
    """The host that a caller named, as it was named, where it is a documented one."""
    host = host_in(given)
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    return host if plain_host(host) in hosts else ""


def _end_waits() -> None:
    """Let nobody wait forever for a callback or task whose error nobody passes on."""
    loop = asyncio._get_running_loop()
    if loop is None:
        return
    for task in asyncio.all_tasks(loop) - {asyncio.current_task(loop)}:
        task.cancel("a request was blocked")
    if threading.current_thread() is threading.main_thread():
        loop.call_later(_PATIENCE, _stop_idle, loop)


def _stop_idle(loop: asyncio.AbstractEventLoop) -> None:
    """End a loop whose tasks have ended: what it waits for is a future that nobody ends."""
    if not asyncio.all_tasks(loop):
        loop.stop()
