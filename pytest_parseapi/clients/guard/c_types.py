"""Checks hosts in methods of C types, also of objects that were made before a test.

Their types are changed in memory by ``ctypes``: where virtual time has it anyway, and in a session
that is guarded as a whole.
"""

from __future__ import annotations

import contextlib
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from pytest_parseapi.clients.guard.checked_functions import HostCheck
from pytest_parseapi.clients.guard.curl import check_option, host_options
from pytest_parseapi.clients.guard.first_bytes import FirstBytes
from pytest_parseapi.clients.guard.host_readers import host_of_connection

if TYPE_CHECKING:
    from pytest_parseapi.patching.builtin_type_methods import BuiltinTypeMethods

_HEAP_TYPE: Final = 1 << 9


class CTypes:
    """Replaces methods of such types by ones that check hosts, and restores them.

    Args:
        check_host: called with a host, or what holds it, and who is called.
    """

    def __init__(self, check_host: HostCheck) -> None:
        self._check_host = check_host
        self._taken: list[BuiltinTypeMethods] = []
        self.modules: set[str] = set()
        """Whose types are all taken over."""

    def replace(self, module: ModuleType) -> None:
        """Replace the methods of the types of a module."""
        from pytest_parseapi.patching.builtin_type_methods import BuiltinTypeMethods

        found = C_TYPES[module.__name__](self._check_host, module)
        before = len(self._taken)
        for kind, methods in found:
            with contextlib.suppress(RuntimeError):
                taken = BuiltinTypeMethods(kind, methods, of_interpreter=False)
                taken.take()
                self._taken.append(taken)
        if found and len(self._taken) - before == len(found):
            self.modules.add(module.__name__)

    def stop(self) -> None:
        """Restore every method."""
        while self._taken:
            self._taken.pop().give_back()
        self.modules.clear()


def _of_pycurl(check_host: HostCheck, module: Any) -> list[tuple[type, dict[str, Any]]]:
    def checking_url(real: Any) -> Any:
        def performing(curl: Any) -> Any:
            check_host(curl.getinfo(module.EFFECTIVE_URL), "pycurl")
            return real(curl)

        return performing

    def checking_option(real: Any) -> Any:
        def setting(curl: Any, option: int, value: Any) -> Any:
            check_option(check_host, "pycurl", options.get(option), value)
            return real(curl, option, value)

        return setting

    def add_handle(multi: Any, curl: Any) -> Any:
        check_host(curl.getinfo(module.EFFECTIVE_URL), "pycurl")
        return real_add(multi, curl)

    options = host_options(module)
    kind, many = (_type_of(getattr(module, name, object)) for name in ("Curl", "CurlMulti"))
    if "setopt" not in vars(kind) or "add_handle" not in vars(many):
        # Another plugin may have replaced the module, as pytest-recording does.
        return []
    real_add = vars(many)["add_handle"]
    methods = {
        name: make(vars(kind)[name])
        for make, names in (
            (checking_option, ("setopt", "setopt_string")),
            (checking_url, ("perform", "perform_rb", "perform_rs")),
        )
        for name in names
    }
    return [(kind, methods), (many, {"add_handle": add_handle})]


def _of_uvloop(check_host: HostCheck, module: Any) -> list[tuple[type, dict[str, Any]]]:
    first_bytes = FirstBytes()

    def checking(real: Any) -> Any:
        def writing(transport: Any, data: Any, *address: Any, **options: Any) -> Any:
            host = first_bytes.host(id(transport), data)
            if host:
                check_host(host, "uvloop")
            return real(transport, data, *address, **options)

        return writing

    def checking_tls(real: Any) -> Any:
        def writing(transport: Any, data: Any) -> Any:
            host = host_of_connection(transport.get_extra_info("ssl_object"))
            if host:
                check_host(host, "uvloop")
            return real(transport, data)

        return writing

    found = []
    for kind, names, make in (
        (module.TCPTransport, ("write", "writelines"), checking),
        (module.UDPTransport, ("sendto",), checking),
        # It has kept the method of its transport since it connected: to replace that is too late.
        (module._SSLProtocolTransport, ("write", "writelines"), checking_tls),
    ):
        owner = next(base for base in kind.__mro__ if names[0] in vars(base))
        found.append((owner, {name: make(vars(owner)[name]) for name in names}))
    return found


def _type_of(kind: type) -> type:
    """The C type that a Python class is derived from."""
    return next(found for found in kind.__mro__ if not found.__flags__ & _HEAP_TYPE)


C_TYPES: Final = {"pycurl": _of_pycurl, "uvloop.loop": _of_uvloop}
"""By module, its types and their methods."""
