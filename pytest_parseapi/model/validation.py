"""Checks a provider of another plugin: each mistake is one line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final, get_args

from pytest_parseapi.model.endpoint import VARIABLE, Endpoint
from pytest_parseapi.model.errors import Advice, DocumentedError, Surface
from pytest_parseapi.model.faults import FAULTS
from pytest_parseapi.model.field_values import a_value_of, in_words, result_of, wrong_fields
from pytest_parseapi.model.mistakes import UsageError, listed, nearest
from pytest_parseapi.model.provider import Provider, host_of
from pytest_parseapi.model.runs import RunDescription, RunFailure
from pytest_parseapi.model.webhooks import WebhookDescription

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")
_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_URL: Final = re.compile(r"https?://[^\s/?#:]*(:\d+)?(/[^\s?#]*)?")
_PATH: Final = re.compile(r"(/([^\s/?#{}]|\{[^{}/]*\})*)+")
_FAULT_NAMES: Final = frozenset(fault.name for fault in FAULTS)


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
    if not _NAME.fullmatch(provider.name):
        # It is in the ids of tests, in commands and in the paths of files.
        yield "name", f"must be of letters, digits and the characters _ . -, not {provider.name!r}"
    yield from _fields(provider)
    usual = Provider.__dataclass_fields__["endpoints"].default
    if same is not None and provider.endpoints not in (usual, same.endpoints):
        yield "endpoints", "must be left out: a provider of a known name only adds its errors"
    if same is None:
        yield from _place(provider, known)
        yield from _endpoints(provider)
    yield from _errors(provider, same)
    if same is None:
        yield from _descriptions(provider)
        yield from _results(provider)


# What each field holds several of.
_SEVERAL: Final[Mapping[str, type]] = {
    "hosts": str,
    "errors": DocumentedError,
    "own_errors": DocumentedError,
    "endpoints": Endpoint,
    "advice": Advice,
}


def _fields(provider: Provider) -> Iterator[tuple[str, str]]:
    """What is wrong with a field by itself."""
    yield from wrong_fields(provider)
    for field, kind in _SEVERAL.items():
        values = getattr(provider, field)
        # A generator would be empty when it is read again.
        if not isinstance(values, tuple):
            yield field, f"must be a tuple of {kind.__name__}, not {in_words(values)}"
            continue
        for index, value in enumerate(values):
            if not isinstance(value, kind):
                yield f"{field}[{index}]", f"must be {a_value_of(kind)}, not {in_words(value)}"
    for field in ("credential", "behaviour", "api_version", "runs", "webhooks"):
        yield from wrong_fields(getattr(provider, field), f"{field}.")
    if provider.webhooks is not None:
        yield from wrong_fields(provider.webhooks.signing, "webhooks.signing.")
    for index, advice in enumerate(provider.advice):
        yield from wrong_fields(advice, f"advice[{index}].")
        if not advice.text.strip():
            yield f"advice[{index}].text", f"must be a text that is not empty, not {advice.text!r}"


def _place(provider: Provider, known: Mapping[str, Provider]) -> Iterator[tuple[str, str]]:
    if not provider.base_url.startswith(("https://", "http://")):
        # Without a host nothing would be intercepted, and requests would leave the machine.
        yield "base_url", f"must begin with https:// or http://, not {provider.base_url!r}"
        return
    if not host_of(provider.base_url):
        yield "base_url", f"must name a host, not {provider.base_url!r}"
    if "@" in provider.base_url.partition("://")[2].partition("/")[0]:
        yield "base_url", f"must have no credential, not {provider.base_url!r}"
    if not _URL.fullmatch(provider.base_url):
        words = "must be a URL without spaces, query and fragment"
        yield "base_url", f"{words}, not {provider.base_url!r}"
    owners = {host: other for other in known.values() for host in other.hosts}
    for index, host in enumerate(provider.hosts):
        field = f"hosts[{index}]"
        if host != host.lower():
            yield field, f"must be in lower case: {host.lower()!r}, not {host!r}"
        elif not _HOST.fullmatch(host):
            yield field, f"must be a host name without a scheme, port or path, not {host!r}"
        elif host in owners:
            yield field, f"is a host of the provider {owners[host].name!r}: {host!r}"
    host = host_of(provider.base_url)
    if host.lower() not in provider.hosts:
        # Requests to it would leave the machine.
        yield "hosts", f"must have the host of base_url, {host!r}, not {in_words(provider.hosts)}"


def _endpoints(provider: Provider) -> Iterator[tuple[str, str]]:
    if not provider.endpoints:
        yield "endpoints", "must have at least one Endpoint"
    for index, endpoint in enumerate(provider.endpoints):
        for attribute, problem in _endpoint(endpoint):
            yield f"endpoints[{index}].{attribute}", problem
    texts = [f"{item.method} {VARIABLE.sub('{}', item.path)}" for item in provider.endpoints]
    for text, endpoint in zip(texts, provider.endpoints, strict=True):
        if texts.count(text) > 1:
            yield "endpoints", f"has {str(endpoint)!r} {texts.count(text)} times"
    paths = [endpoint.path for endpoint in provider.endpoints]
    if paths and provider.main_endpoint not in paths:
        near = nearest(provider.main_endpoint, paths)
        yield "main_endpoint", f"is none of its endpoints: {provider.main_endpoint!r}; {near}"


def _endpoint(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    method, path = endpoint.method, endpoint.path
    if not isinstance(path, str) or not path.startswith("/"):
        yield "path", f"must begin with a slash, not {path!r}"
        return
    variables = VARIABLE.findall(path)
    if not _PATH.fullmatch(path):
        words = "must be a path without spaces and query, each variable in braces"
        yield "path", f"{words}, not {path!r}"
    for name in variables:
        if not name.isidentifier() or variables.count(name) > 1:
            yield "path", f"must have variables that are different names, not {path!r}"
    if endpoint.polls and endpoint.submits:
        yield "submits", "must be False where polls is True: a request does one or the other"
    if endpoint.polls and not variables:
        yield "path", f"must have a variable for the run, not {path!r}"
    if not isinstance(method, str) or method != method.upper():
        yield "method", f"must be in capitals, not {method!r}"
    elif not method.isalpha():
        yield "method", f"must be a method of HTTP, not {method!r}"
    yield from wrong_fields(endpoint)


def _descriptions(provider: Provider) -> Iterator[tuple[str, str]]:
    runs, webhooks = provider.runs, provider.webhooks
    topics = [advice.topic for advice in provider.advice]
    for index, topic in enumerate(topics):
        if topic in topics[:index]:
            yield f"advice[{index}].topic", f"is there twice: {topic!r}"
    codes = [error.code for error in (*provider.errors, *provider.own_errors)]
    usual = Provider.__dataclass_fields__["unauthorized"].default
    if provider.unauthorized not in ("", usual, *codes):
        near = nearest(provider.unauthorized, codes)
        yield "unauthorized", f"is the code of no error: {provider.unauthorized!r}; {near}"
    if runs is not None:
        yield from _runs(runs, provider)
    if webhooks is None:
        return
    if runs is None:
        yield "webhooks", "needs runs, which events are about"
        return
    for field in ("events", "batch_events"):
        for status in getattr(webhooks, field):
            if status not in runs.terminal:
                near = nearest(status, runs.terminal)
                yield f"webhooks.{field}", f"must be by a terminal status, not {status!r}; {near}"
    yield from _webhooks(webhooks)


def _runs(runs: RunDescription, provider: Provider) -> Iterator[tuple[str, str]]:
    for status, count in Counter((*runs.in_progress, *runs.terminal)).items():
        if count > 1:
            yield "runs", f"must give each state a status of its own: {status!r}"
    for flag in ("submits", "polls"):
        if not any(getattr(endpoint, flag) for endpoint in provider.endpoints):
            yield "runs", f"needs an Endpoint with {flag}=True"
    if any(error.code == runs.unknown_reason for error in provider.errors):
        yield "runs.unknown_reason", f"is the code of an error: {runs.unknown_reason!r}"


def _webhooks(webhooks: WebhookDescription) -> Iterator[tuple[str, str]]:
    types = {*webhooks.events.values(), *webhooks.batch_events.values()}
    if webhooks.unknown_event_type in types:
        unknown = webhooks.unknown_event_type
        yield "webhooks.unknown_event_type", f"is the type of a documented event: {unknown!r}"
    if webhooks.batch_events and webhooks.batch_payload is None:
        yield "webhooks.batch_payload", "must be a function where there are batch_events, not None"
    signing = webhooks.signing
    if (signing.timestamp_header or "").lower() == signing.signature_header.lower():
        header = signing.timestamp_header
        yield "webhooks.signing.timestamp_header", f"carries the signature already: {header!r}"


def _results(provider: Provider) -> Iterator[tuple[str, str]]:
    """What is wrong with the results of the functions that can be called without a test."""
    runs, webhooks = provider.runs, provider.webhooks
    if runs is not None:
        failures = [RunFailure(reason=runs.unknown_reason, message="Something new went wrong.")]
        failures += [
            RunFailure(reason=e.code, message=e.message, error=e) for e in provider.errors_on("run")
        ]
        for failure in failures:
            yield from _result("runs.failure_texts", tuple, runs.failure_texts, failure)
    if webhooks is not None:
        sign, event = webhooks.signing.sign, next(iter(webhooks.events.values()))
        if sign is not None:
            yield from _result("webhooks.signing.sign", str, sign, "secret", 0, b"{}")
        yield from _result("webhooks.envelope", Mapping, webhooks.envelope, "id", event, {})


def _result(
    field: str, kind: type, function: Callable[..., object], *given: object
) -> Iterator[tuple[str, str]]:
    try:
        found = result_of(kind, function, *given)
    except TypeError as error:
        yield field, str(error)
        return
    if isinstance(found, tuple) and not (found and all(map(_is_text, found))):
        yield field, f"must give a tuple of texts that are not empty, not {in_words(found)}"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _errors(provider: Provider, same: Provider | None) -> Iterator[tuple[str, str]]:
    whole = provider if same is None else same
    paths = [endpoint.path for endpoint in whole.endpoints]
    seen: set[str] = set()
    listing = [(f"errors[{index}]", item) for index, item in enumerate(provider.errors)]
    listing += [(f"own_errors[{index}]", item) for index, item in enumerate(provider.own_errors)]
    for field, error in listing:
        yield from _error(field, error, provider.name, paths, seen)
        for surface in error.surfaces:
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
    if code != code.strip():
        yield f"{field}.code", f"must have no spaces around it, not {code!r}"
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
    yield from wrong_fields(error)
    if not error.surfaces:
        yield "surfaces", "must not be empty"
    for surface in error.surfaces:
        if surface not in get_args(Surface):
            names = listed(map(repr, get_args(Surface)))
            yield "surfaces", f"must be one of {names}, not {surface!r}"
    for path in error.endpoints:
        if path not in paths:
            yield (
                "endpoints",
                f"has {path!r}, which is none of its endpoints; " + nearest(path, paths),
            )
