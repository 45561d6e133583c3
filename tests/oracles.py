"""The method's definitions as slow, obvious loops: what the fast code is compared with.

Written from the formulas of the paper and of the benchmarks' protocols, in plain Python on lists. Of the
package only the names of the ignore rules are used; the loops over neighbourhoods and clusters, which the
benchmark of clustering times as well, stand in ccreid.bench.plain and use nothing of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ccreid.bench.plain import (
    Matrix,
    dbscan,
    jaccard_distance,
    jaccard_of,
    neighbour_list,
    neighbourhood_weights,
    renumbered,
)
from ccreid.vocabulary import Ignore

__all__ = ["dbscan", "jaccard_distance", "renumbered"]  # loops that the benchmark of clustering times, too

Known = Sequence[int | None]
Table = Mapping[str, Known | None]

# ---------------------------------------------------------------------------------------------- evaluation


def people(table: Table) -> Known:
    """The one column that every table has."""
    column = table["person"]
    assert column is not None
    return column


def is_ignored(rule: Ignore, query: Table, q: int, gallery: Table, g: int) -> bool:
    """Whether gallery image g does not count for query q. What is not annotated matches nothing."""
    if people(query)[q] != people(gallery)[g]:
        return False

    def known_pair(name: str) -> tuple[int, int] | None:
        of_queries, of_gallery = query.get(name), gallery.get(name)
        if of_queries is None or of_gallery is None:
            return None
        mine, theirs = of_queries[q], of_gallery[g]
        return None if mine is None or theirs is None else (mine, theirs)

    camera, clothes, tracklet = known_pair("camera"), known_pair("clothes"), known_pair("tracklet")
    return (
        (Ignore.SAME_CAMERA in rule and camera is not None and camera[0] == camera[1])
        or (Ignore.SAME_CLOTHES in rule and clothes is not None and clothes[0] == clothes[1])
        or (Ignore.OTHER_CLOTHES in rule and clothes is not None and clothes[0] != clothes[1])
        or (Ignore.SAME_TRACKLET in rule and tracklet is not None and tracklet[0] == tracklet[1])
    )


def relevant_ranks(similarity: Sequence[float], relevant: Sequence[bool], ignored: Sequence[bool]) -> list[int]:
    """Sort the gallery by (similarity descending, index), drop the ignored, walk the list."""
    order = sorted(range(len(similarity)), key=lambda g: (-similarity[g], g))
    kept = [g for g in order if not ignored[g]]
    return [rank for rank, g in enumerate(kept, 1) if relevant[g]]


def average_precision(ranks: Sequence[int]) -> float:
    """Mean over the relevant images of the precision at their rank."""
    return sum(hits / rank for hits, rank in enumerate(ranks, 1)) / len(ranks)


def inverse_negative_penalty(ranks: Sequence[int]) -> float:
    """Relevant images over the rank of the farthest one."""
    return len(ranks) / max(ranks)


def cmc_at(all_ranks: Sequence[Sequence[int]], k: int) -> float:
    """Share of the queries with a relevant image that have one among the first k kept images."""
    valid = [ranks for ranks in all_ranks if ranks]
    return sum(min(ranks) <= k for ranks in valid) / len(valid)


def ranks_of_all(similarity: Matrix, query: Table, gallery: Table, rule: Ignore) -> list[list[int]]:
    """The relevant ranks of each query; an empty list where nothing relevant is left."""
    result = []
    for q, own_person in enumerate(people(query)):
        own = [person == own_person for person in people(gallery)]
        ignored = [is_ignored(rule, query, q, gallery, g) for g in range(len(own))]
        result.append(relevant_ranks(similarity[q], own, ignored))
    return result


def standings(
    similarity: Matrix, query: Sequence[int], image: Sequence[int]
) -> tuple[list[int], list[int], list[int], list[int]]:
    """Where the chosen images of the queries stand in their sorted lists: queries, images and places in the order of
    the lists, and of each query the first image that is not chosen, -1 without one."""
    queries: list[int] = []
    images: list[int] = []
    places: list[int] = []
    others: list[int] = []
    chosen = set(zip(query, image, strict=True))
    for q, row in enumerate(similarity):
        order = sorted(range(len(row)), key=row.__getitem__, reverse=True)  # stable: equal ones by index
        for place, g in enumerate(order):
            if (q, g) in chosen:
                queries.append(q)
                images.append(g)
                places.append(place)
        others.append(next((g for g in order if (q, g) not in chosen), -1))
    return queries, images, places, others


# ---------------------------------------------------------------------------------------------- re-ranking


def reranked(squared: Matrix, queries: int, k1: int, k2: int, share: float) -> NDArray[np.float64]:
    """k-reciprocal re-ranking from the squared distances of the pool: the queries first, then the gallery."""
    count = len(squared)
    scaled = []
    for row in squared:
        largest = max(row)
        scaled.append([value / largest if largest > 0 else 0.0 for value in row])
    places = [neighbour_list(scaled, i)[: k1 + 1] for i in range(count)]
    weights = neighbourhood_weights(scaled, places, k1, round(k1 / 2), k2)
    return np.array(
        [
            [(1 - share) * jaccard_of(weights, q, g) + share * scaled[q][g] for g in range(queries, count)]
            for q in range(queries)
        ]
    )


# -------------------------------------------------------------------------------------------------- losses


def log_softmax(logits: Sequence[float]) -> list[float]:
    top = max(logits)
    total = math.log(sum(math.exp(logit - top) for logit in logits))
    return [logit - top - total for logit in logits]


def label_smoothed_cross_entropy(logits: Matrix, labels: Sequence[int], smoothing: float) -> float:
    """Mean over the batch of -sum_c q_c log p_c with q = (1 - ε)[c is right] + ε / C."""
    losses = []
    for row, label in zip(logits, labels, strict=True):
        log_p = log_softmax(row)
        target = [(1 - smoothing) * (c == label) + smoothing / len(row) for c in range(len(row))]
        losses.append(-sum(q * p for q, p in zip(target, log_p, strict=True)))
    return sum(losses) / len(losses)


def batch_hard_triplet(embeddings: Matrix, identities: Sequence[int], margin: float) -> float:
    """Mean over the batch of max(0, margin + farthest own - nearest other); 0 where nobody is other."""

    def distance(a: Sequence[float], b: Sequence[float]) -> float:
        return math.sqrt(max(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)), 1e-12))

    losses = []
    for anchor, own in zip(embeddings, identities, strict=True):
        pairs = [(distance(anchor, other), identity) for other, identity in zip(embeddings, identities, strict=True)]
        positives = [d for d, identity in pairs if identity == own]
        negatives = [d for d, identity in pairs if identity != own]
        losses.append(max(0.0, margin + max(positives) - min(negatives)) if negatives else 0.0)
    return sum(losses) / len(losses)


def owned_targets(attributes: Sequence[int], owners: Sequence[int], smoothing: float) -> list[list[float]]:
    """q_a = (1 - ε)[a is the image's own] + ε[a belongs to its identity] / attributes of that identity."""
    rows = []
    for own in attributes:
        family = [a for a in range(len(owners)) if owners[a] == owners[own]]
        row = [0.0] * len(owners)
        for a in family:
            row[a] += smoothing / len(family)
        row[own] += 1 - smoothing
        rows.append(row)
    return rows


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """dot(a, b) / |a| / |b|."""
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


def attribute_aware_loss(
    embeddings: Matrix,
    weights: Matrix,
    attributes: Sequence[int],
    owners: Sequence[int],
    scale: float,
    smoothing: float,
) -> float:
    """-mean over the batch of sum_a q_a log softmax(s cos(z, w_a))."""
    losses = []
    for z, target in zip(embeddings, owned_targets(attributes, owners, smoothing), strict=True):
        log_p = log_softmax([scale * cosine(z, w) for w in weights])
        losses.append(-sum(q * p for q, p in zip(target, log_p, strict=True)))
    return sum(losses) / len(losses)


def clothes_loss(embeddings: Matrix, weights: Matrix, outfits: Sequence[int], scale: float) -> float:
    """-mean over the batch of log(e^(s cos(z, w_own)) / sum_c e^(s cos(z, w_c)))."""
    losses = []
    for z, own in zip(embeddings, outfits, strict=True):
        powers = [math.exp(scale * cosine(z, w)) for w in weights]
        losses.append(-math.log(powers[own] / sum(powers)))
    return sum(losses) / len(losses)


def adversarial_loss(
    embeddings: Matrix,
    weights: Matrix,
    outfits: Sequence[int],
    owners: Sequence[int],
    scale: float,
    smoothing: float,
) -> float:
    """-mean over the batch of sum_{c worn by the person} q_c log(e_c / (e_c + sum_{j worn by others} e_j)).

    e_c = e^(s cos(z, w_c)); with K outfits of the person, q_c = 1 - ε + ε/K for the one that is worn, else ε/K.
    """
    losses = []
    for z, own in zip(embeddings, outfits, strict=True):
        powers = [math.exp(scale * cosine(z, w)) for w in weights]
        worn_by_person = [c for c in range(len(owners)) if owners[c] == owners[own]]
        of_others = sum(powers[j] for j in range(len(owners)) if owners[j] != owners[own])
        loss = 0.0
        for c in worn_by_person:
            share = smoothing / len(worn_by_person) + (1 - smoothing if c == own else 0.0)
            loss -= share * math.log(powers[c] / (powers[c] + of_others))
        losses.append(loss)
    return sum(losses) / len(losses)


# ------------------------------------------------------------------------------------------- recomposition


def mean_and_deviation(pixels: NDArray[np.float64]) -> tuple[float, float]:
    """mu and sqrt(unbiased variance + 1e-6) of some pixels of one channel."""
    values = [float(value) for value in pixels.ravel()]
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, math.sqrt(variance + 1e-6)


def recompose(feature_map: NDArray[np.float64], donors: NDArray[np.int64], stripes: int) -> NDArray[np.float64]:
    """x' = (x - mu_i) / sigma_i * sigma_j + mu_j, for every image, stripe and channel."""
    batch, channels, height, width = feature_map.shape
    rows = height // stripes
    result = np.empty((batch, channels, rows * stripes, width))
    for i in range(batch):
        for stripe in range(stripes):
            part = slice(stripe * rows, (stripe + 1) * rows)
            donor = int(donors[stripe][i])
            for channel in range(channels):
                mean, deviation = mean_and_deviation(feature_map[i, channel, part])
                donor_mean, donor_deviation = mean_and_deviation(feature_map[donor, channel, part])
                content = (feature_map[i, channel, part] - mean) / deviation
                result[i, channel, part] = content * donor_deviation + donor_mean
    return result
