"""FIRe²: mining attributes, recomposing feature maps, and their losses."""

from ccreid.methods.fire2.attribute_loss import attribute_aware_loss
from ccreid.methods.fire2.attributes import Attributes
from ccreid.methods.fire2.fire2 import Fire2
from ccreid.methods.fire2.mining import Mining, discover_attributes
from ccreid.methods.fire2.recomposition import draw_donors, recompose
from ccreid.methods.fire2.worn import worn_attributes

__all__ = [
    "Attributes",
    "Fire2",
    "Mining",
    "attribute_aware_loss",
    "discover_attributes",
    "draw_donors",
    "recompose",
    "worn_attributes",
]
