"""A bundle becomes a file that another library runs, if it gives the same embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor

from ccreid.errors import ArtefactError, SettingError
from ccreid.export.graph import onnx_graph
from ccreid.export.integers import onnx_integers, openvino_integers
from ccreid.export.writing import write_onnx, write_openvino
from ccreid.machine.extras import need
from ccreid.machine.provenance import versions
from ccreid.model.bundle import Bundle, PreprocessingCard
from ccreid.model.embedding import made_with
from ccreid.model.engine import TorchEngine
from ccreid.model.export_card import ExportCard, Quantised
from ccreid.model.exported import ExportedEngine, Library, read_exported
from ccreid.model.parity import PARITY, largest_difference

PRECISION = "32-true"


def export(bundle: Bundle, path: Path, library: Library, *, flip: bool, batches: Sequence[Tensor]) -> ExportCard:
    """Write a bundle's network for another library, unless that gives other embeddings.

    Parameters
    ----------
    bundle:
        With its network on the CPU.
    path:
        The file to write, .onnx or .xml (beside which a .bin comes to lie).
    library:
        What is to run it.
    flip:
        Whether the graph adds the embedding of the mirror image.
    batches:
        Preprocessed images, (B, 3, H, W) float32 each, on which it is compared with torch.

    Returns
    -------
    ExportCard
        What the file says of itself.

    Raises
    ------
    ArtefactError
        It gives other embeddings than torch; nothing is written then.
    SettingError
        A library is missing, or the network cannot be exported.
    StorageError
        It could not be written.
    """
    graph = onnx_graph(bundle.network, bundle.preprocessing, flip=flip)
    network, write = (graph, write_onnx) if library == "onnx" else (_as_openvino(graph), write_openvino)
    card = _card(bundle, flip)
    with TemporaryDirectory(prefix="ccreid-") as folder:
        trial = Path(folder) / path.name
        write(network, card, trial)
        difference = largest_difference(read_exported(trial), TorchEngine(bundle.network, flip=flip), batches)
    if not difference <= PARITY:  # NaN neither
        raise ArtefactError(
            f"The exported network's embeddings differ from torch's by up to {difference:.2g}, more than {PARITY:g}: "
            "nothing was written.",
            "Run the bundle with torch, or export it for another library.",
        )
    compared = {"largest_difference": difference, "compared_on": sum(map(len, batches))}
    return write(network, card.model_copy(update=compared), path)


def export_integers(
    bundle: Bundle,
    path: Path,
    library: Library,
    *,
    flip: bool,
    pictures: Sequence[Tensor],
    judge: Callable[[ExportedEngine], Quantised],
) -> ExportCard:
    """Write a bundle's network in 8-bit integers: another model, whose embeddings have a key of their own.

    Parameters
    ----------
    bundle, path, library, flip:
        As for :func:`export`.
    pictures:
        Preprocessed images, (B, 3, H, W) float32 each, of what it will be given: they tell the ranges of its values.
    judge:
        Says what the integers cost, before anything is written.

    Raises
    ------
    SettingError
        A library is missing, or the network cannot be exported.
    StorageError
        It could not be written.
    """
    graph = onnx_graph(bundle.network, bundle.preprocessing, flip=flip)
    network, write = (
        (onnx_integers(graph, pictures), write_onnx)
        if library == "onnx"
        else (openvino_integers(_as_openvino(graph), pictures), write_openvino)
    )
    card = _card(bundle, flip)
    with TemporaryDirectory(prefix="ccreid-") as folder:
        trial = Path(folder) / path.name
        precision = f"int8 {write(network, card, trial).graph_sha256[:12]}"
        engine = read_exported(trial)
        difference = largest_difference(engine, TorchEngine(bundle.network, flip=flip), pictures)
        quantised = judge(engine)
    own = {
        "precision": precision,
        "made_with": made_with(bundle.weights_hash, bundle.preprocessing, flip, precision),
        "largest_difference": difference,
        "compared_on": sum(map(len, pictures)),
        "quantised": quantised,
    }
    return write(network, card.model_copy(update=own), path)


def _as_openvino(graph: Any) -> Any:
    openvino = need("openvino", extra="openvino", to="export a network for OpenVINO")
    try:
        return openvino.Core().read_model(graph.SerializeToString())
    except RuntimeError as error:
        why = str(error).strip().rpartition("\n")[2]
        raise SettingError(
            f"OpenVINO cannot run this network: {why}", "Export it with --to onnx, or run it with torch."
        ) from error


def _card(bundle: Bundle, flip: bool) -> ExportCard:
    """What is known before the network has been compared and hashed."""
    trained_on = bundle.card.trained_on
    return ExportCard(
        backbone=bundle.card.backbone,
        preprocessing=PreprocessingCard(**bundle.preprocessing.to_json()),
        dimension=bundle.network.dimension,
        flip=flip,
        precision=PRECISION,
        weights_sha256=bundle.weights_hash,
        graph_sha256="",
        made_with=made_with(bundle.weights_hash, bundle.preprocessing, flip, PRECISION),
        largest_difference=None,
        compared_on=0,
        trained_on=trained_on.name if trained_on else "",
        licence=trained_on.licence if trained_on else "",
        versions=versions(),
    )
