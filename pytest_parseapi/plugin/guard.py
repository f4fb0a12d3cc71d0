"""The ini value ``parseapi_guard``: documented hosts stay out of reach in every other test too."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pytest_parseapi.clients.guard.guard import Guard
from pytest_parseapi.clients.guard.messages import blocked_in_session
from pytest_parseapi.clock.platform_support import why_not_in_place
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.plugin.session import session_of


class SessionGuard:
    """Blocks documented hosts from its `start` on, and fails the test that asked for one."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._stops = Stops()
        self._guard = Guard(self._hosts, self._block, patch_c_types=not why_not_in_place())

    def start(self) -> None:
        """Block from now on."""
        self._guard.start()

    def stop(self) -> None:
        """Block no more."""
        self._guard.stop()

    def _hosts(self) -> frozenset[str]:
        providers = session_of(self._config).providers.values()
        return frozenset(host for provider in providers for host in provider.hosts)

    def _block(self, host: str, library: str) -> None:
        self._stops.stop(blocked_in_session(host, library))

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Leave to the collection's own report what modules asked for while they were imported."""
        try:
            return (yield)
        finally:
            self._stops.message = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, object, object]:
        """Fail a test whose fixtures asked for a documented host."""
        return (yield from self._watched())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        """Fail a test that asked for a documented host, also where it swallowed the error."""
        return (yield from self._watched())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """Fail a test whose fixtures asked for a documented host at their end."""
        return (yield from self._watched())

    def _watched(self) -> Generator[None, object, object]:
        error: BaseException | None = None
        result: object = None
        try:
            result = yield
        except BaseException as raised:  # noqa: BLE001 - it goes on below
            error = raised
        message, self._stops.message = self._stops.message, None
        if message is not None:
            pytest.fail(message, pytrace=False)
        if error is not None:
            raise error
        return result
