"""The methods of `ParseAPI` for asynchronous runs."""

from __future__ import annotations

from pytest_parseapi.api.controls import Controls
from pytest_parseapi.model.lookup import ErrorName
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.record.run import Run
from pytest_parseapi.service.run_script import run_step_for, seconds_of
from pytest_parseapi.service.run_table import Pace, RunTable
from pytest_parseapi.service.script import count_or_always
from pytest_parseapi.service.service import SimulatedService


def run_table_of(service: SimulatedService) -> RunTable:
    """The table of runs of a service; raise `UsageError` if its provider has none."""
    table = service.runs
    if table is None:
        raise UsageError(
            f"{service.provider.title} documents no asynchronous runs: its failures are HTTP "
            "replies, which fail() scripts"
        )
    return table


class RunControls(Controls):
    """Scripts failing runs, sets their pace, and lists them."""

    @property
    def runs(self) -> list[Run]:
        """Every asynchronous run, oldest first, also those of batches and deleted ones.

        Example:
            >>> extend_api.fail_run("CORRUPT_FILE")
            >>> our_app.parse_run("https://files.example.com/invoice.pdf")
            >>> extend_api.runs[0].failure_reason
            'CORRUPT_FILE'
        """
        service = self._service
        return run_table_of(service).shown(service.now)

    def fail_run(
        self,
        error: ErrorName,
        times: float = 1,
        document: str | None = None,
        polls: float = 1,
        message: str | None = None,
    ) -> None:
        """Script failing runs: the next ``times`` runs end with this failure.

        Args:
            error: a documented failure reason (``"OCR_ERROR"``) or a `DocumentedError`;
                ``"unknown_code"`` for a reason that no page documents yet.
            times: how many runs fail; ``ALWAYS`` for every one.
            document: only runs about this document: its URL, file name, last path segment or file
                id.
            polls: how many polls find the run in progress first; ``ALWAYS`` for a run that never
                ends.
            message: its message, instead of the catalogue's.

        Raises:
            UsageError: a name or value is wrong, or the provider has no runs.

        Example:
            >>> extend_api.fail_run("OCR_ERROR", polls=3)
            >>> extend_api.fail_run("unknown_code", document="invoice.pdf")
        """
        service = self._service
        table = run_table_of(service)
        table.script.add(
            run_step_for(
                service.provider,
                error,
                others=self._active_simulation.providers.values(),
                times=times,
                document=document,
                polls=polls,
                message=message,
            )
        )

    def runs_take(self, *, polls: float | None = None, seconds: float | None = None) -> None:
        """Set how long runs stay in progress from now on: at first one poll.

        Args:
            polls: the first so many polls of a run find it in progress, the next one its end.
            seconds: runs end so many virtual seconds after their creation, polled or not.

        Raises:
            UsageError: not exactly one of the two is given, or it is no number >= 0.

        Example:
            >>> extend_api.runs_take(polls=3)
            >>> extend_api.runs_take(seconds=1800)
        """
        table = run_table_of(self._service)
        if polls is not None and seconds is None:
            table.pace = Pace(polls=count_or_always("polls", polls))
        elif seconds is not None and polls is None:
            table.pace = Pace(seconds=seconds_of(seconds))
        else:
            raise UsageError("runs_take() takes either polls=N or seconds=S")
