"""httpx with all kinds of settings: its requests are recorded, its responses are its own."""

from __future__ import annotations

import asyncio
import http.server
import json
import ssl
import threading
from pathlib import Path
from types import SimpleNamespace

import certifi
import httpx
import httpx_retries
import pytest
import respx

from pytest_parseapi import ALWAYS, Reply
from pytest_parseapi.clients.httpx.exchanges import HTTPXExchanges
from pytest_parseapi.clients.httpx.responses import Responses

URL = "https://api.extend.ai/parse"
BODY = {"file": {"url": "https://files.example.com/invoice.pdf"}}
HEADERS = {"authorization": "Bearer sk_test_0123456789"}
RAW = json.dumps(BODY).encode()


class Sync:
    """A client that blocks."""

    transport = httpx.HTTPTransport
    stream = staticmethod(iter)

    def __call__(self, method, url=URL, *, client=None, read=True, **arguments):
        with httpx.Client(**(client or {})) as session:
            reply = session.request(method, url, headers=HEADERS, **arguments)
            if read:
                reply.read()
            return reply


async def _chunks(chunks):
    for chunk in chunks:
        yield chunk


class Async:
    """A client on an event loop."""

    transport = httpx.AsyncHTTPTransport
    stream = staticmethod(_chunks)

    def __call__(self, method, url=URL, *, client=None, deadline=None, **arguments):
        async def main():
            async with httpx.AsyncClient(**(client or {})) as session, asyncio.timeout(deadline):
                reply = await session.request(method, url, headers=HEADERS, **arguments)
                await reply.aread()
                return reply

        return asyncio.run(main())


class OtherURL:
    """A URL of a version of the library that keeps its parts in another way."""

    host = "api.extend.ai"
    raw_path = b"/parse?a=b"

    def __str__(self):
        return f"{URL}?a=b"


@pytest.fixture(params=[Sync(), Async()], ids=["sync", "async"])
def send(request):
    return request.param


def test_a_reply_is_httpx_s_own(extend_api, send):
    extend_api.fail("OCR_ERROR", retry_after=7)
    reply = send("POST", json=BODY)
    assert isinstance(reply, httpx.Response)
    assert reply.status_code == 500
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["retry-after"] == "7"
    assert reply.headers["content-length"] == str(len(reply.content))
    assert reply.http_version == "HTTP/1.1"
    assert str(reply.request.url) == URL
    assert reply.json()["code"] == "OCR_ERROR"
    assert reply.elapsed.total_seconds() >= 0
    with pytest.raises(httpx.HTTPStatusError):
        reply.raise_for_status()


@pytest.mark.parametrize(
    "host", ["api.extend.ai", "api.us2.extend.app", "api.eu1.extend.ai", "API.Extend.AI"]
)
def test_every_host(extend_api, send, host):
    assert send("POST", f"https://{host}/parse", json=BODY).status_code == 200
    assert len(extend_api.attempts) == 1


@pytest.mark.parametrize("base", ["https://api.extend.ai", "https://api.extend.ai:443/"])
def test_a_base_url(extend_api, send, base):
    assert send("POST", "/parse", json=BODY, client={"base_url": base}).status_code == 200


def test_a_base_url_with_a_path(nutrient_api, send):
    client = {"base_url": nutrient_api.base_url + "/extraction"}
    assert send("POST", "parse", content=b"%PDF-1.7", client=client).status_code in {200, 400}
    assert [attempt.endpoint for attempt in nutrient_api.attempts] == ["/extraction/parse"]


@pytest.mark.parametrize(
    "arguments",
    [{"json": BODY}, {"content": RAW}, {"content": RAW.decode()}],
    ids=["json", "bytes", "text"],
)
def test_bodies(extend_api, send, arguments):
    client = {"headers": {"content-type": "application/json"}}
    assert send("POST", client=client, **arguments).status_code == 200
    assert json.loads(extend_api.attempts[0].body) == BODY


def test_a_streamed_body(extend_api, send):
    client = {"headers": {"content-type": "application/json"}}
    reply = send("POST", client=client, content=send.stream([RAW[:10], RAW[10:]]))
    assert reply.status_code == 200
    assert extend_api.attempts[0].body == RAW


def test_a_spent_stream_raises_as_httpx_does(extend_api, send):
    extend_api.fail("OCR_ERROR")
    stream = send.stream([RAW])
    client = {"headers": {"content-type": "application/json"}}
    assert send("POST", client=client, content=stream).status_code == 500
    if isinstance(send, Sync):
        # A spent iterator sends nothing; httpx cannot tell.
        assert send("POST", client=client, content=stream).status_code == 400
        assert extend_api.attempts[1].body == b""
        with pytest.raises(AssertionError):
            extend_api.assert_payload_resent()


def test_the_same_request_with_a_stream_cannot_be_sent_twice(extend_api):
    extend_api.fail("OCR_ERROR")
    with httpx.Client() as client:
        request = client.build_request(
            "POST",
            URL,
            content=(chunk for chunk in [RAW]),
            headers={**HEADERS, "content-type": "application/json"},
        )
        client.send(request)
        with pytest.raises(httpx.StreamConsumed):
            client.send(request)
    assert len(extend_api.attempts) == 1


def test_a_reply_that_is_streamed(extend_api):
    with httpx.Client() as client, client.stream("POST", URL, json=BODY, headers=HEADERS) as reply:
        with pytest.raises(httpx.ResponseNotRead):
            reply.json()
        assert json.loads(b"".join(reply.iter_bytes()))["status"] == "PROCESSED"


# Transports.


class Wrapping(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport of the consumer's own."""

    def __init__(self, inner):
        self.inner = inner
        self.seen = []

    def handle_request(self, request):
        self.seen.append(request.url.path)
        return self.inner.handle_request(request)

    async def handle_async_request(self, request):
        self.seen.append(request.url.path)
        return await self.inner.handle_async_request(request)


def test_a_transport_that_wraps_httpx_s(extend_api, send):
    transport = Wrapping(send.transport())
    assert send("POST", json=BODY, client={"transport": transport}).status_code == 200
    assert transport.seen == ["/parse"]


def test_a_transport_derived_from_httpx_s(extend_api):
    class Own(httpx.HTTPTransport):
        def handle_request(self, request):
            request.headers["x-own"] = "yes"
            return super().handle_request(request)

    with httpx.Client(transport=Own()) as client:
        client.post(URL, json=BODY, headers=HEADERS)
    assert extend_api.attempts[0].headers["x-own"] == "yes"


def test_retries_inside_a_transport_are_attempts(extend_api, send):
    extend_api.fail("INTERNAL_ERROR", times=2)
    retry = httpx_retries.Retry(
        total=3,
        backoff_factor=1,
        backoff_jitter=0,
        allowed_methods=["POST"],
        status_forcelist=[500],
    )
    transport = httpx_retries.RetryTransport(transport=send.transport(), retry=retry)
    assert send("POST", json=BODY, client={"transport": transport}).status_code == 200
    assert [attempt.waited for attempt in extend_api.attempts] == [None, 2, 4]
    extend_api.assert_retried(times=2)


def test_connections_that_httpx_tries_again_by_itself(extend_api, send):
    extend_api.fail("connect_error", times=3)
    client = {"transport": send.transport(retries=3)}
    assert send("POST", json=BODY, client=client).status_code == 200
    assert [attempt.waited for attempt in extend_api.attempts] == [None, 0, 0.5, 1]


def test_httpx_does_not_retry_what_it_has_read(extend_api, send):
    extend_api.fail("read_timeout")
    with pytest.raises(httpx.ReadTimeout):
        send("POST", json=BODY, client={"transport": send.transport(retries=3)})
    assert len(extend_api.attempts) == 1


def test_proxies(extend_api, send):
    assert send("POST", json=BODY, client={"proxy": "http://127.0.0.1:9"}).status_code == 200


def test_a_proxy_of_the_environment(extend_api, send, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert send("POST", json=BODY).status_code == 200


def test_mounts(extend_api, send):
    transport = Wrapping(send.transport())
    client = {"mounts": {"https://api.extend.ai": transport}}
    assert send("POST", json=BODY, client=client).status_code == 200
    assert transport.seen == ["/parse"]


def test_a_mock_transport_of_the_consumer_stays_its_own(extend_api, send):
    mock = httpx.MockTransport(lambda _request: httpx.Response(418))
    assert send("POST", json=BODY, client={"transport": mock}).status_code == 418
    assert extend_api.attempts == []


def test_event_hooks(extend_api):
    seen = []
    hooks = {
        "request": [lambda request: seen.append(request.method)],
        "response": [lambda reply: seen.append(reply.status_code)],
    }
    extend_api.fail("OCR_ERROR")
    Sync()("POST", json=BODY, client={"event_hooks": hooks})
    assert seen == ["POST", 500]


class Renewing(httpx.Auth):
    """An auth flow that renews its token when it is rejected."""

    requires_response_body = True

    def auth_flow(self, request):
        request.headers["authorization"] = "Basic old"
        reply = yield request
        if reply.status_code == 401:
            request.headers["authorization"] = "Bearer new_token_0123456789"
            yield request


def test_auth_flows(extend_api, send):
    assert send("POST", json=BODY, auth=Renewing()).status_code == 200
    assert [attempt.status for attempt in extend_api.attempts] == [401, 200]


# Network faults.

FAULTS = {
    "connect_error": (httpx.ConnectError, 0),
    "connect_timeout": (httpx.ConnectTimeout, 3),
    "read_timeout": (httpx.ReadTimeout, 8),
    "connection_reset": (httpx.ReadError, 0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(extend_api, send, fault):
    error, seconds = FAULTS[fault]
    extend_api.fail(fault)
    limits = httpx.Timeout(5, connect=3, read=8)
    with pytest.raises(error) as caught:
        send("POST", json=BODY, client={"timeout": limits})
    assert type(caught.value) is error
    assert str(caught.value)
    assert str(caught.value.request.url) == URL
    assert extend_api.clock.elapsed == seconds
    attempt = extend_api.attempts[0]
    assert (attempt.status, attempt.error, attempt.ended) == (None, fault, seconds)


def test_a_body_that_ends_early(extend_api, send):
    extend_api.fail("truncated_body")
    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
        send("POST", json=BODY)


def test_a_reply_slower_than_the_client_waits(extend_api, send):
    extend_api.replies_take(seconds=10)
    with pytest.raises(httpx.ReadTimeout):
        send("POST", json=BODY, client={"timeout": 4})
    assert extend_api.clock.elapsed == 4
    assert send("POST", json=BODY, client={"timeout": 20}).status_code == 200
    assert extend_api.clock.elapsed == 14
    assert send("POST", json=BODY, client={"timeout": None}).status_code == 200
    assert extend_api.clock.elapsed == 24


def test_a_deadline_around_a_slow_reply(extend_api):
    extend_api.replies_take(seconds=60)
    with pytest.raises(TimeoutError):
        Async()("POST", json=BODY, client={"timeout": None}, deadline=5)
    assert extend_api.clock.elapsed == 5
    assert [attempt.error for attempt in extend_api.attempts] == ["cancelled"]


@pytest.mark.parametrize("fault", ["read_timeout", "connect_timeout"])
def test_a_deadline_around_a_silent_server(extend_api, fault):
    extend_api.fail(fault)
    with pytest.raises(TimeoutError):
        Async()("POST", json=BODY, client={"timeout": None}, deadline=30)
    assert extend_api.clock.elapsed == 30
    assert [attempt.error for attempt in extend_api.attempts] == [fault]


@pytest.mark.parametrize("which", ["read", "connect"])
def test_a_silent_server_and_no_time_out_stop_the_test(nested, which):
    result = nested(
        f"""
        import httpx

        def test(extend_api):
            extend_api.fail("{which}_timeout")
            try:
                httpx.post("{URL}", json={BODY}, headers={HEADERS}, timeout=None)
            except BaseException:
                pass
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            f"POST {URL} would hang forever: *(httpx) has no {which} time-out.",
            "  from      test_*.py:* in test",
            "  expected  an end of the call",
            "  next      give the client a time-out, or put a deadline around the call",
        ],
        consecutive=True,
    )


# Other hosts.


class Local(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/away":
            self.send_response(307)
            self.send_header("location", "https://api.extend.ai/parse")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"local")

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_):
        pass


@pytest.fixture
def local():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Local)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_other_hosts_pass_through(extend_api, send, local):
    assert send("GET", local).text == "local"
    assert extend_api.attempts == []
    assert send("POST", json=BODY).status_code == 200


def test_a_redirect_to_a_documented_host(extend_api, send, local):
    # httpx takes the credential off when it is sent to another host.
    client = {"follow_redirects": True}
    assert send("POST", f"{local}/away", json=BODY, client=client).status_code == 401
    assert len(extend_api.attempts) == 1


def test_respx_for_other_hosts(extend_api, send, respx_mock):
    respx_mock.get("https://other.example.com/").respond(204)
    assert send("GET", "https://other.example.com/").status_code == 204
    assert send("GET", "https://other.example.com/").status_code == 204


def test_a_respx_router_that_passes_the_provider_through(extend_api, send):
    with respx.mock(assert_all_called=False) as router:
        router.get("https://other.example.com/").respond(204)
        router.route(host="api.extend.ai").pass_through()
        extend_api.fail("OCR_ERROR")
        assert send("GET", "https://other.example.com/").status_code == 204
        assert send("POST", json=BODY).status_code == 500


@pytest.mark.parametrize("order", [("extend_api", "httpx_mock"), ("httpx_mock", "extend_api")])
def test_pytest_httpx_for_other_hosts(request, send, order):
    given = {name: request.getfixturevalue(name) for name in order}
    given["httpx_mock"].add_response(url="https://other.example.com/", status_code=204)
    given["extend_api"].fail("OCR_ERROR")
    assert send("POST", json=BODY).status_code == 500
    assert send("GET", "https://other.example.com/").status_code == 204
    assert send("POST", json=BODY).status_code == 200
    assert len(given["extend_api"].attempts) == 2
    assert len(given["httpx_mock"].get_requests()) == 1


# TLS contexts.


def context_of(client):
    return client._transport._pool._ssl_context


def test_clients_share_a_context(extend_api):
    with httpx.Client() as first, httpx.Client() as second:
        assert context_of(first) is context_of(second)
        assert context_of(first).verify_mode is ssl.CERT_REQUIRED
        assert context_of(first).check_hostname is True


def test_a_client_that_does_not_verify_has_a_context_of_its_kind(extend_api):
    with httpx.Client() as strict, httpx.Client(verify=False) as loose:
        assert context_of(loose) is not context_of(strict)
        assert context_of(loose).verify_mode is ssl.CERT_NONE
        assert context_of(strict).verify_mode is ssl.CERT_REQUIRED


def test_a_context_of_the_consumer_s_own_is_used(extend_api):
    own = ssl.create_default_context()
    with httpx.Client(verify=own) as client:
        assert context_of(client) is own
        assert client.post(URL, json=BODY, headers=HEADERS).status_code == 200


def test_the_environment_s_certificates_count(extend_api, monkeypatch, tmp_path):
    with httpx.Client() as before:
        pass
    certificates = tmp_path / "certificates.pem"
    first, end, _ = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----\n")
    certificates.write_text(first + end)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates))
    with httpx.Client() as after:
        assert context_of(after) is not context_of(before)
        assert len(context_of(after).get_ca_certs()) == 1
    with httpx.Client(trust_env=False) as untrusting:
        assert len(context_of(untrusting).get_ca_certs()) > 1


def test_create_ssl_context_gives_a_new_one(extend_api):
    assert httpx.create_ssl_context() is not httpx.create_ssl_context()


# Misses.


@pytest.mark.parametrize("text", ["a", "\xe9"])
def test_a_version_that_keeps_urls_and_headers_in_another_way(extend_api, text):
    exchanges = HTTPXExchanges(httpx, extend_api._simulation.hosts)
    request = httpx.Request("POST", f"{URL}?a=b", json=BODY, headers=HEADERS)
    other = SimpleNamespace(
        method="POST",
        url=OtherURL(),
        headers=SimpleNamespace(raw=request.headers.raw),
        extensions={},
    )
    read = exchanges.neutral_request(request, RAW)
    assert exchanges.neutral_request(other, RAW) == read
    assert (read.url, read.host, read.path, read.query) == (
        f"{URL}?a=b",
        other.url.host,
        "/parse",
        "a=b",
    )
    assert read.header("authorization") == HEADERS["authorization"]

    reply = Reply(status=200, headers={"Content-Type": "text/plain", "x-more": text}, body=b"abc")
    responses = Responses(httpx)
    known = responses.make(request, reply)
    responses._keeps_lines = False
    unknown = responses.make(request, reply)
    assert known.headers.raw == unknown.headers.raw
    assert known.headers.encoding == unknown.headers.encoding
    assert known.headers.multi_items() == unknown.headers.multi_items()
    assert known.headers["X-More"] == text


def test_unknown_endpoints_are_told_from_failures(nested):
    result = nested(
        f"""
        import httpx

        def test(extend_api):
            for _ in range(3):
                try:
                    httpx.post("https://api.extend.ai/pars", headers={HEADERS})
                except Exception:
                    pass
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*POST /pars is not simulated: Extend does not document it, or the simulation*",
            "  from      test_*.py:* in test",
            "*asked     POST https://api.extend.ai/pars (by httpx)",
            "*nearest   did you mean 'POST /parse'*",
        ],
        consecutive=True,
    )


def test_an_endless_retry_is_stopped(nested):
    assert float("inf") == ALWAYS
    result = nested(
        f"""
        import httpx
        from pytest_parseapi import ALWAYS

        def test(extend_api):
            extend_api.fail("OCR_ERROR", times=ALWAYS)
            while True:
                try:
                    httpx.post("{URL}", json={BODY}, headers={HEADERS}).raise_for_status()
                    break
                except Exception:
                    pass
        """,
        "-o",
        "parseapi_max_attempts=5",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*failed 5 times in a row*parseapi_max_attempts = 5*"])
