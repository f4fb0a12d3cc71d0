"""What Nutrient documents for its Data Extraction API.

The pages name statuses; where they show no code, the code is this package's name for the error
and the wire carries none. The messages are this package's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from pytest_parseapi.model.errors import DocumentedError, Surface, entry
from pytest_parseapi.providers.nutrient.endpoints import (
    ASYNC_PAGE,
    ASYNC_PATHS,
    CLIENT,
    CLIENT_READ,
    ERRORS_PAGE,
    NEWER_ERRORS_PAGE,
    READ,
    RUNS_PAGE,
    RUNS_READ,
)

DETAIL_SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {"invalid_request": "request", "maestro_error": "maestro", "processing_error": "processing"}
)
"""What ``errorDetails.source`` says, by code; the other errors carry no ``errorDetails``."""

_EXTRACT_ONLY: Final = ("/extraction/extract",)
_ON_RUNS: Final[tuple[Surface, ...]] = ("http", "run")

_error = partial(entry, provider="nutrient", source=ERRORS_PAGE, source_read=READ)

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
        source=CLIENT,
        source_read=CLIENT_READ,
        basis="client",
        cured_by="credential",
    ),
    _error(
        "feature_disabled",
        404,
        "This workspace lacks the feature.",
        "The workspace lacks asynchronous runs, or splitting, which has a feature of its own.",
        endpoints=(*ASYNC_PATHS, "/extraction/split"),
        source=ASYNC_PAGE,
        source_read=RUNS_READ,
    ),
    _error(
        "request_timeout",
        408,
        "The extraction took too long.",
        "The request timed out. That it may be retried is inferred: the page does not say.",
        retryable=True,
        endpoints=_EXTRACT_ONLY,
        source=NEWER_ERRORS_PAGE,
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
        source=NEWER_ERRORS_PAGE,
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

_own = partial(
    entry, provider="nutrient", source=RUNS_PAGE, source_read=RUNS_READ, basis="inferred"
)

OWN_ERRORS: Final[tuple[DocumentedError, ...]] = (
    _own("run_not_found", 404, "There is no such run.", "No run has this id."),
    _own("no_result", 404, "The run has no result.", "Only a run that is done has a result."),
    _own("run_has_ended", 409, "The run has ended.", "A run that has ended cannot be cancelled."),
    _own(
        "idempotency_conflict",
        409,
        "The key was used for another request.",
        "An idempotency key stands for one request.",
        source=ASYNC_PAGE,
    ),
)
"""What the service answers by itself: no page names it, so no script can."""
