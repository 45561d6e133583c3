"""Grouping into a folder, run after run, as the command line does it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from ccreid.cli.entry import app
from ccreid.errors import ArtefactError, SettingError
from ccreid.machine.writing import sole_writer
from ccreid.retrieval.calibration import calibrating
from ccreid.retrieval.calibration.person_scores import Enrolled
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.retrieval.gallery.overview import proposals
from ccreid.retrieval.grouping.decisions import Decisions
from ccreid.runs.grouping import APART, GROUPS, ODDS, PAGE, PAIRS, SHEET, group_into
from crop_files import MODEL, crop_file, nameless
from simulated_people import SCOPE

PEOPLE = [person for person in range(6) for _ in range(6)]


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    path = tmp_path / "crops.parquet"
    nameless(PEOPLE, spread=0.12).write(path)
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_pile_grows_run_after_run(crops: Path, tmp_path: Path) -> None:
    out = tmp_path / "groups"
    first = group_into(out, [crops])
    assert {path.name for path in out.iterdir()} == {GROUPS, PAIRS, PAGE, SHEET, APART}
    assert (first.crops, first.new, first.joined) == (36, 36, 0)
    assert first.pairs == pq.read_table(out / PAIRS).num_rows > 0
    more = tmp_path / "more.parquet"
    nameless(PEOPLE[::2], spread=0.12, first=500).write(more)
    second = group_into(out, [more])
    assert (second.crops, second.new) == (54, 18)
    assert second.joined > 0
    names = dict(zip(*_names(out), strict=True))
    assert len(names) == 54


def test_the_sheet_shows_each_group_in_a_row(tmp_path: Path) -> None:
    colors = [(200, 30, 30), (30, 200, 30)]
    paths = []
    for row in range(8):
        Image.new("RGB", (40, 80), colors[row // 4]).save(path := tmp_path / f"{row}.png")
        paths.append(str(path))
    (tmp_path / "6.png").unlink()
    nameless([row // 4 for row in range(8)], path=paths, spread=0.02).write(tmp_path / "crops.parquet")
    group_into(tmp_path / "groups", [tmp_path / "crops.parquet"])
    with Image.open(tmp_path / "groups" / SHEET) as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    shown = [(np.abs(pixels - color).sum(axis=2) < 6) for color in colors]
    whole = 40 * 80
    assert [round(one.sum() / whole, 2) for one in shown] == [4, 3], "a picture that is gone is grey"
    rows = [np.flatnonzero(one.any(axis=1)) for one in shown]
    assert rows[0].max() < rows[1].min() or rows[1].max() < rows[0].min()
    group_into(tmp_path / "bare", [tmp_path / "crops.parquet"], pictures=False)
    assert not (tmp_path / "bare" / SHEET).exists()


def _names(out: Path) -> tuple[tuple[str, ...], list[str]]:
    found = CropFile.read(out / GROUPS)
    return found.ids, found.table["group"].to_pylist()


def test_a_dry_run_writes_nothing_and_says_the_same(crops: Path, tmp_path: Path) -> None:
    out = tmp_path / "groups"
    told = group_into(out, [crops], dry=True)
    assert not out.exists()
    assert group_into(out, [crops]) == told
    before = files(out)
    group_into(out, [crops], dry=True)
    assert files(out) == before


def test_decisions_are_kept_for_good(crops: Path, tmp_path: Path) -> None:
    out = tmp_path / "groups"
    group_into(out, [crops])
    pair = pq.read_table(out / PAIRS).slice(0, 1).to_pylist()[0]
    decided = Decisions(names={pair["first"]: "anna"}, apart=[(pair["first"], pair["second"])])
    decided.write(tmp_path / "decisions.json")
    outcome = group_into(out, [], decisions=tmp_path / "decisions.json")
    assert outcome.confirmed > 0
    for _ in range(2):
        pairs = {(row["first"], row["second"]) for row in pq.read_table(out / PAIRS).to_pylist()}
        assert (pair["first"], pair["second"]) not in pairs
        assert (pair["second"], pair["first"]) not in pairs
        assert "Confirmed: anna" in (out / PAGE).read_text(encoding="utf-8")
        group_into(out, [])


def test_probabilities_are_learnt_once_and_stay(crops: Path, tmp_path: Path) -> None:
    learn = tmp_path / "learn.parquet"
    people = [person for person in range(30) for _ in range(8)]
    nameless(people, spread=0.12, first=1000, person=[f"p{one}" for one in people]).write(learn)
    out = tmp_path / "groups"
    outcome = group_into(out, [crops], learn=learn)
    assert outcome.odds is not None
    assert outcome.odds.people == 30
    probability = pq.read_table(out / PAIRS)["probability"].to_pylist()
    assert probability == sorted(probability, reverse=True)
    assert all(0 <= one <= 1 for one in probability)
    assert (out / ODDS).exists()
    assert group_into(out, []).odds == outcome.odds


def test_groups_are_proposed_to_be_people_of_a_gallery_and_taken_over(crops: Path, tmp_path: Path) -> None:
    """Person 3 is enrolled; a pair with a confirmed group proposes, too."""
    gallery = Gallery.create(tmp_path / "gallery")
    with pytest.raises(SettingError, match="gallery is empty"):
        group_into(tmp_path / "groups", [crops], gallery=str(tmp_path / "gallery"))
    gallery.add(crop_file([3] * 4 + [99] * 4, first=2000, person=["Ada"] * 4 + ["Zoe"] * 4))
    with pytest.raises(SettingError, match="without a calibration"):
        group_into(tmp_path / "groups", [crops], gallery=str(tmp_path / "gallery"))
    people = [person for person in range(100, 140) for _ in range(4)]
    labelled = crop_file(people, first=3000, spread=0.12)
    known = Enrolled(labelled.vectors, np.repeat(np.arange(40), 4), np.repeat(np.arange(40), 4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrating, "DRAWS", 4)
        patch.setattr(calibrating, "SIZES", 3)
        calibration = calibrating.calibrate(known, MODEL, SCOPE, random=np.random.default_rng(0))
    gallery.change(calibration=calibration.model_dump(mode="json"))
    out = tmp_path / "groups"
    outcome = group_into(out, [crops], gallery=str(tmp_path / "gallery"))
    ada = next(row["id"] for row in gallery.tables().people.to_pylist() if row["name"] == "Ada")
    table = CropFile.read(out / GROUPS).table
    proposed = table["proposed_person"].to_pylist()
    assert outcome.likely > 0
    assert {who for who, person in zip(proposed, PEOPLE, strict=True) if person == 3} <= {ada, None}
    assert ada in proposed
    assert {who for who, person in zip(proposed, PEOPLE, strict=True) if person != 3} == {None}
    assert "Probably Ada, " in (out / PAGE).read_text(encoding="utf-8")
    enrolled = gallery.add(CropFile.read(out / GROUPS))
    assert enrolled.proposed == proposed.count(ada)
    told = {one.probability for one in proposals(gallery.tables())}
    assert told == {one for one in table["probability"].to_pylist() if one is not None}
    assert all(0.5 < one <= 1 for one in told if one is not None)


def test_a_file_of_another_model_changes_nothing(crops: Path, tmp_path: Path) -> None:
    out = tmp_path / "groups"
    group_into(out, [crops])
    before = files(out)
    other = tmp_path / "other.parquet"
    nameless([0, 1], first=99, made_with={"weights": "others"}).write(other)
    for arguments in ({"crops": [other]}, {"crops": [], "learn": other}):
        with pytest.raises(ArtefactError, match="another model"):
            group_into(out, **arguments)
    assert files(out) == before


def test_a_folder_of_something_else_is_left_alone(crops: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="holds no groups"):
        group_into(tmp_path, [crops])
    with sole_writer(tmp_path / "busy"), pytest.raises(SettingError, match="is being written"):
        group_into(tmp_path / "busy", [crops])


def test_the_command_says_what_it_found(crops: Path, tmp_path: Path) -> None:
    out = tmp_path / "groups"
    dry = CliRunner().invoke(app, ["group", str(crops), "--out", str(out), "--dry-run"])
    assert dry.exit_code == 0
    assert "Nothing was written." in dry.output
    assert not out.exists()
    done = CliRunner().invoke(app, ["group", str(crops), "--out", str(out), "--no-pictures"])
    assert done.exit_code == 0
    assert "crops: 36" in done.output
    page = (out / PAGE).read_text(encoding="utf-8")
    assert "<img" not in page
    assert "Save decisions" in page


@pytest.mark.parametrize(
    "content", ["", "{", json.dumps({"format": "ccreid-decisions-9"}), json.dumps({"names": {"g": 1}})]
)
def test_decisions_that_are_none_are_refused_by_name(content: str, crops: Path, tmp_path: Path) -> None:
    (tmp_path / "decisions.json").write_text(content, encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"decisions\.json"):
        group_into(tmp_path / "groups", [crops], decisions=tmp_path / "decisions.json")
    assert not (tmp_path / "groups").exists()
