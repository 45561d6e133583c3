"""CAL: a clothes classifier, and a network that gives it nothing to tell a person's outfits apart by."""

from ccreid.methods.cal.cal import Cal
from ccreid.methods.cal.losses import adversarial_loss, clothes_loss
from ccreid.methods.cal.outfits import Outfits

__all__ = ["Cal", "Outfits", "adversarial_loss", "clothes_loss"]
