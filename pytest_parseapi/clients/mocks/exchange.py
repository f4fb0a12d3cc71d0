"""An exchange that a test's own mock answers. It is recorded like one with the simulation."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from traceback import walk_stack
from typing import Final

from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.model.http import Fault, Reply, Request
from pytest_parseapi.record.caller import Caller
from pytest_parseapi.record.outcome import Outcome
from pytest_parseapi.service.pending import Pending
from pytest_parseapi.service.service import SimulatedService

FAULT_TEXTS: Final = {
    "connect_error": "the mock refuses the connection",
    "connect_timeout": "the mock is silent while the client connects",
    "read_timeout": "the mock is silent",
    "connection_reset": "the mock breaks the connection",
}


def decoded(body: bytes, coding: str | None) -> bytes:
    """A body as its client sees it: without content encoding.

    Args:
        body: as it is sent.
        coding: the ``Content-Encoding``, if any.
    """
    if not coding:
        return body
    import httpx

    with contextlib.suppress(httpx.DecodingError):
        return httpx.Response(200, headers={"content-encoding": coding}, content=body).content
    return body


def sending_client(clients: Mapping[str, str], default: str) -> str:
    """Return the name of the client library that sends, found on the call stack.

    Args:
        clients: the names of client libraries, by the module whose frame shows that one sends.
        default: the name to return where no such frame is found.
    """
    found = ""
    for frame, _ in walk_stack(sys._getframe(1)):
        name = clients.get(frame.f_globals.get("__name__", ""))
        if name == "requests" or (name and name != "urllib3" and not found):
            return name
        # requests sends by urllib3: its frame comes later in the walk.
        found = found or name or ""
    return found or default


class MockExchange:
    """One exchange with a mock. It begins with this object, and ends by one of its methods.

    Args:
        hosts: the simulated hosts.
        service: the one whose host is asked.
        request: what is asked.
        mock: what messages call the mock, such as ``"respx"``.
        caller: who asks, where that is not the thread or task that calls this.
    """

    def __init__(
        self,
        hosts: SimulatedHosts,
        service: SimulatedService,
        request: Request,
        mock: str,
        caller: Caller | None = None,
    ) -> None:
        self._hosts = hosts
        self._service = service
        self._mock = mock
        self._opened = hosts.open(service, request, caller)

    def wait(self, answer: Reply | Fault | Outcome) -> Reply | Fault:
        """Wait until the answer is due, and record it; the client may time out before."""
        return self._hosts.wait(self.pending(answer))

    async def wait_async(self, answer: Reply | Fault | Outcome) -> Reply | Fault:
        """As `wait`, on an event loop."""
        return await self._hosts.wait_async(self.pending(answer))

    def finish(self, answer: Reply | Fault | Outcome) -> None:
        """Record the answer at once, if the caller cannot wait."""
        self.pending(answer).finish()

    def discard(self) -> None:
        """Drop the exchange: the mock does not answer it."""
        self._service.journal.discard(self._opened)

    def pending(self, answer: Reply | Fault | Outcome) -> Pending:
        """The end of the exchange, for a caller that waits by itself."""
        return self._service.answered(self._opened, answer, self._mock)
