"""A third-party provider can do all that the built-in ones do, with public names alone."""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import respx
from acme import ACME, error
from acme_consumers import BROKEN, Right

from pytest_parseapi import ParseErrorContract, Rejected, Reply, Submission, UsageError
from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.api.simulation import Settings, Simulation
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.contract.call import Harness
from pytest_parseapi.contract.case_kinds import case_kinds_of
from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.providers.registry import registry

URL = "https://files.example.com/a.pdf"
PROVIDERS = registry([("plugin acme", ACME)])
CONTEXTS = SharedContexts()


@contextlib.contextmanager
def simulated(seed, provider=ACME):
    known = PROVIDERS if provider is ACME else registry([("plugin acme", provider)])
    simulation = Simulation(known, Settings(seed=seed), CONTEXTS)
    simulation.start()
    try:
        yield ParseAPI(simulation, provider), simulation
    finally:
        simulation.stop()


@pytest.fixture
def acme(request):
    with simulated(request.node.nodeid) as (api, simulation):
        simulation.begin_call()
        yield api


def post(acme, path="/read", document=URL, **more):
    headers = {"X-Api-Key": acme.api_key, **more.pop("headers", {})}
    return httpx.post(
        acme.base_url + path, json={"source": document}, headers=headers, timeout=5, **more
    )


def test_a_provider_that_documents_http_is_asked_by_http(request):
    plain = replace(ACME, base_url=ACME.base_url.replace("https:", "http:"))
    with simulated(request.node.nodeid, plain) as (api, simulation):
        simulation.begin_call()
        assert post(api).status_code == 200
        wrong = api.base_url.replace("http:", "https:") + "/read"
        with pytest.raises(SimulationStopped) as stop:
            httpx.post(wrong)
        simulation.stops.message = None
    assert str(stop.value) == f"POST {wrong} is not simulated: Acme documents http only."


def test_a_path_that_is_not_simulated_is_told_with_those_that_are(acme):
    with pytest.raises(SimulationStopped) as stop:
        post(acme, "/red")
    base = acme.base_url.removeprefix("https://").partition("/")[2]
    first = str(stop.value).partition("\n")[0]
    assert first.startswith(f"POST /{base}/red is not simulated: Acme does not document it")
    assert f"  nearest   did you mean 'POST /{base}/read'" in str(stop.value)
    assert f"  exists    POST /{base}/read\n" in str(stop.value)


def get(acme, path):
    return httpx.get(acme.base_url + path, headers={"X-Api-Key": acme.api_key}, timeout=5)


def contract(consumer, surface):
    """The contract over one consumer, webhooks too."""

    class Kind(ParseErrorContract):
        provider = "acme"
        deduplicates = None

        def setup(self):
            self.consumer = consumer(self.base_url, self.api_key, self.webhook_secret)

        def parse(self, document):
            return getattr(self.consumer, "job" if surface == "run" else "read")(document)

        def handle_webhook(self, body, headers):
            return self.consumer.webhook(body, headers)

        def webhook_effects(self):
            return self.consumer.done

    Kind.surface = surface
    return Kind


def broken_rules(kind, until=None):
    broken = {}
    simulation = None
    with contextlib.ExitStack() as undo:
        for tried in case_kinds_of(kind):
            for case in tried.cases(ACME, kind()):
                if simulation is None or simulation.stops.message is not None:
                    undo.close()
                    api, simulation = undo.enter_context(simulated(kind.__name__))
                api.reset()
                simulation.begin_call()
                one = kind()
                one.api_key, one.base_url = api.api_key, api.base_url
                one.webhook_secret = api.webhook_secret
                one.setup()
                harness = Harness(api=api, parse=one.parse, policy=one)
                for violation in tried.violations(case, harness):
                    broken.setdefault(violation.rule, violation.finding)
                if until in broken:
                    return broken
    return broken


@pytest.mark.parametrize("surface", ["http", "run"])
def test_the_right_consumer_passes_the_contract(surface):
    assert broken_rules(contract(Right, surface)) == {}


@pytest.mark.parametrize(
    ("surface", "consumer"),
    [(surface, kind) for surface, kinds in BROKEN.items() for kind in kinds],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_broken_consumer_is_caught(surface, consumer):
    assert consumer.breaks in broken_rules(contract(consumer, surface), until=consumer.breaks)


def test_a_key_in_another_header_is_seen_in_the_log(acme):
    acme.fail("BUSY")
    logging.getLogger("app").error("asking with key %s", acme.api_key)
    post(acme)
    with pytest.raises(AssertionError, match="credential"):
        acme.assert_credential_not_logged()
    assert acme.attempts[0].headers["x-api-key"] == "***"


def test_without_its_key_a_request_is_turned_down(acme):
    reply = httpx.post(acme.base_url + "/read", json={"source": URL}, timeout=5)
    assert reply.status_code == 401
    assert reply.json() == {"error": {"type": "NO_KEY", "text": "Acme says NO_KEY."}}


def test_a_document_is_named(acme):
    acme.fail("BUSY", document="a.pdf")
    assert post(acme, document="https://files.example.com/b.pdf").status_code == 200
    assert post(acme).status_code == 503


def test_the_id_of_a_request_is_in_its_header(acme):
    acme.fail("BUSY", "invalid_json", "missing_request_id")
    ids = [post(acme).headers.get("x-acme-request") for _ in range(3)]
    assert ids[2] is None
    assert acme.request_ids == ids[:2]


def test_the_case_of_a_header_s_name_means_nothing():
    class InCapitals(type(ACME.behaviour)):
        def reply_headers(self, request_id):
            return {"X-Acme-Request": request_id}

        def reply(self, status, body, request_id):
            zipped = gzip.compress(json.dumps(body).encode())
            headers = {"Content-Encoding": "gzip", "Content-Length": str(len(zipped))}
            return Reply(
                status=status, headers=self.reply_headers(request_id) | headers, body=zipped
            )

        def error_reply(self, error, **given):
            made = super().error_reply(error, **given)
            return replace(made, headers={**made.headers, "Retry-After": "3"})

    with simulated("capitals", replace(ACME, behaviour=InCapitals())) as (api, simulation):
        simulation.begin_call()
        api.fail("BUSY", times=1)
        post(api)
        reply = post(api)
        failed, recovered = api.attempts
    assert failed.retry_after == "3"
    assert (failed.request_id, recovered.request_id) == tuple(
        f"{recovered.request_id[:-1]}{number}" for number in (1, 2)
    )
    assert reply.json() == {"text": "Hello"}
    assert reply.headers.get_list("content-length") == [str(reply.num_bytes_downloaded)]


def test_another_key_after_a_final_error_is_another_request(acme):
    acme.fail("UNREADABLE")
    post(acme)
    post(acme, headers={"X-Api-Key": "another key"})
    logging.getLogger("app").error("failed: %s", acme.request_ids)
    acme.assert_follows_documentation()


def test_the_same_key_after_a_final_error_is_a_retry(acme):
    acme.fail("UNREADABLE")
    post(acme)
    post(acme)
    with pytest.raises(AssertionError, match="UNREADABLE is not retried"):
        acme.assert_follows_documentation()


def test_messages_call_the_id_of_a_request_as_the_provider_does(acme):
    acme.fail("BUSY")
    post(acme)
    with pytest.raises(AssertionError) as failure:
        acme.assert_request_id_logged()
    text = str(failure.value)
    assert text.startswith("rule broken: the x-acme-request of the last failed reply is logged\n")
    assert "requestId" not in text
    assert text.splitlines()[-2].endswith("x-acme-request")


def test_a_mock_without_the_id_lacks_what_the_provider_names(acme):
    with respx.mock:
        respx.post(f"{acme.base_url}/read").respond(503, json={"error": "BUSY"})
        post(acme)
    assert "its headers lack the documented x-acme-request" in acme.timeline()


def test_a_mock_names_an_error_by_its_code_where_several_have_its_status():
    full = error("FULL", 503, retryable=True)
    with simulated("full", replace(ACME, errors=(*ACME.errors, full))) as (api, simulation):
        simulation.begin_call()
        with respx.mock:
            respx.post(f"{api.base_url}/read").respond(
                503, json={"error": {"type": "FULL"}}, headers={"x-acme-request": "req_1"}
            )
            post(api)
        (attempt,) = api.attempts
        assert attempt.error == full
        assert "documented" not in api.timeline()


def test_a_run_fails_and_is_resubmitted(acme):
    acme.fail_run("BUSY", polls=2)
    job = post(acme, "/jobs").json()
    assert job == {"job": job["job"], "state": "new"}
    shown = [get(acme, f"/jobs/{job['job']}").json() for _ in range(3)]
    assert [item["state"] for item in shown] == ["working", "working", "broken"]
    assert shown[2]["why"] == "BUSY"
    (run,) = acme.runs
    assert (run.status, run.failed, run.failure_reason, run.document) == (
        *("broken", True, "BUSY"),
        URL,
    )
    post(acme, "/jobs")
    acme.assert_resubmitted(times=1)


def test_a_reason_that_no_page_lists(acme):
    acme.fail_run("unknown_code", polls=0)
    job = post(acme, "/jobs").json()["job"]
    assert get(acme, f"/jobs/{job}").json()["why"] == "SOMETHING_ELSE"


def test_a_run_that_does_not_exist(acme):
    assert get(acme, "/jobs/job_none").status_code == 404


@pytest.mark.parametrize("fault", ["read_timeout", "connection_reset", "truncated_body"])
def test_a_lost_reply_leaves_the_run_behind(acme, fault):
    acme.fail(fault)
    with contextlib.suppress(httpx.HTTPError):
        post(acme, "/jobs")
    assert len(acme.runs) == 1
    post(acme, "/jobs")
    assert len(acme.runs) == 2


@pytest.mark.parametrize("fault", ["connect_error", "connect_timeout", "BUSY", "empty_body"])
def test_a_request_that_never_arrives_leaves_no_run(acme, fault):
    acme.fail(fault)
    with contextlib.suppress(httpx.HTTPError):
        post(acme, "/jobs")
    assert acme.runs == []


def test_the_same_key_gives_the_same_run(acme):
    acme.fail("read_timeout")
    with pytest.raises(httpx.ReadTimeout):
        post(acme, "/jobs", headers={"Acme-Key": "k1"})
    again = post(acme, "/jobs", headers={"Acme-Key": "k1"}).json()["job"]
    assert [run.id for run in acme.runs] == [again]
    assert post(acme, "/jobs", headers={"Acme-Key": "k2"}).json()["job"] != again


def test_the_same_key_for_another_request_is_a_conflict(acme):
    key = {"headers": {"Acme-Key": "k1"}}
    post(acme, "/jobs", **key)
    other = post(acme, "/jobs", document="https://files.example.com/b.pdf", **key)
    assert other.status_code == 409
    assert other.json()["error"]["text"] == "Acme-Key 'k1' was used for another request."
    assert len(acme.runs) == 1


def test_a_webhook_without_a_timestamp_is_signed(acme):
    consumer = Right(acme.base_url, acme.api_key, acme.webhook_secret)
    acme.deliver(acme.webhook("BUSY"), consumer.webhook)
    acme.assert_webhook_accepted()
    for wrong in ("bad_signature", "missing_signature", "changed_body"):
        acme.deliver(acme.webhook(wrong=wrong), consumer.webhook)
    acme.assert_webhook_rejected()
    assert consumer.done == 1


def test_a_provider_is_served(acme):
    reply = httpx.post(
        acme.live_url + "/jobs", json={"source": URL}, headers={"X-Api-Key": "k"}, timeout=5
    )
    assert reply.status_code == 202


class BrokenError(Exception):
    pass


def raising(*_arguments, **_named):
    raise BrokenError("two\nlines")


@pytest.mark.parametrize(
    ("method", "function", "said"),
    [
        ("answer", raising, "raised BrokenError: two"),
        ("answer", lambda *_: {"status": "ok"}, "gives a Reply, not {'status': 'ok'}"),
        ("answer", lambda *_: None, "gives a Reply, not None"),
        ("documents", raising, "raised BrokenError: two"),
        ("documents", lambda *_: ["a.pdf"], "gives a tuple of texts, not ['a.pdf']"),
        ("documents", lambda *_: (None,), "gives a tuple of texts, not (None,)"),
        ("error_body", raising, "raised BrokenError: two"),
        ("error_body", lambda *_, **__: {"x": {1}}, "raised TypeError: Object of type set is not"),
        ("error_body", lambda *_, **__: None, "'acme': Wrong.error_body gives a mapping, not None"),
        ("wording_for", raising, "raising raised BrokenError: two"),
        ("wording_for", lambda *_: "x", "gives a Rejected or None, not 'x'"),
        *(
            ("answer", lambda *_, reply=reply: reply, f"gives a Reply whose {problem}")
            for reply, problem in (
                (Reply(status="200"), "status is not an integer from 200 to 599: '200'"),
                (Reply(status=99), "status is not an integer from 200 to 599: 99"),
                (Reply(status=200, body="text"), "body is not bytes, but one str"),
                (Reply(status=200, headers={"x": 3}), "headers are not texts: 'x': 3"),
                (Reply(status=200, headers={"x": "a\r\n"}), "header 'x' has more than one line"),
                (Reply(status=200, headers={"x\ny": "a"}), "header 'x\\ny' has more than one line"),
                (
                    Reply(status=200, headers=[("x", "a")]),
                    "headers are not a mapping: [('x', 'a')]",
                ),
            )
        ),
        ("error_reply", lambda *_, **__: {}, "'acme': <lambda> gives a Reply, not {}"),
        ("error_reply", lambda *_, **__: Reply(status=1), "gives a Reply whose status is not"),
    ],
)
def test_a_mistake_in_a_behaviour_stops_the_test_in_one_line(method, function, said):
    kind = type("Wrong", (type(ACME.behaviour),), {method: function})
    with simulated(method, replace(ACME, behaviour=kind())) as (api, simulation):
        simulation.begin_call()
        api.fail("BUSY")
        if method == "answer":
            api.reset()
        with pytest.raises(SimulationStopped) as caught:
            post(api)
    text = str(caught.value)
    assert text.startswith("provider 'acme': ")
    assert said in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"names": URL}, f"Submission.names must be a tuple of texts, not {URL!r}"),
        ({"names": (None,)}, "Submission.names must be a tuple of texts, not (None,)"),
        (
            {"names": (URL,), "failure": "BUSY"},
            "Submission.failure must be a RunFailure, not 'BUSY'",
        ),
    ],
)
def test_a_wrong_submission_is_refused_where_it_is_made(wrong, said):
    def answer(_self, call, _request_id):
        call.runs.submit(Submission(**wrong))

    kind = type("Wrong", (type(ACME.behaviour),), {"answer": answer})
    with simulated("submission", replace(ACME, behaviour=kind())) as (api, simulation):
        simulation.begin_call()
        with pytest.raises(SimulationStopped) as caught:
            post(api, "/jobs")
    assert str(caught.value).endswith(f"answer raised TypeError: {said}")


@pytest.mark.parametrize(
    ("part", "wrong", "said"),
    [
        (
            "webhooks",
            {"payload": lambda *_: None},
            "webhooks.payload must give a Mapping, not None",
        ),
        ("webhooks", {"payload": raising}, "webhooks.payload raised BrokenError: two"),
        (
            "webhooks",
            {"payload": lambda *_: {"pages": {1}}},
            "the event job.finished: Object of type set is not JSON serializable",
        ),
        ("runs", {"sample": lambda *_: "x"}, "runs.sample must give a Submission, not 'x'"),
        ("runs", {"sample": raising}, "runs.sample raised BrokenError: two"),
    ],
)
def test_a_delivery_that_no_receiver_could_get_is_the_author_s_mistake(part, wrong, said):
    provider = replace(ACME, **{part: replace(getattr(ACME, part), **wrong)})
    with simulated("delivery", provider) as (api, simulation):
        simulation.begin_call()
        with pytest.raises(UsageError) as caught:
            api.webhook()
    assert str(caught.value) == f"provider 'acme': {said}"


def test_a_state_that_cannot_be_made_is_the_author_s_mistake():
    kind = type("Wrong", (type(ACME.behaviour),), {"new_state": raising})
    with (
        pytest.raises(UsageError) as caught,
        simulated("state", replace(ACME, behaviour=kind())),
    ):
        pass
    assert str(caught.value) == "provider 'acme': raising raised BrokenError: two"


def test_an_unknown_code_of_a_rejection_names_the_known_ones():
    def answer(*_arguments):
        raise Rejected("BUZY")

    kind = type("Wrong", (type(ACME.behaviour),), {"answer": answer})
    with simulated("rejected", replace(ACME, behaviour=kind())) as (api, simulation):
        simulation.begin_call()
        with pytest.raises(SimulationStopped) as caught:
            post(api)
    assert str(caught.value) == (
        "provider 'acme': Rejected('BUZY') names no error of Provider.errors or "
        "Provider.own_errors; did you mean 'BUSY'?"
    )


def test_the_provider_uses_public_names_alone():
    for name in ("acme.py", "acme_consumers.py"):
        source = (Path(__file__).parent / name).read_text()
        assert "pytest_parseapi." not in source
