"""Finds the replies of the simulation that compare to a recorded reply of the real service."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, Final

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.http import Reply, Request
from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.request_content import object_or_none
from pytest_parseapi.model.runs import RunFailure
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.service.body_reader import BodyReader, RunSeen, at, sample_run
from pytest_parseapi.service.call_runs import CallRuns
from pytest_parseapi.service.provider_results import NO_DETAILS, error_reply
from pytest_parseapi.service.recorded_ids import RecordedIds
from pytest_parseapi.service.routes import Routes
from pytest_parseapi.service.run_states import BatchState, RunState
from pytest_parseapi.service.run_table import RunTable

_REQUEST_ID: Final = "parseapi_request"
_MAX_POLLS: Final = 1_000


class GuidedService:
    """One provider's simulated API, in the states that a recording shows.

    Args:
        reader: reads the provider's bodies.
    """

    def __init__(self, reader: BodyReader) -> None:
        self.provider: Provider = reader.provider
        self.reader = reader
        self._behaviour = reader.provider.behaviour
        self._routes = Routes(reader.provider, Stops())
        self._document_names = DocumentNames()
        self._state: Any = self._behaviour.new_state()
        self._description = reader.provider.runs
        self._table = (
            None if self._description is None else RunTable(self._description, self._document_names)
        )
        self._numbers = count(1)

    def endpoint_of(self, request: Request) -> tuple[Endpoint, dict[str, str]] | None:
        """The documented endpoint of a request, and the variables of its path."""
        return self._routes.search(request)

    def names_of(self, request: Request) -> tuple[str, ...]:
        """The names of the document that a request is about."""
        return self._document_names.names(self._behaviour.documents(request, self._state))

    def successes(
        self, request: Request, endpoint: Endpoint, params: dict[str, str], recorded: bytes
    ) -> Generator[Reply]:
        """The possible replies of the simulation to a request that the real service accepted.

        There are several answers where the recording does not tell what was before it: how a run
        was submitted, or how many there were.

        Args:
            request: the recorded request; what is in it may have been removed from the file.
            endpoint: its endpoint.
            params: the variables of the endpoint's path.
            recorded: the recorded body, which shows the states of runs.

        Yields:
            Each answer, the likeliest one first; none where the simulation cannot tell.
        """
        body = object_or_none(recorded)
        run = self._lead(endpoint, params, body)
        accepted = partial(self._accepted, request, endpoint, params, recorded, body)
        yield from accepted()
        table = self._table
        if table is None:
            return
        if run is not None and not run.submitted:
            kept = run.data
            for data in self._documents(table):
                run.data = data
                yield from accepted()
            run.data = kept
        elif not params and endpoint.method == "GET":
            # A full page is followed by another one.
            shown = [len(value) for value in (body or {}).values() if isinstance(value, list)]
            needed = min(max(shown, default=0), _MAX_POLLS) + len(table.description.terminal) + 1
            more = [self._run(table, self._new_id("more")) for _ in range(needed)]
            for shown_run, status in zip(more[::-1], table.description.terminal, strict=False):
                failure = RunFailure(reason="", message="")
                reason = failure if status == table.description.failed else None
                self._set(shown_run, RunSeen(id=shown_run.id, status=status, failure=reason))
            # Lists show the newest first.
            table.in_order[:] = more + table.in_order[:-needed]
            answers = list(accepted())
            for other in more:
                other.delete()
            yield from answers

    def _accepted(
        self,
        request: Request,
        endpoint: Endpoint,
        params: dict[str, str],
        recorded: bytes,
        body: dict[str, Any] | None,
    ) -> Iterator[Reply]:
        """The replies to the request; or to good ones, if the recording has lost its content."""
        seen = self.reader.run_in(body)
        prefix = None if self._description is None else self._description.id_prefix
        for asked in self._ways(request, endpoint):
            ids = RecordedIds(recorded, body, seen, prefix, self._new_id)
            answer = self._answer(asked, endpoint, params, ids.new)
            if isinstance(answer, Rejected) and params:
                self._make(next(iter(params.values())))
                answer = self._answer(asked, endpoint, params, ids.new)
            if isinstance(answer, Reply):
                yield answer
                if asked is request:
                    return

    def _documents(self, table: RunTable) -> Iterator[Any]:
        """The data that a good submission to each endpoint keeps of its document."""
        for endpoint in self.provider.endpoints:
            if endpoint.submits and "{" not in endpoint.path:
                before = len(table.in_order)
                for sample in self._samples(endpoint):
                    self._answer(sample, endpoint, {}, self._new_id)
                for run in table.in_order[before:]:
                    run.delete()
                    yield run.data

    def failures(
        self,
        request: Request,
        endpoint: Endpoint,
        params: dict[str, str],
        error: DocumentedError,
    ) -> list[Reply]:
        """The replies of the simulation with an error: by a script, and by itself."""
        call = self._call(request, endpoint, params, self._new_id)
        replies = [self._error_reply(error, self._behaviour.wording_for(error, call))]
        answer = self._answer(request, endpoint, params, self._new_id, lasting=False)
        if isinstance(answer, Rejected) and answer.code == error.code:
            replies.append(self._error_reply(error, answer))
        return replies

    def _error_reply(self, error: DocumentedError, wording: Rejected | None) -> Reply:
        details = NO_DETAILS if wording is None else wording.details
        return error_reply(self.provider, error, _REQUEST_ID, details=details)

    def _ways(self, request: Request, endpoint: Endpoint) -> Iterator[Request]:
        """The requests to try: the recorded one, and good ones."""
        yield request
        for kind, body in endpoint.samples:
            headers = (("content-type", kind),) if kind else ()
            for query in dict.fromkeys((request.query, "")):
                yield replace(request, query=query, headers=headers, body=body)

    def _answer(
        self,
        request: Request,
        endpoint: Endpoint,
        params: dict[str, str],
        new_id: Callable[[str], str],
        *,
        lasting: bool = True,
    ) -> Reply | Rejected | None:
        """The reply of the provider's own functions; None if they raise for unexpected data."""
        call = self._call(request, endpoint, params, new_id)
        try:
            reply = self._behaviour.answer(call, new_id(self._behaviour.request_id_prefix))
            for effect in call.effects if lasting else ():
                effect()
        except Rejected as rejected:
            return rejected
        except (Exception, SimulationStopped):  # noqa: BLE001 - whatever it is, there is no reply
            return None
        return reply

    def _call(
        self,
        request: Request,
        endpoint: Endpoint,
        params: dict[str, str],
        new_id: Callable[[str], str],
    ) -> Call:
        call = Call(
            request=request,
            endpoint=endpoint,
            params=params,
            now=0.0,
            state=self._state,
            new_id=new_id,
            base_url=self.provider.base_url,
            names=self.names_of(request),
        )
        if self._table is not None:
            call.runs = CallRuns(self._table, call, self.provider.idempotency_header)
        return call

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}parseapi{next(self._numbers)}"

    def _make(self, value: str) -> None:
        """Create what a path names, such as a file that was uploaded before the recording."""
        for endpoint in self.provider.endpoints:
            if endpoint.method == "POST" and "{" not in endpoint.path and not endpoint.submits:
                ids = RecordedIds(value.encode(), None, None, None, self._new_id)
                for sample in self._samples(endpoint):
                    self._answer(sample, endpoint, {}, ids.new)

    def _samples(self, endpoint: Endpoint) -> Iterator[Request]:
        empty = Request(
            method=endpoint.method,
            url=self.provider.base_url + endpoint.path,
            host=self.provider.hosts[0],
            path=endpoint.path,
            client="recording",
        )
        for kind, body in endpoint.samples:
            yield replace(empty, headers=(("content-type", kind),), body=body)

    def _lead(
        self, endpoint: Endpoint, params: dict[str, str], body: dict[str, Any] | None
    ) -> RunState | None:
        """Put runs and batches in the state that a reply shows. Return the run of the path."""
        polled = self.provider.poll_endpoint
        if self._table is None or polled is None:
            return None
        if params and endpoint.path.startswith(polled.path):
            run = self._run(self._table, next(iter(params.values())))
            seen = self.reader.run_in(body)
            if endpoint.result:
                self._set(run, RunSeen(id=run.id, status=self._table.description.succeeded))
            elif endpoint.polls and seen is not None:
                self._set(run, seen)
            elif endpoint.method == "POST":  # only a run that goes on can be changed
                self._set(run, RunSeen(id=run.id, status=self._table.description.running))
            return run
        if params and endpoint.polls:
            self._batch(self._table, next(iter(params.values())), at(body, ("status",)))
        elif not endpoint.submits:
            for seen in self.reader.runs_in(body):
                self._set(self._run(self._table, seen.id), seen)
        return None

    def _run(self, table: RunTable, run_id: str) -> RunState:
        found = table.get(run_id)
        if found is None:
            endpoint = self.provider.endpoints[0]
            request = Request(method="GET", url="", host="", path="", client="recording")
            call = self._call(request, endpoint, {}, self._new_id)
            found = sample_run(table, run_id, (), call)
            found.submitted = False
            table.add(found)
        found.deleted = False
        return found

    def _set(self, run: RunState, seen: RunSeen) -> None:
        run.status = seen.status
        run.failure = seen.failure
        run.ended = 0.0 if seen.status in run.description.terminal else None
        run.polls_needed = None

    def _batch(self, table: RunTable, batch_id: str, status: object) -> None:
        batch = table.batches.get(batch_id)
        if batch is None:
            batch = BatchState(description=table.description, id=batch_id, created=0.0)
            run = self._run(table, f"{batch_id}-run")
            batch.add(run)
            table.batches[batch_id] = batch
        shown = status if isinstance(status, str) else table.description.running
        for run in batch.runs:
            self._set(run, RunSeen(id=run.id, status=shown))
        batch.ended = 0.0 if shown in table.description.terminal else None
