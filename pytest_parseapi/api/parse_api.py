"""`ParseAPI`: one provider, simulated for one test."""

from __future__ import annotations

from pytest_parseapi.api.assertions import notes_checks
from pytest_parseapi.api.drawn_script import FailureScript, show_while_shrinking
from pytest_parseapi.api.failures import FailureControls
from pytest_parseapi.api.run_assertions import RunAssertions
from pytest_parseapi.api.runs import RunControls
from pytest_parseapi.api.webhooks import WebhookControls
from pytest_parseapi.api.wrong_names import names_mistakes
from pytest_parseapi.checks.observed import Observed
from pytest_parseapi.clients.replaced_clients import replaced_client
from pytest_parseapi.clock.replaced_sleep import replaced_sleep_reference
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.evidence.line import Line
from pytest_parseapi.record.evidence.plugin_text import RequestIds, without_plugin_text
from pytest_parseapi.record.timeline import timeline_of


@names_mistakes
@notes_checks
class ParseAPI(
    FailureControls,
    RunControls,
    WebhookControls,
    RunAssertions,
):
    """One provider, simulated for one test; fixtures make it.

    Example:
        >>> def test_retries(extend_api):
        ...     extend_api.fail("OCR_ERROR", times=2)
        ...     our_app.parse("https://files.example.com/invoice.pdf")
        ...     extend_api.assert_recovered()
    """

    def __repr__(self) -> str:
        return f"<ParseAPI {self._provider.name}>"

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
        return self._active_simulation.live.url(self._service.provider)

    @property
    def clock(self) -> VirtualClock:
        """The test's virtual clock: ``clock.elapsed`` in seconds, ``clock.advance(seconds)``.

        Example:
            >>> extend_api.clock.advance(3600)
            >>> extend_api.clock.elapsed
            3600.0
        """
        return self._active_simulation.clock

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
        return RequestIds(
            attempt.request_id
            for attempt in self.attempts
            if attempt.failed and attempt.request_id is not None
        )

    def reset(self) -> None:
        """Forget scripts, runs and records, for a test body that runs many times.

        The clock goes on; logs and output so far no longer count as evidence.

        Example:
            >>> our_app.parse("https://files.example.com/invoice.pdf")
            >>> extend_api.reset()
            >>> extend_api.attempts
            []
        """
        for keep in self._active_simulation.before_reset:
            keep(self._service)
        self._service.reset()
        self._active_simulation.webhook_senders.pop(self._provider.name, None)
        self._active_simulation.reset()

    def script(self, drawn: FailureScript) -> None:
        """Reset, and script the failures that Hypothesis has drawn.

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
        return timeline_of(
            self.provider,
            self.attempts,
            self.webhook_answers,
            notes=self._active_simulation.notes(self._provider.name),
            dropped=self._simulation.dropped_attempts(self._provider.name),
        )

    def _note_check(self, name: str) -> None:
        self._simulation.checks.setdefault(self._provider.name, set()).add(name)

    def _lines(self, text: str | None = None) -> list[Line]:
        """The lines of the evidence, without text of the plugin itself that was printed."""
        services = self._active_simulation.services.values()
        attempts = [attempt for service in services for attempt in service.journal.attempts]
        return without_plugin_text(
            self._active_simulation.evidence.lines(text), attempts, self.webhook_answers
        )

    @property
    def _observed(self) -> Observed:
        service, simulation, name = self._service, self._simulation, self._provider.name
        attempts, table = service.journal.attempts, service.runs
        asked_instead, own_mock = ("", "") if attempts else self._asked_instead()
        return Observed(
            runs=() if table is None else table.shown(service.now),
            webhook_answers=self.webhook_answers,
            provider=service.provider,
            document_names=service.document_names,
            attempts=attempts,
            dropped=simulation.dropped_attempts(name),
            speed=simulation.settings.speed,
            replaced_sleep=lambda: simulation.replaced_sleep or replaced_sleep_reference(),
            operations=service.journal.operations,
            credentials=frozenset({*service.journal.credentials, *self._known_secrets()}),
            lines=self._lines,
            notes=simulation.notes(name),
            asked_instead=asked_instead,
            own_mock=own_mock,
            lasting_errors=service.script.lasting_errors,
        )

    def _asked_instead(self) -> tuple[str, str]:
        """What got the requests instead, and what the test's own mock replaced, if one did."""
        for service in self._active_simulation.services.values():
            if service.journal.attempts:
                first = service.journal.attempts[0]
                title, fixture = service.provider.title, service.provider.in_tests
                asked = f"{first.method} {first.endpoint}; its fixture is {fixture}"
                return f"{title} was asked instead ({asked})", ""
        replaced = replaced_client()
        if replaced:
            return f"the test has put something else in place of {replaced}", replaced
        ended = self._active_simulation.ended_mocks.found
        if ended:
            return f"the test had put something else in place of {ended} for a time", ended
        own = self._active_simulation.hosts.custom_senders.get(self._provider.name)
        return (f"the consumer sends by its own {own}, which is not on record" if own else ""), ""
