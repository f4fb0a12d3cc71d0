"""Checks all of a provider's documented advice at once."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_parseapi.checks.backoff import missing_backoff
from pytest_parseapi.checks.finding import Finding
from pytest_parseapi.checks.logs import leaks, reply_to_log, unlogged
from pytest_parseapi.checks.observed import Observed, nothing_to_check, raise_findings
from pytest_parseapi.checks.polls import polls_after_end, polls_too_close
from pytest_parseapi.checks.requests import changed_payloads, missing_timeouts
from pytest_parseapi.checks.retries import missing_retries, pointless_retries
from pytest_parseapi.checks.retry_after import too_early
from pytest_parseapi.checks.runs import failed_runs, unlogged_failures, wrong_resubmissions
from pytest_parseapi.checks.webhook_effects import repeated_acts
from pytest_parseapi.checks.webhooks import good_ones_not_accepted, wrong_ones_not_rejected


def follows_documentation(
    observed: Observed, document: str | None = None, text: str | None = None
) -> None:
    """Check that the consumer followed everything that the provider advises."""
    rule = f"the consumer follows {observed.provider.title}'s documentation"
    narrowed = observed.about(document, rule).with_text(text)
    if not (narrowed.failed_operations or failed_runs(narrowed) or narrowed.webhook_answers):
        nothing_to_check(narrowed, rule, "no failed attempt is on record")
    raise_findings(narrowed, list(findings(narrowed)))


def findings(observed: Observed) -> Iterator[Finding]:
    """Find every broken rule. A test in which nothing failed may break none."""
    lines = observed.lines(None)
    for operation in observed.operations:
        yield from pointless_retries(observed, operation)
        yield from missing_retries(observed, operation)
        yield from missing_backoff(observed, operation)
        yield from unlogged(observed, operation, reply_to_log(observed, operation), lines)
    yield from too_early(observed)
    yield from changed_payloads(observed)
    yield from missing_timeouts(observed)
    yield from leaks(observed)
    yield from unlogged_failures(observed)
    yield from wrong_resubmissions(observed)
    yield from polls_too_close(observed)
    yield from polls_after_end(observed)
    yield from good_ones_not_accepted(observed)
    yield from wrong_ones_not_rejected(observed)
    yield from repeated_acts(observed)
