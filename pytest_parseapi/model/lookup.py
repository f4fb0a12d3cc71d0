"""Finds the error or the endpoint that a test names."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError, Surface
from pytest_parseapi.model.faults import FAULTS, GATEWAY_PAGES, NetworkFault, raised_as
from pytest_parseapi.model.mistakes import (
    UsageError,
    choice,
    kind,
    listed,
    nearest,
    unknown,
)
from pytest_parseapi.model.provider import Provider

ErrorOrFault: TypeAlias = DocumentedError | NetworkFault
ErrorName: TypeAlias = str | int | DocumentedError | NetworkFault

FAULTS_BY_NAME: Final[Mapping[str, NetworkFault]] = MappingProxyType(
    {item.name: item for item in FAULTS}
)
SURFACES: Final[Mapping[str, str]] = MappingProxyType(
    {"http": "HTTP replies", "run": "run failures", "webhook": "webhook events"}
)
_SCRIPTED_BY: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "http": ("fail()", "the marker parse_error", "--fail"),
        "run": ("fail_run()", "the marker parse_run_failed", "--fail-run"),
    }
)
"""By surface: the method, the marker and the option that script it."""
_LOWEST_STATUS: Final = 100


def name_of(error: ErrorOrFault | str) -> str:
    """What a test calls a failure: the documented code, or the name of the network fault."""
    if isinstance(error, str):
        return error
    return error.code if isinstance(error, DocumentedError) else error.name


def resolve(
    provider: Provider,
    name: ErrorName,
    *,
    others: Iterable[Provider] = (),
    surface: Surface = "http",
) -> ErrorOrFault:
    """Find the one failure that a test names, or say which names exist.

    Args:
        provider: the provider that is to fail.
        name: a documented code, an HTTP status (an int) that only one error has, a
            `DocumentedError`, or a network fault or its name.
        others: more providers, so that a code of theirs is recognized.
        surface: where it is to appear; network faults are ``"http"`` only.

    Returns:
        The documented error or the network fault.

    Raises:
        UsageError: the name is unknown, ambiguous, or never appears on this surface.

    Example:
        >>> resolve(extend, "OCR_ERROR").status
        500
    """
    choice("surface", surface, SURFACES)
    found: ErrorOrFault
    if isinstance(name, NetworkFault):
        found = FAULTS_BY_NAME[choice("network fault", name.name, FAULTS_BY_NAME)]
    elif isinstance(name, DocumentedError):
        if name.provider != provider.name:
            raise _foreign(provider, name.code, _named(others, name.provider))
        choice(f"{provider.name} error", name.code, codes_of(provider))
        found = name
    elif isinstance(name, str):
        found = _by_name(provider, name, others, surface)
    elif isinstance(name, int) and not isinstance(name, bool):
        found = _by_status(provider, int(name), surface)
    else:
        ways = ["its code", "its status (an int)", "a DocumentedError"]
        ways += ["a network fault"] if surface == "http" else []
        said = f"{', '.join(ways[:-1])} or {ways[-1]}"
        raise UsageError(f"an error is named by {said}, not by {kind(name)}{_meant(name, surface)}")
    must_appear(provider, found, surface)
    return found


def _meant(value: object, surface: str) -> str:
    """What an argument probably means that stands where an error is named."""
    kind_of = value if isinstance(value, type) else type(value)
    if issubclass(kind_of, BaseException):
        fault = raised_as(kind_of)
        if not fault:
            return ""
        said = f": {kind_of.__name__} is an exception"
        if surface != "http":
            return f"{said}: a request meets it, by fail({fault!r}), and no run does"
        return f"{said}: name the network fault that raises it, {fault!r}"
    if isinstance(value, Provider):
        return f": the provider is chosen by the fixture {value.in_tests}"
    meant = {
        "give each error as an argument of its own": (
            isinstance(value, list | tuple | set | frozenset)
        ),
        "write times=ALWAYS": value == math.inf,
        "how often a failure is met is times=, an integer": isinstance(value, float),
        "when to retry is retry_after=": isinstance(value, dt.datetime | dt.timedelta),
        "which document fails is document=": hasattr(value, "__fspath__"),
        "which requests fail is when=": callable(value) or hasattr(value, "match"),
    }
    return next((f": {words}" for words, fits in meant.items() if fits), "")


def endpoint_named(
    provider: Provider, name: str, others: Iterable[Provider] = ()
) -> tuple[Endpoint, ...]:
    """Find the endpoints that a test names.

    Args:
        provider: the provider to look at.
        name: a path template (``"/parse_runs/{id}"``) or a path, after a method or alone.
        others: further providers: a message says which of them has it.

    Returns:
        Every endpoint so named: one a method, unless the name says which.

    Raises:
        UsageError: the simulation has no such endpoint.

    Example:
        >>> [str(endpoint) for endpoint in endpoint_named(extend, "GET /parse_runs/pr_1")]
        ['GET /parse_runs/{id}']
    """
    if not isinstance(name, str):
        raise UsageError(f"an endpoint is named by its path, not by {kind(name)}")
    found = _endpoints(provider, name)
    if not found:
        for other in others:
            if other.name != provider.name and _endpoints(other, name):
                raise _foreign(provider, name, other)
        method = " " in name.strip()
        known = [str(item) if method else item.path for item in provider.endpoints]
        raise unknown(f"{provider.name} endpoint", name, dict.fromkeys(known))
    return tuple(found)


def _endpoints(provider: Provider, name: str) -> list[Endpoint]:
    method, _, path = name.strip().rpartition(" ")
    served = [item for item in provider.endpoints if method.strip().upper() in ("", item.method)]
    # A template goes before what merely matches: "/runs/batch" is also a path of "/runs/{id}".
    found = [item for item in served if item.path == path]
    return found or [item for item in served if item.match(path) is not None]


def _by_name(
    provider: Provider, name: str, others: Iterable[Provider], surface: str
) -> ErrorOrFault:
    named: dict[str, ErrorOrFault] = {
        **FAULTS_BY_NAME,
        **{error.code: error for error in provider.errors},
    }
    if name in named:
        return named[name]
    known = [error.code for error in provider.errors_on(surface)]
    known += FAULTS_BY_NAME if surface == "http" else []
    raise not_known(provider, name, others, known)


def not_known(
    provider: Provider, name: str, others: Iterable[Provider], known: list[str]
) -> UsageError:
    """The mistake of a name that the provider lacks: whose it is, or what it is meant for."""
    near = {key.casefold(): key for key in [*FAULTS_BY_NAME, *codes_of(provider)]}.get(
        name.casefold()
    )
    for other in others:
        if other.name != provider.name and name in codes_of(other):
            return _foreign(provider, name, other, near)
    if near is not None:
        return UsageError(f"{provider.name} has no error {name!r}: its name is {near!r}")
    if name.isdecimal():
        return UsageError(f"{name!r} is a text: name a status by a number, {int(name)}")
    words = nearest(name, known)
    if not words.startswith("did you mean"):
        if name.startswith("/"):
            return UsageError(f"{name!r} is no error: write endpoint={name!r}")
        if "." in name or "/" in name:
            return UsageError(f"{name!r} is no error: write document={name!r}")
    return unknown(f"{provider.name} error", name, known)


def _by_status(provider: Provider, status: int, surface: str) -> ErrorOrFault:
    appearing = provider.errors_on(surface)
    found = [error for error in appearing if error.status == status]
    if len(found) == 1:
        return found[0]
    if found:
        codes = listed(error.code for error in found)
        raise UsageError(f"status {status} is ambiguous for {provider.name}: {codes}")
    retried = provider.advice_for("server_errors") is not None
    if surface == "http" and retried and status in GATEWAY_PAGES:
        # The provider speaks of any 5xx, also of those that it documents no body for.
        return GATEWAY_PAGES[status]
    faults = [fault for fault in FAULTS if fault.status == status and surface == "http"]
    also = f"; network faults that send it: {listed(faults)}" if faults else ""
    if status < _LOWEST_STATUS:
        also = f"; how often a failure is met is times={status}"
    known = {error.status for error in appearing}
    if surface == "http" and retried:
        known |= {page for page in GATEWAY_PAGES if page is not None}
    raise UsageError(
        f"status {status} is not documented for {SURFACES[surface]} of {provider.name}: "
        f"known: {listed(sorted(known))}{also}"
    )


def must_appear(
    provider: Provider, found: ErrorOrFault, surface: str, *, scripted: bool = True
) -> None:
    """Stop the test where a failure never appears on a surface.

    Args:
        provider: whose failure it is.
        found: the failure.
        surface: the surface.
        scripted: whether it was to be scripted, and not to be one case of a test.
    """
    if isinstance(found, NetworkFault):
        surfaces: tuple[Surface, ...] = ("http",)
        wrong = f"{found.name!r} is a network fault"
    else:
        surfaces = found.surfaces
        wrong = f"{found.code!r} is documented for {listed(SURFACES[key] for key in surfaces)}"
    if surface not in surfaces:
        fitting = listed(error.code for error in provider.errors_on(surface))
        said = f"{wrong}, not for {SURFACES[surface]} of {provider.name}: "
        fit = [key for key in surfaces if key in _SCRIPTED_BY] if surface in _SCRIPTED_BY else []
        if not fit:
            raise UsageError(f"{said}known: {fitting}")
        method, marker, option = _SCRIPTED_BY[fit[0]]
        raise UsageError(
            f"{said}use {method}; known: {fitting}",
            marker=f"{said}use {marker if scripted else f'surface={fit[0]!r}'}; known: {fitting}",
            option=f"{said}use {option}; known: {fitting}",
        )


def _named(providers: Iterable[Provider], name: str) -> Provider:
    made = Provider(name=name, base_url="")
    return next((provider for provider in providers if provider.name == name), made)


def _foreign(provider: Provider, code: str, other: Provider, near: str | None = None) -> UsageError:
    here = f" (there it is {near!r})" if near else ""
    said = f"{code!r} is documented by {other.name}, not by {provider.name}{here}"
    return UsageError(
        f"{said}: use {other.in_tests}",
        marker=f"{said}: pass provider={other.name!r} or use {other.in_tests}",
        option=f"{said}: serve {other.name}",
    )


def codes_of(provider: Provider) -> list[str]:
    """The codes of all the errors that a provider documents."""
    return [error.code for error in provider.errors]
