"""Tells exceptions that show a bug from those about the failed request."""

from __future__ import annotations

import asyncio
import email.utils
import enum
import io
import json
import time

import aiohttp
import httpx
import pytest

from pytest_parseapi.checks.unrelated_errors import unrelated_in


def raised_by(call):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        call()
    return caught.value


def closed(thing):
    thing.close()
    return thing


def generated():
    yield b"a"


def sent_twice(request):
    return [list(request.stream) for _ in range(2)]


async def ask_by_a_closed_session():
    session = aiohttp.ClientSession()
    await session.close()
    await session.get("https://files.example.com")


@pytest.mark.parametrize(
    "call",
    [
        lambda: {}["requestId"],
        lambda: None.get("code"),
        lambda: json.loads("<html>"),
        lambda: int("Wed, 21 Oct"),
        lambda: enum.Enum("Code", ["OCR"])("NEW"),
        lambda: enum.Enum("Code", ["OCR"], qualname="parse.<locals>.Code")("NEW"),
        lambda: email.utils.parsedate_to_datetime("20"),
        lambda: time.sleep(-1),
        lambda: 2.0**5000,
        lambda: 1 / 0,
        lambda: ["OCR_ERROR"].index("NEW"),
        lambda: ["OCR_ERROR"].remove("NEW"),
        lambda: "text".index("q"),
        lambda: max([]),
        lambda: closed(io.StringIO()).read(),
        lambda: closed(httpx.Client()).get("https://files.example.com"),
        lambda: sent_twice(httpx.Request("POST", "https://x.example", content=generated())),
        lambda: httpx.Response(200, content=iter([b"{}"])).json(),
        lambda: asyncio.run(ask_by_a_closed_session()),
        lambda: closed(asyncio.new_event_loop()).call_soon(print),
    ],
)
def test_errors_of_python_about_code_are_unrelated(call):
    error = raised_by(call)
    assert list(unrelated_in(error)) == [error]
    group = ExceptionGroup("tasks", [OSError(), ExceptionGroup("more", [error])])
    assert list(unrelated_in(group)) == [error]


@pytest.mark.parametrize(
    "error",
    [None, OSError("reset"), ValueError("the API answered 500"), RuntimeError("parse failed")],
)
def test_errors_that_a_consumer_raises_itself_are_related(error):
    assert list(unrelated_in(error)) == []
    if error is not None:
        assert list(unrelated_in(ExceptionGroup("tasks", [error]))) == []
