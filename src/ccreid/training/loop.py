"""The training loop, of any method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric

from ccreid.data.loaders import PlainLoader, TrainLoader
from ccreid.errors import InterruptedRun
from ccreid.machine.seeds import derive_seed
from ccreid.machine.stopping import StopRequest
from ccreid.methods import Draws, TrainImages
from ccreid.model.embedding import embed
from ccreid.model.engine import TorchEngine
from ccreid.model.network import Network
from ccreid.training.checkpoint import Checkpoints, Position, State
from ccreid.training.health import Health, values_of
from ccreid.training.journal import Journal
from ccreid.training.schedule import Schedule


@dataclass(frozen=True)
class Plan:
    """When what happens.

    Attributes
    ----------
    epochs:
        How many.
    schedule:
        Learning rates.
    accumulate:
        Batches that a step of the optimizer is made of.
    seed:
        Of every draw.
    """

    epochs: int
    schedule: Schedule
    accumulate: int
    seed: int

    def accumulation(self, step: int, steps: int) -> tuple[int, bool]:
        """Of how many batches the optimizer's step is made that one of an epoch belongs to; whether it is its last."""
        first = step - step % self.accumulate
        batches = min(self.accumulate, steps - first)
        return batches, step + 1 == first + batches


def train(
    state: State,
    train_loader: TrainLoader,
    plain_loader: PlainLoader,
    plan: Plan,
    *,
    fabric: Fabric,
    checkpoints: Checkpoints,
    health: Health,
    open_journal: Callable[[Position], Journal],
    on_epoch_end: Callable[[int, Network], float | None] = lambda _epoch, _network: None,
) -> None:
    """Train from wherever the checkpoint stands to the end of the plan.

    `on_epoch_end` is given each epoch (0-based) with its network, and may give back a score for the journal.

    Raises
    ------
    InterruptedRun
        A stop was requested: the step was finished and the state saved.
    DivergedError, ImageError, StorageError
        The loss is not finite, an image cannot be read, a file cannot be written; the last checkpoint is intact.
    """
    method, optimizer, processes = state.method, state.optimizer, state.shared.processes

    def embed_all() -> torch.Tensor:
        engine = TorchEngine(method.network, flip=False, autocast=fabric.autocast)
        return embed(engine, plain_loader, processes=processes)

    images = TrainImages(plain_loader.samples, embed_all, processes)
    position = checkpoints.restore(state)
    with open_journal(position) as journal, StopRequest() as stop:
        for epoch in range(position.epoch, plan.epochs):
            if position.step == 0:
                start = method.begin_epoch(epoch, images)
                optimizer.reset() if start.restarts_optimizer else optimizer.follow_parameters()
                if start.notes:
                    journal.begin(epoch, start.notes)
            compute = fabric.setup_module(state.shared)  # anew: its parameters may be others in this epoch
            train_loader.sampler.follow(method.image_groups)
            learning_rate = plan.schedule.rate(epoch)
            optimizer.set_rate(epoch, learning_rate)
            steps = train_loader.steps(epoch)
            for step, batch in train_loader.epoch(epoch, first=position.step):
                torch.manual_seed(derive_seed(plan.seed, "network", epoch, step))  # for dropout and its like
                batches, descends = plan.accumulation(step, steps)
                with fabric.no_backward_sync(compute, enabled=not descends):
                    terms = compute(batch, Draws(plan.seed, epoch, step))
                    optimizer.accumulate(terms.total / batches)
                values = values_of(terms, processes)
                health.check(values, batch, epoch, step)
                journal.step(epoch, step, values, learning_rate)
                if not descends:
                    continue
                optimizer.step()
                if state.average is not None:
                    state.average.follow()
                if processes.any(stop.requested):
                    checkpoints.save(Position(epoch, step + 1), state)
                    processes.wait()  # whoever ends first ends the others
                    raise InterruptedRun(f"Stopped in epoch {epoch + 1} of {plan.epochs}, after step {step + 1}.")
            del compute  # so that it lets go of the parameters
            processes.follow_leader(method)  # the running statistics may be those of each one's own images
            if state.average is not None:
                processes.follow_leader(state.average.network)
            journal.epoch(epoch, validation=on_epoch_end(epoch, state.network))
            position = Position(epoch + 1)
            checkpoints.save(position, state)
