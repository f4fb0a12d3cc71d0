"""The request and the reply, in a form that is the same for all clients."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    import httpx


class Excerpt(bytes):
    """The first bytes of a body that is too large to keep, with the size and digest of all of it.

    Args:
        head: the first bytes.
        size: how many bytes there were.
        digest: SHA-256 of them all, as hexadecimal digits.
    """

    size: int
    digest: str

    def __new__(cls, head: bytes, *, size: int, digest: str) -> Self:  # noqa: D102
        excerpt = super().__new__(cls, head)
        excerpt.size = size
        excerpt.digest = digest
        return excerpt

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Excerpt) and (self.size, self.digest) == (other.size, other.digest)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.size, self.digest))


def size_of(body: bytes) -> int:
    """How many bytes were sent, also where only the first of them were kept."""
    return body.size if isinstance(body, Excerpt) else len(body)


def digest_of(body: bytes) -> str:
    """SHA-256 of all that was sent, as hexadecimal digits."""
    return body.digest if isinstance(body, Excerpt) else hashlib.sha256(body).hexdigest()


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The time-outs that the client library was set to, in seconds; None where it has none."""

    connect: float | None = None
    read: float | None = None
    known: bool = True
    """False where the wire cannot see them (a request over a real socket)."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Which of them are known not to be set."""
        if not self.known:
            return ()
        return tuple(name for name in ("connect", "read") if getattr(self, name) is None)


@functools.lru_cache(maxsize=64)
def shared_timeouts(
    connect: float | None = None, read: float | None = None, *, known: bool = True
) -> Timeouts:
    """The same object for the same time-outs: it is kept with each attempt."""
    return Timeouts(connect, read, known)


_NO_TIMEOUTS: Final = Timeouts()
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


def media_type_of(content_type: str) -> str:
    """A media type in lower case, without its parameters.

    Example:
        >>> media_type_of("Application/JSON; charset=utf-8")
        'application/json'
    """
    return content_type.partition(";")[0].strip().lower()


class HeaderLines(tuple[tuple[str, str], ...]):  # noqa: SLOT001 - a tuple takes none
    """The headers of requests that send the same ones: looked through once for all of them.

    Args:
        lines: in the order sent, names in lower case.
    """

    first: Mapping[str, str]
    """The first value of each name."""
    media_type: str
    """What ``Content-Type`` declares, in lower case and without parameters; empty for none."""

    def __new__(cls, lines: Iterable[tuple[str, str]]) -> Self:  # noqa: D102
        made = super().__new__(cls, lines)
        made.first = dict(reversed(made))
        made.media_type = media_type_of(made.first.get("content-type", ""))
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, whatever library sent it."""

    method: str
    url: str
    host: str
    path: str
    """Percent-encoded, without the query."""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """In the order sent, names in lower case."""
    body: bytes = b""
    """An `Excerpt` where a live server received more than it keeps."""
    base_url: str = ""
    """Where the client reaches this API, if not at its documented base URL."""
    client: str
    timeouts: Timeouts = _NO_TIMEOUTS
    _json: dict[str, Any] | None = field(default=None, init=False, repr=False, compare=False)
    """What `json_object` has read of it."""

    def header(self, name: str) -> str | None:
        """The first value of a header, by its lower-case name."""
        if isinstance(self.headers, HeaderLines):
            return self.headers.first.get(name)
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def as_httpx(self) -> httpx.Request:
        """The same request as an `httpx.Request`, whatever library sent it.

        Example:
            >>> Request(method="GET", url="https://a.example/x", host="a.example", path="/x",
            ...         client="requests").as_httpx()
            <Request('GET', 'https://a.example/x')>
        """
        import httpx

        body = bytes(self.body) if self.body else None
        return httpx.Request(self.method, self.url, headers=list(self.headers), content=body)


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class Reply:
    """One HTTP reply, before a wire turns it into the client library's own type."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; those that a provider's function gives are made so."""
    body: bytes
    truncated: bool
    """The connection ends before the announced body does."""

    def __init__(
        self,
        *,
        status: int,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes = b"",
        truncated: bool = False,
    ) -> None:
        # Every exchange makes one, and the constructor of a frozen class takes twice as long.
        _SET_STATUS(self, status)
        _SET_HEADERS(self, headers)
        _SET_BODY(self, body)
        _SET_TRUNCATED(self, truncated)


_SET_STATUS, _SET_HEADERS, _SET_BODY, _SET_TRUNCATED = (
    vars(Reply)[name].__set__ for name in ("status", "headers", "body", "truncated")
)


@dataclass(frozen=True, slots=True)
class Fault:
    """The exchange ends without a reply: each wire raises its library's own exception."""

    name: str
    """A name of `pytest_parseapi.model.faults`."""
    message: str


def moment_of(value: str, now: float) -> float | None:
    """The earliest time for a retry, as ``time.time()`` counts.

    Args:
        value: the header: seconds, or an HTTP date.
        now: when the reply arrived.

    Returns:
        The time; None where the header says neither.

    Example:
        >>> moment_of("30", 1000.0)
        1030.0
    """
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return now + seconds if 0 <= seconds < math.inf else None
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    # HTTP dates are UTC, also in the old format that names no zone.
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
