"""A mock in the place of a client library's own functions: no request comes, and why is told."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from unittest import mock

import httpx
import pytest
import requests

from pytest_parseapi.clients.mocked_by_test import replaced_client

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


def seen(api):
    with pytest.raises(AssertionError) as failure:
        api.assert_retried()
    return str(failure.value).splitlines()[2]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("instead", [mock.Mock(), lambda *_: None, fake])
def test_is_named_where_no_request_came(extend_api, name, instead):
    with mock.patch(name, instead):
        assert seen(extend_api) == (
            "  seen       no request reached Extend: the test has put something else in place of "
            f"{name}, so this proves nothing"
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


def test_a_mock_of_something_else_that_is_over_is_not_named(extend_api):
    with mock.patch("os.getcwd"):
        pass
    assert "had put" not in seen(extend_api)


def test_nothing_is_named_where_nothing_is_replaced(extend_api):
    assert seen(extend_api) == (
        "  seen       no request reached the simulated API, so this proves nothing"
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
