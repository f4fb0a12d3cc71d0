import httpx
import pytest
from httpx_retries import RetryTransport
from httpx_retries_transport import parse

from pytest_parseapi import ALWAYS

URL = "https://files.example.com/invoice.pdf"


@pytest.mark.parse_error("INTERNAL_ERROR", times=3)
def test_retries_inside_the_transport_are_attempts(extend_api):
    assert parse(URL, api_key=extend_api.api_key) == "# invoice.pdf"

    extend_api.assert_retried(times=3)
    extend_api.assert_backoff(jitter=0.25)
    extend_api.assert_follows_documentation()


@pytest.mark.parse_error("CORRUPT_FILE")
def test_a_bad_document_is_sent_once(extend_api):
    with pytest.raises(httpx.HTTPStatusError):
        parse(URL, api_key=extend_api.api_key)

    extend_api.assert_follows_documentation()


@pytest.mark.parse_error("OCR_ERROR", times=ALWAYS)
def test_the_defaults_of_httpx_retries_do_not_do(extend_api):
    with httpx.Client(transport=RetryTransport()) as client:
        client.post(
            f"{extend_api.base_url}/parse",
            json={"file": {"url": URL}},
            headers={"Authorization": f"Bearer {extend_api.api_key}"},
        )

    with pytest.raises(AssertionError, match="OCR_ERROR is retried"):
        extend_api.assert_follows_documentation()
