"""The tests that a sweep leaves out, and the reasons that it shows."""

from __future__ import annotations

import re

import pytest
from sweep_app import APP

from pytest_parseapi.providers.extend.behaviour import ExtendBehaviour

LEFT_OUT = {
    "it scripts failures itself": """
        def test_one(extend_api):
            extend_api.fail("OCR_ERROR")
            parse(INVOICE)

        @pytest.mark.parse_error("OCR_ERROR")
        def test_two(extend_api):
            parse(INVOICE)

        def test_three(extend_api):
            extend_api.fail_run("OCR_ERROR")
            httpx.post("https://api.extend.ai/parse_runs", json={"file": {"url": INVOICE}},
                headers={"authorization": "Bearer k"})
    """,
    "parseapi(sweep=False)": """
        pytestmark = pytest.mark.parseapi(sweep=False)
        def test_one(extend_api): silent(INVOICE)
        def test_two(extend_api): silent(INVOICE)
        def test_three(extend_api): silent(INVOICE)
    """,
}


@pytest.mark.parametrize("reason", LEFT_OUT)
def test_tests_that_are_counted(sweep, reason):
    result = sweep(LEFT_OUT[reason])
    result.assert_outcomes(passed=3)
    assert f"left out: 3 tests: {reason}" in result.text
    assert "0 variations of 0 tests" in result.text
    assert result.ret == 0


def test_a_contract_is_counted(sweep):
    result = sweep(
        """
        from pytest_parseapi import ParseErrorContract

        class TestIt(ParseErrorContract):
            parse = staticmethod(parse)
        """,
        "-k",
        "NOT_FOUND",
    )
    assert "tests: it is a case of a contract" in result.text.replace("test: it", "tests: it")
    assert "0 variations of 0 tests" in result.text


NAMED = {
    "it takes real time (real_time=True)": """
        @pytest.mark.parseapi(real_time=True)
        def test(extend_api): parse(INVOICE)
    """,
    "it fails without any failure of the API": """
        def test(extend_api): assert parse(INVOICE) is None
    """,
    "it calls reset(), which forgets what was asked": """
        def test(extend_api):
            parse(INVOICE)
            extend_api.reset()
    """,
    "it is a Hypothesis test, which runs many times by itself": """
        from hypothesis import given, settings, strategies, HealthCheck

        @settings(max_examples=2, suppress_health_check=list(HealthCheck))
        @given(strategies.just(1))
        def test(extend_api, number): parse(INVOICE)
    """,
    "the fixture wide asks the API, and is not set up again for each run": """
        @pytest.fixture(scope="session")
        def wide():
            return parse(INVOICE)

        def test(extend_api, request):
            assert request.getfixturevalue("wide")
    """,
    "flaky, or its state outlives a run: failed with AssertionError: again": """
        runs = []
        def test(extend_api):
            parse(INVOICE)
            runs.append(1)
            assert len(runs) == 1, "again"
    """,
    "flaky, or its state outlives a run: it asks elsewhere (1 exchanges before, 0 now)": """
        kept = {}
        def test(extend_api):
            kept[0] = kept.get(0) or parse(INVOICE)
    """,
    "the consumer sends by its own httpx transport httpx.MockTransport, which is not on record": """
        def test(extend_api):
            transport = httpx.MockTransport(lambda request: httpx.Response(200))
            with httpx.Client(transport=transport) as client:
                client.post("https://api.extend.ai/parse", timeout=5)
    """,
    "the test had put something else in place of httpx.post for a time": """
        from unittest import mock

        def test(extend_api):
            with mock.patch("httpx.post"):
                silent(INVOICE)
    """,
    "it has subtests": """
        def test(extend_api, subtests):
            with subtests.test("one"):
                parse(INVOICE)
    """,
}


@pytest.mark.parametrize("reason", NAMED)
def test_tests_that_are_named(sweep, reason):
    if reason == "it has subtests" and pytest.version_tuple < (9, 0):
        pytest.skip("pytest has no subtests of its own yet")
    result = sweep(NAMED[reason])
    assert f".py::test: {reason}" in result.text
    assert "sweep: 0 findings" in result.text


def test_the_cases_of_hypothesis_and_skipped_tests_are_no_findings(sweep):
    result = sweep(
        """
        @pytest.mark.skip
        def test_skipped(extend_api): silent(INVOICE)

        def test_skips(extend_api):
            silent(INVOICE)
            pytest.skip("later")

        @pytest.mark.xfail(strict=False)
        def test_xfails(extend_api):
            silent(INVOICE)
            assert 0
        """
    )
    result.assert_outcomes(skipped=2, xfailed=1)
    assert "0 variations of 0 tests" in result.text


def test_a_test_that_passed_when_it_was_run_again_is_flaky(sweep):
    result = sweep(
        """
        runs = []
        def test(extend_api):
            parse(INVOICE)
            runs.append(1)
            assert len(runs) == 2
        """,
        "--reruns=2",
        plugins=["pytest_rerunfailures"],
    )
    assert "::test: it is flaky: it passed when it was run again" in result.text
    assert "1 passed, 1 rerun" in result.text


def test_runs_that_take_long_and_slow_replies_are_no_scripts(sweep):
    result = sweep(
        """
        def test(extend_api):
            extend_api.replies_take(seconds=2)
            extend_api.runs_take(polls=2)
            parse(INVOICE)
        """
    )
    assert "6 variations of 1 test" in result.text
    assert result.ret == 0


def test_state_left_by_a_failure_is_reported_but_no_finding(sweep):
    fragile = """

broken = []


def fragile(document):
    if broken:
        raise Failed("closed")
    reply = ask(document)
    if reply.status_code != 200:
        broken.append(1)
        raise Failed("closed forever")
"""
    result = sweep("def test(extend_api): fragile(INVOICE)", app=APP + fragile)
    assert "::test: state outlives a run: after OCR_ERROR (500) once at app.py:" in result.text
    assert "the test without a failure: failed with Failed: closed" in result.text
    assert "sweep: 0 findings" in result.text


ELSEWHERE = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    return True  # as pytest-forked does, when a child process has run it
"""


def test_tests_that_run_in_another_process_are_named(sweep):
    result = sweep("def test(extend_api): parse(INVOICE)", conftest=ELSEWHERE)
    assert "::test: another plugin runs it in a process of its own" in result.text


def test_a_mistake_in_a_provider_leaves_its_tests_out_by_name(sweep, monkeypatch):
    monkeypatch.setattr(ExtendBehaviour, "error_reply", lambda *_, **__: {"no": "reply"})
    result = sweep("def test(extend_api): ask(INVOICE)")
    assert re.search(
        r"left out: \S+::test: provider 'extend': \S+ gives a Reply, not \{'no': 'reply'\}\n",
        result.text,
    )
    assert result.ret == 0
