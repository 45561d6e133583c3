"""Networks as graphs: what they compute is what torch computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from ccreid.errors import SettingError
from ccreid.export.graph import onnx_graph
from ccreid.machine.extras import need
from ccreid.model.network import Network
from ccreid.model.normalisation import normalise_apart
from ccreid.model.parity import noise
from exports import PREPROCESSING, pictures, small_graph, small_network


def by_hand(network: Network, images: Tensor, *, flip: bool) -> Tensor:
    """The definition, an image at a time, in double precision after the network."""
    rows = []
    with torch.no_grad():
        for image in images:
            row = network(image[None])[0].double()
            if flip:
                row = row + network(image[None].flip(3))[0].double()
            rows.append(row / row.square().sum().sqrt())
    return torch.stack(rows).float()


def run(graph: Any, images: Tensor) -> Tensor:
    session = need("onnxruntime", extra="export", to="test").InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (embeddings,) = session.run(None, {"images": images.numpy()})
    return torch.from_numpy(np.asarray(embeddings))


@pytest.mark.parametrize("flip", [False, True])
def test_a_graph_gives_the_embeddings_of_any_number_of_images(flip: bool) -> None:
    network, graph = small_network(), small_graph(flip=flip)
    for images in pictures(1, 2, 5):
        torch.testing.assert_close(run(graph, images), by_hand(network, images, flip=flip), rtol=0, atol=1e-5)


def test_it_names_what_goes_in_and_out_with_a_free_batch() -> None:
    graph = small_graph(flip=True)
    onnx.checker.check_model(graph)
    (given,), (made,) = graph.graph.input, graph.graph.output
    assert (given.name, made.name) == ("images", "embeddings")
    sizes = [[side.dim_param or side.dim_value for side in one.type.tensor_type.shape.dim] for one in (given, made)]
    assert sizes == [["batch", 3, 64, 32], ["batch", small_network().dimension]]
    assert given.type.tensor_type.elem_type == made.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_it_names_no_file_of_this_machine() -> None:
    assert b".py" not in small_graph(flip=True).SerializeToString()


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["test_vit", "test_convnext", "test_efficientnet"])
def test_other_families_of_backbones_are_exported_too(backbone: str) -> None:
    network = small_network(backbone)
    images = noise(PREPROCESSING, 3)
    found = run(onnx_graph(network, PREPROCESSING, flip=False), images)
    torch.testing.assert_close(found, by_hand(network, images, flip=False), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_layers_of_training_are_plain_operators() -> None:
    network = small_network()
    normalise_apart(network, 2)
    graph = onnx_graph(network, PREPROCESSING, flip=False)
    kinds = {node.op_type for node in graph.graph.node}
    assert kinds == {node.op_type for node in small_graph(flip=False).graph.node}
    assert all(not node.domain for node in graph.graph.node)


class _Deciding(nn.Module):
    """A backbone that looks at its values before it says what to do with them."""

    channels = 3

    def forward(self, images: Tensor) -> Tensor:
        return images if images.sum().item() > 0 else -images


@pytest.mark.slow
def test_what_has_no_graph_is_refused() -> None:
    with pytest.raises(SettingError, match="cannot be exported") as refused:
        onnx_graph(Network(_Deciding()).eval(), PREPROCESSING, flip=False)
    assert "another backbone" in refused.value.mend
