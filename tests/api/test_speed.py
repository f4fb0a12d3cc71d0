"""Checks of waits over a faster server: a tolerance, and a refusal if waits are too short."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest

from pytest_parseapi.api.server_control import answer
from pytest_parseapi.clients.server.log import ServerLog
from pytest_parseapi.model.http import Request, Timeouts
from pytest_parseapi.providers.registry import registry
from pytest_parseapi.record.caller import Caller
from pytest_parseapi.serve import long_lived_providers

NOT_KNOWN = Timeouts(known=False)


class Clock:
    """A server at a speed, and a client of it; both clocks are set by the test."""

    def __init__(self, speed):
        log = ServerLog(io.StringIO())
        self.simulated = long_lived_providers(registry()["extend"], log, speed=speed)
        self.service = self.simulated.services["extend"]
        self.now = 0.0
        for owner in (self.service, self.service.journal):
            owner._now = lambda: self.now
            owner._wall = lambda: 1e9 + self.now
        log.close()

    def ask(self, path="/parse", method="POST", body=None):
        document = {"file": {"url": "https://files.example.com/a.pdf"}}
        content = json.dumps(document if body is None else body).encode()
        headers = (("authorization", "Bearer k"), ("content-type", "application/json"))
        request = Request(
            method=method,
            url=f"http://localhost{path}",
            host="localhost",
            path=path,
            query="",
            headers=headers,
            body=content if method == "POST" else b"",
            client="server",
            timeouts=NOT_KNOWN,
            base_url="http://localhost",
        )
        if path.startswith("/__parseapi"):
            inner = replace(request, path=path.removeprefix("/__parseapi"))
            found = answer(self.simulated, "extend", inner)
        else:
            found = self.service.receive(request, Caller(0, self)).finish()
        return found.status, json.loads(found.body)

    def fail(self, **arguments):
        self.ask("/__parseapi/fail", body={"errors": ["OCR_ERROR"], **arguments})

    def retry(self, *waits):
        self.ask()
        for wait in waits:
            self.now += wait
            self.ask()

    def check(self, name, **arguments):
        status, found = self.ask(f"/__parseapi/check/{name}", body=arguments)
        assert status in (200, 422)
        return None if status == 200 else found


@pytest.mark.parametrize(
    ("speed", "wait", "holds"),
    [
        (1, 1.109, True),
        (1, 1.111, False),
        (1, 0.891, True),
        (1, 0.889, False),
        (20, 1.29, True),
        (20, 1.31, False),
        (20, 0.71, True),
        (20, 0.69, False),
        (0.1, 1.101, True),
        (0.1, 1.103, False),
    ],
)
def test_a_wait_may_be_off_by_ten_milliseconds_times_the_speed(speed, wait, holds):
    clock = Clock(speed)
    clock.fail()
    clock.retry(wait)
    assert (clock.check("backoff", initial=1) is None) is holds


@pytest.mark.parametrize(
    ("speed", "initial", "judged"),
    [(50, 1.0, False), (50, 1.01, True), (20, 0.4, False), (20, 0.41, True), (1, 0.02, False)],
)
def test_a_bound_must_be_above_twice_the_tolerance(speed, initial, judged):
    clock = Clock(speed)
    clock.fail()
    clock.retry(initial)
    found = clock.check("backoff", initial=initial)
    if judged:
        assert found is None
        return
    said = f"speed {speed:g} is too fast to judge waits of {initial:g} s"
    assert found["seen"] == said
    assert said in found["text"]
    assert found["rule"] == "waits before retries grow exponentially"
    assert set(found) == {"rule", "expected", "seen", "nearest", "next", "text"}


def test_the_bound_is_that_of_each_wait():
    clock = Clock(20)
    clock.fail(times=3)
    clock.retry(2, 4, 0.3)
    found = clock.check("backoff", initial=2, maximum=0.3)
    assert found["seen"] == "speed 20 is too fast to judge waits of 0.3 s"


def test_without_a_bound_the_waits_themselves_must_be_long_enough():
    clock = Clock(20)
    clock.fail(times=2)
    clock.retry(0.3, 0.6)
    assert clock.check("backoff")["seen"] == "speed 20 is too fast to judge waits of 0.3 s"


@pytest.mark.parametrize("name", ["backoff", "follows_documentation"])
def test_a_client_that_does_not_wait_is_found_at_each_speed(name):
    clock = Clock(20)
    clock.fail(times=2)
    clock.retry(0.03, 0.02)
    found = clock.check(name, **({} if name == "backoff" else {"text": "none"}))
    assert "came without a wait" in found["nearest"]


def test_waits_that_are_equal_as_far_as_can_be_told_are_no_backoff():
    clock = Clock(20)
    clock.fail(times=2)
    clock.retry(1.0, 1.15)
    found = clock.check("follows_documentation", text="none")
    assert found["nearest"] == "the waits before attempts 2 and 3 are equal"


@pytest.mark.parametrize("name", ["retry_after_honoured", "follows_documentation"])
def test_a_retry_after_is_a_bound(name):
    clock = Clock(20)
    clock.fail(retry_after=0.4)
    clock.retry(5)
    found = clock.check(name, **({} if name == "retry_after_honoured" else {"text": "none"}))
    assert found["seen"] == "speed 20 is too fast to judge waits of 0.4 s"


@pytest.mark.parametrize(("wait", "holds"), [(4.81, True), (4.79, False)])
def test_a_retry_after_has_the_tolerance(wait, holds):
    clock = Clock(20)
    clock.fail(retry_after=5)
    clock.retry(wait)
    assert (clock.check("retry_after_honoured") is None) is holds


def polled(clock, gap):
    _, run = clock.ask("/parse_runs")
    for _ in range(2):
        clock.ask(f"/parse_runs/{run['id']}", "GET")
        clock.now += gap


@pytest.mark.parametrize(
    ("speed", "gap", "seen"),
    [
        (50, 9, "speed 50 is too fast to judge waits of 0.5 s"),
        (20, 0.31, None),
        (20, 0.29, "0.290 s between attempts 2 and 3"),
    ],
)
def test_polls_have_a_bound(speed, gap, seen):
    clock = Clock(speed)
    polled(clock, gap)
    found = clock.check("polled_politely")
    assert (None if found is None else found["seen"]) == seen


def test_at_a_high_speed_the_documentation_is_not_judged_where_polls_are():
    clock = Clock(50)
    clock.ask("/__parseapi/fail_run", body={"error": "CORRUPT_FILE"})
    polled(clock, 9)
    found = clock.check("follows_documentation", text="pr_")
    assert "speed 50 is too fast to judge waits of 0.5 s" in found["text"]


def test_the_advice_names_a_speed():
    clock = Clock(50)
    polled(clock, 9)
    found = clock.check("polled_politely")
    assert found["next"] == "serve with a --speed below 25, or let the client wait longer"
    assert found["expected"] == "waits above 1 s, which can be judged over a socket"


def test_checks_that_judge_no_waits_hold_at_each_speed():
    clock = Clock(100)
    clock.fail()
    clock.retry(0.1)
    for name in ("retried", "recovered", "payload_resent"):
        assert clock.check(name) is None
