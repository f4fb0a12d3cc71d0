"""The policy of a consumer: the rules of the contract, each of which can be turned off."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ClassVar, Final

from pytest_parseapi.model.provider import Provider


class ContractPolicy:
    """The rules of the contract as class attributes; the provider's advice is the default.

    A rule that a consumer does not follow on purpose is turned off by ``rule = False``.
    """

    _by_options: ClassVar[bool] = False
    """Whether the class was made by options of the command line."""
    provider: ClassVar[str] = "extend"
    """The provider's name."""
    surface: ClassVar[str] = "http"
    """``"http"``, ``"run"`` for a consumer of asynchronous runs, or ``"webhook"`` for a receiver
    alone."""
    document: str | os.PathLike[str] | None = None
    """The argument of `parse`: by default a URL for Extend, a small PDF for Nutrient."""
    api_key: str = ""
    """A credential that the simulated API accepts, for `parse` to use."""
    base_url: str = ""
    """The documented base URL, for `parse` to use."""

    webhook_secret: str = ""
    """The secret of webhook signatures, for `handle_webhook` to use."""
    handle_webhook: Callable[[bytes, dict[str, str]], Any] | None = None
    """A consumer of webhooks has this method: it takes the body and the headers of a delivery,
    answers with a status or nothing, and raises where it rejects the delivery. It may be a
    coroutine function."""
    webhook_effects: Callable[[], int] | None = None
    """How many events had an effect so far, if no request to the API shows that."""

    max_attempts: ClassVar[int | None] = None
    """How many HTTP attempts in all a request gets that meets a retryable documented error; None
    for any finite number."""
    max_submissions: ClassVar[int | None] = None
    """How many runs in all a document gets whose runs fail for a retryable reason; None for any
    finite number."""
    immediate_first_retry: ClassVar[bool] = False
    """The first retry may come at once, as with urllib3's ``Retry``."""
    log_level: ClassVar[int | str] = "INFO"
    """Log records below this level are not evidence, since production drops them."""

    succeeds: ClassVar[bool] = True
    """A document is parsed if nothing fails."""
    retries: ClassVar[bool] = True
    """Retryable errors are retried, and the result of the retry is used."""
    no_retry_on_final_errors: ClassVar[bool] = True
    """Errors that no retry can fix get a single attempt."""
    gives_up: ClassVar[bool] = True
    """Retries end."""
    backoff: ClassVar[bool] = True
    """Waits before retries grow exponentially."""
    retry_after: ClassVar[bool | None] = None
    """No retry comes before ``Retry-After`` on a 429 or 503, up to 60 s; None asks for it where the
    provider's advice names the header."""
    resends_payload: ClassVar[bool] = True
    """Each retry carries the whole payload again."""
    api_version: ClassVar[bool] = True
    """Every request names a version of the API in the header that the provider documents."""
    sets_timeouts: ClassVar[bool] = True
    """Every request has a connect and a read time-out."""
    logs_request_id: ClassVar[bool] = True
    """The ``requestId`` of the last failed reply is logged where `parse` fails."""
    hides_credentials: ClassVar[bool] = True
    """No credential is logged or printed."""
    raises: ClassVar[bool] = True
    """`parse` raises if the last attempt or the run failed."""
    rejects_broken_success: ClassVar[bool] = True
    """A 200 with a broken body is not returned as a result."""
    fresh_results: ClassVar[bool] = True
    """No earlier result is returned in place of a failed one."""
    clear_errors: ClassVar[bool] = True
    """What `parse` raises is about the failure, and not a ``KeyError`` on the way to it."""
    obeys_retryable_flag: ClassVar[bool] = False
    """The body's ``retryable: false`` outweighs a 5xx status. The pages advise both to read the
    flag and to retry any 5xx, and the official client goes by the status, so it is not asked for
    by default."""

    logs_run_failures: ClassVar[bool] = True
    """The id and ``failureReason`` of each failed run are logged."""
    stops_polling: ClassVar[bool] = True
    """No run is polled after its end."""
    polls_politely: ClassVar[bool] = True
    """Polls of a run are at least 0.5 s apart."""
    resubmits: ClassVar[bool] = True
    """A run that failed for a retryable reason is submitted again."""
    no_resubmit_on_final_reasons: ClassVar[bool] = True
    """A run that failed for a final reason is not submitted again."""

    accepts_webhooks: ClassVar[bool] = True
    """`handle_webhook` accepts every good delivery, also of event types added later."""
    verifies_signature: ClassVar[bool] = True
    """`handle_webhook` rejects deliveries that the provider did not sign."""
    handles_events_once: ClassVar[bool] = True
    """A redelivered event has no second effect."""
    hides_webhook_secret: ClassVar[bool] = True
    """The signing secret is not logged or printed."""

    def expects_retry_after(self, provider: Provider) -> bool:
        """Whether ``Retry-After`` has to be honoured."""
        if self.retry_after is None:
            return provider.advice_for("retry_after") is not None
        return self.retry_after


_SETTINGS: Final = (
    "provider",
    "surface",
    "document",
    "api_key",
    "base_url",
    "webhook_secret",
    "handle_webhook",
    "webhook_effects",
    "max_attempts",
    "max_submissions",
    "immediate_first_retry",
    "log_level",
    "expects_retry_after",
)
RULES: Final = tuple(
    name for name in vars(ContractPolicy) if not name.startswith("_") and name not in _SETTINGS
)
"""The names of the rules: what failures of the contract quote, and what turns them off."""
