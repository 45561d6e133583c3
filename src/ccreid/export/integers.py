"""A network of floats becomes one of 8-bit integers."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from torch import Tensor

from ccreid.machine.extras import need
from ccreid.model.export_card import INPUT

PRODUCTS = ["Conv", "Gemm", "MatMul"]
"""What ONNX Runtime computes in integers: nearly all of the time, and not the normalising at the end."""

NORMALISING = ["ReduceL2", "Divide"]
"""What OpenVINO is to leave in floats: a length of rounded numbers is not 1."""


def onnx_integers(model: Any, pictures: Sequence[Tensor]) -> Any:
    """An `onnx.ModelProto` of integers; pictures, (B, 3, H, W) float32 each, tell the ranges of its values."""
    onnx = need("onnx", extra="export", to="export a network of integers")
    quantization = need("onnxruntime.quantization", extra="export", to="export a network of integers")
    with TemporaryDirectory(prefix="ccreid-") as folder, _silent():
        floats, integers = Path(folder) / "floats.onnx", Path(folder) / "integers.onnx"
        floats.write_bytes(model.SerializeToString())
        quantization.quantize_static(
            floats,
            integers,
            _Reader(pictures),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=PRODUCTS,
            per_channel=True,
        )
        made = onnx.load(integers)
    made.producer_name, made.producer_version = "ccreid", ""
    return made


def openvino_integers(model: Any, pictures: Sequence[Tensor]) -> Any:
    """An `openvino.Model` of integers from one of floats. See :func:`onnx_integers`."""
    with _silent():
        nncf = need("nncf", extra="openvino", to="export a network of integers for OpenVINO")
        dataset = nncf.Dataset([np.ascontiguousarray(images.numpy()) for images in pictures])
        floats = nncf.IgnoredScope(types=NORMALISING, validate=False)
        mixed = nncf.QuantizationPreset.MIXED  # after a ReLU half of a symmetric range would be empty
        return nncf.quantize(model, dataset, subset_size=len(pictures), ignored_scope=floats, preset=mixed)


class _Reader:
    """Batches as ONNX Runtime asks for them; it looks at no class."""

    def __init__(self, pictures: Sequence[Tensor]) -> None:
        self._left = iter(pictures)

    def get_next(self) -> dict[str, Any] | None:
        images = next(self._left, None)
        return None if images is None else {INPUT: np.ascontiguousarray(images.numpy())}


@contextmanager
def _silent() -> Iterator[None]:
    """Both libraries draw bars and warn of what is none of the user's business; one opens the root's logger for it."""
    root, disabled = logging.getLogger(), logging.root.manager.disable
    handlers = root.handlers[:]
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
