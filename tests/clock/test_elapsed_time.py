"""How much of the run time of code counts as virtual time."""

from __future__ import annotations

import pytest

from pytest_parseapi.clock.elapsed_time import FREE_NS, SECOND_NS, ElapsedTime


class Machine:
    """A real clock that a test sets, and what has passed in virtual time."""

    def __init__(self):
        self.real = 0
        self.elapsed = ElapsedTime(real=False)
        self.elapsed.monotonic = lambda: self.real
        self.elapsed.restart_stretch()

    def run(self, nanoseconds):
        """Code runs for so long, and reads clocks all the time."""
        self.real += nanoseconds
        self.elapsed.reads += 10**9


@pytest.fixture
def machine():
    return Machine()


def test_a_busy_loop_waits_from_a_quarter_of_a_second_on(machine):
    machine.run(FREE_NS - 1)
    assert machine.elapsed.now() == 0
    machine.run(1)
    assert machine.elapsed.now() == FREE_NS


@pytest.mark.parametrize(
    "wait",
    [lambda elapsed: elapsed.skip_wait(5 * SECOND_NS), lambda elapsed: elapsed.jump(5 * SECOND_NS)],
)
def test_what_ran_before_a_wait_does_not_count_after_it(machine, wait):
    machine.real += SECOND_NS
    wait(machine.elapsed)
    machine.run(FREE_NS - 1)
    assert machine.elapsed.now() == 5 * SECOND_NS
