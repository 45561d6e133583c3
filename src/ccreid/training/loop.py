"""The training loop of FIRe²."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from lightning_fabric import Fabric

from ccreid.data.loaders import PlainLoader, TrainLoader
from ccreid.errors import InterruptedRun
from ccreid.method import Mining, Objective, discover_attributes
from ccreid.model.embedding import embed
from ccreid.model.network import Network
from ccreid.runtime import StopRequest, derive_seed, generator
from ccreid.training.checkpoint import Checkpoints, Position
from ccreid.training.journal import Journal
from ccreid.training.optimizer import Optimizer
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
    schedule:
        Learning rates.
    reset_optimizer_each_epoch:
        Forget Adam's moments at every epoch after e0, as the reference does.
    seed:
        Of every draw.
    """

    epochs: int = 80
    attributes_from: int = 25
    mining: Mining = field(default_factory=Mining)
    schedule: Schedule = field(default_factory=Schedule)
    reset_optimizer_each_epoch: bool = True
    seed: int = 0


def train(
    objective: Objective,
    train_loader: TrainLoader,
    plain_loader: PlainLoader,
    plan: Plan,
    *,
    fabric: Fabric,
    optimizer: Optimizer,
    checkpoints: Checkpoints,
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
    compute = fabric.setup_module(objective)
    position = checkpoints.restore(objective, optimizer)
    with open_journal(position) as journal, StopRequest() as stop:
        for epoch in range(position.epoch, plan.epochs):
            objective.warming_up = epoch < plan.attributes_from
            if position.step == 0 and not objective.warming_up:
                if objective.needs_attributes:
                    embeddings = embed(objective.network, plain_loader, flip=False, autocast=fabric.autocast)
                    identities = torch.from_numpy(plain_loader.samples.identities)
                    attributes = discover_attributes(embeddings, identities, plan.mining)
                    objective.assign(attributes)
                    journal.mined(epoch, len(attributes))
                optimizer.reset() if plan.reset_optimizer_each_epoch else optimizer.follow_parameters()
            train_loader.sampler.follow(objective.attributes_of_images)
            learning_rate = plan.schedule.rate(epoch)
            optimizer.set_rate(learning_rate)
            for step, batch in train_loader.epoch(epoch, first=position.step):
                torch.manual_seed(derive_seed(plan.seed, "network", epoch, step))  # for dropout and its like
                terms = compute(batch, generator(plan.seed, "donors", epoch, step))
                optimizer.step(terms.total)
                journal.step(epoch, step, terms, learning_rate)
                if stop.requested:
                    checkpoints.save(Position(epoch, step + 1), objective, optimizer)
                    raise InterruptedRun(f"Stopped in epoch {epoch + 1} of {plan.epochs}, after step {step + 1}.")
            journal.epoch(epoch, validation=on_epoch_end(epoch, objective.network))
            position = Position(epoch + 1)
            checkpoints.save(position, objective, optimizer)
