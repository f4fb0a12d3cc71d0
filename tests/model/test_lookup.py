"""The names by which a test may call an error or an endpoint, and the messages for wrong ones."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import FAULTS, NetworkFault
from pytest_parseapi.model.lookup import endpoint_named, resolve
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.selection import select
from pytest_parseapi.providers.extend.provider import EXTEND
from pytest_parseapi.providers.nutrient.provider import NUTRIENT

BUSY = DocumentedError(
    provider="acme", code="BUSY", status=503, retryable=True, message="Busy.", surfaces=("run",)
)
ACME = Provider(name="acme", base_url="https://api.acme.example", errors=(BUSY,))
PROVIDERS = (EXTEND, NUTRIENT, ACME)

RUN_CODES = (
    "INVALID_CONFIG_OPTIONS, UNABLE_TO_DOWNLOAD_FILE, FILE_TYPE_NOT_SUPPORTED, "
    "FILE_SIZE_TOO_LARGE, CORRUPT_FILE, PASSWORD_PROTECTED_FILE, FAILED_TO_CONVERT_TO_PDF, "
    "FAILED_TO_CONVERT_TO_JPEG, FAILED_TO_GENERATE_TARGET_FORMAT, OCR_ERROR, CHUNKING_ERROR, "
    "INTERNAL_ERROR, OUT_OF_CREDITS"
)


def code_of(provider: Provider, name: Any, **options: Any) -> str:
    found = resolve(provider, name, **options)
    return found.name if isinstance(found, NetworkFault) else found.code


def wrong(function: Any, *args: Any, **options: Any) -> str:
    """The message of the mistake; it must stay on one line."""
    with pytest.raises(UsageError) as caught:
        function(*args, **options)
    (message,) = caught.value.args
    assert "\n" not in message
    return str(message)


@pytest.mark.parametrize("error", [*EXTEND.errors, *NUTRIENT.errors], ids=str)
def test_every_error_is_found_by_its_code_and_by_itself(error: DocumentedError) -> None:
    """Also where the other provider has a code that differs by case only."""
    provider = EXTEND if error.provider == "extend" else NUTRIENT
    assert resolve(provider, error.code, others=PROVIDERS) is error
    assert resolve(provider, error, others=PROVIDERS) is error


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_every_network_fault_is_found_by_its_name_and_by_itself(fault: NetworkFault) -> None:
    """For any provider, since none documents them."""
    assert resolve(EXTEND, fault.name) is fault
    assert resolve(NUTRIENT, fault) is fault


@pytest.mark.parametrize(
    ("provider", "status", "code"),
    [
        (EXTEND, 401, "UNAUTHORIZED"),
        (EXTEND, 403, "FORBIDDEN"),
        (EXTEND, 404, "NOT_FOUND"),
        (EXTEND, 410, "ENDPOINT_REMOVED"),
        (EXTEND, 429, "RATE_LIMIT_EXCEEDED"),
        (EXTEND, HTTPStatus.TOO_MANY_REQUESTS, "RATE_LIMIT_EXCEEDED"),
        (NUTRIENT, 400, "invalid_request"),
        (NUTRIENT, 402, "insufficient_credits"),
        (NUTRIENT, 408, "request_timeout"),
        (NUTRIENT, 503, "service_unavailable"),
    ],
)
def test_a_status_of_one_error_names_it(provider: Provider, status: int, code: str) -> None:
    """Members of ``HTTPStatus`` are ints too."""
    assert code_of(provider, status) == code


def test_a_status_may_be_ambiguous_on_one_surface_only() -> None:
    """402 is two errors over HTTP, but only one that a run ends with."""
    assert wrong(resolve, EXTEND, 402) == (
        "status 402 is ambiguous for extend: OUT_OF_CREDITS, USAGE_BLOCKED"
    )
    assert code_of(EXTEND, 402, surface="run") == "OUT_OF_CREDITS"


@pytest.mark.parametrize("surface", ["run", "webhook"])
@pytest.mark.parametrize("code", RUN_CODES.split(", "))
def test_every_failure_reason_is_found_for_runs_and_webhooks(code: str, surface: str) -> None:
    """All thirteen."""
    assert code_of(EXTEND, code, surface=surface) == code


def test_an_error_with_another_message_stays_as_it_is() -> None:
    """``dataclasses.replace`` is how a test varies one."""
    varied = replace(EXTEND.errors[9], message="Another text.")
    assert resolve(EXTEND, varied) is varied


@pytest.mark.parametrize(
    ("provider", "name", "message"),
    [
        (EXTEND, "OCR_EROR", "unknown extend error 'OCR_EROR': did you mean 'OCR_ERROR'?"),
        (
            EXTEND,
            "CONVERT_TO_PDF",
            "unknown extend error 'CONVERT_TO_PDF': did you mean 'FAILED_TO_CONVERT_TO_PDF' or "
            "'FAILED_TO_CONVERT_TO_JPEG'?",
        ),
        (
            EXTEND,
            "read_timout",
            "unknown extend error 'read_timout': did you mean 'read_timeout' or 'connect_timeout'?",
        ),
        (EXTEND, "ocr_error", "extend has no error 'ocr_error': its name is 'OCR_ERROR'"),
        (EXTEND, "Read_Timeout", "extend has no error 'Read_Timeout': its name is 'read_timeout'"),
        (NUTRIENT, "Forbidden", "nutrient has no error 'Forbidden': its name is 'forbidden'"),
        (
            EXTEND,
            "rate_limited",
            "'rate_limited' is documented by nutrient, not by extend: use nutrient_api",
        ),
        (
            NUTRIENT,
            "OCR_ERROR",
            "'OCR_ERROR' is documented by extend, not by nutrient: use extend_api",
        ),
        (
            EXTEND,
            "BUSY",
            "'BUSY' is documented by acme, not by extend: use parseapi_factory('acme')",
        ),
        (
            EXTEND,
            "unauthorized",
            "'unauthorized' is documented by nutrient, not by extend (there it is 'UNAUTHORIZED'): "
            "use nutrient_api",
        ),
        (EXTEND, "429", "'429' is a text: name a status by a number, 429"),
        (
            EXTEND,
            500,
            "status 500 is ambiguous for extend: OCR_ERROR, CHUNKING_ERROR, INTERNAL_ERROR",
        ),
        (NUTRIENT, 500, "status 500 is ambiguous for nutrient: maestro_error, processing_error"),
        (
            EXTEND,
            505,
            "status 505 is not documented for HTTP replies of extend: "
            "known: 400, 401, 402, 403, 404, 410, 422, 429, 500, 502, 503, 504",
        ),
        (
            NUTRIENT,
            502,
            "status 502 is not documented for HTTP replies of nutrient: "
            "known: 400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 503; "
            "network faults that send it: bad_gateway_html",
        ),
        (
            EXTEND,
            0,
            "status 0 is not documented for HTTP replies of extend: "
            "known: 400, 401, 402, 403, 404, 410, 422, 429, 500, 502, 503, 504; "
            "how often a failure is met is times=0",
        ),
        (
            EXTEND,
            NUTRIENT.errors[8],
            "'rate_limited' is documented by nutrient, not by extend: use nutrient_api",
        ),
        (
            EXTEND,
            replace(EXTEND.errors[9], code="OCR_ERRORS"),
            "unknown extend error 'OCR_ERRORS': did you mean 'OCR_ERROR'?",
        ),
        (
            EXTEND,
            NetworkFault(name="read_timeouts", kind="network", description="mine"),
            "unknown network fault 'read_timeouts': did you mean 'read_timeout' or "
            "'connect_timeout'?",
        ),
    ],
)
def test_a_wrong_name_gets_the_nearest_one(provider: Provider, name: Any, message: str) -> None:
    """One line, with the nearest names that exist."""
    assert wrong(resolve, provider, name, others=PROVIDERS) == message


def test_a_name_without_a_near_one_gets_the_whole_list() -> None:
    """Better a long message than none."""
    assert wrong(resolve, EXTEND, "a\nb") == (
        f"unknown extend error 'a\\nb': known: {RUN_CODES}, INVALID_REQUEST, UNAUTHORIZED, "
        "FORBIDDEN, NOT_FOUND, RATE_LIMIT_EXCEEDED, USAGE_BLOCKED, ENDPOINT_REMOVED, "
        "connect_error, connect_timeout, read_timeout, connection_reset, truncated_body, "
        "bad_gateway_html, service_unavailable_html, gateway_timeout_html, empty_body, "
        "invalid_json, unknown_code, missing_request_id"
    )


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        (True, "True"),
        (False, "False"),
        (None, "None"),
        (500.0, "float: how often a failure is met is times=, an integer"),
        (math.inf, "float: write times=ALWAYS"),
        (b"OCR_ERROR", "bytes"),
        (["OCR_ERROR"], "list: give each error as an argument of its own"),
        (ValueError("OCR_ERROR"), "ValueError"),
        (
            httpx.ReadTimeout,
            "type: ReadTimeout is an exception: name the network fault that raises it, "
            "'read_timeout'",
        ),
        (
            requests.exceptions.ConnectTimeout(),
            "ConnectTimeout: ConnectTimeout is an exception: name the network fault that raises "
            "it, 'connect_timeout'",
        ),
        (
            json.JSONDecodeError,
            "type: JSONDecodeError is an exception: name the network fault that raises it, "
            "'invalid_json'",
        ),
        (dt.timedelta(seconds=5), "timedelta: when to retry is retry_after="),
        (Path("b.pdf"), "PosixPath: which document fails is document="),
        (lambda request: True, "function: which requests fail is when="),
        (NUTRIENT, "Provider: the provider is chosen by the fixture nutrient_api"),
    ],
)
def test_a_name_of_the_wrong_type(name: Any, seen: str) -> None:
    """``True`` is an int in Python and no status."""
    assert wrong(resolve, EXTEND, name) == (
        "an error is named by its code, its status (an int), a DocumentedError or a network "
        f"fault, not by {seen}"
    )


def test_the_exception_of_a_request_fails_no_run() -> None:
    """The advice for requests would be refused as well."""
    assert wrong(resolve, EXTEND, httpx.ReadTimeout, surface="run") == (
        "an error is named by its code, its status (an int) or a DocumentedError, not by type: "
        "ReadTimeout is an exception: a request meets it, by fail('read_timeout'), and no run does"
    )


@pytest.mark.parametrize(
    ("choose", "place", "way"),
    [
        (resolve, "marker", "the marker parse_error"),
        (resolve, "option", "--fail"),
        (
            lambda provider, name, *, surface: select(provider, codes=name, surface=surface),
            "marker",
            "surface='http'",
        ),
    ],
)
def test_an_error_of_another_surface_gets_the_method_that_scripts_it(choose, place, way) -> None:
    """In the words of where it was written."""
    with pytest.raises(UsageError) as caught:
        choose(EXTEND, "RATE_LIMIT_EXCEEDED", surface="run")
    assert str(caught.value.written_in(place)) == (
        "'RATE_LIMIT_EXCEEDED' is documented for HTTP replies, not for run failures of extend: "
        f"use {way}; known: {RUN_CODES}"
    )


@pytest.mark.parametrize(
    ("provider", "name", "surface", "message"),
    [
        (
            EXTEND,
            "RATE_LIMIT_EXCEEDED",
            "run",
            "'RATE_LIMIT_EXCEEDED' is documented for HTTP replies, not for run failures of extend: "
            f"use fail(); known: {RUN_CODES}",
        ),
        (
            EXTEND,
            EXTEND.errors[14],
            "webhook",
            "'UNAUTHORIZED' is documented for HTTP replies, not for webhook events of extend: "
            f"known: {RUN_CODES}",
        ),
        (
            EXTEND,
            "read_timeout",
            "run",
            "'read_timeout' is a network fault, not for run failures of extend: "
            f"use fail(); known: {RUN_CODES}",
        ),
        (
            EXTEND,
            FAULTS[0],
            "webhook",
            "'connect_error' is a network fault, not for webhook events of extend: "
            f"known: {RUN_CODES}",
        ),
        (
            EXTEND,
            429,
            "run",
            "status 429 is not documented for run failures of extend: known: 400, 402, 422, 500",
        ),
        (
            EXTEND,
            502,
            "run",
            "status 502 is not documented for run failures of extend: known: 400, 402, 422, 500",
        ),
        (
            EXTEND,
            "RATE_LIMIT_EXCEEDE",
            "run",
            f"unknown extend error 'RATE_LIMIT_EXCEEDE': known: {RUN_CODES}",
        ),
        (
            NUTRIENT,
            "rate_limited",
            "run",
            "'rate_limited' is documented for HTTP replies, not for run failures of nutrient: "
            "use fail(); known: invalid_request, unprocessable_url, maestro_error, "
            "processing_error",
        ),
        (
            ACME,
            "BUSY",
            "http",
            "'BUSY' is documented for run failures, not for HTTP replies of acme: "
            "use fail_run(); known: none",
        ),
        (EXTEND, "OCR_ERROR", "runs", "unknown surface 'runs': did you mean 'run'?"),
        (EXTEND, "OCR_ERROR", None, "surface: not None, but one of http, run, webhook"),
    ],
)
def test_an_error_that_never_appears_there(
    provider: Provider, name: Any, surface: Any, message: str
) -> None:
    """The script would wait forever."""
    assert wrong(resolve, provider, name, surface=surface) == message


def test_mistakes_pass_through_a_consumer_that_catches_everything() -> None:
    """The same for a retry loop's ``except Exception``."""
    assert not issubclass(UsageError, Exception)


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ({"surface": "run"}, RUN_CODES),
        ({"surface": "webhook"}, RUN_CODES),
        ({"retryable": True}, "OCR_ERROR, CHUNKING_ERROR, INTERNAL_ERROR, RATE_LIMIT_EXCEEDED"),
        ({"retryable": True, "surface": "run"}, "OCR_ERROR, CHUNKING_ERROR, INTERNAL_ERROR"),
        ({"retryable": False, "status": 402}, "OUT_OF_CREDITS, USAGE_BLOCKED"),
        ({"status": (429, 401)}, "UNAUTHORIZED, RATE_LIMIT_EXCEEDED"),
        ({"status": HTTPStatus.NOT_FOUND}, "NOT_FOUND"),
        ({"status": range(403, 405)}, "FORBIDDEN, NOT_FOUND"),
        ({"codes": "OCR_ERROR"}, "OCR_ERROR"),
        ({"codes": ["NOT_FOUND", "CORRUPT_FILE"]}, "CORRUPT_FILE, NOT_FOUND"),
        ({"codes": {"OCR_ERROR", "CORRUPT_FILE"}, "retryable": True}, "OCR_ERROR"),
        ({"status": 500, "exclude": "OCR_ERROR"}, "CHUNKING_ERROR, INTERNAL_ERROR"),
        ({"status": 500, "exclude": ("OCR_ERROR", "INTERNAL_ERROR")}, "CHUNKING_ERROR"),
        ({"status": 500, "basis": "documented"}, "OCR_ERROR, INTERNAL_ERROR"),
        ({"status": 500, "basis": ["client", "inferred"]}, "CHUNKING_ERROR"),
        ({"codes": (code for code in ["OCR_ERROR"])}, "OCR_ERROR"),
    ],
)
def test_arguments_narrow_the_choice_together(options: dict[str, Any], codes: str) -> None:
    """In the order of the catalogue, whatever the order of the arguments."""
    assert ", ".join(error.code for error in select(EXTEND, **options)) == codes


def test_without_arguments_every_http_error_is_chosen() -> None:
    """All twenty and all eleven."""
    assert select(EXTEND) == EXTEND.errors
    assert len(select(EXTEND)) == 20


def test_by_default_an_error_is_one_of_the_main_endpoint() -> None:
    """What only another endpoint documents takes ``endpoint`` or ``codes``."""
    rest = {"request_timeout", "unprocessable_url", "feature_disabled"}
    everything = {error.code for error in NUTRIENT.errors}
    assert {error.code for error in select(NUTRIENT)} == everything - rest
    extract = "/extraction/extract"
    assert {error.code for error in select(NUTRIENT, endpoint=extract)} == everything - {
        "feature_disabled"
    }
    assert [error.code for error in select(NUTRIENT, codes="request_timeout")] == [
        "request_timeout"
    ]
    general = "INTERNAL_ERROR, INVALID_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, "
    general += "RATE_LIMIT_EXCEEDED, USAGE_BLOCKED, ENDPOINT_REMOVED"
    assert ", ".join(error.code for error in select(EXTEND, endpoint="/parse_runs")) == general


@pytest.mark.parametrize(
    ("provider", "options", "message"),
    [
        (
            NUTRIENT,
            {"status": 408},
            "no documented error of nutrient fits: surface='http', status=(408,); other endpoints "
            "document what fits: endpoint='/extraction/extract'",
        ),
        (
            EXTEND,
            {"endpoint": "/parse_runs", "status": 422},
            "no documented error of extend fits: surface='http', endpoint='/parse_runs', "
            "status=(422,); other endpoints document what fits: endpoint='/parse'",
        ),
        (
            EXTEND,
            {"endpoint": "/parse", "surface": "run"},
            "endpoint is for HTTP replies: run failures come from no endpoint, so leave "
            "endpoint='/parse' or surface='run' out",
        ),
        (
            EXTEND,
            {"endpoint": "/pars"},
            "unknown extend endpoint '/pars': did you mean '/parse' or '/parse_runs'?",
        ),
        (
            EXTEND,
            {"endpoint": "/extraction/parse"},
            "'/extraction/parse' is documented by nutrient, not by extend: use nutrient_api",
        ),
        (
            EXTEND,
            {"codes": "read_timeout"},
            "codes: 'read_timeout' is a network fault, and each_parse_error lists documented "
            "errors: script it with parse_error('read_timeout')",
        ),
        (
            EXTEND,
            {"exclude": "maestro_error"},
            "'maestro_error' is documented by nutrient, not by extend: use nutrient_api",
        ),
        (EXTEND, {"codes": [500]}, "codes names errors by their code, not by int"),
    ],
)
def test_a_choice_by_endpoint_or_by_what_another_list_knows(
    provider: Provider, options: dict[str, Any], message: str
) -> None:
    """The message says where it is known."""
    assert wrong(select, provider, others=PROVIDERS, **options) == message


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (502, "bad_gateway_html"),
        (503, "service_unavailable_html"),
        (504, "gateway_timeout_html"),
    ],
)
def test_a_status_of_a_gateway_is_its_page_where_any_5xx_is_to_be_retried(
    status: int, fault: str
) -> None:
    """Extend's page speaks of any 5xx, without a body."""
    assert code_of(EXTEND, status) == fault


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("b.pdf", "'b.pdf' is no error: write document='b.pdf'"),
        ("https://a.example/b", "'https://a.example/b' is no error: write document="),
        ("/parse_runs", "'/parse_runs' is no error: write endpoint='/parse_runs'"),
        (3, "how often a failure is met is times=3"),
    ],
)
def test_a_positional_argument_gets_the_name_to_use(name: Any, message: str) -> None:
    """``fail`` takes errors by position, and nothing else."""
    assert message in wrong(resolve, EXTEND, name)


def test_a_mistake_names_the_method_or_marker() -> None:
    """A method has no ``provider``, and a command line no fixture."""
    with pytest.raises(UsageError) as caught:
        resolve(EXTEND, "maestro_error", others=PROVIDERS)
    said = "'maestro_error' is documented by nutrient, not by extend"
    assert str(caught.value) == f"{said}: use nutrient_api"
    marker = caught.value.written_in("marker")
    assert str(marker) == f"{said}: pass provider='nutrient' or use nutrient_api"
    assert str(caught.value.written_in("option")) == f"{said}: serve nutrient"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"surface": "runs"}, "unknown surface 'runs': did you mean 'run'?"),
        ({"basis": "infered"}, "unknown basis 'infered': did you mean 'inferred'?"),
        ({"basis": 1}, "basis: not int, but one of documented, client, inferred"),
        ({"codes": "OCR_EROR"}, "unknown extend error 'OCR_EROR': did you mean 'OCR_ERROR'?"),
        ({"exclude": ["OCR_EROR"]}, "unknown extend error 'OCR_EROR': did you mean 'OCR_ERROR'?"),
        (
            {"codes": "rate_limit_exceeded"},
            "extend has no error 'rate_limit_exceeded': its name is 'RATE_LIMIT_EXCEEDED'",
        ),
        (
            {"status": 503},
            "status 503 is not documented by extend: "
            "known: 400, 401, 402, 403, 404, 410, 422, 429, 500",
        ),
        ({"status": "500"}, "a status is a number, not str"),
        ({"status": [500, True]}, "a status is a number, not True"),
        ({"retryable": "yes"}, "retryable is True, False or None, not str"),
        ({"retryable": 1}, "retryable is True, False or None, not int"),
        (
            {"codes": ["OCR_ERROR", "RATE_LIMIT_EXCEEDED"], "surface": "run"},
            "'RATE_LIMIT_EXCEEDED' is documented for HTTP replies, not for run failures of extend: "
            f"use fail(); known: {RUN_CODES}",
        ),
        (
            {"surface": "run", "status": 429},
            "no documented error of extend fits: surface='run', status=(429,)",
        ),
        (
            {"retryable": True, "status": [400, 422], "exclude": "OCR_ERROR"},
            "no documented error of extend fits: surface='http', retryable=True, "
            "status=(400, 422), exclude=('OCR_ERROR',)",
        ),
        (
            {"codes": (), "basis": "client"},
            "no documented error of extend fits: surface='http', codes=(), basis=('client',)",
        ),
    ],
)
def test_a_wrong_or_empty_choice_says_so(options: dict[str, Any], message: str) -> None:
    """A test that runs for no error would pass unseen."""
    assert wrong(select, EXTEND, **options) == message


def test_a_provider_without_runs() -> None:
    """Acme's API is synchronous."""
    lone = Provider(name="lone", base_url="https://lone.example", errors=ACME.errors[:0])
    assert wrong(select, lone, surface="run") == ("no documented error of lone fits: surface='run'")


@pytest.mark.parametrize(
    ("name", "endpoints"),
    [
        ("/parse", ["POST /parse"]),
        ("/parse/", ["POST /parse"]),
        ("POST /parse", ["POST /parse"]),
        (" post  /parse ", ["POST /parse"]),
        ("/parse_runs", ["POST /parse_runs", "GET /parse_runs"]),
        ("GET /parse_runs", ["GET /parse_runs"]),
        ("/parse_runs/{id}", ["GET /parse_runs/{id}", "DELETE /parse_runs/{id}"]),
        ("/parse_runs/pr_1", ["GET /parse_runs/{id}", "DELETE /parse_runs/{id}"]),
        ("DELETE /parse_runs/pr_1", ["DELETE /parse_runs/{id}"]),
        ("/parse_runs/pr_1/cancel", ["POST /parse_runs/{id}/cancel"]),
        ("/parse_runs/batch", ["POST /parse_runs/batch"]),
        ("GET /batch_runs/bpar_1", ["GET /batch_runs/{id}"]),
    ],
)
def test_an_endpoint_by_template_or_path(name: str, endpoints: list[str]) -> None:
    """A template goes before a path that another template matches."""
    assert [str(endpoint) for endpoint in endpoint_named(EXTEND, name)] == endpoints


@pytest.mark.parametrize(
    ("provider", "name", "message"),
    [
        (
            EXTEND,
            "/pars",
            "unknown extend endpoint '/pars': did you mean '/parse' or '/parse_runs'?",
        ),
        (
            EXTEND,
            "parse",
            "unknown extend endpoint 'parse': did you mean '/parse' or '/parse_runs'?",
        ),
        (
            EXTEND,
            "PUT /parse",
            "unknown extend endpoint 'PUT /parse': did you mean 'POST /parse' or "
            "'POST /parse_runs' or 'GET /parse_runs'?",
        ),
        (
            NUTRIENT,
            "/parse",
            "unknown nutrient endpoint '/parse': did you mean '/extraction/parse/async' or "
            "'/extraction/parse'?",
        ),
        (
            NUTRIENT,
            "",
            "unknown nutrient endpoint '': known: "
            + ", ".join(dict.fromkeys(endpoint.path for endpoint in NUTRIENT.endpoints)),
        ),
        (NUTRIENT, 7, "an endpoint is named by its path, not by int"),
    ],
)
def test_an_unknown_endpoint_gets_the_nearest_one(
    provider: Provider, name: Any, message: str
) -> None:
    """A script for an endpoint that nobody can call would wait forever."""
    assert wrong(endpoint_named, provider, name) == message
