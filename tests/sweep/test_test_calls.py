"""Tests that call their consumer repeatedly: the time between calls is not a consumer's wait."""

from __future__ import annotations

import re

import pytest
from sweep_app import APP

APP = (
    APP
    + '''
KEY = {"authorization": "Bearer sk_test_0123456789"}


def call(method, path, tries=3, **content):
    for number in range(tries):
        reply = httpx.request(
            method, "https://api.extend.ai" + path, headers=KEY, timeout=10, **content
        )
        if reply.status_code == 200:
            return reply.json()
        log.error("failed: %s", reply.text)
        if number + 1 == tries or not reply.json().get("retryable"):
            raise Failed(reply.status_code)
        time.sleep(retry_after(reply, 2.0**number))


class Jobs:
    """Runs that somebody looks after from time to time: a cron job, or a page that is reloaded."""

    def __init__(self):
        self.open, self.done, self.failed, self.tries = {}, {}, {}, {}

    def start(self, document):
        run = call("POST", "/parse_runs", json={"file": {"url": document}})
        self.open[run["id"]] = document

    def look(self):
        for run_id, document in list(self.open.items()):
            try:
                run = call("GET", f"/parse_runs/{run_id}")
            except Failed:
                continue
            if run["status"] == "PROCESSED":
                self.done[document] = run["output"]
            elif run["status"] == "FAILED":
                self.submit_again(run, document)
            else:
                continue
            self.close(run)

    def close(self, run):
        del self.open[run["id"]]

    def submit_again(self, run, document):
        log.error("run %s failed: %s", run["id"], run["failureReason"])
        self.tries[document] = self.tries.get(document, 0) + 1
        again = run["failureReason"] in ("OCR_ERROR", "INTERNAL_ERROR", "CHUNKING_ERROR")
        if again and self.tries[document] < 3:
            time.sleep(2.0 ** self.tries[document])
            self.start(document)
        else:
            self.failed[document] = run["failureReason"]


class Forgetful(Jobs):
    """Keeps a run that has failed."""

    def close(self, run):
        if run["status"] == "PROCESSED":
            super().close(run)


class Hasty(Jobs):
    """Looks twice each time."""

    def look(self):
        super().look()
        super().look()


class AtOnce(Jobs):
    """Submits again without a wait."""

    def submit_again(self, run, document):
        log.error("run %s failed: %s", run["id"], run["failureReason"])
        self.tries[document] = self.tries.get(document, 0) + 1
        again = run["failureReason"] in ("OCR_ERROR", "INTERNAL_ERROR", "CHUNKING_ERROR")
        if again and self.tries[document] < 3:
            self.start(document)
        else:
            self.failed[document] = run["failureReason"]


def tried(function, *arguments):
    for _ in range(3):
        try:
            return function(*arguments)
        except Failed:
            pass
    raise Failed("thrice")
'''
)


def titles(result):
    return re.findall(r"^\d+\. ([\w ]+):", result.text, re.MULTILINE)


LOOKS = {
    "a loop": "for _ in range(9): jobs.look()",
    "lines": "jobs.look()\n    jobs.look()\n    jobs.look()\n    jobs.look()\n    jobs.look()",
    "a helper": "looks(jobs)",
    "a wait": "while not (jobs.done or jobs.failed): jobs.look()",
}


def looking(jobs, how):
    return f"""
def looks(jobs):
    for _ in range(9):
        jobs.look()

def test(extend_api):
    jobs = {jobs}
    extend_api.runs_take(polls=2)
    jobs.start(INVOICE)
    {LOOKS[how]}
"""


@pytest.mark.parametrize("how", LOOKS)
def test_a_consumer_does_not_choose_when_the_test_calls_it(sweep, how):
    result = sweep(looking("Jobs()", how), kinds="retryable,runs", app=APP)
    assert titles(result) == [], result.text


def test_what_the_consumer_does_within_one_call_is_judged(sweep):
    result = sweep(looking("Hasty()", "a loop"), kinds="retryable", app=APP)
    assert "broke poll_interval" in titles(result)
    assert "broke backoff" in titles(result)


def test_a_resubmission_within_one_call_is_judged(sweep):
    result = sweep(looking("AtOnce()", "a loop"), kinds="runs", app=APP)
    assert titles(result) == ["broke resubmitted_wait"]


def test_a_function_of_the_test_that_the_consumer_calls_is_a_part_of_its_call(sweep):
    result = sweep(
        """
        def test(extend_api):
            tried(lambda: once(INVOICE))
        """,
        app=APP,
    )
    assert titles(result) == ["broke backoff", "broke retry_after"]


def test_a_rule_about_polls_is_shown_where_the_consumer_polls(sweep):
    result = sweep(looking("Forgetful()", "a loop"), kinds="runs", app=APP)
    where = re.search(r"^\d+\. broke poll_after_end: .*\n   (.+)  in ", result.text, re.MULTILINE)
    lines = [
        APP.strip().splitlines()[int(number) - 1].strip()
        for number in re.findall(r"app\.py:(\d+)", where[1])
    ]
    assert lines[1:] == ['run = call("GET", f"/parse_runs/{run_id}")']
