"""What the guard must not block: other hosts, own servers, and files."""

import asyncio
import contextlib
import http.client
import http.server
import os
import shutil
import socket
import ssl
import threading
import urllib.request
from unittest import mock

import anyio
import httpx
import pytest
import requests

from pytest_parseapi.api.simulation import Settings, Simulation
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.providers.registry import registry

HOST = "api.extend.ai"
LINE = f"POST http://{HOST}/parse HTTP/1.1\r\n\r\n".encode()
OTHER = "files.example.com"
QUESTION = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\5files\7example\3com\0\0\1\0\1"


@pytest.fixture
def simulation():
    started = Simulation(registry(), Settings(seed="guard", clients=("httpx",)), SharedContexts())
    started.start()
    yield started
    started.stop()
    assert started.stops.message is None


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what was sent."""

    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_):
        """Print nothing."""


@pytest.fixture
def server(simulation):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=[0.01])
        thread.start()
        yield f"127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "body", [b"{}", HOST.encode(), b"see " + LINE, f'{{"url": "https://{HOST}/parse"}}'.encode()]
)
def test_an_own_server_is_reached_whatever_it_is_sent(server, body):
    by_requests = requests.post(f"http://{server}/parse", body, headers={"Host": HOST}, timeout=5)
    assert by_requests.content == body
    asked = urllib.request.Request(f"http://{server}/?of=https://{HOST}/", body)
    with urllib.request.urlopen(asked, timeout=5) as answer:
        assert answer.read() == body


def test_the_live_server_is_reached(nested):
    """By a session of its own: its server must live in the network of this test."""
    result = nested(
        """
        import urllib.error, urllib.request, pytest

        def test_it(extend_api):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{extend_api.live_url}/files/x", timeout=5)
            assert refused.value.code == 401
            refused.value.close()
        """
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "said",
    [
        f"CONNECT {OTHER}:443 HTTP/1.1\r\n\r\n".encode(),
        f"GET http://{OTHER}/?of={HOST} HTTP/1.1\r\n\r\n".encode(),
        b"\5\1\0\3" + bytes([len(OTHER)]) + OTHER.encode() + b"\0\x50",
        b"\4\1\0\x50\0\0\0\1\0" + OTHER.encode() + b"\0",
        QUESTION,
    ],
    ids=["tunnel", "line", "socks 5", "socks 4a", "question"],
)
@pytest.mark.parametrize("size", [3, 1000])
def test_other_hosts_may_be_looked_up(simulation, said, size):
    left, right = socket.socketpair()
    with left, right:
        for begin in range(0, len(said), size):
            left.sendall(said[begin : begin + size])
        assert right.recv(999) == said


def test_tls_to_another_host_begins(simulation):
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(0.01)
        context = ssl.create_default_context()
        with contextlib.suppress(TimeoutError):
            context.wrap_socket(left, server_hostname=OTHER)
        assert OTHER.encode() in right.recv(9999)


def test_an_address_that_others_share_is_connected_to(simulation):
    async def by_loop(port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello")
        await writer.drain()
        writer.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        asyncio.run(by_loop(server.getsockname()[1]))
        with server.accept()[0] as peer:
            assert peer.recv(5) == b"hello"


def test_streams_are_sent_by_name_and_by_position(simulation):
    async def main(port):
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(item=b"he")
            await stream.send(b"llo")
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data=b"hello")
        await writer.drain()
        writer.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        anyio.run(main, server.getsockname()[1])
        for _ in range(2):
            with server.accept()[0] as peer:
                assert peer.recv(5, socket.MSG_WAITALL) == b"hello"


def test_files_and_pipes_may_hold_what_a_proxy_would_be_sent(simulation, tmp_path):
    with (tmp_path / "log").open("wb") as log:
        os.write(log.fileno(), LINE)
    shutil.copyfile(tmp_path / "log", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == LINE
    reader, writer = os.pipe()
    os.writev(writer, [LINE])
    os.close(writer)
    assert os.read(reader, 999) == LINE
    os.close(reader)


def test_a_connection_of_an_own_server_is_kept_open(server):
    connection = http.client.HTTPConnection(server, timeout=5)
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("POST", "/parse", b"{}", {"Host": HOST})
            assert connection.getresponse().read() == b"{}"


@pytest.mark.parametrize("library", [httpx, requests])
def test_a_test_may_replace_sockets_themselves(extend_api, library):
    """As teams do to prove that nothing is sent."""
    names = ("socket", "create_connection", "getaddrinfo")
    with contextlib.ExitStack() as replaced:
        mocks = [replaced.enter_context(mock.patch(f"socket.{name}")) for name in names]
        assert library.post("https://api.extend.ai/parse", timeout=5).status_code == 401
    assert [item.called for item in mocks] == [False] * 3
