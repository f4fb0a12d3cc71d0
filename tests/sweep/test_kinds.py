"""All kinds of failures: network, runs, deliveries, two in a row."""

from __future__ import annotations

import re
import textwrap

import pytest
from sweep_app import APP, line_of

RUNS = (
    APP
    + """

def call(method, path, **content):
    for attempt in range(4):
        reply = httpx.request(
            method,
            "https://api.extend.ai" + path,
            headers={"authorization": "Bearer sk_test_0123456789"},
            timeout=10,
            **content,
        )
        if reply.status_code == 200:
            return reply.json()
        log.error("failed: %s", reply.text)
        if attempt == 3 or not reply.json().get("retryable"):
            raise Failed(reply.text)
        time.sleep(retry_after(reply, 2.0**attempt))


def run(document):
    found = call("POST", "/parse_runs", json={"file": {"url": document}})
    while found["status"] not in ("PROCESSED", "FAILED"):
        time.sleep(1)
        found = call("GET", f"/parse_runs/{found['id']}")
    return found


def forgetful(document):
    return run(document).get("output")


def stuck(document):
    found = call("POST", "/parse_runs", json={"file": {"url": document}})
    while found["status"] != "PROCESSED":
        time.sleep(1)
        found = call("GET", f"/parse_runs/{found['id']}")


def careful(document):
    for attempt in range(3):
        found = run(document)
        if found["status"] == "PROCESSED":
            return found["output"]
        log.error("run %s failed: %s", found["id"], found["failureReason"])
        if found["failureReason"] not in ("OCR_ERROR", "CHUNKING_ERROR", "INTERNAL_ERROR"):
            break
        time.sleep(2.0**attempt)
    raise Failed("run")
"""
)


def titles(result):
    return re.findall(r"^\d+\. ([\w ]+):", result.text, re.MULTILINE)


@pytest.mark.parametrize(
    ("function", "found"),
    [
        ("careful", []),
        ("forgetful", ["unnoticed", "broke retryable_reason", "broke run_failure"]),
    ],
)
def test_failed_runs(sweep, function, found):
    result = sweep(f"def test(extend_api): {function}(INVOICE)", kinds="runs", app=RUNS)
    assert titles(result) == found
    assert "4 variations of 1 test" in result.text


def test_a_run_that_is_polled_for_ever_is_told_where_it_is_polled(sweep):
    result = sweep("def test(extend_api): stuck(INVOICE)", kinds="runs", app=RUNS)
    poll = line_of("stuck", 'call("GET"', RUNS)
    ask = line_of("call", "httpx.request", RUNS)
    assert titles(result)[0] == "endless"
    assert f"   app.py:{ask} <- app.py:{poll}  in " in result.text


def test_runs_that_the_test_makes_itself_do_not_fail(sweep):
    result = sweep(
        """
        def test(extend_api):
            delivery = extend_api.webhook()
            call("GET", f"/parse_runs/{delivery.run_id}")
        """,
        kinds="runs",
        app=RUNS,
    )
    assert "0 variations of 0 tests" in result.text


def test_network_faults_and_broken_replies(sweep):
    result = sweep("def test(extend_api): parse(INVOICE)", kinds="network")
    assert "24 variations of 1 test: 11 recovered, 13 reported" in result.text
    assert titles(result) == []


def test_retry_after_in_seconds_and_as_a_date(sweep):
    hasty = APP.replace("time.sleep(retry_after(reply, wait))", "time.sleep(wait)")
    result = sweep("def test(extend_api): parse(INVOICE)", app=hasty)
    assert titles(result) == ["broke retry_after"]
    assert "Retry-After in a date" in result.text
    assert "retry_after=datetime.now(UTC) + timedelta(seconds=6)" in result.text
    assert "from datetime import UTC, datetime, timedelta" in result.text


RECEIVER = (
    APP
    + """
import hashlib, hmac, json


def receive(body, headers, secret):
    stamp = headers.get("x-extend-request-timestamp", "")
    if not stamp.isdecimal() or abs(time.time() - int(stamp)) > 300:
        return 401
    ours = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
    if not hmac.compare_digest(
        ours.hexdigest(), headers.get("x-extend-request-signature", "")
    ):
        return 401
    try:
        json.loads(body)
    except ValueError:
        return 400
    return 204


def trusting(body, headers, secret):
    json.loads(body)
    return 204
"""
)


@pytest.mark.parametrize(
    ("function", "found"), [("receive", []), ("trusting", ["crashed", "unnoticed"])]
)
def test_wrong_deliveries(sweep, function, found):
    result = sweep(
        f"""
        def test(extend_api):
            secret = extend_api.webhook_secret
            extend_api.deliver(extend_api.webhook(), lambda b, h: {function}(b, h, secret))
        """,
        kinds="webhooks",
        app=RECEIVER,
    )
    assert [title for title in titles(result) if not title.startswith("broke")] == found
    assert "8 variations of 1 test" in result.text
    if found:
        assert re.search(r'paste +# at test_\w+\.py:\d+: webhook\(\.\.\., wrong="', result.text)


def test_a_failure_during_a_delivery_is_told_to_the_sender(sweep):
    result = sweep(
        "def test(extend_api): extend_api.deliver(extend_api.webhook(), receive, tries=1)",
        kinds="final",
        app=APP
        + """

def receive(body, headers):
    reply = ask(INVOICE)
    log.info("%s", reply.text)
    return 204 if reply.status_code == 200 else 500
""",
    )
    assert re.search(r"(\d+) variations of 1 test: \1 reported", result.text)


def test_a_wrong_delivery_of_the_test_itself_is_kept(sweep):
    result = sweep(
        """
        def test(extend_api):
            extend_api.deliver(extend_api.webhook(wrong="too_old"), lambda b, h: 401)
        """,
        kinds="webhooks",
    )
    assert "0 variations of 0 tests" in result.text


def test_two_failures_in_a_row_show_what_one_does_not(sweep):
    twice = (
        APP
        + """

def twice(document):
    reply = ask(document)
    if reply.status_code == 200:
        return reply.json()
    log.error("failed: %s", reply.text)
    if not reply.json()["retryable"]:
        raise Failed(reply.text)
    time.sleep(retry_after(reply, 1))
    reply = ask(document)
    if reply.status_code != 200:
        log.error("failed: %s", reply.text)
        raise KeyError("never tried")
    return reply.json()
"""
    )
    text = "def test(extend_api): twice(INVOICE)"
    once = sweep(text, kinds="final", app=twice)
    assert titles(once) == []
    both = sweep(text, "--parseapi-sweep-depth=2", kinds="retryable,final", app=twice)
    assert titles(both)[0] == "crashed"
    assert re.search(r"failure   \w+ \(\d+\) once, then \w+ \(\d+\) (once|always)", both.text)


ROUTES = {
    "respx": """
        with respx.mock(assert_all_called=False) as router:
            router.post(URL).respond(200, json={"id": "pr_1", "output": {}})
            silent(INVOICE)
    """,
    "a transport": """
        router = respx.Router(assert_all_called=False)
        router.post(URL).respond(200, json={"id": "pr_1", "output": {}})
        with httpx.Client(transport=httpx.MockTransport(router.handler)) as client:
            through(client, INVOICE)
    """,
    "responses": """
        with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
            mock.post(URL, json={"id": "pr_1", "output": {}})
            through(requests, INVOICE)
    """,
}


@pytest.mark.parametrize("route", ROUTES)
def test_a_failure_comes_before_a_route_of_the_tests_own(sweep, route):
    through = """

def through(client, document):
    body = {"file": {"url": document}}
    headers = {"authorization": "Bearer sk_test_0123456789"}
    reply = client.post(URL, json=body, headers=headers, timeout=10)
    return reply.json() if reply.status_code == 200 else None
"""
    head = "import requests, responses, respx\ndef test(extend_api):\n"
    result = sweep(head + textwrap.dedent(ROUTES[route]).replace("\n", "\n    "), app=APP + through)
    assert "6 variations of 1 test: 6 unnoticed" in result.text
    assert titles(result) == ["unnoticed", "broke request_id", "broke retryable_error"]
    assert result.ret == 1


ASYNC = (
    APP
    + """
import asyncio
from concurrent.futures import ThreadPoolExecutor


async def quiet(client, document):
    reply = await client.post(
        URL,
        json={"file": {"url": document}},
        headers={"authorization": "Bearer sk_test_0123456789"},
    )
    return reply.json().get("output")


async def in_tasks(documents):
    async with httpx.AsyncClient() as client:
        await asyncio.gather(*(quiet(client, item) for item in documents))


def in_pool(documents):
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(silent, documents))


def by_library(documents):
    with ThreadPoolExecutor(2) as pool:
        futures = [
            pool.submit(
                httpx.post,
                URL,
                json={"file": {"url": item}},
                headers={"authorization": "Bearer sk_test_0123456789"},
            )
            for item in documents
        ]
        return [future.result() for future in futures]
"""
)


@pytest.mark.parametrize(
    ("call", "chain"),
    [
        ("asyncio.run(in_tasks(INVOICES))", "quiet()"),
        ("in_pool(INVOICES)", "ask() <- silent()"),
        ("by_library(INVOICES)", "by_library()"),
    ],
)
def test_the_place_in_tasks_and_pools(sweep, call, chain):
    result = sweep(
        f"""
        INVOICES = [f"https://files.example.com/{{name}}.pdf" for name in "abc"]
        def test(extend_api): {call}
        """,
        kinds="final",
        app=ASYNC,
    )
    assert f"1. unnoticed: POST /parse  {chain}\n" in result.text.replace(
        "<listcomp>", "by_library"
    )
    assert "left out" not in result.text


def test_tests_of_every_style(sweep):
    result = sweep(
        """
        import asyncio, unittest

        @pytest.mark.asyncio
        async def test_async(extend_api):
            await asyncio.to_thread(parse, INVOICE)

        @pytest.mark.usefixtures("extend_api")
        class TestOld(unittest.TestCase):
            def setUp(self):
                assert not hasattr(self, "seen")
                self.seen = True

            def test_right(self):
                assert parse(INVOICE)

            def test_wrong(self):
                self.assertTrue(once(INVOICE))
        """,
        plugins=["pytest_asyncio.plugin"],
    )
    result.assert_outcomes(passed=3)
    assert "18 variations of 3 tests" in result.text
    assert titles(result) == ["not recovered", "broke retryable_error"]


def test_an_assertion_on_traffic_is_a_note(sweep):
    result = sweep(
        """
        def test(extend_api):
            parse(INVOICE)
            assert len(extend_api.attempts) == 1
        """
    )
    assert "note: " in result.text
    assert "the consumer recovered, but the test expects otherwise: AssertionError" in result.text
    assert titles(result) == []
    assert result.ret == 0


def test_another_provider_that_serves_is_enough(sweep):
    both = (
        APP
        + """

def either(document):
    reply = ask(document)
    if reply.status_code == 200:
        return reply.json()
    log.error("failed: %s", reply.text)
    body = {"url": document, "mode": "structure"}
    headers = {"authorization": "Bearer pdf_live_0123"}
    return httpx.post(
        "https://api.nutrient.io/extraction/parse", json=body, headers=headers
    ).json()
"""
    )
    result = sweep("def test(extend_api): either(INVOICE)", kinds="final", app=both)
    assert re.search(r"(\d+) variations of 1 test: \1 handled", result.text)
    assert result.ret == 0
