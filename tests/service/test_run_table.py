"""The table of runs and batches: each ends once, whatever thread ends it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.runs import Submission
from pytest_parseapi.providers.registry import provider_named, registry
from pytest_parseapi.service.run_states import BatchState
from pytest_parseapi.service.run_table import Pace, RunTable

RUNS = provider_named(registry(), "extend").runs
THREADS = 4


@pytest.fixture
def ends():
    return []


@pytest.fixture
def table(ends):
    table = RunTable(RUNS, DocumentNames())
    table.pace = Pace(seconds=10)
    table.on_end = ends.append
    return table


def make(table, name, batch=None):
    run = table.draft(f"pr_{name}", Submission(names=(f"{name}.pdf",), data=None), 0.0)
    table.add(run, batch=batch)
    return run


class Together(float):
    """A moment that several threads compare at the same time."""

    barrier = threading.Barrier(THREADS)

    def __ge__(self, other):
        self.barrier.wait(30)
        return float(self) >= other


def in_threads(settle):
    """Let several threads find at the same moment that the time of a run is over."""
    now = Together(10.0)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(settle, [now] * THREADS))


def test_a_run_that_several_threads_settle_ends_once(table, ends):
    run = make(table, "a")
    in_threads(run.settle)
    assert ends == [run]
    assert (run.status, run.ended) == ("PROCESSED", 10.0)


def test_a_batch_that_several_threads_settle_ends_once_and_after_its_runs(table, ends):
    batch = BatchState(description=RUNS, id="bpar_1", created=0.0)
    runs = [make(table, name, batch) for name in "abc"]
    in_threads(batch.settle)
    assert ends == [*runs, batch]
    assert (batch.unfinished, batch.ended) == (0, 10.0)


def test_the_first_end_counts(table, ends):
    run = make(table, "a")
    run.finish(3.0, "CANCELLED", announced=False)
    run.settle(10.0)
    run.finish(11.0)
    assert (run.status, run.ended, ends) == ("CANCELLED", 3.0, [])


def test_a_callback_of_the_end_may_read_the_runs(table):
    seen = []
    table.on_end = lambda run: seen.append([item.status for item in table.shown(10.0)])
    make(table, "a")
    table.shown(10.0)
    assert seen == [["PROCESSED"]]


@pytest.mark.parametrize("looks", [0, 2])
def test_a_poll_ends_due_runs_and_counts_for_the_others(table, looks):
    table.on_end = None
    table.pace = Pace(polls=2)
    batch = BatchState(description=RUNS, id="bpar_1", created=0.0)
    runs = [make(table, name, batch) for name in "ab"]
    for look in range(looks):
        runs[0].poll(float(look))
    batch.poll(5.0)
    ended = (2, "PROCESSED", 5.0)
    going_on = (1, "PROCESSING", None)
    first, second = ((run.polls, run.status, run.ended) for run in runs)
    assert first == (ended if looks else going_on)
    assert second == going_on
    assert batch.ended is None
    assert not batch.end_shown
