"""Everything above our interception is urllib3's own: retries, waits, errors, pools."""

from __future__ import annotations

import contextlib
import http.server
import io
import json
import logging
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import pytest
import requests
import responses
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util import Retry, Timeout

from pytest_parseapi import ALWAYS

URL = "https://api.extend.ai/parse"
EXTRACTION = "https://api.nutrient.io/extraction/parse"
BODY = {"file": {"url": "https://files.example.com/invoice.pdf"}}
TEXT = json.dumps(BODY)


def headers(api):
    return {
        "Authorization": f"Bearer {api.api_key}",
        "x-extend-api-version": "2026-02-09",
        "content-type": "application/json",
    }


def post(api, session=requests, **options):
    options.setdefault("timeout", 30)
    return session.post(URL, json=BODY, headers=headers(api), **options)


def session_with(retry, **options):
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=retry, **options))
    return session


def retry(**options):
    settings = {"total": 3, "backoff_factor": 1, "status_forcelist": (429, 500)}
    return Retry(**{**settings, "allowed_methods": None, **options})


class TestRetries:
    def test_are_attempts_with_the_waits_of_urllib3(self, extend_api):
        extend_api.fail("OCR_ERROR", times=3)

        assert post(extend_api, session_with(retry())).status_code == 200

        assert [attempt.waited for attempt in extend_api.attempts] == [None, 0, 2, 4]
        assert [attempt.client for attempt in extend_api.attempts] == ["requests"] * 4
        extend_api.assert_backoff(initial=1, immediate_first=True)
        extend_api.assert_payload_resent()

    def test_that_are_used_up_raise_as_ever(self, extend_api):
        extend_api.fail("OCR_ERROR", times=ALWAYS)

        with pytest.raises(requests.exceptions.RetryError, match="too many 500 error responses"):
            post(extend_api, session_with(retry()))

        extend_api.assert_gave_up(attempts=4)

    def test_that_are_used_up_return_the_last_reply_if_told_so(self, extend_api):
        extend_api.fail("OCR_ERROR", times=ALWAYS)

        answer = post(extend_api, session_with(retry(raise_on_status=False)))

        assert answer.status_code == 500
        assert answer.json()["requestId"] == extend_api.request_ids[-1]

    def test_do_not_repeat_a_post_by_default(self, extend_api):
        extend_api.fail("OCR_ERROR", "connection_reset")
        session = session_with(Retry(3, status_forcelist=(500,)))

        assert post(extend_api, session).status_code == 500
        with pytest.raises(requests.ConnectionError, match="Connection reset by peer"):
            post(extend_api, session)

    def test_honour_retry_after(self, extend_api):
        extend_api.fail("RATE_LIMIT_EXCEEDED", retry_after=45)

        post(extend_api, session_with(retry()))

        assert extend_api.attempts[1].waited == 45
        extend_api.assert_retry_after_honoured()

    @pytest.mark.parametrize("fault", ["connect_error", "connect_timeout", "read_timeout"])
    def test_follow_network_faults(self, extend_api, fault):
        extend_api.fail(fault, times=2)

        assert post(extend_api, session_with(retry())).status_code == 200

        assert [attempt.error for attempt in extend_api.attempts] == [fault, fault, None]
        assert [attempt.waited for attempt in extend_api.attempts] == [None, 0, 2]

    def test_count_connections_and_reads_apart(self, extend_api):
        extend_api.fail("connect_error", times=ALWAYS)
        with pytest.raises(requests.ConnectionError) as caught:
            post(extend_api, session_with(Retry(5, connect=1, read=5)))
        assert isinstance(caught.value.args[0].reason, urllib3.exceptions.NewConnectionError)
        assert len(extend_api.attempts) == 2

    def test_rewind_a_file(self, extend_api, nutrient_api):
        nutrient_api.fail("processing_error")
        scan = io.BytesIO(b"%PDF-1.7 a scan")
        sent = {**headers(nutrient_api), "content-type": "application/pdf"}

        session_with(retry()).post(EXTRACTION, data=scan, headers=sent, timeout=5)

        assert [attempt.body for attempt in nutrient_api.attempts] == [b"%PDF-1.7 a scan"] * 2

    def test_of_a_spent_generator_are_seen_to_be_empty(self, nutrient_api):
        nutrient_api.fail("processing_error")
        sent = {**headers(nutrient_api), "content-type": "application/pdf"}

        blocks = (block for block in (b"%PDF-1.7 ", b"a scan"))
        session_with(retry()).post(EXTRACTION, data=blocks, headers=sent, timeout=5)

        first, second = nutrient_api.attempts
        assert (first.body, second.body) == (b"%PDF-1.7 a scan", b"")
        assert first.headers["transfer-encoding"] == "chunked"
        with pytest.raises(AssertionError, match="15 bytes"):
            nutrient_api.assert_payload_resent()


class TestTimeouts:
    @pytest.mark.parametrize(
        ("given", "connect", "read"),
        [
            (7, 7, 7),
            ((3, 30), 3, 30),
            ((None, 30), None, 30),
            (None, None, None),
            (Timeout(total=9), 9, 9),
            (Timeout(connect=2, read=20, total=9), 2, 9),
        ],
        ids=str,
    )
    def test_are_seen(self, extend_api, given, connect, read):
        post(extend_api, timeout=given)

        timeouts = extend_api.attempts[0].timeouts
        assert (timeouts.connect, timeouts.read) == (connect, read)

    def test_of_the_process_are_seen(self, extend_api, monkeypatch):
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(11)
        try:
            urllib3.PoolManager().request("POST", URL, body=TEXT, headers=headers(extend_api))
        finally:
            socket.setdefaulttimeout(before)

        (attempt,) = extend_api.attempts
        assert (attempt.timeouts.connect, attempt.timeouts.read) == (11, 11)
        assert attempt.client == "urllib3"

    def test_show_their_seconds_in_the_error(self, extend_api):
        extend_api.fail("connect_timeout", "read_timeout")

        with pytest.raises(requests.ConnectTimeout, match=r"connect timeout=3"):
            post(extend_api, timeout=(3, 30))
        with pytest.raises(requests.ReadTimeout, match=r"Read timed out. \(read timeout=30\)"):
            post(extend_api, timeout=(3, 30))

        assert extend_api.clock.elapsed == 33


class TestReplies:
    def test_carry_a_reason(self, extend_api):
        extend_api.fail("OCR_ERROR")
        with pytest.raises(requests.HTTPError) as caught:
            post(extend_api).raise_for_status()
        assert str(caught.value) == f"500 Server Error: Internal Server Error for url: {URL}"

    def test_may_be_streamed(self, extend_api):
        with post(extend_api, stream=True) as answer:
            assert b"".join(answer.iter_content(100)).startswith(b'{"object"')

    def test_free_their_connection(self, extend_api):
        """A pool of one connection that blocks would else wait forever."""
        with session_with(0, pool_maxsize=1, pool_block=True) as session:
            for _ in range(3):
                assert post(extend_api, session).status_code == 200
            extend_api.fail("empty_body", "truncated_body", "connection_reset")
            assert post(extend_api, session).status_code == 500
            with contextlib.suppress(requests.exceptions.ChunkedEncodingError):
                post(extend_api, session)
            with pytest.raises(requests.ConnectionError):
                post(extend_api, session)
            assert post(extend_api, session).status_code == 200

    def test_are_logged_by_urllib3(self, extend_api, caplog):
        caplog.set_level(logging.DEBUG, "urllib3")
        post(extend_api)
        assert '"POST /parse HTTP/1.1" 200' in caplog.text

    def test_reach_each_thread(self, extend_api):
        extend_api.fail("OCR_ERROR", times=8)
        session = session_with(retry())

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: post(extend_api, session).status_code, range(8)))

        assert answers == [200] * 8
        assert len(extend_api.attempts) == 16


class TestEnvironment:
    def test_proxies_of_the_machine_have_no_part(self, extend_api, monkeypatch):
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        extend_api.fail("connect_error")

        with pytest.raises(requests.ConnectionError) as caught:
            post(extend_api)

        assert type(caught.value) is requests.ConnectionError
        assert post(extend_api).status_code == 200

    def test_a_proxy_of_the_consumers_own_is_not_asked(self, extend_api):
        proxies = {"https": "http://127.0.0.1:9"}
        assert post(extend_api, proxies=proxies).status_code == 200
        with urllib3.ProxyManager("http://127.0.0.1:9") as manager:
            answer = manager.request("POST", URL, body=TEXT, headers=headers(extend_api), timeout=5)
        assert answer.status == 200

    def test_another_host_is_really_asked(self, extend_api):
        class Hello(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.send_response(201)
                self.end_headers()
                self.wfile.write(self.rfile.read(int(self.headers["content-length"])))

            def log_message(self, *_args):
                """Say nothing."""

        with http.server.HTTPServer(("127.0.0.1", 0), Hello) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            answer = requests.post(f"http://127.0.0.1:{server.server_port}/", data=b"x", timeout=5)
            thread.join()
        assert (answer.status_code, answer.content) == (201, b"x")
        assert not extend_api.attempts

    def test_what_niquests_puts_in_the_place_of_urllib3_is_answered(self, extend_api, monkeypatch):
        def needs_a_network(*_args, **_options):
            raise AttributeError("'_Socket' object has no attribute 'type'")

        monkeypatch.setitem(sys.modules, "urllib3.backend", ModuleType("urllib3.backend"))
        monkeypatch.setattr("urllib3.connection.HTTPConnection.request", needs_a_network)
        assert post(extend_api).status_code == 200


class TestResponses:
    @responses.activate
    def test_mocks_other_hosts_in_the_same_test(self, extend_api):
        responses.get("https://files.example.com/invoice.pdf", body=b"%PDF")
        extend_api.fail("OCR_ERROR", times=2)

        assert requests.get("https://files.example.com/invoice.pdf", timeout=5).content == b"%PDF"
        assert post(extend_api, session_with(retry())).status_code == 200

        assert [attempt.waited for attempt in extend_api.attempts] == [None, 0, 2]

    @responses.activate
    def test_refuses_what_neither_knows(self, extend_api):
        with pytest.raises(requests.ConnectionError, match="Connection refused by Responses"):
            requests.get("https://files.example.com/unknown.pdf", timeout=5)

    @responses.activate
    def test_has_what_it_mocks_of_a_documented_host(self, extend_api):
        responses.post(URL, json={"by": "responses"})
        assert post(extend_api).json() == {"by": "responses"}
        assert [attempt.mock for attempt in extend_api.attempts] == ["responses"]


class TestRequests:
    def test_show_what_urllib3_adds(self, extend_api):
        with urllib3.PoolManager() as manager:
            manager.request("POST", URL, body=TEXT, headers=headers(extend_api), timeout=5)
        sent = extend_api.attempts[0].headers
        assert (sent["host"], sent["content-length"]) == ("api.extend.ai", str(len(TEXT)))

    def test_of_text_are_seen_as_bytes(self, extend_api):
        sent = headers(extend_api)
        text = '{"file": {"url": "https://files.example.com/Übersicht.pdf"}}'
        requests.post(URL, data=text.encode(), headers=sent, timeout=5)
        with urllib3.PoolManager() as manager:
            manager.request("POST", URL, body=text, headers=sent, timeout=5)
        assert [attempt.body for attempt in extend_api.attempts] == [text.encode()] * 2

    def test_without_latin_headers_fail_as_on_a_real_connection(self, extend_api):
        with pytest.raises(UnicodeEncodeError):
            requests.post(URL, json=BODY, headers={"x-name": "Łódź"}, timeout=5)
