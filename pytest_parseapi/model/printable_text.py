"""Makes text of others printable on a terminal, and safe for files and for pytest-xdist."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Sequence
from typing import Final, TextIO

_ESCAPED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def one_line(text: str) -> str:
    r"""The text on one line that a terminal shows as it is.

    Control characters, marks that change the direction of text, line separators and halves of
    surrogate pairs become escapes.

    Example:
        >>> one_line("a\u202eb\n")
        'a\\u202eb\\n'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        ascii(character)[1:-1] if unicodedata.category(character) in _ESCAPED else character
        for character in text
    )


def printable(text: str) -> str:
    r"""The text with its lines, each as by `one_line`.

    Half of a surrogate pair in one message would end a whole session of pytest-xdist.

    Example:
        >>> printable("a\udce9\nb")
        'a\\udce9\nb'
    """
    return "\n".join(map(one_line, text.split("\n")))


def cut(text: str, most: int) -> str:
    """The beginning of a text that is longer than a message has room for.

    Args:
        text: the text.
        most: how many characters of it are kept.

    Example:
        >>> cut("a short text", 7), cut("short", 7)
        ('a short...', 'short')
    """
    return text if len(text) <= most else f"{text[:most]}..."


def shortened(text: str, most: int) -> str:
    """The text, without its middle where it is longer than a reader can use.

    Args:
        text: such as the name of a document.
        most: how many characters it has at most.

    Example:
        >>> shortened("a long name of a document.pdf", 17)
        'a long ...ent.pdf'
    """
    if len(text) <= most:
        return text
    kept = (most - 3) // 2
    return f"{text[:kept]}...{text[-kept:]}"


def aligned(rows: Sequence[Sequence[str]], right: Container[int] = ()) -> list[str]:
    """The rows of a table as lines, each column as wide as its widest cell.

    Args:
        rows: all of one length.
        right: the columns whose cells end below each other, such as numbers.

    Example:
        >>> aligned([("n", "name"), ("10", "a")], right={0})
        [' n  name', '10  a']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def show(text: str, stream: TextIO | None) -> None:
    """Print a text, with an escape for each character that the stream cannot take."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def error_line(error: BaseException) -> str:
    r"""An error's type and the first line of its text.

    Example:
        >>> error_line(ValueError("\nwrong\nand more")), error_line(SystemExit())
        ('ValueError: wrong', 'SystemExit')
    """
    name = type(error).__name__
    try:
        text = str(error).strip()
    except Exception:  # noqa: BLE001 - a broken __str__ is the third party's affair
        text = ""
    return one_line(f"{name}: {text.splitlines()[0]}") if text else name
