"""Replies that arrive broken."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from pytest_parseapi.catalogue.faults import NetworkFault
from pytest_parseapi.catalogue.model import DocumentedError
from pytest_parseapi.catalogue.provider import Provider
from pytest_parseapi.exchange import Reply

__all__ = ["broken_reply"]

_TITLES: Final = {
    "bad_gateway_html": "502 Bad Gateway",
    "gateway_timeout_html": "504 Gateway Time-out",
}


def broken_reply(
    provider: Provider, fault: NetworkFault, success: Reply, request_id: str, message: str | None
) -> Reply:
    """What arrives instead of a good reply.

    Args:
        provider: whose API it is.
        fault: a fault of kind ``"body"``.
        success: the reply that would have come.
        request_id: the id of the exchange.
        message: the text for the body, where the fault has room for one.
    """
    status = fault.status or success.status
    if fault.name == "truncated_body":
        return Reply(status=status, headers=success.headers, body=success.body, truncated=True)
    if fault.name == "invalid_json":
        # Long enough that a client which reads on sees JSON begin, and then stop making sense.
        return Reply(status=status, headers=success.headers, body=success.body[:-1] + b"...")
    if fault.name == "empty_body":
        return Reply(status=status, headers={"content-length": "0"})
    if fault.name in _TITLES:
        title = message or _TITLES[fault.name]
        page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}"
        page += "</h1></center>\r\n</body>\r\n</html>\r\n"
        return Reply(status=status, headers={"content-type": "text/html"}, body=page.encode())
    unknown = fault.name == "unknown_code"
    shouts = any(error.code.isupper() for error in provider.errors)
    error = DocumentedError(
        provider=provider.name,
        code=("A_CODE_ADDED_LATER" if shouts else "a_code_added_later") if unknown else "",
        wire_code=("A_CODE_ADDED_LATER" if shouts else "a_code_added_later") if unknown else None,
        status=status,
        retryable=True,
        message="Something new went wrong." if unknown else "Something went wrong.",
    )
    if not unknown:
        error = next((known for known in provider.errors if known.status == status), error)
    return provider.behaviour.error_reply(
        error,
        message=message or error.message,
        request_id=request_id if unknown else None,
        details=MappingProxyType({}),
    )
