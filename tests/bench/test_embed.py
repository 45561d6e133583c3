"""The benchmark of engines runs."""

from __future__ import annotations

import pytest

from ccreid.bench import embed


@pytest.mark.slow
def test_a_quick_run_measures_every_engine_and_judges_nothing() -> None:
    torch, onnx, openvino = embed.measure(quick=True)
    assert torch.unit == "images/s"
    assert torch.value == pytest.approx(4 / onnx.seconds["torch"])
    for row, library in ((onnx, "onnx"), (openvino, "openvino")):
        assert row.what.startswith(f"{library} over torch")
        assert row.value == pytest.approx(row.seconds["torch"] / row.seconds[library])
        assert row.holds is None
        assert row.sense == "at least"
