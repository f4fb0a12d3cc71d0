"""Records the runs in the answers of a test's own mock, so that they are judged, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.http import Reply
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.request_content import object_or_none
from pytest_parseapi.model.runs import RunDescription, RunFailure, Submission
from pytest_parseapi.record.outcome import Outcome
from pytest_parseapi.service.body_reader import RunSeen
from pytest_parseapi.service.run_states import run_shown
from pytest_parseapi.service.run_table import RunTable

_ID: Final = "id"


def with_run(
    provider: Provider,
    table: RunTable,
    endpoint: Endpoint,
    params: Mapping[str, str],
    names: tuple[str, ...],
    outcome: Outcome,
    now: float,
) -> Outcome:
    """The outcome of an exchange whose reply may show a run. The run is recorded.

    Args:
        provider: whose API the mock stands for.
        table: the test's runs.
        endpoint: the endpoint of the request.
        params: the variables of its path.
        names: the names of the document.
        outcome: the outcome without the run.
        now: virtual seconds since the test began.
    """
    reply = outcome.result
    if not isinstance(reply, Reply) or reply.status >= HTTPStatus.BAD_REQUEST:
        return outcome
    if not (endpoint.submits or (endpoint.polls and params)):
        return outcome
    body, known = object_or_none(reply.body), next(iter(params.values()), "")
    if body is None:
        return outcome
    told = _told(provider, table.description, body, known)
    if told is None:
        status = body.get("status")
        wrong = None if not isinstance(status, str) else f"no status {status!r} is documented"
        return replace(outcome, contradiction=outcome.contradiction or wrong)
    run = None if endpoint.submits else table.get(told.id)
    if run is None:
        run = table.draft(told.id, Submission(names=names), now)
        table.adopt(run, told.status)
    again = run.end_shown
    run.told(now, told.status, told.failure, polled=endpoint.polls)
    description = table.description
    shown = run_shown(description, told.id, told.status, told.failure)
    going = endpoint.polls and not shown.ended
    return replace(
        outcome,
        shown=shown,
        counts="polls" if going else "attempts" if again else None,
        contradiction=outcome.contradiction or _contradiction(description, told),
    )


def _contradiction(description: RunDescription, told: RunSeen) -> str | None:
    if told.failure is None:
        return None
    if not told.failure.reason:
        return f"a {description.failed} run lacks the documented {description.failure_field}"
    if told.failure.error is None:
        return f"the {description.failure_field} {told.failure.reason!r} is not documented"
    return None


def _told(
    provider: Provider, description: RunDescription, body: dict[str, Any], known: str
) -> RunSeen | None:
    """The run that a body shows, on the first or second level."""
    statuses = (*description.in_progress, *description.terminal)
    inner = [value for value in body.values() if isinstance(value, dict)]
    for item in (body, *inner):
        status = item.get("status")
        found = known or _id_in(item, description)
        if found and isinstance(status, str) and status in statuses:
            failure = (
                _failure(provider, description, item) if status == description.failed else None
            )
            return RunSeen(id=found, status=status, failure=failure)
    return None


def _id_in(item: dict[str, Any], description: RunDescription) -> str:
    """The id of the run: by its prefix, or by the name of its field."""
    texts = {key: value for key, value in item.items() if isinstance(value, str)}
    ids = {key: value for key, value in texts.items() if key.casefold().endswith(_ID)}
    for value in ids.values():
        if value.startswith(description.id_prefix):
            return value
    for key, value in ids.items():
        if key.casefold() == _ID or "run" in key.casefold():
            return value
    return ""


def _failure(provider: Provider, description: RunDescription, item: dict[str, Any]) -> RunFailure:
    """Why a run failed, as far as its body shows it."""
    found = item.get(description.failure_field)
    if isinstance(found, dict):
        texts = [value for value in found.values() if isinstance(value, str)]
        found = found.get("code") or next(iter(texts), None)
    reason = found if isinstance(found, str) else ""
    messages = [
        value
        for key, value in item.items()
        if key.casefold().endswith("message") and isinstance(value, str)
    ]
    return RunFailure(
        reason=reason, message=next(iter(messages), ""), error=_documented(provider, reason)
    )


def _documented(provider: Provider, reason: str) -> DocumentedError | None:
    for error in provider.errors_on("run"):
        if reason in (error.wire_code, error.code):
            return error
    return None
