"""The service of a server that runs for days: it keeps only the newest records."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple

from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.journal import Opened
from pytest_parseapi.record.outcome import Outcome
from pytest_parseapi.record.retention import Retention
from pytest_parseapi.service.run_states import RunState
from pytest_parseapi.service.run_table import RunTable
from pytest_parseapi.service.service import SimulatedService

# How many used-up steps are kept for each token. A test reads them soon or never.
_MOST_USED_STEPS: Final = 1_000


class _KeptRun(NamedTuple):
    seed: str
    table: RunTable
    run: RunState


@dataclass(slots=True)
class Shared:
    """What the services of all tokens share."""

    retention: Retention
    tell: Callable[[Attempt], None] = lambda _attempt: None
    """Called with each attempt that has ended."""
    _runs: deque[_KeptRun] = field(default_factory=deque)
    _count: int = 0

    def keep_run(self, seed: str, table: RunTable, run: RunState) -> None:
        """Count a new run, and drop the oldest one of all tokens if there are too many."""
        self._runs.append(_KeptRun(seed, table, run))
        self._count += 1
        while self._count > self.retention.most:
            seed, table, run = self._runs.popleft()
            if table.drop(run):
                self._count -= 1
                self.retention.note(seed, run.names)
        while self._runs and not _is_kept(self._runs[0]):
            self._runs.popleft()
        if len(self._runs) > self._count + self.retention.most_idle:
            self._runs = deque(item for item in self._runs if _is_kept(item))

    def forget_runs(self, table: RunTable) -> None:
        """Forget all runs of a table that is dropped."""
        self._count -= len(table.in_order)
        table.clear()


class LongLivedService(SimulatedService):
    """One provider's API. Its memory, and that of the other tokens, is limited together.

    Args:
        shared: what it shares with them.
        arguments: as for `SimulatedService`.
    """

    def __init__(self, *arguments: Any, shared: Shared, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._shared = shared
        self._count_runs()

    def reset(self) -> None:
        """Forget scripts, runs and records, also those that were dropped."""
        self._shared.retention.forget(self)
        if self.runs is not None:
            self._shared.forget_runs(self.runs)
        super().reset()
        self._count_runs()

    def close(self, opened: Opened, outcome: Outcome) -> Attempt:
        """Record the end of an exchange, and drop the oldest attempts if there are too many."""
        attempt = super().close(opened, outcome)
        self._shared.tell(attempt)
        self._shared.retention.keep(self, opened, attempt)
        self.script.forget_used(_MOST_USED_STEPS)
        return attempt

    def forget(self, attempt: Attempt) -> None:
        """Forget what belongs to an attempt that was dropped."""
        self.provider.behaviour.forget(self.state, attempt.ended)

    def _count_runs(self) -> None:
        if self.runs is not None:
            self.runs.on_kept = partial(self._shared.keep_run, self.seed)


def _is_kept(item: _KeptRun) -> bool:
    return item.table.get(item.run.id) is item.run
