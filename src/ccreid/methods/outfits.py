"""What each training image shows somebody in, as classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ccreid.errors import DataError
from ccreid.vocabulary import UNKNOWN, Ids, Samples

NOT_KNOWN = -1
"""The class of an image whose outfit is not annotated."""


@dataclass(frozen=True, eq=False)
class Outfits:
    """The clothes classes of N images: one for each person in each outfit.

    Attributes
    ----------
    of_image:
        (N,) int64 in 0..C-1, or `NOT_KNOWN`.
    owners:
        (C,) int64, the identity that wears each.
    """

    of_image: Ids
    owners: Ids

    @classmethod
    def of(cls, samples: Samples) -> Self:
        """The classes of training images. Raises DataError where not even two people have a known outfit."""
        clothes = np.full(len(samples), UNKNOWN) if samples.clothes is None else samples.clothes
        known = clothes != UNKNOWN
        worn = np.stack([samples.identities, clothes])[:, known]
        classes, of_known = np.unique(worn, axis=1, return_inverse=True)
        owners = classes[0].astype(np.int64)
        if len(people := np.unique(owners)) < 2:
            raise DataError(
                f"The column 'clothes' of the train set is known for {len(people)} of {len(samples.people)} people, "
                "and outfits are told from those of others.",
                "Annotate the clothes of two people or more.",
            )
        of_image = np.full(len(samples), NOT_KNOWN, dtype=np.int64)
        of_image[known] = of_known.ravel()
        return cls(of_image, owners)

    def unknown_alone(self, identities: Ids) -> Self:
        """The same with a class of its own for each image of unknown outfit.

        Parameters
        ----------
        identities:
            (N,) int64, of the same images, contiguous from 0.

        Returns
        -------
        Outfits
            Without `NOT_KNOWN`, and identity after identity: first the known outfits, by their number, then the single
            images in their order.
        """
        unknown = self.of_image == NOT_KNOWN
        of_image = self.of_image.copy()
        of_image[unknown] = len(self.owners) + np.arange(unknown.sum())
        owners = np.concatenate([self.owners, identities[unknown]])
        order = owners.argsort(kind="stable")
        return type(self)(order.argsort()[of_image], owners[order])
