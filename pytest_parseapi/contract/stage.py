"""Where a consumer is tried: the API, what it is called with, and what it promises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_parseapi.api import ParseAPI
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.contract.trial import Parse, Trial, finished, run_trial
from pytest_parseapi.webhooks.delivery import WebhookDelivery

__all__ = ["Stage", "default_document"]

_PDF: Final = Path(__file__).with_name("document.pdf")
_URL: Final = "https://files.example.com/contract.pdf"


def default_document(provider: str) -> str:
    """What ``parse`` is called with: a URL, or the path of a real PDF for Nutrient."""
    return str(_PDF) if provider == "nutrient" else _URL


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One consumer in front of one simulated API.

    Args:
        api: the API.
        parse: the consumer.
        policy: what it promises.
    """

    api: ParseAPI
    parse: Parse
    policy: ContractPolicy

    @property
    def document(self) -> object:
        """What ``parse`` is called with."""
        if self.policy.document is not None:
            return self.policy.document
        return default_document(self.api.provider.name)

    def call(self) -> Trial:
        """Let the consumer parse the document once."""
        __tracebackhide__ = True
        self.api._service.journal.one_call = True
        return run_trial(self.api, self.parse, self.document)

    def deliver(self, delivery: WebhookDelivery) -> Trial:
        """Deliver a webhook to the consumer once."""
        __tracebackhide__ = True
        handle = self.policy.handle_webhook

        def receive(body: bytes, headers: dict[str, str]) -> Any:
            return None if handle is None else finished(handle(body, headers))

        self.api.deliver(delivery, receive, tries=1)
        return Trial(api=self.api, record=self.api._record)

    def draw_alike(self, seed: int | None) -> None:
        """Let the global ``random`` give the same numbers after each exchange."""
        self.api._simulation.jitter_seed = seed
