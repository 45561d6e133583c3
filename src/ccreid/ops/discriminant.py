"""Directions that tell people apart, whatever else differs between their pictures.

Source: Fisher's linear discriminant analysis for many classes (Rao, 1948), with the covariance within people shrunk
towards a multiple of the identity (Friedman, "Regularized discriminant analysis", 1989).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ccreid.errors import DataError, SettingError
from ccreid.ops.centring import group_means
from ccreid.vocabulary import Ids

SHRINKAGE = 0.9
"""Share of the covariance within people that is the same in all directions."""
EMPHASIS = 0.25
"""Power of a direction's reliability by which it is weighted: 0 for all alike. Measured, as the share above is."""

Floats = NDArray[np.float64]


def check_dimension(persons: Ids, width: int, dimension: int) -> None:
    """Refuse more directions than (N,) pictures of these people, by embeddings of this width, have (`SettingError`)."""
    found = len(np.unique(persons))
    most = min(found - 1, width)
    if not 1 <= dimension <= most:
        raise SettingError(
            f"{found} people and {width} dimensions give at most {most} directions, not {dimension}.",
            "Ask for fewer dimensions (--dimension), or give more people.",
        )


def discriminant_directions(vectors: NDArray[np.floating], persons: Ids, dimension: int) -> tuple[Floats, Floats]:
    """The directions in which people differ most, measured by how much pictures of one person do.

    Parameters
    ----------
    vectors:
        (N, D) embeddings.
    persons:
        (N,) whose each is, people of two pictures at least.
    dimension:
        How many directions, the most telling first.

    Returns
    -------
    directions, mean:
        (dimension, D), along each of which the shrunk variance within people is the same, but for a weight: a power of
        b / (1 + b), where b is the variance between people over that; and (D,), the mean of the people's means, which
        is where projections begin. The whole is scaled to rows of mean length 1.

    Raises
    ------
    SettingError
        More directions are wanted than there are.
    DataError
        Nobody has two pictures, or the pictures of all people are alike.
    """
    check_dimension(persons, vectors.shape[1], dimension)
    _, who, counts = np.unique(persons, return_inverse=True, return_counts=True)
    if len(vectors) == len(counts):
        raise DataError("Nobody has two pictures.", "Give two pictures or more of each person.")
    values = np.asarray(vectors, np.float64)
    means = group_means(values, persons)[1]
    rest, mean = values - means[who], means.mean(axis=0)
    within = rest.T @ rest / (len(values) - len(counts))
    # A person's mean of a few pictures varies with them: their share is taken off what differs between people.
    between = np.cov(means, rowvar=False).reshape(within.shape) - within * (1 / counts).mean()
    spread = float(np.trace(within)) / len(within)
    if not spread > 0:
        raise DataError("The pictures of each person are all alike.", "Give different pictures of each person.")
    along, axes = np.linalg.eigh(within)
    whitening = axes * ((1 - SHRINKAGE) * along.clip(min=0) + SHRINKAGE * spread) ** -0.5
    ratios, turned = np.linalg.eigh(whitening.T @ between @ whitening)
    ratio = ratios[::-1][:dimension].clip(min=0)
    directions = (whitening @ turned[:, ::-1][:, :dimension] * (ratio / (1 + ratio)) ** EMPHASIS).T
    return directions / np.linalg.norm(directions, axis=1).mean(), mean
