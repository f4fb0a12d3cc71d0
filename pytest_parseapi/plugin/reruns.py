"""Runs a test once more without any trace: no report, no count, no output."""

from __future__ import annotations

import contextlib
import copy
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_parseapi.plugin.simulated_test import watch_key
from pytest_parseapi.sweep.trial import Status, Trial, trial_of

if TYPE_CHECKING:
    from pytest_parseapi.sweep.watch import Watch

_LAST: Final = ("last_exc", "last_type", "last_value", "last_traceback")
_OF_PYTEST: Final = frozenset({"_excinfo", "_explicit_tearDown", "_instance", "_obj", "_testcase"})
"""What pytest itself takes away from a test when it has run."""


class ItemState:
    """The state that other plugins keep on a test at the beginning of its protocol."""

    def __init__(self, item: pytest.Item) -> None:
        self._attributes = {
            name: copy.copy(value) if isinstance(value, dict | list | set) else value
            for name, value in vars(item).items()
            if name not in _OF_PYTEST
        }
        self._stash = dict(item.stash._storage)

    def restore(self, item: pytest.Item) -> None:
        """Restore what plugins removed after the run, since they expect no other run."""
        for name in self._attributes.keys() - vars(item).keys():
            vars(item)[name] = self._attributes[name]
        for key in self._stash.keys() - item.stash._storage.keys():
            item.stash._storage[key] = self._stash[key]


def rerun(item: pytest.Function, watch: Watch, state: ItemState) -> Trial:
    """Run a test once more, with its fixtures of function scope set up again.

    Args:
        item: the test; the collectors that it is in may be set up already.
        watch: who watches this run.
        state: what plugins keep with the test while it runs.
    """
    caught = warnings.catch_warnings(record=True)
    with _left_as_it_is(item), _thread_errors(watch.uncaught), caught:
        for mark in item.iter_markers("filterwarnings"):
            for text in mark.args:
                warnings.filterwarnings(*_parsed(text))
        state.restore(item)
        item.stash[watch_key] = watch
        _renew(item)
        error = _phases(item, watch)
        _renew(item)
    return trial_of(watch, _status(error), error)


def beside(item: pytest.Item) -> pytest.Item:
    """A test in the same collectors: what is torn down before it is the test alone."""
    return copy.copy(item)


def _phases(item: pytest.Function, watch: Watch) -> BaseException | None:
    """Set-up, call and tear-down, as pytest runs them; the first exception."""
    hook = item.ihook
    error: BaseException | None = None
    try:
        hook.pytest_runtest_setup(item=item)
        watch.in_setup = False
        hook.pytest_runtest_call(item=item)
    except (KeyboardInterrupt, pytest.exit.Exception):
        raise
    except BaseException as raised:  # noqa: BLE001 - whatever a test raises
        error = raised
    error = _of_testcase(item) or error
    try:
        hook.pytest_runtest_teardown(item=item, nextitem=beside(item))
    except (KeyboardInterrupt, pytest.exit.Exception):
        raise
    except BaseException as raised:  # noqa: BLE001 - whatever a fixture raises
        error = error or raised
    return error


def _of_testcase(item: pytest.Function) -> BaseException | None:
    """The exception that `unittest` has caught; pytest reads it for a report."""
    caught: Any = item.__dict__.pop("_excinfo", None)
    return caught[0].value if caught else None


def _renew(item: pytest.Function) -> None:
    """Forget the fixtures and the instance of the run before."""
    item._initrequest()
    if isinstance(item.parent, pytest.Class):
        item.__dict__.pop("_instance", None)
        item.__dict__.pop("_obj", None)


def _status(error: BaseException | None) -> Status:
    if error is None:
        return "passed"
    return (
        "skipped" if isinstance(error, pytest.skip.Exception | pytest.xfail.Exception) else "failed"
    )


@contextlib.contextmanager
def _left_as_it_is(item: pytest.Function) -> Iterator[None]:
    """Restore what reports and other plugins keep on a test."""
    kept: dict[Any, Any] = item.stash._storage
    names = set(vars(item)) | _OF_PYTEST
    before, sections = dict(kept), list(item._report_sections)
    last = {name: getattr(sys, name) for name in _LAST if hasattr(sys, name)}
    try:
        yield
    finally:
        kept.clear()
        kept.update(before)
        for name in vars(item).keys() - names:
            del vars(item)[name]
        item._report_sections[:] = sections
        for name in _LAST:
            if name in last:
                setattr(sys, name, last[name])
            elif hasattr(sys, name):
                delattr(sys, name)


@contextlib.contextmanager
def _thread_errors(found: list[BaseException]) -> Iterator[None]:
    """Note the exceptions that end threads."""
    kept = threading.excepthook

    def note(given: threading.ExceptHookArgs) -> None:
        if given.exc_value is not None:
            found.append(given.exc_value)
        kept(given)

    threading.excepthook = note
    try:
        yield
    finally:
        if threading.excepthook is note:
            threading.excepthook = kept


def _parsed(text: str) -> tuple[Any, ...]:
    from _pytest.config import parse_warning_filter

    return parse_warning_filter(text, escape=False)
