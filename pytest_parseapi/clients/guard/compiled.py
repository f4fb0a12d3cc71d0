"""Clients in Rust: whatever of them takes a URL is found by its name, and replaced."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from types import ModuleType
from typing import Final

from pytest_parseapi.clients.guard.judged import judging
from pytest_parseapi.clients.guard.named import host_in
from pytest_parseapi.patching.attributes import Patches

__all__ = ["COMPILED", "replace_compiled"]

COMPILED: Final = {
    "rnet": ("rnet",),
    "wreq": ("wreq", "wreq.wreq"),
    "primp": ("primp",),
    "httpr": ("httpr",),
    "impit": ("impit",),
    "pyreqwest": ("pyreqwest.client", "pyreqwest.simple.request", "pyreqwest.simple.sync_request"),
    "ry": ("ry.ryo3", "ry"),
}
"""By library, its modules."""
_SENDS: Final = re.compile(
    r"(?:pyreqwest_)?(?:request|get|post|put|patch|delete|head|options|trace|stream|websocket)"
    r"|fetch(?:_sync)?|base_url"
)
"""The functions and methods that take a URL, or the first part of one."""
_HEAP_TYPE: Final = 1 << 9
_IMMUTABLE_TYPE: Final = 1 << 8
"""Flags of CPython's types: only one that is on the heap and not immutable takes attributes."""
_URL_ARGUMENTS: Final = ((0, "url"), (1, "url"), (2, "url"), (99, "base_url"))


def replace_compiled(
    patches: Patches, judge: Callable[[object, str], None], name: str, module: ModuleType
) -> None:
    """Replace what takes a URL in a module of a library, and in the modules that are part of it.

    Args:
        patches: replace the functions.
        judge: called with a host, or what holds it, and who is called.
        name: the library.
        module: one of its modules.
    """
    _replace(patches, judge, name, module)
    for part in list(vars(module).values()):
        # No finder finds the modules that are part of a library in Rust.
        if isinstance(part, ModuleType) and getattr(part, "__file__", None) is None:
            _replace(patches, judge, name, part)


def _replace(
    patches: Patches, judge: Callable[[object, str], None], name: str, module: ModuleType
) -> None:
    make = functools.partial(judging, judge, _URL_ARGUMENTS, name, host_in)
    functions = {}
    for attribute, value in list(vars(module).items()):
        if isinstance(value, type):
            if value.__flags__ & (_HEAP_TYPE | _IMMUTABLE_TYPE) != _HEAP_TYPE:
                continue
            for method in [found for found in vars(value) if _SENDS.fullmatch(found)]:
                if callable(getattr(value, method)):
                    patches.put(value, method, make)
        elif callable(value) and _SENDS.fullmatch(attribute):
            functions[attribute] = make
    if functions:
        patches.put_everywhere(module, functions)
