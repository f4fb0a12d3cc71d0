"""Hypothesis strategies: scripts of failures. Needs the extra ``hypothesis``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from hypothesis import strategies as st

from pytest_parseapi.api.drawn_script import FailureScript, ScriptedFailure
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import FAULTS
from pytest_parseapi.model.mistakes import UsageError, check_count, choice, choices
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.selection import select
from pytest_parseapi.providers.registry import provider_named, registry

__all__ = ["FailureScript", "ScriptedFailure", "failure_scripts"]

_LONGEST_RETRY_AFTER = 60
_LIMITS = (429, 503)


def failure_scripts(
    provider: str | Provider,
    *,
    surface: Literal["http", "run"] = "http",
    exclude: str | Iterable[str] = (),
    min_size: int = 1,
    max_size: int = 6,
) -> st.SearchStrategy[FailureScript]:
    """Draw scripts of documented errors and network faults.

    They shrink to the shortest that breaks the consumer, with retryable errors before others and
    documented ones before network faults; replies about limits get a ``Retry-After`` only where
    that matters.

    Args:
        provider: its name, or a `Provider` of your own.
        surface: ``"http"`` for failed requests, ``"run"`` for failed runs.
        exclude: documented codes and network faults to leave out.
        min_size: the fewest failures in a row; 0 draws the script without any, too.
        max_size: the most failures in a row.

    Returns:
        A strategy of `FailureScript`, to hand to `ParseAPI.script`.

    Raises:
        UsageError: a name or number is wrong.

    Example:
        >>> @given(drawn=failure_scripts("extend"))  # doctest: +SKIP
        ... def test_client(extend_api, drawn):
        ...     extend_api.script(drawn)
    """
    found = provider_named({**registry(), **_own(provider)}, provider)
    surface_name = choice("surface", surface, ("http", "run"))
    for name, value in (("min_size", min_size), ("max_size", max_size)):
        if value is None:
            raise UsageError(f"{name} must be an integer >= 0, not None")
        check_count(name, value, 0)
    if not min_size <= max_size:
        raise UsageError(f"0 <= min_size <= max_size, not {min_size!r} and {max_size!r}")
    # What the main endpoint cannot meet would be left over.
    path = found.main_endpoint
    errors = [item for item in select(found, surface=surface_name) if item.documented_for(path)]
    faults = [fault.name for fault in FAULTS] if surface_name == "http" else []
    unwanted = choices(f"{found.name} error", exclude, [*(error.code for error in errors), *faults])
    errors = [error for error in errors if error.code not in unwanted]
    errors.sort(key=lambda error: not error.retryable)
    kinds = [_documented(error, surface) for error in errors]
    kinds += [st.just(ScriptedFailure(name=name)) for name in faults if name not in unwanted]
    if not kinds:
        raise UsageError(f"nothing is left of the {surface_name} failures of {found.name}")
    failures = st.lists(st.one_of(kinds), min_size=min_size, max_size=max_size)
    return _script(found, failures)


@st.composite
def _script(
    draw: st.DrawFn, provider: Provider, failures: st.SearchStrategy[list[ScriptedFailure]]
) -> FailureScript:
    return FailureScript(provider.name, tuple(draw(failures)), provider.fixture or "api")


def _own(provider: object) -> dict[str, Provider]:
    return {provider.name: provider} if isinstance(provider, Provider) else {}


def _documented(
    error: DocumentedError, surface: Literal["http", "run"]
) -> st.SearchStrategy[ScriptedFailure]:
    plain = ScriptedFailure(name=error.code, surface=surface)
    if surface != "http" or error.status not in _LIMITS:
        return st.just(plain)
    seconds = st.none() | st.integers(1, _LONGEST_RETRY_AFTER)
    return seconds.map(lambda value: ScriptedFailure(name=error.code, retry_after=value))
