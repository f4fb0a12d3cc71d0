"""The work of one exchange: counted, since times depend on the machine."""

from __future__ import annotations

import gc

import httpx
import pytest

from pytest_parseapi.clients.httpx import exchanges
from pytest_parseapi.model import request_content
from pytest_parseapi.model.behaviour import Call
from pytest_parseapi.model.http import Request
from pytest_parseapi.providers.extend import files

KEY = {"Authorization": "Bearer key_of_a_test"}


def post(api, path, number=0):
    url = f"https://files.example.com/invoice-{number}.pdf"
    body = {"url": url} if api.provider.name == "nutrient" else {"file": {"url": url}}
    return httpx.post(api.base_url + path, json=body, headers=KEY)


def living():
    return [item for item in gc.get_objects() if isinstance(item, (Call, Request))]


@pytest.fixture(params=["extend", "nutrient"])
def api(request, parseapi_factory):
    return parseapi_factory(request.param)


@pytest.mark.parametrize("fails", [False, True])
def test_a_body_is_parsed_once(api, monkeypatch, fails):
    parsed = []
    real = request_content._object_in
    monkeypatch.setattr(
        request_content, "_object_in", lambda body: parsed.append(body) or real(body)
    )
    path = "/extraction/parse" if api.provider.name == "nutrient" else "/parse"
    if fails:
        api.fail(429, times=2)
    for number in range(2):
        assert post(api, path, number).is_success is not fails
    assert len(parsed) == 2


def test_httpx_s_own_checks_run_once_for_requests_that_differ_in_plain_values(
    extend_api, monkeypatch
):
    written = []
    monkeypatch.setattr(exchanges, "check_by_httpcore", lambda *given: written.append(given))
    for number in (1, 10, 100):
        body = {"file": {"url": f"https://files.example.com/{number}.pdf"}}
        headers = {**KEY, "Idempotency-Key": f"key {number}"}
        assert httpx.post(f"{extend_api.base_url}/parse", json=body, headers=headers).is_success
    assert len(written) == 1


@pytest.mark.parametrize(
    ("error", "made"), [(None, 1), ("OCR_ERROR", 0), ("invalid_json", 1), ("truncated_body", 1)]
)
def test_an_unused_body_is_not_made(extend_api, monkeypatch, error, made):
    texts = []
    real = files.processed_text
    monkeypatch.setattr(files, "processed_text", lambda *args: texts.append(args) or real(*args))
    if error is not None:
        extend_api.fail(error)
    try:
        post(extend_api, "/parse")
    except httpx.RemoteProtocolError:
        assert error == "truncated_body"
    assert len(texts) == made


def test_a_bad_request_does_not_use_up_a_script_although_its_body_is_not_made(extend_api):
    extend_api.fail("OCR_ERROR")
    bad = httpx.post(extend_api.base_url + "/parse", json={"file": {}}, headers=KEY)
    assert bad.status_code == 400
    assert post(extend_api, "/parse").json()["code"] == "OCR_ERROR"


@pytest.mark.parametrize("path", ["/parse", "/parse_runs"])
@pytest.mark.parametrize("code", [None, "INTERNAL_ERROR"])
def test_an_exchange_leaves_no_reference_cycles(extend_api, path, code):
    if code is not None:
        extend_api.fail(code)
    gc.collect()
    gc.disable()
    try:
        before = living()
        assert post(extend_api, path).is_success is (code is None)
        left = [item for item in living() if not any(item is known for known in before)]
    finally:
        gc.enable()
    assert left == []


def test_an_effect_reaches_the_runs_although_nothing_of_the_call_is_left(extend_api):
    run = post(extend_api, "/parse_runs").json()
    poll = f"{extend_api.base_url}/parse_runs/{run['id']}"
    statuses = [httpx.get(poll, headers=KEY).json()["status"] for _ in range(2)]
    assert statuses == ["PROCESSING", "PROCESSED"]
    assert [item.polls for item in extend_api.runs] == [1]
