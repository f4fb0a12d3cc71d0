"""Webhook deliveries: right ones, wrong ones, redeliveries, and automatic ones."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.server
import json
import logging
import threading
import time

import httpx
import pytest
from extend_ai import Extend
from extend_ai.types import (
    BatchParseRunCompletedWebhookEvent,
    BatchParseRunFailedWebhookEvent,
    ParseRunFailedWebhookEvent,
    ParseRunProcessedWebhookEvent,
)
from extend_ai.wrapper.errors import WebhookParseError, WebhookSignatureVerificationError

from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.webhooks import UNKNOWN_EVENT_TYPE, VARIANTS
from pytest_parseapi.providers.extend.webhooks import signature

URL = "https://files.example.com/invoice.pdf"
REJECTED = [wrong for wrong in VARIANTS if wrong != UNKNOWN_EVENT_TYPE]


@pytest.fixture
def client(extend_api):
    return Extend(token=extend_api.api_key)


@pytest.fixture
def careful(extend_api, client):
    """A receiver that verifies, and fetches the run once an event."""
    seen = set()

    def receive(body, headers):
        try:
            event = client.webhooks.verify_and_parse(body, headers, extend_api.webhook_secret)
        except (WebhookSignatureVerificationError, WebhookParseError):
            return 401
        if isinstance(event, dict) or event.event_id in seen:
            return 200
        seen.add(event.event_id)
        client.parse_runs.retrieve(event.payload.id)
        return 204

    return receive


@pytest.fixture
def careless(client):
    """A receiver that believes everything."""

    def receive(body, headers):
        event = json.loads(body)
        client.parse_runs.retrieve(event["payload"]["id"])
        return 200

    return receive


@pytest.mark.parametrize(
    ("arguments", "event_type", "model"),
    [
        ({}, "parse_run.processed", ParseRunProcessedWebhookEvent),
        ({"error": "OCR_ERROR"}, "parse_run.failed", ParseRunFailedWebhookEvent),
        ({"batch": True}, "batch_parse_run.processed", BatchParseRunCompletedWebhookEvent),
        (
            {"batch": True, "error": "OCR_ERROR"},
            "batch_parse_run.failed",
            BatchParseRunFailedWebhookEvent,
        ),
    ],
)
def test_the_official_verifier_accepts_and_types_every_event(
    extend_api, client, arguments, event_type, model
):
    delivery = extend_api.webhook(**arguments)
    assert delivery.event_type == event_type
    assert delivery.event_id.startswith("event_")
    body = json.loads(delivery.body)
    assert (body["eventId"], body["eventType"]) == (delivery.event_id, event_type)
    model.model_validate(body)
    event = client.webhooks.verify_and_parse(
        delivery.body, delivery.headers, extend_api.webhook_secret
    )
    assert not isinstance(event, dict)
    assert event.payload.id == delivery.run_id


def test_the_payload_is_the_small_status_object(extend_api):
    delivery = extend_api.webhook("OCR_ERROR", message="No luck.", metadata={"team": "red"})
    assert json.loads(delivery.body)["payload"] == {
        "object": "parse_run_status",
        "id": delivery.run_id,
        "status": "FAILED",
        "failureReason": "OCR_ERROR",
        "failureMessage": "No luck.",
        "metadata": {"team": "red"},
    }


def test_the_signature_is_that_of_the_documented_steps():
    by_hand = hmac.new(b"wss_x", b"v0:1700000000:{}", hashlib.sha256).hexdigest()
    assert signature("wss_x", 1_700_000_000, b"{}") == by_hand


def test_the_run_of_an_event_can_be_fetched(extend_api, client):
    delivery = extend_api.webhook("CORRUPT_FILE", document=URL)
    run = client.parse_runs.retrieve(delivery.run_id)
    assert (run.status, run.failure_reason) == ("FAILED", "CORRUPT_FILE")
    assert extend_api.runs[0].document == URL


def test_an_event_ends_the_run_it_is_about(extend_api, client):
    extend_api.fail_run("OCR_ERROR", polls=50)
    run = client.parse_runs.create(file={"url": URL})
    delivery = extend_api.webhook(run=extend_api.runs[0])
    assert (delivery.run_id, delivery.event_type) == (run.id, "parse_run.failed")
    assert client.parse_runs.retrieve(run.id).failure_reason == "OCR_ERROR"


def test_an_event_for_a_batch(extend_api, client):
    batch = client.parse_runs.create_batch(inputs=[{"file": {"url": URL}}] * 2)
    delivery = extend_api.webhook(run=batch.id)
    assert delivery.event_type == "batch_parse_run.processed"
    assert json.loads(delivery.body)["payload"]["runCount"] == 2
    assert client.batch_runs.get(batch.id).status == "PROCESSED"


@pytest.mark.each_parse_error(surface="webhook", codes=["OCR_ERROR", "CORRUPT_FILE"])
def test_each_error_of_webhooks_is_told_by_the_next_webhook(extend_api, documented_error):
    payload = json.loads(extend_api.webhook().body)["payload"]
    assert payload["failureReason"] == documented_error.code


@pytest.mark.each_parse_error(surface="webhook", codes=["OCR_ERROR"])
def test_naming_the_scripted_error_uses_the_script_up(extend_api, documented_error):
    payload = json.loads(extend_api.webhook(documented_error).body)["payload"]
    assert payload["failureReason"] == documented_error.code


@pytest.mark.parametrize("arguments", [{"signed_url": True}, {"url_threshold": 100}])
def test_large_payloads_come_by_url(extend_api, client, arguments):
    delivery = extend_api.webhook("OCR_ERROR", metadata={"team": "red"}, **arguments)
    event = client.webhooks.verify_and_parse(
        delivery.body, delivery.headers, extend_api.webhook_secret, allow_signed_url=True
    )
    assert client.webhooks.is_signed_url_event(event)
    assert event.payload.metadata == {"team": "red"}
    full = client.webhooks.fetch_signed_payload_sync(event)
    assert full.payload.failure_reason == "OCR_ERROR"
    extend_api.clock.advance(3600)
    assert httpx.get(event.payload.data).status_code == 403


def test_a_small_payload_stays_under_its_threshold(extend_api):
    payload = json.loads(extend_api.webhook(url_threshold=100_000).body)["payload"]
    assert payload["object"] == "parse_run_status"


@pytest.mark.parametrize("wrong", REJECTED)
def test_the_official_verifier_rejects_every_wrong_delivery(extend_api, client, wrong):
    delivery = extend_api.webhook(wrong=wrong)
    with pytest.raises((WebhookSignatureVerificationError, WebhookParseError)):
        client.webhooks.verify_and_parse(delivery.body, delivery.headers, extend_api.webhook_secret)


@pytest.mark.parametrize("wrong", REJECTED)
def test_checks_tell_a_careful_receiver_from_a_careless_one(extend_api, careful, careless, wrong):
    delivery = extend_api.webhook("OCR_ERROR", wrong=wrong)
    [answer] = extend_api.deliver(delivery, careful)
    assert answer.status == 401
    extend_api.assert_webhook_rejected()
    extend_api.reset()
    delivery = extend_api.webhook("OCR_ERROR", wrong=wrong)
    if wrong == "invalid_json":
        # It breaks on it before it does harm, which is no success of an app.
        extend_api.deliver(delivery, _wsgi(careless))
    else:
        extend_api.deliver(delivery, careless)
    with pytest.raises(AssertionError, match="a wrong webhook delivery is rejected"):
        extend_api.assert_webhook_rejected()


def test_an_unknown_event_type_is_to_be_taken(extend_api, careful):
    extend_api.deliver(extend_api.webhook(wrong="unknown_event_type"), careful)
    extend_api.assert_webhook_accepted()


def test_a_rejected_delivery_with_an_effect_is_found(extend_api, careless):
    def receive(body, headers):
        careless(body, headers)
        return 401

    extend_api.deliver(extend_api.webhook(wrong="bad_signature"), receive)
    with pytest.raises(AssertionError, match=r"it answered 401, but GET /parse_runs/pr_\w+ follow"):
        extend_api.assert_webhook_rejected()


def test_an_event_twice_has_one_effect(extend_api, careful):
    delivery = extend_api.webhook("OCR_ERROR")
    extend_api.deliver(delivery, careful)
    extend_api.deliver(delivery, careful)
    extend_api.assert_webhook_accepted()
    extend_api.assert_webhook_handled_once()


def test_two_effects_of_one_event_are_found(extend_api, careless):
    delivery = extend_api.webhook("OCR_ERROR")
    extend_api.deliver(delivery, careless)
    extend_api.deliver(delivery, careless)
    with pytest.raises(AssertionError) as caught:
        extend_api.assert_webhook_handled_once()
    run = extend_api.runs[0].id
    assert str(caught.value).partition("\n\n")[0] == (
        "rule broken: a webhook event that is delivered twice has one effect\n"
        f"  operation  parse_run.failed {delivery.event_id}  {delivery.document}\n"
        "  expected   1 effect\n"
        f"  seen       2: GET /parse_runs/{run}\n"
        "  next       Extend: Answer a delivery with any 2xx within 30 seconds, and drop repeats "
        "by eventId. (docs.extend.ai/webhooks/best-practices)"
    )


@pytest.mark.parametrize("style", ["of one event", "of all"])
def test_effects_can_be_counted_by_the_test(extend_api, style):
    saved = []

    def receive(body, headers):
        saved.append(json.loads(body)["eventId"])

    delivery = extend_api.webhook()
    count = (lambda event: saved.count(event)) if style == "of one event" else lambda: len(saved)  # noqa: PLW0108 - a list has no signature
    extend_api.deliver(delivery, receive)
    extend_api.deliver(delivery, receive)
    with pytest.raises(AssertionError, match="as effects"):
        extend_api.assert_webhook_handled_once(count)
    saved.pop()
    extend_api.assert_webhook_handled_once(count)


def test_events_out_of_order(extend_api, careful):
    one, two = extend_api.webhook("OCR_ERROR"), extend_api.webhook()
    extend_api.deliver(two, careful)
    extend_api.deliver(one, careful)
    extend_api.assert_webhook_accepted()


@pytest.mark.parametrize(
    "check", ["assert_webhook_rejected", "assert_webhook_accepted", "assert_webhook_handled_once"]
)
def test_checks_without_a_delivery_prove_nothing(extend_api, check):
    with pytest.raises(AssertionError, match="so this proves nothing"):
        getattr(extend_api, check)()


def test_effects_that_leave_no_trace_prove_nothing(extend_api):
    delivery = extend_api.webhook()
    extend_api.deliver(delivery, lambda body, headers: 200)
    extend_api.deliver(delivery, lambda body, headers: 200)
    with pytest.raises(AssertionError, match="sent nothing to the API about the event's run"):
        extend_api.assert_webhook_handled_once()


def test_redelivery_backs_off_in_virtual_time_and_signs_anew(extend_api, client):
    tries = []

    def receive(body, headers):
        client.webhooks.verify_and_parse(body, headers, extend_api.webhook_secret)
        tries.append((extend_api.clock.elapsed, headers["x-extend-request-timestamp"]))
        return 200 if len(tries) == 4 else 503

    delivery = extend_api.webhook()
    answers = extend_api.deliver(delivery, receive, first_wait=100)
    assert [round(moment, 3) for moment, _ in tries] == [0, 100, 300, 700]
    assert len({stamp for _, stamp in tries}) == 4
    assert [answer.status for answer in answers] == [503, 503, 503, 200]
    assert {answer.delivery.event_id for answer in answers} == {delivery.event_id}
    extend_api.assert_webhook_accepted()


def test_redelivery_ends(extend_api):
    answers = extend_api.deliver(extend_api.webhook(), lambda body, headers: 500)
    assert len(answers) == 5
    assert extend_api.clock.elapsed == pytest.approx(5 + 10 + 20 + 40)
    with pytest.raises(AssertionError, match="it answered 500"):
        extend_api.assert_webhook_accepted()


def test_an_answer_after_30_seconds_is_too_late(extend_api):
    answers = extend_api.deliver(
        extend_api.webhook(), lambda body, headers: time.sleep(31), tries=1
    )
    assert not answers[0].taken
    with pytest.raises(AssertionError, match=r"it answered 200 after 31\.000 s"):
        extend_api.assert_webhook_accepted()


# What is on the wire


def _app(handle):
    """A bare ASGI app: the answer, and what it does when that is out."""

    async def app(scope, receive, send):
        status, after = await handle((await receive())["body"])
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        await after()

    return app


def test_an_exception_after_the_answer_changes_nothing_for_the_sender(extend_api):
    async def fail():
        raise RuntimeError("the database is down")

    async def handle(body):
        return 204, fail

    [answer] = extend_api.deliver(extend_api.webhook("CORRUPT_FILE"), _app(handle))
    assert (answer.status, answer.taken) == (204, True)
    assert answer.raised == "RuntimeError: the database is down"
    assert "204 and raised RuntimeError: the database is down" in extend_api.timeline()
    extend_api.assert_webhook_accepted()


def test_a_wsgi_app_may_break_after_its_answer(extend_api):
    class Body(list):
        def close(self):
            raise RuntimeError("too late to matter")

    def app(environ, start_response):
        start_response("202 Accepted", [])
        return Body([b""])

    [answer] = extend_api.deliver(extend_api.webhook(), app)
    assert (answer.status, answer.raised) == (202, "RuntimeError: too late to matter")


def test_an_answer_that_was_only_begun_is_none(extend_api):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        raise KeyError("x")

    answers = extend_api.deliver(extend_api.webhook(), app, tries=2)
    assert [(answer.status, answer.raised) for answer in answers] == [(None, "KeyError: 'x'")] * 2


def test_an_app_that_sends_nothing_has_not_answered(extend_api):
    async def app(scope, receive, send):
        await receive()

    [answer] = extend_api.deliver(extend_api.webhook(), app, tries=1)
    assert answer.status is None
    with pytest.raises(AssertionError, match="it raised no exception, and sent no whole answer"):
        extend_api.assert_webhook_accepted()


def test_the_time_of_an_answer_is_that_of_its_last_byte(extend_api):
    done = []

    async def work():
        await asyncio.sleep(100)
        done.append(extend_api.clock.elapsed)

    async def handle(body):
        await asyncio.sleep(3)
        return 204, work

    [answer] = extend_api.deliver(extend_api.webhook(), _app(handle))
    assert (answer.started, answer.ended, done) == (0, 3, [103])


def test_tasks_that_a_receiver_started_come_to_their_ends(extend_api):
    done, tasks = [], []

    async def work():
        await asyncio.sleep(60)
        done.append(extend_api.clock.elapsed)

    async def receive(body, headers):
        tasks.append(asyncio.create_task(work()))
        return 204

    extend_api.deliver(extend_api.webhook(), receive)
    assert done == [60]


def test_an_app_is_told_that_the_sender_has_gone(extend_api):
    messages = []

    async def app(scope, receive, send):
        await receive()
        messages.append((await receive())["type"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    answers = extend_api.deliver(extend_api.webhook(), app, tries=1)
    assert messages == ["http.disconnect"]
    assert (answers[0].ended, answers[0].late) == (30, False)


OVERLAPPING = ["function", "function on a loop", "wsgi", "coroutine", "asgi", "asgi on a loop"]


@pytest.mark.parametrize("kind", OVERLAPPING)
def test_a_redelivery_meets_the_first_one_still_at_work(extend_api, kind):
    starts, ends = [], []

    def function(body, headers):
        starts.append(extend_api.clock.elapsed)
        time.sleep(40)
        ends.append(extend_api.clock.elapsed)
        return 204

    async def coroutine(body, headers):
        starts.append(extend_api.clock.elapsed)
        await asyncio.sleep(40)
        ends.append(extend_api.clock.elapsed)
        return 204

    async def handle(body):
        return await coroutine(body, {}), _nothing

    targets = {"function": function, "wsgi": _wsgi(function), "coroutine": coroutine}
    target = targets.get(kind.partition(" ")[0], _app(handle))
    delivery = extend_api.webhook("OCR_ERROR")
    if kind.endswith("on a loop"):
        answers = asyncio.run(extend_api.deliver_async(delivery, target))
    else:
        answers = extend_api.deliver(delivery, target)
    # The sender waits for 30 s, and then 5, 10, 20 and 40 s before it tries again.
    assert starts == [0, 35, 75, 125, 195]
    assert sorted(ends) == [40, 75, 115, 165, 235]
    assert [(answer.status, answer.late) for answer in answers] == [(204, True)] * 5
    with pytest.raises(AssertionError, match=r"it answered 204 after 40\.000 s \(5 deliveries\)"):
        extend_api.assert_webhook_accepted()


async def _nothing():
    pass


def test_a_receiver_that_is_slow_once_is_asked_again_meanwhile(extend_api):
    starts = []

    def receive(body, headers):
        starts.append(extend_api.clock.elapsed)
        time.sleep(100 if len(starts) == 1 else 0)

    answers = extend_api.deliver(extend_api.webhook(), receive)
    assert (starts, extend_api.clock.elapsed) == ([0, 35], 100)
    assert [answer.taken for answer in answers] == [False, True]


def test_an_answer_in_the_last_moment_is_in_time(extend_api):
    answers = extend_api.deliver(extend_api.webhook(), lambda body, headers: time.sleep(30))
    assert [answer.taken for answer in answers] == [True]


def test_the_receiver_runs_in_the_thread_of_its_test(extend_api):
    """Connections of databases often belong to one thread."""
    found = []

    def receive(body, headers):
        found.append(threading.get_ident())
        return 500 if len(found) < 3 else 204

    extend_api.deliver(extend_api.webhook(), receive)
    assert found == [threading.get_ident()] * 3


def test_what_stops_the_test_in_a_redelivery_stops_it(extend_api):
    started = []

    def receive(body, headers):
        started.append(1)
        if len(started) == 2:
            raise KeyboardInterrupt
        time.sleep(50)

    with pytest.raises(KeyboardInterrupt):
        extend_api.deliver(extend_api.webhook(), receive)


DUMPS = [
    {},
    {"separators": (",", ":")},
    {"separators": (", ", ":")},
    {"separators": (",", ": ")},
    {"indent": 2},
    {"indent": 4},
    {"indent": "\t"},
]


@pytest.mark.parametrize(
    "arguments", [{}, {"error": "OCR_ERROR"}, {"metadata": {"name": "Müller"}}]
)
@pytest.mark.parametrize("keys", ["as sent", "sorted"])
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("how", DUMPS, ids=str)
def test_no_serialiser_writes_a_body_as_it_was_sent(extend_api, arguments, keys, ascii_only, how):
    body = extend_api.webhook(**arguments).body
    more = {"sort_keys": keys == "sorted", "ensure_ascii": ascii_only}
    again = json.dumps(json.loads(body), **how, **more).encode()
    assert again != body
    assert again + b"\n" != body
    assert again.replace(b"/", b"\\/") != body


def test_letters_are_sent_unescaped(extend_api):
    body = extend_api.webhook(metadata={"name": "Müller"}).body
    assert "Müller".encode() in body


def _wsgi(receive):
    def app(environ, start_response):
        body = environ["wsgi.input"].read()
        headers = {
            key[5:].lower().replace("_", "-"): value
            for key, value in environ.items()
            if key.startswith("HTTP_")
        }
        start_response(f"{receive(body, headers)} Any", [])
        return [b""]

    return app


def _asgi(receive):
    async def app(scope, read, send):
        message = await read()
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        await asyncio.sleep(2)
        status = receive(message["body"], headers) if scope["path"] == "/hook" else 404
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


@pytest.mark.parametrize("make", [_wsgi, _asgi], ids=["wsgi", "asgi"])
def test_apps_receive_in_process(extend_api, careful, make):
    delivery = extend_api.webhook("OCR_ERROR")
    [answer] = extend_api.deliver(delivery, make(careful), path="/hook?x=1")
    assert answer.status == 204
    assert extend_api.attempts[-1].run_id == delivery.run_id


def test_apps_and_coroutines_receive_on_a_running_loop(extend_api, careful):
    async def receive(body, headers):
        return careful(body, headers)

    async def go():
        delivery = extend_api.webhook()
        with pytest.raises(UsageError, match=r"await api\.deliver_async"):
            extend_api.deliver(delivery, receive)
        first = await extend_api.deliver_async(delivery, receive)
        second = await extend_api.deliver_async(delivery, _asgi(careful), path="/hook")
        return [answer.status for answer in (*first, *second)]

    assert asyncio.run(go()) == [204, 200]
    extend_api.assert_webhook_handled_once()


def test_an_app_that_crashes_has_not_rejected(extend_api):
    async def app(scope, receive, send):
        raise KeyError("signature")

    extend_api.deliver(extend_api.webhook(wrong="missing_signature"), app)
    with pytest.raises(AssertionError, match="it raised KeyError"):
        extend_api.assert_webhook_rejected()


def test_a_url_receives(extend_api):
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        delivery = extend_api.webhook()
        [answer] = extend_api.deliver(delivery, f"http://127.0.0.1:{server.server_port}/hook")
        thread.join()
    assert (answer.status, received) == (202, [delivery.body])


def test_runs_deliver_their_webhooks_by_themselves_to_a_waiting_thread(extend_api, client):
    extend_api.fail_run("OCR_ERROR", polls=30)
    arrived = threading.Event()
    events = []

    def receive(body, headers):
        events.append(client.webhooks.verify_and_parse(body, headers, extend_api.webhook_secret))
        arrived.set()

    extend_api.deliver_webhooks_to(receive)
    run = client.parse_runs.create(file={"url": URL})
    assert arrived.wait(60)
    assert [event.payload.id for event in events] == [run.id]
    assert events[0].payload.failure_reason == "OCR_ERROR"
    assert extend_api.clock.elapsed == pytest.approx(30)


def test_runs_deliver_their_webhooks_by_themselves_on_the_consumers_loop(extend_api, client):
    extend_api.runs_take(seconds=45)

    async def go():
        loop = asyncio.get_running_loop()
        arrived = loop.create_future()

        async def receive(body, headers):
            assert asyncio.get_running_loop() is loop
            arrived.set_result(json.loads(body)["payload"]["id"])

        extend_api.deliver_webhooks_to(receive)
        headers = {"authorization": "Bearer key"}
        async with httpx.AsyncClient(headers=headers) as consumer:
            url = extend_api.base_url + "/parse_runs"
            made = (await consumer.post(url, json={"file": {"url": URL}})).json()["id"]
        async with asyncio.timeout(60):
            return made, await arrived

    made, told = asyncio.run(go())
    assert made == told
    assert extend_api.clock.elapsed == pytest.approx(45)


def test_a_batch_delivers_one_event(extend_api, client):
    extend_api.runs_take(seconds=5)
    arrived = threading.Event()
    types = []

    def receive(body, headers):
        types.append(json.loads(body)["eventType"])
        arrived.set()

    extend_api.deliver_webhooks_to(receive)
    client.parse_runs.create_batch(inputs=[{"file": {"url": URL}}] * 3)
    assert arrived.wait(60)
    assert types == ["batch_parse_run.processed"]


def test_the_secret_is_a_credential(extend_api, client):
    client.parse_runs.list()
    extend_api.assert_credential_not_logged()
    logging.getLogger("app").warning("secret is %s", extend_api.webhook_secret)
    with pytest.raises(AssertionError, match=r"no credential appears .*"):
        extend_api.assert_credential_not_logged()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"wrong": "bad_signatur"}, "did you mean 'bad_signature'"),
        ({"error": "OCR_EROR"}, "did you mean 'OCR_ERROR'"),
        ({"error": "maestro_error"}, "documented by nutrient, not by extend: use nutrient_api"),
        ({"run": "pr_x"}, "unknown run 'pr_x'"),
        ({"message": "x"}, "message belongs to an error"),
        ({"metadata": [("a", 1)]}, "metadata is a dict, not list"),
        ({"metadata": {"a": {1}}}, "metadata must be JSON: .* set is not JSON"),
        ({"metadata": {"a": float("nan")}}, "metadata must be JSON: "),
    ],
)
def test_mistakes_raise_at_once(extend_api, arguments, message):
    with pytest.raises(UsageError, match=message):
        extend_api.webhook(**arguments)
    assert extend_api.runs == []


def test_half_of_a_surrogate_pair_is_sent_as_its_escape(extend_api):
    delivery = extend_api.webhook("OCR_ERROR", message="\ud800", metadata={"\ud800": "\udfff"})
    assert rb'"\ud800":"\udfff"' in delivery.body
    payload = json.loads(delivery.body)["payload"]
    assert payload["metadata"] == {"\ud800": "\udfff"}


def test_no_event_tells_of_a_cancelled_run(extend_api, client):
    run = client.parse_runs.create(file={"url": URL})
    client.parse_runs.cancel(run.id)
    with pytest.raises(UsageError, match="no event is documented for a run in status CANCELLED"):
        extend_api.webhook(run=run.id)


def test_an_event_cannot_contradict_its_run(extend_api, client):
    client.parse_runs.create_and_poll(file={"url": URL})
    with pytest.raises(UsageError, match="has ended PROCESSED"):
        extend_api.webhook("OCR_ERROR", run=extend_api.runs[0])


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), True, "5", None])
def test_a_first_wait_is_a_number_of_seconds(extend_api, value):
    delivery = extend_api.webhook()
    with pytest.raises(UsageError) as mistake:
        extend_api.deliver(delivery, lambda _body, _headers: 204, first_wait=value)
    assert str(mistake.value) == f"first_wait must be seconds >= 0, not {value!r}"


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "5", None])
def test_tries_are_counted(extend_api, value):
    delivery = extend_api.webhook()
    with pytest.raises(UsageError) as mistake:
        extend_api.deliver(delivery, lambda _body, _headers: 204, tries=value)
    assert str(mistake.value) == f"tries must be an integer >= 1, not {value!r}"


def test_a_wsgi_app_may_name_its_arguments_as_it_likes(extend_api):
    seen = []

    def short(env, start):
        seen.append(env["wsgi.input"].read())
        start("204 No Content", [])
        return []

    def long(environment, begin):
        return short(environment, begin)

    def other(request, start_fn):
        return short(request, start_fn)

    delivery = extend_api.webhook()
    for app in (short, long, other):
        [answer] = extend_api.deliver(delivery, app)
        assert answer.status == 204
    assert seen == [delivery.body] * 3


@pytest.mark.parametrize("target", ["ftp://x", 7])
def test_wrong_targets(extend_api, target):
    with pytest.raises(UsageError, match="a webhook goes to a URL, an app or a function"):
        extend_api.deliver(extend_api.webhook(), target)
