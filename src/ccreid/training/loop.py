"""The training loop of FIRe²."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from lightning_fabric import Fabric

from ccreid.data.loaders import PlainLoader, TrainLoader
from ccreid.errors import InterruptedRun
from ccreid.machine.seeds import derive_seed, generator
from ccreid.machine.stopping import StopRequest
from ccreid.methods import Attributes, Mining, Objective, discover_attributes
from ccreid.model.embedding import embed
from ccreid.model.network import Network
from ccreid.training.checkpoint import Checkpoints, Position, State
from ccreid.training.health import Health, values_of
from ccreid.training.journal import Journal
from ccreid.training.schedule import Schedule


@dataclass(frozen=True)
class Plan:
    """When what happens; the paper's values (LTCC, Celeb-reID) are the defaults.

    Attributes
    ----------
    epochs:
        How many.
    attributes_from:
        e0: how many epochs train with L_id alone before attributes are mined.
    mining:
        How they are.
    mine_every:
        Epochs between two minings.
    schedule:
        Learning rates.
    reset_optimizer_each_epoch:
        Forget Adam's moments at every epoch after e0, as the reference does.
    accumulate:
        Batches that a step of the optimizer is made of.
    seed:
        Of every draw.
    """

    epochs: int = 80
    attributes_from: int = 25
    mining: Mining = field(default_factory=Mining)
    mine_every: int = 1
    schedule: Schedule = field(default_factory=Schedule)
    reset_optimizer_each_epoch: bool = True
    accumulate: int = 1
    seed: int = 0

    def accumulation(self, step: int, steps: int) -> tuple[int, bool]:
        """Of how many batches the optimizer's step is made that one of an epoch belongs to; whether it is its last."""
        first = step - step % self.accumulate
        batches = min(self.accumulate, steps - first)
        return batches, step + 1 == first + batches

    def mines(self, epoch: int) -> bool:
        """Whether attributes are mined before an epoch (0-based)."""
        return epoch >= self.attributes_from and (epoch - self.attributes_from) % self.mine_every == 0


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
    objective, optimizer = state.objective, state.optimizer
    processes = objective.processes
    position = checkpoints.restore(state)
    with open_journal(position) as journal, StopRequest() as stop:
        for epoch in range(position.epoch, plan.epochs):
            objective.warming_up = epoch < plan.attributes_from
            if position.step == 0 and not objective.warming_up:
                if objective.needs_attributes and plan.mines(epoch):
                    attributes = _mined(objective, plain_loader, plan.mining, fabric)
                    objective.assign(attributes)
                    journal.mined(epoch, len(attributes))
                optimizer.reset() if plan.reset_optimizer_each_epoch else optimizer.follow_parameters()
            compute = fabric.setup_module(objective)  # anew: its parameters are others after mining
            train_loader.sampler.follow(objective.attributes_of_images)
            learning_rate = plan.schedule.rate(epoch)
            optimizer.set_rate(learning_rate)
            steps = train_loader.steps(epoch)
            for step, batch in train_loader.epoch(epoch, first=position.step):
                torch.manual_seed(derive_seed(plan.seed, "network", epoch, step))  # for dropout and its like
                batches, descends = plan.accumulation(step, steps)
                with fabric.no_backward_sync(compute, enabled=not descends):
                    terms = compute(batch, generator(plan.seed, "donors", epoch, step))
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
            processes.follow_leader(objective)  # the running statistics may be those of each one's own images
            if state.average is not None:
                processes.follow_leader(state.average.network)
            journal.epoch(epoch, validation=on_epoch_end(epoch, state.network))
            position = Position(epoch + 1)
            checkpoints.save(position, state)


def _mined(objective: Objective, loader: PlainLoader, mining: Mining, fabric: Fabric) -> Attributes:
    embeddings = embed(objective.network, loader, flip=False, autocast=fabric.autocast, processes=objective.processes)
    identities = torch.from_numpy(loader.samples.identities)
    return discover_attributes(embeddings, identities, mining, objective.processes)
