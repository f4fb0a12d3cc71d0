"""What Extend documents for its Parse API, version 2026-02-09.

The messages are this package's own words: the pages warn that the real texts are not stable.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from pytest_parseapi.catalogue.endpoint import Endpoint
from pytest_parseapi.catalogue.model import Advice, Basis, DocumentedError, Surface

__all__ = ["ADVICE", "API_KEY", "BASE_URL", "ENDPOINTS", "ERRORS", "HOSTS"]

BASE_URL: Final = "https://api.extend.ai"
HOSTS: Final = ("api.extend.ai", "api.us2.extend.app", "api.eu1.extend.ai")
API_KEY: Final = "sk_parseapi_test_0123456789"

_PARSING: Final = "docs.extend.ai/parsing/error-handling"
_PARSE_CODES: Final = "docs.extend.ai/2026-02-09/product/parsing/error-codes"
_GENERAL_CODES: Final = "docs.extend.ai/2026-02-09/developers/error-codes"
_RATE_LIMITS: Final = "docs.extend.ai/general/rate-limits.md"
_ASYNC: Final = "docs.extend.ai/developers/async-processing"
_WEBHOOKS: Final = "docs.extend.ai/webhooks/best-practices"
_BATCHES: Final = "docs.extend.ai/product/batch-processing"
_REFERENCE: Final = "docs.extend.ai/developers/api-reference/endpoints/parse/"
_NEWER_REFERENCE: Final = "docs.extend.ai/api-reference/endpoints/parse/"
_CLIENT: Final = "extend-ai 1.20.0: "


def _error(
    code: str,
    status: int,
    message: str,
    description: str,
    *,
    retryable: bool = False,
    surfaces: tuple[Surface, ...] = ("http",),
    endpoints: tuple[str, ...] = (),
    source: str = _GENERAL_CODES,
    basis: Basis = "documented",
) -> DocumentedError:
    return DocumentedError(
        provider="extend",
        code=code,
        status=status,
        retryable=retryable,
        message=message,
        wire_code=code,
        surfaces=surfaces,
        endpoints=endpoints,
        source=source,
        basis=basis,
        description=description,
    )


# A failed webhook event repeats the run's failure reason, so one code serves all surfaces.
_processing = partial(
    _error, surfaces=("http", "run", "webhook"), endpoints=("/parse",), source=_PARSING
)

ERRORS: Final[tuple[DocumentedError, ...]] = (
    _processing(
        "INVALID_CONFIG_OPTIONS",
        400,
        "These configuration options cannot be combined.",
        "The configuration combines options that exclude each other.",
        source=_PARSE_CODES,
    ),
    _processing(
        "UNABLE_TO_DOWNLOAD_FILE",
        400,
        "The file could not be fetched from its URL.",
        "The file's URL could not be fetched, for example because a presigned URL has expired; "
        "the pages give the status for an invalid URL only.",
        source=_PARSE_CODES,
        basis="inferred",
    ),
    _processing(
        "FILE_TYPE_NOT_SUPPORTED",
        400,
        "Files of this type cannot be parsed.",
        "The document is of a type that the API does not parse.",
    ),
    _processing(
        "FILE_SIZE_TOO_LARGE",
        400,
        "The file is larger than the limit.",
        "The document exceeds the size limit; the status is 400, not 413.",
    ),
    _processing(
        "CORRUPT_FILE",
        422,
        "The file is damaged and cannot be read.",
        "The document is unreadable.",
    ),
    _processing(
        "PASSWORD_PROTECTED_FILE",
        422,
        "The file is locked and no password was given.",
        "The document needs a password.",
    ),
    _processing(
        "FAILED_TO_CONVERT_TO_PDF",
        422,
        "The file could not be turned into a PDF.",
        "The conversion of the document to PDF failed.",
    ),
    _processing(
        "FAILED_TO_CONVERT_TO_JPEG",
        422,
        "A page could not be turned into an image.",
        "The conversion of a page to JPEG failed; documented as a failure reason of runs, "
        "without a status or a retryable flag.",
        source=_REFERENCE + "get-parse-run",
        basis="inferred",
    ),
    _processing(
        "FAILED_TO_GENERATE_TARGET_FORMAT",
        422,
        "The output could not be written in the target format.",
        "The requested output format could not be produced for this document.",
    ),
    _processing(
        "OCR_ERROR",
        500,
        "Text recognition failed on this document.",
        "Text recognition broke down, which is rare and passes.",
        retryable=True,
    ),
    _processing(
        "CHUNKING_ERROR",
        500,
        "The text could not be split into chunks.",
        "The chunking step failed; no page gives its retryable flag, but any 5xx is advised to "
        "be retried.",
        retryable=True,
        basis="inferred",
    ),
    _processing(
        "INTERNAL_ERROR",
        500,
        "The request failed for an unexpected reason.",
        "Something unexpected failed on the provider's side; any endpoint may reply with it.",
        retryable=True,
        endpoints=(),
    ),
    _processing(
        "OUT_OF_CREDITS",
        402,
        "Too few credits are left to pay for this run.",
        "The run could not be paid for; documented as a failure reason of runs, without a status "
        "or a retryable flag.",
        source=_REFERENCE + "get-parse-run",
        basis="inferred",
    ),
    _error(
        "INVALID_REQUEST",
        400,
        "The request does not pass validation.",
        "The body or a parameter is missing or wrong; the pages describe a 400, the help text of "
        "the official command line a 422.",
        basis="inferred",
    ),
    _error(
        "UNAUTHORIZED",
        401,
        "The API key is missing or not valid.",
        "The API key is missing, malformed or unknown.",
    ),
    _error(
        "FORBIDDEN",
        403,
        "This API key may not do that in this workspace.",
        "The workspace or the key lacks a permission; the pages give the status without a code.",
        source=_PARSING,
        basis="inferred",
    ),
    _error(
        "NOT_FOUND",
        404,
        "There is no such resource in this workspace.",
        "The resource does not exist, or belongs to another workspace.",
    ),
    _error(
        "RATE_LIMIT_EXCEEDED",
        429,
        "Too many requests: slow down.",
        "A rate limit is exceeded; the documented body carries no requestId.",
        retryable=True,
        source=_RATE_LIMITS,
    ),
    _error(
        "USAGE_BLOCKED",
        402,
        "This organization is blocked from further use.",
        "The organization is blocked or without credits; no page gives the status.",
        basis="inferred",
    ),
    _error(
        "ENDPOINT_REMOVED",
        410,
        "This endpoint is retired: use POST /parse instead.",
        "The endpoint is retired and the message names its replacement; no page gives the status.",
        basis="inferred",
    ),
)

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    Endpoint(method="POST", path="/parse", source=_PARSING),
    Endpoint(method="POST", path="/parse_runs", source=_REFERENCE + "create-parse-run"),
    Endpoint(method="GET", path="/parse_runs", source=_CLIENT + "parse_runs/raw_client.py"),
    Endpoint(
        method="GET", path="/parse_runs/{id}", polls=True, source=_REFERENCE + "get-parse-run"
    ),
    Endpoint(
        method="DELETE", path="/parse_runs/{id}", source=_NEWER_REFERENCE + "delete-parse-run"
    ),
    Endpoint(
        method="POST",
        path="/parse_runs/{id}/cancel",
        source=_NEWER_REFERENCE + "cancel-parse-run",
    ),
    Endpoint(method="POST", path="/parse_runs/batch", source=_BATCHES),
    Endpoint(method="GET", path="/batch_runs/{id}", polls=True, source=_BATCHES),
    Endpoint(method="POST", path="/files/upload", source=_CLIENT + "files/raw_client.py"),
)

ADVICE: Final[tuple[Advice, ...]] = (
    Advice(
        rule="retryable",
        text="Read the body's retryable flag; when parsing, retry OCR_ERROR, INTERNAL_ERROR and "
        "any other 5xx.",
        source=_GENERAL_CODES,
    ),
    Advice(
        rule="server_errors",
        text="When parsing, retry any 5xx with exponential backoff.",
        source=_PARSING,
    ),
    Advice(
        rule="code",
        text="Branch on the body's code: the text of its message may change.",
        source=_GENERAL_CODES,
    ),
    Advice(
        rule="backoff",
        text="Wait before each retry with exponential backoff and jitter.",
        source=_RATE_LIMITS,
    ),
    Advice(
        rule="retry_after",
        text="Where a reply carries Retry-After, wait at least that many seconds.",
        source=_RATE_LIMITS,
    ),
    Advice(
        rule="request_id",
        text="Log the requestId; for support give it with the time, the endpoint and the code.",
        source=_GENERAL_CODES,
    ),
    Advice(
        rule="timeout",
        text="A synchronous request fails after 5 minutes; a run has no such limit.",
        source=_ASYNC,
    ),
    Advice(
        rule="polling",
        text="Creating a run answers at once; fetch the run to learn how it ended, because a "
        "document that fails shows on the run and not as an HTTP error.",
        source=_PARSING,
    ),
    Advice(
        rule="webhook",
        text="Answer a delivery with any 2xx within 30 seconds, and drop repeats by eventId.",
        source=_WEBHOOKS,
    ),
)
