"""A printed failure shows only lines of the test and of the consumer."""

from __future__ import annotations

import re

import pytest

CONSUMER = """
    import httpx

    def ask(api, path="/parse"):
        return httpx.post(
            api.base_url + path,
            json={"file": {"url": "https://files.example.com/a.pdf"}},
            headers={"Authorization": f"Bearer {api.api_key}"},
            timeout=5,
        )
"""
CASES = {
    "check": ("extend_api.fail('OCR_ERROR'); ask(extend_api); extend_api.assert_recovered()", ()),
    "mistake": ("extend_api.fail('OCR_EROR')", ()),
    "fault": ("extend_api.fail('connect_error'); ask(extend_api)", ("consumer.py",)),
}
LINE = re.compile(r'^(?:  File ")?([^\s"]+\.py)(?:", line |:)(\d+)', re.MULTILINE)


def _files(text):
    """The files of the printed entries, in order."""
    return [match[1].replace("\\", "/").rpartition("/")[2] for match in LINE.finditer(text)]


@pytest.fixture
def printed(pytester, nested):
    def run(statement, *options, plugins=()):
        pytester.makepyfile(
            consumer=CONSUMER,
            test_it=f"from consumer import ask\n\ndef test_it(extend_api):\n    {statement}\n",
        )
        result = nested(None, *options, plugins=plugins)
        assert result.ret == 1
        return result.stdout.str()

    return run


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("style", ["long", "short", "native"])
def test_no_entry_of_a_failure_is_the_plugins_own(printed, case, style):
    statement, consumer = CASES[case]
    files = _files(printed(statement, f"--tb={style}"))
    assert not {"parse_api.py", "assertions.py", "service.py", "stops.py"} & {*files}
    assert "test_it.py" in files
    for name in consumer:
        assert name in files


def test_a_check_is_shown_at_the_line_of_the_test(printed):
    text = printed(CASES["check"][0])
    assert _files(text) == ["test_it.py"]
    shown = [line for line in text.splitlines() if line.startswith(">")]
    assert shown == [f">       {CASES['check'][0]}"]


def test_it_is_the_same_under_xdist(printed):
    assert _files(printed(CASES["check"][0], "-n", "1", plugins=["xdist"])) == ["test_it.py"]


def test_full_trace_shows_everything(printed):
    assert "assertions.py" in _files(printed(CASES["check"][0], "--full-trace"))


def test_a_report_without_a_terminal_is_trimmed_too(pytester, nested):
    pytester.makepyfile("def test_it(extend_api):\n    extend_api.assert_recovered()\n")
    nested(None, "-p", "no:terminal", "--junitxml=junit.xml")
    text = (pytester.path / "junit.xml").read_text(encoding="utf-8")
    assert "assertions.py" not in text
    assert "test_a_report_without_a_terminal_is_trimmed_too.py" in text


def test_an_error_of_the_plugin_itself_keeps_its_lines(pytester, nested):
    pytester.makepyfile(
        """
        import pytest_parseapi.api.parse_api as module

        def test_it(extend_api, monkeypatch):
            monkeypatch.setattr(module, "timeline_of", None)
            extend_api.timeline()
        """
    )
    assert "parse_api.py" in _files(nested().stdout.str())


@pytest.mark.parametrize("style", ["long", "native"])
def test_causes_and_groups_are_trimmed(pytester, nested, style):
    pytester.makepyfile(
        """
        def test_it(extend_api):
            try:
                extend_api.assert_recovered()
            except AssertionError as error:
                raise ExceptionGroup("several", [error, ValueError("other")]) from error
        """
    )
    files = _files(nested(None, f"--tb={style}").stdout.str())
    assert not {"assertions.py", "retries.py"} & {*files}


def test_a_failure_in_a_unittest_is_trimmed(pytester, nested):
    pytester.makepyfile(
        """
        import unittest
        import pytest

        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _api(self, extend_api):
                self.api = extend_api

            def test_it(self):
                self.api.assert_recovered()
        """
    )
    files = _files(nested().stdout.str())
    assert files == ["test_a_failure_in_a_unittest_is_trimmed.py"]
