"""Synthetic embeddings of people in outfits."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from ccreid.vocabulary import Columns, Ids

LATENT = 32
OUTFITS = 3
CAMERAS = 6


def drawn_people(count: int, people: int, dimension: int, seed: int) -> tuple[Tensor, Columns]:
    """(count, dimension) embeddings of people drawn at random, and their columns. See :func:`embedded`."""
    draws = np.random.default_rng(seed)
    return embedded(draws.integers(people, size=count), dimension, draws)


def embedded(person: Ids, dimension: int, draws: np.random.Generator) -> tuple[Tensor, Columns]:
    """(N, dimension) float32 of unit length, an embedding for each of N images of people in several outfits.

    Outfits, cameras and what is an image's own come from `draws`; the people are always the same. They lie in `LATENT`
    dimensions, so that strangers come as near as they do in life and relevant images stand anywhere in a gallery.
    """
    of_people = torch.Generator().manual_seed(0)
    of_images = torch.Generator().manual_seed(int(draws.integers(2**62)))
    into_embeddings = torch.randn(LATENT, dimension, generator=of_people)
    persons = torch.randn(int(person.max()) + 1, 1 + OUTFITS, LATENT, generator=of_people)
    outfit = draws.integers(OUTFITS, size=len(person))
    vectors = torch.empty(len(person), dimension)
    for rows in torch.split(torch.arange(len(person)), 4096):  # a second copy would count as memory of what is measured
        who = torch.tensor(person[rows])
        latent = persons[who, 0] + persons[who, 1 + torch.from_numpy(outfit[rows])]
        latent += torch.randn(len(rows), LATENT, generator=of_images)
        vectors[rows] = normalize(latent @ into_embeddings, dim=1)
    camera = draws.integers(CAMERAS, size=len(person))
    return vectors, Columns(person, camera=camera, clothes=person * OUTFITS + outfit)
