"""The record of one provider's exchanges: each attempt, and what it was a retry of."""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from pytest_parseapi.callers import Caller
from pytest_parseapi.catalogue.endpoint import Endpoint
from pytest_parseapi.catalogue.model import DocumentedError
from pytest_parseapi.exchange import Request, Timeouts
from pytest_parseapi.payload import Payload, payload_of
from pytest_parseapi.retry_after import moment_of

__all__ = ["Attempt", "Journal", "Opened", "Operation"]

_Kept = TypeVar("_Kept", bound=Hashable)
# How many unfinished operations on one document are looked through for the one that a new task
# goes on with.
_LOOK_BACK: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attempt:
    """One HTTP exchange with a simulated provider.

    Example:
        >>> attempt = extend_api.attempts[-1]  # doctest: +SKIP
        >>> attempt.status, attempt.error.code, attempt.waited  # doctest: +SKIP
        (500, 'OCR_ERROR', 1.0)
    """

    number: int
    """Counts from 1."""
    method: str
    url: str
    path: str
    endpoint: str
    """The path's template, such as ``/parse_runs/{id}``."""
    document: str | None
    """What the request was about: a URL, file name or id; None where it named none."""
    request_id: str | None
    """The ``requestId`` that the reply's body carried."""
    status: int | None
    """None for a network fault."""
    error: DocumentedError | str | None
    """The documented error, the name of the network fault, or None for a success."""
    run_id: str | None
    """The run or batch that it created, polled or changed."""
    started: float
    """Virtual seconds since the test began."""
    ended: float
    """Virtual seconds since the test began, when the reply or fault arrived."""
    waited: float | None
    """Virtual seconds since the end of this caller's previous attempt at the same operation."""
    wall_started: float
    """What ``time.time()`` showed the consumer when the attempt began."""
    wall_ended: float
    retry_after: str | None
    """The reply's ``Retry-After`` header."""
    client: str
    timeouts: Timeouts
    """The time-outs that the client was set to."""
    body: bytes = field(repr=False)
    """What was sent."""
    names: tuple[str, ...]
    """Every name of the document, best first."""
    # A failing comparison of attempts prints them: without bodies, and without the credential.
    _headers: tuple[tuple[str, str], ...] = field(repr=False)
    run_status: str | None = None
    """The status of the run as the reply shows it; None where it shows none."""
    run_reason: str | None = None
    """The ``failureReason`` that the reply shows."""

    @property
    def headers(self) -> dict[str, str]:
        """What was sent, names in lower case; the credential is masked."""
        return {name: _masked(name, value) for name, value in self._headers}

    @property
    def failed(self) -> bool:
        """Whether it met an error or a network fault."""
        return self.error is not None

    @property
    def payload(self) -> Payload:
        """What was sent, apart from what differs between equal requests (multipart boundaries)."""
        return payload_of(self.header("content-type") or "", self.body)

    @property
    def payload_digest(self) -> str:
        """A digest of `payload`: equal for retries that send the same."""
        return self.payload.digest

    @property
    def retry_at(self) -> float | None:
        """The earliest time for a retry by ``Retry-After``, as ``time.time()`` counts."""
        return None if self.retry_after is None else moment_of(self.retry_after, self.wall_ended)

    def header(self, name: str) -> str | None:
        """The first value of a header that was sent, by its lower-case name."""
        return next((value for key, value in self._headers if key == name), None)


class Operation:
    """One document parsed through one endpoint by one caller: attempts and their retries."""

    __slots__ = ("attempts", "caller", "endpoint", "failures", "idle", "polls", "under_way")

    def __init__(self, endpoint: Endpoint, caller: Caller) -> None:
        self.endpoint = endpoint
        self.caller = caller
        self.attempts: list[Attempt] = []
        self.failures = 0
        """How many attempts in a row failed at the end."""
        self.idle = 0
        """How many successes since the last one that led somewhere led nowhere."""
        self.polls = 0
        """How many polls found the run in progress."""
        self.under_way = False

    def goes_on_with(self, caller: Caller) -> bool:
        """Whether this caller's next attempt belongs here; then the operation is its own."""
        if self.under_way or not (self.caller == caller or self.caller.finished()):
            return False
        self.caller = caller
        return True

    @property
    def name(self) -> str:
        """Endpoint and document, for messages."""
        first = self.attempts[0]
        return f"{self.endpoint}" + (f"  {first.document}" if first.document else "")

    @property
    def failed(self) -> bool:
        """Whether any attempt failed."""
        return any(attempt.failed for attempt in self.attempts)

    def pairs(self) -> Iterator[tuple[Attempt, Attempt]]:
        """Each failed attempt with the retry that followed it."""
        for before, after in zip(self.attempts, self.attempts[1:], strict=False):
            if before.failed:
                yield before, after


class Opened:
    """An attempt under way."""

    __slots__ = (
        *("endpoint", "names", "number", "operation", "record", "request", "started", "waited"),
        "wall_started",
    )

    def __init__(
        self,
        record: list[Attempt | None],
        request: Request,
        endpoint: Endpoint,
        names: tuple[str, ...],
        operation: Operation,
        started: float,
        wall_started: float,
    ) -> None:
        self.record = record
        self.number = len(record)
        self.request = request
        self.endpoint = endpoint
        self.names = names
        self.operation = operation
        self.started = started
        self.wall_started = wall_started
        last = operation.attempts[-1] if operation.attempts else None
        self.waited = None if last is None else max(0.0, started - last.ended)


class _Group:
    """The operations on one document through one endpoint, where it has more than one."""

    __slots__ = ("by_caller", "operations")

    def __init__(self, first: Operation) -> None:
        self.operations = [first]
        self.by_caller = {first.caller: first}

    def of(self, caller: Caller) -> Operation | None:
        """The operation that this caller's next attempt belongs to."""
        operation = self.by_caller.get(caller)
        if operation is not None:
            return None if operation.under_way else operation
        # A retry may run in a task or thread of its own, after the one before it has ended.
        for operation in self.operations[-_LOOK_BACK:]:
            before = operation.caller
            if operation.goes_on_with(caller):
                self.by_caller.pop(before, None)
                self.by_caller[caller] = operation
                return operation
        return None

    def start(self, endpoint: Endpoint, caller: Caller) -> Operation:
        """A new operation of this caller."""
        operation = Operation(endpoint, caller)
        self.operations.append(operation)
        self.by_caller[caller] = operation
        return operation


class Journal:
    """Everything that one provider was asked and answered in one test. Safe for threads."""

    def __init__(self, now: Callable[[], float], wall: Callable[[], float]) -> None:
        self._now = now
        self._wall = wall
        self._lock = allocate_lock()
        self._attempts: list[Attempt | None] = []
        # Most documents have one operation, which needs no group.
        self._groups: dict[Hashable, Operation | _Group] = {}
        self._latest: dict[tuple[Endpoint, Caller], Operation] = {}
        self._kept: dict[Any, Any] = {}
        self.credentials: set[str] = set()
        """The tokens that consumers sent, unmasked: to search the logs for."""

    @property
    def attempts(self) -> list[Attempt]:
        """Every finished attempt, oldest first."""
        return [attempt for attempt in self._attempts if attempt is not None]

    @property
    def begun(self) -> int:
        """How many attempts have begun."""
        return len(self._attempts)

    @property
    def operations(self) -> list[Operation]:
        """Every operation with a finished attempt, by its first attempt."""
        found: list[Operation] = []
        for item in list(self._groups.values()):
            found += [item] if isinstance(item, Operation) else item.operations
        found = [operation for operation in found if operation.attempts]
        return sorted(found, key=lambda operation: operation.attempts[0].number)

    def open(
        self, request: Request, endpoint: Endpoint, names: tuple[str, ...], caller: Caller
    ) -> Opened:
        """An attempt begins."""
        with self._lock:
            if not caller.is_task:
                caller = self._keep(caller)
            operation = self._operation(request, endpoint, names, caller)
            operation.under_way = True
            self._latest[endpoint, caller] = operation
            self._attempts.append(None)
            return Opened(
                self._attempts, request, endpoint, names, operation, self._now(), self._wall()
            )

    def close(
        self,
        opened: Opened,
        *,
        status: int | None,
        error: DocumentedError | str | None,
        request_id: str | None,
        run_id: str | None,
        reply_headers: Mapping[str, str],
        run_status: str | None = None,
        run_reason: str | None = None,
        fuse: Literal["polls", "attempts"] | None = None,
    ) -> Attempt:
        """The attempt ends: with a reply, a fault, or because the consumer gave up on it."""
        request = opened.request
        operation = opened.operation
        with self._lock:
            # A retry is mostly the same again; keeping it twice would be most of its cost.
            body, names = request.body, opened.names
            if operation.attempts:
                before = operation.attempts[-1]
                body = before.body if body == before.body else body
                names = before.names if names == before.names else names
            attempt = Attempt(
                number=opened.number,
                method=request.method,
                url=self._keep(request.url),
                path=self._keep(request.path),
                endpoint=opened.endpoint.path,
                document=names[0] if names else None,
                request_id=request_id,
                status=status,
                error=error,
                run_id=run_id,
                run_status=run_status,
                run_reason=run_reason,
                started=opened.started,
                ended=self._now(),
                waited=opened.waited,
                wall_started=opened.wall_started,
                wall_ended=self._wall(),
                retry_after=reply_headers.get("retry-after"),
                client=request.client,
                timeouts=self._keep(request.timeouts),
                body=body,
                names=names,
                _headers=self._keep(request.headers),
            )
            opened.record[opened.number - 1] = attempt
            operation.attempts.append(attempt)
            operation.under_way = False
            operation.failures = operation.failures + 1 if attempt.failed else 0
            if fuse == "polls":
                operation.polls += 1
            elif fuse == "attempts":
                operation.idle += 1
            elif not attempt.failed:
                operation.idle = 0
                # Asked again and again after a wait, a success is a poll that never ends.
                operation.polls += 1 if attempt.waited else 0
        return attempt

    def discard(self, opened: Opened) -> None:
        """The attempt never took place."""
        opened.operation.under_way = False

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            # What is still under way ends in the record that it began in.
            self._attempts = []
            self._groups.clear()
            self._latest.clear()
            self._kept.clear()
            self.credentials.clear()

    def _operation(
        self, request: Request, endpoint: Endpoint, names: tuple[str, ...], caller: Caller
    ) -> Operation:
        payload: Payload | None = None
        key: Hashable = (endpoint, names[0]) if names else None
        if "{" in endpoint.path:
            # The path names what it is about: two runs of one document are two operations.
            key = (endpoint, request.path)
        if key is None:
            payload = payload_of(request.header("content-type") or "", request.body)
            key = (endpoint, request.path, payload.digest)
        found = self._groups.get(key)
        if found is None:
            before = self._latest.get((endpoint, caller))
            if before is not None and before.attempts and before.attempts[-1].failed:
                payload = payload or payload_of(request.header("content-type") or "", request.body)
                if _continues(before.attempts[-1], names, payload):
                    return before
            found = self._groups[key] = Operation(endpoint, caller)
            return found
        if isinstance(found, Operation):
            if found.goes_on_with(caller):
                return found
            found = self._groups[key] = _Group(found)
        return found.of(caller) or found.start(endpoint, caller)

    def _keep(self, value: _Kept) -> _Kept:
        """One object for all equal values, so that attempts which are alike cost little."""
        kept: _Kept = self._kept.setdefault(value, value)
        return kept


def _continues(before: Attempt, names: tuple[str, ...], payload: Payload) -> bool:
    """Whether a request is a retry that lost its document, or only its document's name."""
    if payload.content is not None:
        return payload.content == before.payload.content
    return not names and payload.digest != before.payload_digest


def _masked(name: str, value: str) -> str:
    if name not in {"authorization", "proxy-authorization", "x-api-key", "cookie"}:
        return value
    scheme, space, _ = value.partition(" ")
    return f"{scheme} ***" if space else "***"
