"""Nutrient's official Python client, with what a consumer has to add to it.

The client sends each request once, has no time-out unless it is given one, and leaves the server's
message out of its exceptions. A 429 is a ``ValidationError``, like a 400, so the class of an
exception does not tell whether to try again; its status does.
"""

import asyncio
import logging
import random
from pathlib import Path

from nutrient_dws import NutrientClient
from nutrient_dws.errors import NetworkError, NutrientError

log = logging.getLogger(__name__)

RETRYABLE = {408, 429, 500, 503}
ATTEMPTS = 4


async def parse(path: Path, *, api_key: str) -> str:
    """The text of a document, as Markdown."""
    client = NutrientClient(api_key=api_key, timeout=120)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            parsed = await client.parse(path, mode="text", output_format="markdown")
        except NutrientError as error:
            details = error.details or {}
            log.warning(
                "attempt %s failed: %s %s, requestId %s",
                attempt,
                error.status_code,
                details.get("errorMessage", error),
                details.get("requestId"),
            )
            passing = isinstance(error, NetworkError) or error.status_code in RETRYABLE
            if not passing or attempt == ATTEMPTS:
                raise
            await asyncio.sleep(2 ** (attempt - 1) * random.uniform(0.9, 1.1))
        else:
            return parsed["output"]["markdown"]
    raise AssertionError
