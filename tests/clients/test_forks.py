"""A forked child is blocked, and the test's own process reports it."""

import multiprocessing

import pytest

pytestmark = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="needs os.fork"
)

SOURCE = """
    import multiprocessing, os
    from concurrent.futures import ProcessPoolExecutor
    import httpx, pytest
    pytestmark = pytest.mark.filterwarnings("ignore")

    def ask(key):
        reply = httpx.post(
            "https://api.extend.ai/parse",
            json={"file": {"url": "https://files.example.com/a.pdf"}},
            headers={"Authorization": f"Bearer {key}"},
            timeout=9,
        )
        return reply.status_code

    def look_up(_key):
        import socket
        socket.getaddrinfo("api.extend.ai", 443)

    def swallow(key):
        try:
            ask(key)
        except BaseException:
            return "swallowed"

    def forked(work, key):
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            return list(pool.map(work, [key]))
"""


@pytest.mark.parametrize(
    ("work", "what"),
    [
        ("ask", "POST https://api.extend.ai/parse by httpx"),
        ("swallow", "POST https://api.extend.ai/parse by httpx"),
        ("look_up", "A request to api.extend.ai by socket"),
    ],
)
def test_a_child_is_blocked(pytester, separate, work, what):
    pytester.makepyfile(
        SOURCE
        + f"""
    def test_it(extend_api):
        extend_api.fail("OCR_ERROR", times=1)
        forked({work}, extend_api.api_key)
        extend_api.assert_gave_up(attempts=1)
"""
    )
    result = separate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            f"{what} was blocked: it comes from a forked child process (pid *), and only the "
            "test's own process is simulated. Let the child ask the address that api.live_url "
            "gives."
        ]
    )


def test_a_child_that_asks_nothing_is_left_alone(pytester, separate):
    pytester.makepyfile(
        SOURCE
        + """
    def test_it(extend_api):
        assert forked(len, "four") == [4]
        assert ask(extend_api.api_key) == 200
        assert len(extend_api.attempts) == 1
"""
    )
    separate().assert_outcomes(passed=1)


def test_the_timeline_tells_of_children(pytester, separate):
    pytester.makepyfile(
        SOURCE
        + """
    def test_it(extend_api):
        forked(swallow, extend_api.api_key)
        print("picture:", extend_api.timeline())
"""
    )
    result = separate()
    result.stdout.fnmatch_lines(
        [
            "picture: timeline of Extend: no attempt on record",
            "    POST https://api.extend.ai/parse by httpx was blocked: it comes from a forked "
            "child process (pid *)",
        ]
    )
