"""Checks the names that are looked up by functions of the C library, called by ``ctypes``."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any, Final

from pytest_parseapi.clients.guard.checked_functions import HostCheck
from pytest_parseapi.patching.attributes import Patches

_LOOK_UP: Final = frozenset(
    ("getaddrinfo", "gethostbyname", "gethostbyname2", "gethostbyname_r", "res_query", "res_search")
)
"""Their first argument is the name."""


def replace_ctypes(patches: Patches, check_host: HostCheck, module: ModuleType) -> None:
    """Check names in the look-up functions that ``ctypes`` returns from now on.

    Args:
        patches: replace the functions.
        check_host: called with a host, and who is called.
        module: ``ctypes``.
    """

    def make(real: Any) -> Any:
        @functools.wraps(real)
        def get(library: Any, name: Any) -> Any:
            function = real(library, name)
            return _checked(check_host, library, function) if name in _LOOK_UP else function

        return get

    patches.put(vars(module)["CDLL"], "__getitem__", make)


def _checked(check_host: HostCheck, library: Any, function: Any) -> Any:
    kind: Any = type(function)

    class LookUp(kind):  # type: ignore[misc]
        """The replacement of a look-up function: its types can be set, and it can be passed on."""

        _flags_ = kind._flags_
        _restype_ = kind._restype_

        def __call__(self, *args: Any) -> Any:
            if args:
                check_host(getattr(args[0], "value", args[0]), "ctypes")
            return super().__call__(*args)

    LookUp.__name__ = LookUp.__qualname__ = kind.__name__
    found = LookUp((function.__name__, library))
    found.__name__ = function.__name__
    return found
