"""One document on its way through a consumer: a single attempt, and how long to wait then.

Who makes the next attempt is the architecture's business. `FAULTS` are the ways to get an attempt
or a wait wrong, each with the failures that show it and the kind of finding that names it.
"""

from __future__ import annotations

import threading

import httpx
from toolbox import body_of, log, retry_after

URL = "https://files.example.com/a.pdf"
LIMIT = 4

FAULTS = {
    "never retries": (("OCR_ERROR",), {}, "retryable_error"),
    "retries final errors": (("CORRUPT_FILE",), {"times": 2}, "final_error"),
    "does not wait": (("OCR_ERROR",), {}, "backoff"),
    "waits for a constant time": (("OCR_ERROR",), {"times": 3}, "backoff"),
    "ignores Retry-After": (("RATE_LIMIT_EXCEEDED",), {"retry_after": 30}, "retry_after"),
    "loses its options": (("OCR_ERROR",), {}, "payload"),
    "logs no id": (("OCR_ERROR",), {"times": LIMIT}, "request_id"),
    "sets no timeout": (("OCR_ERROR",), {}, "timeout"),
    "corrects the wrong thing": (("PASSWORD_PROTECTED_FILE",), {}, "final_error"),
}
"""By name: the errors, how they are scripted, and the finding."""

SCRIPTS = {
    "nothing": None,
    "a failure": (("OCR_ERROR",), {}),
    "three failures": (("OCR_ERROR",), {"times": 3}),
    "failures to the end": (("OCR_ERROR",), {"times": LIMIT}),
    "a final error": (("CORRUPT_FILE",), {}),
    "a locked file": (("PASSWORD_PROTECTED_FILE",), {}),
    "a rate limit": (("RATE_LIMIT_EXCEEDED",), {"retry_after": 30}),
    "a lost connection": (("connect_error",), {}),
}
"""What a right consumer meets."""


class Job:
    """A document, and a consumer's way with it.

    Args:
        api: the simulated API.
        fault: one of `FAULTS`, or None for a right consumer.
        signs: whether the link is signed again for each attempt.
        name: the file's name.
    """

    def __init__(self, api, fault=None, *, signs=False, name="a.pdf"):
        self.api = api
        self.fault = fault
        self.signs = signs
        self.url = URL.replace("a.pdf", name)
        self.number = 0
        self.password = None
        self.over = threading.Event()
        self.status = None

    def step(self):
        """Make one attempt; the pause before the next one, or None where there is none."""
        with httpx.Client(**self.settings()) as client:
            try:
                reply = client.post("/parse", json=self.body())
            except httpx.TransportError as error:
                reply = error
        return self.after(reply)

    async def step_async(self):
        """The same, on an event loop."""
        async with httpx.AsyncClient(**self.settings()) as client:
            try:
                reply = await client.post("/parse", json=self.body())
            except httpx.TransportError as error:
                reply = error
        return self.after(reply)

    def settings(self):
        headers = {"authorization": f"Bearer {self.api.api_key}"}
        timeout = None if self.fault == "sets no timeout" else 30
        return {"base_url": self.api.base_url, "headers": headers, "timeout": timeout}

    def body(self):
        file = {"url": self.url}
        if self.signs:
            file["url"] += f"?X-Amz-Date=2026&X-Amz-Signature={self.number}"
        if self.password:
            file["settings"] = {"password": self.password}
        body = {"file": file, "config": {"target": "markdown"}}
        if self.number and self.fault == "loses its options":
            del body["config"]
        if self.number and self.fault == "corrects the wrong thing":
            body["config"] = {"target": "spatial"}
        return body

    def after(self, reply):
        self.number += 1
        pause = self.pause(reply)
        if pause is None:
            self.over.set()
        return pause

    def pause(self, reply):
        wait = 2.0 ** (self.number - 1)
        if isinstance(reply, Exception):
            log.warning("attempt %d: %r", self.number, reply)
            return wait if self.number < LIMIT else None
        self.status = reply.status_code
        body = body_of(reply)
        if not reply.is_success:
            said = "an id" if self.fault == "logs no id" else body.get("requestId")
            log.warning("attempt %d: %s %s", self.number, body.get("code"), said)
        if reply.is_success or self.number == LIMIT or self.fault == "never retries":
            return None
        if body.get("code") == "PASSWORD_PROTECTED_FILE" and self.number == 1:
            self.password = None if self.fault == "corrects the wrong thing" else "open sesame"
            return wait
        if not body.get("retryable", reply.status_code == 429):
            return wait if self.fault == "retries final errors" else None
        asked = None if self.fault == "ignores Retry-After" else retry_after(reply)
        waits = {"does not wait": 0.0, "waits for a constant time": 3.0}
        return waits.get(self.fault, wait) if asked is None else asked
