"""The simulated APIs, as official clients and careless callers see them."""

from __future__ import annotations

import asyncio
import json
import types
import typing

import extend_ai
import httpx
import nutrient_dws
import pydantic
import pytest
import typing_extensions
from extend_ai.core.api_error import ApiError
from nutrient_dws.types.parse import ParseResponse
from official_errors import EXTEND_CLASSES, NUTRIENT_CLASSES
from plain_consumer import FILES, said, send

from pytest_parseapi import ALWAYS

PDF = b"%PDF-1.7 an invoice"

# Written from the providers' pages: code, status, whether to retry, whether the body has an id.
EXTEND = [
    ("INVALID_CONFIG_OPTIONS", 400, False, True),
    ("UNABLE_TO_DOWNLOAD_FILE", 400, False, True),
    ("FILE_TYPE_NOT_SUPPORTED", 400, False, True),
    ("FILE_SIZE_TOO_LARGE", 400, False, True),
    ("CORRUPT_FILE", 422, False, True),
    ("PASSWORD_PROTECTED_FILE", 422, False, True),
    ("FAILED_TO_CONVERT_TO_PDF", 422, False, True),
    ("FAILED_TO_CONVERT_TO_JPEG", 422, False, True),
    ("FAILED_TO_GENERATE_TARGET_FORMAT", 422, False, True),
    ("OCR_ERROR", 500, True, True),
    ("CHUNKING_ERROR", 500, True, True),
    ("INTERNAL_ERROR", 500, True, True),
    ("OUT_OF_CREDITS", 402, False, True),
    ("INVALID_REQUEST", 400, False, True),
    ("UNAUTHORIZED", 401, False, True),
    ("FORBIDDEN", 403, False, True),
    ("NOT_FOUND", 404, False, True),
    ("RATE_LIMIT_EXCEEDED", 429, True, False),
    ("USAGE_BLOCKED", 402, False, True),
    ("ENDPOINT_REMOVED", 410, False, True),
]
VALIDATIONS = ("INVALID_REQUEST", "INVALID_CONFIG_OPTIONS")
# Name, status, errorDetails.
INVALID = {
    "source": "request",
    "code": "invalid_request",
    "failingPaths": [
        {
            "path": "$.file",
            "details": "invalid file; must be a PDF, an image or an office document",
        }
    ],
}
NUTRIENT = [
    ("invalid_request", 400, INVALID),
    ("unauthorized", 401, None),
    ("insufficient_credits", 402, None),
    ("forbidden", 403, None),
    ("payload_too_large", 413, None),
    ("rate_limited", 429, None),
    ("maestro_error", 500, {"source": "maestro", "code": "maestro_error"}),
    ("processing_error", 500, {"source": "processing"}),
    ("service_unavailable", 503, None),
]
EXTRACT_ONLY = [("request_timeout", 408), ("unprocessable_url", 422)]
ASYNC_ONLY = [("feature_disabled", 404)]


def test_the_tables_are_complete(extend_api, nutrient_api):
    assert {row[0] for row in EXTEND} == {error.code for error in extend_api.provider.errors}
    assert {row[0] for row in [*NUTRIENT, *EXTRACT_ONLY, *ASYNC_ONLY]} == {
        error.code for error in nutrient_api.provider.errors
    }


def sync_parse(api, **options):
    options = {"max_retries": 0, **options}
    client = extend_ai.Extend(token=api.api_key)
    return client.parse(file={"url": FILES + "a.pdf"}, request_options=options)


def async_parse(api, **options):
    options = {"max_retries": 0, **options}

    async def main():
        client = extend_ai.AsyncExtend(token=api.api_key)
        return await client.parse(file={"url": FILES + "a.pdf"}, request_options=options)

    return asyncio.run(main())


def sync_upload(api):
    client = extend_ai.Extend(token=api.api_key)
    file = ("a.pdf", PDF, "application/pdf")
    return client.files.upload(file=file, request_options={"max_retries": 0})


both = pytest.mark.parametrize("parse", [sync_parse, async_parse], ids=["sync", "async"])


@both
@pytest.mark.parametrize(("code", "status", "retryable", "with_id"), EXTEND)
def test_every_error_reaches_the_official_extend_client(
    extend_api, parse, code, status, retryable, with_id
):
    extend_api.fail(code, message="The text of this test.")
    with pytest.raises(ApiError) as failure:
        parse(extend_api)
    error = failure.value
    assert type(error) is EXTEND_CLASSES[status]
    assert error.status_code == status
    assert error.headers["content-type"] == "application/json"
    body = error.body if isinstance(error.body, dict) else error.body.model_dump(by_alias=True)
    ids = {"requestId": extend_api.attempts[0].request_id} if with_id else {}
    more = {key: value for key, value in body.items() if value is not None}
    # Documented for errors of validation, and its address is not.
    assert ("docUrl" in more) is (code in VALIDATIONS)
    assert more.pop("docUrl", "https://").startswith("https://")
    assert more == {
        "code": code,
        "message": "The text of this test.",
        "retryable": retryable,
        **ids,
    }
    assert extend_api.request_ids == list(ids.values())
    assert error.headers["x-extend-request-id"].startswith("req_")
    assert not getattr(error.body, "model_extra", None)
    attempt = extend_api.attempts[0]
    assert (attempt.status, attempt.error.code, attempt.error.retryable) == (
        status,
        code,
        retryable,
    )


@pytest.mark.parametrize(("name", "status", "details"), NUTRIENT)
def test_every_error_reaches_the_official_nutrient_client(nutrient_api, name, status, details):
    nutrient_api.fail(name, message="The text of this test.")
    client = nutrient_dws.NutrientClient(api_key=nutrient_api.api_key, timeout=30)
    with pytest.raises(nutrient_dws.NutrientError) as failure:
        asyncio.run(client.parse(PDF))
    error = failure.value
    assert type(error) is NUTRIENT_CLASSES[status]
    assert error.status_code == status
    expected = {
        "status": status,
        "requestId": nutrient_api.attempts[0].request_id,
        "errorMessage": "The text of this test.",
    }
    assert error.details == (expected if details is None else {**expected, "errorDetails": details})
    assert nutrient_api.attempts[0].error.code == name


@pytest.mark.parametrize(("name", "status"), EXTRACT_ONLY)
def test_errors_of_extract_alone(nutrient_api, name, status):
    nutrient_api.fail(name)
    assert send(nutrient_api).status_code == 200
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    body = {"url": FILES + "a.pdf", "schema": schema}
    reply = send(nutrient_api, path="/extraction/extract", json=body)
    assert reply.status_code == status
    assert sorted(reply.json()) == ["errorMessage", "requestId", "status"]
    assert send(nutrient_api, path="/extraction/extract", json=body).status_code == 200


# Successes


def unknown_fields(model, where="$"):
    """Every field of a parsed model that its type does not name."""
    if isinstance(model, pydantic.BaseModel):
        yield from (f"{where}.{name}" for name in model.model_extra or ())
        for name in type(model).model_fields:
            yield from unknown_fields(getattr(model, name), f"{where}.{name}")
    elif isinstance(model, list):
        for item in model:
            yield from unknown_fields(item, f"{where}[]")
    elif isinstance(model, dict):
        for name, item in model.items():
            yield from unknown_fields(item, f"{where}.{name}")


@both
@pytest.mark.parametrize(
    "config", [{}, {"target": "spatial"}, {"chunkingStrategy": {"type": "document"}}]
)
def test_the_default_success_is_the_official_clients_own_type(extend_api, parse, config):
    run = parse(extend_api, additional_body_parameters={"config": config} if config else {})
    assert isinstance(run, extend_ai.ParseRun)
    body = send(extend_api, json={"file": {"url": FILES + "a.pdf"}, "config": config}).json()
    strict = extend_ai.ParseRun.model_validate(body)
    assert strict.status == "PROCESSED"
    # The documentation's own example has both, and the client's type has neither.
    assert set(unknown_fields(strict)) <= {"$.output.chunks[].id"}
    assert set(unknown_fields(run)) <= {"$.output.chunks[].id"}


def test_an_upload_is_the_official_clients_own_type(extend_api):
    file = sync_upload(extend_api)
    assert isinstance(file, extend_ai.File)
    assert list(unknown_fields(file)) == []
    body = extend_api.attempts[0]
    assert (body.document, body.status) == ("a.pdf", 200)


def fit(value, kind, where="$"):
    """Compare a value with a typed dictionary: every required key, and no unknown one."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if typing_extensions.is_typeddict(kind):
        hints = typing_extensions.get_type_hints(kind)
        assert set(value) <= set(hints), where
        assert kind.__required_keys__ <= set(value), where
        for key, item in value.items():
            fit(item, hints[key], f"{where}.{key}")
    elif origin in (typing.Union, types.UnionType):
        errors = []
        for option in arguments:
            try:
                return fit(value, option, where)
            except AssertionError as error:
                errors.append(error)
        raise AssertionError(where, errors)
    elif origin is list:
        for item in value:
            fit(item, arguments[0], f"{where}[]")
    elif origin is typing.Literal:
        assert value in arguments, where
    elif origin is None and isinstance(kind, type):
        allowed = (int, float) if kind is float else kind
        assert isinstance(value, allowed), where
    return None


@pytest.mark.parametrize(
    "break_it", [lambda body: body.update(more=1), lambda body: body.update(status="200")]
)
def test_the_typed_dictionary_notices(nutrient_api, break_it):
    body = send(nutrient_api).json()
    fit(body, ParseResponse)
    break_it(body)
    with pytest.raises(AssertionError):
        fit(body, ParseResponse)


@pytest.mark.parametrize(
    ("mode", "output_format"),
    [
        (mode, output)
        for mode in ("text", "structure", "understand", "agentic")
        for output in ("spatial", "markdown")
        if (mode, output) != ("text", "spatial")
    ],
)
def test_the_default_success_of_nutrient_is_the_official_clients_own_type(
    nutrient_api, mode, output_format
):
    client = nutrient_dws.NutrientClient(api_key=nutrient_api.api_key, timeout=30)
    reply = asyncio.run(client.parse(PDF, mode=mode, output_format=output_format))
    fit(reply, ParseResponse)
    # The type lets every key be missing, and its docstring says which a success has.
    assert sorted(reply) == ["configuration", "metrics", "output", "requestId", "status", "usage"]
    assert reply["configuration"] == {"mode": mode, "outputFormat": output_format}


# Network faults and broken bodies

EXTEND_FAULTS = [
    ("connect_error", httpx.ConnectError, None),
    ("connect_timeout", httpx.ConnectTimeout, None),
    ("read_timeout", httpx.ReadTimeout, None),
    ("connection_reset", httpx.ReadError, None),
    ("truncated_body", httpx.RemoteProtocolError, None),
    ("invalid_json", ApiError, 200),
    ("bad_gateway_html", ApiError, 502),
    ("service_unavailable_html", ApiError, 503),
    ("gateway_timeout_html", ApiError, 504),
    ("empty_body", ApiError, 500),
    ("unknown_code", extend_ai.InternalServerError, 500),
    ("missing_request_id", extend_ai.InternalServerError, 500),
]


@both
@pytest.mark.parametrize(("fault", "kind", "status"), EXTEND_FAULTS)
def test_every_fault_reaches_the_official_extend_client(extend_api, parse, fault, kind, status):
    extend_api.fail(fault)
    with pytest.raises(kind) as failure:
        parse(extend_api)
    assert type(failure.value) is kind
    assert getattr(failure.value, "status_code", None) == status
    attempt = extend_api.attempts[0]
    assert attempt.error == fault
    assert attempt.failed
    assert (attempt.request_id is not None) is (fault == "unknown_code")
    assert parse(extend_api).status == "PROCESSED"
    extend_api.assert_recovered()


NUTRIENT_FAULTS = {
    "connect_error": (nutrient_dws.NetworkError, None),
    "connect_timeout": (nutrient_dws.NetworkError, None),
    "read_timeout": (nutrient_dws.NetworkError, None),
    "connection_reset": (nutrient_dws.NetworkError, None),
    "truncated_body": (nutrient_dws.NetworkError, None),
    "bad_gateway_html": (nutrient_dws.APIError, 502),
    "service_unavailable_html": (nutrient_dws.APIError, 503),
    "gateway_timeout_html": (nutrient_dws.APIError, 504),
    "empty_body": (nutrient_dws.APIError, 500),
    "unknown_code": (nutrient_dws.APIError, 500),
    "missing_request_id": (nutrient_dws.APIError, 500),
}


@pytest.mark.parametrize("fault", [*NUTRIENT_FAULTS, "invalid_json"])
def test_every_fault_reaches_the_official_nutrient_client(nutrient_api, fault):
    nutrient_api.fail(fault)
    client = nutrient_dws.NutrientClient(api_key=nutrient_api.api_key, timeout=30)
    if fault == "invalid_json":
        assert isinstance(asyncio.run(client.parse(PDF)), bytes), "a trap of this client"
    else:
        kind, status = NUTRIENT_FAULTS[fault]
        with pytest.raises(nutrient_dws.NutrientError) as failure:
            asyncio.run(client.parse(PDF))
        assert type(failure.value) is kind
        assert failure.value.status_code == status
    assert nutrient_api.attempts[0].error == fault


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_status_of_a_gateway_is_its_page(extend_api, status):
    extend_api.fail(status, retry_after=7)
    reply = httpx.post(
        "https://api.extend.ai/parse",
        json={"file": {"url": "https://files.example.com/a.pdf"}},
        headers={"Authorization": f"Bearer {extend_api.api_key}"},
        timeout=5,
    )
    assert reply.status_code == status
    assert reply.headers["content-type"] == "text/html"
    assert reply.headers["retry-after"] == "7"
    assert f"<h1>{status} " in reply.text


@both
def test_a_timeout_lasts_as_long_as_the_client_waits(extend_api, parse):
    extend_api.fail("read_timeout")
    with pytest.raises(httpx.ReadTimeout):
        parse(extend_api)
    assert extend_api.clock.elapsed == 300


@pytest.mark.parametrize(("seconds", "fails"), [(4.9, False), (5, False), (5.1, True)])
def test_slow_replies(extend_api, seconds, fails):
    extend_api.replies_take(seconds)
    assert (send(extend_api, timeout=5) is None) is fails
    attempt = extend_api.attempts[0]
    assert attempt.error == ("read_timeout" if fails else None)
    assert attempt.ended - attempt.started == min(seconds, 5)


# Bad input


def json_of(*values):
    return [{"content": value, "headers": {"content-type": "application/json"}} for value in values]


GARBAGE = b"\x00\xff{[garbage]}" * 800_000
CUT_SHORT = {
    "content": b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF',
    "headers": {"content-type": "multipart/form-data; boundary=b"},
}
BAD = [
    *json_of(b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"file":', b"NaN", b"[" * 100_000),
    *json_of(b'{"file": 1, "url": 1}', b'{"file": {"url": 7}, "url": {}}', GARBAGE),
    CUT_SHORT,
    {"content": GARBAGE, "headers": {"content-type": "multipart/form-data; boundary=b"}},
    {"content": GARBAGE, "headers": {"content-type": "multipart/form-data"}},
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: repr(bad["content"][:12]))
@pytest.mark.parametrize("path", ["/parse", "/files/upload", "nutrient"])
def test_bad_input_gets_a_400_and_loses_nothing(extend_api, nutrient_api, path, bad):
    api = nutrient_api if path == "nutrient" else extend_api
    retryable = "maestro_error" if path == "nutrient" else "INTERNAL_ERROR"
    api.fail(retryable)
    more = {} if path == "nutrient" else {"path": path}
    reply = send(api, **more, **bad)
    assert reply.status_code == 400
    code = "invalid_request" if path == "nutrient" else "INVALID_REQUEST"
    body = reply.json()
    found = body["errorDetails"]["code"] if path == "nutrient" else body["code"]
    assert found == code
    attempt = api.attempts[0]
    assert (attempt.status, attempt.error.code) == (400, code)
    assert attempt.request_id == body["requestId"]
    assert attempt.body == bad["content"]
    assert send(api).status_code == 500, "a bad request uses up no script"
    assert send(api).status_code == 200
    assert [item.number for item in api.attempts] == [1, 2, 3]


@pytest.mark.parametrize("provider", ["extend", "nutrient"])
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer"}, {"authorization": "Basic x"}])
def test_no_credential_is_a_401_on_record(parseapi_factory, provider, headers):
    api = parseapi_factory(provider)
    api.fail(500 if provider == "none" else "read_timeout", times=0)
    with httpx.Client(base_url=api.base_url) as client:
        path = "/parse" if provider == "extend" else "/extraction/parse"
        reply = client.post(path, json={"url": FILES + "a.pdf"}, headers=headers)
    assert reply.status_code == 401
    assert api.attempts[0].error.status == 401
    api.assert_not_retried()


# Attempts


def test_the_fields_of_an_attempt(extend_api):
    extend_api.fail("RATE_LIMIT_EXCEEDED", retry_after=3)
    extend_api.fail("OCR_ERROR")
    extend_api.replies_take(0.5)
    extend_api.clock.advance(10)
    for _ in range(3):
        send(extend_api, path="/parse?responseType=json", headers={"x-trace": "7"})
        extend_api.clock.advance(3)
    first, second, third = extend_api.attempts
    assert [item.number for item in extend_api.attempts] == [1, 2, 3]
    assert {item.method for item in extend_api.attempts} == {"POST"}
    assert first.url == "https://api.extend.ai/parse?responseType=json"
    assert (first.path, first.endpoint, first.client) == ("/parse", "/parse", "httpx")
    assert first.document == FILES + "a.pdf"
    assert [item.status for item in extend_api.attempts] == [429, 500, 200]
    assert [getattr(item.error, "code", None) for item in extend_api.attempts] == [
        "RATE_LIMIT_EXCEEDED",
        "OCR_ERROR",
        None,
    ]
    assert [item.started for item in extend_api.attempts] == [10, 13.5, 17]
    assert [item.ended for item in extend_api.attempts] == [10.5, 14, 17.5]
    assert [item.waited for item in extend_api.attempts] == [None, 3, 3]
    assert [item.retry_after for item in extend_api.attempts] == ["3", None, None]
    assert first.request_id is None
    assert extend_api.request_ids == [second.request_id]
    assert json.loads(first.body) == {"file": {"url": FILES + "a.pdf"}}
    assert first.headers["x-trace"] == "7"
    assert first.headers["authorization"] == "Bearer ***"
    assert first.payload_digest == third.payload_digest
    assert [item.failed for item in extend_api.attempts] == [True, True, False]
    with pytest.raises(AttributeError):
        first.status = 200


def test_ids_are_unique_and_the_same_after_a_reset(extend_api):
    def ids():
        extend_api.fail("OCR_ERROR", times=5)
        found = [send(extend_api).json() for _ in range(10)]
        return [item.get("requestId") or item["id"] for item in found]

    first = ids()
    extend_api.reset()
    assert extend_api.attempts == []
    assert ids() == first
    assert len(set(first)) == 10


def test_other_regions_are_the_same_service(extend_api):
    for host in extend_api.provider.hosts:
        extend_api.fail("OCR_ERROR")
        reply = httpx.post(
            f"https://{host}/parse",
            json={"file": {"url": FILES + "a.pdf"}},
            headers={"authorization": "Bearer x"},
        )
        assert reply.status_code == 500
    assert len(extend_api.attempts) == 3


def test_two_providers_share_the_clock_and_not_the_record(extend_api, nutrient_api):
    extend_api.fail("INTERNAL_ERROR", times=ALWAYS)
    send(extend_api)
    extend_api.clock.advance(5)
    send(nutrient_api)
    assert nutrient_api.attempts[0].started == 5
    assert (len(extend_api.attempts), len(nutrient_api.attempts)) == (1, 1)
    extend_api.assert_gave_up(1)
    assert said(nutrient_api.assert_gave_up).startswith("nothing to check: ")
