"""Takes over functions written in Python by replacing their body (their code object).

To replace an attribute does not affect code that has kept the function: the wrapper of a tracer, or
``handle = HTTPTransport.handle_request``. The function object stays the same for all of them, so it
gets another body, and later its original one.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from itertools import islice
from types import CodeType, FunctionType
from typing import Any, Final

_MARK: Final = "__parseapi_body__"
_TARGET: Final = "pytest_parseapi target"
_MAX_OBJECTS: Final = 200


class FunctionBodies:
    """Replaces the bodies of functions, and restores them.

    What is put in place must call the real function by itself when its test is over.
    """

    def __init__(self) -> None:
        self._placed: list[_Body] = []

    def put(self, function: FunctionType, make: Callable[[Any], Any]) -> None:
        """Redirect every call of a function.

        Args:
            function: a function without a closure.
            make: makes the replacement; called with a function that does what the real one did.
        """
        self._placed.append(_Body(function, make))

    def stop(self) -> None:
        """Restore the body of every function."""
        while self._placed:
            self._placed.pop().undo()


class _Body:
    """The replaced body of one function."""

    def __init__(self, function: FunctionType, make: Callable[[Any], Any]) -> None:
        self.is_over = False
        self.saved = _underlying(function.__code__)
        self._function = function
        real = FunctionType(
            self.saved, function.__globals__, function.__name__, function.__defaults__
        )
        real.__kwdefaults__ = function.__kwdefaults__
        target = make(real)
        setattr(target, _MARK, self)
        self._code: CodeType | None = _calling(function, self.saved, target)
        function.__code__ = self._code

    def undo(self) -> None:
        """Restore the original body, unless another library has replaced it since."""
        self.is_over = True
        if self._function.__code__ is self._code:
            self._function.__code__ = _underlying(self.saved)
        # The garbage collector does not see into code: with it, all of the test would be kept.
        self._code = None


def _underlying(code: CodeType) -> CodeType:
    """The body itself; or the real one, if it is a replacement of an ended test."""
    for constant in code.co_consts:
        body = getattr(constant, _MARK, None)
        if isinstance(body, _Body) and body.is_over:
            return _underlying(body.saved)
    return code


def _calling(function: FunctionType, code: CodeType, target: Any) -> CodeType:
    """Create a body that passes its arguments to a target, with the signature of the function."""
    names = iter(code.co_varnames)
    positional = list(islice(names, code.co_argcount))
    by_keyword = list(islice(names, code.co_kwonlyargcount))
    rest = [f"*{next(names)}"] if code.co_flags & inspect.CO_VARARGS else []
    others = [f"**{next(names)}"] if code.co_flags & inspect.CO_VARKEYWORDS else []
    star = rest or ["*"] * bool(by_keyword)
    given = [*positional, *star, *by_keyword, *others]
    handed = [*positional, *rest, *(f"{name}={name}" for name in by_keyword), *others]
    is_async = inspect.iscoroutinefunction(function)
    source = (
        f"{'async ' if is_async else ''}def body({', '.join(given)}):\n"
        f"    _parseapi_target = {_TARGET!r}\n"
        f"    return {'await ' if is_async else ''}_parseapi_target({', '.join(handed)})\n"
    )
    made = _compiled(source, code.co_filename)
    constants = tuple(target if item == _TARGET else item for item in made.co_consts)
    return made.replace(
        co_consts=constants,
        co_name=code.co_name,
        co_qualname=code.co_qualname,
        co_firstlineno=code.co_firstlineno,
    )


@functools.cache
def _compiled(source: str, filename: str) -> CodeType:
    """Compile the code of a function. It is cached, since each test needs the same few."""
    namespace: dict[str, Any] = {}
    exec(compile(source, filename, "exec"), namespace)  # noqa: S102 - names of parameters alone
    made: CodeType = namespace["body"].__code__
    return made


def function_behind(function: Any, filename: str, qualname: str) -> FunctionType | None:
    """The function that a library defines, behind wrappers of tracers and mocks.

    Args:
        function: what is in its place now: itself, or a wrapper, or a mock that calls it.
        filename: the file that defines it.
        qualname: its name there, such as ``"HTTPTransport.handle_request"``.

    Returns:
        The function; None if what is there does not lead to it.
    """
    waiting = [function]
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_OBJECTS:
        item = waiting.pop(0)
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, FunctionType):
            code = item.__code__
            if code.co_filename == filename and code.co_qualname == qualname:
                return item
        waiting += _behind(item)
    return None


def _behind(item: Any) -> Iterator[Any]:
    """The function that a wrapper calls, as far as it can be seen."""
    if isinstance(item, functools.partial):
        yield from (item.func, *filter(callable, item.args))
    for name in ("__wrapped__", "__func__", "_mock_wraps", "side_effect"):
        found = inspect.getattr_static(item, name, None)
        if found is not None:
            found = getattr(item, name, None)
            if callable(found):
                yield found
    for cell in getattr(item, "__closure__", None) or ():
        try:
            content = cell.cell_contents
        except ValueError:  # it is empty still
            continue
        if callable(content):
            yield content
    if isinstance(item, FunctionType):
        # What a module kept of it: REAL_SEND = HTTPAdapter.send.
        kept = (item.__globals__.get(name) for name in item.__code__.co_names)
        yield from (found for found in kept if isinstance(found, FunctionType))
