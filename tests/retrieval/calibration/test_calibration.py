"""A calibration of simulated people, whose distribution is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ccreid.errors import ArtefactError, DataError, SettingError
from ccreid.retrieval.calibration import calibrating
from ccreid.retrieval.calibration.answers import in_words
from ccreid.retrieval.calibration.calibrating import calibrate, of_draw, sizes_of
from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.calibration.likelihood import posteriors
from ccreid.retrieval.calibration.open_set import Found, fpir_curve
from ccreid.retrieval.calibration.person_scores import Enrolled
from ccreid.retrieval.calibration.simulation import simulate
from ccreid.vocabulary import UNKNOWN
from simulated_people import SCOPE, simulated

PEOPLE = 60
MADE_WITH = {"weights": "abc", "pictures": "rule 1", "preprocessing": "{}", "flip": "True", "precision": "32-true"}


def made(crops: Enrolled, seed: int = 0) -> Calibration:
    return calibrate(crops, MADE_WITH, SCOPE, random=np.random.default_rng(seed))


@pytest.fixture(scope="module")
def blind() -> Calibration:
    """Of a model that sees clothes and hardly a body."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrating, "DRAWS", 6)
        patch.setattr(calibrating, "SIZES", 4)
        return made(simulated(np.random.default_rng(0), PEOPLE, body=0.1))


@pytest.fixture(scope="module")
def seeing() -> Calibration:
    """Of a model that sees bodies, and clothes somewhat."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrating, "DRAWS", 6)
        patch.setattr(calibrating, "SIZES", 3)
        return made(simulated(np.random.default_rng(0), PEOPLE, body=1.5, clothes=0.5, noise=0.5))


def test_the_rate_that_was_asked_for_is_measured_on_other_people(blind: Calibration) -> None:
    random = np.random.default_rng(7)
    others = simulated(random, PEOPLE, body=0.1)
    for enrolled, asked in ((10, 0.2), (30, 0.1), (45, 0.3)):
        threshold = blind.threshold(asked, enrolled)
        draws = [simulate(others, enrolled, random, cohort=blind.cohort) for _ in range(10)]
        found = Found.joined([of_draw(searches, blind.likelihood)[0] for searches in draws])
        measured = fpir_curve(found, np.array([threshold.value]), PEOPLE, random)
        assert measured.low[0] <= asked <= measured.high[0]
        assert measured.high[0] < 3 * asked  # an interval that holds everything would prove nothing


def test_probabilities_are_true_as_often_as_they_say(seeing: Calibration, blind: Calibration) -> None:
    random = np.random.default_rng(3)
    others = simulated(random, 80, body=0.1)
    searches = simulate(others, 40, random, cohort=blind.cohort)
    known = float((searches.own >= 0).mean())
    rows = np.flatnonzero((searches.own < 0) | searches.same_clothes)
    _, nobody = blind.answer(searches.evidence, known)
    assert nobody[rows].mean() == pytest.approx(float((searches.own[rows] < 0).mean()), abs=0.08)
    assert blind.quality.cllr < 0.9
    assert blind.quality.cllr_min <= blind.quality.cllr
    assert seeing.quality.cllr < blind.quality.cllr


def test_answers_add_up_to_one_and_follow_the_prior(blind: Calibration) -> None:
    random = np.random.default_rng(4)
    crops = simulated(random, 12, body=0.1)
    evidence = blind.evidence(crops.vectors[:5], crops)
    people, nobody = blind.answer(evidence, 0.5)
    assert people.sum(axis=1) + nobody == pytest.approx(1)
    assert (blind.answer(evidence, 0.01)[1] > nobody).all()
    assert people.argmax(axis=1).tolist() == crops.person[:5].tolist()  # the crops themselves are enrolled


def by_definition(log10_lr: NDArray[np.float64], known: float) -> tuple[list[float], float]:
    weights = [known / len(log10_lr) * 10**ratio for ratio in log10_lr.tolist()]
    total = (1 - known) + sum(weights)
    return [weight / total for weight in weights], (1 - known) / total


def test_posteriors_are_those_of_the_formula() -> None:
    ratios = np.array([[2.0, -1.0, 0.3], [0.0, 0.0, 0.0], [400.0, 1.0, -400.0]])
    people, nobody = posteriors(ratios, 0.2)
    for row in (0, 1):
        of_people, of_nobody = by_definition(ratios[row], 0.2)
        assert people[row] == pytest.approx(of_people)
        assert nobody[row] == pytest.approx(of_nobody)
    assert nobody[1] == pytest.approx(0.8)  # no support either way leaves the prior
    assert people[2] == pytest.approx([1, 0, 0])


def test_who_has_no_crop_to_compare_with_is_as_if_not_enrolled() -> None:
    people, nobody = posteriors(np.array([[np.nan, 1.0, -0.5], [np.nan, np.nan, np.nan]]), 0.3)
    fewer, of_nobody = posteriors(np.array([[1.0, -0.5]]), 0.3)
    assert people[0].tolist() == pytest.approx([0, *fewer[0]])
    assert nobody.tolist() == pytest.approx([of_nobody[0], 1])


def test_who_does_not_see_past_clothes_cannot_say_nobody(blind: Calibration) -> None:
    random = np.random.default_rng(5)
    crops, strangers = simulated(random, 20, body=0.1), simulated(random, 10, body=0.1)
    threshold = blind.threshold(0.1, 20)
    assert threshold.sees_past_clothes is False
    assert threshold.fnir_changed is not None
    evidence = blind.evidence(strangers.vectors, crops)
    verdicts = blind.decide(evidence, threshold, 0.5)
    below = [verdict for verdict in verdicts if verdict.decision not in ("person", "uncertain")]
    assert len(below) > 0.7 * len(verdicts)
    assert {verdict.decision for verdict in below} == {"cannot say"}
    assert all("does not see past clothes" in verdict.reason for verdict in below)
    same_day = [verdict.decision for verdict in blind.decide(evidence, threshold, 0.5, same_clothes=True)]
    assert same_day.count("nobody") == len(below)
    enrolled = blind.decide(blind.evidence(crops.vectors[:1], crops), threshold, 0.5)
    assert enrolled[0].decision == "person"


def test_who_sees_past_clothes_says_nobody(seeing: Calibration) -> None:
    random = np.random.default_rng(6)
    look = {"body": 1.5, "clothes": 0.5, "noise": 0.5}
    crops, strangers = simulated(random, 20, **look), simulated(random, 4, **look)  # type: ignore[arg-type]
    threshold = seeing.threshold(0.1, 20)
    assert threshold.sees_past_clothes is True
    assert threshold.fnir_changed is not None
    assert threshold.fnir_changed.value < 0.3
    verdicts = seeing.decide(seeing.evidence(strangers.vectors[::6], crops), threshold, 0.5)
    assert {verdict.decision for verdict in verdicts} == {"nobody"}


def test_two_who_are_as_probable_are_uncertain(seeing: Calibration) -> None:
    crops = simulated(np.random.default_rng(6), 20, body=1.5, clothes=0.5, noise=0.5)
    rows = np.append(np.arange(len(crops.person)), np.flatnonzero(crops.person == 0))
    person = np.append(crops.person, np.full(6, 20))  # one enrolled as two
    twice = Enrolled(crops.vectors[rows], person, crops.outfit[rows])
    evidence = seeing.evidence(crops.vectors[:1], twice)
    verdict = seeing.decide(evidence, seeing.threshold(0.1, 21), 0.5)[0]
    assert verdict.decision == "uncertain"
    assert "2 people reach the threshold" in verdict.reason


def test_without_outfits_it_is_not_known_whether_clothes_are_seen_past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrating, "DRAWS", 2)
    monkeypatch.setattr(calibrating, "SIZES", 3)
    crops = simulated(np.random.default_rng(0), 40)
    unknown = Enrolled(crops.vectors, crops.person, np.full(len(crops.person), UNKNOWN), None, None)
    calibration = made(unknown)
    threshold = calibration.threshold(0.1, 20)
    assert threshold.sees_past_clothes is None
    assert threshold.fnir_changed is None
    assert threshold.fnir_same is not None
    assert calibration.likelihood.height_px is None
    stranger = simulated(np.random.default_rng(1), 1)
    verdict = calibration.decide(calibration.evidence(stranger.vectors[:1], unknown), threshold, 0.5)[0]
    assert verdict.decision == "cannot say"
    assert "outfits were not told apart" in verdict.reason


def test_many_people_get_a_monotone_correction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrating, "DRAWS", 2)
    monkeypatch.setattr(calibrating, "SIZES", 3)
    random = np.random.default_rng(0)
    crops = simulated(random, 200, outfits=1, body=0.0)
    calibration = made(crops)
    assert calibration.likelihood.knots
    scores, ratios = np.array(calibration.likelihood.knots).T
    assert (np.diff(scores) > 0).all()
    assert (np.diff(ratios) >= 0).all()
    assert np.isfinite(ratios).all()
    assert calibration.quality.cllr < 0.9


@pytest.mark.parametrize("people", [40, 200])
def test_who_makes_no_mistake_is_not_sure_without_end(monkeypatch: pytest.MonkeyPatch, people: int) -> None:
    monkeypatch.setattr(calibrating, "DRAWS", 2)
    monkeypatch.setattr(calibrating, "SIZES", 3)
    crops = simulated(np.random.default_rng(0), people, outfits=1, body=3.0, clothes=0.1, noise=0.1)
    calibration = made(crops)
    assert calibration.quality.cllr < 0.01
    assert calibration.likelihood.slope < 3
    ratios = calibration.log10_lr(calibration.evidence(crops.vectors[:20], crops))
    assert np.abs(ratios).max() < 30  # it was 10 to the 300


def test_too_few_people_are_told_how_many_are_needed() -> None:
    with pytest.raises(DataError, match="29 people are too few") as refused:
        made(simulated(np.random.default_rng(0), 29))
    assert "30 people for an FPIR of 10 %" in refused.value.mend


def test_people_of_one_camera_cannot_be_searched_for() -> None:
    with pytest.raises(DataError, match="Only 0 of 40 people have crops from two cameras"):
        made(simulated(np.random.default_rng(0), 40, cameras=1, frames=3))


def test_crops_of_the_querys_camera_count_for_nobody() -> None:
    crops = simulated(np.random.default_rng(0), 20, cameras=2, outfits=1)
    searches = simulate(crops, 10, np.random.default_rng(1))
    assert (searches.evidence.crops == 1).all()  # two cameras: one crop of each person is left


def test_in_changed_clothes_everybody_lacks_an_outfit() -> None:
    crops = simulated(np.random.default_rng(0), 20, cameras=2, outfits=3)
    searches = simulate(crops, 10, np.random.default_rng(1), varied=False)
    assert searches.changed is not None
    assert (searches.evidence.crops == 3).all()
    assert (searches.changed.crops == 2).all()
    assert len(searches.changed) == int((searches.own >= 0).sum())


def test_galleries_of_several_sizes_are_simulated() -> None:
    assert sizes_of(75) == [2, 4, 8, 15, 30, 60]
    assert max(sizes_of(30)) == 24


def test_it_is_written_and_found_beside_its_bundle(
    blind: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ArtefactError, match=r"no calibration.*calibration\.json"):
        Calibration.of(tmp_path)
    blind.write(tmp_path / "calibration.json")
    assert Calibration.of(tmp_path) == blind
    again = json.loads((tmp_path / "calibration.json").read_text())
    assert again["scope"]["synthetic"] is True
    (tmp_path / "calibration.json").write_text('{"format": "ccreid-calibration-9"}')
    with pytest.raises(ArtefactError, match=r"calibration\.json cannot be read"):
        Calibration.of(tmp_path)


def test_embeddings_of_another_model_are_refused(blind: Calibration) -> None:
    blind.check_fits(MADE_WITH | {"images": "of one file and another"})
    with pytest.raises(ArtefactError, match="another model: weights, flip"):
        blind.check_fits(MADE_WITH | {"weights": "other", "flip": "False"})


def test_evidence_beside_another_cohort_is_refused(blind: Calibration, seeing: Calibration) -> None:
    crops = simulated(np.random.default_rng(0), 5)
    with pytest.raises(SettingError, match="another cohort"):
        blind.log10_lr(seeing.evidence(crops.vectors[:1], crops))


@pytest.mark.parametrize("prior", [0.0, 1.0, -1.0, float("nan")])
def test_what_is_no_prior_is_refused(blind: Calibration, prior: float) -> None:
    crops = simulated(np.random.default_rng(0), 5)
    with pytest.raises(SettingError, match="prior"):
        blind.answer(blind.evidence(crops.vectors[:1], crops), prior)


def test_what_is_unlike_the_calibration_is_said(blind: Calibration) -> None:
    note = blind.note(200, np.array([128, 40]), cameras_known=False)
    assert not note.in_scope
    said = " ".join(note.remarks)
    for words in ("synthetic people only", "200 people are enrolled", "1 of 2 crops are lower than 128 px", "cameras"):
        assert words in said


def test_pairs_have_a_calibration_of_their_own(blind: Calibration) -> None:
    pairs = blind.pairs
    assert pairs.people == PEOPLE
    assert pairs.log10(pairs.similarity_same) > 0.3 > pairs.log10(pairs.similarity_others)
    assert pairs.similarity_changed is not None
    assert pairs.log10(pairs.similarity_changed) < 0.3


@pytest.mark.parametrize(
    ("log10_lr", "words"),
    [
        (0.0, "no support either way"),
        (-0.2, "no support either way"),
        (0.5, "weak support for one person"),
        (-1.5, "moderate support for two people"),
        (2.5, "moderately strong support for one person"),
        (3.5, "strong support for one person"),
        (5.0, "very strong support for one person"),
        (-7.0, "extremely strong support for two people"),
    ],
)
def test_words_have_fixed_meanings(log10_lr: float, words: str) -> None:
    assert in_words(log10_lr, "one person", "two people") == words
