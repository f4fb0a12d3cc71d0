"""The catalogue agrees with the providers' pages; the tables here are written by hand."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import FAULTS
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.providers.extend import endpoints as extend_endpoints
from pytest_parseapi.providers.extend import errors as extend_errors
from pytest_parseapi.providers.nutrient import endpoints as nutrient_endpoints
from pytest_parseapi.providers.nutrient import errors as nutrient_errors
from pytest_parseapi.providers.registry import built_in_providers

# code, status, retryable, can end a run, basis
EXTEND = [
    ("INVALID_CONFIG_OPTIONS", 400, False, True, "documented"),
    ("UNABLE_TO_DOWNLOAD_FILE", 400, False, True, "inferred"),
    ("FILE_TYPE_NOT_SUPPORTED", 400, False, True, "documented"),
    ("FILE_SIZE_TOO_LARGE", 400, False, True, "documented"),
    ("CORRUPT_FILE", 422, False, True, "documented"),
    ("PASSWORD_PROTECTED_FILE", 422, False, True, "documented"),
    ("FAILED_TO_CONVERT_TO_PDF", 422, False, True, "documented"),
    ("FAILED_TO_CONVERT_TO_JPEG", 422, False, True, "inferred"),
    ("FAILED_TO_GENERATE_TARGET_FORMAT", 422, False, True, "documented"),
    ("OCR_ERROR", 500, True, True, "documented"),
    ("CHUNKING_ERROR", 500, True, True, "inferred"),
    ("INTERNAL_ERROR", 500, True, True, "documented"),
    ("OUT_OF_CREDITS", 402, False, True, "inferred"),
    ("INVALID_REQUEST", 400, False, False, "inferred"),
    ("UNAUTHORIZED", 401, False, False, "documented"),
    ("FORBIDDEN", 403, False, False, "inferred"),
    ("NOT_FOUND", 404, False, False, "documented"),
    ("RATE_LIMIT_EXCEEDED", 429, True, False, "documented"),
    ("USAGE_BLOCKED", 402, False, False, "inferred"),
    ("ENDPOINT_REMOVED", 410, False, False, "inferred"),
]
EXTEND_EVERYWHERE = {
    "INTERNAL_ERROR",
    "INVALID_REQUEST",
    "UNAUTHORIZED",
    "FORBIDDEN",
    "NOT_FOUND",
    "RATE_LIMIT_EXCEEDED",
    "USAGE_BLOCKED",
    "ENDPOINT_REMOVED",
}

# code, status, wire code, errorDetails.source, retryable, extract only, basis
NUTRIENT = [
    ("invalid_request", 400, "invalid_request", "request", False, False, "documented"),
    ("unauthorized", 401, None, None, False, False, "documented"),
    ("insufficient_credits", 402, None, None, False, False, "documented"),
    ("forbidden", 403, None, None, False, False, "client"),
    ("feature_disabled", 404, None, None, False, False, "documented"),
    ("request_timeout", 408, None, None, True, True, "documented"),
    ("payload_too_large", 413, None, None, False, False, "documented"),
    ("unprocessable_url", 422, None, None, False, True, "documented"),
    ("rate_limited", 429, None, None, True, False, "documented"),
    ("maestro_error", 500, "maestro_error", "maestro", True, False, "documented"),
    ("processing_error", 500, None, "processing", True, False, "inferred"),
    ("service_unavailable", 503, None, None, True, False, "documented"),
]

# What the errors ask a request to change: for all others, no change of it helps.
CURES = {
    "INVALID_CONFIG_OPTIONS": "config",
    "UNABLE_TO_DOWNLOAD_FILE": "url",
    "FILE_TYPE_NOT_SUPPORTED": "file",
    "FILE_SIZE_TOO_LARGE": "file",
    "CORRUPT_FILE": "file",
    "PASSWORD_PROTECTED_FILE": "password",
    "FAILED_TO_CONVERT_TO_PDF": "file",
    "FAILED_TO_CONVERT_TO_JPEG": "file",
    "FAILED_TO_GENERATE_TARGET_FORMAT": "config",
    "INVALID_REQUEST": "config",
    "UNAUTHORIZED": "credential",
    "FORBIDDEN": "credential",
    "invalid_request": "config",
    "unauthorized": "credential",
    "forbidden": "credential",
    "payload_too_large": "file",
    "unprocessable_url": "url",
}

ALL = [*extend_errors.ERRORS, *nutrient_errors.ERRORS]


def entry(errors: tuple[DocumentedError, ...], code: str) -> DocumentedError:
    (found,) = [error for error in errors if error.code == code]
    return found


def test_extend_has_the_documented_codes_and_no_others() -> None:
    """None is missing, none is invented, none is twice."""
    assert [error.code for error in extend_errors.ERRORS] == [row[0] for row in EXTEND]


@pytest.mark.parametrize(("code", "status", "retryable", "ends_runs", "basis"), EXTEND)
def test_extend_error(code: str, status: int, retryable: bool, ends_runs: bool, basis: str) -> None:
    """Each entry says what the table says; a failed run's reason is also in its webhook event."""
    error = entry(extend_errors.ERRORS, code)
    assert (error.status, error.retryable, error.basis) == (status, retryable, basis)
    assert error.surfaces == (("http", "run", "webhook") if ends_runs else ("http",))
    assert error.wire_code == code


@pytest.mark.parametrize("code", [row[0] for row in EXTEND])
def test_extend_general_errors_meet_every_endpoint_and_parse_errors_only_parse(code: str) -> None:
    """What happens to a document is an HTTP error of the synchronous endpoint only."""
    expected = () if code in EXTEND_EVERYWHERE else ("/parse",)
    assert entry(extend_errors.ERRORS, code).endpoints == expected


def test_nutrient_has_the_documented_errors_and_no_others() -> None:
    """None is missing, none is invented, none is twice."""
    assert [error.code for error in nutrient_errors.ERRORS] == [row[0] for row in NUTRIENT]


@pytest.mark.parametrize(
    ("code", "status", "wire_code", "source", "retryable", "extract_only", "basis"), NUTRIENT
)
def test_nutrient_error(
    code: str,
    status: int,
    wire_code: str | None,
    source: str | None,
    retryable: bool,
    extract_only: bool,
    basis: str,
) -> None:
    """Each entry says what the table says; Nutrient has runs and no webhooks."""
    error = entry(nutrient_errors.ERRORS, code)
    assert (error.status, error.retryable, error.basis) == (status, retryable, basis)
    assert error.wire_code == wire_code
    runs = {"invalid_request", "unprocessable_url", "maestro_error", "processing_error"}
    assert error.surfaces == (("http", "run") if code in runs else ("http",))
    if code == "feature_disabled":
        operations = ("parse", "extract", "classify", "split")
        paths = tuple(f"/extraction/{operation}/async" for operation in operations)
        assert error.endpoints == (*paths, "/extraction/split")
    else:
        assert error.endpoints == (("/extraction/extract",) if extract_only else ())
    assert nutrient_errors.DETAIL_SOURCES.get(code) == source


def test_detail_sources_name_no_other_code_and_cannot_be_changed() -> None:
    """A typo in a key would go unnoticed, as would a test that edits the catalogue."""
    assert set(nutrient_errors.DETAIL_SOURCES) == {row[0] for row in NUTRIENT if row[3]}
    with pytest.raises(TypeError):
        nutrient_errors.DETAIL_SOURCES["unauthorized"] = "request"  # type: ignore[index]


@pytest.mark.parametrize("error", ALL, ids=str)
def test_every_error_explains_itself(error: DocumentedError) -> None:
    """A failure message can always quote the page, the text on the wire and the meaning."""
    page = error.source.partition("/")[0]
    assert page in {"docs.extend.ai", "www.nutrient.io", "github.com"}
    assert (page == "github.com") == (error.basis == "client")
    for text in (error.message, error.description):
        assert text.endswith(".")
        assert "\n" not in text
        assert text == text.strip()


@pytest.mark.parametrize(
    ("name", "errors"), [("extend", extend_errors.ERRORS), ("nutrient", nutrient_errors.ERRORS)]
)
def test_every_error_is_of_its_provider_and_has_a_text_of_its_own(
    name: str, errors: tuple[DocumentedError, ...]
) -> None:
    """Two errors with one text could not be told apart in a log."""
    assert {error.provider for error in errors} == {name}
    assert len({error.message for error in errors}) == len(errors)
    assert len({error.description for error in errors}) == len(errors)


def test_no_code_is_the_name_of_a_network_fault() -> None:
    """``fail("read_timeout")`` must mean one thing."""
    assert not {error.code for error in ALL} & {fault.name for fault in FAULTS}


def test_extend_endpoints() -> None:
    """The endpoints, and which of them ask after a run."""
    assert [(item.method, item.path, item.polls) for item in extend_endpoints.ENDPOINTS] == [
        ("POST", "/parse", False),
        ("POST", "/parse_runs", False),
        ("GET", "/parse_runs", False),
        ("GET", "/parse_runs/{id}", True),
        ("DELETE", "/parse_runs/{id}", False),
        ("POST", "/parse_runs/{id}/cancel", False),
        ("POST", "/parse_runs/batch", False),
        ("GET", "/batch_runs/{id}", True),
        ("POST", "/files/upload", False),
        ("GET", "/files", False),
        ("GET", "/files/{id}", False),
        ("DELETE", "/files/{id}", False),
    ]


def test_nutrient_endpoints() -> None:
    """Those that answer at once, those that make runs, and those of the runs."""
    operations = ("parse", "extract", "classify", "split")
    assert [str(item) for item in nutrient_endpoints.ENDPOINTS] == [
        *(f"POST /extraction/{operation}" for operation in operations),
        *(f"POST /extraction/{operation}/async" for operation in operations),
        "POST /extraction/uploads",
        "GET /extraction/runs/{runId}",
        "GET /extraction/runs",
        "DELETE /extraction/runs/{runId}",
        "POST /extraction/runs/{runId}/cancel",
        "GET /extraction/runs/{runId}/assets/result",
    ]
    flags = ("submits", "polls", "result")
    found = {
        flag: [item.path for item in nutrient_endpoints.ENDPOINTS if getattr(item, flag)]
        for flag in flags
    }
    assert found == {
        "submits": [f"/extraction/{operation}/async" for operation in operations],
        "polls": ["/extraction/runs/{runId}"],
        "result": ["/extraction/runs/{runId}/assets/result"],
    }


@pytest.mark.parametrize(
    ("errors", "endpoints"),
    [
        (extend_errors.ERRORS, extend_endpoints.ENDPOINTS),
        (nutrient_errors.ERRORS, nutrient_endpoints.ENDPOINTS),
    ],
    ids=["extend", "nutrient"],
)
def test_errors_name_only_endpoints_that_exist_and_endpoints_have_a_source(
    errors: tuple[DocumentedError, ...], endpoints: tuple[Endpoint, ...]
) -> None:
    """An error of an unknown endpoint would wait forever."""
    named = {path for error in errors for path in error.endpoints}
    assert named <= {endpoint.path for endpoint in endpoints}
    assert all(endpoint.source for endpoint in endpoints)


def test_addresses() -> None:
    """Every documented host is known, or a call to it would reach the network."""
    assert extend_endpoints.BASE_URL == "https://api.extend.ai"
    assert extend_endpoints.HOSTS == ("api.extend.ai", "api.us2.extend.app", "api.eu1.extend.ai")
    assert nutrient_endpoints.BASE_URL == "https://api.nutrient.io"
    assert nutrient_endpoints.HOSTS == ("api.nutrient.io",)


def test_credentials_look_like_the_providers_own() -> None:
    """A consumer that checks the prefix of its key must accept them."""
    assert extend_endpoints.API_KEY.startswith("sk_")
    assert nutrient_endpoints.API_KEY.startswith("pdf_test_")


@pytest.mark.parametrize(
    ("module", "topics"),
    [
        (
            extend_endpoints,
            "retryable server_errors rate_limits final_errors backoff retry_after request_id "
            "timeout polling webhook",
        ),
        # Its pages know no Retry-After and state no time-out.
        (
            nutrient_endpoints,
            "retryable rate_limits final_errors backoff request_id polling idempotency",
        ),
    ],
    ids=["extend", "nutrient"],
)
def test_advice_has_only_topics_that_a_page_states(module: object, topics: str) -> None:
    """A check may accuse a consumer only of what the provider asks for."""
    advice = module.ADVICE  # type: ignore[attr-defined]
    assert [item.topic for item in advice] == topics.split()
    assert all(item.text.endswith(".") for item in advice)
    assert {item.source.partition("/")[0] for item in advice} <= {
        "docs.extend.ai",
        "www.nutrient.io",
    }


def test_entries_cannot_be_changed() -> None:
    """One test must not change what the next one sees."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        extend_errors.ERRORS[0].status = 500  # type: ignore[misc]


def test_tables_make_a_provider() -> None:
    """The built-in providers are made as a third party makes its own."""
    provider = Provider(
        name="extend", base_url=extend_endpoints.BASE_URL, errors=extend_errors.ERRORS
    )
    assert provider.hosts == ("api.extend.ai",)
    assert str(provider.errors[9]) == "extend-OCR_ERROR"


def test_only_final_errors_have_a_cure() -> None:
    assert {error.code: error.cured_by for error in ALL if error.cured_by} == CURES
    assert not any(error.retryable for error in ALL if error.cured_by)


@pytest.mark.parametrize("provider", built_in_providers(), ids=lambda provider: provider.name)
def test_each_source_says_when_it_was_read(provider: Provider) -> None:
    sourced = [*provider.errors, *provider.own_errors, *provider.endpoints, *provider.advice]
    sourced += [provider.api_version] if provider.api_version is not None else []
    assert all(bool(item.source) == bool(item.source_read) for item in sourced)
    assert all(date.fromisoformat(item.source_read) for item in sourced if item.source_read)


@pytest.mark.parametrize(
    ("name", "path"), [("extend", "/parse"), ("nutrient", "/extraction/parse")]
)
def test_the_main_endpoint_is_the_one_that_parses(name: str, path: str) -> None:
    (provider,) = [item for item in built_in_providers() if item.name == name]
    assert provider.main_endpoint == path
    assert path in [endpoint.path for endpoint in provider.endpoints]


def test_the_main_endpoint_is_the_first_by_default() -> None:
    assert Provider(name="acme", base_url="https://api.acme.example").main_endpoint == "/parse"
