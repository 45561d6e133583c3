"""`ccreid data list` and `ccreid data show` as a user meets them."""

from __future__ import annotations

import shutil
from pathlib import Path

from conftest import Run, Terminal
from trees import plant


def test_data_sets_are_listed_and_shown(ccreid_command: Run) -> None:
    assert "ltcc" in ccreid_command("data", "list")[1]
    code, out, err = ccreid_command("data", "show", "wardrobe")
    assert code == 0
    assert "compact edition" in out
    assert "same camera or same clothes" in out
    assert err == ""


def test_odd_names_and_counts_are_shown(ccreid_command: Run, small_wardrobe: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_wardrobe, data)
    (data / "train" / "holiday.jpg").touch()
    code, _, err = ccreid_command("data", "show", "wardrobe", "--data", data)
    assert code == 0
    assert "1 image does not bear a name of the set" in err
    assert "train/holiday.jpg" in err
    assert "train: the compact edition has 16 people / 512 images, found 4 people / 128 images" in err


def test_an_unknown_value_is_no_value_more(ccreid_command: Run, tmp_path: Path, terminal: Terminal) -> None:
    terminal(160)
    rows = ["q.jpg,a,query,door,red", "g.jpg,a,gallery,yard,red", "h.jpg,a,gallery,,blue", "i.jpg,b,gallery,yard,"]
    plant(tmp_path, [row.split(",")[0] for row in rows])
    (tmp_path / "t.csv").write_text("\n".join(["path,person,split,camera,clothes", *rows]))
    code, out, _ = ccreid_command("data", "show", "table", "--data", tmp_path / "t.csv")
    assert code == 0
    cells = [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if line.startswith("│ gallery")
    ]
    assert cells[0] == ["gallery", "2", "3", "1 (1 unknown)", "2 (1 unknown)"]
