"""Replacements that check the hosts among their arguments, and then call the real function."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

HostCheck = Callable[[object, str], None]
"""Raises where a host is out of reach; called with a host, or what holds it, and who is called."""


def with_host_check(
    check_host: HostCheck,
    arguments: tuple[tuple[int, str], ...],
    by: str,
    read: Callable[[Any], object],
    real: Any,
) -> Any:
    """Make a function that checks the hosts among its arguments, and then calls the real one.

    Args:
        check_host: called with each host.
        arguments: the position and the name of each argument that names a host.
        by: who is called, for messages.
        read: what of an argument names the host.
        real: the function that it replaces.
    """

    def check(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        for given in _given(arguments, args, kwargs):
            host = read(given)
            if host:
                check_host(host, by)

    if inspect.iscoroutinefunction(real):

        async def checked_async(*args: Any, **kwargs: Any) -> Any:
            check(args, kwargs)
            return await real(*args, **kwargs)

        return _like(checked_async, real)

    def checked(*args: Any, **kwargs: Any) -> Any:
        check(args, kwargs)
        return real(*args, **kwargs)

    return _like(checked, real)


def _like(ours: Any, real: Any) -> Any:
    """Give a replacement the signature of the real function: mocks such as respx read it."""
    functools.update_wrapper(ours, real)
    with contextlib.suppress(TypeError, ValueError):  # some functions in C have none
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
