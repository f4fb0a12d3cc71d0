"""Extend's Parse API by aiohttp: many documents at once, each with its own retries."""

import asyncio
import logging
import random

import aiohttp

log = logging.getLogger(__name__)

ATTEMPTS = 4
LIMITS = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=300)


class ParsingFailedError(Exception):
    """A document was not parsed."""


async def parse_all(urls: list[str], *, api_key: str) -> list[dict | ParsingFailedError]:
    """The parsed documents, in order; a document that failed leaves its error."""
    headers = {"Authorization": f"Bearer {api_key}", "x-extend-api-version": "2026-02-09"}
    async with aiohttp.ClientSession(headers=headers, timeout=LIMITS) as session:
        return await asyncio.gather(*(_parse(session, url) for url in urls), return_exceptions=True)


async def _parse(session: aiohttp.ClientSession, url: str) -> dict:
    for attempt in range(1, ATTEMPTS + 1):
        wait = 2 ** (attempt - 1) + random.uniform(0, 0.5)
        try:
            async with session.post(
                "https://api.extend.ai/parse", json={"file": {"url": url}}
            ) as response:
                body = await _json(response)
                if response.ok and "output" in body:
                    return body["output"]
                code, request_id = body.get("code"), body.get("requestId")
                problem = f"{response.status} {code}, requestId {request_id}"
                again = body.get("retryable", response.status >= 500 or response.ok)
                told = response.headers.get("Retry-After", "")
                wait = max(wait, float(told)) if told.isdigit() else wait
        except (aiohttp.ClientError, TimeoutError) as error:
            problem, again = str(error) or type(error).__name__, True
        if not again or attempt == ATTEMPTS:
            break
        log.warning("%s: %s; again in %.1f s", url, problem, wait)
        await asyncio.sleep(wait)
    log.error("%s: %s; given up", url, problem)
    raise ParsingFailedError(f"{url}: {problem}")


async def _json(response: aiohttp.ClientResponse) -> dict:
    try:
        return await response.json()
    except (aiohttp.ContentTypeError, ValueError):
        return {}
