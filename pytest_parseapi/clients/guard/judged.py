"""Makes the functions that stand for other ones, and judge what they are called with."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["judging"]


def judging(
    judge: Callable[[object, str], None],
    arguments: tuple[tuple[int, str], ...],
    by: str,
    read: Callable[[Any], object],
    real: Any,
) -> Any:
    """A function that has its arguments judged, and then calls the real one.

    Args:
        judge: called with a host, or what holds it, and who is called.
        arguments: the position and the name of each argument that names a host.
        by: who is called, for messages.
        read: what of an argument names the host.
        real: the function that it stands for.
    """

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
