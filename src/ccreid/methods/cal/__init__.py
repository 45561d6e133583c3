"""CAL: a clothes classifier, and a network that gives it nothing to tell a person's outfits apart by."""

from ccreid.methods.cal.cal import Cal
from ccreid.methods.cal.losses import adversarial_loss, clothes_loss

__all__ = ["Cal", "adversarial_loss", "clothes_loss"]
