"""Crops of people with their embeddings, as files."""
