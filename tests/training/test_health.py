"""What a step says about the run, and what is kept of a batch that breaks it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ccreid.data.batch import Batch
from ccreid.errors import DivergedError
from ccreid.machine.processes import ALONE
from ccreid.methods import Terms
from ccreid.training.health import Health, StepValues, values_of

FILES = tuple(f"train/{number}.jpg" for number in range(9))


def batch() -> Batch:
    indices = torch.tensor([8, 3, 5, 1])
    return Batch(torch.rand(4, 3, 4, 2), torch.tensor([1, 1, 0, 0]), indices)


def test_terms_become_numbers() -> None:
    terms = Terms(
        {"identity": torch.tensor(1.5), "triplet": torch.tensor(0.25)}, torch.tensor(1.75), {"without_donor": 2}
    )
    assert values_of(terms, ALONE) == StepValues({"identity": 1.5, "triplet": 0.25}, 1.75, {"without_donor": 2})


def test_a_finite_step_leaves_nothing(tmp_path: Path) -> None:
    Health(tmp_path / "diverged", FILES).check(StepValues({"identity": 1.0}, 1.0, {}), batch(), 0, 0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_term_that_is_no_number_stops_and_keeps_its_batch(tmp_path: Path, value: float) -> None:
    folder, given = tmp_path / "diverged", batch()
    with pytest.raises(DivergedError, match=rf"The triplet term is {value} in step 6 of epoch 3") as stopped:
        Health(folder, FILES).check(StepValues({"identity": 1.0, "triplet": value}, value, {}), given, 2, 5)
    assert "train/8.jpg, train/3.jpg, train/5.jpg and 1 more" in stopped.value.message
    assert str(folder) in stopped.value.message
    assert "training.learning_rate" in stopped.value.mend
    described = json.loads((folder / "batch.json").read_text(), parse_constant=pytest.fail)
    assert described["files"] == ["train/8.jpg", "train/3.jpg", "train/5.jpg", "train/1.jpg"]
    assert described["terms"] == {"identity": 1.0, "triplet": str(value), "total": str(value)}
    kept = load_file(folder / "batch.safetensors")
    assert all(torch.equal(kept[name], column) for name, column in given._asdict().items())


def test_a_total_that_overflows_stops_too(tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match="The total term is inf"):
        Health(tmp_path / "diverged", FILES).check(StepValues({"identity": 1e38}, math.inf, {}), batch(), 0, 0)
