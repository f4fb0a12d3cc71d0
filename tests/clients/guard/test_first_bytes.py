"""Finds the host in the first bytes of a connection."""

import array
import ssl
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_parseapi.clients.guard.first_bytes import FirstBytes, host_in_first_bytes

HOST = "api.extend.ai"
SOCKS_5 = b"\x05\x01\x00\x03\x0dapi.extend.ai\x00\x50"
SOCKS_4A = b"\x04\x01\x00\x50\x00\x00\x00\x01user\x00api.extend.ai\x00"
LABELS = b"\x03api\x06extend\x02ai\x00"
QUESTION = b"\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x00" + LABELS + b"\x00\x01\x00\x01"


def hello(name):
    """The first message of a TLS connection to a host."""
    sent = ssl.MemoryBIO()
    context = ssl.create_default_context()
    begin = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        begin.do_handshake()
    return sent.read()


ASKING = {
    "tunnel": f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode(),
    "line": f"POST http://{HOST}/parse HTTP/1.1\r\n\r\n".encode(),
    "credential": f"GET https://user:pass@{HOST} HTTP/1.0\r\n".encode(),
    "small letters": bytearray(f"get http://{HOST}:80/?a=b HTTP/1.1\r\n".encode()),
    "memory": memoryview(f"PROPFIND http://{HOST}/ HTTP/1.1\r\n".encode()),
    "parts": [f"POST http://{HOST}/parse HTTP/1.1\r\n".encode(), b"x"],
    "small parts": [b"POST ", f"http://{HOST}/parse HTTP/1.1\r\n".encode()],
    "array": array.array("B", f"M-SEARCH http://{HOST}/ HTTP/1.1\r\n".encode()),
    "empty lines": f"\r\n\nGET http://{HOST}/ HTTP/1.1\r\n".encode(),
    "socks 5": SOCKS_5,
    "socks 4a": SOCKS_4A,
    "question": QUESTION,
    "question by TCP": struct.pack("!H", len(QUESTION)) + QUESTION,
    "tls": hello(HOST),
}


@pytest.mark.parametrize("kind", ASKING)
def test_the_host_is_found(kind):
    assert host_in_first_bytes(ASKING[kind]) == HOST


OTHER = {
    "host header": f"POST /parse HTTP/1.1\r\nhost: {HOST}\r\n".encode(),
    "sentence": f"POST http://{HOST}/parse is where it goes\r\n".encode(),
    "other host": f"GET http://example.com/?of=http://{HOST}/ HTTP/1.1\r\n".encode(),
    "no method": f"http://{HOST}/ HTTP/1.1\r\n".encode(),
    "socks 5 greeting": b"\x05\x01\x00",
    "socks 4 address": b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00",
    "socks 5 address": b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50",
    "answer": QUESTION[:2] + b"\x81" + QUESTION[3:],
    "labels": LABELS,
    "tls of another host": hello("files.example.com"),
    "tls of an address": hello("127.0.0.1"),
    "one byte": b"\x16",
    "no byte": b"",
    "no part": [],
    "text": "text",
    "object": object(),
}


@pytest.mark.parametrize("kind", OTHER)
def test_other_data_has_no_host(kind):
    assert host_in_first_bytes(OTHER[kind]) != HOST


@pytest.mark.parametrize("size", [1, 3, 7, 20])
@pytest.mark.parametrize("kind", ["tunnel", "line", "credential", "socks 5", "socks 4a"])
def test_the_host_is_found_if_bytes_are_sent_in_parts(kind, size):
    first_bytes, data = FirstBytes(), bytes(ASKING[kind])
    found = []
    for begin in range(0, len(data), size):
        found.append(first_bytes.host(3, data[begin : begin + size]))
        # Somebody else sends meanwhile.
        assert first_bytes.host(4, b"x" * 30) == ""
    assert [host for host in found if host] == [HOST]


def test_a_greeting_comes_before_a_request_of_socks():
    first_bytes = FirstBytes()
    assert first_bytes.host(3, b"\x05\x01\x00") == ""
    assert first_bytes.host(3, SOCKS_5) == HOST


def test_bytes_that_cannot_name_a_host_are_not_kept():
    first_bytes = FirstBytes()
    assert first_bytes.host(3, b"{") == ""
    assert first_bytes.host(3, ASKING["tunnel"][:7]) == ""
    assert first_bytes.host(3, b"\n") == ""
    assert first_bytes.host(3, ASKING["tunnel"][7:]) == ""


@given(st.lists(st.binary() | st.text() | st.lists(st.binary())))
def test_whatever_is_sent_can_be_read(parts):
    first_bytes = FirstBytes()
    for part in parts:
        assert isinstance(first_bytes.host(3, part), str)
        assert isinstance(host_in_first_bytes(part), str)
