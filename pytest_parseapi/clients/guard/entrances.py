"""Where a request names its host and no audit event tells: functions that the guard replaces.

Python's own audit events tell of names that are looked up and of ``http.client``. A connection by
a proxy, TLS over a given socket, and libraries that look names up in C need their own entrances.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType

from pytest_parseapi.clients.guard.c_library import replace_ctypes
from pytest_parseapi.clients.guard.compiled import COMPILED, replace_compiled
from pytest_parseapi.clients.guard.curl import CURLS
from pytest_parseapi.clients.guard.in_place import IN_PLACE, InPlace
from pytest_parseapi.clients.guard.judged import judging
from pytest_parseapi.clients.guard.known import ENTRANCES, Entrance
from pytest_parseapi.clients.guard.senders import SENDERS, Senders
from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.imports import ImportHook

__all__ = ["Entrances"]


class Entrances:
    """Has a host judged wherever a request names one.

    Args:
        judge: called with what a caller gave for a host or a URL, and who was called.
        in_place: whether types in C may be changed in memory, for objects that exist already.
    """

    def __init__(self, judge: Callable[[object, str], None], *, in_place: bool = False) -> None:
        self._judge = judge
        self._patches = Patches()
        self._imports = ImportHook()
        self._senders = Senders(judge, self._patches)
        self._in_place = InPlace(judge) if in_place else None

    def start(self) -> None:
        """Replace the functions of what is imported, and of the rest once it is."""
        for entrance in ENTRANCES:
            self._imports.when(entrance.module, functools.partial(self._replace, entrance))
        for sender in SENDERS:
            self._imports.when(sender.module, functools.partial(self._senders.replace, sender))
        for name, modules in COMPILED.items():
            for module in modules:
                replace = functools.partial(replace_compiled, self._patches, self._judge, name)
                self._imports.when(module, replace)
        for module, replace_curl in CURLS.items():
            replace = functools.partial(replace_curl, self._patches, self._judge)
            self._imports.when(module, replace)
        replace = functools.partial(replace_ctypes, self._patches, self._judge)
        self._imports.when("ctypes", replace)
        if self._in_place is not None:
            for module in IN_PLACE:
                self._imports.when(module, self._in_place.replace)

    def stop(self) -> None:
        """Put the functions back."""
        self._imports.stop()
        if self._in_place is not None:
            self._in_place.stop()
        self._patches.stop()

    def _replace(self, entrance: Entrance, module: ModuleType) -> None:
        owner = entrance.owner_in(module)
        if owner is not None:
            make = functools.partial(
                judging, self._judge, entrance.arguments, entrance.called, entrance.read
            )
            self._patches.put(owner, entrance.name, make)
