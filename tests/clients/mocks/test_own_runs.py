"""Runs in the answers of a team's own mocks are recorded, and judged by the checks of runs."""

from __future__ import annotations

import logging
import time

import httpx
import pytest
import requests
from plain_consumer import FILES

requests_mock = pytest.importorskip("requests_mock")

LOG = logging.getLogger("consumer")
RUNS = "https://api.extend.ai/parse_runs"
BODY = {"file": {"url": FILES + "a.pdf"}}


def told(status, **more):
    return {"object": "parse_run", "id": "pr_mine", "status": status, **more}


def failed(reason):
    return told("FAILED", failureReason=reason, failureMessage="It went wrong.")


DONE = told("PROCESSED", output={"chunks": []})


@pytest.fixture
def routes(respx_mock):
    """Two polls in progress, and then the end."""

    def answer(end):
        respx_mock.post(RUNS).respond(200, json=told("PROCESSING"))
        going = [httpx.Response(200, json=told("PROCESSING"))] * 2
        ended = [httpx.Response(200, json=end)] * 9
        respx_mock.get(f"{RUNS}/pr_mine").mock(side_effect=[*going, *ended])

    return answer


def consume(api, *, wait=1.0, after=0, logs=True, again=0):
    """Submits, polls to the end, and does afterwards what a test says."""
    headers = {"authorization": f"Bearer {api.api_key}"}
    with httpx.Client(timeout=5, headers=headers) as client:
        for _ in range(again + 1):
            run = client.post(RUNS, json=BODY).json()
            while run["status"] == "PROCESSING":
                time.sleep(wait)
                run = client.get(f"{RUNS}/{run['id']}").json()
            for _ in range(after):
                client.get(f"{RUNS}/{run['id']}")
            if run["status"] == "FAILED" and logs:
                LOG.error("run %s failed: %s", run["id"], run.get("failureReason"))


def test_a_run_is_on_record(extend_api, routes):
    routes(DONE)
    consume(extend_api)
    (run,) = extend_api.runs
    assert (run.id, run.document, run.status, run.polls) == (
        "pr_mine",
        FILES + "a.pdf",
        "PROCESSED",
        2,
    )
    assert (run.created, run.ended, run.failed, run.submitted) == (0, 3, False, True)
    assert [item.run_status for item in extend_api.attempts] == ["PROCESSING"] * 3 + ["PROCESSED"]
    extend_api.assert_polling_stopped()
    extend_api.assert_polled_politely()


@pytest.mark.parametrize(
    ("wrong", "check", "says"),
    [
        ({"after": 2}, "polling_stopped", "2 more, the first 0.000 s later (attempt 5)"),
        ({"wait": 0.1}, "polled_politely", "0.100 s between attempts 2 and 3"),
    ],
)
def test_wrong_polls_are_found(extend_api, routes, wrong, check, says):
    routes(DONE)
    consume(extend_api, **wrong)
    with pytest.raises(AssertionError) as failure:
        getattr(extend_api, f"assert_{check}")()
    assert f"  seen       {says}\n" in str(failure.value)


def test_a_failed_run_must_be_logged(extend_api, routes):
    routes(failed("CORRUPT_FILE"))
    consume(extend_api)
    extend_api.assert_run_failure_logged()
    extend_api.assert_follows_documentation()
    (run,) = extend_api.runs
    assert (run.failure_reason, run.retryable) == ("CORRUPT_FILE", False)


def test_a_failed_run_that_is_not_logged_is_found(extend_api, routes):
    routes(failed("CORRUPT_FILE"))
    consume(extend_api, logs=False)
    for check in (extend_api.assert_run_failure_logged, extend_api.assert_follows_documentation):
        with pytest.raises(
            AssertionError, match="pr_mine and CORRUPT_FILE\n  seen       nothing logged"
        ):
            check()


def test_a_retryable_reason_must_be_submitted_again(extend_api, routes):
    routes(failed("OCR_ERROR"))
    consume(extend_api)
    with pytest.raises(AssertionError, match="a run that failed with OCR_ERROR is submitted again"):
        extend_api.assert_follows_documentation()


def test_a_mock_may_give_each_run_the_same_id(extend_api, routes):
    routes(failed("OCR_ERROR"))
    consume(extend_api, again=1)
    extend_api.assert_resubmitted(times=1)
    assert [run.status for run in extend_api.runs] == ["FAILED", "FAILED"]


def test_a_simulated_run_whose_polls_are_a_teams_own(extend_api, respx_mock):
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    run = httpx.post(RUNS, json=BODY, headers=headers, timeout=5).json()
    end = {**run, "status": "FAILED", "failureReason": "OCR_ERROR", "failureMessage": "no"}
    respx_mock.get(f"{RUNS}/{run['id']}").respond(200, json=end)
    httpx.get(f"{RUNS}/{run['id']}", headers=headers, timeout=5)
    assert [(item.id, item.failure_reason) for item in extend_api.runs] == [
        (run["id"], "OCR_ERROR")
    ]


def test_a_run_that_nobody_submitted_here_is_on_record_by_its_polls(extend_api, respx_mock):
    respx_mock.get(f"{RUNS}/pr_older").respond(200, json={**DONE, "id": "pr_older"})
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    httpx.get(f"{RUNS}/pr_older", headers=headers, timeout=5)
    extend_api.assert_polling_stopped()
    assert [(run.id, run.document) for run in extend_api.runs] == [("pr_older", None)]


def test_other_mocks_tell_of_runs_too(extend_api):
    with requests_mock.Mocker() as mock:
        mock.post(RUNS, json=told("PROCESSING"))
        mock.get(f"{RUNS}/pr_mine", json=failed("CORRUPT_FILE"))
        headers = {"authorization": f"Bearer {extend_api.api_key}"}
        requests.post(RUNS, json=BODY, headers=headers, timeout=5)
        requests.get(f"{RUNS}/pr_mine", headers=headers, timeout=5)
    (run,) = extend_api.runs
    assert run.failure_reason == "CORRUPT_FILE"


def test_the_other_providers_words_are_read_as_well(nutrient_api, respx_mock):
    base = f"{nutrient_api.base_url}/extraction"
    respx_mock.post(f"{base}/classify").respond(202, json={"runId": "run_1", "status": "queued"})
    end = {
        "runId": "run_1",
        "status": "error",
        "requestId": "req_1",
        "errorMessage": "It went wrong.",
        "errorDetails": {"source": "engine", "code": "a_code"},
    }
    respx_mock.get(f"{base}/runs/run_1").respond(200, json=end)
    headers = {"authorization": f"Bearer {nutrient_api.api_key}"}
    httpx.post(f"{base}/classify", json={}, headers=headers, timeout=5)
    httpx.get(f"{base}/runs/run_1", headers=headers, timeout=5)
    (run,) = nutrient_api.runs
    assert (run.id, run.status, run.failure_reason) == ("run_1", "error", "a_code")
    assert run.failure_message == "It went wrong."


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (told("DONE"), "no status 'DONE' is documented"),
        (told("FAILED"), "a FAILED run lacks the documented failureReason"),
        (failed("BAD_LUCK"), "the failureReason 'BAD_LUCK' is not documented"),
    ],
)
def test_contradictions_to_the_documentation_are_reported(extend_api, respx_mock, end, says):
    respx_mock.get(f"{RUNS}/pr_mine").respond(200, json=end)
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    httpx.get(f"{RUNS}/pr_mine", headers=headers, timeout=5)
    assert f"attempt 1 was answered by respx route: {says}" in extend_api.timeline()


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"id": "pr_mine"}', b'{"status": 3}'])
def test_a_reply_that_tells_of_no_run_leaves_none(extend_api, respx_mock, body):
    respx_mock.post(RUNS).respond(200, content=body)
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    httpx.post(RUNS, json=BODY, headers=headers, timeout=5)
    assert extend_api.runs == []
