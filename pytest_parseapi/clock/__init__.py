"""Virtual time. Private.

This module keeps the real clock functions, ``datetime``, and the functions that start threads and
send signals. It does so when pytest starts, before a fixture such as freezegun can replace them.
"""

from __future__ import annotations

import _thread
import datetime
import os
import signal
import time
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, MappingProxyType
from typing import Any, Final

# In mappings, since freezegun replaces what it finds as an attribute of a module.
CLASSES: Final[Mapping[str, type[Any]]] = MappingProxyType({"datetime": datetime.datetime})
"""The classes of ``datetime`` that know the time, by name."""
FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {name: item for name, item in vars(time).items() if isinstance(item, BuiltinFunctionType)}
)
"""The built-in functions of ``time``, by name."""
SIGNAL_SENDERS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        name: vars(module)[name]
        for module, name in (
            *((os, "kill"), (signal, "raise_signal"), (signal, "pthread_kill")),
            (_thread, "interrupt_main"),
        )
        if isinstance(vars(module).get(name), BuiltinFunctionType)
    }
)
"""The built-in functions that send a signal, by name."""
STARTS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        name: vars(_thread)[name]
        for name in ("start_new_thread", "start_new", "start_joinable_thread")
        if isinstance(vars(_thread).get(name), BuiltinFunctionType)
    }
)
"""The built-in functions of ``_thread`` that start a thread, by name."""
TAKEN_OVER: Final[Mapping[str, Any]] = MappingProxyType({**FUNCTIONS, **STARTS, **SIGNAL_SENDERS})
"""Every built-in function that is taken over, by name."""
