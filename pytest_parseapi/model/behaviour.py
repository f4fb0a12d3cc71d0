"""How a provider checks a request and what its bodies look like: the part that is not data.

`Behaviour` is public: a third-party provider subclasses it, as the built-in ones do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.http import Reply, Request

__all__ = ["Behaviour", "Call", "Rejected", "json_reply"]


_ENCODE: Final = json.JSONEncoder(separators=(",", ":")).encode


class Rejected(Exception):  # noqa: N818 - it is the service's decision, not an error of its own
    """The simulated service turns a request down with a documented error.

    Args:
        code: the code of a documented error of this provider.
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
class Call:
    """One request as a `Behaviour` sees it."""

    request: Request
    endpoint: Endpoint
    params: Mapping[str, str]
    """The variables of the endpoint's path."""
    now: float
    """Virtual seconds since the test began."""
    state: Any
    """What `Behaviour.new_state` made for this test."""
    new_id: Callable[[str], str]
    """Makes an id that is unique and the same in each run of the test: ``new_id("file_")``."""
    base_url: str
    names: tuple[str, ...] = ()
    """What `Behaviour.documents` found."""
    effects: list[Callable[[], None]] = field(default_factory=list)
    """What changes if the request succeeds; left out where a script makes it fail."""
    run_id: str | None = None
    """The run that the request is about."""
    run_status: str | None = None
    """The run's status as a successful reply shows it."""
    run_reason: str | None = None
    """Why the run failed, as a successful reply shows it."""
    fuse: Literal["polls", "attempts"] | None = None
    """What a success counts toward: the limit of polls, or that of attempts, because it leads
    nowhere (a poll after the end). None for a success that ends a row of failures."""


def json_reply(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Reply:
    """A JSON reply, as both built-in providers send it."""
    return Reply(
        status=status,
        headers={"content-type": "application/json", **(headers or {})},
        body=_ENCODE(body).encode(),
    )


class Behaviour:
    """A plain JSON API: any bearer token, any body; a success says ``{"status": "ok"}``.

    Override what your provider documents differently.
    """

    request_id_prefix = "req_"
    """What the ids in ``requestId`` start with."""

    def new_state(self) -> Any:
        """What this provider remembers during one test (files, runs); called once a test."""
        return None

    def authenticate(self, request: Request) -> bool:
        """Whether the request carries a well-formed credential."""
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        return scheme.lower() == "bearer" and bool(token.strip())

    def unauthorized_code(self) -> str:
        """The code of the documented error for a missing or malformed credential."""
        return "UNAUTHORIZED"

    def documents(self, request: Request, state: Any) -> tuple[str, ...]:
        """The names of the document that a request is about, best first; empty where it names none.

        Called for any request, also malformed ones, so it must not raise.
        """
        return ()

    def answer(self, call: Call, request_id: str) -> Reply:
        """The reply to a good request; raises `Rejected` for a bad one."""
        return json_reply(200, {"status": "ok", "requestId": request_id})

    def error_reply(
        self,
        error: DocumentedError,
        *,
        message: str,
        request_id: str | None,
        details: Mapping[str, Any],
    ) -> Reply:
        """The reply for a documented error; ``request_id`` is None where the body has none."""
        body: dict[str, Any] = {"code": error.wire_code or error.code, "message": message}
        body["retryable"] = error.retryable
        if request_id is not None:
            body["requestId"] = request_id
        return json_reply(error.status, {**body, **details})

    def request_id_of(self, body: bytes) -> str | None:
        """The ``requestId`` that a reply's body carries, or None where it cannot be read."""
        try:
            found = json.loads(body)
        except ValueError:
            return None
        value = found.get("requestId") if isinstance(found, dict) else None
        return value if isinstance(value, str) else None
