"""The paper's values as the settings have them, where they stand, for tests of what takes plain arguments."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from ccreid.data.augment import Augmentation
from ccreid.data.preprocess import Preprocessing
from ccreid.methods import Fire2
from ccreid.methods.fire2 import Mining
from ccreid.model.network import Network
from ccreid.recipe.settings import DataSettings, Fire2Settings, TrainingSettings
from ccreid.runs.methods import mining_of
from ccreid.training.loop import Plan
from ccreid.training.schedule import Schedule, Steps

FIRE2, TRAINING, DATA = Fire2Settings(), TrainingSettings(), DataSettings(dataset="any")
SCHEDULE = Schedule(TRAINING.learning_rate, TRAINING.warmup_epochs, Steps(TRAINING.milestones, TRAINING.gamma))
PLAN = Plan(TRAINING.epochs, SCHEDULE, TRAINING.accumulate, TRAINING.seed)


def mining(**changes: Any) -> Mining:
    """The paper's mining with some values changed."""
    return replace(mining_of(FIRE2.mining), **changes)


def fire2(backbone: nn.Module, identities: int, weights: dict[str, float] | None = None, **changes: Any) -> Fire2:
    """FIRe² with the paper's values, some of them changed."""
    values: dict[str, Any] = {
        "mining": mining(),
        "mine_every": FIRE2.mining.every,
        **FIRE2.model_dump(exclude={"name", "weights", "attributes", "mining"}),
        **changes,
    }
    return Fire2(Network(backbone), identities, FIRE2.weights.model_dump() | (weights or {}), **values)


def augmentation(preprocessing: Preprocessing, **changes: Any) -> Augmentation:
    """The paper's augmentation with some values changed."""
    return replace(
        Augmentation(preprocessing, DATA.flip, DATA.padding_px, DATA.erasing, DATA.erasing_aspect), **changes
    )
