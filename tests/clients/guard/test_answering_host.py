"""Even if a documented host would answer, no client can reach it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HOSTS = "127.0.0.1 localhost api.extend.ai api.nutrient.io"
SCRIPT = 'ip link set lo up && mount --bind hosts /etc/hosts && exec "$@"'
NAMES = {
    "kept_getaddrinfo": "socket",
    "kept_gethostbyname": "socket",
    "c_socket_by_name": "socket",
    "c_datagram_by_name": "socket",
    "c_message_by_name": "socket",
    "datagram_with_flags": "socket",
    "http_client": "http.client",
    "http_client_by_a_proxy": "http.client",
    "http_client_by_a_tunnel": "http.client",
    "urllib_by_a_proxy": "urllib",
    "requests_by_a_proxy": "requests",
    "requests_by_socks": "requests",
    "urllib3_by_a_proxy": "urllib3",
    "httpx2_by_a_proxy": "httpx2",
    "httpx2_by_a_tunnel": "httpx2",
    "httpcore": "httpcore",
    "httpcore_by_socks": "httpcore",
    "aiohttp_by_a_proxy": "aiohttp",
    "aiohttp_by_a_tunnel": "aiohttp",
    "asyncio_streams": "asyncio",
    "uvloop_streams": "uvloop",
    "uvloop_tls_to_an_address": "uvloop",
    "uvloop_datagram": "uvloop",
    "in_a_callback_of_uvloop": "socket",
    "pycurl": "pycurl",
    "pycurl_kept": "pycurl",
    "pycurl_made_before": "pycurl",
    "pycurl_set_up_before": "pycurl",
    "uvloop_tunnel_by_a_protocol": "uvloop",
    "uvloop_question": "uvloop",
    "look_up_by_ctypes": "ctypes",
    "other_look_up_by_ctypes": "ctypes",
    "tornado_curl": "tornado",
    "tornado": "tornado",
    "curl_cffi": "curl_cffi",
    "curl_cffi_async": "curl_cffi",
    "pyopenssl_to_an_address": "pyOpenSSL",
    "rnet": "rnet",
    "wreq": "wreq",
    "httpr": "httpr",
    "impit": "impit",
    "pyreqwest": "pyreqwest",
    "never_primp": "never_primp",
    "httpmorph": "httpmorph",
    "pyqwest": "pyqwest",
    "rqx": "rqx",
    "rqx_by_the_first_part_of_its_urls": "rqx",
    "foghttp": "foghttp",
    "pycurl_by_a_text_option": "pycurl",
    "pycurl_by_a_url_of_curl": "pycurl",
    "impit_by_an_odd_url": "impit",
    "grpc_channel": "grpc",
    "httplib2": "httplib2",
    "websockets": "websockets",
    "websockets_by_a_proxy": "websockets",
    "websockets_of_a_loop_by_a_proxy": "websockets",
    "websockets_by_socks": "websockets",
    "aiohttp_by_socks": "aiohttp",
    "python_socks": "python_socks",
    "trio": "trio",
    "trio_line_to_a_proxy": "trio",
    "trio_question": "trio",
    "anyio": "asyncio",
    "line_to_a_proxy": "socket",
    "tunnel_by_streams": "asyncio",
    "buffers_to_a_proxy": "socket",
    "socks_by_hand": "socket",
    "socks_4a_by_hand": "socket",
    "line_in_parts": "socket",
    "line_by_the_system": "os",
    "buffers_by_the_system": "os",
    "line_of_a_file": "os",
    "line_of_a_file_of_a_loop": "os",
    "question_to_a_name_server": "socket",
    "tls_by_hand": "socket",
    "uvloop_tunnel_by_streams": "asyncio",
    "pycurl_by_another_address": "pycurl",
    "pycurl_by_a_proxy": "pycurl",
    "pycurl_of_many": "pycurl",
    "curl_cffi_by_an_option": "curl_cffi",
    "websockets_of_a_socket": "websockets",
    "kept_open": "http.client",
    "other_letters": "socket",
    "connect_ex": "socket",
    "xml_rpc": "http.client",
    "log_by_http": "http.client",
    "in_a_thread": "socket",
    "in_a_bare_thread": "socket",
    "in_a_child": "socket",
    "treq_by_an_agent": "treq",
}


@pytest.fixture
def outcomes(tmp_path):
    """Runs the ways where the host is this machine, and gives the outcome and text of each."""
    shutil.copy(HERE / "ways.py", tmp_path / "test_ways.py")
    (tmp_path / "hosts").write_text(HOSTS)
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    inside = ["unshare", "--net", "--mount", *own, "sh", "-c", SCRIPT, "sh"]
    try:
        done = subprocess.run([*inside, "true"], cwd=tmp_path, capture_output=True, check=False)
        trouble = done.stderr.decode()
    except OSError as error:
        trouble = str(error)
    if trouble:
        pytest.skip(f"needs network and mount namespaces: {trouble.strip()}")

    def run(mode, *options):
        command = [sys.executable, "-m", "pytest", "-rA", "-p", "parseapi"]
        done = subprocess.run(
            [*inside, *command, "-p", "no:cacheprovider", *options],
            cwd=tmp_path,
            env={
                **os.environ,
                "MODE": mode,
                "COLUMNS": "400",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        lines = re.findall(r"^([A-Z]+) (?:test_ways.py::test_(\S+))(.*)", done.stdout, re.MULTILINE)
        found = {name: (outcome, text) for outcome, name, text in lines}
        assert found, done.stdout + done.stderr
        return found

    return run


def test_each_way_sends_without_the_guard(outcomes):
    """Where nothing protects, each of them arrives."""
    wrong = {
        name: text for name, (outcome, text) in outcomes("open").items() if outcome != "PASSED"
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("mode", "options", "why"),
    [
        ("simulated", [], "nothing intercepts it."),
        ("guarded", ["-o", "parseapi_guard=true"], "parseapi_guard is on, "),
    ],
)
def test_nothing_arrives(outcomes, mode, options, why):
    found = outcomes(mode, *options)
    ways = {name[4:-1]: result for name, result in found.items() if name.startswith("way[")}
    if mode == "guarded":
        # The message is the child's alone; and nothing is set up before such a session.
        for name in ("in_a_child", "pycurl_set_up_before"):
            if ways.pop(name, None):
                assert found.pop(f"way[{name}]") == ("PASSED", "")
    assert set(ways) <= set(NAMES)
    assert len(ways) >= 12  # those of the standard library
    said = {name: _by(text) for name, (_, text) in found.items()}
    names = {f"way[{name}]": NAMES[name] for name in ways}
    names |= {name: "httpx" for name in found if name.startswith("httpx")}
    assert said == names
    assert {outcome for outcome, _ in found.values()} == {"FAILED"}
    left_out = {name: f"{name} out." for name in ("requests", "aiohttp", "httpx2")}
    left_out["urllib3"] = "requests out, and urllib3 with it."
    for name, (_, text) in found.items():
        if mode == "simulated" and name == "way[in_a_child]":
            assert "it comes from a forked child process" in text
        elif mode == "simulated" and names[name] in left_out:
            assert f"leaves {left_out[names[name]]}" in text
        else:
            assert why in text


def _by(text):
    found = re.search(
        r"A request to (\S+) by (\S+) was blocked(?: before it left this machine)?:", text
    )
    assert found, text
    assert found[1].lower().rstrip(".") == "api.extend.ai"
    return found[2]
