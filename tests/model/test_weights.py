"""Weights: found by name wherever they lie, and refused with what lies there instead."""

from __future__ import annotations

import logging
import os
import pickle
import re
import socket
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from backbones import built, donor, features_of, images, maps_of
from ccreid.data.decode import read_image
from ccreid.data.preprocess import Preprocessing
from ccreid.errors import ArtefactError, WeightsError
from ccreid.model.backbone import Backbone
from ccreid.model.bundle import About, load_bundle, save_bundle
from ccreid.model.network import Network
from ccreid.model.weights import BUNDLED_WEIGHTS, load_weights

MOBILENET = "mobilenetv2_100"

# --------------------------------------------------------------------------------------------- weights from a file

Writer = Callable[[Mapping[str, Tensor], Path], Path]


def _safetensors(weights: Mapping[str, Tensor], folder: Path) -> Path:
    save_file(dict(weights), folder / "w.safetensors")
    return folder / "w.safetensors"


def _pth(weights: Mapping[str, Tensor], folder: Path) -> Path:
    torch.save(dict(weights), folder / "w.pth")
    return folder / "w.pth"


def _nested_pt(weights: Mapping[str, Tensor], folder: Path) -> Path:
    torch.save({"epoch": 3, "state_dict": dict(weights)}, folder / "w.pt")
    return folder / "w.pt"


@pytest.mark.parametrize("write", [_safetensors, _pth, _nested_pt])
@pytest.mark.parametrize("last_stride", [1, 2])
def test_weights_of_a_file_are_taken_over_and_its_classifier_is_not(
    tmp_path: Path, write: Writer, last_stride: int
) -> None:
    model, backbone = donor(), built(last_stride=last_stride)
    assert any(key.startswith("fc.") for key in model.state_dict())
    load_weights(Network(backbone), str(write(model.state_dict(), tmp_path)))
    for key, tensor in backbone.model.state_dict().items():
        torch.testing.assert_close(tensor, model.state_dict()[key], rtol=0, atol=0)
    if last_stride == 2:
        torch.testing.assert_close(maps_of(backbone, images()), features_of(model, images()))


@pytest.mark.parametrize("name", ["mobilenetv2_100", "test_vit", "test_convnext"])  # other names for their heads
def test_other_classifiers_are_ignored_too(tmp_path: Path, name: str) -> None:
    size: dict[str, Any] = {"img_size": (160, 96)} if "vit" in name else {}
    model, backbone = donor(name, **size), built(name, 160, 96)
    load_weights(Network(backbone), str(_safetensors(model.state_dict(), tmp_path)))
    given = model.state_dict()
    for key, tensor in backbone.model.state_dict().items():  # weights, not maps: those round by the processor
        torch.testing.assert_close(tensor, given[key], rtol=0, atol=0)


def test_half_precision_weights_become_single_precision(tmp_path: Path) -> None:
    weights = {key: tensor.half() if tensor.is_floating_point() else tensor for key, tensor in _donors().items()}
    backbone = built()
    load_weights(Network(backbone), str(_safetensors(weights, tmp_path)))
    assert {tensor.dtype for tensor in backbone.parameters()} == {torch.float32}
    torch.testing.assert_close(backbone.model.state_dict()["conv1.0.weight"], weights["conv1.0.weight"].float())


def _donors() -> dict[str, Tensor]:
    return dict(donor().state_dict())


def test_weights_without_counters_of_batches_fit(tmp_path: Path) -> None:
    weights = {key: tensor for key, tensor in _donors().items() if not key.endswith("num_batches_tracked")}
    backbone = built()
    load_weights(Network(backbone), str(_safetensors(weights, tmp_path)))
    torch.testing.assert_close(backbone.model.state_dict()["bn1.weight"], weights["bn1.weight"])


def test_a_transformers_positions_are_resampled_for_the_image_size(tmp_path: Path) -> None:
    model, backbone = donor("test_vit"), built("test_vit", 96, 48)  # 160 x 160 against 96 x 48
    load_weights(Network(backbone), str(_safetensors(model.state_dict(), tmp_path)))
    found, given = backbone.model.state_dict(), model.state_dict()
    assert found["pos_embed"].shape == (1, 1 + 6 * 3, 64)
    assert given["pos_embed"].shape == (1, 1 + 10 * 10, 64)
    torch.testing.assert_close(found["pos_embed"][:, 0], given["pos_embed"][:, 0])  # the class token has no place
    torch.testing.assert_close(found["pos_embed"][:, 1:].mean(), given["pos_embed"][:, 1:].mean(), rtol=0, atol=0.01)
    torch.testing.assert_close(found["blocks.0.mlp.fc1.weight"], given["blocks.0.mlp.fc1.weight"])


def refused(backbone: Backbone, source: str) -> WeightsError:
    """The error, after checking that no weight of the backbone has changed."""
    before = {key: tensor.clone() for key, tensor in backbone.model.state_dict().items()}
    with pytest.raises(WeightsError) as caught:
        load_weights(Network(backbone), source)
    for key, tensor in backbone.model.state_dict().items():
        torch.testing.assert_close(tensor, before[key], rtol=0, atol=0)
    return caught.value


def test_a_home_that_is_not_there_is_no_file_either() -> None:
    assert "there is no file ~nobody.of.this.name/w.pth" in refused(built(), "~nobody.of.this.name/w.pth").message


def test_weights_that_lack_a_key_are_refused_with_its_name(tmp_path: Path) -> None:
    weights = _donors()
    del weights["layer2.0.bn1.weight"]
    error = refused(built(), str(_safetensors(weights, tmp_path)))
    assert "lacking: layer2.0.bn1.weight" in error.message
    assert "test_resnet" in error.message


def test_weights_of_another_shape_are_refused_with_their_name(tmp_path: Path) -> None:
    error = refused(built(), str(_safetensors(_donors() | {"bn1.weight": torch.ones(3)}, tmp_path)))
    assert "of another shape: bn1.weight" in error.message


@pytest.mark.parametrize("name", ["test_vit", "swin_tiny_patch4_window7_224"])
def test_weights_of_another_architecture_are_refused_by_a_transformer(tmp_path: Path, name: str) -> None:
    error = refused(built(name, 224, 112), str(_safetensors(_donors(), tmp_path)))
    assert "lacking" in error.message


def test_values_that_are_no_tensors_are_refused(tmp_path: Path) -> None:
    torch.save(dict(_donors()) | {"bn1.weight": 3}, tmp_path / "w.pth")
    refused(built(), str(tmp_path / "w.pth"))


@pytest.mark.parametrize("name", ["nowhere.safetensors", "nowhere.pth", "bundeld"])
def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    error = refused(built(), name)
    assert name in error.message
    assert "bundled" in error.mend


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.pt"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x80\x02}q\x00."])
def test_a_file_of_something_else_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert str(tmp_path / name) in refused(built(), str(tmp_path / name)).message


def test_a_tensor_alone_is_no_state(tmp_path: Path) -> None:
    torch.save(torch.ones(3), tmp_path / "w.pth")
    refused(built(), str(tmp_path / "w.pth"))


class MakesAFolder:
    """What unpickling it runs, were it allowed to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("name", ["w.pth", "w.pt", "w.bin"])
@pytest.mark.parametrize("plain", [False, True], ids=["torch", "pickle"])
def test_a_malicious_pickle_is_refused_before_it_runs(tmp_path: Path, name: str, plain: bool) -> None:
    content, path = {"bn1.weight": MakesAFolder(tmp_path / "ran")}, tmp_path / name
    if plain:
        path.write_bytes(pickle.dumps(content))
        pickle.loads(path.read_bytes())
    else:
        torch.save(content, path)
        torch.load(path, weights_only=False)
    (tmp_path / "ran").rmdir()  # it is dangerous indeed
    error = refused(built(), str(path))
    assert not (tmp_path / "ran").exists()
    assert "weights_only" not in str(error)  # torch's own text tells the user how to run it after all


# ------------------------------------------------------------------------------------------- files in other dress


def parallel(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """As torch.nn.DataParallel names them."""
    return {f"module.{name}": tensor for name, tensor in weights.items()}


def of_the_authors(model: nn.Module) -> dict[str, Any]:
    """A checkpoint as FIRe²'s authors write it: the children of the ResNet by their numbers, necks, heads, scores."""
    numbers = {name: str(number) for number, (name, _) in enumerate(model.named_children())}
    named = {tuple(name.split(".", 1)): tensor for name, tensor in model.state_dict().items() if name[:3] != "fc."}
    backbone = {f"backbone.{numbers[first]}.{rest}": tensor for (first, rest), tensor in named.items()}
    dimension = 2 * cast(int, model.num_features)
    necks = {
        f"{neck}.{name}": of for neck in ("bottleneck", "FAR_bottleneck") for name, of in a_neck(dimension).items()
    }
    return {
        "model_state_dict": {**backbone, **necks, "FAR_classifier.weight": torch.rand(5, dimension)},
        "classifier_state_dict": {"classifier.weight": torch.rand(5, dimension)},
        "optimizer_state_dict": {"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.rand(3)}}},
        "rank1": np.float32(0.5),
        "mAP": np.float64(0.25),
        "epoch": 79,
    }


def a_neck(dimension: int) -> dict[str, Tensor]:
    neck = nn.BatchNorm1d(dimension)
    neck.weight.data.uniform_(0.5, 2)
    neck.running_mean = torch.rand(dimension)
    return dict(neck.state_dict())


class Settings(dict[str, Any]):
    """A mapping of somebody's own, with attributes, as some libraries keep their settings in."""


DRESSES: dict[str, Callable[[nn.Module], Any]] = {
    "parallel": lambda model: parallel(model.state_dict()),
    "torchreid": lambda model: {
        "state_dict": parallel(model.state_dict()),
        "epoch": 60,
        "rank1": np.float64(0.9),
        "optimizer": {},
    },
    "under model": lambda model: {"model": model.state_dict(), "iteration": 100},
    "Lightning": lambda model: {"state_dict": {f"net.backbone.{k}": v for k, v in model.state_dict().items()}},
    "base": lambda model: (
        {f"base.{k}": v for k, v in model.state_dict().items()} | {"bottleneck.weight": torch.ones(3)}
    ),
    "student and teacher": lambda model: {"student": model.state_dict(), "teacher": donor(seed=8).state_dict()},
    "parameters": lambda model: dict(model.named_parameters()) | dict(model.named_buffers()),
    "settings beside": lambda model: {
        "args": Namespace(lr=0.1, out=Path("runs")),
        "cfg": Settings(depth=50),
        "found": np.arange(3),
        "best": np.int64(3),
        "state_dict": model.state_dict(),
    },
    "authors": of_the_authors,
}


def assert_taken_from(model: nn.Module, backbone: Backbone) -> None:
    given = model.state_dict()
    for name, tensor in backbone.model.state_dict().items():
        torch.testing.assert_close(tensor, given[name], rtol=0, atol=0)


# Of a file from before torch 1.6, torch does not tell which objects it asks for.
@pytest.mark.parametrize(
    ("dress", "legacy"),
    [(dress, legacy) for legacy in (False, True) for dress in DRESSES if not (legacy and dress == "settings beside")],
)
def test_weights_are_found_whatever_they_are_dressed_in(tmp_path: Path, dress: str, legacy: bool) -> None:
    model, backbone = donor(), built(last_stride=1)
    path = tmp_path / "model.pth.tar-60"
    torch.save(DRESSES[dress](model), path, _use_new_zipfile_serialization=not legacy)
    load_weights(Network(backbone), str(path))
    assert_taken_from(model, backbone)


def test_a_neck_of_the_authors_is_taken_and_their_branch_and_heads_are_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, network = donor(), Network(built())
    held = of_the_authors(model)
    torch.save(held, tmp_path / "w.pth")
    with caplog.at_level(logging.INFO, "ccreid"):
        load_weights(network, str(tmp_path / "w.pth"))
    for name, tensor in network.neck.state_dict().items():
        if name != "num_batches_tracked":
            torch.testing.assert_close(tensor, held["model_state_dict"][f"bottleneck.{name}"], rtol=0, atol=0)
    told = caplog.messages[-1]
    assert "the backbone and the neck are taken" in told
    assert "model_state_dict.FAR_bottleneck.weight" in told


@pytest.mark.parametrize("spoil", ["shape", "shift", "half of it"])
def test_a_neck_that_is_another_is_left(tmp_path: Path, spoil: str, caplog: pytest.LogCaptureFixture) -> None:
    model, network = donor(), Network(built())
    neck = {f"neck.{name}": tensor for name, tensor in a_neck(network.dimension).items()}
    if spoil == "shape":
        neck = {name: tensor[:3] if tensor.ndim else tensor for name, tensor in neck.items()}
    elif spoil == "shift":
        neck["neck.bias"] = neck["neck.bias"] + 1  # ours is fixed at 0
    else:
        del neck["neck.running_var"]
    save_file({f"backbone.{name}": of for name, of in model.state_dict().items()} | neck, tmp_path / "w.safetensors")
    before = {name: tensor.clone() for name, tensor in network.neck.state_dict().items()}
    with caplog.at_level(logging.INFO, "ccreid"):
        load_weights(network, str(tmp_path / "w.safetensors"))
    assert_taken_from(model, network.backbone)  # type: ignore[arg-type]
    for name, tensor in network.neck.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)
    assert "the neck starts anew" in caplog.messages[-1]


def test_names_of_an_architectures_authors_are_those_that_timm_converts(tmp_path: Path) -> None:
    """ConvNeXt's authors call a block `stages.0.0` and its first layer `dwconv`."""
    model, backbone = donor("test_convnext"), built("test_convnext", 160, 96)
    renamed = {}
    for name, tensor in model.state_dict().items():
        for ours, theirs in (
            ("stem.", "downsample_layers.0."), (".conv_dw.", ".dwconv."), (".mlp.fc1.", ".pwconv1."),
            (".mlp.fc2.", ".pwconv2."), ("head.fc.", "head."), ("head.norm.", "norm."), (".blocks.", "."),
        ):  # fmt: skip
            name = name.replace(ours, theirs)
        renamed[re.sub(r"stages\.(\d)\.downsample\.", r"downsample_layers.\1.", name)] = tensor
    torch.save({"model": renamed}, tmp_path / "w.pth")
    load_weights(Network(backbone), str(tmp_path / "w.pth"))
    assert_taken_from(model, backbone)


# ------------------------------------------------------------------------------------- one's own model, other people


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The bundle of a run, of a network whose every value differs from a new one's."""
    network = Network(built(last_stride=1))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point() and name != "neck.bias":
                tensor.add_(torch.rand_like(tensor) * 0.1)
    save_bundle(tmp_path / "run" / "bundle", network, Preprocessing(96, 48), About())
    return tmp_path / "run" / "bundle"


@pytest.mark.parametrize("spelling", ["run", "run/bundle", "run/bundle/weights.safetensors"])
def test_ones_own_model_is_where_another_begins(tmp_path: Path, bundle: Path, spelling: str) -> None:
    network = Network(built(height_px=64, width_px=64, last_stride=1))  # pictures of another size
    load_weights(network, str(tmp_path / spelling))
    for name, tensor in load_bundle(bundle).network.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], tensor, rtol=0, atol=0)


def test_a_bundle_of_the_package_goes_by_its_name() -> None:
    network = Network(built(MOBILENET, 128, 64))
    load_weights(network, "wardrobe")
    for name, tensor in load_bundle("wardrobe").network.named_parameters():
        torch.testing.assert_close(network.get_parameter(name), tensor, rtol=0, atol=0)


@pytest.mark.parametrize("spelling", ["bundle", "bundle/weights.safetensors"])
@pytest.mark.parametrize("width_px", [48, 256])  # of 16 x 4 patches, 6 x 3, and 4 x 16: as many as there were
def test_positions_of_a_transformers_bundle_stay_in_their_rows(tmp_path: Path, spelling: str, width_px: int) -> None:
    height_px = 96 if width_px == 48 else 64
    network = Network(built("test_vit", 256, 64))
    table = network.get_parameter("backbone.model.pos_embed").data
    table[:, 1:] = torch.linspace(-1, 1, 16).repeat_interleave(4)[:, None]  # a place is told by its height alone
    save_bundle(tmp_path / "bundle", network, Preprocessing(256, 64), About())
    backbone = built("test_vit", height_px, width_px)
    load_weights(Network(backbone), str(tmp_path / spelling))
    found = backbone.model.state_dict()["pos_embed"]
    torch.testing.assert_close(found[:, :1], table[:, :1])
    rows = found[0, 1:].unflatten(0, (height_px // 16, width_px // 16))
    torch.testing.assert_close(rows, rows[:, :1, :1].expand_as(rows), rtol=0, atol=1e-5)
    assert (rows[1:, 0, 0] > rows[:-1, 0, 0] + 0.1).all()


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="is no bundle"):
        load_weights(Network(built()), str(tmp_path))


# --------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_no_number_is_refused_by_the_name_of_its_tensor(tmp_path: Path, value: float) -> None:
    weights = parallel(_donors())
    weights["module.bn1.running_var"][1] = value
    error = refused(built(), str(_pth(weights, tmp_path)))
    assert "module.bn1.running_var" in error.message
    assert "NaN" in error.message


def test_a_head_that_is_left_may_hold_what_it_will(tmp_path: Path) -> None:
    backbone = built()
    load_weights(Network(backbone), str(_pth(_donors() | {"fc.bias": torch.full((1000,), float("nan"))}, tmp_path)))


def test_a_number_beyond_single_precision_is_refused(tmp_path: Path) -> None:
    refused(built(), str(_pth(_donors() | {"bn1.bias": torch.full((32,), 1e300, dtype=torch.float64)}, tmp_path)))


def test_whole_numbers_are_no_weights(tmp_path: Path) -> None:
    refused(built(), str(_pth(_donors() | {"bn1.bias": torch.ones_like(_donors()["bn1.bias"]).int()}, tmp_path)))


@pytest.mark.parametrize(("name", "deeper"), [("resnet18", "resnet34"), ("test_vit", "vit_deeper")])
def test_a_deeper_architecture_is_not_cut_to_a_shallower(tmp_path: Path, name: str, deeper: str) -> None:
    """All that the shallower needs is there, in the very shapes."""
    if deeper == "vit_deeper":
        weights = donor(name).state_dict()
        weights |= {k.replace("blocks.0.", "blocks.9."): v for k, v in weights.items() if k.startswith("blocks.0.")}
        more, backbone = "blocks.9.", built(name, 160, 160)
    else:
        weights, more, backbone = dict(donor(deeper).state_dict()), "layer1.2.", built(name)
    error = refused(backbone, str(_pth(weights, tmp_path)))
    assert f"more than it has: {more}" in error.message


def test_what_a_file_holds_and_how_much_of_it_fits_is_told(tmp_path: Path) -> None:
    weights = parallel(_donors() | {"bn1.weight": torch.ones(3)})
    del weights["module.layer2.0.bn1.weight"]
    torch.save({"state_dict": weights, "ema": {"decay": torch.tensor(0.9)}}, tmp_path / "w.pth")
    error = refused(built(), str(tmp_path / "w.pth"))
    names = [name for name in built().model.state_dict() if not name.endswith("num_batches_tracked")]
    assert f"{len(names) - 2} of its {len(names)} tensors are there" in error.message
    assert "lacking: layer2.0.bn1.weight" in error.message
    assert "of another shape: bn1.weight (3,)" in error.message
    assert f"{len(weights)} in 'state_dict' (module.conv1.0.weight" in error.message
    assert "1 in 'ema' (decay)" in error.message


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
        (b"\n <html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "git-lfs"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"\x1f\x8b\x08", "compressed"),
        (b'{"a": 1}', "text"),
        (b"", "empty"),
    ],
)
@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_what_is_another_kind_of_file_is_named(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    (tmp_path / name).write_bytes(content)
    error = refused(built(), str(tmp_path / name))
    assert what in error.message
    assert error.mend


@pytest.mark.parametrize("write", [_safetensors, _pth])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_a_file_that_is_cut_off_is_to_be_copied_again(tmp_path: Path, write: Writer, share: float) -> None:
    path = write(_donors(), tmp_path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    error = refused(built(), str(path))
    assert "is cut off" in error.message
    assert "again" in error.mend


def test_a_whole_network_is_no_state(tmp_path: Path) -> None:
    torch.save(donor(), tmp_path / "w.pth")
    error = refused(built(), str(tmp_path / "w.pth"))
    assert "model.state_dict()" in error.mend


def test_mappings_without_end_are_no_weights(tmp_path: Path) -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    torch.save(endless, tmp_path / "w.pth")
    refused(built(), str(tmp_path / "w.pth"))


def test_a_tensor_of_shape_alone_is_no_weight(tmp_path: Path) -> None:
    weights = _donors()
    weights["bn1.bias"] = weights["bn1.bias"].to("meta")
    assert "lacking: bn1.bias" in refused(built(), str(_pth(weights, tmp_path))).message


# ------------------------------------------------------------------------------------- bundled, none, downloaded


@pytest.mark.parametrize("name", ["mobilenetv2_100", "mobilenetv2_100.ra_in1k"])
def test_bundled_weights_are_those_of_the_package(name: str) -> None:
    backbone = built(name, 128, 64)
    load_weights(Network(backbone), "bundled")
    kept = load_file(BUNDLED_WEIGHTS[MOBILENET])
    state = backbone.model.state_dict()
    for key in ("conv_stem.weight", "bn2.running_var"):
        torch.testing.assert_close(state[key], kept[key].float(), rtol=0, atol=0)
    assert {tensor.dtype for tensor in backbone.parameters()} == {torch.float32}


@pytest.mark.shared
def test_bundled_weights_are_the_given_ones_in_half_precision(shared: Path) -> None:
    given, kept = load_file(shared / "weights" / "mobilenetv2_100.safetensors"), load_file(BUNDLED_WEIGHTS[MOBILENET])
    counters = {key for key in given if key.endswith("num_batches_tracked")}
    assert set(kept) == set(given) - counters
    for key, tensor in kept.items():
        torch.testing.assert_close(tensor.float(), given[key], rtol=1e-3, atol=1e-6)


@pytest.mark.shared
def test_bundled_weights_give_nearly_the_features_of_the_given_ones(shared: Path, small_wardrobe: Path) -> None:
    preprocessing = Preprocessing(128, 64)
    pictures = torch.stack([preprocessing(read_image(file)) for file in sorted(small_wardrobe.glob("query/*.jpg"))[:4]])
    bundled, given = built(MOBILENET, 128, 64), built(MOBILENET, 128, 64)
    load_weights(Network(bundled), "bundled")
    load_weights(Network(given), str(shared / "weights" / "mobilenetv2_100.safetensors"))
    ours, theirs = maps_of(bundled, pictures).flatten(1), maps_of(given, pictures).flatten(1)
    assert torch.nn.functional.cosine_similarity(ours, theirs).min() > 0.999
    between_people = torch.nn.functional.cosine_similarity(theirs[:1], theirs[1:])
    assert between_people.max() < 0.99  # the bound above tells pictures apart


def test_bundled_weights_exist_for_one_architecture() -> None:
    error = refused(built(), "bundled")
    assert "test_resnet" in error.message
    assert "mobilenetv2_100" in error.message
    assert "none" in error.mend


def test_no_weights_leave_a_warning_and_the_random_ones(caplog: pytest.LogCaptureFixture) -> None:
    backbone = built()
    before = backbone.model.state_dict()["bn1.weight"].clone()
    with caplog.at_level(logging.WARNING):
        load_weights(Network(backbone), "none")
    torch.testing.assert_close(backbone.model.state_dict()["bn1.weight"], before)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "test_resnet" in record.getMessage()
    assert "random" in record.getMessage()


class Hub:
    """Stands for timm where it would download; notes whether the hub's client was told to stay offline."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: nn.Module | Exception, *, online: bool) -> None:
        self.asked: list[str] = []
        self.offline: list[bool] = []
        self.answer = answer
        create = timm.create_model

        def create_model(name: str, pretrained: bool = False, **kwargs: Any) -> nn.Module:
            if not pretrained:
                return create(name, **kwargs)
            self.asked.append(name)
            self.offline.append(constants.HF_HUB_OFFLINE)
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        def getaddrinfo(*_: object, **__: object) -> list[object]:
            if online:
                return []
            raise socket.gaierror("Name or service not known")

        monkeypatch.setattr(timm, "create_model", create_model)
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, and a hub's client that may go online."""
    monkeypatch.setattr("ccreid.model.weights.getproxies", dict)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.mark.usefixtures("direct")
@pytest.mark.parametrize("error", [OSError("no route"), RuntimeError("no weights"), ValueError("hub")])
@pytest.mark.parametrize("online", [False, True])
def test_a_failed_download_says_how_to_get_the_weights(
    monkeypatch: pytest.MonkeyPatch, error: Exception, online: bool
) -> None:
    hub = Hub(monkeypatch, error, online=online)
    caught = refused(built("resnet18.a1_in1k"), "timm")
    assert "resnet18.a1_in1k" in caught.message
    assert type(error).__name__ in caught.message
    for hint in (
        "timm.create_model('resnet18.a1_in1k', pretrained=True)",
        "network.weights=weights.safetensors",
        "network.weights=none",
    ):
        assert hint in caught.mend
    assert hub.asked == ["resnet18.a1_in1k"]
    assert hub.offline == [not online]  # without a network, the client is kept from trying for a minute
    assert constants.HF_HUB_OFFLINE is False


@pytest.mark.usefixtures("direct")
def test_a_model_that_timm_has_no_weights_of_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(monkeypatch, donor(), online=True)
    error = refused(built("nf_resnet26"), "timm")
    assert "no pretrained weights" in error.message
    assert "none" in error.mend
    assert hub.asked == []


@pytest.mark.usefixtures("direct")
def test_downloaded_weights_are_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    model, backbone = donor(), built()
    hub = Hub(monkeypatch, model, online=False)  # from the cache
    load_weights(Network(backbone), "timm")
    torch.testing.assert_close(maps_of(backbone, images()), features_of(model, images()))
    assert hub.offline == [True]
    assert constants.HF_HUB_OFFLINE is False


@pytest.mark.usefixtures("direct")
def test_a_proxy_may_know_an_address_that_this_machine_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(monkeypatch, donor(), online=False)
    monkeypatch.setattr("ccreid.model.weights.getproxies", lambda: {"https": "http://proxy"})
    load_weights(Network(built()), "timm")
    assert hub.offline == [False]


@pytest.mark.usefixtures("direct")
@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("proxies", [{}, {"https": "http://proxy"}])
def test_a_client_told_to_stay_offline_stays_so(
    monkeypatch: pytest.MonkeyPatch, online: bool, proxies: dict[str, str]
) -> None:
    monkeypatch.setattr("ccreid.model.weights.getproxies", lambda: proxies)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub = Hub(monkeypatch, donor(), online=online)
    load_weights(Network(built()), "timm")
    assert hub.offline == [True]
    assert constants.HF_HUB_OFFLINE is True
