"""The first step of the bundled recipe, beside the same step in double precision."""

from __future__ import annotations

import pytest
import torch

from ccreid.data.batch import Batch
from ccreid.datasets import read_benchmark
from ccreid.methods import Fire2
from ccreid.methods.fire2 import Attributes
from ccreid.methods.method import Draws
from ccreid.methods.sharing import SharedBatch
from ccreid.recipe import load_recipe
from ccreid.runs import build, loading


def _terms(memory_format: str, dtype: torch.dtype) -> dict[str, float]:
    """All four terms of the first batch, with two made-up attributes a person."""
    options = [f"training.memory_format={memory_format}", "data.workers=0", "data.people=16", "data.images=4"]
    recipe = load_recipe("demo", options)
    train = read_benchmark(recipe.data.dataset).subsets["train"]
    method = build.method(recipe, train)
    assert isinstance(method, Fire2)
    people = torch.from_numpy(train.identities)
    owners = torch.arange(int(people.max()) + 1).repeat_interleave(2)
    centres = torch.randn(len(owners), method.network.dimension, generator=torch.Generator().manual_seed(0))
    method.assign(Attributes(2 * people + torch.arange(len(people)) % 2, owners, centres))
    _, batch = next(loading.train_loader(recipe, train).epoch(0))
    method.to(dtype).train()
    exact = Batch(batch.images.to(dtype), batch.identities, batch.indices)
    terms = SharedBatch(method)(exact, Draws(0, method.after_epoch + 1))
    return {name: float(term.detach()) for name, term in terms.named.items()}


@pytest.mark.parametrize("memory_format", ["channels-last", "contiguous"])
def test_the_terms_are_those_of_double_precision_in_either_memory_format(memory_format: str) -> None:
    # With torch's own batch normalisation, channels-last was off by 2e-4.
    exact = _terms("contiguous", torch.float64)
    assert set(exact) == {"identity", "triplet", "attribute", "recomposition"}
    assert _terms(memory_format, torch.float32) == pytest.approx(exact, rel=3e-6)
