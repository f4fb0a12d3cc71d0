"""Bodies that are streams: a reply that ends too early, and a request that was read before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any


def replayed(module: Any, request: Any, body: bytes) -> None:
    """Let a request be sent after its body was read; one whose body is a stream, once."""
    if not isinstance(request.stream, module.ByteStream):
        request.stream = _replay_stream(module)(request.stream, body)


def _replay_stream(module: Any) -> Any:
    class ReplayStream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc]
        """What was read of a stream, and after that the stream itself."""

        def __init__(self, stream: Any, body: bytes) -> None:
            self._stream = stream
            self._body: bytes | None = body

        def __iter__(self) -> Iterator[bytes]:
            body, self._body = self._body, None
            if body is None:
                yield from self._stream
            else:
                yield body

        async def __aiter__(self) -> AsyncIterator[bytes]:
            body, self._body = self._body, None
            if body is None:
                async for part in self._stream:
                    yield part
            else:
                yield body

    return ReplayStream


def truncated_streams(module: Any) -> Any:
    """The class of bodies that end too early."""

    class TruncatedStream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc]
        """Half of a body, and then the end of the connection."""

        def __init__(self, body: bytes) -> None:
            self._body = body
            self._half = body[: len(body) // 2]

        def __iter__(self) -> Iterator[bytes]:
            yield self._half
            raise self._error()

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield self._half
            raise self._error()

        def _error(self) -> Exception:
            error: Exception = module.RemoteProtocolError(
                "peer closed connection without sending complete message body "
                f"(received {len(self._half)} bytes, expected {len(self._body)})"
            )
            return error

    return TruncatedStream
