"""`ParseAPI`: one provider, simulated for one test."""

from __future__ import annotations

import math

from pytest_parseapi.api.answers import Answers
from pytest_parseapi.api.assertions import (
    HTTPAssertions,
    NotesChecks,
    RunAssertions,
    WebhookAssertions,
    noted,
)
from pytest_parseapi.api.failure_script import FailureScript, show_while_shrinking
from pytest_parseapi.api.names import names_mistakes
from pytest_parseapi.api.replay import ReplayControls
from pytest_parseapi.api.runs import RunControls
from pytest_parseapi.api.simulated_providers import SimulatedProviders
from pytest_parseapi.api.webhooks import WebhookControls
from pytest_parseapi.checks.observed import Observed
from pytest_parseapi.clients.replaced import replaced_client
from pytest_parseapi.clock.replaced import mocked_sleep
from pytest_parseapi.clock.virtual import VirtualClock
from pytest_parseapi.model.lookup import ErrorName
from pytest_parseapi.model.mistakes import UsageError, as_document
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.evidence.line import Line
from pytest_parseapi.record.evidence.own_text import without_own_text
from pytest_parseapi.record.timeline import draw
from pytest_parseapi.service.condition import When
from pytest_parseapi.service.script import ALWAYS, RetryAfter, steps_for, times_of
from pytest_parseapi.service.service import SimulatedService

__all__ = ["ALWAYS", "ParseAPI"]


@names_mistakes
@noted
class ParseAPI(
    RunControls,
    ReplayControls,
    WebhookControls,
    WebhookAssertions,
    RunAssertions,
    HTTPAssertions,
    NotesChecks,
):
    """One provider, simulated for one test; fixtures make it.

    Example:
        >>> def test_retries(extend_api):
        ...     extend_api.fail("OCR_ERROR", times=2)
        ...     our_app.parse("https://files.example.com/invoice.pdf")
        ...     extend_api.assert_recovered()
    """

    def __init__(self, simulation: SimulatedProviders, provider: Provider | None = None) -> None:
        if not isinstance(simulation, SimulatedProviders) or provider is None:
            raise UsageError(
                "a ParseAPI is made by fixtures, for one test: parseapi, one of a provider's own, "
                "or parseapi_factory('name')"
            )
        self._simulation = simulation
        self._provider = provider

    def __repr__(self) -> str:
        return f"<ParseAPI {self._provider.name}>"

    @property
    def provider(self) -> Provider:
        """What is simulated: hosts, endpoints, documented errors.

        Example:
            >>> extend_api.provider.error_of("OCR_ERROR").status
            500
        """
        return self._service.provider

    @property
    def base_url(self) -> str:
        """The documented base URL, without a slash at its end.

        Example:
            >>> extend_api.base_url
            'https://api.extend.ai'
        """
        return self._service.provider.base_url

    @property
    def api_key(self) -> str:
        """A credential that the simulated service accepts, as it does any well-formed one.

        Example:
            >>> headers = {"Authorization": f"Bearer {extend_api.api_key}"}
        """
        return self._service.provider.api_key

    @property
    def live_url(self) -> str:
        """The base URL of a real HTTP server on loopback that serves this API.

        For other processes, other languages, and clients that are not intercepted: give it to them
        in place of `base_url`. The server starts when a test first asks for it, sends each request
        to the test that runs, and stops with the session.

        A client in this process waits between its attempts in virtual time, one in another process
        in real time, which then counts as it passes. Replies that take long, and time-outs, take
        real seconds for both. A server cannot refuse a connection that it has accepted: over it,
        ``connect_error`` resets the connection after the request, and ``connect_timeout`` is
        silent as ``read_timeout`` is, until the client leaves.

        Example:
            >>> subprocess.run(["node", "parse.js", extend_api.live_url])  # doctest: +SKIP
        """
        return self._open.live.url(self._service.provider)

    @property
    def clock(self) -> VirtualClock:
        """The test's virtual clock: ``clock.elapsed`` in seconds, ``clock.advance(seconds)``.

        Example:
            >>> extend_api.clock.advance(3600)
            >>> extend_api.clock.elapsed
            3600.0
        """
        return self._open.clock

    @property
    def attempts(self) -> list[Attempt]:
        """Every exchange with this provider, oldest first.

        Example:
            >>> extend_api.fail("OCR_ERROR")
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> [attempt.status for attempt in extend_api.attempts]
            [500, 200]
        """
        return self._service.journal.attempts

    def attempts_for(self, document: str) -> list[Attempt]:
        """Every exchange about one document, oldest first.

        Args:
            document: its URL, file name, last path segment or file id.

        Example:
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> len(extend_api.attempts_for("invoice.pdf"))
            1
        """
        name = self._service.document_names.given(document)
        if name is None:
            raise UsageError("attempts_for() needs a document: a URL, a file name or an id")
        return [attempt for attempt in self.attempts if name in attempt.names]

    @property
    def request_ids(self) -> list[str]:
        """The request id (``requestId``) of each failed reply that carried one, oldest first.

        Example:
            >>> extend_api.fail("OCR_ERROR")
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> len(extend_api.request_ids)
            1
        """
        return [
            attempt.request_id
            for attempt in self.attempts
            if attempt.failed and attempt.request_id is not None
        ]

    def fail(
        self,
        *errors: ErrorName,
        times: float = 1,
        document: str | None = None,
        endpoint: str | None = None,
        retry_after: RetryAfter | None = None,
        message: str | None = None,
        after: int = 0,
        when: When | None = None,
    ) -> None:
        """Script failures: each named error, ``times`` times each, in order, and then recovery.

        Args:
            errors: documented codes (``"OCR_ERROR"``), statuses (``503``) where only one error has
                that status, `DocumentedError` objects, or network faults (``"read_timeout"``).
            times: how often each is met; ``ALWAYS`` forever.
            document: only requests about this document: its URL, file name, last path segment or
                file id.
            endpoint: only this path, such as ``"/parse"`` or ``"/parse_runs/{id}"``.
            retry_after: the reply's ``Retry-After``: seconds, an HTTP date, or an aware `datetime`.
            message: the text in the body, instead of the catalogue's.
            after: how many of the requests that match are let pass first.
            when: only requests that this respx pattern matches (``M(json__language="de")``), or
                for which this callable of an `httpx.Request` says so, whatever client sends them.

        Raises:
            UsageError: a name or value is wrong; the message has the nearest right one.

        Example:
            >>> extend_api.fail("OCR_ERROR", "RATE_LIMIT_EXCEEDED", times=2)
            >>> extend_api.fail(429, after=2, when=lambda r: b"de" in r.content)
            >>> extend_api.fail("read_timeout", document="invoice.pdf")
        """
        steps = steps_for(
            self.provider,
            errors,
            others=self._open.providers.values(),
            times=times,
            document=document,
            endpoint=endpoint,
            retry_after=retry_after,
            message=message,
            after=after,
            when=when,
        )
        for step in steps:
            self._service.script.add(step)

    def answers(
        self,
        *errors: ErrorName,
        times: float = 1,
        retry_after: RetryAfter | None = None,
        message: str | None = None,
    ) -> Answers:
        """The same failures as by `fail`, and then a success, for a respx route of the test's own.

        It is a script of that route alone; what of it no request met is reported at the end of the
        test. Without errors, each request succeeds.

        Args:
            errors: as for `fail`, network faults included.
            times: how often each is met; ``ALWAYS`` forever.
            retry_after: the replies' ``Retry-After``.
            message: the text in the bodies, instead of the catalogue's.

        Returns:
            A side effect: ``route.mock(side_effect=...)``.

        Raises:
            UsageError: a name or value is wrong; the message has the nearest right one.

        Example:
            >>> route = respx_mock.post("https://api.extend.ai/parse")  # doctest: +SKIP
            >>> route.side_effect = extend_api.answers("OCR_ERROR", times=2)  # doctest: +SKIP
        """
        times_of(times)
        for item in errors:
            if as_document(item):
                raise UsageError(
                    f"{item!r} is no error: answers() is a script of its route, whatever the "
                    "document"
                )
        steps = steps_for(
            self.provider,
            errors,
            others=self._open.providers.values(),
            times=times,
            retry_after=retry_after,
            message=message,
            verb="answers",
        )
        return Answers(lambda: self._open, self._service, steps)

    def replies_take(self, seconds: float) -> None:
        """Let each reply take this long from now on.

        A client whose read time-out is shorter times out.

        Args:
            seconds: virtual seconds >= 0.

        Example:
            >>> extend_api.replies_take(seconds=20)
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.attempts[0].ended
            20.0
        """
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise UsageError(f"replies_take() takes seconds >= 0, not {seconds!r}")
        if not 0 <= seconds < math.inf:
            raise UsageError(f"replies_take() takes seconds >= 0, not {seconds!r}")
        self._service.reply_seconds = float(seconds)

    def reset(self) -> None:
        """Forget scripts, runs and records, for a test body that runs many times.

        The clock goes on; logs and output so far no longer count as evidence.

        Example:
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.reset()
            >>> extend_api.attempts
            []
        """
        for keep in self._open.before_reset:
            keep(self._service)
        self._service.reset()
        self._open.senders.pop(self._provider.name, None)
        self._open.reset()

    def script(self, drawn: FailureScript) -> None:
        """Forget what was (as `reset`), and play a script that Hypothesis has drawn.

        What a consumer rightly never meets of it, because it gave up before, is no mistake.

        Args:
            drawn: from `pytest_parseapi.strategies.failure_scripts`.

        Example:
            >>> @given(drawn=failure_scripts("extend"))  # doctest: +SKIP
            ... def test_client(extend_api, drawn):
            ...     extend_api.script(drawn)
        """
        if not isinstance(drawn, FailureScript):
            raise UsageError(f"script() plays what failure_scripts() draws, not {drawn!r}")
        if drawn.provider != self.provider.name:
            raise UsageError(f"a script of {drawn.provider} cannot be played by {self!r}")
        self.reset()
        for failure, times in drawn.steps():
            if failure.surface == "run":
                self.fail_run(failure.name, times=times)
            else:
                self.fail(failure.name, times=times, retry_after=failure.retry_after)
        self._service.lenient = True
        show_while_shrinking(drawn)

    def timeline(self) -> str:
        """The text picture of attempts and waits that failure messages show."""
        return draw(
            self.provider,
            self.attempts,
            self.webhook_answers,
            notes=self._open.notes(),
            dropped=self._simulation.lost(self._provider.name),
        )

    def note_check(self, name: str) -> None:
        """Keep that a check held, for the coverage of the documented errors.

        Args:
            name: the check's name, as a report shows it.
        """
        self._simulation.checks.setdefault(self._provider.name, set()).add(name)

    @property
    def _open(self) -> SimulatedProviders:
        if self._simulation.clock.closed:
            raise UsageError(
                f"the test of this ParseAPI ({self._provider.name}) is over: fixtures give each "
                "test one of its own"
            )
        return self._simulation

    @property
    def _service(self) -> SimulatedService:
        return self._open.services[self._provider.name]

    def _lines(self, text: str | None = None) -> list[Line]:
        """The evidence, without what the plugin itself made and the test or consumer printed."""
        services = self._open.services.values()
        attempts = [attempt for service in services for attempt in service.journal.attempts]
        return without_own_text(self._open.evidence.lines(text), attempts, self.webhook_answers)

    @property
    def _observed(self) -> Observed:
        journal = self._service.journal
        book = self._service.runs
        return Observed(
            runs=() if book is None else book.shown(self._service.now),
            answers=self.webhook_answers,
            provider=self.provider,
            document_names=self._service.document_names,
            attempts=journal.attempts,
            dropped=self._simulation.lost(self._provider.name),
            speed=self._simulation.settings.speed,
            replaced_sleep=lambda: self._simulation.replaced_sleep or mocked_sleep(),
            operations=journal.operations,
            credentials=frozenset({*journal.credentials, *self._known_secrets()}),
            lines=self._lines,
            notes=self._open.notes(),
            asked_instead="" if journal.attempts else self._asked_instead(),
        )

    def _asked_instead(self) -> str:
        """Who was asked in its place: another provider, or a mock of the test's own."""
        for service in self._open.services.values():
            if service.journal.attempts:
                first = service.journal.attempts[0]
                title, fixture = service.provider.title, service.provider.in_tests
                return (
                    f"{title} was asked instead ({first.method} {first.endpoint}; its fixture is "
                    f"{fixture})"
                )
        replaced = replaced_client()
        if replaced:
            return f"the test has put something else in place of {replaced}"
        return ""
