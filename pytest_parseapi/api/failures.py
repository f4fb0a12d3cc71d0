"""The methods of `ParseAPI` that script failing replies."""

from __future__ import annotations

import math
import os

from pytest_parseapi.api.answers import Answers
from pytest_parseapi.api.controls import Controls
from pytest_parseapi.model.lookup import ErrorName
from pytest_parseapi.model.mistakes import UsageError, as_document, number_of
from pytest_parseapi.record.recordings.reader import read_recording
from pytest_parseapi.service.condition import When
from pytest_parseapi.service.replay_script import replay_of
from pytest_parseapi.service.script import RetryAfter, count_or_always, steps_for


class FailureControls(Controls):
    """Scripts failing replies, those of a recording, and how long replies take."""

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
            others=self._active_simulation.providers.values(),
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
        count_or_always("times", times)
        for item in errors:
            if as_document(item):
                raise UsageError(
                    f"{item!r} is no error: answers() is a script of its route, whatever the "
                    "document"
                )
        steps = steps_for(
            self.provider,
            errors,
            others=self._active_simulation.providers.values(),
            times=times,
            retry_after=retry_after,
            message=message,
            verb="answers",
        )
        return Answers(lambda: self._active_simulation, self._service, steps)

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
        number = number_of(seconds)
        if number is None or not 0 <= number < math.inf:
            raise UsageError(f"replies_take() takes seconds >= 0, not {seconds!r}")
        self._service.reply_seconds = number

    def replay(self, recording: str | os.PathLike[str]) -> None:
        """Script the replies that were recorded of the real service, in their order.

        A request meets the first reply that is left for its endpoint and its document, as far as
        the recording names documents; what no recorded reply is left for succeeds. Each reply
        takes as long as it took, in virtual time, and a client that waits less times out. Runs keep
        their recorded ids, and are in `runs`.

        Args:
            recording: the path of a HAR 1.2 file, or of a cassette of VCR.py in YAML (which needs
                the extra ``yaml``) or JSON, which has no durations.

        Raises:
            UsageError: the file cannot be used; the message is one line.

        Example:
            >>> extend_api.replay("incident.har")  # doctest: +SKIP
            >>> our_app.parse("https://files.example.com/invoice.pdf")  # doctest: +SKIP
        """
        service, providers = self._service, self._active_simulation.providers
        provider = service.provider
        hosts = {host: other for other in providers.values() for host in other.hosts}
        found = read_recording(recording, hosts)
        owners = {hosts[exchange.request.host].name for exchange in found.exchanges}
        if provider.name not in owners:
            other = providers[min(owners)]
            raise UsageError(
                f"{found.name}: has no exchange with {provider.title}, but with {other.title}: "
                f"{other.in_tests}.replay() takes it"
            )
        service.script.add(replay_of(provider, found))
