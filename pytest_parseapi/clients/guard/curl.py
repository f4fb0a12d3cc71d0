"""Checks hosts in pycurl and curl_cffi: each host that curl may reach is named by an option."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Final

from pytest_parseapi.clients.guard.checked_functions import HostCheck
from pytest_parseapi.clients.guard.host_readers import host_in
from pytest_parseapi.patching.attributes import Patches

_HOST_OPTIONS: Final = ("URL", "CURLU", "PROXY", "PRE_PROXY", "CONNECT_TO", "DOH_URL")
"""The options that name a host."""


def _replace_pycurl(patches: Patches, check_host: HostCheck, module: ModuleType) -> None:
    options = host_options(module)

    def make(real: Any) -> Any:
        class Curl(real):  # type: ignore[misc]
            """A subclass, since the C type takes no attributes."""

            def setopt(self, option: int, value: Any) -> Any:
                check_option(check_host, "pycurl", options.get(option), value)
                return super().setopt(option, value)

            def setopt_string(self, option: int, value: str) -> Any:
                check_option(check_host, "pycurl", options.get(option), value)
                return super().setopt_string(option, value)

            def perform(self) -> Any:
                self._check_url()
                return super().perform()

            def perform_rb(self) -> Any:
                self._check_url()
                return super().perform_rb()

            def perform_rs(self) -> Any:
                self._check_url()
                return super().perform_rs()

            def _check_url(self) -> None:
                check_host(self.getinfo(module.EFFECTIVE_URL), "pycurl")

        Curl.__module__, Curl.__qualname__ = real.__module__, real.__qualname__
        return Curl

    def make_multi(real: Any) -> Any:
        class CurlMulti(real):  # type: ignore[misc]
            """A subclass, as above."""

            def add_handle(self, curl: Any) -> Any:
                check_host(curl.getinfo(module.EFFECTIVE_URL), "pycurl")
                return super().add_handle(curl)

        CurlMulti.__module__, CurlMulti.__qualname__ = real.__module__, real.__qualname__
        return CurlMulti

    patches.put_everywhere(module, {"Curl": make, "CurlMulti": make_multi})


def _replace_curl_cffi(patches: Patches, check_host: HostCheck, module: ModuleType) -> None:
    kinds: Any = sys.modules["curl_cffi.const"]
    options = host_options(kinds.CurlOpt)
    kind = vars(module)["Curl"]

    def make_setopt(real: Any) -> Any:
        @functools.wraps(real)
        def setopt(curl: Any, option: Any, value: Any) -> Any:
            check_option(check_host, "curl_cffi", options.get(option), value)
            return real(curl, option, value)

        return setopt

    def make_perform(real: Any) -> Any:
        @functools.wraps(real)
        def perform(curl: Any, *args: Any, **options: Any) -> Any:
            check_host(curl.getinfo(kinds.CurlInfo.EFFECTIVE_URL), "curl_cffi")
            return real(curl, *args, **options)

        return perform

    patches.put(kind, "setopt", make_setopt)
    patches.put(kind, "perform", make_perform)


def _replace_curl_cffi_loops(patches: Patches, check_host: HostCheck, module: ModuleType) -> None:
    kinds: Any = sys.modules["curl_cffi.const"]

    def make(real: Any) -> Any:
        @functools.wraps(real)
        def add_handle(multi: Any, curl: Any) -> Any:
            check_host(curl.getinfo(kinds.CurlInfo.EFFECTIVE_URL), "curl_cffi")
            return real(multi, curl)

        return add_handle

    patches.put(vars(module)["AsyncCurl"], "add_handle", make)


def host_options(kinds: Any) -> dict[int, str]:
    """The numbers of the options that name a host.

    Args:
        kinds: what has them as attributes.
    """
    return {getattr(kinds, name): name for name in _HOST_OPTIONS if hasattr(kinds, name)}


def check_option(check_host: HostCheck, by: str, option: str | None, value: Any) -> None:
    """Check the hosts of an option.

    Args:
        check_host: called with each, and who is called.
        by: who is called.
        option: its name; None for one that names no host.
        value: what it is set to.
    """
    if option is not None:
        for host in _hosts(option, value):
            check_host(host, by)


def _hosts(option: str, value: Any) -> Iterator[object]:
    if option != "CONNECT_TO":
        yield host_in(value)
        return
    for entry in value or ():
        text = entry.decode("utf-8", "replace") if isinstance(entry, bytes) else str(entry)
        # HOST:PORT:CONNECT-TO-HOST:CONNECT-TO-PORT
        yield text.rpartition(":")[0].rpartition(":")[2]


ReplaceCurl = Callable[[Patches, HostCheck, ModuleType], None]

CURLS: Final[dict[str, ReplaceCurl]] = {
    "pycurl": _replace_pycurl,
    "curl_cffi.curl": _replace_curl_cffi,
    "curl_cffi.aio": _replace_curl_cffi_loops,
}
"""By module, what has the hosts of its clients checked."""
