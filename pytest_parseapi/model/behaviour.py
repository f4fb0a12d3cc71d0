"""The functions of a provider: they check requests and make bodies.

`Behaviour` is public: a third-party provider subclasses it, as the built-in ones do.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pytest_parseapi.model.context import Context
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.http import Reply, Request
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.multipart import MalformedBody
from pytest_parseapi.model.request_content import (
    json_object,
    media_type,
    names_of_disposition,
    names_of_upload,
    names_of_url,
)
from pytest_parseapi.model.runs import RunShown, RunStore, SimulatedRun, Submission, no_runs

_ENCODE: Final = json.JSONEncoder(separators=(",", ":")).encode
_AN_ID: Final = "<<id of the request>>"


class Rejected(Exception):  # noqa: N818 - it is the service's decision, not an error of its own
    """The simulated service rejects a request with a documented error.

    Args:
        code: the code of an error in `Provider.errors` or `Provider.own_errors`.
        message: the text to send; the catalogue's where None.
        details: more for the body, in the provider's own shape (see `Behaviour.error_body`).
    """

    def __init__(
        self, code: str, message: str | None = None, *, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.details: Mapping[str, Any] = details or {}


@dataclass(slots=True, kw_only=True)
class Call(Context):
    """One request as a `Behaviour` sees it."""

    request: Request
    endpoint: Endpoint
    params: Mapping[str, str]
    """The variables of the endpoint's path."""
    runs: RunStore = field(default_factory=no_runs)
    """The test's runs; using it is a mistake where `Provider.runs` is None."""
    names: tuple[str, ...] = ()
    """What `Behaviour.documents` found."""
    reply_replaced: bool = False
    """Whether a scripted error is sent in the place of the reply: a bad request is rejected all
    the same, but a good one needs no body, and its effects are left out."""
    effects: list[Callable[[], None]] = field(default_factory=list)
    """What changes if the request succeeds; left out where a script makes it fail."""
    shown: RunShown | None = None
    """What the reply shows of a run; ``call.runs`` sets it."""
    listed: list[RunShown] = field(default_factory=list)
    """What the reply shows of each run of a list or a batch; ``call.runs`` sets it."""
    counts: Literal["polls", "attempts"] | None = None
    """What a success counts toward: the limit of polls, or that of attempts, because it leads
    nowhere (a poll after the end). None for a success that ends a row of failures."""


def json_reply(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Reply:
    """A JSON reply.

    Args:
        status: the HTTP status.
        body: the object to send.
        headers: more headers.

    Example:
        >>> json_reply(200, {"status": "ok"}).body
        b'{"status":"ok"}'
    """
    return Reply(
        status=status,
        headers={"content-type": "application/json", **(headers or {})},
        body=_ENCODE(body).encode(),
    )


class Behaviour:
    """A plain JSON API: any body; a success says ``{"status": "ok"}``.

    With `Provider.runs`, endpoints that submit and poll work, too: a run is shown as its ``id`` and
    ``status``. Override what your provider documents differently.
    """

    request_id_prefix = "req_"
    """What the ids of requests start with."""
    request_id_field: str | None = "requestId"
    """What the bodies call the id of a request; None where they carry none."""
    request_id_header: str | None = None
    """The reply's header that carries the id of a request, in lower case, for providers that
    document that as its place."""
    prepares_errors: bool = False
    """Whether `error_body` gives the same for an error and a message but for the id: then the text
    of each such body is made once. False where a body has the time in it, for example."""

    def new_state(self) -> Any:
        """What this provider remembers during one test (files, credits); called once a test."""
        return None

    def forget(self, state: Any, before: float) -> None:
        """Let go of what a state remembers from before a moment; by default nothing.

        Only a server that runs for days (``serve``) calls it, for each attempt that it drops.

        Args:
            state: what `new_state` made.
            before: virtual seconds; nothing from before is on record any more.
        """

    def documents(self, request: Request, state: Any) -> tuple[str, ...]:
        """The names of the document that a request is about, best first; empty where it names none.

        Called for any request, also malformed ones, so it must not raise. A request whose path
        names a run is about that run's document, without any help.

        By default: the ``url`` of a JSON body, the file name of a form's part ``file``, or the file
        name of the request's own Content-Disposition.
        """
        kind = media_type(request)
        if kind == "multipart/form-data":
            return names_of_upload(request)
        if kind == "application/json":
            try:
                return names_of_url(json_object(request).get("url"))
            except MalformedBody:
                return ()
        return names_of_disposition(request.header("content-disposition"))

    def answer(self, call: Call, request_id: str) -> Reply:
        """The reply to a good request; raises `Rejected` for a bad one."""
        if call.endpoint.submits:
            run = call.runs.submit(Submission(names=call.names))
            return self._success(202, self.run_body(run, run.status), request_id)
        if call.endpoint.polls:
            found = call.runs.find(next(iter(call.params.values()), ""))
            if found is None:
                raise Rejected("NOT_FOUND")
            return self._success(200, self.run_body(found, call.runs.poll(found)), request_id)
        return self._success(200, {"status": "ok"}, request_id)

    def wording_for(self, error: DocumentedError, call: Call) -> Rejected | None:
        """The message and details of a scripted error, where they depend on the request.

        Args:
            error: what the script says.
            call: the request, which is a good one.

        Returns:
            A `Rejected` of the same code; None where the catalogue's message is enough.
        """
        return None

    def run_body(self, run: SimulatedRun, status: str) -> Mapping[str, Any]:
        """What a body says of a run.

        Args:
            run: the run.
            status: the status to show.
        """
        body: dict[str, Any] = {"id": run.id, "status": status}
        failure = run.failure_shown(status)
        if failure is not None:
            body |= {"failureReason": failure.reason, "failureMessage": failure.message}
        return body

    def error_body(
        self,
        error: DocumentedError,
        *,
        message: str,
        request_id: str | None,
        details: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """The body for a documented error.

        Args:
            error: the error.
            message: the text to send.
            request_id: the id of the request; None where the body must carry none.
            details: what `Rejected` was given.
        """
        body: dict[str, Any] = {} if error.wire_code is None else {"code": error.wire_code}
        body |= {"message": message, "retryable": error.retryable}
        if request_id is not None and self.request_id_field is not None:
            body[self.request_id_field] = request_id
        return {**body, **details}

    def error_reply(
        self,
        error: DocumentedError,
        *,
        message: str,
        request_id: str | None,
        details: Mapping[str, Any],
    ) -> Reply:
        """The reply for a documented error: `error_body` as JSON, and the id where it belongs."""
        if self.prepares_errors and request_id is not None and not details:
            text = request_id.join(_prepared_error(self, error, message))
            headers = {"content-type": "application/json", **self.reply_headers(request_id)}
            return Reply(status=error.status, headers=headers, body=text.encode())
        body = _error_body(self, error, message, request_id, details)
        return json_reply(error.status, body, self.reply_headers(request_id))

    def reply_headers(self, request_id: str | None) -> dict[str, str]:
        """The headers of each reply besides its type: the id, in `request_id_header`.

        Args:
            request_id: the id of the request; None where the reply must carry none.
        """
        if request_id is None or self.request_id_header is None:
            return {}
        return {self.request_id_header: request_id}

    def _success(self, status: int, body: Mapping[str, Any], request_id: str) -> Reply:
        if self.request_id_field is not None:
            body = {**body, self.request_id_field: request_id}
        return json_reply(status, body, self.reply_headers(request_id))


def _error_body(
    behaviour: Behaviour,
    error: DocumentedError,
    message: str,
    request_id: str | None,
    details: Mapping[str, Any],
) -> Mapping[str, Any]:
    body = behaviour.error_body(error, message=message, request_id=request_id, details=details)
    if not isinstance(body, Mapping):
        name = f"{type(behaviour).__qualname__}.error_body"
        raise UsageError(f"provider {error.provider!r}: {name} gives a mapping, not {body!r}")
    return body


@functools.lru_cache(maxsize=256)
def _prepared_error(behaviour: Behaviour, error: DocumentedError, message: str) -> list[str]:
    """The text of an error's body, in pieces between which the id of the request stands."""
    return _ENCODE(_error_body(behaviour, error, message, _AN_ID, {})).split(_AN_ID)
