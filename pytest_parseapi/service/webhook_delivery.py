"""Webhook deliveries: body, headers, signature, and what can be wrong with them on purpose."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

__all__ = ["SECRET", "WRONGS", "WebhookDelivery", "again", "signature", "signed"]

SECRET: Final = "wss_parseapi_test_0123456789abcdef"  # noqa: S105 - for tests, as the API key
API_VERSION: Final = "2026-02-09"
TIMESTAMP: Final = "x-extend-request-timestamp"
SIGNATURE: Final = "x-extend-request-signature"

WRONGS: Final = (
    "bad_signature",
    "missing_signature",
    "missing_timestamp",
    "missing_headers",
    "too_old",
    "from_future",
    "changed_body",
    "invalid_json",
    "unknown_event_type",
)
"""What ``webhook(wrong=...)`` takes. All but the last are to be rejected; the last is to be
answered with a 2xx, because event types may be added."""

_OLD_SECONDS: Final = -600
_FUTURE_SECONDS: Final = 600
_OMITTED: Final = {
    "missing_signature": (SIGNATURE,),
    "missing_timestamp": (TIMESTAMP,),
    "missing_headers": (SIGNATURE, TIMESTAMP),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """One delivery of a webhook event, to hand to the consumer's receiver.

    Example:
        >>> delivery = extend_api.webhook("OCR_ERROR")  # doctest: +SKIP
        >>> our_app.on_webhook(delivery.body, delivery.headers)  # doctest: +SKIP
    """

    body: bytes
    headers: dict[str, str]
    event_id: str
    """The same for each delivery of one event."""
    event_type: str
    run_id: str | None = None
    """The run or batch that the event is about."""
    wrong: str | None = None
    """What is wrong with it on purpose; None for a good one."""
    _unsigned: bytes = field(default=b"", repr=False)

    @property
    def rejectable(self) -> bool:
        """Whether a receiver must reject it."""
        return self.wrong not in (None, "unknown_event_type")


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The signature that Extend documents: ``HMAC-SHA256("v0:" + timestamp + ":" + body)``."""
    message = b"v0:%d:" % timestamp + body
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def signed(
    body: bytes,
    *,
    event_id: str,
    event_type: str,
    run_id: str | None,
    now: float,
    wrong: str | None = None,
) -> WebhookDelivery:
    """A delivery with its headers.

    Args:
        body: the event as JSON.
        event_id: its id.
        event_type: its type.
        run_id: the run or batch that it is about.
        now: what the consumer's ``time.time()`` shows.
        wrong: one of `WRONGS`, or None.
    """
    sent = body
    if wrong == "invalid_json":
        # Long enough that a reader sees JSON begin, and then stop making sense.
        sent = body[:-1]
    shift = {"too_old": _OLD_SECONDS, "from_future": _FUTURE_SECONDS}.get(wrong or "", 0)
    timestamp = int(now) + shift
    secret = SECRET[::-1] if wrong == "bad_signature" else SECRET
    headers = {
        "content-type": "application/json",
        "x-extend-api-version": API_VERSION,
        TIMESTAMP: str(timestamp),
        SIGNATURE: signature(secret, timestamp, sent),
    }
    if wrong == "changed_body":
        sent = sent.replace(b'"payload":', b'"payload": ', 1)
    for name in _OMITTED.get(wrong or "", ()):
        del headers[name]
    return WebhookDelivery(
        body=sent,
        headers=headers,
        event_id=event_id,
        event_type=event_type,
        run_id=run_id,
        wrong=wrong,
        _unsigned=body,
    )


def again(delivery: WebhookDelivery, now: float) -> WebhookDelivery:
    """The same event, delivered once more: signed anew, with the time of now."""
    return signed(
        delivery._unsigned,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        run_id=delivery.run_id,
        now=now,
        wrong=delivery.wrong,
    )
