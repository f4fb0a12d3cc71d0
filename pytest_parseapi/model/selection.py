"""Lists the documented errors that a test runs for, one case each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from pytest_parseapi.model.errors import Basis, DocumentedError
from pytest_parseapi.model.lookup import (
    FAULTS_BY_NAME,
    SURFACES,
    codes_of,
    endpoint_named,
    must_appear,
    not_known,
)
from pytest_parseapi.model.mistakes import UsageError, choice, choices, kind, listed, several
from pytest_parseapi.model.provider import Provider


def select(
    provider: Provider,
    *,
    surface: str = "http",
    endpoint: str | None = None,
    retryable: bool | None = None,
    status: int | Iterable[int] | None = None,
    codes: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] = (),
    basis: str | Iterable[str] | None = None,
    others: Iterable[Provider] = (),
) -> tuple[DocumentedError, ...]:
    """List the documented errors that a test is to run for, in the order of the catalogue.

    Args:
        provider: the provider whose errors to choose from.
        surface: where they appear: ``"http"``, ``"run"`` or ``"webhook"``.
        endpoint: only those that this endpoint documents; for replies and without ``codes``, by
            default the provider's main endpoint.
        retryable: only those with this flag.
        status: only those with this HTTP status, or one of these.
        codes: only these codes.
        exclude: none of these codes.
        basis: only those with this basis: ``"documented"``, ``"client"``, ``"inferred"``.
        others: more providers, so that a code of theirs is recognized.

    Returns:
        At least one error.

    Raises:
        UsageError: an argument names nothing that exists, or no error fits them all.

    Example:
        >>> [error.code for error in select(extend, status=429)]
        ['RATE_LIMIT_EXCEEDED']
    """
    surface = choice("surface", surface, SURFACES)
    if not (retryable is None or isinstance(retryable, bool)):
        raise UsageError(f"retryable is True, False or None, not {kind(retryable)}")
    statuses = None if status is None else _statuses(provider, status)
    wanted = None if codes is None else _known_codes(provider, codes, "codes", others)
    unwanted = _known_codes(provider, exclude, "exclude", others)
    bases = None if basis is None else choices("basis", basis, get_args(Basis))
    paths = _paths(provider, endpoint, surface, others)
    if endpoint is None and wanted is None and surface == "http":
        paths = frozenset((provider.main_endpoint,))
    for error in provider.errors:
        if wanted and error.code in wanted:
            must_appear(provider, error, surface, scripted=False)
    fitting = [
        error
        for error in provider.errors_on(surface)
        if (retryable is None or error.retryable is retryable)
        and (statuses is None or error.status in statuses)
        and (wanted is None or error.code in wanted)
        and error.code not in unwanted
        and (bases is None or error.basis in bases)
    ]
    chosen = tuple(
        error for error in fitting if paths is None or any(map(error.documented_for, paths))
    )
    if not chosen:
        asked = {
            "surface": surface,
            "endpoint": endpoint,
            "retryable": retryable,
            "status": statuses,
            "codes": wanted,
            "basis": bases,
            "exclude": unwanted or None,
        }
        words = listed(f"{key}={value!r}" for key, value in asked.items() if value is not None)
        raise UsageError(
            f"no documented error of {provider.name} fits: {words}" + _elsewhere(fitting)
        )
    return chosen


def _paths(
    provider: Provider, endpoint: str | None, surface: str, others: Iterable[Provider]
) -> frozenset[str] | None:
    """The paths that ``endpoint`` names; None for every one."""
    if endpoint is None:
        return None
    paths = frozenset(item.path for item in endpoint_named(provider, endpoint, others))
    if surface != "http":
        raise UsageError(
            f"endpoint is for HTTP replies: {SURFACES[surface]} come from no endpoint, so leave "
            f"endpoint={endpoint!r} or surface={surface!r} out"
        )
    return paths


def _elsewhere(fitting: Iterable[DocumentedError]) -> str:
    """Where the errors are documented that would fit but for their endpoint."""
    paths = dict.fromkeys(path for error in fitting for path in error.endpoints)
    if not paths:
        return ""
    return "; other endpoints document what fits: " + " or ".join(
        f"endpoint={path!r}" for path in paths
    )


def _known_codes(
    provider: Provider, given: object, argument: str, others: Iterable[Provider]
) -> tuple[str, ...]:
    """Codes of the provider's; what another list knows is said to be there."""
    known = codes_of(provider)
    found: list[str] = []
    for item in several(given):
        if isinstance(item, DocumentedError) and item.provider == provider.name:
            item = item.code  # noqa: PLW2901 - an error stands for its code
        if not isinstance(item, str):
            raise UsageError(f"{argument} names errors by their code, not by {kind(item)}")
        if item in FAULTS_BY_NAME:
            raise UsageError(
                f"{argument}: {item!r} is a network fault, and each_parse_error lists documented "
                f"errors: script it with parse_error({item!r})"
            )
        if item not in known:
            raise not_known(provider, item, others, known)
        found.append(item)
    return tuple(found)


def _statuses(provider: Provider, given: object) -> tuple[int, ...]:
    known = sorted({error.status for error in provider.errors})
    statuses = []
    for item in several(given):
        if isinstance(item, bool) or not isinstance(item, int):
            raise UsageError(f"a status is a number, not {kind(item)}")
        if item not in known:
            raise UsageError(
                f"status {item} is not documented by {provider.name}: known: {listed(known)}"
            )
        statuses.append(int(item))
    return tuple(statuses)
