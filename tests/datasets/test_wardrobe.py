"""Wardrobe comes with the package, is what its data card says, and is a part of the set that was given."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccreid.datasets import find_reader, read_benchmark
from ccreid.vocabulary import Benchmark, Samples, ignored
from columns import annotated

BUNDLED = find_reader("wardrobe").bundled


@pytest.fixture(scope="module")
def compact() -> Benchmark:
    return read_benchmark("wardrobe")


def _of_each(samples: Samples, *names: str) -> Counter[tuple[int, ...]]:
    return Counter(zip(*(getattr(samples, name).tolist() for name in names), strict=True))


def test_the_compact_edition_needs_no_folder(compact: Benchmark) -> None:
    assert compact.edition == "compact"
    assert compact.warnings == ()
    assert compact.unmatched == ()  # nor do the data card and the licence beside the images disturb
    assert compact.root == BUNDLED
    assert "CC0" in compact.licence


def test_people_of_train_and_test_are_others(compact: Benchmark) -> None:
    train, query, gallery = (set(compact.subset(name).people) for name in ("train", "query", "gallery"))
    assert not train & (query | gallery)
    assert query == gallery
    assert len(train) == len(gallery) == 16


def test_it_has_the_protocols_of_ltcc(compact: Benchmark) -> None:
    assert [protocol.name for protocol in compact.protocols] == ["standard", "cloth-changing", "same-clothes"]


@pytest.mark.parametrize("name", ["standard", "cloth-changing", "same-clothes"])
def test_every_query_has_a_right_answer(compact: Benchmark, name: str) -> None:
    (protocol,) = (protocol for protocol in compact.protocols if protocol.name == name)
    query, gallery = compact.subset(protocol.query), compact.subset(protocol.gallery)
    for row in range(len(query)):
        relevant = query.same("person", row, gallery) & ~ignored(protocol.ignore, query, row, gallery)
        assert relevant.any(), query.files[row]


def test_it_holds_what_its_card_says(compact: Benchmark) -> None:
    train, query, gallery = (compact.subset(name) for name in ("train", "query", "gallery"))
    assert len(train) + len(query) + len(gallery) == 832
    for samples, times in ((train, 2), (gallery, 1)):
        each = _of_each(samples, "person", "clothes", "camera")
        assert set(each.values()) == {times}
        assert len(each) == 16 * 4 * 4
        assert set(annotated(samples.camera)) == {1, 2, 3, 4}
    assert set(_of_each(query, "person", "clothes").values()) == {1}
    for samples in (train, query, gallery):
        assert set(annotated(samples.clothes) - 100 * samples.person) == {1, 2, 3, 4}


def test_its_images_are_of_one_kind(compact: Benchmark) -> None:
    kinds = set()
    for samples in compact.subsets.values():
        for row in range(len(samples)):
            with Image.open(samples.path(row)) as image:
                kinds.add((image.format, image.mode, image.size))
    assert kinds == {("JPEG", "RGB", (128, 256))}


@pytest.mark.shared
def test_the_complete_edition_is_recognised(shared: Path) -> None:
    complete = read_benchmark("wardrobe", shared / "data" / "wardrobe")
    assert (complete.edition, complete.warnings, complete.unmatched) == ("complete", (), ())
    assert len(complete.subset("train")) == 4500


@pytest.mark.shared
def test_every_bundled_image_is_one_that_was_given(compact: Benchmark, shared: Path) -> None:
    given = shared / "data" / "wardrobe"
    differing = [
        file
        for samples in compact.subsets.values()
        for file in samples.files
        if (compact.root / file).read_bytes() != (given / file).read_bytes()
    ]
    assert differing == []


@pytest.mark.shared
@pytest.mark.parametrize(("splits", "outfits", "shared_outfits"), [(["train"], 43, 16), (["query", "test"], 44, 15)])
def test_people_and_frames_were_chosen_as_the_card_says(
    compact: Benchmark, shared: Path, splits: list[str], outfits: int, shared_outfits: int
) -> None:
    with (shared / "data" / "wardrobe" / "info" / "manifest.csv").open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["split"] in splits and int(row["cloth"]) <= 4]
    worn: dict[int, set[str]] = {}
    for row in rows:
        worn.setdefault(int(row["pid"]), set()).add(row["global_outfit"])
    chosen = [min(worn)]
    while len(chosen) < 16:
        seen = set().union(*(worn[person] for person in chosen))
        chosen.append(min(worn.keys() - set(chosen), key=lambda person: (-len(worn[person] & seen), person)))

    samples = [compact.subset({"test": "gallery"}.get(split, split)) for split in splits]
    assert sorted(chosen) == np.unique(np.concatenate([part.person for part in samples])).tolist()
    wearers = Counter(outfit for person in chosen for outfit in worn[person])
    assert (len(wearers), sum(count > 1 for count in wearers.values())) == (outfits, shared_outfits)

    frames = {"train": 2, "query": 1, "test": 1}
    taken: list[str] = []
    seen_frames: Counter[tuple[str, ...]] = Counter()
    for row in sorted(rows, key=lambda row: (row["split"], row["file"])):
        key = (row["split"], row["pid"], row["cloth"], "" if row["split"] == "query" else row["cam"])
        seen_frames[key] += 1
        if int(row["pid"]) in chosen and seen_frames[key] <= frames[row["split"]]:
            taken.append(f"{row['split']}/{row['file']}")
    assert sorted(taken) == sorted(file for part in samples for file in part.files)
