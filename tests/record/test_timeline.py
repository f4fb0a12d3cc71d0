"""The timeline: a table of attempts and waits."""

from __future__ import annotations

import re

import pytest
from plain_consumer import send, upload

from pytest_parseapi import ALWAYS
from pytest_parseapi.record.timeline import short_document


def picture(api):
    return re.sub(r"(req|file)_[0-9a-f]{8}0*(\d+)", r"\1_\2", api.timeline())


def test_an_empty_record(extend_api):
    assert picture(extend_api) == "timeline of Extend: no attempt on record"


def test_only_columns_with_something_in_them(nutrient_api):
    send(nutrient_api, content=b"%PDF", headers={"content-type": "application/pdf"})
    assert picture(nutrient_api) == (
        "timeline of Nutrient (virtual seconds)\n"
        "    #     at  request                 reply  requestId\n"
        "    1  0.000  POST /extraction/parse  200    req_1"
    )


def test_all_columns_together(extend_api):
    extend_api.fail("INTERNAL_ERROR", endpoint="/files/upload")
    extend_api.fail("RATE_LIMIT_EXCEEDED", retry_after=12, endpoint="/parse")
    extend_api.fail("read_timeout", endpoint="/parse")
    upload(extend_api, b"%PDF", "scan.pdf")
    extend_api.clock.advance(2)
    upload(extend_api, b"%PDF", "scan.pdf")
    send(extend_api)
    extend_api.clock.advance(12)
    send(extend_api)
    extend_api.replies_take(1.25)
    extend_api.clock.advance(0.5)
    send(extend_api)
    extend_api.clock.advance(86400)
    send(extend_api, "folder/b.pdf?sig=1")
    assert picture(extend_api) == (
        "timeline of Extend (virtual seconds)\n"
        "    #         at  waited  request             document  reply"
        "                                      requestId\n"
        "    1      0.000          POST /files/upload  scan.pdf  500 INTERNAL_ERROR"
        "                         req_1\n"
        "    2      2.000   2.000  POST /files/upload  scan.pdf  200\n"
        "    3      2.000          POST /parse         a.pdf     429 RATE_LIMIT_EXCEEDED "
        "(Retry-After: 12)\n"
        "    4     14.000  12.000  POST /parse         a.pdf     read_timeout after 5.000 s\n"
        "    5     19.500   0.500  POST /parse         a.pdf     200 after 1.250 s\n"
        "    6  86420.750          POST /parse         b.pdf     200 after 1.250 s"
    )


def test_a_name_that_no_reader_can_use_is_cut_in_its_middle(extend_api):
    extend_api.fail("OCR_ERROR")
    send(extend_api, f"a{'x' * 100_000}z.pdf")
    cut = f"a{'x' * 97}...{'x' * 93}z.pdf"
    assert cut in picture(extend_api)
    assert len(picture(extend_api)) < 700
    with pytest.raises(AssertionError, match=r"xz\.pdf\n  expected   at least 1 retry") as failure:
        extend_api.assert_retried()
    assert len(str(failure.value)) < 2_000


@pytest.mark.parametrize(("number", "left_out"), [(21, None), (22, 2), (99, 79)])
def test_the_middle_of_a_long_record_is_left_out(extend_api, number, left_out):
    extend_api.fail("OCR_ERROR", times=ALWAYS)
    for _ in range(number):
        send(extend_api)
    lines = picture(extend_api).splitlines()
    if left_out is None:
        assert len(lines) == 2 + number
        assert "..." not in picture(extend_api)
    else:
        assert lines[14] == f"    ... {left_out} more ..."
        assert len(lines) == 2 + 12 + 1 + 8
        assert lines[13].split()[0] == "12"
        assert lines[15].split()[0] == str(number - 7)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        (None, ""),
        ("a.pdf", "a.pdf"),
        ("https://files.example.com/in/a.pdf", "a.pdf"),
        ("https://files.example.com/in/a.pdf?sig=1/2", "a.pdf"),
        ("https://files.example.com/in/", "in"),
        ("https://files.example.com", "files.example.com"),
        ("file_1", "file_1"),
        ("?", "?"),
    ],
)
def test_short_documents(name, short):
    assert short_document(name) == short
