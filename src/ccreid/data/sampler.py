"""P x K batches: P identities with K images each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ccreid.errors import SettingError
from ccreid.vocabulary import UNKNOWN, Ids


class IdentitySampler:
    """Cuts each epoch into batches of P identities with K images each.

    Each identity's images are shuffled and cut into chunks of K; an identity with fewer than K images is drawn
    with replacement; images left over are dropped for the epoch. Batches take P identities that still have
    chunks; the epoch ends when fewer than P remain. It never looks at what a method finds.

    Parameters
    ----------
    identities:
        (N,) contiguous training labels.
    people, images:
        P and K.

    Raises
    ------
    SettingError
        P or K is below 1, or there are fewer than P identities.
    """

    def __init__(self, identities: Ids, people: int, images: int) -> None:
        if people < 1 or images < 1:
            raise SettingError(f"A batch of {people} x {images} was asked for.", "Give at least 1 x 1.")
        self.rows_of_identity = [np.flatnonzero(identities == i) for i in np.unique(identities)]
        if len(self.rows_of_identity) < people:
            raise SettingError(
                f"data.people is {people}, but the train set has only {len(self.rows_of_identity)} people.",
                "Lower data.people.",
            )
        self.people, self.images = people, images

    def batches(self, random: np.random.Generator) -> list[NDArray[np.int64]]:
        """One epoch: arrays of P·K row numbers, the K of an identity side by side."""
        chunks = [self._chunks(rows, random) for rows in self.rows_of_identity]
        open_identities = list(range(len(chunks)))
        batches = []
        while len(open_identities) >= self.people:
            chosen = random.choice(len(open_identities), self.people, replace=False)
            identities = [open_identities[place] for place in chosen]
            batches.append(np.concatenate([chunks[identity].pop() for identity in identities]))
            for place in sorted(chosen, reverse=True):  # from the back, so that places stay true
                if not chunks[open_identities[place]]:
                    del open_identities[place]
        return batches

    def _chunks(self, rows: NDArray[np.intp], random: np.random.Generator) -> list[NDArray[np.intp]]:
        if len(rows) < self.images:
            return [random.choice(rows, self.images, replace=True)]
        whole = len(rows) // self.images * self.images
        return list(random.permutation(rows)[:whole].reshape(-1, self.images))

    def follow(self, groups: Ids | None) -> None:
        """Take note of the groups that the method put the images in; this sampler never looks at them."""


class OutfitSampler(IdentitySampler):
    """As :class:`IdentitySampler`, but the K images of an identity span at least two outfits where it has two.

    A chunk that came out in a single outfit gives its last place to a random image of the identity in another
    one; that image may then stand in two chunks of the epoch. An unknown outfit is none: a chunk without any gives
    its last two places.

    Parameters
    ----------
    identities, people, images:
        As in :class:`IdentitySampler`.
    clothes:
        (N,) outfits of the images where they are annotated; None takes the method's own groups for them, and is plain
        until there are any.

    Raises
    ------
    SettingError
        K is 1: one image cannot span two outfits.
    """

    def __init__(self, identities: Ids, people: int, images: int, clothes: Ids | None) -> None:
        super().__init__(identities, people, images)
        if images < 2:
            raise SettingError("data.images is 1, and one image cannot span two outfits.", "Raise data.images.")
        self.labelled = clothes is not None
        self.outfits = clothes

    def follow(self, groups: Ids | None) -> None:
        """Take the method's groups for outfits, unless outfits are annotated."""
        if not self.labelled:
            self.outfits = groups

    def _chunks(self, rows: NDArray[np.intp], random: np.random.Generator) -> list[NDArray[np.intp]]:
        chunks = super()._chunks(rows, random)
        if self.outfits is None:
            return chunks
        dressed = rows[self.outfits[rows] != UNKNOWN]
        if len(np.unique(self.outfits[dressed])) < 2:
            return chunks
        for chunk in chunks:
            for place in range(len(chunk) - 1, -1, -1):
                worn = self.outfits[chunk]
                seen = np.unique(worn[worn != UNKNOWN])
                if seen.size > 1:
                    break
                chunk[place] = random.choice(dressed[~np.isin(self.outfits[dressed], seen)])
        return chunks
