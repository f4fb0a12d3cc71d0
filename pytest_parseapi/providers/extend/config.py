"""The options of Extend's parser: what each may be, and what it is by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

from pytest_parseapi.model.behaviour import Rejected
from pytest_parseapi.model.request_content import shown


def invalid(message: str) -> Rejected:
    """The rejection of a request that does not pass validation."""
    return Rejected("INVALID_REQUEST", message)


def either(allowed: tuple[str, ...]) -> str:
    """The values to choose from, as a message names them."""
    return ", ".join(allowed[:-1]) + " or " + allowed[-1]


class Option(Protocol):
    """One option."""

    @property
    def default(self) -> Any:
        """Its default; None where a request may leave it out and no default is documented."""

    def wrong(self, value: Any) -> str | None:
        """What a value must be that it is not; None for a good one."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few texts."""

    allowed: tuple[str, ...]
    default: str

    def wrong(self, value: Any) -> str | None:
        """What a value must be."""
        return None if isinstance(value, str) and value in self.allowed else either(self.allowed)


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    default: bool

    def wrong(self, value: Any) -> str | None:
        """What a value must be."""
        return None if isinstance(value, bool) else "true or false"


@dataclass(frozen=True, slots=True)
class Text:
    """A text."""

    default: str | None = None

    def wrong(self, value: Any) -> str | None:
        """What a value must be."""
        return None if isinstance(value, str) and value else "a string that is not empty"


@dataclass(frozen=True, slots=True)
class Count:
    """A number of characters."""

    default: None = None

    def wrong(self, value: Any) -> str | None:
        """What a value must be."""
        return None if _is_integer(value) and value >= 0 else "an integer >= 0"


@dataclass(frozen=True, slots=True)
class Between:
    """A number within bounds."""

    low: float
    high: float
    default: float

    def wrong(self, value: Any) -> str | None:
        """What a value must be."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        good = number and self.low <= value <= self.high
        return None if good else f"a number from {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class PageRanges:
    """Ranges of pages."""

    default: None = None

    def wrong(self, value: Any) -> str | None:
        """What a value must be."""
        good = isinstance(value, list) and all(
            isinstance(item, dict)
            and all(_is_integer(item.get(key)) and item[key] >= 1 for key in ("start", "end"))
            for item in value
        )
        return None if good else "a list of objects with the integers start and end, from 1"


@dataclass(frozen=True, slots=True)
class Detections:
    """What formatting to detect."""

    default: tuple[()] = ()

    def wrong(self, value: Any) -> str | None:
        """What a value must be."""
        good = isinstance(value, list) and all(
            isinstance(item, dict) and item.get("type") == "change_tracking" for item in value
        )
        return None if good else "a list of objects with the type change_tracking"


def _is_integer(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


_Options: TypeAlias = Mapping[str, "Option | _Options"]

_AGENTIC: Final[_Options] = {"enabled": Flag(default=False), "customInstructions": Text()}

# The names, the values to choose from and the defaults of returnOcr and verticalGroupingThreshold
# are those of extend-ai 1.20.0; the default engine version is that of the changelog of 2026-10-15;
# every other default is inferred.
_OPTIONS: Final[_Options] = {
    "target": Choice(("markdown", "spatial"), "markdown"),
    "chunkingStrategy": {
        "type": Choice(("page", "document", "section"), "page"),
        "options": {"minCharacters": Count(), "maxCharacters": Count()},
    },
    "engine": Choice(("parse_performance", "parse_light", "parse_auto"), "parse_performance"),
    "engineVersion": Text("2.1.0"),
    "blockOptions": {
        "figures": {
            "enabled": Flag(default=True),
            "figureImageClippingEnabled": Flag(default=True),
            "advancedChartExtractionEnabled": Flag(default=False),
            "customInstructions": Text(),
        },
        "tables": {
            "enabled": Flag(default=True),
            "targetFormat": Choice(("markdown", "html"), "markdown"),
            "tableHeaderContinuationEnabled": Flag(default=False),
            "cellBlocksEnabled": Flag(default=False),
            "agentic": _AGENTIC,
        },
        "text": {"signatureDetectionEnabled": Flag(default=True), "agentic": _AGENTIC},
        "keyValue": {"blankFieldFormattingEnabled": Flag(default=False)},
        "barcodes": {
            "imageClippingEnabled": Flag(default=False),
            "readingEnabled": Flag(default=False),
        },
        "formulas": {"enabled": Flag(default=False)},
    },
    "advancedOptions": {
        "pageRotationEnabled": Flag(default=True),
        "pageRanges": PageRanges(),
        "excelParsingMode": Choice(("basic", "advanced"), "basic"),
        "excelSkipHiddenContent": Flag(default=False),
        "excelUseRawCellValues": Flag(default=False),
        "excelSkipCalculation": Flag(default=False),
        "excelIncludeCellMetadata": Flag(default=False),
        "excelIncludeCellFormatting": Flag(default=False),
        "verticalGroupingThreshold": Between(0.1, 5.0, 1.0),
        "returnOcr": {"words": Flag(default=False), "lines": Flag(default=False)},
        "alwaysConvertToPdf": Flag(default=False),
        "enrichmentFormat": Choice(("xml", "bracket"), "xml"),
        "imageConversionQuality": Choice(("high", "medium", "low"), "medium"),
        "formattingDetection": Detections(),
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
            must_be = option.wrong(value)
            if must_be is not None:
                raise invalid(f"{where} must be {must_be}, not {shown(value)}.")
            found[name] = value
        elif option.default is not None:
            found[name] = option.default
    others = {key: item for key, item in given.items() if key not in options and item is not None}
    return found | others


DEFAULT_CONFIG: Final[Mapping[str, Any]] = MappingProxyType(_checked(_OPTIONS, None, "config"))
"""What a request without ``config`` is parsed with."""
