"""Mocks and recorders beside the simulation: each answers first, and is recorded."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import re
import socket
import time
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests
import responses
from plain_consumer import FILES
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from pytest_parseapi.patching.plain_types import plain_socket
from pytest_parseapi.service.service import SimulatedService

requests_mock = pytest.importorskip("requests_mock")
vcr = pytest.importorskip("vcr")
aioresponses = pytest.importorskip("aioresponses")
pook = pytest.importorskip("pook")
httpretty = pytest.importorskip("httpretty")
mocket = pytest.importorskip("mocket")

SOCKET = socket.socket
URL = "https://api.extend.ai/parse"
BODY = {"file": {"url": FILES + "a.pdf"}}
DOCUMENTED = {"code": "OCR_ERROR", "message": "no text", "retryable": True, "requestId": "req_mine"}
PACKED = gzip.compress(json.dumps(DOCUMENTED).encode())


def headers(api):
    return {"authorization": f"Bearer {api.api_key}"}


def by_requests(api, timeout=5, **options):
    return requests.post(URL, headers=headers(api), timeout=timeout, **(options or {"json": BODY}))


def by_httpx(api, timeout=5):
    return httpx.post(URL, json=BODY, headers=headers(api), timeout=timeout)


def by_async_httpx(api):
    async def send():
        async with httpx.AsyncClient(timeout=5) as client:
            return await client.post(URL, json=BODY, headers=headers(api))

    return asyncio.run(send())


async def by_aiohttp(api):
    async with (
        aiohttp.ClientSession() as session,
        session.post(URL, json=BODY, headers=headers(api)) as reply,
    ):
        return reply.status, await reply.json()


def outcomes(api):
    return [
        (item.status, getattr(item.error, "code", item.error), item.mock) for item in api.attempts
    ]


@pytest.fixture
def tape(tmp_path):
    """What vcrpy has recorded: one failure."""
    path = tmp_path / "tape.yaml"
    text = json.dumps(DOCUMENTED)
    path.write_text(
        "version: 1\ninteractions:\n- request:\n    body: null\n    headers: {}\n"
        f"    method: POST\n    uri: {URL}\n  response:\n    body:\n      string: '{text}'\n"
        "    headers:\n      Content-Type: [application/json]\n"
        "    status: {code: 500, message: Internal Server Error}\n"
    )
    return str(path)


class TestRequestsMock:
    def test_answers_first_and_leaves_the_rest(self, extend_api):
        extend_api.fail("INTERNAL_ERROR")
        with requests_mock.Mocker() as mock:
            mock.get("https://files.example.com/a", status_code=204)
            assert by_requests(extend_api).json()["code"] == "INTERNAL_ERROR"
            mock.post(URL, status_code=500, json=DOCUMENTED)
            assert by_requests(extend_api).json() == DOCUMENTED
            assert requests.get("https://files.example.com/a", timeout=5).status_code == 204
            with pytest.raises(requests_mock.NoMockAddress):
                requests.get("https://files.example.com/b", timeout=5)
        assert outcomes(extend_api) == [
            (500, "INTERNAL_ERROR", None),
            (500, "OCR_ERROR", "requests-mock"),
        ]
        assert extend_api.attempts[1].document == FILES + "a.pdf"

    def test_that_sends_on_what_it_lacks_leads_to_the_simulation(self, extend_api):
        with requests_mock.Mocker(real_http=True):
            assert by_requests(extend_api).status_code == 200
        assert outcomes(extend_api) == [(200, None, None)]

    def test_that_was_there_before_the_test_began(self, mock_before, extend_api):
        assert by_requests(extend_api).status_code == 200
        mock_before.post(URL, exc=requests.exceptions.ReadTimeout)
        with pytest.raises(requests.exceptions.ReadTimeout):
            by_requests(extend_api, timeout=7)
        assert outcomes(extend_api)[1] == (None, "read_timeout", "requests-mock")
        assert extend_api.clock.elapsed == 7

    @pytest.fixture
    def mock_before(self):
        with requests_mock.Mocker() as mock:
            yield mock

    def test_mounted_by_the_consumer_leaves_the_rest(self, extend_api):
        session = requests.Session()
        adapter = requests_mock.Adapter()
        session.mount("https://", adapter)
        assert session.post(URL, json=BODY, headers=headers(extend_api), timeout=5).ok
        adapter.register_uri("POST", URL, status_code=418)
        assert session.post(URL, json=BODY, timeout=5).status_code == 418
        assert [item.mock for item in extend_api.attempts] == [None, "requests-mock"]

    def test_keeps_a_spent_file_spent(self, extend_api, tmp_path):
        path = tmp_path / "a.pdf"
        path.write_bytes(b"%PDF-1.7")
        with requests_mock.Mocker() as mock, path.open("rb") as file:
            mock.post(URL, [{"status_code": 500}, {"status_code": 200}])
            for _ in range(2):
                by_requests(extend_api, data=file)
        assert [len(item.body) for item in extend_api.attempts] == [8, 0]

    def test_keeps_a_spent_generator_spent(self, extend_api):
        with requests_mock.Mocker() as mock:
            mock.post(URL, [{"status_code": 500}, {"status_code": 200}])
            pieces = iter([b"%PDF", b"-1.7"])
            for _ in range(2):
                by_requests(extend_api, data=pieces)
        assert [len(item.body) for item in extend_api.attempts] == [8, 0]

    def test_leaves_a_generator_whole_to_the_simulation(self, extend_api):
        with requests_mock.Mocker(real_http=True):
            by_requests(extend_api, data=iter([b"%PDF", b"-1.7"]))
        assert [item.body for item in extend_api.attempts] == [b"%PDF-1.7"]

    def test_s_compressed_reply_is_read(self, extend_api):
        with requests_mock.Mocker() as mock:
            mock.post(URL, status_code=500, content=PACKED, headers={"content-encoding": "gzip"})
            by_requests(extend_api)
        assert outcomes(extend_api) == [(500, "OCR_ERROR", "requests-mock")]


class TestResponses:
    @responses.activate
    def test_answers_first_and_leaves_the_rest(self, extend_api):
        by_requests(extend_api)
        responses.post(URL, json=DOCUMENTED, status=500)
        assert by_requests(extend_api).json() == DOCUMENTED
        assert outcomes(extend_api) == [(200, None, None), (500, "OCR_ERROR", "responses")]
        assert extend_api.request_ids == ["req_mine"]
        assert len(responses.calls) == 2

    @responses.activate
    @pytest.mark.parametrize("source", [io.BytesIO, lambda data: iter([data[:4], data[4:]])])
    def test_keeps_a_spent_body_spent(self, extend_api, source):
        responses.post(URL, json=DOCUMENTED, status=500)
        body = source(b"%PDF-1.7")
        for _ in range(2):
            by_requests(extend_api, data=body)
        assert [len(item.body) for item in extend_api.attempts] == [8, 0]
        with pytest.raises(AssertionError, match="payload"):
            extend_api.assert_payload_resent()

    @responses.activate
    @pytest.mark.parametrize(
        "reply",
        [
            {"body": PACKED, "headers": {"content-encoding": "gzip"}},
            {"body": io.BufferedReader(io.BytesIO(json.dumps(DOCUMENTED).encode()))},
            {"body": b"no gzip", "headers": {"content-encoding": "gzip"}},
        ],
        ids=["compressed", "file", "broken"],
    )
    def test_s_reply_is_read_as_its_client_reads_it(self, extend_api, reply):
        responses.post(URL, status=500, content_type="application/json", **reply)
        if reply["body"] == b"no gzip":
            with pytest.raises(requests.exceptions.ContentDecodingError):
                by_requests(extend_api)
            assert outcomes(extend_api) == [(500, "unknown_code", "responses")]
        else:
            assert by_requests(extend_api).json() == DOCUMENTED
            assert outcomes(extend_api) == [(500, "OCR_ERROR", "responses")]

    @responses.activate
    def test_raises_its_errors_when_the_client_s_time_is_up(self, extend_api):
        responses.post(URL, body=requests.exceptions.ReadTimeout())
        with pytest.raises(requests.exceptions.ReadTimeout):
            by_requests(extend_api, timeout=7)
        assert (outcomes(extend_api), extend_api.clock.elapsed) == (
            [(None, "read_timeout", "responses")],
            7,
        )

    @responses.activate
    def test_retries_wait_as_urllib3_does(self, extend_api):
        responses.post(URL, json=DOCUMENTED, status=500)
        with requests.Session() as session:
            retry = Retry(total=3, backoff_factor=1, status_forcelist=[500], allowed_methods=None)
            session.mount("https://", HTTPAdapter(max_retries=retry))
            with pytest.raises(requests.exceptions.RetryError):
                session.post(URL, json=BODY, headers=headers(extend_api), timeout=5)
        assert [item.started for item in extend_api.attempts] == [0, 0, 2, 6]


class TestPytestHTTPX:
    @pytest.mark.parametrize("send", [by_httpx, by_async_httpx])
    def test_answers_first_and_leaves_the_rest(self, extend_api, httpx_mock, send):
        httpx_mock.add_response(url=URL, status_code=500, json=DOCUMENTED)
        assert [send(extend_api).status_code for _ in range(2)] == [500, 200]
        assert outcomes(extend_api) == [(500, "OCR_ERROR", "pytest-httpx"), (200, None, None)]

    def test_raises_its_errors_when_the_client_s_time_is_up(self, httpx_mock, extend_api):
        httpx_mock.add_exception(httpx.ReadTimeout("late"), url=URL)
        with pytest.raises(httpx.ReadTimeout):
            by_httpx(extend_api, timeout=7)
        assert extend_api.clock.elapsed == 7


class TestVCR:
    def test_records_no_simulation(self, extend_api, tmp_path):
        with vcr.use_cassette(str(tmp_path / "tape.yaml")) as tape:
            assert by_httpx(extend_api).status_code == 200
            assert by_async_httpx(extend_api).status_code == 200
            assert by_requests(extend_api).status_code == 200
            assert asyncio.run(by_aiohttp(extend_api))[0] == 200
        assert len(tape) == 0
        assert outcomes(extend_api) == [(200, None, None)] * 4

    @pytest.mark.parametrize("mode", ["none", "once"])
    @pytest.mark.parametrize(
        ("send", "client"),
        [(by_httpx, "httpx"), (by_async_httpx, "httpx"), (by_requests, "requests")],
    )
    def test_plays_what_it_has_and_leaves_the_rest(self, extend_api, tape, mode, send, client):
        with vcr.use_cassette(tape, record_mode=mode):
            assert send(extend_api).json() == DOCUMENTED
            assert send(extend_api).status_code == 200
        assert outcomes(extend_api) == [
            (500, "OCR_ERROR", "vcrpy's cassette"),
            (200, None, None),
        ]
        assert [item.client for item in extend_api.attempts] == [client, client]

    @pytest.mark.parametrize("send", [by_httpx, by_async_httpx, by_requests])
    def test_s_compressed_reply_is_read(self, extend_api, tape, send):
        path = Path(tape)
        packed = f"!!binary {base64.b64encode(PACKED).decode()}\n"
        plain = re.search("'{.*'\n", path.read_text())[0]
        coded = "Content-Encoding: [gzip]\n      Content-Type:"
        path.write_text(path.read_text().replace(plain, packed).replace("Content-Type:", coded))
        with vcr.use_cassette(tape):
            assert send(extend_api).json() == DOCUMENTED
        assert outcomes(extend_api) == [(500, "OCR_ERROR", "vcrpy's cassette")]

    def test_plays_for_aiohttp(self, extend_api, tape):
        with vcr.use_cassette(tape):
            assert asyncio.run(by_aiohttp(extend_api)) == (500, DOCUMENTED)
        assert outcomes(extend_api) == [(500, "OCR_ERROR", "vcrpy's cassette")]
        assert extend_api.attempts[0].client == "aiohttp"

    def test_that_plays_for_aiohttp_is_judged_beside_the_simulation(self, extend_api, tape):
        with vcr.use_cassette(tape):
            asyncio.run(by_aiohttp(extend_api))
            time.sleep(1)
            asyncio.run(by_aiohttp(extend_api))
        assert [attempt.status for attempt in extend_api.attempts] == [500, 200]
        extend_api.assert_payload_resent()

    def test_that_was_there_before_the_test_began(self, inserted, extend_api):
        assert by_httpx(extend_api).json() == DOCUMENTED
        assert by_httpx(extend_api).status_code == 200

    @pytest.fixture
    def inserted(self, tape):
        with vcr.use_cassette(tape):
            yield


class TestAioresponses:
    def test_leaves_what_it_lacks_to_the_simulation(self, extend_api):
        with aioresponses.aioresponses() as mock:
            mock.get("https://files.example.com/a")
            assert asyncio.run(by_aiohttp(extend_api))[0] == 200
        assert outcomes(extend_api) == [(200, None, None)]

    def test_raises_its_errors_when_the_client_s_time_is_up(self, extend_api):
        with aioresponses.aioresponses() as mock:
            mock.post(URL, timeout=True)
            with pytest.raises(TimeoutError):
                asyncio.run(by_aiohttp(extend_api))
        assert outcomes(extend_api) == [(None, "read_timeout", "aioresponses")]
        assert extend_api.clock.elapsed == 300

    @pytest.mark.parametrize("data", [aiohttp.FormData, dict, io.BytesIO, bytes])
    def test_s_uploads_are_judged(self, extend_api, data):
        url = "https://api.extend.ai/files/upload"

        async def send():
            body = data()
            if data is aiohttp.FormData:
                body.add_field("file", b"%PDF-1.7", filename="a.pdf")
            elif data is dict:
                body["file"] = "text"
            async with aiohttp.ClientSession() as session, session.post(url, data=body):
                pass

        with aioresponses.aioresponses() as mock:
            mock.post(url, timeout=True)
            with pytest.raises(TimeoutError):
                asyncio.run(send())
            asyncio.run(send())
        failed, sent = extend_api.attempts
        assert (failed.mock, sent.mock) == ("aioresponses", None)
        assert failed.payload_digest == sent.payload_digest
        assert failed.document == sent.document
        extend_api.assert_retried()

    def test_answers_first(self, extend_api):
        with aioresponses.aioresponses() as mock:
            mock.post(URL, status=500, payload=DOCUMENTED)
            try:
                found = asyncio.run(by_aiohttp(extend_api))
            except TypeError:
                pytest.skip("this aioresponses does not run with this aiohttp")
        assert found == (500, DOCUMENTED)
        assert outcomes(extend_api) == [(500, "OCR_ERROR", "aioresponses")]
        assert extend_api.attempts[0].body


class TestPook:
    @pytest.mark.parametrize(
        ("send", "client"),
        [(by_httpx, "httpx"), (by_async_httpx, "httpx"), (by_requests, "requests")],
    )
    def test_answers_first_and_leaves_the_rest(self, extend_api, send, client):
        extend_api.fail("INTERNAL_ERROR")
        with pook.use():
            pook.post(URL).times(1).reply(500).json(DOCUMENTED)
            assert send(extend_api).json() == DOCUMENTED
            assert send(extend_api).json()["code"] == "INTERNAL_ERROR"
        assert outcomes(extend_api) == [
            (500, "OCR_ERROR", "pook"),
            (500, "INTERNAL_ERROR", None),
        ]
        assert [item.client for item in extend_api.attempts] == [client, client]
        assert {item.document for item in extend_api.attempts} == {FILES + "a.pdf"}
        extend_api.assert_payload_resent()

    def test_leaves_what_it_lacks_of_aiohttp_to_the_simulation(self, extend_api):
        with pook.use():
            assert asyncio.run(by_aiohttp(extend_api))[0] == 200
        assert outcomes(extend_api) == [(200, None, None)]

    def test_still_refuses_other_hosts(self, extend_api):
        with pook.use(), pytest.raises(pook.exceptions.PookNoMatches):
            httpx.get("https://files.example.com/a")
        assert outcomes(extend_api) == []

    def test_that_was_there_before_the_test_began(self, mocks_before, extend_api):
        pook.post(URL).error(TimeoutError("late"))
        with pytest.raises(TimeoutError):
            by_httpx(extend_api)
        assert outcomes(extend_api) == [(None, "read_timeout", "pook")]

    @pytest.fixture
    def mocks_before(self):
        pook.on()
        yield
        pook.off()


class TestFailuresOfASweep:
    """They come first, whatever the test's own mock would answer: else nothing was swept."""

    @pytest.fixture(autouse=True)
    def claimed(self, monkeypatch):
        monkeypatch.setattr(SimulatedService, "fails_before_mocks", lambda _service, _request: True)

    def test_come_before_requests_mock(self, extend_api):
        with requests_mock.Mocker() as mock:
            mock.post(URL, status_code=500)
            by_requests(extend_api)
        assert outcomes(extend_api) == [(200, None, None)]

    @pytest.mark.httpx_mock(assert_all_responses_were_requested=False)
    @pytest.mark.parametrize("send", [by_httpx, by_async_httpx])
    def test_come_before_pytest_httpx(self, extend_api, httpx_mock, send):
        httpx_mock.add_response(url=URL, status_code=500)
        send(extend_api)
        assert outcomes(extend_api) == [(200, None, None)]

    def test_come_before_aioresponses(self, extend_api):
        with aioresponses.aioresponses() as mock:
            mock.post(URL, timeout=True)
            asyncio.run(by_aiohttp(extend_api))
        assert outcomes(extend_api) == [(200, None, None)]

    @pytest.mark.parametrize("send", [by_httpx, by_async_httpx, by_requests])
    def test_come_before_pook(self, extend_api, send):
        with pook.use():
            pook.post(URL).reply(500)
            send(extend_api)
        assert outcomes(extend_api) == [(200, None, None)]

    @pytest.mark.parametrize("send", [by_httpx, by_async_httpx, by_requests])
    def test_come_before_a_cassette(self, extend_api, tape, send):
        with vcr.use_cassette(tape, record_mode="none"):
            send(extend_api)
        assert outcomes(extend_api) == [(200, None, None)]


class TestMocksAtTheSocket:
    @pytest.mark.parametrize("send", [by_requests, by_httpx, by_aiohttp])
    @pytest.mark.parametrize("name", ["httpretty", "mocket"])
    def test_are_named_where_they_have_the_answer(self, nested, name, send):
        by = {
            "httpretty": "httpretty.enabled(), answer(httpretty.httpretty)",
            "mocket": "mocket.Mocketizer(), answer(mocket.plugins.httpretty.HTTPretty)",
        }[name]
        result = nested(f"""
            import asyncio, contextlib
            import httpcore, httpretty, mocket, mocket.plugins.httpretty
            from test_other_mocks import URL, by_aiohttp, by_httpx, by_requests

            @contextlib.contextmanager
            def answer(mock):
                mock.register_uri("POST", URL, status=500)
                yield

            def test_it(extend_api):
                with {by}:
                    found = {send.__name__}(extend_api)
                    if asyncio.iscoroutine(found):
                        asyncio.run(found)
        """)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            [
                f"{name} has an answer for POST {URL}, and is not asked: it answers at the "
                "socket, which no request of a simulated test reaches.",
                "  from      *.py:* in *",
                "Script it by api.fail(...), or answer it by responses, requests-mock, respx, "
                "aioresponses or aresponses.",
            ]
        )

    @pytest.mark.parametrize("mock", ["httpretty.enabled()", "mocket.Mocketizer()"])
    def test_that_were_there_before_the_test_began_do_no_harm(self, pytester, separate, mock):
        pytester.makepyfile(f"""
            import httpretty, mocket, pytest, requests

            @pytest.fixture(scope="module", autouse=True)
            def began():
                with {mock}:
                    yield

            @pytest.mark.parametrize("number", [1, 2])
            def test_it(extend_api, number):
                assert requests.post("{URL}", timeout=5).status_code == 401
                assert len(extend_api.attempts) == 1
        """)
        separate().assert_outcomes(passed=2)

    @pytest.mark.parametrize("mock", [httpretty.enabled, mocket.Mocketizer])
    def test_do_not_hide_the_sockets_that_are_taken_over(self, mock):
        with mock():
            assert socket.socket is not SOCKET
            assert plain_socket() is SOCKET


def test_checks_judge_waits_over_other_mocks(extend_api):
    with requests_mock.Mocker() as mock:
        mock.post(URL, [{"status_code": 500, "json": DOCUMENTED}] * 2 + [{"json": {}}])
        for wait in (1, 2, 4):
            if by_requests(extend_api).ok:
                break
            time.sleep(wait)
    extend_api.assert_backoff(initial=1)
    extend_api.assert_recovered()
