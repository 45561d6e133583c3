"""The tree of exceptions: what its docstring draws, what a user sees, what a process returns."""

from __future__ import annotations

import inspect
import pickle
import re
from typing import Any

import pytest

from ccreid import errors
from ccreid.errors import CcreidError, DataError, InterruptedRun, SettingError, StorageError


def _defined() -> dict[str, type[Any]]:
    classes = inspect.getmembers(errors, inspect.isclass)
    return {name: cls for name, cls in classes if cls.__module__ == errors.__name__}


def _drawn() -> dict[str, str]:
    """The parent of each class, as the docstring of the module draws it."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"[ │]*(?:[├└]── )?(?=[A-Z]\w+  )", line):
            name = line[found.end() :].split()[0]
            above = [(column, parent) for column, parent in above if column < found.end()]
            parents[name] = above[-1][1] if above else "Exception"
            above.append((found.end(), name))
    return parents


def test_the_tree_is_drawn_as_it_is() -> None:
    assert _drawn() == {name: cls.__base__.__name__ for name, cls in _defined().items() if cls.__base__}


def test_a_message_is_followed_by_its_mend() -> None:
    error = DataError("The folder x is empty.", "Fill it.")
    assert (error.message, error.mend) == ("The folder x is empty.", "Fill it.")
    assert str(error) == "The folder x is empty.\nFill it."


def test_a_message_without_a_mend_has_no_second_line() -> None:
    assert str(SettingError("The setting x is wrong.")) == "The setting x is wrong."


@pytest.mark.parametrize(
    ("kind", "code"), [(SettingError, 2), (DataError, 2), (StorageError, 1), (InterruptedRun, 130)]
)
def test_exit_codes_tell_a_mistake_from_a_failure_from_a_stop(kind: type[CcreidError], code: int) -> None:
    assert kind("").exit_code == code


@pytest.mark.parametrize("kind", _defined().values(), ids=_defined())
def test_errors_cross_processes_whole(kind: type[CcreidError]) -> None:
    """A loader's worker hands its error to the parent pickled."""
    copy = pickle.loads(pickle.dumps(kind("what", "mend")))
    assert type(copy) is kind
    assert (copy.message, copy.mend) == ("what", "mend")
