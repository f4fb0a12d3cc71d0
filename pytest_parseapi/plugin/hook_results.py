"""Checks the results of other plugins' hooks: a mistake is one line that names the plugin."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_parseapi.model.mistakes import UsageError, kind
from pytest_parseapi.model.printable_text import error_line
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.record.evidence.collector import Source

_PROVIDERS: Final = "pytest_parseapi_providers"
_EVIDENCE: Final = "pytest_parseapi_evidence"
# More than any log of a test has: a generator that never ends gives more.
_MAX_ITEMS: Final = 1_000_000


def providers_of_plugins(manager: pytest.PytestPluginManager) -> list[tuple[str, Provider]]:
    """The providers of every plugin's ``pytest_parseapi_providers``, each with its plugin's name.

    Raises:
        UsageError: a hook raised an error, or gave something else than providers.
    """
    found: list[tuple[str, Provider]] = []
    for name, hook in _hooks(manager, _PROVIDERS):
        given = _called(name, _PROVIDERS, hook)
        if given is None:
            continue
        if not _is(given, Iterable) or _is(given, str | bytes):
            raise UsageError(f"{name}: {_PROVIDERS} gives a list of Providers, not {kind(given)}")
        for item in _listed(name, _PROVIDERS, given):
            if not _is(item, Provider):
                raise UsageError(f"{name}: {_PROVIDERS} gives Providers, not {kind(item)}")
            found.append((name, item))
    return found


def sources_of_plugins(config: pytest.Config) -> list[Source]:
    """The places to look for log text of every plugin's ``pytest_parseapi_evidence``.

    Raises:
        UsageError: a hook raised an error, or gave something that cannot be called.
    """
    found: list[Source] = []
    for name, hook in _hooks(config.pluginmanager, _EVIDENCE):
        given = _called(name, _EVIDENCE, functools.partial(hook, config=config))
        if given is None:
            continue
        if not callable(given):
            raise UsageError(
                f"{name}: {_EVIDENCE} gives a callable that returns log text, not {kind(given)}"
            )
        found.append(_checked(name, given))
    return found


def _hooks(
    manager: pytest.PytestPluginManager, hook: str
) -> Iterator[tuple[str, Callable[..., object]]]:
    """Each plugin's own part of a hook, in the order in which pytest calls them."""
    plugins = [
        implementation.plugin for implementation in getattr(manager.hook, hook).get_hookimpls()
    ]
    for plugin in reversed(plugins):
        others = [other for other in plugins if other is not plugin]
        caller = manager.subset_hook_caller(hook, others)

        def call(caller: Any = caller, **arguments: object) -> object:
            results = caller(**arguments)
            return results[0] if results else None

        yield _name(manager, plugin), call


def _name(manager: pytest.PytestPluginManager, plugin: object) -> str:
    name = manager.get_name(plugin) or type(plugin).__name__
    # A conftest.py has its whole path as its name.
    return f"plugin {os.path.relpath(name) if Path(name).is_absolute() else name}"


def _called(name: str, hook: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it raises, it is named
        # Also what skips or ends: it would do so to each test that simulates, and not say why.
        raise UsageError(f"{name}: {hook} raised {error_line(error)}") from None


def _listed(name: str, hook: str, given: Iterable[Any]) -> list[Any]:
    items = _called(name, hook, lambda: list(itertools.islice(given, _MAX_ITEMS + 1)))
    if len(items) > _MAX_ITEMS:
        raise UsageError(f"{name}: {hook} gives more than {_MAX_ITEMS:,} items")
    return items  # type: ignore[no-any-return]


def _checked(name: str, source: Callable[[], object]) -> Source:
    """The source, whose mistakes are reported with its plugin's name."""

    def checked() -> list[str]:
        given = _called(name, _EVIDENCE, source)
        if _is(given, str):
            return [str.__str__(given)]
        if not _is(given, Iterable) or _is(given, bytes):
            raise UsageError(f"{name}: {_EVIDENCE} gives log text, not {kind(given)}")
        texts = _listed(name, _EVIDENCE, given)
        for item in texts:
            if not _is(item, str):
                raise UsageError(f"{name}: {_EVIDENCE} gives lines of text, not {kind(item)}")
        return [str.__str__(item) for item in texts]

    own = getattr(source, "__name__", None)
    checked.__name__ = own if isinstance(own, str) else "hook"
    return checked


def _is(value: object, wanted: Any) -> bool:
    """As `isinstance`, but no code of the value's own is run."""
    return issubclass(type(value), wanted)
