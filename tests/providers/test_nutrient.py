"""Nutrient's behaviour, without a client library: requests in, replies out."""

from __future__ import annotations

import asyncio
import json
import sys
import typing
from unittest import mock

import nutrient_dws
import pydantic
import pytest
import respx
import typing_extensions
from bench import URL, Bench, json_request, neutral_of, request_of
from nutrient_dws.types.extraction_credits import ExtractionCredits
from nutrient_dws.types.parse import ParseResponse, ParseUsage

from pytest_parseapi.model.behaviour import Rejected
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.providers.nutrient.behaviour import NutrientBehaviour
from pytest_parseapi.providers.nutrient.provider import NUTRIENT

PARSE = Endpoint(method="POST", path="/extraction/parse")
EXTRACT = Endpoint(method="POST", path="/extraction/extract")
BASE = "https://api.nutrient.io"
PDF = b"%PDF-1.7 ..."
SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}


def official_type():
    """The official client's type of a reply, in a form that pydantic reads before Python 3.12."""
    hints = typing.get_type_hints(ExtractionCredits)
    credits_type = typing_extensions.TypedDict("ExtractionCredits", hints, total=False)
    with mock.patch.dict(ParseUsage.__annotations__, data_extraction_credits=credits_type):
        return pydantic.TypeAdapter(ParseResponse)


RESPONSE = official_type()


class Service(Bench):
    """One test's Nutrient API."""

    def __init__(self, **settings):
        super().__init__(NUTRIENT, PARSE, **settings)

    def rejection(self, request, endpoint=PARSE):
        """The failing paths; and the message must name them."""
        rejected = self.rejected(request, endpoint)
        assert rejected.code == "invalid_request"
        found = [(item["path"], item["details"]) for item in rejected.details["failingPaths"]]
        text = "; ".join(f"{path} {details}" for path, details in found)
        assert rejected.message == f"The request does not pass validation: {text}."
        return found


def form(instructions=None, *, content=PDF, filename="a.pdf", part="file", data=None):
    data = dict(data or {})
    if instructions is not None:
        text = instructions if isinstance(instructions, str) else json.dumps(instructions)
        data["instructions"] = text
    files = {part: (filename, content)}
    return request_of("POST", BASE, data=data, files=files)


def raw(content=PDF, **headers):
    headers = {key.replace("_", "-"): value for key, value in headers.items()}
    return request_of("POST", BASE, content=content, headers=headers)


@pytest.fixture
def service():
    return Service()


# Success


def test_spatial_output_is_the_complete_documented_envelope(service):
    reply = service.answer(form({"mode": "structure", "output": {"format": "spatial"}}))
    assert (reply.status, dict(reply.headers)) == (200, {"content-type": "application/json"})
    assert json.loads(reply.body) == {
        "status": 200,
        "requestId": "req_1",
        "output": {
            "elements": [
                {
                    "id": "e1",
                    "type": "paragraph",
                    "text": "a.pdf",
                    "role": "Title",
                    "confidence": 0.98,
                    "readingOrder": 0,
                    "bounds": {"x": 72, "y": 72, "width": 200, "height": 24},
                    "page": {"pageIndex": 0, "pageNumber": "1", "width": 612, "height": 792},
                }
            ]
        },
        "metrics": {"processingTimeMs": 850, "pagesProcessed": 1},
        "usage": {"data_extraction_credits": {"cost": 1.5, "remainingCredits": 998.5}},
        "configuration": {"mode": "structure", "outputFormat": "spatial"},
    }


def test_markdown_output_is_the_complete_documented_envelope(service):
    assert service.body(form({"mode": "text", "output": {"format": "markdown"}})) == {
        "status": 200,
        "requestId": "req_1",
        "output": {"markdown": "# a.pdf\n"},
        "metrics": {"processingTimeMs": 850, "pagesProcessed": 1},
        "usage": {"data_extraction_credits": {"cost": 1, "remainingCredits": 999.0}},
        "configuration": {"mode": "text", "outputFormat": "markdown"},
    }


@pytest.mark.parametrize(
    ("options", "mode", "output_format", "cost"),
    [
        ({}, "understand", "spatial", 9),
        ({"mode": None, "output": None}, "understand", "spatial", 9),
        ({"output": {"format": None}}, "understand", "spatial", 9),
        ({"mode": "text"}, "text", "markdown", 1),
        ({"mode": "text", "output": {"format": "markdown"}}, "text", "markdown", 1),
        ({"mode": "structure"}, "structure", "spatial", 1.5),
        ({"mode": "agentic"}, "agentic", "spatial", 18),
        ({"mode": "agentic", "output": {"format": "markdown"}}, "agentic", "markdown", 18),
        ({"output": {"format": "markdown"}, "later": 1}, "understand", "markdown", 9),
    ],
)
def test_modes_formats_and_defaults(service, options, mode, output_format, cost):
    for request in (form(options), json_request({"url": URL, **options})):
        reply = service.answer(request)
        body = RESPONSE.validate_json(reply.body, strict=True, extra="forbid")
        assert body["configuration"] == {"mode": mode, "outputFormat": output_format}
        assert body["usage"]["data_extraction_credits"]["cost"] == cost
        kind = "markdown" if output_format == "markdown" else "elements"
        assert list(body["output"]) == [kind]


def test_the_types_notice_a_wrong_mode(service):
    body = service.body(form({}))
    body["configuration"]["mode"] = "fast"
    with pytest.raises(pydantic.ValidationError):
        RESPONSE.validate_json(json.dumps(body), strict=True)


@pytest.mark.parametrize(
    "request_",
    [
        form(),
        raw(content_type="application/pdf"),
        raw(content_type="video/mp4"),
        raw(),
        raw(b"\x00\x00\x00\x18ftypheic....", content_type="image/heic"),
        raw(b"\x00\x00\x00\x18ftypmif1....", content_type="image/heic"),
        raw(b"RIFF....WEBPVP8 ", content_type="image/webp"),
    ],
)
def test_a_document_alone_gets_the_servers_defaults(service, request_):
    expected = {"mode": "understand", "outputFormat": "spatial"}
    assert service.body(request_)["configuration"] == expected


def test_credits_go_down_from_call_to_call_and_never_below_zero(service):
    def remaining():
        body = service.body(form({"mode": "agentic"}))
        return body["usage"]["data_extraction_credits"]["remainingCredits"]

    assert [remaining(), remaining()] == [982.0, 964.0]
    for _ in range(60):
        last = remaining()
    assert last == 0
    assert service.behaviour.new_state().credits == 1000


@pytest.mark.parametrize(
    "options",
    [
        {"includeWords": True},
        {"output": {"includeWords": True}},
        {"options": {"includeWords": True}},
    ],
)
def test_words(service, options):
    reply = service.answer(form(options, filename="my scan.pdf"))
    (element,) = RESPONSE.validate_json(reply.body, strict=True)["output"]["elements"]
    assert [word["text"] for word in element["words"]] == ["my", "scan.pdf"]
    assert "words" not in service.body(form({"includeWords": False}))["output"]["elements"][0]


def test_the_document_names_the_heading(service):
    def heading(request):
        return service.body(request)["output"]["elements"][0]["text"]

    assert heading(json_request({"url": URL})) == "a b.pdf"
    assert heading(form(filename="document")) == "Document"


@respx.mock
def test_the_official_client_parses(service):
    route = respx.post(BASE + "/extraction/parse").mock(side_effect=service.handle)
    client = nutrient_dws.NutrientClient(api_key="pdf_test_1")
    body = asyncio.run(client.parse(PDF, mode="text", output_format="markdown"))
    assert body["output"] == {"markdown": "# Document\n"}
    names = service.behaviour.documents(neutral_of(route.calls.last.request), service.state)
    assert names == ()
    with pytest.raises(nutrient_dws.ValidationError) as caught:
        asyncio.run(client.parse(b"\x00\x00\x00\x18ftypisom"))
    assert (caught.value.status_code, caught.value.details) == (
        400,
        {
            "status": 400,
            "requestId": "req_1",
            "errorMessage": "The request does not pass validation: "
            "$.file is of the unsupported type video/mp4; must be a PDF, an image or an office "
            "document.",
            "errorDetails": {
                "source": "request",
                "code": "invalid_request",
                "failingPaths": [
                    {"path": "$.file", "details": "is of the unsupported type video/mp4" + DOCUMENT}
                ],
            },
        },
    )


# Extraction


def extract(service, request):
    return service.body(request, EXTRACT)


@pytest.mark.parametrize(
    ("mode", "cost"), [(None, 15), ("structure", 7.5), ("understand", 15), ("agentic", 24)]
)
def test_extract_replies_with_data_that_fits_the_schema(service, mode, cost):
    options = {"schema": SCHEMA, "parseConfig": {"mode": mode}, "instructions": "All of it."}
    citation = {"pageIndex": 0, "bounds": {"x": 72, "y": 72, "width": 200, "height": 24}}
    expected = {
        "status": 200,
        "requestId": "req_1",
        "output": {
            "data": {"total": 1.5},
            "metadata": {"total": {"confidence": 0.98, "citations": [citation]}},
            "pages": [{"pageIndex": 0, "pageNumber": "1", "width": 612, "height": 792}],
        },
        "metrics": {"processingTimeMs": 850, "pagesProcessed": 1},
        "usage": {"data_extraction_credits": {"cost": cost, "remainingCredits": 1000 - cost}},
    }
    assert extract(service, form(options)) == expected
    body = extract(Service(), json_request({"url": URL, **options}))
    assert body == expected


def test_extract_without_citations(service):
    options = {"schema": SCHEMA, "options": {"includeCitations": False}, "storeRun": False}
    metadata = extract(service, form(options))["output"]["metadata"]
    assert metadata == {"total": {"confidence": 0.98}}


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ({"instructions": 1}, [("$.instructions", "must be a string, not 1")]),
        (
            {"instructions": "x" * 10_001},
            [("$.instructions", "must have at most 10,000 characters, not 10,001")],
        ),
        (
            {"parseConfig": {"mode": "text"}},
            [("$.parseConfig.mode", "must be one of structure, understand, agentic, not 'text'")],
        ),
        ({"parseConfig": "text"}, [("$.parseConfig", "must be an object, not 'text'")]),
        ({"options": []}, [("$.options", "must be an object, not []")]),
        (
            {"options": {"includeCitations": "yes"}, "storeRun": 1},
            [
                ("$.storeRun", "must be true or false, not 1"),
                ("$.options.includeCitations", "must be true or false, not 'yes'"),
            ],
        ),
    ],
)
def test_bad_options_to_extract(service, options, paths):
    assert service.rejection(form({"schema": SCHEMA, **options}), EXTRACT) == paths
    request = json_request({"url": URL, "schema": SCHEMA, **options})
    assert service.rejection(request, EXTRACT) == paths
    extract(service, form({"schema": SCHEMA, "instructions": "x" * 10_000}))


@pytest.mark.parametrize("request_", [raw(content_type="application/pdf"), raw(), raw(b"")])
def test_extract_takes_no_raw_document(service, request_):
    expected = "is missing: send multipart/form-data with a file, or application/json with a url"
    assert service.rejection(request_, EXTRACT) == [("$.file", expected)]


# Rejections

DOCUMENT = "; must be a PDF, an image or an office document"
A_URL = "must be an absolute http or https URL"
VIDEO = b"\x00\x00\x00\x18ftypmp42...."


@pytest.mark.parametrize("endpoint", [PARSE, EXTRACT], ids=str)
@pytest.mark.parametrize(
    ("request_", "path", "details"),
    [
        (
            form(part="document"),
            "$.file",
            "is missing: the form needs a part 'file' with a file name",
        ),
        (
            request_of("POST", BASE, files={"file": (None, PDF)}),
            "$.file",
            "is missing: the form needs a part 'file' with a file name",
        ),
        (form(content=b""), "$.file", "is empty" + DOCUMENT),
        (form(content=VIDEO), "$.file", "is of the unsupported type video/mp4" + DOCUMENT),
        (form("{"), "$.instructions", "cannot be read: The JSON cannot be read"),
        (form(""), "$.instructions", "cannot be read: The JSON is empty"),
        (form("[]"), "$.instructions", "cannot be read: The JSON is not an object"),
        (
            json_request(b"--b\r\nfile", content_type="multipart/form-data; boundary=b"),
            "$",
            "cannot be read: Part 1 of the form is malformed: its headers do not end",
        ),
        (json_request(b""), "$", "cannot be read: The JSON is empty"),
        (json_request(b"{"), "$", "cannot be read: The JSON cannot be read"),
        (json_request([]), "$", "cannot be read: The JSON is not an object"),
        (json_request({}), "$.url", "is missing; " + A_URL),
        (json_request({"url": None}), "$.url", "is missing; " + A_URL),
        (json_request({"url": 1}), "$.url", "must be an absolute http or https URL, not 1"),
        (
            json_request({"url": "a.pdf"}),
            "$.url",
            "must be an absolute http or https URL, not 'a.pdf'",
        ),
        (
            json_request(PDF, content_type="application/x-www-form-urlencoded"),
            "$.file",
            "is missing: send multipart/form-data with a file, or application/json with a url",
        ),
    ],
)
def test_bad_requests(service, endpoint, request_, path, details):
    read = path not in ("$", "$.instructions") and "send multipart" not in details
    schema = [("$.schema", "is missing; must be an object")] if endpoint is EXTRACT and read else []
    assert service.rejection(request_, endpoint) == [(path, details), *schema]
    assert service.state.credits == 1000


@pytest.mark.parametrize(
    ("content", "details"),
    [
        (b"", "is empty" + DOCUMENT),
        (VIDEO, "is of the unsupported type video/mp4" + DOCUMENT),
        (b"\x00\x00\x00\x14ftypqt  ", "is of the unsupported type video/mp4" + DOCUMENT),
        (b"\x1aE\xdf\xa3....", "is of the unsupported type video/webm" + DOCUMENT),
        (b"OggS....", "is of the unsupported type audio/ogg" + DOCUMENT),
        (b"ID3.....", "is of the unsupported type audio/mpeg" + DOCUMENT),
        (b"fLaC....", "is of the unsupported type audio/flac" + DOCUMENT),
        (b"\x7fELF\x02\x01", "is of the unsupported type application/x-executable" + DOCUMENT),
        (b"\x1f\x8b\x08\x00", "is of the unsupported type application/gzip" + DOCUMENT),
        (b"Rar!\x1a\x07\x01", "is of the unsupported type application/vnd.rar" + DOCUMENT),
        (b"RIFF....AVI LIST", "is of the unsupported type video/x-msvideo" + DOCUMENT),
        (b"RIFF....WAVEfmt ", "is of the unsupported type audio/wav" + DOCUMENT),
    ],
)
def test_raw_content_is_sniffed_whatever_it_declares(service, content, details):
    request = raw(content, content_type="application/pdf")
    assert service.rejection(request) == [("$.file", details)]


@pytest.mark.parametrize("kind", ["", "text/plain", "text/json"])
def test_json_that_is_not_declared_is_no_document(service, kind):
    request = raw(json.dumps({"url": URL}, indent=1).encode(), content_type=kind)
    declared = "is JSON: the Content-Type must be application/json, not " + (kind or "missing")
    assert service.rejection(request) == [("$.file", declared)]
    # What only begins like JSON is left to the service.
    assert service.body(raw(b"{\\rtf1 Hello}", content_type=kind))["status"] == 200


MODES = "must be one of text, structure, understand, agentic, not "
FORMATS = "must be one of spatial, markdown, not "


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ({"mode": "fast"}, [("$.mode", MODES + "'fast'")]),
        ({"mode": ["text"]}, [("$.mode", MODES + '["text"]')]),
        ({"output": "markdown"}, [("$.output", "must be an object, not 'markdown'")]),
        ({"output": {"format": "html"}}, [("$.output.format", FORMATS + "'html'")]),
        (
            {"mode": 1, "output": {"format": 2}},
            [("$.mode", MODES + "1"), ("$.output.format", FORMATS + "2")],
        ),
        (
            {"mode": "text", "output": {"format": "spatial"}},
            [("$.output.format", "must be markdown in mode text, not 'spatial'")],
        ),
        ({"includeWords": "yes"}, [("$.includeWords", "must be true or false, not 'yes'")]),
        (
            {"output": {"includeWords": 1}},
            [("$.output.includeWords", "must be true or false, not 1")],
        ),
        (
            {"options": {"includeWords": 1}},
            [("$.options.includeWords", "must be true or false, not 1")],
        ),
        ({"options": 1}, [("$.options", "must be an object, not 1")]),
    ],
)
def test_bad_options_to_parse(service, options, paths):
    assert service.rejection(form(options)) == paths
    assert service.rejection(json_request({"url": URL, **options})) == paths


@pytest.mark.parametrize("endpoint", [PARSE, EXTRACT], ids=str)
def test_documents_over_the_limit(endpoint):
    service = Service(max_file_bytes=10)
    for content, options in ((b"x" * 11, {"schema": SCHEMA}), (VIDEO, {"mode": "fast"})):
        with pytest.raises(Rejected) as caught:
            service.answer(form(options, content=content), endpoint)
        assert (caught.value.code, caught.value.message, caught.value.details) == (
            "payload_too_large",
            f"The file has {len(content)} bytes; the limit is 10 bytes.",
            {},
        )
    assert service.body(form({"schema": SCHEMA}, content=b"x" * 10), endpoint)["status"] == 200
    assert NutrientBehaviour().max_file_bytes == 157_286_400


# Errors


def test_an_error_body_without_an_id_and_with_a_code_of_its_own(service):
    error = DocumentedError(
        provider="nutrient",
        code="unknown_code",
        status=500,
        retryable=True,
        message="Text.",
        wire_code="brand_new",
    )
    reply = service.behaviour.error_reply(error, message="New.", request_id=None, details={})
    assert json.loads(reply.body) == {
        "status": 500,
        "errorMessage": "New.",
        "errorDetails": {"code": "brand_new"},
    }


# Documents


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (form(), ("a.pdf",)),
        (form(filename="document"), ()),
        (form(filename="upload"), ()),
        (form(filename="my%20scan.pdf"), ("my%20scan.pdf", "my scan.pdf")),
        (form(part="other"), ()),
        (json_request(b"--b", content_type="multipart/form-data; boundary=b"), ()),
        (json_request({"url": URL}), (URL, "a b.pdf")),
        (json_request({"url": "http://[::1"}), ("http://[::1",)),
        (json_request({"url": 1}), ()),
        (json_request([]), ()),
        (json_request(b"{"), ()),
        (raw(content_type="application/pdf"), ()),
        (raw(content_disposition='attachment; filename="a.pdf"'), ("a.pdf",)),
        (raw(content_disposition='attachment; filename="a.pdf'), ()),
        (raw(content_disposition="attachment; filename=document"), ()),
    ],
)
def test_documents(service, request_, expected):
    assert service.behaviour.documents(request_, service.state) == expected


def test_a_schema_of_any_depth_is_answered_or_rejected(service):
    limit = sys.getrecursionlimit()
    outcomes = set()
    for depth in (10, *range(limit // 2, limit + 50), 100_000):
        nested_list = b"[" * depth + b"]" * depth
        body = b'{"url":"https://x.example","schema":{"type":"object","x":%s}}' % nested_list
        try:
            outcomes.add(service.answer(json_request(body), EXTRACT).status)
        except Rejected as rejected:
            outcomes.add(rejected.code)
    assert outcomes == {"invalid_request"}
