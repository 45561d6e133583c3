"""The page on calibration does what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "calibration.md"

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")


def test_its_block_prints_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    page = PAGE.read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)
    printed = capsys.readouterr().out
    assert names["enrolled"].people == 8
    counts = [
        {word: int(count) for word, count in re.findall(r"'([a-z ]+)': (\d+)", line)} for line in printed.split("\n")
    ]
    unknown, known = counts[1:3]
    assert unknown.keys() == {"cannot say", "person"}
    assert known == {"nobody": unknown["cannot say"], "person": unknown["person"]}
    stated = re.search(r"(\d+) of the (\d+) crops of people who are not enrolled", page)
    assert stated is not None
    assert unknown["cannot say"] == pytest.approx(int(stated[1]), abs=3)
    assert sum(unknown.values()) == int(stated[2])
