"""The objective: the authors' four steps, and every switch."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ccreid.data.batch import Batch
from ccreid.errors import SettingError
from ccreid.machine.devices import launch
from ccreid.machine.processes import Processes
from ccreid.machine.seeds import generator
from ccreid.methods import Baseline, Draws, Fire2, SharedBatch, Terms
from ccreid.methods.fire2 import Attributes
from ccreid.methods.fire2 import fire2 as module
from ccreid.methods.fire2.recomposition import draw_recompositions, recompose
from ccreid.methods.losses import identity_loss
from ccreid.model.embedding import embed
from ccreid.model.engine import TorchEngine
from ccreid.model.network import Network, pool
from ccreid.recipe.settings import BaselineSettings
from ccreid.training.optimizer import Optimizer
from conftest import Golden
from papers import FIRE2, fire2

PEOPLE, IMAGES = 4, 4
IDENTITIES = torch.arange(PEOPLE).repeat_interleave(IMAGES)

ATTRIBUTES = (
    (0, 2, 2, 0, 3, 4, 4, 3, 5, 5, 5, 5, 6, 6, 7, 6),
    (0, 1, 2, 2, 4, 4, 4, 3, 5, 5, 5, 5, 7, 6, 6, 6),
    (2, 2, 2, 0, 4, 4, 4, 3, 5, 5, 5, 5, 7, 7, 6, 7),
    (1, 0, 0, 1, 4, 3, 4, 4, 5, 5, 5, 5, 6, 7, 6, 7),
)
"""The images' attributes in the authors' four steps. objective.npz does not hold them. They were found by trying every
assignment that fits `owner`: in each step a single one gives the recorded attribute term (within 1e-6) and leaves
every recorded donor with another attribute. All other terms, the totals and the final embeddings then check them."""

THEIR_NAMES = {
    "net.backbone.": "network.backbone.",
    "net.bottleneck.": "network.neck.",
    "net.FAR_bottleneck.": "branch_neck.",
    "net.FAR_classifier.": "branch_head.",
    "clf.classifier.": "identity_head.",
}


class TinyBackbone(nn.Sequential):
    """The backbone of objective.npz: two strided convolutions."""

    channels = 16

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, self.channels, 3, 2, 1), nn.ReLU())


WARM_UP, AFTER = Draws(0, 0), Draws(0, FIRE2.after_epoch)


def tiny(weights: dict[str, float] | None = None, **changes: Any) -> Fire2:
    torch.manual_seed(0)
    return fire2(TinyBackbone(), PEOPLE, weights, **changes)


def terms_of(method: Fire2, seed: int = 0, replicas: int = 1) -> Terms:
    """The terms of a batch after the warm-up."""
    terms: Terms = SharedBatch(method, replicas=replicas)(batch(), AFTER._replace(seed=seed))
    return terms


def mined(method: Fire2, of_image: Tensor | None = None) -> Fire2:
    attributes = torch.arange(PEOPLE * IMAGES) // 2 if of_image is None else of_image
    owners = torch.stack([IDENTITIES[attributes == a][0] for a in range(int(attributes.max()) + 1)])
    centres = torch.randn(len(owners), method.network.dimension, generator=generator(3))
    method.assign(Attributes(attributes, owners, centres))
    return method


def batch(seed: int = 0) -> Batch:
    images = torch.randn(len(IDENTITIES), 3, 32, 16, generator=generator(seed))
    return Batch(images, IDENTITIES, torch.arange(len(IDENTITIES)))


def test_four_steps_of_the_authors_are_ours_too(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = golden("objective")
    objective = tiny()
    initial = {
        ours + name.removeprefix(f"init.{theirs}"): value
        for name, value in arrays.items()
        for theirs, ours in THEIR_NAMES.items()
        if name.startswith(f"init.{theirs}")
    }
    objective.load_state_dict(initial)
    optimizer = Optimizer(objective, launch("cpu"), weight_decay=5e-4)
    objective.assign(Attributes(torch.tensor(ATTRIBUTES[0]), arrays["owner"], arrays["centers"]))
    optimizer.follow_parameters()
    optimizer.set_rate(0, 3.5e-4)
    for step, attributes in enumerate(ATTRIBUTES):
        objective.attributes = torch.tensor(attributes)
        donors = torch.stack([arrays[f"s{step}.donor_upper"], arrays[f"s{step}.donor_lower"]])
        present = torch.ones(len(IDENTITIES), dtype=torch.bool)
        monkeypatch.setattr(module, "draw_recompositions", lambda *_, drawn=(donors[None], present): drawn)
        terms = SharedBatch(objective)(Batch(arrays[f"s{step}.images"], IDENTITIES, torch.arange(16)), AFTER)
        assert set(terms.named) == {"identity", "triplet", "attribute", "recomposition"}
        for name, term in [*terms.named.items(), ("total", terms.total)]:
            torch.testing.assert_close(term.double(), arrays[f"s{step}.{name}"], rtol=1e-5, atol=0)
        optimizer.accumulate(terms.total)
        optimizer.step()
    images = arrays["final.images"]
    loader = [Batch(images, torch.zeros(len(images)), torch.arange(len(images)))]
    found = embed(TorchEngine(objective.network), loader)  # type: ignore[arg-type]  # a list of batches will do
    torch.testing.assert_close(found, arrays["final.embedding_flip_averaged"], rtol=1e-5, atol=1e-6)


def test_warming_up_is_the_identity_term_alone() -> None:
    terms = SharedBatch(tiny())(batch(), WARM_UP)
    assert set(terms.named) == {"identity"}
    assert terms.total == terms.named["identity"]


@pytest.mark.parametrize("absent", ["triplet", "attribute", "recomposition"])
def test_a_term_of_weight_zero_is_not_computed(absent: str) -> None:
    terms = terms_of(mined(tiny({absent: 0.0})))
    assert set(terms.named) == {"identity", "triplet", "attribute", "recomposition"} - {absent}


def test_total_is_the_weighted_sum() -> None:
    weights = {"identity": 0.5, "triplet": 2.0, "attribute": 3.0, "recomposition": 0.7}
    terms = terms_of(mined(tiny(weights)))
    expected = sum(weights[name] * float(term.detach()) for name, term in terms.named.items())
    assert float(terms.total.detach()) == pytest.approx(expected, rel=1e-6)


def test_without_their_terms_no_attributes_are_needed() -> None:
    method = tiny({"attribute": 0.0, "recomposition": 0.0})
    assert not method.needs_attributes
    assert set(terms_of(method).named) == {"identity", "triplet"}
    assert tiny({"attribute": 0.0}).needs_attributes
    assert tiny({"recomposition": 0.0}).needs_attributes


def test_the_baseline_is_what_is_left_without_those_terms() -> None:
    """In an ablation both draw the same weights and take the same steps."""
    method = tiny({"attribute": 0.0, "recomposition": 0.0})
    torch.manual_seed(0)
    settings = BaselineSettings()
    baseline = Baseline(
        Network(TinyBackbone()),
        PEOPLE,
        settings.weights.model_dump(),
        **settings.model_dump(exclude={"name", "weights"}),
    )
    for draws in (WARM_UP, AFTER):
        ours, theirs = (SharedBatch(one)(batch(), draws) for one in (method, baseline))
        assert ours.named.keys() == theirs.named.keys()
        for name, term in [*ours.named.items(), ("total", ours.total)]:
            assert torch.equal(term, theirs.named.get(name, theirs.total)), name


def test_terms_of_attributes_before_any_were_assigned_are_refused() -> None:
    with pytest.raises(RuntimeError, match="assign"):
        terms_of(tiny())


def test_the_same_generator_seed_gives_the_same_terms() -> None:
    objective = mined(tiny())

    def recomposition(seed: int) -> Tensor:
        terms: Terms = terms_of(objective, seed)
        return terms.named["recomposition"].detach()

    assert recomposition(1) == recomposition(1)
    assert len({float(recomposition(seed)) for seed in range(4)}) > 1


def test_assigning_again_rebuilds_the_attribute_head() -> None:
    objective = mined(tiny())
    first = objective.attribute_weights
    mined(objective, torch.arange(PEOPLE * IMAGES))
    assert objective.attribute_weights is not first
    assert objective.attribute_weights is not None
    assert len(objective.attribute_weights) == PEOPLE * IMAGES
    assert any(parameter is objective.attribute_weights for parameter in objective.parameters())


def test_the_heads_are_no_part_of_the_network() -> None:
    assert not any("head" in name or "attribute" in name for name in tiny().network.state_dict())


def test_images_without_a_donor_are_left_out_and_counted() -> None:
    # One attribute for every image: nobody can dress anybody.
    objective = mined(tiny(), torch.zeros(PEOPLE * IMAGES, dtype=torch.int64))
    terms = terms_of(objective)
    assert "recomposition" not in terms.named
    assert terms.notes == {"without_donor": PEOPLE * IMAGES}
    assert terms.total.isfinite()


def test_several_recompositions_are_normalised_together_and_averaged() -> None:
    terms = terms_of(mined(tiny(recompositions=3)))
    alone, draws = mined(tiny()), AFTER.generator("donors")
    feature_map, attributes = alone.network.feature_map(batch().images), torch.arange(len(IDENTITIES)) // 2
    donors, present = draw_recompositions(attributes, 2, 3, draws)
    assert present.all()
    pooled = torch.cat([pool(recompose(feature_map, of_one, 2)) for of_one in donors])
    logits = alone.branch_head(alone.branch_neck(pooled))
    expected = nn.functional.cross_entropy(logits, IDENTITIES.repeat(3), label_smoothing=0.1)
    torch.testing.assert_close(terms.named["recomposition"], expected)


def test_the_attribute_term_has_a_smoothing_of_its_own() -> None:
    alike, apart = terms_of(mined(tiny())), terms_of(mined(tiny(attribute_smoothing=0.4)))
    assert alike.named["attribute"] != apart.named["attribute"]
    for name in ("identity", "recomposition"):
        assert torch.equal(alike.named[name], apart.named[name])
    heads = terms_of(mined(tiny(smoothing=0.4)))
    assert torch.equal(alike.named["attribute"], heads.named["attribute"])
    assert alike.named["recomposition"] != heads.named["recomposition"]


def test_replicas_normalise_and_draw_donors_within_each_part() -> None:
    objective = mined(tiny())
    alone = copy.deepcopy(objective)
    whole, half = batch(), len(IDENTITIES) // 2

    drawn: list[Tensor] = []

    def noting(*arguments: Any) -> tuple[Tensor, Tensor]:
        donors, present = draw_recompositions(*arguments)
        drawn.append(donors[0])
        return donors, present

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "draw_recompositions", noting)
        terms = terms_of(objective, replicas=2)
    assert [tuple(donors.shape) for donors in drawn] == [(2, half), (2, half)]
    assert all(int(donors.max()) < half for donors in drawn)

    # What data parallelism computes: each half through its own batch statistics, heads and losses over both.
    alone.train()
    first = alone.network(whole.images[:half])
    statistics = {name: value.clone() for name, value in alone.network.named_buffers() if "running" in name}
    embeddings = torch.cat([first, alone.network(whole.images[half:])])
    expected = nn.functional.cross_entropy(alone.identity_head(embeddings), whole.identities, label_smoothing=0.1)
    torch.testing.assert_close(terms.named["identity"], expected)
    for name, value in objective.network.named_buffers():
        if "running" in name:  # the first device's statistics are the ones that are kept
            torch.testing.assert_close(value, statistics[name])
    assert objective.network.neck.momentum == alone.network.neck.momentum


def test_the_recomposition_term_is_that_of_the_recomposed_maps() -> None:
    terms = terms_of(mined(tiny(recompositions=2)), replicas=2)
    alone, draws, half = mined(tiny()), AFTER.generator("donors"), len(IDENTITIES) // 2
    feature_map, attributes = alone.network.feature_map(batch().images), torch.arange(len(IDENTITIES)) // 2
    logits = []
    for part in (slice(0, half), slice(half, None)):
        donors, _present = draw_recompositions(attributes[part], 2, 2, draws)
        pooled = torch.cat([pool(recompose(feature_map[part], of_one, 2)) for of_one in donors])
        logits.append(alone.branch_head(alone.branch_neck(pooled)))
    of_logits = torch.cat([IDENTITIES[:half].repeat(2), IDENTITIES[half:].repeat(2)])
    torch.testing.assert_close(
        terms.named["recomposition"], identity_loss(torch.cat(logits), of_logits, FIRE2.smoothing)
    )


def test_the_recomposition_branch_is_seen_by_nothing_while_it_warms_up() -> None:
    objective = tiny()
    SharedBatch(objective)(batch(), WARM_UP)
    assert int(objective.branch_neck.state_dict()["num_batches_tracked"]) == 0


def test_mixed_precision_ends_at_the_feature_map() -> None:
    objective = mined(tiny())
    whole = terms_of(objective)
    seen = []
    objective.network.backbone.register_forward_hook(lambda _module, _images, output: seen.append(output.dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = terms_of(objective)
    assert seen == [torch.bfloat16]
    for name, term in mixed.named.items():
        assert term.dtype == torch.float32
        torch.testing.assert_close(term, whole.named[name], rtol=0.05, atol=0.05)


def test_one_batch_can_be_learnt_by_heart() -> None:
    objective = mined(tiny())
    optimizer = Optimizer(objective, launch("cpu"), weight_decay=0.0)
    optimizer.set_rate(0, 5e-3)

    def step(number: int) -> Terms:
        terms = terms_of(objective, number)
        optimizer.accumulate(terms.total)
        optimizer.step()
        return terms

    first = step(0)
    for number in range(1, 150):
        last = step(number)
    # Label smoothing 0.1 over 4 identities leaves a loss of 0.348 to a perfect classifier.
    assert float(first.named["identity"].detach()) > 1.3
    assert float(last.named["identity"].detach()) < 0.45
    assert float(last.named["triplet"].detach()) < 0.05
    assert float(last.named["attribute"].detach()) < float(first.named["attribute"].detach()) / 3
    assert float(last.named["recomposition"].detach()) < 0.8 * float(first.named["recomposition"].detach())


def test_what_was_mined_comes_back_with_the_state() -> None:
    """A checkpoint is loaded into a method that has mined nothing yet."""
    method, other = mined(tiny()), tiny()
    other.load_state_dict(method.state_dict())
    assert terms_of(other).total == terms_of(copy.deepcopy(method)).total
    assert other.image_groups is not None
    assert other.image_groups.tolist() == (torch.arange(PEOPLE * IMAGES) // 2).tolist()


def test_replicas_that_do_not_fit_the_processes_are_refused() -> None:
    with pytest.raises(SettingError, match=r"training\.replicas is 3, and there are 2 processes"):
        SharedBatch(tiny(), Processes(0, 2), replicas=3)
