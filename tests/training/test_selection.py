"""Which epoch is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from ccreid.training.selection import Selection


class Epochs(nn.Module):
    """A network whose only value is the epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch = nn.Parameter(torch.zeros(1))

    def at(self, epoch: int) -> Epochs:
        with torch.no_grad():
            self.epoch.fill_(epoch)
        return self


def select(path: Path, values: list[float], every: int = 1) -> tuple[int, float, list[int]]:
    network, scored = Epochs(), []

    def criterion(given: nn.Module) -> float:
        assert isinstance(given, Epochs)
        epoch = int(given.epoch)
        scored.append(epoch)
        return values[epoch]

    selection = Selection(path, criterion, every, len(values))
    for epoch in range(len(values)):
        value = selection.consider(epoch, network.at(epoch))  # type: ignore[arg-type]  # any module will do
        assert value == (values[epoch] if epoch in scored else None)
    best = selection.take(network)  # type: ignore[arg-type]  # any module will do
    return best, float(network.epoch.detach()), scored


def test_the_best_epoch_is_kept_and_ties_keep_the_earlier(tmp_path: Path) -> None:
    best, weights, scored = select(tmp_path / "best.safetensors", [0.1, 0.5, 0.3, 0.5, 0.2])
    assert (best, weights) == (1, 1.0)
    assert scored == [0, 1, 2, 3, 4]


def test_the_last_epoch_is_always_scored(tmp_path: Path) -> None:
    best, _, scored = select(tmp_path / "best.safetensors", [0.9, 0.1, 0.2, 0.9, 0.9, 0.3], every=3)
    assert scored == [2, 5]
    assert best == 5


def test_taking_before_any_score_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="consider"):
        Selection(tmp_path / "best.safetensors", lambda _network: 0.0, 1, 1).take(Epochs())  # type: ignore[arg-type]  # any module will do
