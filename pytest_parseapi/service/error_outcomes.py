"""Makes the outcomes of failures: a documented error, or a broken reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_parseapi.model.behaviour import Behaviour, Rejected
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import NetworkFault
from pytest_parseapi.model.http import Reply
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.record.outcome import Outcome
from pytest_parseapi.service.provider_results import NO_DETAILS, error_reply
from pytest_parseapi.service.script import Step


def broken_reply(
    provider: Provider, fault: NetworkFault, success: Reply, request_id: str, message: str | None
) -> Reply:
    """Make the reply of a fault, which arrives instead of the good reply.

    Args:
        provider: whose API it is.
        fault: a fault of kind ``"body"``.
        success: the good reply.
        request_id: the id of the exchange.
        message: the text for the body, if the fault has one.
    """
    status = fault.status or success.status
    if fault.name == "truncated_body":
        return Reply(status=status, headers=success.headers, body=success.body, truncated=True)
    if fault.name == "invalid_json":
        # JSON at the beginning, but not at the end.
        return Reply(status=status, headers=success.headers, body=success.body[:-1] + b"...")
    if fault.name == "empty_body":
        return Reply(status=status, headers={"content-length": "0"})
    if fault.page_title:
        title = message or fault.page_title
        page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}"
        page += "</h1></center>\r\n</body>\r\n</html>\r\n"
        return Reply(status=status, headers={"content-type": "text/html"}, body=page.encode())
    unknown = fault.name == "unknown_code"
    code = "a_code_added_later"
    if any(error.code.isupper() for error in provider.errors):
        code = code.upper()
    error = DocumentedError(
        provider=provider.name,
        code=code,
        wire_code=code if unknown else None,
        status=status,
        retryable=True,
        message="Something new went wrong." if unknown else "Something went wrong.",
    )
    if not unknown:
        error = next((known for known in provider.errors if known.status == status), error)
    carried = request_id if unknown else None
    return error_reply(provider, error, carried, message=message or error.message)


def error_outcome(
    provider: Provider,
    error: DocumentedError,
    request_id: str,
    *,
    message: str | None = None,
    details: Mapping[str, Any] = NO_DETAILS,
    retry_after: str | None = None,
) -> Outcome:
    """Make the outcome of a documented error, in the provider's own format."""
    reply = error_reply(provider, error, request_id, message=message, details=details)
    if retry_after is not None:
        reply = _with_retry_after(reply, retry_after)
    found = readable_id(request_id, reply, provider.behaviour)
    return Outcome(result=reply, error=error, request_id=found)


def scripted_outcome(
    provider: Provider, step: Step, wording: Rejected | None, success: Reply, request_id: str
) -> Outcome:
    """Make the outcome of a scripted step, which replaces a success.

    Args:
        provider: whose API it is.
        step: the scripted step.
        wording: the result of `Behaviour.wording_for` for a documented error.
        success: the reply that would have come.
        request_id: the id of the exchange.
    """
    if isinstance(step.error, DocumentedError):
        message = None if wording is None else wording.message
        return error_outcome(
            provider,
            step.error,
            request_id,
            message=message if step.message is None else step.message,
            details=NO_DETAILS if wording is None else wording.details,
            retry_after=step.retry_after,
        )
    reply = broken_reply(provider, step.error, success, request_id, step.message)
    if step.retry_after is not None:
        reply = _with_retry_after(reply, step.retry_after)
    broken = reply.truncated or step.error.name == "invalid_json"
    found = readable_id(request_id, reply, provider.behaviour, broken=broken)
    return Outcome(result=reply, error=step.error.name, request_id=found)


def readable_id(
    request_id: str, reply: Reply, behaviour: Behaviour, *, broken: bool = False
) -> str | None:
    """The request id, if the reply carries it in its documented place; else None.

    Args:
        request_id: the id.
        reply: what is sent.
        behaviour: whose documented place it is.
        broken: whether the body cannot be read.
    """
    header = behaviour.request_id_header
    # If a body is truncated, most clients raise an error, and show no reply.
    if header is not None and not reply.truncated:
        return request_id if reply.headers.get(header) == request_id else None
    return request_id if not broken and request_id.encode() in reply.body else None


def _with_retry_after(reply: Reply, value: str) -> Reply:
    headers = {**reply.headers, "retry-after": value}
    return Reply(status=reply.status, headers=headers, body=reply.body, truncated=reply.truncated)
