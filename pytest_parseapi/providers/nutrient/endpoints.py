"""The hosts, pages, endpoints and advice of Nutrient's Data Extraction API."""

from __future__ import annotations

from functools import partial
from typing import Final

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import Advice

BASE_URL: Final = "https://api.nutrient.io"
HOSTS: Final = ("api.nutrient.io",)
API_KEY: Final = "pdf_test_parseapi_0123456789"

_GUIDES: Final = "www.nutrient.io/guides/dws-data-extraction/"
ERRORS_PAGE: Final = _GUIDES + "errors.md"
NEWER_ERRORS_PAGE: Final = _GUIDES + "errors/"
CLIENT: Final = "github.com/PSPDFKit/nutrient-dws-client-python"

# No date was noted for the older pages: the catalogue was first written from them on this day.
READ: Final = "2026-11-21"
CLIENT_READ: Final = "2026-11-25"

RUNS_PAGE: Final = _GUIDES + "runs.md"
ASYNC_PAGE: Final = _GUIDES + "runs/async.md"
_CHANGELOG: Final = _GUIDES + "changelog.md"
RUNS_READ: Final = "2026-11-25"

OPERATIONS: Final = ("parse", "extract", "classify", "split")
ASYNC_PATHS: Final = tuple(f"/extraction/{operation}/async" for operation in OPERATIONS)

_endpoint = partial(Endpoint, source_read=READ)
_run_endpoint = partial(Endpoint, source=RUNS_PAGE, source_read=RUNS_READ)
_advice = partial(Advice, source_read=READ)

_SAMPLE: Final = b'{"url":"https://files.example.com/document.pdf"}'


def _samples(*more: bytes) -> tuple[tuple[str, bytes], ...]:
    """Good requests: the document alone, or each of these options with it."""
    return tuple(("application/json", _SAMPLE[:-1] + item + b"}") for item in more)


_SCHEMA: Final = b',"schema":{"type":"object","properties":{"title":{"type":"string"}}}'
_MARKDOWN: Final = b',"mode":"text","output":{"format":"markdown"}'
_STORED: Final = b',"storeRun":true'
# Their keys are the names of the fields in the schema of the request.
_SCHEMA_FIELDS: Final = ("output.data", "output.metadata")

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    _endpoint(
        method="POST",
        path="/extraction/parse",
        samples=_samples(b"", _MARKDOWN, _STORED, _MARKDOWN + _STORED),
        source=_GUIDES + "parsing.md",
    ),
    _endpoint(
        method="POST",
        path="/extraction/extract",
        customer_fields=_SCHEMA_FIELDS,
        samples=_samples(_SCHEMA, _SCHEMA + _STORED),
        source=_GUIDES + "extract/",
    ),
    _run_endpoint(
        method="POST",
        path="/extraction/classify",
        samples=_samples(b"", _STORED),
        source=_CHANGELOG,
    ),
    _run_endpoint(method="POST", path="/extraction/split", source=ASYNC_PAGE),
    *(
        _run_endpoint(
            method="POST",
            path=path,
            submits=True,
            samples=_samples(_SCHEMA if "/extract/" in path else b""),
            source=ASYNC_PAGE,
        )
        for path in ASYNC_PATHS
    ),
    _run_endpoint(method="POST", path="/extraction/uploads", source=ASYNC_PAGE),
    _run_endpoint(method="GET", path="/extraction/runs/{runId}", polls=True),
    _run_endpoint(method="GET", path="/extraction/runs"),
    _run_endpoint(method="DELETE", path="/extraction/runs/{runId}"),
    _run_endpoint(method="POST", path="/extraction/runs/{runId}/cancel"),
    _run_endpoint(
        method="GET",
        path="/extraction/runs/{runId}/assets/result",
        result=True,
        customer_fields=_SCHEMA_FIELDS,
    ),
)

ADVICE: Final[tuple[Advice, ...]] = (
    _advice(
        topic="retryable",
        text="Retry 429, 500 and 503 (that a 408 may be retried is inferred); for a 400, fix the "
        "fields that failingPaths names.",
        source=ERRORS_PAGE,
    ),
    _advice(
        topic="rate_limits",
        text="Wait and retry a 429 with exponential backoff; the dashboard has your plan's limits.",
        source=ERRORS_PAGE,
    ),
    _advice(
        topic="final_errors",
        text="A retry is advised for 429, 500 and 503 alone; for a 400, fix the fields that "
        "failingPaths names; for a 413, shrink or split the document.",
        source=ERRORS_PAGE,
    ),
    _advice(
        topic="backoff",
        text="Wait and retry a 429 with exponential backoff, a 500 or 503 after a delay.",
        source=ERRORS_PAGE,
    ),
    _advice(
        topic="request_id",
        text="Give the requestId to support when a 500 or 503 persists.",
        source=ERRORS_PAGE,
    ),
    Advice(
        topic="polling",
        text="A submission answers with a queued run: fetch the run until it has ended, and then "
        "its result, because a document that fails shows on the run and not as an HTTP error.",
        source=ASYNC_PAGE,
        source_read=RUNS_READ,
    ),
    Advice(
        topic="idempotency",
        text="Send the same Idempotency-Key with a submission that is sent again.",
        source=ASYNC_PAGE,
        source_read=RUNS_READ,
    ),
)
