from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

from drivers.driver import Answer, InProcess, headers


class HTTPX(InProcess):
    """httpx or httpx2, in a thread."""

    def __init__(self, module: ModuleType) -> None:
        self._module: Any = module
        self.name = self.client = module.__name__
        self.raises = {
            "connect_error": self._module.ConnectError,
            "connect_timeout": self._module.ConnectTimeout,
            "read_timeout": self._module.ReadTimeout,
            "connection_reset": self._module.ReadError,
            "truncated_body": self._module.RemoteProtocolError,
        }

    def send(self, api, method, path, *, json=None, upload=None, limits):
        with self._module.Client(timeout=self._timeout(*limits)) as client:
            return _answer(client.request(method, **self._request(api, path, json, upload)))

    def _timeout(self, connect, read):
        return self._module.Timeout(None, connect=connect, read=read)

    def _request(self, api, path, json, upload):
        request = {"url": self.url(api, path), "headers": headers(api)}
        if json is not None:
            request["json"] = json
        if upload is not None:
            request["files"] = {"file": (upload.filename, upload.content, upload.content_type)}
        return request


class AsyncHTTPX(HTTPX):
    """httpx or httpx2, in a task."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module)
        self.name = f"{module.__name__}-async"

    def send(self, api, method, path, *, json=None, upload=None, limits):
        async def exchange() -> Answer:
            async with self._module.AsyncClient(timeout=self._timeout(*limits)) as client:
                return _answer(
                    await client.request(method, **self._request(api, path, json, upload))
                )

        return asyncio.run(exchange())


def _answer(response) -> Answer:
    return Answer(
        status=response.status_code,
        reason=response.reason_phrase,
        headers=response.headers,
        text=response.text,
    )
