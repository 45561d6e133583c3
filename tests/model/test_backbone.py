"""Backbones: the shape and layout of their maps, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any, cast

import pytest
import timm
import torch
from torch import Tensor, nn

from backbones import built, donor, features_of, images, maps_of
from ccreid.errors import SettingError
from ccreid.model.backbone import Backbone

MOBILENET = "mobilenetv2_100"


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


# ------------------------------------------------------------------------------------- pixels that nothing looks at


@pytest.mark.parametrize(
    ("name", "height_px", "width_px", "rows", "columns"),
    [
        ("vit_tiny_patch16_224", 255, 127, 15, 15),
        ("vit_tiny_patch16_224", 240, 127, 0, 15),
        ("vit_tiny_patch16_224", 241, 112, 1, 0),
        ("eva02_tiny_patch14_224", 96, 56, 12, 0),
        ("convnext_atto", 255, 128, 3, 0),  # a stem of 4 x 4
        ("inception_v3", 128, 127, 3, 2),  # a stem of 3 x 3 in steps of 2, without a margin
    ],
)
def test_what_a_backbone_cuts_off_is_told_with_a_size_that_it_sees_whole(
    name: str, height_px: int, width_px: int, rows: int, columns: int, caplog: pytest.LogCaptureFixture
) -> None:
    backbone = built(name, height_px, width_px)
    (told,) = caplog.messages
    assert f"'{name}' cuts the lowest {rows} rows and the rightmost {columns} columns" in told
    assert f"to {height_px - rows} x {width_px - columns}," in told
    changed = images(height_px, width_px)
    changed[:, :, height_px - rows :] = 9
    changed[..., width_px - columns :] = 9
    torch.testing.assert_close(maps_of(backbone, changed), maps_of(backbone, images(height_px, width_px)))
    caplog.clear()
    built(name, height_px - rows, width_px - columns)
    assert not caplog.messages


@pytest.mark.parametrize(
    "name", ["test_resnet", "resnet18d", MOBILENET, "convnext_atto", "swin_tiny_patch4_window7_224"]
)
def test_nothing_is_said_of_a_backbone_that_sees_every_pixel(name: str, caplog: pytest.LogCaptureFixture) -> None:
    height_px, width_px = (95, 47) if name in ("test_resnet", "resnet18d", MOBILENET) else (96, 64)
    backbone = built(name, height_px, width_px)
    assert not caplog.messages
    pictures = images(height_px, width_px)
    for edge in ((..., -1, slice(None)), (..., slice(None), -1)):
        changed = pictures.clone()
        changed[edge] += 9
        assert not torch.equal(maps_of(backbone, changed), maps_of(backbone, pictures))


def test_looking_for_what_is_cut_off_leaves_a_new_network_as_it_was() -> None:
    torch.manual_seed(0)
    backbone = Backbone("test_resnet", height_px=64, width_px=32)
    assert all(tensor.isfinite().all() for tensor in backbone.state_dict().values())
    assert all(module.training for module in backbone.modules())


# --------------------------------------------------------------------------------------------------------- stages


@pytest.mark.parametrize(
    ("name", "first", "last", "count"),
    [
        ("test_resnet", "conv1.0.weight", "layer4.0.conv1.weight", 5),
        (MOBILENET, "conv_stem.weight", "conv_head.weight", 8),
        ("test_vit", "patch_embed.proj.weight", "norm.weight", 7),
    ],
)
def test_stages_hold_every_parameter_once_from_the_input_on(name: str, first: str, last: str, count: int) -> None:
    backbone = built(name, last_stride=2)
    stages, named = backbone.stages(), dict(backbone.model.named_parameters())
    places = [list(map(id, stage)) for stage in stages]
    assert len(stages) == count
    assert sorted(chain(*places)) == sorted(map(id, named.values()))
    assert id(named[first]) in places[0]
    assert id(named[last]) in places[-1]
