"""Right consumers: retry loops as people write them by hand."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from pathlib import Path

import httpx
import loguru
import requests
import structlog
from toolbox import Consumer, Loop, NutrientLoop, ParseFailed, body_of, retry_after

slog = structlog.get_logger("zoo.structlog")


class FixedGrowth(Loop):
    """Waits 1, 2, 4 seconds, and logs with structlog."""

    max_attempts = 4

    def wait(self, attempt):
        return 2.0**attempt

    def report(self, response, body):
        slog.warning("parse failed", status=response.status_code, request_id=body.get("requestId"))


class Jittered(Loop):
    """Waits within ten per cent of 1, 2, 4 seconds, and logs with the standard library."""


class FullJitter(Loop):
    """Waits anything up to 1, 2, 4 seconds, and logs with loguru."""

    def wait(self, attempt):
        return random.uniform(0, 2.0**attempt)

    def report(self, response, body):
        loguru.logger.error("parse failed: {} {}", response.status_code, body.get("requestId"))


class Capped(Loop):
    """Waits 0.5, 1, 2, 4, 4 seconds, and prints."""

    attempts = max_attempts = 6

    def wait(self, attempt):
        return min(0.5 * 2**attempt, 4)

    def report(self, response, body):
        print(f"parse failed: {response.status_code} (request {body.get('requestId')})")  # noqa: T201 - its way of logging


class ReportsAtTheEnd(Loop):
    """Logs the last failure only, with the id as a field of the record."""

    def report(self, response, body):
        self.last = body

    def finish(self, failure):
        identifier = getattr(self, "last", {}).get("requestId")
        logging.getLogger("zoo.fields").error("parse failed", extra={"request_id": identifier})
        raise failure


class ByStatus(Loop):
    """Goes by the status alone, as the table of the documentation allows."""

    def is_retryable(self, response, body):
        return response.status_code in (200, 429) or response.status_code >= 500


class OnlyWhatIsDocumented(Loop):
    """Retries documented errors, and leaves network faults and broken bodies to its caller."""

    def is_retryable(self, response, body):
        return response.status_code >= 500 or response.status_code == 429

    def send(self, client, document, attempt):
        try:
            return super().send(client, document, attempt)
        except httpx.TransportError as error:
            raise ParseFailed(str(error)) from error


class ObeysTheFlag(Loop):
    """Lets ``retryable: false`` outweigh a 500."""

    obeys_retryable_flag = True


class TellsByItsResult(Loop):
    """Returns what happened instead of raising."""

    raises = False

    def result(self, response, body):
        return ("parsed", body["output"])

    def finish(self, failure):
        return ("failed", str(failure))


class NeverRetriesOnPurpose(Loop):
    """Leaves retries to a queue, and says so."""

    retries = False
    attempts = 1


class UploadsFirst(Loop):
    """Uploads the document before each parse, and both are retried."""

    document = str(Path(__file__).resolve())

    def send(self, client, document, attempt):
        if not hasattr(self, "file_id"):
            path = Path(document)
            upload = client.post(
                f"{self.base_url}/files/upload",
                files={"file": ("contract.pdf", path.read_bytes(), "application/pdf")},
                headers=self.headers(),
            )
            if upload.status_code != 200 or "id" not in body_of(upload):
                return upload
            self.file_id = body_of(upload)["id"]
        return client.post(
            f"{self.base_url}/parse", json={"file": {"id": self.file_id}}, headers=self.headers()
        )


class CachesWhatSucceeded(Loop):
    """Keeps results, and asks again only where there is none."""

    def parse(self, document):
        if not hasattr(self, "kept"):
            self.kept = super().parse(document)
        return self.kept


class Multipart(NutrientLoop):
    """Sends the file and its instructions to Nutrient as a form."""

    max_attempts = 4


class RawBytes(NutrientLoop):
    """Sends the document's bytes as the body."""

    def send(self, client, document, attempt):
        path = Path(document)
        headers = {
            **self.headers(),
            "content-type": "application/pdf",
            "content-disposition": f'attachment; filename="{path.name}"',
        }
        return client.post(
            f"{self.base_url}/extraction/parse", content=path.read_bytes(), headers=headers
        )


class RewindsItsHandle(NutrientLoop):
    """Opens the document once, and seeks to its start before each attempt."""

    def parse(self, document):
        with Path(document).open("rb") as self.handle:
            return super().parse(document)

    def files(self, document, attempt):
        self.handle.seek(0)
        return {"file": (Path(document).name, self.handle, "application/pdf")}


class ByAddress(NutrientLoop):
    """Lets Nutrient fetch the document from its URL."""

    document = "https://files.example.com/contract.pdf"

    def send(self, client, document, attempt):
        return client.post(
            f"{self.base_url}/extraction/parse",
            json={"url": document, "mode": "structure", "output": {"format": "markdown"}},
            headers=self.headers(),
        )


class Asynchronous(Loop):
    """The same loop with an asynchronous client."""

    async def parse(self, document):
        async with httpx.AsyncClient(timeout=httpx.Timeout(60, connect=5)) as client:
            for attempt in range(self.attempts):
                wait = None
                try:
                    response = await self.send(client, document, attempt)
                except httpx.TransportError as error:
                    failure = ParseFailed(repr(error))
                else:
                    body = body_of(response)
                    if self.is_result(response, body):
                        return body["output"]
                    self.report(response, body)
                    failure = self.failure(response, body)
                    if not self.is_retryable(response, body):
                        raise failure
                    wait = retry_after(response)
                if attempt + 1 < self.attempts:
                    await asyncio.sleep(self.wait(attempt) if wait is None else wait)
            raise failure


class AsynchronousForm(Asynchronous, NutrientLoop):
    """An asynchronous loop for Nutrient."""


class Requests(Consumer):
    """A loop over requests."""

    provider = "nutrient"

    def parse(self, document):
        path = Path(document)
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {self.api_key}"
            for attempt in range(3):
                if attempt:
                    NutrientLoop().sleep(3.0 ** (attempt - 1))
                try:
                    response = session.post(
                        f"{self.base_url}/extraction/parse",
                        files={"file": (path.name, path.read_bytes())},
                        data={"instructions": '{"mode": "structure"}'},
                        timeout=(5, 60),
                    )
                except requests.RequestException as error:
                    failure = ParseFailed(f"{type(error).__name__}")
                    continue
                body = body_of(response)
                if response.ok and "output" in body:
                    return body["output"]
                logging.getLogger("zoo").error("failed, request %s", body.get("requestId"))
                failure = ParseFailed(f"HTTP {response.status_code}")
                if response.status_code not in (200, 429, 500, 502, 503, 504):
                    break
            raise failure


class Breaker:
    """Opens after four failures in a row, and lets a first request through after a minute."""

    def __init__(self):
        self.failures, self.opened = 0, 0.0

    def check(self):
        """Raise where it is open."""
        if self.failures >= 4 and time.monotonic() < self.opened + 60:
            raise ParseFailed("the circuit is open")

    def note(self, ok):
        """Count what came of a request."""
        self.failures = 0 if ok else self.failures + 1
        self.opened = time.monotonic()


class BehindABreaker(Loop):
    """Keeps a circuit breaker for all documents."""

    def __init__(self):
        self.breaker = Breaker()

    def send(self, client, document, attempt):
        self.breaker.check()
        try:
            response = super().send(client, document, attempt)
        except httpx.TransportError:
            self.breaker.note(ok=False)
            raise
        self.breaker.note(ok=response.status_code < 500)
        return response


class RetriesWhatNutrientDocuments(NutrientLoop):
    """Retries documented failures, and no gateway's page or empty reply, which no page names."""

    def is_retryable(self, response, body):
        return "errorMessage" in body and response.status_code in (429, 500, 503)


class HonoursRetryAfterAtNutrient(NutrientLoop):
    """States that it honours ``Retry-After``, which no page of Nutrient's names."""

    retry_after = True


class RefreshesItsKeyOnce(Loop):
    """Takes the first 401 for a key that has run out, asks once more with a new one, and reports
    the second."""

    def send(self, client, document, attempt):
        response = super().send(client, document, attempt)
        if response.status_code == 401 and "_anew" not in self.api_key:
            self.report(response, body_of(response))
            self.api_key += "_anew"
            response = super().send(client, document, attempt)
        return response


class WaitsALittleLonger(Loop):
    """Adds up to a second to what it is asked to wait."""

    def asked_wait(self, response):
        asked = super().asked_wait(response)
        return None if asked is None else asked + random.random()


class Fibonacci(Loop):
    """Waits 1, 2, 3, 5, 8 seconds, which begins as a line and is none."""

    attempts = 6

    def wait(self, attempt):
        return (1, 2, 3, 5, 8)[attempt]


class ItsOwnRandomSource(Loop):
    """Draws its jitter from a source of its own: over 16 runs the waits shrink, by chance."""

    def __init__(self):
        self.source = random.Random(9)

    def wait(self, attempt):
        return 0.1 * 2**attempt + self.source.uniform(0, 1)
