"""Right consumers of several layers: hedging, signed links, retries that do not multiply."""

from __future__ import annotations

import concurrent.futures
import random

import httpx
import requests
import tenacity
from requests.adapters import HTTPAdapter
from right_libraries import Once, Retryable, Urllib3Retry, wait_for_tenacity
from toolbox import Loop, NutrientLoop
from urllib3.util import Retry


class SignsItsLinkAnew(Loop):
    """Signs the link to the document for each attempt, as links of S3 run out."""

    def send(self, client, document, attempt):
        url = f"{document}?X-Amz-Date=2026&X-Amz-Expires=60&X-Amz-Signature={random.random()}"
        return client.post(
            f"{self.base_url}/parse", json={"file": {"url": url}}, headers=self.headers()
        )


class SignsForAzure(Loop):
    """The same with a shared access signature."""

    def send(self, client, document, attempt):
        url = f"{document}?sv=2024-08-04&se=2026-01-0{attempt + 1}&sr=b&sp=r&sig={random.random()}"
        return client.post(
            f"{self.base_url}/parse", json={"file": {"url": url}}, headers=self.headers()
        )


class NewClientForEachAttempt(Once):
    """tenacity around a function that makes its own client each time, with all its settings."""

    def parse(self, document):
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Retryable),
            stop=tenacity.stop_after_attempt(4),
            wait=wait_for_tenacity,
            reraise=True,
        )(self.attempt, document)


class LayersThatDoNotMultiply(Urllib3Retry):
    """urllib3 repeats connections alone; the layer above it repeats replies."""

    immediate_first_retry = True
    max_attempts = None

    def parse(self, document):
        retry = Retry(total=None, connect=1, read=0, status=0, other=0, backoff_factor=1)
        with requests.Session() as session:
            session.mount("https://", HTTPAdapter(max_retries=retry))
            return tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(Retryable),
                stop=tenacity.stop_after_attempt(4),
                wait=wait_for_tenacity,
                reraise=True,
            )(self.attempt, session, document)

    def attempt(self, session, document):
        try:
            response = session.post(
                f"{self.base_url}/parse",
                json={"file": {"url": document}},
                headers={
                    "Authorization": f"Bearer {self.api_key}",
                    "x-extend-api-version": "2026-02-09",
                },
                timeout=30,
            )
        except requests.RequestException as error:
            raise Retryable(type(error).__name__) from error
        return Once.judge(Loop(), response)


class SendsASecondRequestWhereTheFirstIsSlow(Loop):
    """Hedges: after ten seconds a second thread asks, too, and the first result counts."""

    def send(self, client, document, attempt):
        ask = super().send
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            first = pool.submit(ask, client, document, attempt)
            done, _ = concurrent.futures.wait([first], timeout=10)
            if done:
                return first.result()
            second = pool.submit(ask, client, document, attempt)
            return self.better(first, second)

    def better(self, *futures):
        """The first success, else the last failure."""
        failure = None
        for future in concurrent.futures.as_completed(futures):
            try:
                response = future.result()
            except httpx.TransportError as error:
                failure = error
                continue
            if response.status_code == 200:
                return response
            failure = response
        if isinstance(failure, Exception):
            raise failure
        return failure


class RewindsForEachClient(NutrientLoop):
    """A new client for each attempt, and the file opened anew for each."""

    def send(self, client, document, attempt):
        with httpx.Client(timeout=self.timeout) as own:
            return super().send(own, document, attempt)


class RaisesForStatus(Once):
    """Lets ``raise_for_status`` raise, and looks at the status in the one ``except``."""

    def attempt(self, document):
        with httpx.Client(timeout=self.timeout) as client:
            try:
                response = self.send(client, document, 0).raise_for_status()
            except httpx.HTTPStatusError as error:
                return self.judge(error.response)
            except httpx.TransportError as error:
                raise Retryable(repr(error)) from error
        return self.judge(response)

    def parse(self, document):
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Retryable),
            stop=tenacity.stop_after_attempt(4),
            wait=wait_for_tenacity,
            reraise=True,
        )(self.attempt, document)
