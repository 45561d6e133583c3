"""What a network is held near to: the terms against loops from their definition, and who learns from them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from backbones import built, images
from ccreid.data.batch import Batch
from ccreid.methods import Draws, Labels, Memory, Method, SharedBatch, Terms
from ccreid.methods.memory import features_term, relations_term
from ccreid.model.network import Network, pool

Vectors = list[list[float]]


def over_batch(features: Vectors) -> Vectors:
    """Each dimension less its mean, over its deviation, as batch normalisation does it."""
    columns = []
    for column in zip(*features, strict=True):
        mean = math.fsum(column) / len(column)
        variance = math.fsum((value - mean) ** 2 for value in column) / len(column)
        columns.append([(value - mean) / math.sqrt(variance + 1e-5) for value in column])
    return [list(row) for row in zip(*columns, strict=True)]


def cosine(a: list[float], b: list[float]) -> float:
    product = math.fsum(x * y for x, y in zip(a, b, strict=True))
    return product / math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b))


def features_by_definition(features: Vectors, remembered: Vectors) -> float:
    pairs = list(zip(over_batch(features), over_batch(remembered), strict=True))
    return math.fsum(1 - cosine(ours, theirs) for ours, theirs in pairs) / len(pairs)


def relations_by_definition(features: Vectors, remembered: Vectors) -> float:
    ours, theirs = over_batch(features), over_batch(remembered)
    pairs = [(i, j) for i in range(len(ours)) for j in range(len(ours)) if i != j]
    lost = math.fsum((cosine(ours[i], ours[j]) - cosine(theirs[i], theirs[j])) ** 2 for i, j in pairs)
    return lost / math.fsum(cosine(theirs[i], theirs[j]) ** 2 for i, j in pairs)


def drawn(seed: int, count: int = 7) -> Tensor:
    return torch.randn(count, 5, generator=torch.Generator().manual_seed(seed)) * torch.tensor([1, 9, 0.1, 2, 1.0]) + 3


def test_terms_are_those_of_the_definition() -> None:
    features, remembered = drawn(0), drawn(1)
    sides = features.tolist(), remembered.tolist()
    assert features_term(features, remembered).item() == pytest.approx(features_by_definition(*sides), abs=1e-5)
    assert relations_term(features, remembered).item() == pytest.approx(relations_by_definition(*sides), abs=1e-5)


def test_what_a_batch_normalisation_may_do_is_no_forgetting() -> None:
    remembered = drawn(0)
    moved = remembered * torch.tensor([2.0, 0.5, 30.0, 1.0, 7.0]) - 4
    for term in (features_term, relations_term):
        assert term(moved, remembered).item() == pytest.approx(0, abs=1e-4)
    turned = remembered.flip(1)  # the features are others, and who is like whom is not
    assert features_term(turned, remembered).item() > 0.1
    assert relations_term(turned, remembered).item() == pytest.approx(0, abs=1e-6)


# ------------------------------------------------------------------------------------------------------ in a step


class Lengths(Method):
    """A method of somebody's own, of a single term."""

    def terms(self, seen: Tensor, labels: Labels, draws: Draws) -> Terms:
        del labels, draws
        return Terms.weighted({"lengths": seen.square().mean()}, {"lengths": 3.0}, {"seen": len(seen)})


def network(seed: int) -> Network:
    torch.manual_seed(seed)
    return Network(built("test_resnet"))


BATCH = Batch(images(count=4), torch.tensor([0, 0, 1, 1]), torch.arange(4))
NOW = Draws(0, 0)


def test_its_terms_stand_beside_those_of_any_method() -> None:
    weights = {"features": 0.5, "relations": 2.0}
    method, memory = Lengths(network(0)), Memory(network(1), weights)
    with torch.no_grad():
        features, remembered = (pool(network(seed).train().feature_map(BATCH.images)) for seed in (0, 1))
        plain = SharedBatch(Lengths(network(0))).train()(BATCH, NOW)
        found = SharedBatch(method, memory=memory).train()(BATCH, NOW)
    expected = {
        "lengths": plain.named["lengths"].item(),
        "remembered_features": features_by_definition(features.tolist(), remembered.tolist()),
        "remembered_relations": relations_by_definition(features.tolist(), remembered.tolist()),
    }
    assert {name: term.item() for name, term in found.named.items()} == pytest.approx(expected, abs=1e-4)
    total = 3 * expected["lengths"] + 0.5 * expected["remembered_features"] + 2 * expected["remembered_relations"]
    assert found.total.item() == pytest.approx(total, rel=1e-4)
    assert found.notes == {"seen": 4}


@pytest.mark.parametrize("name", ["features", "relations"])
def test_a_term_without_weight_is_not_computed(name: str) -> None:
    memory = Memory(network(1), {"features": 0.0, "relations": 0.0} | {name: 1.0})
    found = SharedBatch(Lengths(network(0)), memory=memory)(BATCH, NOW)
    assert set(found.named) == {"lengths", f"remembered_{name}"}


def test_nothing_is_forgotten_before_the_first_step() -> None:
    """Whatever the running statistics are, which both networks leave alone in training."""
    beginning = network(0)
    for buffer in beginning.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 2)
    memory = Memory(beginning, {"features": 1.0, "relations": 1.0})
    for replicas in (1, 2):
        found = SharedBatch(Lengths(network(0)), replicas=replicas, memory=memory).train()(BATCH, NOW)
        assert found.named["remembered_features"].item() == pytest.approx(0, abs=1e-5)
        assert found.named["remembered_relations"].item() == pytest.approx(0, abs=1e-5)


def test_the_present_network_learns_and_the_remembered_one_never_changes() -> None:
    memory = Memory(network(1), {"features": 1.0, "relations": 1.0})
    before = {name: value.clone() for name, value in memory.state_dict().items()}
    shared = SharedBatch(Lengths(network(0)), memory=memory).train()
    found = shared(BATCH, NOW)
    (found.named["remembered_features"] + found.named["remembered_relations"]).backward()
    stem = next(shared.method.network.parameters())
    assert stem.grad is not None
    assert stem.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in memory.parameters())
    assert all(torch.equal(value, before[name]) for name, value in memory.state_dict().items())  # running ones, too
    assert not [name for name in shared.method.state_dict() if "beginning" in name]
