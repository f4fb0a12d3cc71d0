"""A small consumer, right and wrong."""

from __future__ import annotations

APP = '''
import logging
import time
from email.utils import parsedate_to_datetime

import httpx

log = logging.getLogger("app")
URL = "https://api.extend.ai/parse"
INVOICE = "https://files.example.com/invoice.pdf"


class Failed(Exception):
    pass


def ask(document):
    body = {"file": {"url": document}}
    headers = {"authorization": "Bearer sk_test_0123456789"}
    return httpx.post(URL, json=body, headers=headers, timeout=10)


def retry_after(reply, least):
    asked = reply.headers.get("retry-after")
    if asked is None:
        return least
    if asked.isdigit():
        return max(least, float(asked))
    return max(least, parsedate_to_datetime(asked).timestamp() - time.time())


def parse(document):
    """Does what the documentation advises."""
    for attempt in range(4):
        wait = 2.0**attempt
        try:
            reply = ask(document)
        except httpx.TransportError as error:
            if attempt == 3:
                raise Failed("network") from error
            time.sleep(wait)
            continue
        try:
            body = reply.json()
        except ValueError:
            body = {}
        if reply.status_code == 200 and body:
            return body
        log.error("failed: %s %s", reply.status_code, body.get("requestId"))
        if attempt == 3 or not body.get("retryable", reply.status_code >= 500):
            raise Failed(body.get("code"))
        time.sleep(retry_after(reply, wait))


def silent(document):
    """Hides each failure."""
    try:
        reply = ask(document)
        reply.raise_for_status()
        return reply.json()
    except Exception:
        return None


def careless(document):
    """Reads a failure as if it were a success."""
    return ask(document).json()["id"]


def stubborn(document):
    """Tries again forever."""
    while (reply := ask(document)).status_code != 200:
        time.sleep(1)
    return reply.json()


def once(document):
    """Does not try again."""
    reply = ask(document)
    if reply.status_code != 200:
        log.error("failed: %s", reply.text)
        raise Failed(reply.status_code)
    return reply.json()
'''


def line_of(function, text, app=APP):
    """The number of the line of a function of the small consumer that has a text."""
    lines = app.strip().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"def {function}("))
    return next(n for n in range(start, len(lines)) if text in lines[n]) + 1
