"""The hooks that other plugins and ``conftest.py`` files implement."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_parseapi.model.provider import Provider

__all__ = ["pytest_parseapi_evidence", "pytest_parseapi_providers"]


def __dir__() -> list[str]:
    """The hooks alone: pytest looks at each name that it is given."""
    return __all__


@pytest.hookspec
def pytest_parseapi_providers() -> Iterable[Provider]:  # type: ignore[empty-body]
    """More providers, or more errors for a known one (a `Provider` of the same name).

    Returns:
        An iterable of `Provider`.
    """


@pytest.hookspec
def pytest_parseapi_evidence(  # type: ignore[empty-body]
    config: pytest.Config,
) -> Callable[[], str | Iterable[str]]:
    """Another source of log text.

    Args:
        config: the session's configuration.

    Returns:
        A callable without arguments. It is called when a check runs, and gives the log text of the
        present test so far.
    """
