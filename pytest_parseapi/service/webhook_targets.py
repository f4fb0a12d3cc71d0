"""Sends a delivery to a receiver: a function, an ASGI or WSGI app, or a URL."""

from __future__ import annotations

import inspect
import io
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.record.webhook import WebhookDelivery
from pytest_parseapi.service.webhook_exchange import WebhookExchange

Target: TypeAlias = Callable[..., Any] | str
ReceiverKind: TypeAlias = Literal["url", "asgi", "wsgi", "function", "coroutine"]
_ASGI_ARGUMENTS = 3
_WSGI_ARGUMENTS = 2
_ENVIRONS = ("environ", "env", "environment")
_STATUS = ("status_code", "status", "statusCode")
_URL_TIMEOUT = 30.0


def is_async(target: Target) -> bool:
    """Whether the receiver needs an event loop."""
    return kind_of(target) in ("asgi", "coroutine")


def send(target: Target, exchange: WebhookExchange, path: str) -> None:
    """Send a delivery to a receiver that needs no event loop, and keep its answer."""
    delivery = exchange.delivery
    kind = kind_of(target)
    if isinstance(target, str):
        exchange.answer(_post(target, delivery))
    elif kind == "wsgi":
        _call_wsgi(target, exchange, path)
    else:
        exchange.answer(_status(target(delivery.body, dict(delivery.headers))))


async def send_async(target: Target, exchange: WebhookExchange, path: str) -> None:
    """Send a delivery to a receiver on the running event loop, and keep its answer."""
    delivery = exchange.delivery
    if isinstance(target, str):
        import asyncio

        exchange.answer(await asyncio.to_thread(_post, target, delivery))
    elif kind_of(target) == "coroutine":
        exchange.answer(_status(await target(delivery.body, dict(delivery.headers))))
    else:
        await _call_asgi(target, exchange, path)


def kind_of(target: Target) -> ReceiverKind:
    """The kind of a receiver."""
    if isinstance(target, str):
        if not target.startswith(("http://", "https://")):
            raise UsageError(f"a webhook goes to a URL, an app or a function, not to {target!r}")
        return "url"
    if not callable(target):
        raise UsageError(f"a webhook goes to a URL, an app or a function, not to {target!r}")
    if hasattr(target, "wsgi_app"):
        return "wsgi"
    called = target if inspect.isroutine(target) else type(target).__call__
    waits = inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(called)
    try:
        names = [
            item.name
            for item in inspect.signature(target).parameters.values()
            if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)
            and item.default is item.empty
        ]
    except (TypeError, ValueError):
        names = []
    if len(names) == _ASGI_ARGUMENTS and waits:
        return "asgi"
    # An app may name its arguments freely; a function of body and headers has neither of these.
    if len(names) == _WSGI_ARGUMENTS and (names[0] in _ENVIRONS or names[1].startswith("start")):
        return "wsgi"
    return "coroutine" if waits else "function"


def _status(answer: Any) -> int:
    """The status that a function's return value stands for; 200 if it stands for none."""
    if isinstance(answer, bool):
        return 200 if answer else 400
    if isinstance(answer, int):
        return answer
    if isinstance(answer, tuple):
        numbers = (item for item in answer if isinstance(item, int) and not isinstance(item, bool))
        return next(numbers, 200)
    if isinstance(answer, Mapping):
        return next((answer[name] for name in _STATUS if isinstance(answer.get(name), int)), 200)
    for name in _STATUS:
        found = getattr(answer, name, None)
        if isinstance(found, int):
            return found
    return 200


def _post(url: str, delivery: WebhookDelivery) -> int:
    import http.client

    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_URL_TIMEOUT)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, delivery.body, delivery.headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def _call_wsgi(target: Callable[..., Any], exchange: WebhookExchange, path: str) -> None:
    delivery = exchange.delivery
    statuses: list[int] = []
    route, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": route,
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(delivery.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(delivery.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in delivery.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value

    def start_response(status: str, _headers: Any, _error: Any = None) -> Callable[[bytes], None]:
        statuses.append(int(status[:3]))
        return lambda _data: None

    body = target(environ, start_response)
    try:
        for _ in body:
            pass
        if statuses:
            exchange.answer(statuses[-1])
    finally:
        # The code after the last part of the answer runs here, and no sender waits for it.
        close = getattr(body, "close", None)
        if close is not None:
            close()


async def _call_asgi(
    target: Callable[..., Awaitable[Any]], exchange: WebhookExchange, path: str
) -> None:
    delivery = exchange.delivery
    statuses: list[int] = []
    route, _, query = path.partition("?")
    headers = [(name.encode(), value.encode()) for name, value in delivery.headers.items()]
    headers.append((b"host", b"testserver"))
    headers.append((b"content-length", str(len(delivery.body)).encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": route,
        "raw_path": route.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("192.0.2.1", 50000),
        "server": ("testserver", 443),
        "state": {},
    }
    parts = iter([{"type": "http.request", "body": delivery.body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        part = next(parts, None)
        if part is not None:
            return part
        await exchange.wait_for_end()
        return {"type": "http.disconnect"}

    async def send_back(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            exchange.answer(statuses[-1])

    await target(scope, receive, send_back)
