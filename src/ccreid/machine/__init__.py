"""What the computer is and does: devices, seeds, processes, files, progress, provenance."""
