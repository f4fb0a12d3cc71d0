"""Records what a simulated API answers to httpx, as HAR and as cassettes."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import gzip
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from pytest_parseapi.record.recordings.exchange import Recording
from pytest_parseapi.record.recordings.har import exchanges_of_har

URL = "https://files.example.com/invoice.pdf"
SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}
BEGAN = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Exchange:
    """One exchange as a recorder saw it."""

    method: str
    url: str
    sent_headers: tuple[tuple[str, str], ...]
    sent: bytes
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    started: float = 0.0
    seconds: float = 0.0

    @property
    def json(self):
        return json.loads(self.body)

    def changed(self, change):
        """The same with another body."""
        body = self.json
        change(body)
        return replace(self, body=json.dumps(body).encode())


class Recorder:
    """An httpx client that keeps what it asks and what it gets."""

    def __init__(self, api):
        self.api = api
        self.exchanges = []
        headers = {"authorization": f"Bearer {api.api_key}", "x-extend-api-version": "2026-02-09"}
        self.client = httpx.Client(base_url=api.base_url, headers=headers, timeout=30)

    def __call__(self, method, path, **arguments):
        started = time.monotonic()
        request = self.client.build_request(method, path, **arguments)
        reply = self.client.send(request)
        self.exchanges.append(
            Exchange(
                method=method,
                url=str(request.url),
                sent_headers=tuple(request.headers.items()),
                sent=request.read(),
                status=reply.status_code,
                headers=tuple(reply.headers.items()),
                body=reply.content,
                started=started,
                seconds=time.monotonic() - started,
            )
        )
        with contextlib.suppress(ValueError):
            return reply.json()
        return None


def every_extend_state(api):
    """The exchanges of each endpoint of Extend in each state."""
    ask = Recorder(api)
    parse = {"file": {"url": URL}}
    everything = {**parse, "config": {"target": "spatial"}, "metadata": {"ours": 1}}
    ask("POST", "/parse", json=parse)
    ask("POST", "/parse", json=everything)
    url = ask("POST", "/parse?responseType=url", json=parse)["outputUrl"]
    ask("GET", url.removeprefix(api.base_url))
    file = ask("POST", "/files/upload", files={"file": ("scan.pdf", b"%PDF-1.7 ...")})["id"]
    ask("POST", "/parse", json={"file": {"id": file}})
    for error in api.provider.errors:
        for endpoint, surface in (("/parse", "http"), ("/parse_runs", "http")):
            fits = not error.endpoints or endpoint in error.endpoints
            if surface in error.surfaces and fits:
                api.fail(error, endpoint=endpoint)
                ask("POST", endpoint, json=parse)
        if "run" in error.surfaces:
            api.fail_run(error)
            run = ask("POST", "/parse_runs", json=parse)["id"]
            ask("GET", f"/parse_runs/{run}")
            ask("GET", f"/parse_runs/{run}")
    for fault in ("bad_gateway_html", "service_unavailable_html", "gateway_timeout_html"):
        api.fail(fault)
        ask("POST", "/parse", json=parse)
    ask("POST", "/parse", json={})
    ask("POST", "/parse", json=parse, headers={"authorization": "Basic x"})
    run = ask("POST", "/parse_runs", json=everything)["id"]
    ask("GET", f"/parse_runs/{run}")
    ask("GET", "/parse_runs?maxPageSize=3")
    ask("GET", f"/parse_runs/{run}?responseType=url")
    ask("DELETE", f"/parse_runs/{run}")
    ask("GET", f"/parse_runs/{run}")
    run = ask("POST", "/parse_runs", json=parse)["id"]
    ask("POST", f"/parse_runs/{run}/cancel")
    ask("GET", f"/parse_runs/{run}")
    ask("POST", f"/parse_runs/{run}/cancel")
    batch = ask("POST", "/parse_runs/batch", json={"inputs": [parse, parse]})["id"]
    ask("GET", f"/batch_runs/{batch}")
    ask("GET", f"/parse_runs?batchId={batch}")
    ask("GET", f"/batch_runs/{batch}")
    return ask.exchanges


def every_nutrient_state(api):
    """The exchanges of each endpoint of Nutrient in each state."""
    ask = Recorder(api)
    bodies = {
        "parse": {"url": URL},
        "extract": {"url": URL, "schema": SCHEMA},
        "classify": {"url": URL},
        "split": {"url": URL},
    }
    file = {"file": ("scan.pdf", b"%PDF-1.7 ...")}
    for mode in ("structure", "understand", "agentic"):
        ask("POST", "/extraction/parse", json={"url": URL, "mode": mode})
    markdown = {"mode": "text", "output": {"format": "markdown"}}
    ask("POST", "/extraction/parse", json={"url": URL, **markdown})
    ask("POST", "/extraction/parse", files=file, data={"instructions": json.dumps(markdown)})
    ask("POST", "/extraction/parse", json={"url": URL, "storeRun": True})
    ask("POST", "/extraction/parse", json={})
    asset = ask("POST", "/extraction/uploads", files=file)["assetId"]
    ask("POST", "/extraction/parse/async", json={"assetId": asset})
    for operation, body in bodies.items():
        path = f"/extraction/{operation}"
        ask("POST", path, json=body)
        run = ask("POST", f"{path}/async", json=body)["runId"]
        ask("GET", f"/extraction/runs/{run}/assets/result")
        ask("GET", f"/extraction/runs/{run}")
        ask("GET", "/extraction/runs")
        ask("GET", f"/extraction/runs/{run}")
        ask("GET", f"/extraction/runs/{run}/assets/result")
        ask("POST", f"/extraction/runs/{run}/cancel")
        ask("DELETE", f"/extraction/runs/{run}")
        ask("GET", f"/extraction/runs/{run}")
        for error in api.provider.errors:
            for endpoint in (path, f"{path}/async"):
                if not error.endpoints or endpoint in error.endpoints:
                    api.fail(error, endpoint=endpoint)
                    ask("POST", endpoint, json=body)
    for error in api.provider.errors:
        if "run" in error.surfaces:
            api.fail_run(error)
            run = ask("POST", "/extraction/parse/async", json=bodies["parse"])["runId"]
            ask("GET", f"/extraction/runs/{run}")
            ask("GET", f"/extraction/runs/{run}")
    run = ask("POST", "/extraction/parse/async", json=bodies["parse"])["runId"]
    ask("POST", f"/extraction/runs/{run}/cancel")
    ask("GET", f"/extraction/runs/{run}")
    key = {"idempotency-key": "k1"}
    ask("POST", "/extraction/parse/async", json=bodies["parse"], headers=key)
    ask("POST", "/extraction/parse/async", json=bodies["parse"], headers=key)
    ask("POST", "/extraction/extract/async", json=bodies["extract"], headers=key)
    return ask.exchanges


STATES = {"extend": every_extend_state, "nutrient": every_nutrient_state}


def har(exchanges, *, packed=False, encoded=False):
    """A HAR file as browsers write it.

    Args:
        exchanges: what it holds.
        packed: bodies are still gzip.
        encoded: bodies are base64.
    """
    return {"log": {"version": "1.2", "creator": {"name": "tests", "version": "1"}, "entries": [
        _entry(item, packed=packed, encoded=encoded or packed) for item in exchanges
    ]}}  # fmt: skip


def _entry(item, *, packed, encoded):
    body = gzip.compress(item.body) if packed else item.body
    content = {"size": len(item.body), "mimeType": dict(item.headers).get("content-type", "")}
    if encoded:
        content |= {"encoding": "base64", "text": base64.b64encode(body).decode()}
    else:
        content["text"] = body.decode()
    headers = [*item.headers, *([("content-encoding", "gzip")] if packed else [])]
    sent = {}
    if item.sent:
        kind = dict(item.sent_headers).get("content-type", "")
        sent = {"postData": {"mimeType": kind, "text": item.sent.decode()}}
    moment = BEGAN + dt.timedelta(seconds=item.started)
    return {
        "startedDateTime": moment.isoformat().replace("+00:00", "Z"),
        "time": item.seconds * 1000,
        "request": {
            "method": item.method,
            "url": item.url,
            "httpVersion": "HTTP/2",
            "headers": [{"name": name, "value": value} for name, value in item.sent_headers],
            "queryString": [],
            "cookies": [],
            "headersSize": -1,
            "bodySize": len(item.sent),
            **sent,
        },
        "response": {
            "status": item.status,
            "statusText": "",
            "httpVersion": "HTTP/2",
            "headers": [
                {"name": ":status", "value": str(item.status)},
                {"name": "date", "value": "Wed, 25 Nov 2026 12:00:00 GMT"},
                *({"name": name.title(), "value": value} for name, value in headers),
            ],
            "cookies": [],
            "content": content,
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": item.seconds * 1000, "receive": 0},
    }


def recording(exchanges):
    """What is read from a HAR file with these exchanges."""
    found = exchanges_of_har(har(exchanges), lambda url: True, Path())
    return Recording(name="traffic.har", exchanges=tuple(found))


def cassette(exchanges):
    """A cassette of VCR.py, as its JSON serializer writes it."""
    return {
        "version": 1,
        "interactions": [
            {
                "request": {
                    "method": item.method,
                    "uri": item.url,
                    "body": item.sent.decode(),
                    "headers": {name: [value] for name, value in item.sent_headers},
                },
                "response": {
                    "status": {"code": item.status, "message": ""},
                    "headers": {name: [value] for name, value in item.headers},
                    "body": {"string": item.body.decode()},
                },
            }
            for item in exchanges
        ],
    }
