"""One call of a consumer's ``parse`` with a simulated API, and its result."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pytest_parseapi.api.internals import observed_of, service_of, simulation_of, webhooks_of
from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.checks.observed import Observed
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.model.mistakes import SimulationStopped, UsageError
from pytest_parseapi.model.printable_text import cut
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.run import Run
from pytest_parseapi.record.webhook import WebhookDelivery
from pytest_parseapi.service.webhook_delivery import again

_MAX_SHOWN_CHARS: Final = 120
# How many virtual seconds a receiver may work after its answer.
_COOL_DOWN_SECONDS: Final = 60.0

Parse = Callable[[Any], Any]
"""The consumer: takes a document; may be a coroutine function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """The result of one call of ``parse``.

    Args:
        api: the API that it met.
        observed: the provider's side.
        value: what it returned.
        error: what it raised, or None.
        stopped: why the simulation stopped it: ``"fuse"``, ``"hang"``, or an empty text.
    """

    api: ParseAPI
    observed: Observed
    value: object = None
    error: Exception | None = None
    stopped: str = ""

    @property
    def last(self) -> Attempt | None:
        """The last attempt at any endpoint."""
        return self.observed.attempts[-1] if self.observed.attempts else None

    @property
    def ended_in_failure(self) -> bool:
        """Whether the last attempt failed."""
        return self.last is not None and self.last.failed

    @property
    def failed_run(self) -> Run | None:
        """The last run, if it failed; else None."""
        runs = self.observed.runs
        return runs[-1] if runs and runs[-1].failed else None

    @property
    def outcome(self) -> str:
        """The result or exception of ``parse``, in words."""
        if self.error is not None:
            return f"parse raised {cut(repr(self.error), _MAX_SHOWN_CHARS)}"
        return f"parse returned {cut(repr(self.value), _MAX_SHOWN_CHARS)}"


def call_parse(api: ParseAPI, parse: Parse, document: object) -> CallResult:
    """Call ``parse`` once.

    Raises:
        SimulationStopped: the consumer asked for what is not simulated.
        UsageError: the test itself is wrong.
    """
    value: object = None
    error: Exception | None = None
    stopped = ""
    try:
        value = finished(parse(document))
    except (SimulationStopped, UsageError):
        if simulation_of(api).stops.message is None:
            raise
    except Exception as raised:  # noqa: BLE001 - whatever the consumer raises is its answer
        error = raised
    # A stop counts also where the consumer swallowed it.
    stops = simulation_of(api).stops
    if stops.message is not None:
        if stops.kind == "miss":
            raise SimulationStopped(stops.message)
        stopped = stops.kind
    return CallResult(api=api, observed=observed_of(api), value=value, error=error, stopped=stopped)


def finished(value: Any) -> Any:
    """The value; or its result, if it is awaitable."""
    if not inspect.isawaitable(value):
        return value
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_awaited(value))
    return _in_thread(value)


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


def _in_thread(value: Awaitable[Any]) -> Any:
    """Await in another thread, since a loop runs in this one."""
    results: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(asyncio.run(_awaited(value)))
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            errors.append(error)

    thread = threading.Thread(target=run, name="parseapi-contract")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


_PDF: Final = Path(__file__).with_name("document.pdf")
_URL: Final = "https://files.example.com/contract.pdf"


def default_document(provider: Provider) -> str:
    """The default argument of ``parse``: a URL, or the path of a real PDF."""
    return str(_PDF) if provider.takes_files else _URL


@dataclass(frozen=True, slots=True, kw_only=True)
class Harness:
    """One consumer, with one simulated API.

    Args:
        api: the API.
        parse: the consumer.
        policy: what it promises.
    """

    api: ParseAPI
    parse: Parse
    policy: ContractPolicy
    calls: list[CallResult] = field(default_factory=list)
    """What came of each call so far."""

    @property
    def document(self) -> object:
        """The argument of ``parse``."""
        if self.policy.document is not None:
            return self.policy.document
        return default_document(self.api.provider)

    def call(self) -> CallResult:
        """Let the consumer parse the document once."""
        self.calls.append(call_parse(self.api, self.parse, self.document))
        return self.calls[-1]

    def deliver(self, delivery: WebhookDelivery, *, tries: int = 1) -> CallResult:
        """Deliver a webhook to the consumer, and let it finish its work after the answer.

        Args:
            delivery: what is delivered.
            tries: how often at most, until it is taken in time.
        """
        handle = self.policy.handle_webhook

        def receive(body: bytes, headers: dict[str, str]) -> Any:
            return None if handle is None else finished(handle(body, headers))

        self.api.deliver(delivery, receive, tries=tries)
        simulation_of(self.api).clock.sleep(_COOL_DOWN_SECONDS)
        return CallResult(api=self.api, observed=observed_of(self.api))

    def signed_again(self, delivery: WebhookDelivery) -> WebhookDelivery:
        """The same event, delivered later: with the current time and a new signature."""
        return again(webhooks_of(self.api), delivery, service_of(self.api).wall)

    def seed_exchanges(self, seed: int) -> None:
        """From now on, seed the global ``random`` after each exchange."""
        simulation_of(self.api).jitter_seed = seed
