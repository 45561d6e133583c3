"""A network as a graph of plain operators, in ONNX."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from ccreid.data.preprocess import Preprocessing
from ccreid.errors import SettingError
from ccreid.machine.extras import need
from ccreid.model.engine import embeddings_of
from ccreid.model.export_card import BATCH, INPUT, OUTPUT
from ccreid.model.network import Network
from ccreid.model.parity import noise


class _Whole(nn.Module):
    """Images to embeddings of length 1, with mirror images where they are wanted."""

    def __init__(self, network: Network, *, flip: bool) -> None:
        super().__init__()
        self.network, self.flip = network, flip

    def forward(self, images: Tensor) -> Tensor:
        return embeddings_of(self.network, images, flip=self.flip)


def onnx_graph(network: Network, preprocessing: Preprocessing, *, flip: bool) -> Any:
    """An `onnx.ModelProto` that maps any number of images to their embeddings.

    Parameters
    ----------
    network:
        In eval mode, on the CPU, in float32.
    preprocessing:
        Says how large its images are.
    flip:
        Whether the graph adds the embedding of the mirror image.

    Raises
    ------
    SettingError
        What is needed is not installed, or the network does something for which ONNX has no operator.
    """
    for library in ("onnx", "onnxscript"):
        need(library, extra="export", to="export a network")
    whole = _Whole(network, flip=flip).eval()
    try:
        program: Any = torch.onnx.export(
            whole,
            (noise(preprocessing, 2),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: Dim(BATCH)},),
            dynamo=True,
            verbose=False,
        )
    except torch.onnx.errors.OnnxExporterError as error:
        raise SettingError(
            f"This network cannot be exported: {str(error).strip().partition(chr(10))[0]}.",
            "Run it with torch, or choose another backbone.",
        ) from error
    return _without_traces(program.model_proto)


def _without_traces(model: Any) -> Any:
    """The graph without where each operator came from, which names folders of this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    model.producer_name, model.producer_version = "ccreid", ""
    return model
