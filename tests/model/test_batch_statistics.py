"""Batch normalisation in training is as accurate with the channels innermost as without, and as float64 says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, cast

import pytest
import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn

from ccreid.model.backbone import Backbone
from ccreid.model.batch_statistics import channel_moments, normalise_accurately

MANY_PIXELS = (32, 8, 64, 32)
"""65,536 pixels of a channel: MobileNetV2's first map of 32 pictures of 128 x 64."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Several threads add up shorter sums each, and hide what is lost."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def drawn(*shape: int, seed: int = 0, offset: float = 0.7) -> Tensor:
    """Images as a rectified linear unit leaves them: sums grow, and nothing cancels."""
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).add(offset).relu()
    return values.contiguous(memory_format=torch.channels_last)


def worst(values: Tensor, truth: Tensor) -> float:
    """The largest error, over the largest value."""
    return float((values.detach().double() - truth.detach()).abs().max() / truth.detach().abs().max())


@pytest.mark.parametrize(
    "shape", [MANY_PIXELS, (3, 5, 7, 7), (1, 2, 1, 13), (2, 3, 1, 1), (5, 4, 101, 1), (4, 2048, 6, 3)]
)
def test_moments_are_those_of_float64(shape: tuple[int, ...]) -> None:
    images = drawn(*shape)
    mean, variance = channel_moments(images)
    exact = images.double()
    torch.testing.assert_close(mean, exact.mean((0, 2, 3)), rtol=2e-6, atol=1e-7)
    torch.testing.assert_close(variance, exact.var((0, 2, 3), unbiased=False), rtol=2e-6, atol=1e-7)


def test_moments_of_what_hardly_varies() -> None:
    # E[x²] - E[x]² would be all noise here.
    images = drawn(8, 3, 32, 16, offset=1000.0)
    _, variance = channel_moments(images)
    torch.testing.assert_close(variance, images.double().var((0, 2, 3), unbiased=False), rtol=1e-5, atol=0)


def _layer(make: Callable[[int], nn.Module]) -> nn.Module:
    layer = make(MANY_PIXELS[1])
    with torch.no_grad():
        for number, parameter in enumerate(layer.parameters()):
            parameter.copy_(torch.linspace(0.5 + number, 1.5, MANY_PIXELS[1]))
    return layer.train()


@pytest.mark.parametrize("make", [nn.BatchNorm2d, BatchNormAct2d])
def test_outputs_gradients_and_running_statistics_are_those_of_float64(make: Callable[[int], nn.Module]) -> None:
    layer, truth = _layer(make), _layer(make).double()
    normalise_accurately(layer)
    images, outward = drawn(*MANY_PIXELS), drawn(*MANY_PIXELS, seed=1)
    given, exact = images.clone(memory_format=torch.preserve_format).requires_grad_(), images.double().requires_grad_()
    outputs, expected = layer(given), truth(exact)
    outputs.backward(outward)
    expected.backward(outward.double())
    assert outputs.is_contiguous(memory_format=torch.channels_last)
    assert worst(outputs, expected) < 1e-6
    assert given.grad is not None
    assert exact.grad is not None
    assert worst(given.grad, exact.grad) < 3e-6
    for (name, value), true in zip(layer.named_buffers(), truth.buffers(), strict=True):
        torch.testing.assert_close(value.double(), true.double(), rtol=1e-6, atol=0, msg=name)
    for parameter, true in zip(layer.parameters(), truth.parameters(), strict=True):
        assert parameter.grad is not None
        assert true.grad is not None
        assert worst(parameter.grad, true.grad) < 1e-4  # sums of gradients are still torch's


def test_no_weight_and_a_cumulative_average() -> None:
    layer = nn.BatchNorm2d(8, affine=False, momentum=None)
    truth = deepcopy(layer).double()
    normalise_accurately(layer)
    for seed in range(3):
        given = drawn(4, 8, 6, 5, seed=seed).requires_grad_()
        torch.testing.assert_close(layer(given).double(), truth(given.double()), rtol=1e-5, atol=1e-6)
        layer(given).sum().backward()
        truth(given.double())
    for value, true in zip(layer.buffers(), truth.buffers(), strict=True):
        torch.testing.assert_close(value.double(), true.double(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "changed",
    [
        lambda images: images.contiguous(),
        lambda images: images.to(torch.bfloat16),
        lambda images: images.double(),
        lambda images: images[..., :1, :1].contiguous(),
    ],
    ids=["contiguous", "bfloat16", "float64", "one pixel"],
)
def test_elsewhere_the_kernels_are_torchs(changed: Callable[[Tensor], Tensor]) -> None:
    images = changed(drawn(6, 8, 4, 4))
    layer, plain = nn.BatchNorm2d(8).to(images.dtype), nn.BatchNorm2d(8).to(images.dtype)
    normalise_accurately(layer)
    assert torch.equal(layer(images), plain(images))
    assert all(torch.equal(one, other) for one, other in zip(layer.buffers(), plain.buffers(), strict=True))


def test_in_eval_mode_nothing_changes() -> None:
    images, layer, plain = drawn(6, 8, 4, 4), nn.BatchNorm2d(8).eval(), nn.BatchNorm2d(8).eval()
    normalise_accurately(layer)
    assert torch.equal(layer(images), plain(images))
    assert int(layer.num_batches_tracked or 0) == 0


def test_a_copy_has_statistics_of_its_own() -> None:
    layer = nn.Sequential(nn.BatchNorm2d(8))
    normalise_accurately(layer)
    copy = deepcopy(layer)
    copy(drawn(6, 8, 4, 4))
    ours, of_copy = (dict(module.named_buffers())["0.running_mean"] for module in (layer, copy))
    assert not ours.any()
    assert of_copy.all()


def test_a_backbone_in_training_is_as_accurate_in_either_memory_format() -> None:
    # With torch's kernel alone the first map of MobileNetV2 was off by hundreds of times as much.
    torch.manual_seed(0)
    pictures = torch.randn(32, 3, 128, 64)
    backbone = Backbone("mobilenetv2_100", height_px=128, width_px=64, last_stride=2).train()
    model = cast(Any, backbone.model)
    first = nn.Sequential(model.conv_stem, model.bn1)
    truth = nn.Sequential(nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32)).double()
    truth[0].load_state_dict(model.conv_stem.state_dict())
    exact = nn.functional.relu6(truth(pictures.double()))
    errors = {}
    for memory_format in (torch.channels_last, torch.contiguous_format):
        backbone.lay_out(memory_format)
        errors[memory_format] = worst(first(pictures.contiguous(memory_format=memory_format)), exact)
    assert errors[torch.channels_last] < 2 * errors[torch.contiguous_format] < 1e-5
