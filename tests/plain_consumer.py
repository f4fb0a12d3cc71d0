"""One request at a time, so that a test decides what its consumer does next."""

from __future__ import annotations

import re

import httpx

__all__ = ["FILES", "ask", "said", "send", "upload"]

FILES = "https://files.example.com/in/"
_PATHS = {"extend": "/parse", "nutrient": "/extraction/parse"}


def send(api, name="a.pdf", *, key=None, timeout=5, path=None, headers=None, **body):
    """Ask once; the reply, or None where the network failed."""
    if not body:
        url = FILES + name
        body = {"json": {"file": {"url": url}} if api.provider.name == "extend" else {"url": url}}
    sent = {"authorization": f"Bearer {key or api.api_key}", **(headers or {})}
    with httpx.Client(base_url=api.base_url, timeout=timeout) as client:
        try:
            return client.post(path or _PATHS[api.provider.name], headers=sent, **body)
        except httpx.TransportError:
            return None


def ask(api, method, path, *, headers=None, **more):
    """Ask once, by any method; a full URL is asked as it is."""
    sent = {"authorization": f"Bearer {api.api_key}", **(headers or {})}
    with httpx.Client(base_url=api.base_url, timeout=5) as client:
        return client.request(method, path, headers=sent, **more)


def upload(api, content, name="a.pdf", **more):
    """Upload a file once."""
    return send(
        api, path="/files/upload", files={"file": (name, content, "application/pdf")}, **more
    )


def said(check, *arguments, **named):
    """What a failing check says; ids that depend on the test's name are numbered."""
    try:
        check(*arguments, **named)
    except AssertionError as error:
        return re.sub(r"req_[0-9a-f]{8}0*(\d+)", r"req_\1", str(error))
    return "passed"
