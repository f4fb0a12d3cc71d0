"""The `Context` for the functions of a provider: the time, its state, and new ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, kw_only=True)
class Context:
    """What a provider's functions are given of the test: the time, its state, and ids."""

    now: float
    """Virtual seconds since the test began."""
    state: Any
    """What `Behaviour.new_state` made for this test."""
    new_id: Callable[[str], str]
    """Makes an id that is unique and the same in each run of the test: ``new_id("file_")``."""
    base_url: str
    """Where the consumer reaches this API."""
