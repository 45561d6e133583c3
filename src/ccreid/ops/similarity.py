"""Cosines between queries and gallery: checked vectors, and their products a block of queries at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.linalg import vector_norm
from torch.nn.functional import normalize, pad

from ccreid.errors import DataError
from ccreid.ops.ranking import Floats, Ids

BLOCK_BYTES = 2**27
"""About how much a block of similarities may take."""
MOST_ROWS = 1024
"""Queries of a block; more would not make the product faster."""
LEAST_ROWS = 128
"""Queries of a block in any gallery: each block reads the whole gallery, and fewer would wait for memory."""
TILE_ROWS = 64
"""A block is filled up to a multiple of this many rows: the product's kernels round differently below it, and a
similarity must not depend on which queries it is computed with."""
LEAST_COLUMNS = 64
"""A product is filled up to this many gallery images for the same reason: with fewer than a dozen, some processors
round differently."""
UNIT_TOLERANCE = 1e-6
"""How far from 1 the length of a vector may be that is used as it is; float32 normalises no better."""


def comparable_vectors(
    query_embeddings: Tensor | ArrayLike,
    gallery_embeddings: Tensor | ArrayLike,
    queries: int | None = None,
    gallery: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Both sides, checked as by :func:`checked_vectors`: (Q, D) and (G, D) float32 on the CPU, L2-normalised.

    A side whose vectors are all of unit length already is not copied.
    """
    sides = _checked_sides(query_embeddings, gallery_embeddings, queries, gallery)
    left, right = (_unit(*side) for side in sides)
    return left, right


def checked_vectors(
    query_embeddings: Tensor | ArrayLike,
    gallery_embeddings: Tensor | ArrayLike,
    queries: int | None = None,
    gallery: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Both sides as they are: (Q, D) and (G, D) float32 on the CPU.

    Raises DataError where a side is empty, not (N, D), has another number of rows than is given here, is not
    finite, or where the sides differ in D.
    """
    (left, _), (right, _) = _checked_sides(query_embeddings, gallery_embeddings, queries, gallery)
    return left, right


def _checked_sides(
    query_embeddings: Tensor | ArrayLike,
    gallery_embeddings: Tensor | ArrayLike,
    queries: int | None,
    gallery: int | None,
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Both sides and the lengths of their vectors, (Q,) and (G,)."""
    left, left_lengths = _checked(query_embeddings, queries, "query")
    right, right_lengths = _checked(gallery_embeddings, gallery, "gallery")
    if left.shape[1] != right.shape[1]:
        raise DataError(
            f"Query embeddings have {left.shape[1]} dimensions and gallery embeddings {right.shape[1]}.",
            "Embed both with the same bundle.",
        )
    return (left, left_lengths), (right, right_lengths)


def _checked(embeddings: Tensor | ArrayLike, rows: int | None, side: str) -> tuple[Tensor, Tensor]:
    vectors = torch.as_tensor(embeddings).detach().cpu().float()
    if vectors.ndim != 2 or (rows is not None and len(vectors) != rows):
        columns = "" if rows is None else f" and its columns {rows} rows"
        raise DataError(
            f"The {side} embeddings have the shape {tuple(vectors.shape)}{columns}.",
            "Give one (N, D) row an image.",
        )
    if len(vectors) == 0:
        raise DataError(f"The {side} set is empty.", "Give at least one image.")
    lengths = vector_norm(vectors, dim=1)
    suspects = (~lengths.isfinite()).nonzero().flatten()  # a finite vector's may overflow
    broken = suspects[~vectors[suspects].isfinite().all(dim=1)].tolist()
    if broken:
        raise DataError(
            f"{len(broken)} {side} embeddings are not finite, the first in row {broken[0]}.",
            "Embed these images again; a network that gives NaN has diverged in training.",
        )
    return vectors, lengths


def _unit(vectors: Tensor, lengths: Tensor) -> Tensor:
    off = (lengths - 1).abs().max()
    return vectors if off <= UNIT_TOLERANCE else normalize(vectors, dim=1)


def similarity_blocks(queries: Tensor, galleries: Tensor, rows: int | None = None) -> Iterator[Floats]:
    """(B, G) cosines at a time of what :func:`comparable_vectors` gave, the queries in order.

    Each block overwrites the one before. `rows` queries are multiplied at once (a multiple of `TILE_ROWS`;
    None: as `BLOCK_BYTES` allows), and the numbers do not depend on it.
    """
    rows = rows or _rows_of_a_block(len(galleries))
    most = min(rows, len(queries) + -len(queries) % TILE_ROWS)
    columns = _enough_columns(galleries)
    held = torch.from_numpy(np.empty((most, len(columns)), dtype=np.float32))  # NumPy asks for large pages
    for block in torch.split(queries, rows):
        whole_tiles = _whole_tiles(block)
        torch.mm(whole_tiles, columns.T, out=held[: len(whole_tiles)])
        yield held[: len(block), : len(galleries)].contiguous().numpy()  # a copy for a gallery of a few images only


def similarity_rows(queries: Tensor, galleries: Tensor) -> Iterator[Floats]:
    """Q rows of (G,): :func:`similarity_blocks` row by row."""
    for block in similarity_blocks(queries, galleries):
        yield from block


def similarities_of(queries: Tensor, galleries: Tensor, query: Ids, image: Ids) -> Floats:
    """(P,) cosines of some pairs of what :func:`comparable_vectors` gave; `query` (P,) ascends, `image` is (P,).

    They come from products of whole tiles, and so are those of :func:`similarity_blocks` to the bit; pair by pair they
    would not be.
    """
    found = np.empty(len(query), dtype=np.float32)
    cuts = np.searchsorted(query, np.arange(0, len(queries) + TILE_ROWS, TILE_ROWS))
    for tile, (start, stop) in enumerate(pairwise(cuts)):
        if start == stop:
            continue
        top = tile * TILE_ROWS
        columns, place = np.unique(image[start:stop], return_inverse=True)
        (block,) = similarity_blocks(queries[top : top + TILE_ROWS], galleries[torch.from_numpy(columns)])
        found[start:stop] = block[query[start:stop] - top, place]
    return found


def similarity_parts(queries: Tensor, galleries: Tensor, columns: int) -> Iterator[Floats]:
    """(Q, C) cosines of all queries to the next `columns` of the gallery; the last part may have fewer.

    Each part overwrites the one before, and lies in the processor's cache when it is small. The numbers are those of
    :func:`similarity_blocks`.
    """
    whole_tiles = _whole_tiles(queries)
    held = torch.empty(len(whole_tiles) * max(min(columns, len(galleries)), LEAST_COLUMNS))
    for part in torch.split(galleries, columns):
        enough = _enough_columns(part)
        product = held[: len(whole_tiles) * len(enough)].view(len(whole_tiles), len(enough))
        torch.mm(whole_tiles, enough.T, out=product)
        yield product[: len(queries), : len(part)].contiguous().numpy()


def _whole_tiles(queries: Tensor) -> Tensor:
    return _filled(queries, -len(queries) % TILE_ROWS)


def _enough_columns(galleries: Tensor) -> Tensor:
    return _filled(galleries, max(LEAST_COLUMNS - len(galleries), 0))


def _filled(vectors: Tensor, missing: int) -> Tensor:
    return pad(vectors, (0, 0, 0, missing)) if missing else vectors


def _rows_of_a_block(gallery: int) -> int:
    return max(LEAST_ROWS, min(BLOCK_BYTES // (4 * gallery), MOST_ROWS) // TILE_ROWS * TILE_ROWS)
