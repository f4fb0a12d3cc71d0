"""Recognises exceptions that show a bug of the consumer, and not the failed request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

_UNRELATED: Final = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NameError,
    RecursionError,
    TypeError,
    UnboundLocalError,
    UnicodeDecodeError,
)
# The consumer may raise a ValueError itself, but not with one of Python's own messages.
_BY_PYTHON: Final = re.compile(
    r".* is not a valid [\w.<>]+|invalid literal for int\(\) .*"
    r"|could not convert string to float: .*"
    r"|(not enough|too many) values to unpack .*|time data .* does not match format .*"
    r"|unconverted data remains: .*|Invalid isoformat string: .*|Invalid date value or format .*"
    r"|sleep length must be non-negative|.* is not in list|list\.remove\(x\): x not in list"
    r"|substring not found|(min|max)\(\) .*empty.*|I/O operation on closed file.*",
    re.DOTALL,
)
# The same of a RuntimeError: a client, a session, a loop or a form is used after its end.
_OVER: Final = re.compile(
    r"Cannot send a request, as .*|Cannot (open|reopen) a client .*|Session is closed"
    r"|Event loop is closed|Form data has been processed already"
    r"|cannot schedule new futures after .*|dictionary changed size during iteration"
    r"|asyncio\.run\(\) cannot be called from a running event loop"
    r"|.*generator raised StopIteration"
)
_STREAMS: Final = frozenset({"StreamConsumed", "StreamClosed", "ResponseNotRead", "RequestNotRead"})


def unrelated_in(error: BaseException | None) -> Iterator[BaseException]:
    """The exceptions that show a bug and not the failed request: one, or several of a group.

    Args:
        error: what was raised; None for nothing.
    """
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from unrelated_in(member)
    elif error is not None and _is_unrelated(error):
        yield error


def _is_unrelated(error: BaseException) -> bool:
    kind = type(error)
    return (
        isinstance(error, json.JSONDecodeError | ArithmeticError)
        or kind in _UNRELATED
        or (kind is ValueError and _BY_PYTHON.fullmatch(str(error)) is not None)
        or (kind is RuntimeError and _OVER.fullmatch(str(error)) is not None)
        or (kind.__name__ in _STREAMS and kind.__module__.startswith("httpx"))
        or (kind.__name__ == "ValidationError" and kind.__module__.startswith("pydantic"))
    )
