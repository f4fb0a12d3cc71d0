"""Waits for signals are virtual, and real where a child process may send one."""

from __future__ import annotations

import _thread
import asyncio
import functools
import os
import signal
import threading
import time
from os import kill  # kept before any test

import pytest

needed = pytest.mark.skipif(
    not hasattr(signal, "sigtimedwait"), reason="the system has no waits for signals"
)
# Without threads of other plugins, which would get the signals.
WAITS = """
import os, signal, subprocess, sys, threading, time
import pytest

ASKED = {signal.SIGUSR1, signal.SIGALRM}


@pytest.fixture
def clock(extend_api):
    signal.pthread_sigmask(signal.SIG_BLOCK, ASKED)
    yield extend_api.clock
    signal.alarm(0)
    while signal.sigtimedwait(ASKED, 0) is not None:
        pass
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED)


def send_after(seconds):
    def send():
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGUSR1)

    threading.Thread(target=send).start()


@pytest.mark.parametrize("seconds", [0, 1, 0.5, 3600])
def test_a_time_out(clock, seconds):
    assert signal.sigtimedwait(ASKED, seconds) is None
    assert clock.elapsed == seconds


def test_one_that_a_thread_sends_in_time(clock):
    send_after(30)
    assert signal.sigtimedwait(ASKED, 60).si_signo == signal.SIGUSR1
    assert clock.elapsed == 30


@pytest.mark.parametrize("wait", ["sigwait", "sigwaitinfo"])
def test_one_that_a_thread_sends(clock, wait):
    send_after(30)
    found = getattr(signal, wait)(ASKED)
    assert getattr(found, "si_signo", found) is signal.SIGUSR1 or wait == "sigwaitinfo"
    assert clock.elapsed == 30


def test_one_of_a_timer(clock):
    signal.alarm(20)
    assert signal.sigwait(ASKED) is signal.SIGALRM
    assert clock.elapsed == 20


def test_one_that_is_there_already(clock):
    os.kill(os.getpid(), signal.SIGUSR1)
    assert signal.sigtimedwait(ASKED, 60).si_signo == signal.SIGUSR1
    assert clock.elapsed == 0


def test_one_of_a_child_process(clock):
    code = f"import os, time; time.sleep(0.2); os.kill({os.getpid()}, {int(signal.SIGUSR1)})"
    child = subprocess.Popen([sys.executable, "-c", code])
    assert signal.sigtimedwait(ASKED, 3600).si_signo == signal.SIGUSR1
    assert child.wait() == 0
    assert 0.1 < clock.elapsed < 60
"""


@needed
def test_waits_for_signals(pytester, prepared):
    pytester.makepyfile(WAITS)
    pytester.runpytest_subprocess(*prepared(())).assert_outcomes(passed=10)


@needed
@pytest.mark.parametrize("wrong", [(), ({10_000}, 1), ([signal.SIGINT], -1), (3, 1)])
def test_a_wrong_wait_is_refused_as_ever(extend_api, wrong):
    with pytest.raises((TypeError, ValueError)):
        signal.sigtimedwait(*wrong)


SENDERS = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGUSR1),
    "kept": lambda: kill(os.getpid(), signal.SIGUSR1),
    "raise_signal": lambda: signal.raise_signal(signal.SIGUSR1),
    "pthread_kill": lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1),
    "interrupt_main": lambda: _thread.interrupt_main(signal.SIGUSR1),
}


@pytest.fixture
def handled_by(extend_api):
    """Sends the main thread a signal at virtual second 5, for a function of the test to handle."""
    before = signal.getsignal(signal.SIGUSR1)
    threads = []

    def send(sender, handle):
        signal.signal(signal.SIGUSR1, lambda *_: handle())
        threads.append(threading.Timer(5, SENDERS[sender]))
        threads[0].start()
        return extend_api.clock

    yield send
    threads[0].join()
    signal.signal(signal.SIGUSR1, before)


@needed
@pytest.mark.parametrize("sender", SENDERS)
def test_a_signal_that_a_thread_sends_is_handled_before_time_jumps(handled_by, sender):
    seen = []
    clock = handled_by(sender, lambda: seen.append(clock.elapsed))
    time.sleep(20)
    assert seen == [5]
    assert clock.elapsed == 20


@needed
@pytest.mark.parametrize("seconds", [20, None])
@pytest.mark.parametrize("sender", SENDERS)
def test_a_signal_ends_a_wait_at_its_time(handled_by, sender, seconds):
    came = threading.Event()
    clock = handled_by(sender, came.set)
    assert came.wait(seconds) is True
    assert clock.elapsed == 5


class StoppedError(Exception):
    """What a handler raises."""


def stop():
    raise StoppedError


@needed
@pytest.mark.parametrize(
    "wait",
    [
        functools.partial(time.sleep, 60),
        lambda: asyncio.run(asyncio.sleep(60)),
        lambda: threading.Event().wait(60),
    ],
    ids=["sleep", "loop", "event"],
)
def test_a_handler_that_raises_ends_a_wait_at_its_time(handled_by, wait):
    clock = handled_by("kill", stop)
    with pytest.raises(StoppedError):
        wait()
    assert clock.elapsed == pytest.approx(5, abs=0.01)


@needed
def test_a_handler_that_waits(handled_by):
    seen = []

    def wait():
        time.sleep(3)
        seen.append(clock.elapsed)

    clock = handled_by("kill", wait)
    time.sleep(20)
    assert seen == [8]
    assert clock.elapsed == 20
