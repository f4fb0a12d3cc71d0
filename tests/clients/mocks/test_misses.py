"""A test's own mock that has answers for a documented host, but none for this request."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest
import requests
import respx
from plain_consumer import FILES

HOST = "https://api.extend.ai"
URL = f"{HOST}/parse"
BODY = {"file": {"url": f"{FILES}a.pdf"}}
TAPE = {"method": "POST", "uri": f"{HOST}/extract", "headers": {}, "body": ""}


def ask(library, api, url=URL):
    return library.post(url, json=BODY, headers={"authorization": f"Bearer {api.api_key}"})


def by_respx(api, _):
    with respx.mock(assert_all_called=False) as router:
        router.post(f"{HOST}/extract").respond(500)
        router.post(URL, json={"no": 1}, headers={"x-key": "hidden"}).respond(500)
        router.get(url__regex=r"https://api\.extend\.ai/.*").respond(500)
        router.get(f"{HOST}/other").respond(500)
        router.post("https://elsewhere.example.com/parse").respond(500)
        ask(httpx, api)


def by_respx_with_a_base(api, _):
    with respx.mock(base_url=f"{HOST}/", assert_all_called=False) as router:
        router.route(method__in=["GET", "PUT"], path="/parse").respond(500)
        ask(httpx, api)


def by_respx_as_a_handler(api, _):
    router = respx.Router()
    router.post(f"{HOST}/extract").respond(500)
    with httpx.Client(transport=httpx.MockTransport(router.handler)) as client:
        ask(client, api)


def by_responses(api, _):
    responses = pytest.importorskip("responses")
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(f"{HOST}/extract")
        mock.post(URL, match=[responses.matchers.json_params_matcher({"no": 1})])
        ask(requests, api)


def by_requests_mock(api, _):
    with pytest.importorskip("requests_mock").Mocker() as mock:
        mock.post(f"{HOST}/extract")
        mock.post(URL, request_headers={"x-key": "hidden"})
        ask(requests, api)


def by_aioresponses(api, _):
    aioresponses = pytest.importorskip("aioresponses").aioresponses
    aiohttp = pytest.importorskip("aiohttp")

    async def run():
        with aioresponses() as mock:
            mock.get(re.compile(r"https://api\.extend\.ai/.*"))
            async with aiohttp.ClientSession() as session:
                await ask(session, api)

    asyncio.run(run())


def by_aresponses(api, _):
    aresponses = pytest.importorskip("aresponses")
    aiohttp = pytest.importorskip("aiohttp")

    async def run():
        async with aresponses.ResponsesMockServer() as mock:
            mock.add("api.extend.ai", "/extract", "POST", response={})
            async with aiohttp.ClientSession() as session:
                await ask(session, api)

    asyncio.run(run())


def by_httmock(api, _):
    httmock = pytest.importorskip("httmock")

    @httmock.urlmatch(netloc=r"api\.extend\.ai", path="/extract", method="POST")
    def handler(url, request):
        return "never"

    with httmock.HTTMock(handler):
        ask(requests, api)


def by_pook(api, _):
    pook = pytest.importorskip("pook")
    with pook.use():
        pook.post(URL).json({"no": 1}).reply(500)
        ask(requests, api)


def by_vcrpy(api, path):
    vcr = pytest.importorskip("vcr")
    reply = {"body": {"string": ""}, "headers": {}, "status": {"code": 500, "message": ""}}
    tape = {"version": 1, "interactions": [{"request": TAPE, "response": reply}]}
    (path / "tape.json").write_text(json.dumps(tape))
    with vcr.use_cassette(str(path / "tape.json"), serializer="json"):
        ask(requests, api)


def by_betamax(api, path):
    betamax = pytest.importorskip("betamax")
    reply = {"body": {"string": "", "encoding": "utf-8"}, "headers": {}, "url": TAPE["uri"]}
    reply |= {"status": {"code": 500, "message": ""}}
    made = {"request": TAPE, "response": reply, "recorded_at": "2026-01-01T00:00:00"}
    tape = {"recorded_with": "betamax/0.9.0", "http_interactions": [made]}
    (path / "tape.json").write_text(json.dumps(tape))
    with requests.Session() as session:
        recorder = betamax.Betamax(session, cassette_library_dir=str(path))
        with recorder.use_cassette("tape"):
            ask(session, api)


MISSED = {
    by_respx: (
        "respx",
        "POST https://api.extend.ai/extract, POST https://api.extend.ai/parse with its own json "
        r"and headers, GET https://api\.extend\.ai/.*, 1 more",
    ),
    by_respx_with_a_base: ("respx", "GET/PUT https://api.extend.ai/parse"),
    by_respx_as_a_handler: ("respx", "POST https://api.extend.ai/extract"),
    by_responses: (
        "responses",
        "POST https://api.extend.ai/extract, POST https://api.extend.ai/parse with its own "
        "matchers",
    ),
    by_requests_mock: (
        "requests-mock",
        "POST https://api.extend.ai/extract, POST https://api.extend.ai/parse with its own headers",
    ),
    by_aioresponses: ("aioresponses", r"GET https://api\.extend\.ai/.*"),
    by_aresponses: ("aresponses", "POST api.extend.ai/extract"),
    by_httmock: ("HTTMock", r"POST api\.extend\.ai/extract"),
    by_pook: ("pook", "POST https://api.extend.ai/parse with its own json"),
    by_vcrpy: ("vcrpy's cassette", "POST https://api.extend.ai/extract"),
    by_betamax: ("betamax's cassette", "POST https://api.extend.ai/extract"),
}


@pytest.mark.parametrize("asks", MISSED)
def test_is_named_with_what_it_has(extend_api, tmp_path, asks):
    asks(extend_api, tmp_path)
    mock, has = MISSED[asks]
    assert extend_api.timeline().splitlines()[1:] == [
        "    #     at  request      document  reply",
        "    1  0.000  POST /parse  a.pdf     200",
        f"    {mock} has no answer for POST /parse, so the simulation was asked; {mock} has: {has}",
    ]
    with pytest.raises(AssertionError, match="has no answer for POST /parse"):
        extend_api.assert_retried()
    extend_api.reset()
    assert "has no answer" not in extend_api.timeline()


def test_is_not_named_by_the_provider_that_it_is_not_for(extend_api, nutrient_api):
    by_respx(extend_api, None)
    assert "has no answer" not in nutrient_api.timeline()


def test_is_not_named_where_it_answers_or_passes_on(extend_api):
    with respx.mock(assert_all_called=False) as router:
        router.post(f"{HOST}/extract").respond(500)
        router.post(URL).pass_through()
        ask(httpx, extend_api)
        router.post(f"{HOST}/parse_runs").respond(500)
        ask(httpx, extend_api, f"{HOST}/parse_runs")
    assert "has no answer" not in extend_api.timeline()


@pytest.mark.httpx_mock(assert_all_responses_were_requested=False)
def test_whose_answers_are_used_up_says_so(extend_api, httpx_mock):
    httpx_mock.add_response(url=URL, method="POST", status_code=500)
    for _ in range(2):
        ask(httpx, extend_api)
    assert extend_api.timeline().endswith(
        "pytest-httpx has no answer for POST /parse, so the simulation was asked; "
        "pytest-httpx has: POST https://api.extend.ai/parse (used up)"
    )


def test_is_named_where_the_simulation_does_not_cover_the_request(nested):
    result = nested(
        """
        import httpx, respx

        @respx.mock(assert_all_called=False)
        def test_wrong(extend_api, respx_mock):
            respx_mock.post("https://api.extend.ai/extract").respond(200)
            httpx.post("https://api.extend.ai/exract")
        """
    )
    result.stdout.fnmatch_lines(
        [
            "POST /exract is not simulated: *",
            "respx has no answer for POST /exract, so the simulation was asked; respx has: POST "
            "https://api.extend.ai/extract",
        ]
    )
