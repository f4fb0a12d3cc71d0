"""Nutrient's side of the simulation: what it accepts, and what it replies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_parseapi.model.behaviour import Behaviour, Call, json_reply
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.http import Reply
from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.providers.nutrient.bodies import (
    EXTRACT_SURCHARGE,
    PAGE_CREDITS,
    extract_body,
    parse_body,
)
from pytest_parseapi.providers.nutrient.errors import DETAIL_SOURCES
from pytest_parseapi.providers.nutrient.requests import extract_options, parse_options, read_request

__all__ = ["NutrientBehaviour", "NutrientState"]

_FIRST_CREDITS: Final = 1000.0


@dataclass(slots=True)
class NutrientState:
    """The credits that are left."""

    credits: float = _FIRST_CREDITS

    def spend(self, call: Call, cost: float) -> tuple[float, float]:
        """What a call costs and what it leaves: never below 0, because only a script says 402.

        The credits go down if the call succeeds; no page says whether failed ones are charged.
        """
        left = max(0.0, self.credits - cost)
        call.effects.append(lambda: setattr(self, "credits", left))
        return cost, left


class NutrientBehaviour(Behaviour):
    """The Data Extraction API of Nutrient.

    Args:
        max_file_bytes: the limit for a document; documented as 150 MB.

    Example:
        >>> NutrientBehaviour().new_state().credits
        1000.0
    """

    def __init__(self, *, max_file_bytes: int = 150 * 1024 * 1024) -> None:
        self.max_file_bytes = max_file_bytes

    def new_state(self) -> NutrientState:
        """All credits."""
        return NutrientState()

    def answer(self, call: Call, request_id: str) -> Reply:
        """The reply to a good request; raises `Rejected` for a bad one."""
        endpoint = str(call.endpoint)
        state: NutrientState = call.state
        if endpoint == "POST /extraction/parse":
            parsing = parse_options(self._read(call, raw=True))
            usage = state.spend(call, PAGE_CREDITS[parsing.mode])
            title = call.names[-1] if call.names else "Document"
            body = parse_body(parsing, request_id=request_id, title=title, usage=usage)
        elif endpoint == "POST /extraction/extract":
            extraction = extract_options(self._read(call, raw=False))
            usage = state.spend(call, PAGE_CREDITS[extraction.mode] + EXTRACT_SURCHARGE)
            body = extract_body(extraction, request_id=request_id, usage=usage)
        else:
            raise SimulationStopped(f"The simulated Nutrient API does not serve {endpoint}.")
        return json_reply(200, body)

    def _read(self, call: Call, *, raw: bool) -> dict[str, Any]:
        return read_request(call.request, max_file_bytes=self.max_file_bytes, raw=raw)

    def error_body(
        self,
        error: DocumentedError,
        *,
        message: str,
        request_id: str | None,
        details: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """The envelope of an error; ``errorDetails`` where the pages show them."""
        body: dict[str, Any] = {"status": error.status}
        if request_id is not None:
            body["requestId"] = request_id
        body["errorMessage"] = message
        described: dict[str, Any] = {}
        if error.code in DETAIL_SOURCES:
            described["source"] = DETAIL_SOURCES[error.code]
        if error.wire_code is not None:
            described["code"] = error.wire_code
        described.update(details)
        return {**body, "errorDetails": described} if described else body
