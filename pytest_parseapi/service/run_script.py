"""Scripts of failing runs: which runs fail, why, and after how many polls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import NetworkFault
from pytest_parseapi.model.lookup import ErrorName, resolve
from pytest_parseapi.model.mistakes import UsageError, document_name, number_of
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.runs import RunFailure
from pytest_parseapi.service.script import ALWAYS, about_another, count_or_always, count_text

_UNKNOWN: Final = "unknown_code"
# How many documents a report of unused steps names.
_MAX_SHOWN: Final = 3


@dataclass(slots=True, kw_only=True, eq=False)
class RunStep:
    """One failure of a script, and how many runs have met it."""

    failure: RunFailure
    times: float
    document: str | None
    polls: float
    met: int = 0
    passed: dict[str, int] = field(default_factory=dict)
    """How many runs did not meet this step, by reason."""

    @property
    def error(self) -> DocumentedError | None:
        """The documented error behind the reason."""
        return self.failure.error

    @property
    def left(self) -> float:
        """How many runs are still to meet it."""
        return self.times - self.met

    def __str__(self) -> str:
        name = _UNKNOWN if self.failure.error is None else self.failure.reason
        limits = [] if self.times == 1 else [f"times={count_text(self.times)}"]
        limits += [f"document={self.document!r}"] if self.document is not None else []
        limits += [f"polls={count_text(self.polls)}"] if self.polls != 1 else []
        return f"fail_run({', '.join([repr(name), *limits])})"


class RunScript:
    """The failures that one provider's runs are to meet, in order.

    Args:
        document_names: finds the names by which requests mean a document.
    """

    def __init__(self, document_names: DocumentNames) -> None:
        self._document_names = document_names
        self._pending: dict[int, RunStep] = {}
        # By document, so that thousands of steps for thousands of documents cost little.
        self._waiting: dict[str | None, list[int]] = {}
        self._count = 0
        self._passed: dict[str, int] = {}

    @property
    def scripted(self) -> bool:
        """Whether any failure was scripted."""
        return self._count > 0

    def add(self, step: RunStep) -> None:
        """Append a step."""
        step.document = self._document_names.given(step.document)
        if step.left > 0:
            self._pending[self._count] = step
            self._waiting.setdefault(step.document, []).append(self._count)
            self._count += 1

    def take(self, names: Iterable[str], *, reason: str | None = None) -> RunStep | None:
        """Find the step that a new run meets, and count it as met.

        Args:
            names: the names of the run's document.
            reason: only a step with this failure reason.
        """
        known = tuple(names)
        fitting = [
            number
            for name in (None, *known)
            for number in self._waiting.get(name, ())
            if reason in (None, self._pending[number].failure.reason)
        ]
        if not fitting:
            why = about_another(known)
            if len(self._passed) < _MAX_SHOWN or why in self._passed:
                self._passed[why] = self._passed.get(why, 0) + 1
            return None
        first = min(fitting)
        step = self._pending[first]
        step.met += 1
        if step.left <= 0:
            del self._pending[first]
            self._waiting[step.document].remove(first)
        return step

    def unused(self) -> tuple[RunStep, ...]:
        """The steps that were met less often than scripted (an endless one: never)."""
        steps = [step for step in self._pending.values() if step.times != ALWAYS or step.met == 0]
        for step in steps:
            if step.document is not None:
                step.passed = dict(self._passed)
        return tuple(steps)


def run_step_for(
    provider: Provider,
    error: ErrorName,
    *,
    others: Iterable[Provider] = (),
    times: float = 1,
    document: object = None,
    polls: float = 1,
    message: str | None = None,
) -> RunStep:
    """Make the step of a call of ``fail_run(...)``; any mistake in it raises a `UsageError`."""
    if message is not None and not isinstance(message, str):
        raise UsageError(f"message is a string, not {message!r}")
    return RunStep(
        failure=failure_of(provider, error, others=others, message=message),
        times=count_or_always("times", times),
        document=document_name(document),
        polls=count_or_always("polls", polls),
    )


def failure_of(
    provider: Provider,
    error: ErrorName,
    *,
    others: Iterable[Provider] = (),
    message: str | None = None,
) -> RunFailure:
    """The failure that a test names."""
    description = provider.runs
    if description is None:
        raise UsageError(
            f"{provider.title} documents no asynchronous runs: its failures are HTTP replies"
        )
    if error == _UNKNOWN or (isinstance(error, NetworkFault) and error.name == _UNKNOWN):
        return RunFailure(
            reason=description.unknown_reason,
            message="Something new went wrong." if message is None else message,
        )
    found = resolve(provider, error, others=others, surface="run")
    if not isinstance(found, DocumentedError):
        raise UsageError(f"a run fails with a failure reason, not with {found}")
    return RunFailure(
        reason=found.wire_code or found.code,
        message=found.message if message is None else message,
        error=found,
    )


def seconds_of(seconds: object) -> float:
    """Check virtual seconds: >= 0, or `ALWAYS` for a run that never ends."""
    number = number_of(seconds)
    if number is None or number < 0:
        raise UsageError(f"seconds must be a number >= 0, or ALWAYS, not {seconds!r}")
    return number
