"""aresponses: its own answers for a documented host come first, and are recorded."""

from __future__ import annotations

import asyncio
import re

import aiohttp
import pytest
from plain_consumer import FILES

aresponses = pytest.importorskip("aresponses")

HOST, PATH = "api.extend.ai", "/parse"
BODY = {"file": {"url": FILES + "a.pdf"}}
DOCUMENTED = {"code": "OCR_ERROR", "message": "no text", "retryable": True, "requestId": "req_mine"}


def run(api, prepare, times=1, pause=0, **options):
    """Send as often as said, beside a server that has been prepared; what came of it."""

    async def send(session):
        async with session.post(f"https://{HOST}{PATH}", json=BODY) as reply:
            return reply.status, await reply.read()

    async def main():
        headers = {"authorization": f"Bearer {api.api_key}"}
        async with (
            aresponses.ResponsesMockServer(loop=asyncio.get_running_loop()) as server,
            aiohttp.ClientSession(headers=headers, **options) as session,
        ):
            prepare(server)
            found = []
            for _ in range(times):
                found.append((await send(session))[0])
                await asyncio.sleep(pause)
            server.assert_all_requests_matched()
            return found, [(item.request.host, item.route) for item in server.history]

    return asyncio.run(main())


def documented(status=500):
    return aiohttp.web.json_response(DOCUMENTED, status=status)


def outcomes(api):
    return [
        (item.status, getattr(item.error, "code", item.error), item.mock) for item in api.attempts
    ]


def test_answers_first_and_leaves_the_rest(extend_api):
    extend_api.fail("INTERNAL_ERROR")
    found, history = run(
        extend_api,
        lambda server: server.add(HOST, PATH, "POST", documented(), repeat=2),
        times=3,
        pause=1,
    )
    assert found == [500, 500, 500]
    assert [host for host, _ in history] == [HOST] * 2
    assert outcomes(extend_api) == [
        (500, "OCR_ERROR", "aresponses"),
        (500, "OCR_ERROR", "aresponses"),
        (500, "INTERNAL_ERROR", None),
    ]
    assert [item.waited for item in extend_api.attempts] == [None, 1, 1]
    extend_api.assert_payload_resent()


def test_that_passes_on_leads_to_the_simulation(extend_api):
    found, _ = run(extend_api, lambda server: server.add(response=server.passthrough))
    assert (found, outcomes(extend_api)) == ([200], [(200, None, None)])


def test_reads_the_body_for_a_pattern_of_it(extend_api):
    def prepare(server):
        server.add(HOST, PATH, "POST", documented(), body_pattern="other")
        server.add(HOST, PATH, "POST", documented(422), body_pattern=re.compile(r".*a\.pdf.*"))

    found, _ = run(extend_api, prepare)
    assert found == [422]


@pytest.mark.parametrize("limit", ["total", "sock_read"])
def test_that_is_slow_meets_the_client_s_time_out(extend_api, limit):
    async def late(_request):
        await asyncio.sleep(60)
        return documented()

    with pytest.raises(TimeoutError):
        run(
            extend_api,
            lambda server: server.add(response=late),
            timeout=aiohttp.ClientTimeout(**{limit: 4}),
        )
    assert outcomes(extend_api) == [(None, "read_timeout", "aresponses")]
    assert extend_api.clock.elapsed == 4


@pytest.mark.parametrize(
    ("sent", "error", "on_record"),
    [
        (b"", aiohttp.ServerDisconnectedError, (None, "connection_reset", "aresponses")),
        (b"no http\r\n\r\n", aiohttp.ClientError, (None, "connection_reset", "aresponses")),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
            aiohttp.ClientPayloadError,
            (None, "truncated_body", "aresponses"),
        ),
    ],
    ids=["nothing", "no reply", "broken off"],
)
def test_of_raw_bytes_is_on_record_as_what_its_client_met(extend_api, sent, error, on_record):
    with pytest.raises(error):
        run(extend_api, lambda server: server.add(response=server.RawResponse(sent)))
    assert outcomes(extend_api) == [on_record]


def test_whose_answer_stops_the_test_does_so(extend_api):
    def stop(_request):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(extend_api, lambda server: server.add(response=stop))
    assert outcomes(extend_api) == []


def test_that_takes_a_reply_for_an_error_sends_it(extend_api):
    def conflict(_request):
        raise aiohttp.web.HTTPConflict

    found, _ = run(extend_api, lambda server: server.add(response=conflict))
    assert (found, outcomes(extend_api)) == ([409], [(409, "unknown_code", "aresponses")])


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
def test_refuses_a_large_body_as_a_server_of_aiohttp_s_does(extend_api, monkeypatch):
    monkeypatch.setitem(BODY, "padding", "x" * 2_000_000)
    found, _ = run(extend_api, lambda server: server.add(response=documented()))
    assert (found, outcomes(extend_api)) == ([413], [(413, "unknown_code", "aresponses")])


def test_whose_answer_fails_is_an_error_of_the_server(extend_api):
    found, _ = run(extend_api, lambda server: server.add(response=lambda _request: 1 / 0))
    assert (found, outcomes(extend_api)) == ([500], [(500, "unknown_code", "aresponses")])
