"""The files that Extend keeps, their types, and the outputs behind its URLs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["StoredFile", "StoredOutput", "file_type"]

_TYPES: Final = {
    "PDF": ("pdf",),
    "CSV": ("csv",),
    "IMG": ("png", "jpg", "jpeg", "tif", "tiff", "gif", "bmp", "webp", "heic", "heif"),
    "TXT": ("txt", "md"),
    "DOCX": ("docx", "doc"),
    "EXCEL": ("xlsx", "xls", "xlsm"),
    "XML": ("xml",),
    "HTML": ("html", "htm"),
}

_TYPE_OF: Final = {extension: name for name, group in _TYPES.items() for extension in group}


def file_type(name: str) -> str | None:
    """Extend's type for a file of that name, or None where its extension tells none."""
    return _TYPE_OF.get(name.rpartition(".")[2].lower()) if "." in name else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file that the service knows: uploaded, or fetched for a run."""

    id: str
    name: str
    type: str | None
    url: str | None = None
    names: tuple[str, ...] = ()
    """What it can be called besides its URL and id; empty where its name says nothing."""
    created: float
    """Virtual seconds since the test began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOutput:
    """The output behind a presigned URL."""

    body: Mapping[str, Any]
    expires: float
    """Virtual seconds since the test began."""
