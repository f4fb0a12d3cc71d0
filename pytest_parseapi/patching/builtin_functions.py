"""Redirects the calls of a built-in function, whoever keeps a reference to it.

``from time import sleep`` and ``def retry(sleep=time.sleep)`` keep the built-in object itself, so
replacing ``time.sleep`` in its module does not reach them. The object holds the address of the code
that its calls go to. A few instructions of our own take that place: they put another callable in
the place of the called object and go on to ``PyObject_Vectorcall``. Which callable that is stands
in one word of memory, so that it is changed in one step for every thread, and the object keeps its
name, module, hash and text. The interpreter has faster ways for some kinds of functions, by which
it calls the C function itself; a definition of another kind keeps it from them.

Where such instructions were never tried, the object is given another C function and another first
argument instead: ``PyObject_CallOneArg`` and the callable. It has another hash meanwhile.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import mmap
import platform
import struct
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

_POINTER: Final = ctypes.sizeof(ctypes.c_void_p)
_HEADER: Final = object.__basicsize__
_FIELDS: Final = 5
"""Definition, first argument, module, weak references, and where calls go."""
_OF_CLASS: Final = 0x0010
"""Set for a class method."""
_NO_ARGUMENTS: Final = 0x0004
"""The calling convention for which the interpreter has no fast path."""
_CALLS: Final = {
    0x0001: "PyObject_CallObject",  # METH_VARARGS
    0x0003: "PyObject_Call",  # METH_VARARGS | METH_KEYWORDS
    0x0004: "PyObject_CallNoArgs",  # METH_NOARGS
    0x0008: "PyObject_CallOneArg",  # METH_O
    0x0082: "PyObject_Vectorcall",  # METH_FASTCALL | METH_KEYWORDS
}
"""By calling convention, the C function that calls a callable with arguments of that kind."""
_PAGE: Final = 4096
_ROOM: Final = 64
_ROOMS: Final = _PAGE // _ROOM

_COPY: Final = ctypes.PYFUNCTYPE(
    ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t
)(ctypes.cast(ctypes.memmove, ctypes.c_void_p).value or 0)
"""Copies memory with the GIL held, so that other threads see one change."""
_MAKE: Final = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object
)(("PyCFunction_NewEx", ctypes.pythonapi))
"""Creates a built-in function from a definition, a first argument and a module."""


class _Definition(ctypes.Structure):
    """``PyMethodDef`` of CPython's C API."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class _Page:
    """A memory page with instructions, and one with the pointers that they read."""

    def __init__(self) -> None:
        write = _INSTRUCTIONS.get((sys.platform, platform.machine()))
        if write is None or struct.calcsize("Q") != _POINTER:
            raise RuntimeError("instructions were not tried on this system")
        call = _address("PyObject_Vectorcall")
        self.words = (ctypes.c_void_p * _ROOMS)()
        self._page = mmap.mmap(-1, _PAGE)
        base = ctypes.addressof(ctypes.c_char.from_buffer(self._page))
        for number in range(_ROOMS):
            code = write(ctypes.addressof(self.words) + number * _POINTER, call)
            self._page[number * _ROOM : number * _ROOM + len(code)] = code
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        if protect(base, _PAGE, mmap.PROT_READ | mmap.PROT_EXEC) != 0:
            raise OSError(ctypes.get_errno(), "no instructions may be added")
        self.base = base


class Trampolines:
    """Trampolines: machine code that jumps to a callable, whose pointer is kept in memory.

    Raises:
        OSError: the system does not let a program add instructions to itself.
        RuntimeError: the instructions are not known for this machine.
    """

    def __init__(self) -> None:
        self._pages = [_Page()]
        self._used = 0

    def add(self) -> int:
        """Return the number of an unused trampoline."""
        if self._used == len(self._pages) * _ROOMS:
            self._pages.append(_Page())
        self._used += 1
        return self._used - 1

    def address(self, number: int) -> int:
        """The address of a trampoline's first instruction."""
        page, room = divmod(number, _ROOMS)
        return self._pages[page].base + room * _ROOM

    def redirect(self, number: int, target: object) -> None:
        """Let a trampoline jump to a callable. The caller keeps the callable alive."""
        page, room = divmod(number, _ROOMS)
        self._pages[page].words[room] = id(target)


def _address(name: str) -> int:
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0


def _x86_64(word: int, call: int) -> bytes:
    # endbr64; mov rax, word; mov rdi, [rax]; mov rax, call; jmp rax
    return (
        b"\xf3\x0f\x1e\xfa\x48\xb8"
        + struct.pack("<Q", word)
        + b"\x48\x8b\x38\x48\xb8"
        + struct.pack("<Q", call)
        + b"\xff\xe0"
    )


_INSTRUCTIONS: Final[dict[tuple[str, str], Callable[[int, int], bytes]]] = {
    ("linux", "x86_64"): _x86_64,
}


class _Callable(ModuleType):
    """A callable that takes the place of ``__self__``, and shows as the function's module."""

    def __init__(self, module: str, target: Callable[..., Any]) -> None:
        super().__init__(module)
        self._target = target

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._target(*args, **kwargs)


class BuiltinFunction:
    """One built-in function, taken over and given back.

    Args:
        function: the built-in, such as ``time.sleep``.
        trampolines: those of the process; None where there are none.

    Raises:
        RuntimeError: this Python does not lay out built-in functions as CPython does.
    """

    def __init__(self, function: Any, trampolines: Trampolines | None) -> None:
        self._function = function
        self._place = id(function) + _HEADER
        self._trampolines = trampolines
        words = self._read()
        definition = words[0]
        if definition is None or words[1] != id(function.__self__):
            raise RuntimeError(f"{function!r} has an unknown layout")
        found = _Definition.from_address(definition)
        call = _CALLS.get(found.flags & ~_OF_CLASS)
        if found.name != function.__name__.encode() or (call is None and trampolines is None):
            raise RuntimeError(f"{function!r} has an unknown layout")
        self._kept = _Definition(found.name, found.function, found.flags, found.doc)
        self.original: Callable[..., Any] = _MAKE(
            ctypes.addressof(self._kept), function.__self__, self._kept
        )
        """A copy of the built-in function with its real behaviour."""
        if trampolines is None:
            self._ours = _Definition(found.name, _address(call or ""), found.flags, found.doc)
        else:
            # Its hash is made of the address of its function, which is the same.
            self._ours = _Definition(found.name, found.function, _NO_ARGUMENTS, found.doc)
            self._number = trampolines.add()
            trampolines.redirect(self._number, self.original)
        self._target: Any = self.original
        self._saved: Any = None

    def take(self) -> None:
        """Take the function over. Until `redirect` is called, it still behaves as before."""
        self._saved = self._read()
        # Another library may have put a function there, as time-machine does.
        self._kept.function = _Definition.from_address(self._saved[0]).function
        if self._trampolines is not None:
            where = self._trampolines.address(self._number)
            self._put(ctypes.addressof(self._ours), self._saved[1], where)

    def redirect(self, target: Callable[..., Any] | None) -> None:
        """Send calls to a callable from now on; with None to the real function."""
        before = self._target  # alive until nothing leads to it
        if self._trampolines is not None:
            self._target = self.original if target is None else target
            self._trampolines.redirect(self._number, self._target)
        elif target is None:
            self._target = self.original
            self._put(self._saved[0], self._saved[1], self._saved[_FIELDS - 1])
        else:
            self._target = _Callable(self._function.__self__.__name__, target)
            # The garbage collector counts what the built-in refers to: it must be a reference.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._target))
            self._put(ctypes.addressof(self._ours), id(self._target), self._saved[_FIELDS - 1])
        if self._trampolines is None and isinstance(before, _Callable):
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(before))

    def give_back(self) -> None:
        """Undo the take-over."""
        if self._saved is not None:
            self.redirect(None)
            self._put(self._saved[0], self._saved[1], self._saved[_FIELDS - 1])
            self._saved = None

    def _read(self) -> Any:
        return (ctypes.c_void_p * _FIELDS)(*(ctypes.c_void_p * _FIELDS).from_address(self._place))

    def _put(self, definition: int, first: int, where: int | None) -> None:
        words = self._read()
        words[0], words[1], words[_FIELDS - 1] = definition, first, where
        _COPY(self._place, ctypes.addressof(words), _FIELDS * _POINTER)


def check(trampolines: Trampolines | None) -> None:
    """Test the take-over with temporary functions.

    Args:
        trampolines: those of the process; None where there are none.

    Raises:
        RuntimeError: what happened is not what should have.
    """
    kinds: tuple[tuple[Any, tuple[Any, ...]], ...]
    kinds = ((math.fabs, (-3.0,)), (time.get_clock_info, ("time",)), (time.process_time, ()))
    function: Any
    for function, arguments in kinds:
        place = ctypes.c_void_p.from_address(id(function) + _HEADER).value
        found = _Definition.from_address(place or 0)
        copy = _Definition(found.name, found.function, found.flags, found.doc)
        throw_away: Any = _MAKE(ctypes.addressof(copy), function.__self__, copy)
        _check_one(throw_away, arguments, BuiltinFunction(throw_away, trampolines))


def _check_one(function: Any, arguments: tuple[Any, ...], taken: BuiltinFunction) -> None:
    def refuse(*_args: Any) -> None:
        raise LookupError

    def call() -> Any:
        # Often enough for the interpreter's faster ways.
        return [function(*arguments) for _ in range(20)][-1]

    looks, kind = (repr(function), function.__reduce__()), type(call())
    taken.take()
    try:
        right = type(call()) is kind
        taken.redirect(lambda *args: args)
        right = right and call() == arguments and looks == (repr(function), function.__reduce__())
        taken.redirect(refuse)
        with contextlib.suppress(LookupError):
            call()
            right = False
    finally:
        taken.give_back()
    if not right or type(call()) is not kind:
        raise RuntimeError("a function that was taken over did something else")
