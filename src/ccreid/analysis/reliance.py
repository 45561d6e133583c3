"""How much a model looks at clothes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from pydantic import computed_field
from torch import Tensor

from ccreid.analysis.outfits import Garments, known_equal, outfit_codes, wears_the_same
from ccreid.analysis.separation import Separation, Tally
from ccreid.evaluation.evaluate import Evaluation
from ccreid.evaluation.metrics import Scores, score_rules
from ccreid.ops.similarity import comparable_vectors, similarity_rows
from ccreid.records import Record
from ccreid.vocabulary import UNKNOWN, Benchmark, Ids, Ignore, Samples, ignored, in_force

IN_ANY, IN_OTHERS, IN_THE_SAME = Ignore.NOTHING, Ignore.SAME_CLOTHES, Ignore.OTHER_CLOTHES
"""What is ignored beside a protocol's own rule for right answers in any clothes, in others and in the query's."""
ANSWERS = (IN_ANY, IN_OTHERS, IN_THE_SAME)


class Standing(Record):
    """Scores over some queries, as shares in 0..1: rank-1 and mAP are None where there is no query."""

    queries: int
    rank1: float | None
    map: float | None


class FirstPlaces(Record):
    """Who stands first, under one rule, for the queries that have a relevant image.

    Attributes
    ----------
    ignored:
        What the rule ignores of the query's own person, in words.
    right, wrong:
        First places with the query's person and with another.
    right_known, right_in_same_clothes:
        Right ones of which it is known whether they wear the query's clothes, and those that do.
    wrong_known, wrong_in_same_clothes:
        The same of the wrong ones; known only where outfits that people share are given.
    chance:
        Share of `wrong_in_same_clothes` that blind guessing among other people's gallery images gives, in 0..1.
        None where no wrong one is known.
    """

    ignored: str
    right: int
    wrong: int
    right_known: int
    right_in_same_clothes: int
    wrong_known: int
    wrong_in_same_clothes: int
    chance: float | None

    @property
    def share(self) -> float | None:
        """Share of the known wrong first places that wear the query's clothes, in 0..1."""
        return self.wrong_in_same_clothes / self.wrong_known if self.wrong_known else None


class Gap(Record):
    """By how much rank-1 and mAP differ, as shares."""

    rank1: float
    map: float


class Reliance(Record):
    """What an evaluation tells of a model's reliance on clothes.

    Attributes
    ----------
    subsets:
        Pairs of query and gallery subset that were looked at.
    same_clothes, cloth_changing:
        Scores where the right answer wears the query's clothes, and where it wears others.
    paired:
        Whether both are over the same queries; otherwise the data has no query with both kinds of answers.
    others_labelled:
        Whether it is known when two people wear the same clothes.
    ignored:
        What the protocols' rule ignores of the query's person whatever the clothes, in words: in every figure here.
    first_places:
        Under that rule, and where the query's clothes are ignored besides.
    separation:
        Similarities of the same person in other clothes against those of other people, who wear the same
        clothes if `others_labelled`; None where either kind of pair is missing.
    """

    subsets: tuple[tuple[str, str], ...]
    same_clothes: Standing
    cloth_changing: Standing
    paired: bool
    others_labelled: bool
    ignored: str = "same camera"  # of every set, before the protocols decided
    first_places: tuple[FirstPlaces, ...]
    separation: Separation | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def gap(self) -> Gap | None:
        """Rank-1 and mAP in the same clothes less those in other clothes; None where one of them is missing."""
        one, other = self.same_clothes, self.cloth_changing
        if one.rank1 is None or one.map is None or other.rank1 is None or other.map is None:
            return None
        return Gap(rank1=one.rank1 - other.rank1, map=one.map - other.map)


@dataclass(frozen=True, eq=False)
class _Pair:
    """A query subset against a gallery subset, scored for each of `ANSWERS` beside the rule of its protocol."""

    names: tuple[str, str]
    query: Samples
    gallery: Samples
    rule: Ignore
    scores: tuple[Scores, ...]

    def of(self, answers: Ignore) -> Scores:
        """The scores where right answers wear what one of `ANSWERS` says."""
        return self.scores[ANSWERS.index(answers)]

    def valid(self, answers: Ignore) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(Q,) which queries have such an answer."""
        return self.of(answers).first_rank > 0

    @property
    def paired(self) -> int:
        """How many queries have answers both in the same and in other clothes."""
        return int((self.valid(IN_THE_SAME) & self.valid(IN_OTHERS)).sum())


def clothes_reliance(evaluation: Evaluation, garments: Garments | None = None) -> Reliance | None:
    """Measure how much a model looks at clothes, by the cosine of its embeddings.

    Of the pairs of query and gallery subset that the protocols name, the one with the most queries that have
    answers both in the same and in other clothes is looked at; where no query has both, all of them together
    (in PRCC the queries in the same clothes are other images than those in changed clothes), as far as their rules are
    one. What the first protocol of a pair ignores apart from clothes is ignored in every figure.

    Parameters
    ----------
    evaluation:
        What was embedded, of a benchmark with clothes labels.
    garments:
        Outfits that people share, by file. Clothes are numbered within a person, so without them it is not
        known when another person wears the query's clothes; other people in any clothes take their place.

    Returns
    -------
    Reliance or None
        None where the benchmark's query or gallery images have no clothes labels.
    """
    vectors = {name: embeddings.vectors for name, embeddings in evaluation.embeddings.items()}
    pairs = list(_pairs(evaluation.benchmark, vectors))
    if not pairs:
        return None
    best = max(pairs, key=lambda pair: pair.paired)
    paired = best.paired > 0
    pairs = [best] if paired else [pair for pair in pairs if pair.rule == best.rule]
    outfits = [_outfits(pair, garments) for pair in pairs] if garments else [None] * len(pairs)
    labelled = any(codes is not None and all((side != UNKNOWN).any() for side in codes) for codes in outfits)
    tally = Tally()
    for pair, codes in zip(pairs, outfits, strict=True):
        left, right = (vectors[name] for name in pair.names)
        _count_pairs(tally, similarity_rows(*comparable_vectors(left, right)), pair, codes if labelled else None)
    return Reliance(
        subsets=tuple(pair.names for pair in pairs),
        same_clothes=_standing(pairs, IN_THE_SAME, paired),
        cloth_changing=_standing(pairs, IN_OTHERS, paired),
        paired=paired,
        others_labelled=labelled,
        ignored=best.rule.sentence,
        first_places=tuple(_first_places(pairs, answers, outfits, garments) for answers in (IN_ANY, IN_OTHERS)),
        separation=tally.separation(),
    )


def _pairs(benchmark: Benchmark, vectors: Mapping[str, Tensor]) -> Iterator[_Pair]:
    """The query subsets with clothes against their galleries, each under the rule of the first protocol on them."""
    first_of = {(protocol.query, protocol.gallery): protocol for protocol in reversed(benchmark.protocols)}
    for names in dict.fromkeys((protocol.query, protocol.gallery) for protocol in benchmark.protocols):
        query, gallery = (benchmark.subset(name) for name in names)
        if query.clothes is None or gallery.clothes is None:
            continue
        rule = in_force(first_of[names].ignore, query, gallery) & ~(Ignore.SAME_CLOTHES | Ignore.OTHER_CLOTHES)
        rules = [rule | answers for answers in ANSWERS]
        scores = score_rules(vectors[names[0]], vectors[names[1]], query, gallery, rules)
        yield _Pair(names, query, gallery, rule, scores)


def _outfits(pair: _Pair, garments: Garments) -> tuple[Ids, Ids]:
    """Numbers of shared outfits on both sides."""
    query, gallery = outfit_codes(garments, (pair.query, pair.gallery))
    return query, gallery


def _standing(pairs: Iterable[_Pair], answers: Ignore, paired: bool) -> Standing:
    first, precision = [], []
    for pair in pairs:
        rows = pair.valid(IN_THE_SAME) & pair.valid(IN_OTHERS) if paired else pair.valid(answers)
        scores = pair.of(answers)
        first.append(scores.first_rank[rows])
        precision.append(scores.average_precision[rows])
    ranks = np.concatenate(first)
    if not len(ranks):
        return Standing(queries=0, rank1=None, map=None)
    return Standing(queries=len(ranks), rank1=float(np.mean(ranks == 1)), map=float(np.mean(np.concatenate(precision))))


def _first_places(
    pairs: Sequence[_Pair],
    answers: Ignore,
    outfits: Iterable[tuple[Ids, Ids] | None],
    garments: Garments | None,
) -> FirstPlaces:
    right: list[bool | None] = []
    wrong: list[bool | None] = []
    chances: list[float] = []
    for pair, codes in zip(pairs, outfits, strict=True):
        places = cast(Ids, pair.of(answers).nearest)  # one gallery, no draws
        same = wears_the_same(pair.query, places, pair.gallery, garments)
        for row in np.flatnonzero(pair.valid(answers)):
            if pair.gallery.person[places[row]] == pair.query.person[row]:
                right.append(same[row])
                continue
            wrong.append(same[row])
            if same[row] is not None and codes is not None:
                others = (pair.gallery.person != pair.query.person[row]) & (codes[1] != UNKNOWN)
                chances.append(float(known_equal(codes[0][row], codes[1])[others].mean()))
    return FirstPlaces(
        ignored=(pairs[0].rule | answers).sentence,
        right=len(right),
        wrong=len(wrong),
        right_known=len(right) - right.count(None),
        right_in_same_clothes=right.count(True),
        wrong_known=len(wrong) - wrong.count(None),
        wrong_in_same_clothes=wrong.count(True),
        chance=float(np.mean(chances)) if chances else None,
    )


def _count_pairs(tally: Tally, similarities: Iterable[Any], pair: _Pair, codes: tuple[Ids, Ids] | None) -> None:
    """Add the similarities of a query subset; what the rule ignores is left out of both."""
    for row, similarity in enumerate(similarities):
        kept = ~ignored(pair.rule, pair.query, row, pair.gallery)
        own = pair.gallery.person == pair.query.person[row]
        positive = own & kept & pair.query.different("clothes", row, pair.gallery)
        negative = ~own & kept
        if codes is not None:
            negative &= known_equal(codes[0][row], codes[1])
        tally.add(similarity[positive], similarity[negative])
