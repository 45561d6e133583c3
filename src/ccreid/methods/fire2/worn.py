"""The true outfits in the place of mined attributes: FIRe² as it would be if mining made no mistake."""

from __future__ import annotations

import torch
from torch import Tensor

from ccreid.methods.fire2.attributes import Attributes, check_units
from ccreid.methods.outfits import Outfits
from ccreid.vocabulary import Ids


def worn_attributes(embeddings: Tensor, identities: Ids, outfits: Outfits) -> Attributes:
    """Take each person's outfits for attributes.

    An image of unknown outfit is an attribute of its own, as mining makes one of an image that is near no other: there
    as here no image is without an attribute, and none is said to show what nobody knows it to show.

    Parameters
    ----------
    embeddings:
        (N, D) L2-normalised, of every training image: for the centres alone, with which the attribute head begins.
    identities:
        (N,) int64, contiguous from 0.
    outfits:
        Of the same images.

    Returns
    -------
    :class:`Attributes`
        On the CPU; of each identity first the known outfits, then single images: see :meth:`Outfits.unknown_alone`.

    Raises
    ------
    DataError
        An embedding is not finite or not of length 1.
    """
    embeddings = embeddings.cpu()
    check_units(embeddings)
    of_all = outfits.unknown_alone(identities)
    return Attributes.of(embeddings, torch.from_numpy(of_all.of_image), torch.from_numpy(of_all.owners))
