"""The true outfits as attributes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from ccreid.errors import DataError
from ccreid.machine.processes import ALONE
from ccreid.methods import TrainImages
from ccreid.methods.fire2 import discover_attributes, worn_attributes
from ccreid.methods.outfits import Outfits
from ccreid.vocabulary import Samples
from papers import FIRE2, fire2, mining

PERSON = np.array([5, 9, 5, 9, 5, 5, 9])
CLOTHES = [3, 3, 1, 3, 3, None, None]
"""Person 5 (identity 0) wears 3 and 1 and something unknown, person 9 (identity 1) wears 3 and something unknown."""
ATTRIBUTES = [1, 3, 0, 3, 1, 2, 4]
OWNERS = [0, 0, 0, 1, 1]


def samples() -> Samples:
    return Samples(PERSON, clothes=CLOTHES, files=tuple(f"{row}.jpg" for row in range(len(PERSON))))  # type: ignore[arg-type]  # as readers give them


def units(*shape: int) -> Tensor:
    return normalize(torch.randn(shape, generator=torch.Generator().manual_seed(0)), dim=1)


def test_attributes_are_the_outfits_of_each_person_and_single_images_of_unknown_ones() -> None:
    embeddings = units(7, 5)
    found = worn_attributes(embeddings, samples().identities, Outfits.of(samples()))
    assert (found.of_image.tolist(), found.owners.tolist()) == (ATTRIBUTES, OWNERS)
    assert found.of_image.dtype == found.owners.dtype == torch.int64
    for attribute in range(len(found)):
        mean = embeddings[[row for row, own in enumerate(ATTRIBUTES) if own == attribute]].mean(dim=0)
        torch.testing.assert_close(found.centres[attribute], mean)


def test_a_mining_without_a_mistake_is_the_very_same() -> None:
    worn, identities = np.arange(4).repeat(25), np.arange(2).repeat(50)
    embeddings = normalize(torch.eye(4)[torch.from_numpy(worn)] + 0.02 * units(100, 4), dim=1)
    given = worn_attributes(embeddings, identities, Outfits(worn, np.array([0, 0, 1, 1])))
    mined = discover_attributes(embeddings, torch.from_numpy(identities), mining())
    assert all(torch.equal(getattr(given, name), getattr(mined, name)) for name in ("of_image", "owners", "centres"))


def test_a_network_that_has_diverged_is_told() -> None:
    embeddings = units(7, 5)
    embeddings[3] = torch.nan
    with pytest.raises(DataError, match="1 embeddings are not of length 1, the first in row 3"):
        worn_attributes(embeddings, samples().identities, Outfits.of(samples()))


def test_the_method_takes_them_after_the_warm_up_and_clusters_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("something was clustered")

    monkeypatch.setattr("ccreid.methods.fire2.mining.clusters_inside", refuse)
    backbone = torch.nn.Conv2d(3, 4, 3)
    backbone.channels = 4  # type: ignore[assignment]  # what a network asks of a backbone
    method = fire2(backbone, 2, mining=Outfits.of(samples()))
    images = TrainImages(samples(), lambda: units(7, 8), ALONE)
    assert method.begin_epoch(FIRE2.after_epoch - 1, images).notes == {}
    assert "attributes" not in method.state_dict()
    assert method.begin_epoch(FIRE2.after_epoch, images).notes == {"attributes": 5}
    assert method.state_dict()["attributes"].tolist() == ATTRIBUTES
