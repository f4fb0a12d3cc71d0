"""What is wrong with a provider of another plugin is one line: plugin, provider, field, value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_parseapi import (
    Advice,
    DocumentedError,
    Endpoint,
    Provider,
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
    (errors(status="503"), "errors[0].status must be from 400 to 599, not '503' (BUSY)"),
    (errors(status=200), "errors[0].status must be from 400 to 599, not 200 (BUSY)"),
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
    (acme(api_key=""), "api_key must not be empty"),
    (acme(api_version="2026"), "api_version must be an APIVersion, not '2026'"),
    (acme(idempotency_header=5), "idempotency_header must be a str, not 5"),
    (acme(endpoints=("POST /parse",)), "endpoints[0] must be an Endpoint, not 'POST /parse'"),
    (
        acme(endpoints=(Endpoint(method="GET", path="/jobs", polls=True),)),
        "endpoints[0].path must have a variable for the run, not '/jobs'",
    ),
    (
        acme(advice=(Advice(rule="backoff", text=None, source="a page"),)),
        "advice[0].text must be a str, not None",
    ),
    (
        acme(advice=(Advice(rule="code", text="Read the code.", source="a page"),)),
        "advice[0].rule must be one of 'retryable', 'backoff', 'retry_after', 'server_errors', "
        "'timeout', 'request_id', 'polling', 'idempotency', 'webhook', not 'code'",
    ),
    (acme(runs=replace(RUNS, failed=None)), "runs.failed must be a str, not None"),
    (acme(runs=replace(RUNS, sample=None)), "runs.sample must be a function, not None"),
    (acme(webhooks=replace(HOOKS, signing=None)), "webhooks.signing must be a Signing, not None"),
    (acme(webhooks=replace(HOOKS, events=None)), "webhooks.events must be a Mapping, not None"),
    (acme(webhooks=replace(HOOKS, payload={})), "webhooks.payload must be a function, not {}"),
    (
        acme(webhooks=replace(HOOKS, signing=replace(HOOKS.signing, secret=b"s"))),
        "webhooks.signing.secret must be a str, not b's'",
    ),
    (acme(behaviour="x"), "behaviour must be a Behaviour, not 'x'"),
    (acme(credential="x-key"), "credential must be a Credential, not 'x-key'"),
]


@pytest.mark.parametrize(("provider", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_wrong_provider_is_told_in_one_line(provider, message):
    with pytest.raises(UsageError) as caught:
        registry([("plugin conftest.py", provider)])
    assert str(caught.value) == f"plugin conftest.py: provider {provider.name!r}: {message}"


def test_a_right_provider_is_accepted():
    whole = acme(runs=RUNS, webhooks=HOOKS, endpoints=JOBS)
    assert registry([("plugin acme", whole)])["acme"] is whole


def test_a_provider_of_a_known_name_adds_its_errors_only():
    more = Provider(
        name="extend", base_url="nowhere", errors=(replace(BUSY, provider="extend", code="OURS"),)
    )
    found = registry([("plugin ours", more)])["extend"]
    assert found.base_url == "https://api.extend.ai"
    assert [error.code for error in found.errors][-1] == "OURS"


def test_an_added_error_is_checked_too():
    more = Provider(name="extend", base_url="", errors=(BUSY,))
    with pytest.raises(UsageError, match="provider must be 'extend', not 'acme'"):
        registry([("plugin ours", more)])
