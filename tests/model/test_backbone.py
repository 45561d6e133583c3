"""Backbones: the shape and layout of their maps, what is refused, and weights from everywhere."""

from __future__ import annotations

import logging
import os
import pickle
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ccreid.data.decode import read_image
from ccreid.data.preprocess import Preprocessing
from ccreid.errors import SettingError, WeightsError
from ccreid.model.backbone import BUNDLED_WEIGHTS, Backbone, load_weights

MOBILENET = "mobilenetv2_100"


def built(name: str = "test_resnet", height_px: int = 96, width_px: int = 48, last_stride: int = 2) -> Backbone:
    return Backbone(name, height_px=height_px, width_px=width_px, last_stride=last_stride).eval()


def images(height_px: int = 96, width_px: int = 48, count: int = 2) -> Tensor:
    return torch.rand(count, 3, height_px, width_px, generator=torch.Generator().manual_seed(1))


def donor(name: str = "test_resnet", seed: int = 7, **kwargs: Any) -> nn.Module:
    """A timm model, with a head, whose every weight (of batch normalisation too) differs from a new one's."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = timm.create_model(name, **kwargs)
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand_like(tensor) * 0.01)
    return model.eval()


def features_of(model: nn.Module, pictures: Tensor) -> Tensor:
    with torch.no_grad():
        return cast(Tensor, cast(Any, model).forward_features(pictures))


def maps_of(backbone: Backbone, pictures: Tensor) -> Tensor:
    with torch.no_grad():
        return cast(Tensor, backbone(pictures))


def intermediates_of(model: nn.Module, pictures: Tensor, **how: Any) -> list[Tensor]:
    return cast(list[Tensor], cast(Any, model).forward_intermediates(pictures, intermediates_only=True, **how))


# -------------------------------------------------------------------------------------------------- feature maps


def test_the_papers_network_yields_the_papers_map() -> None:
    backbone = built("resnet50.tv_in1k", 384, 192, last_stride=1)
    assert maps_of(backbone, torch.zeros(1, 3, 384, 192)).shape == (1, 2048, 24, 12)
    assert backbone.channels == 2048


@pytest.mark.parametrize("name", ["test_resnet", "resnet18", "resnet18d"])  # 18d halves its shortcut by pooling
def test_last_stride_1_doubles_a_resnets_map(name: str) -> None:
    wide, narrow = built(name, last_stride=1), built(name, last_stride=2)
    assert maps_of(narrow, images()).shape == (2, narrow.channels, 3, 2)
    assert maps_of(wide, images()).shape == (2, narrow.channels, 6, 3)


@pytest.mark.parametrize("name", ["resnet18", "resnet18d", "test_resnet"])
def test_last_stride_1_changes_strides_of_the_last_stage_alone(name: str) -> None:
    ours = dict(built(name, last_stride=1).model.named_modules())
    theirs = dict(timm.create_model(name, num_classes=0, global_pool="").named_modules())
    assert list(ours) == list(theirs)
    changed = {
        key
        for key, module in theirs.items()
        if repr(module) != repr(ours[key]) and not list(module.children())  # a parent's text repeats its children's
    }
    assert changed
    assert all(key.startswith("layer4.0.") for key in changed)
    convolutions = {key: module for key, module in ours.items() if isinstance(module, nn.Conv2d)}
    assert all(module.dilation == (1, 1) for module in convolutions.values())
    for key in changed & set(convolutions):
        assert convolutions[key].stride == (1, 1)
        assert (convolutions[key].kernel_size, convolutions[key].padding) == (
            theirs[key].kernel_size,
            theirs[key].padding,
        )


@pytest.mark.parametrize("name", ["test_resnet", "resnet18d"])
def test_before_the_last_stage_nothing_depends_on_its_stride(name: str) -> None:
    backbone, model = built(name, last_stride=1), donor(name)
    backbone.model.load_state_dict(model.state_dict(), strict=False)
    ours = intermediates_of(backbone.model, images(), indices=4)
    theirs = intermediates_of(model, images(), indices=4)
    for mine, other in zip(ours[:-1], theirs[:-1], strict=True):
        torch.testing.assert_close(mine, other)
    assert ours[-1].shape[2:] == ours[-2].shape[2:]


@pytest.mark.parametrize(
    ("name", "shape"),
    [("mobilenetv2_100", (1280, 3, 2)), ("convnext_atto", (320, 3, 1))],  # ConvNeXt's patches drop what is left over
)
def test_a_convolutional_network_keeps_its_own_map(name: str, shape: tuple[int, int, int]) -> None:
    backbone = built(name)
    found = maps_of(backbone, images())
    assert found.shape == (2, *shape)
    assert backbone.channels == shape[0]
    torch.testing.assert_close(found, features_of(backbone.model, images()))


@pytest.mark.parametrize(
    ("name", "height_px", "width_px", "grid"),
    [
        ("test_vit", 160, 96, (10, 6)),  # with a class token
        ("test_vit2", 96, 160, (6, 10)),
        ("test_vit3", 160, 96, (10, 6)),
        ("vit_tiny_patch16_224", 96, 48, (6, 3)),
        ("swin_tiny_patch4_window7_224", 224, 112, (7, 4)),  # channels last inside timm
    ],
)
def test_a_transformers_tokens_lie_where_their_patches_lay(
    name: str, height_px: int, width_px: int, grid: tuple[int, int]
) -> None:
    backbone = built(name, height_px, width_px)
    pictures = images(height_px, width_px)
    found = maps_of(backbone, pictures)
    with torch.no_grad():
        (expected,) = intermediates_of(backbone.model, pictures, indices=1, norm=True, output_fmt="NCHW")
    assert found.shape == (2, backbone.channels, *grid)
    torch.testing.assert_close(found, expected)


def test_maps_carry_gradients_to_every_weight() -> None:
    backbone = built(last_stride=1).train()
    backbone(images()).square().sum().backward()
    assert all(weight.grad is not None for weight in backbone.parameters())


# ------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(("height_px", "width_px"), [(224, 224), (96, 48)])
def test_a_network_without_a_map_is_refused(height_px: int, width_px: int) -> None:
    with pytest.raises(SettingError, match=r"network\.backbone 'mixer_s32_224'") as caught:
        built("mixer_s32_224", height_px, width_px)
    assert "another backbone" in caught.value.mend


def test_images_too_small_for_a_network_are_refused() -> None:
    with pytest.raises(SettingError, match="48 x 16"):
        built("inception_v3", 48, 16)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(SettingError, match="timm has no model 'resent50'") as caught:
        built("resent50")
    assert "Did you mean 'resnet50'?" in caught.value.mend


def test_a_name_like_no_other_is_answered_without_a_guess() -> None:
    with pytest.raises(SettingError) as caught:
        built("§§§")
    assert "Did you mean" not in caught.value.mend


def test_a_network_that_timm_will_not_build_without_its_head_is_refused() -> None:
    with pytest.raises(SettingError, match=r"deit_tiny_distilled_patch16_224.* cannot be built: \w"):
        built("deit_tiny_distilled_patch16_224", 224, 224)


def test_a_new_network_is_in_training_mode() -> None:
    backbone = Backbone("test_resnet", height_px=64, width_px=32)
    assert all(module.training for module in backbone.modules())


def test_an_unknown_set_of_weights_is_refused() -> None:
    with pytest.raises(SettingError, match=r"resnet18\.nobody"):
        built("resnet18.nobody")


@pytest.mark.parametrize("name", ["mobilenetv2_100", "convnext_atto", "test_vit", "resnetv2_50"])
def test_last_stride_1_is_refused_outside_the_resnet_family(name: str) -> None:
    with pytest.raises(SettingError, match=rf"network\.last_stride is 1.*'{name}'") as caught:
        built(name, last_stride=1)
    assert "network.last_stride to 2" in caught.value.mend


@pytest.mark.parametrize("last_stride", [0, 3, "1"])
def test_other_last_strides_are_refused(last_stride: Any) -> None:
    with pytest.raises(SettingError, match=r"network\.last_stride"):
        built(last_stride=last_stride)


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
    load_weights(backbone, str(write(model.state_dict(), tmp_path)))
    for key, tensor in backbone.model.state_dict().items():
        torch.testing.assert_close(tensor, model.state_dict()[key], rtol=0, atol=0)
    if last_stride == 2:
        torch.testing.assert_close(maps_of(backbone, images()), features_of(model, images()))


@pytest.mark.parametrize("name", ["mobilenetv2_100", "test_vit", "test_convnext"])  # other names for their heads
def test_other_classifiers_are_ignored_too(tmp_path: Path, name: str) -> None:
    size: dict[str, Any] = {"img_size": (160, 96)} if "vit" in name else {}
    model, backbone = donor(name, **size), built(name, 160, 96)
    load_weights(backbone, str(_safetensors(model.state_dict(), tmp_path)))
    given = model.state_dict()
    for key, tensor in backbone.model.state_dict().items():  # weights, not maps: those round by the processor
        torch.testing.assert_close(tensor, given[key], rtol=0, atol=0)


def test_half_precision_weights_become_single_precision(tmp_path: Path) -> None:
    weights = {key: tensor.half() if tensor.is_floating_point() else tensor for key, tensor in _donors().items()}
    backbone = built()
    load_weights(backbone, str(_safetensors(weights, tmp_path)))
    assert {tensor.dtype for tensor in backbone.parameters()} == {torch.float32}
    torch.testing.assert_close(backbone.model.state_dict()["conv1.0.weight"], weights["conv1.0.weight"].float())


def _donors() -> dict[str, Tensor]:
    return dict(donor().state_dict())


def test_weights_without_counters_of_batches_fit(tmp_path: Path) -> None:
    weights = {key: tensor for key, tensor in _donors().items() if not key.endswith("num_batches_tracked")}
    backbone = built()
    load_weights(backbone, str(_safetensors(weights, tmp_path)))
    torch.testing.assert_close(backbone.model.state_dict()["bn1.weight"], weights["bn1.weight"])


def test_a_transformers_positions_are_resampled_for_the_image_size(tmp_path: Path) -> None:
    model, backbone = donor("test_vit"), built("test_vit", 96, 48)  # 160 x 160 against 96 x 48
    load_weights(backbone, str(_safetensors(model.state_dict(), tmp_path)))
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
        load_weights(backbone, source)
    for key, tensor in backbone.model.state_dict().items():
        torch.testing.assert_close(tensor, before[key], rtol=0, atol=0)
    return caught.value


def test_weights_that_lack_a_key_are_refused_with_its_name(tmp_path: Path) -> None:
    weights = _donors()
    del weights["layer2.0.bn1.weight"]
    error = refused(built(), str(_safetensors(weights, tmp_path)))
    assert "lacking: layer2.0.bn1.weight" in error.message
    assert "test_resnet" in error.message


def test_weights_of_another_shape_are_refused_with_their_name(tmp_path: Path) -> None:
    error = refused(built(), str(_safetensors(_donors() | {"bn1.weight": torch.ones(3)}, tmp_path)))
    assert "of another shape: bn1.weight" in error.message


def test_weights_under_other_names_are_refused_naming_both(tmp_path: Path) -> None:
    weights = {f"module.{key}": tensor for key, tensor in _donors().items()}
    error = refused(built(), str(_pth(weights, tmp_path)))
    assert "lacking: bn1.bias" in error.message
    assert "unknown: module.bn1.bias" in error.message


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


# ------------------------------------------------------------------------------------- bundled, none, downloaded


@pytest.mark.parametrize("name", ["mobilenetv2_100", "mobilenetv2_100.ra_in1k"])
def test_bundled_weights_are_those_of_the_package(name: str) -> None:
    backbone = built(name, 128, 64)
    load_weights(backbone, "bundled")
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
    load_weights(bundled, "bundled")
    load_weights(given, str(shared / "weights" / "mobilenetv2_100.safetensors"))
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
        load_weights(backbone, "none")
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
    monkeypatch.setattr("ccreid.model.backbone.getproxies", dict)
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
    load_weights(backbone, "timm")
    torch.testing.assert_close(maps_of(backbone, images()), features_of(model, images()))
    assert hub.offline == [True]
    assert constants.HF_HUB_OFFLINE is False


@pytest.mark.usefixtures("direct")
def test_a_proxy_may_know_an_address_that_this_machine_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(monkeypatch, donor(), online=False)
    monkeypatch.setattr("ccreid.model.backbone.getproxies", lambda: {"https": "http://proxy"})
    load_weights(built(), "timm")
    assert hub.offline == [False]


@pytest.mark.usefixtures("direct")
@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("proxies", [{}, {"https": "http://proxy"}])
def test_a_client_told_to_stay_offline_stays_so(
    monkeypatch: pytest.MonkeyPatch, online: bool, proxies: dict[str, str]
) -> None:
    monkeypatch.setattr("ccreid.model.backbone.getproxies", lambda: proxies)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub = Hub(monkeypatch, donor(), online=online)
    load_weights(built(), "timm")
    assert hub.offline == [True]
    assert constants.HF_HUB_OFFLINE is True


# -------------------------------------------------------------------------------------------------- speed


def test_channels_are_innermost_unless_it_is_laid_out_otherwise() -> None:
    backbone = built()
    expected, state = maps_of(backbone, images()), {key: value.clone() for key, value in backbone.state_dict().items()}
    assert expected.is_contiguous(memory_format=torch.channels_last)
    backbone.lay_out(torch.contiguous_format)
    assert all(parameter.is_contiguous() for parameter in backbone.parameters())
    assert maps_of(backbone, images()).is_contiguous()
    torch.testing.assert_close(maps_of(backbone, images()), expected.contiguous(), rtol=1e-4, atol=1e-5)
    for key, value in backbone.state_dict().items():
        assert torch.equal(value, state[key])


def test_training_alone_runs_compiled_and_the_state_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def compiled(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        def counted(pictures: Tensor) -> Tensor:
            calls.append(1)
            return function(pictures)

        return counted

    monkeypatch.setattr(torch, "compile", compiled)
    backbone, plain = built(), built()
    plain.load_state_dict(backbone.state_dict())
    backbone.compile_training()
    assert list(backbone.state_dict()) == list(plain.state_dict())
    assert torch.equal(maps_of(backbone, images()), maps_of(plain, images()))
    assert not calls
    assert torch.equal(maps_of(backbone.train(), images()), maps_of(plain.train(), images()))
    assert calls == [1]
