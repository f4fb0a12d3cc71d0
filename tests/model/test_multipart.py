"""Forms of client libraries are parsed completely; other input is malformed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from urllib.parse import quote

import aiohttp
import httpx
import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_parseapi.model.multipart import MalformedBody, file_part, parameters, parse_multipart

FORM = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'


def encoded(files, data=None):
    request = httpx.Request("POST", "https://api.example.com", files=files, data=data)
    return request.headers["content-type"], request.read()


def test_a_part_carries_name_file_name_type_headers_and_body():
    (part,) = parse_multipart(*encoded({"file": ("a.pdf", b"%PDF\r\n-1.7", "application/pdf")}))
    assert (part.name, part.filename, part.content_type, part.body) == (
        "file",
        "a.pdf",
        "application/pdf",
        b"%PDF\r\n-1.7",
    )
    assert part.headers == (
        ("content-disposition", 'form-data; name="file"; filename="a.pdf"'),
        ("content-type", "application/pdf"),
    )


def test_text_parts_have_no_file_name_and_order_is_kept():
    text, file = parse_multipart(*encoded({"file": b"x"}, {"password": "secret"}))
    assert (text.name, text.filename, text.body) == ("password", None, b"secret")
    assert (file.name, file.filename) == ("file", "upload")


names = st.text(st.characters(codec="utf-8", exclude_characters="%\x7f\x1b"), min_size=1)


@given(
    parts=st.lists(st.tuples(names, names, st.binary(max_size=300)), max_size=4),
    boundary=st.text("abcXYZ019'-_.", min_size=10, max_size=60).filter(lambda b: b.strip() == b),
)
@example(parts=[('a"b', 'C:\\new\\"x".pdf', b"--\r\n\r\n--")], boundary="-" * 10)
def test_round_trip_of_httpx(parts, boundary):
    if any(b"\r\n--" + boundary.encode() in b"\r\n" + body for _, _, body in parts):
        return
    request = httpx.Request(
        "POST",
        "https://api.example.com",
        files=[(name, (filename, body)) for name, filename, body in parts] or None,
        headers={"content-type": f'multipart/form-data; boundary="{boundary}"'},
    )
    body = request.read() or b"--" + boundary.encode() + b"--\r\n"
    found = parse_multipart(request.headers["content-type"], body)
    assert [(part.name, part.filename, part.body) for part in found] == parts


@pytest.mark.parametrize(
    "filename",
    ["plain.pdf", "mit Leerzeichen.pdf", "naïve.pdf", "请求.pdf", 'a"b.pdf', "C:\\a.pdf"],
)
def test_file_names_of_requests(filename):
    sent = requests.Request(
        "POST", "https://api.example.com", files={"file": (filename, b"x")}
    ).prepare()
    (part,) = parse_multipart(sent.headers["content-type"], sent.body)
    assert part.filename == filename


async def _aiohttp_body(filename, *, quote_fields):
    form = aiohttp.FormData(quote_fields=quote_fields)
    form.add_field("file", b"x", filename=filename)
    writer = form()
    return writer.content_type, await writer.as_bytes()


def test_file_names_of_aiohttp_keep_the_percent_signs_it_adds():
    quoted = asyncio.run(_aiohttp_body("naïve a.pdf", quote_fields=True))
    plain = asyncio.run(_aiohttp_body("naïve a.pdf", quote_fields=False))
    assert parse_multipart(*quoted)[0].filename == quote("naïve a.pdf")
    assert parse_multipart(*plain)[0].filename == "naïve a.pdf"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("form-data; name=file", {"name": "file"}),
        ('form-data ; NAME = "file" ; x=1', {"name": "file", "x": "1"}),
        ('form-data; name="a;b=c"', {"name": "a;b=c"}),
        (r'form-data; filename="a\"b\\c\d"', {"filename": r'a"b\c\d'}),
        ('form-data; filename="a%22b%0A.pdf"', {"filename": 'a"b\n.pdf'}),
        ('form-data; filename="100%25.pdf"', {"filename": "100%25.pdf"}),
        ("form-data; filename=x; filename*=UTF-8''na%C3%AFve.pdf", {"filename": "naïve.pdf"}),
        ("form-data; filename*=utf-8'de'%e2%82%ac.pdf; filename=x", {"filename": "€.pdf"}),
        ("form-data; filename*=ISO-8859-1''na%EFve.pdf", {"filename": "naïve.pdf"}),
        ("form-data; filename*=klingon''a%20b", {"filename": "a b"}),
        ("form-data", {}),
        ("", {}),
        ("form-data; ;;; name=a", {"name": "a"}),
    ],
)
def test_parameters(header, expected):
    assert parameters(header) == expected


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        ("", b"", "The Content-Type is missing, not multipart/form-data."),
        (
            "text/plain; boundary=b",
            b"",
            "The Content-Type is text/plain, not multipart/form-data.",
        ),
        ("multipart/form-data", b"--b--", "The Content-Type names no boundary."),
        ("multipart/form-data; boundary=", b"--b--", "The Content-Type names no boundary."),
        (
            'multipart/form-data; boundary="b',
            b"--b--",
            "The value of 'boundary' has no closing quote.",
        ),
        (
            f"multipart/form-data; boundary={'b' * 71}",
            b"--b--",
            "The boundary is longer than 70 characters.",
        ),
        (FORM, b"", "The boundary of the Content-Type never appears in the body."),
        (FORM, b"garbage --b--", "The boundary of the Content-Type never appears in the body."),
        (FORM, PART + b"data", "The form is cut short: its closing delimiter is missing."),
        (
            FORM,
            PART + b"data\r\n--b\r\n",
            "Part 2 of the form is malformed: its headers do not end.",
        ),
        (
            FORM,
            b"--b\r\nName: x\r\n--b--",
            "Part 1 of the form is malformed: its headers do not end.",
        ),
        (
            FORM,
            b"--bee\r\n\r\n\r\n--b--",
            "Part 1 of the form is malformed: its headers do not end.",
        ),
        (
            FORM,
            b"--b\r\n\r\ndata\r\n--b--",
            "Part 1 of the form has no Content-Disposition with a name.",
        ),
        (
            FORM,
            b'--b\r\nContent-Disposition: form-data; filename="a"\r\n\r\ndata\r\n--b--',
            "Part 1 of the form has no Content-Disposition with a name.",
        ),
        (
            FORM,
            b'--b\r\nContent-Disposition: form-data; name="a\r\n\r\ndata\r\n--b--',
            "The value of 'name' has no closing quote.",
        ),
        (
            FORM,
            b"--b\r\nX: " + b"x" * 17_000 + b"\r\n\r\ndata\r\n--b--",
            "Part 1 of the form has headers of more than 16 KB.",
        ),
    ],
)
def test_malformed(content_type, body, message):
    with pytest.raises(MalformedBody) as caught:
        parse_multipart(content_type, body)
    assert str(caught.value) == message


def test_preamble_epilogue_and_padding_are_ignored():
    body = b"before\r\n" + PART.replace(b"--b\r\n", b"--b \t\r\n") + b"data\r\n--b--\r\nafter --b"
    (part,) = parse_multipart(FORM, body)
    assert part.body == b"data"


def test_latin_1_headers_are_read():
    body = PART.replace(b"a.pdf", "naïve.pdf".encode("latin-1")) + b"\r\n--b--"
    assert parse_multipart(FORM, body)[0].filename == "naïve.pdf"


def test_a_text_field_is_no_file():
    parts = parse_multipart(*encoded({"other": b"x"}, {"file": "text"}))
    assert file_part(parts) is None


@given(
    st.one_of(st.text(), st.just(FORM), st.text().map("multipart/form-data; boundary=".__add__)),
    st.one_of(
        st.binary(),
        st.lists(
            st.sampled_from(
                [b"--b", b"--", b"\r\n", b'name="', b"Content-Disposition:", b";", b"a"]
            )
        ).map(b"".join),
    ),
)
@settings(max_examples=500)
def test_garbage_is_malformed_and_nothing_else(content_type, body):
    with contextlib.suppress(MalformedBody):
        parse_multipart(content_type, body)


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 10_000_000,
        b"\r\n--" * 2_500_000,
        b"\r\n--b" * 2_000_000,
        b"--b\r\n" + b": \r\n" * 2_500_000,
        b'--b\r\nContent-Disposition: form-data; name="' + b'\\";a="' * 1_600_000,
        (PART + b"\r\n") * 140_000,
        b"--b\r\nContent-Disposition: form-data" + b"; " * 5_000_000 + b"\r\n\r\n\r\n--b--",
    ],
    ids=["letters", "dashes", "delimiters", "headers", "quotes", "parts", "semicolons"],
)
def test_ten_megabytes_of_garbage_take_linear_time(body):
    started = time.process_time()
    with pytest.raises(MalformedBody):
        parse_multipart(FORM, body)
    assert time.process_time() - started < 5
