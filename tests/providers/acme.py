"""A provider of a third party, by public names alone: runs, webhooks, and a key of its own."""

from __future__ import annotations

from pytest_parseapi import (
    Advice,
    Behaviour,
    DocumentedError,
    Endpoint,
    HeaderKey,
    Provider,
    Rejected,
    RunDescription,
    Signing,
    Submission,
    WebhookDescription,
    json_object,
    json_reply,
    names_of_url,
)
from pytest_parseapi import MalformedBody as Malformed

PAGE = "docs.acme.example/errors"


def error(code, status, *, retryable=False, **more):
    return DocumentedError(
        provider="acme",
        code=code,
        status=status,
        retryable=retryable,
        message=f"Acme says {code}.",
        source=PAGE,
        source_read="2026-11-25",
        **more,
    )


ERRORS = (
    error("BAD_REQUEST", 400, cured_by="config"),
    error("NO_KEY", 401, cured_by="credential"),
    error("GONE", 404),
    error("SLOW_DOWN", 429, retryable=True),
    error("BUSY", 503, retryable=True, surfaces=("http", "run", "webhook")),
    error("UNREADABLE", 422, surfaces=("http", "run", "webhook"), cured_by="file"),
)


class Acme(Behaviour):
    """The id of a request is in a header, and a document is named by ``source``."""

    request_id_field = None
    request_id_header = "x-acme-request"

    def documents(self, request, state):
        try:
            return names_of_url(json_object(request).get("source"))
        except Malformed:
            return ()

    def answer(self, call, request_id):
        if call.request.method == "POST" and not call.names:
            raise Rejected("BAD_REQUEST", "source is missing", details={"field": "source"})
        if call.endpoint.submits:
            run = call.runs.submit(Submission(names=call.names, data={"pages": 1}))
            return self.reply(202, {"job": run.id, "state": run.status}, request_id)
        if call.endpoint.polls:
            run = call.runs.find(call.params["job"])
            if run is None:
                raise Rejected("GONE")
            status = call.runs.poll(run)
            body = {"job": run.id, "state": status, **run.data}
            failure = run.failure_shown(status)
            if failure is not None:
                body["why"] = failure.reason
            return self.reply(200, body, request_id)
        return self.reply(200, {"text": "Hello"}, request_id)

    def reply(self, status, body, request_id):
        return json_reply(status, body, {self.request_id_header: request_id})

    def error_body(self, error, *, message, request_id, details):
        return {"error": {"type": error.code, "text": message, **details}}


ACME = Provider(
    name="acme",
    title="Acme",
    base_url="https://api.acme.example/v1",
    api_key="acme_secret_key_0123456789",
    credential=HeaderKey("X-Api-Key"),
    unauthorized="NO_KEY",
    errors=ERRORS,
    endpoints=(
        Endpoint(method="POST", path="/read"),
        Endpoint(method="POST", path="/jobs", submits=True),
        Endpoint(method="GET", path="/jobs/{job}", polls=True),
    ),
    idempotency_header="Acme-Key",
    advice=(
        Advice(topic="retryable", text="Retry a 429 and a 503.", source=PAGE),
        Advice(topic="backoff", text="Wait longer each time.", source=PAGE),
        Advice(topic="retry_after", text="Wait as long as Retry-After says.", source=PAGE),
    ),
    behaviour=Acme(),
    runs=RunDescription(
        submitted="new",
        running="working",
        succeeded="finished",
        failed="broken",
        id_prefix="job_",
        failure_field="why",
        unknown_reason="SOMETHING_ELSE",
    ),
    webhooks=WebhookDescription(
        signing=Signing(secret="acme_whsec_0123456789", signature_header="x-acme-signature"),
        events={"finished": "job.finished", "broken": "job.broken"},
        payload=lambda context, run, metadata: {"job": run.id, "state": run.status},
        envelope=lambda event_id, event_type, payload: {
            "id": event_id,
            "type": event_type,
            "data": payload,
        },
        event_id_prefix="evt_",
        unknown_event_type="job.a_type_added_later",
    ),
)


def pytest_parseapi_providers():
    return [ACME]
