"""Adam over a method whose parameters change from epoch to epoch."""

from __future__ import annotations

from typing import cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ccreid.methods import Group, Method
from ccreid.model.backbone import Backbone
from ccreid.training.layer_rates import by_stage


class Optimizer:
    """Adam with coupled weight decay (L2), on a method's groups of parameters.

    Parameters
    ----------
    method:
        Its parameters may be others in another epoch; its groups are not.
    fabric:
        Runs the backward pass.
    weight_decay:
        L2, added to the gradient.
    clip_norm:
        Largest norm of the gradient, which is scaled down to it; None leaves it as it is.
    layer_decay:
        Factor of the rate from a stage of the backbone to the one before it, see :func:`by_stage`.
    """

    def __init__(
        self,
        method: Method,
        fabric: Fabric,
        weight_decay: float,
        clip_norm: float | None = None,
        layer_decay: float = 1.0,
    ) -> None:
        self.method, self.fabric = method, fabric
        self.weight_decay, self.clip_norm, self.layer_decay = weight_decay, clip_norm, layer_decay
        self._waiting: list[nn.Parameter] = []  # of groups whose first epoch is yet to come
        self.reset()

    def reset(self) -> None:
        """Begin anew: forget every moment."""
        parameters = [{"params": list(group.parameters)} for group in self._groups()]
        # Fused: one pass over each parameter, its gradient and its moments, where the plain way makes a dozen.
        self.adam = torch.optim.Adam(parameters, weight_decay=self.weight_decay, fused=True)
        self._stepper = cast(torch.optim.Optimizer, self.fabric.setup_optimizers(self.adam))

    def follow_parameters(self) -> None:
        """Take up new parameters and drop those that are gone; the others keep their moments."""
        for held, group in zip(self.adam.param_groups, self._groups(), strict=True):
            held["params"] = list(group.parameters)
        for gone in set(self.adam.state) - set(self._parameters()):
            del self.adam.state[gone]

    def set_rate(self, epoch: int, learning_rate: float) -> None:
        """Set what the steps of an epoch (0-based) go by; each group makes its own rate of the run's."""
        groups = self._groups()
        self._waiting = [parameter for group in groups if epoch < group.from_epoch for parameter in group.parameters]
        for held, group in zip(self.adam.param_groups, groups, strict=True):
            held["lr"] = group.rate(epoch, learning_rate)

    def accumulate(self, loss: Tensor) -> None:
        """Add the gradient of a scalar to those since the last step."""
        self.fabric.backward(loss)

    def step(self) -> None:
        """Descend one step along the gradients that were accumulated."""
        for parameter in self._waiting:
            parameter.grad = None
        if self.clip_norm is not None:
            self.fabric.clip_gradients(self.method, self._stepper, max_norm=self.clip_norm, error_if_nonfinite=False)
        self._stepper.step()
        self.adam.zero_grad()

    def moments(self) -> dict[str, Tensor]:
        """Adam's state by "<parameter number>.<name>"."""
        state = self.adam.state_dict()["state"]
        return {f"{number}.{name}": value for number, entry in state.items() for name, value in entry.items()}

    @torch.no_grad()
    def restore(self, moments: dict[str, Tensor]) -> None:
        """Take up the moments that :meth:`moments` gave, for the same parameters."""
        parameters = self._parameters()
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in moments.items():
            number, name = key.split(".")
            parameter = parameters[int(number)]
            if value.shape == parameter.shape:  # the fused step goes through the memory of all of them in one order
                value = torch.empty_like(parameter).copy_(value)
            state.setdefault(int(number), {})[name] = value
        self.adam.load_state_dict({"state": state, "param_groups": self.adam.state_dict()["param_groups"]})

    def _groups(self) -> list[Group]:
        groups = list(self.method.groups().values())
        if self.layer_decay == 1:
            return groups
        return by_stage(groups, cast(Backbone, self.method.network.backbone).stages(), self.layer_decay)

    def _parameters(self) -> list[nn.Parameter]:
        return [parameter for group in self._groups() for parameter in group.parameters]
