"""The methods of `ParseAPI` for webhooks."""

from __future__ import annotations

import math
from typing import Any

from pytest_parseapi.api.controls import Controls
from pytest_parseapi.api.runs import run_table_of
from pytest_parseapi.model.lookup import ErrorName
from pytest_parseapi.model.mistakes import UsageError, number_of
from pytest_parseapi.model.webhooks import WebhookDescription
from pytest_parseapi.record.run import Run
from pytest_parseapi.record.webhook import WebhookAnswer, WebhookDelivery
from pytest_parseapi.service.webhook_events import EventMaker
from pytest_parseapi.service.webhook_sender import FIRST_WAIT, TRIES, WebhookSender
from pytest_parseapi.service.webhook_targets import Target, kind_of


class WebhookControls(Controls):
    """Makes deliveries, and sends them to the consumer's receiver."""

    @property
    def webhook_secret(self) -> str:
        """The secret that deliveries are signed with; it must not appear in logs.

        Example:
            >>> extend_api.webhook_secret[:4]
            'wss_'
        """
        self._sender_of_test()
        return self._webhooks.signing.secret

    @property
    def webhook_answers(self) -> list[WebhookAnswer]:
        """How receivers answered, oldest first.

        Example:
            >>> answers = extend_api.deliver(extend_api.webhook("OCR_ERROR"), our_app.receive)
            >>> extend_api.webhook_answers == answers
            True
        """
        sender = self._sender
        return [] if sender is None else list(sender.answers)

    def webhook(
        self,
        error: ErrorName | None = None,
        run: Run | str | None = None,
        *,
        document: str | None = None,
        batch: bool = False,
        message: str | None = None,
        metadata: dict[str, Any] | None = None,
        signed_url: bool = False,
        url_threshold: int | None = None,
        wrong: str | None = None,
    ) -> WebhookDelivery:
        """Make the delivery of an event, exactly as the provider documents it.

        Args:
            error: the failure reason it tells of. Without one it tells how the run ended; a run
                made here fails as ``fail_run`` says.
            run: the run or batch it tells of, by id or as one of ``runs``; one in progress ends.
                Without one a run is made that can be fetched afterwards.
            document: what a run made here is about.
            batch: make a batch of one run, and its event.
            message: the ``failureMessage`` of ``error``.
            metadata: the payload's ``metadata``, instead of the run's.
            signed_url: send a URL to the payload, which works for one virtual hour.
            url_threshold: do so only where the body would have more bytes than this.
            wrong: what is wrong on purpose, where the provider signs so: ``bad_signature``,
                ``missing_signature``, ``missing_timestamp``, ``missing_headers``, ``too_old``,
                ``from_future``, ``changed_body``, ``invalid_json`` or ``unknown_event_type``.

        Raises:
            UsageError: a name is wrong, the run ended otherwise, or the provider has no webhooks.

        Example:
            >>> delivery = extend_api.webhook("OCR_ERROR")
            >>> forged = extend_api.webhook(wrong="too_old")
        """
        if batch and run is not None:
            raise UsageError(
                "batch=True makes a batch of its own: leave it out with run=, which may be a "
                "batch's id"
            )
        self._sender_of_test()
        wrong = self._active_simulation.alter_delivery(self._service.provider.name, wrong)
        maker = EventMaker(self._service, self._webhooks, run_table_of(self._service))
        maker.check(
            wrong=wrong, metadata=metadata, signed_url=signed_url, url_threshold=url_threshold
        )
        name = self._service.document_names.given(document)
        subject = maker.subject(
            error,
            run,
            document=name,
            batch=batch,
            message=message,
            others=self._active_simulation.providers.values(),
        )
        return maker.delivery(
            subject,
            wrong=wrong,
            metadata=metadata,
            signed_url=signed_url,
            url_threshold=url_threshold,
        )

    def deliver(
        self,
        delivery: WebhookDelivery,
        target: Target,
        *,
        path: str = "/",
        tries: int = TRIES,
        first_wait: float = FIRST_WAIT,
    ) -> list[WebhookAnswer]:
        """Deliver, and redeliver in virtual time until a 2xx comes in time.

        Args:
            delivery: what `webhook` made. A wrong one is sent once.
            target: a function of body and headers (its return value may be a status), an ASGI or
                WSGI app, or a URL.
            path: where an app has its receiver.
            tries: how often at most; the pages give no number.
            first_wait: seconds before the first redelivery; each further wait is twice as long.

        Returns:
            The answers, oldest first.

        Example:
            >>> extend_api.deliver(extend_api.webhook(), app, path="/webhooks")  # doctest: +SKIP
        """
        _check_delivery(delivery)
        return self._sender_of_test().deliver(delivery, target, path, *_checked(tries, first_wait))

    async def deliver_async(
        self,
        delivery: WebhookDelivery,
        target: Target,
        *,
        path: str = "/",
        tries: int = TRIES,
        first_wait: float = FIRST_WAIT,
    ) -> list[WebhookAnswer]:
        """As `deliver`, on the running event loop: for coroutine functions and ASGI apps."""
        _check_delivery(delivery)
        return await self._sender_of_test().deliver_async(
            delivery, target, path, *_checked(tries, first_wait)
        )

    def deliver_webhooks_to(
        self,
        target: Target,
        *,
        path: str = "/",
        tries: int = TRIES,
        first_wait: float = FIRST_WAIT,
    ) -> None:
        """Let each run and batch that is created from now on deliver its webhook when it ends.

        Runs end by the clock then: ``polls=N`` counts as N seconds, as if polled each second. The
        delivery runs on the event loop that created the run, else in a thread of its own. Runs of a
        batch have no event of their own, and a cancelled run has none.

        Args:
            target: as for `deliver`, and so are the others.
            path: where an app has its receiver.
            tries: how often at most.
            first_wait: seconds before the first redelivery.

        Example:
            >>> extend_api.deliver_webhooks_to(our_app.receive)
            >>> our_app.parse_run("https://files.example.com/invoice.pdf")
        """
        table = run_table_of(self._service)
        kind_of(target)  # a mistake would show in the background alone
        self._sender_of_test().follow(table, target, path, *_checked(tries, first_wait))

    @property
    def _webhooks(self) -> WebhookDescription:
        """The provider's description of webhooks; raise `UsageError` if it has none."""
        provider = self._service.provider
        if provider.webhooks is None:
            raise UsageError(f"{provider.title} documents no webhooks")
        return provider.webhooks

    def _known_secrets(self) -> tuple[str, ...]:
        """The signing secret, where the consumer may know it."""
        return () if self._sender is None else (self._webhooks.signing.secret,)

    def _sender_of_test(self) -> WebhookSender:
        """The sender of this test: from now on the secret may be known to the consumer."""
        webhooks, sender = self._webhooks, self._sender
        if sender is None:
            sender = WebhookSender(self._service, webhooks, self._active_simulation.clock)
            self._active_simulation.webhook_senders[self._service.provider.name] = sender
        return sender

    @property
    def _sender(self) -> WebhookSender | None:
        """The sender of the test; all `ParseAPI` objects of a provider share it."""
        return self._simulation.webhook_senders.get(self._service.provider.name)


def _check_delivery(delivery: object) -> None:
    if not isinstance(delivery, WebhookDelivery):
        raise UsageError(
            "a delivery is what webhook() makes, such as deliver(api.webhook('OCR_ERROR'), app), "
            f"not {delivery!r}"
        )


def _checked(tries: object, first_wait: object) -> tuple[int, float]:
    if isinstance(tries, bool) or not isinstance(tries, int) or tries < 1:
        raise UsageError(f"tries must be an integer >= 1, not {tries!r}")
    seconds = number_of(first_wait)
    if seconds is not None and 0 <= seconds < math.inf:
        return tries, seconds
    raise UsageError(f"first_wait must be seconds >= 0, not {first_wait!r}")
