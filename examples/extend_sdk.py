"""Extend's official Python client, with what a consumer has to add to it."""

import logging

from extend_ai import Extend
from extend_ai.core.api_error import ApiError

log = logging.getLogger(__name__)


class ParsingFailedError(Exception):
    """The document was not parsed."""


def parse(url: str, *, api_key: str) -> str:
    """The text of the document behind a URL, as Markdown."""
    client = Extend(token=api_key)
    try:
        # The client retries 408, 409, 429 and 5xx by itself: two more attempts after 1 s and 2 s.
        run = client.parse(file={"url": url})
    except ApiError as error:
        status, (code, request_id) = error.status_code, _details(error)
        log.error("parse failed: %s %s, requestId %s", status, code, request_id)
        raise ParsingFailedError(f"{status} {code}") from error
    return "\n".join(chunk.content for chunk in run.output.chunks)


def _details(error: ApiError) -> tuple[str | None, str | None]:
    """Code and request id of an error.

    Its body is a dictionary for 400, 401, 404, 429 and 500, a model for 402, 403 and 422, and a
    text where a gateway answered.
    """
    body = error.body
    if isinstance(body, dict):
        return body.get("code"), body.get("requestId")
    return getattr(body, "code", None), getattr(body, "request_id", None)
