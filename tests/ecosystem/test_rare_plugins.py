"""What works beside plugins that fewer teams use; they are in the extra ``rare``.

Some change every session in which they are installed, so that none is loaded but the one at hand.
"""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest
from test_plugins import SUITE

pytest_plugins = ["pytester"]

RARE = {
    "allure_pytest": ["--alluredir=results"],
    "clarity": [],
    "dependency": [],
    "dotenv": [],
    "env": [],
    "fakefs": [],
    "flask": [],
    "icdiff": [],
    "instafail": ["--instafail"],
    "localserver": [],
    "logger": [],
    "loguru": [],
    "metadata": [],
    "picked": [],
    "pretty": [],
    "pytest-datadir": [],
    "pytest-factoryboy": [],
    "pytest-responses": [],
    "pytest-retry": ["--retries", "1"],
    "pytest-split": ["--splits", "1", "--group", "1"],
    "pytest-structlog": [],
    "pytest_github_actions_annotate_failures": [],
    "pytest_httpserver": [],
    "pytest_lazyfixture": [],
    "pytest_reportlog": ["--report-log=log.json"],
    "random_order": ["--random-order"],
    "rich": ["--rich"],
    "run-parallel": ["--parallel-threads=2"],
    "snapshot": [],
    "trio": [],
}
_INSTALLED = {point.name for point in entry_points(group="pytest11")}


@pytest.mark.parametrize("name", RARE)
def test_rarer_plugins_work_beside_it(pytester, separate, name):
    if name not in _INSTALLED:
        pytest.skip(f"the plugin {name} is not installed")
    pytester.makepyfile(test_client=SUITE)
    result = separate("-p", name, *RARE[name], "--color=no")
    output = result.stdout.str()
    assert result.ret == pytest.ExitCode.TESTS_FAILED, output + result.stderr.str()
    assert "rule broken: a failed operation is tried again" in output, output
    assert "1 failed" in output, output
    assert "6 passed" in output, output


FILES = """

    @pytest.fixture(params=[1, 2])
    def made(fs):
        fs.create_file("/a.pdf", contents="%PDF-1.4")


    def upload(api):
        with open("/a.pdf", "rb") as file, httpx.Client() as client:
            headers = {"Authorization": f"Bearer {api.api_key}"}
            url = "https://api.extend.ai/files/upload"
            assert client.post(url, files={"file": file}, headers=headers).status_code == 200


    def test_files_first(made, extend_api):
        upload(extend_api)


    def test_files_last(extend_api, made):
        upload(extend_api)
"""


def test_files_of_pyfakefs_are_sent(pytester, separate):
    if "fakefs" not in _INSTALLED:
        pytest.skip("the plugin fakefs is not installed")
    pytester.makepyfile(test_client=SUITE + FILES)
    separate("-p", "fakefs", "-k", "files").assert_outcomes(passed=4)
