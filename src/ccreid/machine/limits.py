"""How much memory and disk is used where nobody says how much, or says too much."""

from __future__ import annotations

BATCH_IMAGES = 64
"""Images that are embedded at once."""
CACHE_GB = 8.0
"""Disk for decoded pictures."""
LARGEST_PX = 4096
"""Height and width that a network's input may have: no crop of a person is larger."""
LARGEST_COUNT = 10**6
"""Of whatever a recipe counts (epochs, people, neighbours, processes): more is a slip, and would fill any memory."""
