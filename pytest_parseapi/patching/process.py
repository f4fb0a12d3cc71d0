"""What the sessions of one process share: the only process-wide state of the plugin.

An audit hook cannot be removed, and functions of the interpreter are taken over only once. Nested
sessions, and a second import of this module, find the existing object.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

_Part = TypeVar("_Part")
_ASKED: Final = "pytest_parseapi.process"
"""The plugin's own audit event, which a hook that is installed already answers."""


class Process:
    """The parts that the sessions of a process share."""

    def __init__(self) -> None:
        self._parts: dict[str, Any] = {}
        self.audits: dict[str, list[Callable[[str, tuple[Any, ...]], None]]] = {}
        """By audit event, the functions to call with it."""
        self.forking: list[Callable[[], object]] = []
        """Called before a fork."""
        self.forked: list[Callable[[], object]] = []
        """Called in the child of a fork."""

    def part(self, name: str, make: Callable[[], _Part]) -> _Part:
        """The part with this name.

        Args:
            name: the name of the part.
            make: creates the part if it does not exist yet.
        """
        if name not in self._parts:
            self._parts[name] = make()
        found: _Part = self._parts[name]
        return found


def process() -> Process:
    """The one object of this process, even if this module is imported twice."""
    found: list[Process] = []
    sys.audit(_ASKED, found)
    if not found:
        made = Process()
        sys.addaudithook(_hook_of(made))
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=lambda: _call(made.forking), after_in_child=lambda: _call(made.forked)
            )
        found.append(made)
    return found[0]


def _call(functions: list[Callable[[], object]]) -> None:
    for function in list(functions):
        function()


def _hook_of(made: Process) -> Callable[[str, tuple[Any, ...]], None]:
    # Called with every event of the process: most have no listener, and must cost next to nothing.
    audits = made.audits
    audits[_ASKED] = [lambda _event, args: args[0].append(made)]

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in audits:
            for audit in audits[event]:
                audit(event, args)

    return hook
