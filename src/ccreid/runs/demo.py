"""Search as it is on the people inside the package, by the model inside the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ccreid.datasets import read_benchmark
from ccreid.evaluation.evaluate import evaluate
from ccreid.model.bundle import load_bundle
from ccreid.report.ranked_lists import Found, draw_ranked_lists, ranked_list, telling_queries
from ccreid.runs.score import embedder_of
from ccreid.runs.watch import Watch

BUNDLE = Path("wardrobe")
PICTURE = "search.png"
QUERIES, NEAREST = 4, 5


@dataclass(frozen=True)
class Answer:
    """What was found for a query.

    Attributes
    ----------
    query:
        The query's picture in words.
    nearest:
        Of the gallery, from the nearest on.
    """

    query: str
    nearest: tuple[tuple[Found, str], ...]


def search(folder: Path, watch: Watch) -> list[Answer]:
    """Look for some test people in all pictures of other cameras, from the query that goes best to the worst.

    The same lists are drawn into the folder as `search.png`. Raises StorageError.
    """
    benchmark = read_benchmark(BUNDLE.name, None)
    protocol = benchmark.protocols[0]
    query, gallery = benchmark.subset(protocol.query), benchmark.subset(protocol.gallery)
    evaluation = evaluate(embedder_of(load_bundle(BUNDLE)), benchmark, track=watch.track)
    rows = telling_queries(evaluation.scores[protocol.name], QUERIES)
    draw_ranked_lists(folder / PICTURE, evaluation, protocol, rows)
    return [
        Answer(
            ", ".join(query.described(row)),
            tuple(
                (found, ", ".join(gallery.described(found.place)))
                for found in ranked_list(evaluation, protocol, row, NEAREST)
            ),
        )
        for row in rows
    ]
