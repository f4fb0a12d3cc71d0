"""Tests for both providers: any request is answered or rejected, any error has a body."""

from __future__ import annotations

import copy
import json

import pytest
from bench import URL, Bench, json_request, request_of
from extend_ai.types import ApiError, BatchRun, File, ParseRun
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_parseapi.model.behaviour import Rejected
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.http import Reply, Request
from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.providers.registry import built_in_providers

PROVIDERS = {provider.name: provider for provider in built_in_providers()}
ERRORS = [error for provider in PROVIDERS.values() for error in provider.errors]
both = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda item: item.name)


def bench_of(provider):
    (main,) = [item for item in provider.endpoints if item.path == provider.main_endpoint]
    return Bench(provider, main)


def documents(provider):
    """The endpoints that take a document."""
    return [item for item in provider.endpoints if item.method == "POST" and "{" not in item.path]


@both
def test_an_endpoint_without_a_handler_stops_the_test(provider):
    with pytest.raises(SimulationStopped) as caught:
        bench_of(provider).answer(json_request({}), Endpoint(method="PUT", path="/form"))
    assert str(caught.value) == f"The simulated {provider.title} API does not serve PUT /form."


FORM = "multipart/form-data; boundary=b"
CODED = [
    *(("extend", path, "application/json") for path in ("parse", "parse_runs", "parse_runs/batch")),
    ("extend", "files/upload", FORM),
    ("nutrient", "extraction/parse", "image/png"),
    ("nutrient", "extraction/extract/async", "application/json"),
    ("nutrient", "extraction/uploads", FORM),
]


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "x-unknown"])
@pytest.mark.parametrize(("name", "path", "kind"), CODED)
def test_a_compressed_body_is_refused_by_its_coding(name, path, kind, coding):
    """No page documents one, and without the coding the message would say that JSON is broken."""
    request = request_of(
        "POST",
        f"{PROVIDERS[name].base_url}/{path}",
        headers={"content-encoding": coding, "content-type": kind},
        content=b"\x1f\x8b\x08",
    )
    endpoint = next(item for item in PROVIDERS[name].endpoints if item.path == "/" + path)
    rejected = bench_of(PROVIDERS[name]).rejected(request, endpoint)
    assert rejected.code.lower() == "invalid_request"
    text = f"The body has the Content-Encoding {coding}: send it without one"
    assert text in str(rejected.message)


def test_a_body_that_declares_no_coding_is_read():
    request = request_of(
        "POST",
        URL,
        headers={"content-encoding": "Identity", "content-type": "application/json"},
        content=b'{"file": {"url": "https://files.example.com/a.pdf"}}',
    )
    assert bench_of(PROVIDERS["extend"]).answer(request).status == 200


@both
@pytest.mark.parametrize(
    ("header", "secrets"),
    [
        ("Bearer sk_1", ("sk_1",)),
        ("bearer x", ("x",)),
        ("Bearer ", ()),
        ("Basic x", ()),
        ("", ()),
        (None, ()),
    ],
)
def test_credentials(provider, header, secrets):
    headers = {} if header is None else {"authorization": header}
    request = request_of("POST", provider.base_url, headers=headers)
    assert provider.credential.read(request) == secrets
    assert provider.error_of(provider.unauthorized).status == 401


# What Extend's body carries beside code, message and flag, and what Nutrient's carries as details.
WITHOUT_ID = {"RATE_LIMIT_EXCEEDED"}
WITH_DOC_URL = {"INVALID_REQUEST", "INVALID_CONFIG_OPTIONS"}
DETAILS = {
    "invalid_request": {"source": "request", "code": "invalid_request"},
    "maestro_error": {"source": "maestro", "code": "maestro_error"},
    "processing_error": {"source": "processing"},
}


def expected_body(error, request_id, **more):
    if error.provider == "extend":
        shown = request_id is not None and error.code not in WITHOUT_ID
        address = "https://docs.extend.ai/api-reference/error-handling"
        return {
            "code": error.code,
            "message": "Text.",
            "retryable": error.retryable,
            **({"requestId": request_id} if shown else {}),
            **({"docUrl": address} if error.code in WITH_DOC_URL else {}),
            **more,
        }
    details = {**DETAILS.get(error.code, {}), **more}
    return {
        "status": error.status,
        **({} if request_id is None else {"requestId": request_id}),
        "errorMessage": "Text.",
        **({"errorDetails": details} if details else {}),
    }


@pytest.mark.parametrize("error", ERRORS, ids=str)
@pytest.mark.parametrize("request_id", ["req_9", None])
@pytest.mark.parametrize("details", [{}, {"runId": "pr_1"}], ids=["", "details"])
def test_the_body_of_an_error(error, request_id, details):
    behaviour = PROVIDERS[error.provider].behaviour
    reply = behaviour.error_reply(error, message="Text.", request_id=request_id, details=details)
    assert reply.status == error.status
    assert json.loads(reply.body) == expected_body(error, request_id, **details)
    headers = {"content-type": "application/json"}
    if error.provider == "extend":
        headers |= {} if request_id is None else {"x-extend-request-id": request_id}
        ApiError.model_validate_json(reply.body, strict=True)
    assert dict(reply.headers) == headers


BODIES = {
    "/extraction/extract": {"schema": {"type": "object"}},
    "/parse_runs/batch": {"inputs": [{"file": {"url": URL}}]},
}


def good_request(provider, endpoint):
    url = provider.base_url + endpoint.path
    if endpoint.path.endswith(("/upload", "/uploads")):
        return request_of("POST", url, files={"file": ("a.pdf", b"%PDF-1.7")})
    more = BODIES.get(endpoint.path.removesuffix("/async"), {})
    return json_request({"url": URL, "file": {"url": URL}, **more}, url)


@pytest.mark.parametrize(
    ("provider", "endpoint"),
    [(provider, item) for provider in PROVIDERS.values() for item in documents(provider)],
    ids=lambda item: item.name if hasattr(item, "name") else str(item),
)
def test_a_call_that_a_script_makes_fail_leaves_nothing_behind(provider, endpoint):
    bench = bench_of(provider)
    before = copy.deepcopy(bench.state)
    request = good_request(provider, endpoint)
    assert bench.answer(request, endpoint, succeeds=False).status in (200, 202)
    assert bench.state == before
    assert bench.runs.in_order == []
    bench.answer(request, endpoint)
    # What cost nothing, kept nothing and made no run changed nothing.
    changed = bench.state != before or bool(bench.runs.in_order)
    assert changed == (endpoint.path not in ("/extraction/classify", "/extraction/split"))


NAMES = (
    "file url id name config metadata target chunkingStrategy type settings engine mode output "
    "format schema properties items $ref enum anyOf options parseConfig instructions inputs "
    "advancedOptions blockOptions tables returnOcr words pageRanges assetId storeRun text"
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text()
    | st.sampled_from([URL, "markdown", "object", "string"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=5)
    ),
)
bodies = (
    st.binary()
    | values.map(lambda value: json.dumps(value).encode())
    | values.map(lambda value: json.dumps({"url": URL, "schema": value}).encode())
    | values.map(lambda value: json.dumps({"file": {"url": URL}, "config": value}).encode())
    | values.map(lambda value: json.dumps({"inputs": [{"file": value}]}).encode())
)
TYPES = ["application/json", "multipart/form-data; boundary=b", "application/pdf", ""]


OFFICIAL = {"/parse": ParseRun, "/parse_runs/batch": BatchRun, "/files/upload": File}


@given(data=st.data())
@settings(max_examples=800)
def test_any_request_is_answered_or_rejected(data):
    provider = data.draw(st.sampled_from(list(PROVIDERS.values())))
    endpoint = data.draw(st.sampled_from(provider.endpoints))
    bench = bench_of(provider)
    disposition = data.draw(st.text("attachment; filename*=\"'%A\\", max_size=40))
    request = Request(
        method=endpoint.method,
        url=provider.base_url,
        host=provider.hosts[0],
        path=endpoint.path,
        query=data.draw(st.text("responseTypenxtPgokmaxSizesortDir=&url%1_", max_size=30)),
        headers=(
            ("content-type", data.draw(st.sampled_from(TYPES))),
            ("content-disposition", disposition),
        ),
        body=data.draw(bodies),
        client="httpx",
    )
    names = bench.behaviour.documents(request, bench.state)
    assert isinstance(names, tuple)
    try:
        reply = bench.answer(request, endpoint)
    except Rejected as rejected:
        assert rejected.code in bench.known  # noqa: PT017 - either outcome is right
    else:
        assert isinstance(reply, Reply)
        assert reply.status in (200, 202)
        if endpoint.path in OFFICIAL:
            OFFICIAL[endpoint.path].model_validate(json.loads(reply.body))


ITEM = {"type": "object", "properties": {"c": {"type": "string", "format": "date"}}}
SCHEMA = {
    "type": "object",
    "properties": {
        "a": {"type": "string", "enum": ["x"], "description": "d"},
        "b": {"type": "array", "items": {**ITEM, "required": ["c"]}},
    },
    "required": ["a"],
}
FILE = {"url": URL, "name": "a.pdf", "settings": {"password": "x"}}
CONFIG = {
    "chunkingStrategy": {"type": "page", "options": {"maxCharacters": 5}},
    "blockOptions": {"tables": {"targetFormat": "html", "agentic": {"enabled": True}}},
    "advancedOptions": {
        "returnOcr": {"words": True, "lines": True},
        "pageRanges": [{"start": 1, "end": 2}],
        "formattingDetection": [{"type": "change_tracking"}],
    },
}
WHOLE = {
    "/parse": {
        "file": FILE,
        "config": CONFIG,
        "metadata": {"a": 1},
        "dataRetention": {"mode": "zero"},
    },
    "/parse_runs/batch": {"inputs": [{"file": FILE}, {"file": {"text": "x"}}], "priority": 1},
    "/extraction/parse": {
        "url": URL,
        "mode": "structure",
        "output": {"format": "spatial", "includeWords": True},
        "options": {"includeWords": True},
        "storeRun": True,
    },
    "/extraction/extract": {
        "url": URL,
        "schema": SCHEMA,
        "instructions": "x",
        "parseConfig": {"mode": "agentic"},
        "options": {"includeCitations": False},
    },
    "/extraction/classify/async": {"url": URL, "instructions": "x", "storeRun": True},
}
ODD = [None, True, 0, -1, 1.5, 10**40, "", "x", "\ud800", [], {}, [None], [[]], {"": None}]
ODD += [{"type": None}, ["x"] * 300, "x" * 20_000, "https://[::1", {"url": {}}, {"id": []}]


def places(value, path=()):
    yield path
    pairs = value.items() if isinstance(value, dict) else ()
    for key, inner in enumerate(value) if isinstance(value, list) else pairs:
        yield from places(inner, (*path, key))


def replaced(value, path, odd):
    if not path:
        return odd
    found = copy.copy(value)
    found[path[0]] = replaced(value[path[0]], path[1:], odd)
    return found


@pytest.mark.parametrize("as_form", [False, True])
@pytest.mark.parametrize("path", WHOLE)
def test_a_good_request_with_any_one_value_replaced_is_answered_or_rejected(path, as_form):
    provider = PROVIDERS["nutrient" if path.startswith("/extraction") else "extend"]
    endpoint = next(item for item in provider.endpoints if str(item) == f"POST {path}")
    bench = bench_of(provider)
    answered = rejected = 0
    for place in places(WHOLE[path]):
        for odd in ODD:
            body = json.dumps(replaced(WHOLE[path], place, odd)).encode()
            parts = {"instructions": (None, body), "file": ("a.pdf", b"%PDF-1.7")}
            url = provider.base_url + path
            request = request_of("POST", url, files=parts) if as_form else json_request(body, url)
            try:
                json.loads(bench.answer(request, endpoint).body)
                answered += 1
            except Rejected as error:
                known = bench.known[error.code]
                json.loads(
                    bench.behaviour.error_reply(
                        known, message=error.message or "", request_id="r", details=error.details
                    ).body
                )
                rejected += 1
    assert rejected
    # Extend takes no form here.
    assert answered or (as_form and provider.name == "extend")


@both
@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=b"])
@pytest.mark.parametrize("unit", [b"x", b"[", b'{"file":', b"\r\n--b\r\n", b"\x00"])
def test_ten_megabytes_of_garbage_are_rejected(provider, content_type, unit):
    bench = bench_of(provider)
    request = json_request(unit * (10_000_000 // len(unit)), content_type=content_type)
    assert bench.behaviour.documents(request, bench.state) == ()
    for endpoint in documents(provider):
        assert bench.rejected(request, endpoint).code in ("INVALID_REQUEST", "invalid_request")
