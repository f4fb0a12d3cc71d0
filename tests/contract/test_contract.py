"""`ParseErrorContract` and ``--parseapi-contract``, as users see them."""

from __future__ import annotations

import subprocess
import sys
import unittest

import pytest

from pytest_parseapi import ParseErrorContract
from pytest_parseapi.contract.policy import RULES, ContractPolicy

CLIENT = """
import asyncio
import logging
import time

import httpx

PERMANENT = "{permanent}"


class Failed(Exception):
    pass


def judge(response):
    try:
        body = response.json()
    except ValueError:
        body = {{}}
    if response.status_code == 200 and body.get("status") == "PROCESSED":
        return body["output"], None
    logging.error("failed: %s", body.get("requestId"))
    return None, response.status_code in (200, 429) or response.status_code >= 500


def call(client, document):
    return client.post(
        "https://api.extend.ai/parse",
        json={{"file": {{"url": document}}}},
        headers={{
            "Authorization": "Bearer sk_live_123456789",
            "x-extend-api-version": "2026-02-09",
        }},
    )


def wait_of(response, attempt):
    value = response.headers.get("retry-after", "")
    if not value:
        return 2.0**attempt
    if value.isdecimal():
        return float(value)
    from email.utils import parsedate_to_datetime

    return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())


def parse(document):
    with httpx.Client(timeout=30) as client:
        for attempt in range(3):
            try:
                response = call(client, document)
            except httpx.TransportError as error:
                raise Failed(str(error)) from error
            output, again = judge(response)
            if output is not None:
                return output
            if not again or attempt == 2:
                break
            time.sleep(wait_of(response, attempt))
    raise Failed(response.status_code)


async def parse_async(document):
    async with httpx.AsyncClient(timeout=30) as client:
        for attempt in range(3):
            try:
                response = await call(client, document)
            except httpx.TransportError as error:
                raise Failed(str(error)) from error
            output, again = judge(response)
            if output is not None:
                return output
            if not again or attempt == 2:
                break
            await asyncio.sleep(wait_of(response, attempt))
    raise Failed(response.status_code)
""".format(permanent="")


@pytest.fixture
def client(pytester, monkeypatch):
    """A directory with a right client of Extend, ``client.py``."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(client=CLIENT)
    pytester.syspathinsert()
    return pytester


def run(pytester, *arguments):
    # Rewriting every assert of the package anew would be most of what a session costs.
    switches = ["--assert=plain", "-p", "parseapi", "-p", "no:cacheprovider"]
    return pytester.runpytest_inprocess(*switches, *arguments)


@pytest.mark.parametrize("function", ["parse", "parse_async"])
def test_a_right_client_passes_and_every_case_has_a_readable_id(client, function):
    client.makepyfile(
        f"""
        import client
        from pytest_parseapi import ParseErrorContract

        class TestClient(ParseErrorContract):
            provider = "extend"
            max_attempts = 3

            {"async " if function.endswith("async") else ""}def parse(self, document):
                return {"await " if function.endswith("async") else ""}client.{function}(document)
        """
    )
    result = run(client, "-v")
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed"}
    assert outcomes["passed"] == 61
    result.stdout.fnmatch_lines(
        [
            "*::TestClient::test_success?extend? PASSED*",
            "*::TestClient::test_documented_error?extend-OCR_ERROR? PASSED*",
            "*::TestClient::test_lasting_error?extend-RATE_LIMIT_EXCEEDED? PASSED*",
            "*::TestClient::test_network_fault?extend-read_timeout? PASSED*",
            "*::TestClient::test_backoff?extend-OCR_ERROR? PASSED*",
            "*::TestClient::test_backoff?extend-RATE_LIMIT_EXCEEDED? PASSED*",
            "*::TestClient::test_retry_after?extend-http-date? PASSED*",
        ]
    )


def test_a_failure_names_the_rule_and_where_it_is_documented(client):
    client.makepyfile(
        """
        import client
        from pytest_parseapi import ParseErrorContract

        class TestClient(ParseErrorContract):
            max_attempts = 4

            def parse(self, document):
                return client.parse(document)
        """
    )
    result = run(client, "-k", "test_lasting_error and OCR_ERROR")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "rule broken: the consumer gives up after 4 attempts in all [[]gives_up]",
            "* operation  POST /parse  https://files.example.com/contract.pdf",
            "* expected   4 attempts (max_attempts = 4). Extend documents OCR_ERROR (500): *",
            "* seen       3 attempts",
            "* next       the first attempt counts, too",
            "timeline of Extend (virtual seconds)",
        ]
    )
    result.stdout.no_fnmatch_line("*contract/plays.py*")


def test_what_followed_instead_of_a_retry_is_told(client):
    client.makepyfile(
        """
        import client
        from pytest_parseapi import ParseErrorContract

        class TestClient(ParseErrorContract):
            def parse(self, document):
                try:
                    return client.parse(document)
                except client.Failed:
                    return client.parse("https://files.example.com/other.pdf")
        """,
        client=CLIENT.replace("range(3)", "range(1)").replace("attempt == 2", "True"),
    )
    result = run(client, "-k", "test_documented_error and OCR_ERROR")
    result.stdout.fnmatch_lines(
        [
            "rule broken: OCR_ERROR is retried [[]retries]",
            "* seen       nothing followed",
            "* nearest    attempt 2 is POST /parse about other.pdf, and no retry",
        ]
    )


def test_the_surface_of_runs_has_cases_of_its_own(client):
    client.makepyfile(
        """
        import extend_ai, httpx, logging, time
        from extend_ai.core.api_error import ApiError
        from pytest_parseapi import ParseErrorContract

        class TestRuns(ParseErrorContract):
            surface = "run"
            max_attempts = 3

            def parse(self, document):
                client = extend_ai.Extend(token=self.api_key)
                for number in range(2):
                    try:
                        run = client.parse_runs.create_and_poll(file={"url": document})
                    except (ApiError, httpx.HTTPError) as error:
                        logging.exception("%s", getattr(error, "body", ""))
                        raise
                    if run.status == "PROCESSED":
                        return run.output
                    logging.error("%s %s", run.id, run.failure_reason)
                    if run.failure_reason not in ("OCR_ERROR", "INTERNAL_ERROR"):
                        break
                    time.sleep(1)
                raise RuntimeError(run.failure_reason)
        """
    )
    result = run(client, "-v")
    result.assert_outcomes(passed=82, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*::TestRuns::test_run_failure?extend-OCR_ERROR? PASSED*",
            "*::TestRuns::test_poll_error?extend-RATE_LIMIT_EXCEEDED? PASSED*",
            "*::TestRuns::test_poll_fault?extend-read_timeout? PASSED*",
            "* a run that failed with CHUNKING_ERROR is submitted again [[]resubmits]",
        ]
    )
    result.stdout.no_fnmatch_line("*test_retryable_flag*")


def test_a_provider_without_runs_has_no_contract_on_them(client):
    client.makepyfile(
        """
        from pytest_parseapi import ParseErrorContract

        class TestRuns(ParseErrorContract):
            provider = "acme"
            surface = "run"

            def parse(self, document):
                return document
        """
    )
    client.makeconftest(
        """
        from pytest_parseapi import Provider

        def pytest_parseapi_providers():
            return [Provider(name="acme", title="Acme", base_url="https://api.acme.example")]
        """
    )
    result = run(client)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*Acme documents no asynchronous runs*"])


def test_rules_are_turned_off_and_cases_marked_by_ordinary_means(client):
    client.makepyfile(
        """
        import client, pytest
        from pytest_parseapi import ParseErrorContract

        class TestClient(ParseErrorContract):
            backoff = False
            marks = {
                "extend-OCR_ERROR": pytest.mark.skip(reason="elsewhere"),
                "test_network_fault[extend-connect_error]": [pytest.mark.xfail(reason="known")],
            }

            def parse(self, document):
                if "connect_error" in str(getattr(self, "case", "")):
                    raise KeyError
                return client.parse(document)

            def test_network_fault(self, contract_case, parseapi_factory):
                self.case = contract_case
                super().test_network_fault(contract_case, parseapi_factory)

            @pytest.mark.skip(reason="by hand")
            def test_earlier_result(self):
                pass
        """
    )
    result = run(client, "-rsx")
    result.assert_outcomes(passed=55, skipped=3, xfailed=1)
    result.stdout.no_fnmatch_line("*test_backoff*")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "max_attempt = 4",
            "TypeError: TestClient.max_attempt is no policy: did you mean 'max_attempts'?",
        ),
        (
            "max_attempts = 0",
            "TypeError: TestClient.max_attempts must be an integer >= 1, not 0",
        ),
        ("retries = 3", "TypeError: TestClient.retries must be True or False, not 3"),
        (
            "max_submissions = True",
            "TypeError: TestClient.max_submissions must be an integer >= 1, not True",
        ),
        (
            "surface = 'webhook'",
            "TypeError: TestClient has surface = 'webhook', so it needs a handle_webhook(self, *",
        ),
        ("surface = 'htp'", "TypeError: surface 'htp' of TestClient: did you mean 'http'?"),
        ("provider = 'extent'", "*unknown provider 'extent': did you mean 'extend'?"),
        (
            "marks = {'extend-OCR_EROR': ()}",
            "*marks: no case 'extend-OCR_EROR': did you mean 'extend-OCR_ERROR'?*",
        ),
    ],
)
def test_a_mistake_in_the_class_is_a_collection_error(client, line, message):
    client.makepyfile(
        f"""
        from pytest_parseapi import ParseErrorContract

        class TestClient(ParseErrorContract):
            {line}
        """
    )
    result = run(client)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"E * {message}" if message[0] == "T" else message])


@pytest.mark.parametrize(
    ("client_is", "case", "lines"),
    [
        (
            CLIENT.replace("time.sleep(wait", "attempt and time.sleep(wait"),
            "test_lasting_error and OCR_ERROR",
            [
                "rule broken: retries wait with exponential backoff [[]backoff]",
                "* nearest    attempt 2 came without a wait (immediate_first_retry = True accepts "
                "that)",
            ],
        ),
        (
            CLIENT.replace("attempt == 2", "wait_of(response, attempt) > 30"),
            "test_retry_after and extend-60s",
            [
                "rule broken: a retry comes after the reply's Retry-After [[]retry_after]",
                "* seen       nothing followed",
                "* a consumer that gives up on 60 s on purpose states retry_after = False",
            ],
        ),
    ],
    ids=["immediate", "impatient"],
)
def test_a_failure_names_the_policy_that_allows_it(client, client_is, case, lines):
    client.makepyfile(
        """
        import client
        from pytest_parseapi import ParseErrorContract

        class TestClient(ParseErrorContract):
            def parse(self, document):
                return client.parse(document)
        """,
        client=client_is,
    )
    result = run(client, "-k", case)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(lines)


@pytest.mark.parametrize(
    ("provider", "case", "lines"),
    [
        (
            "extend",
            "extend-service_unavailable_html-20s",
            [
                "*rule broken: no retry comes before the reply's Retry-After [[]retry_after]",
                "* next       Extend: Where a reply carries Retry-After, wait at least *",
                "* RFC 9110, 10.2.3: with a 503, Retry-After says how long *",
            ],
        ),
        (
            "nutrient",
            "nutrient-service_unavailable-20s",
            [
                "*rule broken: no retry comes before the reply's Retry-After [[]retry_after]",
                "* RFC 9110, 10.2.3: with a 503, *",
                "* retry_after = True asks for it: no page of Nutrient names the header",
            ],
        ),
    ],
)
def test_the_source_of_retry_after_is_shown(client, provider, case, lines):
    client.makepyfile(
        f"""
        import time
        import httpx
        from pytest_parseapi import ParseErrorContract

        class TestClient(ParseErrorContract):
            provider = "{provider}"
            retry_after = True

            def parse(self, document):
                for attempt in range(3):
                    body = {{"file": {{"url": document}}}}
                    path = "/parse"
                    if self.provider == "nutrient":
                        body, path = {{"url": "https://a.example/a.pdf"}}, "/extraction/parse"
                    reply = httpx.post(self.base_url + path, json=body, timeout=5,
                                       headers={{"Authorization": f"Bearer {{self.api_key}}"}})
                    if reply.status_code == 200:
                        return reply.json()
                    time.sleep(2**attempt)
                raise RuntimeError(reply.status_code)
        """
    )
    result = run(client, "-k", f"test_retry_after and {case}")
    result.assert_outcomes(failed=1, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(lines)


@pytest.mark.parametrize("provider", ["extend", "nutrient"])
def test_retry_after_is_tried_on_limits_and_on_services_that_are_down(client, provider):
    client.makepyfile(
        f"""
        from pytest_parseapi import ParseErrorContract

        class TestClient(ParseErrorContract):
            provider = "{provider}"
            retry_after = True

            def parse(self, document):
                return None
        """
    )
    result = run(client, "--co", "-q", "-k", "test_retry_after")
    found = [line.partition("[")[2] for line in result.outlines if "test_retry_after[" in line]
    down = {"extend": "service_unavailable_html", "nutrient": "service_unavailable"}[provider]
    kinds = ["20s", "60s", "http-date"]
    assert found == [
        *(f"{provider}-{kind}]" for kind in kinds),
        *(f"{provider}-{down}-{kind}]" for kind in kinds),
    ]


def test_the_contract_is_no_unittest():
    with pytest.raises(TypeError) as mistake:

        class TestClient(ParseErrorContract, unittest.TestCase):
            pass

    assert str(mistake.value) == "TestClient is a plain class, without unittest.TestCase"


def test_a_callable_is_audited_without_a_test_file(client):
    client.makepyfile(test_other="def test_other(): raise AssertionError")
    result = run(client, "--parseapi-contract", "client:parse", "--co", "-q")
    assert result.ret == 0
    assert "client:parse::TestContract::test_backoff[extend-OCR_ERROR]" in result.outlines
    assert not [line for line in result.outlines if "test_other" in line]


def test_an_audit_runs_for_the_provider_asked_for(client):
    result = run(client, "--parseapi-contract=client:parse", "--parseapi-provider=nutrient")
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == 1
    assert outcomes["skipped"] > 30
    result.stdout.fnmatch_lines(
        [
            "the contract cannot judge this consumer: parse asks Nutrient",
            "* expected   a request to https://api.nutrient.io",
            "* seen       POST https://api.extend.ai/parse, which is Extend's; parse raised *",
            "* next       pass --parseapi-provider=extend, or let parse ask Nutrient",
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--parseapi-contract=client"], "*takes package.module:function, not 'client'"),
        (["--parseapi-contract=client:pars"], "*there is no 'pars', did you mean 'parse'*"),
        (["--parseapi-contract=clint:parse"], "*No module named 'clint'"),
        (["--parseapi-contract=client:PERMANENT"], "*'' cannot be called"),
        (
            ["--parseapi-contract=client:parse", "--parseapi-provider=nutrent"],
            "*unknown provider 'nutrent': did you mean 'nutrient'?",
        ),
        (
            ["--parseapi-contract=client:parse", "--parseapi-surface=htp"],
            "*surface 'htp' of TestContract: did you mean 'http'?",
        ),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(client, arguments, message):
    result = run(client, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_importing_the_package_loads_no_contract():
    loaded = "'pytest_parseapi.plugin.contract' in sys.modules"
    code = f"import sys, pytest_parseapi.plugin; sys.exit({loaded})"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_policy_is_on_the_contract():
    assert issubclass(ParseErrorContract, ContractPolicy)
    assert "retries" in RULES
    assert "max_attempts" not in RULES
    assert ParseErrorContract.api_key == ""


def test_credentials_are_on_the_class():
    class Nutrient(ParseErrorContract):
        provider = "nutrient"

    assert Nutrient.api_key.startswith("pdf_")
    assert Nutrient.base_url == "https://api.nutrient.io"


def test_a_receiver_of_webhooks_is_audited_where_there_is_one(client):
    client.makepyfile(
        """
        import client, extend_ai
        from pytest_parseapi import ParseErrorContract

        class TestClient(ParseErrorContract):
            seen = 0

            def parse(self, document):
                return client.parse(document)

            async def handle_webhook(self, body, headers):
                verify = extend_ai.Extend(token=self.api_key).webhooks.verify_and_parse
                verify(body, headers, self.webhook_secret)
                self.seen += 1

            def webhook_effects(self):
                return self.seen
        """
    )
    result = run(client, "-k", "test_webhook or test_wrong or test_repeated")
    # The only fault of this receiver: it counts a repeated event again.
    result.assert_outcomes(passed=23, failed=1, deselected=61)
    result.stdout.fnmatch_lines(
        ["* a webhook event that is delivered twice has one effect [[]handles_events_once]"]
    )


def test_a_receiver_whose_effects_nothing_shows_is_told_to_count_them(client):
    client.makepyfile(
        """
        import extend_ai
        from pytest_parseapi import ParseErrorContract

        class TestReceiver(ParseErrorContract):
            surface = "webhook"

            def handle_webhook(self, body, headers):
                verify = extend_ai.Extend(token=self.api_key).webhooks.verify_and_parse
                verify(body, headers, self.webhook_secret)
        """
    )
    result = run(client, "-k", "test_repeated")
    result.assert_outcomes(failed=1, deselected=23)
    result.stdout.fnmatch_lines(
        [
            "rule broken: a webhook event that is delivered twice has one effect [[]handles_ev*",
            "  seen       the receiver sent nothing to the API about the event's run",
            "  next       define webhook_effects(self): how many events had an effect so far, *",
        ]
    )


def test_fixtures_of_the_class_find_what_the_consumer_is_to_be_set_to(client):
    client.makepyfile(
        """
        import os
        import extend_ai
        import pytest
        from pytest_parseapi import ParseErrorContract

        class TestReceiver(ParseErrorContract):
            surface = "webhook"

            @pytest.fixture(autouse=True)
            def Settings(self, monkeypatch):
                monkeypatch.setenv("SECRET", self.webhook_secret)
                monkeypatch.setenv("KEY", self.api_key)
                monkeypatch.setenv("URL", self.base_url)

            def handle_webhook(self, body, headers):
                assert os.environ["URL"] == "https://api.extend.ai"
                verify = extend_ai.Extend(token=os.environ["KEY"]).webhooks.verify_and_parse
                verify(body, headers, os.environ["SECRET"])
        """
    )
    run(client, "-k", "test_webhook").assert_outcomes(passed=15, deselected=9)
