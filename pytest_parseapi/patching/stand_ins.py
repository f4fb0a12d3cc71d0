"""Finds what a test has put in place of other functions and modules, such as a mock."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FunctionType, ModuleType

__all__ = ["is_stand_in", "stand_in"]


def is_stand_in(value: object) -> bool:
    """Whether a value is a mock, a lambda, or a function of a test module or ``conftest.py``.

    Example:
        >>> is_stand_in(lambda: None), is_stand_in(is_stand_in)
        (True, False)
    """
    if isinstance(value, FunctionType):
        module = str(value.__module__).rpartition(".")[2]
        is_test = module.startswith("test_") or module.endswith("_test") or module == "conftest"
        # A spy (``autospec``) is a function that keeps its mock.
        return is_test or value.__name__ == "<lambda>" or _is_mock(getattr(value, "mock", None))
    return _is_mock(value)


def stand_in(names: Iterable[str]) -> str:
    """The first name of these that stands for something else in a module, such as ``app.sleep``.

    Args:
        names: what the modules call what is looked for.
    """
    known = tuple(names)
    for module in tuple(sys.modules.values()):
        held = vars(module) if isinstance(module, ModuleType) else {}
        for name in known:
            if name in held and is_stand_in(held[name]):
                owner = held.get("__name__", "")
                if held[name] is not sys.modules.get(f"{owner}.{name}"):
                    return f"{owner}.{name}"
    return ""


def _is_mock(value: object) -> bool:
    mocks = [sys.modules.get("unittest.mock"), sys.modules.get("mock.mock")]
    kinds = tuple(module.NonCallableMock for module in mocks if module is not None)
    return issubclass(type(value), kinds)
