"""Each member of `ParseAPI` has an example in its docstring that works."""

from __future__ import annotations

import doctest
import hashlib
import hmac
import inspect
import logging
import time

import httpx
import pytest

from pytest_parseapi import ALWAYS, ParseAPI

log = logging.getLogger("our_app")

# What a report of coverage calls; what a coroutine alone can show.
WITHOUT = {"timeline", "deliver_async"}
# They need what is not here: another language, a respx route, a drawn script, a file, an app.
SHOWN = {
    "live_url",
    "answers",
    "script",
    "replay",
    "webhook",
    "deliver",
    "fail",
    "fail_run",
    "runs_take",
}
MEMBERS = sorted(name for name in dir(ParseAPI) if not name.startswith("_"))


class OurApp:
    """A consumer that does everything right."""

    def __init__(self, api):
        self._secret = api.webhook_secret
        self._seen = []
        headers = {
            "Authorization": f"Bearer {api.api_key}",
            "x-extend-api-version": "2026-02-09",
        }
        self._client = httpx.Client(base_url=api.base_url, headers=headers, timeout=60)

    def _ask(self, method, path, **body):
        for wait in (1, 2, None):
            reply = self._client.request(method, path, **body)
            if reply.is_success:
                return reply.json()
            error = reply.json()
            log.warning("request %s failed: %s", error.get("requestId"), error["code"])
            if wait is None or not error["retryable"]:
                return None
            time.sleep(max(wait, float(reply.headers.get("retry-after", 0))))
        return None

    def parse(self, url):
        self._ask("POST", "/parse", json={"file": {"url": url}})

    def parse_run(self, url):
        for _ in range(3):
            run = self._ask("POST", "/parse_runs", json={"file": {"url": url}})
            while run["status"] == "PROCESSING":
                time.sleep(1)
                run = self._ask("GET", f"/parse_runs/{run['id']}")
            if run["status"] == "PROCESSED":
                return
            log.error("run %s failed: %s", run["id"], run["failureReason"])
            if run["failureReason"] != "OCR_ERROR":
                return
            time.sleep(1)

    def receive(self, body, headers):
        sent = {name.lower(): value for name, value in headers.items()}
        text = f"v0:{sent['x-extend-request-timestamp']}:{body.decode()}"
        expected = hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, sent["x-extend-request-signature"]):
            return 401
        if body not in self._seen:
            self._seen.append(body)
        return 204

    def effects(self):
        return len(self._seen)


def documented(name):
    member = inspect.getattr_static(ParseAPI, name)
    return inspect.getdoc(getattr(member, "fget", member)) or ""


@pytest.mark.parametrize("name", [name for name in MEMBERS if name not in WITHOUT])
def test_each_member_has_an_example(name):
    examples = doctest.DocTestParser().get_examples(documented(name))
    assert "\nExample:\n" in documented(name)
    assert any(name in example.source for example in examples)


@pytest.mark.parametrize("name", [name for name in MEMBERS if name not in WITHOUT | SHOWN])
@pytest.mark.parseapi(strict=False)
def test_the_example_does_what_it_says(name, extend_api):
    names = {"extend_api": extend_api, "our_app": OurApp(extend_api), "ALWAYS": ALWAYS}
    example = doctest.DocTestParser().get_doctest(documented(name), names, name, None, 0)
    said = []

    results = doctest.DocTestRunner().run(example, out=said.append)

    assert results.failed == 0, "".join(said)
    assert results.attempted > 0
