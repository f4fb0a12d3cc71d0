"""``fail(after=..., when=...)``: which requests meet a scripted failure."""

from __future__ import annotations

import functools
import re

import httpx
import pytest
import requests
from plain_consumer import FILES, send
from respx import MockRouter as Router
from respx.patterns import M

from pytest_parseapi.model.mistakes import UsageError


def codes(api, *names):
    """What requests about these documents get: a code, a fault's name or 'ok'."""
    for name in names:
        send(api, name)
    return outcomes(api)


def outcomes(api):
    return [getattr(item.error, "code", item.error) or "ok" for item in api.attempts]


def about_b(request):
    return b"b.pdf" in request.content


@pytest.mark.parametrize(
    ("errors", "options", "expected"),
    [
        (["OCR_ERROR"], {"after": 0}, ["OCR_ERROR", "ok", "ok"]),
        (["OCR_ERROR"], {"after": 2}, ["ok", "ok", "OCR_ERROR", "ok"]),
        (["OCR_ERROR"], {"after": 1, "times": 2}, ["ok", "OCR_ERROR", "OCR_ERROR", "ok"]),
        # The requests that pass are counted once for all the errors of one call.
        (["OCR_ERROR", "INTERNAL_ERROR"], {"after": 1}, ["ok", "OCR_ERROR", "INTERNAL_ERROR"]),
        (["read_timeout"], {"after": 1}, ["ok", "read_timeout", "ok"]),
    ],
)
def test_after_lets_the_first_requests_pass(extend_api, errors, options, expected):
    extend_api.fail(*errors, **options)
    assert codes(extend_api, *["a.pdf"] * len(expected)) == expected


def test_after_counts_only_requests_that_match(extend_api):
    extend_api.fail("OCR_ERROR", after=1, document="b.pdf")
    assert codes(extend_api, "a.pdf", "a.pdf", "b.pdf", "a.pdf", "b.pdf") == [
        *("ok", "ok", "ok", "ok", "OCR_ERROR")
    ]


def test_after_counts_no_request_that_the_api_turned_down(extend_api):
    extend_api.fail("OCR_ERROR", after=1)
    send(extend_api, json={"file": {}})
    assert codes(extend_api, "a.pdf", "a.pdf") == ["INVALID_REQUEST", "ok", "OCR_ERROR"]


def test_a_request_that_one_script_lets_pass_meets_the_next(extend_api):
    extend_api.fail("OCR_ERROR", after=1)
    extend_api.fail("INTERNAL_ERROR")
    assert codes(extend_api, "a.pdf", "a.pdf", "a.pdf") == ["INTERNAL_ERROR", "OCR_ERROR", "ok"]


@pytest.mark.parametrize(
    "when",
    [
        about_b,
        lambda request: request.url.path == "/parse" and about_b(request),
        functools.partial(lambda name, request: name in request.content, b"b.pdf"),
        M(json__file__url=FILES + "b.pdf"),
        M(method="POST") & ~M(json__file__url=FILES + "a.pdf"),
        M(host="api.extend.ai", content__contains=b"b.pdf"),
        lambda request: re.search(b"b.pdf", request.content),  # any true value will do
    ],
)
def test_when_chooses_the_requests(extend_api, when):
    extend_api.fail("OCR_ERROR", when=when)
    assert codes(extend_api, "a.pdf", "b.pdf", "b.pdf") == ["ok", "OCR_ERROR", "ok"]


def test_when_and_after_together(extend_api):
    extend_api.fail("OCR_ERROR", after=1, when=about_b)
    assert codes(extend_api, "b.pdf", "a.pdf", "b.pdf") == ["ok", "ok", "OCR_ERROR"]


def test_when_is_asked_once_for_each_request(extend_api):
    seen = []

    def is_third(request):
        seen.append(request)
        return len(seen) == 3

    extend_api.fail("OCR_ERROR", "CORRUPT_FILE", times=1, when=is_third)
    with pytest.raises(AssertionError):  # the second error waits forever
        assert codes(extend_api, *["a.pdf"] * 4) == ["ok", "ok", "OCR_ERROR", "CORRUPT_FILE"]
    assert len(seen) == 4
    extend_api.reset()


def test_when_sees_the_documented_address_over_the_live_server(extend_api):
    extend_api.fail("OCR_ERROR", when=M(url="https://api.extend.ai/parse"))
    with httpx.Client(base_url=extend_api.live_url, timeout=5) as client:
        reply = client.post(
            "/parse",
            json={"file": {"url": FILES + "a.pdf"}},
            headers={"authorization": f"Bearer {extend_api.api_key}"},
        )
    assert (reply.status_code, extend_api.attempts[0].client) == (500, "server")


def test_when_takes_requests_of_other_clients(nutrient_api):
    seen = []
    nutrient_api.fail("rate_limited", when=lambda request: seen.append(request) is None)
    url = f"{nutrient_api.base_url}/extraction/parse"
    headers = {"authorization": f"Bearer {nutrient_api.api_key}", "x-tenant": "blue"}
    reply = requests.post(url, json={"url": FILES + "a.pdf"}, headers=headers, timeout=5)
    assert reply.status_code == 429
    assert (seen[0].method, str(seen[0].url), seen[0].headers["x-tenant"]) == ("POST", url, "blue")
    assert FILES.encode() in seen[0].content


@pytest.mark.parametrize("swallows", [False, True])
def test_a_condition_that_raises_stops_the_test_and_is_named(nested, swallows):
    result = nested(
        f"""
        import contextlib, httpx

        def about_b(request):
            return request.json()["file"]

        def test_it(extend_api):
            extend_api.fail("OCR_ERROR", when=about_b)
            with contextlib.suppress({"BaseException" if swallows else "ValueError"}):
                httpx.post("https://api.extend.ai/parse", json={{}}, timeout=5)
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*when=about_b raised at POST https://api.extend.ai/parse: AttributeError: 'Request' "
            "object has no attribute 'json'",
            "*test_a_condition_that_raises_stops_the_test_and_is_named.py:4",
        ]
    )


def test_a_condition_that_makes_a_request_stops_the_test(nested):
    result = nested(
        """
        import httpx

        def ask(request):
            return httpx.get("https://api.extend.ai/files/f_1", timeout=5).is_success

        def test_it(extend_api):
            extend_api.fail("OCR_ERROR", when=ask)
            httpx.post("https://api.extend.ai/parse", json={}, timeout=5)
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*a when= made a request (GET https://api.extend.ai/files/f_1)*"])


def test_a_condition_that_gives_a_coroutine_stops_the_test(nested):
    result = nested(
        """
        import httpx

        async def later(request):
            return True

        def test_it(extend_api):
            extend_api.fail("OCR_ERROR", when=lambda request: later(request))
            httpx.post("https://api.extend.ai/parse", timeout=5,
                headers={"authorization": f"Bearer {extend_api.api_key}"})
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*when=<lambda at *.py:7> must answer at once: it gave a coroutine*"]
    )


async def later(request):
    return True


def steps(request):
    yield True


class Later:
    async def __call__(self, request):
        return True


TAKES = 'when takes a respx pattern, such as M(path="/parse"), or a callable of an httpx.Request'


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"after": -1}, "after must be an integer >= 0, not -1"),
        ({"after": True}, "after must be an integer >= 0, not True"),
        ({"after": 1.0}, "after must be an integer >= 0, not 1.0"),
        ({"after": "2"}, "after must be an integer >= 0, not '2'"),
        ({"when": "POST"}, f"{TAKES}, not 'POST'"),
        ({"when": False}, f"{TAKES}, not False"),
        ({"when": later}, f"{TAKES}, not a coroutine function: later must answer at once"),
        (
            {"when": functools.partial(later)},
            f"{TAKES}, not a coroutine function: functools.partial(<function later at 0x",
        ),
        ({"when": steps}, f"{TAKES}, not a generator function: steps must answer at once"),
        ({"when": Later()}, f"{TAKES}, not a coroutine function: <"),
        ({"when": lambda: True}, f"{TAKES}: <lambda at tests/service/test_conditions.py:"),
        ({"when": {"a": 1}}, f"{TAKES}, not {{'a': 1}}"),
        (
            {"when": Router().post("/parse")},
            f"{TAKES}, not a route: route.pattern is one",
        ),
    ],
)
def test_a_wrong_option_is_refused_at_once(extend_api, options, message):
    with pytest.raises(UsageError) as raised:
        extend_api.fail("OCR_ERROR", **options)
    assert str(raised.value).startswith(message)


def test_a_failure_that_no_request_met_tells_why(nested):
    result = nested(
        """
        import httpx
        from respx.patterns import M

        def about_b(request):
            return b"b.pdf" in request.content

        def test_it(extend_api):
            extend_api.fail("OCR_ERROR", after=2)
            extend_api.fail("CORRUPT_FILE", when=about_b)
            extend_api.fail("INTERNAL_ERROR", when=M(path="/parse_runs"))
            httpx.post("https://api.extend.ai/parse", timeout=5,
                json={"file": {"url": "https://files.example.com/a.pdf"}},
                headers={"authorization": f"Bearer {extend_api.api_key}"})
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "  extend: fail('OCR_ERROR', after=2)",
            "      a request did not meet it: after=2 lets the first that match pass",
            "  extend: fail('CORRUPT_FILE', when=about_b)",
            "      a request did not meet it: its when= did not hold",
            "  extend: fail('INTERNAL_ERROR', when=<Path eq '/parse_runs'>)",
            "      a request did not meet it: its when= did not hold",
        ]
    )
