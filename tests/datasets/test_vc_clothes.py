"""VC-Clothes: two of its protocols are pairs of cameras."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccreid.datasets import read_benchmark
from ccreid.errors import DataError
from ccreid.vocabulary import Ignore
from columns import annotated
from trees import TREES, plant


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return plant(tmp_path / "VC-Clothes", *TREES["vc-clothes"]())


@pytest.mark.parametrize(
    ("protocol", "cameras"), [("standard", {1, 2, 3, 4}), ("same-clothes", {2, 3}), ("cloth-changing", {3, 4})]
)
def test_a_protocol_is_its_cameras(root: Path, protocol: str, cameras: set[int]) -> None:
    benchmark = read_benchmark("vc-clothes", root)
    (rule,) = (p for p in benchmark.protocols if p.name == protocol)
    assert rule.ignore == Ignore.SAME_CAMERA
    for side, whole in ((rule.query, "query"), (rule.gallery, "gallery")):
        samples, everything = benchmark.subset(side), benchmark.subset(whole)
        assert set(annotated(samples.camera)) == cameras
        assert len(samples) == sum(camera in cameras for camera in annotated(everything.camera))


@pytest.mark.parametrize(("protocol", "same"), [("same-clothes", True), ("cloth-changing", False)])
def test_right_answers_wear_what_the_protocol_says(root: Path, protocol: str, same: bool) -> None:
    benchmark = read_benchmark("vc-clothes", root)
    query, gallery = benchmark.subset(f"query-{protocol}"), benchmark.subset(f"gallery-{protocol}")
    for row in range(len(query)):
        relevant = query.same("person", row, gallery) & query.different("camera", row, gallery)
        assert relevant.any()
        assert (query.same("clothes", row, gallery)[relevant] == same).all()


def test_the_parts_are_person_camera_outfit_index(root: Path) -> None:
    plant(root, ["train/0295-03-02-04.jpg"])
    train = read_benchmark("vc-clothes", root).subset("train")
    row = train.files.index("train/0295-03-02-04.jpg")
    assert (train.person[row], annotated(train.camera)[row], annotated(train.clothes)[row]) == (295, 3, 29502)


def test_underscores_will_do_but_no_mixture(root: Path) -> None:
    before = read_benchmark("vc-clothes", root)
    for image in root.glob("*/*.jpg"):
        image.rename(image.with_name(image.name.replace("-", "_")))
    plant(root, ["train/0295-03_02-04.jpg"])
    after = read_benchmark("vc-clothes", root)
    assert after.unmatched == ("train/0295-03_02-04.jpg",)
    for subset, samples in before.subsets.items():
        assert annotated(after.subset(subset).clothes).tolist() == annotated(samples.clothes).tolist()


def test_a_gallery_without_the_cameras_of_a_protocol_is_refused(root: Path) -> None:
    for image in (root / "gallery").iterdir():
        if image.name.split("-")[1] in ("03", "04"):
            image.unlink()
    with pytest.raises(DataError, match=r"gallery has no image of the cameras \(3, 4\)"):
        read_benchmark("vc-clothes", root)
