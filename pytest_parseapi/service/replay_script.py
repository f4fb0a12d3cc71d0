"""The replies of a recording as a script: which request meets which of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.http import Reply
from pytest_parseapi.model.mistakes import UsageError, some_of
from pytest_parseapi.model.multipart import NAMELESS
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.record.recordings.exchange import RecordedExchange, Recording
from pytest_parseapi.service.body_reader import BodyReader
from pytest_parseapi.service.condition import Condition
from pytest_parseapi.service.guided_service import GuidedService
from pytest_parseapi.service.script import Delay

_ANY: Final = ""


@dataclass(slots=True, eq=False)
class RecordedReply:
    """One reply of a recording, and which requests may meet it."""

    exchange: RecordedExchange
    endpoint: Endpoint
    names: tuple[str, ...]
    """The names of its document; empty if the recording does not show them."""
    item: str = _ANY
    """The id that the path must have, such as that of a run in the recording."""
    met: bool = False

    def __str__(self) -> str:
        about = f" about {self.names[0]!r}" if self.names else ""
        return f"{self.endpoint}{about}"

    def fits(self, names: tuple[str, ...], item: str) -> bool:
        """Whether a request at the endpoint may meet it."""
        if self.item and self.item != item:
            return False
        if not self.names or not names or self.names[0] == names[0]:
            return True
        # Two URLs that end alike are two documents.
        both_urls = "://" in self.names[0] and "://" in names[0]
        return not both_urls and bool(set(self.names).intersection(names))


class Replay:
    """The replies of one recording, each for the first request that fits it.

    Args:
        name: the recording, for messages.
        replies: oldest first.
        reader: reads the provider's bodies.
    """

    document: str | None = None
    endpoints: tuple[Endpoint, ...] = ()
    when: Condition | None = None
    error = None

    def __init__(self, name: str, replies: list[RecordedReply], reader: BodyReader) -> None:
        self.name = name
        self.reader = reader
        self.replies = tuple(replies)
        self.times: float = len(replies)
        self.met = 0
        self.passed: dict[str, int] = {}
        self.delay = Delay(0, 0)
        self._summary = some_of(map(str, replies))
        self._waiting: dict[tuple[Endpoint, str], deque[RecordedReply]] = {}
        for reply in replies:
            for key in self._keys(reply.names, reply.item):
                self._waiting.setdefault((reply.endpoint, key), deque()).append(reply)
        self._places = {id(reply): number for number, reply in enumerate(replies)}

    def __str__(self) -> str:
        return f"replay({self.name!r})"

    @property
    def left(self) -> float:
        """How many replies are still to be met."""
        return self.times - self.met

    @property
    def is_unused(self) -> bool:
        """Whether no request has met any reply. A consumer may stop before the last one."""
        return not self.met

    def next_for(
        self, endpoint: Endpoint, names: tuple[str, ...], item: str
    ) -> RecordedReply | None:
        """The next reply for a request, without counting it.

        Args:
            endpoint: what is asked.
            names: the names of its document.
            item: what its path names, such as the id of a run.
        """
        found = [
            reply
            for key in {*names, item, _ANY}
            for reply in self._first(endpoint, key, names, item)
        ]
        if not names and not found:
            found = list(self._first(endpoint, "*", names, item))
        return min(found, key=lambda reply: self._places[id(reply)], default=None)

    def why_not(self, endpoint: Endpoint, names: tuple[str, ...], item: str = "") -> str | None:
        """Why a request does not meet this recording; None where it does."""
        if self.next_for(endpoint, names, item) is not None:
            return None
        about = f" about {names[0]!r}" if names else ""
        return f"{endpoint}{about} is none of its {self._summary}"

    def take(self, reply: RecordedReply) -> None:
        """Count one reply as met."""
        reply.met = True

    def _keys(self, names: tuple[str, ...], item: str) -> tuple[str, ...]:
        return ("*", *(names or (item,)))

    def _first(
        self, endpoint: Endpoint, key: str, names: tuple[str, ...], item: str
    ) -> Iterator[RecordedReply]:
        waiting = self._waiting.get((endpoint, key))
        while waiting and waiting[0].met:
            waiting.popleft()
        for reply in waiting or ():
            if not reply.met and reply.fits(names, item):
                yield reply
                return


def item_of(params: Mapping[str, str]) -> str:
    """What a path names, such as the id of a run; empty where it names nothing."""
    return next(iter(params.values()), _ANY)


def replay_of(provider: Provider, recording: Recording) -> Replay:
    """Make the script of a recording for one provider.

    Args:
        provider: whose replies.
        recording: what was recorded; exchanges with other hosts are left out.

    Raises:
        UsageError: no reply of it can be sent.
    """
    reader = BodyReader(provider)
    service = GuidedService(reader)
    replies: list[RecordedReply] = []
    given: list[bytes] = []
    for exchange in recording.exchanges:
        found = service.endpoint_of(exchange.request)
        if exchange.request.host not in provider.hosts or found is None:
            continue
        endpoint, params = found
        if not exchange.has_body:
            raise UsageError(
                f"{recording.name}: has a reply to {endpoint} without its body: record the bodies, "
                "too"
            )
        item = item_of(params)
        known = item and any(item.encode() in body for body in given)
        names = tuple(name for name in service.names_of(exchange.request) if name not in NAMELESS)
        replies.append(RecordedReply(exchange, endpoint, names, item if known else _ANY))
        if isinstance(exchange.result, Reply):
            given.append(exchange.result.body)
    if not replies:
        raise UsageError(
            f"{recording.name}: has no exchange with an endpoint that {provider.title} documents"
        )
    return Replay(recording.name, replies, reader)
