"""The bundle: what is written is what is read, and nothing else is taken for it."""

from __future__ import annotations

import errno
import json
import os
import pickletools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ccreid.data.preprocess import Preprocessing
from ccreid.errors import ArtefactError, StorageError
from ccreid.model.backbone import Backbone
from ccreid.model.bundle import CARD, FORMAT, WEIGHTS, About, add_scores, load_bundle, save_bundle
from ccreid.model.network import Network
from ccreid.records import Intervals, ProtocolScores

PREPROCESSING = Preprocessing(64, 32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3))
ABOUT = About(
    recipe={"name": "tiny ü"},
    seed=3,
    precision="bf16-mixed",
    flip=False,
    versions={"ccreid": "9.8.7", "torch": "2"},
)
SCORES = ProtocolScores(
    name="standard",
    query="query",
    gallery="gallery",
    ignored="nothing",
    shots="multi-shot",
    valid=3,
    skipped=0,
    cmc={1: 0.5, 5: None},
    map=0.25,
    minp=None,
)


def network(seed: int = 0, name: str = "test_resnet", last_stride: int = 1) -> Network:
    """As if trained: every value differs from a new network's."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        built = Network(Backbone(name, height_px=64, width_px=32, last_stride=last_stride))
        for tensor in built.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand_like(tensor) * 0.1)
    return built.eval()


def embeddings(net: Network) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = net(torch.rand(2, 3, 64, 32, generator=torch.Generator().manual_seed(1)))
    return found


@pytest.fixture(scope="module")
def original() -> Network:
    return network()


@pytest.fixture
def folder(tmp_path: Path, original: Network) -> Path:
    """A bundle in a run folder, to be spoiled."""
    save_bundle(tmp_path / "run" / "bundle", original, PREPROCESSING, ABOUT)
    return tmp_path / "run" / "bundle"


def change_card(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    change(card)
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")


def refused(folder: Path) -> ArtefactError:
    with pytest.raises(ArtefactError) as caught:
        load_bundle(folder)
    assert str(folder) in caught.value.message
    assert caught.value.mend
    return caught.value


# ------------------------------------------------------------------------------------------------------ round trip


@pytest.mark.parametrize("name", ["test_resnet", "mobilenetv2_100", "test_vit"])
def test_a_bundle_embeds_as_the_network_did(tmp_path: Path, name: str) -> None:
    net = network(name=name, last_stride=2)
    save_bundle(tmp_path / "bundle", net, PREPROCESSING, About())
    loaded = load_bundle(tmp_path / "bundle")
    torch.testing.assert_close(embeddings(loaded.network), embeddings(net), rtol=0, atol=0)


def test_a_bundle_keeps_the_rest(folder: Path, original: Network) -> None:
    bundle = load_bundle(folder)
    torch.testing.assert_close(embeddings(bundle.network), embeddings(original), rtol=0, atol=0)
    assert bundle.network.backbone.last_stride == 1
    assert not any(module.training for module in bundle.network.modules())
    assert bundle.preprocessing == PREPROCESSING
    assert {name: getattr(bundle.card, name) for name in About.model_fields} == dict(ABOUT)
    assert bundle.weights_hash == bundle.card.weights_sha256


def test_other_weights_have_another_hash(tmp_path: Path, folder: Path) -> None:
    save_bundle(tmp_path / "other", network(seed=1), PREPROCESSING, ABOUT)
    assert load_bundle(tmp_path / "other").weights_hash != load_bundle(folder).weights_hash


def test_saving_leaves_the_network_in_its_mode(tmp_path: Path) -> None:
    net = network().train()
    save_bundle(tmp_path / "bundle", net, PREPROCESSING, About())
    assert all(module.training for module in net.modules())


def test_the_run_folder_does_for_the_bundle(folder: Path) -> None:
    assert load_bundle(folder.parent).weights_hash == load_bundle(folder).weights_hash


def test_a_moved_bundle_is_as_good(tmp_path: Path, folder: Path, original: Network) -> None:
    shutil.move(folder, tmp_path / "elsewhere")
    torch.testing.assert_close(embeddings(load_bundle(tmp_path / "elsewhere").network), embeddings(original))


def test_a_card_read_from_another_bundle_does_not_speak_for_this_one(tmp_path: Path, folder: Path) -> None:
    """Fine-tuning: load, train on, save with the card one has."""
    other = network(seed=5, name="test_resnet", last_stride=2)
    save_bundle(tmp_path / "next", other, Preprocessing(64, 32), load_bundle(folder).card)
    loaded = load_bundle(tmp_path / "next")
    torch.testing.assert_close(embeddings(loaded.network), embeddings(other), rtol=0, atol=0)
    assert loaded.preprocessing == Preprocessing(64, 32)
    assert loaded.card.recipe == ABOUT.recipe


def test_a_new_bundle_replaces_the_old_one(folder: Path) -> None:
    (folder / "stray.txt").write_text("old", encoding="utf-8")
    net = network(seed=2)
    save_bundle(folder, net, PREPROCESSING, About())
    torch.testing.assert_close(embeddings(load_bundle(folder).network), embeddings(net), rtol=0, atol=0)
    assert sorted(file.name for file in folder.iterdir()) == sorted([WEIGHTS, CARD])
    assert [entry.name for entry in folder.parent.iterdir()] == ["bundle"]


def test_nothing_inside_is_a_pickle(folder: Path) -> None:
    json.loads((folder / CARD).read_text(encoding="utf-8"))
    load_file(folder / WEIGHTS)
    for file in folder.iterdir():
        content = file.read_bytes()
        assert not content.startswith(b"PK")  # torch's own format is a zip archive with a pickle
        with pytest.raises(ValueError, match=r"pickle|opcode"):
            list(pickletools.genops(content))


def test_a_network_of_another_make_is_refused(tmp_path: Path) -> None:
    class Patches(nn.Conv2d):
        channels = 4

    with pytest.raises(ArtefactError, match="timm"):
        save_bundle(tmp_path / "bundle", Network(Patches(3, 4, 8, 8)), PREPROCESSING, About())
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------------------- what is no bundle


@pytest.mark.parametrize("make", [True, False])
def test_a_folder_without_a_card_is_no_bundle(tmp_path: Path, make: bool) -> None:
    if make:
        (tmp_path / "x").mkdir()
    error = refused(tmp_path / "x")
    assert f"has no {CARD}" in error.message


def test_a_file_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"weights")
    refused(tmp_path / "x")


@pytest.mark.parametrize("versions", [{"ccreid": "9.8.7"}, {}, None, 3, "ccreid"])
@pytest.mark.parametrize("form", [FORMAT + 1, None, "1", [1]])
def test_another_format_is_refused_naming_the_version_that_made_it(
    folder: Path, form: object, versions: object
) -> None:
    change_card(folder, lambda card: card.update(format=form, versions=versions))
    error = refused(folder)
    assert f"format {form}" in error.message
    assert ("9.8.7" in error.mend) == (versions == {"ccreid": "9.8.7"})


def test_a_card_without_a_format_or_versions_is_refused(folder: Path) -> None:
    (folder / CARD).write_text("{}", encoding="utf-8")
    refused(folder)


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


def replace_with_others(path: Path) -> None:
    save_file({key: tensor + 1 for key, tensor in load_file(path).items()}, path)


@pytest.mark.parametrize("spoil", [flip_a_byte, truncate, replace_with_others, lambda path: path.unlink()])
def test_damaged_or_missing_weights_are_refused(folder: Path, spoil: Callable[[Path], None]) -> None:
    spoil(folder / WEIGHTS)
    error = refused(folder)
    assert WEIGHTS in error.message
    assert "Copy" in error.mend


def test_missing_weights_are_called_missing(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    assert "missing" in refused(folder).message


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}", b"[]", b"3", b'"x"', b"null"])
def test_a_card_of_something_else_is_refused(folder: Path, content: bytes) -> None:
    (folder / CARD).write_bytes(content)
    assert CARD in refused(folder).message


@pytest.mark.parametrize("key", ["format", "backbone", "last_stride", "preprocessing", "weights_sha256"])
def test_a_card_without_what_is_needed_is_refused(folder: Path, key: str) -> None:
    change_card(folder, lambda card: card.pop(key))
    refused(folder)


@pytest.mark.parametrize("key", ["height_px", "mean", "std"])
@pytest.mark.parametrize("value", ["x", None, {}])
def test_a_card_with_odd_preprocessing_is_refused(folder: Path, key: str, value: object) -> None:
    change_card(folder, lambda card: card["preprocessing"].update({key: value}))
    refused(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("backbone", "resnet_of_the_future"),
        ("backbone", 3),
        ("backbone", None),
        ("last_stride", "x"),
        ("preprocessing", 3),
        ("preprocessing", {"height": 64, "mean": [0, 0, 0], "std": [1, 1, 1]}),
        ("weights_sha256", 3),
        ("weights_sha256", None),
    ],
)
def test_a_card_with_odd_values_is_refused(folder: Path, key: str, value: object) -> None:
    change_card(folder, lambda card: card.update({key: value}))
    refused(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("recipe", None),
        ("recipe", []),
        ("recipe", {"training": float("nan")}),
        ("seed", "3"),
        ("precision", "64-true"),
        ("precision", None),
        ("flip", "yes"),
        ("batch_images", 0),
        ("selection", 3),
        ("versions", {"torch": 2}),
        ("trained_on", {"name": "wardrobe"}),
        ("scores", [{"mAP": 0.5}]),
        ("scores", {}),
        ("intervals", 3),
        ("preprocessing", [64, 32]),
        ("preprocessing.height_px", 10**12),
        ("preprocessing.height_px", 0),
        ("preprocessing.width_px", -3),
        ("preprocessing.width_px", 32.0),
        ("preprocessing.width_px", True),
        ("preprocessing.mean", [0.5, 0.5]),
        ("preprocessing.std.1", 0),
        ("preprocessing.std.1", float("inf")),
        ("weights_dtype", "int8"),
        ("last_stride", "1"),
    ],
)
def test_a_card_with_wrong_types_is_refused_naming_file_and_field(folder: Path, field: str, value: object) -> None:
    def change(card: Any) -> None:
        *path, last = (int(part) if part.isdecimal() else part for part in field.split("."))
        for part in path:
            card = card[part]
        card[last] = value

    change_card(folder, change)
    error = refused(folder)
    assert str(folder / CARD) in error.message
    assert field in error.message
    assert "Copy the bundle again" in error.mend


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (
            {"training": {"precision": "16-mixed", "seed": 7}, "evaluation": {"flip": False, "batch_images": 9}},
            ("16-mixed", False, 7, 9),
        ),
        ({"training": {}, "evaluation": {}}, ("32-true", True, None, 64)),
        ({"training": None, "evaluation": 3}, ("32-true", True, None, 64)),
        ({}, ("32-true", True, None, 64)),
    ],
)
def test_a_card_from_before_takes_from_its_recipe_what_it_does_not_say(
    folder: Path, recipe: dict[str, Any], expected: tuple[str, bool, int | None, int]
) -> None:
    def to_before(card: dict[str, Any]) -> None:
        for name in ("precision", "flip", "seed", "batch_images"):
            del card[name]
        card["recipe"] = recipe

    change_card(folder, to_before)
    card = load_bundle(folder).card
    assert (card.precision, card.flip, card.seed, card.batch_images) == expected
    change_card(folder, lambda card: card.update(recipe={"training": {"precision": "64-true"}}))
    assert "precision" in refused(folder).message


def test_what_a_newer_version_adds_to_a_card_is_passed_over(folder: Path) -> None:
    before = load_bundle(folder).card
    change_card(folder, lambda card: card.update(mood="sunny"))
    assert load_bundle(folder).card == before


def test_weights_of_another_architecture_are_refused(folder: Path) -> None:
    change_card(folder, lambda card: card.update(backbone="resnet18"))
    error = refused(folder)
    assert "resnet18" in error.message


# ---------------------------------------------------------------------------------------------- full disk, more notes


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_old_bundle_usable(
    folder: Path, original: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left"):
            save_bundle(folder, network(seed=2), PREPROCESSING, About())
        with pytest.raises(StorageError, match="No space left"):
            add_scores(folder, (SCORES,), None)
    bundle = load_bundle(folder)
    torch.testing.assert_close(embeddings(bundle.network), embeddings(original), rtol=0, atol=0)
    assert bundle.card.scores == ()
    assert [entry.name for entry in folder.parent.iterdir()] == ["bundle"]
    assert sorted(entry.name for entry in folder.iterdir()) == sorted([WEIGHTS, CARD])


def test_scores_are_added_to_a_card(folder: Path) -> None:
    before = load_bundle(folder).card
    add_scores(folder, (SCORES, SCORES), None)
    written = add_scores(folder, (SCORES,), Intervals(level=0.9, resamples=5, unit="people", protocols={}))
    assert load_bundle(folder).card == written
    assert written.scores == (SCORES,)
    assert written.intervals is not None
    assert written.model_copy(update={"scores": (), "intervals": None}) == before


def test_half_precision_halves_the_file_and_rounds_the_weights(tmp_path: Path, original: Network, folder: Path) -> None:
    save_bundle(tmp_path / "half", original, PREPROCESSING, ABOUT, half=True)
    whole, half = (load_file(bundle / WEIGHTS) for bundle in (folder, tmp_path / "half"))
    assert {value.dtype for value in half.values()} == {torch.float16, torch.int64}  # counters stay what they are
    assert (tmp_path / "half" / WEIGHTS).stat().st_size < 0.6 * (folder / WEIGHTS).stat().st_size
    read = load_bundle(tmp_path / "half")
    assert read.card.weights_dtype == "float16"
    for name, value in read.network.state_dict().items():
        assert value.dtype == whole[name].dtype
        assert torch.equal(value, whole[name].half().to(value.dtype) if value.is_floating_point() else whole[name])
    torch.testing.assert_close(embeddings(read.network), embeddings(original), rtol=0.02, atol=0.02)


def test_a_weight_beyond_half_precision_is_named(tmp_path: Path) -> None:
    large = network()
    large.neck.weight.data[3] = 1e5
    with pytest.raises(ArtefactError, match=r"neck\.weight has values beyond half precision"):
        save_bundle(tmp_path / "half", large, PREPROCESSING, ABOUT, half=True)
    assert not (tmp_path / "half").exists()
