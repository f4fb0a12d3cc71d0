"""Extend's Parse API by httpx; httpx-retries sends again, inside the client's transport."""

import logging

import httpx
from httpx_retries import Retry, RetryTransport

log = logging.getLogger(__name__)


def make_client(api_key: str) -> httpx.Client:
    """A client that retries what Extend calls retryable: a 429, and any 5xx."""
    retry = Retry(
        total=3,
        backoff_factor=1,
        backoff_jitter=0.2,
        # By default POST is not sent again, and a 500 is not worth it.
        allowed_methods=["POST"],
        status_forcelist=[429, 500, 502, 503, 504],
    )
    return httpx.Client(
        base_url="https://api.extend.ai",
        headers={"Authorization": f"Bearer {api_key}", "x-extend-api-version": "2026-02-09"},
        timeout=httpx.Timeout(300, connect=5),
        transport=RetryTransport(retry=retry),
    )


def parse(url: str, *, api_key: str) -> str:
    """The text of the document behind a URL, as Markdown."""
    with make_client(api_key) as client:
        response = client.post("/parse", json={"file": {"url": url}})
    if response.is_error:
        log.error("parse failed: %s %s", response.status_code, response.text)
        response.raise_for_status()
    return "\n".join(chunk["content"] for chunk in response.json()["output"]["chunks"])
