"""Checks of requests: their payload, time-outs and API version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from pytest_parseapi.checks.finding import NOT_RETRIED, Finding, Subject, numbers_of
from pytest_parseapi.checks.kinds import rule_of
from pytest_parseapi.checks.observed import Observed, nothing_to_check, raise_findings
from pytest_parseapi.model.faults import FAULTS
from pytest_parseapi.model.mistakes import nearest
from pytest_parseapi.record.attempt import Attempt

_PAYLOAD_RULE: Final = rule_of("payload")
_SPENT = (
    "a stream or file handle is spent after the first attempt: read it once into bytes, or "
    "seek(0) before each attempt"
)
_CHANGED = "build the request once, and send the same again"
_KEY = "make the key once for each submission, and send it with every attempt"
_LOSE_REPLY: Final = frozenset(fault.name for fault in FAULTS if fault.loses_reply)
_VERSION_RULE: Final = rule_of("api_version")
_TIMEOUT_RULE: Final = rule_of("timeout")
_WITH_TIMEOUTS: Final = {
    "httpx": "timeout=300",
    "requests": "timeout=(5, 300)",
    "urllib3": "timeout=urllib3.Timeout(connect=5, read=300)",
    "aiohttp": "timeout=aiohttp.ClientTimeout(total=300)",
}
_OTHERWISE: Final = "without one, a silent server holds the consumer forever"


def payload_resent(observed: Observed, document: str | None = None) -> None:
    """Check that each retry carried the same payload."""
    narrowed = observed.about(document, _PAYLOAD_RULE)
    if not any(True for operation in narrowed.operations for _ in operation.pairs()):
        failed = narrowed.failed_operations
        seen = "no failed attempt was retried" if failed else "no failed attempt is on record"
        advice = NOT_RETRIED if failed else ""
        nothing_to_check(narrowed, _PAYLOAD_RULE, seen, advice=advice)
    raise_findings(narrowed, list(changed_payloads(narrowed)))


def timeout_set(observed: Observed, document: str | None = None) -> None:
    """Check that every attempt was sent with finite time-outs."""
    observed = observed.about(document, _TIMEOUT_RULE)
    if not any(attempt.timeouts.known for attempt in observed.attempts):
        seen = (
            "time-outs cannot be seen over a real socket"
            if observed.attempts
            else "no attempt is on record"
        )
        nothing_to_check(observed, _TIMEOUT_RULE, seen)
    raise_findings(observed, list(missing_timeouts(observed)))


def changed_payloads(observed: Observed) -> Iterator[Finding]:
    """Find the first retry of each operation with another payload."""
    for operation in observed.operations:
        for before, after in operation.pairs():
            difference = before.payload.difference(after.payload) or _other_query(before, after)
            advice = _SPENT if before.payload.spent_in(after.payload) else _CHANGED
            if difference is None and operation.endpoint.submits:
                difference, advice = _other_key(observed, before, after), _KEY
            if difference is not None:
                yield Finding(
                    kind="payload",
                    rule=_PAYLOAD_RULE,
                    subject=Subject.operation(operation),
                    expected=f"attempt {after.number} carries what attempt {before.number} did",
                    seen=difference,
                    advice=advice,
                )
                break


def _other_query(before: Attempt, after: Attempt) -> str | None:
    """How the query of a retry differs; a poll may ask for another form of the result."""
    one, two = (urlsplit(attempt.url).query for attempt in (before, after))
    if one == two or before.method == "GET":
        return None
    return f"query {one or 'none'}, then {two or 'none'}"


def _other_key(observed: Observed, before: Attempt, after: Attempt) -> str | None:
    """How the idempotency key of a retry differs after a lost reply: that makes two runs."""
    header = observed.provider.idempotency_header
    if header is None or before.error not in _LOSE_REPLY:
        return None
    one, two = before.header(header.lower()), after.header(header.lower())
    if one is None or one == two:
        return None
    second = "none" if two is None else repr(two)
    lost = f"the reply to attempt {before.number} was lost, its run was not"
    return f"{header} {one!r}, then {second}: {lost}"


def missing_timeouts(observed: Observed) -> Iterator[Finding]:
    """Find attempts that were sent without a finite time-out."""
    without = [attempt for attempt in observed.attempts if attempt.timeouts.missing]
    if without:
        first = without[0]
        such = _WITH_TIMEOUTS.get(first.client, "")
        yield Finding(
            kind="timeout",
            rule=_TIMEOUT_RULE,
            subject=Subject.endpoint(first),
            expected="finite connect and read time-outs",
            seen=f"no {' and no '.join(first.timeouts.missing)} time-out on {len(without)} of "
            f"{len(observed.attempts)} attempts (the first is attempt {first.number}, by "
            f"{first.client})",
            advice=f"give {first.client} a time-out"
            + (f", such as {such}" if such else "")
            + f"\n{observed.advice('timeout', _OTHERWISE)}",
            attempts=numbers_of(without),
        )


def api_version_sent(observed: Observed, document: str | None = None) -> None:
    """Check that every request names a version of the API that the provider lists."""
    narrowed = observed.about(document, _VERSION_RULE)
    asked = observed.provider.api_version
    if asked is None:
        title = observed.provider.title
        seen = f"{title} documents no header for a version"
        advice = f"leave this check out for {title}"
        nothing_to_check(narrowed, _VERSION_RULE, seen, advice=advice)
    if not _versioned(narrowed):
        seen = "no attempt at an endpoint of the API is on record"
        nothing_to_check(narrowed, _VERSION_RULE, seen, advice="call the consumer in the test")
    raise_findings(narrowed, list(wrong_api_versions(narrowed)))


def wrong_api_versions(observed: Observed) -> Iterator[Finding]:
    """Find requests without the version header, or with an undocumented version."""
    asked = observed.provider.api_version
    if asked is None:
        return
    attempts = _versioned(observed)
    wrong = [item for item in attempts if item.header(asked.header) not in asked.versions]
    if not wrong:
        return
    first = wrong[0]
    sent = first.header(asked.header)
    what = f"{asked.header}: {sent}" if sent else f"no {asked.header}"
    near = "" if sent is None else nearest(sent, asked.versions)
    yield Finding(
        kind="api_version",
        rule=_VERSION_RULE,
        subject=Subject.endpoint(first),
        expected=f"{asked.header}: {asked.versions[0]}, or another version that the page lists",
        seen=f"{what} on {len(wrong)} of {len(attempts)} attempts (the first is attempt "
        f"{first.number}, by {first.client})",
        attempts=numbers_of(wrong),
        nearest=near,
        advice=f"{observed.provider.title}: without it a request is refused, or answered as an "
        f"older version does ({asked.source})",
    )


def _versioned(observed: Observed) -> list[Attempt]:
    """The attempts that need a version: not those at links to results."""
    results = {item.path for item in observed.provider.endpoints if item.result}
    return [item for item in observed.attempts if item.endpoint not in results]
