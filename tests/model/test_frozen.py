"""Stages that training leaves as they are."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ccreid.errors import SettingError
from ccreid.model.backbone import Backbone

FROZEN = 3


def stepped(frozen: int) -> tuple[Backbone, dict[str, Tensor]]:
    """A backbone after one step of plain descent, and its state before."""
    torch.manual_seed(0)
    backbone = Backbone("mobilenetv2_035", height_px=64, width_px=32, last_stride=2, frozen=frozen)
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    optimizer = torch.optim.SGD([one for one in backbone.parameters() if one.requires_grad], lr=0.1)
    backbone.train()(torch.randn(4, 3, 64, 32)).square().mean().backward()
    optimizer.step()
    return backbone, before


def test_frozen_stages_keep_weights_and_statistics_and_the_others_learn() -> None:
    backbone, before = stepped(FROZEN)
    names = {parameter: name for name, parameter in backbone.named_parameters()}
    at_rest = {names[one].rsplit(".", 1)[0] for stage in backbone.stages()[:FROZEN] for one in stage}
    after = backbone.state_dict()
    for name, tensor in after.items():
        if name.rsplit(".", 1)[0] in at_rest:
            assert torch.equal(tensor, before[name]), name
    learning = [names[one] for stage in backbone.stages()[FROZEN:] for one in stage]
    assert sum(not torch.equal(after[name], before[name]) for name in learning) > 0.9 * len(learning)
    moved = [name for name in after if name.endswith("running_mean") and not torch.equal(after[name], before[name])]
    assert moved
    assert not any(name.rsplit(".", 1)[0] in at_rest for name in moved)


def test_without_it_the_stem_learns_too() -> None:
    backbone, before = stepped(0)
    assert not torch.equal(backbone.state_dict()["model.conv_stem.weight"], before["model.conv_stem.weight"])


def test_more_stages_than_there_are_are_refused() -> None:
    with pytest.raises(SettingError, match=r"network\.frozen is 9, and 'mobilenetv2_035' has 8 stages") as refused:
        Backbone("mobilenetv2_035", height_px=64, width_px=32, last_stride=2, frozen=9)
    assert "0 to 8" in refused.value.mend
