"""A bundle of a backbone as it comes embeds what timm's own network sees, and fetches nothing unless told to."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from backbones import donor, features_of, images
from ccreid.errors import CcreidError, SettingError, WeightsError
from ccreid.model import weights as module
from ccreid.model.bundle import WEIGHTS, load_bundle
from ccreid.runs.untrained import bundle_backbone


def bundled(out: Path, name: str, weights: str, last_stride: int = 2) -> Path:
    bundle_backbone(name, out, weights=weights, height_px=96, width_px=48, last_stride=last_stride)
    return out


def pooled(maps: Tensor) -> Tensor:
    """Of every channel the maximum, then of every channel the average."""
    flat = maps.flatten(2)
    return torch.cat([flat.max(dim=2).values, flat.mean(dim=2)], dim=1)


def grid_of(model: nn.Module, tokens: Tensor) -> Tensor:
    """A transformer's tokens behind the first, as a map of 6 x 3 patches."""
    return tokens[:, 1:].transpose(1, 2).reshape(len(tokens), -1, 6, 3)


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_vit", "mobilenetv2_100"])
def test_it_embeds_what_timms_own_network_sees(tmp_path: Path, name: str) -> None:
    model = donor(name, img_size=(96, 48)) if name == "test_vit" else donor(name)
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    bundle = load_bundle(bundled(tmp_path / "bundle", name, str(tmp_path / "weights.safetensors")))
    maps = features_of(model, images())
    expected = pooled(grid_of(model, maps) if maps.ndim == 3 else maps)
    with torch.no_grad():
        found = bundle.network(images())
    torch.testing.assert_close(found, expected / (1 + 1e-5) ** 0.5, rtol=1e-4, atol=1e-5)  # the neck as it begins
    told = model.pretrained_cfg
    assert (bundle.preprocessing.mean, bundle.preprocessing.std) == (told["mean"], told["std"])  # type: ignore[index]
    assert (bundle.preprocessing.height_px, bundle.preprocessing.width_px) == (96, 48)


def test_a_resnets_last_map_is_as_large_as_asked(tmp_path: Path) -> None:
    sizes = {}
    for stride in (1, 2):
        network = load_bundle(bundled(tmp_path / str(stride), "test_resnet", "none", stride)).network
        with torch.no_grad():
            sizes[stride] = network.feature_map(images()).shape[2:]
    assert sizes[2] == torch.Size([(side + 1) // 2 for side in sizes[1]])


def test_random_weights_are_the_same_each_time_and_leave_the_generator_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one = bundled(tmp_path / "one", "test_resnet", "none")
    assert torch.equal(torch.rand(1), expected)
    assert load_bundle(one).weights_hash == load_bundle(bundled(tmp_path / "two", "test_resnet", "none")).weights_hash


def test_nothing_is_fetched_unless_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def downloaded(name: str) -> dict[str, Tensor]:
        asked.append(name)
        return dict(donor(name).state_dict())

    monkeypatch.setattr(module, "_downloaded", downloaded)
    bundled(tmp_path / "inside", "mobilenetv2_100", "bundled")
    bundled(tmp_path / "random", "test_resnet", "none")
    assert asked == []
    bundled(tmp_path / "fetched", "test_resnet", "timm")
    assert asked == ["test_resnet"]
    held, theirs = load_file(tmp_path / "fetched" / WEIGHTS), donor("test_resnet").state_dict()
    assert torch.equal(held["backbone.model.conv1.0.weight"], theirs["conv1.0.weight"])


@pytest.mark.parametrize(
    ("name", "weights", "kind", "words"),
    [
        ("test_resnet", "bundled", WeightsError, "no weights for test_resnet, only for mobilenetv2_100"),
        ("test_resnet", "nowhere.pth", WeightsError, "there is no file"),
        ("test_resent", "none", SettingError, "no model 'test_resent'"),
        ("mobilenetv2_100", "wardrobe", SettingError, "wardrobe is a bundle already"),
    ],
)
def test_what_cannot_be_leaves_nothing(
    tmp_path: Path, name: str, weights: str, kind: type[CcreidError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        bundled(tmp_path / "bundle", name, weights)
    assert list(tmp_path.iterdir()) == []


def test_the_card_says_that_it_was_not_trained_and_names_no_file(tmp_path: Path) -> None:
    save_file(donor().state_dict(), tmp_path / "annas.safetensors")
    card = load_bundle(bundled(tmp_path / "bundle", "test_resnet", str(tmp_path / "annas.safetensors"))).card
    assert card.selection == "none: weights of a file, not trained to tell people apart"
    assert (card.trained_on, card.recipe, card.scores) == (None, {}, ())
    assert "anna" not in card.model_dump_json()
