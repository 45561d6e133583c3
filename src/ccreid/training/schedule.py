"""The learning rate of each epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Fall(Protocol):
    """How the rate falls."""

    def __call__(self, epoch: int) -> float:
        """The share of the whole rate that is left in an epoch, 0-based."""
        ...


@dataclass(frozen=True)
class Steps:
    """A step down at each milestone.

    Attributes
    ----------
    milestones:
        After how many epochs the rate is multiplied by `gamma`, each time anew.
    gamma:
        Factor of a step.
    """

    milestones: tuple[int, ...]
    gamma: float

    def __call__(self, epoch: int) -> float:
        """See :class:`Fall`."""
        return self.gamma ** sum(milestone <= epoch for milestone in self.milestones)


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from the whole rate down to 0 (Loshchilov and Hutter, 2017, without restarts).

    Attributes
    ----------
    first:
        The epoch in which it begins to fall, from 0.
    epochs:
        Of the run; 0 would come after the last, so that every epoch learns.
    """

    first: int
    epochs: int

    def __call__(self, epoch: int) -> float:
        """See :class:`Fall`."""
        passed = max(epoch - self.first, 0) / max(self.epochs - self.first, 1)
        return (1 + math.cos(math.pi * passed)) / 2


@dataclass(frozen=True)
class Schedule:
    """A linear warm-up, then a fall.

    Attributes
    ----------
    learning_rate:
        After the warm-up.
    warmup_epochs:
        Over how many epochs the rate rises from 1 % to the whole.
    fall:
        How it falls.
    """

    learning_rate: float
    warmup_epochs: int
    fall: Fall

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, 0-based."""
        progress = min(epoch / self.warmup_epochs, 1.0) if self.warmup_epochs else 1.0
        warmup = 0.01 * (1 - progress) + progress
        return self.learning_rate * warmup * self.fall(epoch)
