"""Replaces the functions by which a request names its host without an audit event.

Python raises audit events for names that are looked up, and for ``http.client``. A connection by
a proxy, TLS over a given socket, and libraries that look names up in C raise none.
"""

from __future__ import annotations

import functools
from types import ModuleType

from pytest_parseapi.clients.guard.c_library import replace_ctypes
from pytest_parseapi.clients.guard.c_types import C_TYPES, CTypes
from pytest_parseapi.clients.guard.checked_functions import HostCheck, with_host_check
from pytest_parseapi.clients.guard.compiled_clients import COMPILED_CLIENTS, replace_compiled_client
from pytest_parseapi.clients.guard.curl import CURLS, ReplaceCurl
from pytest_parseapi.clients.guard.host_functions import HOST_FUNCTIONS, HostFunction
from pytest_parseapi.clients.guard.send_functions import SEND_FUNCTIONS, SendFunctions
from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.imports import ImportHook


class ReplacedFunctions:
    """Checks the host in each function that gets one.

    Args:
        check_host: called with what a caller gave for a host or a URL, and who was called.
        patch_c_types: whether types in C may be changed in memory, for objects that exist already.
    """

    def __init__(self, check_host: HostCheck, *, patch_c_types: bool) -> None:
        self._check_host = check_host
        self._patches = Patches()
        self._imports = ImportHook()
        self._send_functions = SendFunctions(check_host, self._patches)
        self._c_types = CTypes(check_host) if patch_c_types else None

    def start(self) -> None:
        """Replace the functions of imported modules now, and of others when they are imported."""
        for function in HOST_FUNCTIONS:
            self._imports.when(function.module, functools.partial(self._replace, function))
        for send in SEND_FUNCTIONS:
            self._imports.when(send.module, functools.partial(self._send_functions.replace, send))
        for name, modules in COMPILED_CLIENTS.items():
            for module in modules:
                replace = functools.partial(
                    replace_compiled_client, self._patches, self._check_host, name
                )
                self._imports.when(module, replace)
        if self._c_types is not None:
            for module in C_TYPES:
                self._imports.when(module, self._c_types.replace)
        for module, replace_curl in CURLS.items():
            self._imports.when(module, functools.partial(self._replace_curl, replace_curl))
        replace = functools.partial(replace_ctypes, self._patches, self._check_host)
        self._imports.when("ctypes", replace)

    def stop(self) -> None:
        """Restore the functions."""
        self._imports.stop()
        if self._c_types is not None:
            self._c_types.stop()
        self._patches.stop()

    def _replace_curl(self, replace: ReplaceCurl, module: ModuleType) -> None:
        # A type that is changed in memory is changed wherever somebody keeps it. A class in its
        # place is looked for in every module, which takes long where there are many.
        if self._c_types is None or module.__name__ not in self._c_types.modules:
            replace(self._patches, self._check_host, module)

    def _replace(self, function: HostFunction, module: ModuleType) -> None:
        owner = function.owner_in(module)
        if owner is not None:
            make = functools.partial(
                with_host_check,
                self._check_host,
                function.arguments,
                function.called,
                function.read,
            )
            self._patches.put(owner, function.name, make)
