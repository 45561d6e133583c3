"""The model inside the package: small, readable offline, and what its card says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccreid.datasets import read_benchmark
from ccreid.errors import ArtefactError
from ccreid.evaluation.evaluate import evaluate
from ccreid.model.bundle import SHIPPED, load_bundle, shipped_bundles
from ccreid.model.embedder import Embedder
from ccreid.records import Counts
from ccreid.report.tables import percent
from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.runs.demo import BUNDLE, NEAREST, PICTURE, QUERIES, search
from ccreid.runs.publish import MODEL_CARD
from ccreid.runs.score import embedder_of, evaluate_bundle
from ccreid.runs.watch import Watch

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")


WARDROBE = Path("wardrobe")


def test_they_are_found_by_name_and_small() -> None:
    assert shipped_bundles() == ["synthetic-people", "wardrobe"]
    for name in shipped_bundles():
        bundle = load_bundle(Path(name))
        assert bundle.card.backbone == "mobilenetv2_100"
        assert bundle.card.weights_dtype == "float16"
        assert sum(path.stat().st_size for path in (SHIPPED / name).iterdir()) <= 10e6


def test_a_mistyped_name_lists_those_there_are() -> None:
    with pytest.raises(ArtefactError, match="wardrob is no bundle") as refused:
        load_bundle(Path("wardrob"))
    assert "one inside the package: synthetic-people, wardrobe" in refused.value.mend


def test_a_folder_of_the_same_name_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wardrobe").mkdir()
    (tmp_path / "wardrobe" / "bundle.json").write_text('{"format": 99}')
    with pytest.raises(ArtefactError, match="format 99"):
        load_bundle(Path("wardrobe"))


@pytest.mark.parametrize(("name", "seen"), [("wardrobe", (75, 4500)), ("synthetic-people", (2700, 43200))])
def test_its_card_says_whom_it_has_seen_and_what_it_scored(name: str, seen: tuple[int, int]) -> None:
    card = load_bundle(Path(name)).card
    assert card.trained_on is not None
    assert card.trained_on.synthetic is True
    assert card.trained_on.subsets["train"] == Counts(people=seen[0], images=seen[1])
    text = (SHIPPED / name / MODEL_CARD).read_text()
    assert "no picture of a real person was used" in text
    assert card.weights_sha256 in text
    for row in card.scores:
        assert f"| {row.name} |" in text
        assert f"{percent(row.map)} (" in text


@pytest.mark.parametrize(
    ("name", "people_are", "most_missed", "sees_past_clothes"),
    [
        ("wardrobe", "none of them trained on", 0.5, False),
        ("synthetic-people", "test people of another data set than the model's", 0.6, True),
    ],
)
def test_its_calibration_is_its_own_and_says_whom_it_is_from(
    name: str, people_are: str, most_missed: float, sees_past_clothes: bool
) -> None:
    calibration = Calibration.of(Path(name))
    calibration.check_fits(Embedder.load(Path(name), "cpu").made_with)
    scope = calibration.scope
    assert (scope.data, scope.people, scope.synthetic) == ("wardrobe", 75, True)
    assert people_are in scope.people_are
    threshold = calibration.threshold(0.1, 50)
    assert threshold.sees_past_clothes is sees_past_clothes  # well enough to answer "nobody"
    assert threshold.fnir_same is not None
    assert threshold.fnir_same.value < most_missed


@pytest.mark.parametrize(("name", "same_clothes"), [("wardrobe", 0.6), ("synthetic-people", 0.5)])
def test_it_finds_the_people_of_the_package_far_above_chance(name: str, same_clothes: float) -> None:
    benchmark = read_benchmark("wardrobe", None)
    scores = evaluate(embedder_of(load_bundle(Path(name)), device="cpu"), benchmark).scores
    # By chance a person's images come first in a sixteenth of the lists.
    assert scores["standard"].at(1) > 0.7
    assert scores["same-clothes"].mean_ap > same_clothes


def test_the_newer_one_sees_further_past_clothes() -> None:
    benchmark = read_benchmark("wardrobe", None)
    older, newer = (
        evaluate(embedder_of(load_bundle(bundle), device="cpu"), benchmark).scores["cloth-changing"]
        for bundle in (WARDROBE, BUNDLE)
    )
    assert newer.mean_ap > older.mean_ap
    assert newer.at(1) > older.at(1)


def test_search_shows_what_is_right_and_what_is_wrong(tmp_path: Path) -> None:
    found = search(tmp_path, Watch())
    answers = found.answers
    assert found.found_in_other_clothes[1] == found.found_in_any[1]
    assert found.found_in_other_clothes[0] < found.found_in_any[0]
    assert (tmp_path / PICTURE).stat().st_size > 10_000
    assert len(answers) == QUERIES
    for answer in answers:
        assert len(answer.nearest) == NEAREST
        cosines = [found.cosine for found, _ in answer.nearest]
        assert cosines == sorted(cosines, reverse=True)
        person = answer.query.split(",")[0]
        assert [found.right for found, _ in answer.nearest] == [
            words.split(",")[0] == person for _, words in answer.nearest
        ]
    assert answers[0].nearest[0][0].right
    assert not answers[-1].nearest[0][0].right  # the query that goes worst is shown, too


@pytest.mark.shared
def test_its_scores_can_be_had_again(shared: Path, tmp_path: Path) -> None:
    complete = read_benchmark("wardrobe", shared / "data" / "wardrobe")
    report = evaluate_bundle(WARDROBE, complete, tmp_path, device="cpu")
    card = load_bundle(WARDROBE).card
    for again, stated in zip(report.protocols, card.scores, strict=True):
        assert again.map == pytest.approx(stated.map, abs=1e-3)
        assert again.at(1) == pytest.approx(stated.at(1), abs=5e-3)


@pytest.mark.shared
def test_nobody_who_is_searched_for_was_trained_on(shared: Path) -> None:
    trained = set(read_benchmark("wardrobe", shared / "data" / "wardrobe").subset("train").people.tolist())
    shown = read_benchmark("wardrobe", None)
    assert trained.isdisjoint(shown.subset("query").people.tolist())
    assert len(trained) == 75
