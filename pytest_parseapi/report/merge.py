"""One report from the reports of several sessions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from pytest_parseapi.report.coverage import report_of
from pytest_parseapi.report.shapes import Outcome, ProviderData, ReportData, TestData

__all__ = ["merged"]

_WORST_FIRST: Final[tuple[Outcome, ...]] = ("failed", "passed", "skipped")


def merged(reports: Iterable[ReportData]) -> ReportData:
    """The tests of every report against the errors that any of them knows."""
    providers: dict[str, ProviderData] = {}
    tests: dict[str, TestData] = {}
    for report in reports:
        for provider in report["providers"]:
            known = providers.get(provider["name"])
            providers[provider["name"]] = provider if known is None else _both(known, provider)
        for test in report["tests"]:
            before = tests.get(test["id"])
            tests[test["id"]] = test if before is None else min(before, test, key=_badness)
    return report_of(list(providers.values()), tests.values())


def _both(one: ProviderData, other: ProviderData) -> ProviderData:
    errors = {error["code"]: error for error in (*other["errors"], *one["errors"])}
    ordered = [error["code"] for error in (*one["errors"], *other["errors"])]
    return ProviderData(
        name=one["name"],
        title=one["title"],
        errors=[errors[code] for code in dict.fromkeys(ordered)],
    )


def _badness(test: TestData) -> tuple[int, str]:
    """What went wrong in one shard is told; the rest makes the order of the files irrelevant."""
    return _WORST_FIRST.index(test["outcome"]), json.dumps(test, sort_keys=True)
