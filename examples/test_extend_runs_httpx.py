import asyncio

import pytest
from extend_runs_httpx import ParsingFailedError, parse

from pytest_parseapi import ALWAYS

URL = "https://files.example.com/invoice.pdf"


@pytest.mark.each_parse_error(surface="run", times=ALWAYS)
def test_each_failure_reason(extend_api, documented_error):
    with pytest.raises(ParsingFailedError, match=documented_error.code):
        asyncio.run(parse(URL, api_key=extend_api.api_key))

    extend_api.assert_follows_documentation()


def test_errors_at_creation_and_in_the_middle_of_polling(extend_api):
    extend_api.fail("RATE_LIMIT_EXCEEDED", endpoint="/parse_runs", retry_after=20)
    extend_api.fail("INTERNAL_ERROR", endpoint="/parse_runs/{id}", times=2)
    extend_api.fail_run("OCR_ERROR", polls=5)
    asyncio.run(parse(URL, api_key=extend_api.api_key))

    extend_api.assert_recovered()
    extend_api.assert_resubmitted(times=1)
    extend_api.assert_follows_documentation()


def test_one_of_many_documents_fails(extend_api):
    extend_api.fail_run("CORRUPT_FILE", document="7.pdf")

    async def parse_all():
        urls = [f"https://files.example.com/{number}.pdf" for number in range(50)]
        calls = (parse(url, api_key=extend_api.api_key) for url in urls)
        return await asyncio.gather(*calls, return_exceptions=True)

    failed = [isinstance(item, Exception) for item in asyncio.run(parse_all())]
    assert failed.index(True) == 7
    assert failed.count(True) == 1
    extend_api.assert_follows_documentation()
