"""Send calls of a built-in function elsewhere, wherever the reference to it is kept.

``from time import sleep`` and ``def retry(sleep=time.sleep)`` keep the built-in object itself, so
replacing ``time.sleep`` in its module does not reach them. The object does hold two pointers: what
C function to call, and with which first argument. Setting them to ``PyObject_CallOneArg`` and a
Python function sends every call there, exceptions and all; setting them back leaves nothing behind.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final

__all__ = ["Redirect"]

_POINTER: Final = ctypes.sizeof(ctypes.c_void_p)
_HEADER: Final = object.__basicsize__

# Each C function takes (callable, arguments) as the calling convention passes (self, arguments).
_CALLS: Final = {
    0x0001: "PyObject_CallObject",  # METH_VARARGS
    0x0003: "PyObject_Call",  # METH_VARARGS | METH_KEYWORDS
    0x0004: "PyObject_CallNoArgs",  # METH_NOARGS
    0x0008: "PyObject_CallOneArg",  # METH_O
    0x0082: "PyObject_Vectorcall",  # METH_FASTCALL | METH_KEYWORDS
}
# One copy with the interpreter's lock held: every other thread sees both pointers change at once.
# With a step of Python's between two writes, a thread that calls the function meanwhile would call
# the new C function with the old first argument, and end the interpreter.
_COPY: Final = ctypes.PYFUNCTYPE(
    ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t
)(ctypes.cast(ctypes.memmove, ctypes.c_void_p).value or 0)
_MAKE: Final = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object
)(("PyCFunction_NewEx", ctypes.pythonapi))
"""Makes a built-in function of a definition, its first argument and its module."""


class _MethodDef(ctypes.Structure):
    """``PyMethodDef`` of CPython's C API."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class Redirect:
    """Sends every call of one built-in function to a Python function, until undone.

    Args:
        function: the built-in, such as ``time.sleep``.

    Raises:
        RuntimeError: this Python does not lay out built-in functions as CPython does.
    """

    def __init__(self, function: Any) -> None:
        self._function = function
        self._place = id(function) + _HEADER
        definition = ctypes.c_void_p.from_address(self._place).value
        first = ctypes.c_void_p.from_address(self._place + _POINTER).value
        if definition is None or first != id(function.__self__):
            raise RuntimeError(f"virtual time needs CPython: {function!r} has an unknown layout")
        self._saved = (definition, first)
        original = _MethodDef.from_address(definition)
        call = _CALLS.get(original.flags)
        if original.name != function.__name__.encode() or call is None:
            raise RuntimeError(f"virtual time needs CPython: {function!r} has an unknown layout")
        address = ctypes.cast(getattr(ctypes.pythonapi, call), ctypes.c_void_p).value
        self._replacement = _MethodDef(original.name, address, original.flags, original.doc)
        self._target: Callable[..., Any] | None = None
        self._is_on = False
        # A second built-in, to reach what was there before. It may outlive another redirect that
        # was there before, so it has a definition of its own, and holds it as its module.
        kept = _MethodDef(original.name, original.function, original.flags, original.doc)
        self._kept = kept
        self.original: Callable[..., Any] = _MAKE(ctypes.addressof(kept), function.__self__, kept)

    def to(self, target: Any) -> None:
        """Send calls to ``target`` from now on."""
        # The garbage collector counts what the built-in refers to, so that must be a reference.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(target))
        self._target = target
        self._is_on = True
        self._point(ctypes.addressof(self._replacement), id(target))

    def again(self) -> None:
        """Send calls to the last target once more, and let `original` reach what is there now."""
        self._kept.function = _MethodDef.from_address(self._saved[0]).function
        self.to(self._target)

    def undo(self) -> None:
        """Let the built-in be itself again."""
        self._point(*self._saved)
        if self._is_on:
            self._is_on = False
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(self._target))

    def _point(self, definition: int, first: int) -> None:
        """Change both pointers, with nothing of Python's in between."""
        pair = (ctypes.c_void_p * 2)(definition, first)
        _COPY(self._place, ctypes.addressof(pair), 2 * _POINTER)
