"""A provider's own functions, asked: whatever they raise or give that they must not, is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from pytest_parseapi.model.behaviour import Call, Rejected
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.http import Reply, Request
from pytest_parseapi.model.mistakes import SimulationStopped, nearest
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.stops import Stops
from pytest_parseapi.record.outcome import Outcome
from pytest_parseapi.service.outcome import failed

__all__ = ["ProviderFunctions"]

_NO_DETAILS: Final[Mapping[str, Any]] = MappingProxyType({})


class ProviderFunctions:
    """Asks the functions of one provider; a mistake of theirs stops the test.

    Args:
        provider: whose functions.
        stops: where to stop the test.
    """

    def __init__(self, provider: Provider, stops: Stops) -> None:
        self._provider = provider
        self._stops = stops

    def credential(self, request: Request) -> tuple[str, ...]:
        """The credential that a request carries."""
        return self._texts(self._provider.credential.read, request)

    def documents(self, request: Request, state: Any) -> tuple[str, ...]:
        """What the documents of a request are called."""
        return self._texts(self._provider.behaviour.documents, request, state)

    def answer(self, call: Call, request_id: str) -> Reply:
        """The reply to a good request.

        Raises:
            Rejected: the provider turns the request down.
        """
        answer = self._provider.behaviour.answer
        try:
            reply = answer(call, request_id)
        except Rejected:
            raise
        except SimulationStopped as error:
            self._stops.stop(f"provider {self._provider.name!r}: {error}")
        except Exception as error:  # noqa: BLE001 - whatever it raises, it is named
            self._stops.stop(self._mistake(answer, f"raised {type(error).__name__}: {error}"))
        if not isinstance(reply, Reply):
            self._stops.stop(self._mistake(answer, f"gives a Reply, not {reply!r}"))
        return reply

    def turned_down(self, rejected: Rejected, request_id: str) -> Outcome:
        """How a request ends that the provider turned down by the code of an error."""
        error = self._provider.error_of(rejected.code)
        if error is None:
            known = [item.code for item in (*self._provider.errors, *self._provider.own_errors)]
            self._stops.stop(
                f"provider {self._provider.name!r}: Rejected({rejected.code!r}) names no error of "
                f"Provider.errors or Provider.own_errors; {nearest(rejected.code, known)}"
            )
        return self.rejected(error, request_id, rejected.message, rejected.details)

    def rejected(
        self,
        error: DocumentedError,
        request_id: str,
        message: str | None = None,
        details: Mapping[str, Any] = _NO_DETAILS,
    ) -> Outcome:
        """How a request ends that is turned down without a script."""
        text = error.message if message is None else message
        behaviour = self._provider.behaviour
        outcome = self.guarded(
            lambda: failed(behaviour, error, request_id, message=text, details=details)
        )
        outcome.rejection = text
        return outcome

    def guarded(self, make: Callable[[], Outcome]) -> Outcome:
        """An outcome whose body the provider makes."""
        try:
            return make()
        except Exception as error:  # noqa: BLE001 - whatever it raises, it is named
            function = self._provider.behaviour.error_reply
            self._stops.stop(self._mistake(function, f"raised {type(error).__name__}: {error}"))

    def _texts(self, function: Callable[..., tuple[str, ...]], *given: Any) -> tuple[str, ...]:
        try:
            found = function(*given)
        except Exception as error:  # noqa: BLE001 - whatever it raises, it is named
            self._stops.stop(self._mistake(function, f"raised {type(error).__name__}: {error}"))
        if not _are_texts(found):
            self._stops.stop(self._mistake(function, f"gives a tuple of texts, not {found!r}"))
        return found

    def _mistake(self, function: Callable[..., object], text: str) -> str:
        name = getattr(function, "__qualname__", repr(function))
        return f"provider {self._provider.name!r}: {name} {text}".partition("\n")[0]


def _are_texts(found: object) -> bool:
    if not isinstance(found, tuple):
        return False
    for item in found:  # noqa: SIM110 - every exchange comes by, and a generator costs more
        if not isinstance(item, str):
            return False
    return True
