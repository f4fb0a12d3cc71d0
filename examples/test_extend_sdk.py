import logging

import pytest
from extend_ai import Extend
from extend_ai.core.api_error import ApiError
from extend_sdk import ParsingFailedError, parse

from pytest_parseapi import ALWAYS

URL = "https://files.example.com/invoice.pdf"


@pytest.mark.parse_error("OCR_ERROR", times=2)
def test_the_client_retries_by_itself(extend_api):
    assert parse(URL, api_key=extend_api.api_key) == "# invoice.pdf"

    extend_api.assert_retried(times=2)
    extend_api.assert_backoff(initial=1)
    extend_api.assert_follows_documentation()


@pytest.mark.each_parse_error(times=ALWAYS)
def test_each_documented_error(extend_api, documented_error):
    with pytest.raises(ParsingFailedError, match=documented_error.code):
        parse(URL, api_key=extend_api.api_key)

    extend_api.assert_follows_documentation()


@pytest.mark.parse_error("CORRUPT_FILE")
def test_a_body_that_is_a_model_cannot_be_indexed(extend_api):
    """What most people write first: right for a 400, and broken for a 402, 403 and 422."""
    with pytest.raises(TypeError):
        try:
            Extend(token=extend_api.api_key).parse(file={"url": URL})
        except ApiError as error:
            logging.getLogger("app").error("requestId %s", error.body["requestId"])

    with pytest.raises(AssertionError, match="the consumer logged and printed nothing"):
        extend_api.assert_request_id_logged()
