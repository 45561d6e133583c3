"""What a grouping proposes comes into a gallery as proposals, and leaves it as everything else does."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.gallery import likely
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.retrieval.gallery.likely import likely_people
from ccreid.retrieval.gallery.overview import proposals
from ccreid.retrieval.gallery.search import Question
from ccreid.retrieval.gallery.settings import Settings
from ccreid.retrieval.stores.store import ID
from crop_files import crop_file, nameless
from retrieval.memory_store import MemoryStore

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gallery(clock: Clock) -> Gallery:
    gallery = Gallery.create(MemoryStore(), Settings(retention_days=30), who="tester", now=clock)
    gallery.add(crop_file(["Ada", "Ada", "Bo", "Bo"], camera=[1, 2, 1, 2]))
    return gallery


def of(gallery: Gallery, name: str) -> str:
    return str(next(row[ID] for row in gallery.tables().people.to_pylist() if row["name"] == name))


def crop(gallery: Gallery, number: int) -> dict[str, Any]:
    return next(row for row in gallery.tables().crops.to_pylist() if f"crop-{number}." in row["path"])


def stands(gallery: Gallery, number: int) -> tuple[str | None, str, float | None]:
    row = crop(gallery, number)
    return row["person"], row["state"], row["probability"]


def groups(*who: tuple[str | None, float | None], first: int = 50, **columns: Any) -> Any:
    people, probabilities = zip(*who, strict=True)
    said = {"proposed_person": list(people), "probability": list(probabilities), "state": ["proposed"] * len(who)}
    return nameless(["x"] * len(who), first=first, **said, **columns)


def test_proposals_come_in_with_their_probability_and_are_listed(gallery: Gallery) -> None:
    ada, bo = of(gallery, "Ada"), of(gallery, "Bo")
    enrolled = gallery.add(groups(("Ada", 0.7), (bo, 0.9), (None, None), ("Ada", None), group=["g", "h", "i", "g"]))
    assert (enrolled.added, enrolled.proposed, enrolled.people) == (4, 3, ())
    assert stands(gallery, 50) == (ada, "proposed", 0.7)
    assert stands(gallery, 51) == (bo, "proposed", 0.9)
    assert stands(gallery, 52) == (None, "unknown", None)
    assert stands(gallery, 53) == (ada, "proposed", None)
    assert crop(gallery, 50)["metadata"] == '{"group": "g"}'
    listed = proposals(gallery.tables())
    assert [(one.name, one.probability) for one in listed] == [("Bo", 0.9), ("Ada", 0.7), ("Ada", None)]
    assert [one.name for one in proposals(gallery.tables(), ada)] == ["Ada", "Ada"]
    [answer] = gallery.search(crop_file(["x"], first=99), Question(count=5))
    assert crop(gallery, 50)[ID] not in {shown for one in answer.candidates for shown in one.crops}  # none confirmed


def test_the_same_again_changes_nothing_and_a_later_grouping_corrects(gallery: Gallery, clock: Clock) -> None:
    file = groups(("Ada", 0.7), ("Ada", 0.8))
    gallery.add(file)
    entries, before = len(gallery.journal.entries()), gallery.tables().crops.to_pylist()
    clock.now += timedelta(days=3)
    assert (gallery.add(file).proposed, len(gallery.journal.entries())) == (0, entries)
    assert gallery.tables().crops.to_pylist() == before
    enrolled = gallery.add(groups(("Bo", 0.6), ("Ada", 0.8)))
    assert (enrolled.added, enrolled.already, enrolled.proposed) == (0, 2, 1)
    assert stands(gallery, 50) == (of(gallery, "Bo"), "proposed", 0.6)
    assert crop(gallery, 50)["enrolled_at"] == next(row for row in before if row[ID] == file.ids[0])["enrolled_at"]
    gallery.undo()
    assert stands(gallery, 50) == (of(gallery, "Ada"), "proposed", 0.7)


def test_what_was_decided_stays(gallery: Gallery) -> None:
    file = groups(("Ada", 0.7), ("Ada", 0.8))
    gallery.add(file)
    gallery.confirm([file.ids[0]])
    gallery.reject([file.ids[1]])
    enrolled = gallery.add(groups(("Bo", 0.9), ("Ada", 0.9)))
    assert enrolled.proposed == 0
    assert stands(gallery, 50) == (of(gallery, "Ada"), "confirmed", None)
    assert stands(gallery, 51) == (None, "unknown", None)


def test_nobody_is_proposed_whom_the_gallery_does_not_know_or_who_is_in_the_frame(gallery: Gallery) -> None:
    gallery.add(crop_file(["Cy"], first=10), None)
    gallery.rename("Cy", "Bo")
    enrolled = gallery.add(groups(("Eve", 0.9), ("Bo", 0.9)))
    assert (enrolled.added, enrolled.proposed) == (2, 0)
    assert "2 crops are proposed to be people whom the gallery does not know" in enrolled.warnings[0]
    gallery.add(groups(("Ada", 0.9), ("Ada", 0.8), ("Ada", 0.7), first=60, camera=[7, 7, 7], frame=[1, 1, 2]))
    assert [stands(gallery, number)[1] for number in (60, 61, 62)] == ["unknown", "unknown", "proposed"]
    gallery.remove(["Ada"])
    assert gallery.add(groups(("Ada", 0.9), first=70)).proposed == 0


def test_people_who_come_in_with_the_file_are_proposed_too(gallery: Gallery) -> None:
    both = groups((None, None), ("Eve", 0.8), person=["Eve", None])
    assert gallery.add(both).proposed == 1
    assert stands(gallery, 51) == (of(gallery, "Eve"), "proposed", 0.8)


def test_proposals_expire_as_everything_does(gallery: Gallery, clock: Clock) -> None:
    clock.now += timedelta(days=20)
    file = groups(("Ada", 0.7))
    gallery.add(file)
    clock.now += timedelta(days=15)
    gallery.expire()  # the confirmed crops of the first day
    assert [one.name for one in proposals(gallery.tables())] == ["Ada"]
    clock.now += timedelta(days=20)
    assert gallery.expire().crops == 1
    assert (proposals(gallery.tables()), gallery.tables().crops.num_rows, gallery.tables().people.num_rows) == (
        [],
        0,
        0,
    )


@pytest.mark.parametrize("block", [1, 9, 1000])
def test_who_a_group_probably_is_is_the_mean_of_its_crops_answers(
    gallery: Gallery, calibration: Calibration, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(likely, "BLOCK", block)
    seen = ["Ada", "Bo", "Ada", "stranger", "Ada", "stranger", "Bo", "other"]
    group = np.array([0, 1, 0, 2, 0, 2, 1, 3])
    crops = crop_file(seen, first=200, camera=[1, 2, 1, 2, 9, 1, 2, 1])
    person, probability = likely_people(gallery.snapshot(), crops, group, calibration, 0.4)
    answers = gallery.search(crops, Question(count=100, known=0.4), calibration=calibration)
    for number in range(4):
        total: dict[str, float] = defaultdict(float)
        rows = np.flatnonzero(group == number)
        for row in rows:
            for one in answers[row].candidates:
                total[one.person] += (one.probability or 0) / len(rows)
        best = max(total, key=lambda one: total[one])
        assert person[number] == (best if total[best] > 0.5 else None)
        if person[number] is not None:
            assert probability[number] == pytest.approx(total[best])
        else:
            assert np.isnan(probability[number])
    assert person[:2] == [of(gallery, "Ada"), of(gallery, "Bo")]
