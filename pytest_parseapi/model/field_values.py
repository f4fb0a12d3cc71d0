"""The requirements for each field of a provider and its parts."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from pytest_parseapi.model.behaviour import Behaviour
from pytest_parseapi.model.credentials import (
    BasicAuth,
    BearerToken,
    Credential,
    HeaderKey,
    QueryKey,
)
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import Advice, Basis, Cure, DocumentedError, Topic
from pytest_parseapi.model.mistakes import listed
from pytest_parseapi.model.printable_text import error_line
from pytest_parseapi.model.provider import APIVersion, Provider
from pytest_parseapi.model.runs import RunDescription
from pytest_parseapi.model.webhooks import Signing, WebhookDescription

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ID: Final = re.compile(r"[\w.~-]*", re.ASCII)
_KEY: Final = re.compile(r"[!-~]+")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_LOWEST_STATUS, _HIGHEST_STATUS = 400, 599
_MAX_SHOWN_CHARS: Final = 60


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a value must be.

    Args:
        words: the words of a message after "must be".
        holds: whether it is.
    """

    words: str
    holds: Callable[[Any], bool]

    def or_none(self) -> Requirement:
        """The same, or None."""
        return Requirement(self.words, lambda value: value is None or self.holds(value))


def in_words(value: object) -> str:
    """A value as a message of one line shows it."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a broken __repr__ is the third party's affair
        return f"one {type(value).__name__}"
    plain = len(text) <= _MAX_SHOWN_CHARS and text.isprintable() and " at 0x" not in text
    return text if plain else f"one {type(value).__name__}"


def a_value_of(kind: type) -> str:
    """The name of a type with its article."""
    return f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"


def result_of(kind: type, function: Callable[..., object], *given: object) -> Any:
    """The result of a function of a provider's description, checked for its type.

    Args:
        kind: the type that it must be of.
        function: the function.
        given: its arguments.

    Raises:
        TypeError: what is wrong, in the words of a message after the function's name.
    """
    try:
        found = function(*given)
    except Exception as error:
        raise TypeError(f"raised {error_line(error)}") from error
    if not isinstance(found, kind):
        raise TypeError(f"must give {a_value_of(kind)}, not {in_words(found)}")
    return found


def wrong_fields(holder: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The fields of a part of a provider whose value is wrong: each with what is wrong.

    Args:
        holder: the provider, or a part of it.
        prefix: what to write before the name of a field.
    """
    for kind, requirements in _FIELDS.items():
        for field, requirement in requirements.items() if isinstance(holder, kind) else ():
            value = getattr(holder, field)
            if not requirement.holds(value):
                yield prefix + field, f"must be {requirement.words}, not {in_words(value)}"


def _is(kind: type, words: str = "") -> Requirement:
    return Requirement(words or a_value_of(kind), lambda value: isinstance(value, kind))


def _text(words: str, holds: Callable[[str], object]) -> Requirement:
    return Requirement(words, lambda value: isinstance(value, str) and bool(holds(value)))


def _one_of(*known: object) -> Requirement:
    return Requirement(
        "one of " + listed(map(repr, known)), lambda value: any(value == item for item in known)
    )


def _texts(words: str = "a tuple of str") -> Requirement:
    return Requirement(
        words,
        lambda value: isinstance(value, tuple) and all(isinstance(item, str) for item in value),
    )


def _texts_by_text(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(item, str) and item.isprintable() for pair in value.items() for item in pair
    )


def _are_headers(value: object) -> bool:
    return _texts_by_text(value) and all(map(_TOKEN.fullmatch, value))  # type: ignore[call-overload]


def _is_line(value: str) -> bool:
    return bool(value) and value == value.strip() and value.isprintable()


def _is_day(value: str) -> bool:
    try:
        return not value or bool(_DAY.fullmatch(value) and dt.date.fromisoformat(value))
    except ValueError:
        return False


def _is_status(value: object) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and _LOWEST_STATUS <= value <= _HIGHEST_STATUS  # type: ignore[operator]


def _are_seconds(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value > 0  # type: ignore[arg-type, operator]


def _are_samples(value: object) -> bool:
    return isinstance(value, tuple) and all(
        isinstance(item, tuple) and [*map(type, item)] == [str, bytes] for item in value
    )


_ANY_TEXT: Final = _is(str)
_LINE: Final = _text("one line of text, without spaces around it", _is_line)
_FLAG: Final = _is(bool, "True or False")
_FUNCTION: Final = Requirement("a function", callable)
_DATE: Final = _text("a date such as '2026-11-25'", _is_day)
_ID_PART: Final = _text("of letters, digits and the characters . _ ~ -", _ID.fullmatch)
_HEADER: Final = _text("the name of a header", _TOKEN.fullmatch)
_LOWER_HEADER: Final = _text(
    "the name of a header in lower case",
    lambda value: _TOKEN.fullmatch(value) and value == value.lower(),
)

# Each is what its docstring says. What one field must be because of another is not here.
_FIELDS: Final[Mapping[type, Mapping[str, Requirement]]] = {
    Provider: {
        "base_url": _ANY_TEXT,
        "title": _LINE,
        "api_key": _text("printable ASCII without spaces", _KEY.fullmatch),
        "unauthorized": _ANY_TEXT,
        "main_endpoint": _ANY_TEXT,
        "credential": _is(Credential),
        "behaviour": _is(Behaviour),
        "runs": _is(RunDescription).or_none(),
        "webhooks": _is(WebhookDescription).or_none(),
        "part_option": _ANY_TEXT,
        "api_version": _is(APIVersion).or_none(),
        "idempotency_header": _HEADER.or_none(),
        "takes_files": _FLAG,
        "fixture": _ANY_TEXT,
    },
    BearerToken: {"scheme": _text("the name of a scheme", _TOKEN.fullmatch)},
    HeaderKey: {"header": _HEADER},
    QueryKey: {"parameter": _LINE},
    BasicAuth: {"key_is_user": _FLAG},
    APIVersion: {
        "header": _LOWER_HEADER,
        "versions": Requirement(
            "a tuple of at least one str", lambda value: bool(value) and _texts().holds(value)
        ),
        "source": _ANY_TEXT,
        "source_read": _DATE,
    },
    Behaviour: {
        "request_id_prefix": _ID_PART,
        "request_id_field": _LINE.or_none(),
        "request_id_header": _LOWER_HEADER.or_none(),
        "prepares_errors": _FLAG,
        **dict.fromkeys(
            (
                "new_state",
                "forget",
                "documents",
                "answer",
                "wording_for",
                "run_body",
                "error_body",
                "error_reply",
                "reply_headers",
            ),
            _FUNCTION,
        ),
    },
    Endpoint: {
        **dict.fromkeys(("polls", "submits", "public", "result"), _FLAG),
        "customer_fields": _texts(),
        "samples": Requirement("a tuple of pairs of a str and bytes", _are_samples),
        "source": _ANY_TEXT,
        "source_read": _DATE,
    },
    DocumentedError: {
        "retryable": _FLAG,
        "status": Requirement(f"an integer from {_LOWEST_STATUS} to {_HIGHEST_STATUS}", _is_status),
        "wire_code": _ANY_TEXT.or_none(),
        "message": _ANY_TEXT,
        "surfaces": _texts(),
        "endpoints": _texts(),
        "source": _ANY_TEXT,
        "source_read": _DATE,
        "description": _ANY_TEXT,
        "basis": _one_of(*get_args(Basis)),
        "cured_by": _one_of(*get_args(Cure), None),
    },
    Advice: {
        "topic": _one_of(*get_args(Topic)),
        "text": _ANY_TEXT,
        "source": _ANY_TEXT,
        "source_read": _DATE,
    },
    RunDescription: {
        **dict.fromkeys(("submitted", "running", "succeeded", "failed"), _LINE),
        **dict.fromkeys(("cancelled", "waiting"), _LINE.or_none()),
        "id_prefix": _ID_PART,
        "batch_id_prefix": _ID_PART.or_none(),
        "failure_field": _LINE,
        "unknown_reason": _LINE,
        "sample": _FUNCTION,
        "failure_texts": _FUNCTION,
    },
    WebhookDescription: {
        "signing": _is(Signing),
        "events": Requirement(
            "a Mapping of at least one status to a type",
            lambda value: bool(value) and _texts_by_text(value) and all(value.values()),
        ),
        "batch_events": Requirement("a Mapping of texts to texts", _texts_by_text),
        "payload": _FUNCTION,
        "batch_payload": _FUNCTION.or_none(),
        "envelope": _FUNCTION,
        "signed_url": _FUNCTION.or_none(),
        "headers": Requirement(
            "a Mapping of names of headers to texts, one line each", _are_headers
        ),
        "event_id_prefix": _ID_PART,
        "unknown_event_type": _LINE,
        "answer_seconds": Requirement("a number of seconds > 0", _are_seconds),
        "verifier": _ANY_TEXT,
    },
    Signing: {
        "secret": _text("a text that is not empty", bool),
        "signature_header": _HEADER,
        "timestamp_header": _HEADER.or_none(),
        "sign": _FUNCTION.or_none(),
    },
}
