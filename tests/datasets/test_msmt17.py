"""MSMT17: lists say who is where; val is left out of train unless it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccreid.datasets import READERS, read_benchmark
from ccreid.errors import DataError
from columns import annotated
from trees import TREES, plant


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return plant(tmp_path / "MSMT17_V1", *TREES["msmt17"]())


def _listed(root: Path, name: str) -> list[str]:
    return sorted(line.split()[0] for line in (root / f"list_{name}.txt").read_text().splitlines())


def test_val_is_left_out_of_train_unless_asked_for(root: Path) -> None:
    benchmark, with_val = (read_benchmark(name, root) for name in ("msmt17", "msmt17-trainval"))
    train, val = _listed(root, "train"), _listed(root, "val")
    assert [file.removeprefix("train/") for file in benchmark.subset("train").files] == train
    assert [file.removeprefix("train/") for file in benchmark.subset("val").files] == val
    assert [file.removeprefix("train/") for file in with_val.subset("train").files] == sorted(train + val)
    assert "val" not in with_val.subsets
    for subset in ("query", "gallery"):
        assert with_val.subset(subset).files == benchmark.subset(subset).files
    assert with_val.protocols == benchmark.protocols
    assert benchmark.validation == ()  # its people are the training people


def test_test_people_are_numbered_anew(root: Path) -> None:
    benchmark = read_benchmark("msmt17", root)
    assert benchmark.subset("gallery").people.tolist() == [0, 1, 2]
    assert benchmark.subset("train").people.tolist() == [0, 1, 2, 3]


def test_the_person_is_the_lists_and_the_camera_the_third_field(root: Path) -> None:
    path = root / "list_query.txt"
    path.write_text(path.read_text().replace(" 2\n", " 1\n"))  # the list merges two people
    query = read_benchmark("msmt17", root).subset("query")
    assert query.person.tolist() == [0, 0, 1, 1, 1, 1]
    assert annotated(query.camera).tolist() == [int(file.split("_")[2]) for file in query.files]


def test_v2_has_other_folders_and_the_same_content(root: Path) -> None:
    v1 = read_benchmark("msmt17", root)
    (root / "train").rename(root / "mask_train_v2")
    (root / "test").rename(root / "mask_test_v2")
    v2 = read_benchmark("msmt17", root.parent)
    for subset, samples in v1.subsets.items():
        other = v2.subset(subset)
        assert [file.split("/", 1)[1] for file in other.files] == [file.split("/", 1)[1] for file in samples.files]
        assert other.person.tolist() == samples.person.tolist()
    assert "the V1 edition" in v1.warnings[0]
    assert "the V2 edition" in v2.warnings[0]


@pytest.mark.parametrize("name", ["msmt17", "msmt17-trainval"])
@pytest.mark.parametrize("split", ["train", "val", "query", "gallery"])
def test_a_list_that_names_a_missing_image_is_refused(root: Path, split: str, name: str) -> None:
    missing = _listed(root, split)[0]
    (root / ("train" if split in ("train", "val") else "test") / missing).unlink()
    with pytest.raises(DataError, match=f"names 1 of .* not on the disk, for example .*{missing}") as caught:
        read_benchmark(name, root)
    assert f"list_{split}.txt" in caught.value.message


def test_an_image_that_no_list_names_is_told(root: Path) -> None:
    plant(root, ["train/0000/0000_099_01_0303morning_0015_0_ex.jpg"])
    benchmark = read_benchmark("msmt17", root)
    assert benchmark.warnings[0].startswith(
        "1 images are left out because list_train.txt and list_val.txt does not name them"
    )


def test_without_lists_it_is_no_msmt17(root: Path) -> None:
    (root / "list_val.txt").unlink()
    for name in ("msmt17", "msmt17-trainval"):
        with pytest.raises(DataError, match=r"list_val\.txt does not exist"):
            read_benchmark(name, root)


def test_the_expected_counts_add_up() -> None:
    apart, together = READERS["msmt17"].editions["V2"], READERS["msmt17-trainval"].editions["V2"]
    assert apart["train"][1] + apart["val"][1] == together["train"][1] == 32621
