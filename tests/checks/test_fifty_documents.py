"""A failure about one of fifty documents: at most 60 lines, with what belongs to it."""

from __future__ import annotations

import json
import logging
import re

import httpx
import pytest

from pytest_parseapi import ALWAYS

LOG = logging.getLogger("app.fifty")
COUNT = 50
MOST = 60
ODD = 13
NAME = f"doc-{ODD}.pdf"
VERSION = {"x-extend-api-version": "2026-02-09"}


def url(number):
    return f"https://files.example.com/doc-{number:02}.pdf"


def numbers(text):
    """The attempts that the timeline shows."""
    return {int(found) for found in re.findall(r"^ +(\d+) +\d+\.\d{3}", text, flags=re.MULTILINE)}


def ask(api, number, *, config=None, timeout=5, version=VERSION, key=None, logs=True):
    file = {"file": {"url": url(number)}}
    reply = httpx.post(
        f"{api.base_url}/parse",
        json=file if config is None else file | {"config": config},
        headers={"authorization": f"Bearer {key or api.api_key}", **version},
        timeout=timeout,
    )
    if logs and not reply.is_success:
        LOG.error("%s", reply.text)


def parse_all(api, *, again=0, gap=1, **first):
    """Each document once, and the odd one again; what is special is its first request."""
    for number in range(COUNT):
        ask(api, number, **(first if number == ODD else {}))
    for _ in range(again):
        api.clock.advance(gap)
        ask(api, ODD)


def fails_and(code, *, times=1, retry_after=None, **more):
    def happen(api):
        api.fail(code, times=times, document=NAME, retry_after=retry_after)
        parse_all(api, **more)

    return happen


def leak(api):
    parse_all(api, key="sk_of_another_team")
    LOG.error("asking with sk_of_another_team")


def run_all(api, *, polls, gap=1, again=False, config=None):
    """Each document's run is polled once, and the odd one's more often."""
    headers = {"authorization": f"Bearer {api.api_key}"}
    with httpx.Client(base_url=api.base_url, headers=headers, timeout=5) as client:
        runs = [
            client.post("/parse_runs", json={"file": {"url": url(number)}}).json()["id"]
            for number in range(COUNT)
        ]
        for run in runs:
            client.get(f"/parse_runs/{run}")
        for _ in range(polls):
            api.clock.advance(gap)
            client.get(f"/parse_runs/{runs[ODD]}")
        if again:
            body = {"file": {"url": url(ODD)}}
            client.post("/parse_runs", json=body | ({"config": config} if config else {}))


def run_fails_and(code, *, pending=1, **more):
    def happen(api):
        api.fail_run(code, document=NAME, polls=pending)
        run_all(api, **more)

    return happen


def submits_again(api):
    run_all(api, polls=1, again=True)


def deliver_all(api, *, status=204, wrong=None, twice=False):
    for number in range(COUNT):
        odd = number == ODD
        delivery = api.webhook(document=url(number), wrong=wrong if odd else None)

        def receive(body, _headers, odd=odd):
            run = json.loads(body)["payload"]["id"]
            headers = {"authorization": f"Bearer {api.api_key}"}
            httpx.get(f"{api.base_url}/parse_runs/{run}", headers=headers, timeout=5)
            return status if odd else 204

        for _ in range(1 + (odd and twice)):
            api.deliver(delivery, receive, tries=2)


def refuses(api):
    deliver_all(api, status=500)


def believes(api):
    deliver_all(api, wrong="bad_signature")


def repeats(api):
    deliver_all(api, twice=True)


HTTP = [
    ("retried", fails_and("OCR_ERROR")),
    ("not_retried", fails_and("CORRUPT_FILE", times=2, again=1)),
    ("gave_up", fails_and("OCR_ERROR", again=1)),
    ("recovered", fails_and("OCR_ERROR", times=2, again=1)),
    ("backoff", fails_and("OCR_ERROR", again=1, gap=0)),
    ("retry_after_honoured", fails_and("RATE_LIMIT_EXCEEDED", retry_after=9, again=1)),
    ("payload_resent", fails_and("OCR_ERROR", again=1, config={"target": "spatial"})),
    ("request_id_logged", fails_and("OCR_ERROR", logs=False)),
    ("credential_not_logged", leak),
    ("timeout_set", fails_and("OCR_ERROR", timeout=None)),
    ("api_version_sent", fails_and("OCR_ERROR", version={})),
    ("parsed_once", fails_and("OCR_ERROR", again=2)),
    ("follows_documentation", fails_and("OCR_ERROR")),
]
RUNS = [
    ("run_failure_logged", run_fails_and("CORRUPT_FILE", polls=1)),
    ("polling_stopped", run_fails_and("CORRUPT_FILE", polls=3)),
    ("polled_politely", run_fails_and("OCR_ERROR", pending=5, polls=3, gap=0.1)),
    ("resubmitted", run_fails_and("OCR_ERROR", polls=1)),
    ("parsed_once", submits_again),
    ("follows_documentation", run_fails_and("CORRUPT_FILE", polls=1, again=True)),
    (
        "follows_documentation",
        run_fails_and("OCR_ERROR", polls=1, again=True, config={"target": "spatial"}),
    ),
]
WEBHOOKS = [
    ("webhook_accepted", refuses),
    ("follows_documentation", refuses),
    ("webhook_rejected", believes),
    ("follows_documentation", believes),
    ("webhook_handled_once", repeats),
    ("follows_documentation", repeats),
]


@pytest.mark.parametrize("document", [None, NAME])
@pytest.mark.parametrize(("check", "happen"), [*HTTP, *RUNS, *WEBHOOKS])
def test_a_message_is_short_and_shows_the_one_document(extend_api, check, happen, document):
    happen(extend_api)
    with pytest.raises(AssertionError) as failure:
        getattr(extend_api, f"assert_{check}")(document=document)
    text = str(failure.value)
    own = {attempt.number for attempt in extend_api.attempts_for(NAME)}
    assert len(text.splitlines()) <= MOST
    assert numbers(text) == own
    rows = [line for line in text.splitlines() if "webhook parse_run" in line]
    assert bool(rows) == ((check, happen) in WEBHOOKS)
    assert all(NAME in row for row in rows)


@pytest.mark.parametrize("every", [1, 7])
@pytest.mark.parametrize(
    "check", ["recovered", "not_retried", "backoff", "gave_up", "follows_documentation"]
)
def test_a_message_about_many_documents_is_short_too(extend_api, check, every):
    for number in range(0, COUNT, every):
        extend_api.fail("CORRUPT_FILE", document=f"doc-{number:02}.pdf", times=ALWAYS)
    for _ in range(3):
        for number in range(COUNT):
            ask(extend_api, number)
    with pytest.raises(AssertionError) as failure:
        getattr(extend_api, f"assert_{check}")(**({"attempts": 2} if check == "gave_up" else {}))
    assert len(str(failure.value).splitlines()) <= MOST
