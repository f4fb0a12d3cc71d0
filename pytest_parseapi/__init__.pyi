from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.model.behaviour import Behaviour, Call, Rejected, json_reply
from pytest_parseapi.model.context import Context
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
from pytest_parseapi.model.request_content import (
    json_object,
    media_type,
    names_of_upload,
    names_of_url,
)
from pytest_parseapi.model.runs import (
    RunDescription,
    RunFailure,
    RunShown,
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
    "RunShown",
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
