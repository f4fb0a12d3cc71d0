"""Finds out whether time can be virtual on this platform, and how functions are taken over."""

from __future__ import annotations

import _thread
import platform
import sys
import sysconfig
from typing import Final

_MIN_PYTHON: Final = (3, 11)
_MAX_PYTHON: Final = (3, 14)
_PATCH_CALLS: Final = {
    "gevent": "gevent.monkey.patch_all(thread=False)",
    "eventlet": "eventlet.monkey_patch(thread=False)",
}
"""By library that can replace Python's threads, the call that does not replace them."""


def why_not_in_place() -> str:
    """Why functions cannot be taken over in place; empty if they can."""
    if sys.implementation.name != "cpython":
        return f"{platform.python_implementation()} is not CPython"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "this Python is free-threaded"
    version = sys.version_info[:2]
    if not _MIN_PYTHON <= version <= _MAX_PYTHON:
        return f"Python {version[0]}.{version[1]} was not tried"
    return ""


def limits_line(why: str) -> str:
    """One line for pytest's header about what stays real; empty if nothing does.

    Args:
        why: why names are replaced instead of functions.
    """
    if not why:
        return ""
    return (
        f"parseapi: {why}, so virtual time reaches clock functions by name only: references kept "
        "in default arguments or containers, datetime.now() and locks made before a test stay real"
    )


def why_no_virtual_time() -> str:
    """Why time cannot be virtual: a library has replaced Python's threads. Empty if it can."""
    library = str(getattr(_thread.allocate_lock, "__module__", "")).partition(".")[0]
    if library not in _PATCH_CALLS:
        return ""
    return (
        f"{library} has put its own threads in the place of Python's, which virtual time needs: "
        f"call {_PATCH_CALLS[library]} where tests run"
    )
