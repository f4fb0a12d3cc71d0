"""The hosts, pages, endpoints and advice of Extend's Parse API, version 2026-02-09."""

from __future__ import annotations

from functools import partial
from typing import Final

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import Advice
from pytest_parseapi.model.provider import APIVersion

READ: Final = "2026-11-25"
"""When the pages below were read."""

PARSING: Final = "docs.extend.ai/parsing/error-handling"
GENERAL_CODES: Final = "docs.extend.ai/api-reference/error-handling"
RATE_LIMITS: Final = "docs.extend.ai/general/rate-limits"
ASYNC: Final = "docs.extend.ai/general/async-processing"
WEBHOOKS: Final = "docs.extend.ai/webhooks/best-practices"
BATCHES: Final = "docs.extend.ai/general/batch-processing"
REFERENCE: Final = "docs.extend.ai/api-reference/endpoints/parse/"
FILES: Final = "docs.extend.ai/api-reference/endpoints/file/"
VERSIONS: Final = "docs.extend.ai/api-versioning"
CLIENT: Final = "extend-ai 1.20.0: "

BASE_URL: Final = "https://api.extend.ai"
HOSTS: Final = ("api.extend.ai", "api.us2.extend.app", "api.eu1.extend.ai")
API_KEY: Final = "sk_parseapi_test_0123456789"
API_VERSION: Final = APIVersion(
    header="x-extend-api-version",
    versions=("2026-02-09", "2025-04-21", "2024-12-23"),
    source=VERSIONS,
    source_read=READ,
)

_endpoint = partial(Endpoint, source_read=READ)
_advice = partial(Advice, source_read=READ)

_run_endpoint = partial(_endpoint, customer_fields=("metadata",))
_FILE: Final = b'{"file":{"url":"https://files.example.com/document.pdf"}}'
_SAMPLES: Final = (("application/json", _FILE),)

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    _run_endpoint(method="POST", path="/parse", samples=_SAMPLES, source=PARSING),
    _run_endpoint(
        method="POST",
        path="/parse_runs",
        submits=True,
        samples=_SAMPLES,
        source=REFERENCE + "create-parse-run",
    ),
    _endpoint(
        method="GET",
        path="/parse_runs",
        customer_fields=("data[].metadata",),
        source=CLIENT + "parse_runs/raw_client.py",
    ),
    _run_endpoint(
        method="GET", path="/parse_runs/{id}", polls=True, source=REFERENCE + "get-parse-run"
    ),
    _endpoint(method="DELETE", path="/parse_runs/{id}", source=REFERENCE + "delete-parse-run"),
    _run_endpoint(
        method="POST",
        path="/parse_runs/{id}/cancel",
        source=REFERENCE + "cancel-parse-run",
    ),
    _endpoint(
        method="POST",
        path="/parse_runs/batch",
        submits=True,
        samples=(("application/json", b'{"inputs":[' + _FILE + b"]}"),),
        source=BATCHES,
    ),
    _endpoint(method="GET", path="/batch_runs/{id}", polls=True, source=BATCHES),
    _endpoint(method="POST", path="/files/upload", source=FILES + "upload-file"),
    _endpoint(method="GET", path="/files", source=CLIENT + "files/raw_client.py"),
    _endpoint(method="GET", path="/files/{id}", source=CLIENT + "files/raw_client.py"),
    _endpoint(method="DELETE", path="/files/{id}", source=CLIENT + "files/raw_client.py"),
)

ADVICE: Final[tuple[Advice, ...]] = (
    _advice(
        topic="retryable",
        text="Read the body's retryable flag, and retry where it is true.",
        source=GENERAL_CODES,
    ),
    _advice(
        topic="server_errors",
        text="When parsing, retry OCR_ERROR, INTERNAL_ERROR and any other 5xx with exponential "
        "backoff.",
        source=PARSING,
    ),
    _advice(
        topic="rate_limits",
        text="Retry a 429 with exponential backoff and jitter; where it carries Retry-After, wait "
        "at least that many seconds.",
        source=RATE_LIMITS,
    ),
    _advice(
        topic="final_errors",
        text="Do not retry an error that is not retryable; branch on its code (a run's "
        "failureReason).",
        source=GENERAL_CODES,
    ),
    _advice(
        topic="backoff",
        text="Wait before each retry with exponential backoff and jitter.",
        source=RATE_LIMITS,
    ),
    _advice(
        topic="retry_after",
        text="Where a reply carries Retry-After, wait at least that many seconds.",
        source=RATE_LIMITS,
    ),
    _advice(
        topic="request_id",
        text="Log the requestId; for support give it with the time, the endpoint and the code.",
        source=GENERAL_CODES,
    ),
    _advice(
        topic="timeout",
        text="A synchronous request fails after 5 minutes; a run has no such limit.",
        source=ASYNC,
    ),
    _advice(
        topic="polling",
        text="Creating a run answers at once; fetch the run to learn how it ended, because a "
        "document that fails shows on the run and not as an HTTP error.",
        source=PARSING,
    ),
    _advice(
        topic="webhook",
        text="Answer a delivery with any 2xx within 30 seconds, and drop repeats by eventId.",
        source=WEBHOOKS,
    ),
)
