"""Right consumers of Nutrient's asynchronous runs."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path

import aiohttp
import httpx
import requests
import stamina
from right_libraries import Retryable, stamina_hook
from right_runs import RunLoop
from toolbox import ParseFailed, body_of, log

TRANSIENT = ("maestro", "processing")
STATUSES = (200, 202, 429, 500, 502, 503, 504)


class NutrientRunLoop(RunLoop):
    """Submits, polls, fetches the result, and submits again where that may help. Right."""

    provider = "nutrient"

    def headers(self):
        return {"authorization": f"Bearer {self.api_key}"}

    def is_retryable(self, response, body):
        return response.status_code in STATUSES

    def failure(self, response, body):
        return ParseFailed(f"{response.status_code}: {body.get('errorMessage')}")

    def create(self, client, document, number):
        return self.request(
            client, "POST", "/extraction/parse/async", **self.submission(document, number)
        )

    def submission(self, document, number):
        path = Path(document)
        return {
            "files": {"file": (path.name, path.read_bytes(), "application/pdf")},
            "data": {"instructions": json.dumps({"mode": "structure"})},
        }

    def poll(self, client, run):
        return self.request(client, "GET", f"/extraction/runs/{run['runId']}")

    def output(self, client, run):
        result = self.request(client, "GET", f"/extraction/runs/{run['runId']}/assets/result")
        return result["output"]

    def reason(self, run):
        # Not every failed run has details, and not all details have a code.
        return run.get("errorDetails") or run.get("errorMessage")

    def is_over(self, run):
        return run.get("status") in ("done", "error", "cancelled")

    def is_done(self, run):
        return run["status"] == "done"

    def is_worth_another(self, run):
        return (run.get("errorDetails") or {}).get("source") in TRANSIENT

    def report_run(self, run):
        log.error("run %s failed: %s", run["runId"], self.reason(run))


class NutrientRuns(NutrientRunLoop):
    """A loop by hand over a form, without an idempotency key."""


class NutrientRunsWithKeys(NutrientRunLoop):
    """Each submission has a key of its own, which its retries repeat."""

    def submission(self, document, number):
        return {**super().submission(document, number), "key": str(uuid.uuid4())}

    def request(self, client, method, path, *, key=None, **options):
        self.key = key
        return super().request(client, method, path, **options)

    def headers(self):
        return super().headers() | ({} if self.key is None else {"Idempotency-Key": self.key})


class NutrientRunsByAsset(NutrientRunLoop):
    """Uploads once, and submits the asset."""

    asset = None

    def parse(self, document):
        self.asset = None
        return super().parse(document)

    def create(self, client, document, number):
        if self.asset is None:
            path = Path(document)
            files = {"file": (path.name, path.read_bytes())}
            self.asset = self.upload(client, files)
        return super().create(client, document, number)

    def upload(self, client, files):
        for attempt in range(self.attempts):
            failure = ParseFailed("the upload failed")
            try:
                response = client.post(
                    f"{self.base_url}/extraction/uploads", headers=self.headers(), files=files
                )
            except httpx.TransportError as error:
                failure.__cause__ = error
            else:
                body = body_of(response)
                if response.is_success and "assetId" in body:
                    return body["assetId"]
                self.report(response, body)
                if not self.is_retryable(response, body):
                    raise self.failure(response, body)
            if attempt + 1 < self.attempts:
                self.sleep(self.wait(attempt))
        raise failure

    def submission(self, document, number):
        return {"json": {"assetId": self.asset, "mode": "structure"}}


class NutrientRunsWithStamina(NutrientRunLoop):
    """Leaves the retries of each request to stamina."""

    def request(self, client, method, path, **options):
        for attempt in stamina.retry_context(on=stamina_hook, attempts=4, timeout=300):
            with attempt:
                return self.ask(client, method, path, **options)
        raise AssertionError

    def ask(self, client, method, path, **options):
        try:
            response = client.request(
                method, self.base_url + path, headers=self.headers(), **options
            )
        except httpx.TransportError as error:
            raise Retryable(repr(error)) from error
        body = body_of(response)
        if response.is_success and "status" in body:
            return body
        self.report(response, body)
        if self.is_retryable(response, body):
            raise Retryable(f"HTTP {response.status_code}")
        raise self.failure(response, body)


class NutrientRunsWithRequests(NutrientRunLoop):
    """The same loop over a session of requests."""

    def request(self, client, method, path, **options):
        with requests.Session() as session:
            for attempt in range(self.attempts):
                failure = ParseFailed("no reply")
                try:
                    response = session.request(
                        method,
                        self.base_url + path,
                        headers=self.headers(),
                        timeout=self.timeout,
                        **options,
                    )
                except requests.RequestException as error:
                    failure.__cause__ = error
                else:
                    body = body_of(response)
                    if response.ok and "status" in body:
                        return body
                    self.report(response, body)
                    failure = self.failure(response, body)
                    if not self.is_retryable(response, body):
                        raise failure
                if attempt + 1 < self.attempts:
                    self.sleep(self.wait(attempt))
            raise failure


class NutrientRunsWithAiohttp(NutrientRunLoop):
    """The same on an event loop, with aiohttp."""

    async def parse(self, document):
        timeout = aiohttp.ClientTimeout(total=self.timeout, sock_connect=5, sock_read=20)
        async with aiohttp.ClientSession(self.base_url, timeout=timeout) as session:
            for number in range(self.submissions):
                run = await self.ask(session, "POST", "/extraction/parse/async", document)
                while not self.is_over(run):
                    await asyncio.sleep(self.poll_every)
                    run = await self.ask(session, "GET", f"/extraction/runs/{run['runId']}")
                if self.is_done(run):
                    path = f"/extraction/runs/{run['runId']}/assets/result"
                    return (await self.ask(session, "GET", path))["output"]
                self.report_run(run)
                if number + 1 == self.submissions or not self.is_worth_another(run):
                    break
                await asyncio.sleep(self.pause(number))
            raise ParseFailed(run["runId"])

    async def ask(self, session, method, path, document=None):
        for attempt in range(self.attempts):
            failure = ParseFailed("no reply")
            try:
                reply = await session.request(
                    method, path, headers=self.headers(), data=self.form(document)
                )
                text = await reply.text()
            except (aiohttp.ClientError, TimeoutError) as error:
                failure.__cause__ = error
            else:
                response = httpx.Response(reply.status, text=text)
                body = body_of(response)
                if response.is_success and "status" in body:
                    return body
                self.report(response, body)
                failure = self.failure(response, body)
                if not self.is_retryable(response, body):
                    raise failure
            if attempt + 1 < self.attempts:
                await asyncio.sleep(self.wait(attempt))
        raise failure

    def form(self, document):
        if document is None:
            return None
        form = aiohttp.FormData()
        path = Path(document)
        form.add_field("instructions", json.dumps({"mode": "structure"}))
        form.add_field("file", path.read_bytes(), filename=path.name)
        return form


class NutrientRunsNeverSubmittedAgain(NutrientRunLoop):
    """Leaves new submissions to its caller, and says so."""

    resubmits = False
    submissions = 1
    max_attempts = 4
