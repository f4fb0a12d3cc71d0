"""The simulated API as a server of its own, for programs in any language."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterable
from typing import Any, NamedTuple, NoReturn

from pytest_parseapi.api.runs import run_book
from pytest_parseapi.clients.hosts import SimulatedHosts
from pytest_parseapi.clients.server.server import LiveServer
from pytest_parseapi.clock.virtual import VirtualClock
from pytest_parseapi.model.mistakes import SimulationStopped, UsageError
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.stops import StopKind, Stops
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.timeline import describe_error
from pytest_parseapi.service.run_script import run_step_for
from pytest_parseapi.service.script import steps_for
from pytest_parseapi.service.service import SimulatedService

__all__ = ["Scripted", "serve"]

# A server that runs for days keeps this many attempts, and then begins a new record.
_RECORD = 10_000


class Scripted(NamedTuple):
    """A failure of ``--fail`` or ``--fail-run``."""

    error: str | int
    times: float


def serve(
    provider: Provider,
    *,
    host: str,
    port: int,
    failures: Iterable[Scripted],
    run_failures: Iterable[Scripted],
) -> None:
    """Serve a provider until Ctrl-C, with one line on standard output for each exchange.

    Args:
        provider: what to simulate.
        host: the address to listen at.
        port: where to listen; any free one where 0.
        failures: the errors that requests are to meet, in order.
        run_failures: the reasons for which runs are to fail, in order.

    Raises:
        UsageError: a failure does not exist, or the address cannot be had.
    """
    clock = VirtualClock(real=True)
    stops = _Told()
    service = _LoggedService(
        provider,
        now=clock.stamp,
        wall=clock.wall,
        stops=stops,
        seed="serve",
        max_attempts=sys.maxsize,
        picture=str,
    )
    for failure in failures:
        for step in steps_for(provider, [failure.error], times=failure.times):
            service.script.add(step)
    for failure in run_failures:
        step_for_run = run_step_for(provider, failure.error, times=failure.times)
        run_book(service).script.add(step_for_run)
    hosts = SimulatedHosts(clock, stops)
    hosts.add(service)
    server = LiveServer(host)
    ended = threading.Event()
    signals = [signal.SIGINT, signal.SIGTERM]
    before = [signal.signal(number, lambda *_: ended.set()) for number in signals]
    try:
        server.attach(hosts)
        try:
            url = server.url(provider, port)
        except OSError as error:
            raise UsageError(f"cannot listen at {host}:{port}: {_reason(error)}") from None
        _say(f"{provider.title} is simulated at {url}   Authorization: Bearer {provider.api_key}")
        # A wait without a limit keeps some systems from hearing Ctrl-C.
        while not ended.wait(1):
            pass
    finally:
        server.detach(hosts)
        server.stop()
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


class _Told(Stops):
    """Stops nothing but the request at hand, and says why."""

    def stop(self, message: str, kind: StopKind = "miss") -> NoReturn:
        del kind
        _say(message.partition("\n")[0])
        raise SimulationStopped(message)


class _LoggedService(SimulatedService):
    """Writes a line for each exchange."""

    def close(self, opened: Any, outcome: Any) -> Attempt:
        attempt = super().close(opened, outcome)
        parts = [
            f"{attempt.started:10.3f} s",
            f"{attempt.method} {attempt.path}",
            describe_error(attempt) if attempt.failed else str(attempt.status),
            *([attempt.document] if attempt.document else []),
            *([attempt.request_id] if attempt.request_id else []),
        ]
        _say("  ".join(parts))
        if attempt.number >= _RECORD:
            self.journal.clear()
        return attempt


def _reason(error: OSError) -> str:
    """What the system says, without what Python adds."""
    if isinstance(error, socket.gaierror) or error.errno is None:
        return str(error.strerror or error)
    return os.strerror(error.errno)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the command's log
