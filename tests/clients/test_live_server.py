"""The live server, for other processes and for clients that are not intercepted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import trio

from pytest_parseapi.api.simulation import Settings, Simulation
from pytest_parseapi.clients.server.server import SharedServer
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.providers.registry import registry

BODY = b'{"file":{"url":"https://files.example.com/a.pdf"}}'
FILES = Path("/proc/self/fd")
JSON = "authorization: Bearer key\r\ncontent-type: application/json\r\n"


def ask(body: bytes = BODY, headers: str = JSON, start: str = "POST /parse HTTP/1.1") -> bytes:
    sized = f"host: localhost\r\n{headers}content-length: {len(body)}\r\n"
    return f"{start}\r\n{sized}\r\n".encode() + body


@contextlib.contextmanager
def connected(url: str, seconds: float = 10):
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=seconds) as sock:
        yield sock


def reply(sock: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """The next reply; its body as far as it comes."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        assert more, f"closed after {data!r}"
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    while len(body) < int(headers.get("content-length", 0)):
        more = sock.recv(65536)
        if not more:
            break
        body += more
    return int(first.split()[1]), headers, body


def post(api, body: bytes = BODY) -> int:
    with connected(api.live_url) as sock:
        sock.sendall(ask(body))
        return reply(sock)[0]


class TestHTTP:
    def test_replies_as_the_api_does(self, extend_api):
        with connected(extend_api.live_url) as sock:
            sock.sendall(ask())
            status, headers, body = reply(sock)
        assert status == 200
        assert headers["content-type"] == "application/json"
        assert json.loads(body)["object"] == "parse_run"
        (attempt,) = extend_api.attempts
        assert attempt.client == "server"
        assert (attempt.document, attempt.status) == ("https://files.example.com/a.pdf", 200)
        assert attempt.url == "http://localhost/parse"
        assert attempt.headers["authorization"] == "Bearer ***"
        assert not attempt.timeouts.known

    def test_keeps_the_connection(self, extend_api):
        extend_api.fail("OCR_ERROR")
        with connected(extend_api.live_url) as sock:
            for status in (500, 200, 200):
                sock.sendall(ask())
                assert reply(sock)[0] == status

    def test_requests_sent_at_once_are_answered_in_order(self, extend_api):
        extend_api.fail("OCR_ERROR")
        with connected(extend_api.live_url) as sock:
            sock.sendall(ask() + ask())
            first = sock.recv(20)
            assert first.startswith(b"HTTP/1.1 500")
            rest = b""
            while b"HTTP/1.1 200" not in rest:
                rest += sock.recv(65536)
        assert [attempt.status for attempt in extend_api.attempts] == [500, 200]

    def test_a_chunked_body_in_single_bytes(self, extend_api):
        head = f"POST /parse HTTP/1.1\r\nhost: x\r\n{JSON}transfer-encoding: chunked\r\n\r\n"
        data = head.encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
        with connected(extend_api.live_url) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in data:
                sock.send(bytes([byte]))
            assert reply(sock)[0] == 200
        assert extend_api.attempts[0].body == BODY

    def test_answers_expect_with_100_continue(self, extend_api):
        with connected(extend_api.live_url) as sock:
            head, _, body = ask(headers=JSON + "expect: 100-continue\r\n").partition(b"\r\n\r\n")
            sock.sendall(head + b"\r\n\r\n")
            assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
            sock.sendall(body)
            assert reply(sock)[0] == 200

    @pytest.mark.parametrize(
        ("start", "headers"),
        [("POST /parse HTTP/1.0", JSON), ("POST /parse HTTP/1.1", JSON + "connection: close\r\n")],
    )
    def test_closes_where_the_client_asks_for_it(self, extend_api, start, headers):
        with connected(extend_api.live_url) as sock:
            sock.sendall(ask(start=start, headers=headers))
            assert reply(sock)[0] == 200
            assert sock.recv(1) == b""

    def test_a_client_that_reads_slowly_gets_every_reply(self, extend_api):
        with connected(extend_api.live_url) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
            sender = threading.Thread(target=sock.sendall, args=(ask() * 4000,))
            sender.start()
            seen, tail = 0, b""
            while seen < 4000:
                data = tail + sock.recv(1024 * 1024)
                seen += data.count(b"HTTP/1.1 200")
                tail = data[-11:]
            sender.join()
        assert len(extend_api.attempts) == 4000

    def test_a_base_url_with_a_path_keeps_it(self, nutrient_api):
        base = urlsplit(nutrient_api.base_url).path.rstrip("/")
        assert urlsplit(nutrient_api.live_url).path == base

    def test_urls_in_replies_lead_to_the_live_server(self, extend_api):
        body = BODY[:-1] + b',"responseType":"url"}'
        start = "POST /parse?responseType=url HTTP/1.1"
        parts = urlsplit(extend_api.live_url)
        with connected(extend_api.live_url) as sock:
            data = ask(body, start=start).replace(
                b"host: localhost", f"host: {parts.netloc}".encode()
            )
            sock.sendall(data)
            shown = json.loads(reply(sock)[2])
        assert shown["outputUrl"].startswith(extend_api.live_url + "/")
        assert httpx.get(shown["outputUrl"]).status_code == 200

    def test_each_provider_has_a_port_of_its_own(self, extend_api, nutrient_api):
        assert post(extend_api) == 200
        assert extend_api.live_url == extend_api.live_url
        assert urlsplit(extend_api.live_url).port != urlsplit(nutrient_api.live_url).port
        assert (len(extend_api.attempts), len(nutrient_api.attempts)) == (1, 0)

    def test_many_connections_at_once(self, extend_api):
        with contextlib.ExitStack() as stack:
            url = extend_api.live_url
            socks = [stack.enter_context(connected(url)) for _ in range(200)]
            for sock in socks:
                sock.sendall(ask())
            assert {reply(sock)[0] for sock in socks} == {200}
        assert len(extend_api.attempts) == 200


class TestUploads:
    @staticmethod
    def upload(api, path: str, megabytes: int) -> tuple[int, bytes]:
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF'
        chunk, tail = bytes(1024 * 1024), b"\r\n--b--\r\n"
        size = len(head) + megabytes * len(chunk) + len(tail)
        base = urlsplit(api.live_url).path
        with connected(api.live_url, seconds=60) as sock:
            sock.sendall(
                f"POST {base}{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key\r\n"
                f"content-type: multipart/form-data; boundary=b\r\ncontent-length: {size}\r\n\r\n"
                "".encode()
                + head
            )
            for _ in range(megabytes):
                sock.sendall(chunk)
            sock.sendall(tail)
            status, _, body = reply(sock)
        return status, body

    def test_a_large_document_is_a_digest_on_record(self, nutrient_api):
        assert self.upload(nutrient_api, "/extraction/parse", 20)[0] == 200
        (attempt,) = nutrient_api.attempts
        assert attempt.document == "a.pdf"
        assert len(attempt.body) < 100_000
        (part,) = attempt.payload.parts
        assert part.size == 20 * 1024 * 1024 + 4

    def test_one_over_the_limit_is_too_large(self, nutrient_api):
        status, _ = self.upload(nutrient_api, "/extraction/parse", 150)
        assert status == 413
        assert nutrient_api.attempts[0].error.code == "payload_too_large"


class TestFaults:
    @pytest.mark.parametrize("fault", ["connection_reset", "connect_error"])
    def test_a_scripted_reset_resets_the_connection(self, extend_api, fault):
        extend_api.fail(fault)
        with connected(extend_api.live_url) as sock:
            sock.sendall(ask())
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
        assert extend_api.attempts[0].error == fault

    def test_a_truncated_body_stops_short(self, extend_api):
        extend_api.fail("truncated_body")
        with connected(extend_api.live_url) as sock:
            sock.sendall(ask())
            status, headers, body = reply(sock)
            assert (status, len(body)) == (200, int(headers["content-length"]) // 2)
            assert sock.recv(1) == b""

    @pytest.mark.parametrize("fault", ["read_timeout", "connect_timeout"])
    def test_a_silent_server_is_silent_until_the_client_leaves(self, extend_api, fault):
        extend_api.fail(fault)
        with connected(extend_api.live_url, seconds=0.05) as sock:
            sock.sendall(ask())
            with pytest.raises(TimeoutError):
                sock.recv(1)
            assert not extend_api.attempts
        assert post(extend_api) == 200
        first, second = extend_api.attempts
        assert (first.error, first.status, second.status) == (fault, None, 200)
        assert first.ended - first.started >= 0.04
        extend_api.assert_recovered()

    def test_a_client_that_cannot_wait_for_a_slow_reply_timed_out(self, extend_api):
        extend_api.replies_take(30)
        with connected(extend_api.live_url, seconds=0.02) as sock:
            sock.sendall(ask())
            with pytest.raises(TimeoutError):
                sock.recv(1)
        extend_api.replies_take(0)
        assert post(extend_api) == 200
        assert [attempt.error for attempt in extend_api.attempts] == ["read_timeout", None]

    def test_a_retry_may_come_by_another_connection(self, extend_api):
        extend_api.fail("OCR_ERROR")
        with connected(extend_api.live_url) as first, connected(extend_api.live_url) as second:
            for sock in (first, second):
                sock.sendall(ask())
                reply(sock)
        extend_api.assert_retried(times=1)
        extend_api.assert_payload_resent()

    def test_every_fault_and_error_is_checked_as_by_any_client(self, extend_api):
        extend_api.fail("RATE_LIMIT_EXCEEDED", retry_after=3)
        assert post(extend_api) == 429
        time.sleep(3)
        assert post(extend_api) == 200
        extend_api.assert_retry_after_honoured()


class TestTime:
    def test_waits_between_exchanges_are_virtual_and_exact(self, extend_api):
        extend_api.fail("OCR_ERROR", times=4)
        with httpx.Client(base_url=extend_api.live_url) as client:
            for wait in (1, 2, 4, 8, 0):
                headers = {"authorization": "Bearer key", "content-type": "application/json"}
                client.post("/parse", content=BODY, headers=headers)
                time.sleep(wait)
        assert [attempt.waited for attempt in extend_api.attempts] == [None, 1, 2, 4, 8]
        extend_api.assert_backoff(initial=1, jitter=0)

    def test_a_loop_with_an_idle_connection_sleeps_in_virtual_time(self, extend_api):
        extend_api.fail("OCR_ERROR", times=3)

        async def consume() -> None:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", urlsplit(extend_api.live_url).port
            )
            for attempt in range(4):
                writer.write(ask())
                await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(1000 * 2**attempt)
            writer.close()

        began = extend_api.clock.jumped_ns
        asyncio.run(consume())
        assert extend_api.clock.jumped_ns - began > 14_900 * 10**9
        extend_api.assert_backoff(initial=1000)

    def test_threads_that_back_off_at_once_wait_no_longer_than_one(self, extend_api):
        extend_api.fail("OCR_ERROR", times=8)
        url, together = extend_api.live_url, threading.Barrier(4)

        def consume(number: int) -> None:
            body = BODY.replace(b"a.pdf", b"%d.pdf" % number)
            with connected(url) as sock:
                for attempt in range(3):
                    together.wait()
                    sock.sendall(ask(body))
                    assert reply(sock)[0] == (200 if attempt == 2 else 500)
                    together.wait()
                    time.sleep(2**attempt)

        threads = [threading.Thread(target=consume, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number in range(4):
            waits = [item.waited for item in extend_api.attempts_for(f"{number}.pdf")]
            assert waits == [None, 1, 2]
        assert extend_api.clock.elapsed == 7

    def test_a_trio_client_sleeps_in_virtual_time(self, extend_api):
        extend_api.fail("OCR_ERROR", times=2)

        async def consume() -> None:
            url = urlsplit(extend_api.live_url)
            stream = await trio.open_tcp_stream(url.hostname, url.port)
            for attempt in range(3):
                await stream.send_all(ask())
                await stream.receive_some()
                await trio.sleep(1000 * 2**attempt)
            await stream.aclose()

        trio.run(consume)
        extend_api.assert_backoff(initial=1000)

    def test_a_slow_reply_passes_in_real_time_and_nothing_jumps_over_it(self, extend_api):
        extend_api.replies_take(0.2)
        ended = []

        def sleep() -> None:
            time.sleep(60)
            ended.append(extend_api.attempts)

        url = extend_api.live_url
        with connected(url) as sock:
            sock.sendall(ask())
            sleeper = threading.Thread(target=sleep)
            sleeper.start()
            assert reply(sock)[0] == 200
            sleeper.join()
        assert [attempt.status for attempt in ended[0]] == [200]
        (attempt,) = extend_api.attempts
        assert 0.2 <= attempt.ended - attempt.started < 60

    def test_another_process_waits_in_real_time(self, extend_api, tmp_path):
        extend_api.fail("OCR_ERROR")
        script = tmp_path / "consumer.py"
        script.write_text(
            "import sys, time, urllib.request, urllib.error\n"
            "for _ in range(2):\n"
            "    request = urllib.request.Request(sys.argv[1] + '/parse', sys.argv[2].encode(),\n"
            "        {'authorization': 'Bearer k', 'content-type': 'application/json'})\n"
            "    try:\n"
            "        urllib.request.urlopen(request)\n"
            "    except urllib.error.HTTPError:\n"
            "        time.sleep(0.3)\n"
        )
        subprocess.run([sys.executable, script, extend_api.live_url, BODY], check=True)
        extend_api.assert_recovered()
        assert 0.3 <= extend_api.attempts[1].waited < 60
        assert extend_api.clock.elapsed >= extend_api.attempts[1].ended

    def test_nothing_jumps_while_another_process_is_connected(self, extend_api):
        script = (
            "import socket, sys, time\n"
            "sock = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
            "sock.sendall(sys.argv[2].encode())\n"
            "sock.recv(65536)\n"
            "print('replied', flush=True)\n"
            "time.sleep(0.5)\n"
        )
        port = str(urlsplit(extend_api.live_url).port)
        client = subprocess.Popen(
            [sys.executable, "-c", script, port, ask()], stdout=subprocess.PIPE
        )
        assert client.stdout.readline()
        began = time.monotonic()
        time.sleep(60)
        # What really passed before the jump comes on top of it.
        assert time.monotonic() - began > 60.2
        client.communicate()


class TestSession:
    @pytest.fixture
    def shared(self):
        server = SharedServer()
        yield server
        server.stop()

    @staticmethod
    def simulation(shared: SharedServer) -> Simulation:
        return Simulation(registry(), Settings(seed="x", clients=[]), SharedContexts(), live=shared)

    def test_requests_go_to_the_test_that_runs(self, shared):
        for _ in range(2):
            simulation = self.simulation(shared)
            simulation.start()
            try:
                url = shared.url(simulation.providers["extend"])
                with connected(url) as sock:
                    sock.sendall(ask())
                    assert reply(sock)[0] == 200
                assert len(simulation.services["extend"].journal.attempts) == 1
            finally:
                simulation.stop()

    def test_between_tests_nobody_is_served(self, shared):
        simulation = self.simulation(shared)
        simulation.start()
        url = shared.url(simulation.providers["extend"])
        simulation.stop()
        with connected(url) as sock:
            sock.sendall(ask())
            status, _, body = reply(sock)
        assert status == 503
        assert body == (
            b"pytest-parseapi: The test that this address was for is over, and no other one runs.\n"
        )

    def test_what_a_test_leaves_under_way_ends_with_it(self, shared):
        simulation = self.simulation(shared)
        simulation.start()
        try:
            url = shared.url(simulation.providers["extend"])
            simulation.services["extend"].reply_seconds = 1000.0
            with connected(url) as sock:
                sock.sendall(ask())
                with contextlib.suppress(TimeoutError):
                    sock.settimeout(0.05)
                    sock.recv(1)
                simulation.stop()
                sock.settimeout(10)
                assert sock.recv(1) == b""
        finally:
            simulation.stop()

    def test_a_reset_test_is_not_disturbed_by_what_ends_later(self, extend_api):
        extend_api.fail("read_timeout")
        with connected(extend_api.live_url, seconds=0.05) as sock:
            sock.sendall(ask())
            with pytest.raises(TimeoutError):
                sock.recv(1)
            extend_api.reset()
        assert post(extend_api) == 200
        assert [attempt.error for attempt in extend_api.attempts] == [None]

    def test_a_request_that_is_not_simulated_stops_the_test(self, shared):
        simulation = self.simulation(shared)
        simulation.start()
        try:
            with connected(shared.url(simulation.providers["extend"])) as sock:
                sock.sendall(ask(start="POST /pars HTTP/1.1"))
                status, _, body = reply(sock)
        finally:
            simulation.stop()
        assert status == 501
        assert simulation.stops.message is not None
        assert body.decode() == f"pytest-parseapi: {simulation.stops.message}\n"
        assert "POST /pars is not simulated" in simulation.stops.message

    def test_nothing_is_left_behind(self, shared):
        threads, files = {*threading.enumerate()}, len(list(FILES.iterdir()))
        connect = socket.socket.connect
        simulation = self.simulation(shared)
        simulation.start()
        shared.url(simulation.providers["extend"])
        simulation.stop()
        shared.stop()
        assert threads.issuperset(threading.enumerate())
        assert len(list(FILES.iterdir())) == files
        assert socket.socket.connect == connect


def malformed(source: random.Random) -> bytes:
    """A request with something wrong with it, or nothing like a request."""
    data = bytearray(ask())
    kind = source.randrange(5)
    if kind == 0:
        return source.randbytes(source.randrange(1, 400))
    if kind == 1:
        return bytes(data[: source.randrange(len(data))])
    for _ in range(source.randrange(1, 6)):
        place = source.randrange(len(data))
        if kind == 2:
            data[place] = source.randrange(256)
        elif kind == 3:
            del data[place : place + source.randrange(1, 20)]
        else:
            data[place:place] = source.choice(
                [b"\r\n", b"\0", b": ", b"\xff" * 9, b"chunked", b"-1"]
            )
        if not data:
            break
    return bytes(data)


def test_whatever_is_sent_it_answers_or_closes(shared_simulation):
    simulation, url = shared_simulation
    source = random.Random(20)
    for _ in range(300):
        with connected(url) as sock, contextlib.suppress(ConnectionError):
            sock.sendall(malformed(source))
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
        simulation.stops.message = None
    with connected(url) as sock:
        sock.sendall(ask())
        assert reply(sock)[0] == 200


@pytest.fixture
def shared_simulation():
    shared = SharedServer()
    settings = Settings(seed="x", clients=[], real_time=True, max_attempts=10**6)
    simulation = Simulation(registry(), settings, SharedContexts(), live=shared)
    simulation.start()
    yield simulation, shared.url(simulation.providers["extend"])
    simulation.stop()
    shared.stop()


def test_bytes_that_are_no_http_are_told_so(shared_simulation):
    _, url = shared_simulation
    with connected(url) as sock:
        sock.sendall(b"\x16\x03\x01 TLS\r\n\r\n")
        status, headers, body = reply(sock)
        assert sock.recv(1) == b""
    assert (status, headers["connection"]) == (400, "close")
    assert body.startswith(b"This is not the HTTP/1.1 that pytest-parseapi reads: ")


@pytest.mark.parametrize("version", ["2.0", "3.0", "0.9"])
def test_another_version_of_http_is_told_so(shared_simulation, version):
    _, url = shared_simulation
    with connected(url) as sock:
        sock.sendall(ask(start=f"POST /parse HTTP/{version}"))
        status, headers, body = reply(sock)
    assert (status, headers["connection"]) == (505, "close")
    text = f"This is not the HTTP/1.1 that pytest-parseapi reads: the request says HTTP/{version}\n"
    assert body.decode() == text
