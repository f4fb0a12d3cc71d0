"""The simulated API: a neutral request in, a neutral reply or a network fault out."""

from __future__ import annotations

from _thread import allocate_lock, get_ident
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any, Protocol

from pytest_parseapi.model.context import Context
from pytest_parseapi.model.credentials import secrets_of_another_scheme
from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.http import Fault, Reply, Request
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.runs import RunShown
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.caller import Caller, current_caller
from pytest_parseapi.record.journal import Journal, Opened
from pytest_parseapi.record.outcome import Outcome
from pytest_parseapi.service.decisions import Decisions
from pytest_parseapi.service.fuse import Fuse
from pytest_parseapi.service.mocked_outcome import outcome_of
from pytest_parseapi.service.mocked_runs import with_run
from pytest_parseapi.service.pending import Pending, timed
from pytest_parseapi.service.provider_data import ProviderData
from pytest_parseapi.service.provider_functions import ProviderFunctions
from pytest_parseapi.service.routes import Routes
from pytest_parseapi.service.run_table import RunTable
from pytest_parseapi.service.script import Script


class Watcher(Protocol):
    """Watches the exchanges of a test before they are decided, and may script failures for them."""

    def exchange(self, service: SimulatedService, opened: Opened, *, mocked: bool) -> None:
        """An exchange begins; ``mocked`` where a mock of the test's own answers it."""

    def fails_before_mocks(
        self, service: SimulatedService, endpoint: Endpoint, names: tuple[str, ...]
    ) -> bool:
        """Whether the next exchange fails before a mock of the test's own is asked."""


class SimulatedService:
    """One provider's API in one test.

    Args:
        provider: what it simulates.
        now: virtual seconds since the test began.
        wall: what the consumer's ``time.time()`` shows.
        stops: where to stop the test.
        seed: what the ids depend on.
        max_attempts: how many attempts in a row at one operation without progress end the test.
        draw_timeline: draws a record for the message, given the numbers of what matters most.
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
        draw_timeline: Callable[[list[Attempt], Collection[int]], str],
        signing_parameters: Iterable[str] = (),
    ) -> None:
        self.provider = provider
        self.document_names = DocumentNames(signing_parameters, provider.part_option)
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
        self._fuse = Fuse(max_attempts, stops, self.journal, draw_timeline)
        self._routes = Routes(provider, stops)
        self._functions = ProviderFunctions(provider, stops)
        self._lock = allocate_lock()
        self._data = self._new_data()
        self._decisions = Decisions(provider, self._functions, stops, wall)

    def reset(self) -> None:
        """Forget scripts, runs and records."""
        with self._lock:
            self.journal.clear()
            self.script.clear()
            self.mock_scripts.clear()
            self.reply_seconds = 0.0
            self.lenient = False
            self._data = self._new_data()

    @property
    def state(self) -> Any:
        """What the provider's own functions remember."""
        return self._data.state

    @property
    def runs(self) -> RunTable | None:
        """Every run of the test; None where the provider has none."""
        return self._data.runs

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
        """Makes ids for what no request creates, such as a run that a test starts."""
        return self._data.ids.new

    def receive(self, request: Request, caller: Caller | None = None) -> Pending:
        """Decide how the exchange of a request ends, and when.

        Raises:
            SimulationStopped: the request is for something that the simulation does not cover, or
                a limit of the fuse is reached.
        """
        self._stops.check()
        if self._decisions.deciding is not None and self._decisions.deciding == get_ident():
            self._stops.stop(
                f"a when= made a request ({request.method} {request.url}): it must not"
            )
        endpoint, params = self._routes.find(request)
        opened = self._begin(request, endpoint, params, caller, mocked=False)
        try:
            with self._lock:
                outcome = self._decisions.outcome(
                    self._data,
                    self.script,
                    request,
                    endpoint,
                    params,
                    opened.names,
                    opened.started,
                    authorized=bool(opened.secrets),
                )
            outcome, seconds = timed(outcome, request.timeouts, self.reply_seconds)
            if outcome.shown is None and endpoint.polls and params:
                outcome.shown = RunShown(next(iter(params.values())))
            return Pending(opened, outcome, seconds, self.close, self._stops)
        except BaseException:
            self.journal.discard(opened)
            raise

    def keep_secrets(self, request: Request) -> None:
        """Keep the credential of a request that the client library itself refused to send.

        Its error may hold the credential, and the consumer may log the error.
        """
        self.journal.credentials.update(self._secrets(request))

    def open(self, request: Request, caller: Caller | None = None) -> Opened:
        """Begin an exchange that a mock of the test's own answers; any path is accepted.

        Args:
            request: what is asked.
            caller: who asks, where that is not the thread or task that calls this.

        Raises:
            SimulationStopped: a limit of the fuse is reached.
        """
        self._stops.check()
        undocumented = Endpoint(method=request.method, path=request.path)
        endpoint, params = self._routes.search(request) or (undocumented, {})
        return self._begin(request, endpoint, params, caller, mocked=True)

    def _begin(
        self,
        request: Request,
        endpoint: Endpoint,
        params: dict[str, str],
        caller: Caller | None,
        *,
        mocked: bool,
    ) -> Opened:
        """Record the beginning of an exchange; stop the test if there were too many failed ones."""
        secrets = self._secrets(request)
        names = self._names(request, params)
        opened = self.journal.open(request, endpoint, names, caller or current_caller(), secrets)
        try:
            self._fuse.check(opened.operation)
            if self.watcher is not None:
                self.watcher.exchange(self, opened, mocked=mocked)
        except BaseException:
            self.journal.discard(opened)
            raise
        return opened

    def fails_before_mocks(self, request: Request) -> bool:
        """Whether a sweep makes this request fail before a mock of the test's own is asked.

        Args:
            request: what is asked.
        """
        if self.watcher is None:
            return False
        found = self._routes.search(request)
        return found is not None and self.watcher.fails_before_mocks(
            self, found[0], self._names(request, found[1])
        )

    def answered(self, opened: Opened, answer: Reply | Fault | Outcome, mock: str) -> Pending:
        """The exchange that a mock of the test's own has answered.

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

    def _with_run(self, opened: Opened, outcome: Outcome, table: RunTable) -> Outcome:
        found = self._routes.search(opened.request)
        if found is None:
            return outcome
        endpoint, params = found
        now = self._now()
        return with_run(self.provider, table, endpoint, params, opened.names, outcome, now)

    def planned(self, request: Request, script: Script) -> Outcome:
        """How an exchange of a mock ends: by the next failure of its script, else with a success.

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
            return self._decisions.outcome(
                self._data,
                script,
                request,
                endpoint,
                params,
                names,
                self._now(),
                authorized=authorized,
            )

    def _secrets(self, request: Request) -> tuple[str, ...]:
        """The credential in a request, read by the provider's own function."""
        secrets = self._functions.texts(self.provider.credential.read, request)
        if not secrets:
            # A consumer that sends another scheme by mistake must not log the token either.
            self.journal.credentials.update(secrets_of_another_scheme(request))
        return secrets

    def close(self, opened: Opened, outcome: Outcome) -> Attempt:
        """Record the end of an exchange."""
        return self.journal.close(opened, outcome)

    def context(self) -> Context:
        """The context for a call of the provider's functions without a request."""
        return Context(
            now=self._now(),
            state=self.state,
            new_id=self._data.ids.new,
            base_url=self.provider.base_url,
        )

    def _new_data(self) -> ProviderData:
        return ProviderData(self.provider, self._functions, self.document_names, self.seed)

    def _names(self, request: Request, params: dict[str, str]) -> tuple[str, ...]:
        """The names of the document: those of the run in the path, else those in the request."""
        data = self._data
        if params and data.runs is not None:
            for value in params.values():
                run = data.runs.get(value)
                if run is not None:
                    return run.names
        documents = self.provider.behaviour.documents
        names = self._functions.texts(documents, request, data.state)
        return self.document_names.names(names)
