"""A bundle whose embeddings are projected to the directions that tell people apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from ccreid.errors import SettingError
from ccreid.machine.files import is_free
from ccreid.model.bundle import Bundle, bundle_folder, load_bundle
from ccreid.model.network import Network
from ccreid.ops.discriminant import check_dimension, discriminant_directions
from ccreid.records import BenchmarkCard
from ccreid.report.schema import Report
from ccreid.runs.publish import describe
from ccreid.runs.score import embedder_of
from ccreid.runs.watch import Watch
from ccreid.vocabulary import Benchmark


def project(named: Path, benchmark: Benchmark, out: Path, watch: Watch, *, dimension: int) -> Report:
    """Find the projection on the training people of a benchmark and write the bundle that has it, scored and described.

    Training people of the network itself are told apart better than any others, so people whom it has not seen show
    better in what their pictures differ.

    Parameters
    ----------
    named:
        The bundle of a training.
    benchmark:
        Its training people are embedded; its test people are scored.
    out:
        The bundle to write: a new or an empty folder.
    watch:
        Who follows the embedding and the scoring.
    dimension:
        D of the projected embeddings, fewer than there are training people.

    Returns
    -------
    Report
        Of the scores.

    Raises
    ------
    SettingError
        The place is taken, the bundle has a projection or no training, or more dimensions are asked for than there are.
    CcreidError
        The data cannot be read, or a file cannot be written.
    """
    if not is_free(out):
        raise SettingError(f"{out} is not empty.", "Name another folder with --out.")
    bundle = load_bundle(named)
    card = bundle.card
    if card.trained_on is None:
        raise SettingError(f"{named} was not trained to tell people apart.", "Name the bundle of a training.")
    if card.projected is not None:
        raise SettingError(f"{named} has a projection already.", "Name the bundle that it was made from.")
    benchmark.check_scored()
    people = benchmark.subset("train")
    check_dimension(people.person, bundle.network.dimension, dimension)  # before the minutes of embedding
    # As the projection meets them: a view each, of length 1.
    vectors = embedder_of(bundle, flip=False)(people, track=watch.track, doing="Embedding train").vectors
    directions, mean = discriminant_directions(vectors.numpy(), people.person, dimension)
    update = {"projected_on": BenchmarkCard.of(benchmark).shareable(), "scores": (), "intervals": None}
    network = _projected(bundle.network, torch.from_numpy(directions), torch.from_numpy(mean))
    projected = Bundle(network, bundle.preprocessing, card.model_copy(update=update), bundle.weights_hash)
    source = bundle_folder(named)
    name = source.parent.name if source.name == "bundle" else source.name  # that of the run, for its own bundle
    began_with = out.name if name == out.name else cast(Any, card.recipe)["network"]["weights"] or "a file"  # no path
    return describe(projected, benchmark, out, watch, began_with=began_with)


def _projected(network: Network, directions: torch.Tensor, mean: torch.Tensor) -> Network:
    """The network with a projection after it: (D, 2C) directions, of what is left of an embedding without the mean."""
    made = Network(network.backbone, len(directions))
    made.neck = network.neck
    cast(nn.Linear, made.projection).load_state_dict(
        {"weight": directions.float(), "bias": -(directions @ mean).float()}
    )
    return made.eval()
