"""Access to private parts of a `ParseAPI`, for the contract, the sweep and pytest's side."""

from __future__ import annotations

from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.api.simulated_providers import SimulatedProviders
from pytest_parseapi.checks.observed import Observed
from pytest_parseapi.model.webhooks import WebhookDescription
from pytest_parseapi.record.evidence.line import Line
from pytest_parseapi.service.service import SimulatedService
from pytest_parseapi.service.webhook_sender import WebhookSender


def simulation_of(api: ParseAPI) -> SimulatedProviders:
    """The simulation of its test, also after the test."""
    return api._simulation


def service_of(api: ParseAPI) -> SimulatedService:
    """The simulated service of its provider."""
    return api._service


def observed_of(api: ParseAPI) -> Observed:
    """The record that its checks judge."""
    return api._observed


def lines_of(api: ParseAPI) -> list[Line]:
    """What the consumer logged and printed."""
    return api._lines()


def webhooks_of(api: ParseAPI) -> WebhookDescription:
    """The webhooks that its provider documents; raise `UsageError` if there are none."""
    return api._webhooks


def sender_of(api: ParseAPI) -> WebhookSender | None:
    """The sender of its webhooks; None if nothing was sent."""
    return api._sender


def note_check(api: ParseAPI, name: str) -> None:
    """Note for the report that a check passed that is no method of `ParseAPI`."""
    api._note_check(name)
