"""What Nutrient's successful bodies look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_parseapi.providers.nutrient.requests import ExtractOptions, ParseOptions
from pytest_parseapi.providers.nutrient.schema import sample

_PAGE: Final = {"pageIndex": 0, "pageNumber": "1", "width": 612, "height": 792}
_BOUNDS: Final = {"x": 72, "y": 72, "width": 200, "height": 24}


def parse_output(options: ParseOptions, title: str) -> Mapping[str, Any]:
    """The ``output`` of a parse: a document of one page with one heading.

    See https://www.nutrient.io/guides/dws-data-extraction/parsing.md.
    """
    if options.output_format == "markdown":
        return {"markdown": f"# {title}\n"}
    return {"elements": [_element(title, words=options.words)]}


def extract_output(options: ExtractOptions) -> Mapping[str, Any]:
    """The ``output`` of an extraction: data that fits the schema.

    The page documents ``data``, ``metadata`` and ``pages``; what is inside the last two is
    inferred.
    """
    data = sample(options.schema)
    field: dict[str, Any] = {"confidence": 0.98}
    if options.citations:
        field["citations"] = [{"pageIndex": 0, "bounds": dict(_BOUNDS)}]
    return {"data": data, "metadata": dict.fromkeys(data, field), "pages": [dict(_PAGE)]}


def envelope(
    request_id: str,
    output: Mapping[str, Any],
    usage: tuple[float, float] | None,
    configuration: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The synchronous reply, which is also the result of a run.

    Args:
        request_id: the request's id.
        output: what was found.
        usage: what it cost and what is left, in credits; None where no page gives the price.
        configuration: the echo of the options; None where the page shows none.

    Returns:
        The body, which the official client parses into its ``ParseResponse``.
    """
    body: dict[str, Any] = {
        "status": 200,
        "requestId": request_id,
        "output": output,
        "metrics": {"processingTimeMs": 850, "pagesProcessed": 1},
    }
    if usage is not None:
        body["usage"] = usage_body(usage)
    return body if configuration is None else {**body, "configuration": configuration}


def usage_body(usage: tuple[float, float]) -> dict[str, Any]:
    """The ``usage`` of a reply or of a run."""
    cost, remaining = usage
    return {"data_extraction_credits": {"cost": cost, "remainingCredits": remaining}}


def _element(text: str, *, words: bool) -> dict[str, Any]:
    element: dict[str, Any] = {
        "id": "e1",
        "type": "paragraph",
        "text": text,
        "role": "Title",
        "confidence": 0.98,
        "readingOrder": 0,
        "bounds": dict(_BOUNDS),
        "page": dict(_PAGE),
    }
    if words:
        element["words"] = [
            {"text": word, "bounds": dict(_BOUNDS), "confidence": 0.98} for word in text.split()
        ]
    return element
