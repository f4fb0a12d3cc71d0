"""A mistake in a third-party provider is one line: plugin, provider, field, value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_parseapi import (
    Advice,
    APIVersion,
    BasicAuth,
    BearerToken,
    Behaviour,
    DocumentedError,
    Endpoint,
    HeaderKey,
    Provider,
    QueryKey,
    RunDescription,
    Signing,
    UsageError,
    WebhookDescription,
)
from pytest_parseapi.providers.registry import registry

BUSY = DocumentedError(provider="acme", code="BUSY", status=503, retryable=True, message="Later.")
JOBS = (
    Endpoint(method="POST", path="/jobs", submits=True),
    Endpoint(method="GET", path="/jobs/{id}", polls=True),
)
RUNS = RunDescription(submitted="new", running="going", succeeded="done", failed="broken")
HOOKS = WebhookDescription(
    signing=Signing(secret="s", signature_header="x-signature"),
    events={"done": "job.done"},
    payload=lambda context, run, metadata: {"id": run.id},
)


def acme(**more):
    given = {"name": "acme", "base_url": "https://api.acme.example/v1", "errors": (BUSY,)}
    return Provider(**{**given, **more})


def errors(**more):
    return acme(errors=(replace(BUSY, **more),))


def endpoint(**more):
    given = {"method": "POST", "path": "/parse", **more}
    return acme(endpoints=(Endpoint(**given),), main_endpoint=given["path"])


def runs(**more):
    return acme(runs=replace(RUNS, **more), endpoints=JOBS)


def hooks(**more):
    return acme(webhooks=replace(HOOKS, **more), runs=RUNS, endpoints=JOBS)


def signing(**more):
    return hooks(signing=replace(HOOKS.signing, **more))


def version(**more):
    return acme(api_version=APIVersion(**{"header": "x-v", "versions": ("1",), **more}))


def behaviour(**more):
    return acme(behaviour=type("Odd", (Behaviour,), more)())


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no text of it")


WRONG = [
    (errors(code=""), "errors[0].code must be a text that is not empty, not ''"),
    (errors(code="  "), "errors[0].code must be a text that is not empty, not '  '"),
    (acme(errors=(BUSY, BUSY)), "errors[1].code is there twice: 'BUSY'"),
    (
        errors(code="read_timeout"),
        "errors[0].code is the name of a network fault: 'read_timeout'",
    ),
    (errors(retryable="yes"), "errors[0].retryable must be True or False, not 'yes' (BUSY)"),
    (errors(retryable=None), "errors[0].retryable must be True or False, not None (BUSY)"),
    (errors(status="503"), "errors[0].status must be an integer from 400 to 599, not '503' (BUSY)"),
    (errors(status=200), "errors[0].status must be an integer from 400 to 599, not 200 (BUSY)"),
    (
        acme(errors=(replace(BUSY, code=None),), unauthorized="BUSY"),
        "errors[0].code must be a text that is not empty, not None",
    ),
    (
        acme(advice=(Advice(topic="backoff", text="Wait.", source="a page"),) * 2),
        "advice[1].topic is there twice: 'backoff'",
    ),
    (
        acme(advice=(Advice(topic="backoff", text=" ", source="a page"),)),
        "advice[0].text must be a text that is not empty, not ' '",
    ),
    (errors(provider="extend"), "errors[0].provider must be 'acme', not 'extend' (BUSY)"),
    (errors(surfaces=()), "errors[0].surfaces must not be empty (BUSY)"),
    (
        errors(surfaces=("https",)),
        "errors[0].surfaces must be one of 'http', 'run', 'webhook', not 'https' (BUSY)",
    ),
    (errors(surfaces=("run",)), "errors[0].surfaces has 'run', but the provider describes none"),
    (
        errors(basis="guess"),
        "errors[0].basis must be one of 'documented', 'client', 'inferred', not 'guess' (BUSY)",
    ),
    (
        errors(endpoints=("/pars",)),
        "errors[0].endpoints has '/pars', which is none of its endpoints; did you mean '/parse'? "
        "(BUSY)",
    ),
    (acme(errors=("BUSY",)), "errors[0] must be a DocumentedError, not 'BUSY'"),
    (acme(errors="BUSY"), "errors must be a tuple of DocumentedError, not 'BUSY'"),
    (acme(name=""), "name must be a text that is not empty, not ''"),
    (
        acme(base_url="api.acme.example"),
        "base_url must begin with https:// or http://, not 'api.acme.example'",
    ),
    (acme(base_url="https://"), "base_url must name a host, not 'https://'"),
    (acme(hosts=("",)), "hosts[0] must be a host name without a scheme, port or path, not ''"),
    (
        acme(endpoints=(Endpoint(method="GET", path=None),)),
        "endpoints[0].path must begin with a slash, not None",
    ),
    (
        hooks(headers={"x version": "1"}),
        "webhooks.headers must be a Mapping of names of headers to texts, one line each, not "
        "{'x version': '1'}",
    ),
    (acme(base_url=None), "base_url must be a str, not None"),
    (
        acme(base_url="https://API.acme.example"),
        "hosts[0] must be in lower case: 'api.acme.example', not 'API.acme.example'",
    ),
    (
        acme(hosts=("acme.example:443",)),
        "hosts[0] must be a host name without a scheme, port or path, not 'acme.example:443'",
    ),
    (
        acme(hosts=("api.extend.ai",)),
        "hosts[0] is a host of the provider 'extend': 'api.extend.ai'",
    ),
    (
        acme(main_endpoint="/pars"),
        "main_endpoint is none of its endpoints: '/pars'; did you mean '/parse'?",
    ),
    (
        acme(endpoints=(Endpoint(method="POST", path="parse"),)),
        "endpoints[0].path must begin with a slash, not 'parse'",
    ),
    (
        acme(endpoints=(Endpoint(method="post", path="/parse"),)),
        "endpoints[0].method must be in capitals, not 'post'",
    ),
    (acme(endpoints=(*JOBS, *JOBS)), "endpoints has 'POST /jobs' 2 times"),
    (acme(endpoints=()), "endpoints must have at least one Endpoint"),
    (acme(runs=RUNS), "runs needs an Endpoint with submits=True"),
    (
        acme(runs=replace(RUNS, failed="done"), endpoints=JOBS),
        "runs must give each state a status of its own: 'done'",
    ),
    (acme(webhooks=HOOKS), "webhooks needs runs, which events are about"),
    (
        acme(webhooks=replace(HOOKS, events={"don": "x"}), runs=RUNS, endpoints=JOBS),
        "webhooks.events must be by a terminal status, not 'don'; did you mean 'done'?",
    ),
    (errors(code="A\nB"), "errors[0].code must be one line, not 'A\\nB'"),
    (errors(message=None), "errors[0].message must be a str, not None (BUSY)"),
    (errors(wire_code=5), "errors[0].wire_code must be a str, not 5 (BUSY)"),
    (errors(surfaces="http"), "errors[0].surfaces must be a tuple of str, not 'http' (BUSY)"),
    (errors(endpoints="/parse"), "errors[0].endpoints must be a tuple of str, not '/parse' (BUSY)"),
    (errors(endpoints=None), "errors[0].endpoints must be a tuple of str, not None (BUSY)"),
    (
        acme(errors=(item for item in (BUSY,))),
        "errors must be a tuple of DocumentedError, not one generator",
    ),
    (acme(own_errors=(BUSY,)), "own_errors[0].code is there twice: 'BUSY'"),
    (
        acme(base_url="https://u:p@api.acme.example"),
        "base_url must have no credential, not 'https://u:p@api.acme.example'",
    ),
    (
        acme(hosts=("https://api.acme.example",)),
        "hosts[0] must be a host name without a scheme, port or path, not "
        "'https://api.acme.example'",
    ),
    (acme(api_key=""), "api_key must be printable ASCII without spaces, not ''"),
    (acme(api_version="2026"), "api_version must be an APIVersion, not '2026'"),
    (acme(idempotency_header=5), "idempotency_header must be the name of a header, not 5"),
    (acme(endpoints=("POST /parse",)), "endpoints[0] must be an Endpoint, not 'POST /parse'"),
    (
        acme(endpoints=(Endpoint(method="GET", path="/jobs", polls=True),)),
        "endpoints[0].path must have a variable for the run, not '/jobs'",
    ),
    (
        acme(advice=(Advice(topic="backoff", text=None, source="a page"),)),
        "advice[0].text must be a str, not None",
    ),
    (
        acme(advice=(Advice(topic="code", text="Read the code.", source="a page"),)),
        "advice[0].topic must be one of 'retryable', 'backoff', 'retry_after', 'server_errors', "
        "'rate_limits', 'final_errors', 'timeout', 'request_id', 'polling', "
        "'idempotency', 'webhook', not 'code'",
    ),
    (
        runs(failed=None),
        "runs.failed must be one line of text, without spaces around it, not None",
    ),
    (acme(runs=replace(RUNS, sample=None)), "runs.sample must be a function, not None"),
    (acme(webhooks=replace(HOOKS, signing=None)), "webhooks.signing must be a Signing, not None"),
    (
        acme(webhooks=replace(HOOKS, events=None)),
        "webhooks.events must be a Mapping of at least one status to a type, not None",
    ),
    (acme(webhooks=replace(HOOKS, payload={})), "webhooks.payload must be a function, not {}"),
    (
        acme(webhooks=replace(HOOKS, signing=replace(HOOKS.signing, secret=b"s"))),
        "webhooks.signing.secret must be a text that is not empty, not b's'",
    ),
    (acme(behaviour="x"), "behaviour must be a Behaviour, not 'x'"),
    (acme(credential="x-key"), "credential must be a Credential, not 'x-key'"),
    # the place
    (
        acme(name="ac me"),
        "name must be of letters, digits and the characters _ . -, not 'ac me'",
    ),
    (acme(title="A\nB"), "title must be one line of text, without spaces around it, not 'A\\nB'"),
    *(
        (
            acme(base_url=url),
            f"base_url must be a URL without spaces, query and fragment, not {url!r}",
        )
        for url in (
            "https://api.acme.example/v1?x=1",
            "https://api.acme.example/v1#x",
            "https://api.acme.example/v1 ",
            "https://api.acme.example:port/v1",
        )
    ),
    (
        acme(hosts=("other.example",)),
        "hosts must have the host of base_url, 'api.acme.example', not ('other.example',)",
    ),
    (
        acme(hosts=("api.acme.example", "api..example")),
        "hosts[1] must be a host name without a scheme, port or path, not 'api..example'",
    ),
    # the credential
    *(
        (acme(api_key=key), f"api_key must be printable ASCII without spaces, not {key!r}")
        for key in ("a b", "clé", "a\n")
    ),
    *(
        (acme(credential=credential), f"credential.{message}")
        for credential, message in (
            (HeaderKey(""), "header must be the name of a header, not ''"),
            (HeaderKey("X Api Key"), "header must be the name of a header, not 'X Api Key'"),
            (HeaderKey(None), "header must be the name of a header, not None"),
            (
                QueryKey(""),
                "parameter must be one line of text, without spaces around it, not ''",
            ),
            (BearerToken(""), "scheme must be the name of a scheme, not ''"),
            (BasicAuth(key_is_user="no"), "key_is_user must be True or False, not 'no'"),
        )
    ),
    (
        acme(unauthorized="BUZY"),
        "unauthorized is the code of no error: 'BUZY'; did you mean 'BUSY'?",
    ),
    (
        acme(idempotency_header="Acme Key"),
        "idempotency_header must be the name of a header, not 'Acme Key'",
    ),
    (
        version(header="X-V"),
        "api_version.header must be the name of a header in lower case, not 'X-V'",
    ),
    (
        version(versions="2026"),
        "api_version.versions must be a tuple of at least one str, not '2026'",
    ),
    (version(versions=()), "api_version.versions must be a tuple of at least one str, not ()"),
    # what functions give
    (
        runs(failure_texts=lambda failure: failure.reason),
        "runs.failure_texts must give a tuple, not 'A_REASON_ADDED_LATER'",
    ),
    (
        runs(failure_texts=lambda failure: ()),
        "runs.failure_texts must give a tuple of texts that are not empty, not ()",
    ),
    (
        runs(failure_texts=lambda failure: failure.error.code),
        "runs.failure_texts raised AttributeError: 'NoneType' object has no attribute 'code'",
    ),
    (signing(sign=lambda *_: b"\x01"), "webhooks.signing.sign must give a str, not b'\\x01'"),
    (
        hooks(envelope=lambda *_: Unprintable()),
        "webhooks.envelope must give a Mapping, not one Unprintable",
    ),
    # errors
    (errors(code=" BUSY"), "errors[0].code must have no spaces around it, not ' BUSY'"),
    *(
        (
            errors(source_read=day),
            f"errors[0].source_read must be a date such as '2026-11-25', not {day!r} (BUSY)",
        )
        for day in ("yesterday", "2026-13-45", "20261125")
    ),
    # endpoints
    *(
        (endpoint(path=path), f"endpoints[0].path {message}, not {path!r}")
        for path, message in (
            ("parse", "must begin with a slash"),
            ("/jobs/{id}/{id}", "must have variables that are different names"),
            ("/jobs/{1}", "must have variables that are different names"),
            ("/jobs/{a-b}", "must have variables that are different names"),
            ("/jobs/{}", "must have variables that are different names"),
            ("/jobs/{id", "must be a path without spaces and query, each variable in braces"),
            ("/parse?x=1", "must be a path without spaces and query, each variable in braces"),
        )
    ),
    (
        endpoint(polls=True, submits=True),
        "endpoints[0].submits must be False where polls is True: a request does one or the other",
    ),
    (endpoint(path=None), "main_endpoint must be a str, not None"),
    (endpoint(method=None), "endpoints[0].method must be in capitals, not None"),
    (endpoint(method="P OST"), "endpoints[0].method must be a method of HTTP, not 'P OST'"),
    (endpoint(public="yes"), "endpoints[0].public must be True or False, not 'yes'"),
    (
        endpoint(samples=(("application/json", "{}"),)),
        "endpoints[0].samples must be a tuple of pairs of a str and bytes, not "
        "(('application/json', '{}'),)",
    ),
    (
        endpoint(customer_fields="metadata"),
        "endpoints[0].customer_fields must be a tuple of str, not 'metadata'",
    ),
    (
        acme(endpoints=(*JOBS, Endpoint(method="GET", path="/jobs/{job}"))),
        "endpoints has 'GET /jobs/{id}' 2 times",
    ),
    (acme(endpoints=None), "endpoints must be a tuple of Endpoint, not None"),
    (acme(endpoints=JOBS[0]), "endpoints must be a tuple of Endpoint, not one Endpoint"),
    (
        acme(advice=(Advice(topic="backoff", text="Wait.", source="a page", source_read=None),)),
        "advice[0].source_read must be a date such as '2026-11-25', not None",
    ),
    # behaviour
    (
        behaviour(request_id_header="X-Id"),
        "behaviour.request_id_header must be the name of a header in lower case, not 'X-Id'",
    ),
    (
        behaviour(request_id_field=5),
        "behaviour.request_id_field must be one line of text, without spaces around it, not 5",
    ),
    (behaviour(documents=None), "behaviour.documents must be a function, not None"),
    # runs and webhooks
    (
        runs(submitted=""),
        "runs.submitted must be one line of text, without spaces around it, not ''",
    ),
    (
        runs(id_prefix="a/b"),
        "runs.id_prefix must be of letters, digits and the characters . _ ~ -, not 'a/b'",
    ),
    (runs(unknown_reason="BUSY"), "runs.unknown_reason is the code of an error: 'BUSY'"),
    (
        hooks(events={}),
        "webhooks.events must be a Mapping of at least one status to a type, not {}",
    ),
    (
        hooks(events={"done": 5}),
        "webhooks.events must be a Mapping of at least one status to a type, not {'done': 5}",
    ),
    (
        hooks(batch_events={"done": "batch.done"}),
        "webhooks.batch_payload must be a function where there are batch_events, not None",
    ),
    (
        hooks(headers={"x": "a\r\nb"}),
        "webhooks.headers must be a Mapping of names of headers to texts, one line each, not "
        "{'x': 'a\\r\\nb'}",
    ),
    *(
        (
            hooks(answer_seconds=seconds),
            f"webhooks.answer_seconds must be a number of seconds > 0, not {seconds!r}",
        )
        for seconds in (-1, 0, True, float("inf"), "30")
    ),
    (
        hooks(unknown_event_type="job.done"),
        "webhooks.unknown_event_type is the type of a documented event: 'job.done'",
    ),
    (signing(secret=""), "webhooks.signing.secret must be a text that is not empty, not ''"),
    (
        signing(signature_header=""),
        "webhooks.signing.signature_header must be the name of a header, not ''",
    ),
    (
        signing(timestamp_header="X-Signature"),
        "webhooks.signing.timestamp_header carries the signature already: 'X-Signature'",
    ),
]


@pytest.mark.parametrize(("provider", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_wrong_provider_is_told_in_one_line(provider, message):
    with pytest.raises(UsageError) as caught:
        registry([("plugin conftest.py", provider)])
    assert str(caught.value) == f"plugin conftest.py: provider {provider.name!r}: {message}"


def test_a_right_provider_is_accepted():
    whole = acme(runs=RUNS, webhooks=HOOKS, endpoints=JOBS)
    assert registry([("plugin acme", whole)])["acme"] is whole


def test_lists_are_kept_as_tuples():
    busy = replace(BUSY, surfaces=["http", "run"], endpoints=["/jobs"])
    given = acme(errors=[busy], hosts=["api.acme.example"], endpoints=[*JOBS], runs=RUNS)
    found = registry([("plugin acme", given)])["acme"]
    assert found == acme(errors=(busy,), hosts=("api.acme.example",), endpoints=JOBS, runs=RUNS)
    assert found.errors[0].surfaces == ("http", "run")
    assert hash(found.errors[0])


def test_a_provider_of_a_known_name_adds_its_errors_only():
    more = Provider(
        name="extend", base_url="nowhere", errors=(replace(BUSY, provider="extend", code="OURS"),)
    )
    found = registry([("plugin ours", more)])["extend"]
    assert found.base_url == "https://api.extend.ai"
    assert [error.code for error in found.errors][-1] == "OURS"


def test_two_whole_providers_of_one_name_are_a_mistake():
    other = replace(acme(), base_url="https://api.other.example", hosts=(), endpoints=JOBS)
    given = [("plugin ours", acme()), ("plugin theirs", other)]
    with pytest.raises(UsageError) as caught:
        registry(given)
    assert str(caught.value) == (
        "plugin theirs: provider 'acme': endpoints must be left out: a provider of a known name "
        "only adds its errors"
    )
    assert registry([*given[:1], ("plugin theirs", acme().with_errors(BUSY))])["acme"]


def test_only_an_error_can_be_added():
    with pytest.raises(UsageError) as caught:
        acme().with_errors(BUSY, "LATE")
    assert str(caught.value) == ("provider 'acme': errors[1] must be a DocumentedError, not 'LATE'")


def test_an_added_error_is_checked_too():
    more = Provider(name="extend", base_url="", errors=(BUSY,))
    with pytest.raises(UsageError, match="provider must be 'extend', not 'acme'"):
        registry([("plugin ours", more)])
