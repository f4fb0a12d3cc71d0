"""Calls a provider's own functions; a wrong result or an exception is told in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import NetworkFault
from pytest_parseapi.model.http import Reply
from pytest_parseapi.model.mistakes import SimulationStopped, UsageError, nearest
from pytest_parseapi.model.printable_text import error_line
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.record.outcome import Outcome
from pytest_parseapi.service.error_outcomes import error_outcome, scripted_outcome
from pytest_parseapi.service.provider_results import mistake_in, unsendable, with_lower_names
from pytest_parseapi.service.script import Step


class ProviderFunctions:
    """Calls the functions of one provider; a mistake in one stops the test.

    Args:
        provider: whose functions.
        stops: where to stop the test.
    """

    def __init__(self, provider: Provider, stops: Stops) -> None:
        self._provider = provider
        self._stops = stops
        # The last reply that a scripted error took the place of; at first there is none.
        self._last_replaced: object = self

    def answer(
        self, call: Call, request_id: str, rejection: Rejected | None = None
    ) -> Reply | Outcome:
        """The reply to a good request, or how a bad one ends.

        Args:
            call: the request.
            request_id: the id of the exchange.
            rejection: why the request is a bad one, where that is known already.
        """
        if rejection is not None:
            return self.rejection(rejection, request_id)
        answer = self._provider.behaviour.answer
        try:
            reply = answer(call, request_id)
        except Rejected as rejected:
            return self.rejection(rejected, request_id)
        except SimulationStopped as error:
            self._stops.stop(f"provider {self._provider.name!r}: {error}")
        except Exception as error:  # noqa: BLE001 - whatever it raises, it is named
            self._stop(answer, f"raised {error_line(error)}")
        if reply is self._last_replaced:
            return reply  # it was checked before
        problem = unsendable(reply)
        if problem is not None:
            self._stop(answer, problem)
        reply = with_lower_names(reply)
        if call.reply_replaced:
            self._last_replaced = reply
        return reply

    def new_state(self) -> Any:
        """A new state of the provider for one test; raises `UsageError` if its function fails."""
        function = self._provider.behaviour.new_state
        try:
            return function()
        except Exception as error:
            mistake = mistake_in(self._provider, function, f"raised {error_line(error)}")
            raise UsageError(mistake) from error

    def rejection(self, rejected: Rejected, request_id: str) -> Outcome:
        """How a request ends that the provider rejects, without a script."""
        error = self._provider.error_of(rejected.code)
        if error is None:
            known = [item.code for item in (*self._provider.errors, *self._provider.own_errors)]
            self._stops.stop(
                f"provider {self._provider.name!r}: Rejected({rejected.code!r}) names no error of "
                f"Provider.errors or Provider.own_errors; {nearest(rejected.code, known)}"
            )
        text = error.message if rejected.message is None else rejected.message
        try:
            outcome = error_outcome(
                self._provider, error, request_id, message=text, details=rejected.details
            )
        except UsageError as mistake:
            self._stops.stop(str(mistake))
        outcome.rejection = text
        return outcome

    def scripted(self, step: Step, call: Call, success: Reply, request_id: str) -> Outcome:
        """The outcome of a scripted failure.

        Args:
            step: what the script says.
            call: the request.
            success: the reply that would have come.
            request_id: the id of the exchange.
        """
        wording = self._wording(step.error, call)
        try:
            return scripted_outcome(self._provider, step, wording, success, request_id)
        except UsageError as mistake:
            self._stops.stop(str(mistake))

    def texts(self, function: Callable[..., tuple[str, ...]], *given: Any) -> tuple[str, ...]:
        """The texts that a function returns: secrets of a request, or names of its document.

        Args:
            function: one of the provider's.
            given: its arguments.
        """
        try:
            found = function(*given)
        except Exception as error:  # noqa: BLE001 - whatever it raises, it is named
            self._stop(function, f"raised {error_line(error)}")
        wrong = not isinstance(found, tuple)
        try:
            "".join(found)  # quicker than to look at each
        except TypeError:
            wrong = True
        if wrong:
            self._stop(function, f"gives a tuple of texts, not {found!r}")
        return found

    def _wording(self, error: DocumentedError | NetworkFault, call: Call) -> Rejected | None:
        """The provider's own message for a scripted error; None if the catalogue's is right."""
        if isinstance(error, NetworkFault):
            return None
        function = self._provider.behaviour.wording_for
        try:
            said = function(error, call)
        except Exception as mistake:  # noqa: BLE001 - whatever it raises, it is named
            self._stop(function, f"raised {error_line(mistake)}")
        if not (said is None or isinstance(said, Rejected)):
            self._stop(function, f"gives a Rejected or None, not {said!r}")
        return said

    def _stop(self, function: Callable[..., object], text: str) -> NoReturn:
        self._stops.stop(mistake_in(self._provider, function, text))
