"""The sweep as its users see it: verdicts, findings, exit status, and an unchanged plain run."""

from __future__ import annotations

import re

import pytest
from sweep_app import line_of


def titles(result):
    """The findings' titles, in order."""
    return re.findall(r"^\d+\. ([\w ]+):", result.text, re.MULTILINE)


def test_a_right_consumer_has_no_finding(sweep):
    result = sweep("def test(extend_api): assert parse(INVOICE)", kinds=None)
    result.assert_outcomes(passed=1)
    assert titles(result) == []
    assert result.ret == 0
    assert "sweep: 0 findings" in result.text


@pytest.mark.parametrize(
    ("function", "title", "line"),
    [
        ("silent", "unnoticed", ("silent", "ask(document)")),
        ("careless", "crashed", ("careless", '["id"]')),
        ("stubborn", "endless", ("stubborn", "ask(document)")),
        ("once", "not recovered", ("once", "ask(document)")),
    ],
)
def test_a_wrong_consumer_is_found_at_its_line(sweep, function, title, line):
    result = sweep(f"def test(extend_api): {function}(INVOICE)")
    result.assert_outcomes(passed=1)
    assert titles(result)[0] == title
    assert f"app.py:{line_of(*line)}  in test_a_wrong_consumer_is_found_at_its_line.py" in (
        result.text
    )
    assert result.ret == 1


def test_a_finding_whole(sweep):
    result = sweep("def test_bill(extend_api): once(INVOICE)")
    at = f"app.py:{line_of('ask', 'httpx.post')} <- app.py:{line_of('once', 'ask(document)')}"
    lines = result.text.splitlines()
    start = lines.index("1. not recovered: POST /parse  ask() <- once()")
    assert lines[start + 1 : start + 9] == [
        f"   {at}  in test_a_finding_whole.py::test_bill",
        "   failure   OCR_ERROR (500) once",
        "   seen      the test fails with Failed: 500",
        "   paste     # first in the test:",
        '             extend_api.fail("OCR_ERROR", document="https://files.example.com/invoice.pdf",'
        ' endpoint="POST /parse")',
        "   and 3 more failures: RATE_LIMIT_EXCEEDED (429) once; RATE_LIMIT_EXCEEDED (429) once, "
        "Retry-After in a date; RATE_LIMIT_EXCEEDED (429) once, Retry-After in seconds",
        "",
        "2. broke retryable_error: POST /parse  ask() <- once()",
    ]


def test_a_place_stands_for_its_equals_and_deep_takes_each(sweep):
    text = """
    def test(extend_api):
        for name in "abc":
            parse(f"https://files.example.com/{name}.pdf")
    """
    one = sweep(text)
    deep = sweep(text, kinds="retryable,deep")
    found = [int(re.search(r"(\d+) variations? of 1 test", item.text)[1]) for item in (one, deep)]
    assert found[0] == 6
    assert found[1] % 3 == 0
    assert found[1] > 3 * found[0]


def test_what_the_test_itself_asks_is_left_out(sweep):
    result = sweep(
        """
        def test(extend_api):
            httpx.post(URL, json={"file": {"url": INVOICE}}, headers={"authorization": "Bearer k"})
        """
    )
    assert "0 variations of 0 tests" in result.text
    assert "left out: 1 place is a test's own call" in result.text
    assert result.ret == 0


def test_fixtures_of_function_scope_are_set_up_anew_and_wider_ones_stay(sweep):
    result = sweep(
        """
        import collections
        seen = collections.Counter()

        @pytest.fixture
        def narrow(tmp_path, monkeypatch, caplog):
            assert not list(tmp_path.iterdir())
            (tmp_path / "used").touch()
            assert "SWEPT" not in os.environ
            monkeypatch.setenv("SWEPT", "1")
            seen["narrow"] += 1
            yield
            seen["narrow down"] += 1

        @pytest.fixture(scope="class")
        def wide():
            seen["wide"] += 1
            yield
            seen["wide down"] += 1

        @pytest.fixture(scope="session")
        def widest():
            seen["widest"] += 1
            yield

        class TestIt:
            def setup_method(self):
                assert not hasattr(self, "mark")
                self.mark = True
                seen["method"] += 1

            @pytest.mark.parametrize("name", ["a", "b"])
            def test(self, extend_api, narrow, wide, widest, name, caplog):
                assert self.mark
                assert not caplog.records
                parse(f"https://files.example.com/{name}.pdf")
                assert seen["wide down"] == 0

        def test_after():
            assert seen["narrow"] == seen["narrow down"] == seen["method"] == 2 + 2 * (1 + 6)
            assert seen["wide"] == seen["wide down"] == seen["widest"] == 1
        """.replace("import collections", "import collections, os")
    )
    result.assert_outcomes(passed=3)
    assert "12 variations of 2 tests: 6 recovered, 4 reported" in result.text.replace(
        "8 re", "6 re"
    )


def test_an_error_while_a_class_ends_is_an_error_of_its_last_test(sweep):
    result = sweep(
        """
        class TestIt:
            @pytest.fixture(scope="class", autouse=True)
            def wide(self):
                yield
                raise RuntimeError("down")

            def test_one(self, extend_api): parse(INVOICE)
            def test_two(self, extend_api): parse(INVOICE)

        def test_three(extend_api): parse(INVOICE)
        """
    )
    result.assert_outcomes(passed=3, errors=1)
    assert "ERROR at teardown of TestIt.test_two" in result.text
    assert "18 variations of 3 tests" in result.text


def test_the_plain_run_stays_as_it_was(sweep, pytester):
    result = sweep(
        """
        import warnings

        def test_prints(extend_api, request):
            print("printed")
            silent(INVOICE)
            warnings.warn("once")

        def test_fails(extend_api):
            parse(INVOICE)
            print("shown")
            assert 0
        """,
        "--junitxml=out.xml",
        "--durations=0",
        "-vv",
        "-Wdefault",
    )
    result.assert_outcomes(passed=1, failed=1, warnings=1)
    assert result.text.count("Captured stdout call") == 1
    assert len(re.findall(r"s (?:setup|call|teardown) +test_", result.text)) == 6
    xml = (pytester.path / "out.xml").read_text()
    assert xml.count("<testcase") == 2
    assert "it fails without any failure of the API" in result.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--parseapi-sweep-kinds=retriable"], "no kind 'retriable': did you mean 'retryable'"),
        (["--parseapi-sweep-depth=0"], "--parseapi-sweep-depth must be an integer >= 1, not 0"),
        (["--parseapi-sweep-baseline=none.json"], "none.json: there is no such file"),
        (["--parseapi-sweep-baseline-write"], "needs --parseapi-sweep-baseline=FILE"),
    ],
)
def test_a_wrong_option_ends_the_session(sweep, options, message):
    result = sweep("def test(extend_api): parse(INVOICE)", *options, kinds=None)
    assert result.ret == 4
    assert message in result.stderr.str()


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--parseapi-sweep-kinds=final", "kinds"),
        ("--parseapi-sweep-depth=2", "depth"),
        ("--parseapi-sweep-baseline=x", "baseline"),
        ("--parseapi-sweep-baseline-write", "baseline-write"),
    ],
)
def test_an_option_without_the_sweep_is_refused(nested, option, name):
    result = nested("def test(): pass", option)
    assert result.ret == 4
    assert f"--parseapi-sweep-{name} is for --parseapi-sweep, which is not given" in (
        result.stderr.str()
    )


KEEPER = """
import pytest

KEY = pytest.StashKey()

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    item.kept = {}
    item.stash[KEY] = "kept"
    result = yield
    del item.kept, item.stash[KEY]
    return result

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    assert item.stash[KEY] == "kept"
    item.kept["call"] = item.kept.get("call", 0) + 1
    return (yield)
"""


def test_data_of_plugins_about_a_test_is_kept(sweep):
    tests = """
        def test_one(extend_api): once(INVOICE)
        def test_two(extend_api): silent(INVOICE)
    """
    plain, kept = sweep(tests), sweep(tests, conftest=KEEPER)
    kept.assert_outcomes(passed=2)
    assert titles(kept) == titles(plain) != []
