"""What Nutrient documents for its Data Extraction API.

The pages name statuses; where they show no code, the code is this package's name for the error
and the wire carries none. The messages are this package's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from pytest_parseapi.model.errors import DocumentedError
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
_ON_RUNS: Final = ("http", "run")

_error = partial(
    DocumentedError,
    provider="nutrient",
    retryable=False,
    wire_code=None,
    source=ERRORS_PAGE,
    source_read=READ,
)

ERRORS: Final[tuple[DocumentedError, ...]] = (
    _error(
        code="invalid_request",
        status=400,
        message="The request does not pass validation.",
        description="The file is missing or of an unsupported format, or a parameter is wrong; "
        "failingPaths names the fields. That a run can fail with it is inferred.",
        wire_code="invalid_request",
        cured_by="config",
        surfaces=_ON_RUNS,
    ),
    _error(
        code="unauthorized",
        status=401,
        message="The bearer token is missing or not valid.",
        description="The token is missing, invalid or expired.",
        cured_by="credential",
    ),
    _error(
        code="insufficient_credits",
        status=402,
        message="This request needs 9 credits and 0 are left.",
        description="The account has too few extraction credits.",
    ),
    _error(
        code="forbidden",
        status=403,
        message="This key does not belong to the extraction product.",
        description="A Processor key was used for extraction; only the official client mentions "
        "it.",
        source=CLIENT,
        source_read=CLIENT_READ,
        basis="client",
        cured_by="credential",
    ),
    _error(
        code="feature_disabled",
        status=404,
        message="This workspace lacks the feature.",
        description="The workspace lacks asynchronous runs, or splitting, which has a feature of "
        "its own.",
        endpoints=(*ASYNC_PATHS, "/extraction/split"),
        source=ASYNC_PAGE,
        source_read=RUNS_READ,
    ),
    _error(
        code="request_timeout",
        status=408,
        message="The extraction took too long.",
        description="The request timed out. That it may be retried is inferred: the page does not "
        "say.",
        retryable=True,
        endpoints=_EXTRACT_ONLY,
        source=NEWER_ERRORS_PAGE,
    ),
    _error(
        code="payload_too_large",
        status=413,
        message="The file is larger than 150 MB.",
        description="The document exceeds the size limit of 150 MB.",
        cured_by="file",
    ),
    _error(
        code="unprocessable_url",
        status=422,
        message="The document could not be fetched from its URL.",
        description="The remote URL could not be downloaded or was rejected. That a run can fail "
        "with it is inferred.",
        endpoints=_EXTRACT_ONLY,
        source=NEWER_ERRORS_PAGE,
        cured_by="url",
        surfaces=_ON_RUNS,
    ),
    _error(
        code="rate_limited",
        status=429,
        message="Too many requests for this subscription.",
        description="The rate limit of the subscription is exceeded.",
        retryable=True,
    ),
    _error(
        code="maestro_error",
        status=500,
        message="The extraction backend failed.",
        description="The backend failed; a retry after a short delay may succeed. That a run can "
        "fail with it is inferred.",
        retryable=True,
        wire_code="maestro_error",
        surfaces=_ON_RUNS,
    ),
    _error(
        code="processing_error",
        status=500,
        message="The document could not be processed.",
        description="Processing failed; the page names the source of the error but not its status.",
        retryable=True,
        basis="inferred",
        surfaces=_ON_RUNS,
    ),
    _error(
        code="service_unavailable",
        status=503,
        message="The service is down for the moment.",
        description="The backend is unavailable for a time.",
        retryable=True,
    ),
)

_own = partial(_error, source=RUNS_PAGE, source_read=RUNS_READ, basis="inferred")

OWN_ERRORS: Final[tuple[DocumentedError, ...]] = (
    _own(
        code="run_not_found",
        status=404,
        message="There is no such run.",
        description="No run has this id.",
    ),
    _own(
        code="no_result",
        status=404,
        message="The run has no result.",
        description="Only a run that is done has a result.",
    ),
    _own(
        code="run_has_ended",
        status=409,
        message="The run has ended.",
        description="A run that has ended cannot be cancelled.",
    ),
    _own(
        code="idempotency_conflict",
        status=409,
        message="The key was used for another request.",
        description="An idempotency key stands for one request.",
        source=ASYNC_PAGE,
    ),
)
"""What the service answers by itself: no page names it, so no script can."""
