"""Prove that your code handles every documented failure of a document-parsing API."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_parseapi.api import ParseAPI
    from pytest_parseapi.attempt import Attempt
    from pytest_parseapi.catalogue.behaviour import Behaviour, Call, Rejected
    from pytest_parseapi.catalogue.endpoint import Endpoint
    from pytest_parseapi.catalogue.model import Advice, DocumentedError
    from pytest_parseapi.catalogue.provider import Provider
    from pytest_parseapi.clock.virtual import VirtualClock
    from pytest_parseapi.contract.suite import ParseErrorContract
    from pytest_parseapi.exchange import Reply, Request
    from pytest_parseapi.run import Run
    from pytest_parseapi.service.script import ALWAYS
    from pytest_parseapi.webhooks.courier import WebhookAnswer
    from pytest_parseapi.webhooks.delivery import WebhookDelivery

__all__ = [
    "ALWAYS",
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
    "VirtualClock",
    "WebhookAnswer",
    "WebhookDelivery",
]

# Names load when they are used: pytest imports this package at start-up, whether a test needs it
# or not.
_HOMES: Final = {
    "ALWAYS": "service.script",
    "Advice": "catalogue.model",
    "Attempt": "attempt",
    "Behaviour": "catalogue.behaviour",
    "Call": "catalogue.behaviour",
    "DocumentedError": "catalogue.model",
    "Endpoint": "catalogue.endpoint",
    "ParseAPI": "api",
    "ParseErrorContract": "contract.suite",
    "Provider": "catalogue.provider",
    "Rejected": "catalogue.behaviour",
    "Reply": "exchange",
    "Request": "exchange",
    "Run": "run",
    "VirtualClock": "clock.virtual",
    "WebhookAnswer": "webhooks.courier",
    "WebhookDelivery": "webhooks.delivery",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
