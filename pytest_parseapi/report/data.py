"""The shapes of a report's JSON file. They are a promise to its readers: shards merge by them."""

from __future__ import annotations

from typing import Final, Literal, TypedDict

from pytest_parseapi.sweep.results import FindingData, LeftOutTest

FORMAT: Final = "pytest-parseapi report"
VERSION: Final = 2

TestOutcome = Literal["failed", "passed", "skipped", "xfailed"]
RunState = Literal["running", "failed", "ended"]


class AttemptData(TypedDict):
    """One attempt. Neither headers nor bodies nor query strings: a report is passed around."""

    number: int
    operation: int
    request: str
    document: str
    status: int | None
    error: str | None
    request_id: str | None
    started: float
    ended: float
    waited: float | None
    retry_after: str | None
    run_status: str | None
    """In the provider's word."""
    run_state: RunState | None
    run_reason: str | None


class RunData(TypedDict):
    """One run."""

    id: str
    document: str
    status: str
    failure_reason: str | None


class APIData(TypedDict):
    """What one test did with one provider."""

    provider: str
    received: list[tuple[str, str]]
    """Each code or network fault that the consumer received, with the surface."""
    checks: list[str]
    """The checks that held."""
    endpoints: list[str]
    """The paths' templates that were asked."""
    surfaces: list[str]
    """The surfaces that the test met at all."""
    attempts: list[AttemptData]
    left_out: int
    """How many attempts in the middle are not in `attempts`."""
    runs: list[RunData]


class RuleData(TypedDict):
    """A rule that a test broke."""

    name: str
    """The check that failed, or the attribute of a contract that turns the rule off."""
    rule: str
    page: str
    """The address of the provider's page behind it, or an empty text."""
    attempts: list[int]
    """The numbers of the attempts that broke it, where they are known."""


class TestPlace(TypedDict, total=False):
    """What reports written before they were added lack about a test."""

    file: str
    """Relative to pytest's root directory."""
    line: int
    """Where it failed or begins, from 1 up; 0 where that is not known."""
    rules: list[RuleData]


class TestData(TestPlace):
    """One test that simulated something."""

    id: str
    outcome: TestOutcome
    tries: int
    """More than 1 where it was run again."""
    message: str
    """Why it failed, or is expected to, or was skipped."""
    apis: list[APIData]


class ErrorData(TypedDict):
    """One documented error."""

    code: str
    status: int
    retryable: bool
    surfaces: list[str]
    endpoints: list[str]
    basis: str
    source: str
    description: str


class ReportedProvider(TypedDict):
    """One provider."""

    name: str
    title: str
    errors: list[ErrorData]


class RowData(TypedDict):
    """One documented error on one surface: in how many tests it was met."""

    provider: str
    code: str
    surface: str
    in_use: bool
    """Whether the suite uses the surface, and an endpoint that documents the error, at all."""
    simulated: int
    checked: int


class ReportedVariation(TypedDict):
    """One variation of the sweep: a test, run again with a failure."""

    test: str
    provider: str
    place: str
    """The endpoint and the functions that ask it."""
    where: str
    """The lines of those functions, innermost first."""
    kind: str
    failure: str
    verdict: str
    """Empty where nothing failed, and a rule was broken all the same."""
    why: str
    broken: list[str]
    """The rules of the documentation that were broken besides."""
    lines: list[str]
    """What to paste into the test to see a finding again."""
    timeline: str
    accepted: str
    """Why the test's author accepts it."""


class SweepSection(TypedDict):
    """What ``--parseapi-sweep`` found."""

    findings: list[FindingData]
    results: list[ReportedVariation]
    left_out: list[LeftOutTest]
    own_calls: int


class SessionData(TypedDict, total=False):
    """What reports written before they were added lack about the session."""

    commit: str | None
    """The commit of the tests, where they are in a repository."""
    threshold: float | None
    """The percentage that is required."""
    sweep: SweepSection
    """Where the session swept."""


class ReportData(SessionData):
    """A whole report."""

    format: str
    version: int
    percent: float
    providers: list[ReportedProvider]
    faults: dict[str, str]
    coverage: list[RowData]
    tests: list[TestData]
