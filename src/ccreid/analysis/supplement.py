"""What stands beside the scores in a report: intervals, published numbers, reliance on clothes."""

from __future__ import annotations

from typing import Any

from ccreid.analysis.intervals import bootstrap_intervals
from ccreid.analysis.outfits import Garments
from ccreid.analysis.published import published_for
from ccreid.analysis.reliance import clothes_reliance
from ccreid.evaluation.evaluate import Evaluation


def supplement(
    evaluation: Evaluation, garments: Garments | None = None, *, level: float = 0.95, resamples: int = 1000
) -> dict[str, Any]:
    """Plain values for JSON that belong into a report under these keys.

    Parameters
    ----------
    evaluation:
        What was found.
    garments:
        Outfits that people share, as from :func:`ccreid.analysis.outfits.shared_outfits`.
    level, resamples:
        Of the bootstrap over query people.

    Returns
    -------
    dict
        "intervals": the level, how they are made, and by protocol the intervals of rank1, map and minp (a
        single-shot protocol has none: its spread over the draws stands in its row). "published": by protocol
        the results of others. "reliance": :meth:`ccreid.analysis.reliance.Reliance.values`, None without
        clothes labels.
    """
    benchmark = evaluation.benchmark
    intervals: dict[str, Any] = {}
    for protocol in benchmark.protocols:
        if not protocol.draws:
            found = bootstrap_intervals(
                evaluation.scores[protocol.name], benchmark.subset(protocol.query), level=level, resamples=resamples
            )
            intervals[protocol.name] = {name: None if ends is None else list(ends) for name, ends in found.items()}
    reliance = clothes_reliance(evaluation, garments)
    return {
        "intervals": {
            "level": level,
            "resamples": resamples,
            "unit": "query people, percentile bootstrap",
            "protocols": intervals,
        },
        "published": {
            protocol.name: [result.values() for result in published_for(benchmark.name, protocol.name)]
            for protocol in benchmark.protocols
        },
        "reliance": None if reliance is None else reliance.values(),
    }
