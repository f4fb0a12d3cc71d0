"""The end of a failed session: one table by rule, and one line for each failure."""

from __future__ import annotations

import pytest

from pytest_parseapi.report.rules import BrokenRule, error_lines, rows_of, step_summary, table

TESTS = """
import logging
import httpx
from pytest_parseapi import ParseErrorContract

def parse(document):
    for _ in range(2):
        reply = httpx.post("https://api.extend.ai/parse", json={"file": {"url": document}},
                           headers={"Authorization": "Bearer sk_live_1"}, timeout=None)
        if reply.status_code == 200:
            return reply.json()["output"]
        for line in range(20):
            logging.error("line %s", line)

class TestOurs(ParseErrorContract):
    provider = "extend"
    max_attempts = 4

    def parse(self, document):
        return parse(document)

def test_direct(extend_api):
    extend_api.fail("OCR_ERROR")
    parse("https://files.example.com/a.pdf")
    extend_api.assert_backoff()

def test_all(extend_api):
    extend_api.fail("OCR_ERROR")
    parse("https://files.example.com/a.pdf")
    extend_api.assert_follows_documentation()

def test_green(extend_api):
    pass
"""


@pytest.fixture
def session(pytester, monkeypatch):
    """Runs the tests, as GitHub's actions do."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("CI", "true")
    pytester.makepyfile(test_ours=TESTS)

    def run(*arguments):
        switches = ["--assert=plain", "-p", "parseapi", "-p", "no:cacheprovider"]
        return pytester.runpytest_inprocess(*switches, *arguments)

    return run


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")], ids=["alone", "xdist"])
def test_the_table_is_the_last_thing_and_each_failure_has_one_line(session, workers):
    result = session(*workers)
    failed = result.parseoutcomes()["failed"]
    assert failed > 50
    assert len(result.outlines) <= 400
    lines = result.outlines
    start = next(n for n, line in enumerate(lines) if " broken rules " in line)
    assert lines[start + 1].split()[:3] == ["look", "at", "cases"]
    rows = {line.split("  ")[0]: line.split()[1] for line in lines[start + 2 : -1]}
    assert rows.keys() >= {
        *("sets_timeouts", "api_version", "no_retry_on_final_errors", "gives_up"),
        *("assert_backoff", "assert_follows_documentation (backoff)"),
    }
    assert rows["api_version"] == "1"
    assert f"{failed} failed" in lines[-1]
    summary = next(n for n, line in enumerate(lines) if "short test summary info" in line)
    shown = lines[summary + 1 : start]
    assert len(shown) == failed
    assert all(line.startswith("FAILED test_ours.py::") for line in shown)


def test_one_example_of_each_rule_of_a_contract_is_shown_whole(session):
    result = session()
    text = result.stdout.str()
    assert text.count("rule broken: a retry comes") <= 1
    # Each has its line; the second case of a rule has no text of its own.
    assert "_ TestOurs.test_success[extend] _" in text
    assert "_ TestOurs.test_documented_error[extend-CORRUPT_FILE] _" not in text
    assert "FAILED test_ours.py::TestOurs::test_documented_error[extend-CORRUPT_FILE]" in text
    result.stdout.fnmatch_lines(["also broken, with an example above: sets_timeouts*"])


def test_a_session_without_broken_rules_has_no_table(session):
    result = session("-k", "green")
    result.assert_outcomes(passed=1, deselected=result.parseoutcomes()["deselected"])
    result.stdout.no_fnmatch_line("*broken rules*")


def test_a_preflight_that_failed_is_in_the_table(pytester, session):
    pytester.makepyfile(
        test_ours="""
        from pytest_parseapi import ParseErrorContract

        class TestOurs(ParseErrorContract):
            def parse(self, document):
                return None
        """
    )
    result = session()
    result.stdout.fnmatch_lines(["preflight * 1  parse sends a request to Extend *"])


def test_github_is_given_a_summary_and_annotations(pytester, session, monkeypatch):
    summary = pytester.path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    result = session("--parseapi-report=github")
    errors = [line for line in result.outlines if line.startswith("::error ")]
    assert len(errors) == 10
    assert errors[0].startswith("::error file=test_ours.py,line=14,title=")
    text = summary.read_text()
    assert text.startswith("before\n### pytest-parseapi: ")
    assert "| `api_version` | 1 | every request says which version" in text


def test_github_without_failures(pytester, session, monkeypatch):
    summary = pytester.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    session("--parseapi-report=github", "-k", "green")
    assert summary.read_text() == "### pytest-parseapi: no rule is broken\n"


def test_a_summary_that_cannot_be_written_costs_one_line(pytester, session, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path))
    result = session("--parseapi-report=github", "-k", "green")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["pytest-parseapi warning: no step summary was written: *"])


def broken(name, test, rule="a rule"):
    return BrokenRule(name=name, rule=rule, test=test, file="tests/test_a.py", line=3)


def test_rules_that_most_tests_broke_come_first():
    rows = rows_of([broken("b", "t1"), broken("a", "t1"), broken("a", "t2"), broken("a", "t2")])
    assert [(row.name, row.cases, row.first.test) for row in rows] == [
        ("a", 2, "t1"),
        ("b", 1, "t1"),
    ]
    assert table(rows) == [
        "look at  cases  rule    first place",
        "a            2  a rule  t1",
        "b            1  a rule  t1",
    ]


def test_a_rule_with_several_texts_shows_the_first_and_their_number():
    rows = rows_of([broken("a", str(n), f"E{n % 3} is not retried") for n in range(9)])
    assert table(rows)[1].split("  ")[-2:] == ["E0 is not retried, and 2 more", "0"]
    assert "| E0 is not retried, and 2 more |" in step_summary(rows, 9)


def test_a_long_rule_is_cut_before_the_number_of_the_others():
    rows = rows_of([broken("a", "t1", "x" * 70), broken("a", "t2", "y" * 70)])
    assert table(rows)[1].split("  ")[-2] == "x" * 45 + "..., and 1 more"


def test_special_characters_of_github_are_escaped():
    (line,) = error_lines([broken("a:b,c", "t[1%]", "two\nlines")])
    assert line == ("::error file=tests/test_a.py,line=3,title=a%3Ab%2Cc::two%0Alines (t[1%25])")
    assert "a \\| b" in step_summary(rows_of([broken("a", "t", "a | b")]), 1)


def test_annotations_show_each_rule_before_any_twice():
    lines = error_lines([broken("a", str(n)) for n in range(20)] + [broken("b", "last")])
    assert len(lines) == 10
    assert "title=b" in lines[1]


ENDLESS = """
import httpx
from pytest_parseapi import ALWAYS, ParseErrorContract

URL = "https://api.extend.ai/parse"
HEADERS = {"Authorization": "Bearer sk_live_1", "x-extend-api-version": "2026-02-09"}

def polls(document):
    with httpx.Client(base_url="https://api.extend.ai", headers=HEADERS) as client:
        run = client.post("/parse_runs", json={"file": {"url": document}}).json()
        while run["status"] != "PROCESSED":
            run = client.get(f"/parse_runs/{run['id']}").json()
        return run["output"]

def retries(document, timeout=5):
    body = {"file": {"url": document}}
    while True:
        reply = httpx.post(URL, json=body, headers=HEADERS, timeout=timeout)
        if reply.status_code == 200:
            return reply.json()["output"]

class TestRuns(ParseErrorContract):
    surface = "run"

    def parse(self, document):
        return polls(document)

def test_endless(extend_api):
    extend_api.fail("OCR_ERROR", times=ALWAYS)
    retries("https://files.example.com/a.pdf")

def test_silent(extend_api):
    extend_api.fail("read_timeout")
    retries("https://files.example.com/a.pdf", timeout=None)
"""


def rows_shown(lines):
    start = next(n for n, line in enumerate(lines) if " broken rules " in line)
    return {line.split("  ")[0]: line.split()[1] for line in lines[start + 2 : -1]}


def test_a_consumer_that_is_stopped_breaks_a_rule_too(pytester, session):
    pytester.makepyfile(test_ours=ENDLESS)
    result = session("-k", "test_run_failure or test_endless or test_silent")
    assert result.parseoutcomes()["failed"] > 12
    rows = rows_shown(result.outlines)
    assert int(rows["stops_polling"]) > 10
    assert (rows["fuse"], rows["hang"]) == ("1", "1")
    assert len(result.outlines) < 200
    result.stdout.fnmatch_lines(
        [
            "1. the consumer stops polling [[]stops_polling]",
            "The consumer does not stop: GET /parse_runs/{id} *",
            "  from      test_ours.py:* in polls",
        ]
    )
