"""A mock of a client library's own functions: no request comes, and the message says why."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from unittest import mock

import aiohttp
import httpx
import pytest
import requests
from aiohttp.client_proto import ResponseHandler

from pytest_parseapi.clients.replaced_clients import replaced_client

NAMES = [
    "httpx.post",
    "httpx.Client",
    "httpx.Client.send",
    "httpx.AsyncClient.post",
    "httpx.Client._send_single_request",
    "httpx.HTTPTransport.handle_request",
    "requests.post",
    "requests.Session",
    "requests.Session.send",
    "requests.adapters.HTTPAdapter.send",
    "requests.Session.get_adapter",
    "urllib3.HTTPConnectionPool.urlopen",
    "aiohttp.ClientSession",
    "aiohttp.ClientSession._request",
]


def fake(*_args, **_options):
    """What a test puts in place by ``monkeypatch``."""


def told(api):
    with pytest.raises(AssertionError) as failure:
        api.assert_retried()
    return str(failure.value).splitlines()


def seen(api):
    return told(api)[2]


def advice(api):
    return told(api)[3]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("instead", [mock.Mock(), lambda *_: None, fake])
def test_is_named_where_no_request_came(extend_api, name, instead):
    with mock.patch(name, instead):
        assert seen(extend_api) == (
            "  seen       no request reached Extend: the test has put something else in place of "
            f"{name}, so this proves nothing"
        )
        assert advice(extend_api) == (
            f"  next       remove the test's own mock of {name}: the simulated API answers the "
            "consumer without one"
        )
    assert replaced_client() == ""


@pytest.mark.parametrize("library", ["httpx", "requests", "aiohttp"])
def test_is_named_where_a_module_has_it(extend_api, monkeypatch, library):
    app = ModuleType("their_app")
    setattr(app, library, mock.MagicMock())
    monkeypatch.setitem(sys.modules, "their_app", app)
    assert f"in place of their_app.{library}, so this" in seen(extend_api)


@pytest.mark.parametrize("name", ["httpx.post", "requests.Session.send"])
@pytest.mark.parametrize("how", ["with", "stop", "decorator", "monkeypatch"])
def test_is_named_where_it_is_over_when_the_check_asks(extend_api, monkeypatch, name, how):
    if how == "with":
        with mock.patch(name):
            pass
    elif how == "stop":
        patch = mock.patch(name)
        patch.start()
        patch.stop()
    elif how == "decorator":
        mock.patch(name)(fake)()
    else:
        with monkeypatch.context() as context:
            context.setattr(name, fake)
    assert replaced_client() == ""
    assert seen(extend_api) == (
        "  seen       no request reached Extend: the test had put something else in place of "
        f"{name} for a time, so this proves nothing"
    )
    assert f"remove the test's own mock of {name}: " in advice(extend_api)


def test_a_mock_of_something_else_that_is_over_is_not_named(extend_api):
    with mock.patch("os.getcwd"):
        pass
    assert "had put" not in seen(extend_api)


def test_nothing_is_named_where_nothing_is_replaced(extend_api):
    assert seen(extend_api) == (
        "  seen       no request reached the simulated API, so this proves nothing"
    )
    assert advice(extend_api) == (
        "  next       call the consumer in the test; it should ask https://api.extend.ai"
    )


class OwnTransport(httpx.BaseTransport):
    def handle_request(self, request):
        return httpx.Response(500)


class OwnAdapter(requests.adapters.HTTPAdapter):
    def send(self, request, **options):
        response = requests.Response()
        response.status_code = 500
        response.url = request.url
        return response


class PassingAdapter(requests.adapters.HTTPAdapter):
    def send(self, request, **options):
        return super().send(request, **options)


class OwnConnector(aiohttp.BaseConnector):
    async def _create_connection(self, *_args):
        protocol = ResponseHandler(self._loop)
        protocol.connection_made(Answering(self._loop, protocol))
        return protocol


class Answering(asyncio.Transport):
    def __init__(self, loop, protocol):
        super().__init__()
        self.loop, self.protocol = loop, protocol

    def write(self, data):
        reply = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"
        self.loop.call_soon(self.protocol.data_received, reply)

    def close(self):
        self.loop.call_soon(self.protocol.connection_lost, None)

    def is_closing(self):
        return False


def by_a_connector(url, connector=OwnConnector):
    async def send():
        async with aiohttp.ClientSession(connector=connector()) as session:
            await session.get(url)

    asyncio.run(send())


def by_own_transport(url):
    with httpx.Client(transport=OwnTransport()) as client:
        client.post(url)


def by_a_handler(url):
    async def send():
        transport = httpx.MockTransport(lambda _: httpx.Response(500))
        async with httpx.AsyncClient(transport=transport) as client:
            await client.post(url)

    asyncio.run(send())


def by_an_adapter(url, adapter=OwnAdapter):
    with requests.Session() as session:
        session.mount("https://", adapter())
        session.post(url, timeout=5)


@pytest.mark.parametrize(
    ("send", "sender"),
    [
        (by_own_transport, f"httpx transport {__name__}.OwnTransport"),
        (by_a_handler, "httpx transport httpx.MockTransport"),
        (by_an_adapter, f"requests adapter {__name__}.OwnAdapter"),
        (by_a_connector, f"aiohttp connector {__name__}.OwnConnector"),
    ],
)
def test_a_transport_of_the_consumer_s_own_is_named(extend_api, send, sender):
    send("https://other.example.com/parse")
    assert "reached the simulated API" in seen(extend_api)
    send("https://api.extend.ai/parse")
    assert seen(extend_api) == (
        f"  seen       no request reached Extend: the consumer sends by its own {sender}, which is "
        "not on record, so this proves nothing"
    )


def test_an_adapter_that_only_passes_on_leads_to_the_simulation(extend_api):
    by_an_adapter("https://api.extend.ai/parse", PassingAdapter)
    assert [attempt.status for attempt in extend_api.attempts] == [401]


class PassingConnector(aiohttp.TCPConnector):
    async def connect(self, *args, **options):
        return await super().connect(*args, **options)


@pytest.mark.parametrize(
    "connector", [PassingConnector, lambda: aiohttp.UnixConnector("/no/socket")]
)
def test_a_connector_of_aiohttp_s_leads_to_the_simulation(extend_api, connector):
    by_a_connector("https://api.extend.ai/files", connector)
    assert [attempt.status for attempt in extend_api.attempts] == [401]


def test_by_a_connection_of_the_consumer_s_own_nothing_is_sent(nested):
    nested("""
        import asyncio, socket

        import aiohttp
        from aiohttp.client_proto import ResponseHandler

        def test_it(extend_api):
            ours, theirs = socket.socketpair()

            class Connector(aiohttp.TCPConnector):
                async def connect(self, req, traces, timeout):
                    loop = asyncio.get_running_loop()
                    made = loop.create_connection(lambda: ResponseHandler(loop), sock=ours)
                    protocol = (await made)[1]
                    self._acquired.add(protocol)
                    return aiohttp.connector.Connection(self, req.connection_key, protocol, loop)

            async def send():
                async with aiohttp.ClientSession(connector=Connector()) as session:
                    await session.get("https://api.extend.ai/files")

            try:
                asyncio.run(send())
            finally:
                assert theirs.recv(9) == b""
                theirs.close()
    """).stdout.fnmatch_lines(
        [
            "GET https://api.extend.ai/files is not simulated: aiohttp's connector is the "
            "consumer's own *test_it.<locals>.Connector, which opens a connection by itself.",
            "  from      *.py:* in send",
            "Open it by super()._create_connection(...), or mount the usual connector in the test.",
        ]
    )
