"""The sweep of one test: its plain run, its variations, and their results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pytest_parseapi.model.printable_text import cut
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.sweep.places import Place
from pytest_parseapi.sweep.reproduction import Fixture, for_rule, for_verdict
from pytest_parseapi.sweep.results import (
    NO_FAILURE,
    BrokenData,
    LeftOutData,
    PlaceData,
    VariationData,
)
from pytest_parseapi.sweep.trial import Broken, Trial, rules_broken_in
from pytest_parseapi.sweep.variations import AskedKinds, Variation, variations_of
from pytest_parseapi.sweep.verdicts import Judgement, judge

_MAX_SHOWN_CHARS = 160


def why_not(plain: Trial, *, was_reset: bool, real_time: bool) -> str:
    """Why a test that passed is left out; empty if it is swept.

    Args:
        plain: its plain run.
        was_reset: whether it forgot its records.
        real_time: whether it takes real time.
    """
    if real_time:
        return "it takes real time (real_time=True)"
    if was_reset:
        return "it calls reset(), which forgets what was asked"
    wide = next((item.wider_fixture for item in plain.exchanges if item.wider_fixture), "")
    if wide:
        return f"the fixture {wide} asks the API, and is not set up again for each run"
    if not plain.exchanges:
        # Otherwise nothing would show that the test was not swept.
        reasons = (observed.asked_instead for observed in plain.observed.values())
        return next(filter(None, reasons), "")
    return ""


@dataclass(kw_only=True)
class SweptTest:
    """One test that is swept.

    Args:
        test: its id.
        plain: its plain run.
        run: runs it once more, with a failure or without.
        providers: the providers by name.
        fixture: how the test gets the `ParseAPI` of a provider.
        kinds: what is asked for.
        accepted: the failures whose findings its author accepts, with the reason.
    """

    test: str
    plain: Trial
    run: Callable[[Variation | None], Trial]
    providers: Mapping[str, Provider]
    fixture: Callable[[str], Fixture]
    kinds: AskedKinds
    accepted: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.variations = variations_of(
            self.plain.exchanges, self._creations(), self.providers, self.kinds
        )
        self.left_out: list[LeftOutData] = []
        self._is_slow = False

    @property
    def own_calls(self) -> int:
        """How many places are the test's own calls."""
        return len({item.place for item in self.plain.exchanges if item.is_of_the_test})

    def sweep(self) -> Iterator[VariationData | None]:
        """Run all variations. Yield one result for each; None if it was not run."""
        plain = self._run(None)
        reason = _difference(self.plain, plain)
        if reason:
            self.leave(f"flaky, or its state outlives a run: {reason}")
            yield from (None for _ in self.variations)
            return
        yield from self._without_failure(plain)
        for number, variation in enumerate(self.variations):
            trial = self._run(variation)
            judgement = judge(variation, trial, plain)
            if judgement.is_finding:
                again = self._run(None)
                reason = _difference(plain, again)
                if reason:
                    self.leave(
                        f"state outlives a run: after {variation} at {variation.place.where}, "
                        f"the test without a failure: {reason}"
                    )
                    yield from (None for _ in self.variations[number:])
                    return
            yield self._result(variation, trial, judgement)

    def _run(self, variation: Variation | None) -> Trial:
        """Run a variation; again if it took too long, since the machine may have been busy."""
        trial = self.run(variation)
        if trial.too_slow and not self._is_slow:
            trial = self.run(variation)
            self._is_slow = trial.too_slow
        return trial

    def leave(self, reason: str) -> None:
        """Leave the test, or the rest of it, out of the sweep, with a reason."""
        self.left_out.append(LeftOutData(test=self.test, reason=reason, counted=False))

    def _creations(self) -> set[tuple[str, int]]:
        """Provider and number of each exchange that created runs."""
        found = set()
        for name, observed in self.plain.observed.items():
            made = {run.id for run in observed.runs if run.submitted}
            made |= {run.batch_id for run in observed.runs if run.submitted and run.batch_id}
            paths = {item.path for item in observed.provider.endpoints if item.submits}
            for attempt in observed.attempts:
                if attempt.endpoint in paths and attempt.run_id in made and not attempt.failed:
                    found.add((name, attempt.number))
        return found

    def _without_failure(self, plain: Trial) -> Iterator[VariationData]:
        """The rules that are broken without a failure."""
        by_place: dict[Place, list[Broken]] = {}
        for broken in rules_broken_in(plain):
            named = plain.place_of(broken.provider, broken.finding.attempts)
            place = named or plain.first_place(broken.provider)
            if place is not None:
                by_place.setdefault(place, []).append(broken)
        for place, found in by_place.items():
            yield VariationData(
                test=self.test,
                place=_place(place),
                failure=NO_FAILURE,
                name="",
                kind="none",
                verdict="",
                why="",
                at="",
                lines=[],
                broken=[self._broken(None, plain, item) for item in found],
                timeline=plain.timelines.get(place.provider, ""),
                accepted="",
            )

    def _result(self, variation: Variation, trial: Trial, judgement: Judgement) -> VariationData:
        place = variation.place
        fixture = self.fixture(place.provider)
        accepted = [self.accepted.get(failure.name, "") for failure in variation.failures]
        return VariationData(
            test=self.test,
            place=_place(place),
            failure=str(variation),
            name=variation.first.name,
            kind=variation.first.kind,
            verdict=judgement.verdict,
            why=judgement.why,
            at=judgement.at,
            lines=for_verdict(variation, trial, judgement, fixture) if judgement.is_finding else [],
            broken=[self._broken(variation, trial, item) for item in judgement.broken],
            timeline=trial.timelines.get(place.provider, ""),
            accepted=next(filter(None, accepted), "") if judgement.is_finding else "",
        )

    def _broken(self, variation: Variation | None, trial: Trial, broken: Broken) -> BrokenData:
        finding = broken.finding
        lines = for_rule(variation, trial, finding.kind, self.fixture(broken.provider))
        # The place of a broken rule about polls is the poll, and not the failure.
        place = trial.place_of(broken.provider, finding.attempts)
        return BrokenData(
            kind=finding.kind,
            rule=finding.rule,
            seen=finding.seen,
            at="" if place is None else place.where,
            lines=lines,
        )


def _place(place: Place) -> PlaceData:
    chain = " <- ".join(f"{frame.name}()" for frame in place.frames)
    frames = " <- ".join(f"{frame} {frame.name}" for frame in place.frames)
    return PlaceData(
        provider=place.provider,
        endpoint=place.endpoint,
        chain=chain,
        key=place.key,
        where=place.where,
        id=f"{place.provider} {place.endpoint} {frames}".rstrip(),
    )


def _difference(before: Trial, after: Trial) -> str:
    """How a run differs from the one before; empty if it does not."""
    if after.too_slow:
        return "it takes too long"
    if after.status != before.status:
        error = "" if after.error is None else f" with {type(after.error).__name__}: {after.error}"
        return cut(f"{after.status}{error}".partition("\n")[0], _MAX_SHOWN_CHARS)
    if after.places != before.places:
        one, two = len(before.places), len(after.places)
        return f"it asks elsewhere ({one} exchanges before, {two} now)"
    return ""
