"""Sets composed of made people: whoever comes from different sets stays apart, and each keeps what belongs to him."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "compose_people.py"
COLUMNS = ("split", "file", "person", "outfit", "wardrobe_outfit", "camera", "tracklet", "looks_like")


def a_set(folder: Path, split: str, people: int = 2, images: int = 2) -> Path:
    """A set as `ccreid people make` leaves it, but with words for pictures; the second person looks like the first."""
    folder.mkdir()
    (folder / "set.json").write_text(json.dumps({"wanted": {"images": images}}), encoding="utf-8")
    rows = []
    for person in range(1, people + 1):
        for view in range(images):
            tracklet = (person - 1) * images + view
            file = f"{split}/{person:03}_{view + 1}_c{view + 1}_{tracklet:06}.jpg"
            twin = "1" if person == 2 else ""
            rows.append((split, file, person, view + 1, 7, view + 1, tracklet, twin))
            name = Path(file).stem
            for place in (file, f"masks/{split}/{name}.png", f"backgrounds/{name}.jpg"):
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
                (folder / place).write_text(f"{folder.name}/{place}", encoding="utf-8")
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as manifest:
        csv.writer(manifest).writerows([COLUMNS, *rows])
    return folder


def composed(out: Path, *arguments: str | Path) -> list[dict[str, str]]:
    subprocess.run([sys.executable, SCRIPT, out, *arguments], check=True, capture_output=True)
    with (out / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, str]]:
    sets = [a_set(tmp_path / name, split) for name, split in (("one", "train"), ("two", "train"), ("three", "query"))]
    return composed(tmp_path / "all", "--train", *sets[:2], "--test", sets[2])


def test_nobody_and_nothing_of_one_set_is_taken_for_that_of_another(rows: list[dict[str, str]]) -> None:
    assert len({row["person"] for row in rows}) == 3 * 2
    assert len({row["camera"] for row in rows}) == 3 * 2
    assert len({row["tracklet"] for row in rows}) == len({row["file"] for row in rows}) == 3 * 4
    assert len({row["wardrobe_outfit"] for row in rows}) == 3


def test_whoever_looks_alike_is_of_the_same_set(rows: list[dict[str, str]]) -> None:
    alike = {(row["person"], row["looks_like"]) for row in rows if row["looks_like"]}
    assert {int(person) - int(twin) for person, twin in alike} == {1}
    assert len(alike) == 3


def test_each_picture_has_its_own_mask_and_background(rows: list[dict[str, str]], tmp_path: Path) -> None:
    for row in rows:
        name = Path(row["file"]).stem
        person, _, camera, _ = name.split("_")
        assert (int(person), int(camera[1:])) == (int(row["person"]), int(row["camera"]))
        of_picture = Path((tmp_path / "all" / row["file"]).read_text(encoding="utf-8"))
        if row["split"] == "train":
            for place in (f"masks/train/{name}.png", f"backgrounds/{name}.jpg"):
                given = Path((tmp_path / "all" / place).read_text(encoding="utf-8"))
                assert (given.parts[0], given.stem) == (of_picture.parts[0], of_picture.stem)


def test_the_first_people_of_each_set_and_the_views_named_are_taken(tmp_path: Path) -> None:
    sets = [a_set(tmp_path / name, "train", people=3) for name in ("one", "two")]
    rows = composed(tmp_path / "some", "--train", *sets, "--people", "2", "--views", "1")
    assert sorted(int(row["person"]) % 9000 for row in rows) == [1, 1, 2, 2]
    assert {row["outfit"] for row in rows} == {"2"}
