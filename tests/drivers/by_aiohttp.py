from __future__ import annotations

import asyncio
from typing import ClassVar

import aiohttp
from drivers.driver import Answer, InProcess, headers


class Aiohttp(InProcess):
    """aiohttp, in a task."""

    name = client = "aiohttp"
    raises: ClassVar = {
        "connect_error": aiohttp.ClientConnectorError,
        "connect_timeout": aiohttp.ConnectionTimeoutError,
        "read_timeout": aiohttp.SocketTimeoutError,
        "connection_reset": aiohttp.ClientOSError,
        "truncated_body": aiohttp.ClientPayloadError,
    }

    def send(self, api, method, path, *, json=None, upload=None, limits):
        async def exchange() -> Answer:
            form = None
            if upload is not None:
                form = aiohttp.FormData()
                form.add_field(
                    "file",
                    upload.content,
                    filename=upload.filename,
                    content_type=upload.content_type,
                )
            connect, read = limits
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=read)
            async with (
                aiohttp.ClientSession(headers=headers(api), timeout=timeout) as session,
                session.request(method, self.url(api, path), json=json, data=form) as response,
            ):
                return Answer(
                    status=response.status,
                    reason=response.reason,
                    headers=response.headers,
                    text=await response.text(),
                )

        return asyncio.run(exchange())
