"""A client library refuses the same requests as over a real socket, with the same words."""

import asyncio
import contextlib
import re
import socket
import threading

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3

SIMULATED = "https://api.extend.ai/parse"
BODY = b'{"file": {"url": "https://files.example.com/a.pdf"}}'
KEY = {"Authorization": "Bearer sk_test_1"}


def by_httpx(url, method, headers, library=httpx):
    with library.Client(timeout=5) as client:
        client.request(method, url, content=BODY, headers=headers)


def by_async_httpx(url, method, headers, library=httpx):
    async def main():
        async with library.AsyncClient(timeout=5) as client:
            await client.request(method, url, content=BODY, headers=headers)

    asyncio.run(main())


def by_httpx2(url, method, headers):
    by_httpx(url, method, headers, httpx2)


def by_async_httpx2(url, method, headers):
    by_async_httpx(url, method, headers, httpx2)


def by_requests(url, method, headers):
    requests.request(method, url, data=BODY, headers=headers, timeout=5)


def by_urllib3(url, method, headers):
    with urllib3.PoolManager(retries=False, cert_reqs="CERT_NONE") as pool:
        pool.request(method, url, body=BODY, headers=headers, timeout=5)


def by_aiohttp(url, method, headers):
    async def main():
        limits = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=limits) as session:
            response = await session.request(method, url, data=BODY, headers=headers)
            await response.read()

    asyncio.run(main())


CLIENTS = [
    by_httpx,
    by_async_httpx,
    by_httpx2,
    by_async_httpx2,
    by_requests,
    by_urllib3,
    by_aiohttp,
]
REQUESTS = {
    "right": ("POST", KEY),
    "line break after the key": ("POST", {"Authorization": "Bearer sk_live_1\n"}),
    "blank after the key": ("POST", {"Authorization": "Bearer sk_live_1 "}),
    "empty key": ("POST", {"Authorization": "Bearer "}),
    "carriage return in a value": ("POST", {**KEY, "x-trace": "a\rb"}),
    "header smuggled in a value": ("POST", {**KEY, "x-trace": "a\r\nx-more: b"}),
    "null in a value": ("POST", {**KEY, "x-trace": "a\0b"}),
    "blank before a value": ("POST", {**KEY, "x-trace": " a"}),
    "blank in a name": ("POST", {**KEY, "x trace": "a"}),
    "colon in a name": ("POST", {**KEY, "x:trace": "a"}),
    "empty name": ("POST", {**KEY, "": "a"}),
    "blank in a method": ("PO ST", KEY),
    "line break in a method": ("POST\n", KEY),
    "unknown transfer coding": ("POST", {**KEY, "Transfer-Encoding": "br"}),
    "content-length that is no number": ("POST", {**KEY, "Content-Length": "many"}),
}
# Only a library that compares the length with the body; the others leave a server waiting.
LENGTHS = {
    "content-length too small": ("POST", {**KEY, "Content-Length": "3"}),
    "content-length too large": ("POST", {**KEY, "Content-Length": "999"}),
}

MEANINGFUL = ("Content-Length", "Transfer-Encoding")


@pytest.fixture(scope="module")
def real_url():
    """A server that answers 200 as soon as it has a request's head."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                with sock, contextlib.suppress(OSError):
                    sock.settimeout(5)
                    read = b""
                    while b"\r\n\r\n" not in read and (data := sock.recv(9999)):
                        read += data
                    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    sock.sendall(reply if read else b"")
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(9999):
                        pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/parse"
    # Closing alone leaves the thread in accept(), at work for every test that follows.
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def refusal(send, *arguments):
    """The type and text of what is raised; nothing where the request is sent."""
    try:
        send(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it raises is compared
        return type(error), re.sub("0x[0-9a-f]+", "", str(error))
    return None


CASES = [
    *((send, name) for send in CLIENTS for name in REQUESTS),
    *((send, name) for send in CLIENTS[:4] for name in LENGTHS),
]


@pytest.mark.parametrize(("send", "name"), CASES, ids=lambda item: getattr(item, "__name__", item))
@pytest.mark.parametrize("known", [False, True], ids=["first", "after another"])
def test_as_over_a_socket(extend_api, real_url, send, name, known):
    method, headers = {**REQUESTS, **LENGTHS}[name]
    if known:
        send(SIMULATED, *REQUESTS["right"])
        plain = {name: "a b" for name in headers if name not in MEANINGFUL}
        with contextlib.suppress(Exception):  # a name may be refused, too
            send(SIMULATED, "POST", plain)
    before = len(extend_api.attempts)

    simulated = refusal(send, SIMULATED, method, headers)

    real = refusal(send, real_url, method, headers)
    assert simulated == real
    # What is refused is no attempt.
    assert len(extend_api.attempts) == before + (real is None)
