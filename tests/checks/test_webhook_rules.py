"""The rules for receivers of webhooks, and which runs count for a consumer of webhooks."""

from __future__ import annotations

import json
import logging
import time

import httpx
import pytest

from pytest_parseapi import ALWAYS

URL = "https://files.example.com/invoice.pdf"
LOG = logging.getLogger("app")


class Receiver:
    """A receiver by hand, whose mistakes are arguments."""

    def __init__(self, api, *, verifies=True, logs=True, once=True, takes=0.0, act="look"):
        self.api = api
        self.verifies = verifies
        self.logs = logs
        self.once = once
        self.takes = takes
        self.act = act
        self.seen = set()

    def __call__(self, body, headers):
        if self.verifies:
            webhooks = self.api.provider.webhooks.signing
            stamp = headers.get(webhooks.timestamp_header, "0")
            right = webhooks.signature(int(stamp), body)
            if right != headers.get(webhooks.signature_header):
                return 401
        event = json.loads(body)
        if self.once and event["eventId"] in self.seen:
            return 204
        self.seen.add(event["eventId"])
        time.sleep(self.takes)
        payload = event["payload"]
        if self.logs and payload["status"] == "FAILED":
            LOG.error("run %s failed: %s", payload["id"], payload["failureReason"])
        if self.act == "look":
            self.ask("GET", f"/parse_runs/{payload['id']}")
        elif self.act == "submit":
            self.ask("POST", "/parse_runs", json={"file": {"url": URL}})
        return 204

    def ask(self, method, path, **more):
        headers = {"authorization": f"Bearer {self.api.api_key}"}
        url = self.api.base_url + path
        return httpx.request(method, url, headers=headers, timeout=5, **more).json()


def problems(api):
    try:
        api.assert_follows_documentation()
    except AssertionError as error:
        return [finding.kind for finding in error.__dict__["parseapi_findings"]]
    return []


@pytest.mark.parametrize("error", [None, "OCR_ERROR", "CORRUPT_FILE"])
@pytest.mark.parametrize("act", ["look", "nothing"])
def test_a_right_receiver_follows_the_documentation(extend_api, error, act):
    delivery = extend_api.webhook(error)
    receiver = Receiver(extend_api, act=act)
    extend_api.deliver(delivery, receiver)
    extend_api.deliver(delivery, receiver)
    extend_api.assert_follows_documentation()


@pytest.mark.parametrize(
    ("mistake", "kinds"),
    [
        ({"logs": False}, ["run_failure"]),
        ({"once": False}, ["webhook_handled_once"]),
        ({"once": False, "act": "submit"}, ["webhook_handled_once"]),
        ({"takes": 31}, ["webhook_accepted"]),
    ],
)
def test_each_mistake_with_a_right_delivery_is_found(extend_api, mistake, kinds):
    delivery = extend_api.webhook("OCR_ERROR", document=URL)
    receiver = Receiver(extend_api, **mistake)
    extend_api.deliver(delivery, receiver)
    extend_api.deliver(delivery, receiver)
    assert problems(extend_api) == kinds


@pytest.mark.parametrize("act", ["look", "submit", "nothing"])
@pytest.mark.parametrize("verifies", [True, False])
def test_a_forged_delivery(extend_api, verifies, act):
    receiver = Receiver(extend_api, verifies=verifies, act=act)
    extend_api.deliver(extend_api.webhook("CORRUPT_FILE", wrong="bad_signature"), receiver)
    assert problems(extend_api) == ([] if verifies else ["webhook_rejected"])


def test_a_forged_delivery_and_then_the_right_one(extend_api):
    """What follows the right one is no effect of the forged one."""
    receiver = Receiver(extend_api)
    forged = extend_api.webhook("CORRUPT_FILE", wrong="bad_signature")
    extend_api.deliver(forged, receiver)
    extend_api.deliver(extend_api.webhook(run=forged.run_id), receiver)
    extend_api.assert_webhook_rejected()
    extend_api.assert_follows_documentation()


def test_polls_of_an_own_run_are_no_effect_of_a_forged_delivery(extend_api):
    receiver = Receiver(extend_api)
    extend_api.runs_take(polls=0)
    run = receiver.ask("POST", "/parse_runs", json={"file": {"url": URL}})
    extend_api.deliver(extend_api.webhook(run=run["id"], wrong="bad_signature"), receiver)
    receiver.ask("GET", f"/parse_runs/{run['id']}")
    extend_api.assert_webhook_rejected()


def test_a_receiver_that_failed_has_to_fetch_the_run_again(extend_api):
    receiver = Receiver(extend_api, once=False)
    broke = []

    def receive(body, headers):
        receiver(body, headers)
        broke.append(1)
        return 500 if len(broke) == 1 else 204

    extend_api.deliver(extend_api.webhook("CORRUPT_FILE"), receive)
    extend_api.assert_follows_documentation()


def test_a_receiver_that_failed_must_not_submit_again(extend_api):
    receiver = Receiver(extend_api, once=False, act="submit")
    broke = []

    def receive(body, headers):
        receiver(body, headers)
        broke.append(1)
        return 500 if len(broke) == 1 else 204

    extend_api.deliver(extend_api.webhook("OCR_ERROR", document=URL), receive)
    assert problems(extend_api) == ["webhook_handled_once"]


@pytest.mark.parametrize("reasons", [("CORRUPT_FILE", None), ("OCR_ERROR",), ("OCR_ERROR",) * 2])
def test_a_run_that_the_test_made_is_not_the_consumers(extend_api, reasons):
    receiver = Receiver(extend_api)
    for reason in reasons:
        delivery = extend_api.webhook(reason)
        receiver(delivery.body, delivery.headers)
    extend_api.assert_follows_documentation()
    with pytest.raises(AssertionError, match="0 new runs after"):
        extend_api.assert_resubmitted()


def test_a_resubmission_after_a_webhook_is_the_consumers(extend_api):
    receiver = Receiver(extend_api, act="submit")
    extend_api.deliver(extend_api.webhook("OCR_ERROR", document=URL), receiver)
    extend_api.assert_resubmitted(times=1)
    extend_api.assert_follows_documentation()


def test_an_answer_of_404_is_reported(extend_api):
    delivery = extend_api.webhook("CORRUPT_FILE")
    extend_api.deliver(delivery, lambda body, headers: 404, tries=2)
    with pytest.raises(AssertionError) as caught:
        extend_api.assert_webhook_accepted()
    event, run = delivery.event_id, delivery.run_id
    assert str(caught.value) == (
        "rule broken: a good webhook delivery is answered with a 2xx in time\n"
        f"  operation  parse_run.failed {event}  {delivery.document}\n"
        "  expected   a 2xx within 30 s\n"
        "  seen       it answered 404 (2 deliveries)\n"
        "  nearest    404: the app may serve another path, which deliver(..., path=...) names\n"
        "  next       Extend: Answer a delivery with any 2xx within 30 seconds, and drop repeats "
        "by eventId. (docs.extend.ai/webhooks/best-practices)\n"
        "\n"
        "timeline of Extend (virtual seconds)\n"
        "       at  request                   document      reply  requestId\n"
        f"    0.000  webhook parse_run.failed  document.pdf  404    {event}\n"
        f"    5.000  webhook parse_run.failed  document.pdf  404    {event}"
    )
    with pytest.raises(
        AssertionError, match=f"{run} and CORRUPT_FILE\n  seen       nothing logged"
    ):
        extend_api.assert_run_failure_logged()


@pytest.mark.parametrize("status", [401, 403])
def test_a_good_delivery_that_is_refused_may_be_verified_with_another_secret(extend_api, status):
    extend_api.deliver(extend_api.webhook(), lambda _body, _headers: status, tries=1)
    with pytest.raises(AssertionError) as caught:
        extend_api.assert_webhook_accepted()
    (line,) = [text for text in str(caught.value).splitlines() if "nearest" in text]
    assert line == (
        f"  nearest    {status}: the receiver may verify with another secret than webhook_secret, "
        "or another body than the raw one"
    )


def test_no_check_requires_anything_about_the_run_of_a_lost_submission(extend_api):
    """Its id never reached the consumer."""
    receiver = Receiver(extend_api)
    extend_api.fail("read_timeout", endpoint="/parse_runs")
    extend_api.fail_run("CORRUPT_FILE", times=2, polls=0)
    extend_api.runs_take(seconds=1)
    with pytest.raises(httpx.ReadTimeout):
        receiver.ask("POST", "/parse_runs", json={"file": {"url": URL}})
    time.sleep(10)
    run = receiver.ask("POST", "/parse_runs", json={"file": {"url": URL}})
    run = receiver.ask("GET", f"/parse_runs/{run['id']}")
    LOG.error("%s: %s", run["id"], run["failureReason"])
    assert [item.id == run["id"] for item in extend_api.runs] == [False, True]
    extend_api.assert_run_failure_logged()
    extend_api.assert_follows_documentation()


@pytest.mark.parametrize(
    ("wrong", "asked", "nearest"),
    [
        (None, "assert_webhook_rejected", "are good ones, which assert_webhook_accepted() judges"),
        (
            "unknown_event_type",
            "assert_webhook_rejected",
            "unknown_event_type is no wrong delivery: a receiver answers it with a 2xx, which "
            "assert_webhook_accepted() asks",
        ),
        (
            "too_old",
            "assert_webhook_accepted",
            "are wrong ones, which assert_webhook_rejected() judges",
        ),
    ],
)
def test_the_message_names_the_right_check(extend_api, wrong, asked, nearest):
    extend_api.deliver(extend_api.webhook("OCR_ERROR", wrong=wrong), lambda _body, _headers: 204)

    with pytest.raises(AssertionError, match="nothing to check") as caught:
        getattr(extend_api, asked)()

    (line,) = [text for text in str(caught.value).splitlines() if "nearest" in text]
    assert line.endswith(nearest)


def test_without_a_delivery_no_other_check_is_named(extend_api):
    for check in (extend_api.assert_webhook_rejected, extend_api.assert_webhook_accepted):
        with pytest.raises(AssertionError, match="nothing to check") as caught:
            check()
        assert "nearest" not in str(caught.value)


@pytest.mark.parametrize(
    ("tries", "found"),
    [(1, []), (2, ["final_error", "poll_interval"])],
)
def test_a_request_because_of_a_redelivery_is_no_retry(extend_api, tries, found):
    """A receiver that cannot look rejects the delivery, and looks again for the next one."""
    extend_api.fail("FORBIDDEN", times=2 * tries)

    def receive(_body, _headers):
        for _ in range(tries):
            reply = httpx.get(
                f"{extend_api.base_url}/parse_runs/{delivery.run_id}",
                headers={"authorization": f"Bearer {extend_api.api_key}"},
                timeout=5,
            )
            LOG.error("%s", reply.text)
        return 204 if reply.status_code == 200 else 503

    delivery = extend_api.webhook()
    answers = extend_api.deliver(delivery, receive)

    assert [answer.status for answer in answers] == [503, 503, 204]
    kinds = problems(extend_api)
    assert [kind for kind in kinds if kind != "poll_after_end"] == found


class Queued:
    """Answers at once; a worker looks at the runs later, in the order of the deliveries."""

    def __init__(self, api, *, once, pause=0.0):
        self.receiver = Receiver(api, once=once)
        self.pause = pause
        self.taken = []

    def __call__(self, body, headers):
        self.taken.append((body, headers))
        return 202

    def work(self):
        for body, headers in self.taken:
            self.receiver(body, headers)
            time.sleep(self.pause)


@pytest.mark.parametrize("pause", [0, 1])
@pytest.mark.parametrize(("once", "kinds"), [(True, []), (False, ["webhook_handled_once"])])
def test_a_worker_that_fetches_runs_after_all_deliveries(extend_api, once, kinds, pause):
    """As if it had looked between them."""
    queued = Queued(extend_api, once=once, pause=pause)
    delivery = extend_api.webhook("OCR_ERROR")
    extend_api.deliver(delivery, queued)
    extend_api.deliver(delivery, queued)
    queued.work()
    assert problems(extend_api) == kinds


@pytest.mark.parametrize("pause", [0, 1])
def test_a_worker_fetches_the_run_once_for_each_event(extend_api, pause):
    queued = Queued(extend_api, once=True, pause=pause)
    first = extend_api.webhook("OCR_ERROR")
    for delivery in (first, first, extend_api.webhook(run=first.run_id)):
        extend_api.deliver(delivery, queued)
    queued.work()
    assert len(extend_api.attempts) == 2
    assert problems(extend_api) == []


def test_a_worker_that_polls_after_the_end_is_found(extend_api):
    queued = Queued(extend_api, once=True)
    extend_api.deliver(extend_api.webhook("OCR_ERROR"), queued)
    queued.work()
    run_id = extend_api.runs[0].id
    time.sleep(1)
    queued.receiver.ask("GET", f"/parse_runs/{run_id}")
    assert problems(extend_api) == ["poll_after_end"]


def test_a_failed_receiver_that_polls_after_the_end_is_found(extend_api):
    receiver = Receiver(extend_api)
    broke = []

    def receive(body, headers):
        broke.append(1)
        if len(broke) == 1:
            return 500
        answer = receiver(body, headers)
        receiver.ask("GET", f"/parse_runs/{extend_api.runs[0].id}")
        return answer

    extend_api.deliver(extend_api.webhook("OCR_ERROR"), receive)
    assert problems(extend_api) == ["poll_after_end"]


@pytest.mark.parametrize(("later", "kinds"), [(0.0, []), (5.0, ["poll_after_end"])])
def test_a_poll_just_before_the_webhook_is_allowed(extend_api, later, kinds):
    """Who polls as well as it listens sees the end at the same moment; later it knows."""
    queued = Queued(extend_api, once=True)
    receiver = queued.receiver
    run = receiver.ask("POST", "/parse_runs", json={"file": {"url": URL}})["id"]
    receiver.ask("GET", f"/parse_runs/{run}")
    time.sleep(5)
    extend_api.deliver(extend_api.webhook(run=run), queued)
    receiver.ask("GET", f"/parse_runs/{run}")
    time.sleep(later)
    queued.work()
    assert problems(extend_api) == kinds


@pytest.mark.parametrize(
    ("once", "kinds"),
    [(True, ["webhook_accepted"]), (False, ["webhook_handled_once", "webhook_accepted"])],
)
@pytest.mark.parametrize("takes", [31, 45, 100])
def test_a_receiver_that_is_delivered_to_again_while_it_is_at_work(extend_api, takes, once, kinds):
    receiver = Receiver(extend_api, once=once, takes=takes)
    extend_api.deliver(extend_api.webhook("CORRUPT_FILE"), receiver)
    assert sorted(problems(extend_api)) == sorted(kinds)


@pytest.mark.parametrize("busy", [204, 409, 503])
def test_a_receiver_that_rejects_an_event_that_it_works_on(extend_api, busy):
    receiver = Receiver(extend_api)
    at_work = []

    def receive(body, headers):
        if at_work:
            return busy if at_work[-1] else 204
        at_work.append(True)
        time.sleep(40)
        answer = receiver(body, headers)
        at_work.append(False)
        return answer

    extend_api.deliver(extend_api.webhook("CORRUPT_FILE"), receive)
    assert problems(extend_api) == ["webhook_accepted"]


@pytest.mark.parametrize("breaks", [True, False])
def test_the_polling_check_allows_a_failed_receiver_to_fetch_again(extend_api, breaks):
    receiver = Receiver(extend_api, once=False)
    answers = iter([500 if breaks else 204, 204])

    def receive(body, headers):
        receiver(body, headers)
        return next(answers)

    delivery = extend_api.webhook("CORRUPT_FILE")
    extend_api.deliver(delivery, receive)
    if breaks:
        extend_api.assert_webhook_handled_once()
    else:
        extend_api.deliver(delivery, receive)
        with pytest.raises(AssertionError, match=f"2: GET /parse_runs/{delivery.run_id}"):
            extend_api.assert_webhook_handled_once()


class Fragile(Receiver):
    """Answers 503 where the API does, and breaks when it is told to."""

    def __init__(self, api, *, marks_first, tries=1):
        super().__init__(api)
        self.marks_first = marks_first
        self.tries = tries
        self.breaks = False

    def __call__(self, body, headers):
        event = json.loads(body)
        if event["eventId"] in self.seen:
            return 204
        if self.marks_first:
            self.seen.add(event["eventId"])
        if self.breaks:
            self.breaks = False
            raise OSError("no database")
        for attempt in range(self.tries):
            found = self.ask("GET", f"/parse_runs/{event['payload']['id']}")
            if "code" not in found:
                self.seen.add(event["eventId"])
                return 204
            LOG.error("failed: %s", found["requestId"])
            if attempt + 1 < self.tries:
                time.sleep(2**attempt)
        return 503


LOST = (
    "rule broken: a webhook event that is delivered twice has one effect\n"
    "  operation  parse_run.processed {event}  {document}\n"
    "  expected   1 effect\n"
    "  seen       0: it {answered}, and answered a later delivery without asking the API\n"
    "  next       mark an event as seen when its work is done, not before; where it works without "
    "the API, count its effect: assert_webhook_handled_once(effects=callable)\n"
)


@pytest.mark.parametrize("marks_first", [True, False])
@pytest.mark.parametrize("times", [2, 4])
def test_an_event_that_is_marked_before_its_work_failed_is_lost(extend_api, marks_first, times):
    extend_api.fail(
        "INTERNAL_ERROR", times=2 if marks_first else times, endpoint="/parse_runs/{id}"
    )
    delivery = extend_api.webhook()
    extend_api.deliver(delivery, Fragile(extend_api, marks_first=marks_first, tries=2))
    if not marks_first:
        extend_api.assert_follows_documentation()
        return
    lost = LOST.format(event=delivery.event_id, document=delivery.document, answered="answered 503")
    for check in (extend_api.assert_follows_documentation, extend_api.assert_webhook_handled_once):
        with pytest.raises(AssertionError) as failure:
            check()
        assert str(failure.value).startswith(lost)


@pytest.mark.parametrize(
    ("error", "times", "tries"), [("NOT_FOUND", 1, 1), ("INTERNAL_ERROR", ALWAYS, 2)]
)
def test_an_event_that_could_not_be_acted_on_later_is_not_lost(extend_api, error, times, tries):
    extend_api.fail(error, times=times, endpoint="/parse_runs/{id}")
    extend_api.deliver(extend_api.webhook(), Fragile(extend_api, marks_first=True, tries=tries))
    extend_api.assert_follows_documentation()


@pytest.mark.parametrize("marks_first", [True, False])
@pytest.mark.parametrize("acted_before", [True, False])
def test_a_receiver_that_acts_on_other_events_has_to_act_on_this_one(
    extend_api, marks_first, acted_before
):
    receiver = Fragile(extend_api, marks_first=marks_first)
    if acted_before:
        extend_api.deliver(extend_api.webhook(document="other.pdf"), receiver)
    receiver.breaks = True
    delivery = extend_api.webhook(document="b.pdf")
    extend_api.deliver(delivery, receiver)
    if not (marks_first and acted_before):
        extend_api.assert_follows_documentation()  # nothing shows that it acts by asking the API
        return
    with pytest.raises(AssertionError) as failure:
        extend_api.assert_follows_documentation()
    assert str(failure.value).startswith(
        LOST.format(
            event=delivery.event_id, document="b.pdf", answered="raised OSError: no database"
        )
    )


def test_an_event_is_lost_also_where_no_reply_came(extend_api):
    extend_api.fail("connect_error", endpoint="/parse_runs/{id}")
    extend_api.deliver(extend_api.webhook(), Fragile(extend_api, marks_first=True))
    assert problems(extend_api) == ["webhook_handled_once"]


def test_events_of_another_type_do_not_matter(extend_api):
    receiver = Fragile(extend_api, marks_first=True)
    extend_api.deliver(extend_api.webhook("CORRUPT_FILE", document="other.pdf"), receiver)
    logging.getLogger("app").error("CORRUPT_FILE %s", extend_api.runs[0].id)
    receiver.breaks = True
    extend_api.deliver(extend_api.webhook(document="b.pdf"), receiver)
    extend_api.assert_follows_documentation()


@pytest.mark.parametrize("times", [2, 3])
def test_a_request_about_the_run_after_the_answer_is_an_effect(extend_api, times):
    receiver = Fragile(extend_api, marks_first=True, tries=2)
    extend_api.fail("INTERNAL_ERROR", times=times, endpoint="/parse_runs/{id}")
    delivery = extend_api.webhook()
    extend_api.deliver(delivery, receiver)
    time.sleep(4)
    assert ("code" in receiver.ask("GET", f"/parse_runs/{delivery.run_id}")) == (times == 3)
    assert "webhook_handled_once" not in problems(extend_api)


def test_work_before_the_receiver_failed_is_an_effect(extend_api):
    class BreaksAfterwards(Receiver):
        def __call__(self, body, headers):
            first = not self.seen
            status = super().__call__(body, headers)
            return 500 if first else status

    extend_api.deliver(extend_api.webhook(), BreaksAfterwards(extend_api))
    extend_api.assert_follows_documentation()
