import asyncio

import pytest
from extend_aiohttp import ParsingFailedError, parse_all

from pytest_parseapi import ALWAYS

URLS = [f"https://files.example.com/page-{number}.pdf" for number in range(8)]


def parse(api, urls=URLS):
    return asyncio.run(parse_all(urls, api_key=api.api_key))


def test_eight_documents_back_off_at_once(extend_api):
    extend_api.fail("OCR_ERROR", times=24)

    assert all(output["chunks"] for output in parse(extend_api))

    extend_api.assert_retried(times=3)
    extend_api.assert_backoff(initial=1.25, jitter=0.4)
    assert extend_api.clock.elapsed < 10  # and not 8 times that


def test_one_document_fails_and_the_others_do_not(extend_api):
    extend_api.fail("CORRUPT_FILE", document="page-3.pdf", times=ALWAYS)

    outputs = parse(extend_api)

    assert [isinstance(output, ParsingFailedError) for output in outputs].index(True) == 3
    extend_api.assert_not_retried(document="page-3.pdf")
    extend_api.assert_request_id_logged(level="ERROR")


@pytest.mark.each_parse_error(retryable=True, times=ALWAYS)
def test_gives_up(extend_api, documented_error):
    (output,) = parse(extend_api, URLS[:1])

    assert documented_error.code in str(output)
    extend_api.assert_gave_up(attempts=4)
    extend_api.assert_follows_documentation()


@pytest.mark.parse_error("RATE_LIMIT_EXCEEDED", retry_after=20)
def test_waits_as_long_as_it_is_told(extend_api):
    parse(extend_api, URLS[:1])

    extend_api.assert_retry_after_honoured()


@pytest.mark.parametrize(
    "fault",
    [
        *("connect_error", "connect_timeout", "read_timeout", "connection_reset"),
        *("truncated_body", "bad_gateway_html", "empty_body", "invalid_json"),
    ],
)
def test_survives_whatever_the_network_does(extend_api, fault):
    extend_api.fail(fault)

    assert parse(extend_api, URLS[:1])[0]["chunks"]

    extend_api.assert_recovered()
    extend_api.assert_follows_documentation()
