"""Hides the parts of URLs that are credentials, in text that is passed around."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final

_USER: Final = re.compile(r"""(://)[^\s/?#"'<>]{1,2000}@""")
# The same in a URL that is a parameter of another one.
_QUOTED_USER: Final = re.compile(
    r"""(%3a%2f%2f)(?:(?!%2f)[^\s/?#&"'<>]){1,2000}?%40""", re.IGNORECASE
)
_QUERY: Final = re.compile(r"""(://[^\s?"'<>]{1,4000})\?[^\s"'<>]+""")
# What signs a link of S3, GCS, Azure or CloudFront, where no scheme shows that it is a URL.
_PARAMETER: Final = re.compile(
    r"""((?:[?&]|%3f|%26)(?:x-(?:amz|goog)-[a-z-]+|sig|signature|policy|key-pair-id|awsaccesskeyid|
    googleaccessid|(?:access_|security_)?token|api_?key)(?:=|%3d))(?:(?!%26)[^\s&"'<>])+""",
    re.IGNORECASE | re.VERBOSE,
)


def redacted(text: str) -> str:
    """The text without user names, passwords and query strings of its URLs.

    Args:
        text: a message, a name, anything that a person reads.

    Returns:
        The same text, with ``***@`` for what stood before a host and ``?...`` for a query.

    Example:
        >>> redacted("no answer from https://ada:secret@files.example.com/a.pdf?sig=abc")
        'no answer from https://***@files.example.com/a.pdf?...'
    """
    return without_secrets(_QUERY.sub(r"\1?...", _USER.sub(r"\1***@", text)))


def without_secrets(text: str) -> str:
    """The text without user names, passwords and signatures in its URLs; the rest of a query stays.

    Args:
        text: a message that tells one request from another.

    Example:
        >>> without_secrets("GET https://ada:secret@files.example.com/a.pdf?page=2&sig=abc")
        'GET https://***@files.example.com/a.pdf?page=2&sig=***'
    """
    text = _QUOTED_USER.sub(r"\1***%40", _USER.sub(r"\1***@", text))
    return _PARAMETER.sub(r"\1***", text)


def redacted_repr(value: Any, names: Iterable[str] = ()) -> str:
    """The ``repr`` of a dataclass, without what makes the URLs in it credentials.

    Args:
        value: the object.
        names: the attributes to show; its fields where there are none.
    """
    names = names or [item.name for item in fields(value) if item.repr]
    shown = [f"{name}={getattr(value, name)!r}" for name in names]
    return redacted(f"{type(value).__name__}({', '.join(shown)})")
