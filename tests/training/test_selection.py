"""Which epoch is kept."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
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


def test_what_is_no_number_is_never_the_best(tmp_path: Path) -> None:
    path, network = tmp_path / "best.safetensors", Epochs()
    selection = Selection(path, lambda given: values[int(given.epoch)], 1, 4)  # type: ignore[arg-type]  # any module will do
    values = [math.nan, 0.2, math.nan, 0.1]
    told = [selection.consider(epoch, network.at(epoch)) for epoch in range(4)]  # type: ignore[arg-type]  # any module will do
    assert told == [None, 0.2, None, 0.1]
    assert selection.best() == (1, 0.2)
    save_file(network.state_dict(), path, metadata={"best": "[0, NaN]"})  # as an earlier version wrote it
    assert selection.best() is None
    assert selection.consider(3, network.at(3)) == 0.1  # type: ignore[arg-type]  # any module will do
    assert selection.best() == (3, 0.1)


def test_the_last_epoch_is_always_scored(tmp_path: Path) -> None:
    best, _, scored = select(tmp_path / "best.safetensors", [0.9, 0.1, 0.2, 0.9, 0.9, 0.3], every=3)
    assert scored == [2, 5]
    assert best == 5


def test_taking_before_any_score_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="consider"):
        Selection(tmp_path / "best.safetensors", lambda _network: 0.0, 1, 1).take(Epochs())  # type: ignore[arg-type]  # any module will do
