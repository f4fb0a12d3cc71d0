"""Whether input is there that nobody has taken yet."""

from __future__ import annotations

import select as system
import selectors
from typing import Any

__all__ = ["has_input", "is_readable"]


def has_input(selector: Any) -> bool:
    """Whether a loop has input that it has not yet seen, without taking it."""
    queue = getattr(selector, "fileno", None)
    if queue is not None:
        return is_readable(queue())
    keys = list(selector.get_map().values())
    reading = [key.fd for key in keys if key.events & selectors.EVENT_READ]
    writing = [key.fd for key in keys if key.events & selectors.EVENT_WRITE]
    return any(system.select(reading, writing, [], 0))


def is_readable(descriptor: int) -> bool:
    """Whether reading would not block; a kernel's queue of events is readable if it has one."""
    if hasattr(system, "poll"):
        probe = system.poll()
        probe.register(descriptor, system.POLLIN)
        return bool(probe.poll(0))
    return bool(system.select([descriptor], [], [], 0)[0])
