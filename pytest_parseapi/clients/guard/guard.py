"""The guard: blocks documented hosts before anything is sent to them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection
from typing import Any, Final

from pytest_parseapi.clients.guard.host_readers import host_in
from pytest_parseapi.clients.guard.leftover_threads import RunningWork
from pytest_parseapi.clients.guard.messages import blocked_after_test, calling_library
from pytest_parseapi.clients.guard.process import process_guards
from pytest_parseapi.clients.guard.replaced_functions import ReplacedFunctions
from pytest_parseapi.clients.hosts import plain_host
from pytest_parseapi.model.mistakes import SimulationStopped

_GRACE_SECONDS: Final = 1.0
"""How long what was cancelled may take to end."""


class Guard:
    """Blocks documented hosts for clients that are not intercepted.

    Interceptors begin after it, and end before: what they answer never comes here.

    Args:
        hosts: the documented hosts, as `plain_host` gives them.
        block: stops the test; called with a host, and the client library that asks for it.
        patch_c_types: whether types in C may be changed in memory, for objects that exist already.
    """

    def __init__(
        self,
        hosts: Callable[[], Collection[str]],
        block: Callable[[str, str], Any],
        *,
        patch_c_types: bool,
    ) -> None:
        self._hosts = hosts
        self._block = block
        self._process = process_guards()
        self._functions = ReplacedFunctions(self._process.check_host, patch_c_types=patch_c_types)
        self._process.patch_c_types |= patch_c_types
        self._before: RunningWork | None = None

    def start(self) -> None:
        """Block from now on."""
        self._before = RunningWork()
        self._process.settle()
        self._process.add(self.check_host)
        self._functions.start()

    def stop(self) -> None:
        """Stop blocking, except for the threads that have begun meanwhile and still live."""
        self._functions.stop()
        self._process.remove(self.check_host)
        hosts = frozenset(self._hosts())

        def block(given: object, by: str) -> None:
            host = _documented(given, hosts)
            if host:
                raise SimulationStopped(blocked_after_test(host, calling_library(by)))

        if self._before is not None:
            self._process.leftover.add(self._before, block)
            self._before = None
        self._process.settle()

    def check_host(self, given: object, by: str) -> None:
        """Stop the test if a host is a documented one.

        Args:
            given: the host, or what holds it.
            by: what was called.
        """
        host = _documented(given, self._hosts())
        if host:
            try:
                self._block(host, calling_library(by))
            finally:
                _cancel_other_tasks()


def _documented(given: object, hosts: Collection[str]) -> str:
    """The host that a caller named, if it is a documented one."""
    host = host_in(given)
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    return host if plain_host(host) in hosts else ""


def _cancel_other_tasks() -> None:
    """Cancel the loop's other tasks: the error of a blocked request may never reach its caller."""
    loop = asyncio._get_running_loop()
    if loop is None:
        return
    for task in asyncio.all_tasks(loop) - {asyncio.current_task(loop)}:
        task.cancel("a request was blocked")
    if threading.current_thread() is threading.main_thread():
        loop.call_later(_GRACE_SECONDS, _stop_idle, loop)


def _stop_idle(loop: asyncio.AbstractEventLoop) -> None:
    """Stop a loop whose tasks have ended: it waits for a future that nothing will set."""
    if not asyncio.all_tasks(loop):
        loop.stop()
