"""Calls of every public name that type checkers must accept; never run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any, assert_type

from pytest_parseapi import (
    ALWAYS,
    Attempt,
    DocumentedError,
    ParseAPI,
    ParseErrorContract,
    Provider,
    Run,
    VirtualClock,
    WebhookAnswer,
    WebhookDelivery,
)
from pytest_parseapi.strategies import failure_scripts


def scripts(api: ParseAPI, error: DocumentedError) -> None:
    api.fail("OCR_ERROR")
    api.fail("OCR_ERROR", 429, error, "read_timeout", times=2)
    api.fail("OCR_ERROR", times=ALWAYS, document="a.pdf", endpoint="/parse", message="text")
    api.fail(429, retry_after=1.5)
    api.fail(429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT")
    api.fail(429, retry_after=dt.datetime.now(dt.UTC))
    api.fail_run("CORRUPT_FILE", times=2, document="a.pdf", polls=3, message="text")
    api.replay("incident.har")
    api.replay(Path("incident.har"))
    api.replies_take(seconds=2)
    api.runs_take(polls=2)
    api.runs_take(seconds=2.5)
    api.reset()


def reads(api: ParseAPI) -> None:
    assert_type(api.provider, Provider)
    assert_type(api.base_url, str)
    assert_type(api.api_key, str)
    assert_type(api.live_url, str)
    assert_type(api.clock, VirtualClock)
    assert_type(api.clock.elapsed, float)
    assert_type(api.attempts, list[Attempt])
    assert_type(api.attempts_for("a.pdf"), list[Attempt])
    assert_type(api.runs, list[Run])
    assert_type(api.request_ids, list[str])
    assert_type(api.timeline(), str)
    api.clock.advance(3)


def attempt(one: Attempt, run: Run) -> None:
    assert_type(one.number, int)
    assert_type(one.method, str)
    assert_type(one.url, str)
    assert_type(one.path, str)
    assert_type(one.document, str | None)
    assert_type(one.request_id, str | None)
    assert_type(one.status, int | None)
    assert_type(one.error, DocumentedError | str | None)
    assert_type(one.run_id, str | None)
    assert_type(one.started, float)
    assert_type(one.waited, float | None)
    assert_type(one.headers, dict[str, str])
    assert_type(one.body, bytes)
    assert_type(one.payload_digest, str)
    assert_type(one.client, str)
    assert_type(run.id, str)
    assert_type(run.status, str)
    assert_type(run.failed, bool)
    assert_type(run.failure_reason, str | None)
    assert_type(run.polls, int)
    assert_type(run.ended, float | None)


def checks(api: ParseAPI) -> None:
    api.assert_retried(times=2, document="a.pdf")
    api.assert_not_retried(document="a.pdf")
    api.assert_gave_up(attempts=3)
    api.assert_recovered()
    api.assert_parsed_once(document="a.pdf")
    api.assert_backoff(initial=1, factor=2, maximum=30, jitter=0.1, immediate_first=True)
    api.assert_backoff(jitter="full")
    api.assert_retry_after_honoured()
    api.assert_payload_resent()
    api.assert_request_id_logged("all", level="WARNING")
    api.assert_credential_not_logged()
    api.assert_timeout_set()
    api.assert_run_failure_logged(level="ERROR")
    api.assert_polling_stopped()
    api.assert_polled_politely(minimum=1)
    api.assert_resubmitted(times=1)
    api.assert_follows_documentation(document="a.pdf", text="stderr")
    api.assert_credential_not_logged(text="stderr")
    api.assert_api_version_sent()


def webhooks(api: ParseAPI, run: Run) -> None:
    delivery = api.webhook("OCR_ERROR")
    assert_type(delivery, WebhookDelivery)
    assert_type(delivery.body, bytes)
    assert_type(delivery.headers, dict[str, str])
    api.webhook(run=run, wrong="too_old")

    def receiver(body: bytes, headers: dict[str, str]) -> int:
        return 200 if body and headers else 400

    assert_type(api.deliver(delivery, receiver), list[WebhookAnswer])
    api.assert_webhook_accepted()
    api.assert_webhook_rejected()
    api.assert_webhook_handled_once()


def fixtures(parseapi_factory: Callable[[str], ParseAPI]) -> None:
    assert_type(parseapi_factory("extend"), ParseAPI)


class TestOurClient(ParseErrorContract):
    provider = "nutrient"
    surface = "http"
    max_attempts = 4
    retries = True

    def parse(self, document: Any) -> str:
        return str(document)


drawn = failure_scripts("extend")
