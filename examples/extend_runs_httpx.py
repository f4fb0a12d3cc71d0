"""Extend's asynchronous runs by httpx, polled by hand."""

import asyncio
import logging

import httpx

log = logging.getLogger(__name__)

BASE_URL = "https://api.extend.ai"
RETRYABLE = {"OCR_ERROR", "CHUNKING_ERROR", "INTERNAL_ERROR"}


class ParsingFailedError(Exception):
    """The document was not parsed."""


async def parse(url: str, *, api_key: str) -> dict:
    """The output of the document behind a URL."""
    headers = {"authorization": f"Bearer {api_key}", "x-extend-api-version": "2026-02-09"}
    async with httpx.AsyncClient(base_url=BASE_URL, headers=headers, timeout=30) as client:
        for wait in (2, 4, None):
            run = await _run(client, url)
            if run["status"] == "PROCESSED":
                return run["output"]
            reason = run.get("failureReason", run["status"])
            log.error("run %s failed: %s", run["id"], reason)
            if reason not in RETRYABLE or wait is None:
                break
            await asyncio.sleep(wait)
    raise ParsingFailedError(reason)


async def _run(client: httpx.AsyncClient, url: str) -> dict:
    """A run from its creation to its end, whatever that is."""
    run = await _call(client, "POST", "/parse_runs", json={"file": {"url": url}})
    wait = 1.0
    while run["status"] in ("PENDING", "PROCESSING", "CANCELLING"):
        await asyncio.sleep(wait)
        wait = min(wait * 1.5, 30)
        run = await _call(client, "GET", f"/parse_runs/{run['id']}")
    return run


async def _call(client: httpx.AsyncClient, method: str, path: str, **options) -> dict:
    """One request, tried again where the API advises it."""
    for wait in (1, 2, 4, None):
        reply = await client.request(method, path, **options)
        if reply.is_success:
            return reply.json()
        error = reply.json()
        log.error("%s %s: %s, requestId %s", method, path, error["code"], error.get("requestId"))
        if not error["retryable"] or wait is None:
            break
        await asyncio.sleep(max(wait, float(reply.headers.get("retry-after", 0))))
    raise ParsingFailedError(error["code"])
