"""CAL's terms: which there are when, and that none moves what is not its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, normalize

from ccreid.data.batch import Batch
from ccreid.machine.devices import launch
from ccreid.methods import Cal, Draws, SharedBatch, Terms
from ccreid.methods.cal import adversarial_loss, clothes_loss
from ccreid.methods.outfits import NOT_KNOWN, Outfits
from ccreid.model.network import Network
from ccreid.recipe.settings import CalSettings
from ccreid.training.optimizer import Optimizer

CAL = CalSettings()
IDENTITIES = torch.tensor([0, 0, 0, 1, 1, 2])
OUTFITS = Outfits(np.array([0, 0, 1, 2, 3, 4]), np.array([0, 0, 1, 1, 2]))
WARM_UP, AFTER = Draws(0, CAL.after_epoch - 1), Draws(0, CAL.after_epoch)
OF_THE_HEAD = "outfit_weights"


class TinyBackbone(nn.Sequential):
    channels = 8

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, self.channels, 3, 2, 1), nn.ReLU())


def tiny(outfits: Outfits = OUTFITS, weights: dict[str, float] | None = None, **changes: Any) -> Cal:
    torch.manual_seed(0)
    values = {**CAL.model_dump(exclude={"name", "weights"}), **changes}
    return Cal(Network(TinyBackbone()), 3, CAL.weights.model_dump() | (weights or {}), outfits=outfits, **values)


def batch() -> Batch:
    images = torch.randn(len(IDENTITIES), 3, 16, 8, generator=torch.Generator().manual_seed(1))
    return Batch(images, IDENTITIES, torch.arange(len(IDENTITIES)))


def terms_of(method: Cal, draws: Draws = AFTER) -> Terms:
    terms: Terms = SharedBatch(method)(batch(), draws)
    return terms


def moved_by(method: Cal, term: Tensor) -> set[str]:
    """The parameters that a term has a gradient for."""
    names, parameters = zip(*((name, one) for name, one in method.named_parameters() if one.requires_grad), strict=True)
    gradients = torch.autograd.grad(term, parameters, allow_unused=True, retain_graph=True)
    return {name for name, gradient in zip(names, gradients, strict=True) if gradient is not None and gradient.any()}


def test_the_paper_begins_after_25_epochs_with_the_identity_term_alone() -> None:
    assert CAL.after_epoch == 25
    assert set(terms_of(tiny(), WARM_UP).named) == {"identity"}
    assert set(terms_of(tiny()).named) == {"identity", "clothes", "adversarial"}
    assert set(terms_of(tiny(weights={"triplet": 1.0})).named) == {"identity", "triplet", "clothes", "adversarial"}


def test_the_clothes_term_moves_the_head_alone_and_the_others_never_do() -> None:
    method = tiny(weights={"triplet": 1.0})
    named = terms_of(method).named
    assert moved_by(method, named["clothes"]) == {OF_THE_HEAD}
    of_network = {name for name, one in method.named_parameters() if name.startswith("network.") and one.requires_grad}
    assert moved_by(method, named["adversarial"]) == of_network
    assert moved_by(method, named["identity"]) == of_network | {"identity_head.weight"}


def test_the_terms_are_their_losses_of_the_batch() -> None:
    method = tiny()
    named = terms_of(method).named
    embeddings, head = method.network(batch().images), method.outfit_weights
    outfits, owners = torch.from_numpy(OUTFITS.of_image), torch.from_numpy(OUTFITS.owners)
    torch.testing.assert_close(named["clothes"], clothes_loss(embeddings, head, outfits, CAL.scale))
    torch.testing.assert_close(
        named["adversarial"], adversarial_loss(embeddings, head, outfits, owners, CAL.scale, CAL.clothes_smoothing)
    )


def test_total_is_the_weighted_sum_with_the_clothes_term_whole() -> None:
    weights = {"identity": 0.5, "triplet": 2.0, "adversarial": 3.0}
    terms = terms_of(tiny(weights=weights))
    expected = sum((weights | {"clothes": 1.0})[name] * float(term.detach()) for name, term in terms.named.items())
    assert float(terms.total.detach()) == pytest.approx(expected, rel=1e-6)


def test_without_its_weight_there_is_no_clothes_head_to_deceive() -> None:
    assert set(terms_of(tiny(weights={"adversarial": 0.0})).named) == {"identity"}


def test_images_of_unknown_outfit_are_in_the_identity_term_alone_and_counted() -> None:
    of_image = OUTFITS.of_image.copy()
    of_image[[1, 4]] = NOT_KNOWN
    method = tiny(Outfits(of_image, OUTFITS.owners))
    terms = terms_of(method)
    assert terms.notes == {"without_outfit": 2}
    known, owners = torch.tensor([0, 2, 3, 5]), torch.from_numpy(OUTFITS.owners)
    embeddings, outfits = method.network(batch().images)[known], torch.from_numpy(OUTFITS.of_image)[known]
    torch.testing.assert_close(
        terms.named["clothes"], clothes_loss(embeddings, method.outfit_weights, outfits, CAL.scale)
    )
    torch.testing.assert_close(
        terms.named["adversarial"],
        adversarial_loss(embeddings, method.outfit_weights, outfits, owners, CAL.scale, CAL.clothes_smoothing),
    )
    torch.testing.assert_close(terms.named["identity"], terms_of(tiny()).named["identity"])


def test_a_batch_of_unknown_outfits_alone_has_the_identity_term_alone() -> None:
    of_image = np.full(6, NOT_KNOWN)
    terms = terms_of(tiny(Outfits(of_image, OUTFITS.owners)))
    assert (set(terms.named), terms.notes) == ({"identity"}, {"without_outfit": 6})


@pytest.mark.parametrize(("of_head", "expected"), [(CAL.clothes_rate, 3.5e-4), (None, 1e-6)])
def test_the_head_has_a_group_with_a_rate_and_a_beginning_of_its_own(of_head: float | None, expected: float) -> None:
    method = tiny(clothes_rate=of_head)
    rest, head = method.groups()["all"], method.groups()["clothes"]
    assert [id(one) for one in head.parameters] == [id(method.outfit_weights)]
    trained = {id(one) for one in method.parameters() if one.requires_grad}
    assert {id(one) for one in (*rest.parameters, *head.parameters)} == trained
    assert (head.from_epoch, rest.from_epoch) == (25, 0)
    assert (head.rate(60, 1e-6), rest.rate(60, 1e-6)) == (expected, 1e-6)


def test_a_step_teaches_the_head_and_deceives_it() -> None:
    """After some steps along both, each loss is lower than where the other alone was descended."""

    def after_steps(learn: set[str]) -> dict[str, float]:
        method = tiny()
        optimizer = Optimizer(method, launch("cpu"), weight_decay=0.0)
        optimizer.set_rate(AFTER.epoch, 1e-3)
        for _ in range(20):
            named = terms_of(method).named
            optimizer.accumulate(torch.stack([named[name] for name in learn]).sum())
            optimizer.step()
        return {name: float(term.detach()) for name, term in terms_of(method).named.items()}

    both, taught, deceived = (
        after_steps(learn) for learn in ({"clothes", "adversarial"}, {"clothes"}, {"adversarial"})
    )
    assert both["clothes"] < deceived["clothes"]
    assert both["adversarial"] < taught["adversarial"]


def test_whether_the_head_steps_before_the_network_hardly_matters() -> None:
    """The authors let it; a step turns the head so little that the network is pushed the same way by either."""
    people, worn, dimension = 16, 4, 512
    owners = torch.arange(people).repeat_interleave(worn)
    outfits = torch.arange(0, people * worn, 2)
    random = torch.Generator().manual_seed(0)
    embeddings = torch.randn(len(outfits), dimension, generator=random)
    head = nn.Parameter(normalize(torch.randn(len(owners), dimension, generator=random), dim=1))
    adam = torch.optim.Adam([head], lr=3.5e-4, weight_decay=5e-4)

    def push() -> Tensor:
        of = embeddings.clone().requires_grad_()
        adversarial_loss(of, head.detach(), outfits, owners, CAL.scale, CAL.clothes_smoothing).backward()
        assert of.grad is not None
        return of.grad.flatten()

    for _ in range(30):
        before = push()
        adam.zero_grad()
        clothes_loss(embeddings, head, outfits, CAL.scale).backward()
        adam.step()
        assert cosine_similarity(before, push(), dim=0) > 0.999
