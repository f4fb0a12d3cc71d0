"""What the simulation sends, compared with the types of the official clients.

A new version of a client fails here first: every field of its types is in a body, or is listed with
the reason why it is not; no body has a field that its types lack; and every error is raised as the
class that its status has in the client.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import typing

import extend_ai
import nutrient_dws
import pytest
from extend_ai import types
from extend_ai.core.api_error import ApiError
from extend_ai.files.types.files_list_response import FilesListResponse
from extend_ai.parse_runs.types.parse_runs_list_response import ParseRunsListResponse
from nutrient_dws.types import parse as nutrient_types
from nutrient_dws.types.extraction_credits import ExtractionCredits
from official_errors import EXTEND_CLASSES, NUTRIENT_CLASSES
from plain_consumer import ask, send, upload
from pydantic import BaseModel

from pytest_parseapi.providers.registry import registry

PROVIDERS = registry()
URL = "https://files.example.com/a.pdf"

# What a body of extend-ai 1.20.0 may lack, and why.
ABSENT = {
    "FileMetadata.pageCount": "documented for PDF and DOCX files only",
    "FileMetadata.parentSplit": "for files that a workflow's splitter made",
    "File.presignedUrl": "documented to be absent from the reply to an upload",
    "ParseRunOutput.ocr": "only where advancedOptions.returnOcr asks",
    "ParseRunOutputOcr.words": "only where returnOcr.words asks",
    "ParseRunOutputOcr.lines": "only where returnOcr.lines asks",
    "BlockMetadata.sheet": "for blocks of spreadsheets",
    "Block.parentBlockId": "for blocks inside a block, and the sample document has none",
    "Block.children": "for blocks that have blocks inside, and the sample document has none",
    "TextDetails.cellReference": "for spreadsheets in advanced mode with excelIncludeCellMetadata",
    "RunUsageBreakdownCharge.pages": "for add-ons that are billed for some pages only",
    "ParseConfigChunkingStrategy.options": "no page gives a default",
    "ParseConfigChunkingStrategyOptions.minCharacters": "no page gives a default",
    "ParseConfigChunkingStrategyOptions.maxCharacters": "no page gives a default",
    "ParseConfigBlockOptionsFigures.customInstructions": "has no default",
    "ParseConfigBlockOptionsTablesAgentic.customInstructions": "has no default",
    "ParseConfigBlockOptionsTextAgentic.customInstructions": "has no default",
    "ParseConfigAdvancedOptions.pageRanges": "has no default",
    "ParseRunsListResponse.nextPageToken": "only where another page follows",
    "FilesListResponse.nextPageToken": "only where another page follows",
}


def differences(item, body):
    """The fields of a parsed object that its body lacks, and those that its type lacks."""
    missing, unknown = set(), set()
    names = {field.alias or name: name for name, field in type(item).model_fields.items()}
    missing |= {f"{type(item).__name__}.{alias}" for alias in names if alias not in body}
    unknown |= {f"{type(item).__name__}.{key}" for key in body if key not in names}
    for alias, name in names.items():
        inner = getattr(item, name)
        pairs = zip(inner, body.get(alias) or (), strict=True) if isinstance(inner, list) else ()
        if isinstance(inner, BaseModel):
            pairs = [(inner, body[alias])]
        for one, its_body in pairs:
            if isinstance(one, BaseModel):
                more = differences(one, its_body)
                missing |= more[0]
                unknown |= more[1]
    return missing, unknown


def extend_bodies(api):
    """Every kind of successful body, each with its official type."""
    run = types.ParseRun
    yield "parse", run, send(api)
    yield "parse by URL", run, send(api, path="/parse?responseType=url")
    words = {
        "advancedOptions": {"returnOcr": {"words": True}},
        "chunkingStrategy": {"options": {"maxCharacters": 9}},
    }
    yield "words", run, send(api, json={"file": {"url": URL}, "config": words})
    config = {
        "advancedOptions": {
            "returnOcr": {"lines": True},
            "formattingDetection": [{"type": "change_tracking"}],
        },
        "chunkingStrategy": {"options": {"minCharacters": 1}},
    }
    sheet = {"file": {"url": URL + ".xlsx"}, "config": config, "metadata": {"order": 1}}
    yield "spreadsheet", run, send(api, json=sheet)
    api.fail_run("OCR_ERROR", polls=1)
    made = send(api, path="/parse_runs")
    yield "created", run, made
    path = f"/parse_runs/{made.json()['id']}"
    yield "in progress", run, ask(api, "GET", path)
    yield "failed", run, ask(api, "GET", path)
    done = send(api, path="/parse_runs").json()["id"]
    ask(api, "GET", f"/parse_runs/{done}")
    yield "processed", run, ask(api, "GET", f"/parse_runs/{done}")
    cancelled = send(api, path="/parse_runs").json()["id"]
    yield "cancelled", run, ask(api, "POST", f"/parse_runs/{cancelled}/cancel")
    batch = {"inputs": [{"file": {"url": URL}}, {"file": {"text": "Hello"}}]}
    yield "batch", types.BatchRun, send(api, path="/parse_runs/batch", json=batch)
    yield "runs", ParseRunsListResponse, ask(api, "GET", "/parse_runs?maxPageSize=2")
    yield "last runs", ParseRunsListResponse, ask(api, "GET", "/parse_runs")
    stored = upload(api, b"%PDF-1.7")
    yield "upload", types.File, stored
    yield "file", types.File, ask(api, "GET", f"/files/{stored.json()['id']}")
    yield "files", FilesListResponse, ask(api, "GET", "/files?maxPageSize=2")
    yield "all files", FilesListResponse, ask(api, "GET", "/files?maxPageSize=100")


def test_extend_has_every_field_of_the_official_types_and_no_other(extend_api):
    missing = set()
    for name, kind, reply in extend_bodies(extend_api):
        assert reply.status_code == 200, name
        body = reply.json()
        found, unknown = differences(kind.model_validate(body), body)
        assert not unknown, name
        missing |= found
    assert missing == set(ABSENT)


# The fields that extend-ai 1.17.0 for npm types as always there, although some may be null.
NPM = {
    "ParseRun": "object id file status failureReason failureMessage metadata output outputUrl "
    "metrics config usage",
    "ParseRunSummary": "object id batchId file status failureReason failureMessage metadata "
    "metrics usage createdAt updatedAt",
    "FileSummary": "object id name type parentFileId metadata createdAt updatedAt",
    "File": "object id name type parentFileId contents metadata createdAt updatedAt",
    "ParseRunOutput": "chunks",
    "Chunk": "object type content metadata blocks",
    "Block": "object id type content details metadata polygon boundingBox",
    "RunUsage": "credits",
    "RunUsageBreakdownEntry": "object id credits",
    "RunUsageBreakdownCharge": "product unit quantity credits",
    "BatchRun": "object id status runCount createdAt",
    "ParseRunStatus": "object id status failureReason",
}


def test_extend_has_what_the_npm_client_types_as_always_there(extend_api):
    bodies = [(kind.__name__, reply.json()) for _, kind, reply in extend_bodies(extend_api)]
    for _, body in list(bodies):
        bodies += [("ParseRunSummary", item) for item in body.get("data", ()) if "status" in item]
        bodies += [("FileSummary", item) for item in body.get("data", ()) if "name" in item]
        bodies += [("FileSummary", body["file"])] if "file" in body else []
        output = body.get("output") or {"chunks": []}
        bodies.append(("ParseRunOutput", output))
        bodies += [("Chunk", chunk) for chunk in output["chunks"]]
        bodies += [("Block", block) for chunk in output["chunks"] for block in chunk["blocks"]]
        entries = (body.get("usage") or {}).get("breakdown", ())
        bodies += [("RunUsageBreakdownEntry", entry) for entry in entries]
        bodies += [("RunUsageBreakdownCharge", item) for one in entries for item in one["charges"]]
        bodies += [("RunUsage", body["usage"])] if body.get("usage") else []
    for error in (None, "OCR_ERROR"):
        payload = json.loads(extend_api.webhook(error).body)["payload"]
        bodies.append(("ParseRunStatus", payload))
    assert set(NPM) <= {name for name, _ in bodies}
    for name, body in bodies:
        assert set(NPM.get(name, "").split()) <= set(body), name


@pytest.mark.parametrize(
    ("name", "classes"), [("extend", EXTEND_CLASSES), ("nutrient", NUTRIENT_CLASSES)]
)
def test_each_documented_status_has_a_class_of_the_client(name, classes):
    """That each error is raised as that class is tested beside the service."""
    assert {error.status for error in PROVIDERS[name].errors} == set(classes)


def test_each_class_of_the_extend_client_stands_for_a_documented_status():
    exported = {getattr(extend_ai, name) for name in extend_ai.errors.__all__}
    assert exported == set(EXTEND_CLASSES.values()) - {ApiError}


def test_the_body_of_an_error_is_that_of_the_official_type():
    fields = {field.alias or name for name, field in types.ApiError.model_fields.items()}
    behaviour = PROVIDERS["extend"].behaviour
    found = set()
    for error in PROVIDERS["extend"].errors:
        found |= set(behaviour.error_body(error, message="", request_id="req_1", details={}))
    # The client knows a runId, which only the time-out of another endpoint carries.
    assert found == fields - {"runId"}


def listed_reasons():
    """The failure reasons that the official type lists, as its own text writes them."""
    lines = inspect.getsource(types.ParseRun).splitlines()
    return {line.split("`")[1] for line in lines if line.lstrip().startswith("* `")}


def test_the_reasons_of_failed_runs_are_those_of_the_official_type():
    reasons = {error.code for error in PROVIDERS["extend"].errors if "run" in error.surfaces}
    assert reasons == {text for text in listed_reasons() if not text.startswith('"')}


def test_the_statuses_of_runs_are_those_of_the_official_type():
    runs = PROVIDERS["extend"].runs
    known = {item.value for item in types.ParseRunStatusEnum if "UNKNOWN" not in item.name}
    # Set by an endpoint that is newer than the type.
    assert {*runs.in_progress, *runs.terminal} - {"CANCELLED"} == known


# Nutrient: its client's types are TypedDicts, and know the reply of /extraction/parse alone.

PARTS = {
    "ParseResponse": nutrient_types.ParseResponse,
    "ParseOutputElements": nutrient_types.ParseOutputElements,
    "ParagraphElement": nutrient_types.ParagraphElement,
    "ParseBounds": nutrient_types.ParseBounds,
    "ParsePageRef": nutrient_types.ParsePageRef,
    "ParseWord": nutrient_types.ParseWord,
    "ParseMetrics": nutrient_types.ParseMetrics,
    "ParseUsage": nutrient_types.ParseUsage,
    "ExtractionCredits": ExtractionCredits,
    "ParseConfiguration": nutrient_types.ParseConfiguration,
    "ParseErrorDetails": nutrient_types.ParseErrorDetails,
    "ParseFailingPath": nutrient_types.ParseFailingPath,
}
NUTRIENT_ABSENT = {
    "ParseResponse.errorMessage": "of errors only",
    "ParseResponse.errorDetails": "of errors only",
}


def test_nutrient_has_every_field_of_the_official_types_and_no_other(nutrient_api):
    body = send(nutrient_api, json={"url": URL, "mode": "structure", "includeWords": True}).json()
    wrong = send(nutrient_api, json={"url": URL, "mode": "turbo"}).json()
    (element,) = body["output"]["elements"]
    bodies = {
        "ParseResponse": body,
        "ParseOutputElements": body["output"],
        "ParagraphElement": element,
        "ParseBounds": element["bounds"],
        "ParsePageRef": element["page"],
        "ParseWord": element["words"][0],
        "ParseMetrics": body["metrics"],
        "ParseUsage": body["usage"],
        "ExtractionCredits": body["usage"]["data_extraction_credits"],
        "ParseConfiguration": body["configuration"],
        "ParseErrorDetails": wrong["errorDetails"],
        "ParseFailingPath": wrong["errorDetails"]["failingPaths"][0],
    }
    assert set(bodies) == set(PARTS)
    missing, unknown = set(), set()
    for name, kind in PARTS.items():
        fields = set(typing.get_type_hints(kind))
        missing |= {f"{name}.{field}" for field in fields - set(bodies[name])}
        unknown |= {f"{name}.{field}" for field in set(bodies[name]) - fields}
    assert missing == set(NUTRIENT_ABSENT)
    assert not unknown


@pytest.mark.parametrize("mode", ["text", "structure", "understand", "agentic"])
@pytest.mark.parametrize("output_format", ["markdown", "spatial"])
def test_the_nutrient_client_gets_what_it_asks_for(nutrient_api, mode, output_format):
    client = nutrient_dws.NutrientClient(api_key=nutrient_api.api_key, timeout=5)
    if (mode, output_format) == ("text", "spatial"):
        with pytest.raises(nutrient_dws.ValidationError) as caught:
            asyncio.run(client.parse(b"%PDF-1.7", mode=mode, output_format=output_format))
        assert caught.value.status_code is None
        assert nutrient_api.attempts == []
        return
    body = asyncio.run(client.parse(b"%PDF-1.7", mode=mode, output_format=output_format))
    assert body["configuration"] == {"mode": mode, "outputFormat": output_format}
