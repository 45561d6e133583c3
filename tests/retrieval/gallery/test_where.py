"""Conditions select rows, and do nothing else."""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccreid.errors import SettingError
from ccreid.retrieval.gallery.where import rows_where

ROWS = [
    {"camera": 1, "place": "north", "time": "2026-05-01T10:00:00", "speed": 0.5, "seen": True},
    {"camera": 3, "place": "south", "time": "2026-05-02T10:00:00", "speed": None, "seen": False},
    {"camera": None, "place": "o'brien's \"inn\"", "time": None, "speed": -2.0, "seen": None},
    {"camera": 3, "place": None, "time": "2026-04-30", "speed": 7.25, "seen": True},
]
TABLE = pa.Table.from_pylist(ROWS)


def kept(condition: str, table: pa.Table = TABLE) -> list[int]:
    return [row for row, keeps in enumerate(rows_where(condition, table)) if keeps]


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("camera == 3", [1, 3]),
        ("camera != 3", [0]),
        ("not (camera == 3)", [0]),
        ("camera != 3 or camera is None", [0, 2]),
        ("camera is not None and place is None", [3]),
        ("1 < camera <= 3", [1, 3]),
        ("camera in [1, 2]", [0]),
        ("camera not in (1, 2)", [1, 3]),
        ("place in {'north', 'south'} and not camera == 3", [0]),
        ('time > "2026-05-01"', [0, 1]),
        ('time >= "2026-05-02" or time < "2026-05-01"', [1, 3]),
        ("speed < 0", [2]),
        ("speed == -2", [2]),
        ("speed > -2.5 and speed < 1", [0, 2]),
        ("3 == camera", [1, 3]),
        ("seen", [0, 3]),
        ("not seen", [1]),
        ("seen == True and camera == 1", [0]),
        ("speed < camera", [0]),
        ("""place == 'o\\'brien\\'s "inn"' """, [2]),
        ('place == "\'; drop table crops; --"', []),
        ("(camera == 1 or camera == 3) and (place == 'south')", [1]),
    ],
)
def test_rows_that_fulfil_a_condition(condition: str, rows: list[int]) -> None:
    assert kept(condition) == rows


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("", "not understood"),
        ("camera = 3", "equals another by =="),
        ("camera", "neither true nor false"),
        ("3", "neither true nor false"),
        ("1 == 1", "no column"),
        ("camera == 'three'", "text stands in quotes"),
        ("place > 3", "text stands in quotes"),
        ("camera == None", "is None"),
        ("camera is 3", "None alone"),
        ("camera in 3", "a list"),
        ("camera in []", "a list"),
        ("camera == 99999999999999999999999999", "too large"),
        ("__import__('os').system('touch /tmp/x')", "neither true"),
        ("camera.__class__ == 3", "no column and no value"),
        ("camera + 1 == 3", "no column and no value"),
        ("[camera for camera in (1,)] == 3", "no column and no value"),
        ("(lambda: 1)() == camera", "no column and no value"),
        ("f'{camera}' == 3", "no column and no value"),
        ("camera == (n := 3)", "no column and no value"),
        ("camera == b'3'", "no column and no value"),
        ("camera == 3; camera == 4", "not understood"),
        ("camera == 3\x00", "not understood"),
        ("not " * 3000 + "seen", "characters"),
        ("(" * 500 + "camera == 3" + ")" * 500, "not understood"),
    ],
)
def test_what_is_no_condition_is_refused(condition: str, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        kept(condition)


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(SettingError, match="names a column 'kamera'") as caught:
        kept("kamera == 3")
    assert "camera, place, seen, speed, time" in caught.value.mend


def test_a_column_of_which_nothing_is_known_keeps_nothing() -> None:
    table = pa.table({"camera": pa.array([None, None], pa.null())})
    assert kept("camera == 3", table) == kept("camera != 'a'", table) == []
    assert kept("camera is None", table) == [0, 1]


def test_a_number_is_found_among_labels_that_are_text() -> None:
    table = pa.table({"camera": ["1", "3", None]})
    assert kept("camera == 3", table) == [1]
    assert kept("camera != 3", table) == kept("camera in [1, 2]", table) == [0]
    with pytest.raises(SettingError, match="text stands in quotes"):
        kept("camera > 1", table)


def test_no_rows_are_rows_too() -> None:
    assert kept("camera == 3 or seen", TABLE.slice(0, 0)) == []


@given(st.text(max_size=60) | st.text("camerplsdintoh=<>!()[]'\" 0123456789,.-_\\", max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_condition_or_an_error_of_ours(text: str) -> None:
    before = sorted(Path.cwd().iterdir())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with suppress(SettingError):
            rows_where(text, TABLE)
    assert sorted(Path.cwd().iterdir()) == before
