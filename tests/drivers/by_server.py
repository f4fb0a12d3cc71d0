from __future__ import annotations

import httpx
from drivers.by_httpx import HTTPX


class LiveServer(HTTPX):
    """A real client that reaches the API by a real socket."""

    # Faults of the connection come after the request: nothing else can be scripted by document.
    limits = (0.05, 0.05)
    virtual = False

    def __init__(self) -> None:
        super().__init__(httpx)
        self.name = self.client = "server"
        self.raises |= {
            "connect_error": httpx.ReadError,
            "connect_timeout": httpx.ReadTimeout,
        }

    def url(self, api, path):
        return api.live_url + path
