"""The record of replies that the consumer never received."""

from __future__ import annotations

import logging

import httpx
import pytest

INVOICE = "https://files.example.com/invoice.pdf"
HEADERS = {"x-extend-api-version": "2026-02-09"}


@pytest.fixture
def client(extend_api):
    headers = {**HEADERS, "authorization": f"Bearer {extend_api.api_key}"}
    with httpx.Client(base_url=extend_api.base_url, headers=headers, timeout=5) as client:
        yield client


def submitted(client):
    return client.post("/parse_runs", json={"file": {"url": INVOICE}}).json()["id"]


def polls_in_haste(extend_api, client, run_id):
    for _ in range(4):
        with pytest.raises(httpx.ReadTimeout):
            client.get(f"/parse_runs/{run_id}", timeout=0.1)
    return [attempt.run_id for attempt in extend_api.attempts[-4:]]


def test_a_poll_whose_reply_comes_too_late_is_one_of_its_run(extend_api, client):
    run_id = submitted(client)
    extend_api.replies_take(20)
    assert polls_in_haste(extend_api, client, run_id) == [run_id] * 4
    with pytest.raises(AssertionError, match="rule broken"):
        extend_api.assert_polled_politely()


def test_a_late_submission_shows_nobody_its_run(extend_api, client):
    extend_api.replies_take(20)
    with pytest.raises(httpx.ReadTimeout):
        submitted(client)
    assert extend_api.attempts[-1].run_id is None


def test_an_empty_body_has_one_length(extend_api, client):
    extend_api.fail("empty_body")
    reply = client.post("/parse", json={"file": {"url": INVOICE}})
    assert reply.headers.get_list("content-length") == ["0"]


@pytest.mark.parseapi(strict=False)
def test_a_failure_remembers_few_reasons_why_it_was_passed_by(extend_api, client):
    extend_api.fail("OCR_ERROR", document="misspelt.pdf")
    for number in range(40):
        client.post("/parse", json={"file": {"url": f"https://files.example.com/{number}.pdf"}})
    (step,) = extend_api._service.script.unused()
    assert len(step.passed) == 10


def test_a_log_line_with_two_blanks_is_still_the_consumer_s(extend_api, client):
    extend_api.fail("OCR_ERROR")
    client.post("/parse", json={"file": {"url": INVOICE}})
    logging.getLogger("app").warning("operation  key %s", extend_api.api_key)
    with pytest.raises(AssertionError, match="credential"):
        extend_api.assert_credential_not_logged()


class TestWebhooksOfABatch:
    @pytest.fixture
    def seen(self, extend_api):
        seen = []
        extend_api.deliver_webhooks_to(lambda body, headers: seen.append(body) or 200)
        return seen

    def test_one_that_the_test_makes_is_not_delivered_besides(self, extend_api, seen):
        extend_api.webhook(batch=True)
        assert seen == []

    def test_nor_is_one_of_a_batch_that_was_submitted(self, extend_api, client, seen):
        body = {"inputs": [{"file": {"url": INVOICE}}]}
        batch = client.post("/parse_runs/batch", json=body).json()["id"]
        extend_api.webhook(run=batch)
        assert seen == []


async def with_a_database(body, headers, database=None):
    return 200


@pytest.mark.parametrize(
    ("receiver", "status"),
    [
        (with_a_database, 200),
        (lambda body, headers: (401, "bad signature"), 401),
        (lambda body, headers: ("bad signature", 401), 401),
        (lambda body, headers: {"statusCode": 400, "body": "bad signature"}, 400),
        (lambda body, headers: {"taken": True}, 200),
    ],
)
@pytest.mark.asyncio
async def test_the_status_of_a_functions_return_value(extend_api, receiver, status):
    (answer,) = await extend_api.deliver_async(extend_api.webhook(), receiver, tries=1)
    assert answer.status == status


def test_a_target_that_is_none_is_refused_at_once(extend_api):
    with pytest.raises(BaseException, match="a webhook goes to a URL, an app or a function"):
        extend_api.deliver_webhooks_to("localhost:8000/hook")
