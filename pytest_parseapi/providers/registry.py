"""The providers that this session knows: the built-in ones and those of other plugins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from pytest_parseapi.model.mistakes import UsageError, nearest
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.providers.extend import endpoints as extend_endpoints
from pytest_parseapi.providers.extend import errors as extend_errors
from pytest_parseapi.providers.extend.behaviour import ExtendBehaviour
from pytest_parseapi.providers.extend.files import OUTPUT_ENDPOINT
from pytest_parseapi.providers.nutrient import errors as nutrient_errors
from pytest_parseapi.providers.nutrient.behaviour import NutrientBehaviour

__all__ = ["built_in_providers", "provider_named", "registry"]


def built_in_providers() -> tuple[Provider, ...]:
    """Extend's Parse API and Nutrient's Data Extraction API."""
    return (
        Provider(
            name="extend",
            title="Extend",
            base_url=extend_endpoints.BASE_URL,
            hosts=extend_endpoints.HOSTS,
            api_key=extend_endpoints.API_KEY,
            errors=extend_errors.ERRORS,
            endpoints=(*extend_endpoints.ENDPOINTS, OUTPUT_ENDPOINT),
            main_endpoint="/parse",
            api_version=extend_endpoints.API_VERSION,
            advice=extend_endpoints.ADVICE,
            behaviour=ExtendBehaviour(),
        ),
        Provider(
            name="nutrient",
            title="Nutrient",
            base_url=nutrient_errors.BASE_URL,
            hosts=nutrient_errors.HOSTS,
            api_key=nutrient_errors.API_KEY,
            errors=nutrient_errors.ERRORS,
            endpoints=nutrient_errors.ENDPOINTS,
            main_endpoint="/extraction/parse",
            idempotency_header="Idempotency-Key",
            advice=nutrient_errors.ADVICE,
            behaviour=NutrientBehaviour(),
        ),
    )


def registry(more: Iterable[Provider] = ()) -> Mapping[str, Provider]:
    """Every provider by its name.

    Args:
        more: what ``pytest_parseapi_providers`` hooks gave. One with a known name adds its errors
            to the provider of that name.
    """
    known = {provider.name: provider for provider in built_in_providers()}
    for provider in more:
        if not isinstance(provider, Provider):
            raise UsageError(f"pytest_parseapi_providers gives Providers, not {provider!r}")
        if not all(provider.hosts):
            # Without a host nothing would be intercepted, and requests would leave the machine.
            raise UsageError(
                f"provider {provider.name!r} has no host: base_url is like "
                f"'https://api.example.com/v1', not {provider.base_url!r}"
            )
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
