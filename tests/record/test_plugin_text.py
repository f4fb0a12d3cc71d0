"""Printed text of the plugin itself is no evidence of the consumer's logs."""

from __future__ import annotations

import logging
import sys

import httpx
import pytest

URL = "https://files.example.com/invoice.pdf"


def send(api, url=URL, path="/parse"):
    headers = {"authorization": f"Bearer {api.api_key}", "x-extend-api-version": "2026-02-09"}
    body = {"file": {"url": url}}
    return httpx.post(api.base_url + path, json=body, headers=headers, timeout=5)


def _finding(api):
    with pytest.raises(AssertionError) as caught:
        api.assert_request_id_logged()
    return str(caught.value)


OWN = {
    "timeline": lambda api: api.timeline(),
    "attempt": lambda api: repr(api.attempts[0]),
    "attempts": lambda api: str(api.attempts),
    "finding": _finding,
    "request ids": lambda api: api.request_ids,
}


@pytest.mark.parametrize("say", [print, logging.error], ids=["print", "logging"])
@pytest.mark.parametrize("own", OWN)
def test_own_text_is_no_log_of_the_consumers(extend_api, own, say):
    extend_api.fail("CORRUPT_FILE")
    send(extend_api)
    say(OWN[own](extend_api))
    send(extend_api, "https://files.example.com/other.pdf")
    assert "rule broken: " in _finding(extend_api)


RUN = {
    "runs": lambda api: api.runs,
    "run": lambda api: f"ended: {api.runs[0]}",
    "delivery": lambda api: api.webhook(run=api.runs[0].id),
}


@pytest.mark.parametrize("own", RUN)
def test_a_run_that_shows_itself_is_no_log_of_the_consumers(extend_api, own):
    extend_api.fail_run("CORRUPT_FILE", polls=0)
    submitted = send(extend_api, path="/parse_runs").json()
    headers = {"authorization": "Bearer key"}
    httpx.get(f"{extend_api.base_url}/parse_runs/{submitted['id']}", headers=headers)
    sys.stdout.write(f"{RUN[own](extend_api)}\n")
    with pytest.raises(AssertionError, match="rule broken: the id and the failureReason of each"):
        extend_api.assert_run_failure_logged()
    sys.stdout.write(f"Run(id='{submitted['id']}', status='FAILED', reason='CORRUPT_FILE')\n")
    extend_api.assert_run_failure_logged()


def test_a_delivery_of_the_consumers_own_counts(extend_api):
    extend_api.fail("CORRUPT_FILE")
    request_id = send(extend_api).json()["requestId"]
    key = extend_api.api_key
    sys.stdout.write(f"WebhookDelivery(body=b'', headers={{'authorization': 'Bearer {key}'}})\n")
    sys.stdout.write(f"WebhookDelivery(body=x) failed: {request_id}\n")
    extend_api.assert_request_id_logged()
    with pytest.raises(AssertionError, match="rule broken: no credential appears in logs"):
        extend_api.assert_credential_not_logged()


def test_the_consumers_own_list_of_ids_counts(extend_api):
    extend_api.fail("CORRUPT_FILE")
    sys.stdout.write(f"failed: {[send(extend_api).json()['requestId']]}\n")
    extend_api.assert_request_id_logged()


def test_the_consumers_own_words_beside_it_count(extend_api):
    extend_api.fail("CORRUPT_FILE")
    reply = send(extend_api)
    sys.stdout.write(extend_api.timeline() + "\n")
    sys.stdout.write(f"failed with {reply.json()['requestId']}\n")
    extend_api.assert_request_id_logged()


def test_a_link_that_is_signed_anew_cures_no_broken_file(extend_api):
    extend_api.fail("CORRUPT_FILE", times=2)
    for turn in (1, 2):
        send(extend_api, f"{URL}?X-Amz-Signature={turn}")
    with pytest.raises(AssertionError, match="a failed operation is not tried again"):
        extend_api.assert_not_retried()


def test_a_link_that_is_signed_anew_cures_a_failed_download(extend_api):
    extend_api.fail("UNABLE_TO_DOWNLOAD_FILE")
    for turn in (1, 2):
        send(extend_api, f"{URL}?X-Amz-Signature={turn}")
    extend_api.assert_not_retried()
