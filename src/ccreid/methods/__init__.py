"""FIRe²: mining attributes, recomposing feature maps, the losses and their sum."""

from ccreid.methods.fire2.mining import Attributes, Mining, discover_attributes
from ccreid.methods.fire2.objective import Objective, Terms, TermWeights
from ccreid.methods.fire2.recomposition import draw_donors, recompose
from ccreid.methods.losses import attribute_aware_loss, identity_loss, triplet_loss

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
