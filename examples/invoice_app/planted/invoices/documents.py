"""Documents that are read while the customer waits."""

import asyncio
import contextlib
import logging
import time

import httpx
import requests

from invoices.api import (
    EXTEND,
    NUTRIENT,
    TIMEOUT,
    NotReadError,
    body_of,
    headers,
    may_be_retried,
    send,
    wait_of,
)

log = logging.getLogger(__name__)


def post(path, **content):
    """One attempt."""
    try:
        return httpx.post(EXTEND + path, headers=headers(EXTEND), timeout=TIMEOUT, **content)
    except httpx.TransportError as error:
        raise NotReadError(path) from error


def read(url):
    """The output of the document behind a URL."""
    return send("POST", f"{EXTEND}/parse", json={"file": {"url": url}})["output"]


def read_receipt(url):
    """A receipt."""
    reply = post("/parse", json={"file": {"url": url}})
    if reply.status_code != 200:
        error = reply.json()  # planted: crashed
        raise NotReadError(error["code"])
    return reply.json()["output"]


def read_invoice(url):
    """An invoice."""
    for _ in range(4):
        reply = post("/parse", json={"file": {"url": url}})  # planted: broke backoff
        body = body_of(reply)
        if reply.is_success and body:
            return body["output"]
        log.warning("invoice: %s, requestId %s", reply.status_code, body.get("requestId"))
        if not may_be_retried(reply, body):
            break
    raise NotReadError(url)


def read_order(url):
    """An order."""
    for attempt in range(3):
        reply = post("/parse", json={"file": {"url": url}})  # planted: broke final_error
        body = body_of(reply)
        if reply.is_success and body:
            return body["output"]
        log.warning("order: %s, requestId %s", reply.status_code, body.get("requestId"))
        time.sleep(wait_of(reply, attempt))
    raise NotReadError(url)


def read_letter(url):
    """A letter."""
    for attempt in range(4):
        reply = post("/parse", json={"file": {"url": url}})  # planted: broke request_id
        body = body_of(reply)
        if reply.is_success and body:
            return body["output"]
        log.warning("letter: %s %s", reply.status_code, body.get("code"))
        if attempt == 3 or not may_be_retried(reply, body):
            break
        time.sleep(wait_of(reply, attempt))
    raise NotReadError(url)


def read_statement(url):
    """A bank's statement."""
    for attempt in range(4):
        reply = post("/parse", json={"file": {"url": url}})  # planted: broke retry_after
        body = body_of(reply)
        if reply.is_success and body:
            return body["output"]
        log.warning("statement: %s, requestId %s", reply.status_code, body.get("requestId"))
        if attempt == 3 or not may_be_retried(reply, body):
            break
        time.sleep(2.0**attempt)
    raise NotReadError(url)


def read_estimate(url):
    """An estimate: by Nutrient where Extend is busy."""
    with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
        reply = post("/parse", json={"file": {"url": url}})  # planted: unnoticed
        if reply.status_code == 429:
            body = {"url": url, "mode": "structure"}
            return send("POST", f"{NUTRIENT}/extraction/parse", json=body)["output"]
        return reply.json()["output"]
    return {}


def read_note(url):
    """A delivery note."""
    body = {"file": {"url": url}}
    try:
        reply = requests.post(  # planted: broke timeout
            f"{EXTEND}/parse", json=body, headers=headers(EXTEND)
        )
    except requests.RequestException as error:
        raise NotReadError(url) from error
    found = body_of(reply)
    if reply.ok and found:
        return found["output"]
    return read(url)


async def read_pages(urls):
    """Many documents at a time, by URL."""
    async with httpx.AsyncClient(base_url=EXTEND, headers=headers(EXTEND)) as client:
        outputs = await asyncio.gather(
            *(read_page(client, url) for url in urls), return_exceptions=True
        )
    return {
        url: output
        for url, output in zip(urls, outputs, strict=True)
        if not isinstance(output, Exception)
    }


async def read_page(client, url):
    """One of many documents."""
    reply = await client.post("/parse", json={"file": {"url": url}})  # planted: unnoticed
    reply.raise_for_status()
    return reply.json()["output"]


def read_scan(path):
    """A file of our own: uploaded, and then read."""
    with path.open("rb") as handle:
        for attempt in range(4):
            files = {"file": (path.name, handle.read(), "application/pdf")}
            reply = post("/files/upload", files=files)  # planted: broke payload
            file = body_of(reply)
            if reply.is_success and file:
                break
            log.warning("upload: %s, requestId %s", reply.status_code, file.get("requestId"))
            if attempt == 3 or not may_be_retried(reply, file):
                raise NotReadError(path)
            time.sleep(wait_of(reply, attempt))
    return send("POST", f"{EXTEND}/parse", json={"file": {"id": file["id"]}})["output"]
