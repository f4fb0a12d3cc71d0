"""Makes the variations of a test: one for each place and failure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal, get_args

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import FAULTS, NetworkFault
from pytest_parseapi.model.mistakes import UsageError, nearest
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.webhooks import UNKNOWN_EVENT_TYPE
from pytest_parseapi.service.provider_results import error_reply
from pytest_parseapi.service.script import ALWAYS
from pytest_parseapi.sweep.places import Place, WatchedExchange

FailureKind = Literal["retryable", "final", "network", "runs", "webhooks"]
RetryAfterForm = Literal["seconds", "date"]

FAILURE_KINDS: Final[tuple[FailureKind, ...]] = get_args(FailureKind)
_DEEP: Final = "deep"
_TOO_MANY_REQUESTS: Final = 429
_UNKNOWN: Final = "unknown_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedKinds:
    """The kinds that ``--parseapi-sweep-kinds`` names.

    Args:
        chosen: the kinds of failures.
        deep: every code and every exchange, and not one for all that are alike.
        depth: how many failures in a row.
    """

    chosen: tuple[FailureKind, ...] = FAILURE_KINDS
    deep: bool = False
    depth: int = 1


def asked_kinds(text: str, depth: int = 1) -> AskedKinds:
    """The kinds that an option's value names.

    Raises:
        UsageError: a name is not one of a kind.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = (*FAILURE_KINDS, _DEEP)
    for name in names:
        if name not in known:
            raise UsageError(f"--parseapi-sweep-kinds: no kind {name!r}: {nearest(name, known)}")
    chosen = tuple(kind for kind in FAILURE_KINDS if kind in names) or FAILURE_KINDS
    return AskedKinds(chosen=chosen, deep=_DEEP in names, depth=depth)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failure, and how often it is met.

    Args:
        kind: of which kind it is.
        name: what ``fail``, ``fail_run`` or ``webhook(wrong=)`` take.
        error: the documented error or the network fault; None for a delivery and for a failure
            reason that no page documents.
        times: 1, or ``ALWAYS``.
        retry_after: how the reply says when to come again.
    """

    kind: FailureKind
    name: str
    error: DocumentedError | NetworkFault | None = None
    times: float = 1
    retry_after: RetryAfterForm | None = None

    @property
    def surface(self) -> Literal["http", "run", "webhook"]:
        """The surface at which it occurs."""
        if self.kind == "webhooks":
            return "webhook"
        return "run" if self.kind == "runs" else "http"

    @property
    def retryable(self) -> bool:
        """Whether the provider documents it as retryable."""
        return isinstance(self.error, DocumentedError) and self.error.retryable

    @property
    def often(self) -> str:
        """``"once"`` or ``"always"``; empty for a delivery."""
        if self.kind == "webhooks":
            return ""
        return "always" if self.times == ALWAYS else "once"

    def __str__(self) -> str:
        status = self.error.status if self.error is not None and self.surface == "http" else None
        parts = [self.name + (f" ({status})" if status is not None else ""), self.often]
        text = " ".join(part for part in parts if part)
        if self.surface == "run":
            text = f"run failed: {text}"
        if self.surface == "webhook":
            text = f"wrong delivery: {text}"
        if self.retry_after is not None:
            text += f", Retry-After in {'seconds' if self.retry_after == 'seconds' else 'a date'}"
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One run of a test with one failure, or with several in a row.

    Args:
        place: where the first failure is met.
        nth: by which of the exchanges at this place, from 1.
        failures: what is met, in order.
    """

    place: Place
    nth: int
    failures: tuple[Failure, ...]

    @property
    def first(self) -> Failure:
        """The first failure."""
        return self.failures[0]

    def __str__(self) -> str:
        return ", then ".join(str(failure) for failure in self.failures)


def variations_of(
    exchanges: Iterable[WatchedExchange],
    creations: Collection[tuple[str, int]],
    providers: Mapping[str, Provider],
    kinds: AskedKinds,
) -> list[Variation]:
    """The variations of one test.

    Args:
        exchanges: what the passing run asked, in order.
        creations: provider and number of each exchange that created a run.
        providers: the providers by name.
        kinds: what is asked for.
    """
    found: list[Variation] = []
    seen: dict[Place, int] = {}
    for exchange in exchanges:
        if exchange.site.by_test and not exchange.is_delivery:
            continue
        seen[exchange.place] = seen.get(exchange.place, 0) + 1
        if seen[exchange.place] > 1 and not kinds.deep:
            continue
        creates = (exchange.place.provider, exchange.number) in creations
        provider = providers[exchange.place.provider]
        for failures in _rows(exchange, provider, kinds, creates=creates):
            place, nth = exchange.place, seen[exchange.place]
            found.append(Variation(place=place, nth=nth, failures=failures))
    return found


def _rows(
    exchange: WatchedExchange, provider: Provider, kinds: AskedKinds, *, creates: bool
) -> Iterator[tuple[Failure, ...]]:
    if exchange.endpoint is None:
        if "webhooks" in kinds.chosen:
            known = () if provider.webhooks is None else provider.webhooks.wrong_deliveries
            for wrong in known:
                if wrong != UNKNOWN_EVENT_TYPE:
                    yield (Failure(kind="webhooks", name=wrong),)
        return
    possible = _http(provider, exchange.endpoint, kinds)
    http = [failure for failure in possible if failure.kind in kinds.chosen]
    runs = list(_runs(provider, kinds)) if creates and "runs" in kinds.chosen else []
    for failure in (*http, *runs):
        yield (failure,)
    for depth in range(2, kinds.depth + 1):
        yield from _in_a_row(http, depth)
        yield from _in_a_row(runs, depth)


def _in_a_row(failures: list[Failure], depth: int) -> Iterator[tuple[Failure, ...]]:
    """All sequences of kinds of failures. Only a retryable failure is followed by another one."""
    followed: dict[tuple[str, bool], Failure] = {}
    last: dict[tuple[str, bool], Failure] = {}
    for failure in failures:
        if failure.retry_after is not None:
            continue
        sort = (failure.kind, failure.retryable)
        if failure.times == 1:
            last.setdefault(sort, failure)
            followed.setdefault(sort, failure)
        elif failure.kind in ("final", "runs"):
            last.setdefault(sort, failure)
    for row in product(followed.values(), repeat=depth - 1):
        for end in last.values():
            yield (*row, end)


def _http(provider: Provider, endpoint: Endpoint, kinds: AskedKinds) -> Iterator[Failure]:
    shapes: set[object] = set()
    for error in provider.errors_at(endpoint.path):
        shape = (error.status, error.retryable, _shape(provider, error))
        if shape in shapes and not kinds.deep:
            continue
        shapes.add(shape)
        if not error.retryable:
            yield Failure(kind="final", name=error.code, error=error, times=ALWAYS)
            continue
        for times in (1, ALWAYS):
            yield Failure(kind="retryable", name=error.code, error=error, times=times)
        if error.status == _TOO_MANY_REQUESTS and provider.advice_for("retry_after") is not None:
            for form in ("seconds", "date"):
                yield Failure(kind="retryable", name=error.code, error=error, retry_after=form)
    for fault in FAULTS:
        for times in (1, ALWAYS):
            yield Failure(kind="network", name=fault.name, error=fault, times=times)


def _runs(provider: Provider, kinds: AskedKinds) -> Iterator[Failure]:
    if provider.runs is None:
        return
    sorts: set[bool] = set()
    for error in provider.errors:
        if "run" not in error.surfaces or (error.retryable in sorts and not kinds.deep):
            continue
        sorts.add(error.retryable)
        for times in (1, ALWAYS) if error.retryable else (ALWAYS,):
            yield Failure(kind="runs", name=error.code, error=error, times=times)
    yield Failure(kind="runs", name=_UNKNOWN, times=ALWAYS)


def _shape(provider: Provider, error: DocumentedError) -> object:
    """The shape of this error's body: the names of its fields."""
    reply = error_reply(provider, error, "id")
    try:
        body = json.loads(reply.body)
    except ValueError:
        return reply.headers.get("content-type", "")
    return _names(body)


def _names(body: object) -> object:
    if isinstance(body, dict):
        return tuple(sorted((str(name), _names(value)) for name, value in body.items()))
    return type(body).__name__
