"""What the plugin itself made is no evidence of the consumer's logs, whoever prints it."""

from __future__ import annotations

import logging
import sys

import httpx
import pytest

URL = "https://files.example.com/invoice.pdf"


def send(api, url=URL):
    headers = {"authorization": f"Bearer {api.api_key}", "x-extend-api-version": "2026-02-09"}
    body = {"file": {"url": url}}
    return httpx.post(api.base_url + "/parse", json=body, headers=headers, timeout=5)


def _finding(api):
    with pytest.raises(AssertionError) as caught:
        api.assert_request_id_logged()
    return str(caught.value)


OWN = {
    "timeline": lambda api: api.timeline(),
    "attempt": lambda api: repr(api.attempts[0]),
    "attempts": lambda api: str(api.attempts),
    "finding": _finding,
}


@pytest.mark.parametrize("say", [print, logging.error], ids=["print", "logging"])
@pytest.mark.parametrize("own", OWN)
def test_own_text_is_no_log_of_the_consumers(extend_api, own, say):
    extend_api.fail("CORRUPT_FILE")
    send(extend_api)
    say(OWN[own](extend_api))
    send(extend_api, "https://files.example.com/other.pdf")
    assert "rule broken: " in _finding(extend_api)


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
