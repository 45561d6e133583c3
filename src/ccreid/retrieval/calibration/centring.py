"""Embeddings less what they owe to the camera."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ccreid.ops.centring import Floats, centred, group_means
from ccreid.vocabulary import UNKNOWN, Ids

CAMERA_CROPS, CAMERA_PEOPLE = 25, 5
"""A camera has a mean of its own from so many crops and people on; with fewer it would be the mean of those people."""


@dataclass(frozen=True, eq=False)
class Centring:
    """The means of cameras, which are taken off because they say where a crop was taken and not who it shows.

    A camera's mean is that of its people's means, so that nobody's crops outweigh the rest. A crop from a camera
    without one (too few crops, too few people, an unknown camera) is centred on the mean of all. Where no camera is
    known or none has a mean, nothing is taken off: one mean for all is worth nothing.

    Attributes
    ----------
    cameras, means:
        (C,) in ascending order, and (C, D).
    overall:
        (D,).
    """

    cameras: Ids = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    means: Floats = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))
    overall: Floats = field(default_factory=lambda: np.empty(0, dtype=np.float32))

    @classmethod
    def of(cls, vectors: Floats, person: Ids, camera: Ids | None) -> Centring:
        """The means of enrolled crops: (N, D), (N,) and (N,)."""
        if camera is None:
            return cls()
        found = {}
        for one in np.unique(camera[camera != UNKNOWN]).tolist():
            here = camera == one
            if here.sum() >= CAMERA_CROPS and len(np.unique(person[here])) >= CAMERA_PEOPLE:
                found[one] = _mean_of_people(vectors[here], person[here])
        if not found:
            return cls()
        return cls(
            np.array(list(found), dtype=np.int64),
            np.stack(list(found.values())),
            _mean_of_people(vectors, person),
        )

    def __call__(self, vectors: Floats, camera: Ids | None) -> Floats:
        """Vectors (N, D) less the means of their cameras, of unit length again."""
        if not len(self.cameras):
            return vectors
        return centred(vectors, camera, self.cameras, self.means, self.overall)


def _mean_of_people(vectors: Floats, person: Ids) -> Floats:
    _, means = group_means(vectors, person)
    mean: Floats = means.mean(axis=0)
    return mean
