"""The providers that this session knows: the built-in ones and those of other plugins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from pytest_parseapi.model.mistakes import UsageError, nearest
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.validation import check_provider
from pytest_parseapi.providers.extend.provider import EXTEND
from pytest_parseapi.providers.nutrient.provider import NUTRIENT


def built_in_providers() -> tuple[Provider, ...]:
    """The providers of this package: one line for each."""
    return (EXTEND, NUTRIENT)


def registry(more: Iterable[tuple[str, Provider]] = ()) -> Mapping[str, Provider]:
    """Every provider by its name.

    Args:
        more: what ``pytest_parseapi_providers`` hooks gave, each with the name of its plugin. A
            provider of a known name adds its errors to that one.

    Raises:
        UsageError: one of them is wrong; one line names plugin, provider, field and value.
    """
    known = {provider.name: provider for provider in built_in_providers()}
    for plugin, provider in more:
        check_provider(provider, known, plugin)
        same = known.get(provider.name)
        known[provider.name] = provider if same is None else same.with_errors(*provider.errors)
    return MappingProxyType(known)


def provider_named(providers: Mapping[str, Provider], name: object) -> Provider:
    """The provider of a name.

    Raises:
        UsageError: there is none; the message has the nearest names.
    """
    if isinstance(name, Provider):
        name = name.name
    if not isinstance(name, str) or name not in providers:
        raise UsageError(f"unknown provider {name!r}: {nearest(name, providers)}")
    return providers[name]
