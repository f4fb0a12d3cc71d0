"""The plugin as its users see it: fixtures, markers, options, hooks, and messages."""

from __future__ import annotations

import inspect
import subprocess
import sys
import textwrap

import pytest

HEAD = """
    import asyncio, datetime, threading, time, unittest
    import httpx, pytest
    from concurrent.futures import ThreadPoolExecutor
    from pytest_parseapi import ALWAYS, ParseAPI

    URL = "https://api.extend.ai/parse"
    BODY = {"file": {"url": "https://files.example.com/invoice.pdf"}}
    HEADERS = {"authorization": "Bearer sk_test_0123456789"}
    M = pytest.mark

    def parse(url=URL):
        return httpx.post(url, json=BODY, headers=HEADERS)

    def codes(api):
        return [attempt.error and getattr(attempt.error, "code", attempt.error)
                for attempt in api.attempts]
"""


@pytest.fixture
def check(nested):
    """Runs a file of tests; gives the outcomes and the text of each failure."""

    def run(text, *options):
        text = textwrap.dedent(HEAD) + textwrap.dedent(text)
        result = nested(text, "--strict-markers", "-W", "error", *options)
        reports = [report for report in result.reprec.getreports() if report.failed]
        result.messages = [report.longreprtext for report in dict.fromkeys(reports)]
        return result

    return run


@pytest.fixture
def passes(check):
    """Runs a file of tests, all of which pass."""

    def run(text, *options, count=1):
        result = check(text, *options)
        assert result.parseoutcomes() == {"passed": count}, result.stdout.str()
        return result

    return run


# Fixtures and markers.


def test_fixtures(passes):
    passes(
        """
        def test(parseapi, extend_api, nutrient_api, parseapi_factory):
            assert parseapi is extend_api
            assert parseapi_factory("nutrient") is nutrient_api
            assert parseapi_factory("extend") is parseapi_factory("extend")
            assert extend_api.clock is nutrient_api.clock
            assert (extend_api.provider.name, nutrient_api.provider.name) == ("extend", "nutrient")
            assert extend_api.base_url == "https://api.extend.ai"
            assert repr(extend_api) == "<ParseAPI extend>"
        """
    )


def test_the_default_provider(passes):
    passes(
        """
        def test(parseapi):
            assert parseapi.provider.name == "nutrient"

        @M.parseapi(provider="extend")
        def test_marker_goes_first(parseapi):
            assert parseapi.provider.name == "extend"
        """,
        "-o",
        "parseapi_provider=nutrient",
        count=2,
    )


def test_two_providers_in_one_test(passes):
    passes(
        """
        @M.parse_error("OCR_ERROR", provider="extend")
        def test(extend_api, nutrient_api):
            assert parse().status_code == 500
            time.sleep(5)
            reply = httpx.post(
                nutrient_api.base_url + "/extraction/parse",
                files={"file": ("a.pdf", b"%PDF-1.7 a", "application/pdf")},
                headers=HEADERS,
            )
            assert reply.status_code == 200
            assert [len(api.attempts) for api in (extend_api, nutrient_api)] == [1, 1]
            assert nutrient_api.attempts[0].started == 5
        """
    )


def test_markers_stack_in_reading_order(passes):
    passes(
        """
        pytestmark = [M.parse_error(401), M.parse_error("NOT_FOUND", times=2)]

        @M.parse_error("CORRUPT_FILE")
        @M.parse_error("PASSWORD_PROTECTED_FILE")
        class TestIt:
            @M.parse_error("OCR_ERROR", "INTERNAL_ERROR")
            @M.parse_error(429)
            def test(self, extend_api):
                while not parse().is_success:
                    pass
                assert codes(extend_api) == [
                    "UNAUTHORIZED", "NOT_FOUND", "NOT_FOUND", "CORRUPT_FILE",
                    "PASSWORD_PROTECTED_FILE", "OCR_ERROR", "INTERNAL_ERROR",
                    "RATE_LIMIT_EXCEEDED", None,
                ]
        """
    )


def test_markers_in_lists_stack_in_reading_order(passes):
    passes(
        """
        class Base:
            pytestmark = [M.parse_error(401), M.parse_error("NOT_FOUND")]

        class TestIt(Base):
            pytestmark = [M.parse_error(429), M.parse_error("OCR_ERROR")]

            @pytest.mark.parametrize("n", [
                pytest.param(1, marks=[M.parse_error(403), M.parse_error("CORRUPT_FILE")]),
            ])
            @M.parse_error("INTERNAL_ERROR")
            def test(self, extend_api, n):
                while not parse().is_success:
                    pass
                assert codes(extend_api) == [
                    "UNAUTHORIZED", "NOT_FOUND", "RATE_LIMIT_EXCEEDED", "OCR_ERROR",
                    "INTERNAL_ERROR", "FORBIDDEN", "CORRUPT_FILE", None,
                ]
        """
    )


def test_markers_of_parameters(passes):
    passes(
        """
        @pytest.mark.parametrize("code", [
            pytest.param("OCR_ERROR", marks=M.parse_error("OCR_ERROR")),
            pytest.param("read_timeout", marks=M.parse_error("read_timeout")),
            pytest.param(None, marks=M.parseapi(provider="extend")),
        ])
        def test(extend_api, code):
            try:
                parse()
            except httpx.HTTPError:
                pass
            assert codes(extend_api) == [code]
        """,
        count=3,
    )


def test_a_marker_goes_with_the_only_provider_that_is_asked_for(passes):
    passes(
        """
        @M.parse_error(402)
        def test(nutrient_api):
            reply = httpx.post(
                nutrient_api.base_url + "/extraction/parse",
                files={"file": ("a.pdf", b"%PDF-1.7 a", "application/pdf")},
                headers=HEADERS,
            )
            assert reply.status_code == 402
        """
    )


def test_markers_without_a_fixture(passes):
    passes(
        """
        @M.parse_error("OCR_ERROR")
        def test():
            assert parse().status_code == 500

        @M.parseapi()
        def test_nothing_scripted():
            assert parse().status_code == 200

        class TestCase(unittest.TestCase):
            @M.parse_error("OCR_ERROR")
            def test(self):
                self.assertEqual(parse().status_code, 500)

        @M.parse_error("OCR_ERROR")
        class TestCases(unittest.TestCase):
            def setUp(self):
                self.status = parse().status_code

            def test(self):
                self.assertEqual(self.status, 500)
        """,
        count=4,
    )


def test_fixtures_that_call_the_api_in_their_set_up(passes):
    passes(
        """
        @pytest.fixture
        def parsed():
            return parse().status_code

        @pytest.fixture(autouse=True)
        def always():
            assert parse().status_code == 500
            yield
            assert parse().status_code == 200

        @M.parse_error("OCR_ERROR", times=2)
        def test(parsed):
            assert parsed == 500
        """
    )


def test_each_parse_error(check):
    result = check(
        """
        @M.each_parse_error(status=500)
        def test(extend_api, documented_error):
            assert parse().json()["code"] == documented_error.wire_code

        @M.each_parse_error(codes="OCR_ERROR", times=2)
        @pytest.mark.parametrize("number", [1, 2])
        def test_without_the_fixture(number):
            assert [parse().status_code for _ in range(3)] == [500, 500, 200]

        @M.each_parse_error(provider="nutrient", status=402)
        class TestIt:
            def test(self, documented_error):
                assert documented_error.provider == "nutrient"
                httpx.post("https://api.nutrient.io/extraction/parse", content=b"%PDF-1.7 a",
                           headers={**HEADERS, "content-type": "application/pdf"})
        """,
        "-v",
    )
    assert set(result.parseoutcomes()) == {"passed"}, result.stdout.str()
    result.stdout.fnmatch_lines(
        [
            "*::test[[]extend-OCR_ERROR] PASSED*",
            "*::test[[]extend-CHUNKING_ERROR] PASSED*",
            "*::test[[]extend-INTERNAL_ERROR] PASSED*",
            "*::test_without_the_fixture[[]*extend-OCR_ERROR*] PASSED*",
            "*::TestIt::test[[]nutrient-*] PASSED*",
        ]
    )


# Wrong uses, told in one line.

KNOWN_CLIENTS = "httpx, httpx2, requests, aiohttp"
EXTEND_STATUSES = "400, 401, 402, 403, 404, 410, 422, 429, 500"
TIMES = "times must be an integer >= 0, or ALWAYS, not "
RETRY_AFTER = "retry_after must be seconds >= 0, an HTTP date or a datetime, not "
MARKERS = {
    "parse_error('OCR_EROR')": "unknown extend error 'OCR_EROR': did you mean 'OCR_ERROR'?",
    "parse_error('ocr_error')": "extend has no error 'ocr_error': its name is 'OCR_ERROR'",
    "parse_error('read_timeot')": (
        "unknown extend error 'read_timeot': did you mean 'read_timeout' or 'connect_timeout'?"
    ),
    "parse_error('500')": "'500' is a text: name a status by a number, 500",
    "parse_error(500)": (
        "status 500 is ambiguous for extend: OCR_ERROR, CHUNKING_ERROR, INTERNAL_ERROR"
    ),
    "parse_error(418)": (
        f"status 418 is not documented for HTTP replies of extend: known: {EXTEND_STATUSES}, "
        "502, 503, 504"
    ),
    "parse_error(None)": (
        "an error is named by its code, its status (an int), a DocumentedError or a network "
        "fault, not by None"
    ),
    "parse_error()": (
        "marker parse_error needs at least one error: a code, a status or a network fault"
    ),
    "parse_error('OCR_ERROR', tims=2)": (
        "marker parse_error has no argument 'tims': did you mean 'times'?"
    ),
    "parse_error('OCR_ERROR', times=-1)": TIMES + "-1",
    "parse_error('OCR_ERROR', times='2')": TIMES + "'2'",
    "parse_error('OCR_ERROR', times=1.5)": TIMES + "1.5",
    "parse_error('OCR_ERROR', times=True)": TIMES + "True",
    "parse_error('OCR_ERROR', provider='extnd')": (
        "unknown provider 'extnd': did you mean 'extend'?"
    ),
    "parse_error('OCR_ERROR', provider='')": "unknown provider '': known: extend, nutrient",
    "parse_error('OCR_ERROR', provider=3)": "unknown provider 3: known: extend, nutrient",
    "parse_error('OCR_ERROR', provider='nutrient')": (
        "'OCR_ERROR' is documented by extend, not by nutrient: pass provider='extend' or use "
        "extend_api"
    ),
    "parse_error('OCR_ERROR', document=3)": "document is a URL, a file name or an id, not 3",
    "parse_error('OCR_ERROR', document='')": "document is a URL, a file name or an id, not ''",
    "parse_error('OCR_ERROR', endpoint='/pars')": (
        "unknown extend endpoint '/pars': did you mean '/parse' or '/parse_runs'?"
    ),
    "parse_error('OCR_ERROR', endpoint='/parse_runs')": (
        "OCR_ERROR is documented for /parse, not for /parse_runs; for runs use fail_run()"
    ),
    "parse_error('OCR_ERROR', endpoint=3)": "an endpoint is named by its path, not by int",
    "parse_error('OCR_ERROR', retry_after=-1)": RETRY_AFTER + "-1",
    "parse_error('OCR_ERROR', retry_after=True)": RETRY_AFTER + "True",
    "parse_error('OCR_ERROR', retry_after=float('nan'))": RETRY_AFTER + "nan",
    "parse_error('OCR_ERROR', retry_after=datetime.datetime(2030, 1, 1))": (
        "retry_after needs a datetime with a time zone"
    ),
    "parse_error('OCR_ERROR', message=3)": "message is a string, not 3",
    "parse_run_failed()": "marker parse_run_failed needs an argument 'error'",
    "parse_run_failed('OCR_ERROR', poll=1)": (
        "marker parse_run_failed has no argument 'poll': did you mean 'polls'?"
    ),
    "parse_run_failed('OCR_ERROR', polls=-1)": ("polls must be an integer >= 0, or ALWAYS, not -1"),
    "parseapi('extend')": (
        "marker parseapi takes keyword arguments only (provider, real_time, strict, clients, "
        "sweep, sweep_accept), not 'extend'"
    ),
    "parseapi(realtime=True)": (
        "marker parseapi has no argument 'realtime': did you mean 'real_time'?"
    ),
    "parseapi(real_time='yes')": "real_time is True or False, not 'yes'",
    "parseapi(strict=None)": "strict is True or False, not None",
    "parseapi(provider='extnd')": "unknown provider 'extnd': did you mean 'extend'?",
    "parseapi(provider='')": "unknown provider '': known: extend, nutrient",
    "parseapi(clients='htpx')": "unknown client 'htpx': did you mean 'httpx' or 'httpx2'?",
    "parseapi(clients=3)": "clients are names of client libraries, not 3",
    "parseapi(clients=[3])": f"unknown client 3: known: {KNOWN_CLIENTS}",
}


@pytest.mark.parametrize(("marker", "message"), MARKERS.items(), ids=MARKERS)
def test_wrong_markers(check, marker, message):
    result = check(f"@M.{marker}\ndef test(): pass")
    assert result.parseoutcomes() == {"errors": 1}
    named = f"marker {marker.partition('(')[0]}"
    assert result.messages == [message if message.startswith(named) else f"{named}: {message}"]


EACH = {
    "'extend'": (
        "marker each_parse_error takes keyword arguments only (provider, surface, endpoint, "
        "retryable, status, codes, exclude, basis, times), not 'extend'"
    ),
    "provder='extend'": (
        "marker each_parse_error has no argument 'provder': did you mean 'provider'?"
    ),
    "provider='extnd'": "unknown provider 'extnd': did you mean 'extend'?",
    "surface='htp'": "unknown surface 'htp': did you mean 'http'?",
    "retryable='yes'": "retryable is True, False or None, not str",
    "status=418": f"status 418 is not documented by extend: known: {EXTEND_STATUSES}",
    "status='500'": "a status is a number, not str",
    "codes='OCR'": "unknown extend error 'OCR': did you mean 'OCR_ERROR'?",
    "codes=['maestro_error']": (
        "'maestro_error' is documented by nutrient, not by extend: pass provider='nutrient' or use "
        "nutrient_api"
    ),
    "codes='read_timeout'": (
        "codes: 'read_timeout' is a network fault, and each_parse_error lists documented errors: "
        "script it with parse_error('read_timeout')"
    ),
    "surface='run', endpoint='/parse'": (
        "endpoint is for HTTP replies: run failures come from no endpoint, so leave "
        "endpoint='/parse' or surface='run' out"
    ),
    "exclude='OCR_EROR'": "unknown extend error 'OCR_EROR': did you mean 'OCR_ERROR'?",
    "basis='docs'": "unknown basis 'docs': known: documented, client, inferred",
    "times=-1": TIMES + "-1",
    "codes=[]": "no documented error of extend fits: surface='http', codes=()",
    "status=429, retryable=False": (
        "no documented error of extend fits: surface='http', retryable=False, status=(429,)"
    ),
    "provider='nutrient', surface='webhook'": (
        "no documented error of nutrient fits: surface='webhook'"
    ),
}


@pytest.mark.parametrize(("arguments", "message"), EACH.items(), ids=EACH)
def test_wrong_cases_fail_at_collection(check, arguments, message):
    result = check(f"@M.each_parse_error({arguments})\ndef test(): pass\ndef test_other(): pass")
    assert result.parseoutcomes() == {"errors": 1}
    if not message.startswith("marker each_parse_error "):
        message = f"marker each_parse_error: {message}"
    assert result.messages == [f"test_wrong_cases_fail_at_collection.py::test: {message}"]


CALLS = {
    "extend_api.fail('OCR')": "unknown extend error 'OCR': did you mean 'OCR_ERROR'?",
    "extend_api.fail('OCR_ERROR', ALWAYS)": (
        "an error is named by its code, its status (an int), a DocumentedError or a network "
        "fault, not by float: write times=ALWAYS"
    ),
    "extend_api.fail('OCR_ERROR', 'b.pdf')": "'b.pdf' is no error: write document='b.pdf'",
    "extend_api.fail('maestro_error')": (
        "'maestro_error' is documented by nutrient, not by extend: use nutrient_api"
    ),
    "extend_api.deliver('parse_run.failed', print)": (
        "a delivery is what webhook() makes, such as deliver(api.webhook('OCR_ERROR'), app), not "
        "'parse_run.failed'"
    ),
    "extend_api.webhook(run='pr_1', batch=True)": (
        "batch=True makes a batch of its own: leave it out with run=, which may be a batch's id"
    ),
    "parseapi_factory('nutrient').webhook()": "Nutrient documents no webhooks",
    "ParseAPI('extend')": (
        "a ParseAPI is made by fixtures, for one test: parseapi, one of a provider's own, or "
        "parseapi_factory('name')"
    ),
    "extend_api.fail()": "fail() needs at least one error: a code, a status or a network fault",
    "extend_api.fail('OCR_ERROR', times=-1)": TIMES + "-1",
    "extend_api.replies_take(seconds=-1)": "replies_take() takes seconds >= 0, not -1",
    "extend_api.replies_take('1')": "replies_take() takes seconds >= 0, not '1'",
    "extend_api.replies_take(float('nan'))": "replies_take() takes seconds >= 0, not nan",
    "extend_api.replies_take(float('inf'))": "replies_take() takes seconds >= 0, not inf",
    "extend_api.replies_take(10**400)": f"replies_take() takes seconds >= 0, not {10**400}",
    "extend_api.runs_take(seconds=10**400)": (
        f"seconds must be a number >= 0, or ALWAYS, not {10**400}"
    ),
    "extend_api.fail(429, retry_after=10**400)": (
        f"retry_after must be seconds >= 0, an HTTP date or a datetime, not {10**400}"
    ),
    "extend_api.assert_polled_politely(10**400)": f"minimum must be seconds >= 0, not {10**400}",
    "extend_api.assert_backoff(initial=10**400)": (
        f"initial must be a number of seconds > 0, not {10**400}"
    ),
    "extend_api.assert_backoff(factor=float('inf'))": "factor must be a number >= 1, not inf",
    "extend_api.assert_request_id_logged(level=[])": (
        "level is a level of logging, not []; known: CRITICAL, FATAL, ERROR, WARN, WARNING, INFO, "
        "DEBUG, NOTSET"
    ),
    "extend_api.webhook(run=['pr_1'])": "run is the id of a run or batch, not list",
    "extend_api.clock.advance(-1)": "clock.advance() takes seconds >= 0, not -1",
    "extend_api.clock.advance(1e300)": (
        "clock.advance() takes at most 9,223,372,036 seconds, as time.sleep(), not 1e+300"
    ),
    "extend_api.attempts_for(3)": "document is a URL, a file name or an id, not 3",
    "extend_api.attempts_for(None)": (
        "attempts_for() needs a document: a URL, a file name or an id"
    ),
    "parseapi_factory('extnd')": "unknown provider 'extnd': did you mean 'extend'?",
    "parseapi_factory(None)": "unknown provider None: known: extend, nutrient",
}


@pytest.mark.parametrize(("call", "message"), CALLS.items(), ids=CALLS)
def test_wrong_calls(check, call, message):
    result = check(f"def test(extend_api, parseapi_factory):\n    {call}")
    assert result.parseoutcomes() == {"failed": 1}
    (text,) = result.messages
    lines = [line[1:].strip() for line in text.splitlines() if line.startswith("E")]
    assert lines == [f"pytest_parseapi.UsageError: {message}"]
    # The traceback ends at the test's own line.
    assert "/pytest_parseapi/" not in text


def test_documented_error_needs_its_marker(check):
    result = check("def test(documented_error): pass")
    assert result.messages == ["documented_error needs the marker each_parse_error"]


@pytest.mark.parametrize("level", ["method", "class"])
def test_a_test_case_has_no_cases(check, level):
    mark = "@M.each_parse_error(status=500)"
    result = check(
        f"{mark if level == 'class' else ''}\nclass TestIt(unittest.TestCase):\n"
        f"    {mark if level == 'method' else ''}\n    def test(self): pass"
    )
    assert result.messages == [
        "each_parse_error makes no cases of unittest.TestCase methods: use a plain function or "
        "class"
    ]


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        ("parseapi_max_attempts=0", "parseapi_max_attempts must be an integer >= 1, not '0'"),
        ("parseapi_max_attempts=x", "parseapi_max_attempts must be an integer >= 1, not 'x'"),
        ("parseapi_max_attempts=²", "parseapi_max_attempts must be an integer >= 1, not '²'"),
    ],
)
def test_wrong_ini_values(nested, ini, message):
    result = nested("def test(): pass", "-o", ini)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_a_wrong_default_provider(check):
    result = check("def test(parseapi): pass", "-o", "parseapi_provider=extnd")
    assert result.messages == [
        "ini value parseapi_provider: unknown provider 'extnd': did you mean 'extend'?"
    ]


@pytest.mark.parametrize("option", ["--parseapi-provider=nutrient", "--parseapi-surface=run"])
def test_an_option_without_effect_is_refused(nested, option):
    result = nested("def test(parseapi): pass", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: {option} is for --parseapi-contract or --parseapi-init, and neither is given*"]
    )


LEFT_OVER = {
    "the case of another endpoint": (
        """
        @M.each_parse_error(codes=["OCR_ERROR"])
        def test(extend_api):
            post(extend_api, "/parse_runs")
        """,
        [
            "  extend: fail('OCR_ERROR')",
            "      a run fails by fail_run() or the marker parse_run_failed",
            "No request to /parse_runs can meet OCR_ERROR: each_parse_error(endpoint='/parse_runs')"
            " keeps what that endpoint documents, and exclude=['OCR_ERROR'] leaves this error out.",
        ],
    ),
    "a script of another endpoint": (
        """
        def test(nutrient_api):
            nutrient_api.fail("unprocessable_url")
            post(nutrient_api, "/extraction/parse")
        """,
        [
            "No request to /extraction/parse can meet unprocessable_url: /extraction/extract "
            "documents it, so leave it out or ask that endpoint.",
        ],
    ),
    "a request about no document": (
        """
        @M.parse_error("INTERNAL_ERROR", document="a.pdf")
        def test(extend_api):
            headers = {"Authorization": "Bearer sk_1"}
            httpx.get("https://api.extend.ai/files", headers=headers, timeout=5)
        """,
        [
            "  extend: fail('INTERNAL_ERROR', document='a.pdf')",
            "      a request did not meet it: it named no document",
            "@pytest.mark.parseapi(strict=False) allows that.",
        ],
    ),
    "a script of another provider": (
        """
        def test(extend_api):
            extend_api.fail("OCR_ERROR")
            post(extend_api, "https://api.nutrient.io/extraction/parse")
        """,
        [
            "Nutrient was asked instead (POST /extraction/parse): its fixture is nutrient_api",
            "@pytest.mark.parseapi(strict=False) allows that.",
        ],
    ),
    "a webhook that nobody made": (
        """
        @M.each_parse_error(surface="webhook", codes=["OCR_ERROR"])
        def test(extend_api):
            pass
        """,
        [
            "webhook events that no webhook() made:",
            "  extend-OCR_ERROR: make its delivery by extend_api.webhook()",
        ],
    ),
}


@pytest.mark.parametrize(("code", "lines"), LEFT_OVER.values(), ids=LEFT_OVER)
def test_a_failure_that_nothing_met_says_how_to_make_the_test_right(check, code, lines):
    asking = """
import httpx
def post(api, path):
    url = path if path.startswith("http") else api.base_url + path
    body = {"file": {"url": "https://files.example.com/a.pdf"}}
    if "nutrient" in url:
        body = {"url": "https://files.example.com/a.pdf"}
    httpx.post(url, json=body, headers={"Authorization": "Bearer sk_1"}, timeout=5)
"""
    result = check(asking + inspect.cleandoc(code))
    assert result.parseoutcomes() == {"failed": 1}
    (text,) = result.messages
    for line in lines:
        assert line in text.splitlines()


def test_a_check_names_the_provider_that_was_asked(check):
    code = """
    import httpx
    def test(extend_api):
        httpx.post("https://api.nutrient.io/extraction/parse", json={"url": "https://a.example/a"},
                   headers={"Authorization": "Bearer k"}, timeout=5)
        extend_api.assert_retried()
    """
    (text,) = check(inspect.cleandoc(code)).messages
    assert (
        "seen       no request reached Extend: Nutrient was asked instead (POST /extraction/parse; "
        "its fixture is nutrient_api), so this proves nothing"
    ) in text


# Misses and the fuse, however they are swallowed.

SWALLOWED = {
    "except Exception": """
        try:
            stop()
        except Exception:
            pass
    """,
    "except BaseException": """
        try:
            stop()
        except BaseException:
            pass
    """,
    "a wrong assertion after it": """
        try:
            stop()
        except BaseException:
            pass
        assert False, "something else"
    """,
    "a thread": """
        thread = threading.Thread(target=quietly(stop))
        thread.start()
        thread.join()
    """,
    "an executor": """
        with ThreadPoolExecutor(2) as pool:
            future = pool.submit(stop)
    """,
    "gather": """
        async def main():
            await asyncio.gather(asyncio.to_thread(stop), return_exceptions=True)
        asyncio.run(main())
    """,
    "a set-up": None,
}
STOPS = {
    "a miss": 'parse("https://api.extend.ai/pars")',
    "the fuse": "while True: parse()",
}


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
@pytest.mark.parametrize("body", SWALLOWED.values(), ids=SWALLOWED)
def test_stops_cannot_be_swallowed(check, body, stop):
    head = f"""
def stop():
    {stop}

def quietly(call):
    def run():
        try:
            call()
        except BaseException:
            pass
    return run

"""
    marker = "@M.parse_error('OCR_ERROR', times=ALWAYS)\n@M.parseapi(strict=False)\n"
    if body is None:
        test = "@pytest.fixture\ndef early(extend_api):\n    quietly(stop)()\n\n" + marker
        test += "def test(early): pass\n"
    else:
        lines = textwrap.indent(textwrap.dedent(body), "    ")
        test = marker + "def test(extend_api):\n" + lines
    result = check(head + test, "-o", "parseapi_max_attempts=3")
    assert result.parseoutcomes() == {"failed": 1}, result.stdout.str()
    (text,) = result.messages
    first = text.splitlines()[0]
    if "pars" in stop and "while" not in stop:
        assert first == (
            "POST /pars is not simulated: Extend does not document it, or the simulation does not "
            "cover it."
        )
    else:
        assert first == (
            "The consumer does not stop: POST /parse  "
            "https://files.example.com/invoice.pdf failed 3 times in a row and was about to be "
            "tried again (parseapi_max_attempts = 3)."
        )
        where, *labelled = text.splitlines()[1:4]
        assert where.startswith("  from      ")
        assert labelled == [
            "  expected  a consumer that gives up",
            "  next      end the loop of retries after some attempts or by a deadline; where more "
            "attempts are right, raise the ini value parseapi_max_attempts",
        ]
        assert "timeline of Extend (virtual seconds)" in text


def test_an_interruption_is_not_taken_for_a_stop(nested):
    text = textwrap.dedent(HEAD) + textwrap.dedent(
        """
        def test(extend_api):
            try:
                parse("https://api.extend.ai/pars")
            except BaseException:
                pytest.exit("enough")

        def test_next():
            pass
        """
    )
    result = nested(text)
    result.stdout.fnmatch_lines(["*_pytest.outcomes.Exit: enough*"])


# Unused scripts.

UNUSED = """
scripted failures that no request met:
  extend: fail('CORRUPT_FILE')
@pytest.mark.parseapi(strict=False) allows that.

timeline of Extend: no attempt on record"""
PART = """
scripted failures that no request met:
  extend: fail('OCR_ERROR', times=3) (met 1 of 3 times)
@pytest.mark.parseapi(strict=False) allows that.

timeline of Extend (virtual seconds)
    #     at  request      document     reply          requestId
    1  0.000  POST /parse  invoice.pdf  500 OCR_ERROR  """


def test_an_unused_script_is_reported(check):
    result = check("def test(extend_api): extend_api.fail('CORRUPT_FILE')")
    assert result.parseoutcomes() == {"failed": 1}
    assert result.messages == [UNUSED.strip()]


def test_a_half_used_script_is_reported(check):
    result = check(
        """
        def test(extend_api):
            extend_api.fail('OCR_ERROR', times=3)
            parse()
        """
    )
    assert result.parseoutcomes() == {"failed": 1}
    assert result.messages[0].startswith(PART.strip())


def test_unused_scripts_that_are_allowed(passes):
    passes(
        """
        @M.parseapi(strict=False)
        def test(extend_api):
            extend_api.fail("CORRUPT_FILE")

        def test_always_met_once(extend_api):
            extend_api.fail("OCR_ERROR", times=ALWAYS)
            parse()

        def test_forgotten(extend_api):
            extend_api.fail("OCR_ERROR")
            extend_api.reset()

        @M.parse_error("OCR_ERROR", times=0)
        def test_none(extend_api):
            pass
        """,
        count=4,
    )


def test_an_unused_script_is_quiet_where_the_test_failed_or_was_skipped(check):
    result = check(
        """
        def test_failed(extend_api):
            extend_api.fail("CORRUPT_FILE")
            assert 1 == 2

        def test_skipped(extend_api):
            extend_api.fail("CORRUPT_FILE")
            pytest.skip("later")

        @M.xfail(strict=True, raises=ZeroDivisionError)
        def test_xfailed(extend_api):
            extend_api.fail("CORRUPT_FILE")
            1 / 0

        @M.skip
        @M.parse_error("CORRUPT_FILE")
        def test_never_run(): pass
        """
    )
    assert result.parseoutcomes() == {"failed": 1, "skipped": 2, "xfailed": 1}
    assert "assert 1 == 2" in result.messages[0]
    assert "no request met" not in result.messages[0]


def test_a_parse_api_is_of_its_test_alone(check):
    result = check(
        """
        kept = []

        def test_first(extend_api):
            kept.append(extend_api)

        @pytest.mark.parametrize("use", [
            lambda api: api.fail("OCR_ERROR"), lambda api: api.attempts, lambda api: api.clock,
            lambda api: api.assert_recovered(), lambda api: api.timeline(),
            lambda api: api.base_url,
            lambda api: api.reset(), lambda api: api.replies_take(1), lambda api: api.request_ids,
        ])
        def test_second(use):
            use(kept[0])
        """
    )
    outcomes = result.parseoutcomes()
    assert outcomes == {"passed": 1, "failed": 9}
    for text in result.messages:
        assert (
            "UsageError: the test of this ParseAPI (extend) is over: fixtures give each test one "
            "of its own"
        ) in text


def test_a_client_that_is_not_chosen_is_blocked(check):
    result = check(
        """
        @M.parseapi(clients=[])
        def test(extend_api):
            parse()
        """
    )
    assert result.parseoutcomes() == {"failed": 1}, result.stdout.str()
    assert result.messages[0].startswith(
        "A request to api.extend.ai by httpx was blocked before it left this machine: "
    )


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ("HEADERS", "{}", "file is missing."),
        ("{}", "BODY", "The API key is missing or not valid."),
    ],
)
@pytest.mark.parametrize("script", ["", "extend_api.fail('OCR_ERROR')"])
def test_the_reason_of_a_rejection_is_shown(check, headers, body, reason, script):
    result = check(
        f"""
        def test(extend_api):
            {script or "pass"}
            httpx.post(URL, json={body}, headers={headers}).raise_for_status()
        """
    )
    section = dict(result.reprec.getreports()[-2].sections)["Captured parseapi call"]
    assert section.endswith(
        f"\n\nattempt 1 was rejected by Extend itself, not by a script: {reason}"
    )


# Hooks, by public names alone.

THIRD_PARTY = """
import json
import pytest
from pytest_parseapi import (
    Advice, Behaviour, DocumentedError, Endpoint, HeaderKey, Provider, Rejected, Reply
)

PAGE = "https://docs.acme.example/errors"
BUSY = DocumentedError(provider="acme", code="BUSY", status=503, retryable=True,
                       message="Try later.", source=PAGE)
BAD = DocumentedError(provider="acme", code="BAD", status=400, retryable=False,
                      message="Not a file.", source=PAGE)
LOCKED = DocumentedError(provider="acme", code="LOCKED", status=401, retryable=False,
                         message="No key.", source=PAGE)
MORE = DocumentedError(provider="extend", code="HOUSE_RULE", status=409, retryable=False,
                       message="Ours.", source=PAGE)


class Acme(Behaviour):
    def documents(self, request, state):
        name = request.header("x-file")
        return (name,) if name else ()

    def answer(self, call, request_id):
        if not call.request.body:
            raise Rejected("BAD", "Empty.")
        body = {"id": call.new_id("acme_"), "requestId": request_id}
        return Reply(status=200, headers={"content-type": "application/json"},
                     body=json.dumps(body).encode())


def pytest_parseapi_providers():
    return [
        Provider(name="acme", title="Acme", base_url="https://api.acme.example/v1",
                 credential=HeaderKey("X-Key"), unauthorized="LOCKED",
                 errors=(BUSY, BAD, LOCKED), endpoints=(Endpoint(method="POST", path="/read"),),
                 advice=(Advice(topic="backoff", text="Wait.", source=PAGE),), behaviour=Acme()),
        Provider(name="extend", base_url="https://api.extend.ai", errors=(MORE,)),
    ]


spoken = []


def pytest_parseapi_evidence(config):
    return lambda: list(spoken)
"""


def test_a_provider_of_a_third_party(pytester, passes):
    pytester.makeconftest(THIRD_PARTY)
    passes(
        """
        import conftest

        def read(key="k", body=b"text", name="a.txt"):
            headers = {"x-key": key, "x-file": name} if key else {}
            return httpx.post("https://api.acme.example/v1/read", content=body, headers=headers,
                              timeout=5)

        def test(parseapi_factory):
            acme = parseapi_factory("acme")
            acme.fail("BUSY", times=2, document="a.txt")
            for seconds in (1, 2, 4):
                reply = read()
                if reply.is_success:
                    break
                conftest.spoken.append("failed: " + reply.json()["requestId"])
                time.sleep(seconds)
            acme.assert_backoff(initial=1, jitter=0)
            acme.assert_recovered()
            acme.assert_request_id_logged(which="all")
            assert read(key=None).status_code == 401
            assert read(body=b"", name="b.txt").json()["message"] == "Empty."

        @M.each_parse_error(provider="acme", retryable=True)
        def test_cases(documented_error):
            assert documented_error is conftest.BUSY
            assert read().status_code == 503

        @M.parse_error("HOUSE_RULE")
        def test_more_errors_for_extend(extend_api):
            assert parse().status_code == 409
        """,
        count=3,
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("['acme']", "gives Providers, not str"),
        ("3", "gives a list of Providers, not int"),
        ("(number for number in [1])", "gives Providers, not int"),
        ("(1 / number for number in [0])", "raised ZeroDivisionError: division by zero"),
        ("1 / 0", "raised ZeroDivisionError: division by zero"),
        (
            "pytest_parseapi.Provider(name='acme', base_url='https://acme.example')",
            "gives a list of Providers, not Provider",
        ),
        ("[Odd()]", "gives Providers, not Odd"),
        ("Odd()", "gives a list of Providers, not Odd"),
        ("__import__('itertools').count()", "gives more than 1,000,000 items"),
    ],
)
def test_a_hook_that_gives_something_else(pytester, check, given, message):
    pytester.makeconftest(
        f"""
        import pytest_parseapi

        class Odd:
            @property
            def __class__(self):
                raise RuntimeError

            def __repr__(self):
                raise RuntimeError

        def pytest_parseapi_providers():
            return {given}
        """
    )
    result = check("def test(extend_api): pass")
    assert result.messages == [f"plugin conftest.py: pytest_parseapi_providers {message}"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("3", "gives a callable that returns log text, not int"),
        ("1 / 0", "raised ZeroDivisionError: division by zero"),
        ("lambda: 1 / 0", "raised ZeroDivisionError: division by zero"),
        ("lambda: 3", "gives log text, not int"),
        ("lambda: b'text'", "gives log text, not bytes"),
        ("lambda: [b'text']", "gives lines of text, not bytes"),
        ("lambda: (1 / number for number in [0])", "raised ZeroDivisionError: division by zero"),
        ("lambda: __import__('itertools').repeat('')", "gives more than 1,000,000 items"),
    ],
)
def test_evidence_of_a_wrong_type_is_refused(pytester, check, given, message):
    pytester.makeconftest(f"def pytest_parseapi_evidence(config): return {given}")
    result = check("""
        @M.parse_error("CORRUPT_FILE")
        def test(extend_api):
            parse()
            extend_api.assert_request_id_logged()
    """)
    (text,) = result.messages
    assert f"plugin conftest.py: pytest_parseapi_evidence {message}" in text


RAISED = {
    "pytest.skip('not today')": "Skipped: not today",
    "pytest.fail('not today')": "Failed: not today",
    "pytest.exit('not today')": "Exit: not today",
    "sys.exit(3)": "SystemExit: 3",
    "raise BaseException": "BaseException",
    "raise ValueError('\\n \\nsecond\\nthird')": "ValueError: second",
    r"raise ValueError('caf\udce9 \x1b[31m \u202e')": r"ValueError: caf\udce9 \x1b[31m \u202e",
    "raise Unspeakable": "Unspeakable",
}


@pytest.mark.parametrize("late", [False, True], ids=["at once", "when a check runs"])
@pytest.mark.parametrize("statement", RAISED)
def test_whatever_a_hook_raises_is_one_line_that_names_its_plugin(pytester, check, statement, late):
    """Also what skips or ends: each test that simulates would be skipped, and nobody told why."""
    pytester.makeconftest(
        f"""
        import sys
        import pytest

        class Unspeakable(Exception):
            def __str__(self):
                raise ValueError

        def look():
            {statement}

        def pytest_parseapi_evidence(config):
            return look if {late} else look()
        """
    )
    result = check("""
        @M.parse_error("CORRUPT_FILE")
        def test(extend_api):
            parse()
            extend_api.assert_request_id_logged()
    """)
    (text,) = result.messages
    said = f"plugin conftest.py: pytest_parseapi_evidence raised {RAISED[statement]}"
    assert said in text


@pytest.mark.parametrize(
    "given",
    ["Odd()", "lambda: Text('req_')", "lambda: [Text('req_')]"],
    ids=["name", "text", "line"],
)
def test_evidence_of_an_unusual_type_is_accepted(pytester, passes, given):
    pytester.makeconftest(
        f"""
        class Text(str):
            def splitlines(self):
                raise RuntimeError

        class Odd:
            __name__ = 3

            def __call__(self):
                return "req_"

        def pytest_parseapi_evidence(config):
            return {given}
        """
    )
    passes("""
        @M.parse_error("OCR_ERROR")
        def test(extend_api):
            parse()
            with pytest.raises(AssertionError, match="requestId"):
                extend_api.assert_request_id_logged()
    """)


@pytest.mark.parametrize(("option", "code"), [("--parseapi-errors", 4), ("--parseapi-report", 0)])
def test_a_hook_that_raises_beside_an_option(nested, pytester, option, code):
    pytester.makeconftest("def pytest_parseapi_providers(): raise ValueError('two\\nlines')")
    result = nested("def test(): pass", option)
    assert result.ret == code
    text = "plugin conftest.py: pytest_parseapi_providers raised ValueError: two"
    assert text in (result.stdout if code == 0 else result.stderr).str()


def test_a_provider_without_a_host(pytester, check):
    pytester.makeconftest(
        """
        from pytest_parseapi import Provider

        def pytest_parseapi_providers():
            return [Provider(name="acme", base_url="api.acme.example/v1")]
        """
    )
    result = check("def test(extend_api): pass")
    assert result.messages == [
        "plugin conftest.py: provider 'acme': base_url must begin with https:// or http://, "
        "not 'api.acme.example/v1'"
    ]


# Options.


def test_parseapi_errors(nested, pytester):
    pytester.makeconftest(THIRD_PARTY)
    result = nested("def test(): assert False", "--parseapi-errors")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "provider * code * status * retry * surfaces * basis * source*",
            "extend * OCR_ERROR * 500 * yes *",
            "nutrient *",
            "acme * BUSY * 503 * yes * https://docs.acme.example/errors",
        ]
    )
    assert "test session starts" not in result.stdout.str()


def test_markers_are_documented(nested):
    result = nested("def test(): pass", "--markers")
    result.stdout.fnmatch_lines(
        [
            "@pytest.mark.parse_error(*errors, times=1, provider=None, *",
            "@pytest.mark.parse_run_failed(error, times=1, *",
            "@pytest.mark.each_parse_error(provider=None, surface='http', *",
            "@pytest.mark.parseapi(provider=None, real_time=False, strict=True, clients=None, *",
        ]
    )


def test_the_plugin_can_be_turned_off(pytester):
    pytester.makepyfile("def test(): pass\ndef test_api(extend_api): pass")
    result = pytester.runpytest_subprocess("-p", "no:parseapi", "-p", "no:randomly")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fixture 'extend_api' not found*"])


@pytest.mark.parametrize(
    ("imported", "more"), [("", []), (".plugin", [".clock", ".plugin", ".plugin.hookspecs"])]
)
def test_start_up_imports_nothing_heavy(imported, more):
    code = (
        f"import sys, pytest; before = set(sys.modules); import pytest_parseapi{imported}; "
        "print(*set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert set(done.stdout.split()) == {f"pytest_parseapi{name}" for name in ["", *more]}


def test_no_two_simulated_tests_at_once(nested):
    test = """
        import threading
        from types import SimpleNamespace

        import pytest
        from pytest_parseapi import UsageError
        from pytest_parseapi.plugin.session import session_of

        def test(request, extend_api):
            session, told = session_of(request.config), []

            def begin():
                try:
                    session.begin(SimpleNamespace(nodeid="the other"))
                except UsageError as error:
                    told.append(str(error))

            thread = threading.Thread(target=begin)
            thread.start()
            thread.join()
            assert told == [
                "two simulated tests at once in one process: test_no_two_simulated_tests_at_once.py"
                "::test runs in another thread. The clock and the client libraries are the "
                "process's: run tests side by side in processes of their own (pytest-xdist; "
                "pytest-parallel with --tests-per-worker=1)"
            ]

        def test_after(extend_api):
            assert extend_api.attempts == []
    """
    nested(test).assert_outcomes(passed=2)


SHOWS_TRACEBACKS = """
import pytest

@pytest.fixture(scope="session", autouse=True)
def shown(request):
    class Reports:
        def pytest_runtest_logreport(self, report):
            if report.failed:
                terminal.write_line(report.longreprtext)

        def pytest_exception_interact(self, report):
            terminal.write("interact " + report.longreprtext)

    terminal = request.config.pluginmanager.get_plugin("terminalreporter")
    request.config.pluginmanager.register(Reports())
"""
CHECKS_AT_THE_END = """
import httpx, pytest

@pytest.fixture
def checked(extend_api):
    yield extend_api
    print("printed at the end")
    extend_api.assert_request_id_logged()

def test_key_in_a_traceback(request, extend_api):
    request.addfinalizer(extend_api.assert_credential_not_logged)
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    httpx.post("https://api.extend.ai/parse", json={"file": {"url": "https://a.example/a.pdf"}},
               headers=headers)
    assert headers == {}

def test_id_in_a_traceback(checked):
    checked.fail("OCR_ERROR")
    reply = httpx.post(
        "https://api.extend.ai/parse", json={"file": {"url": "https://a.example/a.pdf"}},
        headers={"authorization": f"Bearer {checked.api_key}"})
    print("printed by the consumer")
    assert reply.json() == {}
"""


@pytest.mark.parametrize(
    ("shows", "option"), [("", "-v"), (SHOWS_TRACEBACKS, "-q")], ids=["plain", "shows tracebacks"]
)
def test_what_pytest_prints_of_a_result_is_no_evidence(pytester, separate, shows, option):
    # In a process of its own: there pytest prints to the streams of the process.
    pytester.makeconftest(shows)
    pytester.makepyfile(CHECKS_AT_THE_END)
    result = separate(option)
    result.assert_outcomes(failed=2, errors=1)
    result.stdout.fnmatch_lines(
        [
            "E         seen       not in 2 lines of stdout",
            "E         nearest    stdout: 'printed at the end'",
        ]
    )
