"""Bodies that arrive in pieces are the same to the service, whether kept or digested."""

from __future__ import annotations

import hashlib
import os
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_parseapi.clients.server.large_bodies import Intake
from pytest_parseapi.model.http import Excerpt, digest_of, size_of
from pytest_parseapi.model.multipart import MalformedBody, parse_multipart
from pytest_parseapi.record.payload import payload_of

FORM = "multipart/form-data; boundary=b"
HEADERS = b'Content-Disposition: form-data; name="file"; filename="a.pdf"\r\n'


def form(content: bytes, headers: bytes = HEADERS) -> bytes:
    return b"--b\r\n" + headers + b"\r\n" + content + b"\r\n--b--\r\n"


def taken(body: bytes, content_type: str = FORM, *, kept: int = 0, step: int = 7) -> bytes:
    intake = Intake(content_type, kept=kept)
    for start in range(0, len(body), step):
        intake.feed(body[start : start + step])
    return intake.body()


def parsed(body: bytes) -> object:
    try:
        parts = parse_multipart(FORM, body)
    except MalformedBody as error:
        return str(error)
    return [(p.name, p.filename, p.headers, p.size, digest_of(p.body)) for p in parts]


def test_small_bodies_are_kept_whole():
    assert taken(b"12345", "application/pdf", kept=5) == b"12345"
    assert type(taken(b"12345", "application/pdf", kept=5)) is bytes


def test_a_large_body_keeps_its_size_digest_and_beginning():
    body = os.urandom(200_000)
    excerpt = taken(body, "application/pdf", kept=1000, step=999)
    assert isinstance(excerpt, Excerpt)
    assert bytes(excerpt) == body[: 64 * 1024]
    assert (size_of(excerpt), digest_of(excerpt)) == (200_000, hashlib.sha256(body).hexdigest())


def test_excerpts_with_the_same_beginning_differ():
    first, second = (Excerpt(b"same", size=9, digest=digest) for digest in "ab")
    assert first != second
    assert len({first, second, Excerpt(b"same", size=9, digest="a")}) == 2


_PIECES = st.sampled_from(
    [
        *(b"--b", b"\r\n--b", b"--b--", b"\r\n--b--\r\n", b"\r\n", b"\r\n\r\n", b"--", b"\r", b"x"),
        *(HEADERS, b"\r\n" + HEADERS + b"\r\n", b"no colon\r\n", form(b"%PDF"), b"--bx", b" \t"),
    ]
)


@given(st.lists(_PIECES, max_size=9).map(b"".join), st.integers(1, 40))
@example(b"--b" + HEADERS + b"\r\n--b--", 1)
@example(b"--b\r\n" + HEADERS + b"\r\n--b--", 3)
def test_a_form_reads_the_same_as_it_arrives(body, step):
    assert parsed(taken(body or b"x", kept=0, step=step)) == parsed(body or b"x")


@pytest.mark.parametrize("size", [0, 10, 100_000])
def test_the_payload_is_the_same_whether_kept_or_digested(size):
    body = form(os.urandom(size))
    assert payload_of(FORM, taken(body, step=1000)) == payload_of(FORM, body)


def test_headers_that_never_end_are_not_kept():
    assert parsed(taken(b"--b\r\n" + b"x" * 100_000, step=5000)) == (
        "Part 1 of the form is malformed: its headers do not end."
    )


def test_more_parts_than_any_form_has_are_not_kept():
    part = b"--b\r\n" + HEADERS + b"\r\n\r\n"
    assert parsed(taken(part * 101 + b"--b--", step=5000)) == "The form has more than 100 parts."


def test_memory_does_not_grow_with_the_body():
    chunk = os.urandom(256 * 1024)
    intake = Intake(FORM)
    intake.feed(form(b"").partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    tracemalloc.start()
    for _ in range(100):
        intake.feed(chunk)
    intake.feed(b"\r\n--b--\r\n")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
    (part,) = parse_multipart(FORM, intake.body())
    assert part.size == 100 * len(chunk)
