"""`ccreid bundle`: the first baseline, and what it says where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import Run

SMALL = ("bundle", "test_resnet", "-o", "small", "--size", "64x32")


def test_a_backbone_becomes_a_bundle_that_is_scored_and_searched_with(
    ccreid_command: Run, smallest_wardrobe: Path, tmp_path: Path
) -> None:
    code, out, _ = ccreid_command(*SMALL, "--weights", "none")
    assert code == 0
    assert "small (test_resnet, 192 dimensions, 64 x 32 pixels)" in out
    assert "ccreid evaluate small --dataset wardrobe" in out
    code, out, err = ccreid_command(
        "evaluate", "small", "--dataset", "wardrobe", "--data", smallest_wardrobe, "--out", "scores"
    )
    assert code == 0, err
    conditions = json.loads((tmp_path / "scores" / "report.json").read_text())["conditions"]
    assert conditions["selection"] == "none: random weights, not trained to tell people apart"
    assert ccreid_command("embed", "small", smallest_wardrobe / "query", "-o", "crops.parquet")[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (SMALL, "Set --weights to timm, to a file, or to none."),
        ((*SMALL, "--weights", "nowhere.pth"), "--weights: there is no file nowhere.pth"),
        (("bundle", "test_resent", "-o", "small", "--weights", "none"), "BACKBONE: timm has no model 'test_resent'"),
        (("bundle", "mobilenetv2_100", "-o", "small", "--last-stride", "1"), "--last-stride is 1, which"),
        ((*SMALL[:-1], "64", "--weights", "none"), "'64' is no size like 256x128"),
        ((*SMALL[:-1], "0x32", "--weights", "none"), "'0x32' is no size like 256x128"),
        ((*SMALL[:-1], "9999x32", "--weights", "none"), "at most 4096 each"),
    ],
)
def test_a_mistake_is_told_in_the_words_of_the_options(
    ccreid_command: Run, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    code, _, err = ccreid_command(*words)
    assert code == 2
    assert message in err
    assert "network." not in err
    assert not (tmp_path / "small").exists()


def test_a_folder_with_something_in_it_stays_as_it_is(ccreid_command: Run, tmp_path: Path) -> None:
    assert ccreid_command(*SMALL, "--weights", "none")[0] == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "small").iterdir()}
    code, _, err = ccreid_command(*SMALL, "--weights", "none", "--last-stride", "1")
    assert (code, "small is not empty" in err) == (2, True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "small").iterdir()} == before
