"""Reads the host from an argument in the same way as the clients do."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_parseapi.clients.guard.host_readers import host_in, host_of_target

HOST = "api.extend.ai"


@pytest.mark.parametrize(
    "given",
    [
        HOST,
        HOST.encode(),
        f"{HOST}:443",
        (HOST, 443),
        f"https://{HOST}/parse",
        f"https://user:pass@{HOST}:443/parse?a=b#c",
        f"https://user:p@ss@{HOST}/",
        f"https:{HOST}/parse",
        f"https:/{HOST}",
        f"//{HOST}/parse",
        f"https:\\\\{HOST}\\parse",
        f" \x01https://{HOST}/ ",
        "ht\ntps://api.ex\ttend.ai/",
        "https://api%2Eextend%2eai/parse",
        SimpleNamespace(host=HOST),
        SimpleNamespace(url=f"https://{HOST}/"),
        SimpleNamespace(url=SimpleNamespace(host=HOST.encode())),
    ],
)
def test_a_host_is_found(given):
    assert host_in(given) == HOST


@pytest.mark.parametrize(
    "given",
    [
        "",
        None,
        7,
        (),
        b"",
        "https://example.com/api.extend.ai",
        f"https://example.com/?to=https://{HOST}/",
        f"https://example.com#@{HOST}",
        f"https://{HOST}@example.com/",
        ("127.0.0.1", 443),
        "/run/api.extend.ai",
        SimpleNamespace(url=None),
    ],
)
def test_similar_hosts_are_not_blocked(given):
    assert host_in(given) != HOST


@given(st.binary() | st.text())
def test_whatever_is_given_can_be_read(given):
    assert isinstance(host_in(given), str)


@pytest.mark.parametrize(
    "target",
    [
        HOST,
        f"{HOST}:443",
        f"dns:{HOST}:443",
        f"DNS:{HOST}",
        f"dns:///{HOST}:443",
        f"dns://8.8.8.8/{HOST}",
        HOST.encode(),
    ],
)
def test_a_channel_names_its_host(target):
    assert host_of_target(target) == HOST
