"""References from before the test are intercepted, and wrappers still work."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import httpx
import pytest
import requests
import urllib3
from plain_consumer import FILES
from requests.adapters import HTTPAdapter

URL = "https://api.extend.ai/parse"
BODY = {"file": {"url": FILES + "a.pdf"}}

HANDLE = httpx.HTTPTransport.handle_request
HANDLE_ASYNC = httpx.AsyncHTTPTransport.handle_async_request
BOUND = httpx.HTTPTransport().handle_request
SEND = HTTPAdapter.send
REQUEST = aiohttp.ClientSession._request
MAKE_REQUEST = urllib3.HTTPConnectionPool._make_request
CREATE_CONNECTION = aiohttp.TCPConnector._create_connection
POOL = urllib3.HTTPSConnectionPool("api.extend.ai")


class KeptTransport(httpx.HTTPTransport):
    def handle_request(self, request):
        return HANDLE(self, request)


class KeptAsyncTransport(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request):
        return await HANDLE_ASYNC(self, request)


class KeptAdapter(HTTPAdapter):
    def send(self, *args, **options):
        return SEND(self, *args, **options)


class KeptPool(urllib3.HTTPSConnectionPool):
    def _make_request(self, *args, **options):
        return MAKE_REQUEST(self, *args, **options)


class KeptConnector(aiohttp.TCPConnector):
    async def _create_connection(self, *args, **options):
        return await CREATE_CONNECTION(self, *args, **options)


def by_transport(headers):
    with httpx.Client(transport=KeptTransport()) as client:
        return client.post(URL, json=BODY, headers=headers).status_code


def by_bound_method(headers):
    request = httpx.Request("POST", URL, json=BODY, headers=headers)
    request.read()
    return BOUND(request).status_code


def by_async_transport(headers):
    async def send():
        async with httpx.AsyncClient(transport=KeptAsyncTransport()) as client:
            return (await client.post(URL, json=BODY, headers=headers)).status_code

    return asyncio.run(send())


def by_adapter(headers):
    with requests.Session() as session:
        session.mount("https://", KeptAdapter())
        return session.post(URL, json=BODY, headers=headers, timeout=5).status_code


def by_request(headers):
    async def send():
        async with aiohttp.ClientSession() as session:
            return (await REQUEST(session, "POST", URL, json=BODY, headers=headers)).status

    return asyncio.run(send())


def by_connector(headers):
    async def send():
        async with aiohttp.ClientSession(connector=KeptConnector()) as session:
            return (await session.post(URL, json=BODY, headers=headers)).status

    return asyncio.run(send())


def by_pool(headers, pool=POOL):
    sent = {**headers, "content-type": "application/json"}
    return pool.urlopen("POST", "/parse", body=json.dumps(BODY), headers=sent).status


def by_kept_pool(headers):
    return by_pool(headers, KeptPool("api.extend.ai"))


@pytest.mark.parametrize(
    "send",
    [
        *(by_transport, by_bound_method, by_async_transport, by_adapter, by_request),
        *(by_connector, by_pool, by_kept_pool),
    ],
)
def test_a_reference_that_was_kept_before_the_test_is_intercepted(extend_api, send):
    extend_api.fail("OCR_ERROR")
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    assert [send(headers), send(headers)] == [500, 200]
    assert len(extend_api.attempts) == 2


@pytest.fixture
def wrapped_before(monkeypatch):
    """A wrapper that finds the real function as a global, as many do."""
    seen = []

    def make_request(self, *args, **options):
        seen.append(args)
        return MAKE_REQUEST(self, *args, **options)

    monkeypatch.setattr(urllib3.HTTPConnectionPool, "_make_request", make_request)
    return seen


def test_a_wrapper_from_before_the_test_still_works(wrapped_before, extend_api):
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    assert requests.post(URL, json=BODY, headers=headers, timeout=5).status_code == 200
    assert len(wrapped_before) == len(extend_api.attempts) == 1
