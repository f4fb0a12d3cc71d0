"""Recorded traffic against the catalogue and the simulated bodies, each difference once."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
import yaml
from recorded_traffic import STATES, URL, Recorder, cassette, har, recording

from pytest_parseapi.cli import main
from pytest_parseapi.providers.registry import registry
from pytest_parseapi.report.compare import Comparison

KINDS = {
    "plain.har": har,
    "base64.har": lambda exchanges: har(exchanges, encoded=True),
    "gzip.har": lambda exchanges: har(exchanges, packed=True),
    "cassette.json": cassette,
    "cassette.yaml": cassette,
}


@pytest.fixture(params=sorted(STATES))
def exchanges(request, parseapi_factory):
    return STATES[request.param](parseapi_factory(request.param))


@pytest.fixture
def compared(tmp_path, capsys):
    """What the command answers to files: its status, the lines of its output, and its errors."""

    def compare(*recordings, names=()):
        paths = []
        for index, data in enumerate(recordings):
            name = names[index] if names else f"traffic-{index}.har"
            path = tmp_path / name
            path.write_text(yaml.safe_dump(data) if name.endswith("yaml") else json.dumps(data))
            paths.append(str(path))
        status = main(["compare", *paths])
        shown = capsys.readouterr()
        return status, shown.out.splitlines(), shown.err.splitlines()

    return compare


@pytest.mark.parametrize("name", KINDS)
def test_the_simulation_does_not_differ_from_itself(name, exchanges, compared):
    status, lines, errors = compared(KINDS[name](exchanges), names=[name])

    assert lines == [f"no difference in {len(exchanges)} exchanges"]
    assert (status, errors) == (0, [])


def test_one_exchange_alone_does_not_differ_either(exchanges, compared):
    """Whatever was before the recording, such as the submission of a run or a file."""
    differing = {}
    for item in exchanges:
        status, lines, _ = compared(har([item]))
        if status:
            differing[item.method, item.url, item.status] = lines
    assert differing == {}


def test_a_request_without_its_body_is_one_that_would_be_good(exchanges, compared):
    stripped = [replace(item, sent=b"", sent_headers=()) for item in exchanges]
    status, lines, _ = compared(har(stripped))

    assert (status, lines) == (0, [f"no difference in {len(exchanges)} exchanges"])


def objects(value, before=()):
    """Each object in a body, and the fields that lead to it; ``[]`` is each item of a list."""
    if isinstance(value, dict):
        yield before, value
        for name, item in value.items():
            yield from objects(item, (*before, name))
    elif isinstance(value, list):
        for item in value:
            yield from objects(item, (*before, "[]"))


def written(place):
    return ".".join(place).replace(".[]", "[]")


OURS = ("metadata", "data[].metadata", "output.data", "output.metadata")


def is_ours(item, place):
    """Whether customers name what is there."""
    where = written(place)
    return item.status < 400 and any(
        where == name or where.startswith((f"{name}.", f"{name}[")) for name in OURS
    )


def kind_of(item):
    """The endpoint and the status, whatever the ids are."""
    path = re.sub(r"(pr_|run_|bpar_|output_)\w+", "{id}", item.url.partition("?")[0])
    return item.method, path, item.status


def fields_of(exchanges):
    """Every field that each endpoint sends with each status."""
    found = {}
    for item in exchanges:
        if item.body.startswith(b"{"):
            for place, value in objects(item.json):
                for name in value:
                    if not is_ours(item, (*place, name)):
                        kept = found.setdefault(kind_of(item), {})
                        before = kept.get((*place, name))
                        kept[*place, name] = value[name] if before is None else before
    return found


def each_changed(exchanges, wanted, change):
    """The exchanges with some fields of each endpoint changed, wherever they are."""
    for item in exchanges:
        fields = wanted.get(kind_of(item), ())
        if not fields or not item.body.startswith(b"{"):
            yield item
            continue
        body = item.json
        for place, value in objects(body):
            for field in fields:
                if place == field[:-1] and field[-1] in value:
                    change(value, field[-1])
        yield replace(item, body=json.dumps(body).encode())


def differences_of(exchanges):
    comparing = Comparison(registry().values())
    comparing.add(recording(exchanges))
    return comparing.differences.found()


# By what a reply shows which run, error or output it is about: changed one at a time.
TELLING = {
    *("id", "runId", "status", "code", "failureReason", "source", "outputUrl", "nextPageToken"),
    *("message", "errorMessage", "failureMessage", "assetId", "requestId"),
}


def rounds(exchanges):
    """Which fields to change in each round: what holds no other fields at once, the rest alone."""
    together, alone = {}, {}
    for kind, fields in fields_of(exchanges).items():
        for field, value in fields.items():
            holds = isinstance(value, dict | list) or field[-1] in TELLING
            (alone if holds else together).setdefault(kind, []).append(field)
    yield together
    for number in range(max(map(len, alone.values()))):
        wanted = {kind: [fields[number]] for kind, fields in alone.items() if number < len(fields)}
        if [("outputUrl",)] in wanted.values():  # without which nothing is known of the output
            wanted = {kind: fields for kind, fields in wanted.items() if "outputs" not in kind[1]}
        yield wanted


def drop(value, name):
    del value[name]


def retype(value, name):
    value[name] = "x" if isinstance(value[name], bool) else True


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (drop, "the field {} of the simulated body never came"),
        (retype, "the field {} is "),
    ],
)
def test_each_changed_field_is_found(exchanges, change, text):
    missed = []
    count = 0
    # Two of the four operations of one provider answer as the others do.
    exchanges = [item for item in exchanges if not re.search("classify|split", item.url)]
    fields = fields_of(exchanges)
    for wanted in rounds(exchanges):
        found = [
            item.text for item in differences_of(list(each_changed(exchanges, wanted, change)))
        ]
        for kind, field in [(item, field) for item in wanted for field in wanted[item]]:
            count += 1
            if change is retype and fields[kind][field] is None:
                continue  # of what type it is otherwise, the simulation does not tell
            if not any(item.startswith(text.format(written(field))) for item in found):
                missed.append((kind, field))
    assert missed == []
    assert count > 100


def test_each_new_field_is_found(exchanges):
    changed, expected = [], set()
    for item in exchanges:
        if item.body.startswith(b"{"):
            body = item.json
            for place, value in list(objects(body)):
                if not is_ours(item, place):
                    value["traceId"] = "new"
                    where = written((*place, "traceId"))
                    expected.add(f"the field {where} is not in the simulated body")
            changed.append(replace(item, body=json.dumps(body).encode()))
        else:
            changed.append(item)
    found = differences_of(changed)
    assert {item.text for item in found} == expected


def ask(api, path="/parse", body=None, **script):
    """One exchange of Extend's."""
    if script:
        api.fail(script.pop("error"), **script)
    record = Recorder(api)
    record("POST", path, json={"file": {"url": URL}} if body is None else body)
    return record.exchanges[0]


def with_header(item, name, value):
    return replace(item, headers=(*item.headers, (name, value)))


def recoded(item, code):
    return item.changed(lambda body: body.update(code=code))


DIFFERENCES = {
    "a code that is new": (
        lambda item: recoded(item, "OCR_QUEUE_FULL"),
        "Extend POST /parse 500: the code OCR_QUEUE_FULL is not in the catalogue (1 of 1 reply)",
    ),
    "a status that is new": (
        lambda item: replace(item, status=418, body=b"{}"),
        "Extend POST /parse 418: the status 418 is not in the catalogue (1 of 1 reply)",
    ),
    "another status of a code": (
        lambda item: replace(item, status=503),
        "Extend POST /parse 503 OCR_ERROR: the catalogue has OCR_ERROR with status 500 "
        "(1 of 1 reply)",
    ),
    "a code at another endpoint": (
        lambda item: replace(item, url=item.url.replace("/parse", "/parse_runs")),
        "Extend POST /parse_runs 500 OCR_ERROR: the catalogue has OCR_ERROR for /parse "
        "(1 of 1 reply)",
    ),
    "another flag": (
        lambda item: item.changed(lambda body: body.update(retryable=False)),
        "Extend POST /parse 500 OCR_ERROR: the field retryable is false, and true in the "
        "catalogue (1 of 1 reply)",
    ),
    "Retry-After": (
        lambda item: with_header(item, "Retry-After", "30"),
        "Extend POST /parse 500 OCR_ERROR: the header retry-after is not in the simulated reply "
        "(1 of 1 reply)",
    ),
    "a header that never comes": (
        lambda item: replace(item, headers=(("content-type", "application/json"),)),
        "Extend POST /parse 500 OCR_ERROR: the header x-extend-request-id of the simulated reply "
        "never came (1 of 1 reply)",
    ),
    "no JSON": (
        lambda item: replace(item, status=422, body=b"<html>"),
        "Extend POST /parse 422 CORRUPT_FILE: the body is not JSON (1 of 1 reply)",
    ),
    "an unknown endpoint": (
        lambda item: replace(item, url="https://api.extend.ai/extract_runs/er_123"),
        "Extend POST /extract_runs/{id} 500: the endpoint is not in the catalogue (1 of 1 reply)",
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_difference_is_told_in_one_line(name, extend_api, compared):
    change, line = DIFFERENCES[name]
    item = change(ask(extend_api, error="OCR_ERROR"))

    status, lines, errors = compared(har([item]))

    assert (status, errors) == (1, [])
    assert line in lines
    assert lines[-1].endswith(" in 1 exchange")


def test_a_new_state_of_a_run_and_a_new_reason_are_differences_of(extend_api, compared):
    extend_api.fail_run("OCR_ERROR", polls=0)
    record = Recorder(extend_api)
    run = record("POST", "/parse_runs", json={"file": {"url": URL}})["id"]
    record("GET", f"/parse_runs/{run}")
    created, failed = record.exchanges
    created = created.changed(lambda body: body.update(status="QUEUED"))
    failed = failed.changed(lambda body: body.update(failureReason="OCR_QUEUE_FULL"))

    status, lines, _ = compared(har([created, failed]))

    assert status == 1
    assert lines == [
        "Extend GET /parse_runs/{id} 200 FAILED: the failure reason OCR_QUEUE_FULL is not in the "
        "catalogue (1 of 1 reply)",
        "Extend POST /parse_runs 200 QUEUED: the run's status QUEUED is not in the catalogue "
        "(1 of 1 reply)",
        "2 differences in 2 exchanges",
    ]


def test_a_difference_is_told_once_with_how_often(extend_api, compared):
    plain = ask(extend_api)
    new = plain.changed(lambda body: body.update(region="eu", usage={"credits": 2, "pages": 1}))

    status, lines, _ = compared(har([plain, new, new]), cassette([new]), names=["a.har", "b.json"])

    assert status == 1
    assert lines == [
        "Extend POST /parse 200 PROCESSED: the field region is not in the simulated body "
        "(3 of 4 replies)",
        "Extend POST /parse 200 PROCESSED: the field usage.pages is not in the simulated body "
        "(3 of 4 replies)",
        "2 differences in 4 exchanges",
    ]


def test_a_field_is_missing_only_where_all_bodies_of_the_state_lack_it(extend_api, compared):
    plain = ask(extend_api)
    short = plain.changed(lambda body: body.pop("usage"))

    assert compared(har([plain, short]))[0] == 0
    status, lines, _ = compared(har([short, short]))

    assert status == 1
    assert lines[0] == (
        "Extend POST /parse 200 PROCESSED: the field usage of the simulated body never came "
        "(2 of 2 replies)"
    )


def test_keys_named_by_customers_are_no_difference(nutrient_api, extend_api, compared):
    record = Recorder(nutrient_api)
    record("POST", "/extraction/extract", json={"url": URL, "schema": {"type": "object"}})
    extracted = record.exchanges[0].changed(
        lambda body: body["output"].update(data={"iban": "DE1"}, metadata={"iban": {"n": 1}})
    )
    parsed = ask(extend_api).changed(lambda body: body.update(metadata={"ours": {"team": 7}}))

    assert compared(har([extracted, parsed])) == (0, ["no difference in 2 exchanges"], [])


SECRETS = ("sk_live_abcdef123456", "invoice-of-ada", "ADA LOVELACE", "hunter2")


def test_credentials_and_documents_are_never_shown(extend_api, compared):
    url = "https://ada:hunter2@files.example.com/invoice-of-ada.pdf?sig=hunter2"
    api_key = "sk_live_abcdef123456"
    item = ask(extend_api, body={"file": {"url": url}})
    item = replace(item, sent_headers=(("authorization", f"Bearer {api_key}"),))
    leaky = {
        api_key: 1,
        f"key.{api_key}": 1,
        "invoice-of-ada.pdf": 1,
        "copy-of-invoice-of-ada.pdf": 1,
        "ADA LOVELACE": 1,
        "a\nb": 1,
        "x" * 81: 1,
    }
    success = item.changed(lambda body: body.update(leaky, status="invoice-of-ada.pdf"))
    failures = [
        replace(item, status=500, body=json.dumps({"code": code}).encode())
        for code in (*leaky, "ADA LOVELACE")
    ]
    paths = [
        replace(item, url=f"https://api.extend.ai/{path}/invoice-of-ada.pdf")
        for path in ("files", api_key, "ada@hunter2")
    ]

    status, lines, errors = compared(har([success, item.changed(lambda b: b.update(leaky))]))
    more = compared(cassette([*failures, *paths]), names=["b.json"])

    assert (status, more[0]) == (1, 1)
    shown = "\n".join([*lines, *errors, *more[1], *more[2]])
    assert not [secret for secret in SECRETS if secret.lower() in shown.lower()]
    assert "the field (a name that is not shown) is not in the simulated body" in shown


def test_a_reply_of_a_gateway_is_recognised(extend_api, compared):
    pages = [
        ask(extend_api, error=name)
        for name in ("bad_gateway_html", "service_unavailable_html", "gateway_timeout_html")
    ]
    assert compared(har(pages))[0] == 0


def test_one_file_that_cannot_be_used_does_not_hide_the_others(extend_api, compared):
    item = recoded(ask(extend_api, error="OCR_ERROR"), "NEW")

    status, lines, errors = compared(har([item]), {"log": 1}, names=["a.har", "b.har"])

    assert status == 2
    assert len(lines) == 2
    assert [error.partition("b.har")[2] for error in errors] == [
        ": log must be an object, not a number"
    ]
