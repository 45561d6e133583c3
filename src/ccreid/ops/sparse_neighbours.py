"""k-reciprocal neighbourhoods of many images, as sparse matrices.

A matrix is N x N with a row an image: of thousands of images scarcely a hundred are members of a neighbourhood.
:mod:`ccreid.ops.neighbours` has the same for few images, where nearly all of them are.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array
from torch import Tensor


def nearest(distance: Tensor, length: int) -> Tensor:
    """(B, length) columns of (B, N), the smallest first, equal ones by index."""
    values, places = distance.topk(min(length + 1, distance.shape[1]), dim=1, largest=False)
    places = places[:, :length]
    torn = values[:, length - 1] == values[:, -1] if values.shape[1] > length else torch.zeros(len(values)).bool()
    places[torn] = distance[torn].argsort(dim=1, stable=True)[:, :length]  # any of the equal ones were taken
    places = places.sort(dim=1).values
    return places.gather(1, distance.gather(1, places).argsort(dim=1, stable=True))


def reciprocal(places: Tensor, k: int) -> csr_array:
    """R(i, k) as ones: those of the first k + 1 places of an image that have it among theirs."""
    first = places[:, : k + 1]
    mutual = (first[first] == torch.arange(len(first))[:, None, None]).any(dim=2)
    rows, columns = mutual.nonzero(as_tuple=True)
    return _ones(rows, first[rows, columns], len(first))


def _ones(rows: Tensor, columns: Tensor, count: int) -> csr_array:
    ends = rows.numpy(), columns.numpy()
    return csr_array((np.ones(len(rows), dtype=np.float32), ends), shape=(count, count))


def expanded(wide: csr_array, narrow: csr_array) -> csr_array:
    """R(i, k1) grown by each R(c, k1/2) of a member c that overlaps it by more than 2/3; members in order."""
    overlap = (wide @ narrow.T).multiply(wide).tocsr()
    sizes = narrow.sum(axis=1)
    overlap.data = (3 * overlap.data > 2 * sizes[overlap.indices]).astype(np.float32)
    members: csr_array = (wide + overlap @ narrow).tocsr()
    members.sort_indices()
    return members


def rows_of(members: csr_array) -> NDArray[np.int64]:
    """The row of each stored member."""
    return np.repeat(np.arange(members.shape[0]), np.diff(members.indptr))


def softly_weighted(members: csr_array, distance: NDArray[np.floating]) -> csr_array:
    """Softmax, over the members of each image, of their negative distances, which are given in the members' order."""
    weights = np.exp(-distance)
    totals = np.add.reduceat(weights, members.indptr[:-1])  # no row is empty: an image is a member of its own
    shares = weights / totals[rows_of(members)], members.indices, members.indptr
    return csr_array(shares, shape=members.shape)


def averaged(weights: csr_array, places: Tensor) -> csr_array:
    """Each row replaced by the mean over the rows of its places (local query expansion)."""
    rows = torch.arange(len(places)).repeat_interleave(places.shape[1])
    mean: csr_array = (_ones(rows, places.flatten(), len(places)) @ weights).tocsr()
    mean.data /= np.float32(places.shape[1])
    return mean


def shared_weight(left: csr_array, right: csr_array, dtype: torch.dtype) -> Tensor:
    """(L, R): sum over the members of the smaller of two weights, member after member.

    The order matters to float16, which rounds at every member.
    """
    shared = torch.zeros(left.shape[0], right.shape[0], dtype=dtype)
    of_left, of_right = left.tocsc(), right.tocsc()
    for member in range(left.shape[1]):
        rows, mine = _column(of_left, member, dtype)
        columns, theirs = _column(of_right, member, dtype)
        if len(rows) and len(columns):
            shared[rows[:, None], columns] += torch.minimum(mine[:, None], theirs)
    return shared


def _column(matrix: csc_array, column: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Rows and values of a column's stored entries."""
    entries = slice(*matrix.indptr[column : column + 2])
    return torch.from_numpy(matrix.indices[entries]).long(), torch.from_numpy(matrix.data[entries]).to(dtype)
