"""Embeddings of images: the only extraction loop, and its result as an artefact."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import torch
from pydantic import Json, ValidationError
from torch import Tensor
from torch.linalg import vector_norm

from ccreid.data.loaders import PlainLoader
from ccreid.data.preprocess import Preprocessing
from ccreid.data.shown import RULE
from ccreid.errors import ArtefactError, DivergedError
from ccreid.machine.arguments import PathLike, as_path
from ccreid.machine.processes import ALONE, Processes
from ccreid.machine.progress import Track, untracked
from ccreid.machine.tensor_files import read_tensors, write_tensors
from ccreid.model.engine import Engine
from ccreid.records import UNIT_TOLERANCE, Record, told

FORMAT = "ccreid-embeddings-1"


class _Notes(Record):
    """What a file of embeddings says beside the vectors: text, in which the values stand as JSON."""

    files: Json[list[str]]
    made_with: Json[dict[str, str]]


@dataclass(frozen=True, eq=False)
class Embeddings:
    """What a network makes of N images.

    Attributes
    ----------
    vectors:
        (N, D) float32 on the CPU, L2-normalised.
    files:
        N names, as in the samples that were embedded.
    made_with:
        What they depend on: hashes of the weights and the files, the rule by which pictures are shown, preprocessing,
        flip averaging, precision.
    """

    vectors: Tensor
    files: tuple[str, ...]
    made_with: dict[str, str]

    def __post_init__(self) -> None:
        of_numbers = self.vectors.ndim == 2 and self.vectors.is_floating_point()
        if not of_numbers or len(self.vectors) != len(self.files):
            raise ArtefactError(
                f"{tuple(self.vectors.shape)} vectors do not fit {len(self.files)} files.", "Embed the images again."
            )
        odd = (~((vector_norm(self.vectors, dim=1) - 1).abs() <= UNIT_TOLERANCE)).nonzero().flatten().tolist()
        if odd:  # NaN and infinity among them
            raise ArtefactError(
                f"{len(odd)} vectors are not of length 1, the first is that of {self.files[odd[0]]}, row {odd[0]}.",
                "Embed the images again, or normalise the vectors.",
            )

    def save(self, path: PathLike) -> None:
        """Write them as safetensors, whole or not at all. Raises StorageError."""
        notes = {"format": FORMAT, "files": json.dumps(self.files), "made_with": json.dumps(self.made_with)}
        write_tensors(as_path(path, "path"), {"vectors": self.vectors}, notes)

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Read what :meth:`save` wrote. Raises ArtefactError."""
        path = as_path(path, "path")
        if not path.is_file():  # a pipe would never end
            raise ArtefactError(f"{path} is no embeddings file: there is no such file.", "Embed the images again.")
        try:
            tensors, written = read_tensors(path, "Embed the images again.")
            if written.get("format") != FORMAT:
                raise ArtefactError(f"{path} is of another format than {FORMAT}.", "Embed the images again.")
            notes, vectors = _Notes.model_validate(written), tensors["vectors"]
        except (KeyError, ValidationError) as error:
            why = told(error) if isinstance(error, ValidationError) else f"it has no {error}"
            raise ArtefactError(f"{path} is no embeddings file: {why}.", "Embed the images again.") from error
        return cls(vectors, tuple(notes.files), notes.made_with)


def made_with(weights_hash: str, preprocessing: Preprocessing, flip: bool, precision: str) -> dict[str, str]:
    """What embeddings depend on beside the pictures; which engine made them is not among it, see `parity`."""
    return {
        "weights": weights_hash,
        "pictures": f"rule {RULE}",
        "preprocessing": json.dumps(preprocessing.to_json(), sort_keys=True),
        "flip": str(flip),
        "precision": precision,
    }


def embed(
    engine: Engine,
    loader: PlainLoader,
    *,
    track: Track[object] = untracked,
    doing: str = "Embedding",
    processes: Processes = ALONE,
) -> Tensor:
    """Embed every image of a loader, in order.

    Parameters
    ----------
    engine:
        What runs the network.
    loader:
        Batches in order, with the test transform.
    track, doing:
        Follows the batches for the user.
    processes:
        Those that share the loader's batches; each is given the embeddings of all.

    Returns
    -------
    Tensor
        (N, D) float32 on the CPU, L2-normalised.

    Raises
    ------
    DivergedError
        An embedding is not finite.
    """
    embeddings = [torch.empty(0, engine.dimension)]
    with engine.running() as run:
        batches: Iterable[object] = track(loader, doing, len(loader))
        for batch in batches:
            images = batch.images.to(engine.device, non_blocking=True)  # type: ignore[attr-defined]
            embeddings.append(run(images).cpu())
    vectors = processes.join(torch.cat(embeddings))  # outside inference mode, so that autograd may use them
    broken = int((~vectors.isfinite().all(dim=1)).sum())
    if broken:
        raise DivergedError(
            f"The network's embeddings of {broken} of {len(vectors)} images are not finite.",
            "It diverged in training: lower training.learning_rate, or set training.precision to 32-true.",
        )
    return vectors
