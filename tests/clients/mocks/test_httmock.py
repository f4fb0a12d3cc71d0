"""HTTMock: a test's own handlers answer first, and are recorded."""

from __future__ import annotations

import io

import pytest
import requests
from plain_consumer import FILES

httmock = pytest.importorskip("httmock")

URL = "https://api.extend.ai/parse"
BODY = {"file": {"url": FILES + "a.pdf"}}
DOCUMENTED = {"code": "OCR_ERROR", "message": "no text", "retryable": True, "requestId": "req_mine"}


@httmock.urlmatch(netloc=r"api\.extend\.ai$", method="POST")
@httmock.remember_called
def failing(_url, _request):
    return {"status_code": 500, "content": DOCUMENTED}


@httmock.urlmatch(netloc="elsewhere")
def other(_url, _request):
    return "text"


@httmock.all_requests
def late(_url, _request):
    raise requests.exceptions.ReadTimeout


def send(api, **options):
    headers = {"authorization": f"Bearer {api.api_key}"}
    return requests.post(URL, headers=headers, timeout=7, **(options or {"json": BODY}))


def outcomes(api):
    return [
        (item.status, getattr(item.error, "code", item.error), item.mock) for item in api.attempts
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_answers_first_and_leaves_the_rest(extend_api, stream):
    with httmock.HTTMock(failing):
        assert send(extend_api, json=BODY, stream=stream).json() == DOCUMENTED
    with httmock.HTTMock(other):
        assert send(extend_api).status_code == 200
        assert requests.get("https://elsewhere.example.com", timeout=5).text == "text"
    assert failing.call["count"] == 1
    assert outcomes(extend_api) == [(500, "OCR_ERROR", "HTTMock"), (200, None, None)]
    assert {item.document for item in extend_api.attempts} == {FILES + "a.pdf"}


def test_raises_its_errors_when_the_client_s_time_is_up(extend_api):
    with httmock.HTTMock(late), pytest.raises(requests.exceptions.ReadTimeout):
        send(extend_api)
    assert outcomes(extend_api) == [(None, "read_timeout", "HTTMock")]
    assert extend_api.clock.elapsed == 7


@pytest.mark.parametrize(("handler", "sent"), [(failing, [8, 0]), (other, [8, 0])])
def test_keeps_a_spent_file_spent(extend_api, handler, sent):
    file = io.BytesIO(b"%PDF-1.7")
    with httmock.HTTMock(handler):
        for _ in range(2):
            send(extend_api, data=file)
    assert [len(item.body) for item in extend_api.attempts] == sent
