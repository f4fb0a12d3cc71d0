"""JavaScript under the same checks, by the live server: its retries wait in real time."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pytest_parseapi import ALWAYS

HERE = Path(__file__).parent / "node"
URL = "https://files.example.com/invoice.pdf"


@pytest.fixture(scope="session")
def packages(pytestconfig, tmp_path_factory):
    """What package-lock.json names, installed once and kept for later sessions."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs Node.js 18 or newer, with npm")
    cache = getattr(pytestconfig, "cache", None)
    kept = Path(cache.mkdir("parseapi-node")) if cache else tmp_path_factory.mktemp("node")
    wanted = (HERE / "package-lock.json").read_text()
    lock = kept / "installed" / "package-lock.json"
    if not lock.exists() or lock.read_text() != wanted:
        fresh = Path(tempfile.mkdtemp(dir=kept))
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, fresh)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(fresh)
            pytest.skip(f"npm could not install extend-ai: {done.stderr.strip()[-500:]}")
        # Whole or not at all, although several processes may come here at once.
        shutil.rmtree(kept / "installed", ignore_errors=True)
        try:
            fresh.rename(kept / "installed")
        except OSError:
            shutil.rmtree(fresh)
    return kept / "installed"


@pytest.fixture
def run(extend_api, packages, tmp_path):
    """Runs a script, where it finds its packages, against the live server."""
    (tmp_path / "node_modules").symlink_to(packages / "node_modules")
    shutil.copy(HERE / "package.json", tmp_path)

    def run(name):
        shutil.copy(HERE / name, tmp_path)
        settings = {
            "EXTEND_API_KEY": extend_api.api_key,
            "EXTEND_BASE_URL": extend_api.live_url,
            "FIRST_WAIT_MS": "100",
        }
        return subprocess.run(
            ["node", name, URL],
            cwd=tmp_path,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.mark.parametrize("script", ["with_fetch.js", "with_sdk.js"])
def test_a_retry_recovers(extend_api, run, script):
    extend_api.fail("OCR_ERROR")

    done = run(script)

    assert (done.returncode, done.stdout) == (0, "# invoice.pdf\n")
    assert {attempt.client for attempt in extend_api.attempts} == {"server"}
    extend_api.assert_retried(times=1)
    extend_api.assert_recovered()
    extend_api.assert_payload_resent()


@pytest.mark.parametrize("script", ["with_fetch.js", "with_sdk.js"])
def test_what_no_retry_can_help_is_reported_once(extend_api, run, script):
    extend_api.fail("CORRUPT_FILE")

    done = run(script)

    assert done.returncode == 1
    extend_api.assert_gave_up(attempts=1)
    extend_api.assert_request_id_logged(text=done.stderr)


def test_fetch_survives_a_broken_network(extend_api, run):
    extend_api.fail("connection_reset", "truncated_body", "bad_gateway_html")

    done = run("with_fetch.js")

    assert done.returncode == 0
    assert done.stderr.splitlines()[0] == "attempt 1 failed: ECONNRESET"
    extend_api.assert_retried(times=3)
    assert [attempt.waited > 0.09 for attempt in extend_api.attempts[1:]] == [True] * 3


@pytest.mark.parametrize("script", ["with_fetch.js", "with_sdk.js"])
def test_a_200_that_is_no_json_is_no_success(extend_api, run, script):
    extend_api.fail("invalid_json", times=ALWAYS)

    done = run(script)

    assert (done.returncode, done.stdout) == (1, "")
    assert "parse failed: a reply without the parsed document" in done.stderr or (
        "attempt 4 failed: 200 no code" in done.stderr
    )


def test_a_suite_of_node_drives_the_server_itself(packages, tmp_path):
    for path in [*HERE.glob("*.js"), HERE / "package.json"]:
        shutil.copy(path, tmp_path)
    (tmp_path / "node_modules").symlink_to(packages / "node_modules")

    done = subprocess.run(
        ["node", "run_tests.js"],
        cwd=tmp_path,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 14" in done.stdout
    assert "# fail 0" in done.stdout


def test_the_official_client_does_not_retry_a_broken_connection(extend_api, run):
    extend_api.fail("connection_reset")

    assert run("with_sdk.js").returncode == 1
    extend_api.assert_not_retried()
