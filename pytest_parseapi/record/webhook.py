"""One webhook delivery, and how a receiver answered it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_parseapi.model.redaction import redacted_repr
from pytest_parseapi.model.webhooks import UNKNOWN_EVENT_TYPE


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
    document: str | None = None
    """What that run is about."""
    wrong: str | None = None
    """What is wrong with it on purpose; None for a good one."""
    _unsigned: bytes = field(default=b"", repr=False)

    def __repr__(self) -> str:
        return redacted_repr(self)

    @property
    def must_be_rejected(self) -> bool:
        """Whether a receiver must reject it."""
        return self.wrong not in (None, UNKNOWN_EVENT_TYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAnswer:
    """How a receiver answered one delivery."""

    delivery: WebhookDelivery
    status: int | None
    """The status that it sent; None where it sent no whole answer."""
    raised: str | None
    """The exception that it raised, as text, also where its answer was out already."""
    started: float
    """Virtual seconds since the test began."""
    ended: float
    """When the answer was out."""
    attempts_before: int
    """How many attempts were on record before it."""
    limit: float
    """How many seconds a receiver may take, as documented."""
    kind: str
    """What received it: ``function``, ``coroutine``, ``asgi``, ``wsgi`` or ``url``."""
    error: Exception | None = field(default=None, repr=False, compare=False)
    """The exception itself."""

    @property
    def rejected(self) -> bool:
        """Whether the receiver answered with a 4xx: it neither accepted the event nor failed."""
        if self.status is None:
            return self.raised is not None and self.kind in ("function", "coroutine")
        return 400 <= self.status < 500  # noqa: PLR2004

    @property
    def late(self) -> bool:
        """Whether the answer took longer than is documented."""
        return self.ended - self.started > self.limit

    @property
    def agreed(self) -> bool:
        """Whether the receiver answered with a 2xx, in time or not."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004

    @property
    def taken(self) -> bool:
        """Whether the provider counts the event as delivered: a 2xx in time."""
        return self.agreed and not self.late
