"""Statistics about numbers."""
