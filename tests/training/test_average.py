"""The running average of a network's weights."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from ccreid.model.network import Network
from ccreid.training.average import Average


class Pixels(nn.Module):
    """A backbone of one convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.channels = 4
        self.convolution = nn.Conv2d(3, 4, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.convolution(images))


def shifted(network: Network, by: float) -> None:
    with torch.no_grad():
        for tensor in (*network.parameters(), network.neck.state_dict()["running_mean"]):
            tensor += by


def test_it_begins_with_the_first_step_and_then_follows_slowly() -> None:
    network = Network(Pixels())
    average = Average(network, decay=0.75)
    shifted(network, 1.0)
    average.follow()
    first = {name: value.clone() for name, value in network.state_dict().items()}
    assert all(torch.equal(value, first[name]) for name, value in average.network.state_dict().items())
    shifted(network, 1.0)
    average.follow()
    weight = "backbone.convolution.weight"
    torch.testing.assert_close(average.network.state_dict()[weight], first[weight] + 0.25)
    torch.testing.assert_close(average.network.state_dict()["neck.running_mean"], first["neck.running_mean"] + 0.25)
    torch.testing.assert_close(network.state_dict()[weight], first[weight] + 1.0)


def test_a_restored_average_goes_on_as_the_first() -> None:
    network = Network(Pixels())
    average, other = Average(network, decay=0.9), Average(network, decay=0.9)
    for _ in range(3):
        shifted(network, 0.5)
        average.follow()
    other.restore({name: value.clone() for name, value in average.state().items()})
    shifted(network, 0.5)
    for each in (average, other):
        each.follow()
    ours, theirs = average.network.state_dict(), other.network.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
