"""Network faults and broken bodies: no page documents them, and every client meets them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["FAULTS", "NetworkFault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFault:
    """A failure below the API.

    Args:
        name: what tests call it, such as ``"read_timeout"``.
        kind: ``"network"`` where no reply arrives, ``"body"`` where a reply arrives broken.
        status: the HTTP status of the broken reply; None where no reply arrives.
        description: what the client meets, in a sentence.
    """

    name: str
    kind: Literal["network", "body"]
    status: int | None = None
    description: str

    def __str__(self) -> str:
        return self.name


FAULTS: Final = (
    NetworkFault(name="connect_error", kind="network", description="the connection is refused"),
    NetworkFault(name="connect_timeout", kind="network", description="no connection in time"),
    NetworkFault(name="read_timeout", kind="network", description="no reply in time"),
    NetworkFault(
        name="connection_reset",
        kind="network",
        description="the connection is reset after the request was sent",
    ),
    NetworkFault(
        name="truncated_body",
        kind="body",
        status=200,
        description="a 200 whose body stops short of its announced length",
    ),
    NetworkFault(
        name="bad_gateway_html",
        kind="body",
        status=502,
        description="a 502 with an HTML page of a gateway",
    ),
    NetworkFault(
        name="gateway_timeout_html",
        kind="body",
        status=504,
        description="a 504 with an HTML page of a gateway",
    ),
    NetworkFault(name="empty_body", kind="body", status=500, description="a 500 without a body"),
    NetworkFault(
        name="invalid_json", kind="body", status=200, description="a 200 whose body is not JSON"
    ),
    NetworkFault(
        name="unknown_code",
        kind="body",
        status=500,
        description="a 500 with a code that the catalogue lacks",
    ),
    NetworkFault(
        name="missing_request_id",
        kind="body",
        status=500,
        description="a 500 whose body carries no requestId",
    ),
)
