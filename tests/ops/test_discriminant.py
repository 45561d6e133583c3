"""Directions that tell people apart, against scikit-learn's and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from ccreid.errors import DataError, SettingError
from ccreid.ops import discriminant
from ccreid.ops.discriminant import discriminant_directions

PEOPLE, EACH, D = 12, 9, 7


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Pictures of people who differ most along the first axes, and whose pictures differ most along the last."""
    rng = np.random.default_rng(0)
    persons = np.repeat(np.arange(PEOPLE), EACH)
    means = rng.normal(size=(PEOPLE, D)) * np.linspace(2, 0.2, D)
    return means[persons] + rng.normal(size=(len(persons), D)) * np.linspace(0.2, 2, D) + 3, persons


def test_without_shrinkage_they_span_what_scikit_learn_finds(
    drawn: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discriminant, "SHRINKAGE", 0.0)
    vectors, persons = drawn
    ours, _ = discriminant_directions(vectors, persons, 3)
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(vectors, persons).scalings_[:, :3].T
    for one, other in zip(ours, theirs, strict=True):
        cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
        assert abs(cosine) == pytest.approx(1, abs=1e-6)


def test_pictures_of_one_person_differ_as_much_along_each(
    drawn: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discriminant, "SHRINKAGE", 0.0)
    monkeypatch.setattr(discriminant, "EMPHASIS", 0.0)
    vectors, persons = drawn
    directions, _ = discriminant_directions(vectors, persons, 4)
    rest = vectors - np.stack([vectors[persons == person].mean(axis=0) for person in range(PEOPLE)])[persons]
    along = directions @ (rest.T @ rest) @ directions.T
    assert along == pytest.approx(along[0, 0] * np.eye(4), abs=1e-9 * along[0, 0])


def test_directions_weigh_by_how_reliably_they_tell_people_apart(
    drawn: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, persons = drawn
    weighted, _ = discriminant_directions(vectors, persons, 4)
    monkeypatch.setattr(discriminant, "EMPHASIS", 0.0)
    alike, _ = discriminant_directions(vectors, persons, 4)
    weight = np.linalg.norm(weighted, axis=1) / np.linalg.norm(alike, axis=1)
    means = np.stack([vectors[persons == person].mean(axis=0) for person in range(PEOPLE)])
    rest = vectors - means[persons]
    within = rest.T @ rest / (len(vectors) - PEOPLE)
    shrunk = 0.1 * within + 0.9 * np.trace(within) / D * np.eye(D)
    ratio = [one @ (np.cov(means.T) - within / EACH) @ one / (one @ shrunk @ one) for one in alike]
    expected = (np.array(ratio) / (1 + np.array(ratio))) ** 0.25
    assert weight / weight[0] == pytest.approx(expected / expected[0])
    assert (np.diff(weight) < 0).all()


def test_shrinkage_keeps_directions_of_hardly_any_variance_from_growing_without_bound(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    vectors, persons = drawn
    vectors = np.concatenate([vectors, np.full((len(vectors), 1), 0.5)], axis=1)  # the same in all pictures
    directions, mean = discriminant_directions(vectors, persons, 7)
    assert np.isfinite(directions).all()
    assert np.linalg.norm(directions, axis=1).mean() == pytest.approx(1)
    assert mean == pytest.approx(vectors.mean(axis=0))  # all have equally many pictures


def test_the_mean_is_that_of_people_not_of_pictures(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, persons = drawn
    more = np.concatenate([vectors, vectors[:EACH], vectors[:EACH]]), np.concatenate([persons, [0] * 2 * EACH])
    assert discriminant_directions(*more, 2)[1] == pytest.approx(discriminant_directions(vectors, persons, 2)[1])


@pytest.mark.parametrize("dimension", [0, -1, D + 1, PEOPLE])
def test_more_directions_than_there_are_are_refused(drawn: tuple[np.ndarray, np.ndarray], dimension: int) -> None:
    with pytest.raises(SettingError, match="12 people and 7 dimensions give at most 7 directions"):
        discriminant_directions(*drawn, dimension)


def test_people_of_whom_nothing_can_be_learnt_are_refused() -> None:
    with pytest.raises(DataError, match="Nobody has two pictures"):
        discriminant_directions(np.eye(4), np.arange(4), 2)
    with pytest.raises(DataError, match="all alike"):
        discriminant_directions(np.repeat(np.eye(4), 2, axis=0), np.repeat(np.arange(4), 2), 2)
