"""Messages about a few of many documents are short, and show the attempts that matter."""

from __future__ import annotations

import re

import httpx
import pytest
from plain_consumer import send

from pytest_parseapi import ALWAYS

MOST = 60


def message_of(check):
    with pytest.raises(AssertionError) as failure:
        check()
    return str(failure.value)


def numbers(text):
    """The attempts that the timeline shows."""
    return [int(found) for found in re.findall(r"^ +(\d+) +\d+\.\d{3}", text, flags=re.MULTILINE)]


def parse_all(api, *, rounds, documents=50):
    """Each round asks about every document once."""
    for _ in range(rounds):
        for number in range(documents):
            send(api, f"doc-{number:02}.pdf")
        api.clock.advance(1)


def test_the_failing_document_of_fifty_is_shown_whole(extend_api):
    extend_api.fail("OCR_ERROR", times=2, document="doc-13.pdf")
    parse_all(extend_api, rounds=2)
    text = message_of(extend_api.assert_recovered)
    assert numbers(text) == [14, 64]
    assert text.partition("\n\n")[2].splitlines() == [
        "timeline of Extend (virtual seconds)",
        "     #     at  waited  request      document    reply          requestId",
        "    ... 13 more, about 13 documents ...",
        f"    14  0.000          POST /parse  doc-13.pdf  500 OCR_ERROR  "
        f"{extend_api.request_ids[0]}",
        "    ... 49 more, about 49 documents ...",
        f"    64  1.000   1.000  POST /parse  doc-13.pdf  500 OCR_ERROR  "
        f"{extend_api.request_ids[1]}",
        "    ... 36 more, about 36 documents ...",
    ]


@pytest.mark.parametrize("rounds", [1, 3, 8, 17, 60])
def test_no_message_about_one_document_is_long(extend_api, rounds):
    extend_api.fail("OCR_ERROR", times=ALWAYS, document="doc-13.pdf")
    parse_all(extend_api, rounds=rounds)
    own = [attempt.number for attempt in extend_api.attempts_for("doc-13.pdf")]
    for check in (extend_api.assert_recovered, extend_api.assert_follows_documentation):
        text = message_of(check)
        assert len(text.splitlines()) <= MOST
        shown = numbers(text)
        assert set(shown) <= set(own)
        assert (shown[0], shown[-1]) == (own[0], own[-1])


def test_a_run_is_shown_with_its_submission_and_its_polls(extend_api):
    extend_api.fail_run("CORRUPT_FILE", document="doc-13.pdf", polls=2)
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    with httpx.Client(base_url=extend_api.base_url, headers=headers) as client:
        runs = [
            client.post(
                "/parse_runs", json={"file": {"url": f"https://x.example/doc-{number:02}.pdf"}}
            ).json()["id"]
            for number in range(50)
        ]
        for _ in range(3):
            for run in runs:
                client.get(f"/parse_runs/{run}")
            extend_api.clock.advance(1)
    text = message_of(extend_api.assert_run_failure_logged)
    assert numbers(text) == [14, 64, 114, 164]
    assert len(text.splitlines()) <= MOST


def test_where_all_fail_the_first_is_shown_and_the_others_are_named(extend_api):
    extend_api.fail("CORRUPT_FILE", times=ALWAYS)
    parse_all(extend_api, rounds=1)
    text = message_of(extend_api.assert_recovered)
    assert text.startswith("1 rule broken, 50 times in all\n\n1. the last attempt succeeds after")
    assert numbers(text) == [1]
    assert len(text.splitlines()) <= MOST
    assert all(f"doc-{number:02}.pdf" in text for number in range(50))
    assert "\n\n45 more: the last attempt succeeds after at least one failure: POST /parse" in text


def test_each_rule_is_shown_once_before_any_is_repeated(extend_api):
    """Else the rule that is broken everywhere hides the one that is broken once."""
    extend_api.fail("CORRUPT_FILE", times=ALWAYS)
    with httpx.Client(base_url=extend_api.base_url, timeout=None) as client:
        for number in range(12):
            for _ in range(2):
                url = f"https://x.example/doc-{number:02}.pdf"
                client.post(
                    "/parse",
                    json={"file": {"url": url}},
                    headers={"authorization": f"Bearer {extend_api.api_key}"},
                )
    text = message_of(extend_api.assert_follows_documentation)
    assert text.startswith("3 rules broken, 25 times in all\n\n1. CORRUPT_FILE is not retried\n")
    assert "\n\n2. the requestId of the last failed reply is logged\n" in text
    assert "\n\n3. every request is sent with a connect and a read time-out\n" in text
    assert "\n\n4. CORRUPT_FILE is not retried\n" in text
    assert "\n\n5. the requestId of the last failed reply is logged\n" in text
    assert text.count("  next  ") == 3, "what to do is said once for each rule"
    assert "\n10 more: CORRUPT_FILE is not retried: POST /parse" in text
    assert len(text.splitlines()) <= MOST


def test_a_fuse_shows_the_operation_that_does_not_end(pytester, separate):
    pytester.makepyfile(
        """
        import httpx

        def send(api, name):
            url = api.base_url + "/parse"
            headers = {"authorization": f"Bearer {api.api_key}"}
            httpx.post(url, json={"file": {"url": f"https://x.example/{name}"}}, headers=headers)

        def test_it(extend_api):
            extend_api.fail("OCR_ERROR", times=200, document="b.pdf")
            for number in range(40):
                send(extend_api, f"a-{number}.pdf")
            while True:
                send(extend_api, "b.pdf")
        """
    )
    result = separate()
    result.stdout.fnmatch_lines(["*40 more, about 40 documents*", "*41 *b.pdf*"])
