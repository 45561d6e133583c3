"""Networks as graphs: what they compute is what torch computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from ccreid.data.preprocess import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from ccreid.errors import SettingError
from ccreid.export.graph import onnx_graph
from ccreid.machine.extras import need
from ccreid.model.embedder import Embedder
from ccreid.model.engine import TorchEngine
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
def test_boxmot_s_way_of_feeding_gives_the_embedders_vectors() -> None:
    """Written from what its ONNX back end does: crops of a BGR frame at 256 x 128, RGB / 255, ImageNet's mean and
    deviation, contiguous float32, into the first input; the first output is divided by its length.
    """
    preprocessing, boxes = Preprocessing(256, 128), [(0, 0), (40, 30), (128, 10)]
    network = small_network(height_px=256, width_px=128)
    graph = onnx_graph(network, preprocessing, flip=True)
    frame = np.random.default_rng(0).integers(256, size=(300, 300, 3), dtype=np.uint8)
    crops = [frame[top : top + 256, left : left + 128] for left, top in boxes]  # of the size that it would resize to
    session = need("onnxruntime", extra="export", to="test").InferenceSession(graph.SerializeToString())
    rgb = np.stack([crop[:, :, ::-1].transpose(2, 0, 1) for crop in crops]).astype(np.float32) / np.float32(255)
    mean, std = (np.array(of, np.float32).reshape(1, 3, 1, 1) for of in (IMAGENET_MEAN, IMAGENET_STD))
    first = session.get_outputs()[0].name
    features = session.run([first], {session.get_inputs()[0].name: (rgb - mean) / std})[0]
    features = features / np.linalg.norm(features, axis=-1, keepdims=True)
    embedder = Embedder(TorchEngine(network), "", preprocessing)
    expected = embedder([np.ascontiguousarray(crop[:, :, ::-1]) for crop in crops]).vectors.numpy()
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-5)
    assert np.abs(expected[0] - expected[1]).max() > 1e-4  # they are told apart


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
