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
    """The mean of several draws: of each query over the draws in which it is valid, then over the queries.

    So CMC, mAP and mINP are the means of what the queries have, as they are for a single list. Where every query is
    valid in every draw, as in PRCC, they are the means of the draws' own numbers, too. A query's first rank is the
    lower median. A query is skipped when no draw holds a relevant image for it.
    """
    first = np.stack([scores.first_rank for scores in draws])
    times = (first > 0).sum(axis=0)
    valid = times > 0
    weights = np.divide(1, times * valid.sum(), out=np.zeros(len(times)), where=valid)  # of a query in one draw
    rank_of_valid = np.ma.median(np.ma.masked_equal(first, 0), axis=0)  # type: ignore[no-untyped-call]
    precision, penalty, hits = (
        _mean_where_valid(np.stack(of_draws))
        for of_draws in (
            [scores.average_precision for scores in draws],
            [scores.inverse_negative_penalty for scores in draws],
            [scores.rank1 for scores in draws],
        )
    )
    return Scores(
        cmc=_cmc(first, weights, len(draws[0].cmc)) if valid.any() else draws[0].cmc,
        mean_ap=float(precision[valid].mean()) if valid.any() else float("nan"),
        mean_inp=float(penalty[valid].mean()) if valid.any() else float("nan"),
        valid=int(valid.sum()),
        skipped=int((~valid).sum()),
        average_precision=precision,
        inverse_negative_penalty=penalty,
        first_rank=np.ma.filled(np.ma.floor(rank_of_valid), 0).astype(np.int64),
        hit_share=hits,
    )


def _cmc(first: NDArray[np.int64], weights: NDArray[np.float64], gallery: int) -> NDArray[np.float64]:
    """CMC over lists of `gallery` images, (draws, Q) first ranks counting as much as their queries' weights (Q,)."""
    found = first > 0
    each = np.broadcast_to(weights, first.shape)
    return np.cumsum(np.bincount(first[found] - 1, weights=each[found], minlength=gallery))


def _mean_where_valid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.isfinite(values)
    counts = known.sum(axis=0)
    sums = np.where(known, values, 0.0).sum(axis=0)
    means: NDArray[np.float64] = np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return means
