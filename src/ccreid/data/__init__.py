"""Pictures become batches of tensors."""
