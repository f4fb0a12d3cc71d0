"""Nutrient's asynchronous runs, as its pages say: submission, polls, result, cancellation."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from pathlib import Path

import httpx
import pytest

from pytest_parseapi import ParseErrorContract

URL = "https://files.example.com/a.pdf"
PDF = b"%PDF-1.7 text"
SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}


class Client:
    def __init__(self, api):
        self._api = api

    def send(self, method, path, **more):
        headers = {"Authorization": f"Bearer {self._api.api_key}", **more.pop("headers", {})}
        url = self._api.base_url + "/extraction/" + path
        return httpx.request(method, url, headers=headers, timeout=5, **more)

    def submit(self, operation="parse", **more):
        more = more or {"json": {"url": URL}}
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
    ("operation", "options"),
    [("parse", {}), ("extract", {"schema": SCHEMA}), ("classify", {}), ("split", {})],
)
def test_each_operation_has_runs(nutrient_api, client, operation, options):
    nutrient_api.runs_take(polls=0)
    run_id = client.submit(operation, json={"url": URL, **options}).json()["runId"]
    assert client.run(run_id)["status"] == "done"
    assert client.send("GET", f"runs/{run_id}/assets/result").json()["status"] == 200


@pytest.mark.parametrize("operation", ["classify", "split"])
def test_what_no_page_shows_stays_out_of_the_minimal_success(client, operation):
    body = client.send("POST", operation, json={"url": URL}).json()
    assert body["output"] == {}
    assert "usage" not in body
    missing = client.send("POST", operation, json={})
    assert missing.json()["errorDetails"]["failingPaths"] == [
        {"path": "$.url", "details": "is missing"}
    ]


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


def test_a_stored_run_of_a_synchronous_request(nutrient_api, client):
    reply = client.send("POST", "parse", json={"url": URL, "storeRun": True})
    run_id = reply.json()["runId"]
    assert reply.headers["x-nutrient-run-id"] == run_id
    (run,) = nutrient_api.runs
    assert (run.id, run.status) == (run_id, "done")
    assert client.run(run_id)["status"] == "done"
    assert "runId" not in client.send("POST", "parse", json={"url": URL}).json()


def test_the_list_has_the_newest_first_and_counts_as_a_poll(nutrient_api, client):
    ids = [client.submit(json={"url": f"{URL}?n={n}"}).json()["runId"] for n in range(3)]
    shown = client.send("GET", "runs").json()["runs"]
    assert [item["runId"] for item in shown] == ids[::-1]
    assert {item["status"] for item in shown} == {"running"}
    assert [run.polls for run in nutrient_api.runs] == [1, 1, 1]
    assert {item["status"] for item in client.send("GET", "runs").json()["runs"]} == {"done"}


def test_a_long_list_has_pages(client):
    ids = [client.submit(json={"url": f"{URL}?n={n}"}).json()["runId"] for n in range(101)]
    first = client.send("GET", "runs").json()
    rest = client.send("GET", "runs", params={"nextPageToken": first["nextPageToken"]}).json()
    shown = [item["runId"] for page in (first, rest) for item in page["runs"]]
    assert shown == ids[::-1]
    assert client.send("GET", "runs", params={"nextPageToken": "x"}).status_code == 400


def test_a_run_is_deleted(nutrient_api, client):
    run_id = client.submit().json()["runId"]
    assert client.send("DELETE", f"runs/{run_id}").json()["runId"] == run_id
    gone = client.send("GET", f"runs/{run_id}")
    assert gone.status_code == 404
    assert gone.json()["errorMessage"] == f"There is no run '{run_id}'."
    assert len(nutrient_api.runs) == 1


def test_a_run_is_cancelled_until_it_has_ended(nutrient_api, client):
    run_id = client.submit().json()["runId"]
    assert client.send("POST", f"runs/{run_id}/cancel").json()["status"] == "cancelled"
    assert nutrient_api.runs[0].ended is not None
    again = client.send("POST", f"runs/{run_id}/cancel")
    assert again.status_code == 409
    assert "errorDetails" not in again.json()


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
    assert len(nutrient_api.runs) == 1


def test_a_key_reused_after_a_failed_run_gives_that_run(nutrient_api, client):
    nutrient_api.fail_run("maestro_error", polls=0)
    key = {"headers": {"Idempotency-Key": "k1"}, "json": {"url": URL}}
    run_id = client.submit(**key).json()["runId"]
    client.run(run_id)
    assert client.submit(**key).json()["status"] == "error"
    assert client.submit(json={"url": URL}).json()["runId"] != run_id


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


def test_a_scripted_invalid_request_names_a_path(nutrient_api, client):
    nutrient_api.fail("invalid_request", times=2)
    by_url = client.submit().json()["errorDetails"]["failingPaths"]
    by_file = client.send("POST", "parse", files={"file": ("a.pdf", PDF)}).json()
    assert [item["path"] for item in by_url] == ["$.url"]
    assert [item["path"] for item in by_file["errorDetails"]["failingPaths"]] == ["$.file"]


@pytest.mark.parametrize(("mode", "cost"), [("text", "1"), ("structure", "1.5")])
def test_missing_credits_are_those_of_the_request(nutrient_api, client, mode, cost):
    nutrient_api.fail("insufficient_credits")
    reply = client.send("POST", "parse", json={"url": URL, "mode": mode})
    assert reply.json()["errorMessage"] == f"This request needs {cost} credits and 0 are left."


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
