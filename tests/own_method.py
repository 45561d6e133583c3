"""A method of somebody's own, as docs/your-own-method.md shows one: clothes are told apart, too."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ccreid.methods import Draws, Group, Labels, Method, Terms, identity_loss
from ccreid.model.network import Network, linear_head
from ccreid.recipe import MethodSettings
from ccreid.runs.methods import make_method
from ccreid.vocabulary import Samples
from columns import annotated


class ClothesSettings(MethodSettings):
    """Identity loss with a head for the clothes beside it."""

    name: Literal["clothes"] = "clothes"
    clothes_weight: float = 0.5
    smoothing: float = 0.1


class ClothesMethod(Method):
    """L_id, and from the second epoch on a clothes head with a constant rate of its own."""

    outfits: Tensor

    def __init__(self, network: Network, samples: Samples, settings: ClothesSettings) -> None:
        super().__init__(network)
        outfits = torch.from_numpy(np.unique(annotated(samples.clothes), return_inverse=True)[1])
        self.register_buffer("outfits", outfits, persistent=False)
        self.identity_head = linear_head(network.dimension, len(samples.people))
        self.clothes_head = linear_head(network.dimension, int(outfits.max()) + 1)
        self.settings = settings

    def terms(self, seen: Tensor, labels: Labels, draws: Draws) -> Terms:
        smoothing, worn = self.settings.smoothing, self.outfits[labels.indices]
        named = {"identity": identity_loss(self.identity_head(seen), labels.identities, smoothing)}
        if draws.epoch > 0:
            named["clothes"] = identity_loss(self.clothes_head(seen), worn, smoothing)
        return Terms.weighted(named, {"identity": 1.0, "clothes": self.settings.clothes_weight}, {})

    def groups(self) -> dict[str, Group]:
        clothes = tuple(self.clothes_head.parameters())
        rest = tuple(one for one in super().groups()["all"].parameters if one is not clothes[0])
        return {"all": Group(rest), "clothes": Group(clothes, rate=lambda _epoch, _rate: 1e-3, from_epoch=1)}


@make_method.register
def _(settings: ClothesSettings, network: Network, samples: Samples) -> Method:
    return ClothesMethod(network, samples, settings)
