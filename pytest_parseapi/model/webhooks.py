"""The description of a provider's webhooks: events, bodies, signing."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from pytest_parseapi.model.context import Context
from pytest_parseapi.model.runs import SimulatedBatch, SimulatedRun

UNKNOWN_EVENT_TYPE: Final = "unknown_event_type"
"""Of a type that no page lists: a receiver answers it with a 2xx, since types may be added."""
VARIANTS: Final = (
    "bad_signature",
    "missing_signature",
    "missing_timestamp",
    "missing_headers",
    "too_old",
    "from_future",
    "changed_body",
    "invalid_json",
    UNKNOWN_EVENT_TYPE,
)
"""What can be wrong with a delivery on purpose: all but `UNKNOWN_EVENT_TYPE` must be rejected."""

_NEED_TIMESTAMP: Final = ("missing_timestamp", "missing_headers", "too_old", "from_future")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """How deliveries are signed.

    Args:
        secret: a secret for tests, in the provider's own format.
        signature_header: the header that carries the signature.
        timestamp_header: the header that carries the seconds since 1970; None where no time is
            signed.
        sign: makes the signature from the secret, the seconds since 1970, and the body. By default
            it is HMAC-SHA256 in hexadecimal digits: of ``SECONDS.BODY``, or of the body alone where
            no time is signed.

    Example:
        >>> Signing(secret="whsec_test", signature_header="x-acme-signature").timestamp_header
    """

    secret: str
    signature_header: str
    timestamp_header: str | None = None
    sign: Callable[[str, int, bytes], str] | None = None

    def signature(self, timestamp: int, body: bytes, *, secret: str | None = None) -> str:
        """The signature of a body.

        Args:
            timestamp: the seconds since 1970.
            body: the body as sent.
            secret: another secret than the right one.
        """
        key = self.secret if secret is None else secret
        if self.sign is not None:
            return self.sign(key, timestamp, body)
        signed = body if self.timestamp_header is None else b"%d." % timestamp + body
        return hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()


def _envelope(event_id: str, event_type: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"eventId": event_id, "eventType": event_type, "payload": payload}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDescription:
    """What a provider documents about its webhooks.

    Args:
        signing: how deliveries are signed.
        events: the event type by the status of the run that ended.
        batch_events: the same for batches; empty where there are none.
        payload: makes what an event says of a run. It is given the test's context, the run, and the
            metadata that the test asks for, or None.
        batch_payload: makes what an event says of a batch.
        envelope: makes the body from the event's id, its type and its payload.
        headers: further headers of each delivery.
        event_id_prefix: what the ids of events start with.
        unknown_event_type: a type that no page lists.
        signed_url: replaces a payload by a URL to it, for providers that document that; it is given
            the context, the run's id and the payload.
        answer_seconds: how long a receiver may take to answer.
        verifier: what the official client has to verify a delivery, for messages; or an empty text.

    Example:
        >>> WebhookDescription(
        ...     signing=Signing(secret="whsec_test", signature_header="x-acme-signature"),
        ...     events={"done": "job.done"},
        ...     payload=lambda context, run, metadata: {"id": run.id},
        ... ).wrong_deliveries
        ('bad_signature', 'missing_signature', 'changed_body', 'invalid_json', 'unknown_event_type')
    """

    signing: Signing
    events: Mapping[str, str]
    payload: Callable[[Context, SimulatedRun, Mapping[str, Any] | None], Mapping[str, Any]]
    batch_payload: Callable[[Context, SimulatedBatch], Mapping[str, Any]] | None = None
    batch_events: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    envelope: Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]] = _envelope
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    event_id_prefix: str = "event_"
    unknown_event_type: str = "a.type_added_later"
    signed_url: Callable[[Context, str, Mapping[str, Any]], Mapping[str, Any]] | None = None
    answer_seconds: float = 30.0
    verifier: str = ""

    @property
    def wrong_deliveries(self) -> tuple[str, ...]:
        """What can be wrong with a delivery on purpose, where it is signed so."""
        if self.signing.timestamp_header is not None:
            return VARIANTS
        return tuple(wrong for wrong in VARIANTS if wrong not in _NEED_TIMESTAMP)
