"""Every check takes a document, and every check of logs also takes a text."""

from __future__ import annotations

import inspect

import httpx
import pytest

from pytest_parseapi import ParseAPI

CHECKS = sorted(name for name in dir(ParseAPI) if name.startswith("assert_"))
LOGS = (
    "assert_request_id_logged",
    "assert_run_failure_logged",
    "assert_credential_not_logged",
    "assert_follows_documentation",
)


def send(api, name, path="/parse"):
    headers = {"authorization": f"Bearer {api.api_key}", "x-extend-api-version": "2026-02-09"}
    body = {"file": {"url": f"https://files.example.com/{name}"}}
    return httpx.post(api.base_url + path, json=body, headers=headers, timeout=5)


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_takes_a_document(extend_api, name):
    assert inspect.signature(getattr(ParseAPI, name)).parameters["document"].default is None
    send(extend_api, "a.pdf")
    with pytest.raises(AssertionError, match=r"no request was about 'b\.pdf'"):
        getattr(extend_api, name)(document="b.pdf")


@pytest.mark.parametrize("name", LOGS)
def test_every_check_of_logs_takes_a_text(name):
    assert inspect.signature(getattr(ParseAPI, name)).parameters["text"].default is None


def test_the_request_id_in_a_text_is_logged(extend_api):
    extend_api.fail("CORRUPT_FILE")
    found = send(extend_api, "a.pdf").json()["requestId"]
    with pytest.raises(AssertionError, match="requestId"):
        extend_api.assert_follows_documentation()
    extend_api.assert_follows_documentation(text=f"parse failed: {found}")


def test_a_credential_in_a_text_is_a_leak(extend_api):
    send(extend_api, "a.pdf")
    extend_api.assert_credential_not_logged()
    with pytest.raises(AssertionError, match="credential"):
        extend_api.assert_credential_not_logged(text=f"key {extend_api.api_key}")


def test_a_run_of_another_document_is_not_judged(extend_api):
    headers = {"authorization": "Bearer k"}
    extend_api.fail_run("CORRUPT_FILE", document="a.pdf", polls=0)
    runs = [send(extend_api, name, "/parse_runs").json()["id"] for name in ("a.pdf", "b.pdf")]
    for run in (runs[0], runs[1], runs[1], runs[1]):
        httpx.get(f"{extend_api.base_url}/parse_runs/{run}", headers=headers, timeout=5)
    with pytest.raises(AssertionError, match="CORRUPT_FILE"):
        extend_api.assert_run_failure_logged(document="a.pdf")
    with pytest.raises(AssertionError, match="no failed run is on record"):
        extend_api.assert_run_failure_logged(document="b.pdf")
    extend_api.assert_polling_stopped(document="a.pdf")
    with pytest.raises(AssertionError, match="rule broken: "):
        extend_api.assert_polling_stopped(document="b.pdf")


def test_a_delivery_about_another_document_is_not_judged(extend_api):
    for name, status in (("a.pdf", 500), ("b.pdf", 204)):
        delivery = extend_api.webhook(document=f"https://files.example.com/{name}")
        extend_api.deliver(delivery, lambda body, headers, status=status: status)
    extend_api.assert_webhook_accepted(document="b.pdf")
    with pytest.raises(AssertionError, match="a good webhook delivery"):
        extend_api.assert_webhook_accepted(document="a.pdf")
