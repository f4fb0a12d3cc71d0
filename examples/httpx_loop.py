"""Extend's Parse API by plain httpx and a loop of its own, with a bug.

Each error alone is handled as documented. In a row of different ones, the waits begin anew with
each change.
"""

import logging
import time

import httpx

log = logging.getLogger(__name__)
ATTEMPTS = 6


class ParsingFailedError(Exception):
    """The document was not parsed."""


def parse(url: str, *, api_key: str) -> dict:
    """The parsed document behind a URL."""
    before, in_a_row = None, 0
    for _ in range(ATTEMPTS):
        problem, body, retry_after = None, {}, 0.0
        try:
            response = httpx.post(
                "https://api.extend.ai/parse",
                json={"file": {"url": url}},
                headers={"Authorization": f"Bearer {api_key}"},
                timeout=httpx.Timeout(300, connect=5),
            )
            problem = response.status_code
            retry_after = float(response.headers.get("Retry-After", 0))
            body = response.json()
        except httpx.TransportError as error:
            problem = type(error).__name__
        except ValueError:
            pass
        if problem == 200 and "output" in body:
            return body["output"]
        log.error("parse failed: %s %s, %s", problem, body.get("code"), body.get("requestId"))
        if not body.get("retryable", True):
            break
        in_a_row = in_a_row + 1 if problem == before else 0  # the bug: it should count all
        before = problem
        time.sleep(max(2.0**in_a_row, retry_after))
    raise ParsingFailedError(f"{problem} {body.get('code')}")
