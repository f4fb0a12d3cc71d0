"""Keeps which checks passed in a test, for the coverage of the documented errors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

__all__ = ["NotesChecks", "noted"]

_PREFIX: Final = "assert_"
_Noting = TypeVar("_Noting", bound="NotesChecks")


class NotesChecks:
    """What `noted` asks of a class."""

    @abstractmethod
    def note_check(self, name: str) -> None:
        """A check ran and held."""


def noted(cls: type[_Noting]) -> type[_Noting]:
    """Let a class note each of its ``assert_...`` methods that returns, inherited ones too.

    One place for all rooms of checks: one that is added later cannot be forgotten.
    """
    for name in dir(cls):
        if name.startswith(_PREFIX):
            setattr(cls, name, _noting(name, getattr(cls, name)))
    return cls


def _noting(name: str, check: Callable[..., None]) -> Callable[..., None]:
    @wraps(check)
    def noting(self: NotesChecks, *args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        check(self, *args, **kwargs)
        self.note_check(name)

    return noting
