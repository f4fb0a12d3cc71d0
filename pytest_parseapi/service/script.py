"""Scripts of failures: which requests fail, how, how often, and in which order."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import NetworkFault
from pytest_parseapi.model.http import Request, moment_of
from pytest_parseapi.model.lookup import ErrorName, endpoint_named, name_of, resolve
from pytest_parseapi.model.mistakes import UsageError, as_document, document_name, number_of
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.service.condition import Condition, When, condition_of

ALWAYS: Final = math.inf
"""For ``times``: the failure never ends."""

RetryAfter = float | str | dt.datetime


@dataclass(slots=True, eq=False)
class Delay:
    """How many matching requests one ``fail(after=...)`` lets pass, and how many are left."""

    after: int
    left: int


class Scripted(Protocol):
    """An entry of a script: a failure, or the replies of a recording."""

    times: float
    met: int
    """How many requests have met it."""
    passed: dict[str, int]
    """How many requests did not meet it, by reason."""
    delay: Delay
    when: Condition | None

    @property
    def left(self) -> float:
        """How often it is still to be met."""

    @property
    def is_unused(self) -> bool:
        """Whether it is reported as not met at the end of the test."""

    def why_not(self, endpoint: Endpoint, names: tuple[str, ...], item: str = "") -> str | None:
        """Why a request does not meet it; None where it does.

        Args:
            endpoint: the endpoint of the request.
            names: the names of its document.
            item: what its path names, such as the id of a run.
        """


@dataclass(slots=True, kw_only=True)
class Step:
    """One failure of a script, and how often it was met."""

    error: DocumentedError | NetworkFault
    times: float
    document: str | None
    endpoints: tuple[Endpoint, ...]
    """The endpoints at which it fails; empty for every endpoint that documents the error."""
    retry_after: str | None
    message: str | None
    when: Condition | None = None
    delay: Delay = field(default_factory=lambda: Delay(0, 0))
    verb: str = "fail"
    """The method that scripted it."""
    met: int = 0
    passed: dict[str, int] = field(default_factory=dict)
    """How many requests did not meet this step, by reason."""

    @property
    def left(self) -> float:
        """How often it is still to be met."""
        return self.times - self.met

    @property
    def is_unused(self) -> bool:
        """Whether it was met less often than scripted (an endless one: never)."""
        return self.left > 0 and (self.times is not ALWAYS or self.met == 0)

    def __str__(self) -> str:
        name = name_of(self.error)
        limits = [f"times={count_text(self.times)}"] if self.times != 1 else []
        limits += [f"document={self.document!r}"] if self.document is not None else []
        limits += [f"endpoint={self.endpoints[0].path!r}"] if self.endpoints else []
        limits += [f"after={self.delay.after}"] if self.delay.after else []
        limits += [str(self.when)] if self.when is not None else []
        return f"{self.verb}({', '.join([repr(name), *limits])})"

    def why_not(self, endpoint: Endpoint, names: tuple[str, ...], item: str = "") -> str | None:
        """Why a request does not meet this step; None where it does."""
        del item
        if self.endpoints:
            if endpoint not in self.endpoints:
                return f"{endpoint} is not {self.endpoints[0].path}"
        elif not _documents(endpoint, self.error):
            documented = ", ".join(getattr(self.error, "endpoints", ()))
            return f"{endpoint} does not document it ({documented} does)"
        if self.document is not None and self.document not in names:
            return about_another(names)
        return None


@dataclass(slots=True)
class Found:
    """The entry of a script that one request meets, if any."""

    step: Scripted | None
    delays: tuple[Delay, ...] = ()
    """The delays of the failures that let the request pass."""


NOTHING: Final = Found(None)
"""The script has nothing for a request."""
_MAX_REASONS: Final = 10


class Script:
    """The failures that one provider's requests are to meet, in order.

    Args:
        base_url: the documented base URL of the provider.
        document_names: finds the names by which requests mean a document.
    """

    def __init__(self, base_url: str, document_names: DocumentNames) -> None:
        self._base_url = base_url
        self._document_names = document_names
        self._steps: list[Scripted] = []
        self.pending: list[Scripted] = []
        """The entries that are still to be met, oldest first."""

    @property
    def steps(self) -> tuple[Scripted, ...]:
        """Every step, oldest first."""
        return tuple(self._steps)

    @property
    def lasting_errors(self) -> frozenset[str]:
        """The names of endless errors that requests have met."""
        return frozenset(
            name_of(step.error)
            for step in self.pending
            if isinstance(step, Step) and step.met and step.times == ALWAYS
        )

    def add(self, step: Scripted) -> None:
        """Append a step."""
        if isinstance(step, Step):
            step.document = self._document_names.given(step.document)
        self._steps.append(step)
        if step.left > 0:
            self.pending.append(step)

    def find(
        self, request: Request, endpoint: Endpoint, names: tuple[str, ...], item: str = ""
    ) -> Found:
        """Find the step that a request meets, without counting it; note why other steps do not fit.

        Raises:
            UsageError: the test's own ``when`` raised.
        """
        if not self.pending:
            return NOTHING
        answers: dict[Condition, bool] = {}
        delays: list[Delay] = []
        for step in tuple(self.pending):
            reason = step.why_not(endpoint, names, item)
            if reason is None and step.when is not None:
                if step.when not in answers:
                    answers[step.when] = step.when.holds(request, self._base_url)
                reason = None if answers[step.when] else "its when= did not hold"
            if reason is None and step.delay.left:
                delays += [] if step.delay in delays else [step.delay]
                reason = f"after={step.delay.after} lets the first that match pass"
            if reason is None:
                return Found(step, tuple(delays))
            _pass(step, reason)
        return Found(None, tuple(delays))

    def pass_by(self, endpoint: Endpoint, names: tuple[str, ...], reason: str) -> None:
        """Note why a request did not meet the steps that fit it: something else answered it."""
        for step in self.pending:
            if step.why_not(endpoint, names) is None:
                _pass(step, reason)

    def take(self, found: Found) -> None:
        """Count the step as met, and the request for the delays that let it pass."""
        for delay in found.delays:
            delay.left = max(0, delay.left - 1)
        step = found.step
        if step is not None:
            step.met += 1
            if step.left <= 0:
                self.pending.remove(step)

    def unused(self) -> tuple[Scripted, ...]:
        """The entries that were met less often than scripted."""
        return tuple(step for step in self.pending if step.is_unused)

    def forget_used(self, most: int) -> None:
        """Keep at most this many steps beside those that are still to be met."""
        if len(self._steps) > len(self.pending) + most:
            self._steps = list(self.pending)

    def clear(self) -> None:
        """Forget every step."""
        self._steps.clear()
        self.pending.clear()


def steps_for(
    provider: Provider,
    errors: Iterable[ErrorName],
    *,
    others: Iterable[Provider] = (),
    times: float = 1,
    document: object = None,
    endpoint: str | None = None,
    retry_after: RetryAfter | None = None,
    message: str | None = None,
    after: int = 0,
    when: When | None = None,
    verb: str = "fail",
) -> list[Step]:
    """Make the steps of a call of ``fail(...)``; any mistake in it raises a `UsageError`."""
    named = [resolve(provider, error, others=others) for error in errors]
    if not named and verb == "fail":
        needs = "needs at least one error: a code, a status or a network fault"
        raise UsageError(f"fail() {needs}", marker=f"marker parse_error {needs}")
    endpoints = () if endpoint is None else endpoint_named(provider, endpoint, others)
    for error in named:
        if endpoints and not any(_documents(item, error) for item in endpoints):
            assert isinstance(error, DocumentedError)
            raise UsageError(
                f"{error.code} is documented for {', '.join(error.endpoints)}, not for "
                f"{endpoint}" + ("; for runs use fail_run()" if "run" in error.surfaces else "")
            )
    silent = [isinstance(error, NetworkFault) and error.kind == "network" for error in named]
    for name, value in (("retry_after", retry_after), ("message", message)):
        if value is not None and named and all(silent):
            raise UsageError(f"{named[0]} sends no reply, so it takes no {name}")
    if message is not None and named and all(_has_no_room(error) for error in named):
        raise UsageError(f"the reply of {named[0]} has no room for a message")
    if message is not None and not isinstance(message, str):
        raise UsageError(f"message is a string, not {message!r}")
    if isinstance(after, bool) or not isinstance(after, int) or after < 0:
        raise UsageError(f"after must be an integer >= 0, not {after!r}")
    condition, delay = condition_of(when), Delay(after, after)
    return [
        Step(
            error=error,
            times=count_or_always("times", times),
            document=document_name(document),
            endpoints=endpoints,
            retry_after=_retry_after_header(retry_after),
            message=message,
            when=condition,
            delay=delay,
            verb=verb,
        )
        for error in named
    ]


def about_another(names: Sequence[str]) -> str:
    """Why a request or a run with these names does not meet a failure for one document."""
    return f"it was about {names[0]!r}" if names else "it named no document"


def _documents(endpoint: Endpoint, error: DocumentedError | NetworkFault) -> bool:
    """Whether an error can be met at an endpoint. General errors and faults can at every one."""
    return isinstance(error, NetworkFault) or error.documented_for(endpoint.path)


def _has_no_room(error: DocumentedError | NetworkFault) -> bool:
    return isinstance(error, NetworkFault) and not error.takes_message


def count_or_always(name: str, value: object) -> float:
    """Check ``times`` or ``polls``: an integer >= 0, or `ALWAYS`."""
    if value == ALWAYS:
        return ALWAYS
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(
            f"{name} must be an integer >= 0, or ALWAYS, not {value!r}{as_document(value)}"
        )
    return value


def count_text(count: float) -> str:
    """A count as a test writes it: ``ALWAYS``, or an integer."""
    return "ALWAYS" if count == ALWAYS else str(count)


def _retry_after_header(value: RetryAfter | None) -> str | None:
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise UsageError("retry_after needs a datetime with a time zone")
        from email.utils import format_datetime

        return format_datetime(value.astimezone(dt.UTC), usegmt=True)
    if isinstance(value, str) and moment_of(value, 0.0) is not None:
        return value
    number = number_of(value)
    if number is not None and 0 <= number < math.inf:
        return f"{abs(number):.6f}".rstrip("0").rstrip(".")
    raise UsageError(f"retry_after must be seconds >= 0, an HTTP date or a datetime, not {value!r}")


def _pass(step: Scripted, reason: str) -> None:
    """Note why a request did not meet a step. Only the first reasons are kept."""
    if len(step.passed) < _MAX_REASONS or reason in step.passed:
        step.passed[reason] = step.passed.get(reason, 0) + 1
