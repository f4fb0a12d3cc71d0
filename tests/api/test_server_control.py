"""The live server's control, which a test in another language uses."""

from __future__ import annotations

import json

import httpx
import pytest

from pytest_parseapi import ParseAPI

BODY = {"file": {"url": "https://files.example.com/a.pdf"}}
SIX = {"rule", "expected", "seen", "nearest", "next", "text"}


@pytest.fixture
def base(extend_api):
    """The base URL that the consumer has."""
    return extend_api.live_url


def control(base, name, arguments=None, **options):
    return httpx.post(f"{base}/__parseapi/{name}", json=arguments or {}, **options)


def look(base, name, **options):
    return httpx.get(f"{base}/__parseapi/{name}", **options)


def parse(base, name="a.pdf", path="/parse"):
    body = {"file": {"url": f"https://files.example.com/{name}"}}
    headers = {"authorization": "Bearer sk_secret_0123456789"}
    return httpx.post(f"{base}{path}", json=body, headers=headers, timeout=9)


class TestPosts:
    def test_fail_scripts_failures(self, base):
        arguments = {"errors": ["OCR_ERROR", 429], "times": 2, "retry_after": 3}
        assert control(base, "fail", arguments).status_code == 200
        replies = [parse(base) for _ in range(5)]
        assert [reply.status_code for reply in replies] == [500, 500, 429, 429, 200]
        assert replies[2].headers["retry-after"] == "3"

    def test_always_is_for_ever(self, base):
        control(base, "fail", {"errors": ["OCR_ERROR"], "times": "always"})
        assert {parse(base).status_code for _ in range(5)} == {500}

    def test_fail_run_and_runs_take(self, base):
        control(base, "runs_take", {"polls": 0})
        control(base, "fail_run", {"error": "CORRUPT_FILE", "polls": 0, "document": "b.pdf"})
        for name in ("a.pdf", "b.pdf"):
            run = parse(base, name, "/parse_runs").json()
            headers = {"authorization": "Bearer k"}
            httpx.get(f"{base}/parse_runs/{run['id']}", headers=headers)
        runs = look(base, "runs").json()
        assert [(run["status"], run["failure_reason"], run["failed"]) for run in runs] == [
            ("PROCESSED", None, False),
            ("FAILED", "CORRUPT_FILE", True),
        ]

    def test_replies_take(self, base, extend_api):
        assert control(base, "replies_take", {"seconds": 0.05}).status_code == 200
        parse(base)
        (attempt,) = extend_api.attempts
        assert attempt.ended - attempt.started >= 0.05

    def test_replies_may_take_longer_than_any_system_waits(self, base):
        control(base, "replies_take", {"seconds": 1e300})
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{base}/parse", json=BODY, headers={"authorization": "Bearer k"}, timeout=1)
        assert control(base, "reset").status_code == 200
        assert parse(base).status_code == 200

    def test_a_webhook_makes_its_secret_one_that_no_log_may_hold(self, base, extend_api):
        control(base, "webhook", {"error": "OCR_ERROR", "document": "a.pdf"})
        said = {"text": f"secret {extend_api.provider.webhooks.signing.secret}"}
        reply = control(base, "check/credential_not_logged", said)
        assert reply.status_code == 422
        assert "rule broken: no credential appears in logs or output" in reply.json()["text"]

    def test_webhook_answers_the_delivery(self, base, extend_api):
        reply = control(base, "webhook", {"error": "OCR_ERROR", "document": "a.pdf"})
        assert reply.status_code == 200
        found = reply.json()
        assert set(found) == {"body", "headers", "event_id", "event_type"}
        event = json.loads(found["body"])
        assert (event["eventId"], event["eventType"]) == (found["event_id"], found["event_type"])
        assert event["payload"]["failureReason"] == "OCR_ERROR"
        assert "content-type" in found["headers"]

    def test_reset_forgets(self, base, extend_api):
        control(base, "fail", {"errors": ["OCR_ERROR"], "times": "always"})
        parse(base)
        assert control(base, "reset").status_code == 200
        assert extend_api.attempts == []
        assert parse(base).status_code == 200

    @pytest.mark.parametrize(
        ("name", "arguments", "text"),
        [
            ("fail", {"errors": ["OCR_EROR"]}, "did you mean 'OCR_ERROR'?"),
            ("fail", {"errors": []}, "fail() needs at least one error"),
            ("fail", {}, "fail() needs at least one error"),
            ("fail", {"errors": "OCR_ERROR"}, "fail: errors must be a list, not a text"),
            ("fail", {"error": "OCR_ERROR"}, "fail takes no 'error': did you mean 'errors'?"),
            ("fail", {"errors": ["OCR_ERROR"], "times": -1}, "times"),
            ("fail", {"errors": ["OCR_ERROR"], "times": "twice"}, "times"),
            ("fail", {"errors": ["OCR_ERROR"], "times": True}, "times"),
            ("fail", {"errors": ["OCR_ERROR"], "document": 7}, "document"),
            ("fail", {"errors": ["OCR_ERROR"], "endpoint": "/pars"}, "'/parse'"),
            ("fail", {"errors": ["OCR_ERROR"], "when": "x"}, "cannot travel over HTTP"),
            ("fail", {"errors": [{"code": 1}]}, ""),
            ("fail", {"errors": [None]}, ""),
            ("fail", {"errors": [["OCR_ERROR"]]}, ""),
            ("fail", {"errors": ["OCR_ERROR", "OCR_EROR"]}, "did you mean 'OCR_ERROR'?"),
            ("fail_run", {}, "fail_run needs 'error'"),
            ("fail_run", {"error": "FORBIDDEN"}, "FORBIDDEN"),
            ("runs_take", {"polls": 1, "seconds": 1}, "either polls=N or seconds=S"),
            ("replies_take", {"seconds": "1"}, "seconds"),
            ("webhook", {"error": "OCR_EROR"}, "did you mean 'OCR_ERROR'?"),
            ("webhook", {"wrong": "bad_sig"}, "bad_signature"),
            ("webhook", {"batch": "yes"}, "webhook: batch must be true or false, not a text"),
            ("webhook", {"metadata": []}, "webhook: metadata must be an object, not a list"),
            ("webhook", {"run": ["pr_1"]}, "run is the id of a run or batch, not list"),
            ("webhook", {"run": {}}, "run is the id of a run or batch, not dict"),
            ("reset", {"all": True}, "reset takes no 'all'"),
        ],
    )
    def test_a_refused_call_leaves_nothing_in_force(self, base, extend_api, name, arguments, text):
        reply = control(base, name, arguments)
        assert (reply.status_code, set(reply.json())) == (400, {"text"})
        assert text in reply.json()["text"]
        assert extend_api._simulation.unused() == []
        assert extend_api.runs == []
        assert parse(base).status_code == 200
        run = parse(base, path="/parse_runs").json()
        assert run["status"] == "PROCESSING"


class TestGets:
    def test_attempts_have_the_fields_of_an_attempt(self, base, extend_api):
        extend_api.fail("OCR_ERROR", "connection_reset")
        parse(base)
        with pytest.raises(httpx.HTTPError):
            parse(base)
        first, second = look(base, "attempts").json()
        (recorded, _) = extend_api.attempts
        for name in (
            *("number", "method", "url", "path", "endpoint", "document", "request_id", "status"),
            *("run_id", "started", "waited", "headers", "payload_digest", "client"),
        ):
            assert first[name] == getattr(recorded, name), name
        assert (first["error"], second["error"], second["status"]) == (
            "OCR_ERROR",
            "connection_reset",
            None,
        )
        assert json.loads(first["body"]) == BODY
        assert first["headers"]["authorization"] == "Bearer ***"
        assert "sk_secret" not in look(base, "attempts").text

    def test_the_timeline_is_text(self, base, extend_api):
        parse(base)
        reply = look(base, "timeline")
        assert reply.headers["content-type"] == "text/plain; charset=utf-8"
        assert reply.text == f"{extend_api.timeline()}\n"

    def test_errors_are_the_catalogue(self, base, extend_api):
        listed = look(base, "errors").json()
        assert [item["code"] for item in listed] == [
            error.code for error in extend_api.provider.errors
        ]

    def test_health_tells_the_time(self, base, extend_api):
        extend_api.clock.advance(1000)
        found = look(base, "health").json()
        assert 1000 <= found["now"] < 1060
        assert (found["status"], found["provider"], found["speed"]) == ("ok", "extend", 1)

    def test_a_body_that_is_no_text_is_no_error(self, base):
        headers = {"authorization": "Bearer k", "content-type": "application/json"}
        body = b'{"file":{"url":"https://files.example.com/\\ud800.pdf"}}'
        httpx.post(f"{base}/parse", content=body, headers=headers)
        httpx.post(f"{base}/parse", content=b"\xff\x00", headers=headers)
        first, second = look(base, "attempts").json()
        assert first["document"].endswith("\ud800.pdf")
        assert second["body"] == "\ufffd\0"
        assert look(base, "timeline").status_code == 200


class TestChecks:
    def test_a_check_that_holds(self, base):
        control(base, "fail", {"errors": ["OCR_ERROR"]})
        parse(base)
        parse(base)
        reply = control(base, "check/retried", {"times": 1})
        assert (reply.status_code, reply.json()) == (200, {})

    def test_a_check_that_fails_tells_its_finding(self, base, extend_api):
        control(base, "fail", {"errors": ["OCR_ERROR"]})
        parse(base)
        reply = control(base, "check/retried", {"document": "a.pdf"})
        assert reply.status_code == 422
        found = reply.json()
        assert set(found) == SIX
        assert found["rule"] == "a failed operation is tried again"
        assert found["expected"] == "at least 1 retry"
        assert found["seen"].startswith("0 retries")
        assert found["nearest"] is None
        with pytest.raises(AssertionError) as failure:
            extend_api.assert_retried(document="a.pdf")
        assert found["text"] == str(failure.value)

    def test_the_first_of_several_findings_is_returned(self, base):
        for name in ("a.pdf", "b.pdf"):
            control(base, "fail", {"errors": ["OCR_ERROR"], "document": name})
            parse(base, name)
        found = control(base, "check/retried").json()
        assert found["text"].startswith(
            "1 rule broken, 2 times in all\n\n1. a failed operation is tried again"
        )
        assert found["rule"] == "a failed operation is tried again"

    def test_nothing_to_check_fails(self, base):
        found = control(base, "check/backoff", {"initial": 1})
        assert found.status_code == 422
        assert set(found.json()) == SIX
        assert found.json()["text"].startswith("nothing to check")

    @pytest.mark.parametrize(
        "name",
        [name.removeprefix("assert_") for name in dir(ParseAPI) if name.startswith("assert_")],
    )
    def test_each_check_can_be_called(self, base, name):
        found = control(base, f"check/{name}")
        assert (found.status_code, set(found.json())) == (422, SIX)
        assert found.json()["rule"]
        assert found.json()["seen"]
        assert found.json()["text"].startswith("nothing to check")

    @pytest.mark.parametrize(
        ("name", "arguments", "text"),
        [
            ("backoff", {"inital": 1}, "check/backoff takes no 'inital': did you mean 'initial'?"),
            ("backoff", {"initial": -1}, "initial"),
            ("backoff", {"immediate_first": 1}, "immediate_first must be true or false"),
            ("retried", {"times": "2"}, "times"),
            ("retried", {"document": ""}, "document"),
            ("request_id_logged", {"level": ["ERROR"]}, "level is a level of logging"),
            ("run_failure_logged", {"level": {}}, "level is a level of logging"),
            ("backoff", {"factor": 0.5}, "factor must be a number >= 1"),
            ("backoff", {"jitter": "most"}, "jitter must be a number >= 0 and < 1, or 'full'"),
            ("webhook_handled_once", {"effects": 1}, "a function, which cannot travel over HTTP"),
        ],
    )
    def test_a_wrong_argument_is_a_mistake_and_no_failure(self, base, name, arguments, text):
        reply = control(base, f"check/{name}", arguments)
        assert reply.status_code == 400
        assert text in reply.json()["text"]

    @pytest.mark.parametrize("name", ["request_id_logged", "credential_not_logged"])
    def test_a_check_of_logs_says_that_no_log_was_given(self, base, name):
        control(base, "fail", {"errors": ["CORRUPT_FILE"]})
        parse(base)
        found = control(base, f"check/{name}")
        assert found.status_code == 422
        assert found.json()["seen"] == "no log was given"
        assert '"text"' in found.json()["next"]

    def test_a_check_of_logs_looks_in_the_text(self, base):
        control(base, "fail", {"errors": ["CORRUPT_FILE"]})
        request_id = parse(base).json()["requestId"]
        check = "check/request_id_logged"
        assert control(base, check, {"text": f"failed: {request_id}"}).status_code == 200
        assert control(base, check, {"text": ""}).status_code == 422
        assert control(base, check, {"text": "failed"}).json()["seen"] != "no log was given"

    def test_rules_about_logs_say_that_no_log_was_given(self, base):
        control(base, "fail", {"errors": ["CORRUPT_FILE"]})
        parse(base)
        found = control(base, "check/follows_documentation")
        assert found.status_code == 422
        assert found.json()["seen"] == "no log was given"


class TestDoor:
    @pytest.mark.parametrize(
        ("method", "path", "status", "text"),
        [
            ("GET", "fail", 405, "/__parseapi/fail takes POST."),
            ("GET", "check/retried", 405, "/__parseapi/check/retried takes POST."),
            ("POST", "attempts", 405, "/__parseapi/attempts takes GET."),
            ("PUT", "fail", 405, "The control takes GET and POST."),
            ("OPTIONS", "fail", 405, "The control takes GET and POST."),
            ("POST", "fial", 404, "did you mean 'fail'"),
            ("POST", "check/retied", 404, "did you mean 'check/retried'"),
            ("POST", "check/", 404, ""),
            ("GET", "", 404, ""),
            ("GET", "note_check", 404, ""),
            ("POST", "check/_record", 404, ""),
        ],
    )
    def test_an_unknown_path_is_a_404(self, base, method, path, status, text):
        reply = httpx.request(method, f"{base}/__parseapi/{path}")
        assert reply.status_code == status
        assert text in reply.json()["text"]
        assert ("allow" in reply.headers) == (status == 405)

    @pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", ""])
    def test_the_content_type_must_be_json(self, base, extend_api, kind):
        headers = {} if kind is None else {"content-type": kind}
        body = b'{"errors": ["OCR_ERROR"]}'
        reply = httpx.post(f"{base}/__parseapi/fail", content=body, headers=headers)
        assert reply.status_code == 415
        assert parse(base).status_code == 200

    def test_the_content_type_may_name_its_charset(self, base):
        headers = {"content-type": "Application/JSON; charset=utf-8"}
        reply = httpx.post(f"{base}/__parseapi/reset", content=b"{}", headers=headers)
        assert reply.status_code == 200

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ('{"errors": [429], "times": 1e400}', "fail: times: the number 1e400 is too large"),
            ('{"errors": [429], "times": -1e400}', "fail: times: the number -1e400 is too large"),
            (
                f'{{"errors": [429], "retry_after": 1{"0" * 400}}}',
                f"fail: retry_after: the number 1{'0' * 19}... is too large",
            ),
            (
                f'{{"errors": [{"9" * 5000}]}}',
                f"fail: errors: the number {'9' * 20}... is too large",
            ),
            ('{"errors": [429], "times": Infinity}', "fail: times: JSON has no Infinity"),
            ('{"errors": [429], "document": NaN}', "fail: document: JSON has no NaN"),
            (
                '{"errors": [429], "times": 2, "times": 3}',
                "The body is refused: the key 'times' stands in it twice.",
            ),
            ('{"errors": [429], "times": 2', "The body is not JSON."),
            (
                '{"errors": [429], "document": ' + "[" * 100_000,
                "The body is not JSON that can be read: it is nested too deeply.",
            ),
            (
                '{"errors": [429], "document": ' + "[" * 300 + "]" * 300 + "}",
                "The body is not JSON that can be read: it is nested too deeply.",
            ),
        ],
    )
    def test_json_values_without_a_meaning_are_refused(self, base, text, says):
        headers = {"content-type": "application/json"}
        reply = httpx.post(f"{base}/__parseapi/fail", content=text.encode(), headers=headers)
        assert reply.status_code == 400
        assert reply.json() == {"text": says}
        assert parse(base).status_code == 200

    @pytest.mark.parametrize(
        "body",
        [b"{", b"\xff", b'{"times": NaN}', b"[" * 100_000, b"1" * 5000, b"[]", b"null", b'"x"'],
    )
    def test_a_body_that_is_no_json_object_is_refused(self, base, body):
        headers = {"content-type": "application/json"}
        reply = httpx.post(f"{base}/__parseapi/fail", content=body, headers=headers)
        assert reply.status_code == 400
        assert reply.json()["text"]

    @pytest.mark.parametrize(("size", "status"), [(1024 * 1024, 400), (1024 * 1024 + 1, 413)])
    def test_a_body_has_a_limit(self, base, size, status):
        headers = {"content-type": "application/json"}
        body = b'{"errors": ["' + b"x" * (size - 16) + b'"]}'
        assert len(body) in (size, size - 1, size + 1)
        body = body + b" " * (size - len(body)) if len(body) < size else body[:size]
        reply = httpx.post(f"{base}/__parseapi/fail", content=body, headers=headers)
        assert reply.status_code == status

    @pytest.mark.parametrize(
        ("name", "value", "status"),
        [
            ("host", "127.0.0.1", 200),
            ("host", "localhost:8080", 200),
            ("host", "LOCALHOST.", 200),
            ("host", "[::1]:80", 200),
            ("host", "app.localhost", 200),
            ("host", "127.8.9.10", 200),
            ("host", "evil.example", 403),
            ("host", "127.0.0.1.evil.example", 403),
            ("host", "localhost.evil.example:80", 403),
            ("host", "localhost:80@evil.example", 403),
            ("host", "user@localhost", 403),
            ("host", "192.168.1.5", 403),
            ("host", "", 403),
            ("origin", "http://localhost:3000", 200),
            ("origin", "http://[::1]:3000", 200),
            ("origin", "https://evil.example", 403),
            ("origin", "null", 403),
            ("origin", "http://[", 403),
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_a_foreign_host_or_origin_is_refused(self, base, method, name, value, status):
        path = "reset" if method == "POST" else "health"
        content = {"json": {}} if method == "POST" else {}
        url = f"{base}/__parseapi/{path}"
        reply = httpx.request(method, url, headers={name: value}, **content)
        assert reply.status_code == status

    def test_a_test_that_is_over_has_no_control(self, extend_api):
        extend_api._simulation.live.detach(extend_api._simulation.hosts)
        assert look(extend_api.live_url, "health").status_code == 503


class TestTokens:
    def test_each_token_has_scripts_record_and_runs_of_its_own(self, base, extend_api):
        one, other = f"{base}/s/one", f"{base}/s/other.2-_"
        control(one, "fail", {"errors": ["OCR_ERROR"], "times": "always"})
        assert [parse(url).status_code for url in (one, other, base)] == [500, 200, 200]
        parse(other, path="/parse_runs")
        counts = [len(look(url, "attempts").json()) for url in (one, other, base)]
        assert counts == [1, 2, 1]
        assert [len(look(url, "runs").json()) for url in (one, other, base)] == [0, 1, 0]
        assert len(extend_api.attempts) == 1
        control(one, "reset")
        assert parse(one).status_code == 200
        assert len(look(other, "attempts").json()) == 2

    def test_ids_differ(self, base):
        runs = {parse(f"{base}{part}", path="/parse_runs").json()["id"] for part in ("", "/s/a")}
        assert len(runs) == 2

    def test_a_check_judges_its_token_alone(self, base):
        for token in ("a", "b"):
            control(f"{base}/s/{token}", "fail", {"errors": ["OCR_ERROR"]})
            parse(f"{base}/s/{token}")
        parse(f"{base}/s/a")
        assert control(f"{base}/s/a", "check/recovered").status_code == 200
        assert control(f"{base}/s/b", "check/recovered").status_code == 422
        assert control(base, "check/recovered").status_code == 422

    def test_urls_in_replies_lead_to_the_same_scope(self, base):
        scope = f"{base}/s/a"
        reply = parse(scope, path="/parse?responseType=url")
        url = reply.json()["outputUrl"]
        assert url.startswith(f"{scope}/")
        assert httpx.get(url).status_code == 200

    @pytest.mark.parametrize("token", ["a" * 65, "", "a%20b", "ä", "a b", "a:b", "a,b"])
    @pytest.mark.parametrize("path", ["/parse", "/__parseapi/reset"])
    def test_an_invalid_token_is_refused(self, base, token, path):
        reply = httpx.post(f"{base}/s/{token}{path}", json={})
        assert reply.status_code == 400
        assert "a token is 1 to 64 of A-Za-z0-9_.-" in reply.text

    def test_the_longest_token(self, base):
        assert parse(f"{base}/s/{'a' * 64}").status_code == 200

    def test_scopes_end_with_their_test(self, extend_api, nutrient_api):
        url = f"{nutrient_api.live_url}/s/a"
        control(url, "fail", {"errors": [503]})
        headers = {"authorization": "Bearer k", "content-type": "application/pdf"}
        reply = httpx.post(f"{url}/extraction/parse", content=b"%PDF-1.7", headers=headers)
        assert reply.status_code == 503
        assert look(url, "health").json()["provider"] == "nutrient"
