"""Receivers whose requests fail: redeliveries of the provider are not their retries."""

from __future__ import annotations

import re

import pytest
from sweep_app import APP

APP = (
    APP
    + '''

import hashlib, hmac, json

SECRET = []


def call(path, attempts=3, timeout=10):
    for attempt in range(attempts):
        last = attempt == attempts - 1
        try:
            reply = httpx.get(
                "https://api.extend.ai" + path,
                headers={"authorization": "Bearer sk_test_0123456789"},
                timeout=timeout,
            )
        except httpx.TransportError as error:
            log.warning("no reply: %r", error)
            if last:
                raise Failed("network") from error
            time.sleep(2.0**attempt)
            continue
        try:
            body = reply.json()
        except ValueError:
            body = {}
        if reply.status_code == 200 and body:
            return body
        log.error("failed: %s", reply.text)
        if last or not body.get("retryable", reply.status_code >= 500):
            raise Failed(reply.status_code)
        time.sleep(retry_after(reply, 2.0**attempt))


def verified(body, headers):
    stamp = headers.get("x-extend-request-timestamp", "")
    if not stamp.isdecimal() or not -60 <= time.time() - int(stamp) <= 300:
        return None
    ours = hmac.new(SECRET[0].encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
    if not hmac.compare_digest(ours.hexdigest(), headers.get("x-extend-request-signature", "")):
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


class Receiver:
    def __init__(self, **options):
        self.options = options
        self.seen = set()

    def __call__(self, body, headers):
        """Looks at the run, and rejects the delivery where it cannot."""
        event = verified(body, headers)
        if event is None:
            return 401
        if event["eventId"] in self.seen:
            return 204
        try:
            run = call("/parse_runs/" + event["payload"]["id"], **self.options)
        except Failed:
            return self.failed()
        log.error("run %s ended %s: %s", run["id"], run["status"], run.get("failureReason"))
        self.seen.add(event["eventId"])
        return 204

    def failed(self):
        return 503


class Quiet(Receiver):
    """Takes what it could not look at."""

    def failed(self):
        return 204


class Slow(Receiver):
    """Takes its time, and the delivery in the end."""

    def failed(self):
        time.sleep(40)
        return 204


def hammer(body, headers):
    """Tries again whatever the failure, and at once."""
    if verified(body, headers) is None:
        return 401
    for _ in range(3):
        reply = httpx.get(
            "https://api.extend.ai/parse_runs/" + json.loads(body)["payload"]["id"],
            headers={"authorization": "Bearer sk_test_0123456789"},
            timeout=5,
        )
        if reply.status_code == 200:
            return 204
        log.error("failed: %s", reply.text)
    return 503
'''
)

SECRET = "    SECRET[:] = [extend_api.webhook_secret]\n"
DELIVERS = {
    "a delivery": "extend_api.deliver(extend_api.webhook(), {})",
    "of a failed run": "extend_api.deliver(extend_api.webhook('CORRUPT_FILE'), {})",
    "twice": """it, event = {}, extend_api.webhook()
    extend_api.deliver(event, it)
    extend_api.deliver(event, it)""",
    "of its own run": """extend_api.deliver_webhooks_to({})
    parse_run = httpx.post(
        "https://api.extend.ai/parse_runs", json={{"file": {{"url": INVOICE}}}},
        headers={{"authorization": "Bearer sk_test_0123456789"}}, timeout=5,
    )
    time.sleep(30)""",
}


def titles(result):
    return re.findall(r"^\d+\. ([\w ]+):", result.text, re.MULTILINE)


def swept(sweep, how, receiver, *options, **more):
    test = f"def test(extend_api):\n{SECRET}    {DELIVERS[how].format(receiver)}\n"
    return sweep(test, *options, app=APP, **{"kinds": None, **more})


@pytest.mark.parametrize("timeout", [10, 60])
@pytest.mark.parametrize("how", DELIVERS)
def test_a_right_receiver_is_not_accused_of_what_the_provider_does(sweep, how, timeout):
    result = swept(sweep, how, f"Receiver(timeout={timeout})")
    assert titles(result) == [], result.text
    assert "left out: 1 place" in result.text or how != "of its own run"


def test_a_receiver_without_retries_is_right_too(sweep):
    result = swept(sweep, "a delivery", "Receiver(attempts=1)", kinds="retryable,final")
    assert titles(result) == []


@pytest.mark.parametrize(
    ("receiver", "found"),
    [
        ("Slow()", ["broke webhook_accepted"]),
        ("hammer", ["broke backoff", "broke final_error", "broke poll_interval"]),
    ],
)
def test_what_a_receiver_does_wrong_itself_is_found(sweep, receiver, found):
    result = swept(sweep, "a delivery", receiver, kinds="retryable,final")
    assert set(found) <= set(titles(result)), result.text


def test_a_receiver_that_takes_what_it_could_not_look_at(sweep):
    app = APP.replace('log.error("failed: %s", reply.text)', 'log.info("failed: %s", reply.text)')
    test = f"def test(extend_api):\n{SECRET}    {DELIVERS['a delivery'].format('Quiet()')}\n"
    result = sweep(test, app=app, kinds="final")
    assert titles(result)[0] == "unnoticed"
