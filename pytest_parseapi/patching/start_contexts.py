"""The context in which a thread was started. Python copies it for tasks, and for few threads."""

from __future__ import annotations

import threading
from _thread import get_ident
from contextvars import Context, copy_context
from typing import Any, Final

from pytest_parseapi.patching.attributes import set_on

_STARTED_IN: Final = "_parseapi_started_in"


def keep_context(thread: threading.Thread) -> None:
    """Keep the context of the calling thread, which is about to start another one.

    Args:
        thread: the other one.
    """
    set_on(thread, _STARTED_IN, copy_context())


def context_of_start() -> Context | None:
    """The context in which the calling thread was started; None if it was not kept."""
    active: dict[int, Any] = threading._active  # type: ignore[attr-defined]
    found: Context | None = getattr(active.get(get_ident()), _STARTED_IN, None)
    return found
