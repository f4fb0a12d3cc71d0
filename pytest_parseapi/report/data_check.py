"""Whether data from a file has the shape that a report's types describe."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

_NAMES = {str: "a text", float: "a number", int: "an integer", bool: "true or false"}


def misfit(value: Any, wanted: Any, where: str = "") -> str | None:
    """Where data differs from its type.

    Args:
        value: what `json.loads` gave.
        wanted: a `TypedDict`, or a type of one of its fields.
        where: the path to the value.

    Returns:
        One sentence about the first difference; None where there is none.

    Example:
        >>> misfit([1, "two"], list[int], "numbers")
        'numbers[1] is not an integer'
    """
    if is_typeddict(wanted):
        return _object(value, wanted, where)
    judge = _JUDGES.get(get_origin(wanted))
    if judge is not None:
        return judge(value, wanted, where)
    if wanted is None or wanted is type(None):
        return None if value is None else f"{where} is not null"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = number if wanted is float else type(value) is wanted
    return None if fits else f"{where or 'it'} is not {_NAMES[wanted]}"


def _object(value: Any, wanted: Any, where: str) -> str | None:
    if not isinstance(value, dict):
        return f"{where or 'it'} is not an object"
    for name, kind in _fields(wanted):
        inner = f"{where}.{name}" if where else name
        if name not in value:
            if name in wanted.__optional_keys__:
                continue
            return f"{inner} is missing"
        problem = misfit(value[name], kind, inner)
        if problem is not None:
            return problem
    return None


@functools.cache
def _fields(wanted: Any) -> tuple[tuple[str, Any], ...]:
    return tuple(get_type_hints(wanted).items())


def _items(value: Any, wanted: Any, where: str) -> str | None:
    if not isinstance(value, list):
        return f"{where} is not a list"
    kinds = get_args(wanted)
    if get_origin(wanted) is tuple:
        if len(value) != len(kinds):
            return f"{where} has not {len(kinds)} items"
    else:
        kinds = kinds * len(value)
    for number, (item, kind) in enumerate(zip(value, kinds, strict=True)):
        problem = misfit(item, kind, f"{where}[{number}]")
        if problem is not None:
            return problem
    return None


def _mapping(value: Any, wanted: Any, where: str) -> str | None:
    if not isinstance(value, dict):
        return f"{where} is not an object"
    kind = get_args(wanted)[1]
    found = (misfit(item, kind, f"{where}.{name[:40]}") for name, item in value.items())
    return next((problem for problem in found if problem is not None), None)


def _union(value: Any, wanted: Any, where: str) -> str | None:
    problems = [misfit(value, kind, where) for kind in get_args(wanted)]
    return None if None in problems else problems[0]


def _literal(value: Any, wanted: Any, where: str) -> str | None:
    names = get_args(wanted)
    fits = isinstance(value, str) and value in names
    return None if fits else f"{where} is none of {', '.join(names)}"


_JUDGES: dict[Any, Callable[[Any, Any, str], str | None]] = {
    list: _items,
    tuple: _items,
    dict: _mapping,
    Union: _union,
    types.UnionType: _union,
    Literal: _literal,
}
