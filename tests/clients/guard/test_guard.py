"""Documented hosts are blocked for clients that are not intercepted; other hosts are not."""

from __future__ import annotations

import asyncio
import gc
import http.client
import socket
import ssl
import urllib.request
from socket import getaddrinfo  # kept, as some libraries do

import aiohttp
import httpx2
import pytest
import requests
import urllib3

from pytest_parseapi.api.simulation import Settings, Simulation
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.providers.registry import registry

HOST = "api.extend.ai"
URL = f"https://{HOST}/parse"


def by_aiohttp(**options):
    async def main():
        async with aiohttp.ClientSession(**options) as session:
            await session.post(URL, json={})

    asyncio.run(main())


def by_http_client():
    http.client.HTTPSConnection(HOST, timeout=5).request("POST", "/parse")


def by_tunnel():
    connection = http.client.HTTPSConnection("127.0.0.1", 9, timeout=5)
    connection.set_tunnel(HOST, 443)
    connection.request("POST", "/parse")


def by_connection():
    socket.create_connection((HOST, 443), 5)


def by_socket():
    with socket.socket() as sock:
        sock.connect((HOST, 443))


def by_name():
    socket.gethostbyname(HOST.upper() + ".")


def by_kept_reference():
    getaddrinfo(HOST, 443)


def by_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"key", (HOST, 53))


def by_datagram_of_a_loop():
    async def main():
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(HOST, 53))

    asyncio.run(main())


def by_tls_to_an_address():
    sock, peer = socket.socketpair()
    with sock, peer:
        ssl.create_default_context().wrap_socket(sock, server_hostname=HOST)


def by_open_connection():
    asyncio.run(asyncio.open_connection(HOST, 443))


def by_loop_to_an_address():
    def hang_up(_, writer):  # Python 3.12 waits for connections when a server closes
        writer.close()

    async def main():
        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            # A stop leaves the loop as it is, and so the socket: it is the test's to close.
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.setblocking(False)  # noqa: FBT003 - a socket's own order
                await asyncio.open_connection(sock=client, ssl=True, server_hostname=HOST)

    asyncio.run(main())


NOT_INTERCEPTED = (
    "nothing intercepts it.\n"
    "Send it by httpx, requests or aiohttp, or to the address that api.live_url gives."
)
LEFT_OUT = "this test's parseapi(clients=...) leaves {} out."
WAYS = {
    "requests": (lambda: requests.post(URL, json={}, timeout=5), LEFT_OUT),
    "aiohttp": (by_aiohttp, LEFT_OUT),
    "httpx2": (lambda: httpx2.post(URL, json={}), LEFT_OUT),
    "urllib": (lambda: urllib.request.urlopen(URL, timeout=5), NOT_INTERCEPTED),
    "http.client": (by_http_client, NOT_INTERCEPTED),
    "kept getaddrinfo": (by_kept_reference, NOT_INTERCEPTED),
    "datagram": (by_datagram, NOT_INTERCEPTED),
    "datagram of a loop": (by_datagram_of_a_loop, NOT_INTERCEPTED),
    "tunnel": (by_tunnel, NOT_INTERCEPTED),
    "create_connection": (by_connection, NOT_INTERCEPTED),
    "socket": (by_socket, NOT_INTERCEPTED),
    "gethostbyname": (by_name, NOT_INTERCEPTED),
    "tls": (by_tls_to_an_address, NOT_INTERCEPTED),
    "open_connection": (by_open_connection, NOT_INTERCEPTED),
    "tls of a loop": (by_loop_to_an_address, NOT_INTERCEPTED),
}
CALLED = {
    "kept getaddrinfo": "socket",
    "datagram": "socket",
    "datagram of a loop": "asyncio",
    "tunnel": "http.client",
    "create_connection": "socket",
    "gethostbyname": "socket",
    "tls": "ssl",
    "open_connection": "asyncio",
    "tls of a loop": "ssl",
}


@pytest.fixture
def simulated():
    """A simulation that intercepts httpx alone; the test looks at what stops it."""

    def start(clients=("httpx",)):
        settings = Settings(seed="guard", clients=clients)
        started.append(Simulation(registry(), settings, SharedContexts()))
        started[0].start()
        return started[0]

    started = []
    yield start
    started[0].stop()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", WAYS)
def test_nothing_leaves_the_machine(simulated, way, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    send, words = WAYS[way]
    simulation = simulated()

    with pytest.raises(SimulationStopped) as caught:
        send()

    # A loop does not close the socket whose TLS could not begin.
    gc.collect()
    library = CALLED.get(way, way)
    host = HOST.upper() + "." if way == "gethostbyname" else HOST
    assert str(caught.value) == simulation.stops.message
    assert simulation.stops.message == (
        f"A request to {host} by {library} was blocked before it left this machine: "
        f"{words.format(library)}"
    )


@pytest.mark.parametrize("library", ["requests", "aiohttp", "httpx2"])
def test_a_library_that_cannot_be_intercepted_is_named_with_its_extra(
    simulated, library, monkeypatch
):
    """As where its interceptor is missing, although every client is asked for."""
    monkeypatch.setattr("pytest_parseapi.api.simulation.interceptors_for", lambda *_: [])
    simulation = simulated(clients=None)

    with pytest.raises(SimulationStopped):
        WAYS[library][0]()

    assert simulation.stops.message == (
        f"A request to {HOST} by {library} was blocked before it left this machine: "
        f"{library} is not intercepted.\n"
        f"Install its extra: pip install 'pytest-parseapi[{library}]'. Where that is done, a "
        "transport, adapter or connector of the consumer's own opens the connection."
    )


@pytest.mark.filterwarnings("ignore")
def test_a_library_that_is_intercepted_with_another_is_named_with_it(simulated, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    simulation = simulated()

    with pytest.raises(SimulationStopped):
        urllib3.PoolManager(retries=False).request("POST", URL, timeout=5)

    assert simulation.stops.message == (
        f"A request to {HOST} by urllib3 was blocked before it left this machine: "
        "this test's parseapi(clients=...) leaves requests out, and urllib3 with it."
    )


def test_other_hosts_are_reached(simulated):
    simulated()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for connect in (
            lambda: socket.create_connection(("localhost", port), 5),
            lambda: _connected(("127.0.0.1", port)),
        ):
            with connect() as client, server.accept()[0] as peer:
                client.sendall(b"hello")
                assert peer.recv(5) == b"hello"

        async def by_loop():
            _, writer = await asyncio.open_connection("localhost", port)
            writer.close()

        asyncio.run(by_loop())
    left, right = socket.socketpair()
    with left, right:
        left.sendall(b"x")
        assert right.recv(1) == b"x"


def _connected(address):
    sock = socket.socket()
    assert sock.connect_ex(address) == 0
    return sock


def test_it_leaves_nothing_behind(simulated):
    def doors():
        return (
            socket.getaddrinfo,
            vars(socket.socket).get("connect"),
            asyncio.BaseEventLoop.getaddrinfo,
            http.client.HTTPConnection.set_tunnel,
            ssl.SSLContext.wrap_bio,
        )

    before = doors()
    simulation = simulated()
    assert doors() != before
    simulation.stop()
    assert doors() == before


LATER = {
    "name": ("socket.getaddrinfo('api.extend.ai', 443)", "socket"),
    "loop": ("asyncio.run(asyncio.open_connection('api.extend.ai', 443))", "asyncio"),
    "httpx": ("httpx.post('https://api.extend.ai/parse')", "httpx"),
    "proxy": (
        "httpx.Client(proxy='http://127.0.0.1:9').post('https://api.extend.ai/parse')",
        "httpx",
    ),
    "tls": ("tls()", "ssl"),
    "line": ("line()", "socket"),
    "uvloop": (
        "asyncio.Runner(loop_factory=uvloop.new_event_loop).run("
        "asyncio.open_connection('api.extend.ai', 443))",
        "uvloop",
    ),
    "pycurl": ("curl()", "pycurl"),
    "curl_cffi": ("curl_cffi.requests.get('https://api.extend.ai')", "curl_cffi"),
}
"""What a thread does after its test, and who is named."""
BEGIN = {
    "thread": ("threading.Thread(target=wait, daemon=True).start()", "ask()"),
    "bare thread": ("_thread.start_new_thread(wait, ())", "ask()"),
    "bare thread with an object": ("_thread.start_new_thread(known, ())", "ask()"),
    "thread of a thread": (
        "threading.Thread(target=wait, daemon=True).start()",
        "later = threading.Thread(target=ask); later.start(); later.join()",
    ),
    "bare thread of a thread": (
        "threading.Thread(target=wait, daemon=True).start()",
        "_thread.start_new_thread(ask_at_last, ()); asked.wait()",
    ),
    "pool of a thread": (
        "threading.Thread(target=wait, daemon=True).start()",
        "ThreadPoolExecutor(1).submit(ask).result()",
    ),
}
"""How it begins, and what it does when it may go on."""


class TestTests:
    """How a test fails."""

    @pytest.mark.parametrize(
        "how",
        [
            "try:\n        post()\n    except BaseException:\n        pass",
            "thread = threading.Thread(target=post)\n    thread.start()\n    thread.join()",
        ],
        ids=["swallowed", "in a thread"],
    )
    def test_a_block_is_reported_even_if_its_exception_is_swallowed(self, nested, how):
        result = nested(
            f"""
            import threading, urllib.request, pytest
            pytestmark = pytest.mark.filterwarnings("ignore")

            def post():
                urllib.request.urlopen("https://api.extend.ai/parse", timeout=5)

            def test_it(extend_api):
                {how.replace(chr(10), chr(10) + " " * 12)}
            """
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["A request to api.extend.ai by urllib was blocked before*"])

    @pytest.mark.parametrize("begin", BEGIN)
    @pytest.mark.parametrize("way", LATER)
    def test_a_thread_that_a_test_left_behind_is_stopped(self, nested, way, begin):
        """Also by a client that was intercepted, and nobody else's test fails for it."""
        by = LATER[way][1]
        used = [library for library in ("uvloop", "pycurl", "curl_cffi") if library == way]
        for library in used:
            pytest.importorskip(library)
        result = nested(
            f"""
            import asyncio, os, socket, ssl, threading, _thread, urllib.request, httpx, pytest
            import aiohttp, requests
            {"".join(f"import {library}" for library in used)}
            from concurrent.futures import ThreadPoolExecutor
            go, done, seen = threading.Event(), threading.Event(), []
            begins, begun = os.pipe()

            def tls():
                sock, peer = socket.socketpair()
                with sock, peer:
                    ssl.create_default_context().wrap_socket(sock, server_hostname="api.extend.ai")

            def line():
                sock, peer = socket.socketpair()
                with sock, peer:
                    sock.sendall(b"CONNECT api.extend.ai:443 HTTP/1.1\\r\\n\\r\\n")

            def curl():
                pycurl.Curl().setopt(pycurl.URL, "https://api.extend.ai/parse")

            def ask():
                try:
                    {LATER[way][0]}
                except BaseException as error:
                    seen.append(str(error))

            def wait():
                os.write(begun, b"x")
                go.wait()
                {BEGIN[begin][1]}
                done.set()

            asked = threading.Event()

            def ask_at_last():
                ask()
                asked.set()

            def known():
                threading.current_thread()
                wait()

            def test_leaves_a_thread(extend_api):
                {BEGIN[begin][0]}
                os.read(begins, 1)

            @pytest.mark.filterwarnings("ignore")
            def test_next():
                go.set()
                assert done.wait(5)
                assert seen == [
                    "A request to api.extend.ai by {by} was blocked before it left this "
                    "machine: it comes from a thread that a simulated test began and did not end."
                ]
            """,
            "-p",
            "no:randomly",
        )
        result.assert_outcomes(passed=2)

    def test_a_wait_for_a_callback_that_was_blocked_ends(self, nested):
        result = nested(
            """
            import asyncio, socket

            def test_it(extend_api):
                async def main():
                    done = asyncio.Event()

                    def call_back():
                        socket.getaddrinfo("api.extend.ai", 443)
                        done.set()

                    asyncio.get_running_loop().call_soon(call_back)
                    await done.wait()

                asyncio.run(main())
            """
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["A request to api.extend.ai by socket was blocked before*"])

    def test_an_unknown_client_is_a_mistake(self, nested):
        result = nested(
            """
            import pytest

            @pytest.mark.parseapi(clients="request")
            def test_it(extend_api):
                pass
            """
        )
        result.stdout.fnmatch_lines(
            ["marker parseapi: unknown client 'request': did you mean 'requests'?"]
        )


class TestSession:
    """The ini value ``parseapi_guard``."""

    SOURCE = """
        import urllib.request, pytest

        def post():
            urllib.request.urlopen("https://api.extend.ai/parse", timeout=5)

        @pytest.fixture(scope="module")
        def reads_early():
            try:
                post()
            except BaseException:
                pass

        def test_plain():
            post()

        def test_swallows():
            try:
                post()
            except BaseException:
                pass

        def test_of_fixture(reads_early):
            pass

        def test_simulated(extend_api):
            import httpx
            httpx.post("https://api.extend.ai/parse", json={})

        def test_elsewhere():
            import socket
            socket.getaddrinfo("localhost", 80)
        """

    def test_blocks_in_every_test(self, nested):
        result = nested(self.SOURCE, "-o", "parseapi_guard=true")
        result.assert_outcomes(failed=2, errors=1, passed=2)
        assert (
            result.stdout.str().count(
                "A request to api.extend.ai by urllib was blocked before it left this machine: "
                "parseapi_guard is on, and no simulation is under way.\n"
                "Let the test request the fixture of a simulated API, or turn parseapi_guard off."
            )
            == 3
        )
        assert "guarded" not in repr(socket.getaddrinfo)

    def test_blocks_while_modules_are_imported(self, nested):
        result = nested(
            """
            import urllib.request
            urllib.request.urlopen("https://api.extend.ai/parse", timeout=5)
            """,
            "-o",
            "parseapi_guard=true",
        )
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*parseapi_guard is on*"])

    def test_a_wait_for_a_future_that_nobody_ends_is_ended(self, nested):
        """As tornado's client for synchronous code waits."""
        result = nested(
            """
            import asyncio, socket

            def test_it():
                loop = asyncio.new_event_loop()

                async def ask():
                    socket.getaddrinfo("api.extend.ai", 443)

                loop.call_soon(lambda: loop.create_task(ask()))
                try:
                    loop.run_until_complete(loop.create_future())
                finally:
                    loop.close()
            """,
            "-o",
            "parseapi_guard=true",
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*A request to api.extend.ai by socket was blocked before*"])

    def test_is_off_by_default(self, nested):
        result = nested(
            """
            import socket

            def test_it(monkeypatch):
                assert not hasattr(socket.getaddrinfo, "__wrapped__")
            """
        )
        result.assert_outcomes(passed=1)
