"""Right consumers whose attempts are made by other threads and tasks than the caller's own."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
import random
import threading
import time
from concurrent.futures import Future

import aiohttp
import requests
from right_runs import TRANSIENT
from toolbox import Consumer, ParseFailed, log, retry_after

AGAIN = (429, 500, 502, 503, 504)


def told(text):
    """The JSON object of a text, or an empty one."""
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


class SharedQueue(Consumer):
    """Two threads take jobs when they are due; the retry is whose turn it is."""

    max_attempts = 4

    def parse(self, document):
        self.jobs, self.over, self.changed = [], False, threading.Condition()
        self.count = itertools.count()
        threads = [threading.Thread(target=self.work) for _ in range(2)]
        for thread in threads:
            thread.start()
        done = Future()
        self.put(0, document, 1, done)
        try:
            return done.result()
        finally:
            with self.changed:
                self.over = True
                self.changed.notify_all()
            for thread in threads:
                thread.join()

    def put(self, pause, *job):
        with self.changed:
            heapq.heappush(self.jobs, (time.monotonic() + pause, next(self.count), *job))
            self.changed.notify()

    def take(self):
        with self.changed:
            while not self.over:
                left = self.jobs[0][0] - time.monotonic() if self.jobs else None
                if left is not None and left <= 0:
                    return heapq.heappop(self.jobs)[2:]
                self.changed.wait(left)
        return None

    def work(self):
        with requests.Session() as session:
            while job := self.take():
                document, attempt, done = job
                try:
                    pause = self.attempt(session, document, attempt, done)
                except Exception as error:  # noqa: BLE001 - a worker hands on what it met
                    done.set_exception(error)
                    continue
                if pause is not None:
                    self.put(pause, document, attempt + 1, done)

    def attempt(self, session, document, attempt, done):
        """Settle the job, or say after how many seconds to try again."""
        pause = 2 ** (attempt - 1) * random.uniform(1, 1.3)
        last = attempt == self.max_attempts
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
            if last:
                raise ParseFailed(repr(error)) from error
            return pause
        body = told(response.text)
        if response.ok and "output" in body:
            done.set_result(body["output"])
            return None
        log.warning("attempt %d: request %s failed", attempt, body.get("requestId"))
        if last or response.status_code not in (200, *AGAIN):
            raise ParseFailed(f"HTTP {response.status_code}")
        asked = retry_after(response)
        return pause if asked is None else asked


class RunsPolledInTheBackground(Consumer):
    """A task polls by aiohttp, which asks again by itself where a kept connection was closed."""

    surface = "run"

    async def parse(self, document):
        timeout = aiohttp.ClientTimeout(total=30, sock_connect=5, sock_read=20)
        headers = {
            "Authorization": f"Bearer {self.api_key}",
            "x-extend-api-version": "2026-02-09",
        }
        async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
            for number in range(2):
                submission = {"file": {"url": document}}
                run = await self.ask(session, "POST", "/parse_runs", json=submission)
                poller = asyncio.create_task(self.poll(session, run["id"]))
                run = await asyncio.wait_for(poller, 3600)
                if run["status"] == "PROCESSED":
                    return run["output"]
                log.error("run failed", extra={"run": run["id"], "why": run.get("failureReason")})
                if run.get("failureReason") not in TRANSIENT:
                    break
                await asyncio.sleep(random.uniform(1, 3) * (1 - number))
            raise ParseFailed(run["id"])

    async def poll(self, session, run_id):
        while True:
            await asyncio.sleep(3)
            run = await self.ask(session, "GET", f"/parse_runs/{run_id}")
            if run["status"] not in ("PENDING", "PROCESSING", "CANCELLING"):
                return run

    async def ask(self, session, method, path, **options):
        for attempt in range(4):
            asked = None
            try:
                async with session.request(method, self.base_url + path, **options) as response:
                    body = told(await response.text())
                    if response.status == 200 and "status" in body:
                        return body
                    log.warning("%s %s: request %s", method, path, body.get("requestId"))
                    if response.status not in (200, *AGAIN):
                        raise ParseFailed(f"HTTP {response.status}")
                    asked = retry_after(response)
            except (aiohttp.ClientError, TimeoutError) as error:
                log.warning("%s %s: %r", method, path, error)
            if attempt < 3:
                await asyncio.sleep(0.5 * 3**attempt if asked is None else asked)
        raise ParseFailed(f"{method} {path}")
