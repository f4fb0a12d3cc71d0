"""Kept references to class methods are taken over, once each, and restored."""

import datetime as dt
import gc
from types import BuiltinFunctionType

import pytest

from pytest_parseapi.patching.bound_class_methods import BoundClassMethods


class Day(dt.date):
    """A class derived from the type."""


KEPT, KEPT_OF_SUBCLASS = dt.date.fromordinal, Day.fromordinal
OTHER = dt.date.fromisocalendar


@pytest.fixture
def taken():
    made = BoundClassMethods(dt.date, {"fromordinal": lambda *arguments: arguments}, None)
    made.take()
    yield made
    made.give_back()


def test_replacements_get_the_class_first(taken):
    taken.redirect(here=True)
    assert KEPT(1) == (dt.date, 1)
    assert KEPT_OF_SUBCLASS(2) == (Day, 2)
    assert OTHER(2026, 10, 1).year == 2026
    taken.redirect(here=False)
    assert KEPT(1) == dt.date(1, 1, 1)


def test_a_second_take_over_finds_the_same_methods(taken):
    def count():
        functions = [item for item in gc.get_objects() if type(item) is BuiltinFunctionType]
        return sum(function.__name__ == "fromordinal" for function in functions)

    taken.give_back()
    assert type(KEPT_OF_SUBCLASS(1)) is Day
    before = count()
    for _ in range(3):
        taken.take()
        taken.give_back()
    assert count() == before
