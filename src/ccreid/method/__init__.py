"""FIRe²: mining attributes, recomposing feature maps, the losses and their sum."""

from ccreid.method.attributes import Attributes, Mining, discover_attributes
from ccreid.method.losses import attribute_aware_loss, identity_loss, triplet_loss
from ccreid.method.objective import Objective, Terms, TermWeights
from ccreid.method.recomposition import draw_donors, recompose

__all__ = [
    "Attributes",
    "Mining",
    "Objective",
    "TermWeights",
    "Terms",
    "attribute_aware_loss",
    "discover_attributes",
    "draw_donors",
    "identity_loss",
    "recompose",
    "triplet_loss",
]
