"""Every finding of a check is provoked once, and absent from a sound set."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ccreid.datasets import READERS, read_benchmark
from ccreid.errors import DataError
from ccreid.inspection import images as check_images
from ccreid.inspection.check import as_values, check_benchmark, has_errors
from ccreid.inspection.finding import MOST_EXAMPLES, Finding, sides_of
from ccreid.inspection.people import LARGEST_RANK, check_people
from ccreid.report.schema import RANKS
from ccreid.vocabulary import UNKNOWN, Benchmark, Ignore, Protocol, Samples, answerable, ignored
from spoiled import spoil
from trees import build_tree

STANDARD = (Protocol("standard", Ignore.SAME_CAMERA),)
TINY_LIMIT_PX = 33  # the pictures of trees.py are 32 pixels wide


@pytest.fixture
def wardrobe(small_wardrobe: Path, tmp_path: Path) -> Path:
    """A small Wardrobe that may be changed."""
    return Path(shutil.copytree(small_wardrobe, tmp_path / "wardrobe"))


def found(benchmark: Benchmark, name: str, about: str = "", **options: Any) -> Finding:
    """The one finding of that name about that."""
    (finding,) = (f for f in check_benchmark(benchmark, **options) if (f.name, f.about) == (name, about))
    return finding


def people_found(benchmark: Benchmark, name: str, about: str = "") -> Finding:
    """Likewise, without a look at any picture."""
    (finding,) = (f for f in check_people(benchmark, sides_of(benchmark)) if (f.name, f.about) == (name, about))
    return finding


def samples(subset: str, *rows: tuple[int, int | None, int | None]) -> Samples:
    """Images of a subset without pictures: (person, camera, clothes) each."""
    columns: dict[str, Any] = dict(zip(("person", "camera", "clothes"), zip(*rows, strict=True), strict=True))
    return Samples(**columns, files=tuple(f"{subset}/{row}.jpg" for row in range(len(rows))))


def made(subsets: dict[str, Samples], *protocols: Protocol, validation: tuple[Protocol, ...] = ()) -> Benchmark:
    return Benchmark("made", Path(), subsets, protocols or STANDARD, validation)


SOUND = {
    "train": samples("train", (1, 1, 10), (1, 2, 11), (2, 1, 20), (2, 2, 21)),
    "query": samples("query", (3, 1, 30), (4, 1, 40)),
    "gallery": samples("gallery", (3, 2, 31), (4, 2, 41)),
}


def files_of(root: Path, subset: str) -> list[Path]:
    return sorted((root / subset).iterdir())


# --- a sound set ------------------------------------------------------------------------------------------------------


def test_nothing_is_wrong_with_the_bundled_set() -> None:
    findings = check_benchmark(read_benchmark("wardrobe"))
    assert {finding.severity for finding in findings} == {"ok"}
    assert not has_errors(findings)
    informing = {"counts", "clothes-name-the-person", "small-gallery"}  # they count what is there
    assert {finding.name for finding in findings if finding.count} == informing
    assert len({(finding.name, finding.about) for finding in findings}) == len(findings)


def test_of_a_part_of_it_only_the_counts_differ(small_wardrobe: Path) -> None:
    findings = check_benchmark(read_benchmark("wardrobe", small_wardrobe))
    wrong = [finding for finding in findings if finding.severity != "ok"]
    assert {finding.name for finding in wrong} == {"counts", "remark"}
    assert {finding.severity for finding in wrong} == {"warning"}
    remarks = [finding.detail for finding in findings if finding.name == "remark"]
    assert "train: the compact edition has 16 people / 512 images, found 4 people / 128 images." in remarks


@pytest.mark.parametrize("name", READERS)
def test_every_layout_can_be_checked(tmp_path: Path, name: str) -> None:
    benchmark = replace(read_benchmark(name, build_tree(name, tmp_path)), shared_people_numbers=False)
    findings = check_benchmark(benchmark)
    assert not has_errors(findings)
    answers = [finding for finding in findings if finding.name == "queries-without-answer"]
    assert [finding.about for finding in answers] == [p.name for p in benchmark.protocols + benchmark.validation]
    assert {finding.count for finding in answers} == {0}  # trees.py promises it
    total = len({file for subset in benchmark.subsets.values() for file in subset.files})
    (readable,) = (finding for finding in findings if finding.name == "unreadable-images")
    assert readable.detail == f"All {total} images can be read."


# --- what the reader says ---------------------------------------------------------------------------------------------


def test_counts_of_an_edition_are_recognised() -> None:
    finding = found(read_benchmark("wardrobe"), "counts")
    assert (finding.severity, finding.count) == ("ok", 832)
    assert "compact edition" in finding.detail


def test_other_counts_are_a_warning(small_wardrobe: Path) -> None:
    finding = found(read_benchmark("wardrobe", small_wardrobe), "counts")
    assert finding.severity == "warning"
    assert "complete or compact" in finding.detail


def test_a_set_of_ones_own_has_no_counts_to_keep(tmp_path: Path) -> None:
    finding = found(read_benchmark("folder", build_tree("folder", tmp_path)), "counts")
    assert finding.severity == "ok"
    assert "No counts are known" in finding.detail


def test_other_names_are_a_warning(wardrobe: Path) -> None:
    for name in ("holiday.jpg", "beach.jpg"):
        shutil.copy(files_of(wardrobe, "train")[0], wardrobe / "train" / name)
    finding = found(read_benchmark("wardrobe", wardrobe), "unmatched-names")
    assert (finding.severity, finding.count) == ("warning", 2)
    assert finding.examples == ("train/beach.jpg", "train/holiday.jpg")
    assert "names like 076_1_c1_000525.jpg" in finding.detail  # what is expected
    assert "rename" in found(read_benchmark("wardrobe", wardrobe), "counts").detail


def test_an_empty_subset_is_an_error(small_wardrobe: Path) -> None:
    benchmark = read_benchmark("wardrobe", small_wardrobe)
    for subset in benchmark.subsets:
        emptied = replace(benchmark, subsets={**benchmark.subsets, subset: benchmark.subset(subset).select([])})
        finding = found(emptied, "empty-subsets")
        assert (finding.severity, finding.count) == ("error", 1)
        assert subset in finding.detail


def test_a_protocol_without_its_subset_is_refused(small_wardrobe: Path) -> None:
    benchmark = read_benchmark("wardrobe", small_wardrobe)
    benchmark = replace(benchmark, protocols=(Protocol("odd", Ignore.NOTHING, gallery="nowhere"),))
    with pytest.raises(DataError, match="no subset 'nowhere'"):
        check_benchmark(benchmark)


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_unreadable_images_are_an_error_and_named(wardrobe: Path) -> None:
    benchmark = read_benchmark("wardrobe", wardrobe)
    truncated, text, missing = (
        files_of(wardrobe, "train")[3],
        files_of(wardrobe, "query")[0],
        files_of(wardrobe, "test")[5],
    )
    truncated.write_bytes(truncated.read_bytes()[:900])
    text.write_text("no picture")
    missing.unlink()
    finding = found(benchmark, "unreadable-images")
    assert (finding.severity, finding.count) == ("error", 3)
    assert finding.examples == (f"train/{truncated.name}", f"query/{text.name}", f"test/{missing.name}")
    assert f"3 of {4 * 32 + 3 * 20} images cannot be read" in finding.detail
    assert "data.unreadable=skip" in finding.detail
    assert str(truncated) in finding.detail


def test_a_missing_image_alone_is_named_with_the_reason(wardrobe: Path) -> None:
    benchmark = read_benchmark("wardrobe", wardrobe)
    missing = files_of(wardrobe, "test")[5]
    missing.unlink()
    assert f"{missing} cannot be read: No such file or directory." in found(benchmark, "unreadable-images").detail


@pytest.mark.parametrize("how", ["pipe", "dangling", "device", "folder"])
def test_what_is_no_file_is_unreadable_too(wardrobe: Path, how: str) -> None:
    benchmark = read_benchmark("wardrobe", wardrobe)
    path = files_of(wardrobe, "test")[5]
    path.unlink()
    spoil(path, how)
    finding = found(benchmark, "unreadable-images")
    assert finding.examples == (f"test/{path.name}",)
    assert f"{path} cannot be read: it is a " in finding.detail


def test_unreadable_images_are_no_copies_of_each_other(wardrobe: Path) -> None:
    benchmark = read_benchmark("wardrobe", wardrobe)
    for path in (*files_of(wardrobe, "train")[:2], files_of(wardrobe, "query")[0]):
        path.write_bytes(b"")
    findings = check_benchmark(benchmark)
    assert {f.name for f in findings if f.severity == "error"} == {"unreadable-images"}
    assert sum(f.count for f in findings if f.name in ("duplicate-images", "images-on-two-sides")) == 0


@pytest.mark.parametrize("size", [(31, 64), (64, 31)])
def test_tiny_images_are_a_warning(wardrobe: Path, size: tuple[int, int]) -> None:
    tiny, enough = files_of(wardrobe, "test")[:2]
    for path, resized in ((tiny, size), (enough, (32, 32))):
        with Image.open(path) as image:
            image.resize(resized).save(path)
    benchmark = read_benchmark("wardrobe", wardrobe)
    finding = found(benchmark, "tiny-images")
    assert (finding.severity, finding.count, finding.examples) == ("warning", 1, (f"test/{tiny.name}",))
    assert "less than 32 pixels" in finding.detail
    assert "the smallest 31" in finding.detail
    assert found(benchmark, "tiny-images", smallest_px=33).count == 2
    assert found(benchmark, "tiny-images", smallest_px=31).count == 0


@pytest.mark.parametrize("side", ["query", "test"])
def test_the_same_bytes_in_train_and_test_are_an_error(wardrobe: Path, side: str) -> None:
    original, copy = files_of(wardrobe, "train")[0], files_of(wardrobe, side)[0]
    shutil.copy(original, copy)
    benchmark = read_benchmark("wardrobe", wardrobe)
    finding = found(benchmark, "images-on-two-sides", "train, test")
    assert (finding.severity, finding.count) == ("error", 1)
    assert finding.examples == (f"train/{original.name} = {side}/{copy.name}",)
    assert found(benchmark, "duplicate-images", "train").count == 0
    assert found(benchmark, "duplicate-images", "test").count == 0


@pytest.mark.parametrize(
    ("first", "second", "side"), [("train", "train", "train"), ("query", "test", "test"), ("test", "test", "test")]
)
def test_copies_on_one_side_are_a_warning(wardrobe: Path, first: str, second: str, side: str) -> None:
    original, copy = files_of(wardrobe, first)[0], files_of(wardrobe, second)[1]  # of one person
    shutil.copy(original, copy)
    benchmark = read_benchmark("wardrobe", wardrobe)
    finding = found(benchmark, "duplicate-images", side)
    assert (finding.severity, finding.count) == ("warning", 1)
    assert finding.examples == (f"{first}/{original.name} = {second}/{copy.name}",)
    assert "different people" not in finding.detail
    assert found(benchmark, "images-on-two-sides", "train, test").count == 0


def test_every_copy_counts_and_other_people_are_pointed_out(wardrobe: Path) -> None:
    first, second, *_, last = files_of(wardrobe, "train")
    shutil.copy(first, second)
    shutil.copy(first, last)
    finding = found(read_benchmark("wardrobe", wardrobe), "duplicate-images", "train")
    assert finding.count == 2
    assert finding.examples == (f"train/{first.name} = train/{second.name}",)
    assert "1 pictures stand under different people" in finding.detail


def test_one_file_in_several_subsets_of_a_side_is_no_copy(tmp_path: Path) -> None:
    benchmark = read_benchmark("vc-clothes", build_tree("vc-clothes", tmp_path))
    assert set(benchmark.subset("query-cloth-changing").files) < set(benchmark.subset("query").files)
    assert found(benchmark, "duplicate-images", "test").count == 0
    assert found(benchmark, "tiny-images", smallest_px=TINY_LIMIT_PX).count == 12 + 32 + 32  # each file once


def test_one_file_in_train_and_test_is_an_error(small_wardrobe: Path) -> None:
    benchmark = read_benchmark("wardrobe", small_wardrobe)
    benchmark = replace(benchmark, subsets={**benchmark.subsets, "train": benchmark.subset("gallery")})
    finding = found(benchmark, "images-on-two-sides", "train, test")
    assert (finding.severity, finding.count) == ("error", len(benchmark.subset("gallery")))
    assert len(finding.examples) == MOST_EXAMPLES


def test_the_same_bytes_in_validation_and_test_are_a_warning(tmp_path: Path) -> None:
    root = build_tree("folder", tmp_path)
    for subset, person in (("val-query", "dora"), ("val-gallery", "dora")):
        (root / subset / person).mkdir(parents=True)
    shutil.copy(root / "query" / "dora" / "1.jpg", root / "val-query" / "dora" / "1.jpg")
    shutil.copy(root / "train" / "anna" / "1.jpg", root / "val-gallery" / "dora" / "1.jpg")
    benchmark = read_benchmark("folder", root)
    expected = {"train, validation": ("error", 1), "validation, test": ("warning", 1), "train, test": ("ok", 0)}
    for name, of_sides in (("images-on-two-sides", expected), ("people-on-two-sides", None)):
        findings = {f.about: (f.severity, f.count) for f in check_benchmark(benchmark) if f.name == name}
        assert findings == (of_sides or {**expected, "train, validation": ("ok", 0)})


def test_the_reading_can_be_followed(small_wardrobe: Path) -> None:
    benchmark = read_benchmark("wardrobe", small_wardrobe)
    seen: list[Any] = []

    def track(items: Any, what: str, count: int) -> Any:
        seen.append((what, count))
        for item in items:
            seen.append(item)
            yield item

    check_benchmark(benchmark, track)
    (what, count), *pictures = seen
    assert what
    assert count == len(pictures) == sum(map(len, benchmark.subsets.values()))


def test_an_interrupted_check_reads_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Path] = []
    free = threading.Event()

    def look(path: Path) -> check_images.Picture:
        started.append(path)
        free.wait(10)
        return check_images.Picture()

    def interrupt(_items: Any, _what: str, _count: int) -> Any:
        threading.Timer(0.1, free.set).start()
        raise KeyboardInterrupt

    monkeypatch.setattr(check_images, "_look", look)
    paths = [Path(str(number)) for number in range(2000)]
    with pytest.raises(KeyboardInterrupt):
        check_images.look_at_all(paths, interrupt)
    assert len(started) < len(paths) // 2


# --- people -----------------------------------------------------------------------------------------------------------


def test_a_made_set_is_sound_but_for_its_size() -> None:
    findings = check_people(made(SOUND), sides_of(made(SOUND)))
    assert {finding.name for finding in findings if finding.severity != "ok"} == {"small-gallery"}


@pytest.mark.parametrize("side", ["query", "gallery"])
def test_people_in_train_and_test_are_an_error(side: str) -> None:
    other = {"query": (2, 1, 20), "gallery": (2, 2, 21)}[side]
    benchmark = made(SOUND | {side: samples(side, (3, 1, 30), (4, 2, 40), other)})
    finding = people_found(benchmark, "people-on-two-sides", "train, test")
    assert (finding.severity, finding.count) == ("error", 1)
    assert finding.examples == (f"train/2.jpg = {side}/2.jpg",)
    assert "1 of 3 people of test are in train too" in finding.detail


def test_local_numbers_are_not_compared() -> None:
    benchmark = made(SOUND | {"train": samples("train", (3, 1, 30), (3, 2, 31))})
    assert people_found(benchmark, "people-on-two-sides", "train, test").severity == "error"
    finding = people_found(replace(benchmark, shared_people_numbers=False), "people-on-two-sides")
    assert (finding.severity, finding.count) == ("ok", 0)


def test_training_people_may_stand_in_a_subset_that_no_protocol_looks_at() -> None:
    benchmark = made(SOUND | {"val": samples("val", (1, 1, 10), (2, 1, 20))})
    assert people_found(benchmark, "people-on-two-sides", "train, test").count == 0
    benchmark = made(SOUND | {"val": samples("val", (1, 1, 10), (3, 1, 30))})
    assert people_found(benchmark, "people-on-two-sides", "train, test").count == 1


def test_people_in_validation_and_test_are_a_warning() -> None:
    validation = (Protocol("validation", Ignore.NOTHING, "val-query", "val-gallery"),)
    val = {"val-query": samples("val-query", (3, 1, 30)), "val-gallery": samples("val-gallery", (3, 1, 30), (5, 1, 50))}
    benchmark = made(SOUND | val, validation=validation)
    finding = people_found(benchmark, "people-on-two-sides", "validation, test")
    assert (finding.severity, finding.count) == ("warning", 1)
    assert "chosen for the test" in finding.detail
    assert people_found(benchmark, "people-on-two-sides", "train, validation").severity == "ok"


def test_clothes_numbers_that_name_the_person_are_told() -> None:
    benchmark = made(SOUND)
    for side in ("train", "test"):
        finding = people_found(benchmark, "clothes-name-the-person", side)
        assert (finding.severity, finding.count) == ("ok", 4)
        assert "4 of 4 clothes numbers belong to one person" in finding.detail
        assert people_found(benchmark, "clothes-of-several", side).count == 0


def test_clothes_of_several_people_are_a_warning() -> None:
    benchmark = made(SOUND | {"gallery": samples("gallery", (3, 2, 40), (4, 2, 41), (4, 1, None), (3, 1, None))})
    finding = people_found(benchmark, "clothes-of-several", "test")
    assert (finding.severity, finding.count) == ("warning", 1)
    assert finding.examples == ("query/1.jpg",)
    assert people_found(benchmark, "clothes-name-the-person", "test").count == 2
    assert people_found(benchmark, "clothes-of-several", "train").severity == "ok"


def test_what_is_not_annotated_is_not_judged() -> None:
    bare = {name: Samples(person=side.person, files=side.files) for name, side in SOUND.items()}
    benchmark = made(bare, Protocol("standard", Ignore.NOTHING))
    for side in ("train", "test"):
        for name in ("clothes-name-the-person", "people-of-one-camera", "people-of-one-outfit"):
            finding = people_found(benchmark, name, side)
            assert (finding.severity, finding.count) == ("ok", 0)
            assert "annotated" in finding.detail


def test_people_with_one_of_a_kind_are_a_warning() -> None:
    train = samples(
        "train",
        *((1, 1, 10), (1, 2, 11)),  # sound
        (2, 1, 20),  # one image
        *((3, 1, 30), (3, 1, 31)),  # one camera
        *((4, 1, 40), (4, 2, 40)),  # one outfit
        *((5, 1, 50), (5, None, None)),  # perhaps another camera and outfit
    )
    benchmark = made({"train": train, "query": samples("query", (6, 1, 60)), "gallery": samples("gallery", (6, 2, 61))})
    expected = {"image": ("train/2.jpg",), "camera": ("train/2.jpg", "train/3.jpg"), "outfit": ("train/2.jpg",)}
    expected["outfit"] += ("train/5.jpg",)
    for word, files in expected.items():
        finding = people_found(benchmark, f"people-of-one-{word}", "train")
        assert (finding.severity, finding.count, finding.examples) == ("warning", len(files), files)
        assert f"{len(files)} of 5 people have one {word} only" in finding.detail
        assert people_found(benchmark, f"people-of-one-{word}", "test").severity == "ok"


def test_of_test_people_those_count_who_are_asked_for() -> None:
    benchmark = made(SOUND | {"gallery": samples("gallery", (3, 2, 31), (4, 1, 40), (9, 2, 90))})
    assert people_found(benchmark, "people-of-one-image", "test").count == 0  # 9 is a distractor
    assert people_found(benchmark, "people-of-one-camera", "test").examples == ("query/1.jpg",)
    assert people_found(benchmark, "people-of-one-outfit", "test").examples == ("query/1.jpg",)


def test_an_image_in_two_subsets_of_a_side_counts_once() -> None:
    protocols = (*STANDARD, Protocol("narrow", Ignore.NOTHING, query="query-narrow"))
    lonely = samples("query", (3, 1, 30), (9, 1, 90))
    benchmark = made(SOUND | {"query": lonely, "query-narrow": lonely.select([1])}, *protocols)
    assert people_found(benchmark, "people-of-one-image", "test").examples == ("query/1.jpg",)


def test_a_set_without_train_is_checked_as_well() -> None:
    benchmark = made({"query": SOUND["query"], "gallery": SOUND["gallery"]})
    assert {f.about for f in check_people(benchmark, sides_of(benchmark)) if "people-of-one" in f.name} == {"test"}
    benchmark = made({"val": SOUND["train"], "query": SOUND["query"], "gallery": SOUND["gallery"]})
    assert {f.about for f in check_people(benchmark, sides_of(benchmark)) if "people-of-one" in f.name} == {"test"}


def test_people_only_in_query_are_a_warning_and_an_error_if_all_are() -> None:
    benchmark = made(SOUND | {"gallery": samples("gallery", (3, 2, 31))})
    finding = people_found(benchmark, "people-only-in-query", "query")
    assert (finding.severity, finding.count, finding.examples) == ("warning", 1, ("query/1.jpg",))
    benchmark = made(SOUND | {"gallery": samples("gallery", (9, 2, 31))})
    finding = people_found(benchmark, "people-only-in-query", "query")
    assert (finding.severity, finding.count) == ("error", 2)


def test_distractors_are_told() -> None:
    benchmark = made(SOUND | {"gallery": samples("gallery", (3, 2, 31), (9, 2, 90), (4, 2, 41), (8, 2, 80))})
    finding = people_found(benchmark, "distractors", "gallery")
    assert (finding.severity, finding.count) == ("ok", 2)
    assert finding.examples == ("gallery/1.jpg", "gallery/3.jpg")
    assert "2 of 4 images" in finding.detail


def test_queries_without_an_answer_are_told_for_each_protocol() -> None:
    protocols = (
        Protocol("everything", Ignore.NOTHING),
        Protocol("standard", Ignore.SAME_CAMERA),
        Protocol("cloth-changing", Ignore.SAME_CAMERA | Ignore.SAME_CLOTHES),
        Protocol("same-clothes", Ignore.SAME_CAMERA | Ignore.OTHER_CLOTHES),
        Protocol("single-shot", Ignore.SAME_CAMERA, draws=3),
    )
    query = samples("query", (3, 1, 30), (4, 1, 40), (5, 1, 50), (6, None, 60))
    gallery = samples("gallery", (3, 1, 31), (4, 2, 40), (4, 1, 41), (5, 2, 51), (6, 1, 61))
    benchmark = made({"query": query, "gallery": gallery}, *protocols)
    expected: dict[str, tuple[str, tuple[int, ...]]] = {
        "everything": ("ok", ()),
        "standard": ("warning", (0,)),
        "cloth-changing": ("warning", (0, 1)),
        "same-clothes": ("warning", (0, 2, 3)),
        "single-shot": ("warning", (0,)),
    }
    for name, (severity, rows) in expected.items():
        finding = people_found(benchmark, "queries-without-answer", name)
        assert (finding.severity, finding.count) == (severity, len(rows)), name
        assert finding.examples == tuple(f"query/{row}.jpg" for row in rows)
    detail = people_found(benchmark, "queries-without-answer", "cloth-changing").detail
    assert "2 of 4 queries" in detail
    assert "same camera or same clothes" in detail


def test_a_protocol_without_any_answer_is_an_error() -> None:
    benchmark = made(SOUND | {"gallery": samples("gallery", (3, 1, 31), (4, 1, 41))})
    finding = people_found(benchmark, "queries-without-answer", "standard")
    assert (finding.severity, finding.count) == ("error", 2)
    assert "nothing is left to score" in finding.detail


def test_validation_protocols_are_asked_too() -> None:
    validation = (Protocol("validation", Ignore.SAME_CAMERA, "val-query", "val-gallery"),)
    val = {"val-query": samples("val-query", (5, 1, 50)), "val-gallery": samples("val-gallery", (5, 1, 51))}
    finding = people_found(made(SOUND | val, validation=validation), "queries-without-answer", "validation")
    assert (finding.severity, finding.examples) == ("error", ("val-query/0.jpg",))


@pytest.mark.parametrize("seed", range(5))
def test_answers_agree_with_the_rule_of_scoring(seed: int) -> None:
    random = np.random.default_rng(seed)

    def drawn(count: int, side: str) -> Samples:
        camera, clothes, tracklet = (random.integers(0, 3, count) for _ in range(3))
        clothes[0] = camera[-1] = UNKNOWN
        files = tuple(f"{side}{i}" for i in range(count))
        return Samples(random.integers(0, 8, count), camera, clothes, tracklet, files=files)

    query, gallery = drawn(30, "q"), drawn(25, "g")
    lost = 0
    for number in range(16):
        rule = Ignore(number)
        for row, answered in enumerate(answerable(rule, query, gallery)):
            own = gallery.select(gallery.person == query.person[row])
            assert answered == bool((~ignored(rule, query, row, own)).any())
            lost += not answered
    assert 0 < lost < 16 * 30


@pytest.mark.parametrize(("size", "severity"), [(19, "warning"), (20, "ok")])
def test_a_gallery_below_the_largest_rank_is_a_warning(size: int, severity: str) -> None:
    assert max(RANKS) == LARGEST_RANK
    gallery = samples("gallery", *((3 + row % 2, 2, 30) for row in range(size)))
    finding = people_found(made(SOUND | {"gallery": gallery}), "small-gallery", "gallery")
    assert (finding.severity, finding.count) == (severity, size)
    assert ("say nothing" in finding.detail) == (severity == "warning")


def test_of_a_single_shot_gallery_people_count() -> None:
    gallery = samples("gallery", *((3 + row % 2, 2, 30) for row in range(40)))
    benchmark = made(SOUND | {"gallery": gallery}, Protocol("single", Ignore.NOTHING, draws=5))
    finding = people_found(benchmark, "small-gallery", "gallery")
    assert (finding.severity, finding.count) == ("warning", 2)


# --- as values --------------------------------------------------------------------------------------------------------


def test_a_check_is_plain_values(wardrobe: Path) -> None:
    files_of(wardrobe, "train")[0].write_text("no picture")
    benchmark = read_benchmark("wardrobe", wardrobe)
    findings = check_benchmark(benchmark)
    values = as_values(benchmark, findings)
    assert json.loads(json.dumps(values)) == values
    assert values["dataset"] == "wardrobe"
    assert values["subsets"]["train"] == {"people": 4, "images": 128}
    assert values["errors"] == 1
    assert values["warnings"] == sum(finding.severity == "warning" for finding in findings) > 0
    assert [found["name"] for found in values["findings"]] == [finding.name for finding in findings]
    (unreadable,) = (each for each in values["findings"] if each["severity"] == "error")
    assert unreadable["count"] == 1
    assert unreadable["examples"] == [f"train/{files_of(wardrobe, 'train')[0].name}"]


SEVERITIES: list[tuple[tuple[str, ...], bool]] = [
    ((), False),
    (("ok", "warning"), False),
    (("ok", "error", "warning"), True),
]


@pytest.mark.parametrize(("severities", "expected"), SEVERITIES)
def test_only_errors_are_errors(severities: tuple[Any, ...], expected: bool) -> None:
    make: Callable[[Any], Finding] = lambda severity: Finding("name", severity, 1, "detail")  # noqa: E731
    assert has_errors(map(make, severities)) is expected
