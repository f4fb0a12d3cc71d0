import pytest
from nutrient_dws import NutrientClient
from nutrient_dws.errors import NutrientError
from nutrient_sdk import ATTEMPTS, parse

from pytest_parseapi import ALWAYS

pytestmark = pytest.mark.asyncio


@pytest.fixture
def invoice(tmp_path):
    path = tmp_path / "invoice.pdf"
    path.write_bytes(b"%PDF-1.4\n%%EOF\n")
    return path


@pytest.mark.parse_error("rate_limited", "maestro_error")
async def test_recovers(nutrient_api, invoice):
    assert await parse(invoice, api_key=nutrient_api.api_key)

    nutrient_api.assert_retried(times=2)
    nutrient_api.assert_follows_documentation()


@pytest.mark.each_parse_error(
    provider="nutrient", exclude=("request_timeout", "unprocessable_url"), times=ALWAYS
)
async def test_each_documented_error(nutrient_api, documented_error, invoice):
    with pytest.raises(NutrientError) as caught:
        await parse(invoice, api_key=nutrient_api.api_key)

    assert caught.value.status_code == documented_error.status
    nutrient_api.assert_gave_up(attempts=ATTEMPTS if documented_error.retryable else 1)
    nutrient_api.assert_follows_documentation()


@pytest.mark.parse_error("service_unavailable")
async def test_the_client_alone_does_not_follow_the_advice(nutrient_api, invoice):
    with pytest.raises(NutrientError):
        await NutrientClient(api_key=nutrient_api.api_key).parse(invoice)

    with pytest.raises(AssertionError) as caught:
        nutrient_api.assert_follows_documentation()
    rules = [line for line in str(caught.value).splitlines() if line[:1].isdigit()]
    assert rules == [
        "3 rules broken",
        "1. service_unavailable is retried",
        "2. the requestId of the last failed reply is logged",
        "3. every request is sent with a connect and a read time-out",
    ]


@pytest.mark.parse_error("read_timeout")
async def test_a_silent_server_does_not_hold_the_consumer(nutrient_api, invoice):
    assert await parse(invoice, api_key=nutrient_api.api_key)

    nutrient_api.assert_recovered()
    nutrient_api.assert_timeout_set()
