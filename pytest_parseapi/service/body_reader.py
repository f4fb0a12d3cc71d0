"""Finds codes and runs in the bodies of a provider; it learns their places from sample bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pytest_parseapi.model.behaviour import Behaviour, Call
from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.http import Request
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.request_content import object_or_none, texts_in
from pytest_parseapi.model.runs import RunDescription, RunFailure, Submission
from pytest_parseapi.service.call_runs import CallRuns
from pytest_parseapi.service.provider_results import NO_DETAILS
from pytest_parseapi.service.run_states import RunState
from pytest_parseapi.service.run_table import RunTable

Path: TypeAlias = tuple[str, ...]

_CODE: Final = "PARSEAPI_PROBE_CODE"
_MESSAGE: Final = "parseapi probe message"
_ID: Final = "parseapi_probe_id"
_MAX_DEPTH: Final = 3
_DOCUMENT: Final = "https://files.example.com/document.pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSeen:
    """A run as a body shows it: its id, its status, and why it failed, if it did."""

    id: str
    status: str
    failure: RunFailure | None = None


def at(body: object, path: Path | None) -> object:
    """The value at a path of a body; None if there is none."""
    if path is None:
        return None
    for name in path:
        if not isinstance(body, Mapping):
            return None
        body = body.get(name)
    return body


def sample_run(table: RunTable, run_id: str, names: tuple[str, ...], call: Call) -> RunState:
    """Make a run that no request of this test has submitted."""
    sample = table.description.sample(call, next(iter(names), _DOCUMENT))
    submission = Submission(names=names or sample.names, data=sample.data)
    return table.draft(run_id, submission, call.now)


class BodyReader:
    """Reads the bodies of one provider.

    No provider says where its bodies have what: it is looked for in bodies that its own functions
    make of probes.

    Args:
        provider: the provider.
    """

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._errors = (*provider.errors, *provider.own_errors)
        self.code_path = _find(self.error_body(_probe(provider)), _CODE)
        """The path of the code in the body of an error; None if there is none."""
        self.codes: Mapping[DocumentedError, str | None] = {
            error: self.code_in(self.error_body(error)) for error in self._errors
        }
        """What each documented error carries as its code."""
        description = provider.runs
        shown = None if description is None else _failed_run(provider, description)
        self._run_id = _find(shown, _ID)
        self._status = None if description is None else _find(shown, description.failed)
        self._reason = _find(shown, _CODE)
        self._message = _find(shown, _MESSAGE)

    def error_body(self, error: DocumentedError) -> Mapping[str, Any]:
        """The body that the simulation sends for an error."""
        return self.provider.behaviour.error_body(
            error, message=error.message, request_id=_ID, details=NO_DETAILS
        )

    def code_in(self, body: object) -> str | None:
        """The code that the body of an error carries."""
        found = at(body, self.code_path)
        return found if isinstance(found, str) else None

    def run_in(self, body: object) -> RunSeen | None:
        """The run that a body shows; None where it shows none."""
        description = self.provider.runs
        run_id, status = at(body, self._run_id), at(body, self._status)
        if description is None or not isinstance(run_id, str) or not isinstance(status, str):
            return None
        failure = self._failure(body, description) if status == description.failed else None
        return RunSeen(id=run_id, status=status, failure=failure)

    def runs_in(self, body: object) -> list[RunSeen]:
        """The run that a body shows, or the runs that it lists."""
        shown = self.run_in(body)
        if shown is not None or not isinstance(body, Mapping):
            return [] if shown is None else [shown]
        lists = [value for value in body.values() if isinstance(value, list)]
        found = [self.run_in(item) for value in lists for item in value]
        return [item for item in found if item is not None]

    def _failure(self, body: object, description: RunDescription) -> RunFailure:
        said = at(body, self._message)
        message = said if isinstance(said, str) else ""
        reason = at(body, self._reason)
        on_runs = [error for error in self._errors if "run" in error.surfaces]
        if isinstance(reason, str):
            for error in on_runs:
                if reason == (error.wire_code or error.code):
                    return RunFailure(reason=reason, message=message, error=error)
            return RunFailure(reason=reason, message=message)
        seen = set(texts_in(body)) - {message}
        for error in on_runs:
            if message == error.message:
                return RunFailure(
                    reason=error.wire_code or error.code, message=message, error=error
                )
        silent = [error for error in on_runs if error.wire_code is None]
        texts = {error: _texts(error, description) for error in silent}
        named = [error for error in silent if seen.intersection(texts[error])]
        # One of them has nothing but a message.
        alone = [error for error in silent if texts[error] == (error.message,)]
        for error in (*named, *alone):
            return RunFailure(reason=error.code, message=message, error=error)
        return RunFailure(reason="", message=message)


def _texts(error: DocumentedError, description: RunDescription) -> tuple[str, ...]:
    """The texts by which the body of a failed run without a code shows its error."""
    return description.failure_texts(
        RunFailure(reason=error.code, message=error.message, error=error)
    )


def _probe(provider: Provider) -> DocumentedError:
    return DocumentedError(
        provider=provider.name,
        code=_CODE,
        status=500,
        retryable=True,
        message=_MESSAGE,
    )


def _failed_run(provider: Provider, description: RunDescription) -> Mapping[str, Any] | None:
    """The body of a reply to a poll of a failed run."""
    endpoint = provider.poll_endpoint
    if endpoint is None:
        return None
    behaviour: Behaviour = provider.behaviour
    table = RunTable(description, DocumentNames())
    call = _call_of(provider, endpoint, _ID, behaviour.new_state())
    call.runs = CallRuns(table, call, provider.idempotency_header)
    run = sample_run(table, _ID, (), call)
    run.failure = RunFailure(reason=_CODE, message=_MESSAGE)
    table.add(run)
    run.finish(0.0)
    return object_or_none(behaviour.answer(call, "parseapi_probe_request").body)


def _call_of(provider: Provider, endpoint: Endpoint, value: str, state: object) -> Call:
    """Make a call of an endpoint whose path has one variable."""
    name = next(iter(endpoint.match(endpoint.path) or {"": ""}))
    path = endpoint.path.replace("{" + name + "}", value)
    host = provider.hosts[0]
    return Call(
        request=Request(
            method=endpoint.method,
            url=f"{provider.base_url}{path}",
            host=host,
            path=path,
            client="recording",
        ),
        endpoint=endpoint,
        params={name: value},
        now=0.0,
        state=state,
        new_id=lambda prefix: f"{prefix}parseapi",
        base_url=provider.base_url,
    )


def _find(body: object, text: str, before: Path = ()) -> Path | None:
    """Find the path of a text in a body."""
    if body == text:
        return before
    if isinstance(body, Mapping) and len(before) < _MAX_DEPTH:
        for name, value in body.items():
            found = _find(value, text, (*before, name))
            if found is not None:
                return found
    return None
