"""Validation people, taken out of the train set where a data set has none of its own."""

from __future__ import annotations

import numpy as np

from ccreid.errors import SettingError
from ccreid.vocabulary import UNKNOWN, Columns, Ids, Ignore, Protocol, Samples, answerable

QUERY, GALLERY = "val-query", "val-gallery"
FEWEST = 2
"""Of one person nothing can be told wrong."""


def hold_out(samples: Samples, share: float, seed: int) -> tuple[Samples, dict[str, Samples], Protocol]:
    """Split a train set by people.

    The people held out are spread evenly over the people sorted by their number of outfits (where annotated)
    and of images, so that both sides have rich and poor identities. Of each person held out, one image for each
    outfit and camera (as far as annotated) becomes a query, the rest the gallery. Who has no two
    images of one outfit and camera asks with half of them.

    Parameters
    ----------
    samples:
        The train set.
    share:
        Of the people to hold out, in (0, 1); at least `FEWEST` people are.
    seed:
        Of the draws.

    Returns
    -------
    train, validation, protocol:
        What is left to train on; the subsets "val-query" and "val-gallery"; how to score them: same camera
        ignored, and same clothes as well where clothes are annotated.

    Raises
    ------
    SettingError
        Fewer than two people would be left on a side, or no query of those held out has a right answer.
    """
    random = np.random.default_rng(seed)
    people = samples.people
    count = max(FEWEST, round(share * len(people)))
    if len(people) - count < 2:
        raise SettingError(
            f"{len(people)} training people are too few to hold {count} of them out for validation.",
            "Set selection.by to last" + (", or lower selection.share." if count > FEWEST else "."),
        )
    richness = [_richness(samples.select(samples.person == person)) for person in people]
    ranked = people[np.lexsort((random.permutation(len(people)), *np.transpose(richness)[::-1]))]
    chosen = [random.choice(stratum) for stratum in np.array_split(ranked, count)]
    held_out = np.isin(samples.person, chosen)
    validation = samples.select(held_out)
    is_query = _one_of_each(validation, random)
    subsets = {QUERY: validation.select(is_query), GALLERY: validation.select(~is_query)}
    rule = Ignore.SAME_CAMERA if samples.clothes is None else Ignore.SAME_CAMERA | Ignore.SAME_CLOTHES
    if not answerable(rule, subsets[QUERY], subsets[GALLERY]).any():
        raise SettingError(
            f"None of the {count} training people held out for validation has an image that the rule "
            f"({rule.sentence} ignored) would count as right.",
            "Set selection.by to last.",
        )
    return samples.select(~held_out), subsets, Protocol("validation", rule, QUERY, GALLERY)


def _richness(images: Samples) -> tuple[int, int]:
    outfits = 0 if images.clothes is None else len(np.unique(images.clothes[images.clothes != UNKNOWN]))
    return outfits, len(images)


def _one_of_each(columns: Columns, random: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(N,) bool: one random image for each person, outfit and camera; half of them where that is all of a person's."""
    known: list[Ids] = [c for c in (columns.person, columns.clothes, columns.camera) if c is not None]
    order = random.permutation(len(columns))
    _, first = np.unique(np.stack(known)[:, order], axis=1, return_index=True)
    mask = np.zeros(len(columns), dtype=np.bool_)
    mask[order[first]] = True
    for person in np.unique(columns.person):
        own = order[columns.person[order] == person]
        if mask[own].all():
            mask[own[len(own) // 2 :]] = False
    return mask
