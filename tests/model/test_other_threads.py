"""The frames of all threads can be read while garbage is collected."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import pytest

from pytest_parseapi.model.other_threads import frames_of_others

THREADS = """
import gc, sys, threading, time
from pytest_parseapi.model.other_threads import frames_of_others

class Ring:
    def __init__(self):
        self.me = self
    def __del__(self):
        for _ in range(50):
            pass

def look():
    while time.monotonic() < end:
        Ring()
        frames_of_others()

sys.setswitchinterval(1e-6)
gc.set_threshold(1)
end = time.monotonic() + 1
threads = [threading.Thread(target=look, daemon=True) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("looked")
"""


def test_threads_that_look_while_garbage_is_collected_do_not_block_each_other():
    ended = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.stdout == "looked\n"


@pytest.mark.parametrize("is_enabled", [True, False])
def test_the_collector_stays_as_it_was(is_enabled):
    before = gc.isenabled()
    try:
        (gc.enable if is_enabled else gc.disable)()
        frames = frames_of_others()
        assert gc.isenabled() is is_enabled
    finally:
        (gc.enable if before else gc.disable)()
    others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
    assert frames.keys() >= others
    assert threading.get_ident() not in frames
