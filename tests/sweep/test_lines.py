"""The lines that a finding shows: where code crashes, polls and waits."""

from __future__ import annotations

import re

import pytest
from sweep_app import APP, line_of

from pytest_parseapi.clock import endless_waits
from pytest_parseapi.sweep import watch
from pytest_parseapi.sweep.reproduction import Fixture

CRASHES = (
    APP
    + '''

def early(document):
    """Reads the body of a failure, whatever it is."""
    reply = ask(document)
    if reply.status_code != 200:
        body = reply.json()
        raise Failed(body.get("code"))
    return reply.json()


def threaded(document):
    """Reads a document in a thread, and does not ask what became of it."""

    def work():
        done.append(ask(document).json()["output"])

    import threading

    done = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return done
'''
)
POLLS = (
    APP
    + """

def call(method, path, **content):
    headers = {"authorization": "Bearer sk_test_0123456789"}
    reply = httpx.request(
        method, "https://api.extend.ai" + path, headers=headers, timeout=10, **content
    )
    if reply.status_code != 200:
        log.error("failed: %s", reply.text)
        raise Failed(reply.status_code)
    return reply.json()


def submit(document):
    return call("POST", "/parse_runs", json={"file": {"url": document}})


def hasty(document):
    run = submit(document)
    while run["status"] == "PROCESSING":
        time.sleep(0.1)
        run = call("GET", "/parse_runs/" + run["id"])
    return run["output"]
"""
)


def heads(result):
    """Title, lines and test of each finding."""
    return re.findall(r"^\d+\. ([\w ]+): .*\n   (.+)  in ", result.text, re.MULTILINE)


def test_every_line_that_crashes_is_named(sweep):
    result = sweep("def test(extend_api): early(INVOICE)", kinds="final,network", app=CRASHES)
    one, other = (line_of("early", text, CRASHES) for text in ("body = reply", "return"))
    assert heads(result)[0] == ("crashed", f"app.py:{one}")
    assert f" at app.py:{one}, also at app.py:{other}\n" in result.text


def test_every_exception_that_crashes_one_line_is_named(sweep):
    app = APP + "\ndef short(document):\n    return ask(document).json()['output']\n"
    result = sweep("def test(extend_api): short(INVOICE)", kinds="final,network", app=app)
    where = f"app.py:{line_of('short', 'return', app)}"
    assert heads(result)[0] == ("crashed", where)
    seen = next(line for line in result.text.splitlines() if "  seen  " in line)
    assert re.fullmatch(
        rf" +seen +JSONDecodeError: [^,]+ at {where}, also KeyError: 'output' at {where}", seen
    )


@pytest.mark.skipif(
    pytest.version_tuple < (8, 4),
    reason="this pytest replaces threading.excepthook while a test runs",
)
@pytest.mark.parametrize("asserts", ["threaded(INVOICE)", "assert threaded(INVOICE)"])
def test_a_crash_in_a_thread_is_found(sweep, nested, asserts):
    result = sweep(f"def test(extend_api): {asserts}", kinds="final", app=CRASHES)
    assert heads(result)[0] == ("crashed", f"app.py:{line_of('threaded', '.append', CRASHES)}")
    assert "seen      a thread ended with KeyError: 'output' at app.py:" in result.text
    mark, call = re.search(
        r"paste     # above .*\n +(@.*)\n +# first in .*\n +from .*\n +(extend_api\..*)\n",
        result.text,
    ).groups()
    again = nested(
        f"""
        import pytest
        from pytest_parseapi import ALWAYS
        from app import *

        {mark}
        def test(extend_api):
            {call}
            {asserts}
        """
    )
    assert again.ret == 1
    again.stdout.fnmatch_lines(["*KeyError: 'output'*"])


def test_polls_that_are_too_close_are_shown_where_they_are_made(sweep):
    result = sweep(
        """
        def test(extend_api):
            extend_api.runs_take(polls=3)
            hasty(INVOICE)
        """,
        kinds="retryable,network",
        app=POLLS,
    )
    found = [where for title, where in heads(result) if title == "broke poll_interval"]
    ask, poll = (line_of("call", "httpx.request", POLLS), line_of("hasty", '"GET"', POLLS))
    assert found == [f"app.py:{ask} <- app.py:{poll}"]
    assert "failure   no failure" in result.text


def test_a_consumer_that_only_waits_is_endless_each_time(sweep, monkeypatch):
    monkeypatch.setattr(watch, "_FAR_FACTOR", 1000)  # a tracer makes any machine slow
    monkeypatch.setattr(endless_waits, "MAX_WAITS", 3000)
    waits = """

def waits(document):
    while ask(document).status_code != 200:
        while True:
            time.sleep(1)
"""
    result = sweep("def test(extend_api): waits(INVOICE)", kinds="final", app=APP + waits)
    assert heads(result)[0][0] == "endless"
    assert "it has waited 3,000 times in a row" in result.text
    assert "too slow" not in result.text


def test_the_lines_to_paste_name_the_fixture_and_not_the_call_of_a_factory():
    api = Fixture(api="parseapi_factory('acme')", provider="acme", arguments=("tmp_path",))
    assert api.hint("request") == " (add the arguments parseapi_factory, request to the test)"
    had = Fixture(api="parseapi_factory('acme')", provider="acme", arguments=("parseapi_factory",))
    assert (had.hint(), had.hint("request")) == ("", " (add the argument request to the test)")
    case = Fixture(api="extend_api", provider="extend", arguments=(), is_testcase=True)
    assert case.hint() == ", with the fixture extend_api"
