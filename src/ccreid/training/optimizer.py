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
    clip_norm:
        Largest norm of the gradient, which is scaled down to it; None leaves it as it is.
    """

    def __init__(
        self, objective: nn.Module, fabric: Fabric, weight_decay: float, clip_norm: float | None = None
    ) -> None:
        self.objective, self.fabric, self.weight_decay, self.clip_norm = objective, fabric, weight_decay, clip_norm
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

    def accumulate(self, loss: Tensor) -> None:
        """Add the gradient of a scalar to those since the last step."""
        self.fabric.backward(loss)

    def step(self) -> None:
        """Descend one step along the gradients that were accumulated."""
        if self.clip_norm is not None:
            self.fabric.clip_gradients(self.objective, self._stepper, max_norm=self.clip_norm, error_if_nonfinite=False)
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

    def _parameters(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.objective.parameters() if parameter.requires_grad]
