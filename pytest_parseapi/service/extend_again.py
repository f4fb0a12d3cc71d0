"""Parsing the same document again, as retries and polling loops do by the thousand.

The second reply differs from the first in the ids of its run alone, so it is made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pytest_parseapi.catalogue.behaviour import Call, json_reply
from pytest_parseapi.exchange import Reply, Request, size_of
from pytest_parseapi.service.extend_state import Answered, ExtendState

__all__ = ["answered", "parse_again"]

_IDS: Final = ("pr_", "block_", "chunk_")
_LARGEST: Final = 64 * 1024
_MOST: Final = 64


def answered(request: Request, state: object) -> Answered | None:
    """The reply that an equal ``POST /parse`` got before, or None."""
    if not isinstance(state, ExtendState) or not state.answered:
        return None
    return state.answered.get(_key(request))


def parse_again(
    call: Call, answer: Callable[[Call], Mapping[str, Any]], headers: Mapping[str, str]
) -> Reply:
    """The reply to ``POST /parse``, made anew only for a request that differs.

    Args:
        call: the request.
        answer: makes the body of a reply; raises `Rejected`.
        headers: the reply's headers.
    """
    state: ExtendState = call.state
    request = call.request
    known = answered(request, state)
    if known is None:
        body = answer(call)
        reply = json_reply(200, body, headers)
        # An outputUrl is good for one run; a large body is better parsed again than kept.
        if "output" in body and size_of(request.body) <= _LARGEST and len(state.answered) < _MOST:
            suffix = str(body["id"]).removeprefix("pr_")
            found = Answered(call.names, suffix, reply, tuple(call.effects))
            state.answered[_key(request)] = found
        return reply
    suffix = call.new_id("pr_").removeprefix("pr_")
    call.effects.extend(known.effects)
    content = known.reply.body
    for prefix in _IDS:
        content = content.replace((prefix + known.suffix).encode(), (prefix + suffix).encode())
    return Reply(status=200, headers={**known.reply.headers, **headers}, body=content)


def _key(request: Request) -> tuple[str, bytes, str, str | None]:
    return (request.path, request.body, request.query, request.header("content-type"))
