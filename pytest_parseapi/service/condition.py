"""The condition of ``fail(when=...)``: a pattern of respx, or a function of the test."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_parseapi.model.http import Request
from pytest_parseapi.model.mistakes import UsageError, kind
from pytest_parseapi.model.printable_text import error_line

if TYPE_CHECKING:
    import httpx
    from respx.patterns import Pattern

When: TypeAlias = "Pattern | Callable[[httpx.Request], object]"
"""The types that ``when`` accepts."""

_TAKES = 'a respx pattern, such as M(path="/parse"), or a callable of an httpx.Request'


class Condition:
    """A condition on the requests of a scripted failure, besides endpoint and document.

    Args:
        holds: tells whether a request is one to fail.
        text: how messages show it.
    """

    def __init__(self, holds: Callable[[httpx.Request], object], text: str) -> None:
        self._holds = holds
        self._text = text

    def __str__(self) -> str:
        return f"when={self._text}"

    def holds(self, request: Request, documented: str) -> bool:
        """Whether a request meets the condition.

        Args:
            request: what was asked.
            documented: the documented base URL, which the test knows, whatever the address of a
                live server is.

        Raises:
            UsageError: the test's own callable raised, or gave no plain answer.
        """
        sent = request.as_httpx()
        if request.base_url:
            sent.url = sent.url.__class__(documented + request.url.removeprefix(request.base_url))
        try:
            answer = self._holds(sent)
        except Exception as error:
            where = f"{request.method} {request.url}"
            raise UsageError(
                f"{self} raised at {where}: {error_line(error)}{_line(error)}"
            ) from error
        if inspect.isawaitable(answer) or inspect.isgenerator(answer):
            if inspect.iscoroutine(answer):
                answer.close()
            raise UsageError(f"{self} must answer at once: it gave a {kind(answer)}")
        return bool(answer)


def condition_of(when: object) -> Condition | None:
    """Make the condition of a ``when``; None for none.

    Raises:
        UsageError: it is neither a pattern nor a callable of one request.
    """
    if when is None:
        return None
    respx: Any = sys.modules.get("respx")
    if respx is not None and isinstance(when, respx.patterns.Pattern):
        return Condition(when.match, repr(when))
    if respx is not None and isinstance(when, respx.models.Route):
        raise UsageError(f"when takes {_TAKES}, not a route: route.pattern is one")
    if not callable(when):
        raise UsageError(f"when takes {_TAKES}, not {when!r}")
    text = _name(when)
    call = getattr(when, "func", when)  # of a functools.partial
    own = call if inspect.isroutine(call) else type(call).__call__
    for is_wrong, what in (
        (inspect.iscoroutinefunction, "a coroutine function"),
        (inspect.isasyncgenfunction, "an asynchronous generator function"),
        (inspect.isgeneratorfunction, "a generator function"),
    ):
        if is_wrong(own):
            raise UsageError(f"when takes {_TAKES}, not {what}: {text} must answer at once")
    try:
        inspect.signature(when).bind(None)
    except TypeError:
        raise UsageError(
            f"when takes {_TAKES}: {text} cannot be called with one argument"
        ) from None
    except ValueError:  # a built-in that does not tell its arguments
        pass
    return Condition(when, text)


def _name(function: object) -> str:
    """The name of a callable in messages; for a lambda, its place."""
    name = getattr(function, "__qualname__", None) or repr(function)
    code = getattr(function, "__code__", None)
    if code is None or not name.endswith("<lambda>"):
        return str(name).rpartition("<locals>.")[2]
    return f"<lambda at {_short(code.co_filename)}:{code.co_firstlineno}>"


def _line(error: BaseException) -> str:
    """The line where the callable raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"\n  at        {_short(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"


def _short(path: str) -> str:
    shown = os.path.relpath(path)
    return path if shown.startswith("..") else shown
