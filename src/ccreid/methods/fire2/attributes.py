"""The attributes of a train set, whoever says which image has which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from torch import Tensor
from torch.linalg import vector_norm

from ccreid.errors import DataError

UNIT_TOLERANCE = 1e-5
"""How far from 1 the length of an embedding may be."""


@dataclass(frozen=True, eq=False)
class Attributes:
    """The attributes of a train set.

    Attributes
    ----------
    of_image:
        (N,) int64, the attribute of each training image.
    owners:
        (A,) int64, the identity that each attribute belongs to; identity after identity.
    centres:
        (A, D) float32, the mean of the L2-normalised embeddings of each attribute.
    """

    of_image: Tensor
    owners: Tensor
    centres: Tensor

    @classmethod
    def of(cls, embeddings: Tensor, of_image: Tensor, owners: Tensor) -> Self:
        """With the centres that embeddings (N, D) have; every attribute has an image."""
        sums = embeddings.new_zeros(len(owners), embeddings.shape[1]).index_add_(0, of_image, embeddings)
        return cls(of_image, owners, sums / of_image.bincount(minlength=len(owners))[:, None])

    def __len__(self) -> int:
        return len(self.owners)


def check_units(embeddings: Tensor) -> None:
    """Make sure that embeddings (N, D) are finite and of length 1. Raises DataError."""
    lengths = vector_norm(embeddings, dim=1)
    broken = (~((lengths - 1).abs() <= UNIT_TOLERANCE)).nonzero().flatten().tolist()  # NaN is not within it either
    if broken:
        raise DataError(
            f"{len(broken)} embeddings are not of length 1, the first in row {broken[0]} ({lengths[broken[0]]:g}).",
            "Normalise them; where they are not finite, the network has diverged in training.",
        )
