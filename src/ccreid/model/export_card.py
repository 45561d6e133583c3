"""What an exported network says of itself, so that nobody needs the bundle to use it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from ccreid.model.bundle import PreprocessingCard
from ccreid.records import ProtocolScores, Record

FORMAT: Final = "ccreid-exported-1"
KEY = "ccreid"
"""The name under which a file holds the card, as JSON."""

INPUT, OUTPUT, BATCH = "images", "embeddings", "batch"
"""Names in the graph."""


class Quantised(Record):
    """How a network of 8-bit integers was made of one of floats, and what that cost.

    Attributes
    ----------
    calibrated_on:
        How many pictures told the ranges of the values.
    scored_on:
        The data set.
    before, after:
        Its scores by protocol, of torch and of the integers.
    """

    calibrated_on: int
    scored_on: str
    before: tuple[ProtocolScores, ...]
    after: tuple[ProtocolScores, ...]


class ExportCard(Record):
    """Everything that is needed to use an exported network.

    Attributes
    ----------
    backbone:
        timm's name.
    preprocessing, resize, images:
        The size of the input with mean and deviation of its channels; how a picture gets that size; what the graph is
        given.
    embeddings, dimension, flip:
        What it returns; D; whether the embedding of the mirror image is added, inside the graph.
    precision:
        As in `made_with`: "32-true", or "int8" with the beginning of `graph_sha256`.
    weights_sha256, graph_sha256:
        Of the bundle's weights; of the exported graph without this card.
    made_with:
        What embeddings are compared by, see :attr:`ccreid.model.embedder.Embedder.made_with`.
    largest_difference, compared_on:
        From torch, of a number of an embedding, on so many pictures; above 1e-4 for integers alone.
    quantised:
        None for floats.
    trained_on, licence:
        The data set, and what it may be used for; empty where the bundle does not say.
    versions:
        Of what it was made with.
    """

    format: Literal["ccreid-exported-1"] = FORMAT
    backbone: str
    preprocessing: PreprocessingCard
    resize: str = "Bilinear with antialiasing (Pillow's BILINEAR) to height_px x width_px; the shape is not kept."
    images: str = "(batch, 3, height_px, width_px) float32, RGB: (value of 0 to 255 / 255 - mean) / std."
    embeddings: str = "(batch, dimension) float32 of length 1."
    dimension: Annotated[int, Field(ge=1)]
    flip: bool
    precision: str
    weights_sha256: str
    graph_sha256: str
    made_with: dict[str, str]
    largest_difference: float | None
    compared_on: int
    quantised: Quantised | None = None
    trained_on: str = ""
    licence: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
