"""How Extend words its rejections of a request."""

from __future__ import annotations

from typing import Final

from pytest_parseapi.catalogue.behaviour import Rejected

__all__ = ["MEDIA", "either", "invalid"]

MEDIA: Final = "Audio and video files cannot be parsed."
"""The message of ``FILE_TYPE_NOT_SUPPORTED``."""


def invalid(message: str) -> Rejected:
    """The rejection of a request that does not pass validation."""
    return Rejected("INVALID_REQUEST", message)


def either(allowed: tuple[str, ...]) -> str:
    """The values to choose from, as a message names them."""
    return ", ".join(allowed[:-1]) + " or " + allowed[-1]
