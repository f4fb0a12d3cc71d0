"""The report's page in a real browser, without a network."""

from __future__ import annotations

import json
import shlex
import shutil
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from pytest_parseapi.providers.registry import built_in_providers
from pytest_parseapi.report.coverage import catalogue, report_of
from pytest_parseapi.report.files import page as page_of
from pytest_parseapi.report.files import write

playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"
)


def attempt(number, error=None, status=None, *, at=0.0, took=0.0, waited=None, **more):
    return {
        "number": number,
        "operation": 0,
        "request": "POST /parse",
        "document": "invoice.pdf",
        "status": status,
        "error": error,
        "request_id": f"req_{number:04}" if status and status >= 400 else None,
        "started": at,
        "ended": at + took,
        "waited": waited,
        "retry_after": None,
        "run_status": None,
        "run_state": None,
        "run_reason": None,
        **more,
    }


def case(
    name, attempts, *, outcome="passed", provider="extend", message="", runs=(), rules=(), line=7
):
    received = {(item["error"], "http") for item in attempts if item["error"]}
    received |= {(item["run_reason"], "run") for item in attempts if item["run_reason"]}
    return {
        "id": name,
        "file": name.partition("::")[0],
        "line": line,
        "rules": list(rules),
        "outcome": outcome,
        "tries": 1,
        "message": message,
        "apis": [
            {
                "provider": provider,
                "received": sorted(received),
                "checks": ["assert_recovered"],
                "endpoints": ["/parse" if provider == "extend" else "/extraction/parse"],
                "surfaces": sorted({"http", *(surface for _, surface in received)}),
                "attempts": attempts,
                "left_out": 0,
                "runs": list(runs),
            }
        ],
    }


def rule(name, *attempts, page="docs.extend.ai/general/rate-limits", text="retries wait"):
    return {"name": name, "rule": text, "page": page, "attempts": list(attempts)}


RETRIED = [
    attempt(1, "OCR_ERROR", 500),
    attempt(2, "RATE_LIMIT_EXCEEDED", 429, at=1.0, waited=1.0, retry_after="30"),
    attempt(3, "read_timeout", at=31.0, took=5.0, waited=30.0),
    attempt(4, status=200, at=40.0, waited=4.0),
]
POLLED = [
    attempt(1, status=200, request="POST /parse_runs", run_status="queued", run_state="running"),
    *(
        attempt(
            number,
            status=200,
            request="GET /parse_runs/{id}",
            operation=1,
            at=float(number),
            waited=1.0 if number > 2 else None,
            run_status="queued" if number < 6 else "error",
            run_state="running" if number < 6 else "failed",
            run_reason=None if number < 6 else "CORRUPT_FILE",
        )
        for number in range(2, 7)
    ),
]
TESTS = [
    case("tests/test_client.py::test_retries[a</script><i>]", RETRIED),
    case("tests/test_client.py::TestRuns::test_polls", POLLED),
    case(
        "tests/test_client.py::test_stops",
        [attempt(number, "INTERNAL_ERROR", 500, waited=0.0) for number in range(1, 4)],
        outcome="failed",
        message="AssertionError: rule broken: retries wait\n  seen  0.000 s\n\ntimeline of Extend",
        rules=[rule("backoff", 2, 3), rule("raises", page="", text="parse raises")],
        line=17,
    ),
    case(
        "tests/test_client.py::TestRuns::test_later",
        [attempt(1, "INTERNAL_ERROR", 500)],
        outcome="xfailed",
        message="ticket 12",
    ),
    case(
        "tests/test_other.py::test_nutrient",
        [attempt(1, "service_unavailable", 503, request="POST /extraction/parse")],
        provider="nutrient",
    ),
    *(
        case(f"tests/test_many.py::test_{number:03}", [attempt(1, "CORRUPT_FILE", 422)])
        for number in range(300)
    ),
]


@pytest.fixture(scope="module")
def window():
    """One page of one browser, which shows a fresh document in each test."""
    with playwright.sync_playwright() as started:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser.new_page(offline=True)
        browser.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    write({path: page_of(report_of(catalogue(built_in_providers()), TESTS))})
    return path


@pytest.fixture
def open_page(window, path):
    """Opens the page; a message in its console or a request for anything fails the test."""
    urls = []
    wrong = []
    listeners = {
        "console": lambda message: wrong.append(message.text),
        "pageerror": lambda error: wrong.append(str(error)),
        "request": lambda request: urls.append(request.url),
    }
    for event, listener in listeners.items():
        window.on(event, listener)

    def open_(width=1280, scheme="light", path=path):
        window.set_viewport_size({"width": width, "height": 900})
        window.emulate_media(color_scheme=scheme)
        window.mouse.move(0, 0)
        window.goto(path.as_uri())
        window.wait_for_selector("html[data-ready]")
        return window

    yield open_
    window.goto("about:blank")
    for event, listener in listeners.items():
        window.remove_listener(event, listener)
    assert wrong == []
    assert {url.partition(":")[0] for url in urls} <= {"file", "data", "about"}


def ids(page):
    return page.eval_on_selector_all(".test", "tests => tests.map(test => test.dataset.id)")


def drawn(page):
    return page.eval_on_selector_all(
        "svg[data-attempts]",
        "all => all.map(one => [Number(one.dataset.attempts), "
        "one.querySelectorAll('.attempt').length])",
    )


def test_failures_come_first_and_every_timeline_is_drawn(open_page):
    page = open_page()
    assert ids(page)[0] == "tests/test_client.py::test_stops"
    page.evaluate("for (let n = 0; n < 9; n += 1) document.getElementById('more').click()")
    assert len(ids(page)) == len(TESTS)
    counts = drawn(page)
    assert len(counts) == len(TESTS)
    assert all(expected == found for expected, found in counts)
    assert sum(found for _, found in counts) == sum(
        len(test["apis"][0]["attempts"]) for test in TESTS
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_is_cut_off_or_unreadable(open_page, width, scheme):
    page = open_page(width, scheme)
    page.click("details.faults summary")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    smallest = """() => Math.min(...[...document.querySelectorAll("body *")]
        .filter(one => one.checkVisibility() && one.innerText && !one.children.length)
        .map(one => parseFloat(getComputedStyle(one).fontSize)))"""
    assert page.evaluate(smallest) >= 11
    outside = """() => [...document.querySelectorAll(".card, .filters > *, td, th, h3")]
        .filter(one => one.checkVisibility())
        .filter(one => one.getBoundingClientRect().right > innerWidth).length"""
    assert page.evaluate(outside) == 0
    assert page.evaluate(CONTRAST) >= 4.5


CONTRAST = """() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map(Number).map((value) =>
      value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = (selector) => getComputedStyle(document.querySelector(selector));
  const between = (one, other) => {
    const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const card = style(".card").backgroundColor;
  return Math.min(
    between(style("body").color, style("body").backgroundColor),
    between(style(".facts").color, card),
    between(style("svg .waited").fill, card),
    between(style("svg .at").fill, card),
    between(style(".tag").color, card),
    between(style(".count").color, style("body").backgroundColor),
    ...["ok", "client", "server", "network"].map((kind) =>
      between(style(`svg .${kind} text`).fill, style(`svg .${kind} rect`).fill)),
  );
}"""


def test_filters(open_page):
    page = open_page()
    page.fill("#search", "REQ_0002")
    assert ids(page) == [
        "tests/test_client.py::test_stops",
        "tests/test_client.py::test_retries[a</script><i>]",
    ]
    page.click("#outcomes button[value=passed]")
    assert ids(page) == ["tests/test_client.py::test_retries[a</script><i>]"]
    page.click("#clear")
    assert page.inner_text("#count") == "305"
    page.select_option("#surface", "run")
    assert ids(page) == ["tests/test_client.py::TestRuns::test_polls"]
    page.select_option("#surface", "")
    page.select_option("#provider", "nutrient")
    assert ids(page) == ["tests/test_other.py::test_nutrient"]
    page.select_option("#error", "read_timeout")
    assert ids(page) == []
    assert page.inner_text("#tests") == "No test fits these filters."
    page.select_option("#provider", "")
    assert ids(page) == ["tests/test_client.py::test_retries[a</script><i>]"]


def test_a_cell_of_the_matrix_leads_to_its_tests(open_page):
    page = open_page()
    page.click("[data-provider=extend] button[aria-label^='CORRUPT_FILE, run: checked']")
    assert ids(page) == ["tests/test_client.py::TestRuns::test_polls"]
    assert page.input_value("#error") == "CORRUPT_FILE"


def test_the_matrix_says_what_is_missing(open_page):
    page = open_page()
    marks = "[data-provider=extend] [aria-label^='{}']"
    for label in (
        "OCR_ERROR, http: checked, simulated in 1 and checked in 1 tests",
        "INTERNAL_ERROR, http: simulated, not checked",
        "NOT_FOUND, http: never simulated",
        "OCR_ERROR, run: never simulated",
        "OCR_ERROR, webhook: not used by any test",
        "read_timeout, http: checked",
    ):
        assert page.locator(marks.format(label)).count() == 1, label


def test_a_retry_is_seen_at_a_glance(open_page):
    """Attempts stand from left to right, apart, and the wait between them is named."""
    page = open_page()
    card = "[data-id^='tests/test_client.py::test_retries']"
    assert page.locator(f"{card} .attempt text").all_text_contents() == [
        "500",
        "429",
        "read timeout",
        "200",
    ]
    assert page.locator(f"{card} .waited").all_text_contents() == ["1 s", "30 s", "4 s"]
    boxes = page.eval_on_selector_all(
        f"{card} .attempt rect",
        "all => all.map(one => [one.x, one.width].map(v => v.baseVal.value))",
    )
    assert all(left[0] + left[1] + 20 < right[0] for left, right in pairwise(boxes))
    waits = [right[0] - left[0] - left[1] for left, right in pairwise(boxes)]
    assert waits[1] > waits[2] > waits[0]
    stops = "[data-id$='test_stops']"
    assert page.locator(f"{stops} .waited").all_text_contents() == ["0 s", "0 s"]


@pytest.mark.parametrize("width", [1280, 400])
def test_an_attempt_tells_its_request_id_on_hover_and_on_focus(open_page, width):
    page = open_page(width)
    attempt = page.locator("[data-id^='tests/test_client.py::test_retries'] .attempt").nth(1)
    for approach in (attempt.hover, attempt.focus):
        approach()
        tip = page.locator("#tip")
        assert tip.is_visible()
        lines = tip.inner_text().splitlines()
        assert lines[0] == "429 RATE_LIMIT_EXCEEDED"
        for text in ("req_0002", "Retry-After", "1 s"):
            assert text in lines
        box = tip.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        page.mouse.move(0, 0)
        attempt.blur()
        assert not tip.is_visible()


def test_failures_are_told_without_their_text_picture(open_page):
    page = open_page()
    assert page.inner_text("[data-id$='test_stops'] pre") == (
        "AssertionError: rule broken: retries wait\n  seen  0.000 s"
    )


def test_an_empty_report(open_page, tmp_path):
    path = tmp_path / "empty.html"
    write({path: page_of(report_of(catalogue(built_in_providers()), []))})
    page = open_page(path=path)
    assert page.inner_text("#tests") == "No test asked a simulated provider for anything."
    assert page.locator(".idle").all_inner_texts() == [
        "Extend: not used by any test",
        "Nutrient: not used by any test",
    ]


def test_five_thousand_tests_open_at_once(open_page, tmp_path):
    path = tmp_path / "large.html"
    tests = [case(f"tests/test_many.py::test_{number:04}", RETRIED) for number in range(5000)]
    write({path: page_of(report_of(catalogue(built_in_providers()), tests))})
    page = open_page(path=path)
    assert len(ids(page)) == 200
    assert json.loads(page.inner_text("#count")) == 5000
    page.click("#more")
    assert len(ids(page)) >= 400


def test_the_bar_is_as_long_as_its_parts(open_page):
    """A part of no errors leaves no gap: at 100 % the bar is full."""
    page = open_page()
    ends = page.eval_on_selector_all(
        ".bar",
        "bars => bars.map(bar => [bar.getBoundingClientRect().right, "
        "bar.lastChild.getBoundingClientRect().right, "
        "[...bar.children].map(part => part.offsetWidth)])",
    )
    assert len(ends) == 2
    for end, last, widths in ends:
        assert last == pytest.approx(end, abs=0.5)
        assert min(widths) > 0


def groups(page):
    return page.eval_on_selector_all(
        "#tests > *", "all => all.map(one => one.dataset.group || '  ' + one.dataset.id)"
    )


def test_rules_come_first_and_lead_to_their_tests_and_to_the_provider_s_page(open_page):
    page = open_page()
    advised, own = page.locator("#rules-table tbody tr").all_inner_texts()
    for text in ("backoff", "1", "retries wait", "docs.extend.ai/general/rate-limits"):
        assert text in advised.replace("\t", "\n").splitlines()
    assert "a rule of pytest-parseapi's own\n\ttests/test_client.py:17" in own
    links = page.locator("[data-id$='test_stops'] .broken a")
    assert links.get_attribute("href") == "https://docs.extend.ai/general/rate-limits"
    page.click("[data-rule=backoff] button")
    assert ids(page) == ["tests/test_client.py::test_stops"]
    assert page.input_value("#rule") == "backoff"


def test_a_page_of_a_suite_without_broken_rules_has_no_table_of_them(open_page, tmp_path):
    path = tmp_path / "green.html"
    write({path: page_of(report_of(catalogue(built_in_providers()), [case("a.py::b", RETRIED)]))})
    assert not open_page(path=path).is_visible("#rules")


def test_groups_by_rule(open_page):
    page = open_page()
    page.select_option("#group", "rule")
    page.fill("#search", "test_client")
    stops = "  tests/test_client.py::test_stops"
    rest = groups(page)[4:]
    assert groups(page)[:4] == ["backoff", stops, "raises", stops]
    assert (rest[0], len(rest)) == ("no broken rule", 4)
    assert page.inner_text("[data-group=backoff]") == (
        "backoff\n1 test, 1 failed\n\nretries wait docs.extend.ai/general/rate-limits"
    )


def test_groups_and_filters_by_place(open_page):
    page = open_page()
    page.select_option("#group", "place")
    page.select_option("#place", "tests/test_client.py")
    assert groups(page) == [
        "tests/test_client.py",
        "  tests/test_client.py::test_stops",
        "  tests/test_client.py::test_retries[a</script><i>]",
        "tests/test_client.py::TestRuns",
        "  tests/test_client.py::TestRuns::test_polls",
        "  tests/test_client.py::TestRuns::test_later",
    ]
    page.select_option("#place", "tests/test_client.py::TestRuns")
    assert len(ids(page)) == 2


def test_the_address_holds_what_is_shown(open_page, path):
    page = open_page()
    page.fill("#search", "req_0002 & more")
    page.select_option("#place", "tests/test_client.py::TestRuns")
    page.select_option("#group", "place")
    page.click("#outcomes button[value=xfailed]")
    address = page.evaluate("location.hash")
    assert address == (
        "#q=req_0002+%26+more&outcome=xfailed&place=tests%2Ftest_client.py%3A%3ATestRuns&group=place"
    )
    page.goto("about:blank")
    page.goto(path.as_uri() + address)
    assert page.input_value("#search") == "req_0002 & more"
    assert page.input_value("#place") == "tests/test_client.py::TestRuns"
    assert page.input_value("#group") == "place"
    assert page.get_attribute("#outcomes button[value=xfailed]", "aria-pressed") == "true"
    page.click("#clear")
    assert page.evaluate("location.hash") == ""
    page.evaluate("location.hash = 'outcome=failed'")
    page.wait_for_function("document.querySelectorAll('.test').length == 1")
    assert ids(page) == ["tests/test_client.py::test_stops"]


def test_an_address_that_names_what_is_not_here_shows_everything(open_page, path):
    page = open_page()
    page.goto("about:blank")
    page.goto(path.as_uri() + "#rule=gone&outcome=unheard&provider=acme&group=colour")
    assert page.inner_text("#count") == "305"


def test_an_expected_failure_is_shown_as_one(open_page):
    page = open_page()
    page.click("#outcomes button[value=xfailed]")
    card = page.locator(".test")
    assert card.get_attribute("class") == "card test xfailed"
    assert card.locator(".outcome").inner_text() == "xfail"
    assert card.locator(".message summary").inner_text() == "ticket 12"
    assert page.inner_text("#outcomes") == "all\nfailed 1\npassed 303\nxfail 1"


def test_each_test_names_its_place_and_the_command_that_runs_it_alone(open_page):
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    card = page.locator("[data-id$='test_stops']")
    assert card.locator(".place").inner_text().startswith("tests/test_client.py:17")
    page.clock.install(time=0)
    page.clock.pause_at(1)
    card.locator(".copy").click()
    card.locator(".copy", has_text="copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == (
        "pytest tests/test_client.py::test_stops"
    )
    page.clock.run_for(1500)
    assert card.locator(".copy").inner_text() == "copy command"


@pytest.mark.parametrize(
    "name", ["a b", "it's", '"twice"', "$HOME `id`", "back\\slash", "100%", "!x", "é-ü", "[a;b]"]
)
def test_a_shell_reads_the_command_as_it_is_meant(open_page, tmp_path, name):
    path, wanted = tmp_path / "names.html", f"tests/a.py::test_it[{name}]"
    tests = [case(wanted, [attempt(1, status=200)])]
    write({path: page_of(report_of(catalogue(built_in_providers()), tests))})
    command = open_page(path=path).get_attribute(".copy", "data-command")
    assert shlex.split(command) == ["pytest", wanted]


def test_names_are_sorted_as_people_do(open_page, tmp_path):
    path = tmp_path / "natural.html"
    tests = [case(f"t.py::test_page[{n}]", [attempt(1, status=200)]) for n in (10, 9, 100, 1)]
    write({path: page_of(report_of(catalogue(built_in_providers()), tests))})
    assert ids(open_page(path=path)) == [f"t.py::test_page[{n}]" for n in (1, 9, 10, 100)]


@pytest.mark.parametrize(("threshold", "bad"), [(90.0, True), (0.0, False)])
def test_the_head_shows_date_commit_and_required_percentage(open_page, tmp_path, threshold, bad):
    path = tmp_path / "head.html"
    report = report_of(
        catalogue(built_in_providers()), TESTS[:3], commit="0123456789abcdef", threshold=threshold
    )
    write({path: page_of(report, datetime(2026, 3, 1, 12, 30, tzinfo=UTC))})
    page = open_page(path=path)
    assert page.inner_text("#session") == (
        f"1 March 2026 at 12:30 UTC\ncommit 0123456789\nrequired: {threshold:g} %"
    )
    assert (page.locator("#session .bad").count() == 1) is bad


FIFTY = [
    attempt(
        number,
        "OCR_ERROR" if number in (38, 51, 13) else None,
        500 if number in (38, 51, 13) else 200,
        operation=37 if number == 51 else 12 if number == 52 else number - 1,
        document=f"doc-{ {51: 38, 52: 13}.get(number, number):02}.pdf",
    )
    for number in range(1, 53)
]


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("named", [True, False], ids=["rule names attempts", "rule names none"])
def test_of_fifty_documents_the_failing_one_is_open(open_page, tmp_path, width, named):
    path = tmp_path / "fifty.html"
    rules = [rule("assert_recovered", *((38, 51) if named else ()))]
    tests = [case("t.py::test_fifty", FIFTY, outcome="failed", message="no", rules=rules)]
    write({path: page_of(report_of(catalogue(built_in_providers()), tests))})
    page = open_page(width, path=path)
    assert page.locator(".lane[open]").count() == 1
    assert page.get_attribute(".lane[open]", "data-document") == "doc-38.pdf"
    assert drawn(page) == [[2, 2]]
    assert page.inner_text(".rest > summary") == "49 more: 1 recovered, 48 without a failure"
    assert page.locator(".test").bounding_box()["height"] < 400
    page.click(".rest > summary")
    recovered = page.locator("[data-document='doc-13.pdf']")
    assert recovered.inner_text().split() == ["POST", "/parse", "doc-13.pdf", "500", "200"]
    recovered.locator("summary").click()
    recovered.locator(".attempt").nth(1).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_long_message_is_wrapped(open_page, tmp_path):
    path = tmp_path / "long.html"
    message = "rule broken: waits\n  expected   " + "word " * 60 + "\n  seen       " + "x" * 300
    tests = [case("t.py::test_it", RETRIED, outcome="failed", message=message)]
    write({path: page_of(report_of(catalogue(built_in_providers()), tests))})
    page = open_page(400, path=path)
    box = page.evaluate(
        "(({scrollWidth, clientWidth}) => [scrollWidth, clientWidth])"
        "(document.querySelector('.message pre'))"
    )
    assert box[0] == box[1] <= 400
    assert page.inner_text(".message pre") == message
