"""Hypothesis strategies: scripts of failures. Needs the extra ``hypothesis``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from hypothesis import strategies as st

from pytest_parseapi.api.drawn_script import FailureScript, ScriptedFailure
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

    They shrink to the shortest that breaks the consumer, with retryable errors before others;
    replies about limits get a ``Retry-After`` only where that matters.

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
    first: list[ScriptedFailure] = []
    others: list[ScriptedFailure] = []
    for error in errors:
        if error.code not in unwanted:
            plain = ScriptedFailure(name=error.code, surface=surface)
            (first if error.retryable else others).append(plain)
            if surface_name == "http" and error.status in _LIMITS:
                others.append(replace(plain, retry_after=_LONGEST_RETRY_AFTER))
    others += [ScriptedFailure(name=name) for name in faults if name not in unwanted]
    if not first and not others:
        raise UsageError(f"nothing is left of the {surface_name} failures of {found.name}")
    return _scripts(found, _simplest_near(first, others), min_size, max_size)


@st.composite
def _scripts(
    draw: st.DrawFn, provider: Provider, kinds: list[ScriptedFailure], least: int, most: int
) -> FailureScript:
    failures = draw(st.lists(_failures(kinds), min_size=least, max_size=most))
    return FailureScript(provider.name, tuple(failures), provider.fixture or "api")


@st.composite
def _failures(draw: st.DrawFn, kinds: list[ScriptedFailure]) -> ScriptedFailure:
    kind = draw(st.sampled_from(kinds))
    if kind.retry_after is None:
        return kind
    return replace(kind, retry_after=draw(st.integers(1, _LONGEST_RETRY_AFTER)))


def _simplest_near(
    first: list[ScriptedFailure], others: list[ScriptedFailure]
) -> list[ScriptedFailure]:
    """What is to be drawn, so that Hypothesis finds the simplest.

    From the place of what it has found, it tries the first two places and those one and two before.
    So each of the others stands once behind each of the first: from any of its places, Hypothesis
    goes down through them, and meets each of the first on the way.
    """
    if not first:
        return others
    return first + [kind for other in others for each in first for kind in (each, other)]


def _own(provider: object) -> dict[str, Provider]:
    return {provider.name: provider} if isinstance(provider, Provider) else {}
