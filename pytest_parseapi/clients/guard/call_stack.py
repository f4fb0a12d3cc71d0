"""Finds hosts in the arguments of the functions on the call stack.

A request by a proxy looks up no documented host. When the proxy is connected to, the function that
started the request is on the stack, or in a task, and its arguments name the host.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Iterator
from traceback import walk_stack
from types import CodeType, FrameType
from typing import Any

from pytest_parseapi.clients.guard.host_functions import HOST_FUNCTIONS, HostFunction


def hosts_on_the_stack() -> Iterator[tuple[object, str]]:
    """The hosts in the arguments of this thread's functions and tasks, and the function names."""
    functions = _by_code()
    for frame in _frames():
        function = functions.get(frame.f_code)
        if function is not None:
            for given in _given(function, frame):
                yield function.read(given), function.called


def _by_code() -> dict[CodeType, HostFunction]:
    found = {}
    for function in HOST_FUNCTIONS:
        module = sys.modules.get(function.module)
        owner = None if module is None else function.owner_in(module)
        if owner is not None:
            code = getattr(inspect.unwrap(getattr(owner, function.name)), "__code__", None)
            if isinstance(code, CodeType):
                found[code] = function
    return found


def _given(function: HostFunction, frame: FrameType) -> Iterator[object]:
    code, values = frame.f_code, frame.f_locals
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    for position, name in function.arguments:
        if name in names:
            yield values.get(name)
        elif 0 <= position < code.co_argcount:
            yield values.get(names[position])


def _frames() -> Iterator[FrameType]:
    yield from (frame for frame, _ in walk_stack(sys._getframe(1)))
    loop = asyncio._get_running_loop()
    for task in () if loop is None else asyncio.all_tasks(loop):
        waits: Any = task.get_coro()
        while waits is not None:
            for kind, awaited in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
                if hasattr(waits, awaited):
                    if (of_task := getattr(waits, f"{kind}_frame")) is not None:
                        yield of_task
                    waits = getattr(waits, awaited)
                    break
            else:
                break
