"""respx beside the simulation: a test's own routes answer first, and are recorded."""

from __future__ import annotations

import asyncio
import gzip
import io
import json

import httpx
import pytest
import requests
import respx
from plain_consumer import FILES, said
from respx.handlers import WSGIHandler

from pytest_parseapi.model.mistakes import SimulationStopped, UsageError

URL = "https://api.extend.ai/parse"
BODY = {"file": {"url": FILES + "a.pdf"}}
DOCUMENTED = {"code": "OCR_ERROR", "message": "no text", "retryable": True, "requestId": "req_mine"}


def headers(api):
    return {"authorization": f"Bearer {api.api_key}"}


def post(api, url=URL, *, timeout=5, client=None, **body):
    with httpx.Client(timeout=timeout, **(client or {})) as sender:
        return sender.post(url, headers=headers(api), **(body or {"json": BODY}))


async def post_async(api, url=URL, *, client=None, **options):
    async with httpx.AsyncClient(**{"timeout": 5, **options, **(client or {})}) as sender:
        return await sender.post(url, headers=headers(api), json=BODY)


def outcomes(api):
    return [
        (item.status, getattr(item.error, "code", item.error), item.mock) for item in api.attempts
    ]


def _pieces():
    yield from (json.dumps(DOCUMENTED)[:9].encode(), json.dumps(DOCUMENTED)[9:].encode())


async def _later_pieces():
    for piece in _pieces():
        yield piece


STREAMS = {
    "a list": None,
    "a generator": lambda: httpx.Response(500, content=_pieces()),
    "an asynchronous generator": lambda: httpx.Response(500, content=_later_pieces()),
    "gzip": lambda: httpx.Response(
        500,
        headers={"content-encoding": "gzip"},
        content=iter([gzip.compress(json.dumps(DOCUMENTED).encode())]),
    ),
}


@pytest.fixture(params=["sync", "async"])
def ask(request):
    if request.param == "sync":
        return post
    return lambda *args, **options: asyncio.run(post_async(*args, **options))


class TestRoutes:
    def test_answer_first_and_are_on_record(self, extend_api, respx_mock, ask):
        route = respx_mock.post(URL).respond(418)
        assert ask(extend_api).status_code == 418
        assert route.call_count == 1
        assert outcomes(extend_api) == [(418, "unknown_code", "respx route")]
        assert extend_api.attempts[0].document == FILES + "a.pdf"

    def test_that_were_put_up_before_the_simulation_answer_too(self, respx_mock, extend_api, ask):
        respx_mock.post(URL).respond(json=DOCUMENTED, status_code=500)
        ask(extend_api)
        assert outcomes(extend_api) == [(500, "OCR_ERROR", "respx route")]
        assert extend_api.request_ids == ["req_mine"]

    def test_leave_the_rest_to_the_simulation(self, extend_api, respx_mock, ask):
        respx_mock.post(URL, json={"other": 1}).respond(418)
        respx_mock.get("https://other.example.com/").respond(204)
        extend_api.fail("OCR_ERROR")
        assert [ask(extend_api).status_code for _ in range(2)] == [500, 200]
        assert [item.mock for item in extend_api.attempts] == [None, None]
        httpx.get("https://other.example.com/")

    def test_of_other_hosts_stay_respx_s_own(self, extend_api, respx_mock):
        with pytest.raises(AssertionError, match="not mocked"):
            httpx.get("https://other.example.com/")
        assert extend_api.attempts == []

    def test_answer_what_the_simulation_does_not_cover(self, extend_api, respx_mock, ask):
        respx_mock.post("https://api.extend.ai/brand/new").respond(json={"ok": True})
        assert ask(extend_api, "https://api.extend.ai/brand/new").json() == {"ok": True}
        assert [item.endpoint for item in extend_api.attempts] == ["/brand/new"]

    def test_that_pass_through_lead_to_the_simulation(self, extend_api, respx_mock, ask):
        route = respx_mock.post(URL).pass_through()
        assert ask(extend_api).json()["status"] == "PROCESSED"
        assert route.called
        assert outcomes(extend_api) == [(200, None, None)]

    def test_whose_side_effect_gives_the_request_pass_through(self, extend_api, respx_mock, ask):
        respx_mock.post(URL).mock(side_effect=lambda request: request)
        assert ask(extend_api).json()["status"] == "PROCESSED"
        assert outcomes(extend_api) == [(200, None, None)]

    def test_whose_side_effect_gives_none_do_not_match(self, extend_api, respx_mock, ask):
        respx_mock.post(URL, name="no").mock(side_effect=lambda _request: None)
        respx_mock.post(host="api.extend.ai").respond(418)
        assert ask(extend_api).status_code == 418
        assert [item.number for item in extend_api.attempts] == [1]

    def test_with_a_name_are_named(self, extend_api, respx_mock):
        respx_mock.post(URL, name="parse").respond(200)
        post(extend_api)
        assert extend_api.attempts[0].mock == "respx route 'parse'"

    def test_may_have_coroutine_functions_as_side_effects(self, extend_api, respx_mock):
        async def later(request):
            await asyncio.sleep(3)
            return httpx.Response(200, json={"of": request.url.path})

        respx_mock.post(URL).mock(side_effect=later)
        assert asyncio.run(post_async(extend_api)).json() == {"of": "/parse"}
        assert extend_api.attempts[0].ended == 3
        with pytest.raises(TypeError, match=r"needs an httpx\.AsyncClient"):
            post(extend_api)

    @pytest.mark.parametrize("given", STREAMS)
    def test_that_answer_with_a_stream_are_on_record_with_what_it_holds(
        self, extend_api, respx_mock, ask, given
    ):
        if given == "a list":  # as httpcore takes it, although httpx does not
            respx_mock.post(URL).respond(500, stream=[json.dumps(DOCUMENTED).encode()])
        else:
            respx_mock.post(URL).mock(side_effect=lambda _request: STREAMS[given]())
        if given == "an asynchronous generator" and ask is post:
            with pytest.raises(AssertionError):
                ask(extend_api)
            return
        assert ask(extend_api).json() == DOCUMENTED
        assert outcomes(extend_api) == [(500, "OCR_ERROR", "respx route")]
        assert extend_api.request_ids == ["req_mine"]

    def test_whose_stream_breaks_end_as_a_network_fault(self, extend_api, respx_mock, ask):
        def pieces():
            yield b"{"
            raise httpx.ReadError("cut off")

        respx_mock.post(URL).mock(
            side_effect=lambda _request: httpx.Response(200, content=pieces())
        )
        with pytest.raises(httpx.ReadError, match="cut off"):
            ask(extend_api)
        assert outcomes(extend_api) == [(None, "connection_reset", "respx route")]

    def test_may_be_an_application(self, extend_api, respx_mock):
        def application(_environ, start_response):
            start_response("500 Broken", [("content-type", "application/json")])
            return [json.dumps(DOCUMENTED).encode()]

        respx_mock.post(URL).mock(side_effect=WSGIHandler(application))
        assert post(extend_api).json() == DOCUMENTED
        assert extend_api.request_ids == ["req_mine"]

    def test_see_the_whole_request(self, extend_api, respx_mock):
        route = respx_mock.post(URL, json=BODY, headers={"x-tenant": "blue"}).respond(200)
        with httpx.Client() as client:
            client.post(URL, json=BODY, headers={"x-tenant": "blue"})
        assert route.calls.last.request.content == extend_api.attempts[0].body
        assert route.calls.last.response.status_code == 200

    def test_win_over_scripts_which_then_tell_why_they_were_left_over(self, nested):
        result = nested(
            """
            import httpx

            def test_it(extend_api, respx_mock):
                extend_api.fail("OCR_ERROR")
                respx_mock.post("https://api.extend.ai/parse").respond(200)
                httpx.post("https://api.extend.ai/parse")
            """,
            plugins=("respx",),
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            [
                "  extend: fail('OCR_ERROR')",
                "      a request did not meet it: respx route answered POST /parse first",
            ]
        )


@pytest.mark.parametrize(
    "options", [{}, {"using": "httpx"}, {"using": "httpcore"}, {"assert_all_mocked": False}]
)
class TestWaysOfUse:
    def test_a_context_manager(self, extend_api, options, ask):
        with respx.mock(assert_all_called=False, **options) as mock:
            route = mock.post(URL, content__contains=b"a.pdf").respond(500, json=DOCUMENTED)
            assert ask(extend_api).status_code == 500
            route.pass_through()
            assert ask(extend_api).json()["status"] == "PROCESSED"
            mock.clear()
            assert ask(extend_api).json()["status"] == "PROCESSED"
        assert [item.mock for item in extend_api.attempts] == ["respx route", None, None]

    def test_a_decorator(self, extend_api, options):
        @respx.mock(**options)
        def run(respx_mock):
            respx_mock.post(URL).respond(418)
            return post(extend_api).status_code

        assert run() == 418
        assert outcomes(extend_api) == [(418, "unknown_code", "respx route")]


class TestTransports:
    @pytest.mark.parametrize("asynchronous", [False, True])
    def test_of_a_router_ask_its_routes_and_then_the_simulation(self, extend_api, asynchronous):
        router = respx.MockRouter(assert_all_called=False)
        router.post(URL, content__contains=b"a.pdf").mock(
            side_effect=[httpx.Response(500, json=DOCUMENTED), httpx.Response(200)]
        )
        router.post(host="api.extend.ai").pass_through()
        handler = router.async_handler if asynchronous else router.handler
        client = {"transport": httpx.MockTransport(handler)}

        def send(**body):
            if asynchronous:
                return asyncio.run(post_async(extend_api, client=client))
            return post(extend_api, client=client)

        assert [send().status_code for _ in range(2)] == [500, 200]
        router.clear()
        assert send().json()["status"] == "PROCESSED"
        assert outcomes(extend_api) == [
            (500, "OCR_ERROR", "respx route"),
            (200, None, "respx route"),
            (200, None, None),
        ]

    def test_of_the_client_get_what_no_route_knows(self, extend_api):
        """``using="httpx"`` sits above the client's own transport, which may retry by itself."""

        class Retries(httpx.BaseTransport):
            def __init__(self):
                self.below = httpx.HTTPTransport()

            def handle_request(self, request):
                return next(
                    reply
                    for reply in (self.below.handle_request(request) for _ in range(3))
                    if reply.status_code < 500
                )

        extend_api.fail("OCR_ERROR", times=2)
        with respx.mock(using="httpx"):
            assert post(extend_api, client={"transport": Retries()}).status_code == 200
        assert len(extend_api.attempts) == 3

    def test_with_other_handlers_stay_the_test_s_own(self, extend_api):
        mock = httpx.MockTransport(lambda _request: httpx.Response(418))
        assert post(extend_api, client={"transport": mock}).status_code == 418
        assert extend_api.attempts == []


class TestStreams:
    @pytest.mark.parametrize("using", ["httpcore", "httpx"])
    def test_that_are_spent_stay_spent(self, extend_api, using):
        def pieces():
            yield b"{}"

        with respx.mock(using=using) as mock, httpx.Client() as client:
            mock.post(URL).mock(side_effect=[httpx.Response(500), httpx.Response(200)])
            request = client.build_request("POST", URL, content=pieces())
            client.send(request)
            with pytest.raises(httpx.StreamConsumed):
                client.send(request)

    def test_that_no_route_knows_are_sent_on_once(self, extend_api):
        def pieces():
            yield b'{"file": {"url": "https://files.example.com/in/a.pdf"}}'

        sent = {**headers(extend_api), "content-type": "application/json"}
        with respx.mock(using="httpx"), httpx.Client() as client:
            request = client.build_request("POST", URL, content=pieces(), headers=sent)
            assert client.send(request).status_code == 200
            with pytest.raises(httpx.StreamConsumed):
                client.send(request)

    @pytest.mark.parametrize("using", ["httpcore", "httpx"])
    def test_that_a_retry_sends_empty_fail_the_payload_check(self, extend_api, using):
        with respx.mock(using=using) as mock, httpx.Client(timeout=5) as client:
            mock.post(host="api.extend.ai").mock(
                side_effect=[httpx.Response(500), httpx.Response(200)]
            )
            file = io.BytesIO(b"%PDF-1.7 ...")
            for _ in range(2):
                client.post("https://api.extend.ai/files/upload", content=file)
        assert "payload" in said(extend_api.assert_payload_resent)
        assert [len(item.body) for item in extend_api.attempts] == [12, 0]


class TestTimeouts:
    @pytest.mark.parametrize(
        ("error", "name", "seconds"),
        [
            (httpx.ReadTimeout, "read_timeout", 7),
            (httpx.ConnectTimeout, "connect_timeout", 2),
            (httpx.PoolTimeout, "connect_timeout", 2),
            (httpx.WriteTimeout, "read_timeout", 7),
            (httpx.ConnectError, "connect_error", 0),
            (httpx.ReadError, "connection_reset", 0),
            (httpx.RemoteProtocolError, "connection_reset", 0),
            (ConnectionResetError, "connection_reset", 0),
            (httpx.ReadTimeout("late"), "read_timeout", 7),
        ],
    )
    def test_of_a_side_effect_last_as_long_as_the_client_waits(
        self, extend_api, respx_mock, ask, error, name, seconds
    ):
        respx_mock.post(URL).mock(side_effect=error)
        with pytest.raises(error if isinstance(error, type) else type(error)):
            ask(extend_api, timeout=httpx.Timeout(7, connect=2))
        assert outcomes(extend_api) == [(None, name, "respx route")]
        assert extend_api.clock.elapsed == seconds

    def test_end_a_reply_that_takes_longer(self, extend_api, respx_mock, ask):
        respx_mock.post(URL).respond(200)
        extend_api.replies_take(9)
        with pytest.raises(httpx.ReadTimeout):
            ask(extend_api)
        assert extend_api.clock.elapsed == 5

    def test_that_the_client_does_not_have_stop_the_test(self, nested):
        result = nested(
            """
            import httpx

            def test_it(extend_api, respx_mock):
                respx_mock.post("https://api.extend.ai/parse").mock(side_effect=httpx.ReadTimeout)
                httpx.post("https://api.extend.ai/parse", timeout=None)
            """,
            plugins=("respx",),
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*POST https://api.extend.ai/parse would hang forever*"])

    def test_errors_of_the_side_effect_itself_are_the_test_s(self, extend_api, respx_mock, ask):
        def broken(_request):
            raise ValueError("a mistake")

        respx_mock.post(URL).mock(side_effect=broken)
        with pytest.raises(ValueError, match="a mistake"):
            ask(extend_api)
        assert extend_api.attempts == []

    def test_a_list_that_is_used_up_stops_the_test(self, nested):
        result = nested(
            """
            import contextlib, httpx

            def test_it(extend_api, respx_mock):
                respx_mock.post("https://api.extend.ai/parse").mock(
                    side_effect=[httpx.Response(500)])
                for _ in range(2):
                    with contextlib.suppress(Exception):
                        httpx.post("https://api.extend.ai/parse")
            """,
            plugins=("respx",),
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            ["*respx route has no answer left for POST https://api.extend.ai/parse: its side*"]
        )


class TestJudgement:
    def test_all_checks_work_over_a_team_s_own_routes(self, extend_api, respx_mock, caplog):
        import logging
        import time

        respx_mock.post(URL).mock(
            side_effect=[httpx.Response(500, json=DOCUMENTED)] * 2 + [httpx.Response(200)]
        )
        for wait in (1, 2, 4):
            reply = post(extend_api)
            if reply.is_success:
                break
            logging.getLogger("consumer").error("failed: %s", reply.text)
            time.sleep(wait)
        extend_api.assert_recovered()
        extend_api.assert_backoff(initial=1)
        extend_api.assert_payload_resent()
        extend_api.assert_request_id_logged()
        extend_api.assert_follows_documentation()

    @pytest.mark.parametrize(
        ("reply", "error", "contradiction"),
        [
            ({"status_code": 500, "json": DOCUMENTED}, "OCR_ERROR", None),
            (
                {"status_code": 503, "json": DOCUMENTED},
                "OCR_ERROR",
                "OCR_ERROR is documented with status 500, not 503",
            ),
            (
                {"status_code": 500, "json": {"code": "OCR_ERROR"}},
                "OCR_ERROR",
                "its body lacks the documented requestId",
            ),
            ({"status_code": 429}, "RATE_LIMIT_EXCEEDED", "the documented body of a 429 says "),
            ({"status_code": 500}, "empty_body", "its body lacks the documented requestId"),
            ({"status_code": 502, "html": "<h1>Bad</h1>"}, "bad_gateway_html", None),
            ({"status_code": 418}, "unknown_code", "no 418 is documented"),
            (
                {"status_code": 200, "text": "{", "content_type": "application/json"},
                *("invalid_json", None),
            ),
            ({"status_code": 200}, None, None),
            (
                {"status_code": 200, "json": DOCUMENTED},
                None,
                "OCR_ERROR is documented with status 500, not 200",
            ),
            (
                {"status_code": 500, "json": {**DOCUMENTED, "retryable": False}},
                "OCR_ERROR",
                "OCR_ERROR is documented with retryable: true, not false",
            ),
            ({"status_code": 502, "text": "<html>"}, "bad_gateway_html", None),
        ],
    )
    def test_a_reply_stands_for_what_is_documented(
        self, extend_api, respx_mock, reply, error, contradiction
    ):
        respx_mock.post(URL).respond(**reply)
        post(extend_api)
        attempt = extend_api.attempts[0]
        assert getattr(attempt.error, "code", attempt.error) == error
        assert (attempt.contradiction or "").startswith(contradiction or "")
        assert (attempt.contradiction is None) is (contradiction is None)

    def test_of_nutrient_names_its_codes(self, nutrient_api, respx_mock):
        url = f"{nutrient_api.base_url}/extraction/parse"
        respx_mock.post(url).respond(
            429, json={"status": 429, "requestId": "r", "errorMessage": ""}
        )
        post(nutrient_api, url)
        assert [item.error.code for item in nutrient_api.attempts] == ["rate_limited"]

    def test_a_contradiction_is_told_in_the_timeline(self, extend_api, respx_mock):
        respx_mock.post(URL).respond(503, json=DOCUMENTED)
        post(extend_api)
        assert extend_api.timeline() == (
            "timeline of Extend (virtual seconds)\n"
            "    #     at  request      document  reply                        requestId\n"
            "    1  0.000  POST /parse  a.pdf     503 OCR_ERROR [respx route]  req_mine\n"
            "    attempt 1 was answered by respx route: OCR_ERROR is documented with status 500, "
            "not 503"
        )


class TestAnswers:
    def test_fail_and_then_succeed(self, extend_api, respx_mock, ask):
        respx_mock.post(URL).mock(side_effect=extend_api.answers("OCR_ERROR", times=2))
        replies = [ask(extend_api) for _ in range(3)]
        assert [reply.status_code for reply in replies] == [500, 500, 200]
        assert replies[2].json()["status"] == "PROCESSED"
        assert [item.mock for item in extend_api.attempts] == ["respx route"] * 3
        assert extend_api.request_ids == [reply.json()["requestId"] for reply in replies[:2]]
        assert [item.contradiction for item in extend_api.attempts] == [None] * 3

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            ("read_timeout", httpx.ReadTimeout),
            ("connect_error", httpx.ConnectError),
            ("connection_reset", httpx.ReadError),
            ("truncated_body", httpx.RemoteProtocolError),
        ],
    )
    def test_include_network_faults(self, extend_api, respx_mock, ask, fault, error):
        respx_mock.post(URL).mock(side_effect=extend_api.answers(fault))
        with pytest.raises(error):
            ask(extend_api)
        assert ask(extend_api).status_code == 200
        assert [getattr(item.error, "code", item.error) for item in extend_api.attempts] == [
            *(fault, None)
        ]
        assert extend_api.clock.elapsed == (5 if fault == "read_timeout" else 0)

    @pytest.mark.parametrize("fault", ["invalid_json", "missing_request_id", "unknown_code"])
    def test_include_broken_bodies_by_their_names(self, extend_api, respx_mock, fault):
        respx_mock.post(URL).mock(side_effect=extend_api.answers(fault))
        post(extend_api)
        assert [item.error for item in extend_api.attempts] == [fault]

    def test_without_errors_succeed(self, extend_api, respx_mock):
        respx_mock.post(URL).mock(side_effect=extend_api.answers())
        assert post(extend_api).json()["status"] == "PROCESSED"

    def test_take_what_fail_takes(self, extend_api, respx_mock):
        respx_mock.post(URL).mock(
            side_effect=extend_api.answers("RATE_LIMIT_EXCEEDED", retry_after=7, message="slow")
        )
        reply = post(extend_api)
        assert (reply.headers["retry-after"], reply.json()["message"]) == ("7", "slow")
        assert extend_api.attempts[0].retry_after == "7"

    def test_are_a_script_of_their_route_alone(self, extend_api, respx_mock):
        a = respx_mock.post(URL, json=BODY)
        a.mock(side_effect=extend_api.answers("OCR_ERROR"))
        extend_api.fail("INTERNAL_ERROR")
        assert post(extend_api).json()["code"] == "OCR_ERROR"
        other = post(extend_api, json={"file": {"url": FILES + "b.pdf"}})
        assert other.json()["code"] == "INTERNAL_ERROR"

    def test_serve_using_httpx_and_a_router_s_transport(self, extend_api):
        with respx.mock(using="httpx") as mock:
            mock.post(URL).mock(side_effect=extend_api.answers("OCR_ERROR"))
            post(extend_api)
        router = respx.MockRouter()
        router.post(URL).mock(side_effect=extend_api.answers("INTERNAL_ERROR"))
        post(extend_api, client={"transport": httpx.MockTransport(router.handler)})
        assert [item.error.code for item in extend_api.attempts] == ["OCR_ERROR", "INTERNAL_ERROR"]

    def test_that_no_request_met_are_an_unused_script(self, nested):
        result = nested(
            """
            def test_it(extend_api):
                extend_api.answers("OCR_ERROR", times=2)
            """
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["  extend: answers('OCR_ERROR', times=2)"])

    def test_name_a_mistake_at_once(self, extend_api):
        with pytest.raises(UsageError, match="did you mean 'OCR_ERROR'"):
            extend_api.answers("OCR_EROR")
        with pytest.raises(UsageError, match="times"):
            extend_api.answers(times=-1)

    def test_are_for_respx_alone(self, extend_api):
        answers = extend_api.answers("OCR_ERROR")
        with pytest.raises(UsageError, match=r"takes an httpx\.Request, not a PreparedRequest"):
            answers(requests.Request("POST", URL).prepare())
        assert post(extend_api, client={"transport": httpx.MockTransport(answers)}).is_error

    def test_end_with_their_test(self, extend_api, respx_mock):
        answers = extend_api.answers()
        extend_api._simulation.clock.close()
        with pytest.raises(UsageError, match="is over"):
            answers(httpx.Request("POST", URL))


def test_a_fuse_stops_a_consumer_that_asks_a_route_for_ever(nested):
    result = nested(
        """
        import httpx, time

        def test_it(extend_api, respx_mock):
            respx_mock.post("https://api.extend.ai/parse").respond(500)
            while httpx.post("https://api.extend.ai/parse").is_error:
                time.sleep(1)
        """,
        plugins=("respx",),
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*The consumer does not stop: *"])


def test_a_reference_kept_before_the_test_leads_to_the_simulation(extend_api):
    with httpx.HTTPTransport() as transport:
        kept = transport.handle_request
        assert KEPT.__code__ is kept.__func__.__code__
        reply = kept(httpx.Request("POST", URL, json=BODY, headers=headers(extend_api)))
        KEPT(transport, httpx.Request("POST", URL, json=BODY, headers=headers(extend_api)))
    assert reply.status_code == 200
    assert len(extend_api.attempts) == 2


KEPT = httpx.HTTPTransport.handle_request


def test_a_miss_still_stops_the_test_where_no_route_knows_it(extend_api, respx_mock):
    with pytest.raises(SimulationStopped, match="GET /nothing is not simulated"):
        httpx.get("https://api.extend.ai/nothing")
    extend_api._simulation.stops.message = None
