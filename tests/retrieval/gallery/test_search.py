"""Searches answer who it is, or that it is nobody, among those who may be found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ccreid.errors import ArtefactError, DataError, SettingError
from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.retrieval.gallery.search import Question
from ccreid.retrieval.gallery.settings import Settings
from ccreid.retrieval.stores.store import ID
from crop_files import MODEL, crop_file
from retrieval.memory_store import MemoryStore

PEOPLE = [f"P{row // 4}" for row in range(24)]


@pytest.fixture
def gallery() -> Gallery:
    gallery = Gallery.create(MemoryStore(), who="tester")
    gallery.add(
        crop_file(
            PEOPLE,
            outfit=[f"{row % 2}" for row in range(24)],
            camera=[row % 3 for row in range(24)],
            time=[f"2026-05-{row + 1:02d}" for row in range(24)],
        )
    )
    return gallery


def of(gallery: Gallery, name: str) -> str:
    return str(next(row[ID] for row in gallery.tables().people.to_pylist() if row["name"] == name))


def found(gallery: Gallery, people: list[str], **question: Any) -> list[list[str]]:
    answers = gallery.search(crop_file(people, first=100), Question(**question))
    return [[one.name for one in answer.candidates] for answer in answers]


def test_people_are_ranked_with_the_crops_and_the_outfit_that_carried_the_score(gallery: Gallery) -> None:
    [answer] = gallery.search(crop_file(["P3"], first=100, camera=[1]))
    best = answer.candidates[0]
    assert (best.name, best.person) == ("P3", of(gallery, "P3"))
    rows = {row[ID]: row for row in gallery.tables().crops.to_pylist()}
    assert {rows[crop]["person"] for crop in best.crops} == {best.person}
    assert len(best.crops) == 3
    assert best.outfit in {rows[crop]["outfit"] for crop in best.crops}
    assert len(answer.candidates) == 5
    assert answer.n_enrolled == 6
    similarities = [one.similarity for one in answer.candidates]
    assert similarities == sorted(similarities, reverse=True)


def test_without_a_calibration_nothing_is_promised(gallery: Gallery) -> None:
    [answer] = gallery.search(crop_file(["P3"], first=100))
    assert answer.decision == "cannot say"
    assert "no calibration" in answer.reason
    assert (answer.threshold, answer.p_nobody, answer.calibration) == (None, None, None)
    assert {(one.probability, one.lr) for one in answer.candidates} == {(None, None)}


def test_a_condition_comes_before_the_ranking(gallery: Gallery) -> None:
    assert found(gallery, ["P3"], count=1) == [["P3"]]
    assert found(gallery, ["P3"], where='time < "2026-05-05"') == [["P0"]]
    [answer] = gallery.search(crop_file(["P3"], first=100), Question(where="camera == 1"))
    cameras = {row[ID]: json.loads(row["metadata"])["camera"] for row in gallery.tables().crops.to_pylist()}
    assert answer.candidates[0].name == "P3"
    assert {cameras[crop] for one in answer.candidates for crop in one.crops} == {1}
    assert found(gallery, ["P3"], where="camera == 7") == [[]]
    with pytest.raises(SettingError, match="names a column 'kamera'"):
        found(gallery, ["P3"], where="kamera == 7")


@pytest.mark.parametrize("away", ["hide", "remove", "forget"])
def test_who_is_away_is_not_found(gallery: Gallery, away: str) -> None:
    person = of(gallery, "P3")
    {"hide": gallery.hide, "remove": lambda one: gallery.remove([one]), "forget": gallery.forget}[away](person)
    assert "P3" not in found(gallery, ["P3"], count=10)[0]
    nearby = gallery.search_crops(crop_file(["P3"], first=100), Question(count=100))[0]
    assert len(nearby) == 20
    assert person not in {one.person for one in nearby}


def test_only_confirmed_crops_speak_for_a_person(gallery: Gallery) -> None:
    gallery.add(crop_file([None], first=50))
    unknown = next(row[ID] for row in gallery.tables().crops.to_pylist() if row["state"] == "unknown")
    gallery.propose([unknown], "P0", 0.9)
    answers = gallery.search(crop_file([None], first=50), Question(count=100))
    assert unknown not in {crop for one in answers[0].candidates for crop in one.crops}
    [nearby] = gallery.search_crops(crop_file([None], first=50), Question(count=2))
    assert (nearby[0].crop, nearby[0].state, nearby[0].name) == (unknown, "proposed", "P0")
    assert nearby[0].similarity == pytest.approx(1, abs=1e-5)


def test_nobody_is_enrolled(gallery: Gallery) -> None:
    empty = Gallery.create(MemoryStore())
    [answer] = empty.search(crop_file(["P3"]))
    assert (answer.decision, answer.reason, answer.n_enrolled) == ("nobody", "nobody is enrolled", 0)
    assert empty.search_crops(crop_file(["P3"])) == [[]]
    empty.add(crop_file([None]))
    assert empty.search(crop_file(["P3"]))[0].decision == "nobody"


def test_another_model_is_refused(gallery: Gallery) -> None:
    other = MODEL | {"precision": "bf16-mixed"}
    for search in (gallery.search, gallery.search_crops):
        with pytest.raises(ArtefactError, match="another model: precision differ"):
            search(crop_file(["P3"], made_with=other))
    with pytest.raises(DataError, match="8 numbers"):
        gallery.search_crops(crop_file(["P3"], dimension=8))


@pytest.mark.parametrize("wrong", [{"count": 0}, {"fpir": 0.0}, {"fpir": 1.0}, {"known": 1.5}, {"count": True}])
def test_questions_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        Question(**wrong)


def test_with_a_calibration_probabilities_add_up(gallery: Gallery, calibration: Calibration) -> None:
    gallery.change(calibration=calibration.model_dump(mode="json"))
    again = Gallery.open(gallery.store)
    answers = again.search(crop_file(["P3", "stranger"], first=100), Question(count=100, fpir=0.2))
    for answer in answers:
        assert answer.p_nobody is not None
        probabilities = [one.probability or 0 for one in answer.candidates]
        assert sum(probabilities) + answer.p_nobody == pytest.approx(1)
        assert probabilities == sorted(probabilities, reverse=True)
        assert answer.threshold is not None
        assert answer.threshold.enrolled == answer.n_enrolled == 6
        assert answer.calibration is not None
    assert answers[0].decision == "person"
    assert answers[0].candidates[0].name == "P3"
    assert answers[1].decision != "person"


def test_what_a_calibration_cannot_support_is_not_promised(gallery: Gallery, calibration: Calibration) -> None:
    [answer] = gallery.search(crop_file(["P3"], first=100), Question(fpir=0.0001), calibration=calibration)
    assert answer.decision == "cannot say"
    assert answer.threshold is None
    assert answer.candidates[0].probability is not None


def test_a_calibration_of_another_model_is_refused(gallery: Gallery, calibration: Calibration) -> None:
    other = calibration.model_copy(update={"made_with": MODEL | {"weights": "other"}})
    with pytest.raises(ArtefactError, match="calibration is for another model"):
        gallery.change(calibration=other.model_dump(mode="json"))
    assert Gallery.open(gallery.store).calibration is None
    with pytest.raises(ArtefactError, match="calibration is for another model"):
        gallery.search(crop_file(["P3"]), calibration=other)


def test_settings_that_make_no_sense_are_refused(gallery: Gallery) -> None:
    with pytest.raises(SettingError, match="retention_days"):
        gallery.change(retention_days=0)
    assert gallery.settings.retention_days is None


def test_an_audited_search_says_what_it_is_for_and_is_written_down() -> None:
    gallery = Gallery.create(MemoryStore(), Settings(audit=True), who="guard")
    gallery.add(crop_file(["Ada", "Bo"], camera=[1, 2]))
    queries = crop_file(["Ada"], first=9)
    for purpose in ("", " "):
        with pytest.raises(SettingError, match="must say what it is for"):
            gallery.search(queries, purpose=purpose)
    assert gallery.store.count("audit") == 0
    answers = gallery.search(queries, Question(where="camera == 1"), purpose="lost child")
    gallery.search_crops(queries, purpose="lost child")
    people, crops = sorted(
        gallery.store.get("audit").to_pylist(), key=lambda line: str(line["decision"]), reverse=False
    )
    assert (people["who"], people["purpose"], people["query"], people["filter"]) == (
        "guard",
        "lost child",
        queries.ids[0],
        "camera == 1",
    )
    assert people["decision"] == answers[0].decision
    assert [one["person"] for one in json.loads(people["candidates"])] == [of(gallery, "Ada")]
    assert len(json.loads(crops["candidates"])) == 2
    assert "Ada" not in str(people)
