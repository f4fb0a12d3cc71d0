"""Files that are uploaded first: several uploads of one document have different ids."""

from __future__ import annotations

import logging

import httpx
import pytest

from pytest_parseapi.checks.finding import findings_of

PDF = b"%PDF-1.7\ntrailer<<>>\n%%EOF"
log = logging.getLogger("uploads")

EXTEND = ("extend", "/files/upload", "id", "/parse", "OCR_ERROR", "CORRUPT_FILE")
NUTRIENT = (
    "nutrient",
    "/extraction/uploads",
    "assetId",
    "/extraction/parse/async",
    "service_unavailable",
    "invalid_request",
)
PROVIDERS = pytest.mark.parametrize("service", [EXTEND, NUTRIENT], ids=["extend", "nutrient"])
NAMES = pytest.mark.parametrize("name", ["a.pdf", "blob", "tmp{n}.pdf"])


class Consumer:
    """Uploads a file anew for each attempt, and waits between them."""

    def __init__(self, parseapi_factory, service):
        name, self.upload, self.key, self.path, self.retryable, self.final = service
        self.api = parseapi_factory(name)
        headers = {"authorization": f"Bearer {self.api.api_key}"}
        self.client = httpx.Client(base_url=self.api.base_url, headers=headers, timeout=9)

    def attempt(self, name, content=PDF, **fields):
        files = {"file": (name, content, "application/pdf")}
        file_id = self.client.post(self.upload, files=files, data=fields).json()[self.key]
        body = {"assetId": file_id} if self.key == "assetId" else {"file": {"id": file_id}}
        reply = self.client.post(self.path, json=body)
        if not reply.is_success:
            log.warning(reply.text)
        return reply

    def attempts(self, count, name, content=lambda _: PDF, wait=2):
        for number in range(count):
            self.attempt(name.format(n=number), content(number))
            self.api.clock.advance(wait**number if wait else 0)


def verdict(api):
    try:
        api.assert_follows_documentation()
    except AssertionError as error:
        return {finding.kind for finding in findings_of(error)}
    return set()


@PROVIDERS
@NAMES
def test_a_file_that_is_uploaded_again_is_the_same_document(parseapi_factory, service, name):
    consumer = Consumer(parseapi_factory, service)
    consumer.api.fail(consumer.retryable, times=2, endpoint=consumer.path)
    consumer.attempts(3, name)
    assert verdict(consumer.api) == set()
    consumer.api.assert_retried(times=2)
    consumer.api.assert_recovered()
    consumer.api.assert_payload_resent()


@PROVIDERS
@NAMES
def test_a_retry_without_a_wait_is_seen_behind_the_new_id(parseapi_factory, service, name):
    consumer = Consumer(parseapi_factory, service)
    consumer.api.fail(consumer.retryable, endpoint=consumer.path)
    consumer.attempts(2, name, wait=0)
    assert verdict(consumer.api) == {"backoff"}


@NAMES
def test_the_same_file_is_no_cure(parseapi_factory, name):
    consumer = Consumer(parseapi_factory, EXTEND)
    consumer.api.fail(consumer.final, endpoint=consumer.path)
    consumer.attempts(2, name)
    assert verdict(consumer.api) == {"final_error"}


@NAMES
@pytest.mark.parametrize(("again", "kinds"), [(True, set()), (False, {"final_error"})])
def test_another_id_is_a_cure_of_one_that_is_not_found(extend_api, name, again, kinds):
    """Ids run out; what was uploaded again has another one."""
    extend_api.fail("NOT_FOUND", endpoint="/parse")
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    with httpx.Client(base_url=extend_api.base_url, headers=headers, timeout=9) as client:
        files = {"file": (name, PDF)}
        ids = [client.post("/files/upload", files=files).json()["id"] for _ in range(2)]
        for file_id in (ids[0], ids[again]):
            log.warning(client.post("/parse", json={"file": {"id": file_id}}).text)
    assert verdict(extend_api) == kinds


def test_another_file_is_a_cure(parseapi_factory):
    consumer = Consumer(parseapi_factory, EXTEND)
    consumer.api.fail(consumer.final, endpoint=consumer.path)
    consumer.attempts(2, "a.pdf", content=lambda number: PDF + b"%" * number)
    assert verdict(consumer.api) == set()


@pytest.mark.parametrize(("second", "kinds"), [("open", set()), ("guess", {"final_error"})])
def test_a_password_that_comes_with_the_upload_is_a_cure(parseapi_factory, second, kinds):
    consumer = Consumer(parseapi_factory, EXTEND)
    consumer.api.fail("PASSWORD_PROTECTED_FILE", endpoint=consumer.path)
    for password in ("guess", second):
        consumer.attempt("a.pdf", password=password)
    assert verdict(consumer.api) == kinds


@PROVIDERS
def test_a_shorter_file_under_the_same_name_is_another_payload(parseapi_factory, service):
    consumer = Consumer(parseapi_factory, service)
    consumer.api.fail(consumer.retryable, endpoint=consumer.path)
    consumer.attempts(2, "a.pdf", content=lambda number: PDF[: len(PDF) - number])
    assert verdict(consumer.api) == {"payload"}


@pytest.mark.parametrize(
    ("again", "kinds"),
    [
        (PDF.replace(b"<<>>", b""), set()),
        (PDF[:9], set()),
        (b"", {"final_error", "payload"}),
    ],
    ids=["compressed", "split", "spent"],
)
@pytest.mark.parametrize("form", [True, False])
def test_a_smaller_file_is_a_cure_and_a_spent_one_is_none(nutrient_api, again, kinds, form):
    nutrient_api.fail("payload_too_large")
    headers = {"authorization": f"Bearer {nutrient_api.api_key}"}
    url = f"{nutrient_api.base_url}/extraction/parse"
    for content in (PDF, again):
        if form:
            sent = {"files": {"file": ("a.pdf", content, "application/pdf")}, "headers": headers}
        else:
            sent = {"content": content, "headers": headers | {"content-type": "application/pdf"}}
        log.warning(httpx.post(url, timeout=9, **sent).text)
    assert verdict(nutrient_api) == kinds


def test_two_files_without_names_of_their_own_are_two_documents(parseapi_factory):
    consumer = Consumer(parseapi_factory, EXTEND)
    consumer.api.fail("CORRUPT_FILE", endpoint=consumer.path)
    for number in range(2):
        consumer.attempt("blob", PDF + b"%" * number)
    consumer.api.assert_not_retried()
    consumer.api.assert_parsed_once()


def test_the_order_of_keys_has_no_meaning(extend_api):
    extend_api.fail("OCR_ERROR")
    config = {"target": "markdown", "chunkingStrategy": {"type": "page"}}
    body = {"file": {"url": "https://files.example.com/a.pdf"}, "config": config}
    for turned in (body, {"config": dict(reversed(config.items())), "file": body["file"]}):
        headers = {"authorization": f"Bearer {extend_api.api_key}"}
        httpx.post(f"{extend_api.base_url}/parse", json=turned, headers=headers, timeout=9)
    extend_api.assert_payload_resent()


@pytest.mark.parametrize("name", ["a.pdf", "blob"])
@pytest.mark.parametrize("uploads", [True, False])
@pytest.mark.parametrize(("wait", "kinds"), [(2, set()), (0, {"resubmitted_wait"})])
def test_a_run_of_a_nameless_file_is_submitted_again(parseapi_factory, name, uploads, wait, kinds):
    consumer = Consumer(parseapi_factory, NUTRIENT)
    consumer.api.fail_run("maestro_error", polls=0)
    for _ in range(2):
        if uploads:
            reply = consumer.attempt(name)
        else:
            reply = consumer.client.post(consumer.path, files={"file": (name, PDF)})
        consumer.api.clock.advance(1)
        run = consumer.client.get(f"/extraction/runs/{reply.json()['runId']}")
        log.warning(run.text)
        consumer.api.clock.advance(wait)
    assert verdict(consumer.api) == kinds
    consumer.api.assert_resubmitted(times=1)
