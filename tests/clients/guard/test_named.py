"""Which host a caller names, read as the clients themselves read it."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_parseapi.clients.guard.named import host_in, host_of_line, host_of_target

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
def test_no_other_host_is_taken_for_it(given):
    assert host_in(given) != HOST


@pytest.mark.parametrize(
    "data",
    [
        f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode(),
        f"POST http://{HOST}/parse HTTP/1.1\r\n\r\n".encode(),
        f"GET https://user:pass@{HOST} HTTP/1.0\r\n".encode(),
        bytearray(f"get http://{HOST}:80/?a=b HTTP/1.1\r\n".encode()),
        memoryview(f"PROPFIND http://{HOST}/ HTTP/1.1\r\n".encode()),
        [f"POST http://{HOST}/parse HTTP/1.1\r\n".encode(), b"x"],
        b"\x05\x01\x00\x03\x0dapi.extend.ai\x00\x50",
    ],
)
def test_a_proxy_is_asked_for_it(data):
    assert host_of_line(data) == HOST


@pytest.mark.parametrize(
    "data",
    [
        f"POST /parse HTTP/1.1\r\nhost: {HOST}\r\n".encode(),
        f"POST http://{HOST}/parse is where it goes\r\n".encode(),
        f"GET http://example.com/?of=http://{HOST}/ HTTP/1.1\r\n".encode(),
        f"http://{HOST}/ HTTP/1.1\r\n".encode(),
        b"\x05\x01\x00",
        b"",
        [],
        "text",
        object(),
    ],
)
def test_other_data_asks_for_nothing(data):
    assert host_of_line(data) != HOST


@given(st.binary() | st.text() | st.lists(st.binary()))
def test_whatever_is_sent_can_be_read(data):
    assert isinstance(host_of_line(data), str)
    assert isinstance(host_in(data), str)


@pytest.mark.parametrize(
    "target",
    [
        HOST,
        f"{HOST}:443",
        f"dns:{HOST}:443",
        f"dns:///{HOST}:443",
        f"dns://8.8.8.8/{HOST}",
        HOST.encode(),
    ],
)
def test_a_channel_names_its_host(target):
    assert host_of_target(target) == HOST
