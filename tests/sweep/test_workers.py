"""The same findings on workers of xdist and in random order, and nothing leaks between runs."""

from __future__ import annotations

import random
import re

import pytest
from sweep_app import APP

from pytest_parseapi.plugin import sweep as plugin_sweep

TESTS = """
class TestIt:
    def test_silent(self, extend_api): silent(INVOICE)
    def test_once(self, extend_api): once(INVOICE)

def test_right(extend_api): parse(INVOICE)

def test_silent(extend_api): silent(INVOICE)

def test_careless(extend_api): careless(INVOICE)

@pytest.mark.parametrize("name", ["a", "b"])
def test_stubborn(extend_api, name): stubborn(f"https://files.example.com/{name}.pdf")

def test_scripted(extend_api):
    extend_api.fail("OCR_ERROR")
    parse(INVOICE)

def test_fails(extend_api): assert parse(INVOICE) is None
"""


def section(result):
    """What the sweep says, without the part before it and without times."""
    text = result.stdout.str().partition(" sweep ====")[2]
    return re.sub(r"^=.*", "", text, flags=re.MULTILINE).strip()


def test_findings_are_the_same_on_workers_and_in_any_order(sweep, separate):
    plain = sweep(TESTS, "-p", "no:randomly")
    plain.assert_outcomes(passed=8, failed=1)
    found = section(plain)
    assert "findings" in found
    options = ["--strict-markers", "--parseapi-sweep", "--parseapi-sweep-kinds=retryable"]
    result = separate(*options, "-n", "2", plugins=["xdist"])
    result.assert_outcomes(passed=8, failed=1)
    assert section(result) == found
    assert result.ret == 1


@pytest.fixture(scope="module")
def findings():
    """What was found in the order of the text, once it is known."""
    return []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_findings_are_the_same_in_random_order(sweep, findings, seed):
    def found(text):
        lines = section(sweep(text, "-p", "no:randomly")).replace("\n", "")
        return re.sub(r"test_\w+\.py", "", lines)

    if not findings:
        findings.append(found(TESTS))
    parts = [part for part in TESTS.split("\n\n") if part.strip()]
    random.Random(seed).shuffle(parts)
    assert found("\n\n".join(parts)) == findings[0]
    assert "findings" in findings[0]


def test_no_run_leaks_into_the_next(sweep):
    """State, time, logs, patches: the plain test after the sweep of a class finds all as it was."""
    result = sweep(
        """
        import logging, random, sys, threading

        kept = {}

        def world():
            return (
                time.time.__name__, time.sleep.__module__, len(logging.getLogger().handlers),
                sorted(sys.meta_path, key=id), threading.Thread.start, httpx.HTTPTransport,
                httpx.HTTPTransport.handle_request, len(sys.modules["warnings"].filters),
            )

        class TestIt:
            def test(self, extend_api, caplog):
                assert extend_api.clock.elapsed == 0
                assert not caplog.records
                assert not extend_api.attempts
                parse(INVOICE)

        def test_before():
            kept.setdefault("world", world())

        class TestAgain:
            def test(self, extend_api): parse(INVOICE)

        def test_after():
            assert world() == kept["world"]
        """,
        "-p",
        "no:randomly",
    )
    result.assert_outcomes(passed=4)
    assert "12 variations of 2 tests" in result.text
    assert result.ret == 0


def test_a_variation_that_takes_too_long_is_told(sweep, monkeypatch):
    monkeypatch.setattr(plugin_sweep, "_LEAST_SECONDS", 0.3)
    busy = """

def busy(document):
    while ask(document).status_code != 200:
        sum(range(3_000_000))
"""
    result = sweep("def test(extend_api): busy(INVOICE)", app=APP + busy)
    assert "too slow" in result.text
    assert "broke retryable_error" not in result.text


def test_a_machine_that_was_busy_once_leaves_nothing_out(sweep, monkeypatch):
    monkeypatch.setattr(plugin_sweep, "_SLOWER", 0)
    busy = """
import time
RUNS = []

def busy_once(document):
    RUNS.append(document)
    end = time.process_time() + 3 * (len(RUNS) == 2)
    while time.process_time() < end:
        pass
    return parse(document)
"""
    result = sweep("def test(extend_api): busy_once(INVOICE)", app=APP + busy)
    assert "left out" not in result.text
    assert "6 variations of 1 test: " in result.text
