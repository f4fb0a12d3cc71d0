import contextlib

import httpx
import pytest
from httpx_stamina import parse

from pytest_parseapi import ALWAYS


@pytest.fixture
def invoice(tmp_path):
    path = tmp_path / "invoice.pdf"
    path.write_bytes(b"%PDF-1.4\n%%EOF\n")
    return path


@pytest.mark.asyncio
@pytest.mark.parse_error(429, 503)
async def test_recovers(nutrient_api, invoice):
    assert await parse(invoice, api_key=nutrient_api.api_key)

    nutrient_api.assert_recovered(document="invoice.pdf")
    nutrient_api.assert_payload_resent()
    nutrient_api.assert_follows_documentation()


@pytest.mark.asyncio
@pytest.mark.each_parse_error(provider="nutrient", exclude=("request_timeout", "unprocessable_url"))
async def test_each_documented_error(nutrient_api, documented_error, invoice):
    fails = pytest.raises(httpx.HTTPStatusError)
    with contextlib.nullcontext() if documented_error.retryable else fails:
        await parse(invoice, api_key=nutrient_api.api_key)

    nutrient_api.assert_follows_documentation()


@pytest.mark.asyncio
@pytest.mark.parse_error("read_timeout", times=ALWAYS)
async def test_gives_up_on_a_silent_server(nutrient_api, invoice):
    with pytest.raises(httpx.ReadTimeout):
        await parse(invoice, api_key=nutrient_api.api_key)

    nutrient_api.assert_gave_up(attempts=4)
    assert nutrient_api.attempts[0].ended == 120
