"""Parts of one document, chosen by page ranges, are judged like separate documents."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from plain_consumer import FILES, ask, said, send

from pytest_parseapi.checks.finding import findings_of

log = logging.getLogger("app")
URL = FILES + "big.pdf"
COUNT = 5


def by_a_bounded_pool(parse):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(parse, range(COUNT)))


def by_a_loop(parse):
    for part in range(COUNT):
        parse(part)


def asking_for(api, *, path="/parse", retry=lambda body: body, tries=3):
    """A consumer of parts; ``retry`` makes the body of a retry."""

    def parse(part):
        ranges = [{"start": 10 * part + 1, "end": 10 * part + 10}]
        body = {"file": {"url": URL}, "config": {"advancedOptions": {"pageRanges": ranges}}}
        for attempt in range(tries):
            reply = send(api, path=path, json=retry(body) if attempt else body).json()
            if "code" not in reply:
                return reply
            log.error("failed: %s", reply["requestId"])
            if not reply["retryable"]:
                return None
            if attempt + 1 < tries:
                time.sleep((part + 1) * 2**attempt)
        return None

    return parse


@pytest.mark.parametrize("drive", [by_a_bounded_pool, by_a_loop])
@pytest.mark.parametrize("path", ["/parse", "/parse_runs"])
@pytest.mark.parametrize("error", ["FORBIDDEN", "INTERNAL_ERROR"])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("seconds", [0, 1])
def test_a_failed_part_does_not_affect_other_parts(extend_api, drive, path, error, times, seconds):
    extend_api.replies_take(seconds=seconds)
    one = (
        {}
        if error == "FORBIDDEN"
        else {"when": lambda request: b":11," in request.content.replace(b" ", b"")}
    )
    extend_api.fail(error, times=times, **one)
    drive(asking_for(extend_api, path=path))
    extend_api.assert_follows_documentation()
    extend_api.assert_parsed_once()


def test_a_part_is_no_retry_of_the_whole_document(extend_api):
    extend_api.fail("FILE_SIZE_TOO_LARGE")
    log.error(send(extend_api, json={"file": {"url": URL}}).text)
    by_a_loop(asking_for(extend_api))
    extend_api.assert_follows_documentation()


def test_a_part_of_a_run_that_failed_is_no_resubmission_of_another_part(extend_api):
    extend_api.runs_take(polls=0)
    extend_api.fail_run("CORRUPT_FILE", polls=0)
    submit = asking_for(extend_api, path="/parse_runs")

    def parse(part):
        run = submit(part)["id"]
        state = ask(extend_api, "GET", f"/parse_runs/{run}").json()
        log.error("%s %s", run, state.get("failureReason"))

    by_a_loop(parse)
    extend_api.assert_follows_documentation()


@pytest.mark.parametrize("drive", [by_a_bounded_pool, by_a_loop])
def test_a_retry_that_lost_its_part_is_another_payload(extend_api, drive):
    extend_api.fail("OCR_ERROR")
    drive(asking_for(extend_api, retry=lambda body: {"file": body["file"]}))
    with pytest.raises(AssertionError) as failure:
        extend_api.assert_follows_documentation()
    assert [finding.kind for finding in findings_of(failure.value)] == ["payload"]


@pytest.mark.parametrize("beside", [True, False])
def test_a_retry_of_another_part_is_none(extend_api, beside):
    extend_api.fail("OCR_ERROR")
    other = {"advancedOptions": {"pageRanges": [{"start": 1, "end": 999}]}}
    parse = asking_for(extend_api, retry=lambda body: body | {"config": other})
    # The parts that a second worker asks for meanwhile are no retries either.
    by_a_bounded_pool(parse) if beside else parse(0)
    failed = next(item.number for item in extend_api.attempts if item.failed)
    assert said(extend_api.assert_follows_documentation).startswith(
        "rule broken: OCR_ERROR is retried\n"
        f"  operation  POST /parse  {URL}\n"
        f"  expected   a retry after the 500 OCR_ERROR of attempt {failed}\n"
        "  seen       nothing followed\n"
        f"  nearest    attempt {len(extend_api.attempts)} asked for another "
        "config.advancedOptions.pageRanges, and so for other pages\n"
    )


def test_the_same_part_is_parsed_once(extend_api):
    for _ in range(2):
        asking_for(extend_api)(0)
    assert said(extend_api.assert_parsed_once).startswith(
        "rule broken: no document is parsed again after a success\n"
    )
