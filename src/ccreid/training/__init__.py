"""The loop, its schedule, its checkpoints and its journal."""
