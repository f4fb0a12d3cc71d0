"""Consumers as people write them: one a retry library, each with a right and several wrong ways."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import logging
import time
from dataclasses import dataclass

import backoff
import extend_ai
import httpx
import httpx_retries
import stamina
import tenacity
import urllib3
from extend_ai.core.api_error import ApiError
from urllib3.util.retry import Retry

__all__ = ["LIBRARIES", "URL", "Consumer", "Failed"]

URL = "https://files.example.com/in/invoice.pdf"
_log = logging.getLogger("consumer")
_TRANSIENT = (408, 429, 500, 502, 503, 504)


class Failed(Exception):  # noqa: N818 - as consumers name theirs
    """A reply that was no success."""

    def __init__(self, response):
        super().__init__(f"{response.status_code}: {response.text}")
        self.response = response


@dataclass(frozen=True, kw_only=True)
class Consumer:
    """What a consumer does; the defaults are right, each change makes it wrong in one way."""

    attempts: int = 3
    constant: bool = False
    """Waits one second before each retry."""
    hurried: bool = False
    """Does not wait at all."""
    stubborn: bool = False
    """Retries whatever fails."""
    deaf: bool = False
    """Takes no notice of Retry-After."""
    spent: bool = False
    """Sends a file handle that the first attempt has read to its end."""
    silent: bool = False
    leaky: bool = False
    """Logs the headers it sends."""
    patient: bool = False
    """Sets no time-out."""
    document: str = URL

    def parse(self, api, library):
        """Parse through a retry library; a failure at the end is logged and swallowed."""
        headers = {"authorization": f"Bearer {api.api_key}"}
        if self.leaky:
            _log.info("sending with %s", headers)
        try:
            return LIBRARIES[library](self, api)
        except Exception as error:  # noqa: BLE001 - as a consumer's outermost layer does
            if not self.silent:
                _log.error("parsing failed: %s", error)
            return None

    # What the libraries below share.

    def body(self):
        text = json.dumps({"file": {"url": self.document}}).encode()
        return io.BytesIO(text) if self.spent else text

    def options(self, api):
        headers = {"authorization": f"Bearer {api.api_key}", "content-type": "application/json"}
        return {
            "base_url": api.base_url,
            "headers": headers,
            "timeout": None if self.patient else 5,
        }

    def checked(self, response):
        if not response.is_success:
            raise Failed(response)
        return response.json()

    def transient(self, error):
        if not isinstance(error, Failed):
            return False
        return self.stubborn or error.response.status_code in _TRANSIENT

    def wait(self, number, error):
        """Seconds before retry ``number``, counted from 0."""
        if self.hurried:
            return 0.0
        asked = error.response.headers.get("retry-after")
        if asked is not None and not self.deaf:
            return float(asked)
        return 1.0 if self.constant else 2.0**number


def _loop(consumer, api):  # noqa: RET503 - the loop ends by return or raise
    body = consumer.body()
    with httpx.Client(**consumer.options(api)) as client:
        for number in itertools.count():
            try:
                return consumer.checked(client.post("/parse", content=body))
            except Failed as error:
                if number + 1 == consumer.attempts or not consumer.transient(error):
                    raise
                time.sleep(consumer.wait(number, error))


def _tenacity_options(consumer):
    return {
        "retry": tenacity.retry_if_exception(consumer.transient),
        "stop": tenacity.stop_after_attempt(consumer.attempts),
        "wait": lambda state: consumer.wait(state.attempt_number - 1, state.outcome.exception()),
        "reraise": True,
    }


def _tenacity(consumer, api):
    body = consumer.body()

    @tenacity.retry(**_tenacity_options(consumer))
    def send():
        with httpx.Client(**consumer.options(api)) as client:
            return consumer.checked(client.post("/parse", content=body))

    return send()


def _tenacity_async(consumer, api):
    body = consumer.body()

    async def main():
        async with httpx.AsyncClient(**consumer.options(api)) as client:

            @tenacity.retry(**_tenacity_options(consumer))
            async def send():
                content = body if isinstance(body, bytes) else _chunks(body)
                return consumer.checked(await client.post("/parse", content=content))

            return await send()

    return asyncio.run(main())


async def _chunks(handle):
    yield handle.read()


def _stamina_options(consumer):
    def on(error):
        if not consumer.transient(error):
            return False
        asked = error.response.headers.get("retry-after")
        if asked is not None and not consumer.deaf and not consumer.hurried:
            return float(asked)
        return True

    initial = 0.0 if consumer.hurried else 1.0
    return {
        "on": on,
        "attempts": consumer.attempts,
        "timeout": None,
        "wait_initial": initial,
        "wait_max": 60,
        "wait_jitter": 0,
        "wait_exp_base": 1 if consumer.constant else 2,
    }


def _stamina(consumer, api):
    body = consumer.body()
    with httpx.Client(**consumer.options(api)) as client:

        @stamina.retry(**_stamina_options(consumer))
        def send():
            return consumer.checked(client.post("/parse", content=body))

        return send()


def _stamina_async(consumer, api):
    body = consumer.body()

    async def main():
        async with httpx.AsyncClient(**consumer.options(api)) as client:
            async for attempt in stamina.retry_context(**_stamina_options(consumer)):
                with attempt:
                    content = body if isinstance(body, bytes) else _chunks(body)
                    return consumer.checked(await client.post("/parse", content=content))
        return None

    return asyncio.run(main())


def _backoff(consumer, api):
    body = consumer.body()
    numbers = itertools.count()

    @backoff.on_exception(
        backoff.runtime,
        Failed,
        value=lambda error: consumer.wait(next(numbers), error),
        max_tries=consumer.attempts,
        giveup=lambda error: not consumer.transient(error),
        jitter=None,
        # It logs each failure by itself; a silent consumer has to turn that off.
        logger=None if consumer.silent else "backoff",
    )
    def send():
        with httpx.Client(**consumer.options(api)) as client:
            return consumer.checked(client.post("/parse", content=body))

    return send()


def _httpx_retries(consumer, api):
    class Waits(httpx_retries.Retry):
        """The library's own policy, apart from what a wrong consumer sets otherwise."""

        def backoff_strategy(self):
            if consumer.hurried:
                return 0.0
            return 1.0 if consumer.constant else super().backoff_strategy()

    retry = Waits(
        total=consumer.attempts - 1,
        allowed_methods=["POST"],
        status_forcelist=range(400, 600) if consumer.stubborn else _TRANSIENT,
        backoff_factor=0.5,
        backoff_jitter=0,
        respect_retry_after_header=not (consumer.deaf or consumer.hurried),
    )
    transport = httpx_retries.RetryTransport(retry=retry)
    with httpx.Client(transport=transport, **consumer.options(api)) as client:
        return consumer.checked(client.post("/parse", content=consumer.body()))


def _urllib3(consumer, api):
    class Waits(Retry):
        """The library's own policy, apart from what a wrong consumer sets otherwise."""

        def get_backoff_time(self):
            if consumer.hurried:
                return 0.0
            return 1.0 if consumer.constant else super().get_backoff_time()

    retry = Waits(
        total=consumer.attempts - 1,
        backoff_factor=1,
        respect_retry_after_header=not (consumer.deaf or consumer.hurried),
    )
    body = consumer.body()
    with httpx.Client(**consumer.options(api)) as client:
        while True:
            try:
                return consumer.checked(client.post("/parse", content=body))
            except Failed as error:
                if not consumer.transient(error):
                    raise
                reply = urllib3.HTTPResponse(
                    status=error.response.status_code, headers=dict(error.response.headers)
                )
                try:
                    retry = retry.increment("POST", "/parse", response=reply)
                except urllib3.exceptions.MaxRetryError:
                    raise error from None
                retry.sleep(reply)


class _Pipe(io.BytesIO):
    """Cannot be read twice; httpx rewinds what can."""

    def seek(self, *_):
        raise io.UnsupportedOperation("seek")


def _extend_client(consumer, api):  # noqa: RET503 - as above
    own = consumer.constant or consumer.hurried or consumer.stubborn or consumer.deaf
    options = {"max_retries": 0 if own else consumer.attempts - 1}
    client = extend_ai.Extend(
        token=api.api_key, httpx_client=httpx.Client(timeout=None if consumer.patient else 5)
    )

    def send(handle):
        if consumer.spent:
            return client.files.upload(
                file=("invoice.pdf", handle, "application/pdf"), request_options=options
            )
        return client.parse(file={"url": consumer.document}, request_options=options)

    handle = _Pipe(b"%PDF-1.7 an invoice")
    for number in itertools.count():
        try:
            return send(handle)
        except ApiError as error:
            last = not own or number + 1 == consumer.attempts
            if last or not (consumer.stubborn or error.status_code in _TRANSIENT):
                raise
            if not consumer.hurried:
                time.sleep(1.0 if consumer.constant else 2.0**number)


LIBRARIES = {
    "loop": _loop,
    "tenacity": _tenacity,
    "tenacity-async": _tenacity_async,
    "stamina": _stamina,
    "stamina-async": _stamina_async,
    "backoff": _backoff,
    "httpx-retries": _httpx_retries,
    "urllib3": _urllib3,
    "extend-ai": _extend_client,
}
