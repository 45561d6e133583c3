"""The page on embedding does what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "embedding.md"

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")


def test_its_blocks_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(block, names)
    printed = capsys.readouterr().out
    for words in (
        "076_1_c1_000547.jpg 076_2_c2_001366.jpg 077_2_c1_001232.jpg",
        "(3, 256)",
        "('image 1', 'image 2') True",
    ):
        assert words in printed
    vectors = names["vectors"]
    assert [float(vectors[0] @ other) for other in vectors[1:]] == pytest.approx([0.55, 0.05], abs=0.02)
    assert all("/076_" in names["found"].files[row] for row in names["nearest"])
    assert names["loaded"].files == names["crops"].files
    assert [path.name for path in tmp_path.iterdir()] == ["crops.safetensors"]
