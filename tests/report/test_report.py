"""The report of a session is the same for all ways to run the tests."""

from __future__ import annotations

import fnmatch
import json
import os
import subprocess
import sys

import pytest

from pytest_parseapi.report.coverage import report_of
from pytest_parseapi.report.files import json_text, read_json, write
from pytest_parseapi.report.merge import merged

pytest_plugins = ["pytester"]

SUITE = """
import logging
import time

import httpx
import pytest

def parse(api, attempts=3, name="invoice.pdf?X-Amz-Signature=SECRET"):
    for number in range(attempts):
        reply = httpx.post(
            f"{api.base_url}/parse",
            json={"file": {"url": f"https://files.example.com/{name}"}},
            headers={"authorization": f"Bearer {api.api_key}"},
            timeout=5,
        )
        if reply.status_code == 200:
            return
        logging.error("failed: %s", reply.json().get("requestId"))
        if not reply.json()["retryable"]:
            return
        time.sleep(2**number)
"""
CASES = """
@pytest.mark.each_parse_error(retryable=True)
def test_recovers(extend_api):
    parse(extend_api)
    extend_api.assert_recovered()

@pytest.mark.each_parse_error(retryable=False, exclude=["CORRUPT_FILE", "NOT_FOUND"])
def test_gives_up(extend_api):
    parse(extend_api)
    extend_api.assert_gave_up(attempts=1)

def test_without_check(extend_api):
    extend_api.fail("CORRUPT_FILE")
    parse(extend_api)

def test_fails(extend_api):
    extend_api.fail("OCR_ERROR", times=2)
    parse(extend_api)
    extend_api.assert_gave_up()

def test_without_simulation():
    pass
"""


SUITES = {
    "cases": CASES,
    "attempts": """
def test_it(extend_api):
    extend_api.fail("INTERNAL_ERROR")
    extend_api.fail("RATE_LIMIT_EXCEEDED", retry_after=1)
    parse(extend_api)
    extend_api.assert_recovered()
    extend_api.assert_timeout_set()
""",
    "long": """
def test_it(extend_api):
    extend_api.fail("CORRUPT_FILE", times=90)
    for _ in range(100):
        parse(extend_api)
    extend_api.assert_retried()
""",
    "reset": """
def test_it(extend_api):
    for code in ("OCR_ERROR", "INTERNAL_ERROR"):
        extend_api.reset()
        extend_api.fail(code)
        parse(extend_api)
        extend_api.assert_recovered()
    extend_api.reset()
""",
    "unheld": """
def test_it(extend_api):
    extend_api.fail("OCR_ERROR")
    parse(extend_api)
    with pytest.raises(AssertionError):
        extend_api.assert_not_retried()
""",
    "two": """
def test_it(extend_api, nutrient_api):
    extend_api.fail("OCR_ERROR")
    nutrient_api.fail(503)
    parse(extend_api)
    httpx.post("https://api.nutrient.io/extraction/parse", content=b"%PDF-1.7",
               headers={"authorization": "Bearer x", "content-type": "application/pdf"})
    extend_api.assert_recovered()
""",
    "surfaces": """
def test_run(extend_api):
    extend_api.fail_run("OCR_ERROR", polls=0)
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    body = {"file": {"url": "https://files.example.com/a.pdf"}}
    url = f"{extend_api.base_url}/parse_runs"
    run = httpx.post(url, json=body, headers=headers).json()
    failed = httpx.get(f"{url}/{run['id']}", headers=headers).json()
    logging.error("%s %s", failed["id"], failed["failureReason"])
    extend_api.assert_run_failure_logged()

def test_unseen_run(extend_api):
    extend_api.fail_run("CORRUPT_FILE", polls=0)
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    body = {"file": {"url": "https://files.example.com/a.pdf"}}
    httpx.post(f"{extend_api.base_url}/parse_runs", json=body, headers=headers)

def test_webhook(extend_api):
    extend_api.deliver(extend_api.webhook("CHUNKING_ERROR"), lambda body, headers: 200)
    extend_api.assert_webhook_accepted()
""",
    "tries": """
TRIES = []

@pytest.mark.flaky(reruns=2)
def test_it(extend_api):
    TRIES.append(1)
    extend_api.fail("OCR_ERROR" if len(TRIES) < 3 else "INTERNAL_ERROR")
    parse(extend_api)
    extend_api.assert_recovered()
    assert len(TRIES) == 3
""",
    "contract": """
from pytest_parseapi import ParseErrorContract

class TestClient(ParseErrorContract):
    test_retry_after = None  # dates depend on today's

    def parse(self, document):
        for number in range(4):
            reply = httpx.post(
                f"{self.base_url}/parse",
                json={"file": {"url": document}},
                headers={"authorization": f"Bearer {self.api_key}"},
                timeout=5,
            )
            if reply.status_code == 200:
                return reply.json()["output"]
            if reply.status_code < 429:
                break
            logging.error("failed: %s", reply.json().get("requestId"))
            time.sleep(2**number)
        raise RuntimeError("failed")
""",
    "outcomes": """
@pytest.fixture
def used(extend_api):
    extend_api.fail("OCR_ERROR")
    parse(extend_api)
    extend_api.assert_recovered()

@pytest.fixture
def wrong(used):
    assert 0

@pytest.fixture
def late(used):
    yield
    assert 0

def test_passes(used):
    pass

@pytest.mark.xfail
def test_fails_as_expected(used):
    assert 0

@pytest.mark.xfail
def test_passes_unexpectedly(used):
    pass

@pytest.mark.xfail(strict=True)
def test_must_not_pass(used):
    pass

def test_skips(used):
    pytest.skip("now")

def test_breaks_in_set_up(wrong):
    pass

def test_breaks_in_tear_down(late):
    pass
""",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where all of `SUITES` are."""
    path = tmp_path_factory.mktemp("suites")
    for name, source in SUITES.items():
        (path / f"test_{name}.py").write_text(SUITE + source, encoding="utf-8")
    return path


def written(place, name, *options):
    """The text of the report of a session, and what the session printed."""
    plugins = ["-p", "parseapi", "-p", "rerunfailures", "-p", "no:cacheprovider"]
    found = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, f"--parseapi-report=json:{name}", *options],
        cwd=place,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    return (place / name).read_text(encoding="utf-8"), found


@pytest.fixture(scope="module")
def whole(place):
    """The text of the report of one session over all of `SUITES`."""
    return written(place, "whole.json", "-q")[0]


@pytest.fixture(scope="module")
def session(whole):
    """Its data."""
    return json.loads(whole)


@pytest.fixture
def suite(session):
    """Gives the report of one of the suites."""

    def part(name):
        tests = [test for test in session["tests"] if test["id"].startswith(f"test_{name}.py::")]
        return report_of(session["providers"], tests)

    return part


def rows(report, provider="extend"):
    return {
        (row["code"], row["surface"]): (row["simulated"], row["checked"])
        for row in report["coverage"]
        if row["provider"] == provider
    }


def test_what_a_test_received_and_what_it_checked(suite):
    report = suite("cases")
    found = rows(report)
    assert found["RATE_LIMIT_EXCEEDED", "http"] == (1, 1)
    assert found["FORBIDDEN", "http"] == (1, 1)
    assert found["CORRUPT_FILE", "http"] == (1, 0)
    assert found["NOT_FOUND", "http"] == (0, 0)
    assert found["OCR_ERROR", "http"] == (2, 1)
    assert found["OCR_ERROR", "run"] == (0, 0)
    assert report["percent"] == 90.0
    assert [test["id"] for test in report["tests"] if test["outcome"] == "failed"] == [
        "test_cases.py::test_fails"
    ]
    assert "test_cases.py::test_without_simulation" not in {test["id"] for test in report["tests"]}


def test_each_attempt_is_drawn_from_the_record(suite):
    report = suite("attempts")
    (test,) = report["tests"]
    (api,) = test["apis"]
    keys = ("number", "operation", "status", "error", "started", "ended", "waited", "retry_after")
    assert [tuple(item[key] for key in keys) for item in api["attempts"]] == [
        (1, 0, 500, "INTERNAL_ERROR", 0.0, 0.0, None, None),
        (2, 0, 429, "RATE_LIMIT_EXCEEDED", 1.0, 1.0, 1.0, "1"),
        (3, 0, 200, None, 3.0, 3.0, 2.0, None),
    ]
    assert {(item["request"], item["document"]) for item in api["attempts"]} == {
        ("POST /parse", "invoice.pdf")
    }
    assert api["attempts"][0]["request_id"].startswith("req_")
    assert api["received"] == [["INTERNAL_ERROR", "http"], ["RATE_LIMIT_EXCEEDED", "http"]]
    assert api["checks"] == ["assert_recovered", "assert_timeout_set"]


def test_no_credential_reaches_a_report(suite):
    """A report is passed around; presigned URLs and API keys are not for everyone."""
    text = json.dumps(suite("cases"))
    assert "rule broken" in text
    assert "SECRET" not in text
    assert "sk_parseapi" not in text


def test_the_middle_of_a_long_record_is_left_out(suite):
    (test,) = suite("long")["tests"]
    (api,) = test["apis"]
    numbers = [item["number"] for item in api["attempts"]]
    assert numbers == [*range(1, 61), *range(81, 101)]
    assert api["left_out"] == 20


def test_what_was_received_before_a_reset_counts(suite):
    found = rows(suite("reset"))
    assert found["OCR_ERROR", "http"] == (1, 1)
    assert found["INTERNAL_ERROR", "http"] == (1, 1)


def test_a_check_that_did_not_hold_is_no_check(suite):
    (test,) = suite("unheld")["tests"]
    assert test["outcome"] == "passed"
    assert test["apis"][0]["checks"] == []


def test_a_check_of_one_provider_says_nothing_about_another(suite):
    report = suite("two")
    assert rows(report)["OCR_ERROR", "http"] == (1, 1)
    assert rows(report, "nutrient")["service_unavailable", "http"] == (1, 0)


def test_runs_and_webhooks_are_surfaces_of_their_own(suite):
    report = suite("surfaces")
    found = rows(report)
    assert {key: value for key, value in found.items() if value[0]} == {
        ("OCR_ERROR", "run"): (1, 1),
        ("CHUNKING_ERROR", "webhook"): (1, 1),
    }
    runs = {test["id"]: test["apis"][0]["runs"] for test in report["tests"]}
    assert [
        (run["status"], run["failure_reason"]) for run in runs["test_surfaces.py::test_run"]
    ] == [("FAILED", "OCR_ERROR")]


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("passes", "passed"),
        ("fails_as_expected", "xfailed"),
        ("passes_unexpectedly", "passed"),
        ("must_not_pass", "failed"),
        ("skips", "skipped"),
        ("breaks_in_set_up", "failed"),
        ("breaks_in_tear_down", "failed"),
    ],
)
def test_a_test_passes_if_all_its_phases_do(suite, name, outcome):
    report = suite("outcomes")
    tests = [test for test in report["tests"] if test["id"].endswith(f"::test_{name}")]
    assert [test["outcome"] for test in tests] == [outcome]
    assert rows(report_of(report["providers"], tests))["OCR_ERROR", "http"] == (
        1,
        int(outcome == "passed"),
    )


def test_the_table_and_the_page(nested, pytester):
    options = ["--parseapi-report", "--parseapi-report=html:out/report.html"]
    result = nested(SUITE + CASES, *options)
    result.stdout.fnmatch_lines(
        [
            "*= documented errors =*",
            "provider  surface  documented  simulated  checked",
            "extend    http             20         19       18   90 %",
            "extend    run              13          -        -  not used by any test",
            "extend    webhook          13          -        -  not used by any test",
            "",
            "extend http, never simulated: NOT_FOUND",
            "extend http, simulated but not checked: CORRUPT_FILE",
            "",
            "not used by any test: nutrient",
            "",
            "report written to *report.html",
            "documented errors checked: 18 of 20 (90 %)",
        ],
        consecutive=True,
    )
    assert "RATE_LIMIT_EXCEEDED" in (pytester.path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        (
            ["--parseapi-fail-under=5"],
            0,
            "documented errors checked: 1 of 20 (5 %), required are 5 %",
        ),
        (["--parseapi-fail-under=5.1"], 1, "FAIL documented errors checked: 1 of 20 (5 %), *"),
        (
            ["--parseapi-fail-under=1", "-k", "nothing"],
            1,
            "FAIL documented errors checked: 0 of 0*",
        ),
    ],
)
def test_too_little_fails_the_session(nested, options, code, line):
    test = """
@pytest.mark.parse_error("OCR_ERROR")
def test_one(extend_api):
    parse(extend_api)
    extend_api.assert_recovered()
"""
    result = nested(SUITE + test, *options)
    assert result.ret == code
    lines = result.outlines + result.errlines
    assert any(pytester_match(found, line) for found in lines), lines


def pytester_match(text, pattern):
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def test_nothing_is_registered_where_no_report_is_asked_for(nested, pytester):
    pytester.makeconftest(
        """
        def pytest_sessionstart(session):
            assert not session.config.pluginmanager.has_plugin("parseapi-report")
        """
    )
    result = nested(
        "def test_it(extend_api):\n    assert extend_api._simulation.before_reset == []"
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "shows", ["--collect-only", "--fixtures", "--fixtures-per-test", "--setup-only", "--setup-plan"]
)
def test_a_session_that_runs_no_test_reports_nothing(nested, pytester, shows):
    options = ["--parseapi-fail-under=100", "--parseapi-report=json:a.json"]
    sweep = ["--parseapi-sweep", "--parseapi-sweep-baseline=b", "--parseapi-sweep-baseline-write"]
    result = nested(SUITE + CASES, shows, *options, *sweep)
    assert result.ret == 0
    assert "documented errors checked" not in result.stdout.str()
    assert not {"a.json", "b"} & {path.name for path in pytester.path.iterdir()}


@pytest.mark.parametrize(
    "options",
    [
        ("-p", "xdist", "-n", "2"),
        pytest.param(
            ("-p", "randomly", "-p", "no:terminal"),
            marks=pytest.mark.skipif(
                pytest.version_tuple < (9,),
                reason="older pytest cannot explain an assertion without its terminal",
            ),
        ),
    ],
    ids=["two processes", "random order without a terminal"],
)
def test_however_the_tests_run_the_report_is_the_same(place, whole, options):
    assert written(place, "again.json", *options)[0] == whole


def test_without_a_terminal_the_table_is_printed_and_the_session_fails(place):
    options = ("test_cases.py", "-p", "no:terminal", "--parseapi-fail-under=95")
    _, found = written(place, "quiet.json", *options, "--parseapi-report")
    assert found.returncode == 1
    lines = found.stdout.splitlines()
    assert lines[0] == "provider  surface  documented  simulated  checked"
    assert lines[-1] == "FAIL documented errors checked: 18 of 20 (90 %), required are 95 %"


def test_the_last_of_several_tries_is_the_result(suite):
    report = suite("tries")
    (test,) = report["tests"]
    assert (test["outcome"], test["tries"], test["message"]) == ("passed", 3, "")
    assert rows(report)["INTERNAL_ERROR", "http"] == (1, 1)
    assert rows(report)["OCR_ERROR", "http"] == (0, 0)


def test_a_worker_that_crashes_takes_nothing_along(tmp_path):
    source = """
import os

@pytest.mark.parametrize("number", range(6))
def test_it(extend_api, number):
    extend_api.fail("OCR_ERROR")
    parse(extend_api)
    extend_api.assert_recovered()
    if number == 5:
        os._exit(3)
"""
    (tmp_path / "test_it.py").write_text(SUITE + source)
    text, _ = written(tmp_path, "a.json", "-p", "xdist", "-n", "1")
    assert rows(json.loads(text))["OCR_ERROR", "http"] == (5, 5)


def test_shards_merge_on_the_command_line(place, whole):
    names = sorted(SUITES)
    for number in range(2):
        files = [f"test_{name}.py" for name in names[number::2]]
        written(place, f"shard{number}.json", *files)
    command = [sys.executable, "-m", "pytest_parseapi", "merge", "shard1.json", "shard0.json"]
    subprocess.run([*command, "--html=out.html", "--json=out.json"], cwd=place, check=True)
    assert (place / "out.json").read_text() == whole
    assert "RATE_LIMIT_EXCEEDED" in (place / "out.html").read_text()


def test_a_contract_counts_as_checked(suite):
    report = suite("contract")
    ending = "test_documented_error[extend-CORRUPT_FILE]"
    (test,) = [test for test in report["tests"] if test["id"].endswith(ending)]
    assert (test["outcome"], test["apis"][0]["checks"]) == ("failed", [])
    ending = "test_documented_error[extend-OCR_ERROR]"
    (test,) = [test for test in report["tests"] if test["id"].endswith(ending)]
    assert (test["outcome"], test["apis"][0]["checks"]) == ("passed", ["contract"])
    assert rows(report)["OCR_ERROR", "http"][1] >= 1


RED = """
class TestOurs(ParseErrorContract):
    provider = "extend"

    def parse(self, document):
        api_key = self.api_key
        return httpx.post(
            "https://api.extend.ai/parse",
            json={"file": {"url": document}},
            headers={"Authorization": f"Bearer {api_key}"},
        ).raise_for_status().json()


def test_alone(extend_api):
    extend_api.fail("OCR_ERROR")
    parse(extend_api)
    extend_api.assert_backoff(initial=50)


@pytest.mark.xfail(reason="ticket 12")
def test_later(extend_api):
    parse(extend_api)
    extend_api.assert_retried()


@pytest.mark.skip(reason="needs a scanner")
def test_never(extend_api):
    pass
"""


@pytest.mark.parametrize("options", [(), ("-p", "xdist", "-n", "2")], ids=["alone", "xdist"])
def test_each_test_has_its_place_its_rules_and_its_whole_message(tmp_path, options):
    source = "from pytest_parseapi import ParseErrorContract\n" + SUITE + RED
    (tmp_path / "tests").mkdir()
    (tmp_path / "pytest.ini").touch()
    path = tmp_path / "tests" / "test_it.py"
    path.write_text(source)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("a" * 40)
    lines = source.splitlines()
    text, _ = written(tmp_path, "a.json", "--parseapi-fail-under=0", *options)
    report = json.loads(text)
    assert (report["commit"], report["threshold"]) == ("a" * 40, 0)
    tests = {test["id"].rpartition("::")[2]: test for test in report["tests"]}
    assert {test["file"] for test in tests.values()} == {"tests/test_it.py"}

    alone = tests["test_alone"]
    assert lines[alone["line"] - 1].strip() == "extend_api.assert_backoff(initial=50)"
    (rule,) = alone["rules"]
    assert rule == {
        "name": "assert_backoff",
        "rule": "waits before retries grow exponentially",
        "page": "docs.extend.ai/general/rate-limits",
        "attempts": rule["attempts"],
    }
    assert set(rule["attempts"]) <= {1, 2}
    assert "  expected " in alone["message"]

    case = tests["test_documented_error[extend-OCR_ERROR]"]
    assert lines[case["line"] - 1] == "class TestOurs(ParseErrorContract):"
    pages = {rule["name"]: rule["page"] for rule in case["rules"]}
    assert pages["retries"] == "docs.extend.ai/api-reference/error-handling"
    assert case["message"].startswith(("Failed: rule broken: ", "Failed: "))
    assert "  seen " in case["message"]

    assert (tests["test_later"]["outcome"], tests["test_later"]["message"]) == (
        "xfailed",
        "ticket 12",
    )


def test_a_report_of_an_earlier_version_is_still_read(tmp_path):
    path = tmp_path / "old.json"
    test = {"id": "a.py::test_a", "outcome": "passed", "tries": 1, "message": "", "apis": []}
    write({path: json_text(report_of([], [test]))})
    text = path.read_text()
    (tmp_path / "older.json").write_text(text.replace('"commit":null,', ""))
    assert merged([read_json(path), read_json(tmp_path / "older.json")])["tests"] == [test]
