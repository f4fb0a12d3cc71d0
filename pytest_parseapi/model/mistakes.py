"""The exceptions that stop a test, and the wording of mistakes in messages."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal

_MAX_NAMED: Final = 3
_LONGER: Final = 3
_MIN_PART_CHARS: Final = 3
"""How much of a name is enough to find it by."""


Place = Literal["marker", "option"]
"""Where a user wrote what is wrong, if not in a call."""


class UsageError(BaseException):
    """The test uses the plugin wrongly: by a wrong name, value, combination or time.

    It is no `Exception`, so that no ``except Exception`` of the code under test swallows it.

    Args:
        message: what is wrong, with the nearest right name.
        marker: the same for somebody who wrote it in a marker; the message where empty.
        option: the same for somebody who wrote it on a command line; the message where empty.

    Example:
        >>> def test_typo(extend_api):
        ...     with pytest.raises(UsageError, match="did you mean 'OCR_ERROR'"):
        ...         extend_api.fail("OCR_EROR")
    """

    __module__ = "pytest_parseapi"

    def __init__(self, message: str, *, marker: str = "", option: str = "") -> None:
        super().__init__(message)
        self._by_place: Mapping[Place, str] = {"marker": marker, "option": option}

    def written_in(self, place: Place) -> UsageError:
        """The same mistake in the words of where it was written."""
        return UsageError(self._by_place[place] or str(self))


class SimulationStopped(BaseException):
    """The simulation cannot go on: a miss, the fuse, an endless wait, or an error of its own."""


def nearest(name: object, known: Iterable[object]) -> str:
    """The words that point from a wrong name to the nearest right ones.

    Args:
        name: what the user wrote.
        known: every right name.

    Returns:
        ``"did you mean 'OCR_ERROR'?"``, or the known names where none is near.

    Example:
        >>> nearest("OCR_EROR", ["OCR_ERROR", "CORRUPT_FILE"])
        "did you mean 'OCR_ERROR'?"
    """
    names = [str(item) for item in known]
    folded = {item.casefold(): item for item in reversed(names)}
    wanted, near = str(name).casefold(), []
    # A name that is much longer than all of them is like none, and may be a megabyte long.
    if len(wanted) <= _LONGER * max(map(len, folded), default=0):
        near = difflib.get_close_matches(wanted, list(folded), n=_MAX_NAMED)
    if not near and len(wanted) >= _MIN_PART_CHARS:
        near = [item for item in folded if wanted in item][:_MAX_NAMED]
    if near:
        return "did you mean " + " or ".join(repr(folded[item]) for item in near) + "?"
    return "known: " + (", ".join(names) if names else "none")


def check_keywords(what: str, given: Iterable[str], known: Collection[str]) -> None:
    """Raise `UsageError` where something is called with an argument that it does not have.

    Args:
        what: what is called, for the message.
        given: the names of the arguments by keyword.
        known: the names that it has.
    """
    for name in given:
        if name not in known:
            raise UsageError(f"{what} has no argument {name!r}: {nearest(name, known)}")


def choice(what: str, value: object, known: Iterable[str]) -> str:
    """The value itself, where it is one of the known names; a `UsageError` otherwise."""
    names = tuple(known)
    if not isinstance(value, str):
        raise UsageError(f"{what}: not {kind(value)}, but one of {listed(names)}")
    if value not in names:
        raise unknown(what, value, names)
    return value


def choices(what: str, given: object, known: Iterable[str]) -> tuple[str, ...]:
    """One name or several, each of them known."""
    names = tuple(known)
    return tuple(choice(what, item, names) for item in several(given))


def unknown(what: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that does not exist, with the nearest ones that do."""
    return UsageError(f"unknown {what} {name!r}: {nearest(name, known)}")


def several(given: object) -> tuple[object, ...]:
    """The items of what may be one item or several; a text is one."""
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        return tuple(given)
    return (given,)


def counted(number: int, noun: str) -> str:
    """A number of things: ``"1 retry"``, ``"2 retries"``."""
    if number != 1:
        noun = noun[:-1] + "ies" if noun.endswith("retry") else noun + "s"
    return f"{number} {noun}"


def listed(items: Iterable[object]) -> str:
    """The items as a message lists them."""
    return ", ".join(map(str, items)) or "none"


def some_of(items: Iterable[str]) -> str:
    """At most three different items, and how many more there are.

    Example:
        >>> some_of(["a", "b", "a", "c", "d"])
        'a, b, c and 1 more'
    """
    found = [item for item in dict.fromkeys(items) if item]
    more = f" and {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
    return ", ".join(found[:_MAX_NAMED]) + more


def kind(value: object) -> str:
    """What a message calls a value of the wrong type."""
    return repr(value) if type(value) in (type(None), bool) else type(value).__name__


_JSON_TYPES: Final = {
    bool: "true or false",
    dict: "an object",
    float: "a number",
    int: "a number",
    list: "a list",
    str: "a text",
    type(None): "null",
}


def json_type(value: object) -> str:
    """What a message calls the type of a value that was JSON, or YAML.

    Example:
        >>> json_type([]), json_type(None)
        ('a list', 'null')
    """
    return _JSON_TYPES.get(type(value), "another type")


def number_of(value: object) -> float | None:
    """The value as a float; None where it is no number, or one that no float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return None if math.isnan(number) else number


def check_count(name: str, value: object, least: int) -> None:
    """Raise `UsageError` where a value is neither None nor an integer of at least ``least``."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name} must be an integer >= {least}, not {value!r}{as_document(value)}")


def as_document(value: object) -> str:
    """What to write instead, where a document stands in the place of something else.

    Example:
        >>> as_document("a.pdf")
        ": write document='a.pdf'"
    """
    if hasattr(value, "__fspath__"):
        value = document_name(value)
    named = isinstance(value, str) and ("." in value or "/" in value)
    return f": write document={value!r}" if named else ""


def check_text(text: object) -> None:
    """Raise `UsageError` where what is to be searched is no text."""
    if text is not None and not isinstance(text, str):
        raise UsageError(f"text must be a string, such as a log that was read, not {kind(text)}")


def document_name(document: object) -> str | None:
    """A checked ``document``: a URL, file name or id; paths stand for their file name.

    Of a URL, `DocumentNames` takes what signs it.
    """
    if document is None:
        return None
    if hasattr(document, "__fspath__"):
        return str(document.__fspath__()).replace("\\", "/").rpartition("/")[2]
    if not isinstance(document, str) or not document:
        raise UsageError(f"document is a URL, a file name or an id, not {document!r}")
    return document
