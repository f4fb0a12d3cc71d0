"""Each way of waiting costs exactly its seconds of virtual time, and no real ones."""

from __future__ import annotations

import asyncio
import time
from time import sleep as imported_sleep

import backoff
import extend_ai
import httpx
import httpx_retries
import pytest
import stamina
import tenacity
import trio
import urllib3

URL = "https://api.extend.ai/parse"
BODY = {"file": {"url": "https://files.example.com/invoice.pdf"}}
HEADERS = {"authorization": "Bearer sk_test_0123456789"}


@pytest.fixture
def clock(extend_api):
    return extend_api.clock


def waits(extend_api):
    return [attempt.waited for attempt in extend_api.attempts[1:]]


def post():
    reply = httpx.post(URL, json=BODY, headers=HEADERS)
    reply.raise_for_status()
    return reply.json()


async def post_async():
    async with httpx.AsyncClient() as client:
        reply = await client.post(URL, json=BODY, headers=HEADERS)
    reply.raise_for_status()
    return reply.json()


def retry(sleep, call=post):
    for seconds in (1, 2, 4):
        try:
            return call()
        except httpx.HTTPError:
            sleep(seconds)
    return call()


def kept_sleep(seconds, sleep=time.sleep):
    sleep(seconds)


# Loops of the consumer's own.


@pytest.mark.parametrize("sleep", [time.sleep, imported_sleep, kept_sleep])
def test_sleep_loops(extend_api, sleep):
    extend_api.fail("OCR_ERROR", times=3)
    retry(sleep)
    assert waits(extend_api) == [1, 2, 4]
    assert extend_api.clock.elapsed == 7


def test_the_module_s_sleep_looked_up_late(extend_api):
    extend_api.fail("OCR_ERROR", times=3)
    retry(lambda seconds: time.sleep(seconds))  # noqa: PLW0108 - the look-up is the case
    assert waits(extend_api) == [1, 2, 4]


@pytest.mark.parametrize("seconds", [0.1, 1 / 3, 1e-9, 1e-6, 0.0005, 3600, 86_400 * 365])
def test_fractions_and_years(clock, seconds):
    for _ in range(3):
        time.sleep(seconds)
    assert clock.elapsed_ns == 3 * round(seconds * 1e9)


def test_many_short_waits_do_not_drift(clock):
    for _ in range(1000):
        time.sleep(0.1)
    assert clock.elapsed == 100


def test_sleep_of_zero_takes_nothing(clock):
    time.sleep(0)
    assert clock.elapsed == 0


class Index:
    def __index__(self):
        return 2


def test_sleep_takes_what_the_real_one_takes(clock):
    time.sleep(Index())
    time.sleep(True)  # noqa: FBT003 - an int as any other
    assert clock.elapsed == 3


@pytest.mark.parametrize(
    ("seconds", "error", "text"),
    [
        (-1, ValueError, "sleep length must be non-negative"),
        (float("nan"), ValueError, r"Invalid value NaN \(not a number\)"),
        ("1", TypeError, "'str' object cannot be interpreted as an integer"),
        (None, TypeError, "'NoneType' object cannot be interpreted as an integer"),
        (1e30, OverflowError, "timestamp"),
        (float("-inf"), OverflowError, "timestamp"),
        (float("inf"), OverflowError, "timestamp"),
    ],
)
def test_sleep_refuses_what_the_real_one_refuses(clock, seconds, error, text):
    with pytest.raises(error, match=text):
        time.sleep(seconds)
    assert clock.elapsed == 0


def test_sleep_takes_one_argument(clock):
    with pytest.raises(TypeError):
        time.sleep()
    with pytest.raises(TypeError):
        time.sleep(1, 2)
    assert clock.elapsed == 0


# Retry libraries.


def tenacity_sync():
    tenacity.retry(
        wait=tenacity.wait_exponential(), stop=tenacity.stop_after_attempt(4), reraise=True
    )(post)()


def tenacity_async():
    asyncio.run(
        tenacity.retry(
            wait=tenacity.wait_exponential(), stop=tenacity.stop_after_attempt(4), reraise=True
        )(post_async)()
    )


def tenacity_trio():
    trio.run(
        tenacity.retry(
            wait=tenacity.wait_exponential(), stop=tenacity.stop_after_attempt(4), reraise=True
        )(post_async)
    )


def stamina_with(call):
    return stamina.retry(
        on=httpx.HTTPError, attempts=4, timeout=None, wait_initial=1, wait_max=60, wait_jitter=0
    )(call)


def stamina_sync():
    stamina_with(post)()


def stamina_async():
    asyncio.run(stamina_with(post_async)())


def stamina_trio():
    trio.run(stamina_with(post_async))


def backoff_with(call):
    return backoff.on_exception(backoff.expo, httpx.HTTPError, max_tries=4, jitter=None)(call)


def backoff_sync():
    backoff_with(post)()


def backoff_async():
    asyncio.run(backoff_with(post_async)())


LIBRARIES = [
    *(tenacity_sync, tenacity_async, tenacity_trio),
    *(stamina_sync, stamina_async, stamina_trio),
    *(backoff_sync, backoff_async),
]


@pytest.mark.parametrize("run", LIBRARIES)
def test_retry_libraries(extend_api, run):
    extend_api.fail("OCR_ERROR", times=3)
    run()
    assert waits(extend_api) == [1, 2, 4]
    assert extend_api.clock.elapsed == 7
    extend_api.assert_backoff(initial=1, jitter=0)
    extend_api.assert_recovered()


def http_retries():
    return httpx_retries.RetryTransport(
        retry=httpx_retries.Retry(
            total=3, backoff_factor=1, backoff_jitter=0, allowed_methods=["POST"]
        )
    )


def httpx_retries_sync():
    with httpx.Client(transport=http_retries()) as client:
        client.post(URL, json=BODY, headers=HEADERS).raise_for_status()


def httpx_retries_async():
    async def main():
        async with httpx.AsyncClient(transport=http_retries()) as client:
            (await client.post(URL, json=BODY, headers=HEADERS)).raise_for_status()

    asyncio.run(main())


@pytest.mark.parametrize("run", [httpx_retries_sync, httpx_retries_async])
def test_httpx_retries(extend_api, run):
    extend_api.fail("RATE_LIMIT_EXCEEDED", times=3)
    run()
    assert len(extend_api.attempts) == 4
    assert waits(extend_api) == [2, 4, 8]
    assert extend_api.clock.elapsed == 14


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_official_extend_client(extend_api, kind):
    extend_api.fail("OCR_ERROR", times=2)
    if kind == "sync":
        client = extend_ai.Extend(token="sk_test_0123456789")
        client.parse(file={"url": "https://files.example.com/invoice.pdf"})
    else:

        async def main():
            client = extend_ai.AsyncExtend(token="sk_test_0123456789")
            await client.parse(file={"url": "https://files.example.com/invoice.pdf"})

        asyncio.run(main())
    assert len(extend_api.attempts) == 3
    assert extend_api.clock.elapsed == pytest.approx(sum(waits(extend_api)), abs=1e-9)
    assert all(wait > 0 for wait in waits(extend_api))


def test_urllib3_retry_waits_as_urllib3_does(clock):
    retry = urllib3.Retry(total=5, backoff_factor=1)
    for _ in range(4):
        retry = retry.increment("GET", "/", error=OSError())
        retry.sleep()
    assert clock.elapsed == 0 + 2 + 4 + 8
