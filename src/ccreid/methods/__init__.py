"""Ways of training a network: FIRe², CAL, their baseline, one's own."""

from ccreid.methods.baseline import Baseline
from ccreid.methods.cal import Cal
from ccreid.methods.fire2 import Fire2
from ccreid.methods.losses import identity_loss, triplet_loss
from ccreid.methods.memory import Memory
from ccreid.methods.method import Draws, EpochStart, Group, Labels, Method, Terms, TrainImages
from ccreid.methods.sharing import SharedBatch

__all__ = [
    "Baseline",
    "Cal",
    "Draws",
    "EpochStart",
    "Fire2",
    "Group",
    "Labels",
    "Memory",
    "Method",
    "SharedBatch",
    "Terms",
    "TrainImages",
    "identity_loss",
    "triplet_loss",
]
