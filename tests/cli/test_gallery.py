"""``ccreid gallery``: what a user types, and what is answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ccreid.cli.entry import app
from ccreid.errors import CcreidError
from ccreid.retrieval.gallery.gallery import Gallery
from crop_files import MODEL, crop_file, nameless

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: Callable[[int], None]) -> Run:
    """In a folder with a gallery of Ada, Bo and Cy and a file of queries."""
    monkeypatch.chdir(tmp_path)
    terminal(200)
    people = ["Ada", "Ada", "Ada", "Bo", "Bo", "Cy"]
    crop_file(people, outfit=["red", "red", "blue", "red", None, None], camera=[1, 2, 3, 1, 2, 3]).write(
        "crops.parquet"
    )
    crop_file(["Ada", "stranger"], first=50).write("queries.parquet")

    def run(*words: str, told: str | None = None) -> Result:
        result = CliRunner().invoke(app, ["gallery", *words], input=told)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    run("create")
    run("add", "crops.parquet")
    return run


def of(name: str) -> str:
    people = Gallery.open("gallery").tables().people.to_pylist()
    return str(next(row["id"] for row in people if row["name"] == name))


def test_people_are_listed_shown_and_counted(run: Run) -> None:
    assert "Ada" in run("people").output
    shown = run("show", "Ada").output
    assert "blue" in shown
    assert "camera 3" in shown
    assert "crop-2.jpg" in shown
    assert "Confirmed crops: 6" in run("count").output


def test_a_search_answers_on_the_terminal_and_as_json(run: Run) -> None:
    shown = run("search", "queries.parquet", "--count", "2").output
    assert "crop-50.jpg: cannot say" in shown
    assert "there is no calibration for this model" in shown
    assert of("Ada") in shown
    answers = json.loads(run("search", "queries.parquet", "--json", "--where", "camera == 1").output)
    assert [answer["path"] for answer in answers] == ["pictures/crop-50.jpg", "pictures/crop-51.jpg"]
    assert [one["name"] for one in answers[0]["answer"]["candidates"]] == ["Ada", "Bo"]
    crops = json.loads(run("search", "queries.parquet", "--json", "--crops", "--count", "1").output)
    assert crops[0]["answer"][0]["name"] == "Ada"
    assert "confirmed" in run("search", "queries.parquet", "--crops").output


def test_proposals_are_listed_confirmed_and_rejected(run: Run) -> None:
    assert "Nothing is proposed." in run("proposals").output
    file = nameless(["x", "y"], first=70, proposed_person=["Ada", "Bo"], probability=[0.8, 0.6])
    file.write("groups.parquet")
    assert "Of them proposed, to be confirmed or rejected: 2" in run("add", "groups.parquet").output
    shown = run("proposals").output
    assert shown.index("80.0%") < shown.index("60.0%")
    assert run("proposals", "Bo", "--ids").output.split() == [file.ids[1]]
    assert "1 crops show Bo" in run("confirm", *run("proposals", "Bo", "--ids").output.split()).output
    run("reject", file.ids[0][:9])
    assert "Nothing is proposed." in run("proposals").output


def test_an_outfit_is_mended(run: Run) -> None:
    crop = next(row["id"] for row in Gallery.open("gallery").tables().crops.to_pylist() if "crop-2." in row["path"])
    assert "1 crops of Ada" in run("outfit", crop[:10], "--name", "red").output
    assert "blue" not in run("show", "Ada").output
    assert "outfit" in run("journal").output
    run("undo")
    assert "blue" in run("show", "Ada").output
    assert run("outfit", crop).exit_code == 2


def test_an_index_is_built_measured_asked_and_taken_away(run: Run) -> None:
    assert "of the nearest 10 that an exact search finds" in run("index").output
    assert "over 6 crops" in run("set").output
    found = json.loads(run("search", "queries.parquet", "--json", "--crops", "--approximate", "--count", "1").output)
    assert found[0]["answer"][0]["name"] == "Ada"
    assert "give --crops with it" in run("search", "queries.parquet", "--approximate").output
    assert "exact" in run("index", "--drop").output
    with pytest.raises(CcreidError, match="no approximate index"):
        run("search", "queries.parquet", "--crops", "--approximate")


def test_repairs_say_what_they_did_and_are_taken_back(run: Run) -> None:
    ada, bo = of("Ada"), of("Bo")
    merged = run("merge", "Bo", "--into", "Ada").output
    assert f"Bo ({bo}) is now part of Ada ({ada})." in merged
    assert "to take it back: ccreid gallery undo" in merged
    assert "Operation 2 was taken back" in run("undo").output
    assert "2 crops" not in run("split", "Ada", "--outfit", "blue", "--name", "Eve").output
    assert of("Eve")
    run("rename", "Cy", "Di")
    run("note", "Di", "tall")
    run("hide", "Di")
    assert "hidden" in run("people").output
    run("unhide", "Di")
    listed = run("journal").output
    for verb in ("add", "merge", "undo", "split", "rename", "note", "hide", "unhide"):
        assert verb in listed
    assert "by 3" in listed


def test_equal_names_are_warned_of(run: Run) -> None:
    assert "Another person is called 'Bo', too" in run("rename", "Cy", "Bo").output


def test_crops_are_confirmed_and_rejected(run: Run) -> None:
    crop = crop_file(["Ada"]).ids[0][:10]
    assert "do not show Ada" in run("reject", crop).output
    assert "show Cy" in run("confirm", crop, "--person", "Cy").output


def test_sub_groups_are_shown_and_split_by(run: Run) -> None:
    run("add", "queries.parquet", "--person", "Ada")
    before = Gallery.open("gallery").tables().people.num_rows
    assert "group" in run("split", "Ada", "--proposed").output
    assert Gallery.open("gallery").tables().people.num_rows == before
    with pytest.raises(CcreidError, match="no number 99"):
        run("split", "Ada", "--group", "99")


def test_removing_can_be_taken_back_and_forgetting_proves_itself(run: Run) -> None:
    assert "For 30 days this can be taken back" in run("remove", "Bo").output
    run("undo")
    refused = run("forget", "Ada", told="n\n")
    assert refused.exit_code != 0
    assert of("Ada")
    forgotten = run("forget", "Ada", "--yes").output
    assert "Proven: yes" in forgotten
    assert "not under ccreid's control" in forgotten
    assert "Ada" not in run("people").output
    assert "Nothing has expired." in run("expire").output
    assert run("remove").exit_code != 0


def test_settings_are_shown_and_changed(run: Run) -> None:
    shown = run("set", "--keep", "4w", "--undo-days", "3", "--audit").output
    assert "after 28 days" in shown
    assert "for 3 days" in shown
    with pytest.raises(CcreidError, match="must say what it is for"):
        run("search", "queries.parquet")
    run("search", "queries.parquet", "--purpose", "lost child")
    assert "lost child" in run("audit").output
    assert "never" in run("set", "--keep", "forever").output
    assert run("set", "--keep", "30").exit_code != 0
    assert "cannot both hold" in run("set", "--keep", "30d", "--keep", "forever").output


def test_a_gallery_keeps_vectors_alone_where_it_was_made_so(run: Run) -> None:
    run("create", "-g", "bare", "--keep", "vectors-only", "--keep", "30d")
    assert Gallery.open("bare").settings.keep == "vectors-only"
    assert Gallery.open("bare").settings.retention_days == 30
    assert "chosen when a gallery is made" in run("set", "--keep", "vectors-only").output


def test_poor_and_doubtful_crops_are_told(run: Run) -> None:
    crop_file(["Ada"], first=70, height_px=20).write("small.parquet")
    told = run("add", "small.parquet").output
    assert "20 pixels high" in told
    assert "1 left out" in told
    assert "1 enrolled" in run("add", "small.parquet", "--any-quality", "all there is").output
    assert "all there is" in run("show", "Ada").output
    assert "6 there already" in run("add", "crops.parquet").output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["people", "-g", "nowhere"], "no gallery at nowhere"),
        (["create"], "is a gallery already"),
        (["add", "people.csv"], "no file of crops"),
        (["search", "other.parquet"], "another model: weights differ"),
        (["search", "queries.parquet", "--where", "kamera == 1"], "names a column 'kamera'"),
        (["search", "queries.parquet", "--fpir", "1.5"], "fpir"),
        (["show", "Zoe"], "nobody called 'Zoe'"),
        (["undo", "99"], "no operation 99"),
        (["merge", "Ada", "--into", "Ada"], "cannot become part of themselves"),
        (["set", "--calibration", "nowhere"], "nowhere"),
        (["add", "crops.parquet", "other.parquet"], "another model"),
    ],
)
def test_mistakes_are_told(run: Run, words: list[str], message: str) -> None:
    crop_file(["Ada"], made_with=MODEL | {"weights": "b" * 64}).write("other.parquet")
    with pytest.raises(CcreidError, match=message):
        run(*words)
