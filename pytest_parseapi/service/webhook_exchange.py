"""One webhook delivery: what its sender knows of the receiver's answer, and when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from pytest_parseapi.clock.blocking import Gate
from pytest_parseapi.record.webhook import WebhookAnswer, WebhookDelivery

if TYPE_CHECKING:
    import asyncio


class AnswerWait(Gate):
    """The wait of a sender for the answer of a receiver."""

    __slots__ = ("is_set",)

    def __init__(self) -> None:
        super().__init__()
        self.is_set = False

    def set(self) -> None:
        """End the wait: the receiver has answered, or never will."""
        self.is_set = True
        self.wake()

    def try_take(self) -> bool:
        """Whether the receiver has answered, or never will."""
        return self.is_set

    def is_ready(self) -> bool:
        """Whether the receiver has answered, or never will."""
        return self.is_set

    def block_in_real_time(self, seconds: float | None) -> bool:
        """Wait in real time, because the test is over."""
        return self.is_set or super().block_in_real_time(seconds) or self.is_set

    def block(self, seconds: float) -> bool:
        """Block until the receiver has answered, or so many seconds have passed."""
        return self.is_set or super().block(seconds) or self.is_set


class WebhookExchange:
    """One delivery, until its receiver has ended.

    Args:
        delivery: what is sent.
        kind: the kind of receiver.
        limit: how many seconds the sender waits for the answer.
        now: virtual seconds since the test began.
        attempts_before: how many attempts were on record before it.
    """

    def __init__(
        self,
        delivery: WebhookDelivery,
        kind: str,
        limit: float,
        now: Callable[[], float],
        attempts_before: int,
    ) -> None:
        self.delivery = delivery
        self.limit = limit
        self.answered = AnswerWait()
        """Set when the receiver has answered, or when it never will."""
        self.answered_in_real_time = threading.Event()
        self.given_up = False
        """Whether the sender went on without an answer."""
        self._kind = kind
        self._now = now
        self._attempts_before = attempts_before
        self._started = now()
        self._ended: float | None = None
        self._status: int | None = None
        self._raised: str | None = None
        self._error: Exception | None = None
        self._waiting: set[asyncio.Future[None]] = set()

    def answer(self, status: int) -> None:
        """Keep the status: the receiver has sent its whole answer. A later call changes nothing."""
        if self._ended is None:
            self._status = status
            self._end()

    def finish(self, error: Exception | None = None) -> None:
        """Note that the receiver has ended, and the exception, if it raised one."""
        if error is not None:
            self._raised = f"{type(error).__name__}: {error}"
            self._error = error
        elif self._ended is None:
            self._raised = "no exception, and sent no whole answer"
        if self._ended is None:
            self._end()

    def give_up(self) -> None:
        """Stop waiting for an answer, although the receiver is still at work."""
        self.given_up = True
        self._wake()

    def end_wait(self) -> None:
        """Let everything continue that waits for the answer."""
        self.answered.set()
        self.answered_in_real_time.set()

    async def wait_for_end(self) -> None:
        """Wait until the receiver has answered, or the sender has stopped waiting."""
        import asyncio

        if self._ended is None and not self.given_up:
            future = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            await future

    @property
    def ended(self) -> bool:
        """Whether there is something to tell."""
        return self._ended is not None

    @property
    def taken(self) -> bool:
        """Whether the sender takes the event for delivered."""
        return self.ended and self.result().taken

    def result(self) -> WebhookAnswer:
        """What is known of the answer now."""
        return WebhookAnswer(
            delivery=self.delivery,
            status=self._status,
            raised=self._raised,
            error=self._error,
            started=self._started,
            ended=self._now() if self._ended is None else self._ended,
            attempts_before=self._attempts_before,
            limit=self.limit,
            kind=self._kind,
        )

    def _end(self) -> None:
        self._ended = self._now()
        self.end_wait()
        self._wake()

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()
