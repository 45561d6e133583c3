"""Adam over parameters that come and go."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ccreid.machine.devices import launch
from ccreid.methods import Group, Method
from ccreid.model.backbone import Backbone
from ccreid.model.network import Network
from ccreid.training.optimizer import Optimizer


class Nothing(nn.Module):
    """In the place of a backbone."""

    channels = 1


class Growing(Method):
    """A method with one lasting parameter and one that is replaced."""

    def __init__(self) -> None:
        super().__init__(Network(Nothing()))
        self.head = nn.Parameter(torch.ones(2))
        self.lasting = nn.Parameter(torch.ones(3))
        self.frozen = nn.Parameter(torch.ones(1), requires_grad=False)

    def loss(self) -> torch.Tensor:
        return self.head.square().sum() + self.lasting.square().sum() + self.frozen.sum()


def stepped() -> tuple[Growing, Optimizer]:
    module = Growing()
    optimizer = Optimizer(module, launch("cpu"), weight_decay=0.0)
    optimizer.set_rate(0, 0.1)
    optimizer.accumulate(module.loss())
    optimizer.step()
    return module, optimizer


def test_frozen_parameters_stay() -> None:
    module, _ = stepped()
    assert module.frozen.item() == 1.0
    assert (module.lasting < 1).all()


def test_following_keeps_the_moments_of_those_that_stay() -> None:
    module, optimizer = stepped()
    before = optimizer.adam.state[module.lasting]["exp_avg"].clone()
    module.head = nn.Parameter(torch.ones(4))
    optimizer.follow_parameters()
    assert torch.equal(optimizer.adam.state[module.lasting]["exp_avg"], before)
    assert set(optimizer.adam.state) == {module.lasting}
    optimizer.accumulate(module.loss())
    optimizer.step()
    assert (module.head < 1).all()


def test_resetting_forgets_every_moment_but_weight_decay_and_parameters_remain() -> None:
    module, optimizer = stepped()
    module.head = nn.Parameter(torch.ones(4))
    optimizer.reset()
    assert not optimizer.moments()
    optimizer.set_rate(0, 0.1)
    optimizer.accumulate(module.loss())
    optimizer.step()
    assert (module.head < 1).all()


def test_gradients_add_up_until_the_step() -> None:
    module = Growing()
    optimizer = Optimizer(module, launch("cpu"), weight_decay=0.0)
    for _ in range(3):
        optimizer.accumulate(module.loss() / 3)
    torch.testing.assert_close(module.lasting.grad, 2 * torch.ones(3))
    optimizer.step()
    assert module.lasting.grad is None


@pytest.mark.parametrize(("most", "expected"), [(None, 2 * 5**0.5), (1.0, 1.0), (100.0, 2 * 5**0.5)])
def test_the_gradient_is_no_longer_than_it_may_be(most: float | None, expected: float) -> None:
    module, used = Growing(), []
    optimizer = Optimizer(module, launch("cpu"), weight_decay=0.0, clip_norm=most)

    def note(*_: object) -> None:
        assert module.head.grad is not None
        assert module.lasting.grad is not None
        used.append(torch.cat([module.head.grad, module.lasting.grad]).norm().item())

    optimizer.adam.register_step_pre_hook(note)
    optimizer.accumulate(module.loss())
    optimizer.step()
    assert used == pytest.approx([expected])


def test_restored_moments_continue_the_same_descent() -> None:
    first, optimizer = stepped()
    second = Growing()
    second.load_state_dict(first.state_dict())
    other = Optimizer(second, launch("cpu"), weight_decay=0.0)
    other.restore({name: value.clone() for name, value in optimizer.moments().items()})
    other.set_rate(0, 0.1)
    for module, each in ((first, optimizer), (second, other)):
        each.accumulate(module.loss())
        each.step()
    assert torch.equal(first.lasting, second.lasting)
    assert torch.equal(first.head, second.head)


def test_restored_moments_fit_a_parameter_of_any_memory_format() -> None:
    """A checkpoint holds them contiguous; the fused step would pair them with other weights."""

    def convolution() -> tuple[nn.Conv2d, Optimizer]:
        torch.manual_seed(0)
        layer = nn.Conv2d(5, 4, 3).to(memory_format=torch.channels_last)
        method = Method(Network(Nothing()))
        method.layer = layer
        optimizer = Optimizer(method, launch("cpu"), weight_decay=5e-4)
        optimizer.set_rate(0, 0.1)
        return layer, optimizer

    def step(layer: nn.Conv2d, optimizer: Optimizer, seed: int) -> None:
        images = torch.randn(2, 5, 6, 6, generator=torch.Generator().manual_seed(seed))
        optimizer.accumulate(layer(images).square().sum())
        optimizer.step()

    (first, optimizer), (second, other) = convolution(), convolution()
    step(first, optimizer, 0)
    second.load_state_dict(first.state_dict())
    other.restore(
        {name: value.clone(memory_format=torch.contiguous_format) for name, value in optimizer.moments().items()}
    )
    step(first, optimizer, 1)
    step(second, other, 1)
    assert torch.equal(first.weight, second.weight)
    assert first.weight.is_contiguous(memory_format=torch.channels_last)


class Twofold(Growing):
    """A method whose head has a constant rate and begins in the second epoch."""

    def groups(self) -> dict[str, Group]:
        return {
            "lasting": Group((self.lasting,)),
            "head": Group((self.head,), rate=lambda _epoch, _rate: 0.5, from_epoch=1),
        }


def test_groups_have_a_rate_and_a_start_of_their_own() -> None:
    method = Twofold()
    optimizer = Optimizer(method, launch("cpu"), weight_decay=0.0)
    moved = []
    for epoch in range(2):
        before = {"lasting": method.lasting.detach().clone(), "head": method.head.detach().clone()}
        optimizer.set_rate(epoch, 0.1)
        optimizer.accumulate(method.loss())
        optimizer.step()
        moved.append({name: float((before[name] - getattr(method, name).detach()).abs().max()) for name in before})
    assert moved[0] == pytest.approx({"lasting": 0.1, "head": 0.0})  # Adam's first step is as long as its rate
    assert moved[1] == pytest.approx({"lasting": 0.1, "head": 0.5}, rel=0.01)
    assert {name.partition(".")[0] for name in optimizer.moments()} == {"0", "1"}


class OnBackbone(Method):
    """A head beside a network, in two groups across which the network is divided as it happens to be."""

    def __init__(self) -> None:
        super().__init__(Network(Backbone("test_resnet", height_px=32, width_px=16)))
        self.head = nn.Linear(self.network.dimension, 3)

    def groups(self) -> dict[str, Group]:
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return {
            "even": Group(tuple(trained[::2])),
            "odd": Group(tuple(trained[1::2]), rate=lambda _epoch, _rate: 0.5, from_epoch=1),
        }

    def loss(self) -> torch.Tensor:
        return sum((parameter.sum() for parameter in self.parameters()), torch.zeros(()))


# From the names in timm's ResNet: how many stages lie between a parameter and the heads.
STAGES_BELOW = {"conv1": 5, "bn1": 5, "layer1": 4, "layer2": 3, "layer3": 2, "layer4": 1}


def below(name: str) -> int:
    """Of a parameter of the method by its name."""
    prefix, _, rest = name.partition("network.backbone.model.")
    return STAGES_BELOW[rest.split(".")[0]] if not prefix else 0


def test_stages_nearer_the_input_learn_at_lower_rates() -> None:
    method = OnBackbone()
    optimizer = Optimizer(method, launch("cpu"), weight_decay=0.0, layer_decay=0.5)
    before = {name: parameter.detach().clone() for name, parameter in method.named_parameters()}
    in_second = {id(parameter) for parameter in method.groups()["odd"].parameters}
    for epoch in range(2):
        optimizer.set_rate(epoch, 0.1)
        optimizer.accumulate(method.loss())
        optimizer.step()
    for name, parameter in method.named_parameters():
        if not parameter.requires_grad:
            continue
        whole = 0.5 if id(parameter) in in_second else 0.1 + 0.1  # begins an epoch later, at a rate of its own
        moved = (before[name] - parameter).mean().item()  # under a constant gradient each step is as long as its rate
        assert moved == pytest.approx(whole * 0.5 ** below(name), rel=1e-3), name
    assert {below(name) for name in before} == {0, 1, 2, 3, 4, 5}


def test_a_method_may_grow_where_stages_have_rates_of_their_own() -> None:
    method = OnBackbone()
    optimizer = Optimizer(method, launch("cpu"), weight_decay=0.0, layer_decay=0.5)
    optimizer.accumulate(method.loss())
    optimizer.step()
    stem = next(method.network.backbone.parameters())
    before = optimizer.adam.state[stem]["exp_avg"].clone()
    method.head = nn.Linear(method.network.dimension, 7)
    optimizer.follow_parameters()
    assert torch.equal(optimizer.adam.state[stem]["exp_avg"], before)
    optimizer.set_rate(1, 0.1)
    optimizer.accumulate(method.loss())
    optimizer.step()
    again = Optimizer(method, launch("cpu"), weight_decay=0.0, layer_decay=0.5)
    again.restore({name: value.clone() for name, value in optimizer.moments().items()})
    for parameter, state in optimizer.adam.state.items():
        assert torch.equal(again.adam.state[parameter]["exp_avg"], state["exp_avg"])
