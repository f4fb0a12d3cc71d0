"""The request type that is the same for all client libraries."""

from __future__ import annotations

import httpx

from pytest_parseapi.model.http import Request


def request(**more) -> Request:
    given = {"method": "POST", "url": "https://api.acme.example/v1/parse?a=1", "path": "/v1/parse"}
    return Request(**{**given, "host": "api.acme.example", "client": "requests", **more})


def test_a_request_becomes_one_of_httpx() -> None:
    headers = (("content-type", "application/json"), ("x-tag", "a"), ("x-tag", "b"))
    found = request(query="a=1", headers=headers, body=b'{"url": "x"}').as_httpx()
    assert isinstance(found, httpx.Request)
    assert (found.method, str(found.url)) == ("POST", "https://api.acme.example/v1/parse?a=1")
    assert found.content == b'{"url": "x"}'
    assert found.headers.get_list("x-tag") == ["a", "b"]
    assert found.headers["content-type"] == "application/json"


def test_a_request_without_a_body_becomes_one_of_httpx() -> None:
    found = request(method="GET").as_httpx()
    assert found.content == b""
    assert found.headers["host"] == "api.acme.example"
