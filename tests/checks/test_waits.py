"""The checks of backoff and Retry-After, with given waits."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime

import httpx
import pytest
from plain_consumer import said, send

BACKOFF_ADVICE = (
    "Extend: Wait before each retry with exponential backoff and jitter. "
    "(docs.extend.ai/general/rate-limits)"
)


def after(api, *waits, error="OCR_ERROR", **script):
    """Let a document fail, with these waits before its retries."""
    api.fail(error, times=len(waits) + 1, **script)
    send(api)
    for wait in waits:
        api.clock.advance(wait)
        send(api)


_CAP = " (for a cap this low, see assert_backoff(maximum=...))"


@pytest.mark.parametrize(
    ("waits", "arguments"),
    [
        pytest.param((1, 2, 4, 8), {}, id="doubling"),
        pytest.param((1,), {}, id="one wait"),
        pytest.param((0.001001,), {}, id="just above nothing"),
        pytest.param((1, 2, 4), {"initial": 1}, id="from an initial wait"),
        pytest.param((1.1, 1.8, 4.4), {"initial": 1}, id="at both ends of the jitter"),
        pytest.param((1.1, 1.8, 4.4), {}, id="jitter of the first wait itself"),
        pytest.param((0.9, 2.2, 3.6), {}, id="jitter the other way"),
        pytest.param((1.5, 1.0, 6.0), {"initial": 1, "jitter": 0.5}, id="wider jitter"),
        pytest.param((1.002, 1.998), {"initial": 1, "jitter": 0}, id="2 ms are no jitter"),
        pytest.param((1, 3, 9), {"factor": 3}, id="factor"),
        pytest.param((1, 1, 1), {"factor": 1}, id="constant where asked for"),
        pytest.param((1, 9, 9), {"factor": 1e200, "maximum": 9}, id="a factor without bounds"),
        pytest.param((1, 2, 4, 5, 5), {"initial": 1, "maximum": 5}, id="maximum"),
        pytest.param((1, 2, 4, 5, 5), {"maximum": 5}, id="maximum without initial"),
        pytest.param((0.3, 0.01, 3.9), {"initial": 1, "jitter": "full"}, id="full jitter"),
        pytest.param((0.3, 1.9, 0.2), {"jitter": "full"}, id="full jitter without initial"),
        pytest.param((0, 2, 4), {"immediate_first": True}, id="urllib3's steps"),
        pytest.param((0, 1, 2), {"immediate_first": True, "initial": 1}, id="not counted"),
        pytest.param((0,), {"immediate_first": True}, id="one immediate retry"),
        pytest.param((1, 2, 4), {"immediate_first": True}, id="none immediate"),
    ],
)
def test_backoff_passes(extend_api, waits, arguments):
    after(extend_api, *waits)
    extend_api.assert_backoff(**arguments)


ACCEPTED = "(immediate_first=True accepts that)"


@pytest.mark.parametrize(
    ("waits", "arguments", "expected", "problem"),
    [
        pytest.param(
            (1, 1, 1),
            {},
            "each wait within ±10 % of 2 times the one before",
            "the wait before attempt 3 is too short: 1.000 s, not 1.800 s at least",
            id="constant",
        ),
        pytest.param(
            (1, 2, 3),
            {},
            "each wait within ±10 % of 2 times the one before",
            "the wait before attempt 4 is too short: 3.000 s, not 3.600 s at least",
            id="linear",
        ),
        pytest.param(
            (4, 2, 1),
            {},
            "each wait within ±10 % of 2 times the one before",
            "the wait before attempt 3 is too short: 2.000 s, not 7.200 s at least",
            id="shrinking",
        ),
        pytest.param(
            (1, 2, 4),
            {"initial": 2},
            "within ±10 % of 2 s, 4 s, 8 s",
            "the wait before attempt 2 is too short: 1.000 s, not 1.800 s at least",
            id="another initial wait",
        ),
        pytest.param(
            (1, 2.3),
            {"initial": 1},
            "within ±10 % of 1 s, 2 s",
            "the wait before attempt 3 is too long: 2.300 s, not 2.200 s at most",
            id="above the jitter",
        ),
        pytest.param(
            (1, 2.003),
            {"initial": 1, "jitter": 0},
            "within ±0 % of 1 s, 2 s",
            "the wait before attempt 3 is too long: 2.003 s, not 2.000 s at most",
            id="no jitter",
        ),
        pytest.param(
            (1, 2, 4, 8),
            {"initial": 1, "maximum": 5},
            "within ±10 % of 1 s, 2 s, 4 s, 5 s",
            "the wait before attempt 5 is too long: 8.000 s, not 5.500 s at most",
            id="above the maximum",
        ),
        pytest.param(
            (1, 2, 4, 8),
            {"maximum": 5},
            "each wait within ±10 % of 2 times the one before, up to 5 s",
            "the wait before attempt 5 is too long: 8.000 s, not 5.500 s at most",
            id="above the maximum without initial",
        ),
        pytest.param(
            (0.5, 2.5),
            {"initial": 1, "jitter": "full"},
            "at most 1 s, 2 s",
            "the wait before attempt 3 is too long: 2.500 s, not 2.000 s at most",
            id="above full jitter",
        ),
        pytest.param(
            (0.5, 2.5),
            {"jitter": "full", "maximum": 2},
            "waits above 0 s, up to 2 s",
            "the wait before attempt 3 is too long: 2.500 s, not 2.000 s at most",
            id="above full jitter's maximum",
        ),
        pytest.param(
            (0, 2, 4),
            {},
            "each wait within ±10 % of 2 times the one before",
            f"attempt 2 came without a wait {ACCEPTED}",
            id="at once",
        ),
        pytest.param(
            (0.0, 0.0),
            {"initial": 1, "jitter": "full"},
            "at most 1 s, 2 s",
            f"attempt 2 came without a wait {ACCEPTED}",
            id="full jitter is no excuse",
        ),
        pytest.param(
            (1, 0, 4),
            {"immediate_first": True},
            "each wait within ±10 % of 2 times the one before",
            "attempt 3 came without a wait",
            id="at once, but not first",
        ),
        pytest.param(
            (0, 0, 2),
            {"immediate_first": True},
            "each wait within ±10 % of 2 times the one before",
            "attempt 3 came without a wait",
            id="twice at once",
        ),
        pytest.param(
            (0, 2, 2),
            {"immediate_first": True, "initial": 1},
            "within ±10 % of 1 s, 2 s, 4 s",
            "the wait before attempt 4 is too short: 2.000 s, not 3.600 s at least",
            id="constant after urllib3's first",
        ),
    ],
)
def test_backoff_fails(extend_api, waits, arguments, expected, problem):
    after(extend_api, *waits)
    assert said(extend_api.assert_backoff, **arguments) == (
        "rule broken: waits before retries grow exponentially\n"
        "  operation  POST /parse  https://files.example.com/in/a.pdf\n"
        f"  expected   {expected}\n"
        f"  seen       {', '.join(f'{wait:.3f} s' for wait in waits)}\n"
        f"  nearest    {problem}\n"
        f"  next       {BACKOFF_ADVICE}\n"
        "\n" + said(lambda: _raise(extend_api.timeline()))
    )


def _raise(text):
    raise AssertionError(text)


def test_waits_after_retry_after_are_not_judged(extend_api):
    extend_api.fail("OCR_ERROR")
    extend_api.fail("RATE_LIMIT_EXCEEDED", retry_after=30)
    extend_api.fail("OCR_ERROR")
    for wait in (1, 30, 4, 0):
        send(extend_api)
        extend_api.clock.advance(wait)
    extend_api.assert_backoff(initial=1)
    assert "  seen       1.000 s, 4.000 s\n" in said(extend_api.assert_backoff, initial=2)


def test_only_waits_after_retry_after_prove_nothing(extend_api):
    after(extend_api, 30, error="RATE_LIMIT_EXCEEDED", retry_after=30)
    assert said(extend_api.assert_backoff) == (
        "nothing to check: waits before retries grow exponentially\n"
        "  expected   something to check\n"
        "  seen       every retry followed a Retry-After, so this proves nothing\n"
        "  next       assert_retry_after_honoured() judges such waits\n"
        "\n"
        "timeline of Extend (virtual seconds)\n"
        "    #      at  waited  request      document  reply\n"
        "    1   0.000          POST /parse  a.pdf     429 RATE_LIMIT_EXCEEDED (Retry-After: 30)\n"
        "    2  30.000  30.000  POST /parse  a.pdf     429 RATE_LIMIT_EXCEEDED (Retry-After: 30)"
    )


def test_no_retry_proves_nothing_about_waits(extend_api):
    after(extend_api, retry_after=5)
    for check in (
        extend_api.assert_backoff,
        extend_api.assert_retry_after_honoured,
        extend_api.assert_payload_resent,
    ):
        text = said(check)
        assert text.startswith("nothing to check: ")
        assert (
            "  next       assert_retried() tells which failures the consumer should have retried\n"
            in text
        )


def test_backoff_starts_anew_after_a_success(extend_api):
    for _ in range(2):
        extend_api.fail("OCR_ERROR", times=2)
        for wait in (1, 2, 60):
            send(extend_api)
            extend_api.clock.advance(wait)
    extend_api.assert_backoff(initial=1)


def test_replies_that_take_long_are_no_waits(extend_api):
    extend_api.replies_take(3)
    after(extend_api, 1, 2)
    assert [attempt.waited for attempt in extend_api.attempts] == [None, 1, 2]
    assert [attempt.started for attempt in extend_api.attempts] == [0, 4, 9]
    extend_api.assert_backoff(initial=1)


# Retry-After

RETRY_AFTER_ADVICE = (
    "Extend: Where a reply carries Retry-After, wait at least that many seconds. "
    "(docs.extend.ai/general/rate-limits)"
)


@pytest.mark.parametrize("wait", [7, 7.5, 6.999, 3600])
@pytest.mark.parametrize("value", [7, 7.0, "7"])
def test_retry_after_in_seconds_is_honoured(extend_api, value, wait):
    after(extend_api, wait, error="RATE_LIMIT_EXCEEDED", retry_after=value)
    extend_api.assert_retry_after_honoured()


@pytest.mark.parametrize(
    ("value", "waited", "nearest"),
    [
        (7, 1, ""),
        (7, 6, ""),
        (7, 0, ""),
        (
            7,
            0.007,
            "  nearest    that is its value in milliseconds; Retry-After counts seconds\n",
        ),
        (0.5, 0.1, ""),
    ],
)
def test_retry_after_in_seconds_is_not_honoured(extend_api, value, waited, nearest):
    after(extend_api, waited, error="RATE_LIMIT_EXCEEDED", retry_after=value)
    extend_api.clock.advance(60)
    send(extend_api)
    assert said(extend_api.assert_retry_after_honoured).startswith(
        "rule broken: no retry comes before the reply's Retry-After\n"
        "  operation  POST /parse  https://files.example.com/in/a.pdf\n"
        f"  expected   a wait of at least {value:.3f} s (Retry-After: {value})\n"
        f"  seen       attempt 2 came after {waited:.3f} s\n"
        f"{nearest}"
        f"  next       {RETRY_AFTER_ADVICE}\n"
        "\n"
    )


@pytest.mark.parametrize("form", ["datetime", "text", "other zone"])
def test_retry_after_as_a_date(extend_api, form):
    # The date counts whole seconds, so 20 is between 19 and 20 seconds from now.
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=20)
    text = format_datetime(moment, usegmt=True)
    value = {
        "datetime": moment,
        "text": text,
        "other zone": moment.astimezone(dt.timezone(dt.timedelta(hours=-7))),
    }[form]
    after(extend_api, 20, error="RATE_LIMIT_EXCEEDED", retry_after=value)
    assert extend_api.attempts[0].retry_after == text
    extend_api.assert_retry_after_honoured()
    extend_api.clock.advance(0.5)
    send(extend_api, "b.pdf")
    extend_api.assert_retry_after_honoured()


def test_a_consumer_that_cannot_read_a_date_gets_a_hint(extend_api):
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=20)
    after(extend_api, 1, error="RATE_LIMIT_EXCEEDED", retry_after=moment)
    text = said(extend_api.assert_retry_after_honoured)
    assert "  seen       attempt 2 came after 1.000 s\n" in text
    assert "  nearest    it is an HTTP date here, and not a number of seconds\n" in text
    assert f"(Retry-After: {format_datetime(moment, usegmt=True)})\n" in text


def test_nothing_to_honour_inside_follows_documentation(extend_api):
    after(extend_api, 1, error="RATE_LIMIT_EXCEEDED")
    assert said(extend_api.assert_retry_after_honoured).startswith(
        "nothing to check: no retry comes before the reply's Retry-After\n"
        "  expected   something to check\n"
        "  seen       no failed reply on record carried a Retry-After, so this proves nothing\n"
        "  next       script one that does: api.fail(..., retry_after=5)\n"
    )
    extend_api.assert_follows_documentation()


@pytest.mark.parametrize("text", ["nan", "-5", "1e400", "soon", "Fri, 99 Foo"])
def test_an_invalid_retry_after_of_a_mock_is_ignored(extend_api, respx_mock, text):
    busy = httpx.Response(429, headers={"retry-after": text})
    respx_mock.post().mock(side_effect=[busy, httpx.Response(200)])
    for _ in range(2):
        send(extend_api)
    assert (
        f"  seen       Retry-After: {text} is neither seconds >= 0 nor an HTTP date, so this proves"
        " nothing\n"
    ) in said(extend_api.assert_retry_after_honoured)
    assert "attempt 2 came without a wait" in said(extend_api.assert_backoff)


def test_a_retry_after_of_zero_needs_no_wait(extend_api):
    after(extend_api, 0, error="RATE_LIMIT_EXCEEDED", retry_after=0)
    assert extend_api.attempts[0].retry_after == "0"
    extend_api.assert_retry_after_honoured()


# What one run proves about a backoff


@pytest.mark.parametrize(
    "waits",
    [
        (0.5, 1, 2, 4, 4),
        (0.5, 1, 2, 4, 4, 4, 4),
        (1, 2, 4, 4),
        (0.6, 0.7, 0.9, 1.3),
        (1, 2),
        (1, 2, 4),
        (1,),
        (1, 1.0021),
        (0.7, 0.2, 3.1),
        (1, 2, 3.0021),
        (1, 2, 3, 5, 8),
        (5, 10, 20, 40, 60),
        (2, 2, 4, 6),
        (4, 4, 4, 8, 10, 10),
    ],
    ids=str,
)
def test_backoffs_that_the_documentation_allows(extend_api, waits):
    after(extend_api, *waits, error="RATE_LIMIT_EXCEEDED")
    extend_api.assert_follows_documentation()


@pytest.mark.parametrize(
    ("waits", "problem"),
    [
        ((0,), "attempt 2 came without a wait"),
        ((0.001,), "attempt 2 came without a wait"),
        ((1, 0), "attempt 3 came without a wait"),
        ((1, 1), "the waits before attempts 2 and 3 are equal"),
        ((1, 1.002), "the waits before attempts 2 and 3 are equal"),
        ((0.5, 1, 1, 1, 1), f"the waits before attempts 3 and 4 are equal{_CAP}"),
        ((1, 2, 2), f"the waits before attempts 3 and 4 are equal{_CAP}"),
        ((2, 2, 2.5), "the waits before attempts 2 and 3 are equal"),
        ((2, 2, 4, 4), f"the waits before attempts 4 and 5 are equal{_CAP}"),
        ((1, 2, 3), "the waits grow by 1.000 s each time: that is linear"),
        ((1, 2, 3, 4), "the waits grow by 1.000 s each time: that is linear"),
        ((0.1, 0.3, 0.502), "the waits grow by 0.200 s each time: that is linear"),
        ((3, 2, 1), "the waits shrink by 1.000 s each time: that is linear"),
    ],
    ids=str,
)
def test_backoffs_that_the_documentation_forbids(extend_api, waits, problem):
    after(extend_api, *waits, error="RATE_LIMIT_EXCEEDED")
    assert said(extend_api.assert_follows_documentation).startswith(
        "rule broken: retries wait with exponential backoff\n"
        "  operation  POST /parse  https://files.example.com/in/a.pdf\n"
        "  expected   waits that grow, each by more than the one before\n"
        f"  seen       {', '.join(f'{wait:.3f} s' for wait in waits)}\n"
        f"  nearest    {problem}\n"
        f"  next       {BACKOFF_ADVICE}\n"
        "\n"
    )


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize(
    ("waits", "problem"),
    [
        ((1, 2), ""),
        ((0,), "attempt 2 came without a wait"),
        ((1, 1), "the waits before attempts 2 and 3 are equal"),
    ],
    ids=str,
)
def test_a_gateways_page_is_retried_with_backoff_as_any_5xx(extend_api, status, waits, problem):
    after(extend_api, *waits, error=status)
    text = said(extend_api.assert_follows_documentation)
    assert f"  nearest    {problem}\n" in text if problem else text == "passed"


def test_a_wait_that_no_page_advises_is_not_judged(nutrient_api):
    nutrient_api.fail("bad_gateway_html")
    for _ in range(2):
        httpx.post(
            "https://api.nutrient.io/extraction/parse",
            files={"file": ("a.pdf", b"%PDF-1.4")},
            headers={"Authorization": f"Bearer {nutrient_api.api_key}"},
            timeout=600,
        )
    nutrient_api.assert_follows_documentation()


def test_a_retry_with_another_credential_is_another_request(extend_api):
    extend_api.fail("UNAUTHORIZED")
    reply = send(extend_api, key="sk_old_one_that_expired")
    send(extend_api)
    print(reply.json()["requestId"])  # noqa: T201 - the consumer's log
    extend_api.assert_follows_documentation()


@pytest.mark.parametrize("retry_after", [None, 30])
@pytest.mark.parametrize("key", ["sk_live_customer_2", "sk_live_customer_1"])
def test_a_retry_after_does_not_bind_another_credential(extend_api, retry_after, key):
    """Two customers ask for one public document, the second after the first has given up."""
    extend_api.fail("RATE_LIMIT_EXCEEDED", retry_after=retry_after)
    for sent in ("sk_live_customer_1", key):
        send(extend_api, key=sent)
    text = said(extend_api.assert_follows_documentation)
    assert (text == "passed") is (key == "sk_live_customer_2")


@pytest.mark.parametrize(
    ("status", "path", "right"),
    [(504, "/parse_runs", True), (504, "/files/upload", False), (503, "/parse_runs", False)],
)
def test_a_timed_out_request_may_be_replaced_by_a_run(extend_api, status, path, right):
    """A synchronous request ends after five minutes; a run has no such limit."""
    extend_api.fail("gateway_timeout_html" if status == 504 else "service_unavailable_html")
    send(extend_api)
    send(extend_api, path=path)
    text = said(extend_api.assert_follows_documentation)
    assert text == "passed" if right else "is retried" in text


def test_the_message_says_that_an_error_is_inferred(extend_api):
    extend_api.fail("CHUNKING_ERROR")
    print(send(extend_api).text)  # noqa: T201
    text = said(extend_api.assert_follows_documentation)
    assert text.startswith(
        "rule broken: CHUNKING_ERROR is retried\n"
        "  operation  POST /parse  https://files.example.com/in/a.pdf\n"
        "  expected   a retry after the 500 CHUNKING_ERROR of attempt 1 (basis: inferred)\n"
        "  seen       nothing followed\n"
    )


@pytest.mark.parametrize(
    "fault", ["connect_error", "read_timeout", "connection_reset", "truncated_body", "invalid_json"]
)
@pytest.mark.parametrize("retries", [0, 1])
def test_network_faults_may_be_retried_and_need_not(extend_api, fault, retries):
    extend_api.fail(fault)
    for _ in range(1 + retries):
        send(extend_api)
    if not retries and fault == "invalid_json":
        print(extend_api.request_ids)  # noqa: T201
    extend_api.assert_follows_documentation()


@pytest.mark.parametrize(
    ("code", "retried", "advice"),
    [
        (
            "rate_limited",
            True,
            "Wait and retry a 429 with exponential backoff; the dashboard has your plan's limits.",
        ),
        (
            "maestro_error",
            True,
            "Retry 429, 500 and 503 (that a 408 may be retried is inferred); for a 400, fix the "
            "fields that failingPaths names.",
        ),
        (
            "invalid_request",
            False,
            "A retry is advised for 429, 500 and 503 alone; for a 400, fix the fields that "
            "failingPaths names; for a 413, shrink or split the document.",
        ),
    ],
)
def test_nutrients_own_advice(nutrient_api, code, retried, advice):
    nutrient_api.fail(code)
    print(send(nutrient_api).text)  # noqa: T201
    first = said(nutrient_api.assert_follows_documentation)
    nutrient_api.clock.advance(1)
    send(nutrient_api)
    second = said(nutrient_api.assert_follows_documentation)
    broken, kept = (first, second) if retried else (second, first)
    assert kept == "passed"
    assert broken.startswith(f"rule broken: {code} is {'' if retried else 'not '}retried\n")
    assert (
        f"  next       Nutrient: {advice} "
        "(www.nutrient.io/guides/dws-data-extraction/errors.md)\n" in broken
    )


@pytest.mark.parametrize(
    "check", ["assert_retried", "assert_recovered", "assert_follows_documentation"]
)
def test_a_consumer_that_gives_up_on_a_long_retry_after_gets_a_hint(extend_api, check):
    extend_api.fail("RATE_LIMIT_EXCEEDED", retry_after=3600)
    send(extend_api)
    assert (
        "  nearest    the reply asked to wait (Retry-After: 3600); assert_gave_up() is the check "
        "for a consumer that gives up rather than wait out a long Retry-After\n"
    ) in said(getattr(extend_api, check))
    extend_api.assert_gave_up(attempts=1)
