"""Seeds for every purpose of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive_seed(seed: int, *path: str | int) -> int:
    """A seed for one purpose, in [0, 2^63): every place that draws has its own, so no draw disturbs another.

    Parameters
    ----------
    seed:
        The run's seed.
    path:
        What it is for, for example ("donors", epoch, step).
    """
    plain = [part if isinstance(part, str) else int(part) for part in (seed, *path)]  # NumPy's integers print otherwise
    digest = hashlib.blake2b(repr(tuple(plain)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, *path: str | int) -> torch.Generator:
    """A generator on the CPU for one purpose. See :func:`derive_seed`."""
    return torch.Generator().manual_seed(derive_seed(seed, *path))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generator of the CPU for a block; afterwards it is as it was.

    For libraries that draw from it only, such as torchvision's transforms and the initialisation of layers.
    """
    state = torch.random.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.random.set_rng_state(state)
