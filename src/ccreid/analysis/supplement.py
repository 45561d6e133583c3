"""What stands beside the scores in a report: intervals, published numbers, reliance on clothes."""

from __future__ import annotations

from ccreid.analysis.intervals import bootstrap_intervals
from ccreid.analysis.outfits import Garments
from ccreid.analysis.published import Published, published_beside
from ccreid.analysis.reliance import Reliance, clothes_reliance
from ccreid.evaluation.evaluate import Evaluation
from ccreid.records import Intervals, Record


class Supplement(Record):
    """What is said beside the scores.

    Attributes
    ----------
    intervals:
        Of the scores.
    published:
        By protocol, the results of others.
    withheld:
        Why results of others on a set of this name are not among them, or "".
    reliance:
        On clothes; None without clothes labels.
    """

    intervals: Intervals
    published: dict[str, tuple[Published, ...]]
    withheld: str
    reliance: Reliance | None


def supplement(
    evaluation: Evaluation, garments: Garments | None = None, *, level: float = 0.95, resamples: int = 1000
) -> Supplement:
    """Find what is to be said beside the scores.

    Parameters
    ----------
    evaluation:
        What was found.
    garments:
        Outfits that people share, as from :func:`ccreid.analysis.outfits.shared_outfits`.
    level, resamples:
        Of the bootstrap over query people.
    """
    benchmark = evaluation.benchmark
    published, withheld = published_beside(benchmark)
    return Supplement(
        intervals=Intervals(
            level=level,
            resamples=resamples,
            unit="query people, percentile bootstrap",
            protocols={
                protocol.name: bootstrap_intervals(
                    evaluation.scores[protocol.name], benchmark.subset(protocol.query), level=level, resamples=resamples
                )
                for protocol in benchmark.protocols
                if not protocol.draws
            },
        ),
        published=published,
        withheld=withheld,
        reliance=clothes_reliance(evaluation, garments),
    )
