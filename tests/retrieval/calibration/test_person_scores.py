"""A person's scores against loops written from their definitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

import ccreid.retrieval.calibration.person_scores as module
import person_oracles as oracle
from ccreid.errors import DataError
from ccreid.retrieval.calibration import centring
from ccreid.retrieval.calibration.person_scores import Cohort, Enrolled, Prepared, person_evidence
from ccreid.vocabulary import UNKNOWN

COHORT = Cohort(mean=(0.3, 0.2, 0.1), deviation=(0.2, 0.1, 0.3), weight=4.0)


def units(random: np.random.Generator, count: int, length: int = 6) -> NDArray[np.float32]:
    vectors = random.normal(0.3, 1.0, size=(count, length))
    normed: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return normed


def enrolled_at_random(random: np.random.Generator, people: int = 7, crops: int = 60) -> Enrolled:
    person = np.concatenate([np.arange(people), random.integers(people, size=crops - people)])
    outfit = random.integers(3, size=crops)
    outfit[random.random(crops) < 0.2] = UNKNOWN
    camera = random.integers(3, size=crops)
    camera[random.random(crops) < 0.1] = UNKNOWN
    order = random.permutation(crops)
    return Enrolled(units(random, crops), person[order], outfit[order], camera[order])


def known(value: int) -> int | None:
    return None if value == UNKNOWN else value


def as_crops(enrolled: Enrolled) -> list[oracle.Crop]:
    camera = np.full(len(enrolled.person), UNKNOWN) if enrolled.camera is None else enrolled.camera
    columns = zip(enrolled.vectors.tolist(), enrolled.person, enrolled.outfit, camera, strict=True)
    return [oracle.Crop(vector, int(p), known(int(o)), known(int(c))) for vector, p, o, c in columns]


@pytest.mark.parametrize("block", [1, 1 << 22])
@pytest.mark.parametrize("fewest_crops", [5, 1000])
def test_scores_are_those_of_the_definition(monkeypatch: pytest.MonkeyPatch, block: int, fewest_crops: int) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    monkeypatch.setattr(centring, "CAMERA_CROPS", fewest_crops)
    random = np.random.default_rng(0)
    enrolled, queries = enrolled_at_random(random), units(random, 5)
    camera = np.array([0, 1, 2, 9, UNKNOWN])
    allowed = random.random((5, 60)) < 0.4
    allowed[0, enrolled.person == 3] = False
    found = person_evidence(queries, enrolled, camera, allowed=allowed, cohort=COHORT)

    crops = as_crops(enrolled)
    about = (crops, fewest_crops, centring.CAMERA_PEOPLE)
    gallery = [oracle.centred(crop.vector, crop.camera, *about) for crop in crops]
    for q in range(5):
        probe = oracle.centred(queries[q].tolist(), known(int(camera[q])), *about)
        scores: dict[int, tuple[float, float, float]] = {}
        for person in range(7):
            rows = [row for row in range(60) if allowed[q, row] and crops[row].person == person]
            assert found.crops[q, person] == len(rows)
            if not rows:
                continue
            cosines = [float(np.dot(probe, gallery[row])) for row in rows]
            scores[person] = oracle.three_scores(cosines, [crops[row].outfit for row in rows])
            nearest = [rows[place] for place in np.argsort([-value for value in cosines], kind="stable")[:3]]
            assert [row for row in found.rows[q, person].tolist() if row >= 0] == nearest
        for person in range(7):
            if person not in scores:
                assert np.isnan(found.best_three[q, person])
                assert np.isnan(found.similarity[q, person])
                assert found.outfit[q, person] == UNKNOWN
                continue
            assert found.similarity[q, person] == pytest.approx(scores[person][0], abs=1e-5)
            for which, values in enumerate((found.best_three, found.outfit_mean, found.overall_mean)):
                others = [scores[other][which] for other in scores if other != person]
                expected = oracle.against_others(
                    scores[person][which], others, COHORT.mean[which], COHORT.deviation[which], COHORT.weight
                )
                assert values[q, person] == pytest.approx(expected, abs=1e-4)


def test_the_outfit_that_is_named_is_the_one_whose_mean_is_highest() -> None:
    vectors = np.eye(4, dtype=np.float32)
    enrolled = Enrolled(vectors, np.zeros(4, dtype=np.int64), np.array([5, 5, UNKNOWN, UNKNOWN]))
    query = np.array([[0.0, 0.6, 0.8, 0.0], [0.0, 0.8, 0.6, 0.0]], dtype=np.float32)
    assert person_evidence(query, enrolled).outfit[:, 0].tolist() == [UNKNOWN, 5]


def test_a_single_person_is_compared_with_the_cohort_alone() -> None:
    random = np.random.default_rng(1)
    enrolled = Enrolled(units(random, 4), np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64))
    found = person_evidence(units(random, 3), enrolled, cohort=COHORT)
    assert found.best_three == pytest.approx((found.similarity - 0.3) / 0.2)


def test_what_is_not_allowed_is_as_if_not_enrolled() -> None:
    random = np.random.default_rng(2)
    enrolled = replace(enrolled_at_random(random), camera=None)
    queries = units(random, 4)
    without = enrolled.person < 5
    fewer = Enrolled(enrolled.vectors[without], enrolled.person[without], enrolled.outfit[without])
    masked = person_evidence(queries, enrolled, allowed=without)
    assert masked.best_three[:, :5] == pytest.approx(person_evidence(queries, fewer).best_three)
    assert np.isnan(masked.best_three[:, 5:]).all()


def test_preparing_people_once_changes_nothing() -> None:
    random = np.random.default_rng(3)
    enrolled, queries = enrolled_at_random(random), units(random, 3)
    prepared = Prepared.of(enrolled)
    assert np.array_equal(
        person_evidence(queries, prepared).overall_mean, person_evidence(queries, enrolled).overall_mean
    )


def test_no_query_gives_evidence_of_no_query() -> None:
    enrolled = enrolled_at_random(np.random.default_rng(4))
    assert person_evidence(np.empty((0, 6), dtype=np.float32), enrolled).best_three.shape == (0, 7)


def test_what_does_not_fit_is_refused() -> None:
    random = np.random.default_rng(5)
    enrolled = enrolled_at_random(random)
    with pytest.raises(DataError, match="one model"):
        person_evidence(units(random, 2, length=5), enrolled)
    with pytest.raises(DataError, match="'outfit'"):
        replace(enrolled, outfit=enrolled.outfit[:-1])
    with pytest.raises(DataError, match="without a gap"):
        replace(enrolled, person=enrolled.person * 2)
    nobody = np.empty(0, dtype=np.int64)
    with pytest.raises(DataError, match="Nobody"):
        person_evidence(units(random, 2), Enrolled(units(random, 0), nobody, nobody))
