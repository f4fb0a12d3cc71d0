"""Frozen dataclasses that are filled field by field behave like any others."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, replace

import pytest

from pytest_parseapi.model.frozen import writable_class
from pytest_parseapi.model.http import Timeouts


def filled() -> Timeouts:
    made = object.__new__(writable_class(Timeouts))
    made.connect, made.read, made.known = 5.0, None, True
    made.__class__ = Timeouts
    return made


def test_what_was_filled_is_an_instance_like_any_other() -> None:
    made = filled()
    assert type(made) is Timeouts
    assert made == Timeouts(5.0, None)
    assert hash(made) == hash(Timeouts(5.0, None))
    assert repr(made) == repr(Timeouts(5.0, None))
    assert made.missing == ("read",)
    assert replace(made, read=1.0) == Timeouts(5.0, 1.0)
    assert copy.copy(made) == pickle.loads(pickle.dumps(made)) == made


def test_what_was_filled_is_frozen() -> None:
    made = filled()
    with pytest.raises(FrozenInstanceError):
        made.read = 1.0  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del made.read
    assert made.read is None
