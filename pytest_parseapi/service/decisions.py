"""How an exchange ends: by the network, the credential, the request, or the script."""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable
from typing import Final

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.faults import NetworkFault
from pytest_parseapi.model.http import Fault, Reply, Request
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.runs import no_runs
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.record.outcome import Outcome
from pytest_parseapi.service.call_runs import CallRuns
from pytest_parseapi.service.error_outcomes import readable_id
from pytest_parseapi.service.provider_data import ProviderData
from pytest_parseapi.service.provider_functions import ProviderFunctions
from pytest_parseapi.service.replay_script import Replay, item_of
from pytest_parseapi.service.replayed_outcome import replayed
from pytest_parseapi.service.script import NOTHING, Found, Script, Step

_NO_RUNS: Final = no_runs()


class Decisions:
    """Decides how the exchanges with one provider end. The caller holds the service's lock.

    Args:
        provider: the provider.
        functions: asks its functions.
        stops: where to stop the test.
        wall: what the consumer's ``time.time()`` shows.
    """

    def __init__(
        self,
        provider: Provider,
        functions: ProviderFunctions,
        stops: Stops,
        wall: Callable[[], float],
    ) -> None:
        self._provider = provider
        self._functions = functions
        self._stops = stops
        self._wall = wall
        self._unauthorized = provider.error_of(provider.unauthorized)
        self._no_credential = (
            None if self._unauthorized is None else Rejected(self._unauthorized.code)
        )
        self.deciding: int | None = None
        """The thread in which a ``when`` of the test's own decides just now."""

    def outcome(
        self,
        data: ProviderData,
        script: Script,
        request: Request,
        endpoint: Endpoint,
        params: dict[str, str],
        names: tuple[str, ...],
        now: float,
        *,
        authorized: bool,
    ) -> Outcome:
        """How an exchange ends: network faults first, then the credential, the request, the script.

        A bad request does not use up a script: the API rejects it before it works on it.

        Args:
            data: what the provider remembers.
            script: the failures.
            request: what is asked.
            endpoint: where.
            params: the variables of its path.
            names: the names of its document.
            now: virtual seconds since the test began.
            authorized: whether the request has a credential.
        """
        call = Call(
            request=request,
            endpoint=endpoint,
            params=params,
            now=now,
            state=data.state,
            new_id=data.ids.new,
            base_url=request.base_url or self._provider.base_url,
            names=names,
            runs=_NO_RUNS,
        )
        if data.runs is not None:
            call.runs = CallRuns(data.runs, call, self._provider.idempotency_header)
        rejection = None if authorized or endpoint.public else self._no_credential
        try:
            found = self._scripted(call, script) if script.pending else NOTHING
            step = found.step
            if isinstance(step, Replay):
                return self._replayed(found, step, call, data, script, rejection)
            if isinstance(step, Step):
                return self._failed(found, step, call, script, rejection)
            return self._answered(found, call, script, rejection)
        finally:
            # They know the call: as a circle, all of it would be the garbage collector's to find.
            call.runs = _NO_RUNS
            call.effects.clear()

    def _answered(
        self, found: Found, call: Call, script: Script, rejection: Rejected | None
    ) -> Outcome:
        """The reply to a request that no script makes fail."""
        behaviour = self._provider.behaviour
        request_id = call.new_id(behaviour.request_id_prefix)
        reply = self._functions.answer(call, request_id, rejection)
        if isinstance(reply, Outcome):
            return reply
        for effect in call.effects:
            effect()
        if found.delays:
            script.take(found)
        return Outcome(
            result=reply,
            request_id=readable_id(request_id, reply, behaviour),
            shown=call.shown,
            listed=tuple(call.listed),
            counts=call.counts,
        )

    def _failed(
        self, found: Found, step: Step, call: Call, script: Script, rejection: Rejected | None
    ) -> Outcome:
        """How a request ends that a script makes fail."""
        fault = step.error if isinstance(step.error, NetworkFault) else None
        silence = fault if fault is not None and fault.kind == "network" else None
        lost = fault is not None and fault.loses_reply and _changes(call.endpoint)
        if silence is not None and not lost:
            return self._fault(script, found, silence)
        request_id = call.new_id(self._provider.behaviour.request_id_prefix)
        call.reply_replaced = fault is None
        reply = self._functions.answer(call, request_id, rejection)
        if lost and isinstance(reply, Reply):
            # The service got the request.
            for effect in call.effects:
                effect()
        if silence is not None:
            return self._fault(script, found, silence)
        if isinstance(reply, Outcome):
            return reply
        script.take(found)
        return self._functions.scripted(step, call, reply, request_id)

    def _replayed(
        self,
        found: Found,
        replay: Replay,
        call: Call,
        data: ProviderData,
        script: Script,
        rejection: Rejected | None,
    ) -> Outcome:
        """The outcome of a recorded reply, which takes the place of the simulation's own."""
        reply = replay.next_for(call.endpoint, call.names, item_of(call.params))
        assert reply is not None
        if rejection is not None and self._unauthorized is not None:
            result = reply.exchange.result
            if not isinstance(result, Reply) or result.status != self._unauthorized.status:
                request_id = call.new_id(self._provider.behaviour.request_id_prefix)
                return self._functions.rejection(rejection, request_id)
        replay.take(reply)
        script.take(found)
        return replayed(replay, reply, call, data.runs, self._wall())

    def _fault(self, script: Script, found: Found, error: NetworkFault) -> Outcome:
        script.take(found)
        message = found.step.message if isinstance(found.step, Step) else None
        return Outcome(result=Fault(error.name, message or error.description), error=error.name)

    def _scripted(self, call: Call, script: Script) -> Found:
        """The scripted failure for a request, if any; a ``when`` that raises stops the test."""
        self.deciding = get_ident()
        try:
            return script.find(call.request, call.endpoint, call.names, item_of(call.params))
        except UsageError as mistake:
            self._stops.stop(str(mistake))
        finally:
            self.deciding = None


def _changes(endpoint: Endpoint) -> bool:
    """Whether a request creates a run, or changes or deletes what its path names."""
    return endpoint.submits or (endpoint.method != "GET" and "{" in endpoint.path)
