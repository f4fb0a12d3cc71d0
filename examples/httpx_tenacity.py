"""Extend's Parse API by plain httpx; tenacity retries."""

import logging

import httpx
import tenacity

log = logging.getLogger(__name__)


class ParsingFailedError(Exception):
    """The document was not parsed."""


class _TryAgainError(ParsingFailedError):
    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def _wait(state: tenacity.RetryCallState) -> float:
    backoff = tenacity.wait_exponential_jitter(initial=1, max=30, jitter=0.5)(state)
    error = state.outcome.exception()
    return max(backoff, getattr(error, "retry_after", None) or 0)


@tenacity.retry(
    retry=tenacity.retry_if_exception_type((_TryAgainError, httpx.TransportError)),
    wait=_wait,
    stop=tenacity.stop_after_attempt(4),
    reraise=True,
)
def parse(url: str, *, api_key: str) -> dict:
    """The parsed document behind a URL."""
    response = httpx.post(
        "https://api.extend.ai/parse",
        json={"file": {"url": url}},
        headers={"Authorization": f"Bearer {api_key}", "x-extend-api-version": "2026-02-09"},
        timeout=httpx.Timeout(300, connect=5),
    )
    try:
        body = response.json()
    except ValueError:
        body = {}
    if response.is_success and "output" in body:
        return body["output"]
    code, request_id = body.get("code"), body.get("requestId")
    log.error("parse failed: %s %s, requestId %s", response.status_code, code, request_id)
    if body.get("retryable", response.status_code >= 500):
        raise _TryAgainError(f"{response.status_code} {code}", _seconds(response))
    raise ParsingFailedError(f"{response.status_code} {code}")


def _seconds(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None
