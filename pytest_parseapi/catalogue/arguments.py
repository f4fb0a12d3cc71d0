"""Checks what a test passes, and says in one line what was wrong with it."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_parseapi.errors import UsageError, nearest

__all__ = [
    "check_count",
    "choice",
    "choices",
    "document_name",
    "kind",
    "listed",
    "several",
    "unknown",
]


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


def listed(items: Iterable[object]) -> str:
    """The items as a message lists them."""
    return ", ".join(map(str, items)) or "none"


def kind(value: object) -> str:
    """What a message calls a value of the wrong type."""
    return repr(value) if value is None or isinstance(value, bool) else type(value).__name__


def check_count(name: str, value: object, least: int) -> None:
    """A `UsageError` where a value is neither None nor a whole number from ``least`` up."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name} is a whole number from {least} up, not {value!r}")


def document_name(document: object) -> str | None:
    """A checked ``document``: a URL, file name or id; paths stand for their file name."""
    if document is None:
        return None
    if hasattr(document, "__fspath__"):
        return str(document.__fspath__()).replace("\\", "/").rpartition("/")[2]
    if not isinstance(document, str) or not document:
        raise UsageError(f"document is a URL, a file name or an id, not {document!r}")
    return document
