"""Checks in the first case whether a contract can judge its consumer at all.

A consumer that sends no request, a rejected one, or one to another host would fail every case of
the contract for the same reason.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

from pytest_parseapi.api.internals import service_of, simulation_of
from pytest_parseapi.checks.finding import Finding
from pytest_parseapi.contract.call import Harness
from pytest_parseapi.contract.cases import main_paths
from pytest_parseapi.model.faults import FAULTS
from pytest_parseapi.model.library_code import is_library
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.timeline import describe_error

_NETWORK: Final = frozenset(fault.name for fault in FAULTS if fault.kind == "network")
_SURFACES: Final = {"http": "run", "run": "http"}


def parse_mistake(parse: Any) -> str:
    """Why ``parse`` is no function of one document; empty if it is."""
    if getattr(parse, "_is_missing", False):
        return "a contract needs a method parse(self, document)"
    if not callable(parse):
        return f"parse must be a method that takes one document, not {parse!r}"
    if inspect.isgeneratorfunction(parse) or inspect.isasyncgenfunction(parse):
        return "parse must return its result: it is a generator function, which does nothing yet"
    own = ["self"] if inspect.ismethod(parse) else []
    function = getattr(parse, "__func__", parse)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""  # a built-in function that does not say
    try:
        signature.bind(*own, "document")
    except TypeError:
        pass
    else:
        return ""
    needed = list(signature.parameters)[len(own) :]
    text = f"parse must take one document, and takes {', '.join(needed) or 'nothing'}"
    if own and not needed:
        text += (
            ": a function in a class gets the instance as its first argument, so write "
            f"parse = staticmethod({function.__name__}), or def parse(self, document)"
        )
    elif len(needed) > 1:
        text += ": give the others a default, or name a function that does"
    return text


def api_was_reached(harness: Harness) -> bool:
    """Whether a request has reached the API, and the network did not fail before."""
    return any(item.error not in _NETWORK for item in harness.api.attempts)


def obstacle(harness: Harness) -> Finding | None:
    """Why no case of the contract can judge this consumer, or None."""
    attempts = harness.api.attempts
    if not attempts:
        return _no_request(harness)
    return (
        _mocked(harness, attempts)
        or _other_surface(harness, attempts)
        or _rejected(harness, attempts)
    )


def _mocked(harness: Harness, attempts: list[Attempt]) -> Finding | None:
    """The obstacle of a test's own mock that answers: no scripted failure is met then."""
    found = next((item for item in attempts if item.mock is not None), None)
    if found is None:
        return None
    return Finding(
        rule="the simulated API answers what parse asks",
        expected=f"each request to {harness.api.base_url} is answered by the simulation, which "
        "the cases script",
        seen=f"attempt {found.number}, {found.method} {found.endpoint}, was answered by "
        f"{found.mock}",
        advice="leave mocks of this host out of the tests of a contract",
    )


def _no_request(harness: Harness) -> Finding:
    provider = harness.api.provider
    other = _other_provider(harness)
    call = harness.calls[-1] if harness.calls else None
    outcome = "parse was not called" if call is None else call.outcome
    where = "" if call is None or call.error is None else _place(call.error, harness.parse)
    if other is not None:
        asked, attempt = other
        return Finding(
            rule=f"parse asks {provider.title}",
            expected=f"a request to {provider.base_url}",
            seen=f"{attempt.method} {attempt.url}, which is {asked.title}'s; {outcome}{where}",
            advice=f"{_to_state(harness, 'provider', asked.name)}, or let parse ask "
            f"{provider.title}",
        )
    return Finding(
        rule=f"parse sends a request to {provider.title}",
        expected=f"a request to {provider.base_url}",
        seen=f"no request; {outcome}{where}",
        advice=f"parse is called with {harness.document!r}, and api_key and base_url are on the "
        "test class; reset before each test what outlives a call and may prevent a request (a "
        "cache, a circuit breaker)",
    )


def _to_state(harness: Harness, name: str, value: str) -> str:
    """How to set an attribute, for this kind of contract."""
    if harness.policy._by_options:
        return f"pass --parseapi-{name}={value}"
    return f"set {name} = {value!r} in the class"


def _other_provider(harness: Harness) -> tuple[Provider, Attempt] | None:
    for service in simulation_of(harness.api).services.values():
        if service.journal.attempts and service.provider.name != harness.api.provider.name:
            return service.provider, service.journal.attempts[0]
    return None


def _other_surface(harness: Harness, attempts: list[Attempt]) -> Finding | None:
    provider = harness.api.provider
    surface = harness.policy.surface
    other = _SURFACES[surface]
    own, others = main_paths(provider, surface), main_paths(provider, other)
    asked = [item for item in attempts if item.endpoint in own | others]
    if not asked or any(item.endpoint in own for item in asked):
        return None
    first = asked[0]
    expected = f"a request to {' or '.join(sorted(own))}"
    if not own:
        expected = (
            f"a request that parses without a run: the main endpoint of {provider.title}, "
            f"{provider.main_endpoint}, submits one"
        )
    return Finding(
        rule=f"parse uses the surface that the class states, {surface!r}",
        expected=expected,
        seen=f"{first.method} {first.endpoint}, which is of the surface {other!r}",
        advice=_to_state(harness, "surface", other),
    )


def _rejected(harness: Harness, attempts: list[Attempt]) -> Finding | None:
    scripted = any(step.met for step in service_of(harness.api).script.steps)
    rejected = [item for item in attempts if item.rejection is not None]
    if not rejected or scripted or not all(item.failed for item in attempts):
        return None
    last = rejected[-1]
    unauthorized = harness.api.provider.unauthorized
    if getattr(last.error, "code", None) == unauthorized:
        return Finding(
            rule="the credential of parse is accepted",
            expected="a credential as the provider's page shows it; any well-formed one is "
            "accepted",
            seen=f"{describe_error(last)}: {last.rejection}",
            advice="give parse the api_key of the test class, or any other non-empty key: see "
            "that the consumer reads it where the test sets it",
        )
    return Finding(
        rule="the request of parse is accepted if nothing is scripted",
        expected="a success",
        seen=f"{describe_error(last)}: {last.rejection}",
        advice=f"parse is called with {harness.document!r}; see what the request lacks",
    )


def _place(error: BaseException, parse: Callable[..., Any]) -> str:
    """The line where the consumer raised, if it is in its own file."""
    code = getattr(inspect.unwrap(getattr(parse, "__func__", parse)), "__code__", None)
    own = getattr(code, "co_filename", "")
    found = ""
    trace = error.__traceback__
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if filename == own or not is_library(filename):
            found = f" (at {filename.rpartition('/')[2]}:{trace.tb_lineno})"
        trace = trace.tb_next
    return found
