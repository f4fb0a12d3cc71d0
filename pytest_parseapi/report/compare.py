"""``python -m pytest_parseapi compare``: recorded traffic against catalogue and default bodies."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import GATEWAY_PAGES
from pytest_parseapi.model.http import Reply
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.printable_text import show
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.request_content import object_or_none, texts_in
from pytest_parseapi.record.recordings.exchange import RecordedExchange, Recording
from pytest_parseapi.record.recordings.reader import read_recording
from pytest_parseapi.report.body_fields import ShapeGroup, shape_of
from pytest_parseapi.report.differences import Differences, Names, State, value_differences
from pytest_parseapi.service.body_reader import BodyReader
from pytest_parseapi.service.guided_service import GuidedService

_WORD: Final = re.compile(r"[a-z_-]{1,32}")
_METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
_SEGMENTS: Final = 6


class Comparison:
    """Compares recordings with what a session knows of its providers."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._readers = {
            host: reader for reader in map(BodyReader, providers) for host in reader.provider.hosts
        }
        self.differences = Differences()
        self.exchanges = 0
        self._secrets: set[str] = set()
        self._documents: set[str] = set()

    @property
    def hosts(self) -> frozenset[str]:
        """Every documented host."""
        return frozenset(self._readers)

    def add(self, recording: Recording) -> None:
        """Compare one more recording."""
        services: dict[str, GuidedService] = {}
        for exchange in recording.exchanges:
            reader = self._readers[exchange.request.host]
            service = services.setdefault(reader.provider.name, GuidedService(reader))
            self._secrets.update(reader.provider.credential.read(exchange.request))
            self._documents.update(service.names_of(exchange.request))
            self.exchanges += 1
            if isinstance(exchange.result, Reply):
                _Exchange(self.differences, service, exchange, exchange.result).compare()
        self.differences.hide(Names(self._secrets, self._documents))


class _Exchange:
    """One recorded reply."""

    def __init__(
        self,
        differences: Differences,
        service: GuidedService,
        exchange: RecordedExchange,
        reply: Reply,
    ) -> None:
        self._differences = differences
        self._service = service
        self._reader = service.reader
        self._request = exchange.request
        self._reply = reply
        self._has_body = exchange.has_body
        self._body: Any = object_or_none(reply.body)
        self._title = service.provider.title
        self._names = Names(
            service.provider.credential.read(exchange.request), service.names_of(exchange.request)
        )

    def compare(self) -> None:
        """Note what differs."""
        found = self._service.endpoint_of(self._request)
        if found is None:
            method = self._request.method
            asked = f"{method if method in _METHODS else 'OTHER'} {self._path()}"
            state = State(self._title, asked, self._reply.status)
            self._differences.note(state, "the endpoint is not in the catalogue")
        elif self._reply.status < HTTPStatus.BAD_REQUEST:
            self._success(*found)
        else:
            self._failure(*found)

    def _success(self, endpoint: Endpoint, params: dict[str, str]) -> None:
        run = self._reader.run_in(self._body)
        description = self._service.provider.runs
        texts = []
        name = ""
        if run is not None and description is not None:
            name = self._names.shown(run.status)
            known = (*description.in_progress, *description.terminal)
            if run.status not in known:
                texts.append(f"the run's status {name} is not in the catalogue")
            elif run.failure is not None and run.failure.error is None:
                reason = self._names.shown(run.failure.reason) if run.failure.reason else "none"
                texts.append(f"the failure reason {reason} is not in the catalogue")
        state = State(self._title, str(endpoint), self._reply.status, name)
        simulated = self._nearest(endpoint, params)
        if simulated is not None:
            if simulated.status != self._reply.status:
                texts.append(
                    f"the status is {self._reply.status}, and {simulated.status} in the "
                    "simulated reply"
                )
            texts += self._compared(state, endpoint, [simulated])
        self._differences.note(state, *texts)

    def _nearest(self, endpoint: Endpoint, params: dict[str, str]) -> Reply | None:
        """Of what the simulation may answer, what differs least."""
        left_out = endpoint.customer_fields
        recorded = shape_of(self._body, left_out)
        best: Reply | None = None
        fewest = (0, 0)
        answers = self._service.successes(self._request, endpoint, params, self._reply.body)
        for answer in answers:
            simulated = shape_of(object_or_none(answer.body), left_out)
            group = ShapeGroup()
            group.add(recorded, [simulated])
            count = (len(recorded.keys() - simulated.keys()), len(group.missing()))
            if best is None or count < fewest:
                best, fewest = answer, count
            if fewest == (0, 0):
                break
        answers.close()
        return best

    def _failure(self, endpoint: Endpoint, params: dict[str, str]) -> None:
        status = self._reply.status
        code = self._reader.code_in(self._body)
        texts: list[str] = []
        name = ""
        errors = self._alike(endpoint, code)
        if self._body is None and self._has_body and self._is_gateway():
            errors = []
        elif not errors and code is not None:
            shown = self._names.shown(code)
            texts.append(f"the code {shown} is not in the catalogue")
        elif not errors:
            texts.append(f"the status {status} is not in the catalogue")
        elif all(error.status != status for error in errors):
            known = " or ".join(dict.fromkeys(str(error.status) for error in errors))
            texts.append(f"the catalogue has {errors[0].code} with status {known}")
        if errors:
            name = errors[0].code
            texts += self._elsewhere(endpoint, params, errors)
        state = State(self._title, str(endpoint), status, name)
        simulated = [
            reply
            for error in errors
            for reply in self._service.failures(self._request, endpoint, params, error)
        ]
        if simulated:
            texts += self._compared(state, endpoint, simulated)
            if self._body is not None:
                texts += value_differences(self._body, object_or_none(simulated[0].body))
        self._differences.note(state, *texts)

    def _alike(self, endpoint: Endpoint, code: str | None) -> list[DocumentedError]:
        """The documented errors that a reply can be; those of the endpoint where there are any."""
        codes = self._reader.codes
        errors = [error for error in codes if error.status == self._reply.status]
        found = [error for error in errors if codes[error] == code]
        if code is None and errors:
            # A body that lacks its code can be any error of its status: what else is in it decides.
            said = set(texts_in(self._body))
            shared = {
                error: len(said.intersection(texts_in(self._reader.error_body(error))))
                for error in errors
            }
            most = max(shared.values())
            found = [error for error in found or errors if shared[error] == most]
            found = found or [error for error in errors if shared[error] == most]
        if code is not None and not found:
            found = [error for error in codes if codes[error] == code]
        here = [error for error in found if error.documented_for(endpoint.path)]
        return here or found

    def _elsewhere(
        self, endpoint: Endpoint, params: dict[str, str], errors: list[DocumentedError]
    ) -> Iterator[str]:
        """Whether an error is documented for other endpoints only."""
        if any(error.documented_for(endpoint.path) for error in errors):
            return
        for error in errors:
            if len(self._service.failures(self._request, endpoint, params, error)) > 1:
                return  # the simulation answers so, too
        where = ", ".join(dict.fromkeys(path for error in errors for path in error.endpoints))
        yield f"the catalogue has {errors[0].code} for {where}"

    def _path(self) -> str:
        """The path of an endpoint that nobody knows, without what may be an id or a document."""
        parts = self._request.path.strip("/").split("/")
        shown = [
            part if _WORD.fullmatch(part) and self._names.shown(part) == part else "{id}"
            for part in parts[:_SEGMENTS]
        ]
        return "/" + "/".join([*shown, *(["..."] if len(parts) > _SEGMENTS else [])])

    def _is_gateway(self) -> bool:
        """Whether a gateway answered, as a network fault of the simulation does."""
        empty = not self._reply.body.strip()
        if self._reply.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            return empty
        kind = self._reply.headers.get("content-type", "")
        return self._reply.status in GATEWAY_PAGES and (empty or "json" not in kind)

    def _compared(self, state: State, endpoint: Endpoint, simulated: list[Reply]) -> Iterator[str]:
        """Compare headers and bodies; report a body that is no JSON."""
        self._differences.headers(
            state, self._reply.headers, [reply.headers for reply in simulated]
        )
        bodies = [_value(reply.body) for reply in simulated]
        if not self._has_body or not any(isinstance(body, dict) for body in bodies):
            return
        recorded = _value(self._reply.body)
        if recorded is _NO_JSON:
            yield "the body is not JSON" if self._reply.body.strip() else "the body is empty"
        else:
            self._differences.bodies(state, endpoint, recorded, bodies)


_NO_JSON: Final = object()


def _value(raw: bytes) -> object:
    found = object_or_none(raw)
    if found is not None:
        return found
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return _NO_JSON


def add_compare(commands: Any) -> None:
    """Add the command ``compare`` to a command line."""
    parser = commands.add_parser(
        "compare",
        help="compare recorded traffic with the catalogue",
        description="Say where recorded exchanges with a provider differ from the catalogue and "
        "from the simulated bodies. Exit status: 0 without a difference, 1 with differences, 2 "
        "where a file cannot be used. Credentials and documents are never printed.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="HAR 1.2, or a cassette of VCR.py (YAML or JSON)"
    )


def compare(asked: argparse.Namespace, providers: Mapping[str, Provider]) -> int:
    """Answer the command.

    Args:
        asked: its arguments.
        providers: what to compare with.

    Returns:
        The exit status.
    """
    comparison = Comparison(providers.values())
    unusable = []
    for file in asked.files:
        try:
            comparison.add(read_recording(file, comparison.hosts))
        except UsageError as error:
            unusable.append(str(error))
    found = comparison.differences.found()
    lines = [
        f"{item.place}: {item.text} ({item.count} of {_counted(item.total, 'reply', 'replies')})"
        for item in found
    ]
    if comparison.exchanges:
        sums = _counted(len(found), "difference") if found else "no difference"
        lines.append(f"{sums} in {_counted(comparison.exchanges, 'exchange')}")
    for line in lines:
        show(line, sys.stdout)
    sys.stdout.flush()
    for text in unusable:
        show(f"pytest_parseapi: {text}", sys.stderr)
    return 2 if unusable else int(bool(found))


def _counted(number: int, one: str, several: str = "") -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"
