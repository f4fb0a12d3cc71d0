"""What providers read from a request: URLs as the standard library does, a body once."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_parseapi.model import request_content
from pytest_parseapi.model.http import HeaderLines, Request, shared_timeouts
from pytest_parseapi.model.multipart import MalformedBody
from pytest_parseapi.model.request_content import (
    json_object,
    media_type,
    names_of_url,
    parts_of_url,
)

JSON = HeaderLines([("content-type", "application/json")])

url_texts = st.one_of(
    st.text(alphabet="htps:/?#[]@.%aB2 \t\n\u00e9\u2003-~+", max_size=30),
    st.builds(
        "{}://{}{}{}".format,
        st.sampled_from(["http", "https", "HTTPS", "ftp", "", "http:", " https"]),
        st.sampled_from(["a.example", "a.example:80", "a:b", "u:p@a", "[::1]", "[x", "", "\u2100"]),
        st.text(alphabet="/a.pdf%2F~@;=[] \u00e9", max_size=15),
        st.sampled_from(["", "?a=1", "?x#y", "#[", "?\u2003", "?a b", "#/x/y.pdf"]),
    ),
)


def by_the_standard_library(url: str) -> tuple[bool, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False, ""
    absolute = parts.scheme in ("http", "https") and bool(parts.hostname)
    name = unquote(parts.path.rstrip("/").rpartition("/")[2])
    return absolute and not re.search(r"\s", url), name


@given(url_texts)
@example("https://files.example.com/invoice.pdf")
@example("https://files.example.com/a/b/invoice%20one.pdf/?v=2#top")
@example("https://files.example.com")
@example("https://./")
@example("https://files.example.com/a?next=/b/c.pdf")
def test_urls_are_split_as_the_standard_library_splits_them(url: str) -> None:
    assert parts_of_url(url) == by_the_standard_library(url)


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("https://a.example/b.pdf", ("https://a.example/b.pdf", "b.pdf")),
        ("https://a.example/", ("https://a.example/",)),
        ("b.pdf", ("b.pdf",)),
        ("", ()),
        (None, ()),
        (7, ()),
    ],
)
def test_a_url_names_a_document(url: object, names: tuple[str, ...]) -> None:
    assert names_of_url(url) == names


def request(body: bytes, headers: tuple[tuple[str, str], ...] = JSON) -> Request:
    return Request(
        method="POST",
        url="https://api.acme.example/parse",
        host="api.acme.example",
        path="/parse",
        headers=headers,
        body=body,
        client="requests",
    )


def test_the_body_of_a_request_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    real = request_content._object_in
    monkeypatch.setattr(request_content, "_object_in", lambda body: read.append(body) or real(body))
    one, other = request(b'{"a": 1}'), request(b'{"a": 1}')
    assert [json_object(one), json_object(one), json_object(other)] == [{"a": 1}] * 3
    assert read == [b'{"a": 1}', b'{"a": 1}']


@pytest.mark.parametrize("body", [b"", b" \n", b"[1]", b'{"a": NaN}', b"{", b"{} {}", b"\xff"])
def test_a_body_that_is_no_object_is_none_each_time(body: bytes) -> None:
    asked = request(body)
    for source in (asked, asked, body):
        with pytest.raises(MalformedBody):
            json_object(source)


@pytest.mark.parametrize("text", ['{"a": {}}', ' {"a": {}}', '{"a": {}}\n', '\t{ "a" : { } } '])
def test_white_space_around_an_object_is_nothing(text: str) -> None:
    assert json_object(text) == json_object(text.encode()) == {"a": {}}


def test_headers_are_found_by_their_first_value_however_they_are_kept() -> None:
    lines = (("x-tag", "a"), ("content-type", "Text/Plain; charset=x"), ("x-tag", "b"))
    for headers in (lines, HeaderLines(lines)):
        asked = request(b"", headers)
        assert (asked.header("x-tag"), asked.header("x-other")) == ("a", None)
        assert media_type(asked) == "text/plain"
        assert asked.headers == lines


def test_equal_time_outs_are_one_object() -> None:
    assert shared_timeouts(5.0, None) is shared_timeouts(5.0, None)
    assert shared_timeouts(5.0, None) != shared_timeouts(None, 5.0)
    assert shared_timeouts(known=False).missing == ()
