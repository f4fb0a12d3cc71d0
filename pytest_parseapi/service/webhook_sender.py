"""Delivers webhooks, and redelivers those that the receiver did not accept, in virtual time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.webhooks import WebhookDescription
from pytest_parseapi.record.webhook import WebhookAnswer, WebhookDelivery
from pytest_parseapi.service.run_states import BatchState, RunState
from pytest_parseapi.service.run_table import RunTable
from pytest_parseapi.service.service import SimulatedService
from pytest_parseapi.service.webhook_delivery import again
from pytest_parseapi.service.webhook_events import EventMaker
from pytest_parseapi.service.webhook_exchange import WebhookExchange
from pytest_parseapi.service.webhook_targets import Target, is_async, kind_of, send, send_async

if TYPE_CHECKING:
    import asyncio

TRIES: Final = 5
FIRST_WAIT: Final = 5.0

_MAX_ANSWER_SECONDS: Final = 600.0
"""How many virtual seconds a receiver's tasks may run after the last answer."""


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
        self._exchanges: list[WebhookExchange] = []

    @property
    def answers(self) -> list[WebhookAnswer]:
        """The answers of receivers, in the order of the deliveries."""
        return [exchange.result() for exchange in list(self._exchanges) if exchange.ended]

    @property
    def is_busy(self) -> bool:
        """Whether a receiver has not answered yet."""
        return not all(exchange.ended for exchange in list(self._exchanges))

    def deliver(
        self, delivery: WebhookDelivery, target: Target, path: str, tries: int, first_wait: float
    ) -> list[WebhookAnswer]:
        """Deliver, and redeliver after growing waits until the receiver accepts it."""
        job = _Job(delivery, target, path, _waits(delivery, tries, first_wait))
        if not is_async(target):
            self._try(job)
        elif _running_loop() is not None:
            raise UsageError("on a running event loop, use: await api.deliver_async(...)")
        else:
            import asyncio

            asyncio.run(self._on_a_loop_of_its_own(job))
        return job.answers

    async def deliver_async(
        self, delivery: WebhookDelivery, target: Target, path: str, tries: int, first_wait: float
    ) -> list[WebhookAnswer]:
        """The same on the running event loop."""
        job = _Job(delivery, target, path, _waits(delivery, tries, first_wait))
        await self._try_async(job)
        return job.answers

    def follow(self, table: RunTable, target: Target, path: str, tries: int, wait: float) -> None:
        """Deliver the webhook of each run and batch when it ends."""
        events = EventMaker(self._service, self._webhooks, table)

        def go(item: RunState | BatchState) -> None:
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

        def ended(item: RunState | BatchState) -> None:
            in_batch = isinstance(item, RunState) and item.batch is not None
            if events.event_type(item) is not None and not in_batch:
                go(item)

        def begun(item: RunState | BatchState) -> None:
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

        table.on_end = ended
        table.on_start = begun

    def _try(self, job: _Job) -> None:
        """Make the remaining tries in this thread.

        Where one takes longer than the sender waits, another thread goes on with those after it,
        while this one is still at work.
        """
        for wait in job.waits:
            if wait:
                self._clock.sleep(wait)
            if job.taken:
                return
            exchange = self._open(job)
            self._call(job, exchange)
            if exchange.given_up or exchange.taken:
                return

    def _call(self, job: _Job, exchange: WebhookExchange) -> None:
        """Send a delivery in this thread, while another one watches the time limit."""
        stopped: list[BaseException] = []

        def go_on_if_late() -> None:
            try:
                if not self._is_over_in_time(exchange):
                    exchange.give_up()
                    self._try(job)
            except BaseException as error:  # noqa: BLE001 - raised again where the test sees it
                stopped.append(error)

        watch = _thread(go_on_if_late)
        try:
            send(job.target, exchange, job.path)
        except Exception as error:  # noqa: BLE001 - a server answers 500 then
            exchange.finish(error)
        else:
            exchange.finish()
        finally:
            exchange.end_wait()
            watch.join()
        if stopped:
            raise stopped[0]

    def _is_over_in_time(self, exchange: WebhookExchange) -> bool:
        if self._clock.real:
            return exchange.answered_in_real_time.wait(exchange.limit)
        return self._clock.wait(exchange.answered, exchange.limit, polled=True)

    async def _on_a_loop_of_its_own(self, job: _Job) -> None:
        """Try on a new event loop, and let tasks of the receiver end, as on a server."""
        import asyncio

        await self._try_async(job)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            longest = self._webhooks.answer_seconds if self._clock.real else _MAX_ANSWER_SECONDS
            await asyncio.wait(left, timeout=longest)

    async def _try_async(self, job: _Job) -> None:
        import asyncio

        at_work: list[asyncio.Task[None]] = []
        try:
            for wait in job.waits:
                if wait:
                    await asyncio.sleep(wait)
                if job.taken:
                    break
                exchange = self._open(job)
                if not (is_async(job.target) or isinstance(job.target, str)):
                    self._call(job, exchange)
                else:
                    at_work.append(asyncio.create_task(_call_async(job, exchange)))
                    await _answered(at_work[-1], exchange)
                if exchange.taken:
                    break
            for task in at_work:
                await task
        finally:
            for task in at_work:
                task.cancel()

    def _open(self, job: _Job) -> WebhookExchange:
        """Begin the next try: with a new signature and the current time."""
        if job.exchanges:
            delivery = job.exchanges[-1].delivery
            job.delivery = again(self._webhooks, delivery, self._service.wall)
        exchange = WebhookExchange(
            job.delivery,
            kind_of(job.target),
            self._webhooks.answer_seconds,
            lambda: self._service.now,
            self._service.journal.begun,
        )
        job.exchanges.append(exchange)
        self._exchanges.append(exchange)
        return exchange


class _Job:
    """One event on its way to one receiver.

    Args:
        delivery: what is sent first.
        target: the receiver.
        path: where an app has its receiver.
        waits: the wait before each try, taken by the thread that makes the next one.
    """

    def __init__(
        self, delivery: WebhookDelivery, target: Target, path: str, waits: Iterator[float]
    ) -> None:
        self.delivery = delivery
        self.target = target
        self.path = path
        self.waits = waits
        self.exchanges: list[WebhookExchange] = []

    @property
    def taken(self) -> bool:
        """Whether the receiver has accepted it meanwhile."""
        return any(exchange.taken for exchange in self.exchanges)

    @property
    def answers(self) -> list[WebhookAnswer]:
        """The answers, in the order of the tries."""
        return [exchange.result() for exchange in self.exchanges]


async def _call_async(job: _Job, exchange: WebhookExchange) -> None:
    try:
        await send_async(job.target, exchange, job.path)
    except Exception as error:  # noqa: BLE001 - a server answers 500 then
        exchange.finish(error)
    else:
        exchange.finish()


async def _answered(task: asyncio.Task[None], exchange: WebhookExchange) -> None:
    """Wait as long as a sender does. Raise the exception that stopped the test, if any."""
    import asyncio

    end = asyncio.create_task(exchange.wait_for_end())
    try:
        await asyncio.wait({task, end}, timeout=exchange.limit, return_when="FIRST_COMPLETED")
    finally:
        end.cancel()
    if task.done():
        task.result()
    elif not exchange.ended:
        exchange.give_up()


def _waits(delivery: WebhookDelivery, tries: int, first: float) -> Iterator[float]:
    """The wait before each try. A wrong delivery is not tried again."""
    yield 0.0
    for number in range(0 if delivery.must_be_rejected else tries - 1):
        yield first * 2**number


def _running_loop() -> asyncio.AbstractEventLoop | None:
    loaded = sys.modules.get("asyncio")
    loop: asyncio.AbstractEventLoop | None = loaded._get_running_loop() if loaded else None
    return loop


def _thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, name="parseapi-webhook", daemon=True)
    thread.start()
    return thread
