"""What holds of every reader, on its miniature tree."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ccreid.datasets import READERS, read_benchmark
from ccreid.datasets.reader import count
from ccreid.errors import CcreidError, DataError
from ccreid.vocabulary import COLUMN_NAMES, COLUMN_OF_RULE, Benchmark, ignored
from trees import TABLE, TREES, build_tree, plant

EVERY = pytest.mark.parametrize("name", READERS)
FOLDERS = [name for name in READERS if name != "table"]
BENCHMARKS = [name for name in FOLDERS if name != "folder"]


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tree for every reader, each in a parent folder of its own; not to be changed by a test."""
    return {name: build_tree(name, tmp_path_factory.mktemp("tree")) for name in READERS}


def _empty_tree(name: str, parent: Path) -> Path:
    root = plant(parent / "set", *TREES[name]())
    return root / TABLE if name == "table" else root


def _labels(benchmark: Benchmark) -> dict[str, Any]:
    return {
        subset: (samples.files, [None if (c := getattr(samples, n)) is None else c.tolist() for n in COLUMN_NAMES])
        for subset, samples in benchmark.subsets.items()
    }


def test_every_reader_has_a_tree() -> None:
    assert set(TREES) == set(READERS)


@EVERY
def test_files_are_sorted_and_there(trees: dict[str, Path], name: str) -> None:
    benchmark = read_benchmark(name, trees[name])
    for samples in benchmark.subsets.values():
        assert len(samples) > 0
        assert list(samples.files) == sorted(samples.files)
        assert all(samples.path(row).is_file() for row in range(len(samples)))
    assert benchmark.unmatched == ()
    assert benchmark.name == name


@EVERY
def test_a_tree_can_be_trained_on(trees: dict[str, Path], name: str) -> None:
    train = read_benchmark(name, trees[name]).subset("train")
    images = Counter(train.person.tolist())
    assert len(images) >= 4
    assert min(images.values()) >= 4
    shown = set()
    for row in range(len(train)):
        with Image.open(train.path(row)) as image:
            shown.add(image.convert("RGB").tobytes())
    assert len(shown) == len(train)


@EVERY
def test_every_query_has_a_right_answer_under_every_protocol(trees: dict[str, Path], name: str) -> None:
    benchmark = read_benchmark(name, trees[name])
    assert benchmark.protocols
    for protocol in (*benchmark.protocols, *benchmark.validation):
        query, gallery = benchmark.subset(protocol.query), benchmark.subset(protocol.gallery)
        for row in range(len(query)):
            relevant = query.same("person", row, gallery) & ~ignored(protocol.ignore, query, row, gallery)
            assert relevant.any(), (protocol.name, query.files[row])


@EVERY
def test_protocols_are_known_before_a_set_is_read(trees: dict[str, Path], name: str) -> None:
    benchmark, reader = read_benchmark(name, trees[name]), READERS[name]
    names = [protocol.name for protocol in reader.protocols]
    assert [protocol.name for protocol in benchmark.protocols] == names
    assert len(set(names)) == len(names)
    for protocol in (*benchmark.protocols, *benchmark.validation):
        assert protocol.source
        for flag in protocol.ignore:  # a rule never looks at a column that the set has not
            assert getattr(benchmark.subset(protocol.gallery), COLUMN_OF_RULE[flag]) is not None
    if name in BENCHMARKS:
        assert (benchmark.protocols, benchmark.validation) == (reader.protocols, reader.validation)


@pytest.mark.parametrize("name", FOLDERS)
def test_the_root_may_be_the_parent(trees: dict[str, Path], name: str) -> None:
    benchmark, from_parent = (read_benchmark(name, root) for root in (trees[name], trees[name].parent))
    assert from_parent.root == benchmark.root
    assert _labels(from_parent) == _labels(benchmark)


@EVERY
def test_a_parent_folder_cannot_change_a_label(tmp_path: Path, name: str, trees: dict[str, Path]) -> None:
    parent = tmp_path / "my_code" / "9_9_c9_x" / "P5_C5_20200101" / "0002_c1s1_000451_03.jpg" / "A"
    assert _labels(read_benchmark(name, _empty_tree(name, parent))) == _labels(read_benchmark(name, trees[name]))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_strays_are_passed_over_and_odd_images_reported(tmp_path: Path, name: str) -> None:
    root = _empty_tree(name, tmp_path)
    before = read_benchmark(name, root)
    files = [file for samples in before.subsets.values() for file in samples.files]
    folders = sorted({str(Path(file).parent) for file in files})
    for folder in folders:
        plant(root / folder, ["Thumbs.db", ".DS_Store", "._1_1_1.jpg", "readme.txt"])
    assert _labels(read_benchmark(name, root)) == _labels(before)
    plant(root, [f"{folder}/copy of an image.jpg" for folder in folders])
    after = read_benchmark(name, root)
    assert _labels(after) == _labels(before)
    assert sorted(after.unmatched) == [f"{folder}/copy of an image.jpg" for folder in folders]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_an_ending_that_stands_twice_changes_nothing(tmp_path: Path, name: str) -> None:
    """So do names of Market-1501; public readers of the others look at no more than the beginning of a name."""
    root = _empty_tree(name, tmp_path)
    before = read_benchmark(name, root)
    for samples in before.subsets.values():
        for row in range(len(samples)):
            if samples.path(row).exists() and not samples.files[row].endswith((".jpg.jpg", ".png.png")):
                samples.path(row).rename(f"{samples.path(row)}{samples.path(row).suffix}")
    for texts in root.glob("*.txt"):
        texts.write_text(texts.read_text(encoding="utf-8").replace(".jpg", ".jpg.jpg"), encoding="utf-8")
    after = read_benchmark(name, root)
    assert after.unmatched == ()
    assert [samples.person.tolist() for samples in after.subsets.values()] == [
        samples.person.tolist() for samples in before.subsets.values()
    ]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_images_of_other_names_are_told_with_what_is_expected(tmp_path: Path, name: str) -> None:
    root = _empty_tree(name, tmp_path)
    folder = Path(read_benchmark(name, root).subset("query" if name != "prcc" else "gallery").files[0]).parent
    plant(root, [f"{folder}/holiday [1].jpg"])
    benchmark = read_benchmark(name, root)
    (remark,) = set(benchmark.remarks) - set(benchmark.warnings)
    told = (
        f"1 image does not bear a name of the set and is left out, for example {folder}/holiday [1].jpg. Expected is: "
    )
    assert remark.startswith(told + READERS[name].layout)
    assert "Rename" in remark
    assert "npack" not in remark


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if READERS[name].editions])
def test_every_count_that_differs_is_told(trees: dict[str, Path], name: str) -> None:
    reader, benchmark = READERS[name], read_benchmark(name, trees[name])
    found = count(benchmark.subsets)
    counted = next(iter(reader.editions.values()))
    assert benchmark.edition == ""
    assert len(benchmark.warnings) == len(counted)
    for subset, warning in zip(counted, benchmark.warnings, strict=True):
        assert warning.startswith(f"{subset}: ")
        assert warning.endswith(f"found {found[subset][0]} people / {found[subset][1]} images.")
        assert ("from memory" in warning) == (subset in reader.from_memory)


def _folders(name: str) -> list[str]:
    """Those of a set that hold its images, or its people's folders."""
    return sorted({re.sub(r"(/\d+)?/[^/]+$", "", file) for file in TREES[name]()[0]})


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_set_without_train_is_scored(tmp_path: Path, name: str) -> None:
    root = _empty_tree(name, tmp_path)
    whole = read_benchmark(name, root)
    for folder in {Path(file).parts for file in whole.subset("train").files}:
        shutil.rmtree(root / _top(name, folder), ignore_errors=True)
    scored = read_benchmark(name, root)
    assert scored.protocols == whole.protocols
    names = {side for protocol in whole.protocols for side in (protocol.query, protocol.gallery)}
    assert {side: scored.subset(side).files for side in names} == {side: whole.subset(side).files for side in names}
    assert not [warning for warning in scored.warnings if warning.startswith("train")]
    with pytest.raises(DataError, match=r"no subset 'train'.*lacks .*train.*/\."):
        scored.subset("train")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_set_with_train_alone_is_trained_on(tmp_path: Path, name: str) -> None:
    root = _empty_tree(name, tmp_path)
    whole = read_benchmark(name, root)
    kept = {_top(name, Path(file).parts) for file in whole.subset("train").files}
    for folder in _folders(name):
        if not any(Path(folder).is_relative_to(top) for top in kept):
            shutil.rmtree(root / folder)
    alone = read_benchmark(name, root)
    assert alone.subset("train").files == whole.subset("train").files
    assert (alone.protocols, alone.validation) == ((), ())
    with pytest.raises(DataError, match=r"cannot be scored: it lacks .*/\."):
        alone.check_scored()
    everything = [folder for folder in _folders(name) if (root / folder).exists()]
    for folder in everything:
        shutil.rmtree(root / folder)
    with pytest.raises(DataError, match="it lacks "):
        read_benchmark(name, root)


def _top(name: str, parts: tuple[str, ...]) -> str:
    """The folder of a subset that holds a file."""
    return "/".join(parts[: 2 if name == "prcc" else 1])


@pytest.mark.parametrize("name", BENCHMARKS)
def test_an_empty_folder_is_refused(tmp_path: Path, name: str) -> None:
    for place, folder in enumerate(_folders(name)):
        root = _empty_tree(name, tmp_path / str(place))
        (root / folder).rename(root / "elsewhere")
        (root / folder).mkdir()
        with pytest.raises(DataError, match=f"{folder}.*holds no image at all") as caught:
            read_benchmark(name, root)
        assert caught.value.mend


@pytest.mark.parametrize("name", FOLDERS)
def test_a_name_that_is_not_utf8_is_named(tmp_path: Path, name: str) -> None:
    root = _empty_tree(name, tmp_path)
    samples = next(iter(read_benchmark(name, root).subsets.values()))
    odd = bytes(samples.path(0).parent) + b"/caf\xe9.jpg"
    open(odd, "wb").close()  # noqa: PTH123 - a path of bytes
    with pytest.raises(DataError, match=r"a name that is not UTF-8: caf\\xe9\.jpg") as caught:
        read_benchmark(name, root)
    assert "convmv" in caught.value.mend


@EVERY
def test_another_folder_is_refused_with_a_mend(tmp_path: Path, name: str) -> None:
    plant(tmp_path, ["holiday/beach/1.jpg"])
    with pytest.raises(CcreidError) as caught:
        read_benchmark(name, tmp_path)
    assert str(tmp_path) in caught.value.message
    assert "--data" in caught.value.mend
