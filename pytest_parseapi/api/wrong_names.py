"""Reports misspelt names of methods and arguments, with the nearest right one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from pytest_parseapi.model.mistakes import check_keywords, nearest


class UnknownNameError(AttributeError):
    """A test asked for an attribute that does not exist."""


_Class = TypeVar("_Class", bound=type[Any])


def names_mistakes(cls: _Class) -> _Class:
    """Let a class report unknown attributes and arguments with the nearest right name.

    One place for all methods, inherited ones too: one that is added later cannot be forgotten.
    """
    for name in dir(cls):
        method = inspect.getattr_static(cls, name)
        if not name.startswith("_") and inspect.isfunction(method):
            setattr(cls, name, _checking(name, method))
    setattr(cls, "__getattr__", _unknown)  # noqa: B010 - as a method, it would hide typos from mypy
    return cls


def _checking(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    known = list(inspect.signature(method).parameters)[1:]

    @wraps(method)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if not kwargs.keys() <= set(known):
            check_keywords(f"{name}()", kwargs, known)
        return method(*args, **kwargs)

    @wraps(method)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        return await checked(*args, **kwargs)

    return awaited if inspect.iscoroutinefunction(method) else checked


def _unknown(owner: object, name: str) -> Any:
    text = f"{type(owner).__name__!r} object has no attribute {name!r}"
    if not name.startswith("_"):
        known = [item for item in dir(type(owner)) if not item.startswith("_")]
        near = nearest(name, known)
        text += f": {near}" if near.startswith("did you mean") else ""
    raise UnknownNameError(text, name=name, obj=owner)
