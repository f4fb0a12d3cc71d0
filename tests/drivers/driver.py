"""What the shared suite asks of a client library, and what it gets back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_parseapi import ParseAPI

VERSION = {"x-extend-api-version": "2026-02-09"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A reply, whatever library received it."""

    status: int
    reason: str
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file to send as a form."""

    filename: str
    content: bytes
    content_type: str = "application/pdf"


class Driver(Protocol):
    """Sends one request by one client library."""

    name: str
    client: str
    """What ``Attempt.client`` says."""
    raises: Mapping[str, type[BaseException]]
    """The exceptions that the library is documented to raise, by network fault."""
    limits: tuple[float, float]
    """Connect and read time-out, in seconds, that the suite sets."""
    virtual: bool
    """Whether the interceptor sees the time-outs, and lets them pass in virtual time."""

    def send(
        self,
        api: ParseAPI,
        method: str,
        path: str,
        *,
        json: Any = None,
        upload: Upload | None = None,
        limits: tuple[float | None, float | None],
    ) -> Answer:
        """One attempt, with the time-outs given in seconds; None for none."""


def headers(api: ParseAPI) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.api_key}", **VERSION}


class InProcess:
    """What is so for every library that is intercepted."""

    limits = (5.0, 30.0)
    virtual = True

    def url(self, api: ParseAPI, path: str) -> str:
        return api.base_url + path
