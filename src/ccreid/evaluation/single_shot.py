"""Single-shot scoring: galleries that hold one image a person, drawn several times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ccreid.evaluation.metrics import Scores
from ccreid.machine.seeds import derive_seed
from ccreid.vocabulary import Columns

SEED = 0
"""Of all draws: they belong to the protocol, so every model and every run meets the same galleries."""


def draw_gallery(gallery: Columns, draw: int) -> NDArray[np.int64]:
    """Rows of one image a person, uniform among the person's images, in gallery order.

    Parameters
    ----------
    gallery:
        All images of the gallery.
    draw:
        Number of the draw; the same number gives the same rows.
    """
    random = np.random.default_rng(derive_seed(SEED, "single-shot", draw))
    order = random.permutation(len(gallery))
    _, first = np.unique(gallery.person[order], return_index=True)
    return np.sort(order[first]).astype(np.int64)


def mean_of_draws(draws: Sequence[Scores]) -> Scores:
    """The mean of several draws.

    CMC, mAP and mINP are means over the draws that have a valid query; a query's AP and INP are means over the draws in
    which it was valid, its first rank is their lower median. A query is skipped when no draw holds a relevant image
    for it.
    """
    first = np.stack([scores.first_rank for scores in draws])
    valid = (first > 0).any(axis=0)
    scored = [scores for scores in draws if scores.valid] or draws  # the others have no number
    rank_of_valid = np.ma.median(np.ma.masked_equal(first, 0), axis=0)  # type: ignore[no-untyped-call]
    return Scores(
        cmc=np.mean([scores.cmc for scores in scored], axis=0),
        mean_ap=float(np.mean([scores.mean_ap for scores in scored])),
        mean_inp=float(np.mean([scores.mean_inp for scores in scored])),
        valid=int(valid.sum()),
        skipped=int((~valid).sum()),
        average_precision=_mean_where_valid(np.stack([scores.average_precision for scores in draws])),
        inverse_negative_penalty=_mean_where_valid(np.stack([scores.inverse_negative_penalty for scores in draws])),
        first_rank=np.ma.filled(np.ma.floor(rank_of_valid), 0).astype(np.int64),
    )


def _mean_where_valid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.isfinite(values)
    counts = known.sum(axis=0)
    sums = np.where(known, values, 0.0).sum(axis=0)
    means: NDArray[np.float64] = np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return means
