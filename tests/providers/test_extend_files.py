"""Extend's files and outputs: types, uploads, conversions, recognized text."""

from __future__ import annotations

import logging
import time

import extend_ai
import httpx
import pytest
from bench import Bench, json_request
from plain_consumer import ask, send, upload

from pytest_parseapi.providers.extend.file_types import kind_of
from pytest_parseapi.providers.extend.provider import EXTEND

URL = "https://files.example.com/in/"
OFFICE = "application/vnd.openxmlformats-officedocument."


def parse(api, name, **config):
    return send(api, json={"file": {"url": URL + name}, "config": config})


# The list of docs.extend.ai/general/supported-file-types.
SUPPORTED = (
    "pdf png jpg jpeg tiff tif svg heic heif bmp gif webp psd xls xlsx xltm xltx ods docx doc wpd "
    "dotx odt pptx ppt ppm csv txt html xml rtf lis md eml pcx"
)


@pytest.mark.parametrize("extension", SUPPORTED.split())
def test_each_documented_type_is_parsed(extend_api, extension):
    body = parse(extend_api, f"a.{extension}").json()
    assert body["status"] == "PROCESSED"
    assert body["output"]["metadata"]["originalMimeType"] == kind_of(f"a.{extension}").mime
    assert kind_of(f"A.{extension.upper()}").mime is not None


@pytest.mark.parametrize(
    "name",
    [
        *("a.exe", "a.zip", "a.dwg", "a.mp4", "a.MP3?x=.pdf", "in/b%2Emov", "a.pdf.zip"),
        *("a.xlsm", "a.docm", "a.odp", "a.pages", "a.eps", "a.avif", "a.json", "a.tsv"),
    ],
)
def test_another_well_known_type_is_refused_by_its_extension(extend_api, name):
    reply = parse(extend_api, name)
    body = reply.json()
    assert (reply.status_code, body["code"]) == (400, "FILE_TYPE_NOT_SUPPORTED")
    extension = name.partition("?")[0].replace("%2E", ".").rpartition(".")[2].lower()
    assert body["message"] == f"Files of type .{extension} cannot be parsed."
    run = send(extend_api, path="/parse_runs", json={"file": {"url": URL + name}})
    assert run.status_code == 200
    ask(extend_api, "GET", f"/parse_runs/{run.json()['id']}")
    found = ask(extend_api, "GET", f"/parse_runs/{run.json()['id']}").json()
    assert (found["status"], found["failureReason"]) == ("FAILED", "FILE_TYPE_NOT_SUPPORTED")
    assert found["failureMessage"] == body["message"]


@pytest.mark.parametrize("name", ["a.odd", "a", "", "mp4", "a.mp4.pdf", "a.mp4/b", "get.php?id=1"])
def test_an_unknown_extension_is_parsed(extend_api, name):
    assert parse(extend_api, name).json()["status"] == "PROCESSED"


def test_the_name_that_a_request_gives_tells_the_type(extend_api):
    def reply(**file):
        return send(extend_api, json={"file": file}).json()

    assert reply(url=URL + "a.bin", name="a.pdf")["file"]["type"] == "PDF"
    assert reply(url=URL + "a.pdf", name="a.zip")["code"] == "FILE_TYPE_NOT_SUPPORTED"
    assert reply(url=URL + "a.png", name="invoice")["file"]["type"] == "IMG"


def test_no_documented_type_is_refused():
    assert not {name for name in SUPPORTED.split() if kind_of(f"a.{name}").unsupported}


def test_an_upload_of_another_type_is_kept_and_not_parsed(extend_api):
    file_id = upload(extend_api, b"video", name="film.mkv").json()["id"]
    body = send(extend_api, json={"file": {"id": file_id}}).json()
    assert body["code"] == "FILE_TYPE_NOT_SUPPORTED"


@pytest.mark.parametrize(
    ("name", "file_type", "pages"),
    [
        ("a.pdf", "PDF", {"pageCount": 1}),
        ("A.PDF", "PDF", {"pageCount": 1}),
        ("a.csv", "CSV", {}),
        ("a.jpeg", "IMG", {}),
        ("a.tar.txt", "TXT", {}),
        ("a.docx", "DOCX", {"pageCount": 1}),
        ("a.xlsx", "EXCEL", {}),
        ("a.xml", "XML", {}),
        ("a.html", "HTML", {}),
        ("a.pptx", None, {}),
        ("a.odd", None, {}),
        ("pdf", None, {}),
    ],
)
def test_the_type_of_a_file(extend_api, name, file_type, pages):
    file = parse(extend_api, name).json()["file"]
    assert file.get("type") == file_type
    assert file["metadata"] == pages


@pytest.mark.parametrize(
    ("name", "query", "file_type"),
    [
        # Word and PowerPoint files are converted without being asked.
        *((f"a.{extension}", "", "PDF") for extension in ("docx", "doc", "dotx", "pptx", "ppt")),
        ("a.docx", "false", "PDF"),
        ("scan.png", "", "IMG"),
        ("scan.png", "false", "IMG"),
        ("scan.png", "true", "PDF"),
        ("scan.png", "True", "PDF"),
        ("a.xlsx", "true", "PDF"),
        ("a.html", "true", "PDF"),
        ("a.csv", "true", "CSV"),
        ("a.pdf", "", "PDF"),
    ],
)
def test_conversion_to_pdf(extend_api, name, query, file_type):
    path = "/files/upload" + (f"?convertToPdf={query}" if query else "")
    files = {"file": (name, b"content")}
    file = send(extend_api, path=path, files=files).json()
    assert file["type"] == file_type
    assert file["metadata"] == ({"pageCount": 1} if file_type == "PDF" else {})
    found = send(extend_api, json={"file": {"id": file["id"]}}).json()["output"]["metadata"]
    assert found["originalMimeType"] == kind_of(name).mime
    pdf = file_type == "PDF"
    assert found["finalMimeType"] == ("application/pdf" if pdf else kind_of(name).mime)
    assert (found["pages"] is not None) == pdf


PAGE = {"number": 1, "originalPageWidth": 612, "originalPageHeight": 792, "dpi": 72}


@pytest.mark.parametrize(
    ("name", "options", "final", "pages"),
    [
        ("a.pdf", {}, "application/pdf", [PAGE | {"rotationApplied": 0}]),
        (
            "a.pdf",
            {"pageRotationEnabled": False},
            "application/pdf",
            [PAGE | {"rotationApplied": None}],
        ),
        ("a.png", {}, "image/png", None),
        (
            "a.png",
            {"alwaysConvertToPdf": True},
            "application/pdf",
            [PAGE | {"rotationApplied": 0}],
        ),
        ("a.txt", {"alwaysConvertToPdf": True}, "text/plain", None),
        ("a.odd", {}, None, None),
    ],
)
def test_the_metadata_of_an_output(extend_api, name, options, final, pages):
    body = parse(extend_api, name, advancedOptions=options).json()
    assert body["output"]["metadata"] == {
        "originalMimeType": kind_of(name).mime,
        "finalMimeType": final,
        "pages": pages,
    }


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, None),
        ({"words": False, "lines": False}, None),
        ({"words": True}, {"words"}),
        ({"lines": True}, {"lines"}),
        ({"words": True, "lines": True}, {"words", "lines"}),
    ],
)
def test_recognized_text_is_there_where_it_is_asked_for(extend_api, asked, found):
    output = parse(extend_api, "my%20scan.pdf", advancedOptions={"returnOcr": asked}).json()[
        "output"
    ]
    assert set(output.get("ocr", ())) == (found or set())
    block = output["chunks"][0]["blocks"][0]
    for item in (*output.get("ocr", {}).get("words", ()), *output.get("ocr", {}).get("lines", ())):
        assert (item["blockId"], item["pageNumber"]) == (block["id"], 1)
        assert 0 <= item["confidence"] <= 1
        assert set(item["boundingBox"]) == {"left", "top", "right", "bottom"}
    if asked.get("words"):
        words = output["ocr"]["words"]
        assert [word["content"] for word in words] == ["my", "scan.pdf"]
        assert {word["rotation"] for word in words} == {0}


@pytest.mark.parametrize(
    ("name", "confidence"),
    [("a.pdf", 0.98), ("a.png", 0.98), ("a.docx", 0.98), ("a.csv", None), ("a.xlsx", None)],
)
def test_confidences_are_null_where_nothing_was_recognized(extend_api, name, confidence):
    (chunk,) = parse(extend_api, name).json()["output"]["chunks"]
    for metadata in (chunk["metadata"], chunk["blocks"][0]["metadata"]):
        assert metadata["minOcrConfidence"] == metadata["avgOcrConfidence"] == confidence
    assert ("sheet" in chunk["blocks"][0]["metadata"]) == (name == "a.xlsx")


@pytest.mark.parametrize("engine", ["parse_performance", "parse_light", "parse_auto"])
def test_the_credits_of_a_run(extend_api, engine):
    body = parse(extend_api, "a.pdf", engine=engine).json()
    usage = body["usage"]
    (entry,) = usage["breakdown"]
    assert usage["totalCredits"] == usage["credits"] == entry["credits"]
    assert (entry["object"], entry["id"]) == ("parse_run", body["id"])
    (charge,) = entry["charges"]
    assert (charge["product"], charge["unit"], charge["credits"]) == (engine, "page", 2)


def test_the_list_of_runs_has_no_breakdown(extend_api):
    extend_api.runs_take(polls=0)
    send(extend_api, path="/parse_runs")
    (summary,) = ask(extend_api, "GET", "/parse_runs").json()["data"]
    assert summary["usage"] == {"credits": 2, "totalCredits": 2}


def test_a_file_is_fetched_and_downloaded(extend_api):
    file = upload(extend_api, b"%PDF-1.7 mine", name="scan.pdf").json()
    assert "presignedUrl" not in file
    assert file["contents"] is None
    found = ask(extend_api, "GET", f"/files/{file['id']}").json()
    url = found.pop("presignedUrl")
    assert found == file
    downloaded = httpx.get(url, timeout=5)
    assert (downloaded.status_code, downloaded.content) == (200, b"%PDF-1.7 mine")
    assert downloaded.headers["content-type"] == "application/pdf"
    extend_api.clock.advance(899)
    assert httpx.get(url, timeout=5).status_code == 200
    extend_api.clock.advance(1)
    assert httpx.get(url, timeout=5).status_code == 403
    assert extend_api.attempts[1].document == "scan.pdf"


@pytest.mark.parametrize("content", [b"x" * (1024 * 1024 + 1), None])
def test_a_file_that_was_not_kept_is_downloaded_as_a_small_pdf(extend_api, content):
    if content is None:
        file_id = parse(extend_api, "a.png").json()["file"]["id"]
    else:
        file_id = upload(extend_api, content, name="a.png").json()["id"]
    url = ask(extend_api, "GET", f"/files/{file_id}").json()["presignedUrl"]
    downloaded = httpx.get(url, timeout=5)
    assert downloaded.content.startswith(b"%PDF-")
    assert downloaded.headers["content-type"] == "application/pdf"


@pytest.mark.parametrize("path", ["/parse_outputs/", "/file_downloads/"])
def test_presigned_urls_lead_to_what_they_are_for(extend_api, path):
    file_id = upload(extend_api, b"%PDF").json()["id"]
    file_url = ask(extend_api, "GET", f"/files/{file_id}").json()["presignedUrl"]
    output_url = send(extend_api, path="/parse?responseType=url").json()["outputUrl"]
    other = file_url if path == "/parse_outputs/" else output_url
    key = other.rpartition("/")[2]
    assert ask(extend_api, "GET", path + key).status_code == 404


def test_a_deleted_file_is_gone(extend_api):
    file_id = upload(extend_api, b"%PDF").json()["id"]
    deleted = ask(extend_api, "DELETE", f"/files/{file_id}")
    assert (deleted.status_code, deleted.json()) == (200, {"id": file_id})
    for reply in (
        ask(extend_api, "GET", f"/files/{file_id}"),
        ask(extend_api, "DELETE", f"/files/{file_id}"),
        send(extend_api, json={"file": {"id": file_id}}),
    ):
        assert (reply.status_code, reply.json()["code"]) == (404, "NOT_FOUND")
        assert reply.json()["message"] == f"There is no file {file_id!r} in this workspace."


def test_a_failed_deletion_deletes_nothing(extend_api):
    file_id = upload(extend_api, b"%PDF").json()["id"]
    extend_api.fail("INTERNAL_ERROR", endpoint="/files/{id}")
    assert ask(extend_api, "DELETE", f"/files/{file_id}").status_code == 500
    assert ask(extend_api, "GET", f"/files/{file_id}").status_code == 200


def test_many_fetched_files_forget_a_deleted_one(extend_api):
    file_id = parse(extend_api, "a.pdf").json()["file"]["id"]
    ask(extend_api, "DELETE", f"/files/{file_id}")
    for number in range(1001):
        parse(extend_api, f"{number}.pdf")
    assert len(ask(extend_api, "GET", "/files?maxPageSize=1000").json()["data"]) == 1000


def test_the_list_of_files_has_pages_in_both_directions(extend_api):
    ids = [upload(extend_api, b"x", name=f"{n}.pdf").json()["id"] for n in range(5)]

    def pages(query):
        shown, token = [], ""
        while token is not None:
            suffix = f"&nextPageToken={token}" if token else ""
            body = ask(extend_api, "GET", f"/files?maxPageSize=2{query}{suffix}").json()
            assert body["object"] == "list"
            # New files move no page that was begun.
            upload(extend_api, b"x", name="later.txt")
            shown += [item["id"] for item in body["data"]]
            token = body.get("nextPageToken")
        return shown

    assert pages("&nameContains=.pdf") == pages("&nameContains=.pdf&sortDir=desc") == ids[::-1]
    assert pages("&sortDir=asc&nameContains=.pdf") == ids
    assert pages("&nameContains=3.pdf") == [ids[3]]


@pytest.mark.parametrize("kind", ["files", "parse_runs"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_deleting_what_a_page_showed_moves_no_page(extend_api, kind, order):
    """As a clean-up does: a page, the deletion of what it showed, the next page."""
    made = [
        upload(extend_api, b"x") if kind == "files" else send(extend_api, path="/parse_runs")
        for _ in range(5)
    ]
    query, deleted = f"maxPageSize=2&sortDir={order}", []
    while query:
        body = ask(extend_api, "GET", f"/{kind}?{query}").json()
        for item in body["data"]:
            assert ask(extend_api, "DELETE", f"/{kind}/{item['id']}").status_code == 200
            deleted.append(item["id"])
        token = body.get("nextPageToken")
        query = token and f"maxPageSize=2&sortDir={order}&nextPageToken={token}"
    ids = [reply.json()["id"] for reply in made]
    assert deleted == (ids if (kind, order) == ("files", "asc") else ids[::-1])


@pytest.mark.parametrize(
    "query", ["sortDir=up", "maxPageSize=0", "maxPageSize=1001", "nextPageToken=x"]
)
def test_a_wrong_query_for_a_list_is_refused(extend_api, query):
    assert ask(extend_api, "GET", f"/files?{query}").json()["code"] == "INVALID_REQUEST"


def test_the_official_client_reaches_its_files(extend_api):
    client = extend_ai.Extend(token=extend_api.api_key)
    file = client.files.upload(file=("a.docx", b"word"))
    assert (file.type, file.contents) == ("PDF", None)
    assert client.files.retrieve(file.id, markdown=True).presigned_url.startswith("https://")
    listed = client.files.list(name_contains="a", sort_dir="asc", max_page_size=3)
    assert [item.id for item in listed.data] == [file.id]
    assert client.files.delete(file.id).id == file.id
    with pytest.raises(extend_ai.NotFoundError):
        client.files.retrieve(file.id)


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("/parse", "POST /parse_runs"),
        ("/parse_runs", "POST /parse"),
        ("/files/upload", "POST /parse_runs"),
    ],
)
def test_a_removed_endpoint_names_its_replacement(extend_api, path, instead):
    extend_api.fail("ENDPOINT_REMOVED")
    more = {"files": {"file": ("a.pdf", b"%PDF")}} if "upload" in path else {}
    reply = send(extend_api, path=path, **more)
    assert reply.status_code == 410
    assert reply.json()["message"] == f"POST {path} is removed: use {instead} instead."


def test_a_scripted_message_is_used(extend_api):
    extend_api.fail("ENDPOINT_REMOVED", message="Gone.")
    assert send(extend_api).json()["message"] == "Gone."


def test_a_blocked_organization_has_no_credits_left(extend_api):
    extend_api.fail("USAGE_BLOCKED")
    reply = send(extend_api)
    assert reply.status_code == 402
    assert "credits have run out" in reply.json()["message"]


def test_sources_have_their_current_addresses(extend_api):
    provider = extend_api.provider
    items = [*provider.errors, *provider.endpoints, *provider.advice, provider.api_version]
    pages = {item.source for item in items if item.source.startswith("docs.extend.ai")}
    assert len(pages) > 5
    for page in pages:
        first = page.partition("/")[2].partition("/")[0]
        assert first not in ("developers", "product", "2026-02-09")
        assert not page.endswith(".md")


def test_the_run_of_a_synchronous_parse_can_be_fetched_again(extend_api):
    body = send(
        extend_api,
        json={
            "file": {"url": URL + "a.pdf"},
            "config": {"target": "spatial"},
            "metadata": {"a": 1},
        },
    ).json()
    path = f"/parse_runs/{body['id']}"
    assert ask(extend_api, "GET", path).json() == body
    by_url = ask(extend_api, "GET", path + "?responseType=url").json()
    assert httpx.get(by_url["outputUrl"]).json() == body["output"]
    # It was never in progress, so it is no run that a test could wait for.
    assert extend_api.runs == []
    assert ask(extend_api, "GET", "/parse_runs").json()["data"] == []
    refused = ask(extend_api, "POST", path + "/cancel")
    assert (refused.status_code, "PROCESSED" in refused.json()["message"]) == (400, True)


def test_a_synchronous_run_is_no_run_that_a_consumer_polls(extend_api, caplog):
    """Fetching its result is judged as fetching that of a run that has ended."""
    extend_api.fail("OCR_ERROR")
    caplog.set_level("WARNING")
    logging.getLogger(__name__).warning("failed: %s", parse(extend_api, "a.pdf").text)
    time.sleep(1)
    path = f"/parse_runs/{parse(extend_api, 'a.pdf').json()['id']}"
    ask(extend_api, "GET", path)
    ask(extend_api, "GET", path + "?responseType=url")
    extend_api.assert_follows_documentation()
    extend_api.assert_parsed_once()
    extend_api.assert_polling_stopped()


def test_the_run_of_a_synchronous_parse_can_be_deleted(extend_api):
    path = f"/parse_runs/{parse(extend_api, 'a.pdf').json()['id']}"
    extend_api.fail("INTERNAL_ERROR", document="a.pdf")
    assert ask(extend_api, "DELETE", path).status_code == 500
    assert ask(extend_api, "DELETE", path).json() == {"id": path.rpartition("/")[2]}
    for method in ("GET", "DELETE"):
        assert ask(extend_api, method, path).json()["code"] == "NOT_FOUND"


def test_a_failed_parse_leaves_no_run(extend_api):
    first = parse(extend_api, "a.pdf").json()["id"]
    extend_api.fail("OCR_ERROR")
    assert parse(extend_api, "a.pdf").status_code == 500
    failed = first[:-1] + str(int(first[-1]) + 1)
    assert ask(extend_api, "GET", f"/parse_runs/{failed}").status_code == 404
    assert parse(extend_api, "a.pdf").json()["id"] == first[:-1] + str(int(first[-1]) + 2)


def test_many_synchronous_runs_forget_the_oldest():
    bench = Bench(EXTEND, EXTEND.endpoints[0])
    ids = [bench.body(json_request({"file": {"url": URL + "a.pdf"}}))["id"] for _ in range(2_001)]
    assert list(bench.state.parsed) == ids[1_000:]
