"""Nutrient's asynchronous runs, as its pages say: submission, polls, result, cancellation."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from pathlib import Path

import httpx
import pytest
from plain_consumer import ask, said

from pytest_parseapi import ParseErrorContract

URL = "https://files.example.com/a.pdf"
PDF = b"%PDF-1.7 text"
SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}


OPTIONS = {"parse": {}, "extract": {"schema": SCHEMA}, "classify": {}, "split": {}}
NO_PRICE = ("classify", "split")


class Client:
    def __init__(self, api):
        self._api = api

    def send(self, method, path, **more):
        return ask(self._api, method, f"/extraction/{path}", **more)

    def submit(self, operation="parse", **more):
        more = more or {"json": {"url": URL, **OPTIONS[operation]}}
        return self.send("POST", f"{operation}/async", **more)

    def run(self, run_id):
        return self.send("GET", f"runs/{run_id}").json()


@pytest.fixture
def client(nutrient_api):
    return Client(nutrient_api)


FORMS = {
    "multipart": {"files": {"file": ("a.pdf", PDF)}},
    "url": {"json": {"url": URL}},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_run_from_its_submission_to_its_result(nutrient_api, client, form):
    submitted = client.submit(**form)
    assert submitted.status_code == 202
    body = submitted.json()
    assert body == {
        "runId": body["runId"],
        "status": "queued",
        "requestId": body["requestId"],
    }
    assert client.send("GET", f"runs/{body['runId']}/assets/result").status_code == 404
    assert client.run(body["runId"])["status"] == "running"
    done = client.run(body["runId"])
    assert (done["status"], done["usage"]) == (
        "done",
        {"data_extraction_credits": {"cost": 9, "remainingCredits": 991}},
    )
    result = client.send("GET", f"runs/{body['runId']}/assets/result").json()
    assert result["status"] == 200
    assert result["output"]["elements"][0]["text"] == "a.pdf"
    assert result["usage"] == done["usage"]
    (run,) = nutrient_api.runs
    assert (run.status, run.failed, run.polls) == ("done", False, 1)
    assert "a.pdf" in run.names


@pytest.mark.parametrize(
    ("operation", "output"),
    [
        ("parse", {"elements"}),
        ("extract", {"data", "metadata", "pages"}),
        ("classify", set()),
        ("split", set()),
    ],
)
def test_each_operation_has_runs(nutrient_api, client, operation, output):
    nutrient_api.runs_take(polls=0)
    run_id = client.submit(operation).json()["runId"]
    done = client.run(run_id)
    assert done["status"] == "done"
    assert ("usage" in done) == (operation not in NO_PRICE)
    result = client.send("GET", f"runs/{run_id}/assets/result").json()
    assert (result["status"], set(result["output"])) == (200, output)
    asked = client.send("POST", operation, json={"url": URL, **OPTIONS[operation]}).json()
    assert set(asked) == set(result)


@pytest.mark.parametrize("operation", ["classify", "split"])
def test_what_no_page_shows_stays_out_of_the_minimal_success(client, operation):
    body = client.send("POST", operation, json={"url": URL}).json()
    assert body["output"] == {}
    assert "usage" not in body
    missing = client.send("POST", operation, json={})
    assert missing.json()["errorDetails"]["failingPaths"] == [
        {"path": "$.url", "details": "is missing; must be an absolute http or https URL"}
    ]


@pytest.mark.parametrize("operation", OPTIONS)
@pytest.mark.parametrize("kind", ["application/pdf", "application/x-www-form-urlencoded", None])
def test_a_run_takes_no_raw_document(nutrient_api, client, operation, kind):
    headers = {} if kind is None else {"content-type": kind}
    reply = client.submit(operation, content=PDF, headers=headers)
    (path,) = reply.json()["errorDetails"]["failingPaths"]
    assert (reply.status_code, path["path"]) == (400, "$.file")
    assert nutrient_api.runs == []


@pytest.mark.parametrize("operation", OPTIONS)
def test_an_asset_is_for_runs_only(nutrient_api, client, operation):
    asset = client.send("POST", "uploads", files={"file": ("scan.pdf", PDF)}).json()["assetId"]
    body = {"assetId": asset, **OPTIONS[operation]}
    assert client.submit(operation, json=body).status_code == 202
    (path,) = client.send("POST", operation, json=body).json()["errorDetails"]["failingPaths"]
    assert path["path"] == "$.url"
    assert [run.document for run in nutrient_api.runs] == ["scan.pdf"]


def test_another_asset_cures_a_file_that_was_too_large(nutrient_api, client):
    def asset(content):
        return client.send("POST", "uploads", files={"file": ("a.pdf", content)}).json()["assetId"]

    nutrient_api.fail("payload_too_large", endpoint="/extraction/parse/async")
    first, second = asset(PDF), asset(PDF[:-1])
    assert client.submit(json={"assetId": first}).status_code == 413
    time.sleep(1)
    assert client.submit(json={"assetId": second}).status_code == 202
    nutrient_api.assert_not_retried()


def test_the_same_asset_again_is_a_retry(nutrient_api, client):
    asset = client.send("POST", "uploads", files={"file": ("a.pdf", PDF)}).json()["assetId"]
    nutrient_api.fail("payload_too_large", endpoint="/extraction/parse/async")
    for _ in range(2):
        client.submit(json={"assetId": asset})
        time.sleep(1)
    assert said(nutrient_api.assert_not_retried) != "passed"


@pytest.mark.parametrize("asset", ["asset_none", 7, ["x"], {}])
def test_an_unknown_asset_is_named(client, asset):
    (path,) = client.submit(json={"assetId": asset}).json()["errorDetails"]["failingPaths"]
    assert path["path"] == "$.assetId"
    assert path["details"].startswith("must be the id of an uploaded asset, not ")


@pytest.mark.parametrize(
    "more",
    [
        {"json": {"url": URL}},
        {"files": {"document": ("a.pdf", PDF)}},
        {"files": {"file": ("a.pdf", b"")}},
        {"files": {"file": ("a.mp4", b"\x00\x00\x00\x18ftypmp42....")}},
        {"content": PDF},
    ],
)
def test_an_upload_needs_a_document(client, more):
    reply = client.send("POST", "uploads", **more)
    (path,) = reply.json()["errorDetails"]["failingPaths"]
    assert (reply.status_code, path["path"]) == (400, "$.file")


def test_an_uploaded_asset_is_the_document_of_its_file(nutrient_api, client):
    upload = client.send("POST", "uploads", files={"file": ("scan.pdf", PDF)}).json()
    assert set(upload) == {"assetId", "requestId"}
    client.submit(json={"assetId": upload["assetId"]})
    assert nutrient_api.runs[0].document == "scan.pdf"
    unknown = client.submit(json={"assetId": "asset_none"})
    assert unknown.status_code == 400
    (path,) = unknown.json()["errorDetails"]["failingPaths"]
    assert path["path"] == "$.assetId"
    assert "'asset_none'" in path["details"]


def test_every_failing_path_of_a_submission_is_in_one_reply(client):
    reply = client.submit(
        files={"file": ("a.pdf", b"")},
        data={"instructions": json.dumps({"mode": "turbo", "storeRun": False})},
    )
    found = reply.json()["errorDetails"]["failingPaths"]
    assert [item["path"] for item in found] == ["$.file", "$.storeRun", "$.mode"]
    assert "'turbo'" in found[2]["details"]


@pytest.mark.parametrize("operation", ["parse", "extract", "classify"])
def test_a_stored_run_of_a_synchronous_request(nutrient_api, client, operation):
    options = OPTIONS[operation]
    reply = client.send("POST", operation, json={"url": URL, "storeRun": True, **options})
    run_id = reply.json()["runId"]
    assert reply.headers["x-nutrient-run-id"] == run_id
    (run,) = nutrient_api.runs
    assert (run.id, run.status, run.failed) == (run_id, "done", False)
    assert client.run(run_id)["status"] == "done"
    result = client.send("GET", f"runs/{run_id}/assets/result").json()
    assert result["output"] == reply.json()["output"]
    for asked in ({}, {"storeRun": False}, {"storeRun": None}):
        plain = client.send("POST", operation, json={"url": URL, **asked, **options})
        assert "runId" not in plain.json()
        assert "x-nutrient-run-id" not in plain.headers
    assert len(nutrient_api.runs) == 1


def test_a_stored_run_comes_from_the_instructions_of_a_form(nutrient_api, client):
    data = {"instructions": json.dumps({"storeRun": True})}
    reply = client.send("POST", "parse", files={"file": ("a.pdf", PDF)}, data=data)
    assert [run.id for run in nutrient_api.runs] == [reply.json()["runId"]]


def test_no_page_says_that_a_split_can_be_stored(nutrient_api, client):
    reply = client.send("POST", "split", json={"url": URL, "storeRun": True})
    assert (reply.status_code, "runId" in reply.json(), nutrient_api.runs) == (200, False, [])


@pytest.mark.parametrize("operation", OPTIONS)
@pytest.mark.parametrize(("value", "status"), [(True, 202), (None, 202), (False, 400), (1, 400)])
def test_a_run_cannot_be_left_unstored(client, operation, value, status):
    body = {"url": URL, "storeRun": value, **OPTIONS[operation]}
    reply = client.submit(operation, json=body)
    assert reply.status_code == status
    paths = reply.json().get("errorDetails", {}).get("failingPaths", [])
    assert [item["path"] for item in paths] == (["$.storeRun"] if status == 400 else [])


def test_the_list_has_the_newest_first_and_counts_as_a_poll(nutrient_api, client):
    ids = [client.submit(json={"url": f"{URL}?n={n}"}).json()["runId"] for n in range(3)]
    shown = client.send("GET", "runs").json()["runs"]
    assert [item["runId"] for item in shown] == ids[::-1]
    assert {item["status"] for item in shown} == {"running"}
    assert [run.polls for run in nutrient_api.runs] == [1, 1, 1]
    assert {item["status"] for item in client.send("GET", "runs").json()["runs"]} == {"done"}


def test_runs_end_by_the_clock_too(nutrient_api, client):
    nutrient_api.runs_take(seconds=30)
    run_id = client.submit().json()["runId"]
    time.sleep(29)
    assert client.run(run_id)["status"] == "running"
    time.sleep(1)
    assert client.send("GET", "runs").json()["runs"][0]["status"] == "done"


def test_the_result_is_no_poll(nutrient_api, client):
    nutrient_api.runs_take(polls=2)
    run_id = client.submit().json()["runId"]
    for _ in range(3):
        time.sleep(1)
        early = client.send("GET", f"runs/{run_id}/assets/result")
        assert (early.status_code, set(early.json())) == (
            404,
            {"status", "requestId", "errorMessage"},
        )
        client.run(run_id)
    for _ in range(2):
        assert client.send("GET", f"runs/{run_id}/assets/result").status_code == 200
    (run,) = nutrient_api.runs
    assert (run.status, run.polls) == ("done", 2)
    nutrient_api.assert_polling_stopped()
    nutrient_api.assert_polled_politely()


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/assets/result")],
)
def test_an_unknown_run_is_a_404_without_a_code(client, method, path):
    reply = client.send(method, f"runs/run_none{path}")
    assert reply.status_code == 404
    assert set(reply.json()) == {"status", "requestId", "errorMessage"}


def test_a_long_list_has_pages(client):
    ids = [client.submit(json={"url": f"{URL}?n={n}"}).json()["runId"] for n in range(101)]
    first = client.send("GET", "runs").json()
    rest = client.send("GET", "runs", params={"nextPageToken": first["nextPageToken"]}).json()
    shown = [item["runId"] for page in (first, rest) for item in page["runs"]]
    assert shown == ids[::-1]
    # A clean-up deletes what a page showed, and then asks for the next one.
    for run_id in shown[:100]:
        client.send("DELETE", f"runs/{run_id}")
    again = client.send("GET", "runs", params={"nextPageToken": first["nextPageToken"]}).json()
    assert [item["runId"] for item in again["runs"]] == shown[100:]
    for token in ("x", "", "page_", "page_run_1"):
        wrong = client.send("GET", "runs", params={"nextPageToken": token})
        [failing] = wrong.json()["errorDetails"]["failingPaths"]
        assert failing["path"] == "$.nextPageToken"
        assert failing["details"] == f"invalid value: {token!r}; must be one that a list gave"


def test_a_run_is_deleted(nutrient_api, client):
    run_id = client.submit().json()["runId"]
    assert client.send("DELETE", f"runs/{run_id}").json()["runId"] == run_id
    gone = client.send("GET", f"runs/{run_id}")
    assert gone.status_code == 404
    assert gone.json()["errorMessage"] == f"There is no run '{run_id}'."
    assert client.send("GET", f"runs/{run_id}/assets/result").status_code == 404
    assert client.send("GET", "runs").json()["runs"] == []
    assert len(nutrient_api.runs) == 1


def test_a_run_is_cancelled_until_it_has_ended(nutrient_api, client):
    run_id = client.submit().json()["runId"]
    assert client.send("POST", f"runs/{run_id}/cancel").json()["status"] == "cancelled"
    assert nutrient_api.runs[0].ended is not None
    again = client.send("POST", f"runs/{run_id}/cancel")
    assert again.status_code == 409
    assert "errorDetails" not in again.json()
    assert client.run(run_id)["status"] == "cancelled"
    (run,) = nutrient_api.runs
    assert (run.status, run.failed) == ("cancelled", False)
    assert client.send("GET", f"runs/{run_id}/assets/result").status_code == 404


@pytest.mark.parametrize(
    ("error", "details"),
    [
        ("maestro_error", {"source": "maestro", "code": "maestro_error"}),
        ("processing_error", {"source": "processing"}),
        ("invalid_request", {"source": "request", "code": "invalid_request"}),
        ("unprocessable_url", None),
        ("unknown_code", {"source": "unknown_source", "code": "a_reason_added_later"}),
    ],
)
def test_a_run_fails(nutrient_api, client, error, details):
    nutrient_api.fail_run(error, polls=0, message="It broke.")
    run_id = client.submit().json()["runId"]
    body = client.run(run_id)
    assert (body["status"], body["errorMessage"]) == ("error", "It broke.")
    assert body.get("errorDetails") == details
    (run,) = nutrient_api.runs
    assert run.failed
    log = logging.getLogger("app")
    log.error("run %s failed", run_id)
    with pytest.raises(AssertionError):
        nutrient_api.assert_run_failure_logged()
    word = (details or {}).get("code") or (details or {}).get("source") or body["errorMessage"]
    log.error("run %s failed: %s", run_id, word)
    nutrient_api.assert_run_failure_logged()


def test_the_same_key_gives_the_same_run(nutrient_api, client):
    nutrient_api.fail("read_timeout")
    key = {"headers": {"Idempotency-Key": "k1"}}
    files = {"files": {"file": ("a.pdf", PDF)}}
    with pytest.raises(httpx.ReadTimeout):
        client.submit(**files, **key)
    again = client.submit(**files, **key)
    assert again.status_code == 202
    assert [run.id for run in nutrient_api.runs] == [again.json()["runId"]]
    other = client.submit(files={"file": ("b.pdf", PDF)}, **key)
    assert other.status_code == 409
    assert "'k1'" in other.json()["errorMessage"]
    assert set(other.json()) == {"status", "requestId", "errorMessage"}
    assert len(nutrient_api.runs) == 1
    # Submitted twice, and yet one run: nothing is billed twice.
    nutrient_api.assert_parsed_once()


def test_a_key_reused_after_a_failed_run_gives_that_run(nutrient_api, client):
    nutrient_api.fail_run("maestro_error", polls=0)
    key = {"headers": {"Idempotency-Key": "k1"}, "json": {"url": URL}}
    run_id = client.submit(**key).json()["runId"]
    client.run(run_id)
    time.sleep(1)
    assert client.submit(**key).json()["status"] == "error"
    for check in (nutrient_api.assert_resubmitted, nutrient_api.assert_follows_documentation):
        text = said(check)
        assert "attempt 3 sent Idempotency-Key 'k1' again, which gives the failed run" in text
        assert "a new submission needs a new key" in text
    time.sleep(1)
    assert client.submit(json={"url": URL}).json()["runId"] != run_id
    nutrient_api.assert_resubmitted()


@pytest.mark.parametrize("operation", ["classify", "split"])
def test_a_key_stands_for_one_endpoint(nutrient_api, client, operation):
    key = {"headers": {"Idempotency-Key": "k1"}, "json": {"url": URL}}
    run_id = client.submit(**key).json()["runId"]
    other = client.submit(operation, **key)
    assert other.status_code == 409
    assert "'k1' was used for another request" in other.json()["errorMessage"]
    assert [run.id for run in nutrient_api.runs] == [run_id]


def test_the_key_of_a_deleted_run_gives_a_run_that_can_be_fetched(nutrient_api, client):
    key = {"headers": {"Idempotency-Key": "k1"}, "json": {"url": URL}}
    deleted = client.submit(**key).json()["runId"]
    assert client.send("DELETE", f"runs/{deleted}").status_code == 200
    again = client.submit(**key).json()["runId"]
    assert client.run(again)["status"] == "running"
    # From then on the key stands for that run, whatever else is sent with it.
    assert client.submit(**key).json()["runId"] == again != deleted
    assert client.submit(json={"url": URL + "2"}, headers=key["headers"]).status_code == 409


def test_a_lost_reply_without_a_key_makes_a_second_run(nutrient_api, client):
    nutrient_api.fail("connection_reset")
    with contextlib.suppress(httpx.TransportError):
        client.submit()
    client.submit()
    assert len(nutrient_api.runs) == 2


def test_404_is_the_feature_that_is_disabled(nutrient_api, client):
    nutrient_api.fail(404)
    assert client.send("POST", "parse", json={"url": URL}).status_code == 200
    reply = client.submit()
    assert reply.status_code == 404
    assert set(reply.json()) == {"status", "requestId", "errorMessage"}
    assert nutrient_api.attempts[-1].error.code == "feature_disabled"


@pytest.mark.parametrize("error", ["request_timeout", "unprocessable_url"])
def test_what_extract_documents_alone_meets_no_run(nutrient_api, client, error):
    nutrient_api.fail(error)
    for operation in OPTIONS:
        assert client.submit(operation).status_code == 202
    assert client.send("POST", "parse", json={"url": URL}).status_code == 200
    reply = client.send("POST", "extract", json={"url": URL, **OPTIONS["extract"]})
    assert reply.status_code == {"request_timeout": 408, "unprocessable_url": 422}[error]


GENERAL = {
    "invalid_request": 400,
    "unauthorized": 401,
    "insufficient_credits": 402,
    "forbidden": 403,
    "payload_too_large": 413,
    "rate_limited": 429,
    "maestro_error": 500,
    "processing_error": 500,
    "service_unavailable": 503,
}


@pytest.mark.parametrize("error", GENERAL)
def test_every_other_error_meets_every_endpoint(nutrient_api, client, error):
    nutrient_api.runs_take(polls=0)
    run_id = client.submit().json()["runId"]
    calls = [
        *(("POST", path, {"json": {"url": URL, **more}}) for path, more in OPTIONS.items()),
        *(
            ("POST", f"{path}/async", {"json": {"url": URL, **more}})
            for path, more in OPTIONS.items()
        ),
        ("POST", "uploads", {"files": {"file": ("a.pdf", PDF)}}),
        ("GET", f"runs/{run_id}", {}),
        ("GET", "runs", {}),
        ("POST", f"runs/{run_id}/cancel", {}),
        ("DELETE", f"runs/{run_id}", {}),
    ]
    for method, path, more in calls:
        nutrient_api.fail(error)
        reply = client.send(method, path, **more)
        assert reply.status_code == GENERAL[error], path
        if error == "invalid_request":
            (failing,) = reply.json()["errorDetails"]["failingPaths"]
            expected = "$.file" if path == "uploads" else "$.url"
            if path.startswith("runs"):
                expected = "$.runId" if run_id in path else "$.nextPageToken"
            assert failing["path"] == expected
            assert failing["details"].startswith(f"invalid {expected[2:]}")
    assert len(nutrient_api.runs) == 1


def test_a_scripted_invalid_request_names_what_the_request_held(nutrient_api, client):
    nutrient_api.fail("invalid_request", times=3)
    asset = {"assetId": client.send("POST", "uploads", files={"file": ("s.pdf", PDF)})}
    assert asset["assetId"].status_code == 400
    details = asset["assetId"].json()["errorDetails"]["failingPaths"][0]["details"]
    assert details == "invalid file: 's.pdf'; must be a PDF, an image or an office document"
    nameless = client.send("POST", "parse", files={"file": ("document", PDF)}).json()
    assert nameless["errorDetails"]["failingPaths"][0]["details"] == (
        "invalid file; must be a PDF, an image or an office document"
    )
    by_url = client.submit().json()["errorDetails"]["failingPaths"][0]["details"]
    assert by_url == f"invalid url: {URL!r}; must be the address of a document that can be read"


def test_a_link_that_is_long_is_named_whole_or_closed(nutrient_api, client):
    nutrient_api.fail("invalid_request", times=2)
    usual = "https://files.example.com/tenants/acme/2026/invoice-0001.pdf"
    for url, held in ((usual, usual), (usual + "x" * 99, (usual + "x" * 99)[:100] + "...")):
        reply = client.submit(json={"url": url}).json()
        details = reply["errorDetails"]["failingPaths"][0]["details"]
        assert (
            details == f"invalid url: {held!r}; must be the address of a document that can be read"
        )


def test_a_scripted_invalid_request_names_a_path(nutrient_api, client):
    nutrient_api.fail("invalid_request", times=2)
    by_url = client.submit().json()["errorDetails"]["failingPaths"]
    by_file = client.send("POST", "parse", files={"file": ("a.pdf", PDF)}).json()
    assert [item["path"] for item in by_url] == ["$.url"]
    assert [item["path"] for item in by_file["errorDetails"]["failingPaths"]] == ["$.file"]


@pytest.mark.parametrize(
    ("path", "options", "needs"),
    [
        ("parse", {"mode": "text"}, "1 credits and 0"),
        ("parse/async", {"mode": "structure"}, "1.5 credits and 0"),
        ("parse", {}, "9 credits and 0"),
        ("parse", {"mode": "agentic"}, "18 credits and 0"),
        ("extract", {"schema": SCHEMA, "parseConfig": {"mode": "structure"}}, "7.5 credits and 0"),
        ("extract/async", {"schema": SCHEMA}, "15 credits and 0"),
        ("classify", {}, "more credits than"),
    ],
)
def test_missing_credits_are_those_of_the_request(nutrient_api, client, path, options, needs):
    nutrient_api.fail("insufficient_credits")
    reply = client.send("POST", path, json={"url": URL, **options})
    assert reply.status_code == 402
    assert reply.json()["errorMessage"] == f"This request needs {needs} are left."
    assert "errorDetails" not in reply.json()


def test_the_live_server_has_the_same_runs(nutrient_api):
    def control(method, path, body=None):
        url = f"{nutrient_api.live_url}/__parseapi/{path}"
        return httpx.request(method, url, json=body, timeout=5)

    def send(method, path, **more):
        headers = {"authorization": f"Bearer {nutrient_api.api_key}"}
        url = f"{nutrient_api.live_url}/extraction/{path}"
        return httpx.request(method, url, headers=headers, timeout=5, **more)

    assert control("POST", "fail_run", {"error": "processing_error", "polls": 0}).is_success
    run_id = send("POST", "parse/async", json={"url": URL}).json()["runId"]
    assert send("GET", f"runs/{run_id}").json()["errorDetails"] == {"source": "processing"}
    (run,) = control("GET", "runs").json()
    assert (run["id"], run["status"], run["failure_reason"]) == (
        *(run_id, "error"),
        "processing_error",
    )
    found = control("POST", "check/run_failure_logged", {"text": f"run {run_id} failed"})
    assert (found.status_code, found.json()["rule"] is not None) == (422, True)
    told = f"run {run_id} failed: processing"
    assert control("POST", "check/run_failure_logged", {"text": told}).status_code == 200


@pytest.mark.each_parse_error(provider="nutrient", surface="run")
def test_one_case_for_each_reason(nutrient_api, client, documented_error):
    run_id = client.submit().json()["runId"]
    client.run(run_id)
    assert client.run(run_id)["status"] == "error"
    assert nutrient_api.runs[0].failure_reason == documented_error.code


log = logging.getLogger("app")


class TestRunContract(ParseErrorContract):
    provider = "nutrient"
    surface = "run"
    max_attempts = 4
    max_submissions = 3

    def parse(self, document):
        with httpx.Client(timeout=5) as client:
            for number in range(3):
                content = Path(document).read_bytes()
                files = {"file": (Path(document).name, content)}
                run = self.ask(client, "POST", "parse/async", files=files)["runId"]
                found = self.poll(client, run)
                if found["status"] == "done":
                    return self.ask(client, "GET", f"runs/{run}/assets/result")["output"]
                details = found.get("errorDetails") or {}
                log.error("run %s: %s %s", run, details, found.get("errorMessage"))
                if details.get("source") not in ("maestro", "processing"):
                    break
                time.sleep(2.0**number)
        raise RuntimeError("the run failed")

    def poll(self, client, run):
        while True:
            time.sleep(1)
            found = self.ask(client, "GET", f"runs/{run}")
            if found["status"] not in ("queued", "running"):
                return found

    def ask(self, client, method, path, **more):
        url = f"{self.base_url}/extraction/{path}"
        headers = {"Authorization": f"Bearer {self.api_key}"}
        for number in range(4):
            try:
                reply = client.request(method, url, headers=headers, **more)
            except httpx.TransportError:
                reply = None
            else:
                with contextlib.suppress(ValueError):
                    if reply.is_success:
                        return reply.json()
            final = reply is not None and reply.status_code not in (429, 500, 502, 503, 504)
            if final or number == 3:
                break
            time.sleep(2.0**number)
        log.error("failed: %s", "no reply" if reply is None else reply.text)
        raise RuntimeError("the request failed")
