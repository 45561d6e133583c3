"""Random numbers for every purpose of a set of people, so that no draw disturbs another."""

from __future__ import annotations

import zlib

import numpy as np


def draws(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """A generator for one purpose of a set, whatever was drawn before and in whichever process.

    Parameters
    ----------
    seed:
        Of the set, at least 0.
    purpose:
        What is drawn, such as "person".
    numbers:
        Which one, at least 0 each.
    """
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), *numbers]))
