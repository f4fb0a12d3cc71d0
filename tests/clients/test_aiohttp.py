"""Everything above our interception is aiohttp's own: bodies, time-outs, errors, traces."""

from __future__ import annotations

import asyncio
import io

import aiohttp
import pytest
from aiohttp_retry import ExponentialRetry, RetryClient

from pytest_parseapi import ALWAYS

URL = "https://api.extend.ai/parse"
EXTRACTION = "https://api.nutrient.io/extraction/parse"
BODY = {"file": {"url": "https://files.example.com/invoice.pdf"}}


def headers(api):
    return {"Authorization": f"Bearer {api.api_key}", "x-extend-api-version": "2026-02-09"}


def run(api, consume, **options):
    """Run a consumer of one session."""

    async def main():
        async with aiohttp.ClientSession(headers=headers(api), **options) as session:
            return await consume(session)

    return asyncio.run(main())


async def post(session, url=URL, **options):
    async with session.post(url, **(options or {"json": BODY})) as response:
        return response.status, await response.read()


class TestTimeouts:
    @pytest.mark.parametrize(
        ("given", "connect", "read"),
        [
            (aiohttp.ClientTimeout(), None, None),
            (aiohttp.ClientTimeout(total=60), 60, 60),
            (aiohttp.ClientTimeout(total=60, connect=3, sock_read=30), 3, 30),
            (aiohttp.ClientTimeout(total=0, sock_connect=4, sock_read=0), 4, None),
            (aiohttp.ClientTimeout(connect=9, sock_connect=4), 4, None),
        ],
        ids=str,
    )
    def test_are_seen(self, extend_api, given, connect, read):
        run(extend_api, post, timeout=given)

        timeouts = extend_api.attempts[0].timeouts
        assert (timeouts.connect, timeouts.read) == (connect, read)

    def test_that_aiohttp_sets_by_itself_are_seen(self, extend_api):
        run(extend_api, post)
        extend_api.assert_timeout_set()

    @pytest.mark.parametrize("fault", ["connect_timeout", "read_timeout"])
    def test_of_the_whole_request_end_a_silence(self, extend_api, fault):
        extend_api.fail(fault)

        with pytest.raises(TimeoutError) as caught:
            run(extend_api, post, timeout=aiohttp.ClientTimeout(total=4))

        assert type(caught.value) is TimeoutError
        assert extend_api.clock.elapsed == 4
        assert extend_api.attempts[0].error == fault

    @pytest.mark.parametrize("fault", ["connect_timeout", "read_timeout"])
    def test_of_the_consumers_own_end_a_silence(self, extend_api, fault):
        extend_api.fail(fault)

        async def consume(session):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(90):
                    await post(session)

        run(extend_api, consume, timeout=aiohttp.ClientTimeout())

        assert extend_api.clock.elapsed == 90
        assert extend_api.attempts[0].error == fault

    def test_end_a_slow_reply(self, extend_api):
        extend_api.replies_take(20)
        limits = aiohttp.ClientTimeout(sock_read=10)
        with pytest.raises(aiohttp.SocketTimeoutError):
            run(extend_api, post, timeout=limits)
        assert run(extend_api, post)[0] == 200
        assert extend_api.clock.elapsed == 30


class TestBodies:
    def test_of_a_form_are_seen_as_they_are_sent(self, nutrient_api):
        form = aiohttp.FormData()
        form.add_field("instructions", '{"mode": "structure"}', content_type="application/json")
        form.add_field("file", io.BytesIO(b"%PDF-1.7"), filename="a.pdf")

        async def consume(session):
            return await post(session, EXTRACTION, data=form)

        assert run(nutrient_api, consume)[0] == 200
        parts = nutrient_api.attempts[0].payload.parts
        assert [(part.name, part.filename) for part in parts] == [
            ("instructions", None),
            ("file", "a.pdf"),
        ]

    def test_of_a_generator_arrive_in_chunks(self, nutrient_api):
        async def blocks():
            for block in (b"%PDF-1.7 ", b"a" * 70_000, b" scan"):
                yield block
                await asyncio.sleep(3)

        async def consume(session):
            sent = {"content-type": "application/pdf"}
            return await post(session, EXTRACTION, data=blocks(), headers=sent)

        assert run(nutrient_api, consume)[0] == 200
        (attempt,) = nutrient_api.attempts
        assert attempt.body == b"%PDF-1.7 " + b"a" * 70_000 + b" scan"
        assert attempt.headers["transfer-encoding"] == "chunked"
        assert attempt.started == 9

    def test_wait_for_100_continue(self, extend_api):
        async def consume(session):
            return await post(session, json=BODY, expect100=True)

        assert run(extend_api, consume)[0] == 200

    def test_may_be_large(self, nutrient_api):
        async def consume(session):
            sent = {"content-type": "application/pdf"}
            scan = io.BytesIO(b"%PDF" + bytes(3_000_000))
            return await post(session, EXTRACTION, data=scan, headers=sent)

        assert run(nutrient_api, consume)[0] == 200
        assert len(nutrient_api.attempts[0].body) == 3_000_004


class TestErrors:
    def test_of_a_connection_name_the_host(self, extend_api):
        extend_api.fail("connect_error")
        with pytest.raises(
            aiohttp.ClientConnectorError, match=r"host api\.extend\.ai:443 ssl:default"
        ):
            run(extend_api, post)

    def test_are_raised_for_a_status_where_asked_for(self, extend_api):
        extend_api.fail("OCR_ERROR")
        with pytest.raises(aiohttp.ClientResponseError) as caught:
            run(extend_api, post, raise_for_status=True)
        assert (caught.value.status, caught.value.message) == (500, "Internal Server Error")

    def test_of_a_get_are_tried_again_once_by_aiohttp_itself(self, extend_api):
        extend_api.fail("connection_reset", times=2)

        async def consume(session):
            async with session.get("https://api.extend.ai/parse_runs") as response:
                return response.status

        with pytest.raises(aiohttp.ClientOSError):
            run(extend_api, consume)
        assert [attempt.error for attempt in extend_api.attempts] == ["connection_reset"] * 2


class TestSessions:
    def test_keep_no_connection(self, extend_api):
        async def consume(session):
            await post(session)
            assert not session.connector._conns
            await post(session)

        run(extend_api, consume)

    def test_wait_for_a_free_connection(self, extend_api):
        """Limits of a connector are its own: the third of three waits for the first two."""
        extend_api.replies_take(10)

        async def consume(session):
            await asyncio.gather(*(post(session) for _ in range(3)))

        async def main():
            connector = aiohttp.TCPConnector(limit_per_host=2)
            async with aiohttp.ClientSession(
                connector=connector, headers=headers(extend_api)
            ) as session:
                await consume(session)

        asyncio.run(main())
        assert [attempt.started for attempt in extend_api.attempts] == [0, 0, 10]

    def test_retry_by_tasks_of_their_own(self, extend_api):
        extend_api.fail("OCR_ERROR", times=8)

        async def one(session):
            while (await post(session))[0] != 200:  # noqa: ASYNC110 - a consumer
                await asyncio.sleep(2)

        async def consume(session):
            await asyncio.gather(*(one(session) for _ in range(8)))

        run(extend_api, consume)

        assert extend_api.clock.elapsed == 2
        assert len(extend_api.attempts) == 16
        extend_api.assert_retried(times=1)

    def test_are_traced(self, extend_api):
        seen = []

        async def note(_session, _context, params):
            seen.append(type(params).__name__)

        traces = aiohttp.TraceConfig()
        for signal in ("on_request_start", "on_connection_create_end", "on_request_end"):
            getattr(traces, signal).append(note)

        run(extend_api, post, trace_configs=[traces])

        assert seen == [
            "TraceRequestStartParams",
            "TraceConnectionCreateEndParams",
            "TraceRequestEndParams",
        ]

    @pytest.mark.skipif(not hasattr(aiohttp, "ClientHandlerType"), reason="no middlewares yet")
    def test_send_by_their_middlewares(self, extend_api):
        async def retry(request, handler):
            while not (response := await handler(request)).ok:  # noqa: ASYNC110
                await asyncio.sleep(5)
            return response

        extend_api.fail("OCR_ERROR", times=2)
        assert run(extend_api, post, middlewares=(retry,))[0] == 200
        extend_api.assert_recovered()
        assert extend_api.clock.elapsed == 10


class TestAiohttpRetry:
    def consume(self, api, **options):
        async def main():
            policy = ExponentialRetry(attempts=4, start_timeout=1, max_timeout=60, **options)
            async with RetryClient(headers=headers(api), retry_options=policy) as session:
                return await post(session)

        return asyncio.run(main())

    def test_is_on_record_with_its_waits(self, extend_api):
        extend_api.fail("OCR_ERROR", "connection_reset", "OCR_ERROR")

        assert self.consume(extend_api, exceptions={aiohttp.ClientError})[0] == 200

        assert [attempt.waited for attempt in extend_api.attempts] == [None, 2, 4, 8]
        extend_api.assert_backoff(initial=2)
        extend_api.assert_payload_resent()

    def test_gives_up(self, extend_api):
        extend_api.fail("OCR_ERROR", times=ALWAYS)

        assert self.consume(extend_api)[0] == 500

        extend_api.assert_gave_up(attempts=4)


def test_another_host_is_really_asked(extend_api):
    async def main():
        async def hello(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nhi")
            writer.close()

        server = await asyncio.start_server(hello, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, aiohttp.ClientSession() as session:
            return await post(session, f"http://127.0.0.1:{port}/")

    assert asyncio.run(main()) == (201, b"hi")
    assert not extend_api.attempts
