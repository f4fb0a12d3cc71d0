"""Our faster response behaves exactly like the library's own."""

from __future__ import annotations

import asyncio
import copy
import gzip
import pickle

import httpx
import httpx2
import pytest

from pytest_parseapi import Reply
from pytest_parseapi.clients.httpx.responses import Responses, responses_of

URL = "https://api.extend.ai/parse"
BODY = {"file": {"url": "https://files.example.com/invoice.pdf"}}
HEADERS = {"authorization": "Bearer sk_test_0123456789"}


class Sync:
    """A client that blocks, and how its responses are read."""

    def __init__(self, module):
        self.module = module

    def __call__(self, use=lambda response: None, *, stream=False, **client):
        with self.module.Client(**client) as session:
            request = session.build_request("POST", URL, json=BODY, headers=HEADERS)
            response = session.send(request, stream=stream)
            use(response)
            return response

    read = staticmethod(lambda response: response.read())
    raw = staticmethod(lambda response: list(response.iter_raw()))
    close = staticmethod(lambda response: response.close())


class Async:
    """A client on an event loop, whose responses are read from code that is no coroutine."""

    def __init__(self, module):
        self.module = module

    def __call__(self, use=lambda response: None, *, stream=False, **client):
        async def main():
            async with self.module.AsyncClient(**client) as session:
                request = session.build_request("POST", URL, json=BODY, headers=HEADERS)
                response = await session.send(request, stream=stream)
                use(response)
                return response

        return asyncio.run(main())

    @staticmethod
    def read(response):
        return run_at_once(response.aread())

    @staticmethod
    def raw(response):
        async def collect():
            return [part async for part in response.aiter_raw()]

        return run_at_once(collect())

    @staticmethod
    def close(response):
        return run_at_once(response.aclose())


def run_at_once(coroutine):
    """What a coroutine gives that waits for nothing."""
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    return ended.value.value


@pytest.fixture(params=[httpx, httpx2], ids=["httpx", "httpx2"])
def module(request):
    return request.param


@pytest.fixture(params=[Sync, Async], ids=["sync", "async"])
def send(request, module, extend_api):
    return request.param(module)


def as_the_library_reads(monkeypatch, module):
    monkeypatch.setattr(responses_of(module), "_whole", module.Response)


def state(response):
    """Everything that a consumer can see of a response, but what differs with each request."""
    return {
        "content": len(response.content),
        "downloaded": response.num_bytes_downloaded,
        "closed": response.is_closed,
        "consumed": response.is_stream_consumed,
        "elapsed": type(response.elapsed).__name__,
        "stream": type(response.stream).__name__,
        "headers": [name for name, _ in response.headers.raw],
        "encoding": (response.encoding, response.headers.encoding),
        "history": response.history,
        "extensions": response.extensions,
        "shown": (repr(response), response.http_version, response.reason_phrase),
        "kind": (type(response).__module__, type(response).__qualname__),
        "attributes": vars(response).keys() - {"_decoder"},
    }


def test_a_response_is_in_the_state_of_the_library_s_own(send, module, monkeypatch):
    found = state(send())
    as_the_library_reads(monkeypatch, module)
    assert found == state(send())
    assert found["closed"]
    assert found["consumed"]
    assert found["downloaded"] == found["content"] > 0


def test_a_whole_body_is_read_at_once(send, module, monkeypatch):
    def in_parts(*_arguments):
        pytest.fail("reads in parts")

    ours = responses_of(module)._whole
    monkeypatch.setattr(ours, "iter_bytes", in_parts, raising=False)
    monkeypatch.setattr(ours, "aiter_bytes", in_parts, raising=False)
    assert send().json()["status"] == "PROCESSED"


@pytest.mark.parametrize("name", ["read", "iter_bytes", "iter_raw", "close"])
def test_a_method_of_the_library_s_that_a_test_replaced_is_called(send, module, monkeypatch, name):
    name = f"a{name}" if isinstance(send, Async) else name
    with monkeypatch.context() as patches:
        patches.setattr(module.Response, name, lambda *_arguments, **_named: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            send()
    assert send().json()["status"] == "PROCESSED"


@pytest.mark.parametrize("whole", [True, False])
def test_what_comes_after_the_body_was_read(send, module, monkeypatch, whole):
    if not whole:
        as_the_library_reads(monkeypatch, module)
    response = send()
    assert send.read(response) == b"".join(response.iter_bytes(10)) == response.content
    with pytest.raises(module.StreamConsumed):
        send.raw(response)
    send.close(response)
    assert response.is_closed


@pytest.mark.parametrize("whole", [True, False])
def test_a_streamed_response_is_read_late_or_in_parts(send, module, monkeypatch, whole):
    if not whole:
        as_the_library_reads(monkeypatch, module)

    def reads_late(response):
        assert not response.is_closed
        assert not response.is_stream_consumed
        with pytest.raises(module.ResponseNotRead):
            response.json()
        assert send.read(response) == response.content

    def reads_in_parts(response):
        assert len(send.raw(response)) == 1
        with pytest.raises(module.StreamConsumed):
            send.read(response)

    def closes(response):
        send.close(response)
        with pytest.raises(module.StreamClosed):
            send.read(response)

    for use in (reads_late, reads_in_parts, closes):
        assert send(use, stream=True).is_closed


def test_a_coroutine_s_response_cannot_be_read_by_code_that_blocks(module, extend_api):
    def reads(response):
        with pytest.raises(RuntimeError, match="sync iterator on an async stream"):
            response.read()

    Async(module)(reads, stream=True)


def test_an_event_hook_may_read_it(module, extend_api):
    seen = []

    def hook(response):
        seen.append(response.read())

    assert Sync(module)(event_hooks={"response": [hook]}).content == seen[0]


def test_a_stream_around_the_body_sees_what_is_read(module, extend_api):
    seen = []

    class Stream(module.SyncByteStream):
        def __init__(self, stream):
            self._stream = stream

        def __iter__(self):
            for part in self._stream:
                seen.append(part)
                yield part.replace(b"PROCESSED", b"processed")

        def close(self):
            seen.append("closed")
            self._stream.close()

    class Transport(module.HTTPTransport):
        def handle_request(self, request):
            response = super().handle_request(request)
            response.stream = Stream(response.stream)
            return response

    response = Sync(module)(transport=Transport())
    assert response.json()["status"] == "processed"
    assert seen[-1] == "closed"
    assert len(seen) == 2


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_a_copy_is_the_library_s_own(module, extend_api, copied):
    response = Sync(module)()
    found = copied(response)
    assert type(found) is module.Response
    assert found.json() == response.json()
    assert found.status_code == 200
    assert found.headers == response.headers


def test_a_body_that_needs_decoding_is_the_library_s_to_read(module):
    reply = Reply(status=200, headers={"content-encoding": "gzip"}, body=gzip.compress(b"abc"))
    response = Responses(module).make(module.Request("GET", URL), reply)
    assert type(response) is module.Response
    assert response.read() == b"abc"


@pytest.mark.parametrize("truncated", [False, True])
def test_a_response_is_none_of_a_class_that_a_test_put_into_the_library(
    module, monkeypatch, truncated
):
    own = module.Response
    double = type("Double", (own,), {})
    monkeypatch.setattr(module, "Response", double)
    reply = Reply(status=200, body=b"abc", truncated=truncated)
    response = Responses(module).make(module.Request("GET", URL), reply)
    assert isinstance(response, own)
    assert not isinstance(response, double)
