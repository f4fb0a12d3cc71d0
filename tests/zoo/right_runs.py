"""Right consumers of asynchronous runs."""

from __future__ import annotations

import asyncio
import random
import time

import extend_ai
import httpx
import loguru
import stamina
from extend_ai.core.api_error import ApiError
from right_libraries import Once, Retryable, id_in, stamina_hook
from toolbox import Consumer, Loop, ParseFailed, body_of, log, retry_after

TRANSIENT = ("OCR_ERROR", "CHUNKING_ERROR", "INTERNAL_ERROR")


class RunLoop(Loop):
    """Submits a run, polls it, and submits it again where that may help. Right in every respect."""

    surface = "run"
    submissions = 3
    poll_every = 1.0

    def parse(self, document):
        with httpx.Client(timeout=self.timeout) as client:
            for number in range(self.submissions):
                run = self.create(client, document, number)
                run = self.follow(client, run)
                if self.is_done(run):
                    return self.output(client, run)
                self.report_run(run)
                last = number + 1 == self.submissions
                if last or not self.is_worth_another(run):
                    break
                self.sleep(self.pause(number))
            return self.finish(ParseFailed(f"a run failed: {self.reason(run)}"))

    def create(self, client, document, number):
        return self.request(client, "POST", "/parse_runs", json=self.submission(document, number))

    def submission(self, document, number):
        return {"file": {"url": document, "name": "contract.pdf"}}

    def follow(self, client, run):
        while not self.is_over(run):
            self.sleep(self.poll_every)
            run = self.poll(client, run)
        return run

    def poll(self, client, run):
        return self.request(client, "GET", f"/parse_runs/{run['id']}")

    def output(self, client, run):
        return run.get("output")

    def reason(self, run):
        return run.get("failureReason")

    def is_over(self, run):
        return run.get("status") in ("PROCESSED", "FAILED", "CANCELLED")

    def is_done(self, run):
        return run["status"] == "PROCESSED"

    def is_worth_another(self, run):
        return run.get("failureReason") in TRANSIENT

    def pause(self, number):
        return 2.0**number

    def report_run(self, run):
        log.error("run %s failed: %s", run["id"], run.get("failureReason"))

    def request(self, client, method, path, **options):
        for attempt in range(self.attempts):
            wait = None
            try:
                response = client.request(
                    method, self.base_url + path, headers=self.headers(), **options
                )
            except httpx.TransportError as error:
                failure = ParseFailed(repr(error))
            else:
                body = self.read(response)
                if response.is_success and "status" in body:
                    return body
                self.report(response, body)
                failure = self.failure(response, body)
                if not self.is_retryable(response, body):
                    raise failure
                wait = self.asked_wait(response)
            if attempt + 1 < self.attempts:
                self.sleep(self.wait(attempt) if wait is None else wait)
        raise failure


class Runs(RunLoop):
    """A loop by hand, which logs with the standard library."""


class RunsWithLoguru(RunLoop):
    """Logs id and reason in two fields, and polls every five seconds."""

    poll_every = 5

    def report_run(self, run):
        loguru.logger.bind(run=run["id"], reason=run.get("failureReason")).error("run failed")


class RunsThatPollSlower(RunLoop):
    """Polls less and less often, and prints."""

    def follow(self, client, run):
        pause = 0.5
        while not self.is_over(run):
            self.sleep(pause * random.uniform(1, 1.2))
            pause = min(pause * 2, 30)
            run = self.poll(client, run)
        return run

    def report_run(self, run):
        print(f"{run['id']}: {run.get('failureReason')}")  # noqa: T201 - its way of logging


class RunsNeverSubmittedAgain(RunLoop):
    """Leaves new submissions to its caller, and says so."""

    resubmits = False
    submissions = 1


class RunsAsynchronous(RunLoop):
    """The same on an event loop."""

    async def parse(self, document):
        async with httpx.AsyncClient(timeout=self.timeout) as client:
            for number in range(self.submissions):
                submission = self.submission(document, number)
                run = await self.ask(client, "POST", "/parse_runs", json=submission)
                while not self.is_over(run):
                    await asyncio.sleep(self.poll_every)
                    run = await self.ask(client, "GET", f"/parse_runs/{run['id']}")
                if self.is_done(run):
                    return run["output"]
                self.report_run(run)
                if number + 1 == self.submissions or not self.is_worth_another(run):
                    break
                await asyncio.sleep(self.pause(number))
            raise ParseFailed(run["id"])

    async def ask(self, client, method, path, **options):
        for attempt in range(self.attempts):
            wait = None
            try:
                response = await client.request(
                    method, self.base_url + path, headers=self.headers(), **options
                )
            except httpx.TransportError as error:
                failure = ParseFailed(repr(error))
            else:
                body = body_of(response)
                if response.status_code == 200 and "status" in body:
                    return body
                self.report(response, body)
                failure = self.failure(response, body)
                if not self.is_retryable(response, body):
                    raise failure
                wait = retry_after(response)
            if attempt + 1 < self.attempts:
                await asyncio.sleep(self.wait(attempt) if wait is None else wait)
        raise failure


class RunsWithStamina(RunLoop, Once):
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
        if response.status_code == 200 and "status" in body:
            return body
        self.report(response, body)
        if self.is_retryable(response, body):
            raise Retryable(f"HTTP {response.status_code}", retry_after(response))
        raise self.failure(response, body)


class OfficialRuns(Consumer):
    """The official client's create_and_poll, which returns failed runs: the wrapper looks."""

    surface = "run"
    max_attempts = 3

    def parse(self, document):
        client = extend_ai.Extend(token=self.api_key, base_url=self.base_url)
        for number in range(3):
            try:
                run = client.parse_runs.create_and_poll(file={"url": document})
            except (ApiError, httpx.HTTPError) as error:
                log.exception("request failed: %s", id_in(getattr(error, "body", None)))
                raise ParseFailed(str(error)) from error
            if run.status == "PROCESSED":
                return run.output
            log.error("run %s failed: %s", run.id, run.failure_reason)
            if run.failure_reason not in TRANSIENT:
                break
            time.sleep(2.0**number)
        raise ParseFailed(str(run.failure_reason))


class OfficialRunsAsynchronous(Consumer):
    """The same with the official asynchronous client."""

    surface = "run"
    max_attempts = 3

    async def parse(self, document):
        client = extend_ai.AsyncExtend(token=self.api_key, base_url=self.base_url)
        for number in range(3):
            try:
                run = await client.parse_runs.create_and_poll(file={"url": document})
            except (ApiError, httpx.HTTPError) as error:
                log.exception("request failed: %s", id_in(getattr(error, "body", None)))
                raise ParseFailed(str(error)) from error
            if run.status == "PROCESSED":
                return run.output
            log.error("run %s failed: %s", run.id, run.failure_reason)
            if run.failure_reason not in TRANSIENT:
                break
            await asyncio.sleep(2.0**number)
        raise ParseFailed(str(run.failure_reason))


class StatesBothLimits(RunLoop):
    """Says how often it submits a document, and how often it sends one request."""

    submissions = 2
    max_submissions = 2
    max_attempts = 4
