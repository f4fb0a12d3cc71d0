"""A server that runs for days keeps the newest records, and reports what it has dropped."""

from __future__ import annotations

import gc
import http.client
import io
import json
import weakref
from types import SimpleNamespace

import httpx
import pytest

from pytest_parseapi.clients.server.log import ServerLog
from pytest_parseapi.clients.server.server import LiveServer
from pytest_parseapi.providers.registry import registry
from pytest_parseapi.record.retention import Retention
from pytest_parseapi.serve import long_lived_providers
from pytest_parseapi.service import fuse
from pytest_parseapi.service.long_lived import LongLivedService

MOST = 10


class Server:
    """A server that keeps ten of each, and a client of it."""

    def __init__(self, url, simulated, client):
        self.url = url
        self.simulated = simulated
        self._client = client

    def post(self, path, body=None, token=None, **options):
        base = self.url if token is None else f"{self.url}/s/{token}"
        headers = {"authorization": "Bearer k", **options.pop("headers", {})}
        if not options:
            options = {"json": body or {}}
        return self._client.post(f"{base}{path}", headers=headers, **options)

    def get(self, path, token=None):
        base = self.url if token is None else f"{self.url}/s/{token}"
        return self._client.get(f"{base}{path}", headers={"authorization": "Bearer k"})

    def parse(self, name="a.pdf", token=None, path="/parse"):
        body = {"file": {"url": f"https://files.example.com/{name}"}}
        return self.post(path, body, token)

    def fail(self, token=None, times=1, **more):
        return self.post(
            "/__parseapi/fail", {"errors": ["OCR_ERROR"], "times": times, **more}, token
        )

    def check(self, name, token=None, **arguments):
        return self.post(f"/__parseapi/check/{name}", arguments, token)

    def look(self, name, token=None):
        reply = self.get(f"/__parseapi/{name}", token)
        return reply.json() if "json" in reply.headers["content-type"] else reply.text


def serving(name):
    log = ServerLog(io.StringIO())
    provider = registry()[name]
    simulated = long_lived_providers(provider, log, most=MOST)
    server = LiveServer(strict=True)
    server.attach(simulated.hosts)
    try:
        with httpx.Client(timeout=20) as client:
            yield Server(server.url(provider), simulated, client)
    finally:
        server.detach(simulated.hosts)
        server.stop()
        log.close()


@pytest.fixture
def server():
    yield from serving("extend")


@pytest.fixture
def nutrient_server():
    yield from serving("nutrient")


def numbers(server, token=None):
    return [attempt["number"] for attempt in server.look("attempts", token)]


def test_the_newest_attempts_are_kept_and_the_others_counted(server):
    for _ in range(MOST + 3):
        server.parse()
    assert numbers(server) == list(range(4, MOST + 4))
    health = server.look("health")
    assert (health["dropped"], health["dropped_of_all_tokens"]) == (3, 3)
    assert server.look("timeline").splitlines()[2] == (
        "    ... older attempts dropped to save memory: 3 ..."
    )


def test_the_limit_is_over_all_tokens(server):
    server.parse(token="first")
    for number in range(MOST):
        server.parse(token=f"t{number % 3}")
    assert numbers(server, "first") == []
    assert sum(len(numbers(server, f"t{number}")) for number in range(3)) == MOST
    assert server.look("health", "first")["dropped"] == 1
    assert server.look("health", "t0")["dropped"] == 0
    assert server.look("health")["dropped_of_all_tokens"] == 1
    assert server.look("timeline", "first") == (
        "timeline of Extend: no attempt on record (older ones dropped to save memory: 1)\n"
    )


def test_only_the_newest_dropped_names_stay_known():
    retention = Retention(most=1)
    for number in range(100):
        retention.note("token", [f"{number}.pdf"])
    token = SimpleNamespace(seed="token")
    known = [number for number in range(100) if retention.was_dropped(token, f"{number}.pdf")]
    assert 3 <= len(known) <= 6
    assert known == list(range(100 - len(known), 100))


SAID = (
    "dropped to save memory: 2 attempts; a server keeps the newest 10 attempts and runs, over all "
    "tokens"
)


@pytest.mark.parametrize("name", ["retried", "recovered", "timeout_set", "follows_documentation"])
def test_a_check_that_needs_a_dropped_attempt_fails_and_says_so(server, name):
    server.fail()
    for _ in range(MOST + 2):
        server.parse()
    found = server.check(name)
    assert found.status_code == 422
    assert found.json()["seen"] == SAID
    assert found.json()["rule"] == f"check/{name} sees every attempt"
    assert found.json()["next"].startswith("use a token of its own for each test")
    assert found.json()["nearest"] is None


def test_a_check_of_a_document_needs_only_what_was_about_it(server):
    server.fail(document="new.pdf")
    server.parse("old.pdf")
    for number in range(MOST - 2):
        server.parse(f"{number}.pdf")
    server.parse("new.pdf")
    server.parse("new.pdf")
    assert server.look("health")["dropped"] == 1
    assert server.check("recovered", document="new.pdf").status_code == 200
    found = server.check("recovered", document="old.pdf")
    assert found.status_code == 422
    assert "to save memory: 1 attempt, some of them about 'old.pdf';" in found.json()["seen"]


def test_an_operation_that_lost_its_beginning_is_not_judged(server):
    server.fail(times=2, document="a.pdf")
    server.parse("a.pdf")
    server.parse("a.pdf")
    for number in range(MOST - 1):
        server.parse(f"{number}.pdf")
    server.parse("a.pdf")
    found = server.check("retried", times=2, document="a.pdf")
    assert found.json()["seen"].startswith("dropped to save memory: 2 attempts")


def test_checks_of_another_token_still_work(server):
    for _ in range(MOST):
        server.parse(token="old")
    server.fail("new")
    server.parse(token="new")
    server.parse(token="new")
    assert server.check("recovered", "new").status_code == 200
    assert server.check("parsed_once", "old").status_code == 422


def test_a_reset_forgets_what_was_dropped(server):
    for _ in range(MOST + 2):
        server.parse()
    server.post("/__parseapi/reset")
    assert server.look("health")["dropped"] == 0
    server.fail()
    server.parse()
    server.parse()
    assert server.check("recovered").status_code == 200
    assert numbers(server) == [1, 2]


def test_attempts_before_a_reset_do_not_count(server):
    server.parse(token="a")
    for _ in range(3):
        for _ in range(MOST - 1):
            server.parse(token="b")
        server.post("/__parseapi/reset", token="b")
    assert numbers(server, "a") == [1]


def test_a_token_that_was_not_used_for_long_is_forgotten_and_that_is_known(server):
    server.fail("old", times=3)
    server.parse(token="old")
    for number in range(MOST):
        server.look("health", f"t{number}")
    assert server.look("health")["dropped_of_all_tokens"] == 1
    assert server.look("health", "old")["dropped"] == 1
    assert server.parse(token="old").status_code == 200
    seen = server.check("recovered", "old").json()["seen"]
    assert seen.startswith("dropped to save memory: 1 attempt;")


def test_what_was_scripted_for_a_forgotten_token_is_missed(server):
    server.fail("old")
    for number in range(MOST):
        server.look("health", f"t{number}")
    server.parse(token="old")
    assert "memory: what was scripted;" in server.check("timeout_set", "old").json()["seen"]


def test_the_oldest_runs_are_dropped(server):
    first = server.parse(path="/parse_runs").json()["id"]
    runs = [server.parse(f"{n}.pdf", path="/parse_runs").json()["id"] for n in range(MOST)]
    assert server.get(f"/parse_runs/{first}").status_code == 404
    assert server.get(f"/parse_runs/{runs[0]}").status_code == 200
    assert [run["id"] for run in server.look("runs")] == runs
    found = server.check("polling_stopped")
    assert "1 run" in found.json()["seen"]


def test_the_runs_of_a_batch_are_dropped_with_it(server):
    inputs = [{"file": {"url": f"https://files.example.com/{n}.pdf"}} for n in range(MOST + 1)]
    batch = server.post("/parse_runs/batch", {"inputs": inputs}).json()["id"]
    assert len(server.look("runs")) == MOST
    assert server.get(f"/batch_runs/{batch}").status_code == 404
    assert "dropped" in server.check("polling_stopped", document="0.pdf").json()["seen"]


def test_uploaded_files_are_dropped_with_their_attempt(server):
    def upload(name):
        files = {"file": (f"{name}.pdf", b"%PDF-1.7")}
        return server.post("/files/upload", files=files).json()["id"]

    first, *_, last = [upload(number) for number in range(MOST + 1)]
    assert server.post("/parse", {"file": {"id": last}}).status_code == 200
    assert server.post("/parse", {"file": {"id": first}}).status_code != 200


def test_uploaded_assets_are_dropped_with_their_attempt(nutrient_server):
    for number in range(MOST + 5):
        files = {"file": (f"{number}.pdf", b"%PDF-1.7")}
        assert nutrient_server.post("/extraction/uploads", files=files).status_code < 300
    state = nutrient_server.simulated.services["nutrient"].state
    assert len(state.assets) == MOST


def test_memory_does_not_grow_with_dropped_attempts(server):
    address = httpx.URL(server.url).netloc.decode()
    for number in range(15 * MOST):
        # Another token, document, credential, connection and reason each time.
        connection = http.client.HTTPConnection(address, timeout=20)
        headers = {"authorization": f"Bearer {number}", "content-type": "application/json"}
        document = f"https://files.example.com/{number}.pdf"
        body = json.dumps({"file": {"url": document}, "x": number} if number % 5 else {})
        connection.request("POST", f"/s/t{number % (3 * MOST)}/parse", body, headers)
        connection.getresponse().read()
        connection.close()
        server.fail(f"t{number % 7}")
    journals = [
        service.journal
        for simulated in server.simulated._tokens._by_token.values()
        for service in simulated.services.values()
    ]
    assert len(journals) <= MOST
    for journal in journals:
        assert len(journal.attempts) <= MOST
        assert len(journal.operations) == len(journal._operations._documents) <= MOST
        assert len(journal._operations._latest) <= 2 * MOST + 1
        assert len(journal.credentials) <= 2 * MOST + 1
        assert len(journal._kept) <= 20 * MOST


def test_memory_of_a_forgotten_token_is_freed_at_once(server, monkeypatch):
    alive = weakref.WeakSet()
    begin = LongLivedService.__init__

    def counted(service, *arguments, **named):
        begin(service, *arguments, **named)
        alive.add(service)

    monkeypatch.setattr(LongLivedService, "__init__", counted)
    # Nobody may rely on the garbage collector: it waits until there is a lot.
    gc.collect()
    gc.disable()
    try:
        for number in range(5 * MOST):
            token = f"t{number}"
            server.fail(token)
            server.parse(f"{number}.pdf", token)
            server.parse(f"{number}.pdf", token, path="/parse_runs")
            server.post("/files/upload", token=token, files={"file": ("a.pdf", b"%PDF-1.7")})
            server.post("/__parseapi/webhook", {}, token)
            server.check("retried", token)
            server.post("/__parseapi/reset", {}, f"t{number - 1}")
    finally:
        gc.enable()
    assert len(alive) <= MOST + 2


def test_a_document_that_is_parsed_again_and_again_is_one_short_series(server):
    for _ in range(5 * MOST):
        server.parse()
    (journal,) = [service.journal for service in server.simulated.services.values()]
    operations = journal.operations
    assert len(operations) == MOST
    assert operations[0].preceding is None
    assert operations[1].preceding is operations[0]


def test_the_attempts_of_a_test_are_all_kept(extend_api):
    for _ in range(40):
        httpx.post(
            f"{extend_api.live_url}/parse",
            json={"file": {"url": "https://files.example.com/a.pdf"}},
            headers={"authorization": "Bearer k"},
        )
    assert len(extend_api.attempts) == 40
    health = httpx.get(f"{extend_api.live_url}/__parseapi/health").json()
    assert (health["dropped"], health["dropped_of_all_tokens"]) == (0, 0)


def test_large_bodies_count_by_their_size(server):
    service = server.simulated.services["extend"]
    service._shared.retention = Retention(most_bytes=5000)
    for number in range(10):
        server.post("/files/upload", files={"file": (f"{number}.pdf", b"x" * 1500)})
    assert numbers(server) == [9, 10]
    assert service._shared.retention.dropped == 8


def test_no_fuse_stops_a_server(server, monkeypatch):
    monkeypatch.setattr(fuse, "MAX_POLLS", 3)
    assert {server.parse().status_code for _ in range(MOST + 5)} == {200}
