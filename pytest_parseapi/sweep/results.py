"""The results of a sweep as plain data: what workers send, and what reports hold."""

from __future__ import annotations

from typing import TypedDict

NO_FAILURE = "no failure"
"""What stands for the failure where a rule is broken although nothing fails."""


class PlaceData(TypedDict):
    """A place."""

    provider: str
    endpoint: str
    chain: str
    """The functions, such as ``ask() <- read_estimate()``."""
    key: str
    """The place without line numbers."""
    where: str
    """File and line of each function, innermost first; empty where none was seen."""
    id: str
    """The place with line numbers."""


class BrokenData(TypedDict):
    """A rule of the documentation that was broken."""

    kind: str
    rule: str
    seen: str
    at: str
    """The lines of the consumer's that it points to; empty for the place's own."""
    lines: list[str]
    """What to paste into the test."""


class VariationData(TypedDict):
    """One variation of one test."""

    test: str
    place: PlaceData
    failure: str
    name: str
    """What ``fail``, ``fail_run`` or ``webhook(wrong=)`` takes."""
    kind: str
    verdict: str
    why: str
    at: str
    """The line that the verdict points to, where that is not the place's own."""
    lines: list[str]
    """What to paste into the test."""
    broken: list[BrokenData]
    timeline: str
    accepted: str
    """Why the test's author accepts it; empty where it is not accepted."""


class FindingData(TypedDict):
    """One finding, as it is told."""

    title: str
    """The verdict, or ``broke`` and the kind of the rule."""
    place: str
    """The endpoint and the functions."""
    where: str
    """The lines to look at, innermost first."""
    test: str
    failure: str
    why: str
    lines: list[str]
    """What to paste into the test."""
    failures: list[str]
    """Every failure that shows it."""
    tests: list[str]
    """Every test that shows it."""
    is_new: bool
    """Whether the baseline lacks it."""


class LeftOutTest(TypedDict):
    """A test that is not swept, or not to its end, and why."""

    test: str
    reason: str


class LeftOutData(LeftOutTest):
    """The same, as a worker sends it."""

    counted: bool
    """Whether it is only counted, and not named."""


class SweepData(TypedDict):
    """What the sweep of a session gave."""

    results: list[VariationData]
    left_out: list[LeftOutData]
    own_calls: int
    """How many places are the tests' own calls."""
