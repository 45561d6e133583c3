"""A set is the same whoever makes it, goes on after a kill, and is never half there."""

from __future__ import annotations

import csv
import hashlib
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ccreid.datasets import read_benchmark
from ccreid.errors import ArtefactError, DataError, SettingError, StorageError
from ccreid.synthetic.making import MANIFEST, ROWS, SET, bytes_of, check_room, make, people_left, set_of
from ccreid.synthetic.plan import Wanted

WANTED = Wanted(people=4, test_share=0.5, outfits=2, cameras=3, images=4, frames=1, height_px=64, width_px=32, seed=3)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def pixels_of(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people") / "set"
    assert make(folder, WANTED, version="1", processes=1).pictures == 16
    return folder


def test_two_processes_make_the_same_bytes(made: Path, tmp_path: Path) -> None:
    make(tmp_path / "set", WANTED, version="1", processes=2)
    assert digests(tmp_path / "set") == digests(made)


def test_the_manifest_has_a_row_for_every_picture_and_every_picture_a_mask(made: Path) -> None:
    with (made / MANIFEST).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    places = (path for split in ("train", "query", "test") for path in (made / split).iterdir())
    pictures = sorted(str(path.relative_to(made)) for path in places)
    assert sorted(row["file"] for row in rows) == pictures
    for row in rows:
        person, outfit, camera, _ = Path(row["file"]).stem.split("_")
        assert (int(person), int(outfit)) == (int(row["person"]), int(row["outfit"]))
        assert camera == f"c{row['camera']}"
        mask = pixels_of(made / "masks" / Path(row["file"]).with_suffix(".png"))
        assert mask.shape == pixels_of(made / row["file"]).shape == (64, 32, 3)
        assert (mask[..., 1] > 127).mean() == pytest.approx(float(row["visible"]), abs=1e-4)
    assert not (made / ROWS).exists()
    assert list((made / "backgrounds").iterdir())


def test_the_page_names_every_column_of_the_manifest(made: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "people.md").read_text(encoding="utf-8")
    named = {name for line in page.splitlines() if line.startswith("| `") for name in line.split("`")[1::2]}
    with (made / MANIFEST).open(encoding="utf-8", newline="") as file:
        assert set(next(csv.reader(file))) <= named


def test_it_is_read_as_a_benchmark_with_tracklets_and_garments(made: Path) -> None:
    benchmark = read_benchmark("people", made)
    assert {name: len(samples) for name, samples in benchmark.subsets.items()} == {"train": 8, "query": 2, "gallery": 6}
    train = benchmark.subset("train")
    assert train.tracklet is not None
    assert len(np.unique(train.tracklet)) == 8
    with (made / MANIFEST).open(encoding="utf-8", newline="") as file:
        worn = {row["file"]: int(row["wardrobe_outfit"]) for row in csv.DictReader(file)}
    for samples in benchmark.subsets.values():
        assert samples.garments is not None
        assert samples.garments.tolist() == [worn[file] for file in samples.files]


def test_a_manifest_that_disagrees_is_told(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "set")
    gone = sorted((tmp_path / "set" / "train").iterdir())[0]
    gone.unlink()
    with pytest.raises(DataError, match=f"{gone.stem} is in it alone"):
        read_benchmark("people", tmp_path / "set")
    (tmp_path / "set" / MANIFEST).unlink()
    with pytest.raises(DataError, match="not finished") as caught:
        read_benchmark("people", tmp_path / "set")
    assert "it goes on" in caught.value.mend


def children_of(process: subprocess.Popen[bytes]) -> list[str]:
    """The numbers of those that it started, where Linux tells them."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return listed.read_text().split() if listed.exists() else []


def test_a_killed_maker_leaves_no_half_picture_and_the_next_goes_on(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    lines = (
        "from pathlib import Path",
        "from ccreid.synthetic.making import make",
        "from ccreid.synthetic.plan import Wanted",
        "if __name__ == '__main__':",
        f"    make(Path({str(folder)!r}), Wanted(**{WANTED.model_dump()!r}), version='1', processes=1)",
    )
    process = subprocess.Popen([sys.executable, "-c", "\n".join(lines)])
    until = time.monotonic() + 120
    while not list((folder / ROWS).glob("*.json")) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.02)
    helpers = [Path("/proc") / pid for pid in children_of(process)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    while any(helper.exists() for helper in helpers) and time.monotonic() < until:
        time.sleep(0.02)
    assert [helper.name for helper in helpers if helper.exists()] == []  # nobody waits on for ever
    assert not (folder / MANIFEST).exists()
    for picture in folder.rglob("*.jpg"):
        assert pixels_of(picture).shape == (64, 32, 3)  # a half one cannot be read
    outcome = make(folder, WANTED, version="1", processes=1)
    assert outcome.there >= 1
    assert outcome.made + outcome.there == WANTED.people
    assert digests(folder) == digests(made)
    assert make(folder, WANTED, version="1", processes=1).made == 0


def test_another_set_or_other_files_in_the_folder_are_left_alone(made: Path, tmp_path: Path) -> None:
    before = digests(made)
    with pytest.raises(SettingError, match="another set, with other people, seed"):
        make(made, WANTED.model_copy(update={"people": 5, "seed": 4}), version="1", processes=1)
    with pytest.raises(SettingError, match="another set, of version 1"):
        make(made, WANTED, version="2", processes=1)
    assert digests(made) == before
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(SettingError, match=r"other files, such as photo\.jpg"):
        make(tmp_path, WANTED, version="1", processes=1)
    (tmp_path / "photo.jpg").unlink()
    (tmp_path / SET).write_text("{}", encoding="utf-8")
    with pytest.raises(ArtefactError, match="does not describe a set"):
        set_of(tmp_path)


def test_a_disk_without_room_is_told_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _place: SimpleNamespace(free=bytes_of(WANTED, 4) - 1))
    with pytest.raises(StorageError, match="GB left"):
        make(tmp_path / "set", WANTED, version="1", processes=1)
    assert not (tmp_path / "set").exists()


def test_the_disk_needs_room_for_the_people_who_are_left_alone(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ROWS).mkdir()
    for number in (0, 2, 3):
        (tmp_path / ROWS / f"{number}.json").write_text("[]", encoding="utf-8")
    assert people_left(tmp_path, WANTED) == [1]
    free = bytes_of(WANTED, 1)
    monkeypatch.setattr("shutil.disk_usage", lambda _place: SimpleNamespace(free=free))
    check_room(tmp_path, WANTED)
    free -= 1
    with pytest.raises(StorageError, match="GB left"):
        check_room(tmp_path, WANTED)
    free = 0
    assert make(made, WANTED, version="1", processes=1).there == WANTED.people


def test_a_set_takes_no_more_than_was_said(made: Path) -> None:
    taken = sum(-(-path.stat().st_size // 4096) * 4096 for path in made.rglob("*") if path.is_file())
    assert taken < bytes_of(WANTED, 4) + 16_384
