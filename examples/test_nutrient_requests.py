import pytest
from nutrient_requests import ExtractionFailedError, parse

from pytest_parseapi import ALWAYS


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scan.pdf"
    path.write_bytes(b"%PDF-1.7 a scan of one page")
    return path


def test_parses_a_local_file(nutrient_api, scan):
    assert parse(scan, api_key=nutrient_api.api_key)["elements"]

    (attempt,) = nutrient_api.attempts
    assert attempt.document == "scan.pdf"
    assert scan.read_bytes() in attempt.body


@pytest.mark.each_parse_error(retryable=True, exclude="request_timeout", times=2)
def test_recovers(nutrient_api, scan):
    assert parse(scan, api_key=nutrient_api.api_key)["elements"]

    nutrient_api.assert_retried(times=2)
    nutrient_api.assert_payload_resent()
    nutrient_api.assert_backoff(initial=2, jitter=0.5, immediate_first=True)


@pytest.mark.parse_error("service_unavailable", times=ALWAYS)
def test_gives_up(nutrient_api, scan):
    with pytest.raises(ExtractionFailedError, match="503"):
        parse(scan, api_key=nutrient_api.api_key)

    nutrient_api.assert_gave_up(attempts=5)
    nutrient_api.assert_request_id_logged(level="ERROR")
    nutrient_api.assert_credential_not_logged()


@pytest.mark.each_parse_error(retryable=False, exclude="unprocessable_url")
def test_does_not_retry(nutrient_api, scan, documented_error):
    with pytest.raises(ExtractionFailedError, match=str(documented_error.status)):
        parse(scan, api_key=nutrient_api.api_key)

    nutrient_api.assert_not_retried()
    nutrient_api.assert_request_id_logged(level="ERROR")


@pytest.mark.parse_error("rate_limited", retry_after=30)
def test_waits_as_long_as_it_is_told(nutrient_api, scan):
    parse(scan, api_key=nutrient_api.api_key)

    nutrient_api.assert_retry_after_honoured()


@pytest.mark.parametrize("fault", ["connect_error", "connect_timeout"])
def test_survives_a_network_that_fails(nutrient_api, scan, fault):
    nutrient_api.fail(fault, times=2)

    assert parse(scan, api_key=nutrient_api.api_key)["elements"]

    nutrient_api.assert_timeout_set()
    nutrient_api.assert_recovered()
