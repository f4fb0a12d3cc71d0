"""The provider's page behind each rule."""

from __future__ import annotations

from typing import Final

from pytest_parseapi.checks.finding import Kind
from pytest_parseapi.model.errors import Topic
from pytest_parseapi.model.provider import Provider

__all__ = ["page_behind"]

_API_VERSION: Final = "api_version"
_ADVICE: Final[dict[Kind, Topic]] = {
    "retried": "retryable",
    "not_retried": "retryable",
    "gave_up": "retryable",
    "recovered": "retryable",
    "resubmitted": "retryable",
    "retryable_error": "retryable",
    "final_error": "retryable",
    "backoff": "backoff",
    "retry_after": "retry_after",
    "timeout": "timeout",
    "request_id": "request_id",
    "run_failure": "polling",
    "poll_after_end": "polling",
    "poll_interval": "polling",
    "retryable_reason": "retryable",
    "final_reason": "retryable",
    "resubmitted_wait": "backoff",
    "webhook_rejected": "webhook",
    "webhook_accepted": "webhook",
    "webhook_handled_once": "webhook",
}
"""Which advice each kind of finding rests on; what is missing is a rule of the plugin's own."""


def page_behind(provider: Provider, kind: Kind) -> str:
    """The address of the page on which a provider gives the advice behind a rule.

    Args:
        provider: the provider.
        kind: the rule.

    Returns:
        The address without its scheme; an empty text where no page says anything about it.
    """
    if kind == _API_VERSION:
        return "" if provider.api_version is None else provider.api_version.source
    topic = _ADVICE.get(kind)
    advice = None if topic is None else provider.advice_for(topic)
    return "" if advice is None else advice.source
