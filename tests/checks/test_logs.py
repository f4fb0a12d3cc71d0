"""The checks of logs: requestIds that are not logged, and credentials that are."""

from __future__ import annotations

import base64
import json
import logging
from urllib.parse import quote

import httpx
import pytest
from plain_consumer import FILES, said, send

from pytest_parseapi import ALWAYS

log = logging.getLogger("app")
ADVICE = (
    "Extend: Log the requestId; for support give it with the time, the endpoint and the code. "
    "(docs.extend.ai/api-reference/error-handling)"
)


def fail_three_times(api):
    api.fail("OCR_ERROR", times=3)
    return [send(api).json()["requestId"] for _ in range(3)]


@pytest.mark.parametrize(
    ("logged", "last", "everyone", "anyone"),
    [
        ((), False, False, False),
        ((0,), False, False, True),
        ((2,), True, False, True),
        ((0, 1), False, False, True),
        ((0, 1, 2), True, True, True),
    ],
)
def test_the_argument_which(extend_api, logged, last, everyone, anyone):
    ids = fail_three_times(extend_api)
    for number in logged:
        log.error("failed %s", ids[number])
    assert (said(extend_api.assert_request_id_logged) == "passed") is last
    assert (said(extend_api.assert_request_id_logged, which="all") == "passed") is everyone
    assert (said(extend_api.assert_request_id_logged, "any") == "passed") is anyone


@pytest.mark.parametrize(
    ("passwords", "owed"),
    [(["guess", "open sesame"], False), (["guess", "guess 2", "guess 3"], True), (["guess"], True)],
)
def test_the_id_of_what_the_consumer_cured_need_not_be_logged(extend_api, passwords, owed):
    extend_api.fail("PASSWORD_PROTECTED_FILE", times=len(passwords) if owed else 1)
    for password in passwords:
        file = {"url": "https://files.example.com/a.pdf", "settings": {"password": password}}
        send(extend_api, json={"file": file})
    text = said(extend_api.assert_follows_documentation)
    assert text.startswith("rule broken: the requestId of the last") if owed else text == "passed"
    assert said(extend_api.assert_request_id_logged) != "passed", "who asks by name gets an answer"


def test_without_any_log_the_check_fails(extend_api):
    fail_three_times(extend_api)
    timeline = (
        "timeline of Extend (virtual seconds)\n"
        "    #     at  waited  request      document  reply          requestId\n"
        "    1  0.000          POST /parse  a.pdf     500 OCR_ERROR  req_1\n"
        "    2  0.000   0.000  POST /parse  a.pdf     500 OCR_ERROR  req_2\n"
        "    3  0.000   0.000  POST /parse  a.pdf     500 OCR_ERROR  req_3"
    )
    for which, whose in (("last", "the last"), ("all", "every"), ("any", "a")):
        assert said(extend_api.assert_request_id_logged, which) == (
            f"rule broken: the requestId of {whose} failed reply is logged\n"
            "  operation  POST /parse  https://files.example.com/in/a.pdf\n"
            "  expected   req_3 (500 OCR_ERROR of attempt 3)\n"
            "  seen       the consumer logged and printed nothing (below a logger's level does not "
            "count)\n"
            f"  next       {ADVICE}\n"
            "\n" + timeline
        )


@pytest.mark.parametrize(
    ("line", "nearest"),
    [
        pytest.param(
            "failed with {ids[1]}",
            "logging ERROR: 'failed with req_2' has the id of another attempt",
            id="another attempt",
        ),
        pytest.param(
            "failed with OCR_ERROR",
            "logging ERROR: 'failed with OCR_ERROR' has OCR_ERROR, but no id",
            id="the code",
        ),
        pytest.param(
            "failed with status 500",
            "logging ERROR: 'failed with status 500' has 500, but no id",
            id="the status",
        ),
        pytest.param("it failed", "logging ERROR: 'it failed'", id="anything"),
        pytest.param(
            "a" * 120 + " OCR_ERROR " + "b" * 120,
            f"logging ERROR: '...{'a' * 39} OCR_ERROR {'b' * 50}...' has OCR_ERROR, but no id",
            id="a long line",
        ),
        pytest.param(
            "first\nOCR_ERROR second\nthird",
            "logging ERROR: 'OCR_ERROR second' has OCR_ERROR, but no id",
            id="the right one of many lines",
        ),
    ],
)
def test_the_nearest_line(extend_api, line, nearest):
    ids = fail_three_times(extend_api)
    log.error("started")
    log.error(line.format(ids=ids))
    log.error("finished" if "it" not in line else line)
    text = said(extend_api.assert_request_id_logged)
    assert "  seen       not in 3 records of logging\n" in text
    assert f"  nearest    {nearest}\n  next       {ADVICE}\n" in text


@pytest.mark.parametrize("level", ["ERROR", "error", logging.ERROR])
def test_the_level(extend_api, level):
    ids = fail_three_times(extend_api)
    log.warning("failed with %s", ids[-1])
    print("failed with", ids[-1])  # noqa: T201
    extend_api.assert_request_id_logged()
    extend_api.assert_request_id_logged(level="WARNING")
    assert said(extend_api.assert_request_id_logged, level=level).startswith(
        "rule broken: the requestId of the last failed reply is logged at ERROR or above\n"
        "  operation  POST /parse  https://files.example.com/in/a.pdf\n"
        "  expected   req_3 (500 OCR_ERROR of attempt 3) in a record at ERROR or above\n"
        "  seen       not in 1 record of logging, 1 line of stdout\n"
        "  nearest    logging WARNING: 'failed with req_3' has it, but not at that level\n"
        f"  next       {ADVICE}\n"
    )
    log.critical("failed with %s", ids[-1])
    extend_api.assert_request_id_logged(level=level)


def test_each_operation_on_its_own(extend_api):
    extend_api.fail("OCR_ERROR", times=2)
    first = send(extend_api, "a.pdf").json()["requestId"]
    send(extend_api, "b.pdf")
    log.error(first)
    extend_api.assert_request_id_logged(document="a.pdf")
    text = said(extend_api.assert_request_id_logged)
    assert text.startswith("rule broken: ")
    assert "  operation  POST /parse  https://files.example.com/in/b.pdf\n" in text
    assert said(extend_api.assert_request_id_logged, document="b.pdf").startswith("rule broken: ")


def test_the_reply_before_a_broken_connection_is_the_last(extend_api):
    extend_api.fail("OCR_ERROR", "connection_reset")
    name = send(extend_api).json()["requestId"]
    send(extend_api)
    assert said(extend_api.assert_request_id_logged).startswith("rule broken: ")
    log.error(name)
    extend_api.assert_request_id_logged()


@pytest.mark.parametrize(
    ("error", "which", "seen"),
    [
        ("RATE_LIMIT_EXCEEDED", "last", "the last failed reply on record carried no requestId"),
        ("RATE_LIMIT_EXCEEDED", "any", "no failed reply on record carried a requestId"),
        ("missing_request_id", "all", "no failed reply on record carried a requestId"),
        ("bad_gateway_html", "last", "the last failed reply on record carried no requestId"),
        ("empty_body", "last", "the last failed reply on record carried no requestId"),
        ("connect_error", "last", "no failed attempt got a reply"),
    ],
)
def test_no_id_to_look_for(extend_api, error, which, seen):
    extend_api.fail(error)
    send(extend_api)
    assert said(extend_api.assert_request_id_logged, which).partition("\n\n")[0].splitlines()[
        1:
    ] == [
        "  expected   something to check",
        f"  seen       {seen}, so this proves nothing",
        "  next       script an error whose reply carries one",
    ]


# Credentials

KEY = "sk_live_5f2c9e8d7b6a"


def raise_and_log(error):
    try:
        raise error
    except type(error):
        log.exception("failed")


def ring():
    one, two = ValueError("one"), ValueError(f"two with {KEY}")
    one.__context__, two.__context__ = two, one
    return one


@pytest.mark.parametrize(
    "leak",
    [
        pytest.param(lambda: log.info("headers %s", {"Authorization": f"Bearer {KEY}"}), id="msg"),
        pytest.param(lambda: log.warning("x", extra={"headers": {"a": KEY}}), id="extra"),
        pytest.param(lambda: print(f"using {KEY!r}"), id="print"),  # noqa: T201
        pytest.param(lambda: raise_and_log(RuntimeError(f"{KEY} was refused")), id="exception"),
        pytest.param(lambda: log.error("failed", exc_info=ring()), id="a ring of exceptions"),
        pytest.param(lambda: log.error("first\nsecond %s\nthird", KEY), id="a later line"),
    ],
)
def test_leaks(extend_api, leak, caplog):
    caplog.set_level("INFO")
    send(extend_api, key=KEY)
    extend_api.assert_credential_not_logged()
    leak()
    text = said(extend_api.assert_credential_not_logged)
    assert text.startswith(
        "rule broken: no credential appears in logs or output\n  expected   sk_*** nowhere\n"
    )
    assert "  next       log header names, or mask the value of Authorization\n" in text
    assert KEY not in text, "the message must not leak it again"
    assert "sk_***" in text.partition("seen")[2]


@pytest.mark.parametrize(
    ("shown", "leaks"),
    [
        (KEY[:-4] + "****", True),
        ("****" + KEY[4:], True),
        (f"{KEY[:8]}...{KEY[-4:]}", False),
        ("*" * 16 + KEY[-4:], False),
    ],
)
def test_a_mask_that_hides_little(extend_api, shown, leaks):
    send(extend_api, key=KEY)
    log.error("asking with %s", shown)
    if not leaks:
        extend_api.assert_credential_not_logged()
        return
    text = said(extend_api.assert_credential_not_logged)
    assert "  expected   sk_*** nowhere, nor most of it\n" in text
    assert f"(16 of its {len(KEY)} characters)\n" in text
    assert shown.strip("*") not in text, "the message must not leak it again"


def test_the_message_about_a_leak(extend_api):
    send(extend_api, key=KEY)
    log.error("asking with %s", KEY)
    assert said(extend_api.assert_credential_not_logged) == (
        "rule broken: no credential appears in logs or output\n"
        "  expected   sk_*** nowhere\n"
        "  seen       logging ERROR: 'asking with sk_***'\n"
        "  next       log header names, or mask the value of Authorization\n"
        "\n"
        "timeline of Extend (virtual seconds)\n"
        "    #     at  request      document  reply\n"
        "    1  0.000  POST /parse  a.pdf     200"
    )


def in_base64(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(in_base64(KEY), id="alone"),
        pytest.param(f"Basic {in_base64(KEY + ':')}", id="the user"),
        *(
            pytest.param(f"Basic {in_base64('x' * length + ':' + KEY)}", id=f"after {length + 1}")
            for length in range(3)
        ),
        pytest.param(in_base64(f"Authorization: Bearer {KEY}\r\n"), id="a header"),
    ],
)
def test_a_key_in_base64_is_a_leak(extend_api, written):
    send(extend_api, key=KEY)
    log.error("sent %s.", written)
    text = said(extend_api.assert_credential_not_logged)
    shown = "Basic sk_***" if written.startswith("Basic ") else "sk_***"
    assert "  expected   sk_*** nowhere, nor base64\n" in text
    assert f"  seen       logging ERROR: 'sent {shown}.' (base64)\n" in text


@pytest.mark.parametrize(
    ("written", "form"),
    [
        (quote("k/9+" * 5, safe=""), "percent-encoded"),
        (base64.urlsafe_b64encode(b"k/9+" * 5).decode(), "base64"),
        (base64.urlsafe_b64encode(b"??>" + b"k/9+" * 5).decode(), "base64"),
        (quote("k/9+" * 5), "percent-encoded"),
        (quote("k/9+" * 5, safe="").lower(), "percent-encoded"),
        (quote(quote("k/9+" * 5, safe=""), safe=""), "percent-encoded"),
        (quote(quote(quote("k/9+" * 5, safe=""), safe=""), safe=""), "percent-encoded"),
        ("".join(f"%{byte:02X}" for byte in b"k/9+" * 5), "percent-encoded"),
        ("k\\/9+" * 5, "escaped"),
        ("k\\\\/9+" * 5, "escaped"),
        ("k/9\\u002b" * 5, "escaped"),
        ("k/9\\x2B" * 5, "escaped"),
        ("k\\0579\\053" * 5, "escaped"),
        ("k&#x2F;9&plus;" * 5, "escaped"),
        ((b"k/9+" * 5).hex(), "hex"),
        ((b"k/9+" * 5).hex(":").upper(), "hex"),
        ((b"k/9+" * 5).hex(" "), "hex"),
        ((b"k/9+" * 5).hex("-"), "hex"),
        ((b"k/9+" * 5).hex(" ").replace(" ", " 0x"), "hex"),
        ((b"k/9+" * 5).hex(" ").replace(" ", ", 0x"), "hex"),
        (str(list(b"k/9+" * 5))[1:-1], "byte numbers"),
        (json.dumps([*b"k/9+" * 5], separators=(",", ":"))[1:-1], "byte numbers"),
        (" ".join(f"{byte}" for byte in b"k/9+" * 5), "byte numbers"),
        (" ".join(f"{byte:03o}" for byte in b"k/9+" * 5), "octal"),
        (" ".join(f"{byte:o}" for byte in b"k/9+" * 5), "octal"),
        (", ".join(map(oct, b"k/9+" * 5))[2:], "octal"),
    ],
)
def test_a_key_that_is_escaped_is_a_leak(extend_api, written, form):
    send(extend_api, key="k/9+" * 5)
    log.error("GET /?key=%s", written)
    text = said(extend_api.assert_credential_not_logged)
    assert f"  expected   k/9*** nowhere, nor {form}\n" in text
    assert f"  seen       logging ERROR: 'GET /?key=k/9***' ({form})\n" in text


def test_an_encoded_pair_is_reported_once(extend_api):
    pair = in_base64(f"someone:{KEY}")
    httpx.post(
        f"https://someone:{KEY}@api.extend.ai/parse", json={"file": {"url": FILES + "a.pdf"}}
    )
    log.error("Basic %s", pair)
    text = said(extend_api.assert_credential_not_logged)
    assert text.count("rule broken: ") == 1
    assert "(base64)" not in text, "it is what was sent, to the letter"


@pytest.mark.parametrize("other", ["x" * 40, KEY[:9] + "x" * 12, KEY[::-1]])
def test_text_encoded_from_other_data_is_no_leak(extend_api, other):
    send(extend_api, key=KEY)
    send(extend_api, key="password")
    log.error("%s %s %s", in_base64(other), in_base64("password"), quote(other + "/", safe=""))
    log.error("%s %s", other.encode().hex(), "".join(f"\\x{byte:02x}" for byte in other.encode()))
    extend_api.assert_credential_not_logged()


def test_source_lines_of_tracebacks_are_no_leak(extend_api):
    send(extend_api, key="sk_live_in_the_source")
    try:
        raise ValueError("failed")  # noqa: TRY301 - the key is "sk_live_in_the_source"
    except ValueError:
        log.exception("failed")
        logging.StreamHandler().emit(
            logging.LogRecord("a", 40, "f", 1, "failed", (), __import__("sys").exc_info())
        )
    extend_api.assert_credential_not_logged()


@pytest.mark.parametrize(
    ("line", "leaks"),
    [
        ("the test of a contest", False),
        ("this is a test", False),
        ("sending test", False),
        ("Authorization: Bearer test", True),
        ("{'api_key': 'test'}", True),
        ("token=test", True),
        ("token of the contest", False),
    ],
)
def test_a_short_token_may_be_a_word(extend_api, line, leaks):
    send(extend_api, key="test")
    log.error(line)
    text = said(extend_api.assert_credential_not_logged)
    assert (text != "passed") is leaks
    if leaks:
        assert "  expected   *** nowhere\n" in text
        assert f"{line.replace('test', '***')!r}" in text


def test_every_credential_that_was_sent_counts(extend_api):
    for key in ("sk_first_of_two_keys", "sk_second_of_two_keys"):
        send(extend_api, key=key)
    log.error("not sk_second_of_two_keys")
    assert "sk_***" in said(extend_api.assert_credential_not_logged)


def test_the_credentials_of_failover(extend_api, nutrient_api):
    send(extend_api)
    send(nutrient_api)
    log.error("trying %s", nutrient_api.api_key)
    extend_api.assert_credential_not_logged()
    assert said(nutrient_api.assert_credential_not_logged).startswith("rule broken: ")


def test_no_credential_at_all(extend_api):
    httpx.post(extend_api.base_url + "/parse", json={"file": {"url": FILES + "a.pdf"}})
    assert said(extend_api.assert_credential_not_logged) == (
        "nothing to check: no credential appears in logs or output\n"
        "  expected   something to check\n"
        "  seen       no attempt with a credential is on record, so this proves nothing\n"
        "  next       send one: api.api_key is accepted, as any other\n"
        "\n"
        "timeline of Extend (virtual seconds)\n"
        "    #     at  request      document  reply             requestId\n"
        "    1  0.000  POST /parse  a.pdf     401 UNAUTHORIZED  req_1"
    )


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "Basic"])
def test_other_schemes_count_too(extend_api, scheme):
    headers = {"authorization": f"{scheme} {KEY}"}
    send(extend_api, headers=headers)
    log.error(KEY)
    assert said(extend_api.assert_credential_not_logged).startswith("rule broken: ")


@pytest.mark.parametrize("sent", ["user", "password", "pair"])
def test_a_key_in_a_url_counts_although_it_is_sent_encoded(extend_api, sent):
    name, password = (KEY, "") if sent == "user" else ("someone", KEY)
    url = f"https://{name}:{password}@api.extend.ai/parse"
    reply = httpx.post(url, json={"file": {"url": FILES + "a.pdf"}})
    log.error(reply.request.headers["authorization"] if sent == "pair" else f"POST {url}")
    assert said(extend_api.assert_credential_not_logged).startswith("rule broken: ")


def test_the_name_of_a_user_with_a_password_is_none(extend_api):
    httpx.post(f"https://someone:{KEY}@api.extend.ai/parse", json={"file": {"url": FILES}})
    log.error("someone was turned down")
    extend_api.assert_credential_not_logged()


def test_attempts_never_show_a_credential(extend_api):
    send(extend_api, key=KEY, headers={"x-api-key": KEY, "cookie": f"session={KEY}"})
    attempt = extend_api.attempts[0]
    assert attempt.headers["authorization"] == "Bearer ***"
    assert attempt.headers["x-api-key"] == "***"
    assert attempt.headers["cookie"] == "***"
    assert KEY not in repr(attempt)
    assert KEY not in extend_api.timeline()


def test_many_leaks_in_one_test(nutrient_api):
    nutrient_api.fail("invalid_request", times=ALWAYS)
    for _ in range(2):
        send(nutrient_api, key="pdf_live_0123456789", timeout=None)
    log.error("sent pdf_live_0123456789")
    text = said(nutrient_api.assert_follows_documentation)
    assert text.startswith("4 rules broken\n\n1. invalid_request is not retried\n")
    for number, rule in enumerate(
        [
            "the requestId of the last failed reply is logged",
            "every request is sent with a connect and a read time-out",
            "no credential appears in logs or output",
        ],
        2,
    ):
        assert f"\n\n{number}. {rule}\n" in text
    assert text.count("timeline of Nutrient") == 1
