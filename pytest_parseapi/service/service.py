"""The simulated API: a neutral request in, a neutral reply or a network fault out."""

from __future__ import annotations

import hashlib
from _thread import allocate_lock, get_ident
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.faults import NetworkFault
from pytest_parseapi.model.http import Fault, Reply, Request
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.journal import Journal, Opened
from pytest_parseapi.record.operation import Caller, current_caller
from pytest_parseapi.service.fuse import Fuse
from pytest_parseapi.service.outcome import Outcome, failed, readable, scripted
from pytest_parseapi.service.pending import Pending, timed
from pytest_parseapi.service.routes import Routes
from pytest_parseapi.service.script import Found, Script

__all__ = ["Ids", "SimulatedService"]


class Ids:
    """Makes ids for one provider in one test.

    Args:
        seed: what they depend on, such as the test's node id.
    """

    def __init__(self, seed: str) -> None:
        self._seed = hashlib.blake2s(seed.encode()).hexdigest()[:8]
        self._numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(1))

    def new(self, prefix: str) -> str:
        """A new id: the prefix, a part that is the test's own, and a number."""
        return f"{prefix}{self._seed}{next(self._numbers[prefix]):08d}"


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
        self.script = Script(provider.base_url)
        self.reply_seconds = 0.0
        self.lenient = False
        """Whether a script may be left over at the end of the test."""
        self._now = now
        self._wall = wall
        self._stops = stops
        self._seed = f"{provider.name} {seed}"
        self._fuse = Fuse(max_attempts, stops, picture)
        self._routes = Routes(provider, stops)
        self.rejections: dict[str, int] = {}
        """Why requests were turned down without a script, and the last attempt each time."""
        self._lock = allocate_lock()
        self._deciding: int | None = None
        """The thread in which a ``when`` of the test's own decides."""
        self._ids = Ids(self._seed)
        self.state: Any = provider.behaviour.new_state()
        self._by_code = {error.code: error for error in provider.errors}

    def reset(self) -> None:
        """Forget scripts, runs and records."""
        with self._lock:
            self.journal.clear()
            self.script.clear()
            self.reply_seconds = 0.0
            self.lenient = False
            self.rejections.clear()
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
        self._stops.check()
        if self._deciding == get_ident():
            self._stops.stop(
                f"a when= made a request ({request.method} {request.url}): it must not"
            )
        endpoint, params = self._routes.find(request)
        behaviour = self.provider.behaviour
        names = behaviour.documents(request, self.state)
        opened = self.journal.open(request, endpoint, names, caller or current_caller())
        try:
            self._fuse.check(opened.operation)
            token = (request.header("authorization") or "").partition(" ")[2]
            if token.strip():
                self.journal.credentials.add(token.strip())
            with self._lock:
                outcome = self._outcome(request, endpoint, params, names)
            if outcome.run_id is None and endpoint.polls:
                outcome = replace(outcome, run_id=params.get("id"))
            outcome, seconds = timed(outcome, request.timeouts, self.reply_seconds)
            return Pending(opened, outcome, seconds, self.close, self._stops)
        except BaseException:
            self.journal.discard(opened)
            raise

    def close(self, opened: Opened, outcome: Outcome) -> Attempt:
        """Put the end of an exchange on record."""
        result = outcome.result
        attempt = self.journal.close(
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
        if outcome.rejection is not None:
            self.rejections[outcome.rejection] = attempt.number
        return attempt

    def _outcome(
        self, request: Request, endpoint: Endpoint, params: dict[str, str], names: tuple[str, ...]
    ) -> Outcome:
        """The reply: what the network does, then the credential, the request, and the script.

        A bad request does not use up a script: the API turns it down before it works on it.
        """
        behaviour = self.provider.behaviour
        found = self._scripted(request, endpoint, names)
        step = found.step
        error = None if step is None else step.error
        if step is not None and isinstance(error, NetworkFault) and error.kind == "network":
            self.script.take(found)
            fault = Fault(error.name, step.message or error.description)
            return Outcome(result=fault, error=error.name)
        request_id = self._ids.new(behaviour.request_id_prefix)
        unauthorized = self._by_code.get(behaviour.unauthorized_code())
        if unauthorized is not None and not behaviour.authenticate(request):
            return _rejected(failed(behaviour, unauthorized, request_id), unauthorized.message)
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
            error = self._by_code[rejected.code]
            message = error.message if rejected.message is None else rejected.message
            outcome = failed(
                behaviour, error, request_id, message=message, details=rejected.details
            )
            return _rejected(outcome, message)
        self.script.take(found)
        if step is not None:
            return scripted(self.provider, step, reply, request_id)
        for effect in call.effects:
            effect()
        return Outcome(
            result=reply,
            request_id=readable(request_id, reply),
            run_id=call.run_id,
            run_status=call.run_status,
            run_reason=call.run_reason,
            fuse=call.fuse,
        )

    def _scripted(self, request: Request, endpoint: Endpoint, names: tuple[str, ...]) -> Found:
        """What the script has for a request; a ``when`` that raises stops the test."""
        __tracebackhide__ = True
        self._deciding = get_ident()
        try:
            return self.script.find(request, endpoint, names)
        except UsageError as mistake:
            self._stops.stop(str(mistake))
        finally:
            self._deciding = None


def _rejected(outcome: Outcome, message: str) -> Outcome:
    return replace(outcome, rejection=message)
