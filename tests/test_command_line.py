"""``python -m pytest_parseapi``."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from pytest_parseapi.cli import main
from pytest_parseapi.providers.registry import registry

BODY = b'{"file": {"url": "https://files.example.com/invoice.pdf"}}'


@contextlib.contextmanager
def serving(*arguments: str):
    """A running server, with what it says on start."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_parseapi", "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


def post(url: str, key: str, path: str = "/parse") -> int:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(url + path, BODY, headers)
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize("times", ["always", "ALWAYS"])
def test_a_failure_is_scripted_for_ever(times):
    with serving("extend", "--fail", f"OCR_ERROR:{times}") as (_, start):
        url, key = start.split()[4], start.split()[-1]
        assert [post(url, key) for _ in range(3)] == [500, 500, 500]


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_it_is_stopped(ends):
    failures = ["--fail", "OCR_ERROR:2", "--fail", "empty_body", "--fail-run", "CORRUPT_FILE"]
    with serving("extend", *failures) as (process, start):
        seen = re.fullmatch(
            r"Extend is simulated at (http://127\.0\.0\.1:\d+)   Authorization: Bearer (\S+)\n",
            start,
        )
        assert seen, start
        url, key = seen.groups()
        assert [post(url, key) for _ in range(4)] == [500, 500, 500, 200]
        assert post(url, key, "/parse_runs") == 200
        assert post(url, key, "/pars") == 501
        assert post(url, key) == 200
        process.send_signal(ends)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    lines = [
        re.sub(r"^ *\d+\.\d{3} s  |\b\w+_[0-9a-f]{16,}$", "", line).rstrip()
        for line in out.splitlines()
    ]
    document = "https://files.example.com/invoice.pdf"
    assert lines == [
        f"POST /parse  500 OCR_ERROR  {document}",
        f"POST /parse  500 OCR_ERROR  {document}",
        f"POST /parse  500 empty_body  {document}",
        f"POST /parse  200  {document}",
        f"POST /parse_runs  200  {document}",
        (
            "POST /pars is not simulated: Extend does not document it, or the simulation does not "
            "cover it."
        ),
        f"POST /parse  200  {document}",
    ]


def test_listens_where_it_is_told():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving("nutrient", "--port", str(port), "--host", "127.0.0.1") as (_, start):
        assert f"http://127.0.0.1:{port} " in start


def wrong(capsys, *arguments: str) -> str:
    """The one line that a wrong command gets."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("pytest_parseapi: ")
    assert err.count("\n") == 1
    return err.removeprefix("pytest_parseapi: ").strip()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["serve", "extnd"], "unknown provider 'extnd': did you mean 'extend'?"),
        (["errors", "acme"], "unknown provider 'acme': known: extend, nutrient"),
        (
            ["serve", "extend", "--fail", "OCR_EROR"],
            "unknown extend error 'OCR_EROR': did you mean 'OCR_ERROR'?",
        ),
        (
            ["serve", "extend", "--fail", "OCR_ERROR:often"],
            "argument --fail: 'OCR_ERROR:often': TIMES is a whole number or 'always', not 'often'",
        ),
        (
            ["serve", "extend", "--port", "80800"],
            "argument --port: a port is a number from 0 to 65535",
        ),
        (
            ["serve", "extend", "--port", "-1"],
            "argument --port: a port is a number from 0 to 65535",
        ),
        (
            ["serve", "nutrient", "--fail-run", "rate_limited"],
            "'rate_limited' is documented for HTTP replies, not for run failures of nutrient: "
            "known: invalid_request, unprocessable_url, maestro_error, processing_error",
        ),
        (["serve"], "the following arguments are required: provider"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_a_wrong_command_gets_one_line(capsys, arguments, says):
    assert wrong(capsys, *arguments) == says


def test_a_taken_port_gets_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = wrong(capsys, "serve", "extend", "--port", str(port))
    assert line == f"cannot listen at 127.0.0.1:{port}: Address already in use"


def test_an_address_of_another_machine_gets_one_line(capsys):
    line = wrong(capsys, "serve", "extend", "--host", "192.0.2.1")
    assert line == "cannot listen at 192.0.2.1:0: Cannot assign requested address"


def test_errors_as_json(capsys):
    assert main(["errors", "nutrient", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    errors = registry()["nutrient"].errors
    assert [item["code"] for item in listed] == [error.code for error in errors]
    assert listed[0]["status"] == errors[0].status
    assert listed[0]["surfaces"] == list(errors[0].surfaces)


@pytest.mark.parametrize("chosen", [[], ["extend"]])
def test_errors_as_a_table(capsys, chosen):
    assert main(["errors", *chosen]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert re.split(" +", heading) == [
        *("provider", "code", "status", "retry", "surfaces", "endpoints", "basis", "source")
    ]
    codes = [error.code for name in chosen or registry() for error in registry()[name].errors]
    assert [row.split()[1] for row in rows] == codes


def test_output_that_nobody_reads_to_its_end_is_no_error():
    command = f"{sys.executable} -m pytest_parseapi errors | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("provider")
    assert done.stderr == ""
