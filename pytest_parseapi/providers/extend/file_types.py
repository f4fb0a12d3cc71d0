"""Which files Extend parses, by their extension, and what it makes of them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


# There is one object for each kind, so that they are told apart by what they are.
@dataclass(frozen=True, slots=True, eq=False)
class FileKind:
    """What an extension says of a file.

    Args:
        type: Extend's type; None where its list of types has none.
        mime: the media type.
        office: whether an upload is converted to PDF without being asked.
        text: whether the file has no pages to look at: nothing is recognized, nor converted.
        unsupported: the extension, with its dot, where nobody parses such a file; else empty.
    """

    type: str | None
    mime: str | None
    office: bool = False
    text: bool = False
    unsupported: str = ""

    @property
    def has_ocr(self) -> bool:
        """Whether text is recognized on pages, and so has a confidence."""
        return not (self.text or self.type == "EXCEL")


_OPEN: Final = "application/vnd.oasis.opendocument."
_OOXML: Final = "application/vnd.openxmlformats-officedocument."
_EXCEL: Final = "application/vnd.ms-excel"
_POWERPOINT: Final = "application/vnd.ms-powerpoint"

PDF: Final = FileKind("PDF", "application/pdf")

_IMAGES: Final = {
    "png": "png",
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "tiff": "tiff",
    "tif": "tiff",
    "svg": "svg+xml",
    "heic": "heic",
    "heif": "heif",
    "bmp": "bmp",
    "gif": "gif",
    "webp": "webp",
    "psd": "vnd.adobe.photoshop",
    "pcx": "vnd.zbrush.pcx",
}

# Well-known formats that the list lacks: that their extension is enough to refuse them is inferred.
# Other extensions say nothing: the last segment of a URL may end in .php or in a version.
_ARCHIVES: Final = "zip 7z rar tar gz tgz bz2 xz zst jar iso"
_PROGRAMS: Final = "exe msi dll bin dmg apk deb rpm"
_OFFICE: Final = "docm dotm pptm potx pps ppsx xlsm xlsb xlt odp odg pages numbers key vsd vsdx pub"
_GRAPHICS: Final = "eps ps xps ai indd tga ico jp2 avif cr2 nef dng"
_DRAWINGS: Final = "dwg dxf dwf stl step stp skp"
_MEDIA: Final = "mp4 m4v mov avi mkv webm wmv mpg mpeg mp3 m4a wav flac ogg opus aac wma"
_DATA: Final = "json jsonl tsv ics vcf yaml yml parquet sqlite db mdb accdb epub mobi msg pst"
_FONTS: Final = "ttf otf woff woff2"
_UNSUPPORTED: Final = (
    f"{_ARCHIVES} {_PROGRAMS} {_OFFICE} {_GRAPHICS} {_DRAWINGS} {_MEDIA} {_DATA} {_FONTS}"
).split()

# The list of docs.extend.ai/general/supported-file-types; that .htm is .html is inferred. The
# groups are the page's own: it counts .ppm among the PowerPoint files. No page gives the type of
# those that are None here.
_KINDS: Final[Mapping[str, FileKind]] = MappingProxyType(
    {
        "pdf": PDF,
        **{name: FileKind("IMG", f"image/{mime}") for name, mime in _IMAGES.items()},
        "xls": FileKind("EXCEL", _EXCEL),
        "xlsx": FileKind("EXCEL", _OOXML + "spreadsheetml.sheet"),
        "xltm": FileKind("EXCEL", _EXCEL + ".template.macroenabled.12"),
        "xltx": FileKind("EXCEL", _OOXML + "spreadsheetml.template"),
        "ods": FileKind("EXCEL", _OPEN + "spreadsheet"),
        "docx": FileKind("DOCX", _OOXML + "wordprocessingml.document", office=True),
        "doc": FileKind("DOCX", "application/msword", office=True),
        "dotx": FileKind("DOCX", _OOXML + "wordprocessingml.template", office=True),
        "wpd": FileKind(None, "application/vnd.wordperfect", office=True),
        "odt": FileKind(None, _OPEN + "text", office=True),
        "pptx": FileKind(None, _OOXML + "presentationml.presentation", office=True),
        "ppt": FileKind(None, _POWERPOINT, office=True),
        "ppm": FileKind(None, _POWERPOINT, office=True),
        "csv": FileKind("CSV", "text/csv", text=True),
        "txt": FileKind("TXT", "text/plain", text=True),
        "md": FileKind("TXT", "text/markdown", text=True),
        "lis": FileKind("TXT", "text/plain", text=True),
        "xml": FileKind("XML", "application/xml", text=True),
        "html": FileKind("HTML", "text/html"),
        "htm": FileKind("HTML", "text/html"),
        "rtf": FileKind(None, "application/rtf"),
        "eml": FileKind(None, "message/rfc822", text=True),
        **{name: FileKind(None, None, unsupported=f".{name}") for name in _UNSUPPORTED},
    }
)

_UNKNOWN: Final = FileKind(None, None)


@functools.lru_cache(maxsize=64)
def _extension(name: str) -> str:
    """What follows the last dot of a name, in lower case; empty where there is none."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def kind_of(name: str) -> FileKind:
    """What the name of a file says of it.

    Example:
        >>> kind_of("scan.PNG").mime
        'image/png'
    """
    return _KINDS.get(_extension(name), _UNKNOWN)
