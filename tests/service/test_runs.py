"""The life of runs and batches, driven by the official client and by hand."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque

import httpx
import pytest
from extend_ai import AsyncExtend, Extend
from extend_ai.core.api_error import ApiError
from extend_ai.errors import BadRequestError, NotFoundError
from extend_ai.parse_runs import ParseRunsListResponse
from extend_ai.types import BatchRun, ParseRun

from pytest_parseapi import ALWAYS
from pytest_parseapi.model.faults import FAULTS
from pytest_parseapi.model.mistakes import SimulationStopped, UsageError
from pytest_parseapi.providers.extend import errors as extend_errors

URL = "https://files.example.com/invoice.pdf"
FILE = {"url": URL}
REASONS = [error for error in extend_errors.ERRORS if "run" in error.surfaces]


@pytest.fixture
def client(extend_api):
    return Extend(token=extend_api.api_key)


@pytest.fixture
def bodies(client):
    """The raw replies of the official client, to be parsed strictly."""
    seen = []
    client._client_wrapper.httpx_client.httpx_client.event_hooks["response"].append(
        lambda response: seen.append((response.read(), json.loads(response.content))[1])
    )
    return seen


def strict(model, body):
    """Parse as the model's own types demand; the client itself is lenient."""
    return model.model_validate(body)


def test_create_and_poll_takes_half_an_hour_in_virtual_time(extend_api, client):
    extend_api.runs_take(seconds=1800)
    run = client.parse_runs.create_and_poll(file=FILE)
    assert run.status == "PROCESSED"
    assert run.output.chunks[0].content == "# invoice.pdf"
    assert 1800 <= extend_api.clock.elapsed < 1840
    [on_record] = extend_api.runs
    assert (on_record.status, on_record.ended) == ("PROCESSED", 1800.0)
    assert on_record.polls == len(extend_api.attempts) - 2
    extend_api.assert_polling_stopped()
    extend_api.assert_polled_politely()


def test_create_and_poll_async(extend_api):
    extend_api.runs_take(polls=3)

    async def go():
        client = AsyncExtend(token=extend_api.api_key)
        return await client.parse_runs.create_and_poll(file=FILE)

    assert asyncio.run(go()).status == "PROCESSED"
    assert [attempt.run_status for attempt in extend_api.attempts] == [
        *["PROCESSING"] * 4,
        "PROCESSED",
    ]


def test_every_body_is_of_the_documented_type(extend_api, client, bodies):
    extend_api.fail_run("OCR_ERROR", document="bad.pdf", polls=0)
    made = client.parse_runs.create(file=FILE, metadata={"team": "red"})
    client.parse_runs.retrieve(made.id)
    client.parse_runs.retrieve(made.id)
    failing = client.parse_runs.create(file={"url": "https://files.example.com/bad.pdf"})
    client.parse_runs.retrieve(failing.id)
    stopped = client.parse_runs.create(file={"url": "https://files.example.com/c.pdf"})
    client.parse_runs.cancel(stopped.id)
    client.parse_runs.list()
    statuses = [strict(ParseRun, body).status.value for body in bodies[:-1]]
    assert statuses == [
        *("PROCESSING", "PROCESSING", "PROCESSED"),
        *("PROCESSING", "FAILED", "PROCESSING", "CANCELLED"),
    ]
    assert bodies[0]["metadata"] == {"team": "red"}
    failed = {key: bodies[4][key] for key in ("failureReason", "failureMessage")}
    assert failed == {
        "failureReason": "OCR_ERROR",
        "failureMessage": "Text recognition failed on this document.",
    }
    listed = strict(ParseRunsListResponse, bodies[-1])
    assert [run.id for run in listed.data] == [stopped.id, failing.id, made.id]
    assert {"config", "output"}.isdisjoint(bodies[-1]["data"][0])


def test_ids_have_the_documented_prefixes(extend_api, client):
    run = client.parse_runs.create(file=FILE)
    batch = client.parse_runs.create_batch(inputs=[{"file": FILE}])
    assert run.id.startswith("pr_")
    assert batch.id.startswith("bpar_")


@pytest.mark.parametrize("polls", [0, 1, 4])
def test_a_run_is_in_progress_for_so_many_polls(extend_api, client, polls):
    extend_api.runs_take(polls=polls)
    run = client.parse_runs.create(file=FILE)
    seen = [client.parse_runs.retrieve(run.id).status.value for _ in range(polls + 2)]
    assert seen == ["PROCESSING"] * polls + ["PROCESSED"] * 2
    assert extend_api.runs[0].polls == polls


def test_a_failed_poll_is_no_poll(extend_api, client):
    extend_api.fail("INTERNAL_ERROR", endpoint="/parse_runs/{id}", times=2)
    run = client.parse_runs.create(file=FILE)
    assert client.parse_runs.retrieve(run.id).status == "PROCESSING"
    assert client.parse_runs.retrieve(run.id).status == "PROCESSED"
    polls = extend_api.attempts[1:]
    assert [poll.status for poll in polls] == [500, 500, 200, 200]
    assert {poll.run_id for poll in polls} == {run.id}
    extend_api.assert_retried(times=2)
    extend_api.assert_recovered()


def test_runs_by_the_clock_end_without_a_poll(extend_api, client):
    extend_api.runs_take(seconds=60)
    run = client.parse_runs.create(file=FILE)
    extend_api.clock.advance(59)
    assert client.parse_runs.retrieve(run.id).status == "PROCESSING"
    extend_api.clock.advance(1)
    assert extend_api.runs[0].status == "PROCESSED"
    assert extend_api.runs[0].ended == 60.0


@pytest.mark.parametrize("error", REASONS, ids=lambda error: error.code)
def test_every_documented_reason_ends_a_run(extend_api, client, error):
    extend_api.fail_run(error, message="No luck.", polls=2)
    run = client.parse_runs.create_and_poll(file=FILE)
    assert (run.status, run.failure_reason, run.failure_message) == (
        "FAILED",
        error.code,
        "No luck.",
    )
    assert extend_api.runs[0].retryable is error.retryable
    assert client.parse_runs.create_and_poll(file=FILE).status == "PROCESSED"


def test_an_unknown_reason(extend_api, client):
    extend_api.fail_run("unknown_code")
    run = client.parse_runs.create_and_poll(file=FILE)
    assert (run.status, run.failure_reason) == ("FAILED", "A_REASON_ADDED_LATER")
    assert extend_api.runs[0].retryable is None


def test_a_request_that_cannot_succeed_fails_its_run(extend_api, client):
    run = client.parse_runs.create_and_poll(file={"url": "https://files.example.com/a.mp4"})
    assert (run.status, run.failure_reason) == ("FAILED", "FILE_TYPE_NOT_SUPPORTED")


def test_a_script_waits_for_its_document(extend_api, client):
    extend_api.fail_run("CORRUPT_FILE", document="bad.pdf")
    good = client.parse_runs.create_and_poll(file=FILE)
    bad = client.parse_runs.create_and_poll(file={"url": "https://files.example.com/x/bad.pdf"})
    assert [good.status, bad.status] == ["PROCESSED", "FAILED"]


@pytest.mark.parametrize("code", ["INVALID_REQUEST", "UNAUTHORIZED", "FORBIDDEN"])
def test_a_failed_creation_makes_no_run_and_uses_up_no_script(extend_api, client, code):
    extend_api.fail(code, endpoint="/parse_runs")
    extend_api.fail_run("OCR_ERROR")
    with pytest.raises(ApiError):
        client.parse_runs.create(file=FILE)
    assert extend_api.runs == []
    assert client.parse_runs.create_and_poll(file=FILE).failure_reason == "OCR_ERROR"


def test_a_mix_in_one_test(extend_api, client):
    extend_api.fail("RATE_LIMIT_EXCEEDED", endpoint="/parse_runs", retry_after=3)
    extend_api.fail("INTERNAL_ERROR", endpoint="/parse_runs/{id}")
    extend_api.fail_run("OCR_ERROR", polls=2)
    assert client.parse_runs.create_and_poll(file=FILE).status == "FAILED"
    assert [attempt.status for attempt in extend_api.attempts] == [429, 200, 500, 200, 200, 200]
    extend_api.assert_retry_after_honoured()


def test_a_run_that_never_ends_blows_the_fuse_after_10_000_polls(extend_api):
    extend_api.runs_take(polls=ALWAYS)
    headers = {"authorization": "Bearer key"}
    with httpx.Client(base_url=extend_api.base_url, headers=headers) as client:
        run = client.post("/parse_runs", json={"file": FILE}).json()["id"]
        service = extend_api._service
        service.journal.operations  # noqa: B018 - reading changes nothing
        client.get(f"/parse_runs/{run}")
        service.journal.operations[-1].polls = 9_999
        client.get(f"/parse_runs/{run}")
        with pytest.raises(SimulationStopped, match=r"asked 10,000 times, without waits"):
            client.get(f"/parse_runs/{run}")
    extend_api._simulation.stops.message = None


def test_polls_after_the_end_count_as_attempts(extend_api):
    headers = {"authorization": "Bearer key"}
    with httpx.Client(base_url=extend_api.base_url, headers=headers) as client:
        run = client.post("/parse_runs", json={"file": FILE}).json()["id"]
        with pytest.raises(SimulationStopped, match="repeated 100 times without progress"):
            deque(client.get(f"/parse_runs/{run}") for _ in range(200))
    assert len(extend_api.attempts) == 1 + 1 + 1 + 100
    extend_api._simulation.stops.message = None


def test_submitting_again_for_ever_blows_the_fuse(extend_api, client):
    extend_api.fail_run("OCR_ERROR", times=ALWAYS, polls=0)
    with pytest.raises(SimulationStopped, match="repeated 100 times without progress"):
        deque(client.parse_runs.create_and_poll(file=FILE) for _ in range(200))
    assert len(extend_api.runs) == 101
    extend_api._simulation.stops.message = None


def ask_with_a_new_key(client, number):
    body = {"file": {"url": "https://files.example.com/a.pdf"}}
    return client.post("/parse", json=body, headers={"authorization": f"Bearer key_{number}"})


def test_curing_for_ever_blows_the_fuse(extend_api):
    extend_api.fail("UNAUTHORIZED", times=ALWAYS)
    with (
        httpx.Client(base_url=extend_api.base_url) as client,
        pytest.raises(SimulationStopped, match="repeated 100 times without progress"),
    ):
        deque(ask_with_a_new_key(client, number) for number in range(200))
    assert len(extend_api.attempts) == 100
    extend_api._simulation.stops.message = None


def test_a_successful_cure_does_not_count_for_the_fuse(extend_api):
    with httpx.Client(base_url=extend_api.base_url) as client:
        for number in range(220):
            if number % 2:
                extend_api.fail("UNAUTHORIZED")
            ask_with_a_new_key(client, number)
    assert len(extend_api.attempts) == 220


def test_cancelling(extend_api, client):
    run = client.parse_runs.create(file=FILE)
    client.parse_runs.cancel(run.id)
    assert extend_api.runs[0].status == "CANCELLED"
    with pytest.raises(BadRequestError) as caught:
        client.parse_runs.cancel(run.id)
    assert caught.value.body["code"] == "INVALID_REQUEST"


def test_a_finished_run_cannot_be_cancelled(extend_api, client):
    run = client.parse_runs.create_and_poll(file=FILE)
    with pytest.raises(BadRequestError):
        client.parse_runs.cancel(run.id)
    assert extend_api.runs[0].status == "PROCESSED"


@pytest.mark.parametrize("call", ["retrieve", "cancel", "delete"])
def test_unknown_and_deleted_runs_are_not_found(extend_api, client, call):
    with pytest.raises(NotFoundError):
        getattr(client.parse_runs, call)("pr_unknown")
    run = client.parse_runs.create(file=FILE)
    assert client.parse_runs.delete(run.id).id == run.id
    with pytest.raises(NotFoundError):
        getattr(client.parse_runs, call)(run.id)
    assert client.parse_runs.list().data == []
    assert [item.id for item in extend_api.runs] == [run.id]


def test_an_output_by_url_can_be_downloaded_without_a_key(extend_api, client):
    run = client.parse_runs.create_and_poll(file=FILE)
    inline = client.parse_runs.retrieve(run.id)
    by_url = client.parse_runs.retrieve(run.id, response_type="url")
    assert by_url.output is None
    fetched = httpx.get(by_url.output_url).json()
    assert fetched["chunks"][0]["content"] == inline.output.chunks[0].content
    extend_api.clock.advance(15 * 60)
    assert httpx.get(by_url.output_url).status_code == 403


def test_listing_pages_and_filters(extend_api, client):
    extend_api.fail_run("CORRUPT_FILE", document="f3.pdf", polls=0)
    for number in range(5):
        client.parse_runs.create(file={"url": f"https://files.example.com/f{number}.pdf"})
    first = client.parse_runs.list(max_page_size=2)
    names = [run.file.name for run in first.data]
    while first.next_page_token:
        first = client.parse_runs.list(max_page_size=2, next_page_token=first.next_page_token)
        names += [run.file.name for run in first.data]
    assert names == ["f4.pdf", "f3.pdf", "f2.pdf", "f1.pdf", "f0.pdf"]
    [failed] = client.parse_runs.list(status="FAILED").data
    assert (failed.file.name, failed.failure_reason) == ("f3.pdf", "CORRUPT_FILE")
    assert len(client.parse_runs.list(file_name_contains="f1").data) == 1
    assert len(client.parse_runs.list(source="API").data) == 5
    assert client.parse_runs.list(source="STUDIO").data == []
    assert client.parse_runs.list(batch_id="bpar_1").data == []


@pytest.mark.parametrize(
    "query",
    ["status=DONE", "source=x", "maxPageSize=0", "maxPageSize=x", "nextPageToken=page_9"],
)
def test_wrong_list_queries_are_rejected(extend_api, query):
    headers = {"authorization": "Bearer key"}
    reply = httpx.get(f"{extend_api.base_url}/parse_runs?{query}", headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (400, "INVALID_REQUEST")


def test_waiting_by_the_list_ends(extend_api, client):
    client.parse_runs.create(file=FILE)
    seen = [client.parse_runs.list().data[0].status.value for _ in range(3)]
    assert seen == ["PROCESSING", "PROCESSED", "PROCESSED"]


def test_a_batch_in_which_some_files_fail(extend_api, client, bodies):
    extend_api.fail_run("CORRUPT_FILE", document="b1.pdf")
    extend_api.fail_run("OCR_ERROR", document="b3.pdf", polls=2)
    batch = client.parse_runs.create_batch(
        inputs=[{"file": {"url": f"https://files.example.com/b{n}.pdf"}} for n in range(5)]
    )
    before = client.parse_runs.list(batch_id=batch.id, max_page_size=1).data
    statuses = [client.batch_runs.get(batch.id).status.value for _ in range(3)]
    assert statuses[-1] == "PROCESSED"
    runs = client.parse_runs.list(batch_id=batch.id).data
    assert {run.file.name: run.failure_reason for run in runs} == {
        **dict.fromkeys(["b0.pdf", "b2.pdf", "b4.pdf"]),
        "b1.pdf": "CORRUPT_FILE",
        "b3.pdf": "OCR_ERROR",
    }
    assert {run.batch_id for run in runs} == {batch.id}
    assert len(before) == 1
    for body in (bodies[0], *bodies[2:5]):
        strict(BatchRun, body)
    assert bodies[0]["status"] == "PENDING"
    assert strict(ParseRun, client.parse_runs.retrieve(runs[0].id).model_dump(by_alias=True))


def test_batch_runs_are_pending_first(extend_api, client):
    batch = client.parse_runs.create_batch(inputs=[{"file": {"text": "hello"}}, {"file": FILE}])
    assert [run.status for run in extend_api.runs] == ["PENDING", "PENDING"]
    assert client.batch_runs.get(batch.id).status == "PROCESSING"
    assert [run.status for run in extend_api.runs] == ["PROCESSING", "PROCESSING"]
    assert client.batch_runs.get(batch.id).status == "PROCESSED"


def test_a_batch_without_any_success_has_failed(extend_api, client):
    extend_api.fail_run("OCR_ERROR", times=2)
    batch = client.parse_runs.create_batch(inputs=[{"file": FILE}, {"file": FILE}])
    client.batch_runs.get(batch.id)
    assert client.batch_runs.get(batch.id).status == "FAILED"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "inputs must be a list of 1 to 1,000 items."),
        ({"inputs": []}, "inputs must be a list of 1 to 1,000 items."),
        ({"inputs": [{"file": FILE}] * 1001}, "inputs must be a list of 1 to 1,000 items."),
        ({"inputs": [{"file": FILE}, {}]}, "inputs[1].file is missing."),
        ({"inputs": [1]}, "inputs[0] must be an object."),
        (
            {"inputs": [{"file": FILE}], "priority": 101},
            "priority must be an integer from 1 to 100.",
        ),
    ],
)
def test_wrong_batches_are_rejected(extend_api, body, message):
    headers = {"authorization": "Bearer key"}
    url = f"{extend_api.base_url}/parse_runs/batch"
    reply = httpx.post(url, headers=headers, json=body)
    assert (reply.status_code, reply.json()["message"]) == (400, message)


def test_an_unknown_batch_is_not_found(extend_api, client):
    with pytest.raises(NotFoundError):
        client.batch_runs.get("bpar_unknown")


def test_two_runs_of_one_document_are_two_operations(extend_api, client):
    extend_api.fail("INTERNAL_ERROR", endpoint="/parse_runs/{id}")
    one = client.parse_runs.create(file=FILE)
    two = client.parse_runs.create(file=FILE)
    client.parse_runs.retrieve(one.id)
    client.parse_runs.retrieve(two.id)
    polls = [item for item in extend_api._observed.operations if item.endpoint.polls]
    assert [[poll.run_id for poll in item.attempts] for item in polls] == [[one.id] * 2, [two.id]]
    assert len(extend_api.attempts_for("invoice.pdf")) == 5


@pytest.mark.parametrize("fault", ["read_timeout", "connection_reset", "truncated_body"])
def test_a_lost_reply_to_a_cancellation_leaves_the_run_cancelled(extend_api, client, fault):
    run = client.parse_runs.create(file=FILE)
    extend_api.fail(fault, endpoint="/parse_runs/{id}/cancel")
    with pytest.raises(httpx.TransportError):
        client.parse_runs.cancel(run.id)
    assert [item.status for item in extend_api.runs] == ["CANCELLED"]
    with pytest.raises(BadRequestError):
        client.parse_runs.cancel(run.id)


@pytest.mark.parametrize(
    ("fault", "left"), [(fault.name, int(fault.loses_reply)) for fault in FAULTS]
)
def test_faults_that_keep_or_lose_a_submission(extend_api, fault, left):
    extend_api.fail(fault, endpoint="/parse_runs")
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    with contextlib.suppress(httpx.TransportError):
        httpx.post(f"{extend_api.base_url}/parse_runs", json={"file": FILE}, headers=headers)
    assert len(extend_api.runs) == left
    lost = ["read_timeout", "connection_reset", "truncated_body", "invalid_json"]
    assert bool(left) == (fault in lost)


def test_a_lost_reply_to_a_deletion_leaves_nothing(extend_api, client):
    run = client.parse_runs.create(file=FILE)
    extend_api.fail("read_timeout", "connect_error", endpoint="/parse_runs/{id}")
    for error in (httpx.ReadTimeout, httpx.ConnectError, NotFoundError):
        with pytest.raises(error):
            client.parse_runs.delete(run.id)


def test_a_request_that_never_arrived_changes_nothing(extend_api, client):
    run = client.parse_runs.create(file=FILE)
    extend_api.fail("connect_error", endpoint="/parse_runs/{id}/cancel")
    with pytest.raises(httpx.ConnectError):
        client.parse_runs.cancel(run.id)
    assert client.parse_runs.cancel(run.id).id == run.id


def test_reset_forgets_runs_and_their_scripts(extend_api, client):
    extend_api.fail_run("OCR_ERROR")
    extend_api.runs_take(polls=7)
    client.parse_runs.create(file=FILE)
    extend_api.reset()
    extend_api.fail_run("OCR_ERROR", times=0)
    assert extend_api.runs == []
    client.parse_runs.create_and_poll(file=FILE)
    assert [(run.status, run.polls) for run in extend_api.runs] == [("PROCESSED", 1)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda api: api.fail_run("OCR_EROR"), "did you mean 'OCR_ERROR'"),
        (lambda api: api.fail_run("NOT_FOUND"), "not for run failures"),
        (lambda api: api.fail_run("read_timeout"), "is a network fault"),
        (lambda api: api.fail_run("OCR_ERROR", polls=-1), "polls must be an integer >= 0"),
        (lambda api: api.fail_run("OCR_ERROR", times=1.5), "times must be an integer >= 0"),
        (lambda api: api.fail_run("OCR_ERROR", message=1), "message is a string"),
        (lambda api: api.runs_take(), "takes either polls=N or seconds=S"),
        (lambda api: api.runs_take(polls=1, seconds=1), "takes either polls=N or seconds=S"),
        (lambda api: api.runs_take(seconds=-1), "seconds must be a number >= 0"),
    ],
)
def test_mistakes_raise_at_once(extend_api, call, message):
    with pytest.raises(UsageError, match=message):
        call(extend_api)


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.webhook(),
        lambda api: api.deliver_webhooks_to(print),
        lambda api: api.webhook_secret,
    ],
)
def test_a_provider_without_webhooks_says_so(nutrient_api, call):
    with pytest.raises(UsageError, match="Nutrient documents no webhooks"):
        call(nutrient_api)


@pytest.mark.parse_run_failed("OCR_ERROR", polls=2)
@pytest.mark.parse_error("RATE_LIMIT_EXCEEDED", endpoint="/parse_runs")
def test_markers_script_runs(extend_api, client):
    run = client.parse_runs.create_and_poll(file=FILE)
    assert run.failure_reason == "OCR_ERROR"
    assert [item.status for item in extend_api.attempts] == [429, 200, 200, 200, 200]


@pytest.mark.each_parse_error(surface="run", codes=["OCR_ERROR", "CORRUPT_FILE"])
def test_each_parse_error_scripts_runs(extend_api, client, documented_error):
    run = client.parse_runs.create_and_poll(file=FILE)
    assert run.failure_reason == documented_error.code


def test_unused_run_scripts_are_reported(nested):
    result = nested(
        """
        import pytest, httpx

        @pytest.mark.parse_run_failed("CORRUPT_FILE", times=2, document="x.pdf")
        def test_unused(extend_api):
            headers = {"authorization": "Bearer key"}
            body = {"file": {"url": "https://files.example.com/a.pdf"}}
            httpx.post(extend_api.base_url + "/parse_runs", headers=headers, json=body)

        @pytest.mark.parse_run_failed()
        def test_nameless(): pass

        @pytest.mark.parse_run_failed("OCR_ERROR", 3)
        def test_positional(): pass
        """
    )
    result.stdout.fnmatch_lines(
        [
            "*scripted failures that no request met:",
            "*extend: fail_run('CORRUPT_FILE', times=2, document='x.pdf')",
            "*a new run did not meet it: it was about 'https://files.example.com/a.pdf'",
        ]
    )
    result.stdout.fnmatch_lines(["*marker parse_run_failed needs an argument 'error'*"])
    result.stdout.fnmatch_lines(["*marker parse_run_failed takes keyword arguments only*not 3"])
