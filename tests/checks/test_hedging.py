"""Consumers that send one request twice in parallel, and use the first answer."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

URL = "https://files.example.com/a.pdf"


class Hedger:
    """Sends a second request after a while, and takes the first result."""

    def __init__(self, api, *, bodies=({}, {}), after=0.0, cancels=False):
        self.api = api
        self.bodies = bodies
        self.after = after
        self.cancels = cancels

    def parse(self):
        return asyncio.run(self.race())

    async def race(self):
        headers = {"authorization": f"Bearer {self.api.api_key}"}
        async with httpx.AsyncClient(headers=headers, timeout=30) as client:
            tasks = []
            for number, body in enumerate(self.bodies):
                tasks.append(asyncio.create_task(self.ask(client, body)))
                if number == 0 and self.after:
                    await asyncio.wait(tasks, timeout=self.after)
            results = []
            for done in asyncio.as_completed(tasks):
                with contextlib.suppress(httpx.HTTPStatusError):
                    results.append(await done)
                    if self.cancels:
                        break
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return results[0]

    async def ask(self, client, body):
        reply = await client.post(f"{self.api.base_url}/parse", json={"file": {"url": URL}, **body})
        return reply.raise_for_status().json()


@pytest.mark.parametrize("seconds", [0, 3])
@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("cancels", [True, False])
def test_a_failed_parallel_request_beside_a_success_is_right(extend_api, seconds, after, cancels):
    extend_api.replies_take(seconds)
    extend_api.fail("OCR_ERROR")
    Hedger(extend_api, after=after, cancels=cancels).parse()
    assert len(extend_api.attempts) == 2
    extend_api.assert_recovered()
    if after and not seconds:
        return  # the first one has failed when the second one starts: a retry without a wait
    extend_api.assert_follows_documentation()
    with pytest.raises(AssertionError, match=r"attempt 2 succeeded \(200\)"):
        extend_api.assert_gave_up()


def test_a_hedger_that_cancels_the_slower_one_is_right(extend_api):
    extend_api.replies_take(3)
    Hedger(extend_api, after=1, cancels=True).parse()
    assert [attempt.error for attempt in extend_api.attempts] == [None, "cancelled"]
    extend_api.assert_recovered()
    extend_api.assert_parsed_once()


def test_parts_of_one_document_are_no_hedge(extend_api):
    extend_api.replies_take(3)
    extend_api.fail("OCR_ERROR")
    config = "config"
    bodies = ({}, {config: {"target": "spatial"}})
    Hedger(extend_api, bodies=bodies).parse()
    with pytest.raises(AssertionError, match="OCR_ERROR is retried"):
        extend_api.assert_follows_documentation()
    with pytest.raises(AssertionError, match="a success at the end"):
        extend_api.assert_recovered()


def test_a_failure_after_a_success_is_no_hedge(extend_api):
    extend_api.fail("OCR_ERROR", after=1)
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    for _ in range(2):
        httpx.post(f"{extend_api.base_url}/parse", json={"file": {"url": URL}}, headers=headers)
    with pytest.raises(AssertionError, match="a success at the end"):
        extend_api.assert_recovered()


def test_where_both_fail_nobody_has_recovered(extend_api):
    extend_api.replies_take(3)
    extend_api.fail("OCR_ERROR", times=2)
    with pytest.raises(IndexError):
        Hedger(extend_api).parse()
    with pytest.raises(AssertionError, match="OCR_ERROR is retried"):
        extend_api.assert_follows_documentation()


def send(api):
    headers = {"authorization": f"Bearer {api.api_key}"}
    body = {"file": {"url": URL}}
    return httpx.post(f"{api.base_url}/parse", json=body, headers=headers, timeout=9).status_code


def test_threads_that_send_at_the_same_time(extend_api):
    extend_api.fail("OCR_ERROR")
    both = threading.Barrier(2)

    def ask():
        both.wait()
        return send(extend_api)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lambda _: ask(), range(2))) == [200, 500]
    extend_api.assert_recovered()
    extend_api.assert_follows_documentation()


def test_a_worker_that_retries_at_once_has_not_waited(extend_api):
    """It waited for work: the first worker handed the document over."""
    extend_api.fail("OCR_ERROR", times=2)
    jobs = queue.Queue()
    jobs.put("a.pdf")

    def work():
        while (job := jobs.get()) is not None:
            if send(extend_api) == 200:
                for _ in range(2):
                    jobs.put(None)
            else:
                jobs.put(job)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(AssertionError, match="came without a wait"):
        extend_api.assert_follows_documentation()


def test_a_task_that_only_retries_is_no_parallel_request(extend_api):
    extend_api.fail("OCR_ERROR")

    async def attempt():
        await asyncio.sleep(0)
        return send(extend_api)

    async def parse():
        while await asyncio.create_task(attempt()) != 200:
            pass

    asyncio.run(parse())
    with pytest.raises(AssertionError, match="came without a wait"):
        extend_api.assert_follows_documentation()
