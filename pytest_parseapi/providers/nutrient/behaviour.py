"""Nutrient's side of the simulation: what it accepts, and what it replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_parseapi.model.behaviour import Behaviour, Call, Rejected, json_reply
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.http import Reply, Request
from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.model.multipart import MalformedBody
from pytest_parseapi.model.request_content import (
    json_object,
    media_type,
    megabytes,
    names_of_upload,
    shown,
    unique_names,
)
from pytest_parseapi.model.runs import Submission
from pytest_parseapi.providers.nutrient.bodies import envelope, extract_output, parse_output
from pytest_parseapi.providers.nutrient.endpoints import OPERATIONS
from pytest_parseapi.providers.nutrient.errors import DETAIL_SOURCES
from pytest_parseapi.providers.nutrient.requests import (
    DOCUMENTS,
    EXTRACT_SURCHARGE,
    PAGE_CREDITS,
    DocumentRules,
    Problems,
    check_instructions,
    check_upload,
    extract_options,
    parse_options,
    read_request,
)
from pytest_parseapi.providers.nutrient.runs import RUN_HANDLERS, run_body
from pytest_parseapi.providers.nutrient.state import Extraction, NutrientState

_ROOT: Final = "/extraction/"
_ASYNC: Final = "/async"
_RUN_ID_HEADER: Final = "x-nutrient-run-id"


class NutrientBehaviour(Behaviour):
    """The Data Extraction API of Nutrient.

    Args:
        max_file_bytes: the limit for a document; documented as 150 MB.

    Example:
        >>> NutrientBehaviour().new_state().credits
        1000.0
    """

    prepares_errors = True

    def __init__(self, *, max_file_bytes: int = 150 * 1024 * 1024) -> None:
        self.max_file_bytes = max_file_bytes

    def new_state(self) -> NutrientState:
        """All credits, and no assets."""
        return NutrientState()

    def forget(self, state: Any, before: float) -> None:
        """Let go of older assets."""
        state.forget(before)

    def documents(self, request: Request, state: Any) -> tuple[str, ...]:
        """The names of the URL, of the asset, of the upload, or of the raw body, best first."""
        if media_type(request) == "application/json" and b"assetId" in request.body:
            try:
                asset = json_object(request).get("assetId")
            except MalformedBody:
                return ()
            if isinstance(asset, str):
                return unique_names((*state.assets.get(asset, ()), asset))
        return super().documents(request, state)

    def answer(self, call: Call, request_id: str) -> Reply:
        """The reply to a good request; raises `Rejected` for a bad one."""
        handler = RUN_HANDLERS.get(str(call.endpoint))
        if handler is not None:
            return json_reply(200, handler(call, request_id))
        operation = call.endpoint.path.removeprefix(_ROOT)
        if operation == "uploads":
            return json_reply(200, self._upload(call, request_id))
        if call.endpoint.submits:
            extraction = self._extraction(call, operation.removesuffix(_ASYNC))
            run = call.runs.submit(Submission(names=call.names, data=extraction))
            return json_reply(202, run_body(call, run, run.status, request_id))
        if operation not in OPERATIONS:
            raise SimulationStopped(f"The simulated Nutrient API does not serve {call.endpoint}.")
        extraction = self._extraction(call, operation)
        body = envelope(
            request_id, extraction.output, extraction.pay(call), extraction.configuration
        )
        if not extraction.stored:
            return json_reply(200, body)
        run = call.runs.store(Submission(names=call.names, data=extraction))
        return json_reply(200, {**body, "runId": run.id}, {_RUN_ID_HEADER: run.id})

    def wording_for(self, error: DocumentedError, call: Call) -> Rejected | None:
        """What a scripted error says of this request: a failing path, or the credits it needs."""
        if error.code == "invalid_request":
            return Rejected(error.code, details={"failingPaths": [_first_field(call)]})
        if error.code == "insufficient_credits":
            cost = self._cost(call)
            needs = "more credits than" if cost is None else f"{cost:g} credits and 0"
            return Rejected(error.code, f"This request needs {needs} are left.")
        if error.code == "payload_too_large":
            limit = megabytes(self.max_file_bytes)
            return Rejected(error.code, f"The file is larger than {limit}.")
        return None

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

    def _upload(self, call: Call, request_id: str) -> Mapping[str, Any]:
        check_upload(call.request, self.max_file_bytes)
        state: NutrientState = call.state
        asset = call.new_id("asset_")
        names = names_of_upload(call.request)
        state.keep_asset(call, asset, names)
        return {"assetId": asset, "requestId": request_id}

    def _extraction(self, call: Call, operation: str) -> Extraction:
        """What a request asks for; raises `Rejected` with every path that fails."""
        state: NutrientState = call.state
        problems = Problems()
        in_run = call.endpoint.submits
        rules = DocumentRules(
            max_file_bytes=self.max_file_bytes,
            raw=operation == "parse" and not in_run,
            assets=state.assets if in_run else None,
        )
        sent = read_request(call.request, rules, problems)
        # No page says that a split can be stored at once.
        storable = in_run or operation != "split"
        stored = storable and problems.flag("$.storeRun", sent.get("storeRun"), default=in_run)
        if in_run and sent.get("storeRun") is False:
            problems.add("$.storeRun", "must be true where a run is made, not false")
        if operation == "parse":
            parsing = parse_options(sent, problems)
            problems.stop_if_any()
            title = call.names[-1] if call.names else "Document"
            return Extraction(
                operation,
                parse_output(parsing, title),
                PAGE_CREDITS[parsing.mode],
                {"mode": parsing.mode, "outputFormat": parsing.output_format},
                stored=stored,
            )
        if operation == "extract":
            extraction = extract_options(sent, problems)
            problems.stop_if_any()
            cost = PAGE_CREDITS[extraction.mode] + EXTRACT_SURCHARGE
            return Extraction(operation, extract_output(extraction), cost, stored=stored)
        # No page that could be read shows what these two ask for, cost, or put into `output`.
        check_instructions(sent, problems)
        problems.stop_if_any()
        return Extraction(operation, {}, None, stored=stored)

    def _cost(self, call: Call) -> float | None:
        operation = call.endpoint.path.removeprefix(_ROOT).removesuffix(_ASYNC)
        if operation not in OPERATIONS:
            return None
        try:
            return self._extraction(call, operation).cost
        except Rejected:
            return None


def _first_field(call: Call) -> dict[str, str]:
    """The failing path of a scripted error: the endpoint's own first field, and what it held."""
    path = call.endpoint.path
    if "{" in path:
        return _failing("runId", call.params["runId"], "the id of a run")
    if path == _ROOT + "runs":
        return _failing("nextPageToken", None, "one that a list gave")
    if media_type(call.request) != "application/json" or path == _ROOT + "uploads":
        return _failing("file", call.names[0] if call.names else None, DOCUMENTS)
    body = json_object(call.request.body)
    name, what = ("assetId", "id") if "assetId" in body else ("url", "address")
    return _failing(name, body.get(name), f"the {what} of a document that can be read")


def _failing(name: str, value: object, expected: str) -> dict[str, str]:
    held = "" if value is None else f": {shown(value)}"
    return {"path": f"$.{name}", "details": f"invalid {name}{held}; must be {expected}"}
