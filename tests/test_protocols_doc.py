"""The page of protocols says what the code does."""

from __future__ import annotations

import runpy
import warnings
from pathlib import Path

import pytest

from ccreid.datasets import READERS
from ccreid.datasets.protocols_table import COLUMNS, protocols_page, protocols_table

PAGE = Path(__file__).parent.parent / "docs" / "protocols.md"


def test_the_page_is_the_one_that_the_code_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == protocols_page(), (
        "docs/protocols.md is stale; write it anew with `python -m ccreid.datasets.protocols_table > docs/protocols.md`"
    )


def test_the_command_writes_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        # The module is imported above already; a process of its own imports it once.
        warnings.filterwarnings("ignore", message=".*found in sys.modules", category=RuntimeWarning)
        runpy.run_module("ccreid.datasets.protocols_table", run_name="__main__")
    assert capsys.readouterr().out == protocols_page()


def test_every_protocol_has_a_row_with_a_source() -> None:
    rows = [line.strip("| \n").split(" | ") for line in protocols_table().splitlines()]
    assert tuple(rows[0]) == COLUMNS
    assert {len(row) for row in rows} == {len(COLUMNS)}
    expected = [
        (f"`{reader.name}`", protocol.name)
        for reader in READERS.values()
        for protocol in reader.protocols + reader.validation
    ]
    assert [tuple(row[:2]) for row in rows[2:]] == expected
    assert all(row[-1].strip() for row in rows)


def test_the_two_ways_of_prcc_cannot_be_confused() -> None:
    rows = [line for line in protocols_table().splitlines() if line.startswith("| `prcc` | cloth-changing")]
    assert ["multi-shot |" in row.replace("cloth-changing multi-shot", "") for row in rows] == [True, False]
    assert ["single-shot, 10 draws" in row for row in rows] == [False, True]
