"""Calls methods of `ParseAPI` with arguments from JSON, as strictly as in Python."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.checks.finding import Finding, body_of, check_error, findings_of
from pytest_parseapi.checks.kinds import KINDS, kind_of_check
from pytest_parseapi.model.mistakes import UsageError, counted, json_type, nearest
from pytest_parseapi.model.printable_text import cut
from pytest_parseapi.model.request_content import is_too_deep
from pytest_parseapi.service.script import ALWAYS

_ALWAYS: Final = "always"
_ENDLESS: Final = ("times", "polls")
_FLAGS: Final = ("batch", "signed_url", "immediate_first")
_LOCAL: Final = {
    "when": "a respx pattern or a function",
    "effects": "a function",
}
_TOO_DEEP: Final = "not JSON that can be read: it is nested too deeply"
_MAX_SHOWN_DIGITS: Final = 20
"""How many digits of a number that is too large a message shows."""
_NO_LOG: Final = "no log was given"
_GIVE_LOG: Final = 'post what the client printed and logged as "text"'


class _InvalidNumber(NamedTuple):
    """A number in the JSON that no argument takes, such as NaN or 1e999."""

    problem: str


def read_json(text: str) -> Any:
    """Read JSON. A number that no float can hold is refused as an argument.

    Raises:
        ValueError: it is not JSON, or has the same key twice. Its text ends a sentence that begins
            with "it is".
    """
    try:
        found = json.loads(
            text,
            parse_float=_number,
            parse_int=_number,
            parse_constant=lambda word: _InvalidNumber(f"JSON has no {word}"),
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError:
        raise ValueError("not JSON") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if is_too_deep(found):
        raise ValueError(_TOO_DEEP)
    return found


def _number(digits: str) -> object:
    if math.isinf(float(digits)):
        return _InvalidNumber(f"the number {cut(digits, _MAX_SHOWN_DIGITS)} is too large")
    return int(digits) if digits.lstrip("-").isdecimal() else float(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"refused: the key {twice!r} stands in it twice")
    return found


def _check_numbers(what: str, value: Any) -> None:
    if isinstance(value, _InvalidNumber):
        raise UsageError(f"{what}: {value.problem}")
    if isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            _check_numbers(what, item)


def arguments_for(
    name: str, method: Callable[..., Any], given: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments for a method.

    Args:
        name: the method's name, for messages.
        method: a bound method.
        given: the arguments by name, as JSON has them.

    Returns:
        The positional and the named arguments.

    Raises:
        UsageError: there is no such argument, one is missing, or it cannot travel over HTTP.
    """
    positional: tuple[Any, ...] = ()
    named: dict[str, Any] = {}
    parameters = inspect.signature(method).parameters
    for key, value in given.items():
        if key in _LOCAL:
            raise UsageError(f"{name}: {key} is {_LOCAL[key]}, which cannot travel over HTTP")
        parameter = parameters.get(key)
        if parameter is None:
            known = [item for item in parameters if item not in _LOCAL]
            raise UsageError(f"{name} takes no {key!r}: {nearest(key, known)}")
        _check_numbers(f"{name}: {key}", value)
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            if not isinstance(value, list):
                raise UsageError(f"{name}: {key} must be a list, not {json_type(value)}")
            positional = tuple(value)
            continue
        if key in _FLAGS and not isinstance(value, bool):
            raise UsageError(f"{name}: {key} must be true or false, not {json_type(value)}")
        if key == "metadata" and not isinstance(value, dict | None):
            raise UsageError(f"{name}: {key} must be an object, not {json_type(value)}")
        named[key] = ALWAYS if key in _ENDLESS and value == _ALWAYS else value
    for key, parameter in parameters.items():
        if (
            key not in given
            and parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
            and (parameter.default is inspect.Parameter.empty)
        ):
            raise UsageError(f"{name} needs {key!r}")
    return positional, named


def check_named(api: ParseAPI, name: str, given: Mapping[str, Any]) -> None:
    """Run a check.

    Args:
        api: whose record it judges.
        name: its name without ``assert_``.
        given: its arguments by name, as JSON has them.

    Raises:
        AssertionError: it fails.
        UsageError: an argument is wrong.
    """
    check: Callable[..., None] = getattr(api, f"assert_{name}")
    positional, named = arguments_for(f"check/{name}", check, given)
    _check_nothing_dropped(api, name, named.get("document"))
    if named.get("text") is not None:
        check(*positional, **named)
    elif (kind := kind_of_check(f"assert_{name}")) is not None and kind.in_log is not None:
        _without_log(api, kind.text, check, named)
    else:
        _run_asking_for_log(api, check, named)


def _check_nothing_dropped(api: ParseAPI, name: str, document: str | None) -> None:
    """Refuse a check that would need dropped attempts: it would prove nothing."""
    simulated, service = api._active_simulation, api._service
    retention = simulated.settings.retention
    attempts = simulated.dropped_attempts(service.provider.name)
    runs = 0 if service.runs is None else service.runs.dropped
    if retention is None or not (attempts or runs or simulated.forgotten):
        return
    wanted = service.document_names.given(document)
    if wanted is not None and not retention.was_dropped(service, wanted):
        return
    about = "" if wanted is None else f", some of them about {wanted!r}"
    counts = [f"{counted(attempts, 'attempt')}"] * bool(attempts)
    counts += [f"{counted(runs, 'run')}"] * bool(runs)
    what = " and ".join(counts) or "what was scripted"
    finding = Finding(
        kind="nothing_to_check",
        rule=f"check/{name} sees every attempt",
        expected="the whole record",
        seen=f"dropped to save memory: {what}{about}; a server keeps the newest "
        f"{retention.most:,} attempts and runs, over all tokens",
        advice="use a token of its own for each test (/s/TOKEN), post reset before it, or name a "
        "document",
    )
    raise _failure(api, [finding])


def _without_log(
    api: ParseAPI, rule: str, check: Callable[..., None], named: Mapping[str, Any]
) -> None:
    """Refuse a check of logs without a text: the client's log is in another process."""
    try:
        check(**named)
    except AssertionError as error:
        found = findings_of(error)
        if found and found[0].kind == "nothing_to_check":
            raise
    finding = Finding(
        kind="nothing_to_check",
        rule=rule,
        expected="a log to look in",
        seen=_NO_LOG,
        advice=_GIVE_LOG,
    )
    raise _failure(api, [finding])


def _run_asking_for_log(
    api: ParseAPI, check: Callable[..., None], named: Mapping[str, Any]
) -> None:
    """Run a check of many rules; findings that need a log say that none was given."""
    try:
        check(**named)
    except AssertionError as error:
        found = findings_of(error)
        told = [_asking(finding) for finding in found]
        if told == list(found):
            raise
        raise _failure(api, told) from None


def _asking(finding: Finding) -> Finding:
    if not KINDS[finding.kind].in_log:
        return finding
    return replace(finding, seen=_NO_LOG, nearest="", advice=_GIVE_LOG)


def _failure(api: ParseAPI, findings: Sequence[Finding]) -> AssertionError:
    return check_error(f"{body_of(findings)}\n\n{api.timeline()}", findings)
