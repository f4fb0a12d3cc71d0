"""An exchange that has begun: its reply, and how long it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

from pytest_parseapi.model.http import Fault, Reply, Timeouts
from pytest_parseapi.model.runs import RunShown
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.journal import Opened
from pytest_parseapi.record.outcome import Outcome

_SILENT_SECONDS: Final = 86_400.0
"""How long a silent server is waited for, in virtual seconds, before the test is stopped: longer
than any deadline that a consumer sets around a call."""


class Pending:
    """An exchange that has begun. An interceptor waits for `seconds`, then calls `finish`.

    Args:
        opened: its beginning, as the journal has it.
        outcome: how it ends.
        seconds: how long that takes; None where the server stays silent.
        close: puts its end on record.
        stops: where to stop a test that would hang.
    """

    __slots__ = ("_close", "_hangs", "_opened", "_outcome", "_stops", "seconds")

    def __init__(
        self,
        opened: Opened,
        outcome: Outcome,
        seconds: float | None,
        close: Callable[[Opened, Outcome], Attempt],
        stops: Stops,
    ) -> None:
        self._close = close
        self._stops = stops
        self._opened = opened
        self._outcome = outcome
        self._hangs = seconds is None
        self.seconds = _SILENT_SECONDS if seconds is None else seconds
        """How long the reply takes, in virtual seconds."""

    @property
    def fault(self) -> str:
        """The name of the network fault that it ends with; empty if it ends with a reply."""
        result = self._outcome.result
        return result.name if isinstance(result, Fault) else ""

    @property
    def hangs(self) -> bool:
        """Whether no reply comes, and the client has no time-out that would end the wait."""
        return self._hangs

    def finish(self) -> Reply | Fault:
        """Record the end of the exchange, and return the reply or the fault.

        Raises:
            SimulationStopped: nothing would ever have ended this wait.
        """
        self._close(self._opened, self._outcome)
        if self._hangs:
            self._stop_hanging()
        return self._outcome.result

    def abandon(self, why: str = "cancelled") -> None:
        """Record that the consumer gave up on the exchange before its end."""
        outcome = self._outcome
        error = outcome.error if isinstance(outcome.result, Fault) else why
        lost = outcome.without_reply(Fault("cancelled", "the consumer gave up"), error)
        if outcome.shown is not None and self._opened.endpoint.polls:
            lost.shown = RunShown(outcome.shown.id)  # the path names it
        self._close(self._opened, lost)

    def _stop_hanging(self) -> NoReturn:
        """Stop a test whose client would wait forever."""
        request, outcome = self._opened.request, self._outcome
        which = "connect" if outcome.error == "connect_timeout" else "read"
        self._stops.stop(
            f"{request.method} {request.url} would hang forever: the server stays silent "
            f"({outcome.error}), and the client ({request.client}) has no {which} time-out.",
            kind="hang",
            expected="an end of the call",
            advice="give the client a time-out, or put a deadline around the call",
        )


def timed(
    outcome: Outcome, timeouts: Timeouts, reply_seconds: float
) -> tuple[Outcome, float | None]:
    """How an exchange ends for a client with these time-outs, and when: None for never.

    Args:
        outcome: how it ends for a client that waits.
        timeouts: what the client is set to.
        reply_seconds: how long replies take.
    """
    if not (reply_seconds or outcome.seconds or isinstance(outcome.result, Fault)):
        return outcome, 0.0
    fault = outcome.result.name if isinstance(outcome.result, Fault) else ""
    if fault in {"connect_timeout", "read_timeout"}:
        return outcome, timeouts.connect if fault == "connect_timeout" else timeouts.read
    recorded = outcome.seconds is not None
    if outcome.seconds is not None:
        reply_seconds = outcome.seconds
    waits = not fault or (recorded and fault != "connect_error")
    if timeouts.read is not None and reply_seconds > timeouts.read and waits:
        late = Fault("read_timeout", f"the reply takes {reply_seconds:g} s")
        return outcome.without_reply(late, late.name), timeouts.read
    return outcome, reply_seconds
