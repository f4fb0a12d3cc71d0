"""Extend's configuration: the default and the allowed values of every option."""

from __future__ import annotations

import pytest
from extend_ai import types
from plain_consumer import ask, send

from pytest_parseapi.model.request_content import shown

URL = "https://files.example.com/a.pdf"

# Written out by hand: what the echo of a request without options has.
DEFAULTS = {
    "target": "markdown",
    "chunkingStrategy": {"type": "page"},
    "engine": "parse_performance",
    "engineVersion": "2.1.0",
    "blockOptions": {
        "figures": {
            "enabled": True,
            "figureImageClippingEnabled": True,
            "advancedChartExtractionEnabled": False,
        },
        "tables": {
            "enabled": True,
            "targetFormat": "markdown",
            "tableHeaderContinuationEnabled": False,
            "cellBlocksEnabled": False,
            "agentic": {"enabled": False},
        },
        "text": {"signatureDetectionEnabled": True, "agentic": {"enabled": False}},
        "keyValue": {"blankFieldFormattingEnabled": False},
        "barcodes": {"imageClippingEnabled": False, "readingEnabled": False},
        "formulas": {"enabled": False},
    },
    "advancedOptions": {
        "pageRotationEnabled": True,
        "excelParsingMode": "basic",
        "excelSkipHiddenContent": False,
        "excelUseRawCellValues": False,
        "excelSkipCalculation": False,
        "excelIncludeCellMetadata": False,
        "excelIncludeCellFormatting": False,
        "verticalGroupingThreshold": 1.0,
        "returnOcr": {"words": False, "lines": False},
        "alwaysConvertToPdf": False,
        "enrichmentFormat": "xml",
        "imageConversionQuality": "medium",
        "formattingDetection": [],
    },
}


def parse(api, config=None, path="/parse", **file):
    return send(api, path=path, json={"file": {"url": URL, **file}, "config": config})


def nested(path, value):
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def at(body, path):
    for key in path.split("."):
        body = body[key]
    return body


@pytest.mark.parametrize(
    "config",
    [
        None,
        {},
        {"target": None, "blockOptions": None, "advancedOptions": {"returnOcr": None}},
        {"chunkingStrategy": {"type": None}},
        {"blockOptions": {"tables": {"agentic": {}}}},
    ],
)
def test_the_echo_has_every_default(extend_api, config):
    assert parse(extend_api, config).json()["config"] == DEFAULTS
    run_id = parse(extend_api, config, "/parse_runs").json()["id"]
    assert ask(extend_api, "GET", f"/parse_runs/{run_id}").json()["config"] == DEFAULTS


GOOD = {
    "target": ["markdown", "spatial"],
    "engine": ["parse_performance", "parse_light", "parse_auto"],
    "engineVersion": ["latest", "1.0.1", "2.1.0"],
    "chunkingStrategy.type": ["page", "document", "section"],
    "chunkingStrategy.options": [{}, {"minCharacters": 500, "maxCharacters": 10_000}],
    "chunkingStrategy.options.minCharacters": [0, 500, 500.0],
    "blockOptions.tables.targetFormat": ["markdown", "html"],
    "blockOptions.tables.agentic.customInstructions": ["Keep totals."],
    "blockOptions.text.signatureDetectionEnabled": [True, False],
    "advancedOptions.excelParsingMode": ["basic", "advanced"],
    "advancedOptions.enrichmentFormat": ["xml", "bracket"],
    "advancedOptions.imageConversionQuality": ["high", "medium", "low"],
    "advancedOptions.verticalGroupingThreshold": [0.1, 1, 5.0],
    "advancedOptions.pageRanges": [[], [{"start": 1, "end": 3}]],
    "advancedOptions.formattingDetection": [[], [{"type": "change_tracking"}]],
    "advancedOptions.anOptionAddedLater": ["x", 1, {"y": []}],
    "anOptionAddedLater": [{"x": 1}],
}


@pytest.mark.parametrize(
    ("path", "value"), [(path, value) for path, values in GOOD.items() for value in values]
)
def test_what_is_asked_for_is_echoed_beside_the_defaults(extend_api, path, value):
    config = parse(extend_api, nested(path, value)).json()["config"]
    assert at(config, path) == value
    top = path.partition(".")[0]
    assert {key: config[key] for key in DEFAULTS if key != top} == {
        key: value for key, value in DEFAULTS.items() if key != top
    }


CHOICES = {
    "target": "markdown or spatial",
    "engine": "parse_performance, parse_light or parse_auto",
    "chunkingStrategy.type": "page, document or section",
    "blockOptions.tables.targetFormat": "markdown or html",
    "advancedOptions.excelParsingMode": "basic or advanced",
    "advancedOptions.enrichmentFormat": "xml or bracket",
    "advancedOptions.imageConversionQuality": "high, medium or low",
}
FLAGS = (
    "blockOptions.figures.enabled",
    "blockOptions.figures.figureImageClippingEnabled",
    "blockOptions.figures.advancedChartExtractionEnabled",
    "blockOptions.tables.enabled",
    "blockOptions.tables.tableHeaderContinuationEnabled",
    "blockOptions.tables.cellBlocksEnabled",
    "blockOptions.tables.agentic.enabled",
    "blockOptions.text.signatureDetectionEnabled",
    "blockOptions.text.agentic.enabled",
    "blockOptions.keyValue.blankFieldFormattingEnabled",
    "blockOptions.barcodes.imageClippingEnabled",
    "blockOptions.barcodes.readingEnabled",
    "blockOptions.formulas.enabled",
    "advancedOptions.pageRotationEnabled",
    "advancedOptions.excelSkipHiddenContent",
    "advancedOptions.excelUseRawCellValues",
    "advancedOptions.excelSkipCalculation",
    "advancedOptions.excelIncludeCellMetadata",
    "advancedOptions.excelIncludeCellFormatting",
    "advancedOptions.alwaysConvertToPdf",
    "advancedOptions.returnOcr.words",
    "advancedOptions.returnOcr.lines",
)
OBJECTS = (
    *("chunkingStrategy", "chunkingStrategy.options", "blockOptions", "blockOptions.figures"),
    *("blockOptions.tables", "blockOptions.tables.agentic", "blockOptions.text"),
    *("blockOptions.keyValue", "blockOptions.barcodes", "blockOptions.formulas"),
    *("advancedOptions", "advancedOptions.returnOcr"),
)
NUMBER = "a number from 0.1 to 5"
RANGES = "a list of objects with the integers start and end, from 1"
DETECTION = "a list of objects with the type change_tracking"
TEXTS = (
    *("engineVersion", "blockOptions.figures.customInstructions"),
    *("blockOptions.tables.agentic.customInstructions",),
    *("blockOptions.text.agentic.customInstructions",),
)
WRONG = [
    *((path, value, must) for path, must in CHOICES.items() for value in ("csv", "", 1, [], {})),
    *((path, value, "true or false") for path in FLAGS for value in ("true", 1, "", [])),
    *((path, value, "an object") for path in OBJECTS for value in ("x", 1, True)),
    *((path, value, "a string that is not empty") for path in TEXTS for value in (2, "", [])),
    *(
        (f"chunkingStrategy.options.{name}", value, "an integer >= 0")
        for name in ("minCharacters", "maxCharacters")
        for value in ("500", 0.5, -1, True, [])
    ),
    *(
        ("advancedOptions.verticalGroupingThreshold", value, NUMBER)
        for value in ("1.0", 0, 5.1, True)
    ),
    *(
        ("advancedOptions.pageRanges", value, RANGES)
        for value in ("1-3", [1], [{"start": 1}], [{"start": "1", "end": 3}], [{"start": 0}])
    ),
    *(
        ("advancedOptions.formattingDetection", value, DETECTION)
        for value in ("change_tracking", ["change_tracking"], [{"type": "bold"}], [{}])
    ),
]


@pytest.mark.parametrize(
    ("path", "value", "must"), WRONG, ids=[f"{path}={value!r}" for path, value, _ in WRONG]
)
def test_a_wrong_value_is_refused_by_its_path(extend_api, path, value, must):
    reply = parse(extend_api, nested(path, value))
    body = reply.json()
    assert (reply.status_code, body["code"]) == (400, "INVALID_REQUEST")
    assert body["message"] == f"config.{path} must be {must}, not {shown(value)}."
    assert body["docUrl"] == "https://docs.extend.ai/api-reference/error-handling"


def test_a_configuration_that_is_no_object(extend_api):
    assert parse(extend_api, "fast").json()["message"] == "config must be an object, not 'fast'."


def test_a_batch_and_a_run_are_refused_alike(extend_api):
    config = nested("blockOptions.tables.targetFormat", "csv")
    run = parse(extend_api, config, "/parse_runs")
    batch = send(
        extend_api,
        path="/parse_runs/batch",
        json={"inputs": [{"file": {"url": URL}}], "config": config},
    )
    assert run.json()["message"] == batch.json()["message"]
    assert {run.status_code, batch.status_code} == {400}
    assert extend_api.runs == []


@pytest.mark.parametrize("chunks", ["section", "document"])
def test_options_that_exclude_each_other(extend_api, chunks):
    config = {"target": "spatial", "chunkingStrategy": {"type": chunks}}
    body = parse(extend_api, config).json()
    assert (body["code"], body["message"]) == (
        "INVALID_CONFIG_OPTIONS",
        f"config.chunkingStrategy.type {chunks!r} cannot be combined with target 'spatial'.",
    )


def test_a_refused_value_is_shortened(extend_api):
    message = parse(extend_api, {"target": "x" * 300}).json()["message"]
    assert message == f"config.target must be markdown or spatial, not '{'x' * 100}...'."


def options_of(model, path=""):
    """The paths of all options of the official type, and the values of its enums."""
    for name, field in model.model_fields.items():
        where = path + (field.alias or name)
        inner = getattr(field.annotation, "__args__", (field.annotation,))[0]
        if hasattr(inner, "model_fields"):
            yield from options_of(inner, where + ".")
        else:
            values = [item.value for item in inner] if hasattr(inner, "__members__") else None
            yield where, values


def test_every_enum_of_the_official_type_is_checked():
    enums = {
        path: [value for value in values if "UNKNOWN" not in str(value)]
        for path, values in options_of(types.ParseConfig)
        if values is not None
    }
    assert set(enums) == set(CHOICES)
    assert all(set(values) == set(GOOD[path]) for path, values in enums.items())


def test_every_option_of_the_official_type_is_known():
    known = {*CHOICES, *FLAGS, *TEXTS}
    known |= {path for path, _, _ in WRONG}
    assert {path for path, _ in options_of(types.ParseConfig)} <= known
