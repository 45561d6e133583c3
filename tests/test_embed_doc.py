"""The page on `ccreid embed` does what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from conftest import Run
from wardrobes import COMPACT

PAGE = Path(__file__).parent.parent / "docs" / "embed.md"
TABLE = "path,x,y,width,height,tracklet\nframe.jpg,0,0,60,160,1\nframe.jpg,20,0,60,160,1\npeople/1.jpg,,,,,2\n"

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")


def test_its_commands_and_blocks_run(
    ccreid_command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pandas")
    assert COMPACT is not None
    (tmp_path / "people").mkdir()
    for number, path in enumerate(sorted((COMPACT / "query").glob("*.jpg"))[:2], 1):
        (tmp_path / "people" / f"{number}.jpg").write_bytes(path.read_bytes())
    with Image.open(tmp_path / "people" / "1.jpg") as picture:
        picture.save(tmp_path / "frame.jpg")
    (tmp_path / "boxes.csv").write_text(TABLE)
    page = PAGE.read_text(encoding="utf-8")
    commands = [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert len(commands) >= 3
    for command in commands:
        code, _, err = ccreid_command(*shlex.split(command)[1:])
        assert code == 0, err
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)
    printed = capsys.readouterr().out
    assert "(2, 256) ('frame.jpg[40,10,60,160]', 'people/1.jpg')" in printed
    assert names["crops"].vectors.shape == (4, 256)
