"""Collects where recorded exchanges differ from a provider's catalogue and simulated bodies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.report.body_fields import Path, ShapeGroup, dotted, shape_of

HIDDEN: Final = "(a name that is not shown)"
_NAME: Final = re.compile(r"[\w.-]{1,80}")
_MIN_HIDDEN_CHARS: Final = 4
_MAX_SHOWN_NUMBER: Final = 10_000
# What servers, proxies and browsers add to any reply, whatever API is behind it.
_ORDINARY: Final = frozenset(
    "accept-ranges age allow alt-svc cache-control connection date etag expect-ct expires "  # noqa: SIM905
    "feature-policy keep-alive last-modified link location nel origin-agent-cluster "
    "permissions-policy pragma priority referrer-policy report-to reporting-endpoints server "
    "server-timing set-cookie strict-transport-security timing-allow-origin trailer "
    "transfer-encoding upgrade vary via www-authenticate x-powered-by x-frame-options "
    "x-runtime x-timer x-served-by x-varnish x-trace-id x-correlation-id traceparent tracestate "
    "x-request-id request-id x-real-ip x-robots-tag x-download-options".split()
)
_ORDINARY_BEGINNINGS: Final = (
    *("access-control-", "akamai-", "apigw-", "cdn-", "cf-", "content-", "cross-origin-"),
    *("fastly-", "fly-", "proxy-", "sec-", "x-akamai-", "x-amz", "x-apigw-", "x-aspnet", "x-azure"),
    *("x-b3-", "x-cache", "x-cdn", "x-cloud-trace", "x-content-type", "x-datadog", "x-dns-"),
    *("x-envoy", "x-fastly", "x-forwarded", "x-goog", "x-kong", "x-ms-", "x-nf-", "x-permitted"),
    *("x-railway", "x-render", "x-ua-", "x-vercel", "x-xss"),
)


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One difference, reported once.

    Args:
        place: the endpoint and the state, such as ``"POST /parse 500 OCR_ERROR"``.
        text: what differs.
        count: in how many of the replies.
        total: of how many.
    """

    place: str
    text: str
    count: int
    total: int


@dataclass(frozen=True, slots=True)
class State:
    """An endpoint in one state: the replies that are compared with each other."""

    title: str
    endpoint: str
    status: int
    name: str = ""
    """The documented code, or the status of the run."""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.title, self.endpoint, str(self.status), self.name)))


class Names:
    """Shows a name only where it looks like one, and is neither a credential nor a document.

    Args:
        secrets: the credentials of the recorded requests.
        documents: the names of their documents.
    """

    def __init__(self, secrets: Iterable[str] = (), documents: Iterable[str] = ()) -> None:
        self._exact = {*secrets, *documents}
        # A short name of a document may be a part of any word.
        self._hidden = {text for text in secrets if len(text) >= _MIN_HIDDEN_CHARS}
        self._hidden |= {text for text in documents if len(text) >= 2 * _MIN_HIDDEN_CHARS}

    def shown(self, name: str) -> str:
        """A name, or what stands for one that is not shown."""
        hidden = name in self._exact or any(text in name for text in self._hidden)
        return name if _NAME.fullmatch(name) and not hidden else HIDDEN

    def path(self, path: Path) -> str:
        """A path of names; what follows one that is not shown is not shown either."""
        shown: list[str] = []
        for name in path:
            shown.append(name if name == "[]" else self.shown(name))
            if shown[-1] == HIDDEN:
                break
        return dotted(tuple(shown))


@dataclass(slots=True)
class _Replies:
    """What is known of one state."""

    shapes: ShapeGroup = field(default_factory=ShapeGroup)
    headers: ShapeGroup = field(default_factory=ShapeGroup)
    said: Counter[str] = field(default_factory=Counter)
    count: int = 0


class Differences:
    """The differences of any number of recordings."""

    def __init__(self) -> None:
        self._states: dict[State, _Replies] = {}
        self._hidden = Names()

    def note(self, state: State, *texts: str) -> None:
        """One more reply in a state, and what differs in it by itself."""
        replies = self._states.setdefault(state, _Replies())
        replies.count += 1
        replies.said.update(dict.fromkeys(texts, 1))

    def bodies(
        self, state: State, endpoint: Endpoint, recorded: object, simulated: Iterable[object]
    ) -> None:
        """A recorded body, and the simulated ones."""
        left_out = endpoint.customer_fields
        self._states.setdefault(state, _Replies()).shapes.add(
            shape_of(recorded, left_out), [shape_of(body, left_out) for body in simulated]
        )

    def headers(
        self, state: State, recorded: Mapping[str, str], simulated: Iterable[Mapping[str, str]]
    ) -> None:
        """The headers of a recorded reply, and of the simulated ones."""
        if recorded:  # none at all were left out by the recorder
            self._states.setdefault(state, _Replies()).headers.add(
                shape_of(_telling(recorded)), [shape_of(_telling(item)) for item in simulated]
            )

    def hide(self, names: Names) -> None:
        """Show no credential and no document of the recordings."""
        self._hidden = names

    def found(self) -> list[Difference]:
        """Every difference once, in an order that is the same each time."""
        found: Counter[tuple[str, str, int]] = Counter()
        for state, replies in self._states.items():
            for text, count in self._of(replies):
                found[str(state), text, replies.count] += count
        return sorted(
            Difference(place, text, min(count, total), total)
            for (place, text, total), count in found.items()
        )

    def _of(self, replies: _Replies) -> Iterator[tuple[str, int]]:
        yield from replies.said.items()
        names, shapes, headers = self._hidden, replies.shapes, replies.headers
        for path, count in shapes.unknown().items():
            yield f"the field {names.path(path)} is not in the simulated body", count
        for path, count in shapes.missing().items():
            yield f"the field {names.path(path)} of the simulated body never came", count
        for path, (kind, known, count) in shapes.retyped().items():
            where = f"the field {names.path(path)}" if path else "the body"
            yield f"{where} is {kind}, and {known} in the simulated body", count
        for path, count in headers.unknown().items():
            yield f"the header {names.path(path)} is not in the simulated reply", count
        for path, count in headers.missing().items():
            yield f"the header {names.path(path)} of the simulated reply never came", count


def value_differences(recorded: object, simulated: object, before: Path = ()) -> Iterator[str]:
    """Where the flags and small numbers of an error's body are not those of the catalogue."""
    if isinstance(recorded, dict) and isinstance(simulated, dict):
        for name, value in simulated.items():
            yield from value_differences(recorded.get(name), value, (*before, name))
    elif _is_telling(recorded) and type(recorded) is type(simulated) and recorded != simulated:
        shown = [str(value).lower() for value in (recorded, simulated)]
        yield f"the field {dotted(before)} is {shown[0]}, and {shown[1]} in the catalogue"


def _is_telling(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, int) and abs(value) < _MAX_SHOWN_NUMBER)


def _telling(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: ""
        for name in headers
        if name not in _ORDINARY and not name.startswith(_ORDINARY_BEGINNINGS)
    }
