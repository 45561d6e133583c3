"""MixStyle: its formula, where it stands in a network, and when it draws."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from torch import Tensor, nn

from backbones import images, maps_of
from ccreid.errors import SettingError
from ccreid.model.backbone import Backbone
from ccreid.model.mixstyle import mix_styles


def mixed_by_definition(feature_map: Tensor, partners: list[int], shares: list[float]) -> Tensor:
    """Image by image and channel by channel, in double precision."""
    values = feature_map.double()
    result = torch.empty_like(values)
    for image, (partner, share) in enumerate(zip(partners, shares, strict=True)):
        for channel in range(values.shape[1]):
            own, other = values[image, channel].flatten().tolist(), values[partner, channel].flatten().tolist()
            (mean, deviation), (mean2, deviation2) = (
                (sum(side) / len(side), (sum((x - sum(side) / len(side)) ** 2 for x in side) / len(side) + 1e-6) ** 0.5)
                for side in (own, other)
            )
            new_mean = share * mean + (1 - share) * mean2
            new_deviation = share * deviation + (1 - share) * deviation2
            changed = [(x - mean) / deviation * new_deviation + new_mean for x in own]
            result[image, channel] = torch.tensor(changed).view(values.shape[2:])
    return result


def drawn_map() -> Tensor:
    drawn = (
        torch.randn(4, 3, 5, 2, generator=torch.Generator().manual_seed(0))
        * torch.tensor([1.0, 5.0, 0.1, 2.0])[:, None, None, None]
    )
    drawn[0, 0] = 3.0  # a channel without any spread
    return drawn


PARTNERS, SHARES = [2, 1, 3, 0], [0.25, 0.5, 0.0, 1.0]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_each_channel_takes_on_the_mixed_mean_and_spread(memory_format: torch.memory_format) -> None:
    feature_map = drawn_map().to(memory_format=memory_format)
    mixed = mix_styles(feature_map, torch.tensor(PARTNERS), torch.tensor(SHARES))
    expected = mixed_by_definition(feature_map, PARTNERS, SHARES)
    torch.testing.assert_close(mixed.double(), expected, rtol=1e-4, atol=1e-4)
    assert mixed.is_contiguous(memory_format=memory_format)
    torch.testing.assert_close(mixed[[1, 3]], feature_map[[1, 3]])  # its own partner; nothing of the partner's


def test_half_precision_keeps_its_dtype() -> None:
    mixed = mix_styles(drawn_map().bfloat16(), torch.tensor(PARTNERS), torch.tensor(SHARES))
    assert mixed.dtype == torch.bfloat16
    expected = mixed_by_definition(drawn_map(), PARTNERS, SHARES)
    torch.testing.assert_close(mixed.double(), expected, rtol=0.05, atol=0.05)


def test_styles_carry_no_gradient() -> None:
    feature_map = drawn_map().double().requires_grad_()
    mix_styles(feature_map, torch.tensor(PARTNERS), torch.tensor(SHARES)).sum().backward()
    deviation = (feature_map.detach().var(dim=(2, 3), correction=0) + 1e-6).sqrt()
    shares = torch.tensor(SHARES)[:, None]
    ratio = (shares * deviation + (1 - shares) * deviation[PARTNERS]) / deviation
    torch.testing.assert_close(feature_map.grad, ratio[:, :, None, None].expand_as(feature_map))


# ---------------------------------------------------------------------------------------------------- in a network


def built(name: str, mixstyle: float) -> Backbone:
    torch.manual_seed(3)
    return Backbone(name, height_px=96, width_px=48, last_stride=2, mixstyle=mixstyle)


def in_training(backbone: Backbone, seed: int = 0) -> Tensor:
    for layer in backbone.modules():  # so that only the mixing makes training differ from embedding
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.0
    torch.manual_seed(seed)
    return cast(Tensor, backbone.train()(images(count=4)).detach())


def test_embedding_is_not_touched_and_draws_nothing() -> None:
    plain, mixing = built("test_resnet", 0.0).eval(), built("test_resnet", 1.0).eval()
    assert plain.state_dict().keys() == mixing.state_dict().keys()
    before = torch.random.get_rng_state()
    assert torch.equal(maps_of(plain, images()), maps_of(mixing, images()))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_training_step_is_what_its_seed_says() -> None:
    mixing = built("test_resnet", 1.0)
    assert torch.equal(in_training(mixing), in_training(mixing))
    assert not torch.equal(in_training(mixing), in_training(mixing, seed=1))
    assert not torch.equal(in_training(mixing), in_training(built("test_resnet", 0.0)))


def test_styles_are_mixed_as_often_as_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, int]] = []

    def noted(feature_map: Tensor, partners: Tensor, shares: Tensor) -> Tensor:
        sizes.append((feature_map.shape[2], feature_map.shape[3]))
        assert sorted(partners.tolist()) == [0, 1, 2, 3]
        assert ((shares >= 0) & (shares <= 1)).all()
        return feature_map

    monkeypatch.setattr("ccreid.model.mixstyle.mix_styles", noted)
    backbone = built("test_resnet", 0.25)
    for seed in range(200):
        in_training(backbone, seed)
    assert set(sizes) == {(24, 12), (12, 6)}  # a quarter and an eighth of 96 x 48
    assert 60 < len(sizes) < 140  # 400 chances, 100 expected, 8.7 the standard deviation


@pytest.mark.parametrize("name", ["mobilenetv2_100", "convnext_atto"])
def test_other_convolutional_networks_mix_styles_too(name: str) -> None:
    assert not torch.equal(in_training(built(name, 1.0)), in_training(built(name, 0.0)))


@pytest.mark.parametrize("name", ["test_vit", "mambaout_femto"])
def test_what_has_no_such_maps_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match=rf"network\.mixstyle is above 0, but '{name}'") as refused:
        built(name, 0.5)
    assert "network.mixstyle to 0" in refused.value.mend
