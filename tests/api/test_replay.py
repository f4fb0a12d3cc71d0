"""Recorded replies are replayed: to which requests, how long they take, and their effects."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import aiohttp
import httpx
import pytest
import requests
import vcr
import yaml
from recorded_traffic import STATES, URL, Exchange, Recorder, cassette, har

from pytest_parseapi import UsageError
from pytest_parseapi.cli import main

HEADERS = (("content-type", "application/json"),)
OTHER = "https://files.example.com/other.pdf"


def exchange(path, status, body, *, document=URL, method="POST", started=0.0, seconds=0.0, **more):
    sent = (
        json.dumps({"file": {"url": document}}).encode() if document and method == "POST" else b""
    )
    return Exchange(
        method=method,
        url=f"https://api.extend.ai{path}",
        sent_headers=HEADERS,
        sent=sent,
        status=status,
        headers=(*HEADERS, *more.items()),
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        started=started,
        seconds=seconds,
    )


def error(code="OCR_ERROR", request_id="req_real", **more):
    return {"code": code, "message": "real", "retryable": True, "requestId": request_id, **more}


def run(status, **more):
    file = {"object": "file", "id": "file_real", "name": "invoice.pdf", "metadata": {}}
    return {"object": "parse_run", "id": "pr_real", "status": status, "file": file, **more}


FAILED = {"failureReason": "CORRUPT_FILE", "failureMessage": "real"}
INCIDENT = [
    exchange("/parse", 500, error(request_id="req_1"), seconds=3),
    exchange("/parse", 429, error("RATE_LIMIT_EXCEEDED"), started=60, seconds=0.5),
    exchange("/parse", 200, run("PROCESSED", region="eu"), started=120, seconds=7),
]


@pytest.fixture
def recorded(tmp_path):
    """Writes a recording."""

    def write(data, name="incident.har"):
        path = tmp_path / name
        path.write_text(yaml.safe_dump(data) if name.endswith("yaml") else json.dumps(data))
        return path

    return write


def by_httpx(api, document=URL, timeout=30, path="/parse", **more):
    headers = {"authorization": f"Bearer {api.api_key}", "x-extend-api-version": "2026-02-09"}
    return httpx.post(
        f"{api.base_url}{path}",
        json={"file": {"url": document}},
        headers=headers,
        timeout=timeout,
        **more,
    )


def test_recorded_replies_come_in_order_and_then_success(extend_api, recorded):
    extend_api.replay(recorded(har(INCIDENT)))

    replies = [by_httpx(extend_api) for _ in range(4)]

    assert [reply.status_code for reply in replies] == [500, 429, 200, 200]
    assert [reply.content for reply in replies[:3]] == [item.body for item in INCIDENT]
    assert replies[3].json()["status"] == "PROCESSED"
    assert "region" not in replies[3].json()
    assert extend_api.request_ids == ["req_1", "req_real"]
    assert [getattr(item.error, "code", None) for item in extend_api.attempts] == [
        *("OCR_ERROR", "RATE_LIMIT_EXCEEDED", None, None)
    ]


def test_replies_take_their_recorded_time_and_gaps_are_not_replayed(extend_api, recorded):
    extend_api.replay(recorded(har(INCIDENT)))

    for _ in range(3):
        by_httpx(extend_api)
        time.sleep(2)

    times = [(item.started, item.ended) for item in extend_api.attempts]
    assert times == [(0, 3), (5, 5.5), (7.5, 14.5)]


def ask_requests(api, timeout):
    headers = {"authorization": f"Bearer {api.api_key}"}
    body = {"file": {"url": URL}}
    return requests.post(f"{api.base_url}/parse", json=body, headers=headers, timeout=timeout)


def ask_async_httpx(api, timeout):
    async def ask():
        async with httpx.AsyncClient(timeout=timeout) as client:
            headers = {"authorization": f"Bearer {api.api_key}"}
            body = {"file": {"url": URL}}
            return await client.post(f"{api.base_url}/parse", json=body, headers=headers)

    return asyncio.run(ask())


def ask_aiohttp(api, timeout):
    async def ask():
        limits = aiohttp.ClientTimeout(sock_read=timeout, connect=timeout)
        async with aiohttp.ClientSession(timeout=limits) as session:
            headers = {"authorization": f"Bearer {api.api_key}"}
            body = {"file": {"url": URL}}
            url = f"{api.base_url}/parse"
            async with session.post(url, json=body, headers=headers) as reply:
                await reply.read()

    return asyncio.run(ask())


def ask_httpx(api, timeout):
    return by_httpx(api, timeout=timeout)


@pytest.mark.parametrize(
    ("ask", "raised"),
    [
        (ask_httpx, httpx.ReadTimeout),
        (ask_async_httpx, httpx.ReadTimeout),
        (ask_requests, requests.exceptions.ReadTimeout),
        (ask_aiohttp, aiohttp.ServerTimeoutError),
    ],
)
def test_a_reply_that_took_longer_than_the_client_waits_is_a_time_out(
    extend_api, recorded, ask, raised
):
    extend_api.replay(recorded(har(INCIDENT)))

    with pytest.raises(raised):
        ask(extend_api, 2)

    [attempt] = extend_api.attempts
    assert (attempt.error, attempt.ended) == ("read_timeout", 2)
    ask(extend_api, 2)
    assert extend_api.attempts[-1].status == 429


def test_each_document_has_its_own_replies(extend_api, recorded):
    first = exchange("/parse", 500, error(request_id="req_invoice"))
    second = exchange("/parse", 422, error("CORRUPT_FILE", "req_other"), document=OTHER)
    extend_api.replay(recorded(har([first, second, first])))

    documents = (OTHER, URL, "https://files.example.com/third.pdf", OTHER, URL)
    found = [by_httpx(extend_api, document).status_code for document in documents]

    assert found == [422, 500, 200, 200, 500]


def test_two_urls_that_end_alike_are_two_documents(extend_api, recorded):
    item = exchange("/parse", 500, error(), document="https://a.example/x/scan.pdf")
    extend_api.replay(recorded(har([item])))

    assert by_httpx(extend_api, "https://a.example/y/scan.pdf").status_code == 200
    assert by_httpx(extend_api, "https://a.example/x/scan.pdf?X-Amz-Signature=1").status_code == 500


def test_a_recording_that_names_no_document_is_for_every_one(extend_api, recorded):
    item = exchange("/parse", 500, error(), document=None)
    extend_api.replay(recorded(har([item, item])))

    found = [by_httpx(extend_api, document).status_code for document in (URL, OTHER, URL)]

    assert found == [500, 500, 200]


def poll(api, run_id):
    headers = {"authorization": f"Bearer {api.api_key}"}
    return httpx.get(f"{api.base_url}/parse_runs/{run_id}", headers=headers, timeout=30).json()


RUN = [
    exchange("/parse_runs", 200, run("PROCESSING")),
    exchange("/parse_runs/pr_real", 200, run("PROCESSING"), method="GET"),
    exchange("/parse_runs/pr_real", 503, b"<html>", method="GET"),
    exchange("/parse_runs/pr_real", 200, run("PROCESSING"), method="GET", seconds=4),
    exchange("/parse_runs/pr_real", 200, run("FAILED", **FAILED), method="GET"),
]


def test_a_replayed_run_keeps_its_id_and_is_on_record(extend_api, recorded):
    extend_api.replay(recorded(har(RUN)))

    made = by_httpx(extend_api, path="/parse_runs").json()
    assert made["id"] == "pr_real"
    [before] = extend_api.runs
    assert (before.id, before.status, before.document) == ("pr_real", "PROCESSING", URL)
    poll(extend_api, made["id"])
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    httpx.get(f"{extend_api.base_url}/parse_runs/pr_real", headers=headers)
    poll(extend_api, made["id"])
    failed = poll(extend_api, made["id"])

    assert failed["failureMessage"] == "real"
    [after] = extend_api.runs
    assert (after.status, after.failed, after.polls) == ("FAILED", True, 2)
    assert (after.failure_reason, after.failure_message) == ("CORRUPT_FILE", "real")
    assert (after.created, after.ended, after.retryable) == (0, 4, False)
    assert [item.run_status for item in extend_api.attempts] == [
        *("PROCESSING", "PROCESSING", None, "PROCESSING", "FAILED")
    ]
    # After the recording, the run is as it was left.
    assert poll(extend_api, made["id"])["failureReason"] == "CORRUPT_FILE"
    with pytest.raises(AssertionError, match="polled"):
        extend_api.assert_polling_stopped()


def test_a_run_that_the_recording_leaves_in_progress_succeeds(extend_api, recorded):
    extend_api.replay(recorded(har(RUN[:2])))

    made = by_httpx(extend_api, path="/parse_runs").json()
    statuses = [poll(extend_api, made["id"])["status"] for _ in range(2)]

    assert statuses == ["PROCESSING", "PROCESSED"]
    assert [(item.id, item.status) for item in extend_api.runs] == [("pr_real", "PROCESSED")]


def test_a_run_that_was_submitted_before_the_recording(extend_api, recorded):
    extend_api.replay(recorded(har(RUN[4:])))

    assert poll(extend_api, "pr_real")["status"] == "FAILED"

    [found] = extend_api.runs
    assert (found.id, found.status, found.failure_reason) == ("pr_real", "FAILED", "CORRUPT_FILE")


def test_an_unknown_status_and_reason_of_a_run(extend_api, recorded):
    new = {"failureReason": "OCR_QUEUE_FULL", "failureMessage": "new"}
    states = [run("QUEUED"), run("FAILED", **new)]
    polls = [exchange("/parse_runs/pr_real", 200, state, method="GET") for state in states]
    extend_api.replay(recorded(har([RUN[0], *polls])))

    by_httpx(extend_api, path="/parse_runs")
    poll(extend_api, "pr_real")
    assert extend_api.runs[0].status == "QUEUED"
    poll(extend_api, "pr_real")

    [found] = extend_api.runs
    assert (found.status, found.failure_reason, found.retryable) == (
        *("FAILED", "OCR_QUEUE_FULL", None),
    )


def test_runs_and_results_of_nutrient(nutrient_api, recorded):
    def item(method, path, status, body):
        return Exchange(
            method=method,
            url=f"https://api.nutrient.io/extraction{path}",
            sent_headers=HEADERS,
            sent=json.dumps({"url": URL}).encode() if method == "POST" else b"",
            status=status,
            headers=HEADERS,
            body=json.dumps({"requestId": "r", **body}).encode(),
        )

    details = {"source": "processing"}
    shown = {"runId": "0198-uuid"}
    failed = {**shown, "status": "error", "errorMessage": "real", "errorDetails": details}
    nutrient_api.replay(
        recorded(
            har(
                [
                    item("POST", "/parse/async", 202, {**shown, "status": "queued"}),
                    item("GET", "/runs/0198-uuid", 200, {**shown, "status": "running"}),
                    item("GET", "/runs/0198-uuid", 200, failed),
                ]
            )
        )
    )
    ask = Recorder(nutrient_api)

    assert ask("POST", "/extraction/parse/async", json={"url": URL})["runId"] == "0198-uuid"
    ask("GET", "/extraction/runs/0198-uuid")
    ask("GET", "/extraction/runs/0198-uuid")

    [found] = nutrient_api.runs
    assert (found.id, found.status, found.failed, found.polls) == ("0198-uuid", "error", True, 1)
    assert (found.failure_reason, found.retryable) == ("processing_error", True)


def test_an_upload_keeps_its_id(extend_api, recorded):
    upload = exchange("/files/upload", 200, {"object": "file", "id": "file_real"}, document=None)
    extend_api.replay(recorded(har([upload])))
    ask = Recorder(extend_api)

    file = ask("POST", "/files/upload", files={"file": ("scan.pdf", b"%PDF")})["id"]
    parsed = ask("POST", "/parse", json={"file": {"id": file}})

    assert parsed["file"]["name"] == "scan.pdf"
    assert extend_api.attempts[-1].document == "scan.pdf"


def test_an_idle_request_without_a_credential_does_not_use_the_recording_up(extend_api, recorded):
    extend_api.replay(recorded(har(INCIDENT[:1])))

    refused = httpx.post(f"{extend_api.base_url}/parse", json={"file": {"url": URL}})

    assert refused.status_code == 401
    assert by_httpx(extend_api).status_code == 500


def test_a_recorded_reply_to_a_bad_request_is_replayed(extend_api, recorded):
    item = exchange("/parse", 400, error("INVALID_REQUEST"), document=None)
    extend_api.replay(recorded(har([item])))
    headers = {"authorization": f"Bearer {extend_api.api_key}"}

    reply = httpx.post(f"{extend_api.base_url}/parse", json={"file": {}}, headers=headers)

    assert reply.json()["message"] == "real"


def test_a_date_in_retry_after_is_moved_to_the_time_of_the_replay(extend_api, recorded):
    item = exchange("/parse", 429, error("RATE_LIMIT_EXCEEDED"), seconds=1)
    headers = (*item.headers, ("Retry-After", "Wed, 25 Nov 2026 12:00:31 GMT"))
    headers = (*headers, ("X-RateLimit-Reset", "1795608031"))
    extend_api.replay(recorded(har([replace(item, headers=headers)])))

    reply = by_httpx(extend_api)
    # Both count whole seconds, so what they ask for is between 29 and 31 seconds from now.
    time.sleep(28)
    assert extend_api.attempts[0].retry_at == pytest.approx(time.time() + 2, abs=1.1)
    assert int(reply.headers["x-ratelimit-reset"]) == pytest.approx(time.time() + 2, abs=1.1)
    by_httpx(extend_api)
    with pytest.raises(AssertionError):
        extend_api.assert_retry_after_honoured()


def test_a_recorded_fault_is_replayed_as_a_fault(extend_api, recorded):
    data = har(INCIDENT[:1])
    data["log"]["entries"][0]["response"] = {"status": 0, "_error": "net::ERR_CONNECTION_RESET"}
    extend_api.replay(recorded(data))

    with pytest.raises(httpx.ReadError):
        by_httpx(extend_api)

    [attempt] = extend_api.attempts
    assert (attempt.error, attempt.ended) == ("connection_reset", 3)


def test_the_timeline_names_the_recording(extend_api, recorded):
    extend_api.replay(recorded(har([exchange("/parse", 500, error("NEW"))])))
    by_httpx(extend_api)
    assert "500 unknown_code [the recording incident.har]" in extend_api.timeline()


@pytest.mark.parametrize("name", ["incident.har", "incident.json", "incident.yaml"])
@pytest.mark.parametrize("provider", STATES)
def test_what_was_recorded_of_every_state_is_replayed_to_the_byte(
    provider, name, parseapi_factory, recorded
):
    api = parseapi_factory(provider)
    exchanges = STATES[provider](api)
    api.reset()
    api.replay(recorded((har if name.endswith("har") else cassette)(exchanges), name))

    missed = []
    with httpx.Client(timeout=30) as client:
        for item in exchanges:
            request = httpx.Request(
                item.method, item.url, headers=item.sent_headers, content=item.sent
            )
            reply = client.send(request)
            if (reply.status_code, reply.content) != (item.status, item.body):
                missed.append((item.method, item.url, item.status, reply.status_code))

    assert missed == []


def test_the_live_server_replays_too(extend_api, recorded):
    extend_api.replay(recorded(cassette(INCIDENT), "incident.json"))
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    body = {"file": {"url": URL}}
    found = [
        httpx.post(f"{extend_api.live_url}/parse", json=body, headers=headers) for _ in range(3)
    ]
    assert [reply.content for reply in found] == [item.body for item in INCIDENT]


def test_a_cassette_of_vcrpy_is_compared_and_replayed(extend_api, tmp_path, capsys):
    """Recorded for real, from the server on loopback; then its host is the documented one."""
    path = tmp_path / "cassette.yaml"
    extend_api.fail("OCR_ERROR", "RATE_LIMIT_EXCEEDED", retry_after=2)
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    body = {"file": {"url": URL}}
    with vcr.VCR(record_mode="all").use_cassette(str(path)):
        sent = [
            httpx.post(f"{extend_api.live_url}/parse", json=body, headers=headers) for _ in range(3)
        ]
    path.write_text(path.read_text().replace(extend_api.live_url, extend_api.base_url))

    assert main(["compare", str(path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "Extend POST /parse 429 RATE_LIMIT_EXCEEDED: the header retry-after is not in the "
        "simulated reply (1 of 1 reply)",
        "Extend POST /parse 500 OCR_ERROR: the header retry-after is not in the simulated reply "
        "(1 of 1 reply)",
        "2 differences in 3 exchanges",
    ]
    extend_api.reset()
    extend_api.replay(path)
    found = [by_httpx(extend_api) for _ in range(3)]
    assert [reply.content for reply in found] == [reply.content for reply in sent]
    assert found[0].headers["retry-after"] == "2"


WRONG = {
    "no file": (None, "{path}: No such file or directory"),
    "foreign": (
        har([replace(INCIDENT[0], url="https://a.example/parse")]),
        "{path}: has no exchange with a documented host (api.eu1.extend.ai, api.extend.ai, "
        "api.nutrient.io, api.us2.extend.app)",
    ),
    "of another provider": (
        har([replace(INCIDENT[0], url="https://api.nutrient.io/extraction/parse")]),
        "{path}: has no exchange with Extend, but with Nutrient: nutrient_api.replay() takes it",
    ),
    "of another product": (
        har([replace(INCIDENT[0], url="https://api.extend.ai/extract_runs")]),
        "{path}: has no exchange with an endpoint that Extend documents",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_recording_that_cannot_be_replayed(name, extend_api, recorded, tmp_path):
    data, expected = WRONG[name]
    path = tmp_path / "missing.har" if data is None else recorded(data)

    with pytest.raises(UsageError) as raised:
        extend_api.replay(path)

    assert str(raised.value) == expected.format(path=path)


def test_a_reply_that_was_recorded_without_its_body(extend_api, recorded):
    data = har(INCIDENT[:1])
    del data["log"]["entries"][0]["response"]["content"]["text"]
    with pytest.raises(UsageError, match=r"without its body: record the bodies, too$"):
        extend_api.replay(recorded(data))


def test_a_path_must_be_a_string_or_path(extend_api):
    with pytest.raises(UsageError, match="a recording is named by its path, not by 3"):
        extend_api.replay(3)


def test_an_unused_recording_fails_the_test(pytester, nested, recorded):
    (pytester.path / "incident.har").write_text(json.dumps(har(INCIDENT)))
    pytester.makepyfile(
        """
        import httpx

        def test_another_document(extend_api):
            extend_api.replay("incident.har")
            reply = httpx.post(
                extend_api.base_url + "/parse",
                json={"file": {"url": "https://files.example.com/x.pdf"}},
                headers={"authorization": "Bearer k"},
            )
            assert reply.is_success

        def test_a_part_is_enough(extend_api):
            extend_api.replay("incident.har")
            reply = httpx.post(
                extend_api.base_url + "/parse",
                json={"file": {"url": "https://files.example.com/invoice.pdf"}},
                headers={"authorization": "Bearer k"},
            )
            assert reply.status_code == 500
        """
    )
    result = nested(None)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "scripted failures that no request met:",
            "  extend: replay('incident.har')",
            "      a request did not meet it: POST /parse about "
            "'https://files.example.com/x.pdf' is none of its POST /parse about 'https://files.example.com/invoice.pdf'",
            "@pytest.mark.parseapi(strict=False) allows that.",
        ]
    )
