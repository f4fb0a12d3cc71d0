"""Prove that your code handles every documented failure of a document-parsing API."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_parseapi.api.parse_api import ParseAPI
    from pytest_parseapi.clock.virtual import VirtualClock
    from pytest_parseapi.model.behaviour import Behaviour, Call, Context, Rejected, json_reply
    from pytest_parseapi.model.credentials import (
        BasicAuth,
        BearerToken,
        Credential,
        HeaderKey,
        QueryKey,
    )
    from pytest_parseapi.model.endpoint import Endpoint
    from pytest_parseapi.model.errors import Advice, DocumentedError
    from pytest_parseapi.model.faults import NetworkFault
    from pytest_parseapi.model.http import Reply, Request
    from pytest_parseapi.model.mistakes import UsageError
    from pytest_parseapi.model.multipart import MalformedBody, Part, file_part, parse_multipart
    from pytest_parseapi.model.provider import APIVersion, Provider
    from pytest_parseapi.model.reading import json_object, media_type, names_of_upload, names_of_url
    from pytest_parseapi.model.runs import (
        RunDescription,
        RunFailure,
        RunStore,
        SimulatedBatch,
        SimulatedRun,
        Submission,
    )
    from pytest_parseapi.model.webhooks import Signing, WebhookDescription
    from pytest_parseapi.plugin.contract import ParseErrorContract
    from pytest_parseapi.record.attempt import Attempt
    from pytest_parseapi.record.run import Run
    from pytest_parseapi.record.webhook import WebhookAnswer, WebhookDelivery
    from pytest_parseapi.service.script import ALWAYS

__all__ = [
    "ALWAYS",
    "APIVersion",
    "Advice",
    "Attempt",
    "BasicAuth",
    "BearerToken",
    "Behaviour",
    "Call",
    "Context",
    "Credential",
    "DocumentedError",
    "Endpoint",
    "HeaderKey",
    "MalformedBody",
    "NetworkFault",
    "ParseAPI",
    "ParseErrorContract",
    "Part",
    "Provider",
    "QueryKey",
    "Rejected",
    "Reply",
    "Request",
    "Run",
    "RunDescription",
    "RunFailure",
    "RunStore",
    "Signing",
    "SimulatedBatch",
    "SimulatedRun",
    "Submission",
    "UsageError",
    "VirtualClock",
    "WebhookAnswer",
    "WebhookDelivery",
    "WebhookDescription",
    "file_part",
    "json_object",
    "json_reply",
    "media_type",
    "names_of_upload",
    "names_of_url",
    "parse_multipart",
]

# Names load when they are used: pytest imports this package at start-up, whether a test needs it
# or not.
_HOMES: Final = {
    "ALWAYS": "service.script",
    "APIVersion": "model.provider",
    "Advice": "model.errors",
    "Attempt": "record.attempt",
    "BasicAuth": "model.credentials",
    "BearerToken": "model.credentials",
    "Behaviour": "model.behaviour",
    "Call": "model.behaviour",
    "Context": "model.behaviour",
    "Credential": "model.credentials",
    "DocumentedError": "model.errors",
    "Endpoint": "model.endpoint",
    "HeaderKey": "model.credentials",
    "MalformedBody": "model.multipart",
    "NetworkFault": "model.faults",
    "ParseAPI": "api.parse_api",
    "ParseErrorContract": "plugin.contract",
    "Part": "model.multipart",
    "Provider": "model.provider",
    "QueryKey": "model.credentials",
    "Rejected": "model.behaviour",
    "Reply": "model.http",
    "Request": "model.http",
    "Run": "record.run",
    "RunDescription": "model.runs",
    "RunFailure": "model.runs",
    "RunStore": "model.runs",
    "Signing": "model.webhooks",
    "SimulatedBatch": "model.runs",
    "SimulatedRun": "model.runs",
    "Submission": "model.runs",
    "UsageError": "model.mistakes",
    "VirtualClock": "clock.virtual",
    "WebhookAnswer": "record.webhook",
    "WebhookDelivery": "record.webhook",
    "WebhookDescription": "model.webhooks",
    "file_part": "model.multipart",
    "json_object": "model.reading",
    "json_reply": "model.behaviour",
    "media_type": "model.reading",
    "names_of_upload": "model.reading",
    "names_of_url": "model.reading",
    "parse_multipart": "model.multipart",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
