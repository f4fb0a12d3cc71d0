"""The outcome of an exchange with a recorded reply, and the runs that it changes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from pytest_parseapi.model.behaviour import Behaviour, Call
from pytest_parseapi.model.http import Fault, Reply, moment_of
from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.request_content import object_or_none
from pytest_parseapi.model.runs import RunShown
from pytest_parseapi.record.outcome import Outcome
from pytest_parseapi.service.body_reader import BodyReader, RunSeen, at, sample_run
from pytest_parseapi.service.mocked_outcome import outcome_of
from pytest_parseapi.service.recorded_ids import RecordedIds
from pytest_parseapi.service.replay_script import RecordedReply, Replay
from pytest_parseapi.service.run_states import RunState, run_shown
from pytest_parseapi.service.run_table import RunTable

# Headers that belong to the recorded connection, or to the day of the recording.
_NOT_SENT: Final = frozenset(
    "connection content-encoding content-length date keep-alive transfer-encoding upgrade".split()  # noqa: SIM905
)
_RESET: Final = "x-ratelimit-reset"
_EPOCH: Final = 1_000_000_000


def replayed(
    script: Replay, reply: RecordedReply, call: Call, table: RunTable | None, wall: float
) -> Outcome:
    """The outcome of a recorded reply.

    Args:
        script: the recording.
        reply: the reply.
        call: the request that it answers.
        table: the test's runs; None where the provider has none.
        wall: what the consumer's ``time.time()`` shows.
    """
    reader, exchange = script.reader, reply.exchange
    mock = f"the recording {Path(script.name).name}"
    result = exchange.result
    if isinstance(result, Fault):
        return Outcome(result=result, error=result.name, mock=mock, seconds=exchange.seconds)
    body = object_or_none(result.body)
    seen = reader.run_in(body)
    if result.status < HTTPStatus.BAD_REQUEST:
        if call.endpoint.method != "GET":
            _let_happen(reader, call, result, seen, table)
        if table is not None:
            _bring_up_to_date(reader, call, body, table)
    sent = Reply(status=result.status, headers=_headers(reply, result, wall), body=result.body)
    outcome = outcome_of(reader.provider, call.endpoint, sent, mock)
    return replace(outcome, shown=call.shown, counts=call.counts, seconds=exchange.seconds)


def _let_happen(
    reader: BodyReader, call: Call, recorded: Reply, seen: RunSeen | None, table: RunTable | None
) -> None:
    """Let the simulation do what the request asks, with the ids of the recorded reply."""
    provider: Provider = reader.provider
    behaviour: Behaviour = provider.behaviour
    prefix = None if provider.runs is None else provider.runs.id_prefix
    body = object_or_none(recorded.body)
    call.new_id = RecordedIds(recorded.body, body, seen, prefix, call.new_id).new
    try:
        behaviour.answer(call, "")
        for effect in call.effects:
            effect()
    except (Exception, SimulationStopped):  # noqa: BLE001 - the recording is right, whatever it is
        call.shown = None
    if table is None or seen is None or not call.endpoint.submits or table.get(seen.id) is not None:
        return
    # The simulation rejects what the real service accepted.
    table.add(sample_run(table, seen.id, call.names, call))


def _bring_up_to_date(
    reader: BodyReader, call: Call, body: dict[str, Any] | None, table: RunTable
) -> None:
    """Put runs and batches in the states that the reply shows."""
    endpoint, description = call.endpoint, table.description
    alone = reader.run_in(body)
    if alone is not None:
        run = table.get(alone.id)
        if run is None:
            run = sample_run(table, alone.id, call.names, call)
            run.submitted = False
            table.add(run, scripted=False)
        if endpoint.polls:
            call.counts = "attempts" if run.end_shown else "polls"
        _set(run, alone, call.now, polled=endpoint.polls)
        call.shown = run_shown(description, alone.id, alone.status, alone.failure)
        if call.shown.ended and not run.end_shown:
            call.counts = None
        run.end_shown = run.end_shown or (call.shown.ended and endpoint.polls)
        return
    if endpoint.method != "GET":
        return
    batch = table.batches.get(next(iter(call.params.values()), ""))
    status = at(body, ("status",))
    if batch is not None and isinstance(status, str):
        ended = status in description.terminal
        call.counts = "attempts" if batch.end_shown else None if ended else "polls"
        for run in batch.runs:
            _set(run, RunSeen(id=run.id, status=status), call.now, polled=True)
            call.listed.append(RunShown(run.id, status, None, ended=ended))
        batch.end_shown = ended
        call.shown = RunShown(batch.id, status, None, ended=ended)
        return
    for seen in reader.runs_in(body):
        listed = table.get(seen.id)
        if listed is not None:
            _set(listed, seen, call.now, polled=True)
            ended, failed = seen.status in description.terminal, seen.status == description.failed
            call.listed.append(RunShown(seen.id, seen.status, None, ended=ended, failed=failed))


def _set(run: RunState, seen: RunSeen, now: float, *, polled: bool) -> None:
    if seen.status not in run.description.terminal:
        run.ended = None
        run.status = seen.status
        run.polls += polled
    elif run.ended is None:
        run.failure = seen.failure
        run.finish(now, seen.status)


def _headers(reply: RecordedReply, recorded: Reply, wall: float) -> dict[str, str]:
    """The recorded headers. Dates are moved by the time between the recording and now."""
    headers = {name: value for name, value in recorded.headers.items() if name not in _NOT_SENT}
    exchange = reply.exchange
    then = exchange.ended
    if then is None and "date" in recorded.headers:
        then = moment_of(recorded.headers["date"], 0.0)
    if then is None:
        return headers
    moved = wall + (exchange.seconds or 0.0) - then
    retry_after = headers.get("retry-after", "")
    moment = moment_of(retry_after, 0.0)
    if moment is not None and moment == moment_of(retry_after, 1.0):  # no number of seconds
        headers["retry-after"] = _date(moment + moved)
    reset = headers.get(_RESET, "")
    if reset.isdecimal() and _EPOCH < int(reset) < _EPOCH * 10:
        headers[_RESET] = f"{int(reset) + moved:.0f}"
    return headers


def _date(moment: float) -> str:
    from email.utils import format_datetime

    return format_datetime(dt.datetime.fromtimestamp(moment, dt.UTC), usegmt=True)
