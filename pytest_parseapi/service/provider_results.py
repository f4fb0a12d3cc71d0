"""Checks the results of a provider's functions: a wrong result is reported in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.field_values import result_of
from pytest_parseapi.model.http import Reply
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.printable_text import error_line
from pytest_parseapi.model.provider import Provider

_LOWEST_STATUS, _HIGHEST_STATUS = 200, 599
NO_DETAILS: Final[Mapping[str, Any]] = MappingProxyType({})


def error_reply(
    provider: Provider,
    error: DocumentedError,
    request_id: str | None,
    *,
    message: str | None = None,
    details: Mapping[str, Any] = NO_DETAILS,
) -> Reply:
    """Make the reply for a documented error, in the provider's own format.

    Args:
        provider: whose error.
        error: the error.
        request_id: the id of the exchange; None where the body must carry none.
        message: the text to send; that of the error where it is None.
        details: what `Rejected` was given.

    Raises:
        UsageError: the provider's function raises, or gives what cannot be sent.
    """
    function = provider.behaviour.error_reply
    text = error.message if message is None else message
    try:
        reply = function(error, message=text, request_id=request_id, details=details)
    except Exception as raised:
        raise UsageError(mistake_in(provider, function, f"raised {error_line(raised)}")) from raised
    problem = unsendable(reply)
    if problem is not None:
        raise UsageError(mistake_in(provider, function, problem))
    return with_lower_names(reply)


def checked_result(
    provider: Provider, field: str, kind: type, function: Callable[..., object], *given: object
) -> Any:
    """Call a function of a provider's description, and check the type of its result.

    Args:
        provider: whose.
        field: where it stands in the provider.
        kind: the type that it must give.
        function: the function.
        given: its arguments.

    Raises:
        UsageError: it gives another type, or raises.
    """
    try:
        return result_of(kind, function, *given)
    except TypeError as error:
        raise UsageError(f"provider {provider.name!r}: {field} {error}") from error


def mistake_in(provider: Provider, function: Callable[..., object], text: str) -> str:
    """The message about a wrong function of a provider.

    Args:
        provider: whose.
        function: the function.
        text: what it did.
    """
    name = getattr(function, "__qualname__", repr(function))
    return f"provider {provider.name!r}: {name} {text}".partition("\n")[0]


def unsendable(reply: object) -> str | None:
    """Why a result of a function cannot be sent as a reply; None if it can."""
    if not isinstance(reply, Reply):
        return f"gives a Reply, not {reply!r}"
    status, body = reply.status, reply.body
    if type(status) is not int or not _LOWEST_STATUS <= status <= _HIGHEST_STATUS:
        bounds = f"from {_LOWEST_STATUS} to {_HIGHEST_STATUS}"
        return f"gives a Reply whose status is not an integer {bounds}: {status!r}"
    if not isinstance(body, bytes):
        return f"gives a Reply whose body is not bytes, but one {type(body).__name__}"
    headers = reply.headers
    if type(headers) is not dict and not isinstance(headers, Mapping):
        return f"gives a Reply whose headers are not a mapping: {headers!r}"
    try:
        # All headers at once, which is faster than one by one.
        texts = "".join([*headers, *headers.values()])
    except TypeError:
        texts = "\n"
    return _wrong_header(headers) if "\n" in texts or "\r" in texts else None


def with_lower_names(reply: Reply) -> Reply:
    """A reply that can be sent, with the names of its headers in lower case.

    In HTTP their case means nothing. All who read a `Reply` look for names in lower case.
    """
    names = "".join(reply.headers)
    if names == names.lower():
        return reply
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return replace(reply, headers=headers)


def _wrong_header(headers: Mapping[str, str]) -> str | None:
    for name, value in headers.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            return f"gives a Reply whose headers are not texts: {name!r}: {value!r}"
        if any(end in name or end in value for end in "\r\n"):
            return f"gives a Reply whose header {name!r} has more than one line: {value!r}"
    return None
