import pytest
from extend_ai import Extend
from extend_runs_sdk import RETRYABLE, ParsingFailedError, parse

from pytest_parseapi import ALWAYS

URL = "https://files.example.com/invoice.pdf"


@pytest.mark.parse_run_failed("OCR_ERROR", polls=3)
def test_a_run_that_may_succeed_is_submitted_again(extend_api):
    assert parse(URL, api_key=extend_api.api_key) == "# invoice.pdf"

    extend_api.assert_resubmitted(times=1)
    extend_api.assert_follows_documentation()


@pytest.mark.each_parse_error(surface="run", times=ALWAYS)
def test_each_failure_reason(extend_api, documented_error):
    with pytest.raises(ParsingFailedError, match=documented_error.code):
        parse(URL, api_key=extend_api.api_key)

    assert len(extend_api.runs) == (3 if documented_error.code in RETRYABLE else 1)
    extend_api.assert_follows_documentation()


def test_a_reason_that_was_added_later(extend_api):
    extend_api.fail_run("unknown_code")
    with pytest.raises(ParsingFailedError, match="A_REASON_ADDED_LATER"):
        parse(URL, api_key=extend_api.api_key)

    extend_api.assert_run_failure_logged(level="ERROR")


def test_half_an_hour_of_polling(extend_api):
    extend_api.runs_take(seconds=1800)
    parse(URL, api_key=extend_api.api_key)

    extend_api.assert_polled_politely()
    extend_api.assert_polling_stopped()


@pytest.mark.parse_run_failed("CORRUPT_FILE")
def test_what_most_people_write_first(extend_api):
    """No exception means success, they think; the failed run goes unnoticed."""
    Extend(token=extend_api.api_key).parse_runs.create_and_poll(file={"url": URL})

    with pytest.raises(AssertionError, match="CORRUPT_FILE\n  seen       nothing logged"):
        extend_api.assert_run_failure_logged()
