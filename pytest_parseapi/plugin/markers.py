"""The markers' arguments, as real signatures, and what each marker does to a test."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import FAULTS
from pytest_parseapi.model.lookup import ErrorName
from pytest_parseapi.model.mistakes import UsageError, check_keywords, nearest
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.selection import select
from pytest_parseapi.service.script import RetryAfter, count_or_always


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSettings:
    """The arguments of the marker ``parseapi``."""

    __test__ = False

    provider: str | None = None
    real_time: bool = False
    strict: bool = True
    clients: Collection[str] | None = None
    sweep: bool = True
    sweep_accept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedScript:
    """The arguments of a marker ``parse_error`` or ``parse_run_failed``."""

    errors: tuple[ErrorName, ...]
    provider: str | None
    options: dict[str, Any]
    of_runs: bool = False
    """Whether runs fail, and not requests."""

    @property
    def marker(self) -> str:
        """The name of its marker."""
        return "parse_run_failed" if self.of_runs else "parse_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCase:
    """One case of a marker ``each_parse_error``."""

    error: DocumentedError
    surface: str
    times: float
    endpoint: str | None = None
    """The only endpoint that fails, where the marker names one."""

    def __str__(self) -> str:
        return str(self.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseArguments:
    """The arguments of a marker ``each_parse_error``."""

    provider: str | None
    times: float
    fit: dict[str, Any]

    def select(self, provider: Provider, others: Iterable[Provider]) -> Iterator[ErrorCase]:
        """The cases that fit.

        Args:
            provider: whose errors.
            others: every provider, so that a code of another one is recognized.
        """
        count_or_always("times", self.times)
        for error in select(provider, others=others, **self.fit):
            yield ErrorCase(
                error=error,
                surface=self.fit["surface"],
                times=self.times,
                endpoint=self.fit["endpoint"],
            )


def parseapi(
    *,
    provider: str | None = None,
    real_time: bool = False,
    strict: bool = True,
    clients: Iterable[str] | None = None,
    sweep: bool = True,
    sweep_accept: Mapping[str, str] | None = None,
) -> TestSettings:
    """The marker ``parseapi``."""
    for name, value in (("real_time", real_time), ("strict", strict), ("sweep", sweep)):
        if not isinstance(value, bool):
            raise UsageError(f"{name} is True or False, not {value!r}")
    accepted = {} if sweep_accept is None else sweep_accept
    if not isinstance(accepted, Mapping) or not all(
        isinstance(item, str) and item.strip() for pair in accepted.items() for item in pair
    ):
        raise UsageError(
            "sweep_accept gives the reason for each failure that is accepted, such as "
            f'{{"FORBIDDEN": "the key is checked at start-up"}}, not {sweep_accept!r}'
        )
    if isinstance(clients, str):
        clients = (clients,)
    if clients is not None and not isinstance(clients, Iterable):
        raise UsageError(f"clients are names of client libraries, not {clients!r}")
    return TestSettings(
        provider=provider,
        real_time=real_time,
        strict=strict,
        clients=None if clients is None else tuple(clients),
        sweep=sweep,
        sweep_accept=dict(accepted),
    )


def parse_error(
    *errors: ErrorName,
    times: float = 1,
    provider: str | None = None,
    document: str | None = None,
    endpoint: str | None = None,
    retry_after: RetryAfter | None = None,
    message: str | None = None,
) -> MarkedScript:
    """The marker ``parse_error``."""
    return MarkedScript(
        errors=errors,
        provider=provider,
        options={
            "times": times,
            "document": document,
            "endpoint": endpoint,
            "retry_after": retry_after,
            "message": message,
        },
    )


def parse_run_failed(
    error: ErrorName,
    *,
    times: float = 1,
    provider: str | None = None,
    document: str | None = None,
    polls: float = 1,
    message: str | None = None,
) -> MarkedScript:
    """The marker ``parse_run_failed``."""
    return MarkedScript(
        errors=(error,),
        provider=provider,
        options={"times": times, "document": document, "polls": polls, "message": message},
        of_runs=True,
    )


def each_parse_error(
    *,
    provider: str | None = None,
    surface: str = "http",
    endpoint: str | None = None,
    retryable: bool | None = None,
    status: int | Iterable[int] | None = None,
    codes: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] = (),
    basis: str | Iterable[str] | None = None,
    times: float = 1,
) -> CaseArguments:
    """The marker ``each_parse_error``."""
    return CaseArguments(
        provider=provider,
        times=times,
        fit={
            "surface": surface,
            "endpoint": endpoint,
            "retryable": retryable,
            "status": status,
            "codes": codes,
            "exclude": exclude,
            "basis": basis,
        },
    )


def check_accepted(accepted: Iterable[str], providers: Iterable[Provider]) -> None:
    """Check the names in ``parseapi(sweep_accept={...})``.

    Raises:
        UsageError: no provider's failure has such a name.
    """
    names = list(accepted)
    if not names:
        return
    known = {fault.name: None for fault in FAULTS}
    for provider in providers:
        known |= {error.code: None for error in provider.errors}
        if provider.webhooks is not None:
            known |= dict.fromkeys(provider.webhooks.wrong_deliveries)
    for name in names:
        if name not in known:
            raise UsageError(
                f"marker parseapi: sweep_accept has no failure {name!r}: {nearest(name, known)}"
            )


def settings(node: pytest.Item) -> TestSettings:
    """What the nearest marker ``parseapi`` says, or the defaults."""
    mark = node.get_closest_marker("parseapi")
    return TestSettings() if mark is None else _bound(mark, parseapi)


def scripts(node: pytest.Item) -> Iterator[MarkedScript]:
    """The markers ``parse_error`` and ``parse_run_failed``, in reading order."""
    signatures: dict[str, Callable[..., MarkedScript]] = {
        "parse_error": parse_error,
        "parse_run_failed": parse_run_failed,
    }
    for mark in marks(node, *signatures):
        yield _bound(mark, signatures[mark.name])


def case_arguments(marked: Iterable[pytest.Mark]) -> list[CaseArguments]:
    """The markers ``each_parse_error`` of a test."""
    return [_bound(mark, each_parse_error) for mark in marked]


def marks(node: pytest.Item, *names: str) -> list[pytest.Mark]:
    """The markers of a test in reading order: of the module first, then from top to bottom."""
    found: list[pytest.Mark] = []
    for level in node.listchain():
        found += [mark for mark in _in_reading_order(level) if mark.name in names]
    return found


def _in_reading_order(level: Any) -> list[pytest.Mark]:
    """The markers of one level: decorators are applied from the bottom up, lists are in order."""
    if isinstance(level, pytest.Module):
        return level.own_markers
    written: list[pytest.Mark] = []
    if isinstance(level, pytest.Class):
        written = [mark for base in reversed(level.obj.__mro__) for mark in _of_class(base)]
    elif getattr(level, "callspec", None) is not None:
        written = list(level.callspec.marks)
    own = [mark for mark in level.own_markers if not any(mark is item for item in written)]
    return [*reversed(own), *written]


def _of_class(base: type) -> list[pytest.Mark]:
    """The markers of one class: pytest keeps those of decorators as marks, in place of a list."""
    given = vars(base).get("pytestmark", [])
    written = list(given) if isinstance(given, list) else [given]
    if all(isinstance(item, pytest.MarkDecorator) for item in written):
        return [item.mark for item in written]
    plain = [item.mark if isinstance(item, pytest.MarkDecorator) else item for item in written]
    return list(reversed(plain))


@contextmanager
def blamed(marker: str) -> Iterator[None]:
    """Let the text of a mistake name the marker that it is in.

    Raises:
        UsageError: with that text.
    """
    try:
        yield
    except UsageError as error:
        name, text = f"marker {marker}", str(error.written_in("marker"))
        raise UsageError(text if text.startswith(name) else f"{name}: {text}") from None


def _bound(mark: pytest.Mark, signature: Callable[..., Any]) -> Any:
    """Call the marker's signature; a wrong argument is named with the nearest right one."""
    parameters = inspect.signature(signature).parameters
    known = [name for name, item in parameters.items() if item.kind is not item.VAR_POSITIONAL]
    positional = [name for name, item in parameters.items() if item.kind is not item.KEYWORD_ONLY]
    check_keywords(f"marker {mark.name}", mark.kwargs, known)
    takes_any = any(item.kind is item.VAR_POSITIONAL for item in parameters.values())
    for name in positional[: 0 if takes_any else None]:
        if len(mark.args) <= positional.index(name) and name not in mark.kwargs:
            raise UsageError(f"marker {mark.name} needs an argument {name!r}")
    if len(mark.args) > len(positional) and not takes_any:
        options = ", ".join(known[len(positional) :])
        raise UsageError(
            f"marker {mark.name} takes keyword arguments only ({options}), "
            f"not {mark.args[len(positional)]!r}"
        )
    with blamed(mark.name):
        return signature(*mark.args, **mark.kwargs)
