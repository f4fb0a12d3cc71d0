"""Whether each request names the version of the API that it is written for."""

from __future__ import annotations

import logging

import extend_ai
import httpx
import pytest
from plain_consumer import said

URL = "https://files.example.com/invoice.pdf"
RULE = "every request says which version of the API it is written for"


def post(api, version, document=URL):
    headers = {"Authorization": f"Bearer {api.api_key}"}
    if version is not None:
        headers["X-Extend-Api-Version"] = version
    body = {"file": {"url": document}}
    return httpx.post(f"{api.base_url}/parse", json=body, headers=headers, timeout=5)


@pytest.mark.parametrize("version", ["2026-02-09", "2025-04-21", "2024-12-23"])
def test_a_version_that_the_page_lists_is_accepted(extend_api, version):
    post(extend_api, version)
    extend_api.assert_api_version_sent()


def test_the_official_client_sends_one(extend_api):
    extend_ai.Extend(token=extend_api.api_key).parse(file={"url": URL})
    extend_api.assert_api_version_sent()


def test_without_a_version_the_reply_comes_and_the_check_fails(extend_api):
    assert post(extend_api, "2026-02-09").status_code == 200
    assert post(extend_api, None).status_code == 200
    assert said(extend_api.assert_api_version_sent) == (
        f"rule broken: {RULE}\n"
        "  operation  POST /parse\n"
        "  expected   x-extend-api-version: 2026-02-09, or another version that the page lists\n"
        "  seen       no x-extend-api-version on 1 of 2 attempts (the first is attempt 2, by "
        "httpx)\n"
        "  next       Extend: without it a request is refused, or answered as an older version "
        f"does ({extend_api.provider.api_version.source})\n"
        "\n"
        f"{extend_api.timeline()}"
    )


def test_a_version_that_no_page_lists_is_told_the_nearest(extend_api):
    post(extend_api, "2026-02-90")
    text = said(extend_api.assert_api_version_sent)
    assert "seen       x-extend-api-version: 2026-02-90 on 1 of 1 attempts" in text
    assert "nearest    did you mean '2026-02-09'" in text


def test_one_document_is_judged_alone(extend_api):
    post(extend_api, None, "https://files.example.com/other.pdf")
    post(extend_api, "2026-02-09")
    extend_api.assert_api_version_sent(document="invoice.pdf")
    assert said(extend_api.assert_api_version_sent, document="other.pdf").startswith("rule broken")


def test_a_link_to_a_result_is_followed_as_it_is(extend_api):
    reply = httpx.post(
        f"{extend_api.base_url}/parse?responseType=url",
        json={"file": {"url": URL}},
        headers={
            "Authorization": f"Bearer {extend_api.api_key}",
            "x-extend-api-version": "2026-02-09",
        },
        timeout=5,
    )
    assert httpx.get(reply.json()["outputUrl"], timeout=5).status_code == 200
    extend_api.assert_api_version_sent()


def test_it_is_no_part_of_the_documentation_on_failures(extend_api):
    extend_api.fail("CORRUPT_FILE")
    logging.getLogger("consumer").error(post(extend_api, None).text)
    extend_api.assert_follows_documentation()


def test_with_no_request_there_is_nothing_to_check(extend_api):
    assert said(extend_api.assert_api_version_sent).startswith(f"nothing to check: {RULE}\n")


def test_a_provider_without_such_a_header_has_nothing_to_check(nutrient_api):
    httpx.post(
        f"{nutrient_api.base_url}/extraction/parse",
        files={"file": ("a.pdf", b"%PDF-1.7")},
        headers={"Authorization": f"Bearer {nutrient_api.api_key}"},
        timeout=5,
    )
    text = said(nutrient_api.assert_api_version_sent)
    assert "seen       Nutrient documents no header for a version, so this proves nothing" in text
