"""Waits of threads, and what ends them."""

from __future__ import annotations

import pytest

from pytest_parseapi.clock import blocking


def test_a_gate_is_released_once_however_often_its_thread_is_woken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Debug builds of CPython 3.14 abort where a lock is released that was just handed over."""
    released: list[object] = []
    release = blocking.raw_release
    monkeypatch.setattr(
        blocking, "raw_release", lambda lock: (released.append(lock), release(lock))
    )
    gate = blocking.Gate()
    gate.prepare()
    gate.wake()
    gate.wake()
    assert released == [gate._gate]


def test_a_gate_opens_again_for_each_wait() -> None:
    gate = blocking.Gate()
    gate.prepare()
    for _ in range(3):
        gate.wake()
        assert gate.block(0) is False
    assert not gate._gate.acquire(blocking=False)


def test_a_gate_that_nobody_waits_at_may_be_woken() -> None:
    gate = blocking.Gate()
    gate.wake()
    gate.prepare()
    assert not gate._gate.acquire(blocking=False)
