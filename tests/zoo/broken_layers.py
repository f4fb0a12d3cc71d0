"""Broken consumers of several layers. One fault each; many after public reports about retries."""

from __future__ import annotations

import contextlib
import random
import time

import httpx
import requests
import tenacity
from requests.adapters import HTTPAdapter
from right_layers import (
    NewClientForEachAttempt,
    RewindsForEachClient,
    SendsASecondRequestWhereTheFirstIsSlow,
    SignsItsLinkAnew,
)
from right_libraries import STATUSES, Once, Retryable, Urllib3Retry, wait_for_tenacity
from toolbox import Loop, ParseFailed, body_of
from urllib3.util import Retry


class LayersMultiply(Urllib3Retry):
    """tenacity's four attempts around urllib3's four: sixteen."""

    rule = "gives_up"
    max_attempts = 4

    def parse(self, document):
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(ParseFailed),
            stop=tenacity.stop_after_attempt(4),
            wait=tenacity.wait_random_exponential(),
            reraise=True,
        )(super().parse, document)


class OuterLayerRepeatsEverything(Urllib3Retry):
    """urllib3 knows which statuses pass; the layer around it repeats whatever was raised."""

    rule = "no_retry_on_final_errors"
    max_attempts = None

    def parse(self, document):
        return tenacity.Retrying(
            stop=tenacity.stop_after_attempt(2),
            wait=tenacity.wait_random_exponential(),
            reraise=True,
        )(super().parse, document)


class BlanketExcept(Loop):
    """``raise_for_status`` inside one ``except Exception``: client errors are repeated, too."""

    rule = "no_retry_on_final_errors"

    def parse(self, document):
        for attempt in range(4):
            try:
                with httpx.Client(timeout=self.timeout) as client:
                    response = self.send(client, document, attempt)
                    self.report(response, body_of(response))
                    return response.raise_for_status().json()["output"]
            except Exception as error:  # noqa: BLE001 - its fault
                failure = error
                time.sleep(2**attempt * random.uniform(0.9, 1.1))
        raise ParseFailed(str(failure))


class UnderstandsSecondsAlone(Once):
    """Reads ``Retry-After`` as a number; a date is none, and it goes on as without one."""

    rule = "retry_after"

    def judge(self, response):
        try:
            return super().judge(response)
        except Retryable as error:
            value = response.headers.get("retry-after", "")
            error.wait = float(value) if value.isdecimal() else None
            raise

    def parse(self, document):
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Retryable),
            stop=tenacity.stop_after_attempt(4),
            wait=wait_for_tenacity,
            reraise=True,
        )(self.attempt, document)


class BreaksOnADate(Loop):
    """``int()`` of a ``Retry-After`` that is a date."""

    rule = "clear_errors"

    def asked_wait(self, response):
        value = response.headers.get("retry-after")
        return None if value is None else int(value)


class NewClientForgetsItsTimeout(NewClientForEachAttempt):
    """The client that is made for a retry has no time-out."""

    rule = "sets_timeouts"
    asked = 0

    def attempt(self, document):
        self.asked += 1
        self.timeout = 30.0 if self.asked == 1 else None
        return super().attempt(document)


class SignsAndRepeatsFinalErrors(SignsItsLinkAnew):
    """A link that is signed again is no other document."""

    rule = "no_retry_on_final_errors"

    def is_retryable(self, response, body):
        return True


class SignsAndNeverWaits(SignsItsLinkAnew):
    """Neither is the first attempt at it."""

    rule = "backoff"

    def sleep(self, seconds):
        pass


class SpentStreamOfANewClient(RewindsForEachClient):
    """A new client for each attempt, and one handle for all of them."""

    rule = "resends_payload"

    def parse(self, document):
        with open(document, "rb") as self.handle:  # noqa: PTH123
            return super().parse(document)

    def files(self, document, attempt):
        return {"file": ("document.pdf", self.handle.read(), "application/pdf")}


class BreakerThatOpensAtOnce(Loop):
    """Its circuit opens with the first failure, so that its retries meet a closed door."""

    rule = "retries"

    def parse(self, document):
        self.is_open = False
        return super().parse(document)

    def send(self, client, document, attempt):
        if self.is_open:
            raise httpx.TransportError("the circuit is open")
        response = super().send(client, document, attempt)
        self.is_open = response.status_code != 200
        return response


class HedgesInsteadOfWaiting(SendsASecondRequestWhereTheFirstIsSlow):
    """Takes a failure for a slow answer, and asks again at once."""

    rule = "backoff"

    def send(self, client, document, attempt):
        response = super().send(client, document, attempt)
        if response.status_code >= 500:
            return super().send(client, document, attempt)
        return response


class TransportThatRepeatsAnything(Loop):
    """A transport of its own repeats every failed reply; the loop above it seems right."""

    rule = "no_retry_on_final_errors"

    def parse(self, document):
        session = requests.Session()
        retry = Retry(
            total=2,
            allowed_methods=None,
            status_forcelist=(*STATUSES, 400, 422),
            backoff_factor=1,
            raise_on_status=False,
        )
        session.mount("https://", HTTPAdapter(max_retries=retry))
        with session, contextlib.suppress(requests.RequestException):
            response = session.post(
                f"{self.base_url}/parse",
                json={"file": {"url": document}},
                headers=self.headers(),
                timeout=30,
            )
            body = body_of(response)
            if "output" in body:
                return body["output"]
            self.report(response, body)
        raise ParseFailed("no result")
