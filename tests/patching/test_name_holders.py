"""Modules are found by what they have, whenever they got it."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from pytest_parseapi.patching.name_holders import NameHolders


def function():
    """Stands in some modules."""


@pytest.fixture
def load(monkeypatch):
    """Puts a module into ``sys.modules``."""

    def loaded(name, **names):
        module = ModuleType(name)
        vars(module).update(names)
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return loaded


def test_what_has_another_thing_by_the_name_is_none_of_them(load):
    module = load("one", sought=function)
    load("two", sought=print)
    load("three")
    assert NameHolders("sought").of(function) == [module]


def test_a_module_that_is_loaded_later_is_found(load):
    holders = NameHolders("sought")
    first = load("one", sought=function)
    assert holders.of(function) == [first]
    second = load("two", sought=function)
    assert holders.of(function) == [first, second]
    again = load("one", sought=function)
    assert holders.of(function) == [again, second]


def test_a_module_may_have_a_test_double_for_a_while(load):
    module = load("one", sought=print)
    holders = NameHolders("sought")
    assert holders.of(function) == []
    module.sought = function
    assert holders.of(function) == [module]


def test_a_loaded_module_may_get_the_name_later(load):
    module = load("one")
    holders = NameHolders("sought")
    assert holders.of(function) == []
    module.sought = function
    assert holders.of(function) == [module]


def test_a_loaded_module_may_get_the_name_for_another_one(load):
    module = load("one", other=print)
    holders = NameHolders("sought")
    assert holders.of(function) == []
    del module.other
    module.sought = function
    assert holders.of(function) == [module]


def test_a_module_may_lose_the_name(load):
    module = load("one", sought=function)
    holders = NameHolders("sought")
    assert holders.of(function) == [module]
    del module.sought
    module.other = print
    assert holders.of(function) == []


def test_a_module_in_the_place_of_another_is_found(load):
    load("one", sought=function)
    holders = NameHolders("sought")
    holders.of(function)
    again = load("one", sought=function)
    assert holders.of(function) == [again]


def test_what_is_no_module_is_left_alone(load, monkeypatch):
    monkeypatch.setitem(sys.modules, "one", SimpleNamespace(sought=function))
    monkeypatch.setitem(sys.modules, "two", None)
    assert NameHolders("sought").of(function) == []
