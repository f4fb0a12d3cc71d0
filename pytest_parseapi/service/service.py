"""The simulated API: a neutral request in, a neutral reply or a network fault out."""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Literal, NoReturn

from pytest_parseapi.attempt import Attempt
from pytest_parseapi.callers import Caller, current_caller
from pytest_parseapi.catalogue.behaviour import Call, Rejected
from pytest_parseapi.catalogue.endpoint import Endpoint
from pytest_parseapi.catalogue.faults import NetworkFault
from pytest_parseapi.catalogue.model import DocumentedError, Provider
from pytest_parseapi.errors import nearest
from pytest_parseapi.exchange import Fault, Reply, Request
from pytest_parseapi.ids import Ids
from pytest_parseapi.journal import Journal, Opened
from pytest_parseapi.operation import Operation
from pytest_parseapi.service.faults import broken_reply
from pytest_parseapi.service.script import Script, Step
from pytest_parseapi.stops import Stops

__all__ = ["FOREVER", "MAX_POLLS", "Outcome", "Pending", "SimulatedService"]

FOREVER: Final = 86_400.0
"""How long a silent server is waited for, in virtual seconds, before the test is stopped: longer
than any deadline that a consumer sets around a call."""


MAX_POLLS: Final = 10_000
"""How many polls may find a run in progress: an official client needs 112 for half an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an exchange ends."""

    result: Reply | Fault
    error: DocumentedError | str | None = None
    request_id: str | None = None
    run_id: str | None = None
    run_status: str | None = None
    run_reason: str | None = None
    fuse: Literal["polls", "attempts"] | None = None


class Pending:
    """An exchange under way. A wire waits for `seconds`, then calls `finish`."""

    __slots__ = ("_hangs", "_opened", "_outcome", "_service", "seconds")

    def __init__(
        self, service: SimulatedService, opened: Opened, outcome: Outcome, seconds: float | None
    ) -> None:
        self._service = service
        self._opened = opened
        self._outcome = outcome
        self._hangs = seconds is None
        self.seconds = FOREVER if seconds is None else seconds
        """How long the reply takes, in virtual seconds."""

    @property
    def fault(self) -> str:
        """The network fault that it ends with, or nothing."""
        result = self._outcome.result
        return result.name if isinstance(result, Fault) else ""

    @property
    def hangs(self) -> bool:
        """Whether the server stays silent, and no time-out of the client's is known."""
        return self._hangs

    def finish(self) -> Reply | Fault:
        """The reply or fault, which is on record from now on.

        Raises:
            SimulationStopped: nothing would ever have ended this wait.
        """
        __tracebackhide__ = True
        self._service.close(self._opened, self._outcome)
        if self._hangs:
            self._service.stop_hanging(self._opened.request, self._outcome)
        return self._outcome.result

    def abandon(self, why: str = "cancelled") -> None:
        """The consumer gave up on the exchange before its end."""
        error = self._outcome.error
        fault = error if isinstance(self._outcome.result, Fault) else why
        self._service.close(
            self._opened, Outcome(result=Fault("cancelled", "the consumer gave up"), error=fault)
        )


class SimulatedService:
    """One provider's API in one test.

    Args:
        provider: what it simulates.
        now: virtual seconds since the test began.
        wall: what the consumer's ``time.time()`` shows.
        stops: where to stop the test.
        seed: what the ids depend on.
        max_attempts: the fuse: how many failed attempts in a row at one operation end the test.
        picture: draws the record for the fuse's message.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        now: Callable[[], float],
        wall: Callable[[], float],
        stops: Stops,
        seed: str,
        max_attempts: int,
        picture: Callable[[], str],
    ) -> None:
        self.provider = provider
        self.journal = Journal(now, wall)
        self.script = Script()
        self.reply_seconds = 0.0
        self.lenient = False
        """Whether a script may be left over at the end of the test."""
        self._now = now
        self._wall = wall
        self._stops = stops
        self._seed = f"{provider.name} {seed}"
        self._max_attempts = max_attempts
        self._picture = picture
        self._lock = allocate_lock()
        self._ids = Ids(self._seed)
        self.state: Any = provider.behaviour.new_state()
        self._base_path = provider.base_url.partition("://")[2].partition("/")[2].rstrip("/")
        self._by_code = {error.code: error for error in provider.errors}
        self._routes: dict[tuple[str, str], tuple[Endpoint, dict[str, str]]] = {}

    def reset(self) -> None:
        """Forget scripts, runs and records."""
        with self._lock:
            self.journal.clear()
            self.script.clear()
            self.reply_seconds = 0.0
            self.lenient = False
            self._ids = Ids(self._seed)
            self.state = self.provider.behaviour.new_state()

    @property
    def now(self) -> float:
        """Virtual seconds since the test began."""
        return self._now()

    @property
    def wall(self) -> float:
        """What the consumer's ``time.time()`` shows."""
        return self._wall()

    @property
    def new_id(self) -> Callable[[str], str]:
        """Makes ids for what does not come about by a request."""
        return self._ids.new

    def receive(self, request: Request, caller: Caller | None = None) -> Pending:
        """Decide how the exchange of this request ends, and when.

        Raises:
            SimulationStopped: the request is for something that the simulation does not cover, or
                the fuse has blown.
        """
        __tracebackhide__ = True
        self._stops.check()
        endpoint, params = self._route(request)
        behaviour = self.provider.behaviour
        names = behaviour.documents(request, self.state)
        opened = self.journal.open(request, endpoint, names, caller or current_caller())
        try:
            self._check_fuse(opened.operation)
            token = (request.header("authorization") or "").partition(" ")[2]
            if token.strip():
                self.journal.credentials.add(token.strip())
            with self._lock:
                outcome = self._outcome(request, endpoint, params, names)
            if outcome.run_id is None and endpoint.polls:
                outcome = replace(outcome, run_id=params.get("id"))
            return self._timed(opened, outcome)
        except BaseException:
            self.journal.discard(opened)
            raise

    def close(self, opened: Opened, outcome: Outcome) -> Attempt:
        """Put the end of an exchange on record."""
        result = outcome.result
        return self.journal.close(
            opened,
            status=result.status if isinstance(result, Reply) else None,
            error=outcome.error,
            request_id=outcome.request_id,
            run_id=outcome.run_id,
            run_status=outcome.run_status,
            run_reason=outcome.run_reason,
            fuse=outcome.fuse,
            reply_headers=result.headers if isinstance(result, Reply) else {},
        )

    def stop_hanging(self, request: Request, outcome: Outcome) -> NoReturn:
        """Stop a test whose client would wait for ever."""
        __tracebackhide__ = True
        which = "connect" if outcome.error == "connect_timeout" else "read"
        self._stops.stop(
            f"{request.method} {request.url} would hang for ever: the server stays silent "
            f"({outcome.error}), and the client ({request.client}) has no {which} time-out.\n"
            f"Give the client a time-out, or put a deadline around the call.",
            kind="hang",
        )

    def _route(self, request: Request) -> tuple[Endpoint, dict[str, str]]:
        __tracebackhide__ = True
        key = (request.method, request.path)
        if key in self._routes:
            return self._routes[key]
        path = request.path
        if self._base_path:
            path = path.removeprefix("/" + self._base_path)
        for endpoint in self.provider.endpoints:
            params = endpoint.match(path) if endpoint.method == request.method else None
            if params is not None:
                if not params:
                    self._routes[key] = (endpoint, params)
                return endpoint, params
        return self._miss(request)

    def _miss(self, request: Request) -> NoReturn:
        __tracebackhide__ = True
        known = [str(endpoint) for endpoint in self.provider.endpoints]
        asked = f"{request.method} {request.path}"
        near = nearest(asked, known)
        self._stops.stop(
            f"{asked} is not simulated: {self.provider.title} does not document it, or the "
            f"simulation does not cover it.\n"
            f"  asked     {request.method} {request.url} (by {request.client})\n"
            + (f"  nearest   {near}\n" if near.startswith("did you") else "")
            + "  exists    "
            + "\n            ".join(known)
        )

    def _check_fuse(self, operation: Operation) -> None:
        __tracebackhide__ = True
        if operation.failures + operation.idle >= self._max_attempts:
            what = f"failed {operation.failures} times in a row and"
            if operation.idle:
                what = f"was repeated {operation.failures + operation.idle} times to no end and"
            limit = f"parseapi_max_attempts = {self._max_attempts}"
        elif operation.polls >= MAX_POLLS:
            what = f"was asked {operation.polls:,} times, with waits between them, and"
            limit = f"the limit is {MAX_POLLS:,} polls"
        else:
            return
        self._stops.stop(
            f"The consumer does not stop: {operation.name} {what} was about to be tried again "
            f"({limit}).\n\n{self._picture()}",
            kind="fuse",
        )

    def _outcome(
        self, request: Request, endpoint: Endpoint, params: dict[str, str], names: tuple[str, ...]
    ) -> Outcome:
        """The reply: what the network does, then the credential, the request, and the script.

        A bad request does not use up a script: the API turns it down before it works on it.
        """
        behaviour = self.provider.behaviour
        step = self.script.find(endpoint, names)
        error = None if step is None else step.error
        if step is not None and isinstance(error, NetworkFault) and error.kind == "network":
            self.script.take(step)
            fault = Fault(error.name, step.message or error.description)
            return Outcome(result=fault, error=error.name)
        request_id = self._ids.new(behaviour.request_id_prefix)
        unauthorized = self._by_code.get(behaviour.unauthorized_code())
        if unauthorized is not None and not behaviour.authenticate(request):
            return self._failed(unauthorized, request_id)
        call = Call(
            request=request,
            endpoint=endpoint,
            params=params,
            now=self._now(),
            state=self.state,
            new_id=self._ids.new,
            base_url=request.base_url or self.provider.base_url,
            names=names,
        )
        try:
            reply = behaviour.answer(call, request_id)
        except Rejected as rejected:
            return self._failed(
                self._by_code[rejected.code],
                request_id,
                message=rejected.message,
                details=rejected.details,
            )
        if step is not None:
            self.script.take(step)
            return self._scripted(step, reply, request_id)
        for effect in call.effects:
            effect()
        return Outcome(
            result=reply,
            request_id=self._readable(request_id, reply),
            run_id=call.run_id,
            run_status=call.run_status,
            run_reason=call.run_reason,
            fuse=call.fuse,
        )

    def _scripted(self, step: Step, success: Reply, request_id: str) -> Outcome:
        if isinstance(step.error, DocumentedError):
            return self._failed(
                step.error, request_id, message=step.message, retry_after=step.retry_after
            )
        reply = broken_reply(self.provider, step.error, success, request_id, step.message)
        reply = _with_retry_after(reply, step.retry_after)
        unreadable = reply.truncated or step.error.name == "invalid_json"
        found = None if unreadable else self._readable(request_id, reply)
        return Outcome(result=reply, error=step.error.name, request_id=found)

    def _failed(
        self,
        error: DocumentedError,
        request_id: str,
        *,
        message: str | None = None,
        details: Any = MappingProxyType({}),
        retry_after: str | None = None,
    ) -> Outcome:
        reply = self.provider.behaviour.error_reply(
            error,
            message=error.message if message is None else message,
            request_id=request_id,
            details=details,
        )
        reply = _with_retry_after(reply, retry_after)
        return Outcome(result=reply, error=error, request_id=self._readable(request_id, reply))

    def _readable(self, request_id: str, reply: Reply) -> str | None:
        """The id, where the body carries it."""
        return request_id if request_id.encode() in reply.body else None

    def _timed(self, opened: Opened, outcome: Outcome) -> Pending:
        timeouts = opened.request.timeouts
        fault = outcome.result.name if isinstance(outcome.result, Fault) else ""
        if fault in {"connect_timeout", "read_timeout"}:
            limit = timeouts.connect if fault == "connect_timeout" else timeouts.read
            return Pending(self, opened, outcome, limit)
        seconds = self.reply_seconds
        if timeouts.read is not None and seconds > timeouts.read and not fault:
            late = Fault("read_timeout", f"the reply takes {seconds:g} s")
            return Pending(self, opened, Outcome(result=late, error=late.name), timeouts.read)
        return Pending(self, opened, outcome, seconds)


def _with_retry_after(reply: Reply, value: str | None) -> Reply:
    if value is None:
        return reply
    headers = {**reply.headers, "retry-after": value}
    return Reply(status=reply.status, headers=headers, body=reply.body, truncated=reply.truncated)
