"""Checks the ``Host`` of requests: a web page of another host must not use the live server."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from pytest_parseapi.model.http import Request

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(?::\d{1,5})?")


class AllowedHosts:
    """The names of this machine that a request may use.

    Args:
        allowed: names besides the loopback ones.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(name.casefold().strip("[]").rstrip(".") for name in allowed)

    def why_not(self, request: Request, *, control: bool) -> str | None:
        """Why a request is not served; None if it is.

        Args:
            request: its headers are judged.
            control: whether it is for the control, where a browser's ``Origin`` counts, too.
        """
        hosts = [value for name, value in request.headers if name == "host"]
        for host in (request.base_url.removeprefix("http://"), *hosts):
            if not self._known(host):
                return (
                    f"The Host {host!r} is no name of this machine. For another name, such as a "
                    "container's, start with: serve --allow-host NAME"
                )
        origin = request.header("origin")
        if control and origin is not None and not self._known(_authority(origin)):
            return f"Pages of {origin!r} may not use the control of this server."
        return None

    def _known(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found[1].strip("[]").casefold().removesuffix(".")
        if name == "localhost" or name.endswith(".localhost") or name in self._allowed:
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
