"""Extend's webhooks: events of runs and batches, and how they are signed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pytest_parseapi.model.context import Context
from pytest_parseapi.model.runs import SimulatedBatch, SimulatedRun
from pytest_parseapi.model.webhooks import Signing, WebhookDescription
from pytest_parseapi.providers.extend.bodies import OUTPUT_PATH, batch_body, failure_fields
from pytest_parseapi.providers.extend.state import ExtendState, ParsedDocument, StoredOutput

_VERSION: Final = "2026-02-09"
_URL_SECONDS: Final = 60 * 60


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The documented signature: ``HMAC-SHA256("v0:" + timestamp + ":" + body)``.

    Args:
        secret: the whole secret, its prefix too.
        timestamp: seconds since 1970.
        body: the body as sent.
    """
    message = b"v0:%d:" % timestamp + body
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def _payload(
    _context: Context, run: SimulatedRun, metadata: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    document: ParsedDocument = run.data
    payload: dict[str, Any] = {
        "object": "parse_run_status",
        "id": run.id,
        "status": run.status,
        "failureReason": None,
        **failure_fields(run, run.status),
    }
    given = document.metadata if metadata is None else metadata
    return payload if given is None else {**payload, "metadata": dict(given)}


def _batch_payload(_context: Context, batch: SimulatedBatch) -> Mapping[str, Any]:
    return batch_body(batch, batch.status)


def _signed_url(context: Context, run_id: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    state: ExtendState = context.state
    key = context.new_id("payload_")
    state.outputs[key] = StoredOutput(
        body=payload, created=context.now, expires=context.now + _URL_SECONDS
    )
    url = context.base_url.rstrip("/") + OUTPUT_PATH + key
    found = {"object": "signed_data_url", "data": url, "id": run_id}
    return found | {key: payload[key] for key in ("metadata",) if key in payload}


WEBHOOKS: Final = WebhookDescription(
    signing=Signing(
        secret="wss_parseapi_test_0123456789abcdef",  # noqa: S106 - for tests, as the API key
        signature_header="x-extend-request-signature",
        timestamp_header="x-extend-request-timestamp",
        sign=signature,
    ),
    events=MappingProxyType({"PROCESSED": "parse_run.processed", "FAILED": "parse_run.failed"}),
    batch_events=MappingProxyType(
        {"PROCESSED": "batch_parse_run.processed", "FAILED": "batch_parse_run.failed"}
    ),
    payload=_payload,
    batch_payload=_batch_payload,
    headers=MappingProxyType({"x-extend-api-version": _VERSION}),
    unknown_event_type="parse_run.a_type_added_later",
    signed_url=_signed_url,
    verifier="webhooks.verify_and_parse",
)
"""What the pages say of events, bodies and signatures."""
