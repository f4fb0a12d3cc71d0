"""How an exchange ends: with a success, a documented error, or what a script makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from pytest_parseapi.catalogue.behaviour import Behaviour
from pytest_parseapi.catalogue.model import DocumentedError
from pytest_parseapi.catalogue.provider import Provider
from pytest_parseapi.exchange import Fault, Reply
from pytest_parseapi.service.faults import broken_reply
from pytest_parseapi.service.script import Step

__all__ = ["Outcome", "failed", "readable", "scripted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an exchange ends."""

    result: Reply | Fault
    error: DocumentedError | str | None = None
    request_id: str | None = None
    run_id: str | None = None
    run_status: str | None = None
    run_reason: str | None = None
    fuse: Literal["polls", "attempts"] | None = None
    rejection: str | None = None
    """Why the API turned the request down, where no script did."""


def failed(
    behaviour: Behaviour,
    error: DocumentedError,
    request_id: str,
    *,
    message: str | None = None,
    details: Any = MappingProxyType({}),
    retry_after: str | None = None,
) -> Outcome:
    """A documented error, in the provider's own shape."""
    reply = behaviour.error_reply(
        error,
        message=error.message if message is None else message,
        request_id=request_id,
        details=details,
    )
    reply = _with_retry_after(reply, retry_after)
    return Outcome(result=reply, error=error, request_id=readable(request_id, reply))


def scripted(provider: Provider, step: Step, success: Reply, request_id: str) -> Outcome:
    """What a script puts in the place of a success."""
    if isinstance(step.error, DocumentedError):
        return failed(
            provider.behaviour,
            step.error,
            request_id,
            message=step.message,
            retry_after=step.retry_after,
        )
    reply = broken_reply(provider, step.error, success, request_id, step.message)
    reply = _with_retry_after(reply, step.retry_after)
    unreadable = reply.truncated or step.error.name == "invalid_json"
    found = None if unreadable else readable(request_id, reply)
    return Outcome(result=reply, error=step.error.name, request_id=found)


def readable(request_id: str, reply: Reply) -> str | None:
    """The id, where the body carries it."""
    return request_id if request_id.encode() in reply.body else None


def _with_retry_after(reply: Reply, value: str | None) -> Reply:
    if value is None:
        return reply
    headers = {**reply.headers, "retry-after": value}
    return Reply(status=reply.status, headers=headers, body=reply.body, truncated=reply.truncated)
