"""Hypothesis finds the shortest row of failures that breaks a client."""

import contextlib

import httpx_loop as client
import pytest
from hypothesis import HealthCheck, find, given, settings

from pytest_parseapi import ParseAPI
from pytest_parseapi.strategies import FailureScript, failure_scripts

URL = "https://files.example.com/invoice.pdf"
SCRIPTS = failure_scripts("extend", max_size=5)


def play(api: ParseAPI, script: FailureScript) -> None:
    api.script(script)
    with contextlib.suppress(client.ParsingFailedError):
        client.parse(URL, api_key=api.api_key)


@pytest.mark.each_parse_error(retryable=True, times=4)
def test_each_error_alone_is_handled(extend_api):
    client.parse(URL, api_key=extend_api.api_key)
    extend_api.assert_follows_documentation()


def test_a_row_of_errors_is_not(extend_api, capsys):
    def breaks(script: FailureScript) -> bool:
        play(extend_api, script)
        try:
            extend_api.assert_follows_documentation()
        except AssertionError as error:
            return "waits" in str(error)
        return False

    shortest = find(SCRIPTS, breaks, settings=settings(max_examples=5000, database=None))
    print(shortest)  # noqa: T201 - to paste into a test
    assert capsys.readouterr().out == (
        'extend_api.fail("OCR_ERROR")\nextend_api.fail("RATE_LIMIT_EXCEEDED")\n'
    )


@settings(
    max_examples=50,
    database=None,
    deadline=None,
    # `script` makes the API as new for each example.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(script=SCRIPTS)
def test_every_row_of_errors_ends(extend_api, script):
    play(extend_api, script)
    assert len(extend_api.attempts) <= client.ATTEMPTS
