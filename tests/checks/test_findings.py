"""The findings that a failing check holds for programs."""

from __future__ import annotations

import pytest
from plain_consumer import send

from pytest_parseapi.checks.finding import Finding, findings_of


def failure_of(check, **arguments):
    with pytest.raises(AssertionError) as failure:
        check(**arguments)
    return failure.value


def test_a_failure_holds_its_findings(extend_api):
    extend_api.fail("OCR_ERROR")
    send(extend_api)
    (finding,) = findings_of(failure_of(extend_api.assert_retried))
    assert finding.kind == "retried"
    assert finding.fields() == {
        "rule": "a failed operation is tried again",
        "expected": "at least 1 retry",
        "seen": "0 retries after 1 failed attempt, the last a 500 OCR_ERROR",
        "nearest": None,
        "next": finding.advice,
    }


@pytest.mark.parametrize(
    "check", ["assert_retried", "assert_recovered", "assert_request_id_logged"]
)
def test_a_finding_names_the_attempts_at_its_own_document(extend_api, check):
    extend_api.fail("OCR_ERROR", document="7.pdf")
    for number in range(50):
        send(extend_api, f"{number}.pdf")
    (finding,) = findings_of(failure_of(getattr(extend_api, check)))
    assert finding.attempts == (8,)


def test_the_attempts_without_a_time_out_are_named(extend_api):
    for number in range(10):
        send(
            extend_api,
            f"{number}.pdf",
            timeout=None if number == 7 else 5,
        )
    (finding,) = findings_of(failure_of(extend_api.assert_timeout_set))
    assert finding.attempts == (8,)


def test_one_check_may_find_several_things(extend_api):
    extend_api.fail("CORRUPT_FILE", times=2)
    send(extend_api)
    send(extend_api)
    found = findings_of(failure_of(extend_api.assert_follows_documentation))
    assert [finding.kind for finding in found] == ["final_error", "request_id"]


def test_nothing_to_check_is_a_finding(extend_api):
    error = failure_of(extend_api.assert_recovered)
    (finding,) = findings_of(error)
    assert finding.kind == "nothing_to_check"
    assert type(error) is AssertionError


def test_other_assertions_hold_none():
    assert findings_of(AssertionError("no")) == ()


def test_empty_fields_are_none():
    finding = Finding(rule="r", expected="e", seen="s")
    assert finding.fields() == {
        "rule": "r",
        "expected": "e",
        "seen": "s",
        "nearest": None,
        "next": None,
    }
