"""The result of one run of a test, with or without a failure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pytest_parseapi.checks.documentation import findings
from pytest_parseapi.checks.finding import Finding
from pytest_parseapi.checks.observed import Observed
from pytest_parseapi.checks.unrelated_errors import unrelated_in
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.evidence.frames import ConsumerCode, Frame, Side
from pytest_parseapi.record.evidence.line import Line
from pytest_parseapi.record.run import Run
from pytest_parseapi.record.webhook import WebhookAnswer
from pytest_parseapi.sweep.places import Place, WatchedExchange
from pytest_parseapi.sweep.variations import Variation
from pytest_parseapi.sweep.watch import Hit, Watch

Status = Literal["passed", "failed", "skipped"]
Swallowed = Literal["", "a delivery", "a thread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """An exception that shows a bug in the consumer's code.

    Args:
        error: the exception.
        at: the line of the consumer's that it came from.
        swallowed: what swallowed it: ``"a delivery"``, ``"a thread"`` or nothing.
    """

    error: BaseException
    at: Frame | None
    swallowed: Swallowed = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One run of a test.

    Args:
        status: how it ended.
        error: what it failed with.
        raised_by: whose code raised that.
        crashes: the exceptions about the consumer's code itself.
        observed: what each provider saw.
        timelines: the timeline of each provider that was asked.
        exchanges: what was asked, in order.
        hit: the exchange that met the failure.
        stop: why the simulation stopped it: ``"fuse"``, ``"hang"``, ``"miss"`` or nothing.
        stop_text: the message of that.
        too_slow: whether it was stopped because it took too much real time.
        busy: whether it ended while a receiver was still at work on a delivery.
    """

    __test__ = False

    status: Status
    error: BaseException | None = None
    raised_by: Side | None = None
    crashes: Sequence[Crash] = ()
    observed: Mapping[str, Observed] = field(default_factory=dict)
    timelines: Mapping[str, str] = field(default_factory=dict)
    exchanges: Sequence[WatchedExchange] = ()
    hit: Hit | None = None
    stop: str = ""
    stop_text: str = ""
    too_slow: bool = False
    busy: bool = False

    @property
    def passed(self) -> bool:
        """Whether it passed."""
        return self.status == "passed"

    @property
    def places(self) -> list[str]:
        """The places, in an order that does not depend on threads."""
        return sorted(f"{item.place.key} {item.place.where}" for item in self.exchanges)

    def lines(self) -> list[Line]:
        """What the consumer logged and printed."""
        return next((item.lines(None) for item in self.observed.values()), [])

    def successes(self, provider: str) -> int:
        """How many requests a provider answered with a success."""
        return sum(not attempt.failed for attempt in self.observed[provider].attempts)

    def first_place(self, provider: str) -> Place | None:
        """The place of the consumer's first exchange."""
        return next((item.place for item in self._own(provider)), None)

    def place_of(self, provider: str, numbers: Collection[int]) -> Place | None:
        """The place of the consumer's first exchange with one of these numbers."""
        return next((item.place for item in self._own(provider) if item.number in numbers), None)

    def _own(self, provider: str) -> Iterator[WatchedExchange]:
        for item in self.exchanges:
            if item.place.provider == provider and not (item.is_of_the_test or item.is_delivery):
                yield item


def trial_of(watch: Watch, status: Status, error: BaseException | None) -> Trial:
    """Make the result of a run."""
    trace = None if error is None else error.__traceback__
    return Trial(
        status=status,
        error=error,
        raised_by=watch.own.raised_by(trace)[0],
        crashes=[*_crashes(error, watch.own), *_swallowed(watch)],
        observed=watch.observed,
        timelines=watch.timelines,
        exchanges=watch.exchanges,
        hit=watch.hit,
        stop=watch.stop_kind,
        stop_text=watch.stop_text,
        too_slow=watch.too_slow,
        busy=watch.busy,
    )


trial_of.__test__ = False  # type: ignore[attr-defined]


def _crashes(
    error: BaseException | None, own: ConsumerCode, *, swallowed: Swallowed = ""
) -> Iterator[Crash]:
    """The exceptions from the consumer's code that show a bug, also those in a group."""
    for found in unrelated_in(error):
        side, frame = own.raised_by(found.__traceback__)
        if side == "consumer":
            yield Crash(error=found, at=frame, swallowed=swallowed)


def _swallowed(watch: Watch) -> Iterator[Crash]:
    for observed in watch.observed.values():
        for answer in observed.webhook_answers:
            yield from _crashes(answer.error, watch.own, swallowed="a delivery")
    for error in watch.uncaught:
        yield from _crashes(error, watch.own, swallowed="a thread")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetFailure:
    """The attempts that the failures of a variation hit.

    Args:
        observed: what the provider saw.
        attempts: the requests that met the failure.
        runs: the runs that failed.
        answers: how wrong deliveries were answered.
        delivered: whether a wrong delivery was made.
    """

    observed: Observed
    attempts: Sequence[Attempt] = ()
    runs: Sequence[Run] = ()
    answers: Sequence[WebhookAnswer] = ()
    delivered: bool = False

    @property
    def any(self) -> bool:
        """Whether the failure was met at all."""
        return bool(self.attempts or self.runs or self.delivered)

    @property
    def names(self) -> frozenset[str]:
        """The names of the documents that the failed requests were about."""
        attempts = [name for attempt in self.attempts for name in attempt.names]
        return frozenset([*attempts, *(name for run in self.runs for name in run.names)])

    def later(self) -> Iterator[Attempt]:
        """The requests after the last failure that were about the same document."""
        if not self.attempts:
            return
        last, names = self.attempts[-1], self.names
        for attempt in self.observed.attempts:
            same = bool(names.intersection(attempt.names)) or (
                not names and attempt.endpoint == last.endpoint
            )
            if attempt.number > last.number and same:
                yield attempt


def met_failure(variation: Variation, trial: Trial) -> MetFailure:
    """Find the attempts that the failures of a variation hit."""
    hit = trial.hit
    observed = trial.observed[variation.place.provider]
    if hit is None:
        return MetFailure(observed=observed)
    names = {failure.name for failure in variation.failures}
    if variation.first.surface == "webhook":
        answers = [item for item in observed.webhook_answers if item.delivery.wrong in names]
        return MetFailure(observed=observed, answers=answers, delivered=True)
    if variation.first.surface == "run":
        runs = [item for item in observed.runs if item.failed and item.submitted]
        return MetFailure(observed=observed, runs=runs)
    attempts = [
        attempt
        for attempt in observed.attempts
        if attempt.number >= hit.exchange.number
        and attempt.error_name in names
        and attempt.endpoint == getattr(hit.exchange.endpoint, "path", None)
    ]
    return MetFailure(observed=observed, attempts=attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A rule of the documentation that a run broke.

    Args:
        provider: whose documentation.
        finding: the rule, and what shows that it was broken.
        about: the operation, or the document of the run, that it was broken at.
    """

    provider: str
    finding: Finding
    about: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """A key that is equal in another run that breaks the same rule."""
        return (self.provider, self.finding.kind, self.finding.rule, self.about)


def rules_broken_in(trial: Trial) -> list[Broken]:
    """Every rule of the documentation that the consumer broke, without requests of the test."""
    return [
        Broken(provider=name, finding=finding, about=_about(finding, observed))
        for name, observed in trial.observed.items()
        for finding in findings(_of_consumer(trial, name, observed))
    ]


def _about(finding: Finding, observed: Observed) -> str:
    """The subject of a broken rule. Of a run it is the document: ids differ between runs."""
    subject = finding.subject
    if subject is None or subject.kind != "run":
        return str(subject or "")
    documents = (run.document for run in observed.runs if run.id == subject.name)
    return next(documents, None) or subject.name


def _of_consumer(trial: Trial, provider: str, observed: Observed) -> Observed:
    """The record of a provider, without the requests of the test itself."""
    own = {
        item.number
        for item in trial.exchanges
        if item.place.provider == provider and item.is_of_the_test
    }
    if not own:
        return observed
    made = {
        item.run_id for item in observed.attempts if item.number in own and item.method == "POST"
    }
    return replace(
        observed,
        attempts=[item for item in observed.attempts if item.number not in own],
        operations=[
            item
            for item in observed.operations
            if any(attempt.number not in own for attempt in item.attempts)
        ],
        runs=[item for item in observed.runs if item.id not in made],
    )
