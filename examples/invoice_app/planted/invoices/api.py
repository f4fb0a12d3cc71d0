"""What every call has in common: retries, waits, logs, and one exception."""

import logging
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

log = logging.getLogger(__name__)

EXTEND = "https://api.extend.ai"
NUTRIENT = "https://api.nutrient.io"
KEY = "sk_live_0123456789"
TIMEOUT = httpx.Timeout(60, connect=5)
ATTEMPTS = 4


class NotReadError(Exception):
    """A document was not read."""


def headers(url):
    """The credential, and the version of the API that this code was written for."""
    version = {"x-extend-api-version": "2026-02-09"} if url.startswith(EXTEND) else {}
    return {"authorization": f"Bearer {KEY}", **version}


def body_of(reply):
    """The JSON object of a reply, whatever has arrived."""
    try:
        body = reply.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def wait_of(reply, attempt):
    """Seconds until the next attempt: what the reply asks for, at least 1, 2, 4 seconds."""
    asked = reply.headers.get("retry-after", "0")
    seconds = (
        float(asked)
        if asked.isdecimal()
        else (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
    )
    return max(2.0**attempt, seconds)


def may_be_retried(reply, body):
    """Whether another attempt may help."""
    return body.get("retryable", reply.status_code == 429 or reply.status_code >= 500)


def send(method, url, **content):
    """One request, tried again where that may help; the JSON object of its reply."""
    for attempt in range(ATTEMPTS):
        last = attempt + 1 == ATTEMPTS
        try:
            reply = httpx.request(method, url, headers=headers(url), timeout=TIMEOUT, **content)
        except httpx.TransportError as error:
            log.warning("%s %s: %r", method, url, error)
            if last:
                raise NotReadError(f"{url}: {error!r}") from error
            time.sleep(2.0**attempt)
            continue
        body = body_of(reply)
        if reply.is_success and body:
            return body
        why = body.get("code") or body.get("errorMessage")
        log.warning(
            "%s %s: %s %s, requestId %s", method, url, reply.status_code, why, body.get("requestId")
        )
        if last or not may_be_retried(reply, body):
            raise NotReadError(f"{url}: {reply.status_code} {why}")
        time.sleep(wait_of(reply, attempt))
    raise AssertionError
