"""A provider's own functions, asked: whatever they raise or give that they must not, is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import NetworkFault
from pytest_parseapi.model.field_values import result_of
from pytest_parseapi.model.http import Reply
from pytest_parseapi.model.mistakes import SimulationStopped, UsageError, nearest
from pytest_parseapi.model.one_line import error_line
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.record.outcome import Outcome
from pytest_parseapi.service.error_outcomes import error_outcome

_LOWEST_STATUS, _HIGHEST_STATUS = 200, 599
_Given = ParamSpec("_Given")


class ProviderFunctions:
    """Asks the functions of one provider; a mistake of theirs stops the test.

    Args:
        provider: whose functions.
        stops: where to stop the test.
    """

    def __init__(self, provider: Provider, stops: Stops) -> None:
        self._provider = provider
        self._stops = stops

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
            self._stops.stop(self._mistake(answer, f"raised {error_line(error)}"))
        problem = _unsendable(reply)
        if problem is not None:
            self._stops.stop(self._mistake(answer, problem))
        return reply

    def wording(self, error: DocumentedError | NetworkFault, call: Call) -> Rejected | None:
        """What the provider says of a scripted error, where that depends on the request."""
        if isinstance(error, NetworkFault):
            return None
        function = self._provider.behaviour.wording_for
        try:
            said = function(error, call)
        except Exception as mistake:  # noqa: BLE001 - whatever it raises, it is named
            self._stops.stop(self._mistake(function, f"raised {error_line(mistake)}"))
        if not (said is None or isinstance(said, Rejected)):
            self._stops.stop(self._mistake(function, f"gives a Rejected or None, not {said!r}"))
        return said

    def new_state(self) -> Any:
        """What the provider remembers during one test; raises `UsageError` where it cannot."""
        function = self._provider.behaviour.new_state
        try:
            return function()
        except Exception as error:
            mistake = self._mistake(function, f"raised {error_line(error)}")
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
        behaviour, details = self._provider.behaviour, rejected.details
        outcome = self.guarded(
            error_outcome, behaviour, error, request_id, message=text, details=details
        )
        outcome.rejection = text
        return outcome

    def guarded(
        self, make: Callable[_Given, Outcome], *given: _Given.args, **named: _Given.kwargs
    ) -> Outcome:
        """An outcome whose body the provider makes.

        Args:
            make: makes it.
            given: its arguments.
            named: more of them.
        """
        function = self._provider.behaviour.error_reply
        try:
            outcome = make(*given, **named)
        except Exception as error:  # noqa: BLE001 - whatever it raises, it is named
            self._stops.stop(self._mistake(function, f"raised {error_line(error)}"))
        problem = _unsendable(outcome.result)
        if problem is not None:
            self._stops.stop(self._mistake(function, problem))
        return outcome

    def texts(self, function: Callable[..., tuple[str, ...]], *given: Any) -> tuple[str, ...]:
        """The texts that a function finds: the secrets of a request, the names of its document.

        Args:
            function: one of the provider's.
            given: its arguments.
        """
        try:
            found = function(*given)
        except Exception as error:  # noqa: BLE001 - whatever it raises, it is named
            self._stops.stop(self._mistake(function, f"raised {error_line(error)}"))
        wrong = not isinstance(found, tuple)
        try:
            "".join(found)  # quicker than to look at each
        except TypeError:
            wrong = True
        if wrong:
            self._stops.stop(self._mistake(function, f"gives a tuple of texts, not {found!r}"))
        return found

    def _mistake(self, function: Callable[..., object], text: str) -> str:
        name = getattr(function, "__qualname__", repr(function))
        return f"provider {self._provider.name!r}: {name} {text}".partition("\n")[0]


def _unsendable(reply: object) -> str | None:
    """Why no client library could be handed what a function gave; None for a good reply."""
    if not isinstance(reply, Reply):
        return f"gives a Reply, not {reply!r}"
    status, body = reply.status, reply.body
    if type(status) is not int or not _LOWEST_STATUS <= status <= _HIGHEST_STATUS:
        bounds = f"from {_LOWEST_STATUS} to {_HIGHEST_STATUS}"
        return f"gives a Reply whose status is not an integer {bounds}: {status!r}"
    if not isinstance(body, bytes):
        return f"gives a Reply whose body is not bytes, but one {type(body).__name__}"
    headers = reply.headers
    if type(headers) is not dict and not isinstance(headers, Mapping):
        return f"gives a Reply whose headers are not a mapping: {headers!r}"
    try:
        # Of all at once: quicker than to look at each.
        "".join(headers)
        values = "".join(headers.values())
    except TypeError:
        values = "\n"
    return _wrong_header(headers) if "\n" in values or "\r" in values else None


def _wrong_header(headers: Mapping[str, str]) -> str | None:
    for name, value in headers.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            return f"gives a Reply whose headers are not texts: {name!r}: {value!r}"
        if "\n" in value or "\r" in value:
            return f"gives a Reply whose header {name!r} has more than one line: {value!r}"
    return None


def checked_result(
    provider: Provider, field: str, kind: type, function: Callable[..., object], *given: object
) -> Any:
    """The result of a function of a provider's description; a wrong one is told in one line.

    Args:
        provider: whose.
        field: where it stands in the provider.
        kind: the type that it must give.
        function: the function.
        given: its arguments.

    Raises:
        UsageError: it gives another type, or raises.
    """
    try:
        return result_of(kind, function, *given)
    except TypeError as error:
        raise UsageError(f"provider {provider.name!r}: {field} {error}") from error
