"""What is wrong with a provider that another plugin gives: each mistake in one line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from types import NoneType
from typing import Any, Final, get_args

from pytest_parseapi.model.behaviour import Behaviour
from pytest_parseapi.model.credentials import Credential
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import Advice, Basis, Cure, DocumentedError, Surface, Topic
from pytest_parseapi.model.faults import FAULTS
from pytest_parseapi.model.mistakes import UsageError, listed, nearest
from pytest_parseapi.model.provider import APIVersion, Provider
from pytest_parseapi.model.runs import RunDescription
from pytest_parseapi.model.webhooks import Signing, WebhookDescription

__all__ = ["check_provider"]

_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_FAULT_NAMES: Final = frozenset(fault.name for fault in FAULTS)
_LOWEST, _HIGHEST = 400, 599
_SHOWN: Final = 60


def check_provider(provider: Provider, known: Mapping[str, Provider], plugin: str = "") -> None:
    """Refuse a provider in which something is wrong.

    Args:
        provider: what a ``pytest_parseapi_providers`` hook gave.
        known: the providers so far, by name. One of the same name takes its errors only.
        plugin: the plugin that gave it, for the message.

    Raises:
        UsageError: with one line that names the plugin, the provider, the field and the value.
    """
    same = known.get(provider.name) if isinstance(provider.name, str) else None
    for field, problem in _problems(provider, known, same):
        origin = f"{plugin}: " if plugin else ""
        raise UsageError(f"{origin}provider {provider.name!r}: {field} {problem}")


def _problems(
    provider: Provider, known: Mapping[str, Provider], same: Provider | None
) -> Iterator[tuple[str, str]]:
    """Each mistake: the field, and what is wrong with its value."""
    if not isinstance(provider.name, str) or not provider.name.strip():
        yield "name", f"must be a text that is not empty, not {provider.name!r}"
        return
    yield from _types(provider)
    if same is None:
        yield from _place(provider, known)
        yield from _endpoints(provider)
        yield from _descriptions(provider)
    yield from _errors(provider, same)


# What each field must be; None where it may be None, too.
_PROVIDER: Final[Mapping[str, tuple[Any, ...]]] = {
    "base_url": (str,),
    "title": (str,),
    "api_key": (str,),
    "unauthorized": (str,),
    "main_endpoint": (str,),
    "credential": (Credential,),
    "behaviour": (Behaviour,),
    "runs": (RunDescription, NoneType),
    "webhooks": (WebhookDescription, NoneType),
    "api_version": (APIVersion, NoneType),
    "idempotency_header": (str, NoneType),
    "takes_files": (bool,),
    "fixture": (str,),
}
_SEVERAL: Final[Mapping[str, type]] = {
    "hosts": str,
    "errors": DocumentedError,
    "own_errors": DocumentedError,
    "endpoints": Endpoint,
    "advice": Advice,
}
_ERROR: Final[Mapping[str, tuple[Any, ...]]] = {
    "wire_code": (str, NoneType),
    "message": (str,),
    "source": (str,),
    "source_read": (str,),
    "description": (str,),
}
_RUNS: Final[Mapping[str, tuple[Any, ...]]] = {
    **dict.fromkeys(("submitted", "running", "succeeded", "failed", "id_prefix"), (str,)),
    **dict.fromkeys(("cancelled", "waiting", "batch_id_prefix"), (str, NoneType)),
    **dict.fromkeys(("failure_field", "unknown_reason"), (str,)),
    **dict.fromkeys(("sample", "failure_texts"), (Callable,)),
}
_WEBHOOKS: Final[Mapping[str, tuple[Any, ...]]] = {
    "signing": (Signing,),
    "events": (Mapping,),
    "batch_events": (Mapping,),
    "payload": (Callable,),
    "batch_payload": (Callable, NoneType),
    "envelope": (Callable,),
    "signed_url": (Callable, NoneType),
    "headers": (Mapping,),
    "event_id_prefix": (str,),
    "unknown_event_type": (str,),
    "answer_seconds": (int, float),
    "verifier": (str,),
}
_SIGNING: Final[Mapping[str, tuple[Any, ...]]] = {
    "secret": (str,),
    "signature_header": (str,),
    "timestamp_header": (str, NoneType),
    "sign": (Callable, NoneType),
}
_ADVICE: Final[Mapping[str, tuple[Any, ...]]] = dict.fromkeys(("text", "source"), (str,))


def _shape(
    holder: object, fields: Mapping[str, tuple[Any, ...]], prefix: str = ""
) -> Iterator[tuple[str, str]]:
    """The fields of a value that are of a wrong type."""
    for field, kinds in fields.items():
        value = getattr(holder, field)
        if not isinstance(value, kinds):
            yield prefix + field, f"must be {_a(kinds[0])}, not {_short(value)}"


def _types(provider: Provider) -> Iterator[tuple[str, str]]:
    yield from _shape(provider, _PROVIDER)
    for field, kind in _SEVERAL.items():
        values = getattr(provider, field)
        # A generator would be empty when it is read again.
        if not isinstance(values, tuple | list):
            yield field, f"must be a tuple of {kind.__name__}, not {_short(values)}"
            continue
        for index, value in enumerate(values):
            if not isinstance(value, kind):
                yield f"{field}[{index}]", f"must be {_a(kind)}, not {_short(value)}"
    for index, item in enumerate(provider.advice):
        yield from _shape(item, _ADVICE, f"advice[{index}].")
        if item.rule not in get_args(Topic):
            names = listed(repr(topic) for topic in get_args(Topic))
            yield f"advice[{index}].rule", f"must be one of {names}, not {item.rule!r}"
    if provider.runs is not None:
        yield from _shape(provider.runs, _RUNS, "runs.")
    if provider.webhooks is not None:
        yield from _shape(provider.webhooks, _WEBHOOKS, "webhooks.")
        yield from _shape(provider.webhooks.signing, _SIGNING, "webhooks.signing.")


def _place(provider: Provider, known: Mapping[str, Provider]) -> Iterator[tuple[str, str]]:
    if not provider.base_url.startswith(("https://", "http://")):
        # Without a host nothing would be intercepted, and requests would leave the machine.
        yield "base_url", f"must begin with https:// or http://, not {provider.base_url!r}"
        return
    if not all(provider.hosts):
        yield "base_url", f"must name a host, not {provider.base_url!r}"
    if "@" in provider.base_url.partition("://")[2].partition("/")[0]:
        yield "base_url", f"must have no credential, not {provider.base_url!r}"
    if not provider.api_key:
        yield "api_key", "must not be empty"
    owners = {host: other for other in known.values() for host in other.hosts}
    for index, host in enumerate(provider.hosts):
        field = f"hosts[{index}]"
        if host != host.lower():
            yield field, f"must be in lower case: {host.lower()!r}, not {host!r}"
        elif host and not _HOST.fullmatch(host):
            yield field, f"must be a host name without a scheme, port or path, not {host!r}"
        elif host in owners and owners[host].name != provider.name:
            yield field, f"is a host of the provider {owners[host].name!r}: {host!r}"


def _endpoints(provider: Provider) -> Iterator[tuple[str, str]]:
    if not provider.endpoints:
        yield "endpoints", "must have at least one Endpoint"
    for index, endpoint in enumerate(provider.endpoints):
        field = f"endpoints[{index}]"
        if not endpoint.path.startswith("/"):
            yield f"{field}.path", f"must begin with a slash, not {endpoint.path!r}"
        if not endpoint.method or endpoint.method != endpoint.method.upper():
            yield f"{field}.method", f"must be in capitals, not {endpoint.method!r}"
        if endpoint.polls and "{" not in endpoint.path:
            yield f"{field}.path", f"must have a variable for the run, not {endpoint.path!r}"
    for text, count in Counter(map(str, provider.endpoints)).items():
        if count > 1:
            yield "endpoints", f"has {text!r} {count} times"
    paths = [endpoint.path for endpoint in provider.endpoints]
    if paths and provider.main_endpoint not in paths:
        near = nearest(provider.main_endpoint, paths)
        yield "main_endpoint", f"is none of its endpoints: {provider.main_endpoint!r}; {near}"


def _descriptions(provider: Provider) -> Iterator[tuple[str, str]]:
    runs, webhooks = provider.runs, provider.webhooks
    if runs is not None:
        for status, count in Counter((*runs.in_progress, *runs.terminal)).items():
            if not status or count > 1:
                yield "runs", f"must give each state a status of its own: {status!r}"
        for flag in ("submits", "polls"):
            if not any(getattr(endpoint, flag) for endpoint in provider.endpoints):
                yield "runs", f"needs an Endpoint with {flag}=True"
    if webhooks is None:
        return
    if runs is None:
        yield "webhooks", "needs runs, which events are about"
    elif webhooks.events.keys() - set(runs.terminal):
        wrong = next(iter(webhooks.events.keys() - set(runs.terminal)))
        yield (
            "webhooks.events",
            f"must be by a terminal status, not {wrong!r}; " + nearest(wrong, runs.terminal),
        )
    if not webhooks.signing.secret:
        yield "webhooks.signing.secret", "must not be empty"


def _errors(provider: Provider, same: Provider | None) -> Iterator[tuple[str, str]]:
    whole = provider if same is None else same
    paths = [endpoint.path for endpoint in whole.endpoints]
    seen: set[str] = set()
    listing = [("errors", item) for item in provider.errors]
    listing += [("own_errors", item) for item in provider.own_errors]
    for number, (name, error) in enumerate(listing):
        index = number if name == "errors" else number - len(provider.errors)
        field = f"{name}[{index}]"
        yield from _error(f"{field}", error, provider.name, paths, seen)
        for surface in error.surfaces if isinstance(error.surfaces, tuple | list) else ():
            description = {"run": whole.runs, "webhook": whole.webhooks}.get(surface, whole)
            if description is None:
                yield f"{field}.surfaces", f"has {surface!r}, but the provider describes none"


def _error(
    field: str, error: DocumentedError, name: str, paths: list[str], seen: set[str]
) -> Iterator[tuple[str, str]]:
    code = error.code
    if not isinstance(code, str) or not code.strip():
        yield f"{field}.code", f"must be a text that is not empty, not {code!r}"
        return
    if not code.isprintable():
        yield f"{field}.code", f"must be one line, not {code!r}"
    if code in seen:
        yield f"{field}.code", f"is there twice: {code!r}"
    seen.add(code)
    if code in _FAULT_NAMES:
        yield f"{field}.code", f"is the name of a network fault: {code!r}"
    if error.provider != name:
        yield f"{field}.provider", f"must be {name!r}, not {error.provider!r} ({code})"
    for attribute, problem in _values(error, paths):
        yield f"{field}.{attribute}", f"{problem} ({code})"


def _values(error: DocumentedError, paths: list[str]) -> Iterator[tuple[str, str]]:
    status = error.status
    if not isinstance(error.retryable, bool):
        yield "retryable", f"must be True or False, not {error.retryable!r}"
    if isinstance(status, bool) or not isinstance(status, int) or not _LOWEST <= status <= _HIGHEST:
        yield "status", f"must be from {_LOWEST} to {_HIGHEST}, not {status!r}"
    yield from _shape(error, _ERROR)
    for attribute in ("surfaces", "endpoints"):
        value = getattr(error, attribute)
        if not isinstance(value, tuple | list):
            yield attribute, f"must be a tuple of str, not {_short(value)}"
            return
    if not error.surfaces:
        yield "surfaces", "must not be empty"
    for attribute, value, allowed in (
        *(("surfaces", item, get_args(Surface)) for item in error.surfaces),
        ("basis", error.basis, get_args(Basis)),
        ("cured_by", error.cured_by, (*get_args(Cure), None)),
    ):
        if value not in allowed:
            names = listed(repr(item) for item in allowed)
            yield attribute, f"must be one of {names}, not {value!r}"
    for path in error.endpoints:
        if path not in paths:
            yield (
                "endpoints",
                f"has {path!r}, which is none of its endpoints; " + nearest(path, paths),
            )


def _a(kind: object) -> str:
    """What a value must be, with its article."""
    name = "function" if kind is Callable else getattr(kind, "__name__", repr(kind))
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def _short(value: object) -> str:
    text = repr(value)
    plain = len(text) <= _SHOWN and "\n" not in text and " at 0x" not in text
    return text if plain else f"one {type(value).__name__}"
