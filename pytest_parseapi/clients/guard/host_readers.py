"""Reads the host from an argument: a host, a URL, an address, a request, or a connection."""

from __future__ import annotations

import re
import urllib.parse
from typing import Any, Final

# Clients in C and Rust read URLs as browsers do: with blanks around, line breaks within, slashes
# of either kind or none, and more than one @.
_URL: Final = re.compile(
    r"(?:(?:https?|wss?|ftp):|[a-z][a-z0-9+.-]*:(?=[/\\]))?[/\\]*(?:[^/\\?#]*@)?([^/\\?#:]+)",
    re.IGNORECASE,
)
_IGNORED_AROUND: Final = "".join(map(chr, range(33)))
_IGNORED_WITHIN: Final = {ord(character): None for character in "\t\n\r"}


def host_in(given: object) -> str:
    """The host in an argument; empty if there is none.

    Args:
        given: a host, a URL, an address, or an object that has one of them.

    Example:
        >>> host_in("https://api.example.com/parse"), host_in(("api.example.com", 443))
        ('api.example.com', 'api.example.com')
    """
    if isinstance(given, tuple):
        given = given[0] if given else ""
    for attribute in ("url", "host"):
        # A request has a URL, and a URL may have a host.
        if not isinstance(given, (str, bytes, bytearray)) and hasattr(given, attribute):
            given = getattr(given, attribute)
    if isinstance(given, (bytes, bytearray)):
        given = bytes(given).decode("utf-8", "replace")
    if not isinstance(given, str):
        return ""
    found = _URL.match(given.strip(_IGNORED_AROUND).translate(_IGNORED_WITHIN))
    return urllib.parse.unquote(found[1]) if found else ""


def host_of_connection(connection: Any) -> str:
    """The host to which a TLS connection was made."""
    return getattr(connection, "server_hostname", None) or ""


def host_of_target(target: Any) -> str:
    """The host of a channel of gRPC's.

    Example:
        >>> host_of_target("dns:///api.example.com:443"), host_of_target("api.example.com")
        ('api.example.com', 'api.example.com')
    """
    text = target.decode("utf-8", "replace") if isinstance(target, bytes) else str(target)
    return host_in(re.sub("^dns:", "", text.rpartition("/")[2], flags=re.IGNORECASE))


def host_of_options(options: Any) -> str:
    """The host in the options of a channel of gRPC's; empty if there is none."""
    names = ("grpc.ssl_target_name_override", "grpc.default_authority")
    return next((host_in(value) for name, value in options or () if name in names), "")


def host_of_quic(connection: Any) -> str:
    """The host of a connection of aioquic's."""
    return connection.configuration.server_name or ""
