"""A consumer that no contract can judge is reported once, and not by each case."""

from __future__ import annotations

import pytest

from pytest_parseapi import Endpoint, Provider
from pytest_parseapi.contract.cases import main_paths
from pytest_parseapi.contract.preflight import parse_mistake

HEAD = """
import httpx
import pytest
from pytest_parseapi import ParseErrorContract

def post(path, key="sk_live_1", host="https://api.extend.ai", body=None):
    return httpx.post(
        host + path,
        json={"file": {"url": "https://files.example.com/a.pdf"}} if body is None else body,
        headers={"Authorization": f"Bearer {key}", "x-extend-api-version": "2026-02-09"},
        timeout=5,
    )

class TestOurs(ParseErrorContract):
    provider = "extend"
"""


SOME_CASES = ("-k", "OCR_ERROR or CORRUPT_FILE")
"""They tell what stops them as well as all cases do."""


@pytest.fixture
def contract(pytester, monkeypatch):
    """Runs a contract whose ``parse`` is the code given."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(code, *arguments):
        lines = "\n".join("    " + line for line in code.splitlines())
        pytester.makepyfile(test_ours=HEAD + lines)
        switches = ["--assert=plain", "-p", "parseapi", "-p", "no:cacheprovider"]
        return pytester.runpytest_inprocess(*switches, *arguments)

    return run


NO_REQUEST = (
    "def parse(self, document):\n    return None",
    [
        "the contract cannot judge this consumer: parse sends a request to Extend",
        "  expected   a request to https://api.extend.ai",
        "  seen       no request; parse returned None",
        "  next       parse is called with 'https://files.example.com/contract.pdf', and *",
        "The other cases of this contract are skipped: they would fail for the same reason.",
    ],
)
BROKEN_SETUP = (
    "def parse(self, document):\n    return {}['API_KEY']",
    ["  seen       no request; parse raised KeyError('API_KEY') (at test_ours.py:16)"],
)
OTHER_PROVIDER = (
    "def parse(self, document):\n"
    "    return post('/extraction/parse', host='https://api.nutrient.io').text",
    [
        "the contract cannot judge this consumer: parse asks Extend",
        "  expected   a request to https://api.extend.ai",
        "  seen       POST https://api.nutrient.io/extraction/parse, which is Nutrient's; parse *",
        "  next       set provider = 'nutrient' in the class, or let parse ask Extend",
    ],
)
OTHER_SURFACE = (
    "def parse(self, document):\n    return post('/parse_runs').json()",
    [
        "the contract cannot judge this consumer: parse uses the surface that the class states, *",
        "  expected   a request to /parse",
        "  seen       POST /parse_runs, which is of the surface 'run'",
        "  next       set surface = 'run' in the class",
    ],
)
SYNCHRONOUS = (
    "surface = 'run'\ndef parse(self, document):\n    return post('/parse').json()",
    [
        "  seen       POST /parse, which is of the surface 'http'",
        "  next       set surface = 'http' in the class",
    ],
)
ANOTHER_WAY_TO_RUNS = (
    "def parse(self, document):\n"
    "    one = {'file': {'url': 'https://files.example.com/a.pdf'}}\n"
    "    return post('/parse_runs/batch', body={'inputs': [one]}).json()",
    [
        "  expected   a request to /parse",
        "  seen       POST /parse_runs/batch, which is of the surface 'run'",
        "  next       set surface = 'run' in the class",
    ],
)
REJECTED_KEY = (
    "def parse(self, document):\n"
    "    return httpx.post('https://api.extend.ai/parse', json={}, timeout=5).raise_for_status()",
    [
        "the contract cannot judge this consumer: the credential of parse is accepted",
        "  seen       401 UNAUTHORIZED: The API key is missing or not valid.",
    ],
)
REJECTED_BODY = (
    "def parse(self, document):\n    return post('/parse', body={}).raise_for_status()",
    [
        "the contract cannot judge this consumer: the request of parse is accepted if nothing *",
        "  seen       400 INVALID_REQUEST: *",
    ],
)
REJECTED_TWICE = (
    f"def parse(self, document):\n    post('/parse', body={{}})\n{REJECTED_KEY[0].splitlines()[1]}",
    ["  seen       401 UNAUTHORIZED: The API key is missing or not valid."],
)
OWN_MOCK = (
    "@pytest.fixture(autouse=True)\n"
    "def _route(self, parseapi_factory):\n"
    "    import respx\n"
    "    with respx.mock(assert_all_called=False) as router:\n"
    "        router.post('https://api.extend.ai/parse').respond(json={})\n"
    "        yield\n"
    "def parse(self, document):\n    return post('/parse').json()",
    [
        "the contract cannot judge this consumer: the simulated API answers what parse asks",
        "  seen       attempt 1, POST /parse, was answered by *respx*",
    ],
)
NOT_SIMULATED = (
    "def parse(self, document):\n    return post('/parsed')",
    ["POST /parsed is not simulated: *"],
)


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        NO_REQUEST,
        BROKEN_SETUP,
        OTHER_PROVIDER,
        OTHER_SURFACE,
        SYNCHRONOUS,
        ANOTHER_WAY_TO_RUNS,
        REJECTED_KEY,
        REJECTED_BODY,
        REJECTED_TWICE,
        OWN_MOCK,
        NOT_SIMULATED,
    ],
    ids=[
        "no request",
        "broken set-up",
        "other provider",
        "other surface",
        "synchronous",
        "another way to runs",
        "rejected key",
        "rejected body",
        "rejected twice",
        "own mock",
        "not simulated",
    ],
)
def test_one_case_fails_with_the_reason_and_the_others_are_skipped(contract, code, lines):
    result = contract(code, *SOME_CASES)
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == 1
    assert outcomes["skipped"] > 1
    assert "passed" not in outcomes
    result.stdout.fnmatch_lines(lines)


RUNS_ONLY = """
from pytest_parseapi import DocumentedError, Endpoint, Provider, RunDescription

def pytest_parseapi_providers():
    busy = DocumentedError(
        provider="tasks", code="BUSY", status=503, message="Busy.", retryable=True,
        surfaces=("http", "run"), source="docs.tasks.example", source_read="2026-11-27",
    )
    return [Provider(
        name="tasks", title="Tasks", base_url="https://api.tasks.example", errors=(busy,),
        endpoints=(
            Endpoint(method="POST", path="/tasks", submits=True),
            Endpoint(method="GET", path="/tasks/{id}", polls=True),
        ),
        runs=RunDescription(
            submitted="new", running="busy", succeeded="done", failed="failed", id_prefix="task_"
        ),
    )]
"""
TAKES_FAILED_RUNS = """
provider = "tasks"
def parse(self, document):
    for attempt in range(3):
        reply = post("/tasks", host=self.base_url, body={"url": document})
        if reply.status_code != 503:
            break
        __import__("time").sleep(2**attempt)
    task = reply.raise_for_status().json()
    while task["status"] in ("new", "busy"):
        __import__("time").sleep(1)
        task = httpx.get(
            f"{self.base_url}/tasks/{task['id']}",
            headers={"Authorization": "Bearer sk_live_1"}, timeout=5,
        ).raise_for_status().json()
    return task
"""


@pytest.mark.parametrize("cases", ["success or BUSY", "lasting_error"])
def test_a_provider_whose_only_way_is_a_run_asks_for_that_surface(pytester, contract, cases):
    pytester.makeconftest(RUNS_ONLY)
    result = contract(TAKES_FAILED_RUNS, "-k", cases)
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == 1
    assert "passed" not in outcomes
    result.stdout.fnmatch_lines(
        [
            "the contract cannot judge this consumer: parse uses the surface that the class "
            "states, 'http'",
            "  expected   a request that parses without a run: the main endpoint of Tasks, /tasks, "
            "submits one",
            "  seen       POST /tasks, which is of the surface 'run'",
            "  next       set surface = 'run' in the class",
        ]
    )


def test_that_surface_finds_the_failed_run_that_counts_as_a_result(pytester, contract):
    pytester.makeconftest(RUNS_ONLY)
    result = contract(f"surface = 'run'\n{TAKES_FAILED_RUNS}", "-k", "run_failure")
    assert "passed" not in result.parseoutcomes()
    result.stdout.fnmatch_lines(["*[[]raises]*"])
    result.stdout.no_fnmatch_line("*cannot judge*")


def test_a_provider_without_runs_is_asked_by_requests_alone():
    tasks = Endpoint(method="POST", path="/tasks", submits=True)
    provider = Provider(name="tasks", base_url="https://api.tasks.example", endpoints=(tasks,))
    assert main_paths(provider, "http") == {"/tasks"}
    assert main_paths(provider, "run") == set()


def test_all_cases_but_one_are_skipped(contract):
    outcomes = contract(NO_REQUEST[0]).parseoutcomes()
    assert outcomes["failed"] == 1
    assert outcomes["skipped"] > 50
    assert "passed" not in outcomes


def test_each_class_has_a_preflight_of_its_own(contract):
    nothing = "def parse(self, document):\n    pass\n"
    code = nothing + "class TestInner(ParseErrorContract):\n    parse = lambda self, document: None"
    assert contract(code, *SOME_CASES).parseoutcomes()["failed"] == 2


def test_a_case_that_is_expected_to_fail_hides_no_reason(contract):
    code = f"marks = {{'extend': pytest.mark.xfail(reason='known')}}\n{NO_REQUEST[0]}"
    outcomes = contract(code, *SOME_CASES).parseoutcomes()
    assert outcomes["failed"] == 1


def test_under_xdist_at_most_one_case_a_worker_reports(contract):
    outcomes = contract(NO_REQUEST[0], "-p", "xdist", "-n", "2").parseoutcomes()
    assert 1 <= outcomes["failed"] <= 2
    assert outcomes["skipped"] > 50


def test_a_network_fault_in_the_first_case_says_nothing_of_the_credential(contract):
    outcomes = contract(REJECTED_KEY[0], "-k", "network_fault").parseoutcomes()
    assert outcomes["failed"] == 1
    assert outcomes["skipped"] > 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "parse = lambda: None",
            "parse must take one document, and takes nothing: a function in a class gets *",
        ),
        ("parse = 5", "parse must be a method that takes one document, not 5"),
        (
            "def parse(self, document, timeout): pass",
            "parse must take one document, and takes document, timeout",
        ),
        (
            "def parse(self, document):\n    yield document",
            "parse must return its result: it is a generator function",
        ),
        ("backoff = True", "a contract needs a method parse(self, document)"),
    ],
)
def test_a_parse_that_is_no_function_of_one_document_is_a_collection_error(contract, code, message):
    result = contract(code)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*TestOurs: {message}*"])


def test_a_function_that_became_a_method_is_told_how_to_stay_one():
    def parse(document):
        return document

    class Ours:
        pass

    Ours.parse = parse
    assert parse_mistake(Ours().parse) == (
        "parse must take one document, and takes nothing: a function in a class gets the instance "
        "as its first argument, so write parse = staticmethod(parse), or def parse(self, document)"
    )


@pytest.mark.parametrize(
    "parse",
    [
        lambda document: document,
        lambda document, timeout=5: (document, timeout),
        lambda *documents: documents,
        str,
        len,
    ],
)
def test_callables_of_one_document_are_accepted(parse):
    assert parse_mistake(parse) == ""


@pytest.mark.parametrize("parse", [lambda: None, lambda *, document: document, 5, None])
def test_other_callables_are_a_mistake(parse):
    assert parse_mistake(parse).startswith("parse must ")
