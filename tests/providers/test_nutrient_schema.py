"""The schema of an extraction: which keywords are supported, and how large it may be."""

from __future__ import annotations

import json

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_consumer import ask

from pytest_parseapi.providers.nutrient.schema import sample, schema_problems

URL = "https://files.example.com/a.pdf"


def extract(api, schema, path="/extraction/extract"):
    return ask(api, "POST", path, json={"url": URL, "schema": schema})


class Invoice(pydantic.BaseModel):
    number: int
    paid: bool
    total: float
    notes: list[str]


def test_every_problem_of_a_schema_is_named():
    schema = pydantic.TypeAdapter(list[Invoice]).json_schema()
    whole = {"type": "object", "properties": {"invoices": schema}, "$defs": schema.pop("$defs")}
    paths = [path for path, _ in schema_problems(whole)]
    assert paths[0] == "$.schema.$defs"
    assert "$.schema.properties.invoices.items.$ref" in paths


def test_data_fits_its_schema():
    plain = {
        "type": "object",
        "properties": {
            "number": {"type": "integer"},
            "paid": {"type": "boolean"},
            "total": {"type": "number"},
            "notes": {"type": "array", "items": {"type": "string"}},
        },
    }
    assert schema_problems(plain) == []
    assert Invoice.model_validate(sample(plain), strict=True).notes == ["Sample"]


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"type": "string"}, "Sample"),
        ({"type": "string", "enum": ["EUR", "USD"]}, "EUR"),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {"a": "Sample"}),
        ({"type": "object"}, {}),
        ({"type": "array"}, []),
        ({"type": "array", "items": {"type": "string"}}, ["Sample"]),
    ],
)
def test_samples(node, expected):
    assert sample(node) == expected


TEXT = {"type": "string"}
A = "$.schema.properties.a"
ONE_OF = "must be one of object, array, string, number, integer, boolean"
NOT_ONE_OF = ONE_OF + ", not "
KEYWORDS = "; must be one of type, properties, required, items, description, enum, format"


def of(**properties):
    return {"type": "object", "properties": properties}


def fields(count):
    """So many fields, in groups of a hundred: a group is a field, too."""
    return of(**{f"g{n}": of(**{f"f{m}": TEXT for m in range(99)}) for n in range(count // 100)})


def nested(depth):
    schema = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (None, ("$.schema", "is missing; must be an object")),
        ("{}", ("$.schema", "must be an object, not '{}'")),
        ([], ("$.schema", "must be an object, not []")),
        ({}, ("$.schema.type", "is missing; must be 'object' at the root")),
        ({"type": "array"}, ("$.schema.type", "must be 'object' at the root, not 'array'")),
        ({"type": "object"}, None),
        (nested(5), None),
        (
            nested(6),
            ("$.schema" + ".properties.a" * 6, "must be nested at most 5 levels deep"),
        ),
        (
            {"type": "object", "properties": 3},
            ("$.schema.properties", "must be an object, not 3"),
        ),
        (of(a="string"), ("$.schema.properties.a", "must be an object, not 'string'")),
        (of(a={"type": "text"}), (A + ".type", NOT_ONE_OF + "'text'")),
        (of(a={"type": ["string", "null"]}), (A + ".type", NOT_ONE_OF + '["string", "null"]')),
        (of(a={}), (A + ".type", "is missing; " + ONE_OF)),
        *(
            (
                of(a={"type": kind, keyword: None}),
                (f"{A}.{keyword}", f"must be {expected}, not null"),
            )
            for kind, keyword, expected in (
                ("array", "items", "an object"),
                ("object", "properties", "an object"),
                ("object", "required", "a list of strings"),
                ("number", "description", "a string"),
                ("string", "enum", "a list of strings"),
                ("string", "format", "'date'"),
            )
        ),
        (of(a={"type": None}), (A + ".type", f"{ONE_OF}, not null")),
        (of(a={"type": "string", "enum": ["x", "y"]}), None),
        (
            of(a={"type": "string", "enum": [1]}),
            (A + ".enum", "must be a list of strings, not [1]"),
        ),
        (
            of(a={"type": "number", "enum": ["1"]}),
            (A + ".enum", "is for type 'string' only, not 'number'"),
        ),
        (of(a={"type": "string", "format": "date"}), None),
        (
            of(a={"type": "string", "format": "email"}),
            (A + ".format", "must be 'date', not 'email'"),
        ),
        (
            of(a={"type": "string", "description": 3}),
            (A + ".description", "must be a string, not 3"),
        ),
        (of(a={"type": "string", "description": "x" * 4096}), None),
        (
            of(a={"type": "string", "description": "x" * 4097}),
            (A + ".description", "must have at most 4,096 characters, not 4,097"),
        ),
        *(
            (
                {"type": "object", key: value},
                (f"$.schema.{key}", f"is not supported: {key}{KEYWORDS}"),
            )
            for key, value in (
                *(("$ref", "#"), ("$defs", {}), ("allOf", []), ("anyOf", []), ("oneOf", [])),
                *(("minimum", 1), ("maxLength", 1), ("if", {}), ("then", {}), ("else", {})),
                *(("additionalProperties", False), ("title", "x"), ("const", 1)),
            )
        ),
        (of(**{f"p{n}": TEXT for n in range(200)}), None),
        (
            of(**{f"p{n}": TEXT for n in range(201)}),
            ("$.schema.properties", "must have at most 200 properties, not 201"),
        ),
        ({"type": "object", "required": ["a"] * 200}, None),
        (
            {"type": "object", "required": ["a"] * 201},
            ("$.schema.required", "must have at most 200 entries, not 201"),
        ),
        (
            {"type": "object", "required": "a"},
            ("$.schema.required", "must be a list of strings, not 'a'"),
        ),
        (fields(2_000), None),
        (fields(2_100), ("$.schema", "must have at most 2,000 fields, not 2,100")),
        ({"type": "object", "required": ["x" * (131_072 - 33)]}, None),
        (
            {"type": "object", "required": ["x" * (131_072 - 32)]},
            ("$.schema", "must have at most 128 KB, not 131,073 bytes"),
        ),
    ],
)
def test_what_a_schema_may_be(nutrient_api, schema, problem):
    assert schema_problems(schema) == ([] if problem is None else [problem])
    for path, status in (("/extraction/extract", 200), ("/extraction/extract/async", 202)):
        reply = extract(nutrient_api, schema, path)
        if problem is None:
            assert reply.status_code == status
        else:
            assert reply.status_code == 400
            assert reply.json()["errorDetails"]["failingPaths"] == [
                {"path": problem[0], "details": problem[1]}
            ]


def test_every_mistake_is_in_one_reply(nutrient_api):
    """Those of the root and of each field, and those of the options beside the schema."""
    schema = {
        "type": "array",
        "$defs": {},
        "properties": {f"p{n}": {"type": "text", "minimum": n} for n in range(150)},
        "required": ["x"] * 201,
    }
    reply = ask(
        nutrient_api,
        "POST",
        "/extraction/extract",
        json={"url": "nowhere", "schema": schema, "parseConfig": {"mode": "turbo"}},
    )
    details = reply.json()["errorDetails"]
    paths = [item["path"] for item in details["failingPaths"]]
    assert (details["source"], details["code"]) == ("request", "invalid_request")
    assert len(paths) == len(set(paths)) == 305
    assert {"$.url", "$.schema.type", "$.schema.$defs", "$.schema.required"} < set(paths)
    assert paths[-1] == "$.parseConfig.mode"
    assert reply.json()["errorMessage"].endswith("; and 295 more.")


def test_only_declared_properties_come_back(nutrient_api):
    schema = of(total={"type": "number"}, lines={"type": "array", "items": of(name=TEXT)})
    data = extract(nutrient_api, schema).json()["output"]["data"]
    assert data == {"total": 1.5, "lines": [{"name": "Sample"}]}


def test_the_size_is_that_of_the_compact_text_in_utf_8(nutrient_api):
    name = "ä" * 65_510
    schema = {"type": "object", "required": [name]}
    size = len(json.dumps(schema, separators=(",", ":"), ensure_ascii=False).encode())
    assert extract(nutrient_api, schema).status_code == 200
    schema["required"] = [name + "x" * (128 * 1024 - size + 1)]
    assert extract(nutrient_api, schema).status_code == 400


schemas = st.recursive(
    st.sampled_from(["string", "number", "integer", "boolean"]).map(lambda kind: {"type": kind}),
    lambda inner: (
        st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3).map(
            lambda properties: {"type": "object", "properties": properties}
        )
        | inner.map(lambda items: {"type": "array", "items": items})
    ),
    max_leaves=8,
)


def depth_of(schema):
    inner = [
        *schema.get("properties", {}).values(),
        *([schema["items"]] if "items" in schema else []),
    ]
    return 1 + max(map(depth_of, inner)) if inner else 0


def fits(data, schema):
    if schema["type"] == "object":
        properties = schema["properties"]
        return set(data) == set(properties) and all(fits(data[k], properties[k]) for k in data)
    if schema["type"] == "array":
        return all(fits(item, schema["items"]) for item in data)
    kinds = {"string": str, "number": float, "integer": int, "boolean": bool}
    return type(data) is kinds[schema["type"]]


@given(properties=st.dictionaries(st.text(min_size=1, max_size=5), schemas, max_size=3))
def test_data_fits_any_supported_schema(properties):
    schema = {"type": "object", "properties": properties}
    problems = schema_problems(schema)
    assert bool(problems) == (depth_of(schema) > 5)
    if not problems:
        assert fits(sample(schema), schema)
