"""Replaces attributes of other libraries while a test runs, even if others replace them, too.

Patches do not always end in the reverse order. A ``monkeypatch`` that was requested before a
simulation ends after it; it may have saved our replacement, and puts that back. Such a leftover
must only call the real function, and the next simulation must remove it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any, Final

_MARK: Final = "__parseapi_patch__"


def set_on(target: Any, name: str, value: object) -> None:
    """Set an attribute of another library's object for good, without a patch.

    Args:
        target: the object.
        name: the attribute's name.
        value: what is kept with the object for as long as it lives, or given back to it.
    """
    setattr(target, name, value)


def made_of(kind: Any, attributes: Mapping[str, object]) -> Any:
    """An instance of another library's class, with what the library keeps in one.

    Args:
        kind: the class; it can be called without arguments.
        attributes: what is set on the instance, private names too.

    Example:
        >>> made_of(Exception, {"a": 1}).a
        1
    """
    made = kind()
    for name, value in attributes.items():
        # One by one: Python is slower with attributes that were set all at once, by their dict.
        setattr(made, name, value)
    return made


class Patches:
    """Replaces attributes of modules and classes, and restores them.

    What is put in place must call the real function by itself when its test is over.
    """

    def __init__(self) -> None:
        self._placed: list[_Patch] = []

    def put(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace a function, if the owner has it: not every system's does, nor every test double.

        Args:
            owner: the module or class; or a test double of it, such as a thread that runs at once.
            name: the function's name there.
            make: makes the replacement; called with the real function.
        """
        if not hasattr(owner, name):
            return
        patch = _Patch(owner, name, make)
        self._placed.append(patch)
        patch.put()

    def put_everywhere(self, owner: Any, makes: Mapping[str, Callable[[Any], Any]]) -> None:
        """Replace functions, or classes, in each module that has imported them, too.

        Args:
            owner: the module that they come from.
            makes: by name there, makes the replacement; called once, with the real one.
        """
        new: dict[int, tuple[Any, Any]] = {}
        for name, make in makes.items():
            real = underlying(getattr(owner, name))
            new[id(real)] = real, make(real)
        for module in list(sys.modules.values()):
            # Some put other objects into sys.modules.
            if isinstance(module, ModuleType):
                for name, value in list(vars(module).items()):
                    if id(value) in new:
                        self.put(module, name, partial(_second, new[id(value)][1]))

    def stop(self) -> None:
        """Restore everything, except what others have replaced since."""
        while self._placed:
            self._placed.pop().undo()


def _second(new: Any, _real: Any) -> Any:
    return new


class _Patch:
    """One replaced function or class."""

    def __init__(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        self._owner = owner
        self._name = name
        self._inherited = name not in vars(owner)
        self._over = False
        self._real = underlying(getattr(owner, name))
        self._new = make(self._real)
        setattr(self._new, _MARK, self)

    def put(self) -> None:
        setattr(self._owner, self._name, self._new)

    def undo(self) -> None:
        self._over = True
        if vars(self._owner).get(self._name) is not self._new:
            return
        if self._inherited:
            delattr(self._owner, self._name)
        else:
            setattr(self._owner, self._name, underlying(self._real))

    def real_of(self, function: Any) -> Any:
        """Return the real function, if this one is the replacement of an ended test; else None."""
        # The wrapper of another library has the mark, too, if functools.wraps copied it.
        return self._real if self._over and function is self._new else None


def underlying(function: Any) -> Any:
    """The function itself; or the real one, if it is a replacement of an ended test.

    Args:
        function: what is in its place now.
    """
    while (patch := getattr(function, _MARK, None)) is not None:
        real = patch.real_of(function)
        if real is None:
            break
        function = real
    return function
