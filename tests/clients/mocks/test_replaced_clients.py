"""A mock in the place of a client library's own functions: no request comes, and why is told."""

from __future__ import annotations

import sys
from types import ModuleType
from unittest import mock

import pytest

from pytest_parseapi.clients.mocked_by_test import replaced_client

NAMES = [
    "httpx.post",
    "httpx.Client",
    "httpx.Client.send",
    "httpx.AsyncClient.post",
    "httpx.HTTPTransport.handle_request",
    "requests.post",
    "requests.Session",
    "requests.Session.send",
    "requests.adapters.HTTPAdapter.send",
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


def test_nothing_is_named_where_nothing_is_replaced(extend_api):
    assert seen(extend_api) == (
        "  seen       no request reached the simulated API, so this proves nothing"
    )
