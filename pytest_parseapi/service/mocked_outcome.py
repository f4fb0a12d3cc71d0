"""Interprets the reply of a test's own mock, and finds contradictions to the documentation."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, Final

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import FAULTS
from pytest_parseapi.model.http import Reply
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.request_content import object_or_none, texts_in
from pytest_parseapi.record.outcome import Outcome
from pytest_parseapi.service.error_outcomes import readable_id
from pytest_parseapi.service.provider_results import NO_DETAILS, error_reply

_PROBE: Final = "req_parseapi_probe"


def outcome_of(provider: Provider, endpoint: Endpoint, reply: Reply, mock: str) -> Outcome:
    """The outcome of an exchange that a test's own mock answers.

    Args:
        provider: whose API the mock stands for.
        endpoint: what was asked.
        reply: what the mock answers.
        mock: what a message calls it.
    """
    body = object_or_none(reply.body)
    request_id = _request_id(provider, reply, body)
    if reply.status < HTTPStatus.BAD_REQUEST:
        broken = body is None and reply.body.strip() and "json" in _type(reply)
        return Outcome(
            result=reply,
            error="invalid_json" if broken else None,
            request_id=request_id,
            mock=mock,
            contradiction=_error_in_success(provider, endpoint, reply, body),
        )
    error, contradiction = _error(provider, endpoint, reply, body)
    if contradiction is None and isinstance(error, DocumentedError):
        contradiction = _other_flag(provider, error, body)
    of_status = [item for item in provider.errors if item.status == reply.status]
    meant = [error] if isinstance(error, DocumentedError) else of_status
    if request_id is None and any(_carries_id(provider, item) for item in meant):
        lacks = "its body lacks" if provider.behaviour.request_id_field else "its headers lack"
        missing = f"{lacks} the documented {provider.request_id_name}"
        contradiction = f"{contradiction}; {missing}" if contradiction else missing
    return Outcome(
        result=reply,
        error=error,
        request_id=request_id,
        mock=mock,
        contradiction=contradiction,
    )


def _error_in_success(
    provider: Provider, endpoint: Endpoint, reply: Reply, body: dict[str, Any] | None
) -> str | None:
    """The contradiction of a success whose body is that of an error."""
    if body is None or endpoint.submits or endpoint.polls or endpoint.result:
        # A run that failed is a success of HTTP.
        return None
    for error in provider.errors:
        found = "http" in error.surfaces and error.wire_code in (body.get("code"), _code_of(body))
        if found and error.wire_code is not None:
            return f"{error.code} is documented with status {error.status}, not {reply.status}"
    return None


def _code_of(body: dict[str, Any]) -> object:
    """The code of an error on the second level of a body."""
    inner = [item for item in body.values() if isinstance(item, dict)]
    return next((item["code"] for item in inner if "code" in item), None)


def _other_flag(
    provider: Provider, error: DocumentedError, body: dict[str, Any] | None
) -> str | None:
    """A flag that differs from the documented body, such as whether to retry."""
    documented = provider.behaviour.error_body(
        error, message=error.message, request_id=_PROBE, details=NO_DETAILS
    )
    for name, value in documented.items():
        found = None if body is None else body.get(name)
        if isinstance(value, bool) and isinstance(found, bool) and value != found:
            words = json.dumps(value), json.dumps(found)
            return f"{error.code} is documented with {name}: {words[0]}, not {words[1]}"
    return None


def _error(
    provider: Provider, endpoint: Endpoint, reply: Reply, body: dict[str, Any] | None
) -> tuple[DocumentedError | str, str | None]:
    """The error that a reply shows, and the contradiction of that reply."""
    status = reply.status
    errors = provider.errors_on("http")
    words = set(texts_in(body))
    named = [error for error in errors if error.wire_code is not None and error.wire_code in words]
    found = [error for error in named if error.status == status]
    if found:
        return _documented(found, endpoint), None
    if named:
        error = _documented(named, endpoint)
        statuses = " or ".join(dict.fromkeys(str(item.status) for item in named))
        return error, f"{error.code} is documented with status {statuses}, not {status}"
    of_status = [error for error in errors if error.status == status]
    return _unnamed(of_status, reply, has_object=body is not None)


def _unnamed(
    of_status: list[DocumentedError], reply: Reply, *, has_object: bool
) -> tuple[DocumentedError | str, str | None]:
    """The error of a reply without a documented code, by its status."""
    status = reply.status
    server = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    unnamed = [error for error in of_status if error.wire_code is None]
    pages = [fault.name for fault in FAULTS if fault.status == status and _has_page(reply)]
    if len(unnamed) == 1 and has_object:
        return unnamed[0], None
    if len(of_status) == 1:
        (error,) = of_status
        code = error.wire_code
        return error, None if code is None else f"the documented body of a {status} says {code}"
    if pages and status != HTTPStatus.INTERNAL_SERVER_ERROR:
        return pages[0], None
    if server and not reply.body.strip():
        return "empty_body", None
    codes = ", ".join(error.code for error in of_status)
    wrong = f"its body names no documented code of a {status} ({codes})"
    return "unknown_code", wrong if of_status else f"no {status} is documented"


def _documented(errors: list[DocumentedError], endpoint: Endpoint) -> DocumentedError:
    """Of several errors with one code, the one that the endpoint documents."""
    here = [error for error in errors if error.documented_for(endpoint.path)]
    return (here or errors)[0]


def _carries_id(provider: Provider, error: DocumentedError) -> bool:
    reply = error_reply(provider, error, _PROBE)
    return readable_id(_PROBE, reply, provider.behaviour) is not None


def _request_id(provider: Provider, reply: Reply, body: dict[str, Any] | None) -> str | None:
    """The request id in its documented place."""
    header, field = provider.behaviour.request_id_header, provider.behaviour.request_id_field
    if header is not None:
        return reply.headers.get(header)
    found = None if body is None or field is None else body.get(field)
    return found if isinstance(found, str) else None


def _has_page(reply: Reply) -> bool:
    """Whether a gateway answered: with an HTML page, or with an empty body."""
    body = reply.body.strip()
    return "html" in _type(reply) or not body or body.startswith(b"<")


def _type(reply: Reply) -> str:
    return reply.headers.get("content-type", "").lower()
