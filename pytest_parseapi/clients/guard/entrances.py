"""Where a request names its host and no audit event tells: functions that the guard replaces.

Python's own audit events tell of names that are looked up and of ``http.client``. A connection by
a proxy, TLS over a given socket, and libraries that look names up in C need their own entrances.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Final

from pytest_parseapi.clients.guard.known import ENTRANCES, Entrance
from pytest_parseapi.clients.guard.named import host_in
from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.imports import ImportHook

__all__ = ["Entrances"]


_SENDS: Final = re.compile(
    r"(?:pyreqwest_)?(?:request|get|post|put|patch|delete|head|options|trace|stream|websocket)"
    r"|base_url"
)
"""The functions and methods of clients in Rust that take a URL, or the first part of one."""
_COMPILED: Final = {
    "rnet": ("rnet",),
    "wreq": ("wreq", "wreq.wreq"),
    "primp": ("primp",),
    "httpr": ("httpr",),
    "impit": ("impit",),
    "pyreqwest": ("pyreqwest.client", "pyreqwest.simple.request", "pyreqwest.simple.sync_request"),
}
_HEAP_TYPE: Final = 1 << 9
_IMMUTABLE_TYPE: Final = 1 << 8
"""Flags of CPython's types: only one that is on the heap and not immutable takes attributes."""
_URL_ARGUMENTS: Final = ((0, "url"), (1, "url"), (2, "url"), (99, "base_url"))


class Entrances:
    """Has a host judged wherever a request names one.

    Args:
        judge: called with what a caller gave for a host or a URL, and who was called.
    """

    def __init__(self, judge: Callable[[object, str], None]) -> None:
        self._judge = judge
        self._patches = Patches()
        self._imports = ImportHook()

    def start(self) -> None:
        """Replace the functions of what is imported, and of the rest once it is."""
        for entrance in ENTRANCES:
            self._imports.when(entrance.module, functools.partial(self._replace, entrance))
        for name, modules in _COMPILED.items():
            replace = functools.partial(self._replace_compiled, name)
            for module in modules:
                self._imports.when(module, replace)
        self._imports.when("pycurl", self._replace_pycurl)
        self._imports.when("curl_cffi.curl", self._replace_curl_cffi)

    def stop(self) -> None:
        """Put the functions back."""
        self._imports.stop()
        self._patches.stop()

    def _replace(self, entrance: Entrance, module: ModuleType) -> None:
        owner = entrance.owner_in(module)
        if owner is not None:
            make = functools.partial(
                self._judging, entrance.arguments, entrance.called, entrance.read
            )
            self._patches.put(owner, entrance.name, make)

    def _replace_compiled(self, name: str, module: ModuleType) -> None:
        self._replace_senders(name, module)
        for part in list(vars(module).values()):
            # No finder finds the modules that are part of a library in Rust.
            if isinstance(part, ModuleType) and getattr(part, "__file__", None) is None:
                self._replace_senders(name, part)

    def _replace_senders(self, name: str, module: ModuleType) -> None:
        make = functools.partial(self._judging, _URL_ARGUMENTS, name, host_in)
        for attribute, value in list(vars(module).items()):
            if isinstance(value, type):
                if value.__flags__ & (_HEAP_TYPE | _IMMUTABLE_TYPE) != _HEAP_TYPE:
                    continue
                for method in [found for found in vars(value) if _SENDS.fullmatch(found)]:
                    if callable(getattr(value, method)):
                        self._patches.put(value, method, make)
            elif callable(value) and _SENDS.fullmatch(attribute):
                self._patches.put_everywhere(module, attribute, make)

    def _replace_pycurl(self, module: Any) -> None:
        judge = self._judge
        names = {module.URL, getattr(module, "CURLU", module.URL)}

        def make(real: Any) -> Any:
            class Curl(real):  # type: ignore[misc]
                """The type in C takes no attributes."""

                def setopt(self, option: int, value: Any) -> Any:
                    if option in names:
                        judge(getattr(value, "host", value), "pycurl")
                    return super().setopt(option, value)

                def setopt_string(self, option: int, value: str) -> Any:
                    if option in names:
                        judge(value, "pycurl")
                    return super().setopt_string(option, value)

            Curl.__module__, Curl.__qualname__ = real.__module__, real.__qualname__
            return Curl

        self._patches.put_everywhere(module, "Curl", make)

    def _replace_curl_cffi(self, module: Any) -> None:
        judge = self._judge

        def make(real: Any) -> Any:
            @functools.wraps(real)
            def setopt(curl: Any, option: Any, value: Any) -> Any:
                if option == module.CurlOpt.URL:
                    judge(value, "curl_cffi")
                return real(curl, option, value)

            return setopt

        self._patches.put(module.Curl, "setopt", make)

    def _judging(
        self,
        arguments: tuple[tuple[int, str], ...],
        by: str,
        read: Callable[[Any], object],
        real: Any,
    ) -> Any:
        judge = self._judge

        def check(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            for given in _given(arguments, args, kwargs):
                host = read(given)
                if host:
                    judge(host, by)

        if inspect.iscoroutinefunction(real):

            async def judged_async(*args: Any, **kwargs: Any) -> Any:
                check(args, kwargs)
                return await real(*args, **kwargs)

            return _like(judged_async, real)

        def judged(*args: Any, **kwargs: Any) -> Any:
            check(args, kwargs)
            return real(*args, **kwargs)

        return _like(judged, real)


def _like(ours: Any, real: Any) -> Any:
    """Let a replacement show what it replaces, its arguments too: mocks such as respx read them."""
    functools.update_wrapper(ours, real)
    with contextlib.suppress(TypeError, ValueError):  # some functions in C tell none
        ours.__signature__ = inspect.signature(real)
    return ours


def _given(
    arguments: tuple[tuple[int, str], ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Iterator[object]:
    for position, name in arguments:
        if -len(args) <= position < len(args):
            yield args[position]
        elif name in kwargs:
            yield kwargs[name]
