"""Signs webhook deliveries, also wrong ones for tests."""

from __future__ import annotations

from typing import Final

from pytest_parseapi.model.webhooks import WebhookDescription
from pytest_parseapi.record.webhook import WebhookDelivery

_OLD_SECONDS: Final = -600
_FUTURE_SECONDS: Final = 600


def signed(
    webhooks: WebhookDescription,
    body: bytes,
    *,
    event_id: str,
    event_type: str,
    run_id: str | None,
    document: str | None,
    now: float,
    wrong: str | None = None,
) -> WebhookDelivery:
    """A delivery with its headers.

    Args:
        webhooks: how the provider signs.
        body: the event as JSON.
        event_id: its id.
        event_type: its type.
        run_id: the run or batch that it is about.
        document: what that is about.
        now: what the consumer's ``time.time()`` shows.
        wrong: one of `WebhookDescription.wrong_deliveries`, or None.
    """
    signing = webhooks.signing
    # JSON at the beginning, but not at the end.
    sent = body[:-1] if wrong == "invalid_json" else body
    shift = {"too_old": _OLD_SECONDS, "from_future": _FUTURE_SECONDS}.get(wrong or "", 0)
    timestamp = int(now) + shift
    secret = signing.secret[::-1] if wrong == "bad_signature" else signing.secret
    headers = {"content-type": "application/json", **webhooks.headers}
    if signing.timestamp_header is not None and wrong not in (
        "missing_timestamp",
        "missing_headers",
    ):
        headers[signing.timestamp_header] = str(timestamp)
    if wrong not in ("missing_signature", "missing_headers"):
        headers[signing.signature_header] = signing.signature(timestamp, sent, secret=secret)
    if wrong == "changed_body":
        sent = sent.replace(b":", b": ", 1)
    return WebhookDelivery(
        body=sent,
        headers=headers,
        event_id=event_id,
        event_type=event_type,
        run_id=run_id,
        document=document,
        wrong=wrong,
        _unsigned=body,
    )


def again(webhooks: WebhookDescription, delivery: WebhookDelivery, now: float) -> WebhookDelivery:
    """Deliver the same event again: with a new signature and the current time."""
    return signed(
        webhooks,
        delivery._unsigned,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        run_id=delivery.run_id,
        document=delivery.document,
        now=now,
        wrong=delivery.wrong,
    )
