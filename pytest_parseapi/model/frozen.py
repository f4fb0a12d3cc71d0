"""Sets fields of frozen dataclasses, if their constructor is not enough."""

from __future__ import annotations

from typing import Any


def writable_class(frozen: type[Any]) -> type[Any]:
    """A class whose instances can be filled, and become instances of the frozen class after that.

    It is for the few that every exchange makes: their constructor calls `object.__setattr__` for
    each field, which takes ten times as long as to set it does.

    Args:
        frozen: a frozen dataclass with slots.

    Example:
        >>> made = object.__new__(writable_class(Timeouts))
        >>> made.connect, made.read, made.known = 5.0, 5.0, True
        >>> made.__class__ = Timeouts
        >>> made
        Timeouts(connect=5.0, read=5.0, known=True)
    """
    setters = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(f"Open{frozen.__name__}", (frozen,), {"__slots__": (), **setters})


def keep_as_tuples(made: object, *fields: str) -> None:
    """Make tuples of the lists that somebody gave, so that the value stays frozen and has a hash.

    Args:
        made: an instance of a frozen dataclass.
        fields: the names of its fields that are tuples.
    """
    for field in fields:
        value = getattr(made, field)
        if isinstance(value, list):
            object.__setattr__(made, field, tuple(value))
