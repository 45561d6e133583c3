"""k-reciprocal neighbourhoods of images, compared by their Jaccard distance.

Source: FIRe² (TIFS 2024), section III-B; the neighbourhoods are those of Zhong et al., CVPR 2017.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize, pad

from ccreid.errors import DataError, SettingError
from ccreid.machine.arguments import as_count
from ccreid.ops import sparse_neighbours as sparse

SmallIdentities = Literal["clip", "reference"]

SPARSE_FROM = 400
"""Images of a set from which on neighbourhoods are held sparse: dense, the work grows with N³."""
BLOCK = 512
"""Rows of a large set that are worked on at once."""


def jaccard_distance(
    embeddings: Tensor, k1: int = 20, k2: int = 6, small_identities: SmallIdentities = "clip"
) -> Tensor:
    """Jaccard distance between the softly weighted k-reciprocal neighbourhoods of N images.

    Parameters
    ----------
    embeddings:
        (N, D) floating point, or (B, N, D) for B sets of N images each; L2-normalised here.
    k1:
        Length of an image's neighbour list, itself included.
    k2:
        Over how many nearest images a neighbourhood is averaged (local query expansion).
    small_identities:
        What happens when N < k1. "clip" lowers k1 and k2 to N. "reference" does as the authors' code:
        missing places of a neighbour list are taken by a phantom that has the last image's neighbours and
        embedding.

    Returns
    -------
    Tensor
        (N, N) or (B, N, N), the embeddings' dtype, in [0, 1] up to rounding; 0 = same neighbourhood. In
        "reference" with N < k1 the diagonal need not be 0.

    Raises
    ------
    SettingError
        The shape is not as above with N >= 1, or k1 or k2 is no count, or `small_identities` is unknown.
    DataError
        An embedding is not finite; the rows of a batch are counted through.
    """
    embeddings = torch.as_tensor(embeddings)
    if embeddings.ndim not in (2, 3) or embeddings.shape[-2] == 0:
        raise SettingError(f"Embeddings of shape {tuple(embeddings.shape)} were given.", "Give (N, D), N >= 1.")
    k1, k2 = as_count(k1, "k1"), as_count(k2, "k2")
    if small_identities not in ("clip", "reference"):
        raise SettingError(f"small_identities is '{small_identities}'.", "Give 'clip' or 'reference'.")
    broken = (~embeddings.isfinite().all(dim=-1)).flatten().nonzero().flatten().tolist()
    if broken:
        raise DataError(
            f"{len(broken)} embeddings are not finite, the first in row {broken[0]}.",
            "Embed these images again; a network that gives NaN has diverged in training.",
        )
    units = normalize(embeddings, dim=-1)
    return jaccard_of_neighbourhoods(2 - 2 * (units @ units.mT), k1, k2, small_identities)


def jaccard_of_neighbourhoods(squared_distance: Tensor, k1: int, k2: int, small_identities: SmallIdentities) -> Tensor:
    """:func:`jaccard_distance` from the squared Euclidean distances of L2-normalised embeddings, unchecked."""
    count = squared_distance.shape[-1]
    if small_identities == "clip":
        k1, k2 = min(k1, count), min(k2, count)
    if count >= max(SPARSE_FROM, k1):  # where no list needs a phantom
        sets = squared_distance.detach().cpu().reshape(-1, count, count)
        alone = [_jaccard_of_many(distance, k1, k2) for distance in sets]
        return torch.stack(alone).reshape(squared_distance.shape).to(squared_distance.device)
    places = neighbour_lists(squared_distance, k1)
    members = expanded_neighbourhoods(reciprocal_counts(places, k1), reciprocal_counts(places, round(k1 / 2)))
    weights = averaged_over_nearest(soft_neighbourhoods(members, squared_distance), places, k2)
    return _jaccard(weights)


def _jaccard_of_many(distance: Tensor, k1: int, k2: int) -> Tensor:
    """(N, N) of one set of at least k1 images."""
    ranked = distance.clone().fill_diagonal_(-torch.inf)
    places = torch.cat([sparse.nearest(block, k1) for block in torch.split(ranked, BLOCK)])
    del ranked
    members = sparse.expanded(sparse.reciprocal(places, k1), sparse.reciprocal(places, round(k1 / 2)))
    to_members = distance.numpy()[sparse.rows_of(members), members.indices]
    weights = sparse.averaged(sparse.softly_weighted(members, to_members), places[:, :k2])
    shared = sparse.shared_weight(weights, weights, distance.dtype)
    shared /= 2 - shared
    return (1 - shared).clamp_(min=0)


# Members are numbered 0..N-1 for the images and N for the phantom that fills a list longer than the identity.
# The phantom's own list, embedding and row are those of the last image; as a member it is nobody else. Where
# no list is longer than N, none holds it, and its row and column stay empty of matches.
# Dimensions before those named (the sets of a batch) are carried along.


def neighbour_lists(distance: Tensor, length: int) -> Tensor:
    """(N+1, length) members: the nearest of each, itself first, ties by index; last, the phantom's row."""
    count = distance.shape[-1]
    ranked = distance.clone()
    ranked.diagonal(dim1=-2, dim2=-1).fill_(-torch.inf)
    nearest = ranked.argsort(dim=-1, stable=True)[..., :length]
    lists = pad(nearest, (0, length - nearest.shape[-1]), value=count)
    return torch.cat([lists, lists[..., -1:, :]], dim=-2)


def reciprocal_counts(places: Tensor, k: int) -> Tensor:
    """(N+1, N+1): how often member j stands in R(i, k), which is 0 or 1 but for the phantom."""
    members = places.shape[-2]
    seen = torch.zeros(*places.shape[:-1], members, device=places.device)
    first = places[..., : k + 1]
    seen.scatter_add_(-1, first, torch.ones_like(first, dtype=seen.dtype))
    return seen * seen.mT


def expanded_neighbourhoods(wide: Tensor, narrow: Tensor) -> Tensor:
    """(N+1, N+1) bool: R(i, k1) grown by each R(c, k1/2) of a member c that overlaps it by more than 2/3."""
    in_wide, in_narrow = (wide > 0).float(), (narrow > 0).float()
    overlap = in_wide @ in_narrow.mT
    joins = in_wide * (3 * overlap > 2 * narrow.sum(dim=-1)[..., None, :])
    return (in_wide + joins @ in_narrow) > 0


def soft_neighbourhoods(members: Tensor, distance: Tensor) -> Tensor:
    """(N, N): softmax of the negative distance over each image's members, 0 elsewhere."""
    count = distance.shape[-1]
    members = members[..., :count, :]
    to_member = torch.cat([distance, distance[..., -1:]], dim=-1)
    shares = to_member.neg().masked_fill(~members, -torch.inf).softmax(dim=-1)
    # The phantom's share lands on the last image unless that image is a member itself.
    last, phantom = shares[..., count - 1], shares[..., count]
    landed = torch.where(members[..., count - 1], last, phantom)
    return torch.cat([shares[..., : count - 1], landed[..., None]], dim=-1)


def averaged_over_nearest(weights: Tensor, places: Tensor, k2: int) -> Tensor:
    """(N, N): each row replaced by the mean over the first k2 images of its list (local query expansion)."""
    count = weights.shape[-1]
    nearest = places[..., :count, :k2].clamp(max=count - 1)
    votes = torch.zeros_like(weights).scatter_add_(-1, nearest, torch.ones_like(nearest, dtype=weights.dtype))
    return votes @ weights / nearest.shape[-1]


def _jaccard(weights: Tensor) -> Tensor:
    """(N, N): 1 - s / (2 - s) with s the sum of the smaller weights, by min(a, b) = (a + b - |a - b|) / 2."""
    mass = weights.sum(dim=-1)
    shared = (mass[..., :, None] + mass[..., None, :] - torch.cdist(weights, weights, p=1)) / 2
    return (1 - shared / (2 - shared)).clamp(min=0)
