"""Checks hosts in clients written in Rust or C: functions that take a URL are replaced."""

from __future__ import annotations

import functools
import re
from types import ModuleType
from typing import Final

from pytest_parseapi.clients.guard.checked_functions import HostCheck, with_host_check
from pytest_parseapi.clients.guard.host_readers import host_in
from pytest_parseapi.patching.attributes import Patches

COMPILED_CLIENTS: Final = {
    "rnet": ("rnet",),
    "wreq": ("wreq", "wreq.wreq"),
    "primp": ("primp",),
    "never_primp": ("never_primp.never_primp",),
    "httpr": ("httpr",),
    "impit": ("impit",),
    "pyreqwest": ("pyreqwest.client", "pyreqwest.simple.request", "pyreqwest.simple.sync_request"),
    "pyqwest": ("pyqwest._pyqwest",),
    "rqx": ("rqx._rqx",),
    "foghttp": ("foghttp._foghttp",),
    "ry": ("ry.ryo3", "ry"),
    "httpmorph": ("httpmorph._client_c", "httpmorph._async_client"),
}
"""By library, its modules."""
_TAKES_URL: Final = re.compile(
    r"(?:pyreqwest_)?(?:request|get|post|put|patch|delete|head|options|trace|stream|websocket)"
    r"|request(?:_stream)?(?:_async)?|execute(?:_sync)?|fetch(?:_sync)?|base_url"
)
"""The functions and methods that take a URL, or the first part of one."""
_HEAP_TYPE: Final = 1 << 9
_IMMUTABLE_TYPE: Final = 1 << 8
"""Flags of CPython's types: only one that is on the heap and not immutable takes attributes."""
_URL_ARGUMENTS: Final = ((0, "url"), (1, "url"), (2, "url"), (99, "base_url"))


def replace_compiled_client(
    patches: Patches, check_host: HostCheck, name: str, module: ModuleType
) -> None:
    """Replace the functions that take a URL in a module of a library, and in its submodules.

    Args:
        patches: replace the functions.
        check_host: called with a host, or what holds it, and who is called.
        name: the library.
        module: one of its modules.
    """
    _replace(patches, check_host, name, module)
    for part in list(vars(module).values()):
        # Submodules of a library in Rust cannot be found by import.
        if isinstance(part, ModuleType) and getattr(part, "__file__", None) is None:
            _replace(patches, check_host, name, part)


def _host_of(given: object) -> str:
    """The host in an argument, or in the base URL of a client."""
    return host_in(getattr(given, "base_url", None) or given)


def _replace(patches: Patches, check_host: HostCheck, name: str, module: ModuleType) -> None:
    make = functools.partial(with_host_check, check_host, _URL_ARGUMENTS, name, _host_of)
    functions = {}
    for attribute, value in list(vars(module).items()):
        if isinstance(value, type):
            if value.__flags__ & (_HEAP_TYPE | _IMMUTABLE_TYPE) != _HEAP_TYPE:
                continue
            for method in [found for found in vars(value) if _TAKES_URL.fullmatch(found)]:
                if callable(getattr(value, method)):
                    patches.put(value, method, make)
        elif callable(value) and _TAKES_URL.fullmatch(attribute):
            functions[attribute] = make
    if functions:
        patches.put_everywhere(module, functions)
