"""What one test's consumer received, and which checks held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from pytest_parseapi.api.simulation import Simulation
from pytest_parseapi.model.lookup import name_of
from pytest_parseapi.model.runs import RunShown
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.operation import Operation
from pytest_parseapi.record.timeline import short_document
from pytest_parseapi.report.data import APIData, AttemptData, RunData, RunState
from pytest_parseapi.service.run_table import RunTable
from pytest_parseapi.service.service import SimulatedService

# A consumer that polls for half an hour makes no readable picture: its ends do.
_FIRST_ROWS: Final = 60
_LAST_ROWS: Final = 20
_MAX_ROWS: Final = 400
_NOT_RECEIVED: Final = "cancelled"


class TestRecorder:
    """Reads one test's record at its end, and before the test itself forgets it."""

    __test__ = False

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._met: dict[str, _Met] = {}
        simulation.before_reset.append(self._keep)

    def is_of(self, simulation: Simulation) -> bool:
        """Whether it records this simulation: a test that is run again has a new one."""
        return self._simulation is simulation

    def data(self) -> list[APIData]:
        """What the test did with each provider that it used."""
        apis = (self._api(service) for service in self._simulation.services.values())
        return [api for api in apis if api["surfaces"] or api["checks"]]

    def _keep(self, service: SimulatedService) -> None:
        """A property-based test forgets between examples; what its consumer met still counts."""
        met = self._met.setdefault(service.provider.name, _Met())
        met.add(service)

    def _api(self, service: SimulatedService) -> APIData:
        name = service.provider.name
        met = self._met.setdefault(name, _Met())
        attempts = met.add(service)
        shown = _shown(attempts)
        return APIData(
            provider=name,
            received=sorted(met.received),
            checks=sorted(self._simulation.checks.get(name, ())),
            endpoints=sorted(met.endpoints),
            surfaces=sorted(met.surfaces),
            attempts=_attempts(shown, service.journal.operations),
            left_out=len(attempts) - len(shown),
            runs=_runs(service),
        )


class _Met:
    """The part of a record that adds up over the examples of a property-based test."""

    def __init__(self) -> None:
        self.received: set[tuple[str, str]] = set()
        self.endpoints: set[str] = set()
        self.surfaces: set[str] = set()

    def add(self, service: SimulatedService) -> list[Attempt]:
        attempts = service.journal.attempts
        if attempts:
            self.surfaces.add("http")
        if service.runs is not None:
            self._add_webhooks(service.runs)
        for attempt in attempts:
            self.endpoints.add(attempt.endpoint)
            if attempt.run_status is not None:
                self.surfaces.add("run")
            shown = attempt.shown
            if shown is not None and shown.failed and shown.reason is not None:
                self.received.add((shown.reason, "run"))
            error = attempt.error
            if error is not None and error != _NOT_RECEIVED:
                self.received.add((name_of(error), "http"))
        return attempts

    def _add_webhooks(self, table: RunTable) -> None:
        if table.announced:
            self.surfaces.add("webhook")
        self.received.update((reason, "webhook") for reason in table.announced if reason)


def _shown(attempts: Iterable[Attempt]) -> list[Attempt]:
    """The two ends of what was asked about each document; those with failures where it is much."""
    asked: dict[tuple[str, str | None], list[Attempt]] = {}
    for attempt in attempts:
        asked.setdefault((attempt.endpoint, attempt.document), []).append(attempt)
    shown: list[Attempt] = []
    failed_first = sorted(asked.values(), key=lambda lane: not any(item.failed for item in lane))
    for lane in failed_first:
        long = len(lane) > _FIRST_ROWS + _LAST_ROWS + 1
        ends = [*lane[:_FIRST_ROWS], *lane[-_LAST_ROWS:]] if long else lane
        shown += ends[: _MAX_ROWS - len(shown)]
    return sorted(shown, key=lambda attempt: attempt.number)


def _state(shown: RunShown | None) -> RunState | None:
    if shown is None or shown.status is None:
        return None
    return "failed" if shown.failed else "ended" if shown.ended else "running"


def _attempts(attempts: Sequence[Attempt], operations: Iterable[Operation]) -> list[AttemptData]:
    of = {
        attempt.number: number
        for number, operation in enumerate(operations)
        for attempt in operation.attempts
    }
    return [
        AttemptData(
            number=attempt.number,
            operation=of[attempt.number],
            request=f"{attempt.method} {attempt.endpoint}",
            document=short_document(attempt.document),
            status=attempt.status,
            error=None if attempt.error is None else name_of(attempt.error),
            request_id=attempt.request_id,
            started=_seconds(attempt.started),
            ended=_seconds(attempt.ended),
            waited=None if attempt.waited is None else _seconds(attempt.waited),
            retry_after=attempt.retry_after,
            run_status=attempt.run_status,
            run_state=_state(attempt.shown),
            run_reason=attempt.run_reason,
        )
        for attempt in attempts
    ]


def _runs(service: SimulatedService) -> list[RunData]:
    table = service.runs
    runs = [] if table is None else table.shown(service.now)[:_FIRST_ROWS]
    return [
        RunData(
            id=run.id,
            document=short_document(run.document),
            status=run.status,
            failure_reason=run.failure_reason,
        )
        for run in runs
    ]


def _seconds(value: Any) -> float:
    return round(float(value), 6)
