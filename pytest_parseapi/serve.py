"""The simulated API as a server of its own, for programs in any language."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from pytest_parseapi.api.json_calls import read_json
from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.api.server_control import POSTS, answer, call
from pytest_parseapi.api.simulated_providers import Settings, SimulatedProviders
from pytest_parseapi.clients.server.log import ServerLog
from pytest_parseapi.clients.server.server import LiveServer, SharedServer
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.model.mistakes import SimulationStopped, UsageError, nearest
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.stops import StopKind, Stops
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.evidence.collector import Evidence
from pytest_parseapi.record.retention import MOST_ATTEMPTS, Retention
from pytest_parseapi.record.timeline import describe_error
from pytest_parseapi.service.long_lived import LongLivedService, Shared

_LARGEST_SCRIPT: Final = 1024 * 1024


class ServedScript(NamedTuple):
    """A call that scripts something before the first request.

    Args:
        name: the method.
        arguments: its arguments, as JSON has them.
        place: where it stands, for messages; empty for an option of its own.
    """

    name: str
    arguments: dict[str, Any]
    place: str = ""


def read_script(path: Path) -> list[ServedScript]:
    """The calls that a file of ``--script`` lists, such as ``[{"fail": {"errors": [429]}}]``.

    Raises:
        UsageError: there is no such file, or it has something else in it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_SCRIPT + 1)
    except (OSError, ValueError) as error:
        reason = _reason(error) if isinstance(error, OSError) else error
        raise UsageError(f"--script {path}: {reason}") from None
    if len(data) > _LARGEST_SCRIPT:
        raise UsageError(f"--script {path} has more than 1 MB")
    try:
        found = read_json(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UsageError(f"--script {path} is not JSON") from None
    except ValueError as error:
        raise UsageError(f"--script {path} is {error}") from None
    if not isinstance(found, list):
        raise UsageError(f'--script {path} is no list such as [{{"fail": {{"errors": [429]}}}}]')
    return [_scripted(path, number, item) for number, item in enumerate(found, 1)]


def serve(
    provider: Provider,
    *,
    host: str,
    port: int,
    script: Iterable[ServedScript],
    allowed: Iterable[str] = (),
    speed: float = 1.0,
) -> None:
    """Serve a provider until Ctrl-C, with one line on standard output for each exchange.

    Args:
        provider: what to simulate.
        host: the address to listen at.
        port: where to listen; any free one where 0.
        script: what to call before the first request.
        allowed: names that a ``Host`` header may have besides the loopback ones.
        speed: how many times faster the clients' clock runs.

    Raises:
        UsageError: a call of the script is wrong, or the address cannot be had.
    """
    log = ServerLog()
    simulated = long_lived_providers(provider, log, speed=speed)
    api = ParseAPI(simulated, provider)
    for scripted in script:
        try:
            call(api, scripted.name, scripted.arguments)
        except UsageError as error:
            raise UsageError(f"{scripted.place}{error}") from None
    names = [*allowed, *([] if host in ("0.0.0.0", "::") else [host])]  # noqa: S104 - compared
    server = LiveServer(host, names, strict=True)
    ended = threading.Event()
    signals = [signal.SIGINT, signal.SIGTERM]
    before = [signal.signal(number, lambda *_: ended.set()) for number in signals]
    try:
        server.attach(simulated.hosts)
        try:
            url = server.url(provider, port)
        except OSError as error:
            raise UsageError(f"cannot listen at {host}:{port}: {_reason(error)}") from None
        example = provider.credential.example(provider.api_key)
        log.write(f"{provider.title} is simulated at {url}   {example}")
        # A wait without a limit keeps some systems from noticing Ctrl-C.
        while not ended.wait(1):
            pass
    finally:
        server.detach(simulated.hosts)
        server.stop()
        log.close()
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def long_lived_providers(
    provider: Provider, log: ServerLog, *, speed: float = 1.0, most: int = MOST_ATTEMPTS
) -> SimulatedProviders:
    """What a server that runs for days serves: its memory is bounded, over all tokens.

    Args:
        provider: what to simulate.
        log: gets a line for each exchange.
        speed: how many times faster the clients' clock runs.
        most: how many attempts, runs and tokens are kept.
    """
    clock = VirtualClock(real=True)
    shared = Shared(Retention(most), tell=lambda attempt: log.write(_line_of(attempt)))
    return SimulatedProviders(
        {provider.name: provider},
        Settings(
            seed="serve",
            max_attempts=math.inf,
            real_time=True,
            clients=(),
            speed=speed,
            service=partial(LongLivedService, shared=shared),
            retention=shared.retention,
        ),
        clock=clock,
        stops=_LoggedStops(log),
        evidence=Evidence(clock.stamp),
        live=SharedServer(),
        control=answer,
    )


class _LoggedStops(Stops):
    """Stops nothing but the request at hand, and says why."""

    def __init__(self, log: ServerLog) -> None:
        super().__init__()
        self._log = log

    def stop(
        self,
        message: str,
        kind: StopKind = "miss",
        *,
        expected: str = "",
        advice: str = "",
        timeline: str = "",
        waits: bool = False,
        also: Sequence[str] = (),
    ) -> NoReturn:
        del kind, expected, advice, timeline, waits, also
        self._log.write(message.partition("\n")[0])
        raise SimulationStopped(message)

    def broken(self, message: str) -> None:
        self._log.write(message.partition("\n")[0])


def _line_of(attempt: Attempt) -> str:
    """An exchange as the log shows it."""
    parts = [
        f"{attempt.started:10.3f} s",
        f"{attempt.method} {attempt.path}",
        describe_error(attempt) if attempt.failed else str(attempt.status),
        *([attempt.document] if attempt.document else []),
        *([attempt.request_id] if attempt.request_id else []),
    ]
    return "  ".join(parts)


def _scripted(path: Path, number: int, item: Any) -> ServedScript:
    place = f"--script {path}: entry {number}"
    if not isinstance(item, dict) or len(item) != 1:
        raise UsageError(f'{place} is not one call, such as {{"fail": ...}}')
    ((name, arguments),) = item.items()
    if name not in POSTS:
        raise UsageError(f"{place}: there is no call {name!r}: {nearest(name, POSTS)}")
    if not isinstance(arguments, dict):
        raise UsageError(f"{place}: the arguments must be an object")
    return ServedScript(name, arguments, f"{place}: ")


def _reason(error: OSError) -> str:
    """What the system says, without what Python adds."""
    # Not by `os.strerror`: a failed look-up of a name has numbers of its own.
    return str(error.strerror or error).partition(" (while ")[0]
