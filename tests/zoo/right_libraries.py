"""Right consumers: retries left to a library, and the official clients with a thin wrapper."""

from __future__ import annotations

from pathlib import Path

import backoff
import extend_ai
import httpx
import httpx_retries
import nutrient_dws
import requests
import stamina
import tenacity
from extend_ai.core.api_error import ApiError
from requests.adapters import HTTPAdapter
from toolbox import Consumer, Loop, NutrientLoop, ParseFailed, body_of, log, retry_after
from urllib3.util import Retry

STATUSES = (429, 500, 502, 503, 504)


class Retryable(ParseFailed):
    """A retryable failure."""

    def __init__(self, text, wait=None):
        super().__init__(text)
        self.wait = wait


class Once(Loop):
    """One attempt, which raises another exception for retryable failures; libraries repeat it."""

    def attempt(self, document):
        with httpx.Client(timeout=self.timeout) as client:
            try:
                response = self.send(client, document, 0)
            except httpx.TransportError as error:
                raise Retryable(repr(error)) from error
        return self.judge(response)

    async def attempt_async(self, document):
        async with httpx.AsyncClient(timeout=self.timeout) as client:
            try:
                response = await self.send(client, document, 0)
            except httpx.TransportError as error:
                raise Retryable(repr(error)) from error
        return self.judge(response)

    def judge(self, response):
        body = body_of(response)
        if self.is_result(response, body):
            return body["output"]
        self.report(response, body)
        failure = self.failure(response, body)
        if self.is_retryable(response, body):
            raise Retryable(str(failure), retry_after(response))
        raise failure


def wait_for_tenacity(state):
    """What the reply asked for, or exponential backoff with full jitter."""
    asked = state.outcome.exception().wait
    return tenacity.wait_random_exponential(max=30)(state) if asked is None else asked


class Tenacity(Once):
    """tenacity with full jitter."""

    max_attempts = 5

    def parse(self, document):
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Retryable),
            stop=tenacity.stop_after_attempt(5),
            wait=wait_for_tenacity,
            reraise=True,
        )(self.attempt, document)


class TenacityWithAFloor(Once):
    """tenacity with a least wait: 2, 2, 4, 8, 12 seconds."""

    max_attempts = 6

    def parse(self, document):
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Retryable),
            stop=tenacity.stop_after_attempt(6),
            wait=self.pause,
            reraise=True,
        )(self.attempt, document)

    def pause(self, state):
        asked = state.outcome.exception().wait
        return tenacity.wait_exponential(min=2, max=12)(state) if asked is None else asked


class TenacityAsynchronous(Once, NutrientLoop):
    """tenacity on an event loop, with exponential backoff plus jitter."""

    max_attempts = 4

    async def parse(self, document):  # noqa: RET503 - the loop returns or raises
        async for attempt in tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(Retryable),
            stop=tenacity.stop_after_attempt(4),
            wait=tenacity.wait_exponential(multiplier=1) + tenacity.wait_random(0, 1),
            reraise=True,
        ):
            with attempt:
                return await self.attempt_async(document)


def stamina_hook(error):
    """Whether to retry, or after how many seconds."""
    if not isinstance(error, Retryable):
        return False
    return True if error.wait is None else error.wait


class Stamina(Once):
    """stamina with its defaults, and a deadline that leaves room for Retry-After."""

    max_attempts = 10

    def parse(self, document):
        return stamina.retry(on=stamina_hook, timeout=300)(self.attempt)(document)


class StaminaAsynchronous(Once, NutrientLoop):
    """stamina on an event loop with three attempts."""

    max_attempts = 3

    async def parse(self, document):  # noqa: RET503 - the loop returns or raises
        async for attempt in stamina.retry_context(on=Retryable, attempts=3):
            with attempt:
                return await self.attempt_async(document)


class Backoff(Once, NutrientLoop):
    """backoff with its full jitter."""

    def parse(self, document):
        decorate = backoff.on_exception(backoff.expo, Retryable, max_tries=4, logger=None)
        return decorate(self.attempt)(document)


class HTTPXRetries(Once):
    """httpx-retries, which repeats below the client."""

    def parse(self, document):
        retry = httpx_retries.Retry(
            total=3, allowed_methods=["POST"], status_forcelist=STATUSES, backoff_factor=0.5
        )
        transport = httpx_retries.RetryTransport(retry=retry)
        with httpx.Client(transport=transport, timeout=self.timeout) as client:
            try:
                response = self.send(client, document, 0)
            except httpx.HTTPError as error:
                raise ParseFailed(repr(error)) from error
        return self.judge(response)


class HTTPXRetriesAsynchronous(Once, NutrientLoop):
    """httpx-retries on an event loop."""

    async def parse(self, document):
        retry = httpx_retries.Retry(
            total=3,
            allowed_methods=["POST"],
            status_forcelist=STATUSES,
            backoff_factor=1,
            backoff_jitter=0,
        )
        transport = httpx_retries.RetryTransport(retry=retry)
        async with httpx.AsyncClient(transport=transport, timeout=self.timeout) as client:
            try:
                response = await self.send(client, document, 0)
            except httpx.HTTPError as error:
                raise ParseFailed(repr(error)) from error
        return self.judge(response)


class Urllib3Retry(Consumer):
    """requests with urllib3's Retry, which sends its first retry at once."""

    immediate_first_retry = True
    max_attempts = 4

    def parse(self, document):
        retry = Retry(
            total=3,
            allowed_methods=None,
            status_forcelist=STATUSES,
            backoff_factor=1,
            raise_on_status=False,
        )
        with requests.Session() as session:
            session.mount("https://", HTTPAdapter(max_retries=retry))
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
                raise ParseFailed(type(error).__name__) from error
        body = body_of(response)
        if response.ok and body.get("status") == "PROCESSED":
            return body["output"]
        log.error("parse failed: %s %s", response.status_code, body.get("requestId"))
        raise ParseFailed(f"HTTP {response.status_code}")


def id_in(body):
    """The ``requestId`` of a body as the official client leaves it: a dict, a model or text."""
    return body.get("requestId") if isinstance(body, dict) else getattr(body, "request_id", None)


class OfficialExtend(Consumer):
    """The official client, whose own retries do; the wrapper logs the id."""

    max_attempts = 3

    def parse(self, document):
        client = extend_ai.Extend(token=self.api_key, base_url=self.base_url)
        try:
            return client.parse(file={"url": document}).output
        except (ApiError, httpx.HTTPError) as error:
            log.exception("parse failed, request %s", id_in(getattr(error, "body", None)))
            raise ParseFailed(str(error)) from error


class OfficialExtendAsynchronous(Consumer):
    """The official asynchronous client."""

    max_attempts = 3

    async def parse(self, document):
        client = extend_ai.AsyncExtend(token=self.api_key, base_url=self.base_url)
        try:
            return (await client.parse(file={"url": document})).output
        except (ApiError, httpx.HTTPError) as error:
            log.exception("parse failed, request %s", id_in(getattr(error, "body", None)))
            raise ParseFailed(str(error)) from error


class OfficialNutrient(Consumer):
    """The official client, which neither retries nor times out by itself."""

    provider = "nutrient"
    max_attempts = 4

    async def parse(self, document):  # noqa: RET503 - the loop returns or raises
        client = nutrient_dws.NutrientClient(
            api_key=self.api_key, base_url=self.base_url, timeout=60
        )
        async for attempt in tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(Retryable),
            stop=tenacity.stop_after_attempt(4),
            wait=tenacity.wait_exponential(multiplier=0.5) + tenacity.wait_random(0, 0.5),
            reraise=True,
        ):
            with attempt:
                return await self.attempt(client, document)

    async def attempt(self, client, document):
        try:
            reply = await client.parse(Path(document), output_format="markdown")
        except nutrient_dws.NutrientError as error:
            log.exception("request %s", (error.details or {}).get("requestId"))
            status = getattr(error, "status_code", None)
            if status is None or status in STATUSES:
                raise Retryable(f"HTTP {status}") from error
            raise ParseFailed(f"HTTP {status}") from error
        except httpx.HTTPError as error:
            raise Retryable(repr(error)) from error
        if not isinstance(reply, dict) or "output" not in reply:
            raise Retryable("a 200 without a result")
        return reply["output"]
