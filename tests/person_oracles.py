"""A person's scores as slow, obvious loops, written from their definitions: what the fast code is compared with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Vector = Sequence[float]


@dataclass(frozen=True)
class Crop:
    """An enrolled crop; None where outfit or camera is not known."""

    vector: Vector
    person: int
    outfit: int | None = None
    camera: int | None = None


def unit(vector: Vector) -> list[float]:
    length = math.sqrt(sum(value * value for value in vector))
    return [value / length for value in vector]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def mean_vector(vectors: Sequence[Vector]) -> list[float]:
    return [mean(values) for values in zip(*vectors, strict=True)]


def mean_of_people(crops: Sequence[Crop]) -> list[float]:
    """Everybody's mean first, then the mean of these."""
    people = sorted({crop.person for crop in crops})
    return mean_vector([mean_vector([crop.vector for crop in crops if crop.person == person]) for person in people])


def centred(vector: Vector, camera: int | None, crops: Sequence[Crop], fewest_crops: int, fewest_people: int) -> Vector:
    means = {}
    for number in {crop.camera for crop in crops} - {None}:
        here = [crop for crop in crops if crop.camera == number]
        if len(here) >= fewest_crops and len({crop.person for crop in here}) >= fewest_people:
            means[number] = mean_of_people(here)
    if not means:
        return vector
    offset = means[camera] if camera in means else mean_of_people(crops)
    return unit([value - off for value, off in zip(vector, offset, strict=True)])


def three_scores(similarities: Sequence[float], outfits: Sequence[int | None]) -> tuple[float, float, float]:
    """Mean of the best three, best outfit's mean, mean of all: of one person's crops."""
    best = sorted(similarities, reverse=True)[:3]
    by_outfit = [
        mean([value for value, own in zip(similarities, outfits, strict=True) if own == outfit])
        for outfit in set(outfits)
    ]
    return mean(best), max(by_outfit), mean(similarities)


def against_others(score: float, others: Sequence[float], mean_0: float, deviation_0: float, weight: float) -> float:
    """In standard deviations above others, whom `weight` more people of some mean and deviation have joined."""
    count = len(others) + weight
    first = (sum(others) + weight * mean_0) / count
    second = (sum(other**2 for other in others) + weight * (mean_0**2 + deviation_0**2)) / count
    return (score - first) / math.sqrt(second - first**2)
