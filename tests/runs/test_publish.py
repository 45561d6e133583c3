"""`ccreid publish`: what it writes, and what it says where it cannot."""

from __future__ import annotations

import json
import platform
import shutil
import socket
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ccreid.errors import DataError, SettingError
from ccreid.model.bundle import CARD, WEIGHTS, About, load_bundle, save_bundle
from ccreid.recipe import load_recipe
from ccreid.report.model_card import model_card
from ccreid.report.tables import percent
from ccreid.runs import ablate, build, loading, train
from ccreid.runs.publish import MODEL_CARD, publish
from ccreid.runs.untrained import bundle_backbone
from ccreid.runs.watch import Watch
from trees import build_tree
from wardrobes import TINY_SETTINGS

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")]


@pytest.fixture(scope="module")
def finished(small_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run; not to be changed by a test."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    train.begin(load_recipe("wardrobe", [f"data.root={small_wardrobe}", *TINY_SETTINGS]), folder, Watch())
    return folder


def test_a_published_bundle_is_the_runs_in_half_precision_scored_as_it_is(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "shared-model"
    report = publish(finished, out, Watch())
    assert {path.name for path in out.iterdir()} == {CARD, WEIGHTS, MODEL_CARD}
    whole, half = (load_file(bundle / WEIGHTS) for bundle in (finished / "bundle", out))
    assert all(torch.equal(half[name], value.half()) for name, value in whole.items() if value.is_floating_point())
    card = json.loads((out / CARD).read_text())
    assert card["scores"] == report.model_dump(mode="json")["protocols"]
    assert card["intervals"]["protocols"].keys() == {"standard", "cloth-changing", "same-clothes"}
    assert card["trained_on"]["synthetic"] is True
    assert report.conditions.weights == card["weights_sha256"][:12]
    text = (out / MODEL_CARD).read_text()
    assert text.startswith("# shared-model\n")
    assert "synthetic people alone" in text
    assert "CC0 1.0" in text
    assert "biometric data" in text
    assert card["weights_sha256"] in text
    for row in report.protocols:
        low, high = (f"{100 * end:.1f}" for end in card["intervals"]["protocols"][row.name]["map"])
        assert f"{percent(row.map)} ({low} to {high})" in text
    written = text + (out / CARD).read_text()
    assert str(tmp_path) not in written  # nothing about this machine's folders is shipped
    assert str(finished) not in written


def test_it_may_replace_a_bundle_and_nothing_else(finished: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(finished / "bundle", tmp_path / "model"))
    publish(finished, out, Watch())
    assert load_bundle(out).card.weights_dtype == "float16"
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("me")
    with pytest.raises(SettingError, match="letters is taken"):
        publish(finished, tmp_path / "letters", Watch())
    assert (tmp_path / "letters" / "dear.txt").read_text() == "me"


def test_data_that_have_moved_are_named_anew(finished: Path, small_wardrobe: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(str(small_wardrobe), str(tmp_path / "gone")))
    with pytest.raises(DataError, match="gone"):
        publish(folder, tmp_path / "model", Watch())
    publish(folder, tmp_path / "model", Watch(), data=small_wardrobe)
    assert (tmp_path / "model" / MODEL_CARD).exists()


def test_a_run_that_is_not_finished_or_none_is_refused(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="is no run"):
        publish(tmp_path, tmp_path / "model", Watch())
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    (folder / "report.json").unlink()
    with pytest.raises(SettingError, match="is not finished") as refused:
        publish(folder, tmp_path / "model", Watch())
    assert f"ccreid train --resume {folder}" in refused.value.mend


def test_the_card_of_a_model_of_real_people_says_so(finished: Path, tmp_path: Path) -> None:
    report = publish(finished, tmp_path / "model", Watch())
    card = load_bundle(tmp_path / "model").card
    assert card.trained_on is not None
    ltcc = card.trained_on.model_copy(update={"name": "ltcc", "licence": "research only", "synthetic": False})
    real = card.model_copy(update={"trained_on": ltcc})
    stamped = report.model_copy(update={"warnings": ("SELECTED ON THE TEST SET",)})
    text = model_card("model", real, stamped, began_with="none", shared_cameras=True, megabytes=1.0)
    assert "From pictures of real people. The terms of ltcc may bind" in text
    assert "research only" in text
    assert "synthetic" not in text.split("## Scores")[1]
    assert "**SELECTED ON THE TEST SET**" in text


def test_the_card_says_whether_cameras_are_shared_and_which_model_it_began_with(finished: Path, tmp_path: Path) -> None:
    report = publish(finished, tmp_path / "model", Watch())
    written = (tmp_path / "model" / MODEL_CARD).read_text()
    assert "Train and test share cameras" in written
    card = load_bundle(tmp_path / "model").card
    text = model_card("model", card, report, began_with="wardrobe", shared_cameras=False, megabytes=1.0)
    assert "Train and test share cameras" not in text
    assert "before other cameras than those it was trained on" in text
    assert "It began with `wardrobe`, a bundle that comes with ccreid" in text
    newer = model_card("wardrobe", card, report, began_with="wardrobe", shared_cameras=False, megabytes=1.0)
    assert "It went on from an earlier bundle of the same name" in newer
    assert "It began with" not in newer


def test_the_mean_with_another_bundle_is_what_is_stored_and_scored_and_the_card_says_so(
    finished: Path, tmp_path: Path
) -> None:
    bundle_backbone("test_resnet", tmp_path / "other", weights="none", height_px=96, width_px=48, last_stride=1)
    ended, other = load_bundle(finished), load_bundle(tmp_path / "other")
    report = publish(finished, tmp_path / "model", Watch(), mean_with=tmp_path / "other")
    stored = load_file(tmp_path / "model" / WEIGHTS)
    for name, value in ended.network.state_dict().items():
        if value.is_floating_point():
            mean = (value + other.network.state_dict()[name]) / 2
            assert torch.allclose(stored[name].float(), mean, rtol=1e-3, atol=1e-6), name
        else:
            assert torch.equal(stored[name], value), name
    assert report.conditions.weights == load_bundle(tmp_path / "model").weights_hash[:12]
    assert load_bundle(tmp_path / "model").card.mean_with == other.weights_hash
    assert other.weights_hash in (tmp_path / "model" / MODEL_CARD).read_text()
    assert load_bundle(finished).weights_hash == ended.weights_hash  # the run is as it was


def test_the_precision_asked_for_is_what_the_bundle_computes_in_and_is_scored_in(
    finished: Path, tmp_path: Path
) -> None:
    report = publish(finished, tmp_path / "model", Watch(), precision="bf16-mixed")
    assert load_bundle(tmp_path / "model").card.precision == "bf16-mixed"
    assert report.conditions.precision == "bf16-mixed"
    assert load_bundle(finished).card.precision == "32-true"
    as_trained = publish(finished, tmp_path / "as trained", Watch())
    assert as_trained.conditions.precision == "32-true"
    mixed, single = (load_file(tmp_path / name / WEIGHTS) for name in ("model", "as trained"))
    assert all(torch.equal(mixed[name], value) for name, value in single.items())  # it moves no weight


def test_a_mean_of_two_kinds_of_network_is_refused(finished: Path, tmp_path: Path) -> None:
    bundle_backbone("resnet18", tmp_path / "other", weights="none", height_px=64, width_px=32, last_stride=2)
    with pytest.raises(SettingError, match=r"test_resnet \(last stride 1\) and resnet18 .* are not"):
        publish(finished, tmp_path / "model", Watch(), mean_with=tmp_path / "other")
    assert not (tmp_path / "model").exists()


SECRETS = ("annas-attic", "bertas-drawer", "clemens-laptop", "doras-account", "emilia-known-by-name", "frido-without")
"""Of a person's own folders: that of the data, that of the weights, the host, the user, two people."""


@pytest.fixture
def shared_of_own_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is shared of an ablation on somebody's own people: a bundle, the comparison, TensorBoard's folder."""
    monkeypatch.setattr(socket, "gethostname", lambda: "clemens-laptop")
    for variable in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(variable, "doras-account")
    data = build_tree("folder", tmp_path / "annas-attic")
    for folder, person in (("train", "anna"), ("query", "dora"), ("gallery", "dora")):
        (data / folder / person).rename(data / folder / "emilia-known-by-name")
    (data / "train" / "frido-without").mkdir()
    (data / "train" / "frido-without.jpg").write_bytes(b"")
    (data / "gallery" / "emilia-known-by-name" / "spoilt.jpg").write_text("no picture")
    changes = ["data.unreadable=skip", "data.unreadable_share=0.5", f"network.weights={tmp_path}/bertas-drawer/model"]
    if find_spec("tensorboard"):
        changes.append("training.trackers=[tensorboard]")
    plain = load_recipe("own", TINY_SETTINGS, data=data)
    network = build.method(plain, build.benchmark(plain).subset("train")).network
    save_bundle(tmp_path / "bertas-drawer" / "model", network, loading.preprocessing(plain), About())
    recipe = load_recipe("own", [*TINY_SETTINGS, *changes], data=data)
    ablation, out = tmp_path / "ablation", tmp_path / "shared"
    ablate.ablate({"mine": recipe}, [0], ablation, lambda _name: Watch(), {"mine": changes})
    run = ablation / "mine" / "seed-0"
    publish(run, out, Watch())
    return [*out.iterdir(), run / "bundle" / CARD, ablation / ablate.RESULT, *(run / "tensorboard").glob("*")]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nothing_shared_tells_of_folders_machine_or_people(shared_of_own_people: list[Path], tmp_path: Path) -> None:
    secrets = (*SECRETS, "spoilt.jpg", str(tmp_path), str(Path.home()), platform.node() or "clemens")
    for file in shared_of_own_people:
        held = file.name.encode() + file.read_bytes()
        assert [secret for secret in secrets if secret.encode() in held] == [], file
    card = load_bundle(tmp_path / "shared").card
    plain_network = load_recipe("own", TINY_SETTINGS).network.model_dump()
    assert card.trained_on is not None
    assert card.trained_on.warnings == (
        "Images of other names than the set's, which were not read: 1.",
        "Images that could not be read and were left out: 1.",
    )
    assert card.recipe["network"] == plain_network | {"weights": None}
    ablation = json.loads((tmp_path / "ablation" / ablate.RESULT).read_text())
    told = ablation["variants"]["mine"]["changes"]
    assert told[:3] == ["data.unreadable=skip", "data.unreadable_share=0.5", "network.weights=..."]
