"""The contract over the whole zoo: every broken consumer is caught, no right one is accused."""

from __future__ import annotations

import importlib
import re

import broken_retries
import broken_runs
import pytest
from auditing import audit

from pytest_parseapi.contract.policy import RULES, ContractPolicy

MODULES = (
    "right_loops",
    "right_libraries",
    "right_runs",
    "right_nutrient_runs",
    "right_workers",
    "right_layers",
    "right_webhooks",
    "broken_retries",
    "broken_waits",
    "broken_payloads",
    "broken_logs",
    "broken_errors",
    "broken_runs",
    "broken_layers",
    "broken_nutrient_runs",
    "broken_webhooks",
)
ABSTRACT = {"Once", "Receiver", "RunLoop", "NutrientRunLoop"}


def inhabitants():
    """Every consumer of the zoo."""
    for name in MODULES:
        for kind in vars(importlib.import_module(name)).values():
            own = isinstance(kind, type) and kind.__module__ == name
            if own and issubclass(kind, ContractPolicy) and kind.__name__ not in ABSTRACT:
                yield kind


ZOO = list(inhabitants())
RIGHT = [kind for kind in ZOO if kind.__module__.startswith("right")]
BROKEN = [kind for kind in ZOO if kind.__module__.startswith("broken")]


def told(broken):
    return "\n".join(
        f"{rule}: {', '.join(case for case, _ in found)}\n{found[0][1].rule}\n{found[0][1].text()}"
        for rule, found in broken.items()
    )


@pytest.mark.parametrize("kind", RIGHT, ids=lambda kind: kind.__name__)
def test_a_right_consumer_is_not_accused(kind):
    assert not (broken := audit(kind)), told(broken)


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_consumer_is_caught_by_the_rule_that_names_its_fault(kind):
    broken = audit(kind, until=kind.rule)
    assert kind.rule in broken, told(broken) or "nothing was found"


def test_a_run_that_was_never_polled_is_reported():
    assert "resubmits" not in audit(broken_runs.FollowsNoRun)
    found = audit(broken_runs.FollowsTheFirstRunOnly, until="resubmits")["resubmits"]
    assert re.search(r"expected   a result: run pr_\w+ was still PROCESSING\n", found[0][1].text())


def test_a_missing_retry_is_reported_without_a_blank_line():
    found = audit(broken_retries.ThrowsTheRetryAway, until="retry_after")["retry_after"]
    assert "  next       a consumer that gives up on 20 s on purpose states" in found[0][1].text()


def test_a_poll_that_was_not_repeated_is_named_and_not_the_submission():
    found = dict(audit(broken_runs.GivesUpAtAFailedPoll)["retries"])
    text = found["poll_fault[extend-bad_gateway_html]"].text()
    assert re.fullmatch(
        r"  operation  GET /parse_runs/\{id\}  https://files\.example\.com/contract\.pdf\n"
        r"  expected   a retry\. bad_gateway_html: a 502 with an HTML page of a gateway\n"
        r"  seen       nothing followed\n"
        r"  next       Extend: When parsing, retry OCR_ERROR, INTERNAL_ERROR and any other 5xx "
        r"with exponential backoff\. \(docs\.extend\.ai/parsing/error-handling\)",
        text,
    ), text


def test_the_zoo_is_as_large_and_as_mixed_as_it_claims():
    rules = {kind.rule for kind in BROKEN}
    assert len(RIGHT) >= 20
    assert len(BROKEN) >= 40
    assert all(kind.__doc__ for kind in ZOO)
    assert not any(kind.rule for kind in RIGHT)
    assert rules <= set(RULES)
    for group in (RIGHT, BROKEN):
        assert {kind.provider for kind in group} == {"extend", "nutrient"}
    runs = [kind for kind in ZOO if (kind.provider, kind.surface) == ("nutrient", "run")]
    assert len([kind for kind in runs if kind.rule is None]) >= 4
    assert len([kind for kind in runs if kind.rule is not None]) >= 10


def test_every_rule_of_a_surface_has_a_consumer_that_breaks_it():
    rules = {kind.rule for kind in BROKEN}
    assert set(RULES) == rules
