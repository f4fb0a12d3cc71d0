"""The live server that a session's tests share, which starts when the first of them asks for it."""

from __future__ import annotations

import selectors
from typing import TYPE_CHECKING

from pytest_parseapi.catalogue.provider import Provider
from pytest_parseapi.wires.switchboard import Switchboard

if TYPE_CHECKING:
    from pytest_parseapi.wires.server import LiveServer

__all__ = ["SharedServer"]


class SharedServer:
    """Costs a session nothing that never asks for `url`."""

    def __init__(self) -> None:
        self._server: LiveServer | None = None
        self._switchboard: Switchboard | None = None

    def url(self, provider: Provider) -> str:
        """The base URL of a provider on the live server, which runs from now on."""
        if self._server is None:
            from pytest_parseapi.wires.server import LiveServer

            self._server = LiveServer()
            if self._switchboard is not None:
                self._server.attach(self._switchboard)
        return self._server.url(provider)

    def attach(self, switchboard: Switchboard) -> None:
        """A test begins: it gets the requests."""
        self._switchboard = switchboard
        if self._server is not None:
            self._server.attach(switchboard)

    def detach(self, switchboard: Switchboard) -> None:
        """The test is over."""
        self._switchboard = None
        if self._server is not None:
            self._server.detach(switchboard)

    def is_idle(self, key: selectors.SelectorKey) -> bool:
        """Whether a loop's selector key is a connection to the server with nothing under way."""
        return self._server is not None and self._server.is_idle(key)

    def stop(self) -> None:
        """The session is over."""
        if self._server is not None:
            self._server.stop()
            self._server = None
