"""Compares the payloads of two requests, without what may differ between equal ones."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_parseapi.record.payload import payload_of


def by_httpx(**more):
    request = httpx.Request("POST", "https://api.example.com", **more)
    return payload_of(request.headers.get("content-type", ""), request.read())


FILE = {"file": ("a.pdf", b"%PDF", "application/pdf")}


def test_multipart_boundaries_do_not_matter():
    one, two = by_httpx(files=FILE), by_httpx(files=FILE)
    assert one.digest == two.digest
    assert one.difference(two) is None


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        ({"files": FILE}, {"files": FILE, "data": {"x": "1"}}, "no 'x' part, then x (1 bytes)"),
        ({"files": FILE}, {"content": b""}, "content type multipart/form-data, then none"),
        ({"json": {"a": 1}}, {"json": {"a": 2}}, "a (1 bytes), then other content"),
        ({"json": {"a": 1}}, {"json": {}}, "bytes), then body (2 bytes)"),
        ({"content": b"a" * 1234567}, {"content": b""}, "body (1,234,567 bytes), then body (0 b"),
        ({"files": FILE}, {"files": {"other": FILE["file"]}}, "then no such part"),
    ],
)
def test_differences_are_described(one, two, words):
    first, second = by_httpx(**one), by_httpx(**two)
    assert words in first.difference(second)
    assert first.digest != second.digest


def test_the_order_of_parts_counts():
    """A server may read a form as a stream, so their order is part of what is sent."""
    one = by_httpx(files=[("a", ("a", b"1")), ("b", ("b", b"2"))])
    two = by_httpx(files=[("b", ("b", b"2")), ("a", ("a", b"1"))])
    assert one.digest != two.digest
    assert one.difference(two) == "parts a b, then b a"


def test_several_parts_of_one_name():
    one = by_httpx(files=[("a", ("a", b"1")), ("a", ("a", b"2"))])
    two = by_httpx(files=[("a", ("a", b"1"))])
    assert one.difference(two) == "a 'a' (1 bytes, application/octet-stream), then no such part"
    assert two.difference(one) == "no 'a' part, then a 'a' (1 bytes, application/octet-stream)"


@pytest.mark.parametrize(
    ("kind", "body", "content"),
    [
        ("application/json", b"{}", False),
        ("application/pdf", b"%PDF", True),
        ("application/pdf", b"", False),
        ("", b"", False),
        ("multipart/form-data; boundary=b", b"cut short", False),
    ],
)
def test_which_bodies_hold_a_document(kind, body, content):
    assert (payload_of(kind, body).content is not None) is content


def test_a_document_is_its_files_content_whatever_its_name():
    renamed = {"file": ("b.pdf", b"%PDF", "text/plain")}
    assert by_httpx(files=FILE).content == by_httpx(files=renamed).content
    assert by_httpx(files={"file": ("a.pdf", b"")}).content is None


@pytest.mark.parametrize("one", ["{}", "[]"])
def test_json_that_is_nested_too_deeply_is_compared_as_a_whole(one):
    start, end = ('{"a":', "}") if one == "{}" else ("[", "]")
    body = f'{{"metadata":{start * 600}1{end * 600}}}'.encode()
    payload = payload_of("application/json", body)
    assert payload.parts == (payload.whole,)
    assert payload.difference(payload_of("application/json", body)) is None
    other = payload_of("application/json", body.replace(b"1", b"2"))
    assert payload.difference(other) == (
        f"body ({len(body):,} bytes), then other content of the same size"
    )


@given(kind=st.text(max_size=30), one=st.binary(max_size=60), two=st.binary(max_size=60))
def test_equal_digests_and_no_difference_go_together(kind, one, two):
    first, second = payload_of(kind, one), payload_of(kind, two)
    assert (first.digest == second.digest) is (first.difference(second) is None)
    assert payload_of(kind, one).difference(first) is None
