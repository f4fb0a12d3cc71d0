"""The coverage of the documented errors: pure functions of what the tests did."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from pytest_parseapi.model.faults import FAULTS
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.report.data import (
    FORMAT,
    VERSION,
    ErrorData,
    ReportData,
    ReportedProvider,
    RowData,
    SweepSection,
    TestData,
    TestOutcome,
)

_NUMBER: Final = re.compile(r"(\d+)")
WORST_FIRST: Final[tuple[TestOutcome, ...]] = ("failed", "passed", "xfailed", "skipped")


def catalogue(providers: Iterable[Provider]) -> list[ReportedProvider]:
    """The providers' documented errors, as a report keeps them."""
    return [
        ReportedProvider(
            name=provider.name,
            title=provider.title,
            errors=[
                ErrorData(
                    code=error.code,
                    status=error.status,
                    retryable=error.retryable,
                    surfaces=list(error.surfaces),
                    endpoints=list(error.endpoints),
                    basis=error.basis,
                    source=error.source,
                    description=error.description,
                )
                for error in provider.errors
            ],
        )
        for provider in providers
    ]


def report_of(
    providers: Sequence[ReportedProvider],
    tests: Iterable[TestData],
    *,
    commit: str | None = None,
    threshold: float | None = None,
    sweep: SweepSection | None = None,
) -> ReportData:
    """A whole report: failures first, the rest by name, whatever the order of the tests was.

    Args:
        providers: what may be met.
        tests: what the tests did.
        commit: the commit of the tests.
        threshold: the percentage that is required.
        sweep: what the sweep found, where there was one.
    """
    ordered = sorted(
        tests, key=lambda test: (WORST_FIRST.index(test["outcome"]), natural(test["id"]))
    )
    coverage = rows(providers, ordered)
    report = ReportData(
        format=FORMAT,
        version=VERSION,
        commit=commit,
        threshold=threshold,
        percent=percent(coverage),
        providers=list(providers),
        faults={fault.name: fault.description for fault in FAULTS},
        coverage=coverage,
        tests=ordered,
    )
    if sweep is not None:
        report["sweep"] = sweep
    return report


def natural(name: str) -> tuple[tuple[tuple[str, int], ...], str]:
    """A key that sorts names as people do: ``page-2`` before ``page-10``."""
    parts = _NUMBER.split(name)
    return tuple(zip(parts[::2], [*map(int, parts[1::2]), 0], strict=True)), name


def rows(providers: Iterable[ReportedProvider], tests: Iterable[TestData]) -> list[RowData]:
    """Each documented error on each of its surfaces: simulated and checked in how many tests."""
    simulated: Counter[tuple[str, str, str]] = Counter()
    checked: Counter[tuple[str, str, str]] = Counter()
    endpoints: set[tuple[str, str]] = set()
    surfaces: set[tuple[str, str]] = set()
    for test in tests:
        for api in test["apis"]:
            name = api["provider"]
            endpoints.update((name, path) for path in api["endpoints"])
            surfaces.update((name, surface) for surface in api["surfaces"])
            met = [(name, code, surface) for code, surface in api["received"]]
            simulated.update(met)
            if api["checks"] and test["outcome"] == "passed":
                checked.update(met)
    return [
        RowData(
            provider=provider["name"],
            code=error["code"],
            surface=surface,
            in_use=(provider["name"], surface) in surfaces
            and (surface != "http" or _served(provider["name"], error, endpoints)),
            simulated=simulated[provider["name"], error["code"], surface],
            checked=checked[provider["name"], error["code"], surface],
        )
        for provider in providers
        for error in provider["errors"]
        for surface in error["surfaces"]
    ]


def percent(coverage: Iterable[RowData]) -> float:
    """How much of what the suite could meet it checked, from 0 to 100, rounded down.

    Errors of a surface or an endpoint that no test uses do not count: a consumer that never asks
    for a run cannot meet a failed one. A suite that uses nothing has checked nothing.
    """
    counted = [row for row in coverage if row["in_use"]]
    if not counted:
        return 0.0
    held = sum(row["checked"] > 0 for row in counted)
    return held * 1000 // len(counted) / 10


def _served(provider: str, error: ErrorData, endpoints: set[tuple[str, str]]) -> bool:
    named = error["endpoints"]
    return not named or any((provider, path) in endpoints for path in named)
