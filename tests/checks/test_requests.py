"""Payloads that are sent again, and time-outs."""

from __future__ import annotations

import asyncio
import io
import json

import httpx
import nutrient_dws
import pytest
from plain_consumer import FILES, said, send, upload

from pytest_parseapi import ALWAYS

PDF = b"%PDF-1.7 an invoice of two pages"
SPENT = (
    "a stream or file handle is spent after the first attempt: read it once into bytes, or seek(0) "
    "before each attempt"
)
CHANGED = "build the request once, and send the same again"


def form(boundary, *parts):
    """A multipart body written by hand."""
    lines = []
    for disposition, kind, content in parts:
        lines += [b"--" + boundary.encode(), b"Content-Disposition: form-data; " + disposition]
        lines += [b"Content-Type: " + kind] if kind else []
        lines += [b"", content]
    body = b"\r\n".join([*lines, b"--" + boundary.encode() + b"--", b""])
    kind = f"multipart/form-data; boundary={boundary}"
    return {"headers": {"content-type": kind}, "content": body}


FILE = (b'name="file"; filename="a.pdf"', b"application/pdf", PDF)
PASSWORD = (b'name="password"', None, b"hush")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(form("one", FILE), form("two", FILE), id="another boundary"),
        pytest.param(
            {"files": {"file": ("a.pdf", PDF, "application/pdf")}}, form("one", FILE), id="by httpx"
        ),
        pytest.param(form("one", FILE, PASSWORD), form("two", FILE, PASSWORD), id="two parts"),
    ],
)
def test_the_same_form_again(extend_api, first, second):
    extend_api.fail("INTERNAL_ERROR")
    send(extend_api, path="/files/upload", **first)
    send(extend_api, path="/files/upload", **second)
    extend_api.assert_payload_resent()
    digests = {attempt.payload_digest for attempt in extend_api.attempts}
    assert len(digests) == 1


PART = f"file 'a.pdf' ({len(PDF)} bytes, application/pdf)"


@pytest.mark.parametrize(
    ("second", "seen", "advice"),
    [
        pytest.param(
            form("two", (b'name="file"; filename="b.pdf"', b"application/pdf", PDF)),
            f"{PART}, then file 'b.pdf' ({len(PDF)} bytes, application/pdf)",
            CHANGED,
            id="another file name",
        ),
        pytest.param(
            form("two", (b'name="file"; filename="a.pdf"', b"text/plain", PDF)),
            f"{PART}, then file 'a.pdf' ({len(PDF)} bytes, text/plain)",
            CHANGED,
            id="another type",
        ),
        pytest.param(
            form("two", (FILE[0], FILE[1], b"")),
            f"{PART}, then file 'a.pdf' (0 bytes, application/pdf)",
            SPENT,
            id="an empty file",
        ),
        pytest.param(
            form("two", (FILE[0], FILE[1], PDF[:10])),
            f"{PART}, then file 'a.pdf' (10 bytes, application/pdf)",
            SPENT,
            id="the rest of a file",
        ),
        pytest.param(
            form("two", (FILE[0], FILE[1], PDF[::-1])),
            f"{PART}, then other content of the same size",
            CHANGED,
            id="other content",
        ),
        pytest.param(
            form("two", FILE, PASSWORD),
            "no 'password' part, then password (4 bytes)",
            CHANGED,
            id="a further part",
        ),
        pytest.param(
            form("two", PASSWORD),
            f"{PART}, then no such part",
            CHANGED,
            id="a dropped part",
        ),
    ],
)
def test_another_form(extend_api, second, seen, advice):
    extend_api.fail("INTERNAL_ERROR")
    send(extend_api, path="/files/upload", **form("one", FILE))
    send(extend_api, path="/files/upload", **second)
    text = said(extend_api.assert_payload_resent)
    assert text.startswith(
        "rule broken: each retry carries the same payload\n"
        "  operation  POST /files/upload  a.pdf\n"
        "  expected   attempt 2 carries what attempt 1 did\n"
        f"  seen       {seen}\n"
        f"  next       {advice}\n"
        "\n"
        "timeline of Extend (virtual seconds)\n"
    )
    assert len({attempt.payload_digest for attempt in extend_api.attempts}) == 2


def test_a_spent_handle_uploads_nothing(extend_api):
    """httpx rewinds a file that it sends in a form, and takes a body as it comes."""
    extend_api.fail("INTERNAL_ERROR", times=2)
    handle = io.BytesIO(PDF)
    for _ in range(2):
        upload(extend_api, handle)
    extend_api.assert_payload_resent()
    extend_api.reset()
    extend_api.fail("OCR_ERROR")
    handle = io.BytesIO(json.dumps({"file": {"url": FILES + "a.pdf"}}).encode())
    for _ in range(2):
        send(extend_api, content=handle, headers={"content-type": "application/json"})
    assert [item.status for item in extend_api.attempts] == [500, 400]
    size = len(handle.getvalue())
    assert said(extend_api.assert_payload_resent).startswith(
        "rule broken: each retry carries the same payload\n"
        "  operation  POST /parse  https://files.example.com/in/a.pdf\n"
        "  expected   attempt 2 carries what attempt 1 did\n"
        f"  seen       body ({size} bytes), then body (0 bytes)\n"
        f"  next       {SPENT}\n"
    )


def test_raw_bytes(nutrient_api):
    kind = {"content-type": "application/pdf"}
    nutrient_api.fail("maestro_error", times=2)
    for content in (PDF, PDF, b""):
        send(nutrient_api, content=content, headers=kind)
    assert said(nutrient_api.assert_payload_resent) == (
        "rule broken: each retry carries the same payload\n"
        "  operation  POST /extraction/parse\n"
        "  expected   attempt 3 carries what attempt 2 did\n"
        f"  seen       body ({len(PDF)} bytes), then body (0 bytes)\n"
        f"  next       {SPENT}\n"
        "\n"
        "timeline of Nutrient (virtual seconds)\n"
        "    #     at  waited  request                 reply                requestId\n"
        "    1  0.000          POST /extraction/parse  500 maestro_error    req_1\n"
        "    2  0.000   0.000  POST /extraction/parse  500 maestro_error    req_2\n"
        "    3  0.000   0.000  POST /extraction/parse  400 invalid_request  req_3"
    )


def test_other_options_in_json(nutrient_api):
    nutrient_api.fail("maestro_error")
    send(nutrient_api)
    send(nutrient_api, json={"url": FILES + "a.pdf", "mode": "text"})
    text = said(nutrient_api.assert_payload_resent)
    assert "  seen       no 'mode' key, then mode (6 bytes)\n" in text
    assert f"  next       {CHANGED}\n" in text


@pytest.mark.parametrize(
    ("config", "seen"),
    [
        ({"target": "spatial"}, "config.target (10 bytes), then config.target (9 bytes)"),
        ({}, "config.target (10 bytes), then no such key"),
        (None, "config, then no such key"),
        (
            {"target": "markdown", "chunkingStrategy": {"type": "page"}},
            "no 'config.chunkingStrategy' key, then one",
        ),
        (
            {"target": "markdown", "engine": "parse_light"},
            "no 'config.engine' key, then config.engine (13 bytes)",
        ),
    ],
)
def test_the_key_that_changed_is_named_also_within_another_one(extend_api, config, seen):
    extend_api.fail("INTERNAL_ERROR")
    first = {"file": {"url": FILES + "a.pdf"}, "config": {"target": "markdown"}}
    second = {"file": first["file"]} | ({} if config is None else {"config": config})
    for body in (first, second):
        send(extend_api, json=body)
    assert f"  seen       {seen}\n" in said(extend_api.assert_payload_resent)


def test_a_form_that_is_spent_as_a_whole(nutrient_api):
    """As ``MultipartEncoder`` of requests-toolbelt is after its first attempt."""
    nutrient_api.fail("maestro_error")
    kind = {"content-type": "multipart/form-data; boundary=b"}
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF'
    for content in (form + b"\r\n--b--\r\n", b""):
        send(nutrient_api, content=content, headers=kind)
    text = said(nutrient_api.assert_payload_resent)
    assert f"  next       {SPENT}\n" in text


def test_a_field_that_got_shorter_is_no_spent_stream(nutrient_api):
    nutrient_api.fail("maestro_error")
    for mode in ("structure", "text"):
        files, data = {"file": ("a.pdf", b"%PDF-1.7")}, {"instructions": f'{{"mode": "{mode}"}}'}
        send(nutrient_api, files=files, data=data)
    text = said(nutrient_api.assert_payload_resent)
    assert "  seen       instructions (21 bytes), then instructions (16 bytes)\n" in text
    assert f"  next       {CHANGED}\n" in text


def test_another_query(extend_api):
    extend_api.fail("INTERNAL_ERROR")
    send(extend_api, path="/parse?responseType=url")
    send(extend_api, path="/parse")
    text = said(extend_api.assert_payload_resent)
    assert "  seen       query responseType=url, then none\n" in text


@pytest.mark.parametrize(
    "second", [{"json": {"url": FILES + "a.pdf?id=2"}}, form("one", FILE)], ids=["url", "form"]
)
def test_a_document_of_another_name_is_no_retry(nutrient_api, second):
    nutrient_api.fail("maestro_error")
    send(nutrient_api)
    send(nutrient_api, **second)
    assert said(nutrient_api.assert_payload_resent).startswith("nothing to check: ")


def test_content_type_with_other_parameters_is_the_same(extend_api):
    extend_api.fail("OCR_ERROR")
    for kind in ("application/json", "application/json; charset=utf-8"):
        body = json.dumps({"file": {"url": FILES + "a.pdf"}})
        send(extend_api, content=body, headers={"content-type": kind})
    extend_api.assert_payload_resent()


class Pipe(io.BytesIO):
    """Cannot be rewound, as the official client would do."""

    def seek(self, *_):
        raise io.UnsupportedOperation("seek")


@pytest.mark.parametrize("spent", [False, True])
def test_the_official_nutrient_client(nutrient_api, spent):
    """It names every document 'document', and what it has read to its end is empty."""
    nutrient_api.fail("service_unavailable")

    async def main():
        client = nutrient_dws.NutrientClient(api_key=nutrient_api.api_key, timeout=30)
        handle = Pipe(PDF)
        for _ in range(2):
            try:
                await client.parse(handle if spent else PDF)
            except nutrient_dws.NutrientError:
                await asyncio.sleep(1)

    asyncio.run(main())
    assert len(nutrient_api.attempts) == 2
    assert [item.document for item in nutrient_api.attempts] == [None, None]
    text = said(nutrient_api.assert_payload_resent)
    assert (text == "passed") is not spent
    if spent:
        assert (
            f"  seen       file 'document' ({len(PDF)} bytes, application/octet-stream), then file "
            "'document' (0 bytes, application/octet-stream)\n" in text
        )


def test_a_second_document_is_no_retry_of_the_first(nutrient_api):
    nutrient_api.fail("service_unavailable", times=2)
    for content in (PDF, b"%PDF-1.7 another one"):
        send(nutrient_api, files={"file": ("document", content)})
        send(nutrient_api, files={"file": ("document", content)})
    nutrient_api.assert_payload_resent()
    assert [item.waited for item in nutrient_api.attempts] == [None, 0, None, None]


# Time-outs


def test_missing_timeouts(extend_api):
    send(extend_api)
    send(extend_api, timeout=None)
    send(extend_api, timeout=httpx.Timeout(5, read=None))
    assert said(extend_api.assert_timeout_set) == (
        "rule broken: every request is sent with a connect and a read time-out\n"
        "  operation  POST /parse\n"
        "  expected   finite connect and read time-outs\n"
        "  seen       no connect and no read time-out on 2 of 3 attempts (the first is attempt 2, "
        "by httpx)\n"
        "  next       give httpx a time-out, such as timeout=300\n"
        "             Extend: A synchronous request fails after 5 minutes; a run has no such "
        "limit. (docs.extend.ai/general/async-processing)\n"
        "\n"
        "timeline of Extend (virtual seconds)\n"
        "    #     at  request      document  reply\n"
        "    1  0.000  POST /parse  a.pdf     200\n"
        "    2  0.000  POST /parse  a.pdf     200\n"
        "    3  0.000  POST /parse  a.pdf     200"
    )


@pytest.mark.parametrize(
    ("timeout", "missing"),
    [
        (5, None),
        (httpx.Timeout(5, pool=None), None),
        (httpx.Timeout(5, write=None), None),
        (httpx.Timeout(5, connect=None), "no connect time-out"),
        (httpx.Timeout(5, read=None), "no read time-out"),
        (None, "no connect and no read time-out"),
    ],
)
def test_connect_and_read_timeouts_are_judged(nutrient_api, timeout, missing):
    send(nutrient_api, timeout=timeout)
    text = said(nutrient_api.assert_timeout_set)
    if missing is None:
        assert text == "passed"
    else:
        assert (
            f"  seen       {missing} on 1 of 1 attempts (the first is attempt 1, by httpx)\n"
            in text
        )
        assert (
            "  next       give httpx a time-out, such as timeout=300\n"
            "             without one, a silent server holds the consumer forever\n" in text
        )


@pytest.mark.parametrize(("timeout", "passes"), [(None, False), (30, True)])
def test_the_official_nutrient_client_has_no_timeout_by_default(nutrient_api, timeout, passes):
    client = nutrient_dws.NutrientClient(api_key=nutrient_api.api_key, timeout=timeout)
    asyncio.run(client.parse(PDF))
    assert (said(nutrient_api.assert_timeout_set) == "passed") is passes


def test_attempts_before_the_fuse_are_all_on_record(extend_api):
    extend_api.fail("OCR_ERROR", times=ALWAYS)
    for _ in range(30):
        send(extend_api)
    text = said(extend_api.assert_not_retried)
    assert (
        "  seen       29 retries: attempt 2 came 0.000 s after the 500 OCR_ERROR of attempt 1\n"
        in text
    )
    assert "    ... 10 more ...\n" in text


KEYS = [
    pytest.param(["one", "two"], "'one', then 'two'", id="another"),
    pytest.param(["one", None], "'one', then none", id="lost"),
    pytest.param(["one", "one"], "", id="the same"),
    pytest.param([None, None], "", id="none"),
    pytest.param([None, "one"], "", id="from now on"),
]


@pytest.mark.parametrize(("keys", "seen"), KEYS)
@pytest.mark.parametrize("fault", ["read_timeout", "connection_reset", "connect_error"])
def test_a_lost_submission_is_sent_again_with_its_key(nutrient_api, keys, seen, fault):
    nutrient_api.fail(fault)
    for key in keys:
        headers = {} if key is None else {"idempotency-key": key}
        send(nutrient_api, path="/extraction/parse/async", headers=headers)
        nutrient_api.clock.advance(1)
    text = said(nutrient_api.assert_payload_resent)
    if not seen or fault == "connect_error":
        assert text == "passed", "a new key makes no second run where there is no first one"
        return
    assert text.startswith(
        "rule broken: each retry carries the same payload\n"
        f"  operation  POST /extraction/parse/async  {FILES}a.pdf\n"
        "  expected   attempt 2 carries what attempt 1 did\n"
        f"  seen       Idempotency-Key {seen}: the reply to attempt 1 was lost, its run was not\n"
        "  next       make the key once for each submission, and send it with every attempt\n"
    )
    assert said(nutrient_api.assert_follows_documentation) == text


def test_a_request_that_makes_no_run_needs_no_key(nutrient_api):
    nutrient_api.fail("read_timeout")
    for key in ("one", "two"):
        send(nutrient_api, path="/extraction/parse", headers={"idempotency-key": key})
        nutrient_api.clock.advance(1)
    nutrient_api.assert_payload_resent()
