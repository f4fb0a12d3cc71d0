"""Whether clock functions are taken over in place on this interpreter."""

from __future__ import annotations

import platform
import sys
import sysconfig
from typing import Final

__all__ = ["lost", "untried"]

_FIRST: Final = (3, 11)
_LAST: Final = (3, 14)


def untried() -> str:
    """Why nothing is taken over in place; empty where it is."""
    if sys.implementation.name != "cpython":
        return f"{platform.python_implementation()} is not CPython"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "this Python is free-threaded"
    version = sys.version_info[:2]
    if not _FIRST <= version <= _LAST:
        return f"Python {version[0]}.{version[1]} was not tried"
    return ""


def lost(why: str) -> str:
    """One line for pytest's header; empty where nothing is lost.

    Args:
        why: why names are replaced instead of functions.
    """
    if not why:
        return ""
    return (
        f"parseapi: {why}, so virtual time reaches clock functions by name only: references kept "
        "in default arguments or containers, datetime.now() and locks made before a test stay real"
    )
