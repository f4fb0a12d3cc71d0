"""What Nutrient documents for its Data Extraction API.

The pages name statuses; where they show no code, the code is this package's name for the error
and the wire carries none. The messages are this package's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import Advice, DocumentedError, Surface, entry

__all__ = [
    "ADVICE",
    "API_KEY",
    "BASE_URL",
    "DETAIL_SOURCES",
    "ENDPOINTS",
    "ERRORS",
    "HOSTS",
    "OWN_ERRORS",
]

BASE_URL: Final = "https://api.nutrient.io"
HOSTS: Final = ("api.nutrient.io",)
API_KEY: Final = "pdf_test_parseapi_0123456789"

DETAIL_SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {"invalid_request": "request", "maestro_error": "maestro", "processing_error": "processing"}
)
"""What ``errorDetails.source`` says, by code; the other errors carry no ``errorDetails``."""

_GUIDES: Final = "www.nutrient.io/guides/dws-data-extraction/"
_ERRORS: Final = _GUIDES + "errors.md"
_NEWER_ERRORS: Final = _GUIDES + "errors/"
_CLIENT: Final = "github.com/PSPDFKit/nutrient-dws-client-python"

# No date was noted for the older pages: the catalogue was first written from them on this day.
_READ: Final = "2026-11-21"
_CLIENT_READ: Final = "2026-11-25"

_RUNS: Final = _GUIDES + "runs.md"
_ASYNC: Final = _GUIDES + "runs/async.md"
_CHANGELOG: Final = _GUIDES + "changelog.md"
_RUNS_READ: Final = "2026-11-25"

_EXTRACT_ONLY: Final = ("/extraction/extract",)
_OPERATIONS: Final = ("parse", "extract", "classify", "split")
_ASYNC_PATHS: Final = tuple(f"/extraction/{operation}/async" for operation in _OPERATIONS)
_ON_RUNS: Final[tuple[Surface, ...]] = ("http", "run")

_error = partial(entry, provider="nutrient", source=_ERRORS, source_read=_READ)

ERRORS: Final[tuple[DocumentedError, ...]] = (
    _error(
        "invalid_request",
        400,
        "The request does not pass validation.",
        "The file is missing or of an unsupported format, or a parameter is wrong; "
        "failingPaths names the fields. That a run can fail with it is inferred.",
        on_the_wire=True,
        cured_by="config",
        surfaces=_ON_RUNS,
    ),
    _error(
        "unauthorized",
        401,
        "The bearer token is missing or not valid.",
        "The token is missing, invalid or expired.",
        cured_by="credential",
    ),
    _error(
        "insufficient_credits",
        402,
        "This request needs 9 credits and 0 are left.",
        "The account has too few extraction credits.",
    ),
    _error(
        "forbidden",
        403,
        "This key does not belong to the extraction product.",
        "A Processor key was used for extraction; only the official client mentions it.",
        source=_CLIENT,
        source_read=_CLIENT_READ,
        basis="client",
        cured_by="credential",
    ),
    _error(
        "feature_disabled",
        404,
        "This workspace lacks the feature.",
        "The workspace lacks asynchronous runs, or splitting, which has a feature of its own.",
        endpoints=(*_ASYNC_PATHS, "/extraction/split"),
        source=_ASYNC,
        source_read=_RUNS_READ,
    ),
    _error(
        "request_timeout",
        408,
        "The extraction took too long.",
        "The request timed out. That it may be retried is inferred: the page does not say.",
        retryable=True,
        endpoints=_EXTRACT_ONLY,
        source=_NEWER_ERRORS,
    ),
    _error(
        "payload_too_large",
        413,
        "The file is larger than 150 MB.",
        "The document exceeds the size limit of 150 MB.",
        cured_by="file",
    ),
    _error(
        "unprocessable_url",
        422,
        "The document could not be fetched from its URL.",
        "The remote URL could not be downloaded or was rejected. That a run can fail with it is "
        "inferred.",
        endpoints=_EXTRACT_ONLY,
        source=_NEWER_ERRORS,
        cured_by="url",
        surfaces=_ON_RUNS,
    ),
    _error(
        "rate_limited",
        429,
        "Too many requests for this subscription.",
        "The rate limit of the subscription is exceeded.",
        retryable=True,
    ),
    _error(
        "maestro_error",
        500,
        "The extraction backend failed.",
        "The backend failed; a retry after a short delay may succeed. That a run can fail with it "
        "is inferred.",
        retryable=True,
        on_the_wire=True,
        surfaces=_ON_RUNS,
    ),
    _error(
        "processing_error",
        500,
        "The document could not be processed.",
        "Processing failed; the page names the source of the error but not its status.",
        retryable=True,
        basis="inferred",
        surfaces=_ON_RUNS,
    ),
    _error(
        "service_unavailable",
        503,
        "The service is down for the moment.",
        "The backend is unavailable for a time.",
        retryable=True,
    ),
)

_own = partial(entry, provider="nutrient", source=_RUNS, source_read=_RUNS_READ, basis="inferred")

OWN_ERRORS: Final[tuple[DocumentedError, ...]] = (
    _own("run_not_found", 404, "There is no such run.", "No run has this id."),
    _own("no_result", 404, "The run has no result.", "Only a run that is done has a result."),
    _own("run_has_ended", 409, "The run has ended.", "A run that has ended cannot be cancelled."),
    _own(
        "idempotency_conflict",
        409,
        "The key was used for another request.",
        "An idempotency key stands for one request.",
        source=_ASYNC,
    ),
)
"""What the service answers by itself: no page names it, so no script can."""

_endpoint = partial(Endpoint, source_read=_READ)
_run_endpoint = partial(Endpoint, source=_RUNS, source_read=_RUNS_READ)
_advice = partial(Advice, source_read=_READ)

_SAMPLE: Final = b'{"url":"https://files.example.com/document.pdf"}'


def _samples(*more: bytes) -> tuple[tuple[str, bytes], ...]:
    """Good requests: the document alone, or each of these options with it."""
    return tuple(("application/json", _SAMPLE[:-1] + item + b"}") for item in more)


_SCHEMA: Final = b',"schema":{"type":"object","properties":{"title":{"type":"string"}}}'
_MARKDOWN: Final = b',"mode":"text","output":{"format":"markdown"}'
_STORED: Final = b',"storeRun":true'
# Both are by the names of the schema that the request brought.
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
    _run_endpoint(method="POST", path="/extraction/split", source=_ASYNC),
    *(
        _run_endpoint(
            method="POST",
            path=path,
            submits=True,
            samples=_samples(_SCHEMA if "/extract/" in path else b""),
            source=_ASYNC,
        )
        for path in _ASYNC_PATHS
    ),
    _run_endpoint(method="POST", path="/extraction/uploads", source=_ASYNC),
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
        text="Retry 429, 500 and 503; for a 400, fix the fields that failingPaths names.",
        source=_ERRORS,
    ),
    _advice(
        topic="backoff",
        text="Wait and retry a 429 with exponential backoff, a 500 or 503 after a delay.",
        source=_ERRORS,
    ),
    _advice(
        topic="request_id",
        text="Give the requestId to support when a 500 or 503 persists.",
        source=_ERRORS,
    ),
    Advice(
        topic="polling",
        text="A submission answers with a queued run: fetch the run until it has ended, and then "
        "its result, because a document that fails shows on the run and not as an HTTP error.",
        source=_ASYNC,
        source_read=_RUNS_READ,
    ),
    Advice(
        topic="idempotency",
        text="Send the same Idempotency-Key with a submission that is sent again.",
        source=_ASYNC,
        source_read=_RUNS_READ,
    ),
)
