"""What Extend documents to go wrong with its Parse API, version 2026-02-09.

The messages are this package's own words: the pages warn that the real texts are not stable.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from pytest_parseapi.model.errors import DocumentedError, entry
from pytest_parseapi.providers.extend.endpoints import (
    GENERAL_CODES,
    PARSING,
    RATE_LIMITS,
    READ,
    REFERENCE,
)

_error = partial(entry, provider="extend", source=GENERAL_CODES, source_read=READ, on_the_wire=True)
# A failed webhook event repeats the run's failure reason, so one code serves all surfaces.
_processing = partial(
    _error, surfaces=("http", "run", "webhook"), endpoints=("/parse",), source=PARSING
)

ERRORS: Final[tuple[DocumentedError, ...]] = (
    _processing(
        "INVALID_CONFIG_OPTIONS",
        400,
        "These configuration options cannot be combined.",
        "The configuration combines options that exclude each other.",
        cured_by="config",
    ),
    _processing(
        "UNABLE_TO_DOWNLOAD_FILE",
        400,
        "The file could not be fetched from its URL.",
        "The file's URL could not be fetched, for example because a presigned URL has expired; "
        "the pages give the status for an invalid URL only.",
        basis="inferred",
        cured_by="url",
    ),
    _processing(
        "FILE_TYPE_NOT_SUPPORTED",
        400,
        "Files of this type cannot be parsed.",
        "The document is of a type that the API does not parse.",
        cured_by="file",
    ),
    _processing(
        "FILE_SIZE_TOO_LARGE",
        400,
        "The file is larger than the limit.",
        "The document exceeds the size limit; the status is 400, not 413.",
        cured_by="file",
    ),
    _processing(
        "CORRUPT_FILE",
        422,
        "The file is damaged and cannot be read.",
        "The document is unreadable.",
        cured_by="file",
    ),
    _processing(
        "PASSWORD_PROTECTED_FILE",
        422,
        "The file is locked and no password was given.",
        "The document needs a password.",
        cured_by="password",
    ),
    _processing(
        "FAILED_TO_CONVERT_TO_PDF",
        422,
        "The file could not be turned into a PDF.",
        "The conversion of the document to PDF failed.",
        cured_by="file",
    ),
    _processing(
        "FAILED_TO_CONVERT_TO_JPEG",
        422,
        "A page could not be turned into an image.",
        "The conversion of a page to JPEG failed; documented as a failure reason of runs, "
        "without a status or a retryable flag.",
        source=REFERENCE + "get-parse-run",
        basis="inferred",
        cured_by="file",
    ),
    _processing(
        "FAILED_TO_GENERATE_TARGET_FORMAT",
        422,
        "The output could not be written in the target format.",
        "The requested output format could not be produced for this document.",
        cured_by="config",
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
        source=REFERENCE + "get-parse-run",
        basis="inferred",
    ),
    _error(
        "INVALID_REQUEST",
        400,
        "The request does not pass validation.",
        "The body or a parameter is missing or wrong; the pages describe a 400, the help text of "
        "the official command line a 422.",
        basis="inferred",
        cured_by="config",
    ),
    _error(
        "UNAUTHORIZED",
        401,
        "The API key is missing or not valid.",
        "The API key is missing, malformed or unknown.",
        cured_by="credential",
    ),
    _error(
        "FORBIDDEN",
        403,
        "This API key may not do that in this workspace.",
        "The workspace or the key lacks a permission; the pages give the status without a code.",
        source=PARSING,
        basis="inferred",
        cured_by="credential",
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
        source=RATE_LIMITS,
    ),
    _error(
        "USAGE_BLOCKED",
        402,
        "This organization is blocked because its credits have run out.",
        "The organization is blocked because its credits have run out; no page gives the status.",
        basis="inferred",
    ),
    _error(
        "ENDPOINT_REMOVED",
        410,
        "This endpoint is removed: use POST /parse_runs instead.",
        "The endpoint is removed and the message names its replacement; no page gives the status.",
        basis="inferred",
    ),
)
