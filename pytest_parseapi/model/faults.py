"""The network faults and broken bodies, which no page documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFault:
    """A failure below the API.

    Args:
        name: what tests call it, such as ``"read_timeout"``.
        kind: ``"network"`` where no reply arrives, ``"body"`` where a reply arrives broken.
        status: the HTTP status of the broken reply; None where no reply arrives.
        description: what the client meets, in a sentence.
        loses_reply: whether the service did what it was asked, and only its reply is lost.
        takes_message: whether the reply has room for a text of the test's own.
        page_title: the title of the HTML page that arrives; empty where no page does.
    """

    name: str
    kind: Literal["network", "body"]
    status: int | None = None
    description: str
    loses_reply: bool = False
    takes_message: bool = False
    page_title: str = ""

    def __str__(self) -> str:
        return self.name


FAULTS: Final = (
    NetworkFault(name="connect_error", kind="network", description="the connection is refused"),
    NetworkFault(name="connect_timeout", kind="network", description="no connection in time"),
    NetworkFault(
        name="read_timeout", kind="network", description="no reply in time", loses_reply=True
    ),
    NetworkFault(
        name="connection_reset",
        kind="network",
        description="the connection is reset after the request was sent",
        loses_reply=True,
    ),
    NetworkFault(
        name="truncated_body",
        kind="body",
        status=200,
        description="a 200 whose body stops short of its announced length",
        loses_reply=True,
    ),
    NetworkFault(
        name="bad_gateway_html",
        kind="body",
        status=502,
        description="a 502 with an HTML page of a gateway",
        takes_message=True,
        page_title="502 Bad Gateway",
    ),
    NetworkFault(
        name="service_unavailable_html",
        kind="body",
        status=503,
        description="a 503 with an HTML page of a gateway",
        takes_message=True,
        page_title="503 Service Temporarily Unavailable",
    ),
    NetworkFault(
        name="gateway_timeout_html",
        kind="body",
        status=504,
        description="a 504 with an HTML page of a gateway",
        takes_message=True,
        page_title="504 Gateway Time-out",
    ),
    NetworkFault(name="empty_body", kind="body", status=500, description="a 500 without a body"),
    NetworkFault(
        name="invalid_json",
        kind="body",
        status=200,
        description="a 200 whose body is not JSON",
        loses_reply=True,
    ),
    NetworkFault(
        name="unknown_code",
        kind="body",
        status=500,
        description="a 500 with a code that the catalogue lacks",
        takes_message=True,
    ),
    NetworkFault(
        name="missing_request_id",
        kind="body",
        status=500,
        description="a 500 without the id of its request",
        takes_message=True,
    ),
)

GATEWAY_PAGES: Final[Mapping[int | None, NetworkFault]] = MappingProxyType(
    {fault.status: fault for fault in FAULTS if fault.page_title}
)
"""The HTML pages of a gateway, by their status."""

_RAISED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ClientConnectorError": "connect_error",
        "ConnectError": "connect_error",
        "ConnectionError": "connect_error",
        "ConnectionRefusedError": "connect_error",
        "NewConnectionError": "connect_error",
        "ConnectTimeout": "connect_timeout",
        "ConnectTimeoutError": "connect_timeout",
        "ConnectionTimeoutError": "connect_timeout",
        "ReadTimeout": "read_timeout",
        "ReadTimeoutError": "read_timeout",
        "ServerTimeoutError": "read_timeout",
        "SocketTimeoutError": "read_timeout",
        "Timeout": "read_timeout",
        "TimeoutError": "read_timeout",
        "TimeoutException": "read_timeout",
        "ClientOSError": "connection_reset",
        "ConnectionResetError": "connection_reset",
        "NetworkError": "connection_reset",
        "ReadError": "connection_reset",
        "ServerDisconnectedError": "connection_reset",
        "TransportError": "connection_reset",
        "ChunkedEncodingError": "truncated_body",
        "ClientPayloadError": "truncated_body",
        "IncompleteRead": "truncated_body",
        "ProtocolError": "truncated_body",
        "RemoteProtocolError": "truncated_body",
        "JSONDecodeError": "invalid_json",
    }
)


def raised_as(exception: type[BaseException]) -> str:
    """The network fault that clients raise as an exception, or an empty text.

    Example:
        >>> raised_as(TimeoutError)
        'read_timeout'
    """
    return next(
        (_RAISED[kind.__name__] for kind in exception.__mro__ if kind.__name__ in _RAISED), ""
    )
