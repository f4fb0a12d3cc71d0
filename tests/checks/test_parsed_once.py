"""Whether a document is parsed again after a success, which is billed again."""

from __future__ import annotations

import httpx
import pytest
from plain_consumer import ask

URL = "https://files.example.com/invoice.pdf"


def send(api, url=URL, path="/parse"):
    headers = {"authorization": f"Bearer {api.api_key}", "x-extend-api-version": "2026-02-09"}
    return httpx.post(api.base_url + path, json={"file": {"url": url}}, headers=headers, timeout=5)


def said(check, **arguments):
    with pytest.raises(AssertionError) as caught:
        check(**arguments)
    return str(caught.value)


def test_a_document_that_is_parsed_twice(extend_api):
    send(extend_api)
    send(extend_api)
    assert said(extend_api.assert_parsed_once) == (
        "rule broken: no document is parsed again after a success\n"
        f"  operation  POST /parse  {URL}\n"
        "  expected   nothing after attempt 1, which succeeded\n"
        "  seen       attempt 2 parsed it again, and is billed again\n"
        "  next       keep the result of the first success, or hold back the second caller\n"
        "\n"
        "timeline of Extend (virtual seconds)\n"
        "    #     at  request      document     reply\n"
        "    1  0.000  POST /parse  invoice.pdf  200\n"
        "    2  0.000  POST /parse  invoice.pdf  200"
    )


def test_a_retry_is_no_second_parse(extend_api):
    extend_api.fail("OCR_ERROR")
    send(extend_api)
    send(extend_api)
    extend_api.assert_parsed_once()


def test_two_documents_are_parsed_once_each(extend_api):
    send(extend_api, URL)
    send(extend_api, URL + "?id=2")
    extend_api.assert_parsed_once()


def test_a_link_that_is_signed_anew_is_the_same_document(extend_api):
    for turn in (1, 2):
        send(extend_api, f"{URL}?X-Amz-Signature={turn}")
    assert "attempt 2 parsed it again" in said(extend_api.assert_parsed_once)


def test_a_signing_parameter_of_the_ini_file_is_ignored_too(pytester, nested):
    pytester.makeini("[pytest]\nparseapi_signing_parameters = ticket")
    result = nested(
        """
        import httpx

        def test_it(extend_api):
            extend_api.fail("OCR_ERROR")
            for turn in (1, 2):
                url = f"https://files.example.com/a.pdf?ticket={turn}"
                headers = {"authorization": "Bearer k"}
                httpx.post(
                    "https://api.extend.ai/parse", json={"file": {"url": url}},
                    headers=headers, timeout=5,
                )
            extend_api.assert_recovered()
            extend_api.assert_payload_resent()
        """
    )
    result.assert_outcomes(passed=1)


def test_a_run_that_failed_is_no_success(extend_api):
    extend_api.fail_run("OCR_ERROR", polls=0)
    run = send(extend_api, path="/parse_runs").json()
    headers = {"authorization": "Bearer k"}
    httpx.get(f"{extend_api.base_url}/parse_runs/{run['id']}", headers=headers, timeout=5)
    send(extend_api, path="/parse_runs")
    extend_api.assert_parsed_once()


@pytest.mark.parametrize("cancels", [True, False])
def test_a_run_that_was_cancelled_is_no_success(extend_api, cancels):
    for turn in range(2):
        run = send(extend_api, path="/parse_runs").json()["id"]
        if cancels and not turn:
            ask(extend_api, "POST", f"/parse_runs/{run}/cancel")
    if cancels:
        extend_api.assert_parsed_once()
    else:
        assert said(extend_api.assert_parsed_once).startswith(
            "rule broken: no document is parsed again after a success\n"
        )


def test_a_run_that_was_cancelled_is_nothing_to_check(extend_api):
    run = send(extend_api, path="/parse_runs").json()["id"]
    ask(extend_api, "POST", f"/parse_runs/{run}/cancel")
    assert said(extend_api.assert_parsed_once).startswith(
        "nothing to check: no document is parsed again after a success\n"
    )


def test_a_run_that_is_submitted_twice(extend_api):
    send(extend_api, path="/parse_runs")
    send(extend_api, path="/parse_runs")
    assert "attempt 2 parsed it again" in said(extend_api.assert_parsed_once)


def test_one_document_only(extend_api):
    for name in ("a.pdf", "b.pdf", "b.pdf"):
        send(extend_api, f"https://files.example.com/{name}")
    extend_api.assert_parsed_once(document="a.pdf")
    assert "b.pdf" in said(extend_api.assert_parsed_once, document="b.pdf")


def test_nothing_to_check(extend_api):
    assert said(extend_api.assert_parsed_once).startswith("nothing to check: ")
    extend_api.fail("OCR_ERROR")
    send(extend_api)
    assert "no document was parsed with success" in said(extend_api.assert_parsed_once)


@pytest.mark.parametrize("named", ["invoice.pdf", URL, URL + "?X-Amz-Signature=3"])
def test_a_signed_link_is_found_by_each_of_its_names(extend_api, named):
    extend_api.fail("OCR_ERROR", document=named)
    assert send(extend_api, f"{URL}?X-Amz-Signature=1").status_code == 500
    assert len(extend_api.attempts_for(named)) == 1
    assert extend_api.attempts[0].document == URL


def test_a_signing_parameter_of_the_ini_file_is_ignored_in_a_documents_name(pytester, nested):
    pytester.makeini("[pytest]\nparseapi_signing_parameters = ticket")
    result = nested(
        """
        import httpx

        URL = "https://files.example.com/invoice.pdf"
        HEADERS = {"authorization": "Bearer key", "x-extend-api-version": "2026-02-09"}

        def ask(path, ticket):
            body = {"file": {"url": f"{URL}?ticket={ticket}"}}
            return httpx.post("https://api.extend.ai" + path, json=body, headers=HEADERS, timeout=9)

        def test_an_exchange(extend_api):
            named = f"{URL}?ticket=of-the-test"
            extend_api.fail("CORRUPT_FILE", document=named)
            assert ask("/parse", 1).status_code == 422
            assert len(extend_api.attempts_for(named)) == 1
            extend_api.assert_not_retried(document=named)

        def test_a_run(extend_api):
            extend_api.fail_run("CORRUPT_FILE", document=f"{URL}?ticket=of-the-test")
            run = ask("/parse_runs", 1).json()["id"]
            found = httpx.get(f"https://api.extend.ai/parse_runs/{run}", headers=HEADERS, timeout=9)
            assert found.json()["status"] == "PROCESSING"
            found = httpx.get(f"https://api.extend.ai/parse_runs/{run}", headers=HEADERS, timeout=9)
            assert found.json()["failureReason"] == "CORRUPT_FILE"
        """
    )
    result.assert_outcomes(passed=2)
