"""Extend's asynchronous runs by its official client, with what a consumer has to add to it."""

import logging
import time

from extend_ai import Extend

log = logging.getLogger(__name__)

RETRYABLE = {"OCR_ERROR", "CHUNKING_ERROR", "INTERNAL_ERROR"}


class ParsingFailedError(Exception):
    """The document was not parsed."""


def parse(url: str, *, api_key: str, submissions: int = 3) -> str:
    """The text of the document behind a URL, as Markdown."""
    client = Extend(token=api_key)
    for number in range(submissions):
        # A failed run is returned, not raised.
        run = client.parse_runs.create_and_poll(file={"url": url})
        if run.status == "PROCESSED":
            return "\n".join(chunk.content for chunk in run.output.chunks)
        log.error("run %s ended %s: %s", run.id, run.status, run.failure_reason)
        if run.failure_reason not in RETRYABLE or number == submissions - 1:
            raise ParsingFailedError(run.failure_reason)
        time.sleep(2 * 2**number)
    raise ValueError("submissions must be 1 or more")
