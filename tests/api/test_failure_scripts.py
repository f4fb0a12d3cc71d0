"""Scripts that Hypothesis draws: their contents, how they are used, and how they shrink."""

from __future__ import annotations

import contextlib
from random import Random

import httpx
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from pytest_parseapi import DocumentedError, Provider
from pytest_parseapi.api.drawn_script import FailureScript, ScriptedFailure
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.strategies import failure_scripts

pytest_plugins = ["pytester"]

QUICK = settings(
    max_examples=60,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ACME = Provider(
    name="acme",
    base_url="https://api.acme.example",
    errors=(
        DocumentedError(provider="acme", code="BUSY", status=503, retryable=True, message="Later."),
    ),
)


def script(*names, provider="extend", surface="http"):
    failures = tuple(ScriptedFailure(name=name, surface=surface) for name in names)
    return FailureScript(provider, failures, "extend_api" if provider == "extend" else "api")


def send(api, times=1):
    for _ in range(times):
        with contextlib.suppress(httpx.TransportError):
            httpx.post(
                f"{api.base_url}/parse",
                json={"file": {"url": "https://files.example.com/a.pdf"}},
                headers={"authorization": f"Bearer {api.api_key}"},
                timeout=5,
            )


def met(api):
    return [getattr(item.error, "code", item.error) for item in api.attempts if item.failed]


def mistake(function, *args, **kwargs):
    with pytest.raises(UsageError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_repr_of_a_script_is_valid_code_to_paste():
    failures = (
        *(ScriptedFailure(name="INTERNAL_ERROR"),) * 2,
        ScriptedFailure(name="RATE_LIMIT_EXCEEDED", retry_after=3),
        ScriptedFailure(name="INTERNAL_ERROR"),
    )
    drawn = FailureScript("extend", failures, "extend_api")
    assert str(drawn) == (
        'extend_api.fail("INTERNAL_ERROR", times=2)\n'
        'extend_api.fail("RATE_LIMIT_EXCEEDED", retry_after=3)\n'
        'extend_api.fail("INTERNAL_ERROR")'
    )
    assert repr(drawn) == (
        "<FailureScript extend: INTERNAL_ERROR, INTERNAL_ERROR, RATE_LIMIT_EXCEEDED, "
        "INTERNAL_ERROR>"
    )
    assert len(drawn) == 4
    assert list(drawn) == list(failures)


def test_runs_fail_by_fail_run_and_other_providers_have_no_fixture():
    assert str(script("OCR_ERROR", surface="run")) == 'extend_api.fail_run("OCR_ERROR")'
    assert str(script("BUSY", provider="acme")) == 'api.fail("BUSY")'


@settings(max_examples=200, database=None, deadline=None)
@given(drawn=failure_scripts("extend", max_size=4))
def test_every_drawn_failure_meets_the_main_endpoint(drawn):
    assert 1 <= len(drawn) <= 4
    assert all(item.surface == "http" for item in drawn)
    assert all(item.retry_after is None or item.name == "RATE_LIMIT_EXCEEDED" for item in drawn)


@pytest.mark.parametrize(
    ("strategy", "names"),
    [
        (failure_scripts("extend"), {"OCR_ERROR", "CORRUPT_FILE", "read_timeout", "invalid_json"}),
        (failure_scripts("extend", surface="run"), {"OCR_ERROR", "CORRUPT_FILE"}),
        (failure_scripts("nutrient"), {"maestro_error", "rate_limited", "connect_error"}),
        (failure_scripts(ACME), {"BUSY", "empty_body"}),
    ],
    ids=["extend", "extend runs", "nutrient", "third party"],
)
def test_every_error_and_fault_can_be_drawn(strategy, names):
    for name in names:
        found = find(strategy, lambda drawn, name=name: name in [item.name for item in drawn])
        assert [item.name for item in found] == [name]


@pytest.mark.parametrize("seed", range(3))
def test_a_documented_error_is_found_where_a_network_fault_breaks_the_consumer_too(seed):
    limits = {"RATE_LIMIT_EXCEEDED", "bad_gateway_html", "service_unavailable_html"}

    def breaks(drawn):
        names = [item.name for item in drawn]
        return "OCR_ERROR" in names and not limits.isdisjoint(names[names.index("OCR_ERROR") :])

    found = find(failure_scripts("extend"), breaks, random=Random(seed))
    assert [item.name for item in found] == ["OCR_ERROR", "RATE_LIMIT_EXCEEDED"]


@settings(max_examples=300, database=None, deadline=None)
@given(data=st.data())
def test_what_only_other_endpoints_document_and_what_is_excluded_is_not_drawn(data):
    drawn = data.draw(failure_scripts("nutrient", exclude=("maestro_error", "read_timeout")))
    unwanted = {"request_timeout", "unprocessable_url", "maestro_error", "read_timeout"}
    assert unwanted.isdisjoint(item.name for item in drawn)


def test_a_script_without_failure_is_drawn_on_request():
    assert len(find(failure_scripts("extend", min_size=0), lambda drawn: True)) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"provider": "extnd"}, "unknown provider 'extnd': did you mean 'extend'?"),
        ({"surface": "htp"}, "unknown surface 'htp': did you mean 'http'?"),
        ({"surface": "webhook"}, "unknown surface 'webhook': known: http, run"),
        ({"exclude": "OCR_EROR"}, "unknown extend error 'OCR_EROR': did you mean 'OCR_ERROR'?"),
        ({"min_size": 3, "max_size": 2}, "0 <= min_size <= max_size, not 3 and 2"),
    ],
)
def test_a_mistake_raises_at_once(arguments, message):
    provider = arguments.pop("provider", "extend")
    assert mistake(failure_scripts, provider, **arguments).startswith(message)


def test_a_script_is_played_in_its_order_and_replaces_the_one_before(extend_api):
    extend_api.script(script("CORRUPT_FILE"))
    extend_api.script(script("INTERNAL_ERROR", "read_timeout", "INTERNAL_ERROR"))
    send(extend_api, 4)
    assert met(extend_api) == ["INTERNAL_ERROR", "read_timeout", "INTERNAL_ERROR"]


def test_a_script_may_stay_unused(extend_api):
    extend_api.script(script("INTERNAL_ERROR", "INTERNAL_ERROR"))
    send(extend_api)
    assert met(extend_api) == ["INTERNAL_ERROR"]


def test_what_is_scripted_after_a_reset_must_be_met_again(nested):
    result = nested(
        """
        from pytest_parseapi.api.drawn_script import FailureScript, ScriptedFailure

        def test_it(extend_api):
            extend_api.script(FailureScript("extend", (ScriptedFailure(name="OCR_ERROR"),)))
            extend_api.reset()
            extend_api.fail("OCR_ERROR")
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*scripted failures that no request met:*"])


def test_a_script_of_failing_runs(extend_api):
    extend_api.script(script("OCR_ERROR", "OCR_ERROR", surface="run"))
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    for _ in range(3):
        url = f"{extend_api.base_url}/parse_runs"
        body = {"file": {"url": "https://files.example.com/a.pdf"}}
        run = httpx.post(url, json=body, headers=headers).json()
        for _ in range(2):
            httpx.get(f"{url}/{run['id']}", headers=headers)
    assert [run.failure_reason for run in extend_api.runs] == ["OCR_ERROR", "OCR_ERROR", None]


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        ("OCR_ERROR", "script() plays what failure_scripts() draws, not 'OCR_ERROR'"),
        (
            script("maestro_error", provider="nutrient"),
            "a script of nutrient cannot be played by <ParseAPI extend>",
        ),
    ],
)
def test_only_scripts_of_the_same_provider_are_played(extend_api, drawn, message):
    assert mistake(extend_api.script, drawn) == message


@QUICK
@given(drawn=failure_scripts("extend"))
def test_each_example_starts_with_a_clean_record(extend_api, drawn):
    extend_api.script(drawn)
    assert extend_api.attempts == []
    send(extend_api, len(drawn) + 1)
    assert met(extend_api) == [item.name for item in drawn]


def test_the_smallest_example_is_printed_as_lines_to_paste(nested):
    result = nested(
        """
        import httpx
        from hypothesis import HealthCheck, given, settings
        from pytest_parseapi.strategies import failure_scripts

        @settings(
            database=None, derandomize=True, deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture],
        )
        @given(drawn=failure_scripts("nutrient"))
        def test_it(nutrient_api, drawn):
            nutrient_api.script(drawn)
            statuses = []
            for _ in range(len(drawn) + 1):
                try:
                    statuses.append(httpx.post(
                        "https://api.nutrient.io/extraction/parse",
                        content=b"%PDF-1.7",
                        headers={"authorization": "Bearer pdf_live_x",
                                 "content-type": "application/pdf"},
                        timeout=5,
                    ).status_code)
                except httpx.TransportError:
                    pass
            assert statuses.count(500) < 2 or 429 not in statuses
        """,
        "--show-capture=no",
        plugins=["hypothesispytest"],
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *failures of nutrient, to paste:",
            'E *    nutrient_api.fail("rate_limited")',
            'E *    nutrient_api.fail("maestro_error", times=2)',
        ]
    )
    result.stdout.fnmatch_lines(["*drawn=<FailureScript nutrient: rate_limited, maestro_error,*"])
