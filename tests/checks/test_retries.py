"""The checks of retries, giving up and recovery: each operation is judged on its own."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest
from plain_consumer import FILES, said, send, upload

from pytest_parseapi import ALWAYS, Advice
from pytest_parseapi.model.mistakes import UsageError

RETRY_ADVICE = (
    "Extend: When parsing, retry OCR_ERROR, INTERNAL_ERROR and any other 5xx with exponential "
    "backoff. (docs.extend.ai/parsing/error-handling)"
)
FINAL_ADVICE = (
    "Extend: Do not retry an error that is not retryable; branch on its code (a run's "
    "failureReason). (docs.extend.ai/api-reference/error-handling)"
)


def test_a_failure_that_was_not_retried(extend_api):
    extend_api.fail("OCR_ERROR")
    send(extend_api)
    assert said(extend_api.assert_retried) == (
        "rule broken: a failed operation is tried again\n"
        "  operation  POST /parse  https://files.example.com/in/a.pdf\n"
        "  expected   at least 1 retry\n"
        "  seen       0 retries after 1 failed attempt, the last a 500 OCR_ERROR\n"
        f"  next       {RETRY_ADVICE}\n"
        "\n"
        "timeline of Extend (virtual seconds)\n"
        "    #     at  request      document  reply          requestId\n"
        "    1  0.000  POST /parse  a.pdf     500 OCR_ERROR  req_1"
    )
    assert said(extend_api.assert_recovered) == (
        "rule broken: the last attempt succeeds after at least one failure\n"
        "  operation  POST /parse  https://files.example.com/in/a.pdf\n"
        "  expected   a success at the end\n"
        "  seen       1 failed attempt, the last a 500 OCR_ERROR, and nothing followed\n"
        f"  next       {RETRY_ADVICE}\n"
        "\n"
        "timeline of Extend (virtual seconds)\n"
        "    #     at  request      document  reply          requestId\n"
        "    1  0.000  POST /parse  a.pdf     500 OCR_ERROR  req_1"
    )
    extend_api.assert_not_retried()
    extend_api.assert_gave_up()
    extend_api.assert_gave_up(1)
    extend_api.assert_retried(times=0)


@pytest.mark.parametrize("check", ["retried", "recovered", "follows_documentation"])
def test_an_attempt_at_the_same_url_with_another_query_comes_nearest(extend_api, check):
    extend_api.fail("OCR_ERROR")
    send(extend_api, "a.pdf?page=1")
    time.sleep(1)
    send(extend_api, "b.pdf")
    send(extend_api, "a.pdf?page=2")
    assert (
        "  nearest    attempt 3 is about another document, "
        "https://files.example.com/in/a.pdf?page=2 (a parameter that only signs a link belongs in "
        "parseapi_signing_parameters)\n"
    ) in said(getattr(extend_api, f"assert_{check}"))


def test_an_attempt_at_another_document_does_not_come_near(extend_api):
    extend_api.fail("OCR_ERROR")
    send(extend_api, "x/a.pdf")
    time.sleep(1)
    send(extend_api, "y/a.pdf")
    assert "nearest" not in said(extend_api.assert_retried)


def test_a_failure_that_was_retried(extend_api):
    extend_api.fail("CORRUPT_FILE")
    send(extend_api)
    extend_api.clock.advance(0.25)
    send(extend_api)
    timeline = (
        "timeline of Extend (virtual seconds)\n"
        "    #     at  waited  request      document  reply             requestId\n"
        "    1  0.000          POST /parse  a.pdf     422 CORRUPT_FILE  req_1\n"
        "    2  0.250   0.250  POST /parse  a.pdf     200"
    )
    assert said(extend_api.assert_not_retried) == (
        "rule broken: a failed operation is not tried again\n"
        "  operation  POST /parse  https://files.example.com/in/a.pdf\n"
        "  expected   no retry\n"
        "  seen       1 retry: attempt 2 came 0.250 s after the 422 CORRUPT_FILE of attempt 1\n"
        f"  next       {FINAL_ADVICE}\n"
        "\n" + timeline
    )
    assert said(extend_api.assert_gave_up) == (
        "rule broken: the consumer gives up\n"
        "  operation  POST /parse  https://files.example.com/in/a.pdf\n"
        "  expected   a failure at the end\n"
        "  seen       attempt 2 succeeded (200)\n"
        "  next       script enough failures: times=ALWAYS never recovers\n"
        "\n" + timeline
    )
    assert said(extend_api.assert_retried, times=2).startswith(
        "rule broken: a failed operation is tried again, exactly 2 more times\n"
        "  operation  POST /parse  https://files.example.com/in/a.pdf\n"
        "  expected   2 retries\n"
        "  seen       1 retry after 1 failed attempt, the last a 422 CORRUPT_FILE\n"
        "  nearest    attempt 2 succeeded (200)\n"
        "  next       script enough failures: 2 retries need times=2 or more\n"
    )
    assert "  next       Extend: " in said(extend_api.assert_retried, times=0)
    extend_api.assert_retried()
    extend_api.assert_retried(times=1)
    extend_api.assert_recovered()


def test_giving_up_counts_every_attempt(nutrient_api):
    nutrient_api.fail(503, times=ALWAYS)
    for _ in range(4):
        send(nutrient_api)
        nutrient_api.clock.advance(1)
    nutrient_api.assert_gave_up(4)
    assert said(nutrient_api.assert_gave_up, 3).startswith(
        "rule broken: the consumer gives up after 3 attempts in all\n"
        "  operation  POST /extraction/parse  https://files.example.com/in/a.pdf\n"
        "  expected   3 attempts, all failed\n"
        "  seen       4 attempts, the last a 503 service_unavailable\n"
        "  next       compare the consumer's limit of attempts (the first one counts, too)\n"
    )


_CATCH = (
    "so none says whether to retry: to retry, catch what the client library raises then, and wait "
    "longer each time"
)


@pytest.mark.parametrize(
    ("failure", "advice"),
    [
        (
            429,
            "Extend: Retry a 429 with exponential backoff and jitter; where it carries "
            "Retry-After, wait at least that many seconds. (docs.extend.ai/general/rate-limits)",
        ),
        (503, RETRY_ADVICE),
        ("PASSWORD_PROTECTED_FILE", FINAL_ADVICE),
        ("connect_error", f"no reply arrived, {_CATCH}"),
        ("invalid_json", f"the reply cannot be read, {_CATCH}"),
    ],
)
def test_what_to_do_about_a_failure_depends_on_the_failure(extend_api, failure, advice):
    extend_api.fail(failure)
    send(extend_api)
    for check in (extend_api.assert_retried, extend_api.assert_recovered):
        assert f"  next       {advice}\n\n" in said(check)


@pytest.mark.parametrize(
    ("failure", "advice"),
    [
        (
            "INTERNAL_ERROR",
            "Extend: Read the body's retryable flag, and retry where it is true. "
            "(docs.extend.ai/api-reference/error-handling)",
        ),
        (502, RETRY_ADVICE),
    ],
)
def test_a_documented_error_elsewhere_than_at_parsing_has_a_flag(extend_api, failure, advice):
    extend_api.fail(failure, endpoint="/parse_runs/{id}")
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    created = httpx.post(
        f"{extend_api.base_url}/parse_runs",
        json={"file": {"url": "https://files.example.com/in/a.pdf"}},
        headers=headers,
    )
    httpx.get(f"{extend_api.base_url}/parse_runs/{created.json()['id']}", headers=headers)
    assert f"  next       {advice}\n\n" in said(extend_api.assert_retried)


def test_the_advice_on_all_errors_stands_in_for_that_on_some(extend_api):
    general = Advice(topic="retryable", text="Read the status.", source="a page")
    observed = replace(
        extend_api._observed, provider=replace(extend_api.provider, advice=(general,))
    )
    for topic in ("final_errors", "rate_limits", "server_errors"):
        assert observed.advice(topic) == "Extend: Read the status. (a page)"
    assert observed.advice("backoff") == ""


def test_a_network_fault_is_a_failure(extend_api):
    extend_api.fail("read_timeout", "connect_error")
    send(extend_api)
    send(extend_api)
    assert (
        "  seen       2 failed attempts, the last a connect_error, and nothing followed\n"
        in said(extend_api.assert_recovered)
    )
    extend_api.assert_gave_up(2)


CHECKS = {
    "assert_retried": "a failed operation is tried again",
    "assert_not_retried": "a failed operation is not tried again",
    "assert_gave_up": "the consumer gives up",
    "assert_recovered": "the last attempt succeeds after at least one failure",
    "assert_backoff": "waits before retries grow exponentially",
    "assert_retry_after_honoured": "no retry comes before the reply's Retry-After",
    "assert_payload_resent": "each retry carries the same payload",
    "assert_request_id_logged": "the requestId of the last failed reply is logged",
    "assert_credential_not_logged": "no credential appears in logs or output",
    "assert_timeout_set": "every request is sent with a connect and a read time-out",
    "assert_follows_documentation": "the consumer follows Extend's documentation",
}


@pytest.mark.parametrize("status", [502, 503, 504])
def test_any_5xx_of_a_parse_is_to_be_retried(extend_api, status):
    extend_api.fail(status)
    send(extend_api)
    fault = str(extend_api.attempts[0].error)
    assert said(extend_api.assert_follows_documentation).startswith(
        f"rule broken: {fault} is retried\n"
        "  operation  POST /parse  https://files.example.com/in/a.pdf\n"
        f"  expected   a retry after the {status} {fault} of attempt 1\n"
        "  seen       nothing followed\n"
    )
    send(extend_api)
    extend_api.assert_retried()


def test_a_502_of_a_provider_that_advises_nothing_about_it(nutrient_api):
    nutrient_api.fail("bad_gateway_html")
    httpx.post(
        "https://api.nutrient.io/extraction/parse",
        files={"file": ("a.pdf", b"%PDF-1.4")},
        headers={"Authorization": f"Bearer {nutrient_api.api_key}"},
        timeout=600,
    )
    assert nutrient_api.attempts[0].status == 502
    nutrient_api.assert_follows_documentation()


@pytest.mark.parametrize(("check", "rule"), CHECKS.items())
def test_nothing_at_all_to_check(extend_api, check, rule):
    assert said(getattr(extend_api, check)) == (
        f"nothing to check: {rule}\n"
        "  expected   something to check\n"
        "  seen       no request reached the simulated API, so this proves nothing\n"
        "  next       call the consumer in the test; it should ask https://api.extend.ai\n"
        "\n"
        "timeline of Extend: no attempt on record"
    )


@pytest.mark.parametrize(
    ("check", "rule"),
    [item for item in CHECKS.items() if "credential" not in item[0] and "timeout" not in item[0]],
)
def test_only_successes_to_check(extend_api, check, rule):
    send(extend_api)
    missing = (
        "no failed reply on record carried a Retry-After, so this proves nothing\n"
        "  next       script one that does: api.fail(..., retry_after=5)"
        if "retry_after" in check
        else "no failed attempt is on record, so this proves nothing\n"
        "  next       script a failure that the consumer meets, such as api.fail('OCR_ERROR')"
    )
    assert said(getattr(extend_api, check)) == (
        f"nothing to check: {rule}\n"
        "  expected   something to check\n"
        f"  seen       {missing}\n"
        "\n"
        "timeline of Extend (virtual seconds)\n"
        "    #     at  request      document  reply\n"
        "    1  0.000  POST /parse  a.pdf     200"
    )


@pytest.mark.parametrize(
    "check", [name for name in CHECKS if "credential" not in name and "timeout" not in name]
)
def test_an_unknown_document(extend_api, check):
    extend_api.fail("OCR_ERROR", times=2)
    send(extend_api, "a.pdf")
    send(extend_api, "b.pdf")
    assert said(getattr(extend_api, check), document="c.pdf") == (
        f"nothing to check: {CHECKS[check]}\n"
        "  expected   something to check\n"
        "  seen       no request was about 'c.pdf', so this proves nothing\n"
        "  nearest    documents on record: a.pdf, b.pdf\n"
        "  next       name a document by its URL, last path segment, file name or id\n"
        "\n"
        "timeline of Extend (virtual seconds)\n"
        "    #     at  request      document  reply          requestId\n"
        "    1  0.000  POST /parse  a.pdf     500 OCR_ERROR  req_1\n"
        "    2  0.000  POST /parse  b.pdf     500 OCR_ERROR  req_2"
    )


def test_documents_are_judged_each_on_its_own(extend_api):
    extend_api.fail("OCR_ERROR", times=2, document="a.pdf")
    extend_api.fail("OCR_ERROR", times=2, document="b.pdf")
    for name in ("a.pdf", "b.pdf", "a.pdf", "a.pdf", "b.pdf", "c.pdf"):
        send(extend_api, name)
    extend_api.assert_retried()
    extend_api.assert_retried(times=2, document="a.pdf")
    extend_api.assert_retried(times=1, document=FILES + "b.pdf")
    extend_api.assert_recovered(document="a.pdf")
    extend_api.assert_gave_up(2, document="b.pdf")
    text = said(extend_api.assert_recovered)
    assert text.startswith(
        "rule broken: the last attempt succeeds after at least one failure\n"
        "  operation  POST /parse  https://files.example.com/in/b.pdf\n"
    )
    assert "c.pdf" in text, "the timeline shows every document"
    narrowed = said(extend_api.assert_recovered, document="b.pdf")
    assert narrowed.endswith(
        "timeline of Extend (virtual seconds)\n"
        "    #     at  waited  request      document  reply          requestId\n"
        "    2  0.000          POST /parse  b.pdf     500 OCR_ERROR  req_2\n"
        "    5  0.000   0.000  POST /parse  b.pdf     500 OCR_ERROR  req_5"
    )


def test_every_broken_operation_is_named(extend_api):
    extend_api.fail("OCR_ERROR", times=2)
    send(extend_api, "a.pdf")
    send(extend_api, "b.pdf")
    assert said(extend_api.assert_retried).startswith(
        "1 rule broken, 2 times in all\n"
        "\n"
        "1. a failed operation is tried again\n"
        "  operation  POST /parse  https://files.example.com/in/a.pdf\n"
        "  expected   at least 1 retry\n"
        "  seen       0 retries after 1 failed attempt, the last a 500 OCR_ERROR\n"
        f"  next       {RETRY_ADVICE}\n"
        "\n"
        "2. a failed operation is tried again\n"
        "  operation  POST /parse  https://files.example.com/in/b.pdf\n"
    )


def test_a_file_is_found_by_the_id_of_its_upload(extend_api):
    extend_api.fail("INTERNAL_ERROR", endpoint="/files/upload")
    extend_api.fail("OCR_ERROR")
    upload(extend_api, b"%PDF-1.7", "scan.pdf")
    file_id = upload(extend_api, b"%PDF-1.7", "scan.pdf").json()["id"]
    send(extend_api, json={"file": {"id": file_id}})
    send(extend_api, json={"file": {"id": file_id}})
    extend_api.assert_recovered(document="scan.pdf")
    extend_api.assert_recovered(document=file_id)
    assert [item.path for item in extend_api.attempts_for("scan.pdf")] == [
        "/files/upload",
        "/files/upload",
        "/parse",
        "/parse",
    ]


def test_eight_threads_on_one_document_are_eight_operations(extend_api):
    extend_api.fail("OCR_ERROR", times=24)
    start = threading.Barrier(8)

    def parse(_):
        start.wait()
        for number in range(4):
            send(extend_api)
            time.sleep(2.0**number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(parse, range(8)))
    extend_api.assert_retried(times=3)
    extend_api.assert_recovered()
    extend_api.assert_backoff(initial=1, jitter=0)
    assert [attempt.waited for attempt in extend_api.attempts] == [
        waited for waited in (None, 1, 2, 4) for _ in range(8)
    ]


@pytest.mark.parametrize("own_task", [False, True], ids=["await", "wait_for in a task"])
def test_a_new_task_for_each_attempt_continues_the_operation(extend_api, own_task):
    extend_api.fail("OCR_ERROR", times=2)

    async def main():
        async with httpx.AsyncClient(base_url=extend_api.base_url) as client:
            headers = {"authorization": f"Bearer {extend_api.api_key}"}
            for number in range(3):
                call = client.post(
                    "/parse", headers=headers, json={"file": {"url": FILES + "a.pdf"}}
                )
                if own_task:
                    call = asyncio.create_task(call)
                await asyncio.wait_for(call, 30)
                await asyncio.sleep(2.0**number)

    asyncio.run(main())
    extend_api.assert_retried(times=2)
    extend_api.assert_recovered()
    assert [attempt.waited for attempt in extend_api.attempts] == [None, 1.0, 2.0]


def test_tasks_in_gather_are_operations_of_their_own(extend_api):
    extend_api.fail("OCR_ERROR", times=4)

    async def parse(client):
        headers = {"authorization": f"Bearer {extend_api.api_key}"}
        for number in range(3):
            await client.post("/parse", headers=headers, json={"file": {"url": FILES + "a.pdf"}})
            await asyncio.sleep(2.0**number)

    async def main():
        async with httpx.AsyncClient(base_url=extend_api.base_url) as client:
            await asyncio.gather(parse(client), parse(client))

    asyncio.run(main())
    extend_api.assert_retried(times=2)
    extend_api.assert_backoff(initial=1)
    assert [attempt.waited for attempt in extend_api.attempts] == [None, None, 1, 1, 2, 2]


def test_a_new_thread_for_each_attempt_continues_the_operation(extend_api):
    extend_api.fail("OCR_ERROR", times=2)
    for _ in range(3):
        thread = threading.Thread(target=send, args=(extend_api,))
        thread.start()
        thread.join()
        extend_api.clock.advance(1)
    extend_api.assert_retried(times=2)


@pytest.mark.parametrize(
    ("check", "arguments", "message"),
    [
        ("assert_retried", {"times": -1}, "times must be an integer >= 0, not -1"),
        ("assert_retried", {"times": "2"}, "times must be an integer >= 0, not '2'"),
        ("assert_retried", {"times": True}, "times must be an integer >= 0, not True"),
        ("assert_gave_up", {"attempts": 0}, "attempts must be an integer >= 1, not 0"),
        ("assert_gave_up", {"attempts": 2.0}, "attempts must be an integer >= 1, not 2.0"),
        ("assert_backoff", {"initial": 0}, "initial must be a number of seconds > 0, not 0"),
        ("assert_backoff", {"maximum": -1}, "maximum must be a number of seconds > 0, not -1"),
        ("assert_backoff", {"factor": 0.5}, "factor must be a number >= 1, not 0.5"),
        (
            "assert_backoff",
            {"jitter": "ful"},
            "jitter must be a number >= 0 and < 1, or 'full', not 'ful'",
        ),
        ("assert_backoff", {"jitter": 1}, "jitter must be a number >= 0 and < 1, or 'full', not 1"),
        (
            "assert_backoff",
            {"jitter": None},
            "jitter must be a number >= 0 and < 1, or 'full', not None",
        ),
        (
            "assert_request_id_logged",
            {"which": "lst"},
            "which='lst': did you mean 'last'?",
        ),
        (
            "assert_request_id_logged",
            {"level": "CRITCAL"},
            "level is a level of logging, not 'CRITCAL'; did you mean 'CRITICAL'?",
        ),
    ],
)
def test_wrong_arguments_are_the_tests_own_mistake(extend_api, check, arguments, message):
    with pytest.raises(UsageError) as mistake:
        getattr(extend_api, check)(**arguments)
    assert str(mistake.value) == message
