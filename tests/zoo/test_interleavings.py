"""With real threads, tasks and workers, each document has its own operations."""

from __future__ import annotations

import asyncio
import threading

import aiohttp
import httpx
import pytest
from architectures import ARCHITECTURES, in_a_loop
from batches import BATCHES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jobs import URL, Job

PLANS = (
    (),
    ("OCR_ERROR",),
    ("OCR_ERROR", "INTERNAL_ERROR", "OCR_ERROR"),
    ("OCR_ERROR",) * 4,
    ("OCR_ERROR", "CORRUPT_FILE"),
    ("CORRUPT_FILE",),
    ("PASSWORD_PROTECTED_FILE",),
    ("PASSWORD_PROTECTED_FILE", "OCR_ERROR"),
    ("connect_error", "OCR_ERROR"),
)
SETTINGS = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def operations(api, plans, drive, seconds, *, signs=False):
    """For each document what its operations met, after all of them were parsed."""
    api.reset()
    api.replies_take(seconds=seconds)
    jobs = []
    for number, errors in enumerate(plans):
        if errors:
            api.fail(*errors, document=f"{number}.pdf")
        jobs.append(Job(api, signs=signs, name=f"{number}.pdf"))
    drive(jobs)
    found = [[] for _ in plans]
    for operation in api._observed.operations:
        number = int(operation.attempts[0].names[-1].partition(".")[0])
        met = [getattr(attempt.error, "code", attempt.error) for attempt in operation.attempts]
        found[number].append(met)
    return found


def one_after_another(jobs):
    for job in jobs:
        in_a_loop(job)


@SETTINGS
@given(
    plans=st.lists(st.sampled_from(PLANS), min_size=1, max_size=6),
    drive=st.sampled_from(BATCHES),
    seconds=st.sampled_from([0, 0.7]),
    signs=st.booleans(),
)
def test_of_many_documents_at_once(extend_api, plans, drive, seconds, signs):
    together = operations(extend_api, plans, drive, seconds, signs=signs)
    assert together == operations(extend_api, plans, one_after_another, 0)


@SETTINGS
@given(
    plan=st.sampled_from(PLANS),
    drive=st.sampled_from(ARCHITECTURES),
    seconds=st.sampled_from([0, 1]),
)
@example(plan=PLANS[7], drive=ARCHITECTURES[-1], seconds=0)
def test_any_caller_may_make_the_attempts(extend_api, plan, drive, seconds):
    def bring(jobs):
        drive(jobs[0])

    found = operations(extend_api, [plan], bring, seconds)
    assert found == operations(extend_api, [plan], one_after_another, 0)


@pytest.mark.parametrize("start", [threading.Thread, threading.Timer])
def test_a_thread_that_starts_the_next_one_and_goes_on_running(extend_api, start):
    """It has left its wait for the start, and has not ended when a check asks."""
    extend_api.fail("OCR_ERROR")
    job, running, checked = Job(extend_api, "does not wait"), threading.Event(), threading.Event()

    def spin(event):
        while not event.is_set():
            sum(range(100))

    def retry():
        spin(running)
        job.step()

    def first():
        job.step()
        thread = start(0, retry) if start is threading.Timer else start(target=retry)
        thread.start()
        running.set()
        spin(checked)

    thread = threading.Thread(target=first)
    thread.start()
    job.over.wait()
    try:
        extend_api.assert_retried(times=1)
        with pytest.raises(AssertionError, match="attempt 2 came without a wait"):
            extend_api.assert_backoff()
    finally:
        checked.set()
        thread.join()


async def ask_by_httpx(api):
    async with httpx.AsyncClient(timeout=9) as client:
        return (await client.post(api.base_url + "/parse", **request_to(api))).status_code


async def ask_by_aiohttp(api):
    # It ends an exchange in a context of its own.
    timeout = aiohttp.ClientTimeout(9)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(api.base_url + "/parse", **request_to(api)) as reply,
    ):
        return reply.status


def request_to(api):
    return {
        "json": {"file": {"url": URL}},
        "headers": {"authorization": f"Bearer {api.api_key}"},
    }


@pytest.mark.parametrize("ask", [ask_by_httpx, ask_by_aiohttp])
def test_a_task_that_starts_the_next_one_and_pauses(extend_api, ask):
    extend_api.fail("OCR_ERROR")

    async def main():
        over, tasks = asyncio.Event(), []

        async def attempt():
            if await ask(extend_api) == 200:
                over.set()
            else:
                tasks.append(asyncio.create_task(attempt()))
                await asyncio.sleep(1)

        tasks.append(asyncio.create_task(attempt()))
        await over.wait()
        extend_api.assert_retried(times=1)
        with pytest.raises(AssertionError, match="attempt 2 came without a wait"):
            extend_api.assert_backoff()
        await asyncio.gather(*tasks)

    asyncio.run(main())


def test_a_thread_that_another_one_starts_after_a_failure_parses_side_by_side(extend_api):
    """Whoever started it had asked nothing before, and the first one is at work still."""
    extend_api.fail("OCR_ERROR")
    job, failed, checked = Job(extend_api, "does not wait"), threading.Event(), threading.Event()

    def first():
        job.step()
        failed.set()
        while not checked.is_set():
            sum(range(100))

    thread = threading.Thread(target=first)
    thread.start()
    failed.wait()
    hedge = threading.Thread(target=job.step)
    hedge.start()
    hedge.join()
    try:
        extend_api.assert_not_retried()
    finally:
        checked.set()
        thread.join()
