"""The checks of runs: each documented reason, and each kind of mistake."""

from __future__ import annotations

import logging
import time

import httpx
import pytest

from pytest_parseapi.providers.extend import errors as extend_errors

URL = "https://files.example.com/invoice.pdf"
REASONS = [error for error in extend_errors.ERRORS if "run" in error.surfaces]
LOG = logging.getLogger("app")


class Consumer:
    """A consumer by hand, whose mistakes are arguments."""

    def __init__(
        self,
        api,
        *,
        log="run %s failed: %s",
        submissions=3,
        obeys=True,
        pause=1.0,
        backoff=2.0,
        surplus=0,
        body=None,
    ):
        self.client = httpx.Client(
            base_url=api.base_url, headers={"authorization": f"Bearer {api.api_key}"}
        )
        self.log = log
        self.submissions = submissions
        self.obeys = obeys
        self.pause = pause
        self.backoff = backoff
        self.surplus = surplus
        self.body = body or (lambda _number: {"file": {"url": URL}})

    def parse(self):
        run = {}
        for number in range(self.submissions):
            run = self.client.post("/parse_runs", json=self.body(number)).json()
            while run["status"] == "PROCESSING":
                run = self.client.get(f"/parse_runs/{run['id']}").json()
                if run["status"] == "PROCESSING":
                    time.sleep(self.pause)
            for _ in range(self.surplus):
                self.client.get(f"/parse_runs/{run['id']}")
            if run["status"] == "PROCESSED":
                return run
            if self.log:
                LOG.error(self.log, run["id"], run["failureReason"])
            retryable = run["failureReason"] in ("OCR_ERROR", "CHUNKING_ERROR", "INTERNAL_ERROR")
            if self.obeys and not retryable:
                break
            time.sleep(self.backoff * 2**number)
        return run


def test_a_good_consumer_follows_the_documentation(extend_api):
    for error in REASONS:
        extend_api.reset()
        extend_api.fail_run(error)
        Consumer(extend_api).parse()
        extend_api.assert_run_failure_logged(level="ERROR")
        extend_api.assert_polling_stopped()
        extend_api.assert_polled_politely()
        extend_api.assert_follows_documentation()


@pytest.mark.parametrize("error", REASONS, ids=lambda error: error.code)
def test_a_consumer_that_ignores_a_failure_is_found(extend_api, error):
    extend_api.fail_run(error)
    Consumer(extend_api, log=None, submissions=1).parse()
    with pytest.raises(AssertionError, match=f"and {error.code}\n  seen       nothing logged"):
        extend_api.assert_run_failure_logged()
    with pytest.raises(AssertionError) as caught:
        extend_api.assert_follows_documentation()
    assert "the id and the failureReason of each failed run are logged" in str(caught.value)
    assert (f"{error.code} is submitted again" in str(caught.value)) is error.retryable


@pytest.mark.parametrize("error", REASONS, ids=lambda error: error.code)
def test_each_reason_is_submitted_again_or_not(extend_api, error):
    extend_api.fail_run(error)
    Consumer(extend_api, obeys=False).parse()
    extend_api.assert_resubmitted(times=1)
    if error.retryable:
        extend_api.assert_follows_documentation()
    else:
        with pytest.raises(AssertionError, match=f"{error.code} is not submitted again") as found:
            extend_api.assert_follows_documentation()
        assert (
            "  next       Extend: Do not retry an error that is not retryable; branch on its code "
            "(a run's failureReason). (docs.extend.ai/api-reference/error-handling)\n"
        ) in str(found.value)


@pytest.mark.parametrize("obeys", [True, False])
def test_an_unknown_reason_may_be_submitted_again_or_not(extend_api, obeys):
    extend_api.fail_run("unknown_code")
    Consumer(extend_api, obeys=obeys).parse()
    extend_api.assert_follows_documentation()


def test_giving_up_after_submitting_again_is_fine(extend_api):
    extend_api.fail_run("OCR_ERROR", times=3)
    Consumer(extend_api).parse()
    extend_api.assert_resubmitted(times=2)
    extend_api.assert_follows_documentation()


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"log": "failed: %.0s%s"}, r"pr_\w+ not in 1 line"),
        ({"log": "run %s failed%.0s"}, "OCR_ERROR not in 1 line"),
        ({"submissions": 1}, "OCR_ERROR is submitted again"),
        ({"backoff": 0}, "a document is submitted again after a wait"),
        ({"pause": 0.4}, r"0\.400 s between attempts 2 and 3"),
        ({"surplus": 1}, "no run is polled again after its end"),
        (
            {"body": lambda number: {"file": {"url": URL}, "metadata": {"n": number}}},
            "a document is submitted again with the same payload",
        ),
    ],
)
def test_each_mistake_is_found(extend_api, mistake, message):
    extend_api.fail_run("OCR_ERROR", polls=2)
    Consumer(extend_api, **mistake).parse()
    with pytest.raises(AssertionError, match=message) as caught:
        extend_api.assert_follows_documentation()
    assert ("2 times in all" in str(caught.value)) is bool({"pause", "surplus"} & mistake.keys())


def test_another_payload_is_another_request(extend_api):
    extend_api.fail_run("PASSWORD_PROTECTED_FILE")

    def body(number):
        return {"file": {"url": URL, **({"settings": {"password": "x"}} if number else {})}}

    Consumer(extend_api, obeys=False, body=body).parse()
    extend_api.assert_resubmitted(times=1)
    extend_api.assert_follows_documentation()


def test_the_reason_of_another_run_does_not_count(extend_api):
    extend_api.fail_run("OCR_ERROR")
    extend_api.fail_run("CORRUPT_FILE")
    consumer = Consumer(extend_api, submissions=1, log=None)
    one, two = consumer.parse(), consumer.parse()
    LOG.error("%s failed: %s", one["id"], two["failureReason"])
    LOG.error("%s failed: %s", two["id"], one["failureReason"])
    with pytest.raises(AssertionError, match="1 rule broken, 2 times in all"):
        extend_api.assert_run_failure_logged()
    LOG.error("OCR_ERROR and CORRUPT_FILE, again")
    extend_api.assert_run_failure_logged()


def test_the_level_counts(extend_api):
    extend_api.fail_run("OCR_ERROR")
    run = Consumer(extend_api, log=None, submissions=1).parse()
    LOG.info("%s OCR_ERROR", run["id"])
    with pytest.raises(AssertionError, match="are logged at ERROR or above"):
        extend_api.assert_run_failure_logged(level="ERROR")
    extend_api.assert_run_failure_logged(text=f"{run['id']} OCR_ERROR")


def test_a_run_that_ends_unseen_is_a_failed_run(extend_api):
    extend_api.runs_take(seconds=5)
    extend_api.fail_run("OCR_ERROR", polls=0)
    consumer = Consumer(extend_api)
    run = consumer.client.post("/parse_runs", json={"file": {"url": URL}}).json()
    with pytest.raises(AssertionError, match="nobody polled to the end"):
        extend_api.assert_run_failure_logged()
    consumer.client.get(f"/parse_runs/{run['id']}")
    with pytest.raises(AssertionError, match=f"expected   {run['id']} and OCR_ERROR"):
        extend_api.assert_run_failure_logged()


def test_fetching_the_output_by_url_is_no_poll(extend_api):
    run = Consumer(extend_api).parse()
    consumer = Consumer(extend_api)
    consumer.client.get(f"/parse_runs/{run['id']}", params={"responseType": "url"})
    extend_api.assert_polling_stopped()
    consumer.client.get(f"/parse_runs/{run['id']}", params={"responseType": "url"})
    with pytest.raises(AssertionError, match="no run is polled again after its end"):
        extend_api.assert_polling_stopped()


def test_resubmission_is_judged_by_document(extend_api):
    extend_api.fail_run("OCR_ERROR", times=2)
    Consumer(extend_api, submissions=1).parse()
    other = "https://files.example.com/other.pdf"
    Consumer(extend_api, body=lambda _number: {"file": {"url": other}}).parse()
    extend_api.assert_resubmitted(times=1, document="other.pdf")
    extend_api.assert_resubmitted(times=0, document="invoice.pdf")
    with pytest.raises(AssertionError, match=r"pr_\w+  https://files.example.com/invoice.pdf"):
        extend_api.assert_resubmitted()


@pytest.mark.parametrize(
    ("check", "seen", "advice"),
    [
        ("assert_run_failure_logged", "no failed run is on record", "script a failing run, such"),
        ("assert_resubmitted", "no failed run is on record", "script a failing run, such as"),
        ("assert_polling_stopped", "no run was polled", "call a consumer that polls its runs"),
        (
            "assert_polled_politely",
            "no run was polled more than once",
            "call a consumer that polls",
        ),
        ("assert_follows_documentation", "no failed attempt is on record", "script a failure"),
    ],
)
def test_checks_with_nothing_to_check_fail(extend_api, check, seen, advice):
    Consumer(extend_api).client.get("/parse_runs")
    with pytest.raises(
        AssertionError, match=f"{seen}, so this proves nothing\n  next       {advice}"
    ):
        getattr(extend_api, check)()


def test_a_whole_message(extend_api):
    extend_api.fail_run("OCR_ERROR")
    Consumer(extend_api, log="job failed: %.0s%s", submissions=1).parse()
    run = extend_api.runs[0].id
    with pytest.raises(AssertionError) as caught:
        extend_api.assert_run_failure_logged()
    assert str(caught.value) == (
        "rule broken: the id and the failureReason of each failed run are logged\n"
        f"  operation  {run}  {URL}\n"
        f"  expected   {run} and OCR_ERROR\n"
        f"  seen       {run} not in 1 line of logs and output\n"
        "  nearest    logging: 'job failed: OCR_ERROR' has OCR_ERROR\n"
        "  next       Extend: Creating a run answers at once; fetch the run to learn how it ended, "
        "because a document that fails shows on the run and not as an HTTP error. "
        "(docs.extend.ai/parsing/error-handling)\n"
        "\n"
        "timeline of Extend (virtual seconds)\n"
        "    #     at  waited  request" + " " * 30 + "document     reply\n"
        "    1  0.000          POST /parse_runs" + " " * 21 + "invoice.pdf  200 PROCESSING\n"
        f"    2  0.000          GET /parse_runs/{run}  invoice.pdf  200 PROCESSING\n"
        f"    3  1.000   1.000  GET /parse_runs/{run}  invoice.pdf  200 FAILED OCR_ERROR"
    )


@pytest.mark.parametrize(("resets", "polite"), [(1, True), (2, False)])
def test_a_client_may_ask_again_at_once_where_a_kept_connection_was_closed(
    extend_api, resets, polite
):
    client = Consumer(extend_api).client
    run = client.post("/parse_runs", json={"file": {"url": URL}}).json()
    extend_api.fail("connection_reset", times=resets)
    for _ in range(resets):
        with pytest.raises(httpx.TransportError):
            client.get(f"/parse_runs/{run['id']}")
    client.get(f"/parse_runs/{run['id']}")
    if polite:
        extend_api.assert_polled_politely()
    else:
        with pytest.raises(AssertionError, match=r"0\.000 s between attempts 3 and 4"):
            extend_api.assert_polled_politely()


# A look at a list is a poll of each unfinished run that it shows


@pytest.mark.parametrize(
    ("pauses", "times"),
    [
        ([5], 1),
        ([5, 1], 2),  # a receiver and a poller have both seen the failure
        ([5, 60], 1),  # another order: the first new run had ended by then
    ],
)
def test_each_new_run_after_a_failed_one_counts(extend_api, client, pauses, times):
    extend_api.runs_take(seconds=30)
    extend_api.fail_run("OCR_ERROR", polls=0)
    for pause in [0, *pauses]:
        time.sleep(pause)
        (run_id,) = submit(client, "a.pdf")
        client.get(f"/parse_runs/{run_id}")
    for count in (1, 2):
        if count == times:
            extend_api.assert_resubmitted(times=count)
        else:
            text = f"seen       {times} new runs? after 1 failed"
            with pytest.raises(AssertionError, match=text):
                extend_api.assert_resubmitted(times=count)


@pytest.mark.parametrize(
    ("after", "pauses", "right"),
    [
        (1, [10, 10, 10, 10], True),  # a failed poll is no news: the next comes at its time
        (0, [10, 10, 10, 10], True),
        (1, [10, 20, 10, 30], True),
        (1, [10, 1, 1, 1], False),  # a loop of its own, which does not slow down
        (1, [10, 1, 2, 4], True),
        (1, [10, 0, 10, 10], False),
    ],
)
def test_failed_polls_may_be_repeated_at_the_usual_pace(extend_api, client, after, pauses, right):
    extend_api.runs_take(polls=9)
    extend_api.fail("INTERNAL_ERROR", times=3, after=after, endpoint="/parse_runs/{id}")
    (run_id,) = submit(client, "a.pdf")
    for pause in [10] * after + pauses:
        time.sleep(pause)
        LOG.warning(client.get(f"/parse_runs/{run_id}").text)
    if right:
        extend_api.assert_follows_documentation()
    else:
        with pytest.raises(AssertionError, match="retries wait with exponential backoff"):
            extend_api.assert_follows_documentation()


@pytest.fixture
def client(extend_api):
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    with httpx.Client(base_url=extend_api.base_url, headers=headers, timeout=5) as client:
        yield client


def submit(client, *names):
    return [
        client.post("/parse_runs", json={"file": {"url": f"https://x.example/{name}"}}).json()["id"]
        for name in names
    ]


@pytest.mark.parametrize(("pause", "polite"), [(0.4, False), (0.5, True)])
def test_lists_that_are_requested_too_fast_are_polls_that_are_too_close(
    extend_api, client, pause, polite
):
    extend_api.runs_take(polls=20)
    submit(client, "a.pdf", "b.pdf")
    for _ in range(5):
        client.get("/parse_runs")
        time.sleep(pause)
    assert [run.polls for run in extend_api.runs] == [5, 5]
    if polite:
        extend_api.assert_polled_politely()
        return
    with pytest.raises(AssertionError, match=r"0\.400 s between attempts 3 and 4") as failure:
        extend_api.assert_polled_politely()
    assert str(failure.value).startswith("rule broken: "), "told once for both runs"


def test_a_list_and_a_poll_of_one_run_come_one_after_the_other(extend_api, client):
    extend_api.runs_take(polls=20)
    run, _ = submit(client, "a.pdf", "b.pdf")
    client.get("/parse_runs")
    client.get(f"/parse_runs/{run}")
    assert [item.polls for item in extend_api.runs] == [2, 1]
    with pytest.raises(AssertionError, match=r"0\.000 s between attempts 3 and 4"):
        extend_api.assert_polled_politely()


def test_what_a_list_shows_as_ended_may_be_fetched_at_once(extend_api, client):
    extend_api.runs_take(polls=0)
    (run,) = submit(client, "a.pdf")
    client.get("/parse_runs")
    client.get(f"/parse_runs/{run}")
    extend_api.assert_polled_politely()
    extend_api.assert_polling_stopped()


def test_a_list_shows_runs_page_by_page(extend_api, client):
    extend_api.runs_take(polls=20)
    submit(client, "a.pdf", "b.pdf", "c.pdf")
    first = client.get("/parse_runs", params={"maxPageSize": 2}).json()
    assert [run.polls for run in extend_api.runs] == [0, 1, 1]
    token = first["nextPageToken"]
    client.get("/parse_runs", params={"maxPageSize": 2, "nextPageToken": token})
    assert [run.polls for run in extend_api.runs] == [1, 1, 1]


def test_a_request_for_a_batch_is_a_poll_of_its_runs(extend_api, client):
    extend_api.runs_take(polls=3)
    inputs = [{"file": {"url": f"https://x.example/{name}.pdf"}} for name in "ab"]
    batch = client.post("/parse_runs/batch", json={"inputs": inputs}).json()["id"]
    statuses = []
    for _ in range(4):
        statuses.append(client.get(f"/batch_runs/{batch}").json()["status"])
        time.sleep(1)
    assert statuses[-2:] == ["PROCESSING", "PROCESSED"]
    assert [run.polls for run in extend_api.runs] == [3, 3]
    extend_api.assert_polled_politely()


def test_the_wait_before_a_resubmission_counts_from_a_list_that_showed_the_failure(
    extend_api, client
):
    extend_api.fail_run("OCR_ERROR", polls=0)
    (run,) = submit(client, "a.pdf")
    client.get("/parse_runs")
    LOG.error("%s OCR_ERROR", run)
    submit(client, "a.pdf")
    with pytest.raises(AssertionError, match="submitted again after a wait"):
        extend_api.assert_follows_documentation()


@pytest.mark.parametrize(
    ("reason", "more", "cured"),
    [
        ("PASSWORD_PROTECTED_FILE", {"file": {"settings": {"password": "x"}}}, True),
        ("PASSWORD_PROTECTED_FILE", {"metadata": {"try": 2}}, False),
        ("CORRUPT_FILE", {"metadata": {"try": 2}}, False),
        ("CORRUPT_FILE", {"file": {"settings": {"password": "x"}}}, False),
    ],
)
def test_the_advice_for_a_final_reason_names_its_cure(extend_api, reason, more, cured):
    extend_api.fail_run(reason)

    def body(number):
        changed = more if number else {}
        file = {"url": URL, **changed.get("file", {})}
        return {**{key: value for key, value in changed.items() if key != "file"}, "file": file}

    Consumer(extend_api, obeys=False, body=body).parse()
    if cured:
        extend_api.assert_follows_documentation()
        return
    with pytest.raises(AssertionError, match=f"{reason} is not submitted again"):
        extend_api.assert_follows_documentation()


class TestPollsOfAList:
    """A consumer that polls all of its runs by one list."""

    def polled(self, api, gap, looks):
        headers = {"authorization": f"Bearer {api.api_key}"}
        with httpx.Client(base_url=api.base_url, headers=headers, timeout=5) as client:
            for name in "ab":
                file = {"url": f"https://files.example.com/{name}.pdf"}
                client.post("/parse_runs", json={"file": file})
            for _ in range(looks):
                api.clock.advance(gap)
                client.get("/parse_runs")

    @pytest.mark.parametrize("document", [None, "b.pdf"])
    def test_a_list_that_shows_the_end_ends_polling(self, extend_api, document):
        self.polled(extend_api, 1, looks=3)
        extend_api.assert_polling_stopped(document=document)
        extend_api.assert_polled_politely(document=document)

    @pytest.mark.parametrize("document", [None, "b.pdf"])
    def test_lists_that_are_too_close_are_found(self, extend_api, document):
        extend_api.runs_take(polls=5)
        self.polled(extend_api, 0.1, looks=3)
        with pytest.raises(AssertionError, match=r"0\.100 s between attempts 3 and 4"):
            extend_api.assert_polled_politely(document=document)

    def test_without_a_shown_end_there_is_nothing_to_check(self, extend_api):
        extend_api.runs_take(polls=5)
        self.polled(extend_api, 1, looks=3)
        with pytest.raises(AssertionError, match="no run was polled to its end"):
            extend_api.assert_polling_stopped()
