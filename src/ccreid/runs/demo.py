"""Search as it is on the people inside the package, by the model inside the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ccreid.datasets import read_benchmark
from ccreid.evaluation.evaluate import evaluate
from ccreid.evaluation.metrics import Scores
from ccreid.model.bundle import load_bundle
from ccreid.report.ranked_lists import Found, draw_ranked_lists, ranked_list, telling_queries
from ccreid.runs.score import embedder_of
from ccreid.runs.watch import Watch
from ccreid.vocabulary import Ignore

BUNDLE, PEOPLE = Path("synthetic-people"), "wardrobe"
"""Who searches, and the data set inside the package of whom are searched for."""
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


@dataclass(frozen=True)
class Search:
    """Some people looked for across clothes, and how it goes for all of them.

    Attributes
    ----------
    answers:
        From the query that goes best to the one that goes worst.
    found_in_other_clothes, found_in_any:
        How many queries have their person first among pictures in other clothes, and among all pictures; each with
        how many were asked.
    """

    answers: list[Answer]
    found_in_other_clothes: tuple[int, int]
    found_in_any: tuple[int, int]


def search(folder: Path, watch: Watch) -> Search:
    """Look for some test people in the pictures of other cameras and other clothes.

    The same lists are drawn into the folder as `search.png`. Raises StorageError.
    """
    benchmark = read_benchmark(PEOPLE, None)
    protocol = next(one for one in benchmark.protocols if Ignore.SAME_CLOTHES in one.ignore)
    in_any = next(one for one in benchmark.protocols if one.ignore == Ignore.SAME_CAMERA)
    query, gallery = benchmark.subset(protocol.query), benchmark.subset(protocol.gallery)
    evaluation = evaluate(embedder_of(load_bundle(BUNDLE)), benchmark, track=watch.track)
    rows = telling_queries(evaluation.scores[protocol.name], QUERIES)
    draw_ranked_lists(folder / PICTURE, evaluation, protocol, rows)
    answers = [
        Answer(
            ", ".join(query.described(row)),
            tuple(
                (found, ", ".join(gallery.described(found.place)))
                for found in ranked_list(evaluation, protocol, row, NEAREST)
            ),
        )
        for row in rows
    ]
    return Search(answers, *(_found(evaluation.scores[one.name]) for one in (protocol, in_any)))


def _found(scores: Scores) -> tuple[int, int]:
    return int((scores.first_rank == 1).sum()), scores.valid
