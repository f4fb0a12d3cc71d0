"""What a parse run found in a document: chunks, recognized text, pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_parseapi.providers.extend.file_types import PDF
from pytest_parseapi.providers.extend.state import ParsedDocument, StoredFile

_CONFIDENCE: Final = 0.98
_WIDTH: Final = 612
_HEIGHT: Final = 792
_DPI: Final = 72
_LEFT: Final = 72
_TOP: Final = 72
_RIGHT: Final = 200
_BOTTOM: Final = 96


def output_body(run_id: str, document: ParsedDocument) -> dict[str, Any]:
    """One chunk with one heading: the same for each request for the same run.

    See https://docs.extend.ai/api-reference/endpoints/parse/get-parse-run.
    """
    file, config = document.file, document.config
    content = f"# {file.name}"
    block_id = f"block_{run_id.partition('_')[2]}"
    kind = file.kind
    # Null where no text was recognized on a page.
    confidence = _CONFIDENCE if kind.has_ocr or file.converted else None
    confidences = {"minOcrConfidence": confidence, "avgOcrConfidence": confidence}
    where: dict[str, Any] = {"page": {"number": 1, "width": _WIDTH, "height": _HEIGHT}}
    if kind.type == "EXCEL":
        where["sheet"] = {"index": 0, "name": "Sheet1"}
    block = {
        "object": "block",
        "id": block_id,
        "type": "heading",
        "content": content,
        "details": {"type": "text_details"},
        "metadata": {**where, **confidences},
        "polygon": [
            {"x": _LEFT, "y": _TOP},
            {"x": _RIGHT, "y": _TOP},
            {"x": _RIGHT, "y": _BOTTOM},
            {"x": _LEFT, "y": _BOTTOM},
        ],
        "boundingBox": _box(_LEFT, _RIGHT),
    }
    chunk = {
        "object": "chunk",
        "type": config["chunkingStrategy"]["type"],
        "content": content,
        "metadata": {"pageRange": {"start": 1, "end": 1}, **confidences},
        "blocks": [block],
    }
    body: dict[str, Any] = {"chunks": [chunk]}
    ocr = _ocr(file.name, block_id, config["advancedOptions"]["returnOcr"])
    if ocr:
        body["ocr"] = ocr
    return {**body, "metadata": _metadata(file, config["advancedOptions"])}


def _ocr(text: str, block_id: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The recognized text, as words and as lines where the request asks for them."""
    found: dict[str, Any] = {}
    place = {"confidence": _CONFIDENCE, "pageNumber": 1, "blockId": block_id}
    if asked["words"]:
        words = text.split()
        width = (_RIGHT - _LEFT) / max(1, len(words))
        found["words"] = [
            {
                "content": word,
                "boundingBox": _box(_LEFT + index * width, _LEFT + (index + 1) * width),
                **place,
                "rotation": 0,
            }
            for index, word in enumerate(words)
        ]
    if asked["lines"]:
        found["lines"] = [{"content": text, "boundingBox": _box(_LEFT, _RIGHT), **place}]
    return found


def _metadata(file: StoredFile, options: Mapping[str, Any]) -> dict[str, Any]:
    """The media types, and the pages of a PDF or of what was converted to one."""
    kind = file.kind
    converted = file.converted or (options["alwaysConvertToPdf"] and not kind.text)
    final = PDF if converted else kind
    pages = None
    if final == PDF:
        # Null where nobody looked, else how far the page was turned.
        rotation = 0 if options["pageRotationEnabled"] else None
        pages = [
            {
                "number": 1,
                "rotationApplied": rotation,
                "originalPageWidth": _WIDTH,
                "originalPageHeight": _HEIGHT,
                "dpi": _DPI,
            }
        ]
    return {"originalMimeType": kind.mime, "finalMimeType": final.mime, "pages": pages}


def _box(left: float, right: float) -> dict[str, float]:
    return {"left": left, "top": _TOP, "right": right, "bottom": _BOTTOM}
