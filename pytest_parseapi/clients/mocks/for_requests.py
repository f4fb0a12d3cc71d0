"""Records the answers of mocks of requests, and converts them to responses and exceptions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.mocks.exchange import FAULT_TEXTS, MockExchange, decoded
from pytest_parseapi.model.http import Fault, Reply, Request, Timeouts, shared_timeouts
from pytest_parseapi.service.service import SimulatedService


class NotAnswered(Exception):  # noqa: N818 - it is a decision, not an error
    """The mock leaves a request to the simulation."""


def first_answer(
    hosts: SimulatedHosts,
    service: SimulatedService,
    request: Any,
    timeout: Any,
    mock: str,
    ask: Callable[[bytes], Any],
    answers: Iterable[str],
) -> Any:
    """Return the mock's answer, and record it; None if the simulation has to answer.

    Args:
        hosts: the simulated hosts.
        service: the one whose host is asked.
        request: a ``requests.PreparedRequest``; it can be sent after this.
        timeout: the ``timeout`` that ``send`` was given.
        mock: the name of the mock in messages.
        ask: asks the mock, given the request's body; raises `NotAnswered` where it has no answer.
        answers: texts of the answers that the mock has, made by `answer_text`.
    """
    body, rewind = read_body(request)
    sent = neutral_request(request, body, timeout)
    if not service.fails_before_mocks(sent):  # the failure of a sweep comes first
        try:
            return recorded_answer(hosts, service, sent, mock, lambda: ask(body))
        except NotAnswered:
            hosts.misses.note(service, sent, mock, answers)
    rewind()
    return None


def recorded_answer(
    hosts: SimulatedHosts,
    service: SimulatedService,
    request: Request,
    mock: str,
    ask: Callable[[], Any],
) -> Any:
    """Record the answer of a mock, and return it.

    Args:
        hosts: the simulated hosts.
        service: the one whose host is asked.
        request: what is asked.
        mock: the name of the mock in messages.
        ask: asks the mock: gives a response of requests or of urllib3, or raises.

    Raises:
        NotAnswered: from ``ask``; nothing is on record then.
    """
    exchange = MockExchange(hosts, service, request, mock)
    try:
        response = ask()
    except NotAnswered:
        exchange.discard()
        raise
    except Exception as error:
        name = _fault_name(error)
        if name is None:
            exchange.discard()
            raise
        exchange.wait(Fault(name, str(error) or FAULT_TEXTS[name]))
        raise
    except BaseException:
        exchange.discard()
        raise
    result = exchange.wait(_reply(response))
    if isinstance(result, Fault):
        import requests

        limit = request.timeouts.read
        raise requests.exceptions.ReadTimeout(f"Read timed out. (read timeout={limit})")
    return response


def neutral_request(request: Any, body: bytes, timeout: Any) -> Request:
    """A prepared request as the service reads it.

    Args:
        request: a ``requests.PreparedRequest``.
        body: what it sends.
        timeout: the ``timeout`` that ``send`` was given.
    """
    parts = urlsplit(request.url)
    return Request(
        method=request.method,
        url=request.url,
        host=parts.hostname or "",
        path=parts.path or "/",
        query=parts.query,
        headers=tuple(
            (_text(name).lower(), _text(value)) for name, value in request.headers.items()
        ),
        body=body,
        client="requests",
        timeouts=_timeouts(timeout),
    )


def read_body(request: Any) -> tuple[bytes, Callable[[], None]]:
    """The body of a prepared request. A file or generator is read to its end, as by sending.

    Returns:
        The bytes, and what makes that they can be sent once more.
    """
    body = request.body
    if body is None or isinstance(body, str | bytes):
        return _bytes(body), lambda: None
    place = body.tell() if hasattr(body, "tell") and hasattr(body, "seek") else None
    data = _bytes(body.read()) if hasattr(body, "read") else b"".join(map(_bytes, body))

    def rewind() -> None:
        if place is None:
            request.body = data
        else:
            body.seek(place)

    return data, rewind


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value or b"")


def _timeouts(timeout: Any) -> Timeouts:
    if isinstance(timeout, tuple):
        return shared_timeouts(*timeout)
    if timeout is None or isinstance(timeout, int | float):
        return shared_timeouts(timeout, timeout)
    return shared_timeouts(known=False)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _fault_name(error: Exception) -> str | None:
    import requests

    kinds = requests.exceptions
    if isinstance(error, kinds.ConnectTimeout):
        return "connect_timeout"
    if isinstance(error, kinds.Timeout | TimeoutError):
        return "read_timeout"
    if isinstance(error, ConnectionRefusedError | kinds.ProxyError | kinds.SSLError):
        return "connect_error"
    is_broken = isinstance(error, kinds.ConnectionError | kinds.ChunkedEncodingError | OSError)
    return "connection_reset" if is_broken else None


def _reply(response: Any) -> Reply:
    """The reply to record for a response. A body that can be read only once is not read."""
    raw = getattr(response, "raw", None) or response
    source: Any = getattr(raw, "_fp", None)
    body = getattr(raw, "_body", None) or b""
    if hasattr(source, "getvalue"):
        body = source.getvalue()
    elif hasattr(source, "seekable") and not source.closed and source.seekable():
        place = source.tell()
        body = source.read()
        source.seek(place)
    headers = {name.lower(): value for name, value in response.headers.items()}
    read = getattr(response, "_content", None)
    return Reply(
        status=getattr(response, "status_code", None) or response.status,
        headers=headers,
        body=read or decoded(_bytes(body), headers.get("content-encoding")),
    )
