"""Exported networks, written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ccreid.machine.extras import need
from ccreid.machine.files import replacing
from ccreid.model.export_card import KEY, ExportCard
from ccreid.model.exported import onnx_seal, openvino_seal


def write_onnx(model: Any, card: ExportCard, path: Path) -> ExportCard:
    """Write an `onnx.ModelProto` with its card; gives the card with the hash of the graph. Raises StorageError."""
    onnx = need("onnx", extra="export", to="export a network")
    card = card.model_copy(update={"graph_sha256": onnx_seal(model)})
    whole = type(model)()
    whole.CopyFrom(model)
    onnx.helper.set_model_props(whole, {KEY: card.model_dump_json()})
    with replacing(path) as temporary:
        temporary.write_bytes(whole.SerializeToString(deterministic=True))
    return card


def write_openvino(model: Any, card: ExportCard, path: Path) -> ExportCard:
    """Write an `openvino.Model` as NAME.xml beside NAME.bin; gives the card with the hash of the numbers.

    Whoever is stopped between the two leaves files that do not fit, which reading finds out by that hash. Raises
    StorageError.
    """
    openvino = need("openvino", extra="openvino", to="export a network for OpenVINO")
    numbers = path.with_suffix(".bin")
    with replacing(path) as graph:
        try:
            openvino.save_model(model, graph, compress_to_fp16=False)  # the numbers beside it
            card = card.model_copy(update={"graph_sha256": openvino_seal(graph)})
            model.set_rt_info(card.model_dump_json(), KEY)
            openvino.save_model(model, graph, compress_to_fp16=False)
        except RuntimeError as error:  # which it makes of the system's
            raise OSError(str(error).strip()) from error
        with replacing(numbers) as beside:
            graph.with_suffix(".bin").rename(beside)
    return card
