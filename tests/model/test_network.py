"""The network: pooling, neck, heads and how they are put together."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from torch import Tensor, nn

from ccreid.model.backbone import Backbone
from ccreid.model.network import Network, linear_head, neck, pool


class Patches(nn.Module):
    """A backbone small enough to follow: 5 channels, a quarter of the height and width."""

    channels = 5

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, self.channels, 4, stride=4)

    def forward(self, images: Tensor) -> Tensor:
        return cast(Tensor, self.convolution(images))


@pytest.fixture
def network() -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Network(Patches())


def images(count: int = 4) -> Tensor:
    return torch.rand(count, 3, 16, 8, generator=torch.Generator().manual_seed(2))


def test_pooling_gives_maxima_then_averages() -> None:
    feature_map = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[-4.0, -8.0], [0.0, -12.0]]]])
    assert pool(feature_map).tolist() == [[6.0, 0.0, 3.0, -6.0]]


def test_pooling_looks_at_each_image_alone() -> None:
    feature_map = torch.randn(3, 4, 5, 2, generator=torch.Generator().manual_seed(0))
    for image, pooled in zip(feature_map, pool(feature_map), strict=True):
        expected = [channel.max().item() for channel in image] + [channel.mean().item() for channel in image]
        assert pooled.tolist() == pytest.approx(expected)


def test_a_neck_starts_as_scale_1_and_shift_0() -> None:
    layer = neck(6)
    assert layer.weight.tolist() == [1.0] * 6
    assert layer.bias.tolist() == [0.0] * 6


def test_training_moves_a_necks_scale_and_never_its_shift() -> None:
    layer = neck(6)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, weight_decay=0.1)
    target = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
    (layer(torch.randn(8, 6, generator=torch.Generator().manual_seed(2))) - target).square().sum().backward()
    optimizer.step()
    assert (layer.weight != 1).all()
    assert layer.bias.tolist() == [0.0] * 6
    assert not layer.bias.requires_grad


def test_a_head_is_narrowly_drawn_and_has_no_bias() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = linear_head(200, 150)
    assert [name for name, _ in head.named_parameters()] == ["weight"]
    assert head.weight.shape == (150, 200)
    assert head.weight.std().item() == pytest.approx(0.001, rel=0.05)
    assert head.weight.mean().abs().item() < 0.0001


def test_an_embedding_is_twice_as_long_as_the_map_is_deep(network: Network) -> None:
    assert network.dimension == 10
    assert network.feature_map(images()).shape == (4, 5, 4, 2)
    assert network(images()).shape == (4, 10)


@pytest.mark.parametrize("training", [True, False])
def test_forward_is_embedding_the_feature_map(network: Network, training: bool) -> None:
    network.train(training)
    network.neck.momentum = 0.0  # or the two calls in training mode would differ in the statistics they leave
    torch.testing.assert_close(network(images()), network.embed(network.feature_map(images())), rtol=0, atol=0)


def test_the_embedding_is_the_vector_after_the_neck(network: Network) -> None:
    pooled = pool(network.feature_map(images()))
    expected = (pooled - pooled.mean(0)) / (pooled.var(0, unbiased=False) + network.neck.eps).sqrt()
    torch.testing.assert_close(network(images()), expected)
    network.eval()
    network.neck.load_state_dict(
        network.neck.state_dict() | {"running_mean": torch.ones(10), "running_var": torch.full((10,), 4.0)}
    )
    torch.testing.assert_close(network(images()), (pooled - 1) / 2, rtol=1e-4, atol=1e-5)


def test_embeddings_are_not_normalised(network: Network) -> None:
    assert (network(images()).norm(dim=1) - 1).abs().min() > 0.01


def test_a_timm_backbone_gives_the_dimension() -> None:
    assert Network(Backbone("test_resnet", height_px=64, width_px=32)).dimension == 2 * 96
