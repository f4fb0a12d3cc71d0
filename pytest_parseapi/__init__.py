"""Prove that your code handles every documented failure of a document-parsing API."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_parseapi.api.parse_api import ParseAPI
    from pytest_parseapi.clock.virtual import VirtualClock
    from pytest_parseapi.model.behaviour import Behaviour, Call, Rejected
    from pytest_parseapi.model.endpoint import Endpoint
    from pytest_parseapi.model.errors import Advice, DocumentedError
    from pytest_parseapi.model.http import Reply, Request
    from pytest_parseapi.model.mistakes import UsageError
    from pytest_parseapi.model.provider import APIVersion, Provider
    from pytest_parseapi.plugin.contract import ParseErrorContract
    from pytest_parseapi.record.attempt import Attempt
    from pytest_parseapi.record.run import Run
    from pytest_parseapi.service.script import ALWAYS
    from pytest_parseapi.service.webhook_delivery import WebhookDelivery
    from pytest_parseapi.service.webhook_sender import WebhookAnswer

__all__ = [
    "ALWAYS",
    "APIVersion",
    "Advice",
    "Attempt",
    "Behaviour",
    "Call",
    "DocumentedError",
    "Endpoint",
    "ParseAPI",
    "ParseErrorContract",
    "Provider",
    "Rejected",
    "Reply",
    "Request",
    "Run",
    "UsageError",
    "VirtualClock",
    "WebhookAnswer",
    "WebhookDelivery",
]

# Names load when they are used: pytest imports this package at start-up, whether a test needs it
# or not.
_HOMES: Final = {
    "ALWAYS": "service.script",
    "APIVersion": "model.provider",
    "Advice": "model.errors",
    "Attempt": "record.attempt",
    "Behaviour": "model.behaviour",
    "Call": "model.behaviour",
    "DocumentedError": "model.errors",
    "Endpoint": "model.endpoint",
    "ParseAPI": "api.parse_api",
    "ParseErrorContract": "plugin.contract",
    "Provider": "model.provider",
    "Rejected": "model.behaviour",
    "Reply": "model.http",
    "Request": "model.http",
    "Run": "record.run",
    "UsageError": "model.mistakes",
    "VirtualClock": "clock.virtual",
    "WebhookAnswer": "service.webhook_sender",
    "WebhookDelivery": "service.webhook_delivery",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
