"""`ccreid attributes` on tiny runs: what it writes, and what it says where it cannot."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from ccreid.errors import ArtefactError, SettingError
from ccreid.methods.outfits import Outfits
from ccreid.recipe import Recipe, load_recipe
from ccreid.runs import attributes, build, train
from ccreid.runs.attributes import MOST_ON_PAGE, read_mined, telling_identities, write_attributes
from ccreid.runs.watch import Watch
from wardrobes import TINY_SETTINGS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")

Command = Callable[..., tuple[int, str, str]]


def recipe(data: Path, *more: str) -> Recipe:
    return load_recipe("wardrobe", [f"data.root={data}", *TINY_SETTINGS, *more])


@pytest.fixture(scope="module")
def finished(small_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with held-out people; not to be changed by a test."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    settings = ("selection.by=validation", "selection.every=3", "selection.share=0.5", "data.people=2")
    train.begin(recipe(small_wardrobe, *settings), folder, Watch())
    return folder


@pytest.fixture
def command(ccreid_command: Command) -> Command:
    """Runs `ccreid attributes`; its words are one space apart."""

    def called(*arguments: object) -> tuple[int, str, str]:
        code, out, err = ccreid_command("attributes", *arguments)
        return code, " ".join(out.split()), " ".join(err.split())

    return called


def test_what_the_run_mined_last_is_shown(command: Command, finished: Path, tmp_path: Path) -> None:
    run_folder = Path(shutil.copytree(finished, tmp_path / "run"))
    code, out, err = command(run_folder)
    assert code == 0, err
    folder = run_folder / "attributes"
    values = json.loads((folder / "attributes.json").read_text())
    settings = load_recipe(str(finished / "recipe.yaml"))
    samples = build.parts(settings, build.benchmark(settings)).train
    assert len(samples.people) == 2  # two of four are held out
    mined = load_file(finished / "checkpoint.safetensors")["method.attributes"]
    for place, identity in enumerate(values["identities"]):
        rows = samples.identities == place
        assert identity["person"] == samples.people[place]
        assert identity["images"] == rows.sum()
        found = {attribute["attribute"]: attribute["images"] for attribute in identity["attributes"]}
        assert found == {int(a): int((mined == a).sum()) for a in np.unique(mined[rows])}
        with Image.open(folder / f"identity-{identity['person']}.png") as sheet:
            assert sheet.width > 900
    assert {path.name for path in folder.iterdir()} == {
        "attributes.json",
        "attributes.txt",
        "attributes.html",
        *(f"identity-{person}.png" for person in samples.people),
    }
    journal = [json.loads(line) for line in (finished / "journal.jsonl").read_text().splitlines()]
    minings = [(row["epoch"], row["notes"]["attributes"]) for row in journal if row["kind"] == "begin"]
    assert [(row["epoch"], row["attributes"]) for row in values["epochs"]] == minings
    assert values["attributes"]["number"] == minings[-1][1]
    assert (values["about"]["attributes"], values["about"]["mined_before_epoch"]) == ("mined", 3)
    text = " ".join((folder / "attributes.txt").read_text().split())
    for sentence in values["conclusion"]:
        assert sentence in out
        assert sentence in text
    assert "clothes x camera" in out
    assert str(folder / "attributes.html") in out
    assert (folder / "attributes.html").read_text().count("data:image/jpeg") == 2
    assert "No such" not in err


@pytest.mark.usefixtures("unrendered")
def test_outfits_taken_for_attributes_are_told_as_such(small_wardrobe: Path, tmp_path: Path) -> None:
    settings = recipe(small_wardrobe, "training.epochs=2", "method.attributes=clothes")
    train.begin(settings, tmp_path / "run", Watch())
    values = write_attributes(tmp_path / "run", tmp_path / "out", people=1)
    samples = build.parts(settings, build.benchmark(settings)).train
    assert read_mined(tmp_path / "run").of_image.tolist() == Outfits.of(samples).of_image.tolist()
    assert values["about"]["attributes"] == "clothes"
    assert values["agreement"]["clothes"]["found"] == {"nmi": 1, "homogeneity": 1, "completeness": 1, "purity": 1}
    assert values["conclusion"][0] == "The attributes are the annotated outfits: nothing was mined."
    page = (tmp_path / "out" / "attributes.html").read_text()
    assert "Taken from the clothes before epoch 2 of 2" in page
    assert "Mined before" not in page


def test_the_same_run_gives_the_same_numbers(finished: Path, tmp_path: Path) -> None:
    once, again = (write_attributes(finished, tmp_path / name, people=1) for name in ("a", "b"))
    assert once == again
    assert len(list((tmp_path / "a").glob("identity-*.png"))) == 1
    assert (
        "1 of 2 people, from the best to the worst agreement with clothes"
        in (tmp_path / "a" / "attributes.html").read_text()
    )


def test_sheets_of_an_earlier_call_go_and_nothing_else_does(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_attributes(finished, out, people=None)
    assert len(list(out.glob("identity-*.png"))) == 2
    (out / "notes.txt").write_text("mine")
    write_attributes(finished, out, people=1)
    assert len(list(out.glob("identity-*.png"))) == 1
    assert (out / "notes.txt").read_text() == "mine"


def test_a_lost_journal_costs_only_the_course_of_the_epochs(finished: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    (folder / "journal.jsonl").unlink()
    without, whole = (write_attributes(run, tmp_path / run.name / "out", people=1) for run in (folder, finished))
    assert without["epochs"] == []
    assert without["identities"] == whole["identities"]
    assert "None" not in (tmp_path / "run" / "out" / "attributes.html").read_text()


def test_a_folder_of_something_else_is_refused(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SettingError, match="is not empty") as caught:
        write_attributes(finished, tmp_path)
    assert "--out" in caught.value.mend
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
def test_a_moved_data_set_is_named(command: Command, small_wardrobe: Path, tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "run"
    shutil.copytree(small_wardrobe, data)
    train.begin(recipe(data, "training.epochs=2"), folder, Watch())
    data.rename(tmp_path / "moved")
    code, _, err = command(folder)
    assert code == 2
    assert "--data" in err
    assert "Traceback" not in err
    code, out, err = command(folder, "--data", tmp_path / "moved", "--people", "all")
    assert code == 0, err
    assert "4 people and 128 images" in out
    assert len(list((folder / "attributes").glob("identity-*.png"))) == 4


def test_other_data_are_refused(finished: Path, small_wardrobe: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(small_wardrobe, tmp_path / "data"))
    settings = load_recipe(str(finished / "recipe.yaml"))
    samples = build.parts(settings, build.benchmark(settings)).train
    changed = data / Path(samples.path(0)).relative_to(small_wardrobe)
    changed.write_bytes(changed.read_bytes() + b" ")
    with pytest.raises(ArtefactError, match="other images") as caught:
        write_attributes(finished, tmp_path / "out", data=data)
    assert "--data" in caught.value.mend
    changed.unlink()
    with pytest.raises(ArtefactError, match=r"was trained on 64 images, and .* has 63 of them now"):
        write_attributes(finished, tmp_path / "out", data=data)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
def test_images_left_out_in_training_are_left_out_again(small_wardrobe: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(small_wardrobe, tmp_path / "data"))
    sorted((data / "train").iterdir())[3].write_bytes(b"no picture")
    folder = tmp_path / "run"
    train.begin(recipe(data, "training.epochs=2", "data.unreadable=skip"), folder, Watch())
    values = write_attributes(folder, tmp_path / "out", people=1)
    assert values["images"] == 127


MINES_NOTHING = {
    "baseline": ("training.epochs=2", "method.name=baseline"),
    "cal": ("training.epochs=2", "method.name=cal"),
    "too short": ("training.epochs=1",),
}


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize("how", MINES_NOTHING)
def test_a_run_that_mined_nothing_says_so(small_wardrobe: Path, tmp_path: Path, command: Command, how: str) -> None:
    settings = recipe(small_wardrobe, *MINES_NOTHING[how])
    folder = tmp_path / "run"
    train.begin(settings, folder, Watch())
    code, _, err = command(folder)
    assert code == 2
    assert "has mined no attributes" in err
    assert "method.after_epoch" in err
    assert not (folder / "attributes").exists()


def test_what_is_no_run_is_named(command: Command, finished: Path, tmp_path: Path) -> None:
    code, _, err = command(tmp_path / "nowhere")
    assert (code, "is no run" in err) == (2, True)
    series = tmp_path / "series"
    shutil.copytree(finished, series / "seed-0")
    code, _, err = command(series)
    assert code == 2
    assert f"for example {series / 'seed-0'}" in err


def test_a_checkpoint_that_cannot_be_used_is_named(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    path = tmp_path / "run" / "checkpoint.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtefactError, match=r"checkpoint\.safetensors is damaged"):
        read_mined(tmp_path / "run")
    path.write_bytes(whole.replace(b"ccreid-checkpoint-", b"ccreid-Checkpoint-", 1))
    with pytest.raises(ArtefactError, match="of another format"):
        read_mined(tmp_path / "run")
    path.unlink()
    with pytest.raises(ArtefactError, match="--resume"):
        read_mined(tmp_path / "run")


@pytest.mark.parametrize("people", ["0", "-1", "some", "1.5"])
def test_odd_numbers_of_people_are_refused(command: Command, finished: Path, people: str) -> None:
    code, _, err = command(finished, f"--people={people}")
    assert code == 2
    assert "neither a whole number above 0 nor 'all'" in err


def test_no_network_is_built(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a network was built")

    monkeypatch.setattr(torch.nn.Module, "__init__", refuse)
    write_attributes(finished, tmp_path / "out", people=1)


def identities(*described: tuple[int, float | None, float | None]) -> list[dict[str, Any]]:
    """Number of attributes, NMI with clothes and with cameras."""
    return [
        {
            "attributes": [{}] * number,
            "agreement": {
                name: None if nmi is None else {"found": {"nmi": nmi}}
                for name, nmi in (("clothes", clothes), ("camera", camera))
            },
        }
        for number, clothes, camera in described
    ]


def test_people_are_chosen_from_the_best_to_the_worst() -> None:
    many = identities(*((3, nmi / 10, 0.5) for nmi in (4, 9, 1, 7, 2)), (9, None, 0.5))
    assert telling_identities(many, 3) == ([1, 0, 2], "from the best to the worst agreement with clothes (NMI)")
    assert telling_identities(many, 5)[0] == [1, 3, 0, 4, 2]
    everybody, words = telling_identities(many, None)
    assert everybody == [1, 3, 0, 4, 2, 5]
    assert words.endswith("then those without one")


def test_without_clothes_cameras_decide_and_without_both_the_number() -> None:
    with_cameras = identities((3, None, 0.2), (4, None, 0.9), (5, None, 0.4))
    assert telling_identities(with_cameras, 2) == ([1, 0], "from the best to the worst agreement with cameras (NMI)")
    bare = identities((3, None, None), (8, None, None), (5, None, None), (1, None, None))
    assert telling_identities(bare, 2) == ([1, 3], "from the most attributes to the fewest")
    assert telling_identities(bare, 9)[0] == [1, 2, 0, 3]


def test_a_page_holds_some_sheets_and_counts_the_others(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_ON_PAGE > 12  # the default number of people
    monkeypatch.setattr(attributes, "MOST_ON_PAGE", 1)
    write_attributes(finished, tmp_path, people=None)
    page = (tmp_path / "attributes.html").read_text()
    assert page.count("data:image/jpeg") == 1
    assert "1 more sheets stand beside this page" in page
    assert len(list(tmp_path.glob("identity-*.png"))) == 2
