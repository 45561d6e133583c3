"""A method's step on a batch that processes share, or that imitates several devices."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ccreid.data.batch import Batch
from ccreid.errors import SettingError
from ccreid.machine.processes import ALONE, Processes
from ccreid.methods.memory import Memory
from ccreid.methods.method import Draws, Labels, Method, Seen, Terms
from ccreid.model.network import pool
from ccreid.model.normalisation import normalise_apart, normalise_together


class SharedBatch(nn.Module):
    """Each process sees its own images; then every one computes the losses of the whole batch.

    What was seen travels with its gradients (embeddings and statistics, not feature maps), so that a loss is what it
    would be in one process and each process's images get their share of its gradient.

    Parameters
    ----------
    method:
        Whose step it is.
    processes:
        Those that share each batch, every one with as many images.
    replicas:
        Into how many parts the batch is split for batch normalisation and whatever else the method keeps inside a
        part, as data parallelism over that many devices does; running statistics follow the first. 1 treats the batch
        as a whole whatever the number of processes.
    memory:
        What the network is held near to, by terms beside the method's; None lets it forget.

    Raises
    ------
    SettingError
        There are several processes, and neither one replica nor as many as processes.
    """

    def __init__(
        self, method: Method, processes: Processes = ALONE, replicas: int = 1, memory: Memory | None = None
    ) -> None:
        super().__init__()
        check_replicas(replicas, processes.count)
        self.method, self.processes, self.replicas, self.memory = method, processes, replicas, memory
        for network in [method.network] if memory is None else [method.network, memory.beginning]:
            if processes.count == 1:
                normalise_apart(network, replicas)
            elif replicas == 1:
                normalise_together(network, processes)

    def forward(self, batch: Batch, draws: Draws) -> Terms:
        """The terms of the whole batch, of which this process is given its part.

        Mixed precision ends at the feature map: what follows is small, and in float32 (a distance between
        embeddings would drown in the rounding of their squares).
        """
        feature_map = self.method.network.feature_map(batch.images)
        remembered = None if self.memory is None else self.memory(batch.images)
        gather = self.processes.gather
        with torch.autocast(feature_map.device.type, enabled=False):
            seen = _each(gather, self.method.see(feature_map, draws))
            labels = Labels(gather(batch.identities), gather(batch.indices), self.replicas)
            terms = self.method.terms(seen, labels, draws)
            if self.memory is None or remembered is None:
                return terms
            return self.memory.with_terms(terms, gather(pool(feature_map)), gather(remembered))


def check_replicas(replicas: int, processes: int) -> None:
    """Make sure that so many processes can treat a batch as so many replicas. Raises SettingError."""
    if replicas > 1 and processes not in (1, replicas):
        raise SettingError(
            f"training.replicas is {replicas}, and there are {processes} processes.",
            f"Set training.replicas to 1 (the batch as a whole) or to {processes} (each process by itself).",
        )


def _each(function: Callable[[Tensor], Tensor], seen: Seen) -> Seen:
    """A function of every tensor that was seen; None stays None."""
    if seen is None or isinstance(seen, Tensor):
        return seen if seen is None else function(seen)
    return type(seen)(*(_each(function, part) for part in seen))
