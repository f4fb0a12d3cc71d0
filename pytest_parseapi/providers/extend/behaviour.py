"""Extend's side of the simulation: what it accepts, and what it replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pytest_parseapi.model.behaviour import Behaviour, Call, Rejected, json_reply
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.http import Reply, Request
from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.model.multipart import MalformedBody
from pytest_parseapi.model.request_content import (
    json_object,
    media_type,
    names_of_upload,
    names_of_url,
    unique_names,
)
from pytest_parseapi.providers.extend.config import invalid
from pytest_parseapi.providers.extend.files import FILE_HANDLERS
from pytest_parseapi.providers.extend.runs import BATCH_HANDLERS, RUN_HANDLERS
from pytest_parseapi.providers.extend.state import UNSEEN, ExtendState, Handler

_REQUEST_ID_HEADER: Final = "x-extend-request-id"
_DOC_URL: Final = "https://docs.extend.ai/api-reference/error-handling"
_WITH_DOC_URL: Final = ("INVALID_REQUEST", "INVALID_CONFIG_OPTIONS")


class ExtendBehaviour(Behaviour):
    """The Parse API of Extend, version 2026-02-09.

    Requests without ``x-extend-api-version`` are accepted: the reference pages promise a 400 for
    newer keys only, older ones fall back, and a test's key tells nothing about its age.

    Args:
        max_file_bytes: the limit for an upload; 100 MB is inferred, no page could be read for it.

    Example:
        >>> ExtendBehaviour().new_state().files
        {}
    """

    handlers: ClassVar[Mapping[str, Handler]] = {**FILE_HANDLERS, **RUN_HANDLERS, **BATCH_HANDLERS}
    """By endpoint, as ``str(endpoint)`` writes it."""
    prepares_errors = True

    def __init__(self, *, max_file_bytes: int = 100 * 1024 * 1024) -> None:
        self.max_file_bytes = max_file_bytes

    def new_state(self) -> ExtendState:
        """No files and no outputs."""
        return ExtendState(max_file_bytes=self.max_file_bytes)

    def forget(self, state: Any, before: float) -> None:
        """Let go of older files and outputs."""
        state.forget(before)

    def documents(self, request: Request, state: Any) -> tuple[str, ...]:
        """The names of a ``file`` object, an upload, or the file or run in the path, best first."""
        if not request.body:
            return _names_in_path(request.path, state) if isinstance(state, ExtendState) else ()
        if media_type(request) == "multipart/form-data":
            return names_of_upload(request)
        try:
            body = json_object(request)
        except MalformedBody:
            return ()
        inputs = body.get("inputs")
        if isinstance(inputs, list):
            files = [item.get("file") for item in inputs if isinstance(item, dict)]
            return unique_names(name for file in files for name in _names_of_file(file, state))
        return _names_of_file(body.get("file"), state)

    def answer(self, call: Call, request_id: str) -> Reply:
        """The reply to a good request; raises `Rejected` for a bad one."""
        endpoint = call.endpoint
        handler = self.handlers.get(f"{endpoint.method} {endpoint.path}")
        if handler is None:
            raise SimulationStopped(f"The simulated Extend API does not serve {endpoint}.")
        body = handler(call)
        if body is UNSEEN:
            return UNSEEN
        headers = self.reply_headers(request_id)
        if isinstance(body, bytes):
            headers["content-type"] = "application/json"
            return Reply(status=200, headers=headers, body=body)
        if isinstance(body, Reply):
            return Reply(status=body.status, headers={**body.headers, **headers}, body=body.body)
        try:
            return json_reply(200, body, headers)
        except RecursionError:
            # It was read with fewer calls under way than there are here.
            raise invalid("The JSON cannot be read.") from None

    def wording_for(self, error: DocumentedError, call: Call) -> Rejected | None:
        """The replacement of a removed endpoint, which its message names."""
        if error.code != "ENDPOINT_REMOVED":
            return None
        instead = "POST /parse" if call.endpoint.path == "/parse_runs" else "POST /parse_runs"
        return Rejected(error.code, f"{call.endpoint} is removed: use {instead} instead.")

    def reply_headers(self, request_id: str | None) -> dict[str, str]:
        """The id, which is in the body of most errors, too."""
        return {} if request_id is None else {_REQUEST_ID_HEADER: request_id}

    def error_body(
        self,
        error: DocumentedError,
        *,
        message: str,
        request_id: str | None,
        details: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """The flat body of an error."""
        code = error.wire_code
        # The documented body of a 429 has none: a consumer that indexes it blindly breaks there.
        shown = None if code == "RATE_LIMIT_EXCEEDED" else request_id
        body = super().error_body(error, message=message, request_id=shown, details=details)
        return {**body, "docUrl": _DOC_URL} if code in _WITH_DOC_URL else body


def _names_in_path(path: str, state: ExtendState) -> tuple[str, ...]:
    """The names of the file, or of the document of the synchronous run, that a path ends with."""
    before, _, item_id = path.rstrip("/").rpartition("/")
    if before.endswith("/files"):
        return _names_of_file({"id": item_id}, state)
    parsed = state.parsed.get(item_id)
    if parsed is None or not before.endswith("/parse_runs"):
        return ()
    return parsed.file.all_names


def _names_of_file(value: object, state: object) -> tuple[str, ...]:
    """The names of a ``file`` object, best first: URL, name, id."""
    if not isinstance(value, dict):
        return ()
    name, file_id = value.get("name"), value.get("id")
    if name is None and file_id is None:
        return names_of_url(value.get("url"))
    names = [*names_of_url(value.get("url")), name]
    if isinstance(file_id, str):
        stored = state.files.get(file_id) if isinstance(state, ExtendState) else None
        names += [file_id] if stored is None else stored.all_names
    return unique_names(names)
