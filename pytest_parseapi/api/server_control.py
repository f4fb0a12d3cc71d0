"""The live server's control: a test in any language scripts, reads and checks over HTTP."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from pytest_parseapi.api.json_calls import arguments_for, check_named, read_json
from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.api.simulated_providers import SimulatedProviders
from pytest_parseapi.checks.finding import Finding, findings_of
from pytest_parseapi.model.http import Reply, Request, size_of
from pytest_parseapi.model.mistakes import UsageError, nearest
from pytest_parseapi.model.request_content import media_type
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.run import Run
from pytest_parseapi.record.webhook import WebhookDelivery

_MAX_BODY_BYTES: Final = 1024 * 1024
_SHOWN_BODY: Final = 64 * 1024
_JSON: Final = "application/json"
_CHECK: Final = "check/"
POSTS: Final = ("fail", "fail_run", "runs_take", "replies_take", "webhook", "reset")
"""The methods of `ParseAPI`, beside the checks, that can be called over HTTP."""


class _RefusedError(Exception):
    """A request that is answered with a status and a text."""

    def __init__(self, status: HTTPStatus, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers


def answer(simulated: SimulatedProviders, provider: str, request: Request) -> Reply:
    """Answer one request to the control.

    Args:
        simulated: whose scripts, runs and records.
        provider: the name of the provider whose base URL was used.
        request: its path is what follows ``/__parseapi``.

    Returns:
        200 with what was asked for, 422 for a check that fails, or 4xx with ``{"text": ...}``.
    """
    api = ParseAPI(simulated, simulated.providers[provider])
    name = request.path.strip("/")
    try:
        return _answer(api, simulated, name, request)
    except _RefusedError as refused:
        return _json({"text": str(refused)}, refused.status, **refused.headers)
    except UsageError as mistake:
        return _json({"text": str(mistake)}, HTTPStatus.BAD_REQUEST)


def call(api: ParseAPI, name: str, arguments: Mapping[str, Any]) -> Any:
    """Call one of `POSTS` with arguments from JSON.

    Raises:
        UsageError: an argument is wrong, and nothing has changed.
    """
    method: Callable[..., Any] = getattr(api, name)
    positional, named = arguments_for(name, method, arguments)
    return method(*positional, **named)


def _answer(api: ParseAPI, simulated: SimulatedProviders, name: str, request: Request) -> Reply:
    posts = [*POSTS, *_checks()]
    if request.method == "POST":
        _known(name, posts, ("GET", _GETS))
        return _post(api, name, _arguments(request))
    if request.method in ("GET", "HEAD"):
        _known(name, _GETS, ("POST", posts))
        return _GETS[name](api, simulated)
    text = "The control takes GET and POST."
    raise _RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, text, allow="GET, POST")


def _post(api: ParseAPI, name: str, arguments: Mapping[str, Any]) -> Reply:
    if name.startswith(_CHECK):
        return _check(api, name.removeprefix(_CHECK), arguments)
    result = call(api, name, arguments)
    return _json(_delivery(result) if isinstance(result, WebhookDelivery) else {})


def _check(api: ParseAPI, name: str, arguments: Mapping[str, Any]) -> Reply:
    try:
        check_named(api, name, arguments)
    except AssertionError as failure:
        findings = findings_of(failure)
        fields = findings[0].fields() if findings else dict.fromkeys(_FIELDS)
        return _json(fields | {"text": str(failure)}, HTTPStatus.UNPROCESSABLE_ENTITY)
    return _json({})


_FIELDS: Final = tuple(Finding(rule="", expected="", seen="").fields())


def _checks() -> list[str]:
    prefix = "assert_"
    return [
        f"{_CHECK}{name.removeprefix(prefix)}" for name in dir(ParseAPI) if name.startswith(prefix)
    ]


def _known(name: str, names: Any, other: tuple[str, Any]) -> None:
    """Refuse a path that does not exist, or that needs another method."""
    if name in names:
        return
    method, elsewhere = other
    if name in elsewhere:
        text = f"/__parseapi/{name} takes {method}."
        raise _RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, text, allow=method)
    text = f"The control has no {name!r}: {nearest(name, [*names, *elsewhere])}"
    raise _RefusedError(HTTPStatus.NOT_FOUND, text)


def _arguments(request: Request) -> Mapping[str, Any]:
    """The JSON object of a request's body."""
    if size_of(request.body) > _MAX_BODY_BYTES:
        raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "A body has at most 1 MB here.")
    kind = media_type(request)
    if kind != _JSON:
        # A page of another origin can send every other type without asking.
        text = f"The content type must be application/json, not {kind or 'none'}."
        raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, text)
    try:
        found = read_json(request.body.decode() or "{}")
    except UnicodeDecodeError:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "The body is not JSON.") from None
    except ValueError as error:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, f"The body is {error}.") from None
    if not isinstance(found, dict):
        raise _RefusedError(
            HTTPStatus.BAD_REQUEST, 'The body must be an object, such as {"times": 2}.'
        )
    return found


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        **{name: getattr(attempt, name) for name in _ATTEMPT_FIELDS},
        "run_id": attempt.run_id,
        "run_status": attempt.run_status,
        "run_reason": attempt.run_reason,
        "error": attempt.error_name,
        "failed": attempt.failed,
        "headers": attempt.headers,
        "body": attempt.body[:_SHOWN_BODY].decode(errors="replace"),
        "payload_digest": attempt.payload_digest,
    }


def _run(run: Run) -> dict[str, Any]:
    names = (field.name for field in dataclasses.fields(run))
    return {name: getattr(run, name) for name in names if not name.startswith("_")}


_ATTEMPT_FIELDS: Final = (
    *("number", "method", "url", "path", "endpoint", "document", "request_id", "status"),
    *("started", "ended", "waited", "wall_started", "wall_ended", "retry_after", "client"),
    *("listed", "mock", "contradiction", "rejection"),
)


def _delivery(delivery: WebhookDelivery) -> dict[str, Any]:
    return {
        "body": delivery.body.decode(errors="replace"),
        "headers": delivery.headers,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
    }


def _health(api: ParseAPI, simulated: SimulatedProviders) -> Reply:
    service, retention = simulated.services[api.provider.name], simulated.settings.retention
    return _json(
        {
            "status": "ok",
            "provider": api.provider.name,
            "now": service.now,
            "time": service.wall,
            "speed": simulated.settings.speed,
            "dropped": simulated.dropped_attempts(api.provider.name),
            "dropped_of_all_tokens": 0 if retention is None else retention.dropped,
        }
    )


def _timeline(api: ParseAPI, _: SimulatedProviders) -> Reply:
    return Reply(
        status=HTTPStatus.OK,
        headers={"content-type": "text/plain; charset=utf-8"},
        body=f"{api.timeline()}\n".encode(errors="backslashreplace"),
    )


def _errors(api: ParseAPI, _: SimulatedProviders) -> Reply:
    return _json([dataclasses.asdict(error) for error in api.provider.errors])


_GETS: Final[Mapping[str, Callable[[ParseAPI, SimulatedProviders], Reply]]] = {
    "attempts": lambda api, _: _json([_attempt(attempt) for attempt in api.attempts]),
    "runs": lambda api, _: _json([_run(run) for run in api.runs]),
    "timeline": _timeline,
    "errors": _errors,
    "health": _health,
}


def _json(value: Any, status: int = HTTPStatus.OK, **headers: str) -> Reply:
    body = json.dumps(value, default=_plain).encode()
    return Reply(status=int(status), headers={"content-type": _JSON, **headers}, body=body)


def _plain(value: Any) -> Any:
    """Convert a value that JSON has no type for."""
    return list(value) if isinstance(value, frozenset | set | tuple) else str(value)
