"""What may be done to embeddings at test time before they are ranked, without labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ccreid.errors import DataError
from ccreid.model.embedding import Embeddings
from ccreid.ops.centralising import centralised
from ccreid.ops.centring import centred, group_means
from ccreid.vocabulary import UNKNOWN, Benchmark, Ids

CAMERA_IMAGES = 25
"""A camera has a mean of its own from so many images on; with fewer it would be the mean of those whom they show."""


@dataclass(frozen=True)
class Refinement:
    """What is done, in this order; nothing by default.

    Attributes
    ----------
    camera_means:
        The mean of each camera is taken off its images' embeddings, see :func:`without_camera_means`.
    centralise:
        Embeddings are drawn to their mutual neighbours among the query and gallery that are ranked, see
        :func:`centralised`.
    reranking:
        The gallery is ranked by k-reciprocal re-ranked distances.
    """

    camera_means: bool = False
    centralise: bool = False
    reranking: bool = False

    @property
    def of_lists(self) -> tuple[str, ...]:
        """What is done to lists that are ranked, in words: an embedding by itself does not show it."""
        steps = {"centralisation": self.centralise, "re-ranking": self.reranking}
        return tuple(name for name, done in steps.items() if done)

    def check(self, benchmark: Benchmark) -> None:
        """Raise DataError where a benchmark lacks what is needed: camera means need to know the cameras."""
        if not self.camera_means:
            return
        mend = "Leave camera means out (--camera-means, evaluation.camera_means), or annotate the cameras."
        for name in scored_subsets(benchmark):
            samples = benchmark.subset(name)
            if unknown := samples.unknown("camera"):
                raise DataError(
                    f"Camera means are to be taken off, but {benchmark.name} does not say by which camera {unknown} of "
                    f"the {len(samples)} images of '{name}' were taken.",
                    mend,
                )
        _, cameras = _each_once(benchmark)
        most = int(np.unique(cameras, return_counts=True)[1].max(initial=0))
        if most < CAMERA_IMAGES:
            raise DataError(
                f"Camera means are to be taken off, but no camera of {benchmark.name} has {CAMERA_IMAGES} images to "
                f"take a mean of: the most are {most}.",
                "Leave camera means out (--camera-means, evaluation.camera_means).",
            )

    def of_subsets(self, benchmark: Benchmark, embeddings: Mapping[str, Embeddings]) -> Mapping[str, Embeddings]:
        """The embeddings of the subsets that are scored, as far as cameras go."""
        return without_camera_means(benchmark, embeddings) if self.camera_means else embeddings

    def of_ranked(self, query: Tensor, gallery: Tensor) -> tuple[Tensor, Tensor]:
        """The vectors of a query set and a gallery, as far as the lists go."""
        if not self.centralise:
            return query, gallery
        together = centralised(torch.cat([query, gallery]))
        return together[: len(query)], together[len(query) :]


AS_EMBEDDED = Refinement()
"""Nothing is done."""


def scored_subsets(benchmark: Benchmark) -> Iterable[str]:
    """The subsets that its protocols name, each once, in order."""
    return dict.fromkeys(name for p in benchmark.protocols for name in (p.query, p.gallery))


def without_camera_means(benchmark: Benchmark, embeddings: Mapping[str, Embeddings]) -> dict[str, Embeddings]:
    """Take off each embedding what it owes to its camera: the mean of all images of that camera; unit length again.

    A camera of fewer than `CAMERA_IMAGES` images has no mean of its own, and that of all images is taken off there. An
    image that more than one subset holds counts once. Who is on the images plays no part.

    Parameters
    ----------
    benchmark:
        Of which every camera is known, see :meth:`Refinement.check`.
    embeddings:
        Of each subset that its protocols name.

    Raises
    ------
    DataError
        Nothing is left of an embedding: it is the mean itself.
    """
    first, cameras = _each_once(benchmark)
    vectors = np.concatenate([embeddings[name].vectors.numpy()[rows] for name, rows in first.items()])
    known, means = group_means(vectors, cameras)
    enough = np.unique(cameras, return_counts=True)[1] >= CAMERA_IMAGES
    overall = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    refined = {}
    for name, plain in embeddings.items():
        found = centred(plain.vectors.numpy(), benchmark.subset(name).camera, known[enough], means[enough], overall)
        if not found.any(axis=1).all():
            raise DataError(
                f"An embedding of '{name}' is the very mean of its camera: without that nothing is left of it.",
                "Leave camera means out (--camera-means, evaluation.camera_means); a network that gives every image "
                "the same embedding has learnt nothing.",
            )
        refined[name] = replace(plain, vectors=torch.from_numpy(found))
    return refined


def _each_once(benchmark: Benchmark) -> tuple[dict[str, Ids], Ids]:
    """By subset, the rows of images that no subset before holds; and the cameras of all those images in that order."""
    seen: set[object] = set()
    rows: dict[str, Ids] = {}
    cameras = [np.empty(0, dtype=np.int64)]
    for name in scored_subsets(benchmark):
        samples = benchmark.subset(name)
        places = [samples.path(row) for row in range(len(samples))]
        rows[name] = np.array([row for row, place in enumerate(places) if place not in seen], dtype=np.int64)
        seen.update(places)
        camera = np.full(len(samples), UNKNOWN) if samples.camera is None else samples.camera
        cameras.append(camera[rows[name]])
    return rows, np.concatenate(cameras)
