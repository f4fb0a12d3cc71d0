"""Each check, with each way to retry, passes a right consumer and fails a wrong one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from retry_libraries import LIBRARIES, Consumer
from urllib3.util.retry import Retry

from pytest_parseapi import ALWAYS


@dataclass(frozen=True, kw_only=True)
class Case:
    """A check, what happens to the consumer, and a consumer that breaks the rule."""

    check: str
    arguments: dict[str, Any] = field(default_factory=dict)
    errors: tuple[str, ...] = ("INTERNAL_ERROR",)
    script: dict[str, Any] = field(default_factory=lambda: {"times": 2})
    right: Consumer = field(default_factory=Consumer)
    wrong: Consumer
    says: str
    """What the failure names as seen or as the rule."""

    def __str__(self) -> str:
        return self.check.removeprefix("assert_") + "-" + self.says.split()[0]


DOCUMENT = "https://files.example.com/in/invoice.pdf"
FOREVER = {"times": ALWAYS}
CASES = [
    Case(
        check="assert_retried",
        wrong=Consumer(attempts=1),
        says="0 retries after 1 failed attempt, the last a 500 INTERNAL_ERROR",
    ),
    Case(
        check="assert_retried",
        arguments={"times": 2},
        script=FOREVER,
        wrong=Consumer(attempts=4),
        says="3 retries after 4 failed attempts, the last a 500 INTERNAL_ERROR",
    ),
    Case(
        check="assert_not_retried",
        errors=("CORRUPT_FILE",),
        script=FOREVER,
        wrong=Consumer(stubborn=True),
        says="2 retries: attempt 2 came",
    ),
    Case(
        check="assert_gave_up",
        arguments={"attempts": 3},
        script=FOREVER,
        wrong=Consumer(attempts=5),
        says="5 attempts, the last a 500 INTERNAL_ERROR",
    ),
    Case(
        check="assert_recovered",
        wrong=Consumer(attempts=2),
        says="2 failed attempts, the last a 500 INTERNAL_ERROR, and nothing followed",
    ),
    Case(
        check="assert_backoff",
        arguments={"initial": 1.0},
        script=FOREVER,
        right=Consumer(attempts=4),
        wrong=Consumer(attempts=4, constant=True),
        says="1.000 s, 1.000 s, 1.000 s",
    ),
    Case(
        check="assert_backoff",
        script=FOREVER,
        right=Consumer(attempts=4),
        wrong=Consumer(attempts=4, hurried=True),
        says="0.000 s, 0.000 s, 0.000 s",
    ),
    Case(
        check="assert_retry_after_honoured",
        errors=("RATE_LIMIT_EXCEEDED",),
        script={"retry_after": 7},
        wrong=Consumer(deaf=True),
        says="attempt 2 came after",
    ),
    Case(
        check="assert_payload_resent",
        wrong=Consumer(spent=True),
        says="then ",
    ),
    Case(
        check="assert_request_id_logged",
        script=FOREVER,
        wrong=Consumer(silent=True),
        says="not in ",
    ),
    Case(
        check="assert_credential_not_logged",
        wrong=Consumer(leaky=True),
        says="logging INFO: \"sending with {'authorization': 'Bearer sk_***'}\"",
    ),
    Case(
        check="assert_timeout_set",
        wrong=Consumer(patient=True),
        says="no connect and no read time-out on 3 of 3 attempts (the first is attempt 1",
    ),
    *(
        Case(check="assert_follows_documentation", wrong=wrong, says=says, **more)
        for wrong, says, more in [
            (Consumer(attempts=1), "INTERNAL_ERROR is retried", {}),
            (Consumer(constant=True), "retries wait with exponential backoff", {}),
            (Consumer(hurried=True), "retries wait with exponential backoff", {}),
            (Consumer(leaky=True), "no credential appears in logs or output", {}),
            (Consumer(patient=True), "every request is sent with a connect and a read", {}),
            (Consumer(spent=True), "each retry carries the same payload", {}),
            (
                Consumer(silent=True),
                "the requestId of the last failed reply is logged",
                {"script": FOREVER},
            ),
            (
                Consumer(stubborn=True),
                "CORRUPT_FILE is not retried",
                {"errors": ("CORRUPT_FILE",), "script": FOREVER},
            ),
            (
                Consumer(deaf=True),
                "no retry comes before the reply's Retry-After",
                {"errors": ("RATE_LIMIT_EXCEEDED",), "script": {"retry_after": 7}},
            ),
        ]
    ),
]


def run(case, consumer, library, api, caplog):
    caplog.set_level("INFO")
    api.fail(*case.errors, **case.script)
    consumer.parse(api, library)
    arguments = dict(case.arguments)
    if library == "urllib3" and case.check == "assert_backoff":
        arguments["immediate_first"] = True
    return lambda: getattr(api, case.check)(**arguments)


# Its first retry comes at once, which documentation's "backoff" rules out.
AT_ONCE = "urllib3"
RIGHT = [
    pytest.param(case, library, id=f"{case}-{library}")
    for case in CASES
    for library in LIBRARIES
    if not (
        library == AT_ONCE
        and case.check == "assert_follows_documentation"
        and case.errors == ("INTERNAL_ERROR",)
    )
]


@pytest.mark.parseapi(strict=False)
@pytest.mark.parametrize(("case", "library"), RIGHT)
def test_a_right_consumer_passes(case, library, extend_api, caplog):
    run(case, case.right, library, extend_api, caplog)()


@pytest.mark.parseapi(strict=False)
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_wrong_consumer_fails(case, library, extend_api, caplog):
    check = run(case, case.wrong, library, extend_api, caplog)
    with pytest.raises(AssertionError) as failure:
        check()
    assert case.says in str(failure.value)
    assert str(failure.value).endswith("\n\n" + extend_api.timeline())


def test_urllib3_retries_at_once_and_the_message_says_so(extend_api):
    extend_api.fail("OCR_ERROR", times=3)
    retry = Retry(3, backoff_factor=1, status_forcelist=[500], allowed_methods=None)
    with requests.Session() as session:
        session.mount("https://", HTTPAdapter(max_retries=retry))
        headers = {"authorization": f"Bearer {extend_api.api_key}"}
        session.post(
            extend_api.base_url + "/parse", json={"file": {"url": DOCUMENT}}, headers=headers
        )
    assert [attempt.waited for attempt in extend_api.attempts] == [None, 0, 2, 4]
    extend_api.assert_backoff(immediate_first=True)
    extend_api.assert_backoff(initial=1, immediate_first=True)
    extend_api.assert_backoff(initial=2, immediate_first=True)
    hint = (
        "attempt 2 came without a wait (urllib3's Retry sends its first retry at once unless a "
        "subclass overrides get_backoff_time()"
    )
    with pytest.raises(AssertionError) as failure:
        extend_api.assert_backoff()
    assert hint + "; immediate_first=True accepts that)" in str(failure.value)
    with pytest.raises(AssertionError) as failure:
        extend_api.assert_follows_documentation()
    assert hint + ")" in str(failure.value)
