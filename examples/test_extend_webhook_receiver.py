import asyncio
import json

import httpx
import pytest
from extend_webhook_receiver import make_app
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

PATH = "/webhooks/extend"
REJECTED = [
    *("bad_signature", "missing_signature", "missing_timestamp", "missing_headers"),
    *("too_old", "from_future", "changed_body", "invalid_json"),
]


@pytest.fixture
def app(extend_api):
    return make_app(api_key=extend_api.api_key, secret=extend_api.webhook_secret)


@pytest.mark.each_parse_error(surface="webhook")
def test_each_failure_reason(extend_api, app, documented_error):
    delivery = extend_api.webhook()
    extend_api.deliver(delivery, app, path=PATH)

    assert app.state.results == {delivery.run_id: documented_error.code}
    extend_api.assert_webhook_accepted()
    extend_api.assert_run_failure_logged(level="ERROR")
    extend_api.assert_credential_not_logged()


@pytest.mark.parametrize("wrong", REJECTED)
def test_wrong_deliveries_are_rejected(extend_api, app, wrong):
    extend_api.deliver(extend_api.webhook("OCR_ERROR", wrong=wrong), app, path=PATH)

    assert app.state.results == {}
    extend_api.assert_webhook_rejected()


@pytest.mark.parametrize("signed_url", [False, True])
def test_an_event_that_comes_twice_is_handled_once(extend_api, app, signed_url):
    delivery = extend_api.webhook("OCR_ERROR", signed_url=signed_url)
    extend_api.deliver(delivery, app, path=PATH)
    extend_api.deliver(delivery, app, path=PATH)

    extend_api.assert_webhook_handled_once()


def test_a_delivery_that_failed_half_way_is_worked_on_again(extend_api, app):
    extend_api.fail("INTERNAL_ERROR", endpoint="/parse_runs/{id}", times=3)
    delivery = extend_api.webhook()
    answers = extend_api.deliver(delivery, app, path=PATH)

    assert [answer.taken for answer in answers] == [False, True]
    assert app.state.results == {delivery.run_id: "done"}
    extend_api.assert_webhook_handled_once()


def test_an_event_type_that_was_added_later_is_taken(extend_api, app):
    extend_api.deliver(extend_api.webhook(wrong="unknown_event_type"), app, path=PATH)

    extend_api.assert_webhook_accepted()


def test_runs_deliver_by_themselves(extend_api, app):
    extend_api.runs_take(seconds=600)
    extend_api.deliver_webhooks_to(app, path=PATH)

    async def submit():
        headers = {"authorization": f"Bearer {extend_api.api_key}"}
        async with httpx.AsyncClient(base_url=extend_api.base_url, headers=headers) as client:
            body = {"file": {"url": "https://files.example.com/invoice.pdf"}}
            await client.post("/parse_runs", json=body)
        await asyncio.sleep(601)

    asyncio.run(submit())
    assert app.state.results == {extend_api.runs[0].id: "done"}


def test_what_most_people_write_first(extend_api):
    """Whoever knows the address can tell this receiver that a run has failed."""
    told = []

    async def receive(request):
        told.append(json.loads(await request.body())["payload"]["id"])
        return Response(status_code=204)

    careless = Starlette(routes=[Route(PATH, receive, methods=["POST"])])
    extend_api.deliver(extend_api.webhook(wrong="bad_signature"), careless, path=PATH)

    with pytest.raises(AssertionError, match="it answered 204"):
        extend_api.assert_webhook_rejected()
