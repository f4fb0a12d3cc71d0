"""What Extend documents to go wrong with its Parse API, version 2026-02-09.

The messages are this package's own words: the pages warn that the real texts are not stable.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.providers.extend.endpoints import (
    GENERAL_CODES,
    PARSING,
    RATE_LIMITS,
    READ,
    REFERENCE,
)

_error = partial(
    DocumentedError, provider="extend", retryable=False, source=GENERAL_CODES, source_read=READ
)
# A failed webhook event repeats the run's failure reason, so one code serves all surfaces.
_processing = partial(
    _error, surfaces=("http", "run", "webhook"), endpoints=("/parse",), source=PARSING
)

ERRORS: Final[tuple[DocumentedError, ...]] = (
    _processing(
        code="INVALID_CONFIG_OPTIONS",
        status=400,
        message="These configuration options cannot be combined.",
        description="The configuration combines options that exclude each other.",
        cured_by="config",
    ),
    _processing(
        code="UNABLE_TO_DOWNLOAD_FILE",
        status=400,
        message="The file could not be fetched from its URL.",
        description="The file's URL could not be fetched, for example because a presigned URL has "
        "expired; the pages give the status for an invalid URL only.",
        basis="inferred",
        cured_by="url",
    ),
    _processing(
        code="FILE_TYPE_NOT_SUPPORTED",
        status=400,
        message="Files of this type cannot be parsed.",
        description="The document is of a type that the API does not parse.",
        cured_by="file",
    ),
    _processing(
        code="FILE_SIZE_TOO_LARGE",
        status=400,
        message="The file is larger than the limit.",
        description="The document exceeds the size limit; the status is 400, not 413.",
        cured_by="file",
    ),
    _processing(
        code="CORRUPT_FILE",
        status=422,
        message="The file is damaged and cannot be read.",
        description="The document is unreadable.",
        cured_by="file",
    ),
    _processing(
        code="PASSWORD_PROTECTED_FILE",
        status=422,
        message="The file is locked and no password was given.",
        description="The document needs a password.",
        cured_by="password",
    ),
    _processing(
        code="FAILED_TO_CONVERT_TO_PDF",
        status=422,
        message="The file could not be turned into a PDF.",
        description="The conversion of the document to PDF failed.",
        cured_by="file",
    ),
    _processing(
        code="FAILED_TO_CONVERT_TO_JPEG",
        status=422,
        message="A page could not be turned into an image.",
        description="The conversion of a page to JPEG failed; documented as a failure reason of "
        "runs, without a status or a retryable flag.",
        source=REFERENCE + "get-parse-run",
        basis="inferred",
        cured_by="file",
    ),
    _processing(
        code="FAILED_TO_GENERATE_TARGET_FORMAT",
        status=422,
        message="The output could not be written in the target format.",
        description="The requested output format could not be produced for this document.",
        cured_by="config",
    ),
    _processing(
        code="OCR_ERROR",
        status=500,
        message="Text recognition failed on this document.",
        description="Text recognition broke down, which is rare and passes.",
        retryable=True,
    ),
    _processing(
        code="CHUNKING_ERROR",
        status=500,
        message="The text could not be split into chunks.",
        description="The chunking step failed; no page gives its retryable flag, but any 5xx is "
        "advised to be retried.",
        retryable=True,
        basis="inferred",
    ),
    _processing(
        code="INTERNAL_ERROR",
        status=500,
        message="The request failed for an unexpected reason.",
        description="Something unexpected failed on the provider's side; any endpoint may reply "
        "with it.",
        retryable=True,
        endpoints=(),
    ),
    _processing(
        code="OUT_OF_CREDITS",
        status=402,
        message="Too few credits are left to pay for this run.",
        description="The run could not be paid for; documented as a failure reason of runs, "
        "without a status or a retryable flag.",
        source=REFERENCE + "get-parse-run",
        basis="inferred",
    ),
    _error(
        code="INVALID_REQUEST",
        status=400,
        message="The request does not pass validation.",
        description="The body or a parameter is missing or wrong; the pages describe a 400, the "
        "help text of the official command line a 422.",
        basis="inferred",
        cured_by="config",
    ),
    _error(
        code="UNAUTHORIZED",
        status=401,
        message="The API key is missing or not valid.",
        description="The API key is missing, malformed or unknown.",
        cured_by="credential",
    ),
    _error(
        code="FORBIDDEN",
        status=403,
        message="This API key may not do that in this workspace.",
        description="The workspace or the key lacks a permission; the pages give the status "
        "without a code.",
        source=PARSING,
        basis="inferred",
        cured_by="credential",
    ),
    _error(
        code="NOT_FOUND",
        status=404,
        message="There is no such resource in this workspace.",
        description="The resource does not exist, or belongs to another workspace.",
    ),
    _error(
        code="RATE_LIMIT_EXCEEDED",
        status=429,
        message="Too many requests: slow down.",
        description="A rate limit is exceeded; the documented body carries no requestId.",
        retryable=True,
        source=RATE_LIMITS,
    ),
    _error(
        code="USAGE_BLOCKED",
        status=402,
        message="This organization is blocked because its credits have run out.",
        description="The organization is blocked because its credits have run out; no page gives "
        "the status.",
        basis="inferred",
    ),
    _error(
        code="ENDPOINT_REMOVED",
        status=410,
        message="This endpoint is removed: use POST /parse_runs instead.",
        description="The endpoint is removed and the message names its replacement; no page gives "
        "the status.",
        basis="inferred",
    ),
)
