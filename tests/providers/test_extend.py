"""Extend's behaviour, without a client library: requests in, replies out."""

from __future__ import annotations

import json
import sys
from urllib.parse import urlsplit

import extend_ai
import httpx
import pydantic
import pytest
from bench import URL, Bench, json_request, request_of
from extend_ai.types import File, ParseRun

from pytest_parseapi.model.behaviour import Rejected
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.providers.extend.behaviour import ExtendBehaviour
from pytest_parseapi.providers.extend.bodies import timestamp
from pytest_parseapi.providers.extend.config import DEFAULT_CONFIG
from pytest_parseapi.providers.extend.files import PRESIGNED_ENDPOINTS
from pytest_parseapi.providers.extend.provider import EXTEND
from pytest_parseapi.providers.extend.requests import check_file

PARSE = Endpoint(method="POST", path="/parse")
UPLOAD = Endpoint(method="POST", path="/files/upload")
OUTPUT, DOWNLOAD = PRESIGNED_ENDPOINTS
DEFAULTS = json.loads(json.dumps(dict(DEFAULT_CONFIG)))


class Service(Bench):
    """One test's Extend API."""

    def __init__(self, **settings):
        super().__init__(EXTEND, PARSE, **settings)

    def parse(self, body, *, query=""):
        return self.body(parse_request(body, query=query))

    def upload(self, filename="a.pdf", content=b"%PDF-1.7"):
        return self.body(upload_request(filename, content), UPLOAD)

    def rejection(self, request, endpoint=PARSE):
        rejected = self.rejected(request, endpoint)
        return rejected.code, rejected.message

    def client(self):
        """The official client, answered by this service."""
        http = httpx.Client(transport=httpx.MockTransport(self.handle))
        return extend_ai.Extend(token="sk_test", httpx_client=http)


def parse_request(body, *, query=""):
    return json_request(body, "https://api.extend.ai/parse" + (f"?{query}" if query else ""))


def upload_request(filename="a.pdf", content=b"%PDF-1.7", *, query="", part="file"):
    url = "https://api.extend.ai/files/upload" + (f"?{query}" if query else "")
    return request_of("POST", url, files={part: (filename, content)})


@pytest.fixture
def service():
    return Service()


# Success


def test_a_parse_replies_with_the_complete_documented_run(service):
    service.now = 61.5
    reply = service.answer(json_request({"file": {"url": URL}}))
    assert (reply.status, dict(reply.headers)) == (
        200,
        {"content-type": "application/json", "x-extend-request-id": "req_1"},
    )
    assert json.loads(reply.body) == {
        "object": "parse_run",
        "id": "pr_0001",
        "batchId": None,
        "status": "PROCESSED",
        "failureReason": None,
        "failureMessage": None,
        "metadata": None,
        "outputUrl": None,
        "file": {
            "object": "file",
            "id": "file_0002",
            "name": "a b.pdf",
            "type": "PDF",
            "parentFileId": None,
            "metadata": {"pageCount": 1},
            "createdAt": "2026-01-01T00:01:01.500Z",
            "updatedAt": "2026-01-01T00:01:01.500Z",
        },
        "output": {
            "chunks": [
                {
                    "object": "chunk",
                    "type": "page",
                    "content": "# a b.pdf",
                    "metadata": {
                        "pageRange": {"start": 1, "end": 1},
                        "minOcrConfidence": 0.98,
                        "avgOcrConfidence": 0.98,
                    },
                    "blocks": [
                        {
                            "object": "block",
                            "id": "block_0001",
                            "type": "heading",
                            "content": "# a b.pdf",
                            "details": {"type": "text_details"},
                            "metadata": {
                                "page": {"number": 1, "width": 612, "height": 792},
                                "minOcrConfidence": 0.98,
                                "avgOcrConfidence": 0.98,
                            },
                            "polygon": [
                                {"x": 72, "y": 72},
                                {"x": 200, "y": 72},
                                {"x": 200, "y": 96},
                                {"x": 72, "y": 96},
                            ],
                            "boundingBox": {"left": 72, "top": 72, "right": 200, "bottom": 96},
                        }
                    ],
                }
            ],
            "metadata": {
                "originalMimeType": "application/pdf",
                "finalMimeType": "application/pdf",
                "pages": [
                    {
                        "number": 1,
                        "rotationApplied": 0,
                        "originalPageWidth": 612,
                        "originalPageHeight": 792,
                        "dpi": 72,
                    }
                ],
            },
        },
        "metrics": {"processingTimeMs": 1234, "pageCount": 1},
        "config": DEFAULTS,
        "usage": {
            "credits": 2,
            "totalCredits": 2,
            "breakdown": [
                {
                    "object": "parse_run",
                    "id": "pr_0001",
                    "credits": 2,
                    "charges": [
                        {
                            "product": "parse_performance",
                            "unit": "page",
                            "quantity": 1,
                            "credits": 2,
                        }
                    ],
                }
            ],
        },
    }


BODIES = {
    "url": {"file": {"url": URL}},
    "named": {"file": {"url": "https://x.example", "name": "scan.png"}},
    "no name": {"file": {"url": "https://x.example/"}},
    "locked": {"file": {"url": URL, "settings": {"password": "x"}}},
    "options": {
        "file": {"url": URL},
        "config": {
            "target": "spatial",
            "engine": "parse_auto",
            "engineVersion": "latest",
            "chunkingStrategy": {"type": "page", "options": {"minCharacters": 5}},
            "blockOptions": {"figures": {"enabled": True}},
        },
        "metadata": {"order": 7, "tags": ["a"]},
        "dataRetention": {"mode": "zero"},
    },
    "nulls": {
        "file": {"url": URL, "id": None, "name": None, "settings": None},
        "config": {"target": None, "chunkingStrategy": None, "blockOptions": None},
        "metadata": None,
        "dataRetention": None,
    },
    "section": {"file": {"url": URL}, "config": {"chunkingStrategy": {"type": "section"}}},
    "document": {"file": {"url": URL}, "config": {"chunkingStrategy": {"type": "document"}}},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("query", ["", "responseType=json", "responseType=url"])
def test_every_success_is_a_run_of_the_official_types(service, body, query):
    reply = service.answer(parse_request(body, query=query))
    run = ParseRun.model_validate(json.loads(reply.body))
    assert (run.status, run.object) == ("PROCESSED", "parse_run")
    assert (run.output is None) == (query == "responseType=url")
    assert (run.output_url is None) != (query == "responseType=url")


@pytest.mark.parametrize(
    "path",
    [
        "id",
        "status",
        "file",
        "config",
        "file.id",
        "file.createdAt",
        "metrics.pageCount",
        "output.chunks",
        "output.chunks.0.blocks.0.boundingBox",
    ],
)
def test_the_strict_types_notice_a_missing_field(service, path):
    body = service.parse({"file": {"url": URL}})
    *holders, last = path.split(".")
    holder = body
    for key in holders:
        holder = holder[int(key) if key.isdigit() else key]
    del holder[last]
    with pytest.raises(pydantic.ValidationError):
        ParseRun.model_validate(body)


def test_a_given_name_is_used_instead_of_the_url(service):
    assert service.parse({"file": {"url": URL, "name": "x.txt"}})["file"]["name"] == "x.txt"
    assert service.parse(BODIES["no name"])["file"]["name"] == "file"


def test_ids_differ_and_repeat_from_test_to_test():
    def ids():
        service = Service()
        bodies = [service.parse({"file": {"url": url}}) for url in (URL, URL, URL + "?v=2")]
        return [(body["id"], body["file"]["id"]) for body in bodies]

    repeated = [("pr_0001", "file_0002"), ("pr_0003", "file_0004"), ("pr_0005", "file_0006")]
    assert ids() == ids() == repeated


def test_an_upload_can_be_parsed_by_its_id(service):
    service.now = 3
    uploaded = service.upload("scan.png", b"\x89PNG")
    assert uploaded == {
        "object": "file",
        "id": "file_0001",
        "name": "scan.png",
        "type": "IMG",
        "parentFileId": None,
        "metadata": {},
        "createdAt": "2026-01-01T00:00:03.000Z",
        "updatedAt": "2026-01-01T00:00:03.000Z",
        "contents": None,
    }
    File.model_validate(uploaded)
    service.now = 9
    del uploaded["contents"]
    assert service.parse({"file": {"id": uploaded["id"]}})["file"] == uploaded


def test_the_file_of_a_run_can_be_parsed_again(service):
    first = service.parse({"file": {"url": URL}})["file"]
    assert service.parse({"file": {"id": first["id"]}})["file"] == first


def test_the_output_url_leads_to_the_output_without_a_key_for_15_minutes(service):
    service.now = 100
    body = service.parse({"file": {"url": URL}}, query="responseType=url")
    assert body["output"] is None
    request = request_of("GET", body["outputUrl"])
    assert OUTPUT.public
    assert EXTEND.credential.read(request) == ()
    fetched = json.loads(service.answer(request, OUTPUT).body)
    assert fetched["chunks"][0]["content"] == "# a b.pdf"
    service.now = 999
    service.answer(request, OUTPUT)
    service.now = 1000
    assert service.rejection(request, OUTPUT) == (
        "FORBIDDEN",
        "This URL expired after 15 minutes.",
    )
    other = request_of("GET", "https://api.extend.ai/parse_outputs/output_none")
    assert service.rejection(other, OUTPUT) == ("NOT_FOUND", "There is no such output.")


def test_the_official_client_parses_and_uploads(service):
    client = service.client()
    uploaded = client.files.upload(file=("a.pdf", b"%PDF-1.7"), password="x", convert_to_pdf=True)
    run = client.parse(file={"id": uploaded.id}, metadata={"a": 1}, response_type="json")
    assert (uploaded.name, run.status, run.file.name) == ("a.pdf", "PROCESSED", "a.pdf")
    assert (run.metadata, run.output.chunks[0].content) == ({"a": 1}, "# a.pdf")
    run = client.parse(
        file={"url": URL},
        config={"target": "spatial", "chunking_strategy": {"type": "page"}},
        response_type="url",
    )
    assert (run.config.target, run.output) == ("spatial", None)
    assert urlsplit(run.output_url).path.startswith("/parse_outputs/output_")
    with pytest.raises(extend_ai.BadRequestError) as caught:
        client.parse(file={"url": "nowhere"})
    assert caught.value.body["code"] == "INVALID_REQUEST"
    assert caught.value.headers["x-extend-request-id"] == "req_1"


# Rejections


def parse_of(config=None, **more):
    return {"file": {"url": URL}, "config": config, **more}


INVALID = {
    "empty": (b"", "The JSON is empty."),
    "garbage": (b"{", "The JSON cannot be read."),
    "not a number": (b'{"file": NaN}', "The JSON cannot be read."),
    "bad utf-8": (b'{"file": "\xff"}', "The JSON cannot be read."),
    "deep": (b"[" * 100_000, "The JSON cannot be read."),
    "list": ([], "The JSON is not an object."),
    "no file": ({}, "file is missing."),
    "null file": ({"file": None}, "file is missing."),
    "file is text": ({"file": URL}, "file must be an object."),
    "file is empty": ({"file": {}}, "file must have a url or an id."),
    "text outside a batch": ({"file": {"text": "a"}}, "file must have a url or an id."),
    "url is a number": (
        {"file": {"url": 1}},
        "file.url must be a string that is not empty.",
    ),
    "id is a number": ({"file": {"id": 1}}, "file.id must be a string that is not empty."),
    "url is empty": ({"file": {"url": ""}}, "file.url must be a string that is not empty."),
    "name is a list": (
        {"file": {"url": URL, "name": []}},
        "file.name must be a string that is not empty.",
    ),
    "settings": ({"file": {"url": URL, "settings": 1}}, "file.settings must be an object."),
    "password": (
        {"file": {"url": URL, "settings": {"password": 1}}},
        "file.settings.password must be a string that is not empty.",
    ),
    "metadata": (parse_of(metadata=[1]), "metadata must be an object."),
    "retention": (parse_of(dataRetention="zero"), "dataRetention must be an object."),
    "retention mode": (
        parse_of(dataRetention={"mode": "never"}),
        "dataRetention.mode must be workspace_default or zero.",
    ),
}


@pytest.mark.parametrize(("body", "message"), INVALID.values(), ids=INVALID)
def test_invalid_requests(service, body, message):
    assert service.rejection(json_request(body)) == ("INVALID_REQUEST", message)
    assert not service.state.files


@pytest.mark.parametrize(
    "url",
    [
        "a.pdf",
        "/a.pdf",
        "ftp://x.example/a.pdf",
        "file:///a.pdf",
        "https://",
        "http://[::1",
        "https://x.example/a b.pdf",
        "s3://bucket/a.pdf",
        "https:a.pdf",
        " https://x.example",
    ],
)
def test_bad_urls(service, url):
    assert service.rejection(json_request({"file": {"url": url}})) == (
        "INVALID_REQUEST",
        "file.url must be an absolute http or https URL.",
    )


@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        ("text/plain", "The Content-Type must be application/json, not text/plain."),
        (None, "The Content-Type must be application/json, not missing."),
        (
            "multipart/form-data; boundary=b",
            "The Content-Type must be application/json, not multipart/form-data.",
        ),
    ],
)
def test_json_must_be_declared(service, content_type, message):
    request = json_request({"file": {"url": URL}}, content_type=content_type)
    assert service.rejection(request) == ("INVALID_REQUEST", message)
    more = {"content_type": "Application/JSON; charset=utf-8"}
    assert service.answer(json_request({"file": {"url": URL}}, **more)).status == 200


@pytest.mark.parametrize("value", ["xml", "", "JSON", "json&responseType=xml"])
def test_bad_response_type(service, value):
    request = parse_request({"file": {"url": URL}}, query=f"responseType={value}")
    assert service.rejection(request) == (
        "INVALID_REQUEST",
        "The query parameter responseType must be json or url.",
    )


def test_an_unknown_file_id(service):
    assert service.rejection(json_request({"file": {"id": "file_9"}})) == (
        "NOT_FOUND",
        "There is no file 'file_9' in this workspace.",
    )


def text_field_request():
    return request_of(
        "POST",
        "https://api.extend.ai/files/upload",
        files={"password": (None, b"x"), "file": (None, b"text")},
    )


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (upload_request(part="document"), "The form has no part 'file' with a file name."),
        (text_field_request(), "The form has no part 'file' with a file name."),
        (upload_request(content=b""), "The part 'file' is empty."),
        (json_request({}), "The Content-Type is application/json, not multipart/form-data."),
        (
            json_request(b"", content_type="multipart/form-data"),
            "The Content-Type names no boundary.",
        ),
        (
            json_request(b"--b\r\n", content_type="multipart/form-data; boundary=b"),
            "Part 1 of the form is malformed: its headers do not end.",
        ),
        (
            upload_request(query="convertToPdf=yes"),
            "The query parameter convertToPdf must be true or false.",
        ),
    ],
)
def test_bad_uploads(service, request_, message):
    assert service.rejection(request_, UPLOAD) == ("INVALID_REQUEST", message)


def test_uploads_over_the_limit():
    service = Service(max_file_bytes=1024 * 1024)
    assert service.rejection(upload_request(content=b"x" * (1024 * 1024 + 1)), UPLOAD) == (
        "FILE_SIZE_TOO_LARGE",
        "The file has 1048577 bytes; the limit is 1 MB.",
    )
    service.upload(content=b"x" * 1024 * 1024)
    assert ExtendBehaviour().max_file_bytes == 104_857_600


def test_a_file_in_a_batch_may_be_text(service):
    where = {"where": "inputs[3].file", "allow_text": True}
    assert check_file({"text": "a"}, service.state, **where).text == "a"
    with pytest.raises(Rejected) as caught:
        check_file({}, service.state, **where)
    assert caught.value.message == "inputs[3].file must have a url or an id or a text."


def test_metadata_too_deep_to_send_back_is_a_rejection(service):
    outcomes = set()
    limit = sys.getrecursionlimit()
    for depth in (10, *range(limit // 2, limit + 50), 100_000):
        body = b'{"file":{"url":"https://x.example/a"},"metadata":{"a":%s}}'
        nested = b"[" * depth + b"]" * depth
        try:
            outcomes.add(service.answer(json_request(body % nested)).status)
        except Rejected as rejected:
            outcomes.add(rejected.code)
    assert outcomes == {200, "INVALID_REQUEST"}


# Documents


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"file": {"url": URL}}, (URL, "a b.pdf")),
        ({"file": {"url": URL, "name": "x.pdf"}}, (URL, "a b.pdf", "x.pdf")),
        ({"file": {"url": "a.pdf"}}, ("a.pdf",)),
        ({"file": {"url": "https://x.example/"}}, ("https://x.example/",)),
        ({"file": {"url": "http://[::1"}}, ("http://[::1",)),
        ({"file": {"id": "file_9"}}, ("file_9",)),
        ({"file": {"url": 1, "id": [], "name": {}}}, ()),
        ({"file": "a.pdf"}, ()),
        ({}, ()),
        ([], ()),
        (b"{", ()),
        (b"", ()),
        (b"[" * 100_000, ()),
    ],
)
def test_documents_of_json(service, body, expected):
    request = json_request(body)
    assert service.behaviour.documents(request, service.state) == expected
    assert service.behaviour.documents(request, None) == expected


def test_documents_of_known_files(service):
    uploaded = service.upload("scan.pdf")["id"]
    fetched = service.parse({"file": {"url": URL, "name": "x.pdf"}})["file"]["id"]
    nameless = service.upload("upload")["id"]
    for file_id, names in {
        uploaded: ("scan.pdf", uploaded),
        fetched: (URL, "a b.pdf", "x.pdf", fetched),
        nameless: (nameless,),
    }.items():
        request = json_request({"file": {"id": file_id}})
        assert service.behaviour.documents(request, service.state) == names


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (upload_request("scan.pdf"), ("scan.pdf",)),
        (upload_request("my%20scan.pdf"), ("my%20scan.pdf", "my scan.pdf")),
        (upload_request("upload"), ()),
        (upload_request(part="other"), ()),
        (json_request(b"--b", content_type="multipart/form-data; boundary=b"), ()),
    ],
)
def test_documents_of_uploads(service, request_, expected):
    assert service.behaviour.documents(request_, service.state) == expected


def test_time_is_virtual():
    assert timestamp(0) == "2026-01-01T00:00:00.000Z"
    assert timestamp(86_400.25) == "2026-01-02T00:00:00.250Z"
