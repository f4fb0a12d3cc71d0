"""The simulated API: a neutral request in, a neutral reply or a network fault out."""

from __future__ import annotations

import hashlib
from _thread import allocate_lock, get_ident
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any, Final, Protocol

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.context import Context
from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import NetworkFault
from pytest_parseapi.model.http import Fault, Reply, Request
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.runs import RunShown, no_runs
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.caller import Caller, current_caller
from pytest_parseapi.record.journal import Journal, Opened
from pytest_parseapi.record.outcome import Outcome
from pytest_parseapi.service.call_runs import CallRuns
from pytest_parseapi.service.fuse import Fuse
from pytest_parseapi.service.mocked_outcome import outcome_of
from pytest_parseapi.service.mocked_runs import with_run
from pytest_parseapi.service.outcome import readable, scripted_outcome
from pytest_parseapi.service.pending import Pending, timed
from pytest_parseapi.service.provider_functions import ProviderFunctions
from pytest_parseapi.service.replay_script import Replay, item_of
from pytest_parseapi.service.replayed_outcome import replayed
from pytest_parseapi.service.routes import Routes
from pytest_parseapi.service.run_book import RunBook
from pytest_parseapi.service.script import NOTHING, Found, Script, Step

__all__ = ["Ids", "SimulatedService", "Watcher"]

_NO_RUNS: Final = no_runs()


def _changes(endpoint: Endpoint) -> bool:
    """Whether a request makes a run, or changes what its path names: a cancellation, a deletion."""
    return endpoint.submits or (endpoint.method != "GET" and "{" in endpoint.path)


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


class Watcher(Protocol):
    """Sees each exchange of a test before it is answered, and may script how it ends."""

    def exchange(self, service: SimulatedService, opened: Opened, *, mocked: bool) -> None:
        """An exchange begins; ``mocked`` where a mock of the test's own answers it."""

    def claims(self, service: SimulatedService, endpoint: Endpoint, names: tuple[str, ...]) -> bool:
        """Whether the exchange that is about to begin must not reach a mock of the test's own."""


class SimulatedService:
    """One provider's API in one test.

    Args:
        provider: what it simulates.
        now: virtual seconds since the test began.
        wall: what the consumer's ``time.time()`` shows.
        stops: where to stop the test.
        seed: what the ids depend on.
        max_attempts: the fuse: how many failed attempts in a row at one operation end the test.
        picture: draws a record for the fuse's message, given the numbers of what matters most.
        signing_parameters: more query parameters that sign a link, beside the well-known ones.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        now: Callable[[], float],
        wall: Callable[[], float],
        stops: Stops,
        seed: str,
        max_attempts: float,
        picture: Callable[[list[Attempt], Collection[int]], str],
        signing_parameters: Iterable[str] = (),
    ) -> None:
        self.provider = provider
        self.document_names = DocumentNames(signing_parameters)
        """What is one document, whatever its links and ids."""
        self.journal = Journal(now, wall, self.document_names)
        self.script = Script(provider.base_url, self.document_names)
        self.mock_scripts: list[Script] = []
        """The scripts of ``answers(...)``, each for the mocks that it was given to."""
        self.reply_seconds = 0.0
        self.lenient = False
        """Whether a script may be left over at the end of the test."""
        self.watcher: Watcher | None = None
        """Who sees each exchange; nobody in most sessions."""
        self._now = now
        self._wall = wall
        self._stops = stops
        self.seed = f"{provider.name} {seed}"
        """What its ids depend on."""
        self._fuse = Fuse(max_attempts, stops, self.journal, picture)
        self._routes = Routes(provider, stops)
        self._functions = ProviderFunctions(provider, stops)
        self.rejections: dict[str, int] = {}
        """Why requests were turned down without a script, and the last attempt each time."""
        self._lock = allocate_lock()
        self._deciding: int | None = None
        """The thread in which a ``when`` of the test's own decides."""
        self._ids = Ids(self.seed)
        self.state: Any = self._functions.new_state()
        self.runs = None if provider.runs is None else RunBook(provider.runs, self.document_names)
        """Every run of the test; None where the provider has none."""
        self._unauthorized = provider.error_of(provider.unauthorized)

    def reset(self) -> None:
        """Forget scripts, runs and records."""
        with self._lock:
            self.journal.clear()
            self.script.clear()
            self.mock_scripts.clear()
            self.reply_seconds = 0.0
            self.lenient = False
            self.rejections.clear()
            self._ids = Ids(self.seed)
            self.state = self._functions.new_state()
            words = self.provider.runs
            self.runs = None if words is None else RunBook(words, self.document_names)

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
        secrets = self._secrets(request)
        names = self._names(request, params)
        opened = self.journal.open(request, endpoint, names, caller or current_caller(), secrets)
        try:
            self._fuse.check(opened.operation)
            if self.watcher is not None:
                self.watcher.exchange(self, opened, mocked=False)
            with self._lock:
                outcome = self._outcome(
                    request, endpoint, params, names, self.script, authorized=bool(secrets)
                )
            outcome, seconds = timed(outcome, request.timeouts, self.reply_seconds)
            if outcome.shown is None and endpoint.polls and params:
                outcome.shown = RunShown(next(iter(params.values())))
            return Pending(opened, outcome, seconds, self.close, self._stops)
        except BaseException:
            self.journal.discard(opened)
            raise

    def refused(self, request: Request) -> None:
        """Keep the credential of a request that the client library itself refused to send.

        Its error may hold the credential, and the consumer may log the error.
        """
        self.journal.credentials.update(self._secrets(request))

    def open(self, request: Request) -> Opened:
        """Begin an exchange that a mock of the test's own answers, whatever it asks for.

        Args:
            request: what is asked.

        Raises:
            SimulationStopped: the fuse has blown.
        """
        self._stops.check()
        undocumented = Endpoint(method=request.method, path=request.path)
        endpoint, params = self._routes.search(request) or (undocumented, {})
        secrets = self._secrets(request)
        names = self._names(request, params)
        opened = self.journal.open(request, endpoint, names, current_caller(), secrets)
        try:
            self._fuse.check(opened.operation)
            if self.watcher is not None:
                self.watcher.exchange(self, opened, mocked=True)
        except BaseException:
            self.journal.discard(opened)
            raise
        return opened

    def claims(self, request: Request) -> bool:
        """Whether the failure of a sweep comes before whatever mock of the test's own.

        Args:
            request: what is asked.
        """
        if self.watcher is None:
            return False
        found = self._routes.search(request)
        return found is not None and self.watcher.claims(
            self, found[0], self._names(request, found[1])
        )

    def answered(self, opened: Opened, answer: Reply | Fault | Outcome, mock: str) -> Pending:
        """What a mock of the test's own answered.

        Args:
            opened: the beginning of the exchange.
            answer: the mock's; an outcome where the mock had it from `planned`.
            mock: what messages call it.
        """
        if isinstance(answer, Fault):
            outcome = Outcome(result=answer, error=answer.name, mock=mock)
        elif isinstance(answer, Reply):
            outcome = outcome_of(self.provider, opened.endpoint, answer, mock)
        else:
            outcome = replace(answer, mock=mock)
        with self._lock:
            if isinstance(answer, Reply) and self.runs is not None:
                outcome = self._with_run(opened, outcome, self.runs)
            reason = f"{mock} answered {opened.endpoint} first"
            self.script.pass_by(opened.endpoint, opened.names, reason)
        outcome, seconds = timed(outcome, opened.request.timeouts, self.reply_seconds)
        return Pending(opened, outcome, seconds, self.close, self._stops)

    def _with_run(self, opened: Opened, outcome: Outcome, book: RunBook) -> Outcome:
        found = self._routes.search(opened.request)
        if found is None:
            return outcome
        endpoint, params = found
        now = self._now()
        return with_run(self.provider, book, endpoint, params, opened.names, outcome, now)

    def planned(self, request: Request, script: Script) -> Outcome:
        """How an exchange ends by a script of its own, and then by a success.

        Args:
            request: what a mock of the test's own was asked.
            script: the failures.

        Raises:
            SimulationStopped: the simulation does not cover what is asked.
        """
        endpoint, params = self._routes.find(request)
        names = self._names(request, params)
        authorized = bool(self._secrets(request))
        with self._lock:
            return self._outcome(request, endpoint, params, names, script, authorized=authorized)

    def _secrets(self, request: Request) -> tuple[str, ...]:
        """The credential that a request carries, as its provider reads it."""
        secrets = self._functions.texts(self.provider.credential.read, request)
        if not secrets:
            # Whoever sends another scheme by mistake must not log the token either.
            token = (request.header("authorization") or "").partition(" ")[2].strip()
            self.journal.credentials.update({token} - {""})
        return secrets

    def close(self, opened: Opened, outcome: Outcome) -> Attempt:
        """Put the end of an exchange on record."""
        attempt = self.journal.close(opened, outcome)
        if outcome.rejection is not None:
            self.rejections[outcome.rejection] = attempt.number
        return attempt

    def context(self) -> Context:
        """What the provider's functions are given outside a request."""
        return Context(
            now=self._now(),
            state=self.state,
            new_id=self._ids.new,
            base_url=self.provider.base_url,
        )

    def _names(self, request: Request, params: dict[str, str]) -> tuple[str, ...]:
        """What the document is called: that of the run in the path, else what the request names."""
        if params and self.runs is not None:
            for value in params.values():
                run = self.runs.get(value)
                if run is not None:
                    return run.names
        documents = self.provider.behaviour.documents
        names = self._functions.texts(documents, request, self.state)
        return self.document_names.names(names)

    def _outcome(
        self,
        request: Request,
        endpoint: Endpoint,
        params: dict[str, str],
        names: tuple[str, ...],
        script: Script,
        *,
        authorized: bool,
    ) -> Outcome:
        """The reply: what the network does, then the credential, the request, and the script.

        A bad request does not use up a script: the API turns it down before it works on it.
        """
        found = NOTHING
        if script.pending:
            found = self._scripted(request, endpoint, params, names, script)
        if isinstance(found.step, Replay):
            return self._replayed(
                found,
                found.step,
                self._call(request, endpoint, params, names),
                script,
                authorized=authorized,
            )
        step = found.step if isinstance(found.step, Step) else None
        error = None if step is None else step.error
        lost = isinstance(error, NetworkFault) and error.loses_reply and _changes(endpoint)
        if isinstance(error, NetworkFault) and error.kind == "network" and not lost:
            return self._fault(script, found, error)
        request_id = self._ids.new(self.provider.behaviour.request_id_prefix)
        call = self._call(request, endpoint, params, names)
        call.unseen = isinstance(error, DocumentedError)
        try:
            reply = self._served(call, request_id, authorized=authorized)
            if isinstance(reply, Reply) and (step is None or lost):
                # Where the reply alone is lost, the service got the request.
                for effect in call.effects:
                    effect()
            if isinstance(error, NetworkFault) and error.kind == "network":
                return self._fault(script, found, error)
            if isinstance(reply, Outcome):
                return reply
            if step is not None:
                script.take(found)
                wording = self._functions.wording(step.error, call)
                return self._functions.guarded(
                    scripted_outcome, self.provider, step, wording, reply, request_id
                )
            if found.delays:
                script.take(found)
            return Outcome(
                result=reply,
                request_id=readable(request_id, reply, self.provider.behaviour),
                shown=call.shown,
                listed=tuple(call.listed),
                counts=call.counts,
            )
        finally:
            # They know the call: as a circle, all of it would be the garbage collector's to find.
            call.runs = _NO_RUNS
            call.effects.clear()

    def _replayed(
        self, found: Found, replay: Replay, call: Call, script: Script, *, authorized: bool
    ) -> Outcome:
        """A recorded reply: what it shows is right, whatever the simulation would have said."""
        reply = replay.next_for(call.endpoint, call.names, item_of(call.params))
        assert reply is not None
        unauthorized = self._unauthorized
        if unauthorized is not None and not (authorized or call.endpoint.public):
            result = reply.exchange.result
            if not isinstance(result, Reply) or result.status != unauthorized.status:
                request_id = self._ids.new(self.provider.behaviour.request_id_prefix)
                return self._functions.rejected(unauthorized, request_id)
        replay.take(reply)
        script.take(found)
        return replayed(replay, reply, call, self.runs, self._wall())

    def _served(self, call: Call, request_id: str, *, authorized: bool) -> Reply | Outcome:
        """The reply to a good request, or how a bad one ends."""
        if self._unauthorized is not None and not (authorized or call.endpoint.public):
            return self._functions.rejected(self._unauthorized, request_id)
        try:
            return self._functions.answer(call, request_id)
        except Rejected as rejected:
            return self._functions.turned_down(rejected, request_id)

    def _fault(self, script: Script, found: Found, error: NetworkFault) -> Outcome:
        script.take(found)
        message = found.step.message if isinstance(found.step, Step) else None
        return Outcome(result=Fault(error.name, message or error.description), error=error.name)

    def _call(
        self,
        request: Request,
        endpoint: Endpoint,
        params: dict[str, str],
        names: tuple[str, ...],
    ) -> Call:
        call = Call(
            request=request,
            endpoint=endpoint,
            params=params,
            now=self._now(),
            state=self.state,
            new_id=self._ids.new,
            base_url=request.base_url or self.provider.base_url,
            names=names,
            runs=_NO_RUNS,
        )
        if self.runs is not None:
            call.runs = CallRuns(self.runs, call, self.provider.idempotency_header)
        return call

    def _scripted(
        self,
        request: Request,
        endpoint: Endpoint,
        params: dict[str, str],
        names: tuple[str, ...],
        script: Script,
    ) -> Found:
        """What the script has for a request; a ``when`` that raises stops the test."""
        self._deciding = get_ident()
        try:
            return script.find(request, endpoint, names, item_of(params))
        except UsageError as mistake:
            self._stops.stop(str(mistake))
        finally:
            self._deciding = None
