"""One provider's side of the simulation, without any wire: neutral requests in, replies out."""

from __future__ import annotations

import itertools
import json

import httpx
import pytest

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.http import Request
from pytest_parseapi.service.call_runs import CallRuns
from pytest_parseapi.service.run_table import RunTable

__all__ = ["URL", "Bench", "json_request", "neutral_of", "request_of"]

URL = "https://files.example.com/in/a%20b.pdf?sig=1"


def neutral_of(request):
    """What the simulation sees of a request of httpx."""
    return Request(
        method=request.method,
        url=str(request.url),
        host=request.url.host,
        path=request.url.raw_path.decode().partition("?")[0],
        query=request.url.query.decode(),
        headers=tuple((key.lower(), value) for key, value in request.headers.items()),
        body=request.read(),
        client="httpx",
    )


def request_of(method, url, **more):
    return neutral_of(httpx.Request(method, url, **more))


def json_request(body, url="https://api.extend.ai/parse", *, content_type="application/json"):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if content_type is None else {"content-type": content_type}
    return request_of("POST", url, content=content, headers=headers)


class Bench:
    """One test's API.

    Args:
        provider: whose.
        endpoint: where requests go that name none.
        **settings: of its behaviour.
    """

    def __init__(self, provider, endpoint, **settings):
        self.provider = provider
        self.endpoint = endpoint
        self.behaviour = type(provider.behaviour)(**settings)
        self.state = self.behaviour.new_state()
        self.runs = RunTable(provider.runs, DocumentNames())
        self.known = {error.code: error for error in (*provider.errors, *provider.own_errors)}
        self.now = 0.0
        self._numbers = itertools.count(1)

    def answer(self, request, endpoint=None, *, succeeds=True):
        endpoint = endpoint or self.endpoint
        call = Call(
            request=request,
            endpoint=endpoint,
            params=endpoint.match(request.path) or {},
            now=self.now,
            state=self.state,
            new_id=lambda prefix: f"{prefix}{next(self._numbers):04}",
            base_url=self.provider.base_url,
            names=self.behaviour.documents(request, self.state),
        )
        call.runs = CallRuns(self.runs, call, self.provider.idempotency_header)
        reply = self.behaviour.answer(call, "req_1")
        if succeeds:
            for effect in call.effects:
                effect()
        return reply

    def body(self, request, endpoint=None):
        return json.loads(self.answer(request, endpoint).body)

    def rejected(self, request, endpoint=None):
        with pytest.raises(Rejected) as caught:
            self.answer(request, endpoint)
        assert caught.value.code in self.known
        return caught.value

    def handle(self, request):
        """Answers a request of httpx, for the official clients."""
        neutral = neutral_of(request)
        endpoint = next(
            item
            for item in self.provider.endpoints
            if item.method == neutral.method and item.match(neutral.path) is not None
        )
        try:
            reply = self.answer(neutral, endpoint)
        except Rejected as rejected:
            reply = self.behaviour.error_reply(
                self.known[rejected.code],
                message=rejected.message or "",
                request_id="req_1",
                details=rejected.details,
            )
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body)
