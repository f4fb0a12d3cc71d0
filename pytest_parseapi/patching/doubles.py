"""Finds test doubles, such as mocks, that have replaced functions and modules."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FunctionType, ModuleType


def is_test_double(value: object) -> bool:
    """Whether a value is a mock, a lambda, or a function of a test module or ``conftest.py``.

    Example:
        >>> is_test_double(lambda: None), is_test_double(is_test_double)
        (True, False)
    """
    if isinstance(value, FunctionType):
        module = str(value.__module__).rpartition(".")[2]
        is_test = module.startswith("test_") or module.endswith("_test") or module == "conftest"
        # A spy (``autospec``) is a function that keeps its mock.
        return is_test or value.__name__ == "<lambda>" or _is_mock(getattr(value, "mock", None))
    return _is_mock(value)


def find_test_double(names: Iterable[str]) -> str:
    """The first of these names that is a test double in a module, such as ``app.sleep``.

    Args:
        names: how modules name what is looked for.
    """
    known = tuple(names)
    for module in tuple(sys.modules.values()):
        held = vars(module) if isinstance(module, ModuleType) else {}
        for name in known:
            if name in held and is_test_double(held[name]):
                owner = held.get("__name__", "")
                if held[name] is not sys.modules.get(f"{owner}.{name}"):
                    return f"{owner}.{name}"
    return ""


def _is_mock(value: object) -> bool:
    mocks = [sys.modules.get("unittest.mock"), sys.modules.get("mock.mock")]
    kinds = tuple(module.NonCallableMock for module in mocks if module is not None)
    return issubclass(type(value), kinds)
