"""From a method's settings to the method."""

from __future__ import annotations

from functools import singledispatch

from ccreid.methods import Baseline, Cal, Fire2, Method
from ccreid.methods.fire2 import Mining
from ccreid.methods.outfits import Outfits
from ccreid.model.network import Network
from ccreid.recipe.settings import BaselineSettings, CalSettings, Fire2Settings, MethodSettings, MiningSettings
from ccreid.vocabulary import Samples


@singledispatch
def make_method(settings: MethodSettings, network: Network, samples: Samples) -> Method:
    """The method that some settings stand for; one's own registers how it is made, see docs/your-own-method.md.

    Parameters
    ----------
    settings:
        Of the method.
    network:
        To be trained.
    samples:
        The training images.
    """
    del network, samples
    raise NotImplementedError(f"Nobody has registered how {type(settings).__name__} are made into a method.")


def mining_of(settings: MiningSettings) -> Mining:
    """How attributes are mined."""
    return Mining(settings.k1, settings.k2, settings.eps, settings.small_identities)


@make_method.register
def _(settings: BaselineSettings, network: Network, samples: Samples) -> Method:
    return Baseline(
        network,
        len(samples.people),
        settings.weights.model_dump(),
        smoothing=settings.smoothing,
        margin=settings.margin,
        after_epoch=settings.after_epoch,
        reset_optimizer_each_epoch=settings.reset_optimizer_each_epoch,
    )


@make_method.register
def _(settings: Fire2Settings, network: Network, samples: Samples) -> Method:
    return Fire2(
        network,
        len(samples.people),
        settings.weights.model_dump(),
        mining=Outfits.of(samples) if settings.attributes == "clothes" else mining_of(settings.mining),
        mine_every=settings.mining.every,
        scale=settings.scale,
        attribute_smoothing=settings.attribute_smoothing,
        stripes=settings.stripes,
        recompositions=settings.recompositions,
        donors=settings.donors,
        smoothing=settings.smoothing,
        margin=settings.margin,
        after_epoch=settings.after_epoch,
        reset_optimizer_each_epoch=settings.reset_optimizer_each_epoch,
    )


@make_method.register
def _(settings: CalSettings, network: Network, samples: Samples) -> Method:
    return Cal(
        network,
        len(samples.people),
        settings.weights.model_dump(),
        outfits=Outfits.of(samples),
        scale=settings.scale,
        clothes_smoothing=settings.clothes_smoothing,
        clothes_rate=settings.clothes_rate,
        smoothing=settings.smoothing,
        margin=settings.margin,
        after_epoch=settings.after_epoch,
        reset_optimizer_each_epoch=settings.reset_optimizer_each_epoch,
    )
