"""``--parseapi-init``: a contract class for a callable, with the policy that was measured."""

from __future__ import annotations

import pytest

CLIENT = """
import asyncio
import logging
import time
from email.utils import parsedate_to_datetime

import httpx


class Failed(Exception):
    pass


def seconds(reply, attempt):
    value = reply.headers.get("retry-after", "")
    if not value:
        return 2.0**attempt
    if value.isdecimal():
        return float(value)
    return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())


def post(document):
    return httpx.post(
        "https://api.extend.ai/parse",
        json={"file": {"url": document}},
        headers={"Authorization": "Bearer sk_live_1", "x-extend-api-version": "2026-02-09"},
        timeout=30,
    )


def parse(document, attempts=4):
    for attempt in range(attempts):
        try:
            reply = post(document)
        except httpx.TransportError as error:
            raise Failed(str(error)) from error
        try:
            body = reply.json()
        except ValueError:
            body = {}
        if reply.status_code == 200 and "output" in body:
            return body["output"]
        logging.error("failed: %s", body.get("requestId"))
        print("failed")
        again = reply.status_code in (200, 429) or reply.status_code >= 500
        if not again or attempt + 1 == attempts:
            break
        time.sleep(seconds(reply, attempt))
    raise Failed(reply.status_code)


async def parse_async(document):
    return parse(document)


def once(document):
    return parse(document, attempts=1)


def run(document):
    client = httpx.Client(
        base_url="https://api.extend.ai",
        headers={"Authorization": "Bearer sk_live_1", "x-extend-api-version": "2026-02-09"},
        timeout=30,
    )
    for _ in range(2):
        run = client.post("/parse_runs", json={"file": {"url": document}}).json()
        while run.get("status") == "PROCESSING":
            time.sleep(1)
            run = client.get(f"/parse_runs/{run['id']}").json()
        if run.get("status") == "PROCESSED":
            return run["output"]
        time.sleep(2)
    raise Failed(str(run))


def nothing(document):
    return None


def pair(one, two):
    return None


def ends(document):
    raise SystemExit(3)


def refused(document):
    raise RuntimeError("no configuration: set OUR_KEY")


class Client:
    def parse(self, document):
        return parse(document)

    async def parse_async(self, document):
        return parse(document)

    @classmethod
    def parse_by_class(cls, document):
        return parse(document)

    @staticmethod
    def parse_static(document):
        return parse(document)

    def __call__(self, document):
        return parse(document)


ours = Client()
"""


@pytest.fixture
def session(pytester, monkeypatch):
    """Runs pytest in a folder with ``client.py``."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(client=CLIENT)
    pytester.syspathinsert()

    def run(*arguments):
        switches = ["--assert=plain", "-p", "parseapi", "-p", "no:cacheprovider"]
        return pytester.runpytest_inprocess(*switches, *arguments)

    return run


@pytest.mark.parametrize("function", ["parse", "parse_async"])
def test_the_class_of_a_right_client_is_collected_and_green(pytester, session, function):
    result = session(f"--parseapi-init=client:{function}", "--parseapi-provider=extend")
    path = pytester.path / "test_extend_contract.py"
    assert result.ret == 0
    assert result.outlines == [str(path)]
    assert "failed" not in result.stderr.str()
    assert path.read_text() == (
        f'"""The contract of client:{function} with Extend: a test for each failure."""\n'
        "\n"
        "import client\n"
        "from pytest_parseapi import ParseErrorContract\n"
        "\n"
        "\n"
        "class TestExtendContract(ParseErrorContract):\n"
        '    provider = "extend"\n'
        '    surface = "http"\n'
        "    max_attempts = 4  # HTTP attempts of one request, as measured\n"
        "    # waits before retries, in seconds: 1.00, 2.00, 4.00\n"
        f"    parse = staticmethod(client.{function})\n"
    )
    outcomes = session().parseoutcomes()
    assert set(outcomes) == {"passed"}
    assert outcomes["passed"] > 50


@pytest.mark.parametrize(
    "path",
    ["ours", "ours.parse", "ours.parse_async", "Client.parse_by_class", "Client.parse_static"],
)
def test_methods_and_callable_objects_are_measured(pytester, session, path):
    assert session(f"--parseapi-init=client:{path}", "--parseapi-provider=extend").ret == 0
    text = (pytester.path / "test_extend_contract.py").read_text()
    assert f"    parse = staticmethod(client.{path})\n" in text
    assert "    max_attempts = 4  # HTTP" in text
    outcomes = session("-k", "test_success or test_lasting_error").parseoutcomes()
    assert set(outcomes) == {"passed", "deselected"}


def test_a_link_that_leads_nowhere_is_no_place_for_a_new_file(pytester, session):
    path = pytester.path / "test_extend_contract.py"
    path.symlink_to(pytester.path / "gone" / "test_extend_contract.py")
    result = session("--parseapi-init=client:parse", "--parseapi-provider=extend")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --parseapi-init: {path} exists, and is left as it is: *"])


def test_the_surface_and_the_submissions_of_runs_are_measured(pytester, session):
    assert session("--parseapi-init=client:run", "--parseapi-provider=extend").ret == 0
    text = (pytester.path / "test_extend_contract.py").read_text()
    assert '    surface = "run"\n' in text
    assert "    max_submissions = 2  # runs of one document, as measured\n" in text


def test_a_client_that_never_retries_is_written_as_it_is(pytester, session):
    assert session("--parseapi-init=client:once", "--parseapi-provider=extend").ret == 0
    text = (pytester.path / "test_extend_contract.py").read_text()
    assert "    max_attempts = 1  # HTTP attempts of one request, as measured\n" in text
    assert "waits before" not in text
    assert session().parseoutcomes()["failed"] > 1


def test_an_existing_file_stays_as_it_is(pytester, session):
    path = pytester.path / "test_extend_contract.py"
    path.write_text("mine = 1\n")
    result = session("--parseapi-init=client:parse", "--parseapi-provider=extend")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = f"--parseapi-init: {path} exists, and is left as it is: *"
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert path.read_text() == "mine = 1\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["client"], "--parseapi-init takes package.module:function, not 'client'"),
        (["client:pars"], "--parseapi-init client:pars: there is no 'pars', did you mean *"),
        (
            ["client:pair"],
            "--parseapi-init client:pair: parse must take one document, and takes one, two: give "
            "the others a default, or name a function that does",
        ),
        (["client:nothing"], "--parseapi-init client:nothing: parse sends a request to Extend"),
        (
            ["client:Client.parse"],
            "--parseapi-init client:Client.parse: it is a method that needs an instance *",
        ),
        (
            ["client:refused"],
            "--parseapi-init client:refused: parse sends a request to Extend",
        ),
        (
            ["client:ends"],
            "--parseapi-init client:ends: it ended the process by SystemExit(3); *",
        ),
        (
            ["client.py:parse"],
            "--parseapi-init takes package.module:function, not the path of a file: did you mean "
            "'client:parse'?",
        ),
        (
            ["./client.py:parse"],
            "--parseapi-init takes package.module:function, not the path of a file: did you mean "
            "'client:parse'?",
        ),
        (["clent:parse"], "--parseapi-init clent:parse: No module named 'clent'"),
        (
            ["wrong_syntax:parse"],
            "--parseapi-init wrong_syntax:parse: wrong_syntax cannot be imported, it raised "
            "SyntaxError(*",
        ),
        (
            ["needs_a_key:parse"],
            "--parseapi-init needs_a_key:parse: needs_a_key cannot be imported, it raised "
            "KeyError('OUR_KEY')",
        ),
        (
            ["client:parse", "--parseapi-provider=nutrient"],
            "--parseapi-init client:parse: parse asks Nutrient",
        ),
        (
            ["client:parse", "--parseapi-provider=extnd"],
            "unknown provider 'extnd': did you mean 'extend'?",
        ),
        (
            ["client:parse", "--parseapi-surface=htp"],
            "--parseapi-surface=htp: did you mean 'http'?",
        ),
    ],
)
def test_a_mistake_writes_nothing(pytester, session, arguments, message):
    (pytester.path / "wrong_syntax.py").write_text("def parse(:\n")
    (pytester.path / "needs_a_key.py").write_text("import os\nKEY = os.environ['OUR_KEY']\n")
    result = session(f"--parseapi-init={arguments[0]}", *arguments[1:])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert not list(pytester.path.glob("test_*_contract.py"))
