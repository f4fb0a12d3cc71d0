"""betamax: replies of a cassette are recorded, and the simulation is never on a cassette."""

from __future__ import annotations

import io
import json

import pytest
import requests
from plain_consumer import FILES

betamax = pytest.importorskip("betamax")

URL = "https://api.extend.ai/parse"
BODY = {"file": {"url": FILES + "a.pdf"}}
DOCUMENTED = {"code": "OCR_ERROR", "message": "no text", "retryable": True, "requestId": "req_mine"}
TAPE = {
    "recorded_with": "betamax/0.9.0",
    "http_interactions": [
        {
            "recorded_at": "2026-01-01T00:00:00",
            "request": {"method": "POST", "uri": URL, "headers": {}, "body": ""},
            "response": {
                "url": URL,
                "status": {"code": 500, "message": "Internal Server Error"},
                "headers": {"Content-Type": ["application/json"]},
                "body": {"encoding": "utf-8", "string": json.dumps(DOCUMENTED)},
            },
        }
    ],
}


@pytest.fixture
def tape(tmp_path):
    path = tmp_path / "tape.json"
    path.write_text(json.dumps(TAPE))
    return path


def cassette(session, path, **options):
    recorder = betamax.Betamax(session, cassette_library_dir=str(path.parent))
    return recorder.use_cassette(path.stem, **options)


def send(session, api, **options):
    headers = {"authorization": f"Bearer {api.api_key}"}
    return session.post(URL, headers=headers, timeout=5, **(options or {"json": BODY}))


def outcomes(api):
    return [
        (item.status, getattr(item.error, "code", item.error), item.mock) for item in api.attempts
    ]


@pytest.mark.parametrize("mode", ["none", "once", "new_episodes"])
def test_plays_what_it_has_and_leaves_the_rest(extend_api, tape, mode):
    extend_api.fail("INTERNAL_ERROR")
    with requests.Session() as session, cassette(session, tape, record=mode):
        assert send(session, extend_api).json() == DOCUMENTED
        assert send(session, extend_api).json()["code"] == "INTERNAL_ERROR"
    assert outcomes(extend_api) == [
        (500, "OCR_ERROR", "betamax's cassette"),
        (500, "INTERNAL_ERROR", None),
    ]
    assert {item.document for item in extend_api.attempts} == {FILES + "a.pdf"}
    assert {item.timeouts.read for item in extend_api.attempts} == {5}
    extend_api.assert_payload_resent()
    assert len(json.loads(tape.read_text())["http_interactions"]) == 1


def test_that_records_all_anew_keeps_what_it_has(extend_api, tape):
    with requests.Session() as session, cassette(session, tape, record="all"):
        assert send(session, extend_api).ok
    assert json.loads(tape.read_text())["http_interactions"] == TAPE["http_interactions"]


def test_that_has_nothing_may_still_record_another_time(extend_api, tmp_path):
    path = tmp_path / "new.json"
    with requests.Session() as session, cassette(session, path):
        assert send(session, extend_api).ok
    with requests.Session() as session, cassette(session, path) as recorder:
        assert recorder.current_cassette.is_recording()


def test_keeps_a_spent_file_spent(extend_api, tape):
    file = io.BytesIO(b"%PDF-1.7")
    with requests.Session() as session, cassette(session, tape, allow_playback_repeats=True):
        for _ in range(2):
            send(session, extend_api, data=file)
    assert [len(item.body) for item in extend_api.attempts] == [8, 0]


def test_leaves_a_file_whole_to_the_simulation(extend_api, tmp_path):
    with requests.Session() as session, cassette(session, tmp_path / "new.json"):
        send(session, extend_api, data=io.BytesIO(b"%PDF-1.7"))
    assert [item.body for item in extend_api.attempts] == [b"%PDF-1.7"]


def test_that_is_too_old_keeps_what_nobody_records_anew(extend_api, tape):
    options = {"record": "new_episodes", "re_record_interval": 1}
    with requests.Session() as session, cassette(session, tape, **options):
        assert send(session, extend_api).json() == DOCUMENTED
    assert json.loads(tape.read_text())["http_interactions"] == TAPE["http_interactions"]


def test_that_is_too_old_records_other_hosts_anew(extend_api, tape):
    other = json.loads(json.dumps(TAPE).replace("api.extend.ai", "api.example.com"))
    tape.write_text(json.dumps(other))
    options = {"record": "new_episodes", "re_record_interval": 1}
    with requests.Session() as session, cassette(session, tape, **options) as recorder:
        assert recorder.current_cassette.interactions == []
