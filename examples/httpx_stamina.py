"""Nutrient's Data Extraction API by async httpx; stamina retries."""

import asyncio
import json
from pathlib import Path

import httpx
import stamina
import structlog

log = structlog.get_logger()


def _is_retryable(error: Exception) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in {408, 429, 500, 503}
    return isinstance(error, httpx.TransportError)


# ``timeout`` is for all attempts together, and 45 s unless it is set: less than one silent server.
@stamina.retry(
    on=_is_retryable, attempts=4, timeout=None, wait_initial=0.5, wait_max=20, wait_jitter=0.2
)
async def _send(client: httpx.AsyncClient, name: str, content: bytes) -> httpx.Response:
    # Bytes, and not an open file: a retry would find that read to its end.
    response = await client.post(
        "/extraction/parse",
        files={"file": (name, content, "application/pdf")},
        data={"instructions": json.dumps({"mode": "text", "output": {"format": "markdown"}})},
    )
    return response.raise_for_status()


async def parse(path: Path, *, api_key: str) -> str:
    """The text of a document, as Markdown."""
    content = await asyncio.to_thread(path.read_bytes)
    async with httpx.AsyncClient(
        base_url="https://api.nutrient.io",
        headers={"Authorization": f"Bearer {api_key}"},
        timeout=httpx.Timeout(120, connect=5),
    ) as client:
        try:
            response = await _send(client, path.name, content)
        except httpx.HTTPStatusError as error:
            log.error("parse failed", status=error.response.status_code, body=error.response.text)
            raise
    return response.json()["output"]["markdown"]
