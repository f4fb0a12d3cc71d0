"""Delivers webhooks, and again where the receiver did not take them, in virtual time."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from pytest_parseapi.clock.virtual import VirtualClock
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.webhooks import WebhookDescription
from pytest_parseapi.record.webhook import WebhookAnswer, WebhookDelivery
from pytest_parseapi.service.runs import BatchRecord, RunBook, RunRecord
from pytest_parseapi.service.service import SimulatedService
from pytest_parseapi.service.webhook_delivery import again
from pytest_parseapi.service.webhook_events import EventMaker
from pytest_parseapi.service.webhook_targets import Target, is_async, kind_of, send, send_async

__all__ = ["FIRST_WAIT", "TRIES", "WebhookSender"]

TRIES: Final = 5
FIRST_WAIT: Final = 5.0


class WebhookSender:
    """Delivers the webhooks of one service in one test.

    Args:
        service: the simulated service.
        webhooks: what its provider documents about webhooks.
        clock: the test's clock.
    """

    def __init__(
        self, service: SimulatedService, webhooks: WebhookDescription, clock: VirtualClock
    ) -> None:
        self._service = service
        self._webhooks = webhooks
        self._clock = clock
        self.answers: list[WebhookAnswer] = []

    def deliver(
        self, delivery: WebhookDelivery, target: Target, path: str, tries: int, first_wait: float
    ) -> list[WebhookAnswer]:
        """Deliver, and redeliver after growing waits until it is taken."""
        if is_async(target) and _running_loop() is not None:
            raise UsageError("on a running event loop, use: await api.deliver_async(...)")
        found: list[WebhookAnswer] = []
        for wait in _waits(delivery, tries, first_wait):
            if wait:
                self._clock.sleep(wait)
                delivery = again(self._webhooks, delivery, self._service.wall)
            before = self._before(target)
            status: int | None = None
            error: Exception | None = None
            try:
                status = send(target, delivery, path)
            except Exception as raised:  # noqa: BLE001 - a server answers 500 then
                error = raised
            found.append(self._keep(delivery, status, error, before))
            if found[-1].taken:
                break
        return found

    async def deliver_async(
        self, delivery: WebhookDelivery, target: Target, path: str, tries: int, first_wait: float
    ) -> list[WebhookAnswer]:
        """The same on the running event loop."""
        found: list[WebhookAnswer] = []
        for wait in _waits(delivery, tries, first_wait):
            if wait:
                await asyncio.sleep(wait)
                delivery = again(self._webhooks, delivery, self._service.wall)
            before = self._before(target)
            status: int | None = None
            error: Exception | None = None
            try:
                status = await send_async(target, delivery, path)
            except Exception as raised:  # noqa: BLE001 - a server answers 500 then
                error = raised
            found.append(self._keep(delivery, status, error, before))
            if found[-1].taken:
                break
        return found

    def follow(self, book: RunBook, target: Target, path: str, tries: int, wait: float) -> None:
        """Deliver the webhook of each run and batch when it ends."""
        events = EventMaker(self._service, self._webhooks, book)

        def go(item: RunRecord | BatchRecord) -> None:
            delivery = events.delivery(item)
            loop = _running_loop()
            if loop is None:
                _thread(lambda: self.deliver(delivery, target, path, tries, wait))
                return
            doing: set[asyncio.Task[Any]] = set()

            def start() -> None:
                task = loop.create_task(self.deliver_async(delivery, target, path, tries, wait))
                doing.add(task)
                task.add_done_callback(doing.discard)

            loop.call_soon(start)

        def ended(item: RunRecord | BatchRecord) -> None:
            in_batch = isinstance(item, RunRecord) and item.batch is not None
            if events.event_type(item) is not None and not in_batch:
                go(item)

        def begun(item: RunRecord | BatchRecord) -> None:
            end = item.ends_at
            if end is None or end == float("inf"):
                return
            delay = max(0.0, end - self._service.now)
            loop = _running_loop()
            if loop is not None:
                loop.call_later(delay, lambda: item.settle(end))
                return

            def wait_for_it() -> None:
                self._clock.sleep(delay)
                item.settle(end)

            _thread(wait_for_it)

        book.on_end = ended
        book.on_start = begun

    def _before(self, target: Target) -> tuple[float, int, str]:
        return self._service.now, self._service.journal.begun, kind_of(target)

    def _keep(
        self,
        delivery: WebhookDelivery,
        status: int | None,
        error: Exception | None,
        before: tuple[float, int, str],
    ) -> WebhookAnswer:
        answer = WebhookAnswer(
            delivery=delivery,
            status=status,
            raised=None if error is None else _text(error),
            error=error,
            started=before[0],
            ended=self._service.now,
            attempts_before=before[1],
            limit=self._webhooks.answer_seconds,
            kind=before[2],
        )
        self.answers.append(answer)
        return answer


def _waits(delivery: WebhookDelivery, tries: int, first: float) -> Iterator[float]:
    """The wait before each try; who sends a wrong delivery does not try again."""
    yield 0.0
    for number in range(0 if delivery.rejectable else tries - 1):
        yield first * 2**number


def _running_loop() -> asyncio.AbstractEventLoop | None:
    loaded = sys.modules.get("asyncio")
    loop: asyncio.AbstractEventLoop | None = loaded._get_running_loop() if loaded else None
    return loop


def _thread(work: Callable[[], object]) -> None:
    threading.Thread(target=work, name="parseapi-webhook", daemon=True).start()


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
