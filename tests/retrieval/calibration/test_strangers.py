"""What a threshold gives in the gallery that is asked, and that a promise that it would break is not made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ccreid.retrieval.calibration import calibrating, strangers
from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.calibration.open_set import Found
from ccreid.retrieval.calibration.person_scores import Enrolled, Prepared
from ccreid.retrieval.calibration.strangers import as_strangers, rate_here
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.retrieval.gallery.search import Question
from crop_files import MODEL
from retrieval.memory_store import MemoryStore
from simulated_people import SCOPE, as_crop_file, simulated

FPIR = 0.1


def people(seed: int, count: int, *, alike: bool = False) -> Enrolled:
    """Whom the model tells apart; or who go in pairs that nothing tells apart."""
    random = np.random.default_rng(seed)
    crops = simulated(random, count // 2 if alike else count, body=1.5, clothes=0.5, noise=0.5)
    if not alike:
        return crops
    person = 2 * crops.person + np.arange(len(crops.person)) % 2
    return Enrolled(crops.vectors, person, person, crops.camera, crops.height_px)


def query(crops: Enrolled) -> Enrolled:
    """The first crop alone."""
    return crops.select(np.array([0]))


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrating, "DRAWS", 10)
        return calibrating.calibrate(people(0, 80), MODEL, SCOPE, random=np.random.default_rng(0))


@pytest.mark.parametrize("some", [False, True])
@pytest.mark.parametrize("block", [1, 10**9])
def test_everybody_is_searched_for_among_the_others(
    calibration: Calibration, monkeypatch: pytest.MonkeyPatch, some: bool, block: int
) -> None:
    """Against a search for each crop, in a gallery without its person."""
    monkeypatch.setattr(strangers, "BLOCK", block)
    crops = people(5, 9)
    assert crops.camera is not None
    assert crops.height_px is not None
    allowed = crops.camera != 1 if some else np.full(len(crops.person), True)
    found = as_strangers(calibration, crops, Prepared.of(crops, centred=False), allowed if some else None)
    assert found is not None
    tops = []
    for row in np.flatnonzero(allowed):
        others = crops.select(np.flatnonzero((crops.person != crops.person[row]) & allowed))
        evidence = calibration.evidence(
            crops.vectors[row][None], Prepared.of(others, centred=False), None, crops.height_px[row][None]
        )
        tops.append(float(calibration.log10_lr(evidence).max()))
    np.testing.assert_allclose(sorted(found.top), sorted(tops), rtol=1e-4)
    assert not found.mated.any()
    middle = float(np.mean(sorted(tops)[len(tops) // 2 - 1 : len(tops) // 2 + 1]))
    rate = rate_here(found, middle)
    assert rate.value == pytest.approx(np.mean(np.array(tops) >= middle))
    assert (rate.people, rate.searches) == (9, len(tops))


def test_some_crops_of_everybody_stand_for_all(calibration: Calibration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "QUERIES", 2)
    crops = people(6, 12)
    found = as_strangers(calibration, crops, Prepared.of(crops), None)
    assert found is not None
    assert np.bincount(found.person).tolist() == [2] * 12
    monkeypatch.setattr(strangers, "SEARCHES", (5, 7))
    fewer = as_strangers(calibration, crops, Prepared.of(crops), None)
    assert fewer is not None
    assert len(fewer.person) == 7
    alone = crops.select(np.flatnonzero(crops.person == 0))
    assert as_strangers(calibration, alone, Prepared.of(alone), None) is None


def gallery_of(crops: Enrolled, calibration: Calibration) -> Gallery:
    gallery = Gallery.create(MemoryStore(), who="tester")
    gallery.add(as_crop_file(crops, MODEL))
    gallery.change(calibration=calibration.model_dump(mode="json"))
    return gallery


def test_where_the_calibration_holds_what_was_asked_for_lies_inside_the_interval_of_the_gallery(
    calibration: Calibration,
) -> None:
    """In nearly every gallery, of other people of the same kind: intervals hold 19 of 20."""
    threshold = calibration.threshold(FPIR, 60)
    inside = 0
    for seed in range(1, 13):
        crops = people(seed, 60)
        found = as_strangers(calibration, crops, Prepared.of(crops), None)
        assert found is not None
        low, high = rate_here(found, threshold.value).interval
        assert low <= FPIR
        inside += high >= FPIR
    assert inside >= 10


def test_an_answer_tells_what_the_threshold_gives_in_its_gallery(calibration: Calibration) -> None:
    crops = people(2, 60)
    [answer] = gallery_of(crops, calibration).search(as_crop_file(query(crops), MODEL), Question(fpir=FPIR))
    assert answer.decision == "person"
    assert answer.calibration is not None
    assert answer.calibration.here is not None
    low, high = answer.calibration.here.interval
    assert low <= FPIR <= high
    assert answer.calibration.here.people == 60


def test_where_it_breaks_nobody_is_named(calibration: Calibration) -> None:
    crops = people(3, 60, alike=True)
    gallery = gallery_of(crops, calibration)
    [answer] = gallery.search(as_crop_file(query(crops), MODEL), Question(fpir=FPIR, known=0.9))
    assert answer.calibration is not None
    assert answer.calibration.here is not None
    assert answer.calibration.here.interval[0] > FPIR
    assert answer.decision != "person"
    assert not answer.calibration.in_scope
    assert any(remark.startswith("More strangers than the 10.0% asked for") for remark in answer.calibration.remarks)
    assert answer.candidates[0].probability is not None
    evidence = calibration.evidence(crops.vectors[:1], people(3, 60))  # in which the person stands out
    threshold = calibration.threshold(FPIR, 60)
    [sure] = calibration.decide(evidence, threshold, 0.5)
    [unsure] = calibration.decide(evidence, threshold, 0.5, here=answer.calibration.here)
    assert (sure.decision, unsure.decision) == ("person", "cannot say")
    assert "but in this gallery it would be" in unsure.reason
    [nobody] = gallery.search(as_crop_file(query(people(9, 2)), MODEL), Question(same_clothes=True))
    assert nobody.decision == "nobody"  # which a threshold that is too low says rightly


def test_it_is_looked_for_once_by_condition(calibration: Calibration, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def counted(*given: Any) -> Found | None:
        found = as_strangers(*given)
        looked.append(0 if found is None else len(found.person))
        return found

    monkeypatch.setattr("ccreid.retrieval.gallery.snapshot.as_strangers", counted)
    gallery = gallery_of(people(4, 20), calibration)
    queries = as_crop_file(people(4, 2), MODEL)
    for where in (None, "camera == 1", None, "camera == 1"):
        gallery.search(queries, Question(where=where, fpir=0.2))
    gallery.search(queries, Question(fpir=FPIR))
    assert looked == [120, 40]
    gallery.hide("person 3")
    gallery.search(queries)
    assert looked == [120, 40, 114]
