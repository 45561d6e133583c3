"""P x K batches in which clothes and cameras tell nobody apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ccreid.data.sampler import IdentitySampler
from ccreid.errors import SettingError
from ccreid.vocabulary import UNKNOWN, Ids, Samples

Rows = NDArray[np.int64]

_COMPARED = 16
"""Chunks of a person between which images are exchanged: time grows with the images and not with their square."""
_LOOKED_AT = 64
"""Chunks with equally many shared garments whose cameras are looked at."""


class ContrastingSampler(IdentitySampler):
    """Batches whose positives differ in clothes and camera, and whose negatives share them.

    The images of an identity are cut into chunks of K anew in every epoch. No clothes come more often in a chunk than
    they must, and no exchange of two images between chunks would leave fewer pairs that share their camera. An identity
    with fewer than K images stands with all of them in its one chunk, some repeated; what is left over is dropped.

    A batch begins with a random chunk. Then come, one after the other, chunks of other identities that wear what is
    worn in the batch already, people with the same outfits (look-alikes) first; between equals, the one that was seen
    by the same cameras. There are as many batches as P different people can fill.

    Parameters
    ----------
    samples:
        The train set. Where its garments are not annotated, its clothes stand for them, which nobody shares.
    people, images:
        P and K.

    Raises
    ------
    SettingError
        P or K is below 1, there are fewer than P identities, or neither clothes nor cameras are known.
    """

    def __init__(self, samples: Samples, people: int, images: int) -> None:
        super().__init__(samples.identities, people, images)
        if samples.clothes is None and samples.camera is None:
            raise SettingError(
                "data.sampler is contrasting, but neither clothes nor cameras of the train set are known.",
                "Set data.sampler to plain, or annotate one of the columns clothes and camera.",
            )
        garments = samples.garments if samples.garments is not None else samples.clothes
        self._clothes, self._cameras, self._garments = (
            _numbered(column, len(samples)) for column in (samples.clothes, samples.camera, garments)
        )
        self._wardrobes = [set(self._garments[rows].tolist()) for rows in self.rows_of_identity]
        self._alike: dict[int, tuple[Rows, NDArray[np.float64]]] = {}
        self._wearers: dict[int, list[int]] = {}
        for identity, worn in enumerate(self._wardrobes):
            for garment in worn:
                self._wearers.setdefault(garment, []).append(identity)

    def batches(self, random: np.random.Generator) -> list[Rows]:
        """One epoch: arrays of P·K row numbers, the K of an identity side by side."""
        chunks_of = [self._chunks(rows, random) for rows in self.rows_of_identity]
        left = np.array([len(chunks) for chunks in chunks_of])
        chunks = np.zeros((len(left), left.max(), self.images), np.int64)  # identity after identity, and room
        for of_identity, found in zip(chunks, chunks_of, strict=True):
            of_identity[: len(found)] = found
        is_open = np.arange(chunks.shape[1]) < left[:, None]
        worn_in = self._worn_in(chunks, np.flatnonzero(is_open))
        batches = []
        for remaining in range(most_batches(left, self.people), 0, -1):
            # Whoever has a chunk for every batch to come must be in this one, or there would be a batch less.
            due = random.permutation(np.flatnonzero(left >= remaining))[: self.people].tolist()
            chosen = self._together(chunks, is_open, due, worn_in, random)
            is_open.ravel()[chosen] = False
            left[np.array(chosen) // chunks.shape[1]] -= 1
            batches.append(chunks.reshape(-1, self.images)[chosen].ravel())
        return [batches[place] for place in random.permutation(len(batches))]

    def _worn_in(self, chunks: Rows, places: Rows) -> dict[int, Rows]:
        """By garment, the places of the chunks in which it is worn."""
        garments = self._garments[chunks.reshape(-1, self.images)[places]].ravel()
        order = np.argsort(garments, kind="stable")
        worn, first = np.unique(garments[order], return_index=True)
        found = np.split(places[order // self.images], first[1:])
        return dict(zip(worn.tolist(), map(np.unique, found), strict=True))

    def _together(
        self,
        chunks: Rows,
        is_open: NDArray[np.bool_],
        due: list[int],
        worn_in: dict[int, Rows],
        random: np.random.Generator,
    ) -> list[int]:
        """The places of P chunks that make a batch, those of the identities that are due among them."""
        rows_at = chunks.reshape(-1, self.images)
        wanted = np.where(is_open, 0, -np.inf)
        cameras = np.zeros(int(self._cameras.max()) + 1, np.int64)
        chosen: list[int] = []
        while len(chosen) < self.people:
            first, last = 0, len(wanted)
            if due:
                first = due.pop()
                last = first + 1
            of_whom = wanted[first:last]
            candidates = first * wanted.shape[1] + np.flatnonzero(of_whom == of_whom.max())
            if len(candidates) > _LOOKED_AT:
                candidates = random.choice(candidates, _LOOKED_AT, replace=False)
            seen = cameras[self._cameras[rows_at[candidates]]].sum(axis=1)
            place = int(random.choice(candidates[seen == seen.max()]))
            owner = place // chunks.shape[1]
            chosen.append(place)
            for garment in self._garments[rows_at[place]].tolist():
                wanted.ravel()[worn_in[garment]] += 1
            others, shares = self._likeness(owner)
            wanted[others] += self.images * shares[:, None]
            wanted[owner] = -np.inf
            np.add.at(cameras, self._cameras[rows_at[place]], 1)
        return chosen

    def _likeness(self, identity: int) -> tuple[Rows, NDArray[np.float64]]:
        """Who wears the same things, and which share of the smaller wardrobe of the two they are."""
        if identity not in self._alike:
            mine = self._wardrobes[identity]
            others = sorted({other for garment in mine for other in self._wearers[garment]} - {identity})
            theirs = [self._wardrobes[other] for other in others]
            shares = [len(mine & worn) / min(len(mine), len(worn)) for worn in theirs]
            self._alike[identity] = np.array(others, np.int64), np.array(shares)
        return self._alike[identity]

    def _chunks(self, rows: NDArray[np.intp], random: np.random.Generator) -> list[NDArray[np.intp]]:
        mixed = random.permutation(rows)
        if len(rows) <= self.images:
            return [np.concatenate([mixed, random.choice(rows, self.images - len(rows), replace=True)])]
        mixed = mixed[: len(rows) // self.images * self.images]
        worn, of_rows = np.unique(self._clothes[mixed], return_inverse=True)
        order = np.argsort(random.permutation(len(worn))[of_rows], kind="stable")
        dealt = mixed[order].reshape(self.images, -1).T  # equal clothes to chunk after chunk
        parts = range(0, len(dealt), _COMPARED)
        return [chunk for first in parts for chunk in self._exchanged(dealt[first : first + _COMPARED])]

    def _exchanged(self, chunks: NDArray[np.intp]) -> NDArray[np.intp]:
        """The images of (M, K) chunks, exchanged as long as fewer pairs in a chunk come to share clothes or camera."""
        rows, chunk_of = chunks.ravel(), np.repeat(np.arange(len(chunks)), self.images)
        same = [column[rows, None] == column[rows] for column in (self._clothes, self._cameras)]
        clash = 2 * self.images * same[0] + same[1]  # no gain in cameras is worth a pair of the same clothes
        np.fill_diagonal(clash, 0)
        while True:
            of_chunk = clash @ (chunk_of[:, None] == np.arange(len(chunks)))
            moved = of_chunk[:, chunk_of] - of_chunk[np.arange(len(rows)), chunk_of][:, None]
            change = np.where(chunk_of[:, None] != chunk_of, moved + moved.T - 2 * clash, 0)
            one, other = divmod(int(change.argmin()), len(rows))
            if change[one, other] >= 0:
                return rows[np.argsort(chunk_of, kind="stable")].reshape(chunks.shape)
            chunk_of[[one, other]] = chunk_of[[other, one]]


def most_batches(chunks: Ids, people: int) -> int:
    """How many batches of so many different people can be filled, from the chunks that each person has."""
    batches = int(chunks.sum()) // people
    while int(np.minimum(chunks, batches).sum()) < batches * people:  # nobody is twice in a batch
        batches = int(np.minimum(chunks, batches).sum()) // people
    return batches


def _numbered(column: Ids | None, rows: int) -> Rows:
    """The values of a column as 0, 1, ...; each that is not known is one of its own, behind all others."""
    if column is None:
        return np.arange(rows)
    values = np.where(column == UNKNOWN, np.iinfo(np.int64).max, column)
    numbers = np.unique(values, return_inverse=True)[1].astype(np.int64)
    unknown = column == UNKNOWN
    numbers[unknown] = numbers.max(initial=0) + np.arange(unknown.sum())
    return numbers
