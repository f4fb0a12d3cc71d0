import pytest
from httpx_tenacity import ParsingFailedError, parse

from pytest_parseapi import ALWAYS

URL = "https://files.example.com/invoice.pdf"


def test_recovers(extend_api):
    extend_api.fail("OCR_ERROR", "RATE_LIMIT_EXCEEDED")

    assert parse(URL, api_key=extend_api.api_key)["chunks"]

    extend_api.assert_retried(times=2)
    extend_api.assert_follows_documentation()


@pytest.mark.each_parse_error(retryable=True, times=ALWAYS)
def test_gives_up(extend_api, documented_error):
    with pytest.raises(ParsingFailedError, match=documented_error.code):
        parse(URL, api_key=extend_api.api_key)

    extend_api.assert_gave_up(attempts=4)
    extend_api.assert_follows_documentation()


@pytest.mark.each_parse_error(retryable=False)
def test_does_not_retry(extend_api, documented_error):
    with pytest.raises(ParsingFailedError, match=documented_error.code):
        parse(URL, api_key=extend_api.api_key)

    extend_api.assert_not_retried()
    extend_api.assert_request_id_logged(level="ERROR")
    extend_api.assert_credential_not_logged()


@pytest.mark.parse_error("RATE_LIMIT_EXCEEDED", retry_after=20)
def test_waits_as_long_as_it_is_told(extend_api):
    parse(URL, api_key=extend_api.api_key)

    extend_api.assert_retry_after_honoured()


@pytest.mark.parse_error("bad_gateway_html")
def test_survives_a_gateway_that_answers_in_html(extend_api):
    assert parse(URL, api_key=extend_api.api_key)["chunks"]

    extend_api.assert_recovered()
