"""Ways to reach a documented host, tried where it answers: run by ``test_answering_host.py``."""

import _socket
import _thread
import asyncio
import contextlib
import ctypes
import http.client
import importlib
import importlib.util
import logging
import logging.handlers
import os
import socket
import ssl
import tempfile
import threading
import time
import urllib.request
import xmlrpc.client
from _socket import socket as c_socket
from socket import getaddrinfo

import pytest

HOST = "api.extend.ai"
URL = f"https://{HOST}/parse"
PLAIN = f"http://{HOST}/parse"
PROXY = "http://127.0.0.1:3128"
BODY = b'{"file": {"url": "https://files.example.com/secret.pdf"}}'
NO_HOST = b"POST "
"""A part of a line that names nobody yet."""
WAYS = {}
WIDE = {ord("."): "\u3002", **{letter: letter + 0xFEE0 for letter in range(97, 123)}}
"""Letters and dots that mean the plain ones in a name."""

with contextlib.suppress(ImportError):
    import pycurl as _pycurl
    from pycurl import Curl  # kept by the application

    KEPT_CURL, KEPT_CURL_SET_UP = Curl(), Curl()
    if os.environ["MODE"] != "guarded":
        KEPT_CURL_SET_UP.setopt(_pycurl.URL, PLAIN)
with contextlib.suppress(ImportError):
    import treq
with contextlib.suppress(ImportError):
    from rnet import BlockingClient


def way(*libraries):
    """Adds a way that needs some libraries."""

    def add(function):
        WAYS[function.__name__] = function, libraries
        return function

    return add


@way()
def kept_getaddrinfo():
    with socket.create_connection(getaddrinfo(HOST, 443, socket.AF_INET)[0][4], 2) as sock:
        sock.sendall(BODY)


@way()
def kept_gethostbyname():
    with socket.create_connection((_socket.gethostbyname(HOST.upper()), 443), 2) as sock:
        sock.sendall(BODY)


@way()
def c_socket_by_name():
    sock = c_socket(_socket.AF_INET, _socket.SOCK_STREAM)
    sock.connect((HOST, 443))
    sock.send(BODY)
    sock.close()


@way()
def c_datagram_by_name():
    sock = c_socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    sock.sendto(BODY, (HOST, 53))
    sock.close()


@way()
def c_message_by_name():
    sock = c_socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    sock.sendmsg([BODY], [], 0, (HOST, 53))
    sock.close()


@way()
def datagram_with_flags():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(BODY, 0, (HOST.title(), 53))


@way()
def http_client():
    connection = http.client.HTTPConnection(HOST, 80, timeout=2)
    with contextlib.closing(connection), contextlib.suppress(http.client.HTTPException, OSError):
        connection.request("POST", "/parse", BODY)


@way()
def http_client_by_a_proxy():
    connection = http.client.HTTPConnection("127.0.0.1", 3128, timeout=2)
    with contextlib.closing(connection), contextlib.suppress(http.client.HTTPException, OSError):
        connection.request("POST", PLAIN, BODY)


@way()
def http_client_by_a_tunnel():
    connection = http.client.HTTPSConnection("127.0.0.1", 3128, timeout=2)
    connection.set_tunnel(HOST)
    with contextlib.closing(connection), contextlib.suppress(http.client.HTTPException, OSError):
        connection.request("POST", "/parse", BODY)


@way()
def urllib_by_a_proxy():
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": PROXY}))
    with contextlib.suppress(OSError, http.client.HTTPException):
        opener.open(PLAIN, BODY, timeout=2)


@way("requests")
def requests_by_a_proxy():
    import requests

    with contextlib.suppress(requests.RequestException):
        requests.post(PLAIN, BODY, proxies={"http": PROXY}, timeout=2)


@way("requests", "socks")
def requests_by_socks():
    import requests

    with contextlib.suppress(requests.RequestException):
        proxies = {"https": PROXY.replace("http", "socks5h")}
        requests.post(URL, BODY, proxies=proxies, timeout=2)


@way("urllib3")
def urllib3_by_a_proxy():
    import urllib3

    with contextlib.suppress(urllib3.exceptions.HTTPError):
        urllib3.ProxyManager(PROXY, retries=False).request("POST", PLAIN, body=BODY, timeout=2)


def _by_httpx(url, proxy, library="httpx"):
    httpx = importlib.import_module(library)
    with httpx.Client(proxy=proxy, timeout=2) as client, contextlib.suppress(httpx.HTTPError):
        client.post(url, content=BODY)


@way("httpx2")
def httpx2_by_a_proxy():
    _by_httpx(PLAIN, PROXY, "httpx2")


@way("httpx2")
def httpx2_by_a_tunnel():
    _by_httpx(URL, PROXY, "httpx2")


@way("httpcore")
def httpcore():
    import httpcore

    with httpcore.HTTPProxy(PROXY) as pool, contextlib.suppress(Exception):
        pool.request("POST", PLAIN, content=BODY, extensions={"timeout": {"read": 2}})


@way("httpcore", "socksio")
def httpcore_by_socks():
    import httpcore

    with contextlib.suppress(Exception), httpcore.SOCKSProxy(PROXY.replace("http", "socks5")) as by:
        by.request("POST", URL, content=BODY, extensions={"timeout": {"read": 2}})


def _by_aiohttp(url, proxy):
    import aiohttp

    async def main():
        limits = aiohttp.ClientTimeout(total=2)
        async with aiohttp.ClientSession(timeout=limits) as session:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                await session.post(url, data=BODY, proxy=proxy)

    asyncio.run(main())


@way("aiohttp")
def aiohttp_by_a_proxy():
    _by_aiohttp(PLAIN, PROXY)


@way("aiohttp")
def aiohttp_by_a_tunnel():
    _by_aiohttp(URL, PROXY)


async def _streams(host, port, **options):
    _, writer = await asyncio.wait_for(asyncio.open_connection(host, port, **options), 2)
    writer.write(BODY)
    await writer.drain()
    writer.close()


@way()
def asyncio_streams():
    asyncio.run(_streams(HOST, 80))


def _by_uvloop(coroutine):
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(coroutine)


@way("uvloop")
def uvloop_streams():
    _by_uvloop(_streams(HOST, 80))


@way("uvloop")
def uvloop_tls_to_an_address():
    with contextlib.suppress(OSError, TimeoutError):
        context = ssl.create_default_context()
        _by_uvloop(_streams("127.0.0.1", 443, ssl=context, server_hostname=HOST))


@way("uvloop")
def uvloop_datagram():
    async def main():
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(HOST, 53)
        )
        transport.sendto(BODY)
        await asyncio.sleep(0.1)
        transport.close()

    _by_uvloop(main())


@way("uvloop")
def in_a_callback_of_uvloop():
    """The loop reports the error, and nobody would ever end the wait."""

    async def main():
        done = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: (kept_getaddrinfo(), done.set()))
        await done.wait()

    _by_uvloop(main())


def _curl(kind):
    import pycurl

    curl = kind()
    curl.setopt(pycurl.URL, HOST + "/parse")
    curl.setopt(pycurl.POSTFIELDS, BODY)
    curl.setopt(pycurl.TIMEOUT, 2)
    with contextlib.suppress(pycurl.error):
        curl.perform()


@way("pycurl")
def pycurl():
    import pycurl

    _curl(pycurl.Curl)


@way("pycurl")
def pycurl_kept():
    _curl(Curl)


@way("tornado", "pycurl")
def tornado_curl():
    from tornado.curl_httpclient import CurlAsyncHTTPClient

    async def main():
        with contextlib.suppress(Exception):
            client = CurlAsyncHTTPClient()
            await client.fetch(URL, method="POST", body=BODY, request_timeout=2)

    asyncio.run(main())


@way("tornado")
def tornado():
    from tornado.simple_httpclient import SimpleAsyncHTTPClient

    async def main():
        with contextlib.suppress(Exception):
            client = SimpleAsyncHTTPClient()
            await client.fetch(PLAIN, method="POST", body=BODY, request_timeout=2)

    asyncio.run(main())


@way("curl_cffi")
def curl_cffi():
    from curl_cffi import requests

    with contextlib.suppress(Exception):
        requests.post(URL, data=BODY, timeout=2)


@way("curl_cffi")
def curl_cffi_async():
    from curl_cffi.requests import AsyncSession

    async def main():
        async with AsyncSession() as session:
            with contextlib.suppress(Exception):
                await session.post(URL, data=BODY, timeout=2)

    asyncio.run(main())


def _pyopenssl(address):
    from OpenSSL import SSL

    raw = socket.create_connection(address, 2)
    connection = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), raw)
    connection.set_tlsext_host_name(HOST.encode())
    connection.set_connect_state()
    with contextlib.suppress(SSL.Error):
        connection.do_handshake()
    raw.close()


@way("OpenSSL")
def pyopenssl_to_an_address():
    _pyopenssl(("127.0.0.1", 443))


@way("rnet")
def rnet():
    with contextlib.suppress(Exception):
        BlockingClient(timeout=2).post(URL, body=BODY)


@way("wreq")
def wreq():
    from wreq.blocking import Client

    with contextlib.suppress(Exception):
        Client().post(URL, body=BODY)


@way("httpr")
def httpr():
    import httpr

    with contextlib.suppress(Exception):
        httpr.Client(timeout=2).post(URL, content=BODY)


@way("impit")
def impit():
    import impit

    with contextlib.suppress(Exception):
        impit.Client(timeout=2).post(URL, content=BODY)


@way("pyreqwest")
def pyreqwest():
    from pyreqwest.simple.sync_request import pyreqwest_post

    with contextlib.suppress(Exception):
        pyreqwest_post(URL).body_bytes(BODY).send()


@way("never_primp")
def never_primp():
    import never_primp

    with contextlib.suppress(Exception):
        never_primp.Client(timeout=2).post(PLAIN, content=BODY)


@way("httpmorph")
def httpmorph():
    import httpmorph

    with contextlib.suppress(Exception):
        httpmorph.Session().post(PLAIN, data=BODY)


@way("pyqwest")
def pyqwest():
    import pyqwest

    with contextlib.suppress(Exception):
        pyqwest.SyncClient().post(PLAIN, content=BODY, timeout=2)


@way("rqx")
def rqx():
    import rqx

    with contextlib.suppress(Exception), rqx.Client(timeout=2) as client:
        client.post(PLAIN, content=BODY)


@way("rqx")
def rqx_by_the_first_part_of_its_urls():
    import rqx

    with contextlib.suppress(Exception), rqx.Client(base_url=f"http://{HOST}", timeout=2) as client:
        client.post("/parse", content=BODY)


@way("foghttp")
def foghttp():
    import foghttp

    with contextlib.suppress(Exception), foghttp.Client() as client:
        client.post(PLAIN, content=BODY)


@way("pycurl")
def pycurl_made_before():
    import pycurl

    KEPT_CURL.setopt(pycurl.URL, PLAIN)
    with contextlib.suppress(pycurl.error):
        KEPT_CURL.perform()


@way("pycurl")
def pycurl_set_up_before():
    import pycurl

    with contextlib.suppress(pycurl.error):
        KEPT_CURL_SET_UP.perform()


@way("uvloop")
def uvloop_question():
    async def main():
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        transport.sendto(_question(), ("127.0.0.1", 53))
        await asyncio.sleep(0.1)
        transport.close()

    _by_uvloop(main())


@way()
def look_up_by_ctypes():
    found = ctypes.c_void_p()
    ctypes.CDLL(None).getaddrinfo(HOST.encode(), b"80", None, ctypes.byref(found))
    with socket.create_connection(("127.0.0.1", 80), 2) as sock:
        sock.sendall(BODY)


@way()
def other_look_up_by_ctypes():
    ctypes.CDLL(None)["gethostbyname"](ctypes.create_string_buffer(HOST.upper().encode()))
    with socket.create_connection(("127.0.0.1", 80), 2) as sock:
        sock.sendall(BODY)


@way("uvloop")
def uvloop_tunnel_by_a_protocol():
    class Asking(asyncio.Protocol):
        def connection_made(self, transport):
            transport.write(f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode())

    async def main():
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(Asking, "127.0.0.1", 3128)
        await asyncio.sleep(0.1)
        transport.close()

    _by_uvloop(main())


@way("pycurl")
def pycurl_by_a_text_option():
    import pycurl

    curl = Curl()
    curl.setopt_string(pycurl.URL, f"https://user:pass@{HOST}/parse")
    curl.setopt(pycurl.TIMEOUT, 2)
    with contextlib.suppress(pycurl.error):
        curl.perform()


@way("pycurl")
def pycurl_by_a_url_of_curl():
    import pycurl

    curl = Curl()
    curl.setopt(pycurl.CURLU, pycurl.CurlUrl(PLAIN))
    curl.setopt(pycurl.TIMEOUT, 2)
    with contextlib.suppress(pycurl.error):
        curl.perform()


@way("impit")
def impit_by_an_odd_url():
    import impit

    with contextlib.suppress(Exception):
        impit.Client(timeout=2).post(f" https:a:b@c@{HOST.replace('.', '%2E')}/parse", content=BODY)


@way("grpc")
def grpc_channel():
    import grpc

    with grpc.insecure_channel(f"dns:///{HOST}:80") as channel, contextlib.suppress(grpc.RpcError):
        channel.unary_unary("/parse")(BODY, timeout=2)


@way("httplib2")
def httplib2():
    import httplib2

    with contextlib.suppress(Exception):
        httplib2.Http(timeout=2).request(URL, "POST", BODY)


@way("websockets")
def websockets():
    from websockets.sync.client import connect

    with contextlib.suppress(Exception):
        connect(f"ws://{HOST}/parse", open_timeout=2)


@way("websockets")
def websockets_by_a_proxy():
    from websockets.sync.client import connect

    with contextlib.suppress(Exception):
        connect(f"ws://{HOST}/parse", proxy=PROXY, open_timeout=2)


@way("websockets")
def websockets_of_a_loop_by_a_proxy():
    from websockets.asyncio.client import connect

    async def main():
        with contextlib.suppress(Exception):
            await connect(f"ws://{HOST}/parse", proxy=PROXY, open_timeout=2)

    asyncio.run(main())


@way("websockets", "python_socks")
def websockets_by_socks():
    from websockets.sync.client import connect

    with contextlib.suppress(Exception):
        connect(f"wss://{HOST}/", proxy=PROXY.replace("http", "socks5h"), open_timeout=2)


@way("aiohttp_socks")
def aiohttp_by_socks():
    import aiohttp
    from aiohttp_socks import ProxyConnector

    async def main():
        connector = ProxyConnector.from_url(PROXY.replace("http", "socks5"), rdns=True)
        limits = aiohttp.ClientTimeout(total=2)
        async with aiohttp.ClientSession(connector=connector, timeout=limits) as session:
            with contextlib.suppress(Exception):
                await session.post(URL, data=BODY)

    asyncio.run(main())


@way("python_socks")
def python_socks():
    from python_socks.sync import Proxy

    with contextlib.suppress(Exception):
        Proxy.from_url(PROXY.replace("http", "socks5")).connect(HOST, 443, timeout=2)


@way("trio")
def trio():
    import trio

    async def main():
        with trio.move_on_after(2):
            stream = await trio.open_tcp_stream(HOST, 80)
            await stream.send_all(BODY)

    trio.run(main)


@way("trio")
def trio_line_to_a_proxy():
    import trio

    async def main():
        with trio.move_on_after(2):
            stream = await trio.open_tcp_stream("127.0.0.1", 3128)
            await stream.send_all(f"POST {PLAIN} HTTP/1.1\r\n\r\n".encode())

    trio.run(main)


@way("trio")
def trio_question():
    import trio

    async def main():
        with trio.socket.socket(type=socket.SOCK_DGRAM) as sock:
            await sock.sendto(_question(), ("127.0.0.1", 53))

    trio.run(main)


@way("anyio")
def anyio():
    import anyio

    async def main():
        with anyio.move_on_after(2):
            stream = await anyio.connect_tcp(HOST, 80)
            await stream.send(BODY)
            await stream.aclose()

    anyio.run(main)


@way()
def line_to_a_proxy():
    """A client of one's own."""
    with socket.create_connection(("127.0.0.1", 3128), 2) as sock:
        sock.sendall(f"POST http://user:pass@{HOST}/parse HTTP/1.1\r\n\r\n".encode())


@way()
def tunnel_by_streams():
    async def main():
        _, writer = await asyncio.open_connection("127.0.0.1", 3128)
        writer.write(f"CONNECT {HOST.upper()}.:443 HTTP/1.1\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    asyncio.run(main())


@way()
def buffers_to_a_proxy():
    with socket.create_connection(("127.0.0.1", 3128), 2) as sock:
        sock.sendmsg([f"GET {URL} HTTP/1.1\r\n".encode(), b"\r\n"])


@way()
def socks_by_hand():
    with socket.create_connection(("127.0.0.1", 3128), 2) as sock:
        sock.sendall(b"\5\1\0\3" + bytes([len(HOST)]) + HOST.encode() + b"\0\x50")


@way()
def socks_4a_by_hand():
    with socket.create_connection(("127.0.0.1", 3128), 2) as sock:
        sock.sendall(b"\4\1\0\x50\0\0\0\1\0" + HOST.encode() + b"\0")


@way()
def line_in_parts():
    """The first part names no host yet."""
    with socket.create_connection(("127.0.0.1", 3128), 2) as sock:
        sock.sendall(NO_HOST)
        with contextlib.suppress(OSError):
            sock.sendall(f"{PLAIN} HTTP/1.1\r\n\r\n".encode())
            sock.sendall(BODY)


@contextlib.contextmanager
def _line_file():
    with tempfile.TemporaryFile() as file:
        file.write(f"POST {PLAIN} HTTP/1.1\r\n\r\n".encode())
        file.seek(0)
        yield file


@way()
def line_by_the_system():
    with socket.create_connection(("127.0.0.1", 3128), 2) as sock:
        os.write(sock.fileno(), f"POST {PLAIN} HTTP/1.1\r\n\r\n".encode())


@way()
def buffers_by_the_system():
    with socket.create_connection(("127.0.0.1", 3128), 2) as sock:
        os.writev(sock.fileno(), [b"POST ", f"{PLAIN} HTTP/1.1\r\n\r\n".encode()])


@way()
def line_of_a_file():
    with socket.create_connection(("127.0.0.1", 3128), 2) as sock, _line_file() as file:
        sock.sendfile(file)


@way()
def line_of_a_file_of_a_loop():
    async def main():
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", 3128)
        with _line_file() as file:
            await loop.sendfile(transport, file)
        transport.close()

    asyncio.run(main())


def _question():
    labels = b"".join(bytes([len(label)]) + label.encode() for label in HOST.split("."))
    return b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"


@way()
def question_to_a_name_server():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(_question(), ("127.0.0.1", 53))


@way()
def tls_by_hand():
    """The name is in the first message."""
    sent = ssl.MemoryBIO()
    begin = ssl.create_default_context()._wrap_bio(ssl.MemoryBIO(), sent, False, HOST)  # noqa: FBT003
    with contextlib.suppress(ssl.SSLError):
        begin.do_handshake()
    with socket.create_connection(("127.0.0.1", 443), 2) as sock:
        sock.sendall(sent.read())


@way("uvloop")
def uvloop_tunnel_by_streams():
    async def main():
        _, writer = await asyncio.open_connection("127.0.0.1", 3128)
        writer.write(f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    _by_uvloop(main())


@way("pycurl")
def pycurl_by_another_address():
    import pycurl

    curl = Curl()
    curl.setopt(pycurl.URL, "http://127.0.0.1/parse")
    curl.setopt(pycurl.CONNECT_TO, [f"127.0.0.1:80:{HOST}:80"])
    curl.setopt(pycurl.TIMEOUT, 2)
    with contextlib.suppress(pycurl.error):
        curl.perform()


@way("pycurl")
def pycurl_by_a_proxy():
    import pycurl

    curl = Curl()
    curl.setopt(pycurl.URL, "http://files.example.com/")
    curl.setopt(pycurl.PROXY, f"http://{HOST}:80")
    curl.setopt(pycurl.TIMEOUT, 2)
    with contextlib.suppress(pycurl.error):
        curl.perform()


@way("pycurl")
def pycurl_of_many():
    import pycurl

    curl, many = Curl(), pycurl.CurlMulti()
    curl.setopt(pycurl.URL, PLAIN)
    many.add_handle(curl)
    for _ in range(20):
        many.perform()
        many.select(0.02)


@way("curl_cffi")
def curl_cffi_by_an_option():
    from curl_cffi import Curl, CurlOpt

    curl = Curl()
    curl.setopt(CurlOpt.URL, b"http://files.example.com/")
    curl.setopt(CurlOpt.PROXY, f"http://{HOST}:80".encode())
    curl.setopt(CurlOpt.TIMEOUT_MS, 2000)
    with contextlib.suppress(Exception):
        curl.perform()


@way("websockets")
def websockets_of_a_socket():
    from websockets.sync.client import connect

    with socket.create_connection(("127.0.0.1", 80), 2) as sock, contextlib.suppress(Exception):
        connect(f"ws://{HOST}/parse", sock=sock, open_timeout=2)


@way()
def kept_open():
    """A connection that was open before the test."""
    connection = http.client.HTTPConnection(HOST, 80, timeout=2)
    connection.sock = socket.create_connection(("127.0.0.1", 80), 2)
    with contextlib.closing(connection), contextlib.suppress(http.client.HTTPException, OSError):
        connection.request("POST", "/parse", BODY)


@way()
def other_letters():
    with socket.create_connection((HOST.translate(WIDE), 80), 2) as sock:
        sock.sendall(BODY)


@way()
def connect_ex():
    with socket.socket() as sock:
        sock.settimeout(2)
        sock.connect_ex((HOST, 80))
        sock.sendall(BODY)


@way()
def xml_rpc():
    with contextlib.suppress(OSError, http.client.HTTPException):
        xmlrpc.client.ServerProxy(PLAIN).parse("x")


@way()
def log_by_http():
    logger = logging.getLogger("of a way")
    logger.addHandler(logging.handlers.HTTPHandler(HOST, "/parse", method="POST"))
    logging.raiseExceptions = False
    logger.warning("x")


@way()
def in_a_thread():
    thread = threading.Thread(target=kept_getaddrinfo)
    thread.start()
    thread.join()


@way()
def in_a_bare_thread():
    reader, writer = os.pipe()

    def ask():
        try:
            kept_getaddrinfo()
        finally:
            os.close(writer)

    _thread.start_new_thread(ask, ())
    os.read(reader, 1)
    os.close(reader)


@way()
def in_a_child():
    """Only a simulated test gets to know it."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            kept_getaddrinfo()
        os._exit(0)
    os.waitpid(child, 0)


@way("treq")
def treq_by_an_agent():
    """Last: a reactor runs once."""
    from twisted.internet import reactor
    from twisted.web.client import Agent

    done = treq.post(URL, data=BODY, agent=Agent(reactor, connectTimeout=2))
    done.addBoth(lambda _: reactor.stop())
    reactor.callLater(3, lambda: reactor.running and reactor.stop())
    reactor.run(installSignalHandlers=False)


@pytest.fixture(scope="module")
def received():
    """What has arrived at the host and at the proxy; whoever sent it is hung up on."""
    arrived, listeners = [], []

    def take(listener):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                # One that says nothing keeps no other one waiting.
                port = listener.getsockname()[1]
                threading.Thread(target=read, args=[sock, port], daemon=True).start()

    def read(sock, port):
        sock.settimeout(2)
        with sock, contextlib.suppress(OSError):
            said = sock.recv(999)
            arrived.append(said)
            if port == 3128 and said[:1] == b"\5":
                sock.sendall(b"\5\0")
                arrived.append(sock.recv(999))

    def take_datagrams(sock):
        with contextlib.suppress(OSError):
            while True:
                arrived.append(sock.recv(999))

    for port in (80, 443, 3128):
        listeners.append(socket.create_server(("127.0.0.1", port)))
        threading.Thread(target=take, args=listeners[-1:], daemon=True).start()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", 53))
    listeners.append(datagrams)
    threading.Thread(target=take_datagrams, args=[datagrams], daemon=True).start()
    yield arrived
    for listener in listeners:
        listener.close()


@pytest.fixture
def protected(received, request):
    """Nothing arrives; or, where nothing protects, something does."""
    if os.environ["MODE"] == "simulated":
        request.getfixturevalue("extend_api")
    del received[:]
    yield
    if os.environ["MODE"] == "open":
        latest = time.monotonic() + 30
        while not any(received) and time.monotonic() < latest:
            time.sleep(0.01)
        assert any(received)
    else:
        assert not set(received) - {b"", NO_HOST}


# Those whose libraries are installed.
_HAD = [
    name
    for name, (_, libraries) in WAYS.items()
    if all(importlib.util.find_spec(library) for library in libraries)
]
_MARKS = [pytest.mark.parseapi(clients=["httpx"])] if os.environ["MODE"] == "simulated" else []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [pytest.param(name, marks=_MARKS) for name in _HAD])
def test_way(name, protected):
    WAYS[name][0]()


if os.environ["MODE"] != "simulated":
    # A simulation intercepts it.
    @pytest.mark.parametrize("url", [PLAIN, URL])
    def test_httpx_by_a_proxy(url, protected):
        _by_httpx(url, PROXY)
