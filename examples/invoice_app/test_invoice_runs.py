import pytest
from fastapi.testclient import TestClient
from invoices import runs
from invoices.web import make_app

URL = "https://files.example.com/{}.pdf"


class TestArchive:
    @pytest.fixture(autouse=True)
    def slow(self, extend_api):
        extend_api.runs_take(polls=3)

    def test_contract(self, extend_api):
        assert runs.archive_contract(URL.format("contract"))["chunks"]
        assert extend_api.runs[0].status == "PROCESSED"

    def test_report(self):
        assert runs.archive_report(URL.format("report"))["chunks"]

    def test_minutes(self):
        assert runs.archive_minutes(URL.format("minutes"))


def test_webhook(extend_api):
    app = make_app(extend_api.webhook_secret)
    delivery = extend_api.webhook()
    extend_api.deliver(delivery, app, path="/extend")
    assert set(app.state.ended) <= {delivery.run_id}


def test_webhook_by_a_client(extend_api):
    app = make_app(extend_api.webhook_secret)
    delivery = extend_api.webhook()
    reply = TestClient(app).post("/extend", content=delivery.body, headers=delivery.headers)
    assert reply.status_code == 204
    assert app.state.ended == {delivery.run_id: "PROCESSED"}
