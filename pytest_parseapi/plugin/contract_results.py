"""Reports the result of a contract's case: broken rules, or why no case can judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NoReturn

import pytest

from pytest_parseapi.api.internals import observed_of
from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.checks.finding import Finding, findings_of
from pytest_parseapi.checks.observed import raise_findings
from pytest_parseapi.contract.call import Harness
from pytest_parseapi.contract.preflight import api_was_reached, obstacle
from pytest_parseapi.contract.rules import Violation
from pytest_parseapi.plugin.broken_rules import TEXTS, broken_by
from pytest_parseapi.report.rules import RULES, BrokenRule

_preflights_key = pytest.StashKey[dict[type, "Preflight"]]()
_REST: Final = "The other cases of this contract are skipped: they would fail for the same reason."


class Preflight:
    """Whether the cases of one contract class can judge its consumer, in this process."""

    def __init__(self) -> None:
        self._known = False
        self._failed_in = ""

    def skip_where_others_failed(self, item: pytest.Item) -> None:
        """Skip a case that would fail for the same reason as another case."""
        if self._failed_in and self._failed_in != item.nodeid:
            pytest.skip(f"see {self._failed_in}: no case of this contract can judge the consumer")

    def run(self, item: pytest.Item, harness: Harness) -> None:
        """Fail the first case if it shows that no case can judge the consumer."""
        # A case that is expected to fail would hide the reason, and the others would be skipped.
        if self._known or item.get_closest_marker("xfail") is not None:
            return
        found = obstacle(harness)
        if found is None:
            self._known = api_was_reached(harness)
            return
        self._failed_in = item.nodeid
        _fail(_text(harness.api, found), [broken_by(found, "preflight")])

    def stopped(self, item: pytest.Item, harness: Harness) -> None:
        """Let the other cases be skipped where the simulation stopped the first request."""
        if not self._known and not harness.api.attempts:
            self._failed_in = item.nodeid


def preflight_of(item: pytest.Item, contract: type) -> Preflight:
    """The preflight of a contract class; one for each process."""
    return item.config.stash.setdefault(_preflights_key, {}).setdefault(contract, Preflight())


def report_broken(api: ParseAPI, violations: Sequence[Violation]) -> None:
    """Fail a case for the rules that it broke."""
    try:
        raise_findings(observed_of(api), [violation.titled for violation in violations])
    except AssertionError as error:
        broken = str(error)
        findings = findings_of(error)
    rules = [
        replace(broken_by(finding, violation.rule), rule=violation.finding.rule)
        for finding, violation in zip(findings, violations, strict=True)
    ]
    _fail(broken, rules, [f"{item.rule}\n{item.text()}" for item in findings])


def _fail(text: str, rules: list[BrokenRule], texts: list[str] | None = None) -> NoReturn:
    # The rules are the plugin's own: no line of the test is worth showing.
    failure = pytest.fail.Exception(text, pytrace=False)
    failure.__dict__[RULES] = rules
    failure.__dict__[TEXTS] = texts
    raise failure


def _text(api: ParseAPI, found: Finding) -> str:
    picture = f"\n\n{api.timeline()}" if api.attempts else ""
    return (
        f"the contract cannot judge this consumer: {found.rule}\n{found.text()}\n\n{_REST}{picture}"
    )
