"""What the training loop knows of a method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from ccreid.machine.processes import Processes
from ccreid.machine.seeds import generator
from ccreid.model.network import Network
from ccreid.vocabulary import Ids, Samples

Seen: TypeAlias = Any
"""What a method keeps of a batch: a tensor (B, ...), None, or a named tuple of such, nested or not."""


class Draws(NamedTuple):
    """Where a run stands, and so what is drawn there (a named tuple: Fabric maps over those).

    Attributes
    ----------
    seed:
        The run's.
    epoch, step:
        Both from 0.
    """

    seed: int
    epoch: int
    step: int = 0

    def generator(self, purpose: str) -> torch.Generator:
        """On the CPU, for one purpose of this step; every process of a run is given an equal one."""
        return generator(self.seed, purpose, self.epoch, self.step)


class Labels(NamedTuple):
    """What is known of the images of a whole batch, of every process.

    Attributes
    ----------
    identities:
        (B,) int64.
    indices:
        (B,) int64 into the training images: everything else is looked up there.
    replicas:
        Into how many equal parts the batch is split for whatever looks at several of its images before the losses.
    """

    identities: Tensor
    indices: Tensor
    replicas: int = 1

    def parts(self) -> tuple[Tensor, ...]:
        """Rows of each part, one after the other."""
        return torch.arange(len(self.indices), device=self.indices.device).chunk(self.replicas)


class Terms(NamedTuple):
    """The loss of one batch (a named tuple: Fabric maps over those).

    Attributes
    ----------
    named:
        Each computed term, unweighted, a scalar with its gradient.
    total:
        Their weighted sum.
    notes:
        What else the journal should hold of the step, by name; an epoch's row has their sums.
    """

    named: dict[str, Tensor]
    total: Tensor
    notes: dict[str, int] = {}  # noqa: RUF012 - a named tuple's defaults are not the class's

    @classmethod
    def weighted(cls, named: dict[str, Tensor], weights: Mapping[str, float], notes: dict[str, int]) -> Terms:
        """Terms with the sum of each times its weight."""
        return cls(named, torch.stack([weights[name] * term for name, term in named.items()]).sum(), notes)


@dataclass(frozen=True, eq=False)
class TrainImages:
    """The training images, for a method that looks at all of them before an epoch.

    Attributes
    ----------
    samples:
        N images with their columns.
    embed:
        Gives the (N, D) float32 embeddings of the network as it stands, L2-normalised, on the CPU, as the test
        transform shows the images and without their mirror images.
    processes:
        Those of the run; each has all samples and embeddings.
    """

    samples: Samples
    embed: Callable[[], Tensor]
    processes: Processes


@dataclass(frozen=True)
class EpochStart:
    """What a method has done before an epoch.

    Attributes
    ----------
    notes:
        What it found, by name, for the journal; nothing where it found nothing.
    restarts_optimizer:
        Whether the optimizer is to forget every moment.
    """

    notes: Mapping[str, int] = field(default_factory=dict)
    restarts_optimizer: bool = False


def follow(_epoch: int, learning_rate: float) -> float:
    """The run's learning rate."""
    return learning_rate


class Group(NamedTuple):
    """Parameters that are trained alike.

    Attributes
    ----------
    parameters:
        In an order that stays.
    rate:
        Their learning rate, of an epoch (from 0) and the run's learning rate in it.
    from_epoch:
        The first epoch that trains them, from 0.
    """

    parameters: tuple[nn.Parameter, ...]
    rate: Callable[[int, float], float] = follow
    from_epoch: int = 0


class Method(nn.Module):
    """A way of training a network: what is made of a batch, and which losses.

    A method of one's own defines :meth:`terms`, as if there were one process and one device; whatever else it has is
    optional. That processes share a batch is :class:`ccreid.methods.sharing.SharedBatch`'s. What a method keeps from
    one epoch to the next must be in its parameters and buffers: they are what a checkpoint holds.

    Parameters
    ----------
    network:
        What is trained and shipped.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def begin_epoch(self, epoch: int, images: TrainImages) -> EpochStart:
        """Prepare an epoch (from 0); not called again where a run goes on within one."""
        del epoch, images
        return EpochStart()

    def see(self, feature_map: Tensor, draws: Draws) -> Seen:
        """What :meth:`terms` needs of (B, C, H', W') feature maps, row by row; as it is, embeddings (B, D).

        Of several processes, each sees the images that are its own.
        """
        del draws
        return self.network.embed(feature_map)

    def terms(self, seen: Seen, labels: Labels, draws: Draws) -> Terms:
        """The losses of a whole batch, of what :meth:`see` gave for all its images, in float32 at least."""
        raise NotImplementedError

    def groups(self) -> Mapping[str, Group]:
        """All trainable parameters, by the name of their group."""
        return {"all": Group(tuple(parameter for parameter in self.parameters() if parameter.requires_grad))}

    @property
    def image_groups(self) -> Ids | None:
        """(N,) in which group of its own making each training image is, for whoever draws batches; None without any."""
        return None
