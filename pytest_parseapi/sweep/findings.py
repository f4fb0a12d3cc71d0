"""Groups equal results of many variations, so that each finding is reported once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_parseapi.sweep.results import NO_FAILURE, BrokenData, FindingData, VariationData
from pytest_parseapi.sweep.verdicts import FINDINGS

BROKE: Final = "broke"
_ORDER: Final = (*FINDINGS, BROKE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One variation that shows a finding.

    Args:
        result: the variation.
        broken: the rule that was broken; None where the verdict is the finding.
    """

    result: VariationData
    broken: BrokenData | None = None

    @property
    def why(self) -> str:
        """The evidence, in one line."""
        if self.broken is None:
            return self.result["why"]
        return f"{self.broken['rule']}: {self.broken['seen']}"

    @property
    def lines(self) -> list[str]:
        """The lines to paste into the test."""
        return self.result["lines"] if self.broken is None else self.broken["lines"]

    @property
    def where(self) -> str:
        """The line of code to look at."""
        at = self.result["at"] if self.broken is None else self.broken["at"]
        return at or self.result["place"]["where"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepFinding:
    """One finding: a place, and a verdict or a rule.

    Args:
        verdict: the verdict, or ``"broke"``.
        rule: the kind of the rule that was broken; empty otherwise.
        examples: what shows it, the one to show whole first.
    """

    verdict: str
    rule: str
    examples: Sequence[Example]

    @property
    def example(self) -> Example:
        """The example that is shown in full."""
        return self.examples[0]

    @property
    def title(self) -> str:
        """The verdict, with the rule."""
        return f"{self.verdict} {self.rule}".rstrip()

    @property
    def why(self) -> str:
        """The evidence, and the other exceptions and lines that crash at the same place."""
        if self.verdict != "crashed":
            return self.example.why
        texts: dict[tuple[str, str], str] = {}
        for item in self.examples:
            error = item.why.partition(":")[0]
            other = f"at {item.where}" if error == self.example.why.partition(":")[0] else item.why
            texts.setdefault((error, item.where), other)
        _, *also = texts.values()
        return ", also ".join([self.example.why, *also])

    def data(self, *, is_new: bool) -> FindingData:
        """The finding as plain data."""
        result = self.example.result
        place = result["place"]
        return FindingData(
            title=self.title,
            place=f"{place['endpoint']}  {place['chain']}".rstrip(),
            where=self.example.where,
            test=result["test"],
            failure=result["failure"],
            why=self.why,
            lines=self.example.lines,
            failures=self.failures,
            tests=self.tests,
            is_new=is_new,
        )

    @property
    def key(self) -> str:
        """The key of the finding in a baseline."""
        return f"{self.title} | {self.example.result['place']['key']}"

    @property
    def failures(self) -> list[str]:
        """The failures that show it, each once."""
        return list(dict.fromkeys(item.result["failure"] for item in self.examples))

    @property
    def tests(self) -> list[str]:
        """The tests that show it, each once, that of the example first."""
        return list(dict.fromkeys(item.result["test"] for item in self.examples))


def sweep_findings(results: Iterable[VariationData]) -> list[SweepFinding]:
    """The findings of a sweep, worst first; the same whatever the order of the tests."""
    groups: dict[tuple[str, str, str], list[Example]] = {}
    for result in sorted(results, key=_order):
        if result["accepted"]:
            continue
        for verdict, rule, example in _shown(result):
            groups.setdefault((verdict, rule, result["place"]["id"]), []).append(example)
    found = [
        SweepFinding(verdict=verdict, rule=rule, examples=examples)
        for (verdict, rule, _), examples in groups.items()
    ]
    return sorted(found, key=_badness)


def _shown(result: VariationData) -> Iterator[tuple[str, str, Example]]:
    if result["verdict"] in FINDINGS:
        yield result["verdict"], "", Example(result=result)
    for broken in {item["kind"]: item for item in reversed(result["broken"])}.values():
        yield BROKE, broken["kind"], Example(result=result, broken=broken)


def _order(result: VariationData) -> tuple[object, ...]:
    """The sort key of examples: fewer failures first, and once before always."""
    return (
        result["test"],
        result["place"]["id"],
        result["failure"] != NO_FAILURE,
        "always" in result["failure"],
        result["failure"],
    )


def _badness(finding: SweepFinding) -> tuple[object, ...]:
    example = finding.example.result
    place = example["place"]["id"]
    return (_ORDER.index(finding.verdict), finding.rule, place, example["test"])
