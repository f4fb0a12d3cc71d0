"""Whether waits grow, judged by their means over many runs."""

from __future__ import annotations

import random

import pytest

from pytest_parseapi.contract.growth import growth_problem, has_noise, means


def drawn_alike(wait, length=5):
    """Sixteen runs; within one run each wait draws the same random number."""
    runs = []
    for seed in range(16):
        run = []
        for number in range(length):
            random.seed(seed)
            run.append(wait(number))
        runs.append(run)
    return runs


@pytest.fixture(autouse=True)
def _own_random():
    state = random.getstate()
    yield
    random.setstate(state)


@pytest.mark.parametrize(
    "run",
    [
        [0.5, 1, 2, 4, 4],
        [1],
        [1, 2],
        [1, 1.5, 2.25],
        [0.6, 0.7, 0.9, 1.3],
        [1, 3, 9, 9, 9],
        [2, 2, 4, 8],
        [4, 4, 4, 8, 10, 10],
        [1, 2, 4, 6],
        [1, 2, 3, 5, 8],
        [5, 10, 20, 40, 60],
        [2, 2, 4, 6],
    ],
)
def test_growing_waits_pass(run):
    assert growth_problem([run]) is None


@pytest.mark.parametrize(
    ("run", "problem"),
    [
        ([0.5, 1, 1, 1, 1], "the 3rd wait does not grow from the 2nd: 1.000 s after 1.000 s"),
        ([1, 1], "the 2nd wait does not grow from the 1st: 1.000 s after 1.000 s"),
        ([4, 2, 1], "the 2nd wait shrinks from the 1st: 2.000 s after 4.000 s"),
        ([1, 2, 4, 2], "the 4th wait shrinks from the 3rd: 2.000 s after 4.000 s"),
        ([2, 2, 2.2], "the 2nd wait does not grow from the 1st: 2.000 s after 2.000 s"),
        ([2, 2, 4, 4], "the 4th wait does not grow from the 3rd: 4.000 s after 4.000 s"),
        ([2, 2, 4, 6, 4], "the 5th wait shrinks from the 4th: 4.000 s after 6.000 s"),
        ([1, 2, 3], "the waits grow by 1.000 s each time: that is linear"),
        (
            [0, 2, 4],
            "the 1st retry came without a wait (immediate_first_retry = True allows that)",
        ),
        ([1, 0, 4], "the 2nd retry came without a wait"),
    ],
)
def test_other_waits_are_named(run, problem):
    assert str(growth_problem([run])) == problem


def test_an_immediate_first_retry_may_be_allowed():
    assert growth_problem([[0, 2, 4, 8]], immediate_first=True) is None
    assert str(growth_problem([[0, 2, 2]], immediate_first=True)) == (
        "the 3rd wait does not grow from the 2nd: 2.000 s after 2.000 s"
    )


@pytest.mark.parametrize(
    "wait",
    [
        lambda n: random.uniform(0, 2**n),
        lambda n: random.uniform(0, min(2**n, 4)),
        lambda n: min(5, 0.1 * 2**n + random.uniform(0, 1)),
        lambda n: 2**n * random.uniform(0.5, 1),
        lambda n: 1.5**n * random.uniform(0.9, 1.1),
    ],
    ids=["full", "full-capped", "stamina", "equal", "small-factor"],
)
@pytest.mark.parametrize("length", [2, 3, 5, 9])
def test_jitter_over_growth_passes(wait, length):
    assert growth_problem(drawn_alike(wait, length)) is None


@pytest.mark.parametrize(
    "wait",
    [
        lambda _: random.uniform(0.5, 1.5),
        lambda _: 1 + random.uniform(0, 1),
        lambda n: (n + 1) * random.uniform(0.9, 1.1),
        lambda n: 4 / (n + 1) * random.uniform(0.9, 1.1),
    ],
    ids=["constant", "constant-plus", "linear", "shrinking"],
)
@pytest.mark.parametrize("length", [3, 5, 9])
def test_jitter_hides_no_lack_of_growth(wait, length):
    assert growth_problem(drawn_alike(wait, length)) is not None


def constant(source, _):
    return source.uniform(0.5, 1.5)


def linear(source, number):
    return (number + 1) * source.uniform(0.9, 1.1)


def drawn_apart(wait, seed, length):
    """Sixteen runs of a consumer with a random source of its own."""
    source = random.Random(seed)
    return [[wait(source, number) for number in range(length)] for _ in range(16)]


@pytest.mark.parametrize(
    ("wait", "seed", "length"),
    [
        (lambda source, n: source.uniform(0, 2**n), 9, 3),  # 0.580, 0.549
        (lambda source, n: source.uniform(0, 2**n), 16, 3),  # in steps of 0.642
        (lambda source, n: 0.1 * 2**n + source.uniform(0, 1), 2, 5),  # 0.831, 0.832
    ],
)
def test_differences_by_chance_are_not_accused(wait, seed, length):
    assert growth_problem(drawn_apart(wait, seed, length)) is None


@pytest.mark.parametrize(
    ("wait", "seed", "problem"),
    [
        (constant, 1, "the 4th wait shrinks from the 3rd: 1.024 s after 1.035 s"),
        (constant, 167, "the 3rd wait shrinks from the 2nd: 0.807 s after 1.049 s"),
        (constant, 198, "the 3rd wait shrinks from the 2nd: 1.012 s after 1.068 s"),
        (linear, 9, "the waits grow by 0.995 s each time: that is linear"),
    ],
)
def test_chance_does_not_explain_everything(wait, seed, problem):
    assert str(growth_problem(drawn_apart(wait, seed, 5))) == problem


def test_one_jittered_run_without_a_wait_may_be_chance():
    assert growth_problem([[0, 2, 4], [1, 3, 6], [0.5, 1, 2]]) is None
    missing = "the 1st retry came without a wait (immediate_first_retry = True allows that)"
    for runs in ([[0, 2, 4], [0, 3, 6], [0.5, 1, 2]], [[0, 2, 4]], [[0, 2], [0, 2.001]]):
        assert str(growth_problem(runs)) == missing


def test_runs_that_differ_have_noise():
    assert has_noise([[1, 2], [1, 2.1]])
    assert not has_noise([[1, 2], [1, 2.001], [1]])
    assert not has_noise([])


def test_means_are_over_the_runs_that_have_the_wait():
    assert means([[1, 3], [2]]) == [1.5, 3]
    assert means([]) == []
