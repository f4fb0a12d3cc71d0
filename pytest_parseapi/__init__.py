"""Prove that your code handles every documented failure of a document-parsing API."""

from __future__ import annotations

import importlib
import sys

# Names load when they are used: pytest imports this package at start-up, whether a test needs it
# or not. Type checkers and editors read the stub beside this file.
_HOMES = {
    "api.parse_api": "ParseAPI",
    "clock.virtual_clock": "VirtualClock",
    "model.behaviour": "Behaviour Call Rejected json_reply",
    "model.context": "Context",
    "model.credentials": "BasicAuth BearerToken Credential HeaderKey QueryKey",
    "model.endpoint": "Endpoint",
    "model.errors": "Advice DocumentedError",
    "model.faults": "NetworkFault",
    "model.http": "Reply Request",
    "model.mistakes": "UsageError",
    "model.multipart": "MalformedBody Part file_part parse_multipart",
    "model.provider": "APIVersion Provider",
    "model.request_content": "json_object media_type names_of_upload names_of_url",
    "model.runs": (
        "RunDescription RunFailure RunShown RunStore SimulatedBatch SimulatedRun Submission"
    ),
    "model.webhooks": "Signing WebhookDescription",
    "plugin.contract": "ParseErrorContract",
    "record.attempt": "Attempt",
    "record.run": "Run",
    "record.webhook": "WebhookAnswer WebhookDelivery",
    "service.script": "ALWAYS",
}
__all__ = sorted(" ".join(_HOMES.values()).split())  # noqa: PLE0605 - the stub has the list


def _skip_assertion_rewriting() -> None:
    """Let Python itself load the modules of this package when pytest runs.

    pytest marks each module of a plugin for the rewriting of assertions, which makes loading
    several times as slow. No test shows an assertion of this package.
    """
    for finder in sys.meta_path:
        marked = getattr(finder, "_must_rewrite", None)
        if isinstance(marked, set):
            marked -= {__name__, f"{__name__}.plugin"}


_skip_assertion_rewriting()


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names.split():
            return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
