"""``python -m pytest_parseapi``."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import httpx
import pytest

from pytest_parseapi.cli import main
from pytest_parseapi.clients.server.log import ServerLog
from pytest_parseapi.clients.server.server import LiveServer
from pytest_parseapi.providers.registry import registry
from pytest_parseapi.serve import long_lived_providers

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


HOSTILE = [
    "https://files.example.com/\\ud800.pdf",
    "https://files.example.com/a\\u001b[2Jb\\u202ec\\u2028d\\ne.pdf",
    "https://files.example.com/caf\\u00e9.pdf",
]


def ask(url: str, key: str, document: str, **headers: str) -> int:
    body = f'{{"file": {{"url": "{document}"}}}}'.encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", **headers}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/parse", body, headers)) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_no_name_of_a_document_stops_the_log(monkeypatch, encoding):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    with serving("extend") as (process, start):
        url, key = start.split()[4], start.split()[-1]
        assert [ask(url, key, document) for document in HOSTILE] == [200, 400, 200]
        process.send_signal(signal.SIGTERM)
        text = process.stdout.buffer.read().decode(encoding)
    first, second, third = text.splitlines()
    assert r"/\ud800.pdf" in first
    assert r"/a\x1b[2Jb\u202ec\u2028d\ne.pdf" in second
    assert (r"/caf\xe9.pdf" if encoding == "ascii" else "/café.pdf") in third


@pytest.mark.parametrize("output", ["| head -1", "> /dev/full", "| sleep 30", ">&-"])
def test_the_server_answers_whether_its_log_is_read_or_not(output):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = f"exec {sys.executable} -m pytest_parseapi serve extend --port {port} {output}"
    with subprocess.Popen(
        ["bash", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as shell:
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(200):
                with contextlib.suppress(OSError):
                    ask(url, "k", "https://files.example.com/a.pdf")
                    break
                time.sleep(0.05)
            # More than a pipe holds.
            document = f"https://files.example.com/{'a' * 2000}.pdf"
            assert {ask(url, "k", document) for _ in range(60)} == {200}
        finally:
            os.killpg(shell.pid, signal.SIGKILL)


def test_a_foreign_host_is_refused_unless_it_is_allowed():
    with serving("extend", "--allow-host", "parse.internal") as (_, start):
        url, key = start.split()[4], start.split()[-1]
        hosts = ["localhost:1", "parse.internal:80", "evil.example", "parse.internal.evil.example"]
        document = "https://files.example.com/a.pdf"
        assert [ask(url, key, document, host=host) for host in hosts] == [200, 200, 403, 403]


def test_the_host_of_a_request_to_a_proxy_counts():
    with serving("extend") as (_, start):
        url = urlsplit(start.split()[4])
        answers = []
        for host in ("evil.example", f"localhost:{url.port}", "[::1]", "user@localhost", ""):
            with socket.create_connection((url.hostname, url.port), timeout=20) as sock:
                head = f"GET http://{host}/__parseapi/health HTTP/1.1\r\nhost: localhost\r\n"
                sock.sendall(f"{head}connection: close\r\n\r\n".encode())
                answers.append(int(sock.recv(65536).split()[1]))
        assert answers == [403, 200, 200, 403, 403]


@pytest.mark.parametrize(
    "name", ["api:8080", "*", "http://api", "", "a b", "*.internal", "u@api", ".."]
)
def test_an_invalid_host_name_is_not_allowed(name, capsys):
    assert main(["serve", "extend", "--allow-host", name]) == 2
    told = capsys.readouterr().err
    assert f"argument --allow-host: {name!r} is no host name such as 'parse.internal'" in told


@pytest.mark.parametrize("name", ["Parse.Internal.", "[fe80::1]", "fe80::1", "10.0.0.7"])
def test_a_host_is_allowed_however_it_is_written(name):
    bare = name.strip("[]")
    host = f"[{bare}]:80" if ":" in bare else f"{bare.lower()}:80"
    with serving("extend", "--allow-host", name) as (_, start):
        document = "https://files.example.com/a.pdf"
        assert ask(start.split()[4], start.split()[-1], document, host=host) == 200


def test_a_script_is_in_force_before_the_first_request(tmp_path):
    path = tmp_path / "script.json"
    path.write_text('[{"fail": {"errors": [429], "retry_after": 2}}, {"runs_take": {"polls": 0}}]')
    with serving("extend", "--script", str(path)) as (_, start):
        url, key = start.split()[4], start.split()[-1]
        assert [post(url, key) for _ in range(2)] == [429, 200]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file or directory"),
        ("nonsense", "is not JSON"),
        ("{}", "is no list such as"),
        ("[" * 100_000, "is not JSON"),
        ('[{"fial": {}}]', "entry 1: there is no call 'fial': did you mean 'fail'?"),
        ('[{"reset": {}}, 3]', "entry 2 is not one call"),
        ('[{"fail": []}]', "entry 1: the arguments must be an object"),
        (
            '[{"reset": {}}, {"fail": {"errors": ["OCR_EROR"]}}]',
            "script.json: entry 2: unknown extend error 'OCR_EROR': did you mean 'OCR_ERROR'?",
        ),
        ('[{"fail": {"errors": [429], "tims": 2}}]', "entry 1: fail takes no 'tims': did you mean"),
        ('[{"runs_take": {"polls": -1}}]', "entry 1: "),
        (
            '[{"fail": {"errors": [429], "retry_after": NaN}}]',
            "fail: retry_after: JSON has no NaN",
        ),
        ('[{"fail": {"errors": [429], "times": 1e400}}]', "entry 1: fail: times: the number"),
        (
            '[{"fail": {"errors": [429], "times": 1, "times": 2}}]',
            "the key 'times' stands in it twice",
        ),
    ],
)
def test_a_wrong_script_gets_one_line(capsys, tmp_path, text, says):
    path = tmp_path / "script.json"
    if text is not None:
        path.write_text(text)
    assert says in wrong(capsys, "serve", "extend", "--script", str(path))


@pytest.mark.parametrize("speed", ["0", "-1", "101", "nan", "inf", "fast"])
def test_a_wrong_speed_gets_one_line(capsys, speed):
    assert wrong(capsys, "serve", "extend", f"--speed={speed}") == (
        f"argument --speed: speed must be a number > 0 and <= 100, not {speed!r}"
    )


def test_at_a_speed_waits_are_longer_and_replies_sooner():
    with serving("extend", "--speed", "50", "--fail", "OCR_ERROR") as (_, start):
        url, key = start.split()[4], start.split()[-1]
        control(url, "replies_take", {"seconds": 10})
        began = time.monotonic()
        assert [post(url, key), post(url, key)] == [500, 200]
        assert time.monotonic() - began < 5
        first, second = control(url, "attempts")
        assert first["ended"] - first["started"] >= 9.9
        time.sleep(0.1)
        control(url, "replies_take", {"seconds": 0})
        assert control(url, "health")["speed"] == 50
        assert control(url, "health")["now"] >= second["ended"] + 5


def control(url, name, arguments=None):
    body = None if arguments is None else json.dumps(arguments).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{url}/__parseapi/{name}", body, headers)
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def test_an_exchange_that_breaks_is_answered_and_the_next_one_works(monkeypatch):
    log = ServerLog(io.StringIO())
    provider = registry()["extend"]
    simulated = long_lived_providers(provider, log)
    server = LiveServer(strict=True)
    server.attach(simulated.hosts)
    try:
        url = server.url(provider)
        with monkeypatch.context() as patch:
            patch.setattr(simulated.services["extend"], "receive", lambda *_: 1 / 0)
            headers = {"authorization": "Bearer k", "content-type": "application/json"}
            reply = httpx.post(f"{url}/parse", content=BODY, headers=headers)
            assert reply.status_code == 500
            assert "The simulation broke at POST /parse" in reply.text
            assert "ZeroDivisionError" in reply.text
        assert post(url, "k") == 200
        assert control(url, "health")["dropped"] == 0
    finally:
        server.detach(simulated.hosts)
        server.stop()
        log.close()


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
            ["serve", "extend", "--fail", "maestro_error:1"],
            "'maestro_error' is documented by nutrient, not by extend: serve nutrient",
        ),
        (
            ["serve", "extend", "--fail-run", "maestro_error"],
            "'maestro_error' is documented by nutrient, not by extend: serve nutrient",
        ),
        (
            ["serve", "extend", "--fail", "OCR_EROR"],
            "unknown extend error 'OCR_EROR': did you mean 'OCR_ERROR'?",
        ),
        (
            ["serve", "extend", "--fail", "OCR_ERROR:often"],
            "argument --fail: 'OCR_ERROR:often': TIMES must be an integer >= 0 or 'always', "
            "not 'often'",
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
            "use --fail; known: invalid_request, unprocessable_url, maestro_error, "
            "processing_error",
        ),
        (
            ["serve", "extend", "--host", ""],
            "argument --host: an address is a name or number of this machine, such as '127.0.0.1'; "
            "0.0.0.0 and :: are all of them, and '' is none",
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


def test_an_invalid_address_gets_the_message_of_the_system(capsys, monkeypatch):
    def unknown(address, **_):
        # As Python tells it, with a number that stands for something else elsewhere.
        raise OSError(8, f"Name not known (while attempting to bind on address {address!r})")

    monkeypatch.setattr(socket, "create_server", unknown)
    line = wrong(capsys, "serve", "extend", "--host", "[nowhere]")
    assert line == "cannot listen at nowhere:0: Name not known"


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
