"""Files of recorded exchanges are read, and unusable ones are reported."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import sys
import zlib
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_parseapi.cli import main
from pytest_parseapi.model.http import Fault
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.record.recordings.reader import read_recording

HOSTS = ("api.extend.ai",)
URL = "https://api.extend.ai/parse"
BODY = '{"code":"OCR_ERROR"}'


def entry(**changed):
    response = {
        "status": 500,
        "headers": [{"name": "Content-Type", "value": "application/json"}],
        "content": {"size": 20, "mimeType": "application/json", "text": BODY},
    }
    return {
        "startedDateTime": "2026-11-25T12:00:00.000Z",
        "time": 1500,
        "request": {
            "method": "POST",
            "url": URL,
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "postData": {"mimeType": "application/json", "text": '{"file":{}}'},
        },
        "response": {**response, **changed.pop("response", {})},
        **changed,
    }


def har(*entries):
    return {"log": {"version": "1.2", "entries": list(entries)}}


def interaction(**response):
    return {
        "request": {"method": "POST", "uri": URL, "body": "{}", "headers": {"Accept": ["*/*"]}},
        "response": {
            "status": {"code": 500, "message": "Internal Server Error"},
            "headers": {"Content-Type": ["application/json"]},
            "body": {"string": BODY},
            **response,
        },
    }


@pytest.fixture
def read(tmp_path):
    """Writes a file and reads it."""

    def read(data, name="recording.har"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        return read_recording(path, HOSTS).exchanges

    return read


def test_an_entry_of_a_har_file(read):
    [exchange] = read(har(entry()))

    assert (exchange.request.method, exchange.request.path) == ("POST", "/parse")
    assert exchange.request.body == b'{"file":{}}'
    assert exchange.request.header("content-type") == "application/json"
    assert (exchange.result.status, exchange.result.body) == (500, BODY.encode())
    assert exchange.result.headers == {"content-type": "application/json"}
    assert exchange.seconds == 1.5
    assert exchange.ended - exchange.began == 1.5


def test_entries_are_in_the_order_in_which_they_began(read):
    later = entry(startedDateTime="2026-11-25T12:00:09.000Z", time=9)
    assert [item.seconds for item in read(har(later, entry()))] == [1.5, 0.009]


def test_without_a_moment_the_order_of_the_file_counts(read):
    later = entry(startedDateTime="yesterday", time=9)
    assert [item.seconds for item in read(har(later, entry()))] == [0.009, 1.5]


def test_exchanges_with_others_and_preflights_are_left_out(read):
    foreign = [{"request": {"url": url}} for url in ("https://a.example/", "", "https://[", "x:")]
    asked = entry()
    asked["request"]["method"] = "OPTIONS"
    assert len(read(har(*foreign, asked, entry()))) == 1


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (BODY.encode(), None),
        (BODY.encode(), "gzip"),
        (BODY.encode(), "br"),
        (gzip.compress(BODY.encode()), "gzip"),
        (gzip.compress(BODY.encode()), None),
        (zlib.compress(BODY.encode()), "deflate"),
    ],
    ids=["plain", "decompressed", "unknown", "gzip", "unannounced", "deflate"],
)
def test_bodies_are_decompressed_where_they_still_are_compressed(read, raw, encoding):
    headers = [] if encoding is None else [{"name": "Content-Encoding", "value": encoding}]
    content = {"size": 1, "encoding": "base64", "text": base64.b64encode(raw).decode()}
    [exchange] = read(har(entry(response={"headers": headers, "content": content})))
    assert exchange.result.body == BODY.encode()

    text = yaml.safe_dump(
        {"interactions": [interaction(headers={"content-encoding": encoding or "identity"},
                                      body={"string": raw})]}
    )  # fmt: skip
    [exchange] = read(text.encode(), "cassette.yaml")
    assert exchange.result.body == BODY.encode()


@pytest.mark.parametrize(
    ("content", "has_body"),
    [
        ({"size": 0}, True),
        ({"size": -1}, False),
        ({"size": 20, "mimeType": "application/json"}, False),
        (None, False),
        ({"_file": "missing.json"}, False),
    ],
)
def test_a_body_that_was_not_kept_is_not_an_empty_one(read, content, has_body):
    [exchange] = read(har(entry(response={"content": content})))
    assert (exchange.has_body, exchange.result.body) == (has_body, b"")


def test_playwright_keeps_bodies_in_files_of_their_own(read, tmp_path):
    (tmp_path / "abc.json").write_text(BODY)
    (tmp_path / "sent.json").write_text("{}")
    attached = entry(response={"content": {"size": -1, "_file": "abc.json"}})
    attached["request"]["postData"] = {"text": "", "params": [], "_file": "sent.json"}
    [exchange] = read(har(attached))
    assert (exchange.has_body, exchange.result.body) == (True, BODY.encode())
    assert exchange.request.body == b"{}"


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"_error": "net::ERR_CONNECTION_REFUSED"}, "connect_error"),
        ({"_error": "net::ERR_TIMED_OUT"}, "read_timeout"),
        ({"response": {"status": -1, "_failureText": "net::ERR_CONNECTION_TIMED_OUT"}},
         "connect_timeout"),
        ({}, "connection_reset"),
    ],
)  # fmt: skip
def test_an_entry_without_a_reply_is_a_fault(read, said, fault):
    said = {"response": {"status": 0}, **copy.deepcopy(said)}
    [exchange] = read(har(entry(**said)))
    assert isinstance(exchange.result, Fault)
    assert exchange.result.name == fault


def test_a_form_that_was_kept_in_parts_has_its_file_name(read):
    asked = entry()
    params = [{"name": "file", "fileName": 'sc"an.pdf'}, {"name": "instructions", "value": "{}"}]
    asked["request"]["postData"] = {"mimeType": "multipart/form-data", "params": params}
    asked["request"]["headers"] = []
    [exchange] = read(har(asked))
    assert b'filename="scan.pdf"' in exchange.request.body
    assert "boundary=" in exchange.request.header("content-type")


@pytest.mark.parametrize("name", ["cassette.yaml", "cassette.yml", "cassette.json", "cassette"])
def test_an_interaction_of_a_cassette(read, name):
    data = {"version": 1, "interactions": [interaction()]}
    text = json.dumps(data) if name.endswith("json") else yaml.safe_dump(data)
    [exchange] = read(text.encode(), name)

    assert (exchange.request.method, exchange.request.path) == ("POST", "/parse")
    assert (exchange.result.status, exchange.result.body) == (500, BODY.encode())
    assert exchange.result.headers == {"content-type": "application/json"}
    assert (exchange.seconds, exchange.ended) == (None, None)


def test_cassettes_of_older_versions(read):
    old = interaction(status_code=500, content=BODY, http_version="HTTP/1.1")
    base64_body = interaction(body={"base64_string": base64.b64encode(BODY.encode()).decode()})
    asked = interaction(body=BODY)
    asked["request"]["body"] = {"file": {"url": "u"}}
    found = read({"interactions": [old, base64_body, asked]})
    assert [item.result.body for item in found] == [BODY.encode()] * 3
    assert found[2].request.body == b'{"file": {"url": "u"}}'


UNUSABLE = {
    "": "is neither a HAR file nor a cassette of VCR.py",
    "hello": "is neither a HAR file nor a cassette of VCR.py",
    "{": "is no JSON that can be read",
    "[]": "is neither a HAR file nor a cassette of VCR.py",
    '{"log": {}}': "log.entries must be a list, not null",
    '{"log": {"entries": [3]}}': "log.entries[0] must be an object, not a number",
    '{"log": {"entries": [{"request": {"url": 3}}]}}': "log.entries[0].request.url must be a text, "
    "not a number",
    '{"log": {"entries": []}}': "has no exchange with a documented host (api.extend.ai)",
    '{"interactions": []}': "has no exchange with a documented host (api.extend.ai)",
    '{"interactions": {}}': "interactions must be a list, not an object",
    '{"log": NaN}': "is no JSON that can be read",
    "PK\x03\x04": "is a zip archive: unpack it, and name the HAR file in it",
    "[" * 200_000: "is no JSON that can be read",
}


@pytest.mark.parametrize("text", UNUSABLE, ids=lambda text: text[:20])
def test_a_file_that_cannot_be_used_is_told_in_one_line(tmp_path, text):
    path = tmp_path / "a.har"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        read_recording(path, HOSTS)
    assert str(raised.value) == f"{path}: {UNUSABLE[text]}"


YAML_PROBLEMS = {
    "interactions: !!python/object/apply:os.system ['true']": "is no YAML that can be read",
    "interactions: [": "is no YAML that can be read",
    "interactions: !!int ''": "is no YAML that can be read",
    "interactions: " + "[" * 100_000: "is no YAML that can be read",
    "- interactions": "is neither a HAR file nor a cassette of VCR.py",
}


@pytest.mark.parametrize("text", YAML_PROBLEMS, ids=lambda text: text[:20])
@pytest.mark.parametrize("pure", [False, True])
def test_yaml_that_cannot_be_used(tmp_path, text, pure, monkeypatch):
    if pure:
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        read_recording(path, HOSTS)
    assert str(raised.value) == f"{path}: {YAML_PROBLEMS[text]}"


def test_a_body_in_yaml_that_would_be_enormous(tmp_path):
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    lines += ["interactions:", f"- request: {{method: POST, uri: '{URL}', body: {{b: *a39}}}}"]
    lines += ["  response: {status: {code: 200}, headers: {}, body: {string: ''}}"]
    path = tmp_path / "a.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(UsageError, match=r"request.body must have at most 100,000 values$"):
        read_recording(path, HOSTS)


@pytest.mark.parametrize("name", ["missing.har", ".", "a\0b"])
def test_a_path_without_a_file(tmp_path, name):
    with pytest.raises(UsageError) as raised:
        read_recording(str(tmp_path / name), HOSTS)
    assert "\n" not in str(raised.value)


def test_without_pyyaml_one_line_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump({"interactions": [interaction()]}))
    with pytest.raises(UsageError) as raised:
        read_recording(path, HOSTS)
    expected = "is YAML, which needs PyYAML: pip install 'pytest-parseapi[yaml]'"
    assert str(raised.value) == f"{path}: {expected}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(
        st.characters(exclude_categories=())
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
LIKELY = st.sampled_from(
    [
        *(URL, "https://[", "base64", "gzip", "-1", "\ud800", "a\r\nb", "x" * 100_000),
        *(10**400, 1e308, "\x1f\x8b\x08", "H4sIAAAAAAAA", {"_file": "../../etc/passwd"}),
    ]
)


def everywhere(value, before=()):
    """Every place in a file."""
    yield before
    inside = ()
    if isinstance(value, dict | list):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in inside:
        yield from everywhere(item, (*before, name))


# Files take as long as the disk does.
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
SOUND = {
    "har": har(entry(), entry(response={"content": {"encoding": "base64", "text": "e30="}})),
    "cassette": {"version": 1, "interactions": [interaction(), interaction()]},
}


@pytest.mark.parametrize("kind", SOUND)
@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_any_wrong_value_is_reported_in_one_line(kind, data, tmp_path, capsys):
    found = copy.deepcopy(SOUND[kind])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from([p for p in everywhere(found) if p]))
        owner = found
        for step in place[:-1]:
            owner = owner[step]
        owner[place[-1]] = copy.deepcopy(data.draw(LIKELY | JSON))
    path = tmp_path / "a.har"
    try:
        text = json.dumps(found)
    except ValueError:  # an integer that is too long to be written
        return
    _check(path, text.encode(), capsys)


@settings(max_examples=200, deadline=None, suppress_health_check=SLOW)
@given(
    name=st.sampled_from(["a.har", "a.yaml", "a.json"]),
    raw=st.binary(max_size=200)
    | st.builds(
        lambda text, at, junk: text[:at] + junk + text[at:],
        st.sampled_from(
            [json.dumps(SOUND["har"]).encode(), yaml.safe_dump(SOUND["cassette"]).encode()]
        ),
        st.integers(0, 900),
        st.binary(max_size=4),
    )
    | st.builds(
        lambda text, at: text[:at],
        st.sampled_from(
            [json.dumps(SOUND["har"]).encode(), yaml.safe_dump(SOUND["cassette"]).encode()]
        ),
        st.integers(0, 900),
    ),
)
def test_any_bytes_are_read_or_refused(name, raw, tmp_path, capsys):
    _check(tmp_path / name, raw, capsys)


def _check(path, raw, capsys):
    path.write_bytes(raw)
    capsys.readouterr()
    status = main(["compare", str(path)])
    shown = capsys.readouterr()
    if status == 2:
        assert len(shown.err.splitlines()) == 1
        assert shown.err.startswith(f"pytest_parseapi: {path}: ")
        assert len(shown.err) < 400
    else:
        assert status in (0, 1)
        assert shown.err == ""
        assert shown.out.splitlines()[-1].partition(" in ")[2].startswith("1 exchange") or (
            " exchanges" in shown.out
        )


def test_nothing_reads_yaml_before_a_cassette_does(pytester):
    pytester.makepyfile("def test_nothing(): pass")
    code = (
        "import sys, pytest; pytest.main(['-q', '-p', 'no:vcr', '-p', 'no:recording']);"
        "assert 'yaml' not in sys.modules"
    )
    result = pytester.run(sys.executable, "-c", code)
    assert result.ret == 0
    assert Path(yaml.__file__).exists()
