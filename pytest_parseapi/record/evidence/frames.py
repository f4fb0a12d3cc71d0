"""Tells whose code makes a request: the consumer's frames on the call stack, and the test's."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, FunctionType, MethodType, TracebackType
from typing import Any, Final, Literal

from pytest_parseapi.model.library_code import is_library

Side = Literal["consumer", "test"]

# A comprehension is a part of its function, and from Python 3.12 on it has no frame of its own.
_PARTS: Final = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"})


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of running code.

    Args:
        path: the file, relative to pytest's root directory where it lies there.
        line: the line's number.
        name: the function, such as ``Client.ask``.
    """

    path: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class TestCall:
    """Marks one call that a test makes. It lives as long as the frame of that call."""

    __slots__ = ()
    __test__ = False

    def __call__(self, frame: FrameType, event: str, arg: object) -> None:
        """Trace nothing. The mark is kept as ``f_trace`` of the frame, which must be callable."""


@dataclass(frozen=True, slots=True)
class Site:
    """The place in the code where a request is made.

    Args:
        frames: the consumer's own frames, innermost first.
        by_test: whether the innermost frame of all is one of a test module or ``conftest.py``.
        test: the innermost frame of a test module or ``conftest.py``.
        call: identifies the call of the test that led to the request; None if no frame of a test
            was seen.
    """

    frames: tuple[Frame, ...] = ()
    by_test: bool = False
    test: Frame | None = None
    call: TestCall | None = field(default=None, compare=False)

    @property
    def known(self) -> bool:
        """Whether any frame was seen."""
        return bool(self.frames) or self.by_test


NOWHERE: Final = Site()


class ConsumerCode:
    """Tells the consumer's code from tests and libraries.

    Args:
        root: pytest's root directory: what lies below it, and is not installed, is own code.
        packages: further packages whose code is the consumer's.
        tests: the files that are test modules.
    """

    def __init__(
        self, root: Path, packages: Collection[str] = (), tests: Collection[str] = ()
    ) -> None:
        self._root = f"{root}{os.sep}"
        self._packages = tuple(packages)
        self._tests = frozenset(tests)
        self._known: dict[tuple[str, str], Side | None] = {}
        self._paths: dict[str, str] = {}

    def side(self, frame: FrameType) -> Side | None:
        """Whose code a frame runs; None for a library."""
        module = frame.f_globals.get("__name__") or ""
        key = (frame.f_code.co_filename, module)
        if key not in self._known:
            self._known[key] = self._side(*key)
        return self._known[key]

    def frame(self, code: CodeType, line: int) -> Frame:
        """The `Frame` of a line of code."""
        path = self._paths.get(code.co_filename)
        if path is None:
            path = code.co_filename.removeprefix(self._root).replace("\\", "/")
            self._paths[code.co_filename] = path
        name = code.co_qualname.rpartition("<locals>.")[2]
        return Frame(path, line, name)

    def raised_by(self, trace: TracebackType | None) -> tuple[Side | None, Frame | None]:
        """Whose code raised an exception: by the innermost frame that is not of a library."""
        side: Side | None = None
        found: Frame | None = None
        while trace is not None:
            this = self.side(trace.tb_frame)
            if this is not None:
                side, found = this, self.frame(trace.tb_frame.f_code, trace.tb_lineno)
            trace = trace.tb_next
        return side, found

    def site(self, frame: FrameType | None, edge: Any = None) -> Site:
        """The place of a request, by the frames from this one outwards.

        Args:
            frame: the innermost frame.
            edge: called with each frame, until one of the consumer or the test is found. If it
                returns a `Site`, the work was submitted there, and that site is the result.
        """
        frames: list[Frame] = []
        test: Frame | None = None
        by_test = False
        inner, called, last = frame, None, None
        while frame is not None:
            side = self.side(frame)
            if side is None and edge is not None and not frames and test is None:
                handed: Site | None = edge(frame)
                if handed is not None:
                    return handed
            if side == "consumer" and frame.f_code.co_name not in _PARTS:
                frames.append(self.frame(frame.f_code, frame.f_lineno))
            elif side == "test" and test is None:
                test = self.frame(frame.f_code, frame.f_lineno)
                by_test = not frames
            if side == "test" and last != "test":
                # A function of the test that the consumer calls back is a part of that call.
                called = inner
            last = side or last
            inner, frame = frame, frame.f_back
        return Site(tuple(frames), by_test, test, None if called is None else _call_of(called))

    def _side(self, filename: str, module: str) -> Side | None:
        if self._packages and _in_packages(module, self._packages):
            return "consumer"
        if not filename.startswith(self._root) or is_library(filename):
            return None
        is_test = Path(filename).name == "conftest.py" or filename in self._tests
        return "test" if is_test else "consumer"


def _call_of(frame: FrameType) -> TestCall | None:
    """The mark of a live frame. Its ``id`` would not do: a later frame may have the same.

    A tracer that is written in Python keeps ``f_trace``; one in C (coverage.py's) does not use it.
    """
    mark = frame.f_trace
    if isinstance(mark, TestCall):
        return mark
    if isinstance(mark, (FunctionType, MethodType)):
        return None
    call = TestCall()
    frame.f_trace = call
    return call


def _in_packages(module: str, packages: Collection[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in packages)
