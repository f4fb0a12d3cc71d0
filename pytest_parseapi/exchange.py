"""The neutral request and reply that every wire and the simulated service share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["Fault", "Reply", "Request", "Timeouts"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The time-outs that the client library was set to, in seconds; None where it has none."""

    connect: float | None = None
    read: float | None = None
    known: bool = True
    """False where the wire cannot see them (a request over a real socket)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, whatever library sent it."""

    method: str
    url: str
    host: str
    path: str
    """Percent-encoded, without the query."""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """In the order sent, names in lower case."""
    body: bytes = b""
    client: str
    timeouts: Timeouts = field(default_factory=Timeouts)

    def header(self, name: str) -> str | None:
        """The first value of a header, by its lower-case name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One HTTP reply, before a wire turns it into the client library's own type."""

    status: int
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: bytes = b""
    truncated: bool = False
    """The connection ends before the announced body does."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The exchange ends without a reply: each wire raises its library's own exception."""

    name: str
    """A name of `pytest_parseapi.catalogue.faults`."""
    message: str
