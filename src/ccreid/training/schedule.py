"""The learning rate of each epoch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """A linear warm-up, then a step down at each milestone.

    Attributes
    ----------
    learning_rate:
        After the warm-up.
    warmup_epochs:
        Over how many epochs the rate rises from 1 % to the whole.
    milestones:
        After how many epochs it is multiplied by `gamma`, each time anew.
    gamma:
        Factor of a step.
    """

    learning_rate: float
    warmup_epochs: int
    milestones: tuple[int, ...]
    gamma: float

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, 0-based."""
        progress = min(epoch / self.warmup_epochs, 1.0) if self.warmup_epochs else 1.0
        warmup = 0.01 * (1 - progress) + progress
        passed = sum(milestone <= epoch for milestone in self.milestones)
        return self.learning_rate * warmup * self.gamma**passed
