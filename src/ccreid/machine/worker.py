"""Whether this process is one of several that torchrun's agent started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

NUMBERS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_PORT")
WORDS = ("MASTER_ADDR", "TORCHELASTIC_RUN_ID")


@dataclass(frozen=True)
class Worker:
    """A process among those of its run, as its surroundings say; the device it computes on is decided later.

    Attributes
    ----------
    rank, count:
        Its number, from 0, and how many there are.
    local_count:
        How many of them are on this machine.
    """

    rank: int
    count: int
    local_count: int

    @property
    def leads(self) -> bool:
        """Whether this is the one that does the talking."""
        return self.rank == 0


def this_worker(environment: Mapping[str, str] | None = None) -> Worker | None:
    """What the agent says of this process; None where it is alone.

    Kubernetes, SLURM and others set some of these variables for purposes of their own: only all of them together,
    with numbers that fit one another, are the agent's.

    Parameters
    ----------
    environment:
        Its variables; None reads those of this process, as they are now.
    """
    variables = os.environ if environment is None else environment
    if not all(variables.get(name) for name in WORDS):
        return None
    said = [variables.get(name, "") for name in NUMBERS]
    if not all(text.isdecimal() for text in said):
        return None
    rank, local_rank, count, local_count, _port = map(int, said)
    fitting = rank < count and local_rank < local_count and local_rank <= rank and count % max(local_count, 1) == 0
    return Worker(rank, count, local_count) if fitting and count > 1 else None
