"""A network whose weights are a running average of those in training."""

from __future__ import annotations

from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ccreid.model.network import Network


class Average:
    """An exponential moving average of a network's weights and running statistics.

    Parameters
    ----------
    network:
        In training; it is not changed.
    decay:
        Share of the average that a step keeps, in [0, 1).
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.source = network
        self._averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)

    @property
    def network(self) -> Network:
        """The averaged network."""
        module = self._averaged.module
        if not isinstance(module, Network):
            raise TypeError(f"{type(module)} is no network.")
        return module

    def follow(self) -> None:
        """Take in the weights as they are after a step; the first time, they are the average."""
        self._averaged.update_parameters(self.source)

    def state(self) -> dict[str, Tensor]:
        """What :meth:`restore` needs, by name."""
        return dict(self._averaged.state_dict())

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up what :meth:`state` gave."""
        self._averaged.load_state_dict(state)
