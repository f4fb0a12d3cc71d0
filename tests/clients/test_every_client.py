"""Tests for every client library: a new one is a file in `drivers` and a line in `DRIVERS`."""

from __future__ import annotations

import json
import logging
import re

import httpx
import httpx2
import pytest
from drivers.by_aiohttp import Aiohttp
from drivers.by_httpx import HTTPX, AsyncHTTPX
from drivers.by_requests import Requests
from drivers.by_server import LiveServer
from drivers.driver import Answer, Upload

from pytest_parseapi import ParseAPI
from pytest_parseapi.api.simulation import Settings, Simulation
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.model.faults import FAULTS
from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.model.selection import select
from pytest_parseapi.providers.registry import registry

DRIVERS = [
    HTTPX(httpx),
    AsyncHTTPX(httpx),
    HTTPX(httpx2),
    AsyncHTTPX(httpx2),
    Requests(),
    Aiohttp(),
    LiveServer(),
]
ERRORS = [error for provider in registry().values() for error in select(provider, surface="http")]
NETWORK = [fault.name for fault in FAULTS if fault.kind == "network"]
BODIES = [fault for fault in FAULTS if fault.kind == "body" and fault.name != "truncated_body"]
GENEROUS = (30.0, 30.0)
INVOICE = "https://files.example.com/invoice.pdf"
OTHER = "https://files.example.com/other.pdf"


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.name)
def driver(request):
    return request.param


def parse(driver, api, document=INVOICE, *, limits=GENEROUS) -> Answer:
    """A documented request about a document, by its URL."""
    if api.provider.name == "extend":
        return driver.send(api, "POST", "/parse", json={"file": {"url": document}}, limits=limits)
    return driver.send(
        api,
        "POST",
        "/extraction/parse",
        json={"url": document, "mode": "structure"},
        limits=limits,
    )


def extract(driver, api) -> Answer:
    body = {
        "url": INVOICE,
        "schema": {"type": "object", "properties": {"total": {"type": "number"}}},
    }
    return driver.send(api, "POST", "/extraction/extract", json=body, limits=GENEROUS)


@pytest.mark.parametrize("provider", ["extend", "nutrient"])
def test_an_unscripted_request_succeeds(driver, parseapi_factory, provider):
    api = parseapi_factory(provider)

    answer = parse(driver, api)

    assert (answer.status, answer.reason) == (200, "OK")
    assert answer.headers["content-type"].startswith("application/json")
    assert json.loads(answer.text)["output"]
    (attempt,) = api.attempts
    assert (attempt.status, attempt.error, attempt.client) == (200, None, driver.client)
    assert (attempt.method, attempt.document) == ("POST", INVOICE)
    assert json.loads(attempt.body)


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_each_documented_error_arrives_as_documented(driver, parseapi_factory, error):
    api = parseapi_factory(error.provider)
    api.fail(error)

    send = extract if "/extraction/extract" in error.endpoints else parse
    answer = send(driver, api)

    assert answer.status == error.status
    assert answer.reason
    if error.wire_code is not None:
        assert f'"{error.wire_code}"' in answer.text
    (attempt,) = api.attempts
    assert (attempt.status, attempt.error) == (error.status, error)
    assert attempt.request_id == json.loads(answer.text).get("requestId")
    assert send(driver, api).status == 200


@pytest.mark.parametrize("fault", NETWORK)
def test_each_network_fault_is_the_librarys_own_exception(driver, extend_api, fault):
    extend_api.fail(fault)

    with pytest.raises(driver.raises[fault]) as caught:
        parse(driver, extend_api, limits=driver.limits)

    assert type(caught.value) is driver.raises[fault]
    # A fault of the live server is on record once the client has left.
    assert parse(driver, extend_api).status == 200
    first, second = extend_api.attempts
    assert (first.status, first.error, second.error) == (None, fault, None)
    if driver.virtual:
        connect, read = driver.limits
        lasts = {"connect_timeout": connect, "read_timeout": read}.get(fault, 0)
        assert first.ended - first.started == extend_api.clock.elapsed == lasts
    extend_api.assert_recovered()


@pytest.mark.parametrize("fault", BODIES, ids=str)
def test_each_broken_body_arrives(driver, extend_api, fault):
    extend_api.fail(fault.name)

    answer = parse(driver, extend_api)

    assert answer.status == fault.status
    (attempt,) = extend_api.attempts
    assert (attempt.status, attempt.error) == (fault.status, fault.name)


def test_a_truncated_body_breaks_while_it_is_read(driver, extend_api):
    if "truncated_body" not in driver.raises:
        pytest.skip("this version of the library does not notice")
    extend_api.fail("truncated_body")

    with pytest.raises(driver.raises["truncated_body"]) as caught:
        parse(driver, extend_api)

    assert type(caught.value) is driver.raises["truncated_body"]
    assert extend_api.attempts[0].error == "truncated_body"
    assert parse(driver, extend_api).status == 200


def test_a_script_meets_its_document_only(driver, extend_api):
    extend_api.fail("OCR_ERROR", document="invoice.pdf")

    statuses = [parse(driver, extend_api, name).status for name in (OTHER, INVOICE, INVOICE)]

    assert statuses == [200, 500, 200]
    assert [attempt.status for attempt in extend_api.attempts_for("invoice.pdf")] == [500, 200]


def test_a_form_is_seen_as_it_is_sent(driver, extend_api, nutrient_api):
    scan = Upload(filename="scan-2.pdf", content=bytes(range(256)) * 300)

    for api, path in ((extend_api, "/files/upload"), (nutrient_api, "/extraction/parse")):
        answer = driver.send(api, "POST", path, upload=scan, limits=GENEROUS)
        assert answer.status == 200, answer.text
        (attempt,) = api.attempts
        (part,) = attempt.payload.parts
        assert (part.name, part.filename, part.size) == ("file", scan.filename, len(scan.content))
        assert part.content_type == "application/pdf"
        assert scan.content in attempt.body
        assert int(attempt.headers["content-length"]) == len(attempt.body)


def test_a_resent_form_is_the_same_payload(driver, nutrient_api):
    nutrient_api.fail("processing_error")
    scan = Upload(filename="scan.pdf", content=b"%PDF-1.7 a scan")

    for _ in range(2):
        driver.send(nutrient_api, "POST", "/extraction/parse", upload=scan, limits=GENEROUS)

    nutrient_api.assert_retried(times=1)
    nutrient_api.assert_payload_resent()


def test_a_retry_without_its_payload_is_found(driver, nutrient_api):
    nutrient_api.fail("processing_error")

    for content in (b"%PDF-1.7 a scan", b""):
        scan = Upload(filename="scan.pdf", content=content)
        driver.send(nutrient_api, "POST", "/extraction/parse", upload=scan, limits=GENEROUS)

    with pytest.raises(AssertionError, match=r"15 bytes.*then.*0 bytes"):
        nutrient_api.assert_payload_resent()


def test_retry_after_arrives_and_is_checked(driver, extend_api):
    extend_api.fail("RATE_LIMIT_EXCEEDED", times=2, retry_after=7)

    assert parse(driver, extend_api).headers["retry-after"] == "7"
    extend_api.clock.advance(7)
    parse(driver, extend_api)
    extend_api.assert_retry_after_honoured()
    parse(driver, extend_api)
    with pytest.raises(AssertionError, match="Retry-After"):
        extend_api.assert_retry_after_honoured()


def test_request_ids_and_credentials_are_looked_for_in_the_logs(driver, extend_api):
    extend_api.fail("OCR_ERROR", times=2)
    log = logging.getLogger("consumer")

    log.error("failed: %s", parse(driver, extend_api).text)

    extend_api.assert_request_id_logged(level="ERROR")
    extend_api.assert_credential_not_logged()
    parse(driver, extend_api)
    with pytest.raises(AssertionError, match=extend_api.request_ids[-1]):
        extend_api.assert_request_id_logged()
    log.warning("sent with %s", extend_api.api_key)
    with pytest.raises(AssertionError, match="credential"):
        extend_api.assert_credential_not_logged()


def test_the_credential_is_masked(driver, extend_api):
    parse(driver, extend_api)

    assert extend_api.attempts[0].headers["authorization"] == "Bearer ***"


SUCH_A_TIME_OUT = {
    "httpx": ", such as timeout=300",
    "requests": ", such as timeout=(5, 300)",
    "urllib3": ", such as timeout=urllib3.Timeout(connect=5, read=300)",
    "aiohttp": ", such as timeout=aiohttp.ClientTimeout(total=300)",
}


def test_time_outs_are_seen(driver, extend_api):
    if not driver.virtual:
        pytest.skip("a server does not see its client's time-outs")
    parse(driver, extend_api, limits=(5.0, 30.0))
    extend_api.assert_timeout_set()
    parse(driver, extend_api, OTHER, limits=(5.0, None))
    with pytest.raises(AssertionError, match="read") as caught:
        extend_api.assert_timeout_set()
    client = extend_api.attempts[0].client
    advice = re.search(rf"  next       give {re.escape(client)} a time-out(.*)", str(caught.value))
    assert advice[1] == SUCH_A_TIME_OUT.get(client, "")


def test_a_slow_reply_meets_the_read_time_out(driver, extend_api):
    extend_api.replies_take(20)
    if driver.virtual:
        assert parse(driver, extend_api).status == 200
        assert extend_api.clock.elapsed == 20

    with pytest.raises(driver.raises["read_timeout"]):
        parse(driver, extend_api, limits=(0.05, 0.05))

    extend_api.replies_take(0)
    parse(driver, extend_api)
    assert extend_api.attempts[-2].error == "read_timeout"


def test_a_run_is_made_and_polled(driver, extend_api):
    body = {"file": {"url": INVOICE}}
    made = driver.send(extend_api, "POST", "/parse_runs", json=body, limits=GENEROUS)
    run = json.loads(made.text)
    path = f"/parse_runs/{run['id']}"
    seen = [driver.send(extend_api, "GET", path, limits=GENEROUS) for _ in range(2)]

    assert [json.loads(answer.text)["status"] for answer in seen] == ["PROCESSING", "PROCESSED"]
    assert [attempt.path for attempt in extend_api.attempts] == ["/parse_runs", path, path]


@pytest.fixture
def simulation(driver):
    """A simulation whose stops the test looks at, instead of failing by them."""
    if not driver.virtual:
        pytest.skip("tests/test_live_server.py has this for the server")
    started = Simulation(registry(), Settings(seed="stops"), SharedContexts())
    started.start()
    yield started
    started.stop()


@pytest.mark.parametrize("fault", ["connect_timeout", "read_timeout"])
def test_a_client_that_would_hang_for_ever_is_stopped(driver, simulation, fault):
    api = ParseAPI(simulation, simulation.providers["extend"])
    api.fail(fault)

    with pytest.raises(SimulationStopped):
        parse(driver, api, limits=(None, None))

    assert simulation.stops.message == (
        f"POST https://api.extend.ai/parse would hang forever: the server stays silent ({fault}), "
        f"and the client ({driver.client}) has no {fault.partition('_')[0]} time-out.\n"
        "  expected  an end of the call\n"
        "  next      give the client a time-out, or put a deadline around the call"
    )


def test_a_miss_passes_every_handler_of_the_consumer(driver, simulation):
    api = ParseAPI(simulation, simulation.providers["extend"])

    with pytest.raises(SimulationStopped, match="GET /pars is not simulated"):
        driver.send(api, "GET", "/pars", limits=GENEROUS)

    assert not issubclass(SimulationStopped, Exception)
    assert f"(by {driver.client})" in simulation.stops.message
    assert not api.attempts
