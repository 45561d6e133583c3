"""How much a model looks at clothes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from pydantic import computed_field

from ccreid.analysis.outfits import Garments, known_equal, outfit_codes, wears_the_same
from ccreid.analysis.separation import Separation, Tally
from ccreid.evaluation.evaluate import Evaluation
from ccreid.evaluation.metrics import Scores, score_rules
from ccreid.ops.similarity import comparable_vectors, similarity_rows
from ccreid.records import Record
from ccreid.vocabulary import UNKNOWN, Ids, Ignore, Samples

STANDARD = Ignore.SAME_CAMERA
CLOTH_CHANGING = Ignore.SAME_CAMERA | Ignore.SAME_CLOTHES
SAME_CLOTHES = Ignore.SAME_CAMERA | Ignore.OTHER_CLOTHES
RULES = (STANDARD, CLOTH_CHANGING, SAME_CLOTHES)


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
    first_places:
        Under the rule that ignores the same camera, and under the cloth-changing rule.
    separation:
        Similarities of the same person in other clothes against those of other people, who wear the same
        clothes if `others_labelled`; None where either kind of pair is missing.
    """

    subsets: tuple[tuple[str, str], ...]
    same_clothes: Standing
    cloth_changing: Standing
    paired: bool
    others_labelled: bool
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
    """A query subset against a gallery subset, scored under `RULES`."""

    names: tuple[str, str]
    query: Samples
    gallery: Samples
    scores: tuple[Scores, ...]

    def of(self, rule: Ignore) -> Scores:
        """The scores under a rule."""
        return self.scores[RULES.index(rule)]

    def valid(self, rule: Ignore) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(Q,) which queries have a relevant image under a rule."""
        return self.of(rule).first_rank > 0

    @property
    def paired(self) -> int:
        """How many queries have answers both in the same and in other clothes."""
        return int((self.valid(SAME_CLOTHES) & self.valid(CLOTH_CHANGING)).sum())


def clothes_reliance(evaluation: Evaluation, garments: Garments | None = None) -> Reliance | None:
    """Measure how much a model looks at clothes, by the cosine of its embeddings.

    Of the pairs of query and gallery subset that the protocols name, the one with the most queries that have
    answers both in the same and in other clothes is looked at; where no query has both, all of them together
    (in PRCC the queries in the same clothes are other images than those in changed clothes).

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
    pairs = []
    for names in dict.fromkeys((p.query, p.gallery) for p in evaluation.benchmark.protocols):
        query, gallery = (evaluation.benchmark.subset(name) for name in names)
        if query.clothes is not None and gallery.clothes is not None:
            scores = score_rules(vectors[names[0]], vectors[names[1]], query, gallery, RULES)
            pairs.append(_Pair(names, query, gallery, scores))
    if not pairs:
        return None
    best = max(pairs, key=lambda pair: pair.paired)
    paired = best.paired > 0
    if paired:
        pairs = [best]
    outfits = [_outfits(pair, garments) for pair in pairs] if garments else [None] * len(pairs)
    labelled = any(codes is not None and all((side != UNKNOWN).any() for side in codes) for codes in outfits)
    tally = Tally()
    for pair, codes in zip(pairs, outfits, strict=True):
        left, right = (vectors[name] for name in pair.names)
        _count_pairs(tally, similarity_rows(*comparable_vectors(left, right)), pair, codes if labelled else None)
    return Reliance(
        subsets=tuple(pair.names for pair in pairs),
        same_clothes=_standing(pairs, SAME_CLOTHES, paired),
        cloth_changing=_standing(pairs, CLOTH_CHANGING, paired),
        paired=paired,
        others_labelled=labelled,
        first_places=tuple(_first_places(pairs, rule, outfits, garments) for rule in (STANDARD, CLOTH_CHANGING)),
        separation=tally.separation(),
    )


def _outfits(pair: _Pair, garments: Garments) -> tuple[Ids, Ids]:
    """Numbers of shared outfits on both sides."""
    query, gallery = outfit_codes(garments, (pair.query, pair.gallery))
    return query, gallery


def _standing(pairs: Iterable[_Pair], rule: Ignore, paired: bool) -> Standing:
    first, precision = [], []
    for pair in pairs:
        rows = pair.valid(rule) & pair.valid(SAME_CLOTHES) & pair.valid(CLOTH_CHANGING) if paired else pair.valid(rule)
        scores = pair.of(rule)
        first.append(scores.first_rank[rows])
        precision.append(scores.average_precision[rows])
    ranks = np.concatenate(first)
    if not len(ranks):
        return Standing(queries=0, rank1=None, map=None)
    return Standing(queries=len(ranks), rank1=float(np.mean(ranks == 1)), map=float(np.mean(np.concatenate(precision))))


def _first_places(
    pairs: Iterable[_Pair],
    rule: Ignore,
    outfits: Iterable[tuple[Ids, Ids] | None],
    garments: Garments | None,
) -> FirstPlaces:
    right: list[bool | None] = []
    wrong: list[bool | None] = []
    chances: list[float] = []
    for pair, codes in zip(pairs, outfits, strict=True):
        places = cast(Ids, pair.of(rule).nearest)  # one gallery, no draws
        same = wears_the_same(pair.query, places, pair.gallery, garments)
        for row in np.flatnonzero(pair.valid(rule)):
            if pair.gallery.person[places[row]] == pair.query.person[row]:
                right.append(same[row])
                continue
            wrong.append(same[row])
            if same[row] is not None and codes is not None:
                others = (pair.gallery.person != pair.query.person[row]) & (codes[1] != UNKNOWN)
                chances.append(float(known_equal(codes[0][row], codes[1])[others].mean()))
    return FirstPlaces(
        ignored=rule.sentence,
        right=len(right),
        wrong=len(wrong),
        right_known=len(right) - right.count(None),
        right_in_same_clothes=right.count(True),
        wrong_known=len(wrong) - wrong.count(None),
        wrong_in_same_clothes=wrong.count(True),
        chance=float(np.mean(chances)) if chances else None,
    )


def _count_pairs(tally: Tally, similarities: Iterable[Any], pair: _Pair, codes: tuple[Ids, Ids] | None) -> None:
    """Add the similarities of a query subset; images of the query's camera are left out on both sides."""
    for row, similarity in enumerate(similarities):
        other_camera = ~pair.query.same("camera", row, pair.gallery)
        own = pair.gallery.person == pair.query.person[row]
        positive = own & other_camera & pair.query.different("clothes", row, pair.gallery)
        negative = ~own & other_camera
        if codes is not None:
            negative &= known_equal(codes[0][row], codes[1])
        tally.add(similarity[positive], similarity[negative])
