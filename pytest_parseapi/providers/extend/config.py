"""The options of Extend's parser: what each may be, and what it is by default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from pytest_parseapi.model.behaviour import Rejected
from pytest_parseapi.model.request_content import shown


def invalid(message: str) -> Rejected:
    """The rejection of a request that does not pass validation."""
    return Rejected("INVALID_REQUEST", message)


def either(allowed: tuple[str, ...]) -> str:
    """The values to choose from, as a message names them."""
    return ", ".join(allowed[:-1]) + " or " + allowed[-1]


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Args:
        default: its default; None where a request may leave it out and none is documented.
        must_be: what a value must be, as a message says it.
        fits: whether a value is that.
    """

    default: Any
    must_be: str
    fits: Callable[[Any], bool]


def _choice(allowed: tuple[str, ...], default: str) -> Option:
    """One of a few texts."""
    return Option(default, either(allowed), allowed.__contains__)


def _flag(*, default: bool) -> Option:
    """True or false."""
    return Option(default, "true or false", lambda value: isinstance(value, bool))


def _text(default: str | None = None) -> Option:
    """A text."""
    is_text = "a string that is not empty"
    return Option(default, is_text, lambda value: isinstance(value, str) and bool(value))


def _count() -> Option:
    """A number of characters."""
    return Option(None, "an integer >= 0", lambda value: _is_integer(value) and value >= 0)


def _between(low: float, high: float, default: float) -> Option:
    """A number within bounds."""

    def fits(value: Any) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and low <= value <= high

    return Option(default, f"a number from {low:g} to {high:g}", fits)


def _are_page_ranges(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, dict)
        and all(_is_integer(item.get(key)) and item[key] >= 1 for key in ("start", "end"))
        for item in value
    )


def _are_detections(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, dict) and item.get("type") == "change_tracking" for item in value
    )


def _is_integer(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


_Options: TypeAlias = Mapping[str, "Option | _Options"]

_AGENTIC: Final[_Options] = {"enabled": _flag(default=False), "customInstructions": _text()}

# The names, the values to choose from and the defaults of returnOcr and verticalGroupingThreshold
# are those of extend-ai 1.20.0; the default engine version is that of the changelog of 2026-10-15;
# every other default is inferred.
_OPTIONS: Final[_Options] = {
    "target": _choice(("markdown", "spatial"), "markdown"),
    "chunkingStrategy": {
        "type": _choice(("page", "document", "section"), "page"),
        "options": {"minCharacters": _count(), "maxCharacters": _count()},
    },
    "engine": _choice(("parse_performance", "parse_light", "parse_auto"), "parse_performance"),
    "engineVersion": _text("2.1.0"),
    "blockOptions": {
        "figures": {
            "enabled": _flag(default=True),
            "figureImageClippingEnabled": _flag(default=True),
            "advancedChartExtractionEnabled": _flag(default=False),
            "customInstructions": _text(),
        },
        "tables": {
            "enabled": _flag(default=True),
            "targetFormat": _choice(("markdown", "html"), "markdown"),
            "tableHeaderContinuationEnabled": _flag(default=False),
            "cellBlocksEnabled": _flag(default=False),
            "agentic": _AGENTIC,
        },
        "text": {"signatureDetectionEnabled": _flag(default=True), "agentic": _AGENTIC},
        "keyValue": {"blankFieldFormattingEnabled": _flag(default=False)},
        "barcodes": {
            "imageClippingEnabled": _flag(default=False),
            "readingEnabled": _flag(default=False),
        },
        "formulas": {"enabled": _flag(default=False)},
    },
    "advancedOptions": {
        "pageRotationEnabled": _flag(default=True),
        "pageRanges": Option(
            None, "a list of objects with the integers start and end, from 1", _are_page_ranges
        ),
        "excelParsingMode": _choice(("basic", "advanced"), "basic"),
        "excelSkipHiddenContent": _flag(default=False),
        "excelUseRawCellValues": _flag(default=False),
        "excelSkipCalculation": _flag(default=False),
        "excelIncludeCellMetadata": _flag(default=False),
        "excelIncludeCellFormatting": _flag(default=False),
        "verticalGroupingThreshold": _between(0.1, 5.0, 1.0),
        "returnOcr": {"words": _flag(default=False), "lines": _flag(default=False)},
        "alwaysConvertToPdf": _flag(default=False),
        "enrichmentFormat": _choice(("xml", "bracket"), "xml"),
        "imageConversionQuality": _choice(("high", "medium", "low"), "medium"),
        "formattingDetection": Option(
            (), "a list of objects with the type change_tracking", _are_detections
        ),
    },
}


def check_config(value: object) -> Mapping[str, Any]:
    """The ``config`` of a request, with the defaults applied.

    Args:
        value: what the request carries; None where it carries none.

    Returns:
        The configuration; `DEFAULT_CONFIG` itself where the request asks for nothing else.

    Raises:
        Rejected: an option is wrong. Options that no page lists are echoed as they are.
    """
    if value is None or value == {}:
        return DEFAULT_CONFIG
    config = _checked(_OPTIONS, value, "config")
    chunks = config["chunkingStrategy"]["type"]
    # extend-ai 1.20.0 says of this target that it supports chunks of pages only.
    if config["target"] == "spatial" and chunks != "page":
        raise Rejected(
            "INVALID_CONFIG_OPTIONS",
            f"config.chunkingStrategy.type {chunks!r} cannot be combined with target 'spatial'.",
        )
    return config


def _checked(options: _Options, value: object, path: str) -> dict[str, Any]:
    """An object of options: what is absent or null has its default."""
    given = {} if value is None else value
    if not isinstance(given, dict):
        raise invalid(f"{path} must be an object, not {shown(given)}.")
    found: dict[str, Any] = {}
    for name, option in options.items():
        value = given.get(name)
        where = f"{path}.{name}"
        if isinstance(option, Mapping):
            inner = _checked(option, value, where)
            if inner or value is not None:
                found[name] = inner
        elif value is not None:
            if not option.fits(value):
                raise invalid(f"{where} must be {option.must_be}, not {shown(value)}.")
            found[name] = value
        elif option.default is not None:
            found[name] = option.default
    others = {key: item for key, item in given.items() if key not in options and item is not None}
    return found | others


DEFAULT_CONFIG: Final[Mapping[str, Any]] = MappingProxyType(_checked(_OPTIONS, None, "config"))
"""What a request without ``config`` is parsed with."""
