"""Makes responses of httpx of the service's replies, and raises its exceptions for faults."""

from __future__ import annotations

import functools
import operator
import sys
from typing import Any, Final

from pytest_parseapi.clients.httpx.streams import truncated_streams
from pytest_parseapi.model.http import Fault, Reply
from pytest_parseapi.patching.attributes import made_of
from pytest_parseapi.patching.function_bodies import function_behind

_EXCEPTIONS: Final = {
    "connect_error": ("ConnectError", "[Errno 111] Connection refused"),
    "connect_timeout": ("ConnectTimeout", "timed out"),
    "read_timeout": ("ReadTimeout", "The read operation timed out"),
    "connection_reset": ("ReadError", "[Errno 104] Connection reset by peer"),
}
_READ_METHODS: Final = (
    *("read", "iter_bytes", "iter_raw", "close"),
    *("aread", "aiter_bytes", "aiter_raw", "aclose"),
)
"""What the library calls on a response when it reads a body."""
_MOST_KEPT: Final = 256


class Responses:
    """Makes the responses of one library.

    Args:
        module: httpx, or httpx2.
    """

    def __init__(self, module: Any) -> None:
        self._module = module
        # Not ``httpx.Response``: a test may have replaced that, and this outlives the test.
        self._plain: Any = sys.modules.get(f"{module.__name__}._models", module).Response
        self._whole = _whole_response_class(module, self._plain)
        self._truncated_stream = truncated_streams(module)
        known = vars(module.Headers([("A", "b")]))
        self._keeps_lines = known == {"_list": [(b"A", b"a", b"b")], "_encoding": None}

    def make(self, request: Any, result: Reply | Fault) -> Any:
        """The response that stands for a reply.

        Args:
            request: what was asked.
            result: how the exchange ended.

        Raises:
            httpx.TransportError: what stands for a fault.
        """
        module = self._module
        if isinstance(result, Fault):
            name, text = _EXCEPTIONS[result.name]
            raise getattr(module, name)(text, request=request)
        sent, body = result.headers, result.body
        names, values = _names_of_lines(tuple(sent)), sent.values()
        lines = [(*name, value.encode()) for name, value in zip(names, values, strict=True)]
        if "content-length" not in sent:
            lines.append((b"content-length", b"content-length", b"%d" % len(body)))
        is_whole = not (result.truncated or "content-encoding" in sent)
        kind = self._whole if is_whole else self._plain
        response = kind(
            result.status,
            stream=(self._truncated_stream if result.truncated else module.ByteStream)(body),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": _reason(result.status)},
        )
        if self._keeps_lines:
            # As the library would make it of them, and find out by itself with more work.
            encoding = "ascii" if "".join(values).isascii() else None
            response.headers = made_of(module.Headers, {"_list": lines, "_encoding": encoding})
        else:
            response.headers = module.Headers([(name, value) for name, _, value in lines])
        return response


responses_of: Final = functools.cache(Responses)
"""The `Responses` of a library: to get them ready takes longer than to use them."""


def _whole_response_class(module: Any, plain: Any) -> Any:
    """The class of responses whose whole body is there, and needs no decoding.

    To read it takes less work than to read a body that comes in parts; else it is the library's
    own. Where somebody has put another stream around that of the body, or has replaced a method
    that reads, the library does the work.
    """
    read_methods = _ReadMethods(module, plain)
    clients = sys.modules.get(f"{module.__name__}._client")
    sync_stream = getattr(clients, "BoundSyncStream", None)
    async_stream = getattr(clients, "BoundAsyncStream", None)
    byte_stream = module.ByteStream

    class Response(plain):  # type: ignore[misc]
        is_closed: bool
        is_stream_consumed: bool
        _content: bytes

        def read(self) -> Any:
            if not self._reads_at_once(sync_stream):
                return super().read()
            self.stream.close()
            return self._content

        async def aread(self) -> Any:
            if not self._reads_at_once(async_stream):
                return await super().aread()
            await self.stream.aclose()
            return self._content

        def _reads_at_once(self, bound: Any) -> bool:
            """Read the body, if nobody has begun to, and it is still the one that was sent."""
            stream = self.stream
            if self.is_stream_consumed or self.is_closed or type(stream) is not bound:
                return False
            if type(stream._stream) is not byte_stream or read_methods.replaced():
                return False
            self._content = b"".join(stream._stream)
            self._num_bytes_downloaded = len(self._content)
            self.is_stream_consumed = self.is_closed = True
            return True

        def __reduce__(self) -> Any:
            # This class has no name that a pickle could find it by.
            return object.__new__, (plain,), self.__getstate__()

    Response.__module__, Response.__qualname__ = plain.__module__, plain.__qualname__
    return Response


class _ReadMethods:
    """The methods by which responses of a library are read."""

    def __init__(self, module: Any, plain: Any) -> None:
        self._plain = plain
        self._file = getattr(sys.modules.get(f"{module.__name__}._models"), "__file__", None) or ""
        self._present = operator.itemgetter(*_READ_METHODS)
        # As the library defines them; at first it is unknown whether those in place are.
        self._own: Any = None

    def replaced(self) -> bool:
        """Whether somebody has replaced one, such as a mock or a tracer."""
        kind = self._plain
        present = self._present(vars(kind))
        if self._own is None and all(
            function_behind(method, self._file, f"{kind.__name__}.{name}") is method
            for name, method in zip(_READ_METHODS, present, strict=True)
        ):
            self._own = present
        return present != self._own  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=_MOST_KEPT)
def _names_of_lines(names: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    """The names of headers as httpx keeps them: as they are, and in lower case."""
    return [(name.encode(), name.lower().encode()) for name in names]


@functools.cache
def _reason(status: int) -> bytes:
    import http.client

    return http.client.responses.get(status, "").encode()
