"""Adam over an objective whose parameters change from epoch to epoch."""

from __future__ import annotations

from typing import cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn


class Optimizer:
    """Adam with coupled weight decay (L2), on all trainable parameters of an objective.

    Parameters
    ----------
    objective:
        Its attribute head is another parameter after every mining.
    fabric:
        Runs the backward pass.
    weight_decay:
        L2, added to the gradient.
    """

    def __init__(self, objective: nn.Module, fabric: Fabric, weight_decay: float) -> None:
        self.objective, self.fabric, self.weight_decay = objective, fabric, weight_decay
        self.reset()

    def reset(self) -> None:
        """Begin anew: forget every moment."""
        # Fused: one pass over each parameter, its gradient and its moments, where the plain way makes a dozen.
        self.adam = torch.optim.Adam(self._parameters(), weight_decay=self.weight_decay, fused=True)
        self._stepper = cast(torch.optim.Optimizer, self.fabric.setup_optimizers(self.adam))

    def follow_parameters(self) -> None:
        """Take up new parameters and drop those that are gone; the others keep their moments."""
        parameters = self._parameters()
        self.adam.param_groups[0]["params"] = parameters
        for gone in set(self.adam.state) - set(parameters):
            del self.adam.state[gone]

    def set_rate(self, learning_rate: float) -> None:
        """Set the learning rate of the steps to come."""
        self.adam.param_groups[0]["lr"] = learning_rate

    def step(self, loss: Tensor) -> None:
        """Descend one step along the gradient of a scalar."""
        self.adam.zero_grad()
        self.fabric.backward(loss)
        self._stepper.step()

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

    def _parameters(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.objective.parameters() if parameter.requires_grad]
