"""Makes the lines to paste into a test, so that it meets the same failure."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from pytest_parseapi.checks.kinds import ALL_AT_ONCE, KINDS, Kind
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.service.script import ALWAYS
from pytest_parseapi.sweep.trial import Trial, met_failure
from pytest_parseapi.sweep.variations import Failure, Variation
from pytest_parseapi.sweep.verdicts import Judgement
from pytest_parseapi.sweep.watch import DATE_SECONDS, SECONDS, Hit

_ABOVE: Final = "# above the test, since a fixture asks:"
_THREAD: Final = "# above the test, since a thread ends quietly:"
_LOUD: Final = '@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")'
_FIRST: Final = "# first in the test"
_LAST: Final = "# last in the test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """How a test gets its `ParseAPI`.

    Args:
        api: what the test calls it: ``extend_api``, or ``parseapi_factory('acme')``.
        provider: the provider's name.
        arguments: the test's own arguments.
        is_testcase: whether it is a method of `unittest.TestCase`.
    """

    api: str
    provider: str
    arguments: Collection[str]
    is_testcase: bool = False

    def hint(self, *others: str) -> str:
        """The note if the test lacks a fixture: `` (add the argument extend_api to the test)``."""
        own = self.api.partition("(")[0]
        missing = [name for name in (own, *others) if name not in self.arguments]
        if missing and self.is_testcase:
            # The methods of a TestCase take no arguments.
            return f", with the fixture {missing[0]}"
        noun = "argument" if len(missing) == 1 else "arguments"
        return f" (add the {noun} {', '.join(missing)} to the test)" if missing else ""


def for_verdict(
    variation: Variation, trial: Trial, judgement: Judgement, fixture: Fixture
) -> list[str]:
    """The lines that make the test fail for the same reason as in the sweep.

    Args:
        variation: what failed.
        trial: what the test showed then.
        judgement: what is wrong with that.
        fixture: how the test gets its `ParseAPI`.
    """
    check = _assertion(variation, trial, judgement, fixture.api)
    crash = judgement.crash
    above = [_THREAD, _LOUD] if crash is not None and crash.swallowed == "a thread" else []
    return [*above, *_joined(variation, trial, [check] if check else [], fixture)]


def for_rule(variation: Variation | None, trial: Trial, rule: Kind, fixture: Fixture) -> list[str]:
    """The same for a rule of the documentation that was broken.

    Args:
        variation: what failed; None where the rule is broken although nothing fails.
        trial: what the test showed then.
        rule: the rule.
        fixture: how the test gets its `ParseAPI`.
    """
    kind = KINDS[rule]
    alone = not kind.needs_failure and (variation is None or kind.advice == "webhook")
    check = f"{fixture.api}.{(alone and kind.check) or ALL_AT_ONCE}()"
    if variation is None:
        return [f"{_LAST}{fixture.hint()}:", check]
    return _joined(variation, trial, [check], fixture)


def _joined(variation: Variation, trial: Trial, checks: list[str], fixture: Fixture) -> list[str]:
    """The failures first, the checks last; at the tear-down where the test ends before."""
    hit = trial.hit
    hint = fixture.hint()
    later: list[str] = []
    last = [f"{_LAST}{hint}:", *checks] if checks else []
    if checks and not trial.passed:
        add = "self.addCleanup" if fixture.is_testcase else "request.addfinalizer"
        hint = fixture.hint() if fixture.is_testcase else fixture.hint("request")
        later, last = [f"{add}({check.removesuffix('()')})" for check in checks], []
    first = f"{_FIRST}{hint}:"
    ends = [first, *later] if later else last
    if hit is None:
        return ends
    if variation.first.surface == "webhook":
        line = hit.exchange.place.frames[0] if hit.exchange.place.frames else "the delivery"
        return [f'# at {line}: webhook(..., wrong="{variation.first.name}")', *ends]
    if hit.exchange.in_setup and not hit.after:
        marks = [_mark(failure, hit, fixture.provider) for failure in variation.failures]
        return [_ABOVE, *_imports(marks), *marks, *ends]
    lines = [f"{fixture.api}.{_call(failure, hit)}" for failure in variation.failures]
    return [first, *_imports(lines), *later, *lines, *last]


def _imports(lines: list[str]) -> list[str]:
    text = "\n".join(lines)
    found = ["from datetime import UTC, datetime, timedelta"] if "timedelta" in text else []
    return found + (["from pytest_parseapi import ALWAYS"] if "ALWAYS" in text else [])


def _call(failure: Failure, hit: Hit) -> str:
    arguments = _arguments(failure, hit)
    if failure.surface == "run":
        return f"fail_run({', '.join(arguments)})"
    arguments += [f"after={hit.after}"] if hit.after else []
    return f"fail({', '.join(arguments)})"


def _mark(failure: Failure, hit: Hit, provider: str) -> str:
    name = "parse_run_failed" if failure.surface == "run" else "parse_error"
    arguments = [*_arguments(failure, hit), f'provider="{provider}"']
    return f"@pytest.mark.{name}({', '.join(arguments)})"


def _arguments(failure: Failure, hit: Hit) -> list[str]:
    exchange = hit.exchange
    arguments = [f'"{failure.name}"']
    if failure.times != 1:
        arguments.append("times=ALWAYS" if failure.times == ALWAYS else f"times={failure.times:g}")
    if exchange.document is not None:
        arguments.append(f"document={json.dumps(exchange.document, ensure_ascii=False)}")
    if failure.surface == "run":
        return arguments
    arguments.append(f'endpoint="{exchange.endpoint}"')
    if failure.retry_after == "seconds":
        arguments.append(f"retry_after={SECONDS}")
    elif failure.retry_after == "date":
        seconds = DATE_SECONDS + round(hit.elapsed)
        arguments.append(f"retry_after=datetime.now(UTC) + timedelta(seconds={seconds})")
    return arguments


def _assertion(variation: Variation, trial: Trial, judgement: Judgement, api: str) -> str:
    """The assertion that fails if the test itself would pass."""
    crash = judgement.crash
    if crash is not None and crash.swallowed == "a delivery" and trial.passed:
        name = type(crash.error).__name__
        return f'assert "{name}" not in str([a.raised for a in {api}.webhook_answers])'
    if judgement.verdict != "unnoticed":
        return ""
    found = met_failure(variation, trial)
    if variation.first.surface == "webhook":
        taken = f'raise AssertionError("a delivery with {variation.first.name} was taken")'
        return f"{api}.assert_webhook_rejected()" if found.answers else taken
    if found.runs:
        return f'{api}.assert_run_failure_logged(level="WARNING")'
    if any(
        isinstance(item.error, DocumentedError) and item.request_id is not None
        for item in found.attempts
    ):
        return f'{api}.assert_request_id_logged(level="WARNING")'
    return f"{api}.assert_recovered()"
