"""What the consumers of the zoo share: plain pieces, each of them right."""

from __future__ import annotations

import datetime
import email.utils
import logging
import random
import time
from pathlib import Path

import httpx

from pytest_parseapi.contract.policy import ContractPolicy

log = logging.getLogger("zoo")
log.setLevel(logging.DEBUG)


class ParseFailed(Exception):  # noqa: N818 - as consumers name theirs
    """What a right consumer raises."""


class Consumer(ContractPolicy):
    """A consumer of the zoo. ``rule`` names the rule of the contract that must catch it."""

    rule = None
    timeout = 30.0


def body_of(response):
    """The JSON object of a reply, whatever arrived."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def retry_after(response):
    """Seconds until the time that ``Retry-After`` names, or None."""
    value = response.headers.get("retry-after")
    if value is None:
        return None
    if value.isdecimal():
        return float(value)
    when = email.utils.parsedate_to_datetime(value)
    return max(0.0, (when - datetime.datetime.now(datetime.UTC)).total_seconds())


class Loop(Consumer):
    """A hand-written retry loop, right in every respect; broken ones override a single piece."""

    attempts = 4

    def parse(self, document):
        with httpx.Client(timeout=self.timeout) as client:
            failure = None
            for attempt in range(self.attempts):
                wait = None
                try:
                    response = self.send(client, document, attempt)
                except httpx.TransportError as error:
                    failure = ParseFailed(f"{type(error).__name__}: {error}")
                    failure.__cause__ = error
                    retryable = True
                    self.report_broken(error)
                else:
                    body = self.read(response)
                    if self.is_result(response, body):
                        return self.result(response, body)
                    failure = self.failure(response, body)
                    retryable = self.is_retryable(response, body)
                    wait = self.asked_wait(response)
                    self.report(response, body)
                if not retryable or attempt + 1 == self.attempts:
                    break
                self.sleep(self.wait(attempt) if wait is None else wait)
            return self.finish(failure)

    def send(self, client, document, attempt):
        return client.post(
            f"{self.base_url}/parse", json={"file": {"url": document}}, headers=self.headers()
        )

    def headers(self):
        return {
            "authorization": f"Bearer {self.api_key}",
            "x-extend-api-version": "2026-02-09",
        }

    def read(self, response):
        return body_of(response)

    def is_result(self, response, body):
        return response.status_code == 200 and body.get("status") == "PROCESSED"

    def result(self, response, body):
        return body["output"]

    def failure(self, response, body):
        return ParseFailed(f"{response.status_code} {body.get('code')}: {body.get('message')}")

    def is_retryable(self, response, body):
        flag = body.get("retryable")
        if isinstance(flag, bool):
            return flag
        return response.status_code >= 500 or response.status_code in (200, 429)

    def asked_wait(self, response):
        return retry_after(response)

    def wait(self, attempt):
        return 2.0**attempt * random.uniform(0.9, 1.1)

    def sleep(self, seconds):
        time.sleep(seconds)

    def report(self, response, body):
        log.warning(
            "parse failed: %s %s requestId=%s",
            response.status_code,
            body.get("code"),
            body.get("requestId"),
        )

    def report_broken(self, error):
        log.warning("parse failed: %s", error)

    def finish(self, failure):
        raise failure


class NutrientLoop(Loop):
    """The same loop for Nutrient: multipart, and the status decides."""

    provider = "nutrient"

    def headers(self):
        return {"authorization": f"Bearer {self.api_key}"}

    def send(self, client, document, attempt):
        return client.post(
            f"{self.base_url}/extraction/parse",
            files=self.files(document, attempt),
            data=self.fields(attempt),
            headers=self.headers(),
        )

    def files(self, document, attempt):
        path = Path(document)
        return {"file": (path.name, path.read_bytes(), "application/pdf")}

    def fields(self, attempt):
        return {"instructions": '{"mode": "structure", "output": {"format": "markdown"}}'}

    def is_result(self, response, body):
        return response.status_code == 200 and "output" in body

    def failure(self, response, body):
        return ParseFailed(f"{response.status_code}: {body.get('errorMessage')}")

    def is_retryable(self, response, body):
        return response.status_code in (200, 429, 500, 502, 503, 504)
