"""Where the crops of a calibration come from, and what it leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ccreid.datasets import read_benchmark
from ccreid.errors import ArtefactError, DataError, SettingError
from ccreid.model.bundle import SHIPPED
from ccreid.model.embedder import Embedder
from ccreid.retrieval.calibration import calibrating
from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.runs import calibrate as module
from ccreid.runs.calibrate import (
    PAGE,
    calibrate_bundle,
    calibration_folder,
    of_benchmark,
    of_crop_file,
    of_gallery,
)
from ccreid.runs.watch import Watch
from ccreid.vocabulary import DISTRACTOR, UNKNOWN
from simulated_people import as_crop_file, simulated

BUNDLE = Path("wardrobe")


@pytest.fixture(scope="module")
def made_with() -> dict[str, str]:
    return Embedder.load(BUNDLE, "cpu").made_with


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrating, "DRAWS", 2)
    monkeypatch.setattr(calibrating, "SIZES", 3)


@pytest.mark.usefixtures("quick")
def test_a_file_of_crops_becomes_a_calibration_with_its_page(tmp_path: Path, made_with: dict[str, str]) -> None:
    crops = simulated(np.random.default_rng(0), 40)
    person = [None if one == 39 else f"person {one}" for one in crops.person]
    path = tmp_path / "crops.parquet"
    as_crop_file(crops, made_with, person=person).write(path)
    labelled = of_crop_file(BUNDLE, path, "cpu")
    assert labelled.crops.people == 39  # of the last one it is not said who is seen
    assert np.array_equal(labelled.crops.outfit[:6], np.repeat([0, 1], 3))
    calibration = calibrate_bundle(labelled, tmp_path / "out", 0, Watch())
    assert Calibration.at(tmp_path / "out" / "calibration.json") == calibration
    assert (tmp_path / "out" / PAGE).exists()
    scope = calibration.scope
    assert (scope.data, scope.people, scope.crops, scope.cameras, scope.outfits) == ("crops.parquet", 39, 234, 3, 2)
    assert scope.synthetic is None


@pytest.mark.usefixtures("quick")
def test_equal_seeds_give_equal_calibrations(tmp_path: Path, made_with: dict[str, str]) -> None:
    as_crop_file(simulated(np.random.default_rng(0), 31), made_with).write(tmp_path / "crops.parquet")
    labelled = of_crop_file(BUNDLE, tmp_path / "crops.parquet", "cpu")
    one, other, third = (calibrate_bundle(labelled, tmp_path / "out", seed, Watch()) for seed in (4, 4, 5))
    assert one == other
    assert one.likelihood != third.likelihood


def test_crops_of_another_model_are_refused(tmp_path: Path, made_with: dict[str, str]) -> None:
    crops = as_crop_file(simulated(np.random.default_rng(0), 3), made_with | {"flip": "False"})
    crops.write(tmp_path / "crops.parquet")
    with pytest.raises(ArtefactError, match=r"crops\.parquet was made with another model than wardrobe.*flip"):
        of_crop_file(BUNDLE, tmp_path / "crops.parquet", "cpu")


def test_crops_of_nobody_known_are_refused(tmp_path: Path, made_with: dict[str, str]) -> None:
    crops = as_crop_file(simulated(np.random.default_rng(0), 3), made_with)
    CropFile(crops.table.drop_columns(["person"]), made_with).write(tmp_path / "crops.parquet")
    with pytest.raises(DataError, match="does not say who is seen"):
        of_crop_file(BUNDLE, tmp_path / "crops.parquet", "cpu")


def test_a_gallery_gives_the_people_who_are_confirmed(tmp_path: Path, made_with: dict[str, str]) -> None:
    gallery = Gallery.create(tmp_path / "gallery")
    with pytest.raises(DataError, match="Nobody is enrolled"):
        of_gallery(BUNDLE, str(tmp_path / "gallery"), "cpu")
    crops = simulated(np.random.default_rng(0), 3)
    person = [None if one == 2 else f"person {one}" for one in crops.person]
    outfit = [f"outfit {one}" for one in crops.outfit]
    gallery.add(as_crop_file(crops, made_with, person=person, outfit=outfit))
    labelled = of_gallery(BUNDLE, str(tmp_path / "gallery"), "cpu")
    assert labelled.crops.people == 2
    assert len(labelled.crops.vectors) == 12


def test_too_few_people_of_a_benchmark_are_told_before_anything_is_embedded() -> None:
    with pytest.raises(DataError, match="16 people are too few"):
        of_benchmark(BUNDLE, read_benchmark("wardrobe", None), "cpu", Watch(), 0)


@pytest.mark.slow
def test_of_a_benchmark_people_are_taken_who_were_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrating, "FEWEST_PEOPLE", 5)
    monkeypatch.setattr(module, "MOST_PEOPLE", 6)
    monkeypatch.setattr(module, "MOST_CROPS", 4)
    benchmark = read_benchmark("wardrobe", None)
    labelled = of_benchmark(BUNDLE, benchmark, "cpu", Watch(), 0)
    assert labelled.crops.people == 6
    assert len(labelled.crops.vectors) == 24
    assert labelled.crops.height_px is not None
    assert (labelled.crops.height_px == labelled.crops.height_px[0]).all()
    assert labelled.people_are == "test people, none of them trained on"
    assert labelled.synthetic is True
    validated = {"val-query": benchmark.subset("query"), "val-gallery": benchmark.subset("gallery")}
    other = replace(benchmark, name="other", subsets={"train": benchmark.subset("query")} | validated)
    labelled = of_benchmark(BUNDLE, other, "cpu", Watch(), 0)
    assert labelled.people_are == "validation people of another data set than the model's (wardrobe)"


def test_distractors_are_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = read_benchmark("wardrobe", None)
    gallery = benchmark.subset("gallery")
    first = int(gallery.people[0])
    named = replace(gallery, names={"person": {first: DISTRACTOR}})
    subsets = {"query": benchmark.subset("query").select(benchmark.subset("query").person != first), "gallery": named}
    with pytest.raises(DataError, match="15 people are too few"):
        of_benchmark(BUNDLE, replace(benchmark, subsets=subsets), "cpu", Watch(), 0)


def test_a_set_of_training_people_alone_is_refused() -> None:
    benchmark = read_benchmark("wardrobe", None)
    alone = replace(benchmark, subsets={"train": benchmark.subset("gallery")}, protocols=())
    with pytest.raises(DataError, match="cannot be scored"):
        of_benchmark(BUNDLE, alone, "cpu", Watch(), 0)


def test_where_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match="belongs to the package"):
        calibration_folder(BUNDLE, None)
    with pytest.raises(ArtefactError, match="no bundle"):
        calibration_folder(tmp_path, None)
    assert calibration_folder(BUNDLE, tmp_path / "new") == tmp_path / "new"
    (tmp_path / "run" / "bundle").mkdir(parents=True)
    card = (SHIPPED / "wardrobe" / "bundle.json").read_text()
    (tmp_path / "run" / "bundle" / "bundle.json").write_text(card)
    assert calibration_folder(tmp_path / "run", None) == tmp_path / "run" / "bundle"


def test_unknown_cameras_are_no_camera(tmp_path: Path, made_with: dict[str, str]) -> None:
    crops = simulated(np.random.default_rng(0), 3)
    columns = {"camera": [None] * len(crops.person), "outfit": [None] * len(crops.person)}
    as_crop_file(crops, made_with, **columns).write(tmp_path / "crops.parquet")
    labelled = of_crop_file(BUNDLE, tmp_path / "crops.parquet", "cpu")
    assert labelled.crops.camera is None
    assert (labelled.crops.outfit == UNKNOWN).all()
